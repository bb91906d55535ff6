"""NumPy's classes of polynomials in traced code: their objects are called with tensors, too."""

from __future__ import annotations

import functools
from typing import Any

from adjoint.graph import calls
from adjoint.graph.tensor import as_tensor
from adjoint.tracing.constants import holds_tensor

_HOME = "numpy.polynomial."
_KINDS = frozenset({"Polynomial", "Chebyshev", "Legendre", "Hermite", "HermiteE", "Laguerre"})


def is_series(cls: type) -> bool:
    """Whether `cls` is one of NumPy's classes of polynomials."""
    return cls.__name__ in _KINDS and cls.__module__.startswith(_HOME)


@functools.cache
def traced_class(real: type) -> type:
    """A subclass of a class of polynomials, whose objects can be called with tensors."""
    kind = real.__name__
    start: Any = real.__init__  # type: ignore[misc]

    def init(self: Any, coef: Any, *args: Any, **kwargs: Any) -> None:
        traced = holds_tensor((coef,))
        start(self, [0.0] if traced else coef, *args, **kwargs)
        if traced:
            self.coef = as_tensor(coef)

    def call(self: Any, arg: Any) -> Any:
        if holds_tensor((arg, self.coef)):
            return calls.series_at(kind, self, arg)
        return real.__call__(self, arg)

    def coefficients(self: Any, other: Any) -> Any:
        """NumPy's way to look at an operand: one of the class itself is as good."""
        same = traced_object(other) if type(other) is real else other
        return real._get_coefficients(self, same)  # type: ignore[attr-defined]

    own = {"__init__": init, "__call__": call, "_get_coefficients": coefficients}
    return type(kind, (real,), own | {"__module__": real.__module__, "__doc__": real.__doc__})


def traced_object(real: Any) -> Any:
    """A polynomial of the traced class that is `real`: it shares all that this holds."""
    kind: type = type(real)
    made: Any = object.__new__(traced_class(kind))
    made.__dict__ = real.__dict__
    return made
