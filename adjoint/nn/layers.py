"""Layers: a layer is a pair (init, apply), and its parameters are a pytree.

``init(key)`` gives float32 parameters, ``apply(params, x)`` the output for examples `x`, one a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from adjoint.array.elementwise.activations import relu
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.nn.convolution import conv, conv_transpose, each
from adjoint.nn.initializers import Initializer, Key, glorot, he, split_key, zeros
from adjoint.ops.shape.movement import matrix_transpose, reshape


class Layer(NamedTuple):
    """A pair of functions: ``init(key) -> params`` and ``apply(params, x) -> y``."""

    init: Callable[[Key], Any]
    apply: Callable[[Any, Any], Tensor]


def linear(inputs: int, outputs: int, *, weight: Initializer = he, bias: bool = True) -> Layer:
    """The affine layer y = Wᵀ x + b, with x one example: for a batch of rows, ``x @ W + b``.

    The parameters are a dict of "W", of shape (inputs, outputs) and made by `weight`, and "b".

    >>> import adjoint as ad
    >>> layer = ad.nn.linear(3, 2)
    >>> params = layer.init(0)
    >>> layer.apply(params, ad.ones((5, 3), dtype="float32")).shape
    (5, 2)
    """
    check_sizes("linear", inputs=inputs, outputs=outputs)

    def init(key: Key) -> dict[str, Tensor]:
        params = {"W": weight(key, (inputs, outputs))}
        return params | ({"b": zeros(key, (outputs,))} if bias else {})

    def apply(params: dict[str, Tensor], x: Any) -> Tensor:
        y = as_rows("linear", x, inputs) @ params["W"]
        return y + params["b"] if bias else y

    return Layer(init, apply)


def conv_layer(
    inputs: int,
    outputs: int,
    window: tuple[int, ...],
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    weight: Initializer = he,
    bias: bool = True,
) -> Layer:
    """A convolution from `inputs` to `outputs` channels; x is ``(N, inputs, *sizes)``.

    window: its size along each spatial axis, such as (3, 3). The other arguments are those of
    `conv`. The parameters are a dict of "W", of shape ``(outputs, inputs / groups, *window)``,
    which `weight` makes as a matrix with a column for each of the outputs, and "b".

    >>> import adjoint as ad
    >>> layer = ad.nn.conv_layer(1, 6, (5, 5), padding="same")
    >>> layer.apply(layer.init(0), ad.ones((2, 1, 8, 8), dtype="float32")).shape
    (2, 6, 8, 8)
    """
    check_sizes("conv_layer", inputs=inputs, outputs=outputs, groups=groups)
    sizes = window_sizes("conv_layer", window)
    check_divisible("conv_layer", groups, inputs=inputs, outputs=outputs)

    def init(key: Key) -> dict[str, Tensor]:
        taken = inputs // groups
        matrix = weight(key, (taken * math.prod(sizes), outputs))
        params = {"W": reshape(matrix_transpose(matrix), (outputs, taken, *sizes))}
        return params | ({"b": zeros(key, (outputs,))} if bias else {})

    def apply(params: dict[str, Tensor], x: Any) -> Tensor:
        return conv(
            x,
            params["W"],
            params["b"] if bias else None,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            padding_mode=padding_mode,
        )

    return Layer(init, apply)


def conv_transpose_layer(
    inputs: int,
    outputs: int,
    window: tuple[int, ...],
    *,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    weight: Initializer = he,
    bias: bool = True,
) -> Layer:
    """A transposed convolution from `inputs` to `outputs` channels; x is ``(N, inputs, *sizes)``.

    The arguments are those of `conv_transpose`. The parameters are a dict of "W", of shape
    ``(inputs, outputs / groups, *window)``, and "b".

    >>> import adjoint as ad
    >>> layer = ad.nn.conv_transpose_layer(6, 1, (2, 2), stride=2)
    >>> layer.apply(layer.init(0), ad.ones((2, 6, 8, 8), dtype="float32")).shape
    (2, 1, 16, 16)
    """
    check_sizes("conv_transpose_layer", inputs=inputs, outputs=outputs, groups=groups)
    sizes = window_sizes("conv_transpose_layer", window)
    check_divisible("conv_transpose_layer", groups, inputs=inputs, outputs=outputs)

    def init(key: Key) -> dict[str, Tensor]:
        made = outputs // groups * math.prod(sizes)
        params = {"W": reshape(weight(key, (inputs, made)), (inputs, outputs // groups, *sizes))}
        return params | ({"b": zeros(key, (outputs,))} if bias else {})

    def apply(params: dict[str, Tensor], x: Any) -> Tensor:
        return conv_transpose(
            x,
            params["W"],
            params["b"] if bias else None,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            dilation=dilation,
            groups=groups,
        )

    return Layer(init, apply)


def flatten(x: Any) -> Tensor:
    """Each example as a row: (N, ...) as (N, how many numbers an example has).

    >>> import adjoint as ad
    >>> ad.nn.flatten(ad.ones((8, 16, 4, 4))).shape
    (8, 256)
    """
    t = as_tensor(x)
    if t.ndim < 1:
        raise ShapeError("flatten: x is 0-d; its first axis must be the examples")
    return reshape(t, (t.shape[0], math.prod(t.shape[1:])))


def sequential(*layers: Layer | Callable[[Any], Tensor]) -> Layer:
    """Layers one after another; plain functions such as `relu` may stand between them.

    The parameters are a list with those of each layer, and an empty tuple for each function.

    >>> import adjoint as ad
    >>> net = ad.nn.sequential(ad.nn.linear(4, 8), ad.nn.relu, ad.nn.linear(8, 3))
    >>> net.apply(net.init(0), ad.zeros((2, 4))).shape
    (2, 3)
    """
    for position, layer in enumerate(layers):
        if not isinstance(layer, Layer) and not callable(layer):
            raise ArgumentError(
                f"sequential: argument {position} is {type(layer).__name__}; expected a Layer, "
                f"such as adjoint.nn.linear(3, 2), or a function, such as adjoint.nn.relu"
            )

    def init(key: Key) -> list[Any]:
        return [
            layer.init(split_key(key, position)) if isinstance(layer, Layer) else ()
            for position, layer in enumerate(layers)
        ]

    def apply(params: list[Any], x: Any) -> Tensor:
        for layer, its_params in zip(layers, params, strict=True):
            x = layer.apply(its_params, x) if isinstance(layer, Layer) else layer(x)
        return as_tensor(x)

    return Layer(init, apply)


def two_layer(inputs: int, hidden: int, outputs: int) -> Layer:
    """The lecture's hypothesis class, h(x) = W₂ᵀ relu(W₁ᵀ x + b₁) + b₂.

    The parameters are a dict of "W1", "b1", "W2" and "b2"; the rows of a batch are the examples.

    >>> import adjoint as ad
    >>> net = ad.nn.two_layer(64, 32, 10)
    >>> {name: p.shape for name, p in net.init(0).items()}
    {'W1': (64, 32), 'b1': (32,), 'W2': (32, 10), 'b2': (10,)}
    """
    check_sizes("two_layer", inputs=inputs, hidden=hidden, outputs=outputs)

    def init(key: Key) -> dict[str, Tensor]:
        return {
            "W1": he(split_key(key, 0), (inputs, hidden)),
            "b1": zeros(key, (hidden,)),
            "W2": glorot(split_key(key, 1), (hidden, outputs)),
            "b2": zeros(key, (outputs,)),
        }

    def apply(params: dict[str, Tensor], x: Any) -> Tensor:
        rows = as_rows("two_layer", x, inputs)
        return relu(rows @ params["W1"] + params["b1"]) @ params["W2"] + params["b2"]

    return Layer(init, apply)


def check_sizes(function: str, **sizes: Any) -> None:
    """Raise unless every size is a positive integer."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int):
            raise ArgumentError(
                f"{function}: {name} must be an integer, got {type(size).__name__} {size!r}"
            )
        if size < 1:
            raise RangeError(f"{function}: {name} must be at least 1, got {size}")


def window_sizes(function: str, window: Any) -> tuple[int, ...]:
    """The sizes of a window along each spatial axis."""
    if not isinstance(window, (tuple, list)) or not window:
        raise ArgumentError(
            f"{function}: window must be a tuple with a size for each spatial axis, such as "
            f"(3, 3), got {window!r}"
        )
    return each(function, "window", window, len(window))


def check_divisible(function: str, groups: int, **sizes: int) -> None:
    """Raise unless channels fall into equal groups."""
    for name, size in sizes.items():
        if size % groups:
            raise RangeError(f"{function}: {name}={size} do not fall into {groups} equal groups")


def as_rows(function: str, x: Any, inputs: int) -> Tensor:
    """`x` as a tensor whose last axis has size `inputs`."""
    t = as_tensor(x)
    if not t.ndim or t.shape[-1] != inputs:
        raise ShapeError(
            f"{function}: x has shape {t.shape}, but the layer takes {inputs} numbers for each "
            f"example; its last axis must have size {inputs}"
        )
    return t
