"""Values of an image between its elements, by splines, for ``scipy.ndimage``.

The coefficients of a spline through the elements are linear in them, and a value between is a sum
of few coefficients with weights that are polynomials of the place. So there are derivatives by the
image and by the places; where a polynomial meets the next (for order 1 at each element) the
derivative by the place is that of the piece above. Source: Unser, "Splines: a perfect fit for
signal and image processing", IEEE Signal Processing Magazine 16(6), 1999.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np

from adjoint.array.linalg.contraction import tensordot
from adjoint.errors import DTypeError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.ops.elementwise.arithmetic import remainder
from adjoint.ops.elementwise.choice import clip, where
from adjoint.ops.elementwise.comparison import logical_and
from adjoint.ops.elementwise.rounding import floor
from adjoint.ops.elementwise.trigonometric import cos, sin
from adjoint.ops.indexing.indexing import take
from adjoint.ops.shape.movement import astype, broadcast_to, reshape
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.scipy.common import constant, integer, real_dtype, refuse, unsupported
from adjoint.scipy.ndimage.correlations import axis_of, per_axis

MARGIN = 12
"""How far SciPy continues an image before it finds coefficients where these have no closed form."""


def _weights_1(t: Tensor) -> list[Any]:
    return [1 - t, t]


def _weights_2(t: Tensor) -> list[Any]:
    return [0.5 * (0.5 - t) ** 2, 0.75 - t**2, 0.5 * (0.5 + t) ** 2]


def _weights_3(t: Tensor) -> list[Any]:
    s = 1 - t
    middle = (4 - 6 * t**2 + 3 * t**3) / 6
    return [s**3 / 6, middle, (4 - 6 * s**2 + 3 * s**3) / 6, t**3 / 6]


WEIGHTS: dict[int, Callable[[Tensor], list[Any]]] = {
    0: lambda t: [t * 0 + 1],
    1: _weights_1,
    2: _weights_2,
    3: _weights_3,
}
"""By order, the weights of the coefficients around a place, which lies by t above one of them."""


def _mirror(x: Any, size: int) -> Any:
    period = max(2 * size - 2, 1)
    r = remainder(x, period)
    return where(r > size - 1, period - r, r) if size > 1 else x * 0


def _reflect(x: Any, size: int) -> Any:
    r = remainder(x, 2 * size)
    return where(r >= size, 2 * size - 1 - r, r)


def _wrap(x: Any, size: int) -> Any:
    span = max(size - 1, 1)
    below = x + span * (floor(-x / span) + 1)
    return where(x < 0, below, where(x > size - 1, x - span * floor(x / span), x))


PLACING: dict[str, Callable[[Any, int], Any]] = {
    "constant": lambda x, size: x,
    "grid-constant": lambda x, size: x,
    "nearest": lambda x, size: clip(x, 0, size - 1),
    "mirror": _mirror,
    "reflect": _reflect,
    "grid-mirror": _reflect,
    "wrap": _wrap,
    "grid-wrap": lambda x, size: remainder(x, size),
}
"""By mode, the place within the image that stands for one beyond its edges."""
OF_COEFFICIENTS = {"constant": "mirror", "wrap": "mirror"}
"""How coefficients go on beyond the edges where it is not as the mode says."""


def checked(name: str, order: Any, mode: str, output: Any) -> int:
    """The order, if it and the mode are known."""
    refuse(name, output=(output, None))
    number = integer(name, "order", order)
    if number not in WEIGHTS:
        raise unsupported(name, "order", order, "give an order from 0 to 3")
    if mode not in PLACING:
        raise unsupported(name, "mode", mode, f"give one of {', '.join(map(repr, PLACING))}")
    return number


def image(name: str, x: Any) -> Tensor:
    """`x` as a tensor of floating numbers, which it must hold: SciPy rounds others' results."""
    t = as_tensor(x)
    if t.dtype.kind in "biu":
        raise DTypeError(
            f"{name}: input has dtype {t.dtype}, to which SciPy rounds the result, so that there "
            f"is no derivative; convert it to floating numbers (astype)"
        )
    return t


def coefficients(x: Tensor, axis: int, order: int, mode: str) -> Tensor:
    """The coefficients of the spline through `x` along one axis, by the matrix that makes them."""
    if order < 2 or x.shape[axis] < 2:
        return x
    found = import_module("scipy.ndimage").spline_filter1d(
        np.eye(x.shape[axis]), order, 0, mode=mode
    )
    matrix = from_array(np.asarray(found, x.dtype if x.dtype.kind == "f" else np.float64))
    result: Tensor = moveaxis(tensordot(matrix, x, axes=((1,), (axis,))), 0, axis)
    return result


def sampled(
    x: Tensor, places: Sequence[Tensor], order: int, mode: str, cval: Any, prefilter: bool
) -> Tensor:
    """`x` at places, given by their coordinates along the first axes, in the shape of these."""
    dtype, axes = x.dtype, range(len(places))
    x = as_tensor(x, np.dtype(np.complex128 if dtype.kind == "c" else np.float64))
    inside: Any = True
    if mode == "constant":
        for at, size in zip(places, x.shape, strict=False):
            here = logical_and(at >= 0, at <= size - 1)
            inside = here if inside is True else logical_and(inside, here)
    if prefilter and order > 1:
        if mode in ("nearest", "grid-constant"):
            x = with_margin(x, len(places), mode, cval)
            places = [at + MARGIN for at in places]
        for axis in axes:
            x = coefficients(x, axis, order, mode)
    sizes, rest = x.shape[: len(places)], x.shape[len(places) :]
    of_each = [taps(at, n, order, mode) for at, n in zip(places, sizes, strict=True)]
    flat = reshape(x, (-1, *rest))
    total: Any = 0
    for chosen in product(*of_each):
        index: Any = 0
        weight, known = None, None
        for (tap, share, there), size in zip(chosen, sizes, strict=True):
            index = index * size + tap
            weight = share if weight is None else weight * share
            known = there if known is None or there is None else logical_and(known, there)
        value = take(flat, index, axis=0)
        if known is not None:
            value = where(spread(known, value), value, cval)
        total = total + spread(weight, value) * value
    result: Tensor = total if inside is True else where(spread(inside, total), total, cval)
    return as_tensor(result, dtype)


def taps(at: Tensor, size: int, order: int, mode: str) -> list[tuple[Tensor, Tensor, Any]]:
    """The coefficients around places: where they stand, their weights, and whether they exist."""
    place = PLACING[mode](at, size)
    low = floor(place if order % 2 else place + 0.5)
    mapped = PLACING[OF_COEFFICIENTS.get(mode, mode)]
    found = []
    for number, weight in enumerate(WEIGHTS[order](place - low)):
        tap = low + (number - order // 2)
        there = logical_and(tap >= 0, tap < size) if mode == "grid-constant" else None
        index = clip(mapped(tap, size), 0, size - 1)
        found.append((astype(index, np.int64), weight, there))
    return found


def with_margin(x: Tensor, count: int, mode: str, cval: Any) -> Tensor:
    """`x` continued by `MARGIN` elements on both sides of its first `count` axes."""
    for axis in range(count):
        size = x.shape[axis]
        numbers = np.arange(-MARGIN, size + MARGIN)
        x = take(x, np.clip(numbers, 0, size - 1), axis=axis)
        if mode == "grid-constant":
            there = ((numbers >= 0) & (numbers < size)).reshape(-1, *(1,) * (x.ndim - axis - 1))
            x = where(there, x, cval)
    return x


def spread(a: Any, like: Tensor) -> Any:
    """`a` with axes of size one behind, so that it has as many as `like`."""
    return reshape(a, (*a.shape, *(1,) * (like.ndim - a.ndim)))


def map_coordinates(
    input: Any,
    coordinates: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """The values of an image at coordinates, one row for each of its axes; orders 0 to 3.

    There are derivatives by the image and by the coordinates.

    >>> from adjoint.scipy.ndimage import map_coordinates
    >>> map_coordinates([[1.0, 2.0], [3.0, 4.0]], [[0.5, 1.0], [0.5, 0.0]], order=1)
    Tensor([2.5, 3. ])
    """
    name = "scipy.ndimage.map_coordinates"
    order = checked(name, order, mode, output)
    x = image(name, input)
    at = as_tensor(coordinates, real_dtype(coordinates, x) if x.dtype.kind == "f" else None)
    if at.ndim < 1 or at.shape[0] != x.ndim or not x.ndim:
        raise ShapeError(
            f"{name}: coordinates need a row for each of {x.ndim} axes, got shape {at.shape}"
        )
    return sampled(x, [at[i] for i in range(x.ndim)], order, mode, cval, prefilter)


def affine_transform(
    input: Any,
    matrix: Any,
    offset: Any = 0.0,
    output_shape: Any = None,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """The image at ``matrix @ place + offset`` for each place; the matrix may be in any of the
    forms that SciPy takes. There are derivatives by image, matrix and offset.

    >>> from adjoint.scipy.ndimage import affine_transform
    >>> affine_transform([1.0, 2.0, 4.0], [[0.5]], order=1)
    Tensor([1. , 1.5, 2. ])
    """
    name = "scipy.ndimage.affine_transform"
    order = checked(name, order, mode, output)
    x, m = image(name, input), as_tensor(matrix)
    n = x.ndim
    if m.ndim == 2 and m.shape in ((n, n + 1), (n + 1, n + 1)):
        m, offset = m[:n, :n], m[:n, n]
    elif m.shape == (n,):
        m = m[:, None] * np.eye(n)
    if m.shape != (n, n):
        raise ShapeError(f"{name}: for {n} axes the matrix must be ({n}, {n}), got {m.shape}")
    shift_by = broadcast_to(as_tensor(offset), (n,))
    shape = x.shape if output_shape is None else tuple(output_shape)
    grid = np.indices(shape, dtype=float)
    at = tensordot(m, grid, axes=1) + reshape(shift_by, (n,) + (1,) * n)
    return sampled(x, [at[i] for i in range(n)], order, mode, cval, prefilter)


def shift(
    input: Any,
    shift: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """The image moved by `shift` along its axes, with derivatives by both.

    >>> from adjoint.scipy.ndimage import shift
    >>> shift([1.0, 2.0, 4.0], 0.5, order=1)
    Tensor([0. , 1.5, 3. ])
    """
    name = "scipy.ndimage.shift"
    order = checked(name, order, mode, output)
    x = image(name, input)
    moves = per_axis(name, "shift", shift, x.ndim)
    places = [
        broadcast_to(g - as_tensor(s), x.shape) for g, s in zip(grid_of(x), moves, strict=True)
    ]
    return sampled(x, places, order, mode, cval, prefilter)


def zoom(
    input: Any,
    zoom: Any,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    *,
    grid_mode: bool = False,
) -> Tensor:
    """The image in another size; `zoom` is a factor, or one for each axis, and held fixed.

    >>> from adjoint.scipy.ndimage import zoom
    >>> zoom([1.0, 2.0, 4.0], 5 / 3, order=1)
    Tensor([1. , 1.5, 2. , 3. , 4. ])
    """
    name = "scipy.ndimage.zoom"
    order = checked(name, order, mode, output)
    x = image(name, input)
    factors = per_axis(name, "zoom", constant(name, "zoom", zoom), x.ndim)
    shape = tuple(round(n * f) for n, f in zip(x.shape, factors, strict=True))
    steps = []
    for axis, (n, m) in enumerate(zip(x.shape, shape, strict=True)):
        numbers = np.arange(m, dtype=float)
        less = 0 if grid_mode else 1
        ratio = (n - less) / (m - less) if m > less else 1.0
        at = (numbers + 0.5) * ratio - 0.5 if grid_mode else numbers * ratio
        steps.append(at.reshape((-1,) + (1,) * (x.ndim - axis - 1)))
    places = [as_tensor(np.broadcast_to(at, shape)) for at in steps]
    return sampled(x, places, order, mode, cval, prefilter)


def rotate(
    input: Any,
    angle: Any,
    axes: tuple[int, int] = (1, 0),
    reshape: bool = True,
    output: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Tensor:
    """The image rotated by `angle`, in degrees, in the plane of two axes.

    With reshape=False there is a derivative by the angle as well; otherwise it says how large the
    result is, and is held fixed.

    >>> import adjoint as ad
    >>> from adjoint.scipy.ndimage import rotate
    >>> rotate(ad.ones((3, 5)), 90, order=1).shape
    (5, 3)
    """
    name = "scipy.ndimage.rotate"
    order = checked(name, order, mode, output)
    x = image(name, input)
    first, second = sorted(axis_of(name, axis, x.ndim) for axis in axes)
    plane = moveaxis(x, (first, second), (0, 1))
    sizes = np.array(plane.shape[:2])
    if reshape:
        turn = np.deg2rad(constant(name, "angle", angle))
        special = import_module("scipy.special")
        c, s = special.cosdg(np.rad2deg(turn)), special.sindg(np.rad2deg(turn))
        corners = np.array([[c, s], [-s, c]]) @ [[0, 0, *[sizes[0]] * 2], [0, sizes[1]] * 2]
        shape = tuple((np.ptp(corners, axis=1) + 0.5).astype(int))
    else:
        turn = as_tensor(angle) * (np.pi / 180)
        c, s, shape = cos(turn), sin(turn), tuple(sizes)
    rows, columns = np.indices(shape, dtype=float)
    rows, columns = rows - (shape[0] - 1) / 2, columns - (shape[1] - 1) / 2
    down = as_tensor(c * rows + s * columns + (sizes[0] - 1) / 2)
    along = as_tensor(c * columns - s * rows + (sizes[1] - 1) / 2)
    turned = sampled(plane, [down, along], order, mode, cval, prefilter)
    return moveaxis(turned, (0, 1), (first, second))


def spline_filter1d(
    input: Any, order: int = 3, axis: int = -1, output: Any = np.float64, mode: str = "mirror"
) -> Tensor:
    """The coefficients of the spline through an image along one axis; orders 2 and 3.

    >>> from adjoint.scipy.ndimage import spline_filter1d
    >>> spline_filter1d([1.0, 1.0, 1.0])
    Tensor([1., 1., 1.])
    """
    name = "scipy.ndimage.spline_filter1d"
    number = checked(name, order, mode, None if output is np.float64 else output)
    x = image(name, input)
    return coefficients(x, axis_of(name, axis, x.ndim), number, mode)


def spline_filter(
    input: Any, order: int = 3, output: Any = np.float64, mode: str = "mirror"
) -> Tensor:
    """The coefficients of the spline through an image along all axes; orders 2 and 3.

    >>> from adjoint.scipy.ndimage import spline_filter
    >>> spline_filter([[1.0, 1.0], [1.0, 1.0]])
    Tensor([[1., 1.],
            [1., 1.]])
    """
    x = image("scipy.ndimage.spline_filter", input)
    for axis in range(x.ndim):
        x = spline_filter1d(x, order, axis, output, mode)
    return x


def grid_of(x: Tensor) -> list[Any]:
    """The coordinates of the elements along each axis, which broadcast to the shape."""
    shapes = [(-1,) + (1,) * (x.ndim - axis - 1) for axis in range(x.ndim)]
    return [np.arange(n, dtype=float).reshape(s) for n, s in zip(x.shape, shapes, strict=True)]
