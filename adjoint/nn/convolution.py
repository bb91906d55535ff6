"""Convolutions of images with weights: the functions behind the layers of convolutional networks.

Images have the shape ``(N, C, *sizes)``: N of them, C channels each, and from one to three, or
more, spatial axes. Without N it is one image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from adjoint.array.manipulation.padding import pad
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import promote
from adjoint.ops.shape.movement import reshape
from adjoint.ops.signal.channel_convolution import convolved, convolved_back
from adjoint.ops.signal.patches import Geometry

Pairs: TypeAlias = "tuple[tuple[int, int], ...]"

PADDING_MODES = {
    "zeros": "constant",
    "circular": "wrap",
    "reflect": "reflect",
    "replicate": "edge",
}
"""How images go on beyond their edges, each with its name in `pad`."""


def conv(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Tensor:
    """y[n, o, p] = Σ_{c, k} weight[o, c, k] x[n, c, stride p + dilation k] + bias[o].

    The window is not turned round, as is the custom in neural networks.

    x: shape ``(N, C, *sizes)``, or ``(C, *sizes)`` for one image, with as many spatial axes as the
    weights say. weight: shape ``(O, C / groups, *window)``. bias: shape (O,). stride, dilation: an
    integer, or one for each spatial axis. padding: how far images are continued beyond their edges:
    an integer, one for each axis, or a pair (before, behind) for each; "valid" for none; "same" for
    results of size ⌈size / stride⌉. padding_mode: by "zeros", or "circular", "reflect",
    "replicate". groups: the channels fall into so many groups, each with weights of its own (C of
    them: depthwise). The result has the shape ``(N, O, *places)``.

    Derivatives of all orders are convolutions again. Raises `ShapeError`, `ArgumentError`,
    `RangeError`.

    >>> import adjoint as ad
    >>> x, edges = ad.asarray([[[1.0, 1.0, 4.0, 4.0]]]), ad.asarray([[[-1.0, 1.0]]])
    >>> ad.nn.conv(x, edges)
    Tensor([[[0., 3., 0.]]])
    >>> ad.nn.conv(ad.ones((8, 3, 28, 28)), ad.ones((6, 3, 5, 5)), padding="same").shape
    (8, 6, 28, 28)
    """
    x, w, single = operands("conv", x, weight)
    d = w.ndim - 2
    check_groups("conv", x, w, groups)
    steps, apart = each("conv", "stride", stride, d), each("conv", "dilation", dilation, d)
    sizes, window = x.shape[2:], w.shape[2:]
    pairs = padding_pairs("conv", padding, sizes, window, steps, apart)
    if padding_mode != "zeros":
        x = continued("conv", x, pairs, padding_mode)
        sizes, pairs = x.shape[2:], ((0, 0),) * d
    geometry = Geometry(steps, pairs, apart, groups, sizes, window)
    check_fits("conv", geometry)
    y = with_bias("conv", convolved(x, w, geometry), bias)
    return reshape(y, y.shape[1:]) if single else y


def conv_transpose(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The transpose of `conv` by its images: what upsamples by `stride` where `conv` downsamples.

    x: shape ``(N, C, *places)`` or ``(C, *places)``. weight: shape ``(C, O / groups, *window)``:
    that of the `conv` from O channels to C of which it is the transpose. bias: shape (O,). padding:
    an integer, one for each axis, or pairs, by which the result is cut off at its edges.
    output_padding: an integer or one for each axis, below the stride, by which the result is
    longer: several sizes of images lead to the same number of places. The others as in `conv`. The
    result has the shape ``(N, O, *sizes)``, of sizes (places - 1) stride - both paddings + dilation
    (window - 1) + output_padding + 1. Raises `ShapeError`, `ArgumentError`, `RangeError`.

    >>> import adjoint as ad
    >>> ad.nn.conv_transpose(ad.asarray([[[1.0, 2.0]]]), ad.asarray([[[1.0, 10.0]]]), stride=2)
    Tensor([[[ 1., 10.,  2., 20.]]])
    """
    name = "conv_transpose"
    x, w, single = operands(name, x, weight)
    d = w.ndim - 2
    if x.shape[1] != w.shape[0]:
        raise ShapeError(
            f"{name}: x has {x.shape[1]} channels (shape {x.shape}), but weight, of shape "
            f"{w.shape}, takes {w.shape[0]}; they must be equal"
        )
    whole_number(name, "groups", groups)
    if groups < 1 or w.shape[0] % groups:
        raise ShapeError(f"{name}: {w.shape[0]} channels do not fall into {groups} equal groups")
    steps, apart = each(name, "stride", stride, d), each(name, "dilation", dilation, d)
    more = each(name, "output_padding", output_padding, d, least=0)
    if isinstance(padding, str):
        raise ArgumentError(f"{name}: padding must be given in numbers, got {padding!r}")
    pairs = padding_pairs(name, padding, x.shape[2:], w.shape[2:], steps, apart)
    if any(extra >= max(s, k) for extra, s, k in zip(more, steps, apart, strict=True)):
        raise RangeError(
            f"{name}: output_padding must be below the stride or the dilation, got {more} for "
            f"stride {steps} and dilation {apart}"
        )
    sizes = tuple(
        (n - 1) * s - low - high + k * (m - 1) + extra + 1
        for n, s, (low, high), k, m, extra in zip(
            x.shape[2:], steps, pairs, apart, w.shape[2:], more, strict=True
        )
    )
    if min(sizes) < 1:
        raise ShapeError(
            f"{name}: padding {pairs} leaves nothing of the result, whose sizes would be {sizes}"
        )
    y = convolved_back(x, w, Geometry(steps, pairs, apart, groups, sizes, w.shape[2:]))
    y = with_bias(name, y, bias)
    return reshape(y, y.shape[1:]) if single else y


def operands(name: str, x: Any, weight: Any) -> tuple[Tensor, Tensor, bool]:
    """Images and weights in one dtype, and whether it was one image, which has an axis more now."""
    x, w = as_tensor(x), as_tensor(weight)
    if w.ndim < 3:
        raise ShapeError(
            f"{name}: weight must have the shape (channels out, channels in, *window) with at "
            f"least one spatial axis, got {w.shape}"
        )
    if x.ndim not in (w.ndim, w.ndim - 1):
        raise ShapeError(
            f"{name}: x has shape {x.shape}; for a weight of shape {w.shape} it must be "
            f"(images, channels, *sizes) or (channels, *sizes), with {w.ndim - 2} spatial axes"
        )
    if not w.size or not all(x.shape[x.ndim + 1 - w.ndim :]):
        raise ShapeError(
            f"{name}: channels, sizes and windows must not be empty, got shapes {x.shape} of x and "
            f"{w.shape} of weight"
        )
    dtype = promote(x.dtype, w.dtype)
    if dtype.kind == "b":
        raise ArgumentError(f"{name}: x and weight are boolean; convert one to numbers (astype)")
    single = x.ndim == w.ndim - 1
    x = reshape(x, (1, *x.shape)) if single else x
    return as_tensor(x, dtype), as_tensor(w, dtype), single


def check_groups(name: str, x: Tensor, w: Tensor, groups: Any) -> None:
    """Raise unless the channels of images and weights fit and fall into `groups`."""
    whole_number(name, "groups", groups)
    if groups < 1 or x.shape[1] != groups * w.shape[1]:
        raise ShapeError(
            f"{name}: x has {x.shape[1]} channels (shape {x.shape}), but weight, of shape "
            f"{w.shape}, takes {w.shape[1]} in each of {groups} groups; the product must be equal"
        )
    if w.shape[0] % groups:
        raise ShapeError(
            f"{name}: weight, of shape {w.shape}, makes {w.shape[0]} channels, which do not fall "
            f"into {groups} equal groups"
        )


def whole_number(name: str, argument: str, value: Any) -> int:
    """`value` as an integer."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ArgumentError(
            f"{name}: {argument} must be an integer, got {type(value).__name__} {value!r}"
        )
    return int(value.__index__())


def each(name: str, argument: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """`value`, an integer or `count` of them, as so many, none below `least`."""
    several = isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim)
    given = list(value) if several else [value] * count
    if len(given) != count:
        raise ArgumentError(
            f"{name}: {argument} must be an integer or one for each of {count} spatial axes, got "
            f"{value!r}"
        )
    numbers = tuple(whole_number(name, argument, n) for n in given)
    if any(n < least for n in numbers):
        raise RangeError(f"{name}: {argument} must be at least {least}, got {value!r}")
    return numbers


def padding_pairs(
    name: str,
    padding: Any,
    sizes: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
) -> Pairs:
    """What `padding` means: how many elements are added before and behind along each axis."""
    if isinstance(padding, str):
        word = padding.lower()
        if word == "valid":
            return ((0, 0),) * len(sizes)
        if word != "same":
            raise ArgumentError(
                f'{name}: padding must be "same", "valid", an integer, one for each axis, or a '
                f"pair for each, got {padding!r}"
            )
        missing = [
            max(0, ((n + s - 1) // s - 1) * s + d * (k - 1) + 1 - n)
            for n, k, s, d in zip(sizes, window, stride, dilation, strict=True)
        ]
        return tuple((m // 2, m - m // 2) for m in missing)
    if isinstance(padding, Sequence) and any(isinstance(p, Sequence) for p in padding):
        if len(padding) != len(sizes) or not all(
            isinstance(p, Sequence) and len(p) == 2 for p in padding
        ):
            raise ArgumentError(
                f"{name}: padding must be a pair (before, behind) for each of {len(sizes)} spatial "
                f"axes, got {padding!r}"
            )
        pairs = [each(name, "padding", p, 2, least=0) for p in padding]
        return tuple((low, high) for low, high in pairs)
    return tuple((n, n) for n in each(name, "padding", padding, len(sizes), least=0))


def continued(name: str, x: Tensor, pairs: Pairs, padding_mode: str) -> Tensor:
    """Images continued beyond their edges by themselves."""
    if padding_mode not in PADDING_MODES:
        raise ArgumentError(
            f"{name}: padding_mode must be one of {', '.join(PADDING_MODES)}, got {padding_mode!r}"
        )
    return pad(x, ((0, 0), (0, 0), *pairs), PADDING_MODES[padding_mode])


def check_fits(name: str, geometry: Geometry) -> None:
    """Raise unless the window has a place along each axis."""
    if min(geometry.places) < 1:
        reach = tuple(
            d * (k - 1) + 1 for d, k in zip(geometry.dilation, geometry.window, strict=True)
        )
        raise ShapeError(
            f"{name}: a window over {reach} elements does not fit into images of sizes "
            f"{geometry.padded} (padding included); give smaller windows or more padding"
        )


def with_bias(name: str, y: Tensor, bias: Any) -> Tensor:
    """`y`, ``(N, O, *places)``, with a number added to each channel."""
    if bias is None:
        return y
    b = as_tensor(bias)
    if b.shape != (y.shape[1],):
        raise ShapeError(
            f"{name}: bias must have the shape ({y.shape[1]},), a number for each channel of the "
            f"result, got {b.shape}"
        )
    result: Tensor = y + reshape(b, (-1,) + (1,) * (y.ndim - 2))
    return result
