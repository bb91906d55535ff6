"""Are the derivatives right? Compared with other ways to compute them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from adjoint.api.derivatives import grad
from adjoint.api.differences import finite_differences
from adjoint.api.graph_first import backprop, gradient
from adjoint.errors import AdjointError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.reductions import reduction

Array: TypeAlias = "np.ndarray[Any, Any]"

MANY = {1: 100, 2: 20, 3: 10}
"""By order: with more elements in the inputs than this finite differences are not computed."""


@dataclass(frozen=True)
class Comparison:
    """One derivative, as found in the trace and by other methods (None: not computed).

    `library` is what `adjoint.gradient` says. The trace tells its walk, but goes through every
    node, also where several together have a smooth form that the library differentiates instead.
    """

    name: str
    gradient: Array
    backprop: Array | None
    differences: Array | None
    library: Array | None = None

    def is_smoothed(self) -> bool:
        """Whether the library's derivative is another, because it follows a smooth form."""
        if self.library is None:
            return False
        tolerance = 1e-3 if self.gradient.dtype.itemsize < 8 else 1e-6
        return not np.allclose(self.gradient, self.library, tolerance, tolerance, equal_nan=True)

    def error(self) -> float:
        """The largest deviation of another method, relative to the size of the derivative."""
        others = [x for x in (self.backprop, self.differences, self.library) if x is not None]
        size = max(1.0, float(np.max(np.abs(self.gradient), initial=0.0)))
        with np.errstate(all="ignore"):
            errors = [np.max(np.abs(self.gradient - x), initial=0.0) / size for x in others]
        return float(max(errors, default=0.0))

    def verdict(self) -> str:
        """The deviation in words."""
        if self.is_smoothed():
            return "node by node; see adjoint.gradient"
        error = self.error()
        if not np.isfinite(error):
            return "cannot be compared: not finite here"
        digits = 15 if error == 0 else min(15, int(-np.log10(error)))
        wanted = 2 if self.gradient.dtype.itemsize < 8 else 5
        if digits < wanted:
            return f"differs by {error:.1e}: is there a kink or a jump nearby?"
        return "to all digits" if digits >= 15 else f"to {digits} digits"


def first_order(
    f: Callable[..., Any],
    output: Tensor,
    inputs: Sequence[Tensor],
    found: Sequence[Array],
    labels: Sequence[str],
) -> list[Comparison]:
    """The gradient found, against `gradient`, `backprop` and finite differences."""
    official = [np.asarray(g) for g in gradient(output, list(inputs))]
    pushed = backprop(output, list(inputs))
    measured = _differences(f, inputs, 1)
    return [
        Comparison(label, found[i], pushed[i], measured[i] if measured else None, official[i])
        for i, label in enumerate(labels)
    ]


def higher_order(
    f: Callable[..., Any],
    inputs: Sequence[Tensor],
    path: tuple[int, ...],
    found: Sequence[Array],
    labels: Sequence[str],
) -> list[Comparison]:
    """Derivatives of a derivative, against those of `grad` and finite differences of it."""
    below = derivative(f, path)
    official = _gradient(below, inputs)
    measured = _differences(below, inputs, len(path) + 1)

    def of(others: list[Array] | None, i: int) -> Array | None:
        return None if others is None else others[i]

    return [
        Comparison(label, found[i], None, of(measured, i), of(official, i))
        for i, label in enumerate(labels)
    ]


def derivative(f: Callable[..., Any], path: Sequence[int]) -> Callable[..., Any]:
    """The derivative of `f` by the arguments in `path`, one after the other, summed if an array."""
    for number in path:
        f = _summed(grad(f, number))
    return f


def _summed(f: Callable[..., Any]) -> Callable[..., Any]:
    def summed(*args: Any) -> Tensor:
        return reduction.sum(f(*args))

    return summed


def _gradient(f: Callable[..., Any], inputs: Sequence[Tensor]) -> list[Array] | None:
    try:
        found = grad(f, tuple(range(len(inputs))))(*[as_tensor(x.numpy()) for x in inputs])
    except AdjointError:
        return None
    return [np.asarray(d) for d in found]


def _differences(f: Callable[..., Any], inputs: Sequence[Tensor], order: int) -> list[Array] | None:
    if sum(x.size for x in inputs) > MANY[order] or any(x.dtype.kind == "c" for x in inputs):
        return None
    try:
        point = tuple(as_tensor(x.numpy()) for x in inputs)
        return [np.asarray(d) for d in finite_differences(f, point)]
    except AdjointError:
        return None
