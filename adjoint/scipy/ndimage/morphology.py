"""Morphology of grey images: extrema of neighbours that a structure may raise. Composites.

What is chosen twice, as in openings, is often one element seen from several places. They are equal,
so the second derivative is not defined there, and is nan with a warning.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.indexing.indexing import take
from adjoint.ops.reductions.extremum import max, min
from adjoint.ops.shape.movement import reshape
from adjoint.ops.shape.rearrange import flip
from adjoint.scipy.common import constant, refuse
from adjoint.scipy.ndimage.correlations import mirrored, per_axis
from adjoint.scipy.ndimage.neighborhoods import chosen_axes, neighbors, ordered, window
from adjoint.scipy.ndimage.order_filters import extremum

__all__ = [
    "black_tophat",
    "grey_closing",
    "grey_dilation",
    "grey_erosion",
    "grey_opening",
    "morphological_gradient",
    "morphological_laplace",
    "white_tophat",
]


def _chosen(
    name: str,
    x: Tensor,
    size: Any,
    footprint: Any,
    structure: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: Any,
    sign: int,
) -> Tensor:
    """The least of x - structure, or with a positive sign the greatest of x + structure."""
    choose = max if sign > 0 else min
    if structure is None:
        return extremum(name, x, window(name, x, size, footprint, origin, mode, axes), cval, choose)
    heights = as_tensor(structure)
    shape = np.ones(heights.shape, bool) if footprint is None else footprint
    w = window(name, x, None, shape, origin, mode, axes)
    if heights.shape != np.shape(shape):
        raise ShapeError(
            f"{name}: structure has shape {heights.shape}, and the footprint {np.shape(shape)}"
        )
    flat = take(reshape(heights, (-1,)), np.flatnonzero(w.footprint), axis=0)
    found = neighbors(name, x, w, cval)
    raised = reshape(flat, (-1, *(1,) * x.ndim))
    moved: Tensor = choose(found + raised if sign > 0 else found - raised, 0)
    return moved


def grey_erosion(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The least neighbour of each element, from which the structure is subtracted if there is one.

    >>> from adjoint.scipy.ndimage import grey_erosion
    >>> grey_erosion([3.0, 1.0, 2.0, 4.0], size=3)
    Tensor([1., 1., 1., 2.])
    """
    name = "scipy.ndimage.grey_erosion"
    refuse(name, output=(output, None))
    x = ordered(name, input)
    return _chosen(name, x, size, footprint, structure, mode, cval, origin, axes, -1)


def grey_dilation(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The greatest neighbour in the mirrored window, to which the structure is added.

    >>> from adjoint.scipy.ndimage import grey_dilation
    >>> grey_dilation([3.0, 1.0, 2.0, 4.0], structure=[0.0, 1.0, 0.5])
    Tensor([4. , 3.5, 4. , 5. ])
    """
    name = "scipy.ndimage.grey_dilation"
    refuse(name, output=(output, None))
    x = ordered(name, input)
    count = len(chosen_axes(name, axes, x.ndim))
    if structure is not None:
        structure = flip(as_tensor(structure))
        sizes = structure.shape
    if footprint is not None:
        footprint = np.flip(np.array(constant(name, "footprint", footprint), bool))
        sizes = footprint.shape
    elif structure is None:
        if size is None:
            raise ArgumentError(f"{name}: give size, footprint or structure")
        sizes = tuple(per_axis(name, "size", size, count))
    origins = per_axis(name, "origin", origin, count)
    moved = [mirrored(o, n) for o, n in zip(origins, sizes, strict=True)]
    return _chosen(name, x, size, footprint, structure, mode, cval, moved, axes, 1)


def grey_opening(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The dilation of the erosion, which removes peaks narrower than the window.

    >>> from adjoint.scipy.ndimage import grey_opening
    >>> grey_opening([1.0, 1.0, 4.0, 1.0, 1.0], size=3)
    Tensor([1., 1., 1., 1., 1.])
    """
    given = (size, footprint, structure, output, mode, cval, origin)
    return grey_dilation(grey_erosion(input, *given, axes=axes), *given, axes=axes)


def grey_closing(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The erosion of the dilation, which fills gaps narrower than the window.

    >>> from adjoint.scipy.ndimage import grey_closing
    >>> grey_closing([4.0, 4.0, 1.0, 4.0, 4.0], size=3)
    Tensor([4., 4., 4., 4., 4.])
    """
    given = (size, footprint, structure, output, mode, cval, origin)
    return grey_erosion(grey_dilation(input, *given, axes=axes), *given, axes=axes)


def white_tophat(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The array without its opening: what peaks are left.

    >>> from adjoint.scipy.ndimage import white_tophat
    >>> white_tophat([1.0, 1.0, 4.0, 1.0, 1.0], size=3)
    Tensor([0., 0., 3., 0., 0.])
    """
    x = ordered("scipy.ndimage.white_tophat", input)
    opened = grey_opening(x, size, footprint, structure, output, mode, cval, origin, axes=axes)
    return as_tensor(x - opened)


def black_tophat(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The closing without the array: how deep its gaps are.

    >>> from adjoint.scipy.ndimage import black_tophat
    >>> black_tophat([4.0, 4.0, 1.0, 4.0, 4.0], size=3)
    Tensor([0., 0., 3., 0., 0.])
    """
    x = ordered("scipy.ndimage.black_tophat", input)
    closed = grey_closing(x, size, footprint, structure, output, mode, cval, origin, axes=axes)
    return as_tensor(closed - x)


def morphological_gradient(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The dilation minus the erosion.

    >>> from adjoint.scipy.ndimage import morphological_gradient
    >>> morphological_gradient([1.0, 1.0, 4.0, 4.0], size=3)
    Tensor([0., 3., 3., 0.])
    """
    given = (size, footprint, structure, output, mode, cval, origin)
    dilated, eroded = (f(input, *given, axes=axes) for f in (grey_dilation, grey_erosion))
    return as_tensor(dilated - eroded)


def morphological_laplace(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    structure: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Tensor:
    """The dilation and the erosion minus twice the array.

    >>> from adjoint.scipy.ndimage import morphological_laplace
    >>> morphological_laplace([1.0, 1.0, 4.0, 4.0], size=3)
    Tensor([ 0.,  3., -3.,  0.])
    """
    x = ordered("scipy.ndimage.morphological_laplace", input)
    given = (size, footprint, structure, output, mode, cval, origin)
    dilated, eroded = (f(x, *given, axes=axes) for f in (grey_dilation, grey_erosion))
    return as_tensor(dilated + eroded - x - x)
