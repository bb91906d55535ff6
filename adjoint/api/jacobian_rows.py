"""The rows of a Jacobian, by one reverse sweep for a symbolic direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adjoint.api.arguments import zeros_like
from adjoint.api.basis_jacobian import BasisTangents
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.complex import conj, imag, real
from adjoint.ops.reductions import reduction
from adjoint.ops.shape.movement import reshape
from adjoint.transforms.reverse import reverse


def rows(outputs: list[Tensor], nodes: list[Node], scope: Scope) -> list[list[Tensor]]:
    """By reverse mode: for each output the derivatives by each node."""
    return [(_complex_row if y.node.dtype.kind == "c" else _row)(y, nodes, scope) for y in outputs]


def _row(y: Tensor, nodes: list[Node], scope: Scope) -> list[Tensor]:
    """The derivatives of a real output; by complex nodes the directions of steepest ascent."""
    direction = variable_node(None, y.node.shape, y.node.dtype, Scope(abstract=True))
    found = reverse([(y.node, Tensor(direction))], nodes, scope)
    adjoints = {node: found[node].sum() for node in nodes if node in found}
    basis = BasisTangents([a.node for a in adjoints.values()], direction)
    row = []
    for node in nodes:
        if node in adjoints and adjoints[node].node in basis:
            adjoint = basis.dense(adjoints[node].node)
            row.append(reshape(adjoint, (*y.node.shape, *node.shape)))
        else:
            row.append(no_derivative(y, node))
    return row


def _complex_row(y: Tensor, nodes: list[Node], scope: Scope) -> list[Tensor]:
    """The derivatives of a complex output u + iv, which by complex nodes is holomorphic.

    By a real x they are u' + iv'. By z = a + ib the steepest ascent of u is du/da + i du/db, which
    is du/da - i dv/da, the conjugate of dy/dz.
    """
    row = _row(real(y), nodes, scope)
    by_real = [node.dtype.kind != "c" for node in nodes]
    across = _row(imag(y), nodes, scope) if any(by_real) else row
    return [
        u + 1j * v if is_real else conj(u)
        for u, v, is_real in zip(row, across, by_real, strict=True)
    ]


def no_derivative(y: Tensor, node: Node) -> Tensor:
    dtype = np.result_type(y.node.dtype, node.dtype) if node.dtype.kind == "c" else y.node.dtype
    return as_tensor(np.zeros((*y.node.shape, *node.shape), dtype))


def tangents_by_rows(
    outputs: Sequence[Tensor], seeds: Mapping[Node, Tensor], scope: Scope
) -> list[Tensor]:
    """The tangents of the outputs for those of the nodes, each row of the Jacobian times these.

    Forward mode does it in one sweep, but at what may be a kink cannot do it twice.
    """
    return [_tangent(y, seeds, scope) for y in outputs]


def _tangent(y: Tensor, seeds: Mapping[Node, Tensor], scope: Scope) -> Tensor:
    if y.node.dtype.kind == "c":
        along, across = (_tangent(part, seeds, scope) for part in (real(y), imag(y)))
        return along + 1j * across
    total = Tensor(zeros_like(y).node)
    for row, seed in zip(_row(y, list(seeds), scope), seeds.values(), strict=True):
        row = real(conj(row) * seed) if seed.node.dtype.kind == "c" else row * seed
        axes = tuple(range(y.ndim, row.ndim))
        term = reduction.sum(row, axes) if axes else row
        total = total + term
    return total
