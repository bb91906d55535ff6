"""NumPy's classes of polynomials in traced code: their coefficients may be tensors.

The traced class is a subclass, so that what NumPy's methods do with coefficients they do with those
of tensors. The static methods below them choose by what they are given.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph import calls, engine
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import to_inexact
from adjoint.ops.elementwise.choice import where
from adjoint.ops.reductions.extremum import max, min
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import reshape
from adjoint.tracing.constants import holds_tensor

_HOME = "numpy.polynomial."
_KINDS = frozenset({"Polynomial", "Chebyshev", "Legendre", "Hermite", "HermiteE", "Laguerre"})
_STATIC = ("add", "sub", "mul", "div", "pow", "der", "int", "line", "roots", "fromroots", "fit")
"""The static methods, after an underscore, on which NumPy's methods stand."""


def is_series(cls: type) -> bool:
    """Whether `cls` is one of NumPy's classes of polynomials."""
    return cls.__name__ in _KINDS and cls.__module__.startswith(_HOME)


class Series:
    """What a traced class of polynomials does in its own way where tensors are given."""

    _real: Any
    _roots: Any
    _fit: Any
    _fromroots: Any
    coef: Any
    domain: Any
    window: Any
    symbol: str

    def __init__(
        self, coef: Any, domain: Any = None, window: Any = None, symbol: str = "x"
    ) -> None:
        traced = {k: x for k, x in (("domain", domain), ("window", window)) if holds_tensor((x,))}
        plain = {k: x for k, x in (("domain", domain), ("window", window)) if k not in traced}
        series = holds_tensor((coef,))
        self._real.__init__(self, [0.0] if series else coef, **plain, symbol=symbol)
        if series:
            self.coef = _vector("coefficients", coef)
        for name, pair in traced.items():
            setattr(self, name, _vector(name, pair, 2))

    def __call__(self, arg: Any) -> Any:
        if isinstance(arg, Series) or is_series(type(arg)):
            return self._at_series(arg) if _is_traced(self) or _is_traced(arg) else self._plain(arg)
        if holds_tensor((arg, self.coef, self.domain, self.window)):
            return calls.series_at(self._real.__name__, self, arg)
        return self._plain(arg)

    def _plain(self, arg: Any) -> Any:
        return self._real.__call__(self, arg)

    def _at_series(self, arg: Any) -> Any:
        """The series of a series, by the recurrence of the basis."""
        step = calls.series_part("step", self._real)
        off, scale = _mapping(self.domain, self.window)
        x, one = arg * scale + off, type(arg)([1.0], arg.domain, arg.window, arg.symbol)
        before, member = one, one
        total = one * self.coef[0]
        for k in range(len(self.coef) - 1):
            a, b, d = step(k)
            following = (x * a + b) * member
            before, member = member, (following - before * d if k and d else following)
            total = total + member * self.coef[k + 1]
        return total

    def _get_coefficients(self, other: Any) -> Any:
        """NumPy's way to look at an operand: one of the class itself is as good."""
        if type(other) is self._real:
            other = traced_object(other)
        is_same = type(other) is type(self) and other.symbol == self.symbol
        if is_same and other.domain is self.domain and other.window is self.window:
            return other.coef  # a domain that is traced is not compared by its values
        return self._real._get_coefficients(self, other)

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, Tensor) and other.ndim == 0:
            return type(self)(self.coef / other, self.domain, self.window, self.symbol)
        return self._real.__truediv__(self, other)

    def roots(self) -> Any:
        if not _is_traced(self):
            return self._real.roots(self)
        off, scale = _mapping(self.window, self.domain)
        return self._roots(self.coef) * scale + off

    def trim(self, tol: Any = 0) -> Any:
        if not isinstance(self.coef, Tensor):
            return self._real.trim(self, tol)
        kept = np.flatnonzero(np.abs(engine.value_of(self.coef.node)) > tol)
        coef = self.coef[: int(kept[-1]) + 1] if kept.size else self.coef[:1] * 0
        return type(self)(coef, self.domain, self.window, self.symbol)

    @classmethod
    def fit(
        cls,
        x: Any,
        y: Any,
        deg: Any,
        domain: Any = None,
        rcond: Any = None,
        full: bool = False,
        w: Any = None,
        window: Any = None,
        symbol: str = "x",
    ) -> Any:
        if not holds_tensor((x, y, domain, w, window)):
            plain = cls._real.fit.__func__
            return plain(cls, x, y, deg, domain, rcond, full, w, window, symbol)
        window = cls.window if window is None else window
        if domain is None:
            domain = _around(as_tensor(x))
        elif isinstance(domain, list) and not domain:
            domain = cls.domain
        off, scale = _mapping(domain, window)
        found = cls._fit(as_tensor(x) * scale + off, y, deg, rcond=rcond, full=full, w=w)
        coef, status = found if full else (found, None)
        series = cls(coef, domain, window, symbol)
        return (series, status) if full else series

    @classmethod
    def fromroots(cls, roots: Any, domain: Any = (), window: Any = None, symbol: str = "x") -> Any:
        if not holds_tensor((roots, domain, window)):
            given = [] if type(domain) is tuple and not domain else domain
            return cls._real.fromroots.__func__(cls, roots, given, window, symbol)
        window = cls.window if window is None else window
        zeros = _vector("roots", roots)
        if domain is None:
            domain = _around(zeros)
        elif isinstance(domain, (list, tuple)) and not domain:
            domain = cls.domain
        off, scale = _mapping(domain, window)
        coef = cls._fromroots(zeros * scale + off) / scale**zeros.size
        return cls(coef, domain, window, symbol)


def _vector(name: str, x: Any, size: int | None = None) -> Tensor:
    """`x` as a new vector of floating numbers."""
    t = as_tensor(x)
    t = as_tensor(reshape(t, (-1,)) if t.ndim == 0 else t, to_inexact(t.dtype))
    if t.ndim != 1 or not t.size or (size is not None and t.size != size):
        count = "as many numbers as there are" if size is None else f"{size} numbers"
        raise ShapeError(f"numpy.polynomial: {name} must be a vector of {count}, got {t.shape}")
    return t.copy()


def _mapping(old: Any, new: Any) -> tuple[Any, Any]:
    """(a, b) such that a + b x takes one interval to another."""
    return np.polynomial.polyutils.mapparms(old, new)


def _around(x: Tensor) -> Tensor:
    """The least interval that holds `x`; of one point the interval of length 2 around it."""
    low, high = min(x), max(x)
    wide = where(low == high, 1.0, 0.0)
    return stack([low - wide, high + wide])


def _is_traced(series: Any) -> bool:
    return holds_tensor((series.coef, series.domain, series.window))


def _choosing(real: type, name: str) -> Any:
    """A static method: that of adjoint where tensors are given, else NumPy's."""
    own: Any = getattr(real, f"_{name}")

    def part(*args: Any, **kwargs: Any) -> Any:
        if holds_tensor((*args, *kwargs.values())):
            return calls.series_part(name, real)(*args, **kwargs)
        return own(*args, **kwargs)

    return staticmethod(part)


@functools.cache
def traced_class(real: type) -> type:
    """A subclass of a class of polynomials, whose coefficients may be tensors."""
    own: dict[str, Any] = {f"_{name}": _choosing(real, name) for name in _STATIC}
    own |= {"_real": real, "__module__": real.__module__, "__doc__": real.__doc__}
    return type(real.__name__, (Series, real), own)


def traced_object(real: Any) -> Any:
    """A polynomial of the traced class that is `real`: it shares all that this holds."""
    kind: type = type(real)
    made: Any = object.__new__(traced_class(kind))
    made.__dict__ = real.__dict__
    return made
