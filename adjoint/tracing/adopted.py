"""Objects that SciPy made outside of the traced function: interpolants, frozen distributions.

They are called with what is differentiated, so one of adjoint's is made of what they hold.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.tracing import rotations, sparse_constants
from adjoint.tracing.constants import holds_tensor
from adjoint.tracing.polynomials import is_series, traced_object
from adjoint.tracing.reads import holds, same, saved_of


class _Made:
    """What was made of an object of SciPy's, which it does not hold."""

    __slots__ = ("held", "own")

    def __init__(self) -> None:
        self.own: Any = None
        self.held: Any = None
        """What the object held when that was made, as the user may write into it."""


class Adopted:
    """An object of SciPy's: itself, or adjoint's of the same kind where a tensor is given."""

    __slots__ = ("_find", "_make", "_made", "_real")

    def __init__(
        self, real: Any, make: Callable[..., Any], find: Callable[[str], Any], made: _Made
    ) -> None:
        self._real = real
        self._make = make
        self._find = find
        self._made = made

    def _of_tensors(self, name: str) -> Any:
        made, parts = self._made, _parts(self._real)
        if made.own is None or not _is_as(parts, made.held):
            made.own, made.held = self._make(self._real, self._find), _saved(parts)
        return getattr(made.own, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._choose("__call__", self._real, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found) or name.startswith("_"):
            return found
        return lambda *args, **kwargs: self._choose(name, found, args, kwargs)

    def _choose(self, name: str, real: Any, args: Any, kwargs: Any) -> Any:
        if holds_tensor((*args, *kwargs.values())):
            return self._of_tensors(name)(*args, **kwargs)
        return adopted(real(*args, **kwargs), self._find)  # a derivative, which is called next

    def __repr__(self) -> str:
        return repr(self._real)


def _parts(x: Any) -> dict[str, Any]:
    """What an object holds, by name."""
    slots = [name for kind in type(x).__mro__ for name in vars(kind).get("__slots__", ())]
    own = {name: getattr(x, name) for name in slots if name[:2] != "__" and hasattr(x, name)}
    return own | getattr(x, "__dict__", {})


def _saved(x: Any) -> tuple[Any, Any]:
    """The type of `x`, and what it holds, with copies of what may be written into."""
    kind = type(x)
    if kind is dict:
        return kind, {key: _saved(part) for key, part in x.items()}
    if kind in (list, tuple):
        return kind, [_saved(part) for part in x]
    return kind, saved_of(x) if kind is np.ndarray else x


def _is_as(x: Any, saved: tuple[Any, Any]) -> bool:
    """Whether `x` is as it was when it was saved."""
    kind, held = saved
    if type(x) is not kind:
        return False
    if kind is dict:
        return x.keys() == held.keys() and all(_is_as(x[key], held[key]) for key in held)
    if kind in (list, tuple):
        return len(x) == len(held) and all(map(_is_as, x, held))
    if kind is np.ndarray:
        return holds(x, held)
    return x is held or same(x, held)


def _piecewise(x: Any, find: Callable[[str], Any]) -> Any:
    return find("scipy.interpolate.PPoly")(x.c, x.x, x.extrapolate, x.axis)


def _bspline(x: Any, find: Callable[[str], Any]) -> Any:
    return find("scipy.interpolate.BSpline")(x.t, x.c, x.k, x.extrapolate, x.axis)


def _interp1d(x: Any, find: Callable[[str], Any]) -> Any:
    make = find("scipy.interpolate.interp1d")
    options = {"bounds_error": x.bounds_error, "fill_value": x.fill_value, "axis": x.axis}
    return make(x.x, x.y, kind=x._kind, **options)


def _grid(x: Any, find: Callable[[str], Any]) -> Any:
    make = find("scipy.interpolate.RegularGridInterpolator")
    return make(x.grid, x.values, x.method, x.bounds_error, x.fill_value)


def _scattered(x: Any, find: Callable[[str], Any]) -> Any:
    make = find("scipy.interpolate.LinearNDInterpolator")
    values = x.values.reshape(-1, *x.values_shape)
    if x.scale is None:
        return make(x.tri, values, x.fill_value)
    return make(x.points * x.scale + x.offset, values, x.fill_value, rescale=True)


def _frozen(x: Any, find: Callable[[str], Any]) -> Any:
    return find(f"scipy.stats.{x.dist.name}")(*x.args, **x.kwds)


def _normal(x: Any, find: Callable[[str], Any]) -> Any:
    return find("scipy.stats.multivariate_normal")(x.mean, x.cov)


def _of_one(x: Any, find: Callable[[str], Any]) -> Any:
    return find("scipy.interpolate.InterpolatedUnivariateSpline").of_scipy(x)


def _of_two(x: Any, find: Callable[[str], Any]) -> Any:
    return find("scipy.interpolate.RectBivariateSpline").of_scipy(x)


_MAKERS: dict[str, Callable[[Any, Callable[[str], Any]], Any]] = {
    "PPoly": _piecewise,
    "BSpline": _bspline,
    "interp1d": _interp1d,
    "RegularGridInterpolator": _grid,
    "LinearNDInterpolator": _scattered,
    "UnivariateSpline": _of_one,
    "BivariateSpline": _of_two,
    "rv_frozen": _frozen,
    "multivariate_normal_frozen": _normal,
}
"""By the name of a class of SciPy's: what of adjoint's to make of an object."""

_known: weakref.WeakKeyDictionary[Any, _Made] = weakref.WeakKeyDictionary()


def adopted(real: Any, find: Callable[[str], Any]) -> Any:
    """What an object of SciPy's means, where `find` gives adjoint's by name; or itself."""
    if is_series(type(real)):
        return traced_object(real)
    seen = rotations.constant(sparse_constants.constant(real))
    if seen is not real:
        return seen
    maker = next((_MAKERS[k.__name__] for k in type(real).__mro__ if k.__name__ in _MAKERS), None)
    if maker is None or (maker is _frozen and find(f"scipy.stats.{real.dist.name}") is None):
        return real
    made = _known.get(real)
    if made is None:
        made = _known[real] = _Made()
    return Adopted(real, maker, find, made)
