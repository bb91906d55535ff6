"""What the distributions share: how parameters, shapes and dtypes are taken and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adjoint.errors import ArgumentError, DTypeError, RangeError, ShapeError
from adjoint.graph.leaf import is_weak
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import (
    FLOAT32,
    FLOAT64,
    DType,
    Shape,
    as_dtype,
    as_shape,
    broadcast_shapes,
    promote,
    to_inexact,
)
from adjoint.ops.random.parameters import discrete_parameter
from adjoint.random.keys import as_key

Test = Callable[[Any], Any]


class Draw(NamedTuple):
    """A draw that was asked for: its key, the shape and dtype of the result, the parameters."""

    key: Tensor
    shape: Shape
    dtype: DType
    parameters: tuple[Tensor, ...]


def drawing(name: str, key: Any, shape: Any, dtype: Any, **given: Any) -> Draw:
    """The draw with parameters `given`, which are tensors of one floating dtype.

    They broadcast to `shape`; without one, the result has the shape to which they broadcast.
    """
    of = as_key(name, key)
    kind = float_dtype(name, dtype, given)
    tensors = tuple([parameter(name, label, x, kind) for label, x in given.items()])
    return Draw(of, result_shape(name, shape, *[t.shape for t in tensors]), kind, tensors)


def discrete(name: str, key: Any, shape: Any, **given: Any) -> Draw:
    """As `drawing`, of a discrete distribution: float64, and no derivative by a parameter."""
    draw = drawing(name, key, shape, FLOAT64, **given)
    held = zip(draw.parameters, given, strict=True)
    return draw._replace(parameters=tuple([discrete_parameter(x, name, p) for x, p in held]))


def float_dtype(name: str, dtype: Any, given: dict[str, Any]) -> DType:
    """The dtype asked for; without one, that in which the parameters meet, or float64."""
    if dtype is not None:
        wanted = as_dtype(dtype)
        if wanted.kind != "f":
            raise DTypeError(f"random.{name}: dtype must be a floating dtype, got {wanted}")
        return wanted
    strong = [x.dtype for x in given.values() if _has_dtype(x)]
    return to_inexact(promote(*map(as_dtype, strong))) if strong else FLOAT64


def _has_dtype(x: Any) -> bool:
    """Whether the dtype of `x` counts: a Python number takes that of the others."""
    return isinstance(x, (np.ndarray, np.generic)) or (
        isinstance(x, Tensor) and not is_weak(x.node)
    )


def parameter(name: str, label: str, value: Any, dtype: DType) -> Tensor:
    """A parameter as a tensor of the floating `dtype`."""
    if isinstance(value, tuple):
        raise ArgumentError(
            f"random.{name}: {label} must be a number, an array or a tensor, got the tuple "
            f"{value}; the shape of the result is given by name, shape={value}"
        )
    x = as_tensor(value)
    if x.dtype.kind not in "iuf":
        raise DTypeError(f"random.{name}: {label} must be real numbers, got dtype {x.dtype}")
    return x if x.dtype is dtype else as_tensor(x, dtype)


def listed(x: Any) -> Any:
    """A list or tuple of numbers as an array, one that holds tensors as a tensor."""
    if not isinstance(x, (list, tuple)):
        return x
    tensor = as_tensor(x)
    return tensor if tensor.node.value is None or _open(tensor) else tensor.numpy()


def _open(x: Tensor) -> bool:
    return x.node.scope is not None and x.node.scope.is_open()


def result_shape(name: str, shape: Any, *given: Shape) -> Shape:
    """The shape of the result: `shape`, to which those of the parameters must broadcast."""
    common = broadcast_shapes(f"random.{name}", *given)
    if shape is None:
        return common
    wanted = as_shape(f"random.{name}", shape)
    try:
        fits = broadcast_shapes(name, wanted, common) == wanted
    except ShapeError:
        fits = False
    if not fits:
        raise ShapeError(
            f"random.{name}: the parameters have shape {common}, which does not broadcast to "
            f"shape={wanted}; the shape is that of the whole result"
        )
    return wanted


def check(name: str, label: str, value: Any, valid: Test, what: str) -> None:
    """Raise `RangeError` unless `value` is valid.

    Of tensors, which may be traced, nothing is asked. nan passes, and makes nan.
    """
    value = listed(value) if isinstance(value, list) else value
    if isinstance(value, (Tensor, tuple)):
        return
    array = np.asarray(value)
    if array.dtype.kind in "iuf" and not np.all(valid(array) | (array != array)):
        raise RangeError(f"random.{name}: {label} must be {what}, got {value!r}")


def has_sum_one(p: Any) -> Any:
    """Whether probabilities along the last axis add up to 1, as far as their dtype can say."""
    kind = p.dtype if p.dtype.kind == "f" else FLOAT64
    close = 4 * float(np.sqrt(np.finfo(kind).eps))
    return abs(p.sum(axis=-1, keepdims=True) - 1) < close if p.ndim else True


def positive(name: str, **given: Any) -> None:
    """Raise unless the parameters are above 0."""
    for label, value in given.items():
        check(name, label, value, lambda x: x > 0, "positive")


def nonnegative(name: str, **given: Any) -> None:
    """Raise unless the parameters are 0 or above."""
    for label, value in given.items():
        check(name, label, value, lambda x: x >= 0, "0 or positive")


def probability(name: str, **given: Any) -> None:
    """Raise unless the parameters are from 0 to 1."""
    for label, value in given.items():
        check(name, label, value, lambda x: (x >= 0) & (x <= 1), "from 0 to 1")


def working(dtype: DType) -> DType:
    """The dtype in which random numbers of `dtype` are made."""
    return dtype if dtype in (FLOAT32, FLOAT64) else FLOAT32
