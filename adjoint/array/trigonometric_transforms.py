"""Discrete cosine and sine transforms of the types 1 to 4, as in ``scipy.fft``. Composites."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array.fft import count_of, fitted, norm_of, plan_of
from adjoint.errors import RangeError
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import to_inexact, to_real
from adjoint.ops.signal.fourier import trigonometric

__all__ = ["dct", "dctn", "dst", "dstn", "idct", "idctn", "idst", "idstn"]

_INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}
_ROOT = 2**0.5


def _weighted(x: Tensor, axis: int, places: tuple[int, ...], by: float) -> Tensor:
    """`x` with what stands at `places` along `axis` multiplied."""
    weights = np.ones(x.shape[axis], to_real(x.dtype))
    weights[list(places)] *= by
    result: Tensor = x * from_array(weights.reshape((-1,) + (1,) * (x.ndim - axis - 1)))
    return result


def _ends(function: str, type: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What an orthogonal transform multiplies by √2 before, and divides by it after."""
    edge = 0 if function == "dct" else -1
    if type == 1 and function == "dct":
        return (0, -1), (0, -1)
    return {2: ((), (edge,)), 3: ((edge,), ())}.get(type, ((), ()))


def _one(
    name: str, x: Tensor, type: int, axis: int, norm: str, inverse: bool, orthogonal: bool
) -> Tensor:
    """The transform along one axis, in its full size."""
    function = name.strip("in")
    count = x.shape[axis]
    if function == "dct" and type == 1 and count < 2:
        raise RangeError(f"{name}: type 1 needs at least 2 points, got {count}")
    kind = _INVERSE[type] if inverse else type
    before, after = _ends(function, kind) if orthogonal else ((), ())
    if before:
        x = _weighted(x, axis, before, _ROOT)
    found = trigonometric(x, function, kind, axis)
    if after:
        found = _weighted(found, axis, after, 1 / _ROOT)
    whole = 2 * (count + (0 if type != 1 else -1 if function == "dct" else 1))
    part = {"backward": inverse, "ortho": 0.5, "forward": not inverse}[norm]
    return found * whole ** -float(part) if part else found


def _several(
    name: str, x: Any, type: Any, s: Any, axes: Any, norm: Any, orthogonalize: Any, inverse: bool
) -> Tensor:
    x = as_tensor(x)
    x = as_tensor(x, to_inexact(x.dtype))
    if type not in _INVERSE:
        raise RangeError(f"{name}: type must be 1, 2, 3 or 4, got {type!r}")
    norm = norm_of(name, norm)
    orthogonal = norm == "ortho" if orthogonalize is None else bool(orthogonalize)
    for axis, count in zip(*plan_of(name, x, s, axes), strict=True):
        x = _one(name, fitted(x, axis, count), type, axis, norm, inverse, orthogonal)
    return Tensor(x.node)


def _along(name: str, what: str, inverse: bool) -> Callable[..., Tensor]:
    def transform(
        x: Any,
        type: int = 2,
        n: int | None = None,
        axis: int = -1,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: Any = None,
        orthogonalize: bool | None = None,
    ) -> Tensor:
        count = -1 if n is None else count_of(name, n, 1)
        return _several(name, x, type, (count,), (axis,), norm, orthogonalize, inverse)

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"""The {what} of a type from 1 to 4 along `axis`.

    n: how many points, cut off or filled up with zeros. norm: "backward", "ortho" or "forward", the
    factor. orthogonalize: whether the matrix is orthogonal but for a factor, by default with
    "ortho". overwrite_x and workers are of no effect. Raises `ShapeError`, `RangeError`.
    """
    return transform


def _along_several(name: str, what: str, inverse: bool) -> Callable[..., Tensor]:
    def transform(
        x: Any,
        type: int = 2,
        s: Any = None,
        axes: Any = None,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        orthogonalize: bool | None = None,
    ) -> Tensor:
        return _several(name, x, type, s, axes, norm, orthogonalize, inverse)

    transform.__name__ = transform.__qualname__ = name
    transform.__doc__ = f"""The {what} along several `axes`, by default all; see `{name[:-1]}`."""
    return transform


dct = _along("dct", "discrete cosine transform", False)
idct = _along("idct", "inverse of the discrete cosine transform", True)
dst = _along("dst", "discrete sine transform", False)
idst = _along("idst", "inverse of the discrete sine transform", True)
dctn = _along_several("dctn", "discrete cosine transform", False)
idctn = _along_several("idctn", "inverse of the discrete cosine transform", True)
dstn = _along_several("dstn", "discrete sine transform", False)
idstn = _along_several("idstn", "inverse of the discrete sine transform", True)
