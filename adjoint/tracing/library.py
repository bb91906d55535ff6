"""SciPy's own code, traced as it is written, where it is Python and has no counterpart.

Nothing can be lost in it: a value that leaves the graph in SciPy's code raises as in the user's. In
place of NumPy it is given adjoint as the namespace of arrays.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from adjoint.errors import AdjointError, NotDifferentiableError
from adjoint.graph.caller import public_name
from adjoint.tracing import classes, namespaces, queries, rebinding, rotations
from adjoint.tracing.constants import tracing
from adjoint.tracing.rebinding import Globals, copy_of, is_users, meaning, package_of


class LibraryGlobals(Globals):
    """Those of a module of SciPy's, in whose tables functions have their meaning, too."""

    __slots__ = ()

    def __init__(self, real: dict[str, Any], package: str, readers: frozenset[str]) -> None:
        super().__init__(real, package, readers)
        dict.__getitem__(self, "__builtins__").ours["float"] = queries.FloatOf

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        return self._with_meanings(value) if type(value) is dict else value

    def _with_meanings(self, table: Any) -> Any:
        """A table, or an entry of it, with the meaning of each function that stands in it."""
        if type(table) is dict:
            meant = {key: self._with_meanings(x) for key, x in table.items()}
            return table if all(meant[key] is x for key, x in table.items()) else meant
        if type(table) in (list, tuple):
            parts = [self._with_meanings(x) for x in table]
            same = all(a is b for a, b in zip(parts, table, strict=True))
            return table if same else type(table)(parts)
        return meaning(table, self.package) if type(table) is FunctionType else table


def _copied_function(f: Any) -> Any:
    """The copy of a function of SciPy's; itself, if there can be none."""
    if type(f) is not FunctionType or isinstance(f.__globals__, Globals):
        return f
    if package_of(f.__globals__) != "scipy":
        return f
    return copy_of(f)


_UNTRACED = frozenset({"kappa4_gen", "pearson3_gen", "ksone_gen", "kstwo_gen"})
"""Distributions that are not traced. The first two have another formula where a parameter is 0, and
it does not stand there, so that its derivative would be 0; the others loop in C."""


def _of_traced_library(cls: type) -> bool:
    if cls.__name__ in _UNTRACED:
        return False
    return namespaces.is_traced_as_written(cls.__module__)


def _library_twin(cls: type) -> type | None:
    """The twin of a class of SciPy's, or None if there can be none."""
    if not tracing.depth or not classes.can_have_twin(cls, _of_traced_library):
        return None
    return classes.twin_of(cls, _copied_function)


def _lent_object(x: Any) -> Any:
    """An object of SciPy's that is called with tensors until the traced call ends."""
    return classes.lend(x, _library_twin)


def refusal(error: Exception) -> NotDifferentiableError | None:
    """The error to raise where SciPy's code says that it takes no tensors; None for others."""
    if isinstance(error, AdjointError) or not isinstance(error, _OF_CLASSES):
        return None
    step, place = error.__traceback__, ""
    while step is not None:
        inside, name = step.tb_frame, step.tb_frame.f_code.co_qualname
        module = str(inside.f_globals.get("__name__"))
        if is_users(inside.f_globals, None):
            place = ""  # SciPy called back
        elif module.startswith("scipy.") and inside.f_code.co_filename.endswith(".py"):
            place = place if place and name.startswith("_") else public_name(module, name)
        step = step.tb_next
    if not place or not ("Tensor" in str(error) or isinstance(error, AttributeError)):
        return None
    return NotDifferentiableError(
        f"{place} takes no tensors ({str(error).splitlines()[0]}); write it with other "
        f"operations, or take it of adjoint.stop_gradient(x) where no derivative is meant"
    )


_OF_CLASSES = (AttributeError, KeyError, NotImplementedError, TypeError)
"""What C code, and code that asks for attributes of arrays, raises."""


def enter() -> None:
    """Have names of SciPy's mean copies, twins and objects of twins."""
    namespaces.copied_function = _copied_function
    namespaces.copied_class = rotations.class_of = _library_twin
    namespaces.lent_object = _lent_object
    rebinding.KINDS["scipy"] = LibraryGlobals
