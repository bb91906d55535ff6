"""Eigenvalues and singular values as functions of the matrix, and functions of matrices by them.

The values' adjoint is V diag(w̄) Vᴴ, of singular values U diag(s̄) Vᴴ: a function of the matrix
whose own derivative does not need that of the vectors, of which there is none where values
coincide. It is known with divided differences (Daleckii and Krein, 1956; for singular values, the
generalised matrix functions of Hawkins and Ben-Israel, 1973). So symmetric functions of the values
have the right second derivative everywhere, and so has V g(w) Vᴴ written out, whose first
derivative would already need that of V: a product of matrices knows that form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.graph.lines import line_of
from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Coefficients, register
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import DType, Shape, size_of, to_real
from adjoint.ops.elementwise import choice
from adjoint.ops.elementwise.comparison import greater, less_equal, logical_and, logical_or
from adjoint.ops.family.broadcasting import align, fit
from adjoint.ops.family.elementwise import keep_where
from adjoint.ops.family.structural_zeros import onto, over, reshaped, whole
from adjoint.ops.kinks.kinks import NestedTangents
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.linalg.matrices import Stacked, conjugate_transpose
from adjoint.ops.linalg.spectral import (
    as_column,
    as_row,
    eigen_parts,
    outside,
    real,
    svd_parts,
    svd_shapes,
)
from adjoint.ops.linalg.spectral_quotient import UNITS, Spectrum, quotient, unknown_at
from adjoint.ops.linalg.triangular import hermitian
from adjoint.ops.reductions import extremum
from adjoint.ops.shape.movement import astype
from adjoint.ops.shape.rearrange import diagonal
from adjoint.transforms.coefficients import Rules


class OfDecomposition(Stacked):
    """A function of a decomposition, and of its matrix, by which alone it has a derivative."""

    axes: tuple[int, ...]
    """How many axes each input has beside those that count matrices; at last, the result."""

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        lead = len(node.shape) - self.axes[-1]
        rows = zip(inputs, self.axes, batched, strict=False)
        return make(self, [align(x, lead + n) if b else x for x, n, b in rows], node.params)

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return each(mask, node.inputs[number], self.axes[number], node, self.axes[-1])

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        return each(mask, node, self.axes[-1], node.inputs[number], self.axes[number])


def each(mask: Tensor, source: Node, given: int, target: Node, wanted: int) -> Tensor:
    """A mask about `source` as one about `target`, matrix by matrix, which have so many axes."""
    shape, lead = source.shape, len(source.shape) - given
    mask = over(whole(mask, shape), shape, tuple(range(lead, lead + given)))
    mask = reshaped(mask, (*shape[:lead], *(1,) * wanted))
    return onto(mask, (*target.shape[: len(target.shape) - wanted], *(1,) * wanted))


class Values(OfDecomposition):
    """The values that the first input holds, of the matrix that is the second.

    A dependence that ends at the decomposition (`spectral_quotient`) moves it alone: then the
    tangent is what is held in its place.
    """

    name = "spectral_values"
    axes = (2, 2, 1)

    def infer(self, packed: Node, a: Node) -> tuple[Shape, DType]:
        return (*a.shape[:-2], min(a.shape[-2:])), to_real(a.dtype)

    def evaluate(self, packed: Any, a: Any) -> Any:
        start = start_of(a.shape, packed.shape)
        return packed[..., 0, start : start + min(a.shape[-2:])].real

    def decompose(self, node: Node) -> Tensor | None:
        return values_in(*map(Tensor, node.inputs))

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        by_packed, moved = tangents
        if moved is None:
            return None if by_packed is None else values_in(by_packed, Tensor(node.inputs[1]))
        frame = frame_of(*map(Tensor, node.inputs))
        found = real(diagonal(seen(moved, frame), 0, -2, -1))
        if not are_nested(node, found.node):
            return found
        packed, a = node.inputs
        start = start_of(a.shape, packed.shape)
        spectrum = Spectrum(packed.op.name, line_of(packed), start)
        sizes = () if is_hermitian(a.shape, packed.shape) else (Tensor(node),)
        return make(_tangent, (found, *sizes), (spectrum,))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        if not wanted[1]:
            return None, None
        packed, a = map(Tensor, node.inputs)
        share = make(_function, (adjoint, packed, a))
        return None, hermitian(share) if is_hermitian(a.shape, packed.shape) else share


class ValueTangent(OfDecomposition):
    """The tangent of values. Its own would need the vectors', so reverse mode is asked for it.

    The second input are the singular values: where one is 0 it has a kink, as a size has, and a
    function of which something arrives there has no second derivative.
    """

    name = "value_tangent"
    family = "kinks"
    param_names = ("spectrum",)
    expands = True
    axes = (1, 1, 1)

    def infer(self, x: Node, *rest: Any) -> tuple[Shape, DType]:
        return x.shape, x.dtype

    def evaluate(self, x: Any, *rest: Any) -> Any:
        return x

    def decompose(self, node: Node) -> Tensor | None:
        return Tensor(node.inputs[0])

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        if node.scope is None:  # in a dependence, which moves the values alone
            return tangents[0]
        raise NestedTangents("the tangent of a tangent of eigenvalues")

    def coefficients(
        self, node: Node, given: Sequence[Coefficients], rules: Rules, weight: int
    ) -> Sequence[Tensor | None]:
        """Those of the tangent; from the second derivative on nan where a value leaves 0."""
        found, *sizes = given
        if not sizes:
            return list(found)
        values, left = Tensor(node.inputs[1]), None
        result = []
        for k, c in enumerate(found):
            if c is not None:
                sent = choice.abs(c)
                sent = extremum.max(sent, 0) if not k and rules.is_batched(weight) else sent
                now = self.at_kink(values, sent)
                left = now if left is None else logical_or(left, now)
            if k and left is not None:
                spoilt = (
                    unknown_at(left, node.params[0], node.dtype)
                    if k == 1  # it warns, which is no matter for each order
                    else choice.where(left, node.dtype.type(np.nan), node.dtype.type(0))
                )
                c = spoilt if c is None else c + spoilt
            result.append(c)
        return result

    def at_kink(self, values: Tensor, sent: Tensor) -> Tensor:
        """Where a value is 0, and what is `sent` is not."""
        units = UNITS * values.shape[-1] * np.finfo(values.dtype).eps
        none = less_equal(values, units * extremum.max(values, -1, keepdims=True))
        return logical_and(none, greater(sent, units * extremum.max(sent, -1, keepdims=True)))

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        if len(wanted) == 1 or not wanted[1]:
            return adjoint, *[None] * (len(wanted) - 1)
        at_kink = self.at_kink(Tensor(node.inputs[1]), choice.abs(adjoint))
        return adjoint, fit(unknown_at(at_kink, node.params[0], node.dtype), node.inputs[1])


class SpectralFunction(OfDecomposition):
    """V diag(d) Vᴴ, or U diag(d) Vᴴ, for real d, a decomposition and its matrix.

    With P = Uᴴ Ȧ V and D the matrices of (dⱼ - dᵢ) / (sⱼ - sᵢ), E of (dⱼ + dᵢ) / (sⱼ + sᵢ) its
    tangent is U (diag ḋ + D ∘ (P + Pᴴ)/2 + E ∘ (P - Pᴴ)/2) Vᴴ, to which come, if A is not square,
    (1 - U Uᴴ) Ȧ V diag(d/s) Vᴴ and U diag(d/s) Uᴴ Ȧ (1 - V Vᴴ). All but ḋ is its own transpose.
    """

    name = "spectral_function"
    axes = (1, 2, 2, 2)

    def infer(self, d: Node, packed: Node, a: Node) -> tuple[Shape, DType]:
        lead = np.broadcast_shapes(d.shape[:-1], a.shape[:-2])
        return (*lead, *a.shape[-2:]), a.dtype

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        if number:
            return super().inputs_reaching(node, number, mask)
        lead = node.shape[:-2]
        mask = over(whole(mask, node.shape), node.shape, (len(lead), len(lead) + 1))
        return onto(reshaped(mask, (*lead, 1)), (*node.inputs[0].shape[:-1], 1))

    def evaluate(self, d: Any, packed: Any, a: Any) -> Any:
        if is_hermitian(a.shape, packed.shape):
            v = np.swapaxes(packed[..., 1:, :], -2, -1)
            left, right = v, np.conj(np.swapaxes(v, -2, -1))
        else:
            shapes = svd_shapes(a.shape, False)
            sizes = np.cumsum([size_of(x) for x in shapes])
            lead = packed.shape[:-2]
            left = np.swapaxes(packed[..., 0, : sizes[0]].reshape(*lead, *shapes[0]), -2, -1)
            right = packed[..., 0, sizes[1] :].reshape(*lead, *shapes[2])
            right = np.swapaxes(right, -2, -1)
        return np.matmul(left * d[..., None, :], right).astype(a.dtype)

    def decompose(self, node: Node) -> Tensor | None:
        d, packed, a = map(Tensor, node.inputs)
        left, right = frame_of(packed, a)
        return matmul(left * as_row(astype(d, a.dtype)), conjugate_transpose(right))

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        by_d, _, moved = tangents
        packed, a = map(Tensor, node.inputs[1:])
        left, right = frame = frame_of(packed, a)
        total = None
        if by_d is not None:
            total = matmul(left * as_row(astype(by_d, a.dtype)), conjugate_transpose(right))
        if moved is None:
            return total
        change = self.along(node, moved, frame)
        return change if total is None else total + change

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        d, packed, a = node.inputs
        frame = frame_of(Tensor(packed), Tensor(a))
        by_d = by_a = None
        if wanted[0]:
            by_d = fit(real(diagonal(seen(adjoint, frame), 0, -2, -1)), d)
        if wanted[2]:
            by_a = fit(self.along(node, adjoint, frame), a)
        return by_d, None, by_a

    def along(self, node: Node, x: Tensor, frame: tuple[Tensor, Tensor]) -> Tensor:
        """The tangent along a change X of the matrix for values d that stay; it is symmetric."""
        d, packed, a = map(Tensor, node.inputs)
        left, right = frame
        values = values_in(packed, a)
        start = start_of(a.shape, packed.shape)
        hermite = is_hermitian(a.shape, packed.shape)
        if hermite:
            x = hermitian(x)
        inner = seen(x, frame)
        turned = conjugate_transpose(inner)
        row, column = as_row(d), as_column(d)
        bulk = choice.abs(row) + choice.abs(column)
        given = (values, bulk, packed.node, start)
        gaps = astype(quotient("gaps", row - column, *given), a.dtype)
        if hermite:
            return matmul(matmul(left, gaps * inner), conjugate_transpose(right))
        ratio = astype(quotient("values", d, values, choice.abs(d), *given[2:]), a.dtype)
        sums = astype(quotient("sums", row + column, *given), a.dtype)
        if a.dtype.kind != "c":  # the diagonal of P - Pᴴ is 0
            sums = keep_where(from_array(~np.eye(d.shape[-1], dtype=bool)), sums)
        sums = sums + 0.0 * (as_row(ratio) + as_column(ratio))  # nan at a kink of a value 0
        found = 0.5 * (gaps * (inner + turned) + sums * (inner - turned))
        total = matmul(matmul(left, found), conjugate_transpose(right))
        rows, columns = a.shape[-2:]
        if rows > columns:
            side = outside(left, matmul(x, right)) * as_row(ratio)
            return total + matmul(side, conjugate_transpose(right))
        if rows < columns:
            side = outside(right, matmul(conjugate_transpose(x), left)) * as_row(ratio)
            return total + matmul(left, conjugate_transpose(side))
        return total


_values, _function, _tangent = map(register, (Values(), SpectralFunction(), ValueTangent()))


def is_hermitian(shape: Shape, packed: Shape) -> bool:
    """Whether a tensor of the shape `packed` is what `eigh` makes of a matrix of `shape`."""
    return packed[-2] == shape[-1] + 1


def start_of(shape: Shape, packed: Shape) -> int:
    """Where the values begin in the first row."""
    return 0 if is_hermitian(shape, packed) else size_of(svd_shapes(shape, False)[0])


def values_in(packed: Tensor, a: Tensor) -> Tensor:
    """The values, as they are held."""
    if is_hermitian(a.shape, packed.shape):
        return real(eigen_parts(packed)[0])
    return svd_parts(packed, a.shape, False)[1]


def frame_of(packed: Tensor, a: Tensor) -> tuple[Tensor, Tensor]:
    """V and V, or U and V, in columns."""
    if is_hermitian(a.shape, packed.shape):
        v = eigen_parts(packed)[1]
        return v, v
    u, _, v = svd_parts(packed, a.shape, False)
    return u, v


def seen(x: Tensor, frame: tuple[Tensor, Tensor]) -> Tensor:
    """Uᴴ X V."""
    left, right = frame
    return matmul(matmul(conjugate_transpose(left), x), right)


def eigenvalues(packed: Tensor, a: Tensor) -> Tensor:
    """The values of what `eigh` made of `a`; the singular values of what `svd` made of it."""
    return make(_values, (packed, a))
