"""Activations of neural networks, and one-hot codes. Composites.

At a kink the derivative is the one of smaller magnitude: 0 at the edges of `relu`, `relu6` and
`hard_tanh`, the smaller slope of `leaky_relu`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.errors import DTypeError
from adjoint.graph.op import public
from adjoint.graph.subgradients import chosen_side
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64, as_dtype
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal, logical_or
from adjoint.ops.elementwise.exponential import expit, expm1, logaddexp
from adjoint.ops.elementwise.hyperbolic import tanh
from adjoint.ops.kinks.kinks import with_kink
from adjoint.ops.reductions.softmax import log_softmax, softmax
from adjoint.ops.shape.movement import astype, expand_dims
from adjoint.ops.special.error import erfc

__all__ = [
    "celu",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "one_hot",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
]

_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


@public
def relu(x: Any, /) -> Tensor:
    """max(x, 0), with derivative 0 at 0.

    >>> from adjoint.array.elementwise.activations import relu
    >>> relu([-1.0, 0.0, 2.0])
    Tensor([0., 0., 2.])
    """
    x = as_tensor(x)
    side = chosen_side()
    if side != "least":
        return where(x <= 0 if side == "left" else x < 0, 0, x)
    return with_kink(where(x <= 0, 0, x), x, lambda: equal(x, 0), "relu")


@public
def relu6(x: Any, /) -> Tensor:
    """min(max(x, 0), 6), with derivative 0 at both edges.

    >>> from adjoint.array.elementwise.activations import relu6
    >>> relu6([-1.0, 2.0, 7.0])
    Tensor([0., 2., 6.])
    """
    return hard_tanh(x, 0, 6)


@public
def hard_tanh(x: Any, /, low: float = -1, high: float = 1) -> Tensor:
    """`x` cut off below `low` and above `high`, with derivative 0 at both edges.

    >>> from adjoint.array.elementwise.activations import hard_tanh
    >>> hard_tanh([-3.0, 0.5, 3.0])
    Tensor([-1. ,  0.5,  1. ])
    """
    x = as_tensor(x)
    side = chosen_side()
    if side == "left":
        return where(x <= low, low, where(x > high, high, x))
    if side == "right":
        return where(x < low, low, where(x >= high, high, x))
    y = where(x <= low, low, where(x >= high, high, x))
    return with_kink(y, x, lambda: logical_or(equal(x, low), equal(x, high)), "hard_tanh")


@public
def leaky_relu(x: Any, /, negative_slope: float = 0.01) -> Tensor:
    """x where it is positive, else `negative_slope` x; at 0 the slope of smaller magnitude.

    >>> from adjoint.array.elementwise.activations import leaky_relu
    >>> leaky_relu([-1.0, 2.0], negative_slope=0.1)
    Tensor([-0.1,  2. ])
    """
    x = as_tensor(x)
    side = chosen_side()
    if side != "least":
        return where(x > 0 if side == "left" else x >= 0, x, negative_slope * x)
    y = where(_right(x, negative_slope), x, negative_slope * x)
    return with_kink(y, x, lambda: equal(x, 0), "leaky_relu")


def _right(x: Tensor, slope_to_the_left: Any) -> Tensor:
    """Where the right branch, of slope 1, holds: at 0 only if its slope is the smaller one."""
    if isinstance(slope_to_the_left, Tensor) or abs(slope_to_the_left) <= 1:
        return x > 0
    return x >= 0


@public
def elu(x: Any, /, alpha: float = 1.0) -> Tensor:
    """x where it is positive, else `alpha` (exp(x) - 1).

    >>> from adjoint.array.elementwise.activations import elu
    >>> elu([-1000.0, 2.0])
    Tensor([-1.,  2.])
    """
    x = as_tensor(x)
    side = chosen_side()
    if side != "least":
        return where(x > 0 if side == "left" else x >= 0, x, alpha * expm1(x))
    y = where(_right(x, alpha), x, alpha * expm1(x))
    return (
        y
        if not isinstance(alpha, Tensor) and alpha == 1
        else with_kink(y, x, lambda: equal(x, 0), "elu")
    )


@public
def celu(x: Any, /, alpha: float = 1.0) -> Tensor:
    """x where it is positive, else `alpha` (exp(x / `alpha`) - 1); smooth at 0.

    >>> from adjoint.array.elementwise.activations import celu
    >>> celu([-1000.0, 2.0], alpha=2.0)
    Tensor([-2.,  2.])
    """
    x = as_tensor(x)
    return where(x > 0, x, alpha * expm1(x / alpha))


@public
def selu(x: Any, /) -> Tensor:
    """λ x where x is positive, else λ α (exp(x) - 1), with the constants that keep mean and
    variance.

    >>> from adjoint.array.elementwise.activations import selu
    >>> selu([-1000.0, 1.0])
    Tensor([-1.75809934,  1.05070099])
    """
    return elu(x, _SELU_ALPHA) * _SELU_SCALE


@public
def gelu(x: Any, /, approximate: bool = False) -> Tensor:
    """x Φ(x), with Φ the distribution function of the normal distribution.

    With `approximate` x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.

    >>> from adjoint.array.elementwise.activations import gelu
    >>> gelu([-1.0, 0.0, 1.0])
    Tensor([-0.15865525,  0.        ,  0.84134475])
    """
    x = as_tensor(x)
    if approximate:
        twice = 1 + tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x)))
    else:
        twice = erfc(x * -math.sqrt(0.5))
    result: Tensor = 0.5 * x * twice
    return result


@public
def silu(x: Any, /) -> Tensor:
    """x / (1 + exp(-x)), also called swish.

    >>> from adjoint.array.elementwise.activations import silu
    >>> silu([-1000.0, 0.0, 1000.0])
    Tensor([  -0.,    0., 1000.])
    """
    x = as_tensor(x)
    result: Tensor = x * sigmoid(x)
    return result


@public
def mish(x: Any, /) -> Tensor:
    """x tanh(log(1 + exp(x))).

    >>> from adjoint.array.elementwise.activations import mish
    >>> mish([0.0, 1000.0])
    Tensor([   0., 1000.])
    """
    x = as_tensor(x)
    result: Tensor = x * tanh(softplus(x))
    return result


@public
def sigmoid(x: Any, /) -> Tensor:
    """The logistic function 1 / (1 + exp(-x)), stable for every x.

    >>> from adjoint.array.elementwise.activations import sigmoid
    >>> sigmoid([-1000.0, 0.0, 1000.0])
    Tensor([0. , 0.5, 1. ])
    """
    result: Tensor = expit(x)
    return result


@public
def log_sigmoid(x: Any, /) -> Tensor:
    """log(1 / (1 + exp(-x))), stable for every x.

    >>> from adjoint.array.elementwise.activations import log_sigmoid
    >>> log_sigmoid([-1000.0, 1000.0])
    Tensor([-1000.,    -0.])
    """
    return -softplus(-as_tensor(x))


@public
def softplus(x: Any, /) -> Tensor:
    """log(1 + exp(x)), stable for every x.

    >>> from adjoint.array.elementwise.activations import softplus
    >>> softplus([-1000.0, 1000.0])
    Tensor([   0., 1000.])
    """
    result: Tensor = logaddexp(x, 0)
    return result


@public
def hard_sigmoid(x: Any, /) -> Tensor:
    """relu6(x + 3) / 6.

    >>> from adjoint.array.elementwise.activations import hard_sigmoid
    >>> hard_sigmoid([-3.0, 0.0, 3.0])
    Tensor([0. , 0.5, 1. ])
    """
    return relu6(as_tensor(x) + 3) / 6


@public
def hard_silu(x: Any, /) -> Tensor:
    """x relu6(x + 3) / 6.

    >>> from adjoint.array.elementwise.activations import hard_silu
    >>> hard_silu([-3.0, 0.0, 3.0])
    Tensor([-0.,  0.,  3.])
    """
    x = as_tensor(x)
    result: Tensor = x * hard_sigmoid(x)
    return result


@public
def one_hot(x: Any, /, num_classes: int, *, dtype: Any = FLOAT64) -> Tensor:
    """The integers `x` as rows with 1 at that place and 0 elsewhere, in a new last axis.

    A number outside 0 … `num_classes` - 1 gives a row of zeros. Raises `DTypeError` unless `x`
    holds integers.

    >>> from adjoint.array.elementwise.activations import one_hot
    >>> one_hot([0, 2], 3)
    Tensor([[1., 0., 0.],
            [0., 0., 1.]])
    """
    x = as_tensor(x)
    if x.dtype.kind not in "iu":
        raise DTypeError(f"one_hot: x must hold integers, got dtype {x.dtype}; convert with astype")
    classes = np.arange(num_classes, dtype=np.int64)
    return astype(equal(expand_dims(x, -1), classes), as_dtype(dtype))
