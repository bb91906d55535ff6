"""`logsumexp` and its derivatives: `softmax` and `log_softmax`.

Each takes the largest element out first, so that nothing overflows. The derivative of logsumexp
is softmax, and that of softmax uses softmax alone, so every order is as safe as the value. The
limits at infinity: elements that are +inf share the weight 1, and where all elements are -inf (a
row masked out) all weights are 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import DTypeError
from adjoint.graph.node import Node
from adjoint.graph.op import Op, public_storage, register
from adjoint.graph.storage import has_stored, in_float32
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import DType, Shape, to_inexact
from adjoint.ops.elementwise.choice import minimum, where
from adjoint.ops.elementwise.comparison import equal, isfinite, isinf, logical_and
from adjoint.ops.elementwise.exponential import exp, log
from adjoint.ops.family.structural_zeros import over
from adjoint.ops.reductions import extremum
from adjoint.ops.reductions.reduction import Reduction, axes_of, kept, reduce_over, sum
from adjoint.ops.shape.movement import astype, reshape

__all__ = ["logsumexp", "softmax", "log_softmax"]


def _top(x: Any, axes: tuple[int, ...]) -> Any:
    return np.max(x, axis=axes, keepdims=True, initial=-np.inf)


def _log_total(x: Any, top: Any, axes: tuple[int, ...]) -> Any:
    """log Σ exp(x - top), by log1p: the elements equal to the largest are counted apart."""
    largest = x == top
    count = np.maximum(np.sum(largest, axis=axes, keepdims=True, dtype=x.dtype), 1)
    rest = np.sum(np.exp(x - top), axis=axes, keepdims=True, where=~largest)
    return np.log(count) + np.log1p(rest / count)


def shifted(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """The largest element, exp(x - it) without ∞ - ∞, and the sum of these; axes are kept."""
    top = extremum.max(x, axes, keepdims=True)
    finite = where(isfinite(top), top, 0.0)
    powers = where(equal(top, np.inf), astype(equal(x, top), x.dtype), exp(x - finite))
    return top, powers, sum(powers, axes, keepdims=True)


class LogSumExp(Reduction):
    name = "logsumexp"

    def decompose(self, node: Node) -> Tensor | None:
        if not Tensor(node.inputs[0]).size:
            return None
        top, _, total = shifted(Tensor(node.inputs[0]), node.params[0])
        return reshape(where(isinf(top), top, top + log(total)), node.shape)

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        top = _top(x, axes)
        return np.squeeze(_log_total(x, top, axes) + top, axis=axes)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if tangents[0] is None:
            return None
        (axes,) = node.params
        return sum(weights(Tensor(node.inputs[0]), axes) * tangents[0], axes)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        (axes,) = node.params
        x = Tensor(node.inputs[0])
        return (weights(x, axes) * reshape(adjoint, kept(x.shape, axes)),)


class AlongAxes(Op):
    """An operation within lanes along its axes, which keeps the shape."""

    family = "normalisation"
    param_names = ("axes",)

    def infer(self, x: Node, axes: tuple[int, ...]) -> tuple[Shape, DType]:
        return x.shape, x.dtype

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return over(mask, node.shape, node.params[0])

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return over(mask, node.shape, node.params[0])

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, (tuple([a + 1 for a in node.params[0]]),))


class Softmax(AlongAxes):
    """w = exp(x) / Σ exp(x), with ẇ = w (ẋ - Σ w ẋ), which is its own transpose."""

    name = "softmax"

    def decompose(self, node: Node) -> Tensor | None:
        if not Tensor(node.inputs[0]).size:
            return None
        _, powers, total = shifted(Tensor(node.inputs[0]), node.params[0])
        return powers / where(equal(total, 0.0), 1.0, total)

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        top = _top(x, axes)
        result = np.exp(x - np.where(np.isinf(top), np.zeros_like(top), top))
        if np.isposinf(top).any():
            result = np.where(np.isposinf(top), (x == top).astype(x.dtype), result)
        total = np.sum(result, axis=axes, keepdims=True, dtype=x.dtype)
        return result / np.where(total == 0, np.ones_like(total), total)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        return None if tangents[0] is None else self.derivative(node, tangents[0])

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return (self.derivative(node, adjoint),)

    def derivative(self, node: Node, x: Tensor) -> Tensor:
        """The Jacobian, which is symmetric, times `x`."""
        w = Tensor(node)
        return w * (x - sum(w * x, node.params[0], keepdims=True))


class LogSoftmax(AlongAxes):
    """x - logsumexp(x), with the tangent ẋ - Σ softmax(x) ẋ."""

    name = "log_softmax"

    def decompose(self, node: Node) -> Tensor | None:
        if not Tensor(node.inputs[0]).size:
            return None
        x = Tensor(node.inputs[0])
        top, _, total = shifted(x, node.params[0])
        ends = logical_and(isinf(top), equal(x, top))
        below = where(ends, minimum(top, 0.0), x - top)
        return below - log(where(equal(total, 0.0), 1.0, total))

    def evaluate(self, x: Any, axes: tuple[int, ...]) -> Any:
        top = _top(x, axes)
        below = np.where(np.isinf(top) & (x == top), np.minimum(top, 0), x - top)
        return below - _log_total(x, top, axes)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        x = tangents[0]
        if x is None:
            return None
        (axes,) = node.params
        return x - sum(weights(Tensor(node.inputs[0]), axes) * x, axes, keepdims=True)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        (axes,) = node.params
        total = sum(adjoint, axes, keepdims=True)
        return (adjoint - weights(Tensor(node.inputs[0]), axes) * total,)


_logsumexp = register(LogSumExp())
_softmax = register(Softmax())
_log_softmax = register(LogSoftmax())


def weights(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The derivative of logsumexp over `axes`."""
    return make(_softmax, (x,), (axes,))


def _real(name: str, x: Any) -> Tensor:
    x = as_tensor(x)
    if x.node.dtype.kind == "c":
        raise DTypeError(f"{name}: complex numbers ({x.dtype}) have no order; give real ones")
    return as_tensor(x, to_inexact(x.node.dtype))


@public_storage
def logsumexp(x: Any, /, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """log Σ exp(x) over `axis` (an integer, several, or None for all), without overflow.

    Over nothing, or where all elements are -inf, it is -inf, with derivative 0. Integers become
    float64. Raises `ShapeError`, and `DTypeError` for complex numbers.

    >>> import adjoint as ad
    >>> ad.logsumexp(ad.asarray([1000.0, 1000.0]))
    Tensor(1000.69314718)
    """
    given, x = x, _real("logsumexp", x)
    if given is not x and has_stored(given):
        return in_float32(logsumexp, (given, axis), {"keepdims": keepdims})
    return reduce_over(_logsumexp, x, axis, keepdims)


@public_storage
def softmax(x: Any, /, axis: Any = -1) -> Tensor:
    """exp(x) / Σ exp(x) along `axis` (an integer, several, or None for all), without overflow.

    Elements that are -inf have weight 0, also where there is nothing else in a row. Integers
    become float64. Raises `ShapeError`, and `DTypeError` for complex numbers.

    >>> import adjoint as ad
    >>> ad.softmax(ad.asarray([1000.0, 1000.0, -float("inf")]))
    Tensor([0.5, 0.5, 0. ])
    """
    given, x = x, _real("softmax", x)
    if given is not x and has_stored(given):
        return in_float32(softmax, (given, axis), {})
    return make(_softmax, (x,), (axes_of("softmax", axis, x.ndim),))


@public_storage
def log_softmax(x: Any, /, axis: Any = -1) -> Tensor:
    """x - logsumexp(x) along `axis` (an integer, several, or None for all), without overflow.

    Integers become float64. Raises `ShapeError`, and `DTypeError` for complex numbers.

    >>> import adjoint as ad
    >>> ad.log_softmax(ad.asarray([1000.0, 1000.0]))
    Tensor([-0.69314718, -0.69314718])
    """
    given, x = x, _real("log_softmax", x)
    if given is not x and has_stored(given):
        return in_float32(log_softmax, (given, axis), {})
    return make(_log_softmax, (x,), (axes_of("log_softmax", axis, x.ndim),))
