"""The geometry of windows that move over arrays, and products over what they hold, by NumPy.

An image x of shape (N, C, *sizes) is cut into *patches*, one for each place of the window. A
convolution is then a product of matrices: the weights, a row for each channel of the result, times
the patches, a column for each place ("im2col"; Chellapilla, Puri, Simard, "High performance
convolutional neural networks for document processing", 2006). The patches are written into a
buffer that stays in the cache, a few images or a few rows of an image at a time, and are never
there all at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

Array: TypeAlias = "np.ndarray[Any, Any]"
Places: TypeAlias = "tuple[Any, ...]"

CACHE = 1 << 20
"""Bytes of patches that are made at a time: about what a core holds close by."""

ADDING = 2
"""How much longer it takes to add patches up at their places than to write them there."""


class Geometry(NamedTuple):
    """How windows lie on an array; a tuple for each spatial axis, in order.

    A window has ``window`` elements, ``dilation`` apart, and moves by ``stride`` over an array of
    ``sizes``, to which ``padding`` adds zeros before and behind (negative: takes elements away).
    Channels fall into ``groups``, each with weights of its own.
    """

    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    sizes: tuple[int, ...]
    window: tuple[int, ...]

    @property
    def places(self) -> tuple[int, ...]:
        """How many places the window has along each axis; below 1 where it does not fit."""
        return tuple(
            (n + low + high - d * (k - 1) - 1) // s + 1
            for n, (low, high), k, s, d in zip(
                self.sizes, self.padding, self.window, self.stride, self.dilation, strict=True
            )
        )

    @property
    def padded(self) -> tuple[int, ...]:
        """The sizes with the padding."""
        return tuple(n + sum(p) for n, p in zip(self.sizes, self.padding, strict=True))


def pad(x: Array, padding: tuple[tuple[int, int], ...]) -> Array:
    """`x` with zeros before and behind its last axes; negative numbers take elements away."""
    lead = x.ndim - len(padding)
    inner: Places = tuple(
        slice(max(-low, 0), n - max(-high, 0)) for n, (low, high) in _axes(x, padding)
    )
    x = x[(..., *inner)]
    if not any(max(p) > 0 for p in padding):
        return np.ascontiguousarray(x)
    grown = [n + max(low, 0) + max(high, 0) for n, (low, high) in _axes(x, padding)]
    result = np.zeros((*x.shape[:lead], *grown), x.dtype)
    places: Places = tuple(slice(max(p[0], 0), max(p[0], 0) + n) for n, p in _axes(x, padding))
    result[(..., *places)] = x
    return result


def unpad(x: Array, padding: tuple[tuple[int, int], ...]) -> Array:
    """The transpose of `pad`."""
    return pad(x, tuple((-low, -high) for low, high in padding))


def _axes(x: Array, padding: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, tuple[int, int]]]:
    """The last sizes of `x`, each with its padding."""
    return zip(x.shape[x.ndim - len(padding) :], padding, strict=True)


def patches_of(x: Array, geometry: Geometry) -> Array:
    """A view of padded `x`, (..., *sizes), as (..., *window, *places), to be read only."""
    stride, dilation = geometry.stride, geometry.dilation
    d = len(stride)
    lead, steps = x.strides[: x.ndim - d], x.strides[x.ndim - d :]
    inside = tuple(step * k for step, k in zip(steps, dilation, strict=True))
    across = tuple(step * s for step, s in zip(steps, stride, strict=True))
    shape = (*x.shape[: x.ndim - d], *geometry.window, *geometry.places)
    return as_strided(x, shape, (*lead, *inside, *across), writeable=False)


def add_patches(target: Array, patches: Array, geometry: Geometry) -> None:
    """Add to `target`, (..., *padded sizes), each patch at its place; transposes `patches_of`."""
    d = len(geometry.stride)
    places = patches.shape[patches.ndim - d :]
    lead: Places = (slice(None),) * (target.ndim - d)
    for offset in product(*map(range, geometry.window)):
        begins = [o * k for o, k in zip(offset, geometry.dilation, strict=True)]
        where = tuple(
            slice(begin, begin + s * (n - 1) + 1, s)
            for begin, s, n in zip(begins, geometry.stride, places, strict=True)
        )
        target[(*lead, *where)] += patches[(*lead, *offset)]


def blocks(images: int, geometry: Geometry, bytes_for_place: int) -> Iterator[tuple[slice, slice]]:
    """Slices of the images and of the places along the first axis, one block of patches each."""
    first, *others = geometry.places
    row = max(1, math.prod(others) * bytes_for_place)
    if row * first > CACHE:
        rows, together = max(1, CACHE // row), 1
    else:
        rows, together = first, max(1, CACHE // (row * first))
    for start in range(0, images, together):
        for top in range(0, first, rows):
            yield slice(start, min(start + together, images)), slice(top, min(top + rows, first))


class Cut(NamedTuple):
    """A padded array (N, groups, C, *sizes), cut into blocks of patches, all of one buffer."""

    x: Array
    geometry: Geometry

    def parts(self) -> Iterator[tuple[slice, slice, Array]]:
        """Images, rows, and their patches as (groups, C · window, images · places)."""
        images, groups, channels = self.x.shape[:3]
        view = patches_of(self.x, self.geometry)
        depth = channels * math.prod(self.geometry.window)
        d = len(self.geometry.window)
        buffer: Array = np.empty(0, self.x.dtype)
        for some, rows in blocks(images, self.geometry, groups * depth * self.x.itemsize):
            where: Places = (..., rows, *(slice(None),) * (d - 1))
            part = np.moveaxis(view[some], 0, 2 + d)[where]
            if buffer.size < part.size:
                buffer = np.empty(part.size, self.x.dtype)
            own = buffer[: part.size].reshape(part.shape)
            np.copyto(own, part)
            yield some, rows, own.reshape(groups, depth, -1)


def grouped(x: Array, groups: int) -> Array:
    """`x`, (N, C, *sizes), as (N, groups, C / groups, *sizes)."""
    return x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])


def block_of(y: Array, some: slice, rows: slice) -> Array:
    """The block of `y`, (N, groups, C, *places), as (groups, C, images · places), maybe a view."""
    part = y[some, :, :, rows]
    if part.shape[0] == 1:
        return part.reshape(*part.shape[1:3], -1)
    return np.moveaxis(part, 0, 2).reshape(*part.shape[1:3], -1)


def forward(x: Array, w: Array, geometry: Geometry) -> Array:
    """y[n, o, p] = Σ_{c, k} w[o, c, k] x[n, c, s p + d k], of the padded x, group by group."""
    groups = geometry.groups
    cut = Cut(grouped(pad(x, geometry.padding), groups), geometry)
    weights = w.reshape(groups, w.shape[0] // groups, -1)
    result = np.empty((x.shape[0], groups, weights.shape[1], *geometry.places), w.dtype)
    for some, rows, patches in cut.parts():
        target = result[some, :, :, rows]
        if target.shape[0] == 1 and target[0, 0, 0].flags.c_contiguous:
            np.matmul(weights, patches, out=block_of(result, some, rows))
            continue
        images, *own = target.shape
        products = np.matmul(weights, patches).reshape(*own[:2], images, *own[2:])
        target[...] = np.moveaxis(products, 2, 0)
    return result.reshape(x.shape[0], w.shape[0], *geometry.places)


def weights_adjoint(x: Array, y: Array, geometry: Geometry) -> Array:
    """Σ_{n, p} y[n, o, p] x[n, c, s p + d k]: the transpose of `forward` by the weights."""
    groups = geometry.groups
    cut = Cut(grouped(pad(x, geometry.padding), groups), geometry)
    sent = grouped(y, groups)
    depth = cut.x.shape[2] * math.prod(geometry.window)
    total = np.zeros((groups, sent.shape[2], depth), x.dtype)
    for some, rows, patches in cut.parts():
        total += np.matmul(block_of(sent, some, rows), patches.swapaxes(1, 2))
    return total.reshape(y.shape[1], cut.x.shape[2], *geometry.window)


def input_adjoint(y: Array, w: Array, geometry: Geometry) -> Array:
    """Σ_{o, k} w[o, c, k] y[n, o, p] at s p + d k = i: the transpose of `forward` by its input."""
    groups = geometry.groups
    adding = ADDING * w.shape[1] * math.prod(geometry.places)
    gathering = w.shape[0] // groups * math.prod(geometry.sizes)
    if all(step == 1 for step in geometry.stride) and gathering < adding:
        return _input_adjoint_by_forward(y, w, geometry)
    weights = w.reshape(groups, w.shape[0] // groups, -1).swapaxes(1, 2)
    sent = grouped(y, groups)
    shape = (y.shape[0], groups, w.shape[1], *geometry.padded)
    result = np.zeros(shape, w.dtype)
    d = len(geometry.window)
    for some, rows in blocks(y.shape[0], geometry, groups * weights.shape[1] * w.itemsize):
        part = np.matmul(weights, block_of(sent, some, rows))
        images, height = some.stop - some.start, rows.stop - rows.start
        places = (height, *geometry.places[1:])
        part = part.reshape(groups, w.shape[1], *geometry.window, images, *places)
        top = rows.start * geometry.stride[0]
        add_patches(result[some, :, :, top:], np.moveaxis(part, 2 + d, 0), geometry)
    return unpad(
        result.reshape(y.shape[0], groups * w.shape[1], *geometry.padded), geometry.padding
    )


def _input_adjoint_by_forward(y: Array, w: Array, geometry: Geometry) -> Array:
    """The same where the window moves by 1: a convolution of y with the weights turned round."""
    groups = geometry.groups
    turned = np.flip(w, tuple(range(2, w.ndim)))
    turned = turned.reshape(groups, w.shape[0] // groups, *w.shape[1:]).swapaxes(1, 2)
    reach = [d * (k - 1) for d, k in zip(geometry.dilation, geometry.window, strict=True)]
    padding = tuple((r - p[0], r - p[1]) for r, p in zip(reach, geometry.padding, strict=True))
    back = geometry._replace(sizes=y.shape[2:], padding=padding)
    shape = (groups * w.shape[1], w.shape[0] // groups, *w.shape[2:])
    return forward(y, turned.reshape(shape), back)
