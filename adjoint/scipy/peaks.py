"""Peaks of signals: SciPy says where they are, and what is measured there has derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.ops.elementwise.choice import maximum, stop_gradient, where
from adjoint.ops.indexing.indexing import take
from adjoint.scipy.common import constant, floating

__all__ = ["find_peaks", "peak_prominences", "peak_widths"]


def _values(name: str, x: Tensor) -> Any:
    if x.ndim != 1:
        raise ShapeError(f"{name}: x must be a vector, got shape {x.shape}")
    return constant(name, "x", stop_gradient(x)).astype(np.float64)


def _plain(name: str, argument: str, condition: Any) -> Any:
    """A condition, or a pair of bounds, as plain numbers: which peaks there are moves in steps."""
    if isinstance(condition, Tensor):
        plain = constant(name, argument, stop_gradient(condition))
        return plain if plain.ndim else plain.item()
    if isinstance(condition, (list, tuple)):
        return type(condition)(_plain(name, argument, c) for c in condition)
    return condition


def _at(x: Tensor, places: Any) -> Tensor:
    return take(x, np.asarray(places, np.int64), axis=0)


def _prominences(x: Tensor, peaks: Any, left: Any, right: Any) -> Tensor:
    return as_tensor(_at(x, peaks) - maximum(_at(x, left), _at(x, right)))


def _crossings(x: Tensor, values: Any, heights: Tensor, found: Any, towards: int) -> Tensor:
    """Where the signal crosses heights, between the element that SciPy found and the next."""
    inner = (np.floor if towards > 0 else np.ceil)(found).astype(np.int64)
    below = values[inner] < constant("peaks", "heights", stop_gradient(heights))
    other = np.where(below, inner + towards, inner)
    rise = where(below, _at(x, other) - _at(x, inner), 1.0)
    share = where(below, (heights - _at(x, inner)) / rise, 0.0)
    return as_tensor(from_array(inner.astype(x.dtype)) + towards * share)


def _widths(
    x: Tensor, values: Any, peaks: Any, prominences: Tensor, rel_height: Any, ends: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    heights = as_tensor(_at(x, peaks) - prominences * rel_height)
    left, right = (
        _crossings(x, values, heights, end, towards)
        for end, towards in zip(ends, (1, -1), strict=True)
    )
    return right - left, heights, left, right


def find_peaks(
    x: Any,
    height: Any = None,
    threshold: Any = None,
    distance: Any = None,
    prominence: Any = None,
    width: Any = None,
    wlen: Any = None,
    rel_height: float = 0.5,
    plateau_size: Any = None,
) -> tuple[Any, dict[str, Any]]:
    """The places of peaks, as integers, and what was measured at them.

    Heights, thresholds, prominences and widths have derivatives by `x`.

    >>> import adjoint as ad
    >>> from adjoint.scipy.signal import find_peaks
    >>> find_peaks(ad.asarray([0.0, 2.0, 1.0, 3.0, 0.0]), height=1.0)[1]["peak_heights"]
    Tensor([2., 3.])
    """
    name = "scipy.signal.find_peaks"
    x = floating(x)
    values = _values(name, x)
    given = {
        "height": height,
        "threshold": threshold,
        "distance": distance,
        "prominence": prominence,
        "width": width,
    }
    plain = {key: _plain(name, key, c) for key, c in given.items()}
    peaks, found = import_module("scipy.signal").find_peaks(
        values, **plain, wlen=wlen, rel_height=rel_height, plateau_size=plateau_size
    )
    if "peak_heights" in found:
        found["peak_heights"] = _at(x, peaks)
    if "left_thresholds" in found:
        found["left_thresholds"] = _at(x, peaks) - _at(x, peaks - 1)
        found["right_thresholds"] = _at(x, peaks) - _at(x, peaks + 1)
    if "prominences" in found:
        bases = found["left_bases"], found["right_bases"]
        found["prominences"] = _prominences(x, peaks, *bases)
    if "widths" in found:
        ends = found["left_ips"], found["right_ips"]
        several = _widths(x, values, peaks, found["prominences"], rel_height, ends)
        found |= zip(("widths", "width_heights", "left_ips", "right_ips"), several, strict=True)
    return peaks, found


def peak_prominences(x: Any, peaks: Any, wlen: Any = None) -> tuple[Tensor, Any, Any]:
    """How far peaks rise above the higher of the valleys beside them, and where these are.

    >>> from adjoint.scipy.signal import peak_prominences
    >>> peak_prominences([0.0, 2.0, 1.0, 3.0, 0.0], [1, 3])[0]
    Tensor([1., 3.])
    """
    name = "scipy.signal.peak_prominences"
    x = floating(x)
    places = constant(name, "peaks", peaks)
    _, left, right = import_module("scipy.signal").peak_prominences(_values(name, x), places, wlen)
    return _prominences(x, places, left, right), left, right


def peak_widths(
    x: Any, peaks: Any, rel_height: float = 0.5, prominence_data: Any = None, wlen: Any = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The widths of peaks, in samples, at which heights, and from where to where.

    >>> from adjoint.scipy.signal import peak_widths
    >>> peak_widths([0.0, 2.0, 1.0, 3.0, 0.0], [3])[0]
    Tensor([1.25])
    """
    name = "scipy.signal.peak_widths"
    x = floating(x)
    values, places = _values(name, x), constant(name, "peaks", peaks)
    given = prominence_data or peak_prominences(x, places, wlen)
    plain = tuple(constant(name, "prominence_data", stop_gradient(as_tensor(p))) for p in given)
    found = import_module("scipy.signal").peak_widths(values, places, rel_height, plain, wlen)
    prominences = as_tensor(given[0], x.dtype)
    return _widths(x, values, places, prominences, rel_height, found[2:])
