"""Checking a rule that a user stated, against differences and against its own transpose."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.api.arguments import function_name
from adjoint.api.check import GradientReport, check_gradients
from adjoint.api.custom_rules import WithRule, custom_jvp, custom_vjp
from adjoint.api.derivatives import jvp, vjp
from adjoint.api.own_operations import OwnOperation
from adjoint.api.tree import flatten
from adjoint.errors import ArgumentError, GradientMismatchError, NotDifferentiableError
from adjoint.graph.tensor import as_tensor
from adjoint.graph.types import is_inexact

_DOT_TOLERANCE = 1e4
"""How many units in the last place ⟨v, J t⟩ and ⟨Jᵀ v, t⟩ may differ by: both are rounded sums."""


def check_rule(
    f: Any, *args: Any, order: int = 1, rtol: float | None = None, atol: float | None = None
) -> GradientReport:
    """Check the rule of a `custom_jvp`, `custom_vjp` or `op` function at `args`; raise if wrong.

    Compares the value that the rule returns with that of the function, the derivatives in both
    modes with differences (as `check_gradients`, whose report comes back), and ⟨v, J t⟩ with
    ⟨Jᵀ v, t⟩, which finds a rule that is not linear. Of an `op` with one rule, which calls what
    cannot be transposed, that mode alone is compared. Raises `GradientMismatchError` that says
    which of these failed. `order`, `rtol`, `atol` are as in `check_gradients`.

    >>> import adjoint as ad
    >>> f = ad.custom_jvp(lambda x: ad.sin(x))
    >>> f.defjvp(lambda p, t: (f(*p), ad.cos(*p) * t[0])) is None
    False
    >>> ad.check_rule(f, 1.0).agrees
    True
    """
    if not isinstance(f, WithRule):
        raise ArgumentError(
            f"check_rule: expected a function made by custom_jvp, custom_vjp or op, got "
            f"{type(f).__name__}; for other functions there is check_gradients"
        )
    given = f.positional("check_rule", args, {})
    moving = [n for n, x in enumerate(given) if n not in f.nondiff_argnums and _moves(x)]
    if not moving:
        raise ArgumentError(f"check_rule: no argument of {function_name(f)} has a derivative")

    def of_moving(*own: Any) -> Any:
        found = list(given)
        for n, x in zip(moving, own, strict=True):
            found[n] = x
        return f(*found)

    of_moving.__name__ = function_name(f)
    own = tuple(given[n] for n in moving)
    if not isinstance(f, OwnOperation):  # its rules return no value
        _check_value(f, given)
    try:
        report = check_gradients(of_moving, own, order, rtol=rtol, atol=atol)
    except NotDifferentiableError:
        modes = f.rules if isinstance(f, OwnOperation) else ()
        if len(modes) != 1:
            raise
        # What the rule calls cannot be transposed, so that there is the one mode only.
        mode = "reverse" if "vjp" in modes else "forward"
        return check_gradients(of_moving, own, order, mode, rtol=rtol, atol=atol)
    _dot_test(of_moving, own)
    return report


def _moves(tree: Any) -> bool:
    """Whether all leaves of an argument have derivatives."""
    leaves = flatten(tree)[0]
    return bool(leaves) and all(
        type(x) in (int, float, complex) or is_inexact(as_tensor(x).node.dtype) for x in leaves
    )


def _check_value(f: Any, args: Any) -> None:
    """Raise if the rule returns another value than the function."""
    fixed = [args[n] for n in f.nondiff_argnums]
    own = tuple(x for n, x in enumerate(args) if n not in f.nondiff_argnums)
    if isinstance(f, custom_vjp):
        assert f.fwd is not None
        value, part = f.fwd(*args)[0], "fwd"
    else:
        assert isinstance(f, custom_jvp) and f.rule is not None
        value, part = f.rule(*fixed, own, own)[0], "rule"
    for a, b in zip(flatten(value)[0], flatten(f(*args))[0], strict=True):
        x, y = np.asarray(a), np.asarray(b)
        if not np.allclose(x, y, rtol=1e-6 if x.dtype.itemsize <= 4 else 1e-12, equal_nan=True):
            raise GradientMismatchError(
                f"check_rule: the {part} of {function_name(f)} returns a value of {x}, the "
                f"function {y}"
            )


def _dot_test(f: Any, args: tuple[Any, ...]) -> None:
    """Raise unless ⟨v, J t⟩ = ⟨Jᵀ v, t⟩ for random v and t."""
    rng = np.random.default_rng(0)
    tangents = tuple(_random_like(x, rng) for x in args)
    value, pushed = jvp(f, args, tangents)
    adjoint = _random_like(value, rng)
    shares = vjp(f, *args)[1](adjoint)
    left, size, eps = _product(adjoint, pushed)
    right, *_ = _product(shares, tangents)
    if not abs(left - right) <= _DOT_TOLERANCE * eps * max(size, abs(left), abs(right)):
        raise GradientMismatchError(
            f"check_rule: the two modes of {function_name(f)} disagree: ⟨v, J t⟩ = {left:.10g}, "
            f"but ⟨Jᵀ v, t⟩ = {right:.10g}; the rule is not linear in what it is given"
        )


def _random_like(tree: Any, rng: np.random.Generator) -> Any:
    leaves, structure = flatten(tree)
    found = []
    for leaf in leaves:
        dtype = as_tensor(leaf).node.dtype
        x = rng.normal(size=np.shape(leaf))
        if dtype.kind == "c":
            x = x + 1j * rng.normal(size=np.shape(leaf))
        found.append(np.asarray(x, dtype if is_inexact(dtype) else np.float64))
    return structure.unflatten(found)


def _product(a: Any, b: Any) -> tuple[float, float, float]:
    """The real part of the product of two trees (Σ ā b), the sum of sizes, the precision."""
    total, size, eps = 0.0, 0.0, 0.0
    for x, y in zip(flatten(a)[0], flatten(b)[0], strict=True):
        terms = np.conj(np.asarray(x)) * np.asarray(y)
        total += float(np.sum(terms).real)
        size += float(np.sum(np.abs(terms)))
        if is_inexact(terms.dtype):
            eps = max(eps, float(np.finfo(terms.dtype).eps))
    return total, size, eps
