"""Library calls: what BLAS computes, with transposes folded into its flags, LAPACK, or NumPy."""

from __future__ import annotations

import numpy as np

from adjoint.graph import options
from adjoint.graph.node import Node
from adjoint.graph.types import size_of
from adjoint.ops import records
from adjoint.schedule.plan import Gemm, Lapack, NumpyCall

BLAS_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
PRODUCT_DTYPES = (*BLAS_DTYPES, np.dtype(np.complex64), np.dtype(np.complex128))


def gemm(node: Node) -> Gemm | None:
    """The product of matrices that computes `node`, if one does."""
    if node.op is not records.matmul or node.dtype not in PRODUCT_DTYPES or node.op.lowers(node):
        return None
    if not all(size_of(x.shape) for x in (node, *node.inputs)):
        return None  # BLAS leaves the result of an empty product untouched
    (a, transpose_a, conjugate_a), (b, transpose_b, conjugate_b) = map(untransposed, node.inputs)
    return Gemm(
        node,
        a,
        b,
        transpose_a,
        transpose_b,
        conjugate_a=conjugate_a,
        conjugate_b=conjugate_b,
        blas=options.current().blas,
    )


def lapack(node: Node) -> Lapack | None:
    """The LAPACK call that computes `node`, if one does."""
    if node.op.lapack_inputs is None or node.dtype not in BLAS_DTYPES:
        return None
    reads = list(node.inputs[node.op.lapack_inputs])
    if not all(size_of(x.shape) for x in (node, *reads)):
        return None
    return Lapack(node, reads)


def numpy_call(node: Node) -> NumpyCall:
    """The call that evaluates a node by its own rule. What is broadcast for it NumPy reads so."""
    if not node.op.pointwise:
        return NumpyCall(node, list(node.inputs))
    is_wide = [x.op is records.broadcast_to and bool(x.inputs) for x in node.inputs]
    pairs = zip(node.inputs, is_wide, strict=True)
    return NumpyCall(node, [x.inputs[0] if wide else x for x, wide in pairs])


def untransposed(node: Node) -> tuple[Node, bool, bool]:
    """The matrix of which `node` is the transpose, that it is, and whether it is its conjugate; or
    the node itself. A conjugate that is no transpose BLAS cannot read."""
    inner, turned = without_turn(node)
    if inner.op is records.conj and inner.inputs:
        below, below_turned = without_turn(inner.inputs[0])
        if turned != below_turned:
            return below, True, True
    return inner, turned, False


def without_turn(node: Node) -> tuple[Node, bool]:
    """The matrix of which `node` is the transpose, and that it is; or the node itself."""
    if node.op is records.permute_dims and node.inputs:
        *lead, last, before = range(len(node.shape))
        if node.params[0] == (*lead, before, last):
            return node.inputs[0], True
    return node, False
