"""What would be lost: values that leave the graph while somebody differentiates by them.

``float(t)``, ``math.sin(t)``, ``numpy.asarray(t)``, ``array[i] = t`` and every library that
converts what it is given ask a tensor for a plain number or array. Nothing is traced through these,
so inside a transform they are errors that name who asked and the way out. Free is what can carry no
derivative: integers, truth values, comparisons, shapes, printing (`shown`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from adjoint.errors import LostDerivativeError, LostDerivativeWarning
from adjoint.graph import engine
from adjoint.graph.caller import Asker, asker, warn
from adjoint.graph.node import ALWAYS
from adjoint.graph.op import FUNCTIONS
from adjoint.graph.options import current
from adjoint.graph.types import is_inexact

if TYPE_CHECKING:
    from adjoint.graph.node import Node, Scope

_NUMBERS = frozenset({"float", "complex", "builtins.float", "builtins.complex"})
_METHODS = frozenset({"item", "numpy", "tolist", "__float__", "__array__"})
_CONVERTING = frozenset(
    f"numpy.{name}" for name in ("float16", "float32", "float64", "complex64", "complex128")
)
_DRAWS = {
    "permuted": "permutation",
    "rand": "uniform",
    "randint": "integers",
    "randn": "normal",
    "random": "uniform",
    "random_integers": "integers",
    "random_sample": "uniform",
    "shuffle": "permutation",
    "standard_cauchy": "cauchy",
    "standard_exponential": "exponential",
    "standard_gamma": "gamma",
    "standard_normal": "normal",
}
"""What stands for functions of numpy.random that have another name in adjoint.random."""
_NOT_KEYED = frozenset(
    {
        "bytes",
        "hypergeometric",
        "multivariate_hypergeometric",
        "tomaxint",
        "wald",
        "zipf",
    }
)
"""Functions of numpy.random for which adjoint.random has nothing."""
_COMPUTING = frozenset({"math", "cmath", "scipy"})
"""Packages that compute with what they ask for; others, such as matplotlib, may only show it."""

counterpart: Callable[[str], str | None] = lambda name: None
"""What stands for a function of another package, by its name; higher floors know more of them."""

is_tracing: Callable[[], bool] = lambda: False
"""Whether this thread traces a function of the user's; a higher floor knows."""


def losers(node: Node) -> list[Scope]:
    """The open transforms that would lose something if the value left the graph."""
    scope = node.scope
    if scope is None or scope.stopped or not is_inexact(node.dtype):
        return []
    return [member for member in scope.members if member.open and member.transform is not None]


def handed_out(node: Node) -> Any:
    """The value of a node for use outside the graph; an error where that would lose a derivative.

    Raises `LostDerivativeError`, or as the option `lost_derivatives` says.
    """
    if node.scope is not None:
        scopes = losers(node)
        if scopes:
            report(scopes, asker())
        elif is_of_variable(node):
            # Whoever has variables of his own may look at values, but a library computes with them.
            found = asker()
            if found.name.partition(".")[0] in _COMPUTING:
                report([], found)
    return engine.value_of(node)


def is_of_variable(node: Node) -> bool:
    """Whether one may still ask for the derivative of a node by a variable made by hand."""
    return node.scope is not None and ALWAYS in node.scope.members and is_inexact(node.dtype)


def report(scopes: Sequence[Scope], found: Asker) -> None:
    """Raise, warn, or let pass, as the option says."""
    mode = current().lost_derivatives
    if mode == "allow":
        return
    text = message(scopes[0].transform or "" if scopes else "adjoint.variable", found)
    if mode == "error":
        error = LostDerivativeError(text)
        for scope in scopes:
            scope.lost = scope.lost or error
        raise error
    warn(text, LostDerivativeWarning)


def message(transform: str, found: Asker) -> str:
    """Who asked, what would be lost, and the way out."""
    lost = "mapped over" if transform == "vmap" else "differentiated"
    where = f" ({found.place})" if found.place else ""
    return (
        f"{transform}: {found.shown} asks for the plain value of a tensor that is {lost}{where}; "
        f"nothing is traced through plain numbers and arrays, so what is computed from them would "
        f"count as constant. {_cure(found)}; where a plain number is meant, take it of "
        f"adjoint.stop_gradient(x)"
    )


def use_keyed_draw(name: str) -> str:
    """What to use in place of the function `name` of numpy.random."""
    known = (
        "a distribution of adjoint.random"
        if name in _NOT_KEYED
        else (f"adjoint.random.{_DRAWS.get(name, name)}")
    )
    return (
        f"Use {known}, whose first argument is a key of adjoint.random.key(seed); derivatives go "
        f"through the parameters of continuous distributions"
    )


def _cure(found: Asker) -> str:
    own = found.name.rpartition(".")[2]
    if found.writes_global:
        return (
            f"NumPy's functions are not traced in a function that writes a global, as this one "
            f"does {found.writes_global!r}: keep it in an attribute, a list or a nonlocal variable"
        )
    if found.name in _NUMBERS or own in _METHODS:
        return f"Compute with the tensor itself, without {own}()"
    if found.stores:
        return (
            "Fill an array made inside the function by numpy.zeros, numpy.array, x.copy() or "
            "adjoint.zeros, or put the parts together with adjoint.stack or adjoint.concat"
        )
    if found.reads_text:
        return (
            "Compute with the tensor itself; if the text holds another number, read it before the "
            "function is called"
        )
    if found.sequence:
        return (
            f"Write numpy.array({found.sequence}): beside an array NumPy makes plain numbers of a "
            f"list by itself"
        )
    if found.name in _CONVERTING:
        return f'Convert with x.astype("{own}")'
    if own in ("dot", "__matmul__") and not found.name.startswith("numpy."):
        return "Use numpy.matmul(frame, tensor), which takes both by position"
    if found.name.startswith("numpy.save"):
        return "Return it too (has_aux=True), and save it outside of the function"
    known = counterpart(found.name)
    if known is not None:
        return f"Use {known}, through which derivatives go"
    if found.name.startswith("numpy.random."):
        return use_keyed_draw(own)
    if found.name.startswith(("numpy.", "math.")):
        return f"Use adjoint.{own}" if own in FUNCTIONS else "Use adjoint's functions on tensors"
    if found.name.startswith("scipy."):
        return (
            "Use adjoint's or numpy's functions on the tensor itself, or set SCIPY_ARRAY_API=1 "
            "before SciPy is imported, with which many of SciPy's functions take tensors"
        )
    return "Use adjoint's or numpy's functions on the tensor itself"
