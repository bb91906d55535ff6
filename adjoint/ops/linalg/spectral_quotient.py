"""Quotients by differences of eigenvalues, and their limits where the values coincide.

The derivative of a function φ of A = V diag(w) Vᴴ divides by wⱼ - wᵢ. Where these coincide and φ
is smooth, the numerator is 0 too, and the quotient has a limit: that along A(t) = V diag(w + t c)
Vᴴ for any c without equal elements, as all of A(t) but A(0) have distinct values. By l'Hôpital it
is the slope of the numerator along c, by the graph between the decomposition and the numerator
(`dependence`), over cⱼ - cᵢ. Two directions must agree, else φ is not smooth there: it picks one of
the values that coincide, or vectors that anything may turn. Then the result is nan and a
`KinkWarning` says so. (Daleckii and Krein's formula is the case φ(A) = Σ f(wᵢ).)

The same serves for the sums sⱼ + sᵢ of singular values, and for these alone, which can be 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from adjoint.errors import KinkWarning
from adjoint.graph.caller import warn
from adjoint.graph.lines import line_of
from adjoint.graph.node import Node
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.elementwise import choice
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import less_equal, logical_and, logical_not
from adjoint.ops.elementwise.complex import conj, real
from adjoint.ops.family.broadcasting import fit
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.family.structural_zeros import nonzero_mask, onto, over, reshaped, whole
from adjoint.ops.kinks.dependence import (
    POINT,
    Array,
    Dependence,
    is_differentiated,
    values_of,
    whole_dependence_between,
)
from adjoint.ops.reductions import extremum
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.movement import reshape

NEAR = {4: 1e-3, 8: 1e-8}
"""Below this part of the largest value a difference is so small that the limit is more exact."""
UNITS = 64
"""How many units in the last place, times their number, equal values may be apart."""
_ALIKE = 1e-5
"""By how much of itself the limit may depend on the direction."""


class Spectrum(NamedTuple):
    """Which decomposition: `name`, the user's line, and where in the tensor its values begin."""

    name: str
    line: str
    start: int

    def warn(self, spoilt: Array) -> None:
        """Warn if any of the quotients is not known."""
        if not spoilt.any():
            return
        place = f"{self.line}: " if self.line else ""
        vectors = "eigenvectors" if self.name in ("eigh", "eig") else "singular vectors"
        warn(
            f"{place}{self.name}: values coincide (or are 0), and the derivative depends on which "
            f"of them is meant, or on the choice of {vectors}, of which any rotation would do as "
            f"well; so it is nan there. Use a function of all values that coincide alike, or of "
            f"the matrix, or move the matrix a little",
            KinkWarning,
        )


class Quotient(Op):
    """The matrix of the numerators over differences ("gaps") or "sums" of values; or numerators
    over "values".

    The inputs: numerators, values, how large the terms are of which the numerators consist, the
    decomposition, and what the dependence is given. `traced`: whether the dependence is all there
    is between the decomposition and the numerators.
    """

    name = "spectral_quotient"
    family = "kinks"
    param_names = ("kind", "dependence", "spectrum", "traced")

    def infer(self, numerators: Node, *rest: Any) -> tuple[Shape, DType]:
        return numerators.shape, numerators.dtype

    def evaluate(self, *args: Any) -> Any:
        numerators, values, bulk, packed, *given, kind, dependence, spectrum, traced = args
        divisors = divisors_of(kind, values)
        scale = np.max(np.abs(values), axis=-1, initial=0.0)
        scale = scale.reshape(*scale.shape, *(1,) * (1 + (kind != "values")))
        near = np.abs(divisors) <= NEAR[values.dtype.itemsize] * scale
        if kind == "gaps":
            near = near & ~np.eye(values.shape[-1], dtype=bool)
            divisors = divisors + np.eye(values.shape[-1], dtype=values.dtype)
        near = np.broadcast_to(near, np.shape(numerators))
        with np.errstate(all="ignore"):
            plain = numerators / divisors
            if kind == "gaps":
                plain = np.where(np.eye(values.shape[-1], dtype=bool), 0, plain)
            if not near.any():
                return plain.astype(numerators.dtype)
            units = UNITS * values.shape[-1] * np.finfo(values.dtype).eps
            limit, known = np.zeros(()), np.asarray(bulk == 0)
            if traced:
                still = units * np.max(bulk, initial=0.0) / np.max(scale, initial=1e-300)
                limit, known = self.limit(
                    packed, values.shape, given, kind, dependence, spectrum, still
                )
            small = units * np.max(bulk, initial=0.0)
            wrong = np.abs(numerators - limit * divisors)
            fits = known & (wrong <= small + _ALIKE * np.abs(limit * divisors))
            equal = near & (np.abs(divisors) <= units * scale)
            result = np.where(near & fits, limit, np.where(equal, np.nan, plain))
        spectrum.warn(equal & ~fits)
        return result.astype(numerators.dtype)

    def limit(
        self,
        packed: Array,
        shape: Shape,
        given: Any,
        kind: str,
        dependence: Dependence,
        spectrum: Spectrum,
        still: float,
    ) -> tuple[Array, Array]:
        """The limits, and whether they do not depend on the direction by more than `still`."""
        nodes = dependence.numbers(given)
        found = []
        for number in (1, 2):
            steps = 1 + np.modf(0.6180339887498949 * np.arange(1, shape[-1] + 1) * number)[0]
            seed = np.zeros(packed.shape)
            seed[..., 0, spectrum.start : spectrum.start + shape[-1]] = steps
            moved = dependence.tangent(nodes, partial(_at_point, seed))
            if moved is None:
                return np.zeros(nodes[-1].shape), np.ones(nodes[-1].shape, bool)
            values_of((moved.node,))
            divisors = divisors_of(kind, steps)
            if kind == "gaps":
                divisors = divisors + np.eye(shape[-1])
            found.append(np.asarray(moved.node.value) / divisors)
        first, second = found
        still += UNITS * shape[-1] * np.finfo(packed.dtype).eps * np.max(np.abs(first), initial=0.0)
        return first, np.abs(first - second) <= _ALIKE * np.abs(first) + still

    def parts(self, node: Node) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The divisors, 1 where nearly 0; where that is, and is not; what is unknown there."""
        kind, _, spectrum, _ = node.params
        values = Tensor(node.inputs[1])
        divisors = divisors_of(kind, values)
        scale = extremum.max(choice.abs(values), -1, keepdims=True)
        if kind != "values":
            scale = reshape(scale, (*scale.shape, 1))
        near = less_equal(choice.abs(divisors), NEAR[values.dtype.itemsize] * scale)
        safe, apart = where(near, 1.0, divisors), logical_not(near)
        if kind == "gaps":
            near = logical_and(near, from_array(~np.eye(values.shape[-1], dtype=bool)))
        return safe, near, apart, make(_unknown, (near,), (spectrum, node.dtype))

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        if number > 1:
            return super().inputs_reaching(node, number, mask)
        own = 1 if node.params[0] == "values" else 2
        lead = len(node.shape) - own
        mask = over(whole(mask, node.shape), node.shape, tuple(range(lead, len(node.shape))))
        own, shape = 1 if number else own, node.inputs[number].shape
        each = (1,) * own
        return onto(reshaped(mask, node.shape[:lead] + each), shape[: len(shape) - own] + each)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        safe, near, apart, unknown = self.parts(node)
        moved = tangents[0]
        if tangents[1] is not None:
            by_values = -Tensor(node) * divisors_of(node.params[0], tangents[1])
            moved = by_values if moved is None else moved + by_values
        if moved is None:
            return None
        found = keep_where(apart, moved / safe) + keep_where(near, unknown * moved)
        mask = nonzero_mask(moved)
        return found if mask is None else keep_where(mask, found)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        safe, near, apart, unknown = self.parts(node)
        sent = keep_where(apart, adjoint / safe) + keep_where(near, unknown * adjoint)
        mask = nonzero_mask(adjoint)
        if mask is not None:
            sent = keep_where(mask, sent)
        shares: list[Tensor | None] = [None] * len(node.inputs)
        shares[0] = fit(sent, node.inputs[0])
        if wanted[1]:
            share = -sent * conj(Tensor(node))
            share = real(share)
            kind = node.params[0]
            if kind != "values":
                across = sum(share, -1)
                share = sum(share, -2) - across if kind == "gaps" else sum(share, -2) + across
            shares[1] = fit(share, node.inputs[1])
        return shares


class QuotientUnknown(Op):
    """nan where values nearly coincide, of which higher orders know nothing; else 0."""

    name = "spectral_unknown"
    family = "kinks"
    param_names = ("spectrum", "dtype")

    def infer(self, near: Node, spectrum: Spectrum, dtype: DType) -> tuple[Shape, DType]:
        return near.shape, dtype

    def evaluate(self, near: Any, spectrum: Spectrum, dtype: DType) -> Any:
        spectrum.warn(np.asarray(near))
        return np.where(near, np.nan, 0.0).astype(dtype)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, node.params)


def _at_point(seed: Array, role: str, shape: Shape) -> Array | None:
    return seed if role == POINT else None


_quotient, _unknown = register(Quotient()), register(QuotientUnknown())


def divisors_of(kind: str, values: Any) -> Any:
    """What is divided by: the matrix of wⱼ - wᵢ or wⱼ + wᵢ, or the values."""
    if kind == "values":
        return values
    row, column = values[..., None, :], values[..., :, None]
    return row - column if kind == "gaps" else row + column


def quotient(
    kind: str,
    numerators: Tensor,
    values: Tensor,
    bulk: Tensor,
    packed: Node,
    start: int,
    traced: bool = True,
) -> Tensor:
    """Numerators over divisors made of the values of the decomposition `packed`, at `start` of its
    first row; see `Quotient`."""
    dependence, given = whole_dependence_between(numerators.node, packed)
    spectrum = Spectrum(packed.op.name, line_of(packed), start)
    inputs = (numerators, values, bulk, Tensor(packed), *map(Tensor, given))
    return make(_quotient, inputs, (kind, dependence, spectrum, traced))


def unknown_at(at_kink: Tensor, spectrum: Spectrum, dtype: DType) -> Tensor:
    """nan where a kink of the values is `at_kink`, with a warning; else 0."""
    return make(_unknown, (at_kink,), (spectrum, dtype))


def is_traced(adjoint: Tensor) -> bool:
    """Whether an adjoint knows what it is made of; a bare number does not."""
    return is_differentiated(adjoint.node)
