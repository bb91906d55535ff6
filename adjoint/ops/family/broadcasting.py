"""Bringing tensors to other shapes: what broadcasting did is undone, batches are aligned."""

from __future__ import annotations

from adjoint.graph import calls
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import Shape, derivative_dtype


def fit(share: Tensor, node: Node) -> Tensor:
    """`share` brought to the shape and the dtype of `node`: what broadcasting did is undone."""
    if share.node.dtype is not node.dtype:
        if share.node.dtype.kind == "c" and node.dtype.kind != "c":
            share = calls.real(share)
        share = calls.astype(share, derivative_dtype(node.dtype))
    if share.node.shape != node.shape:
        share = sum_to(share, node.shape)
    return share


def sum_to(x: Tensor, shape: Shape) -> Tensor:
    """`x` summed over the axes along which `shape` would be broadcast to its shape."""
    if x.node.shape == shape:
        return x
    given = x.node.shape
    if len(given) == len(shape) and any(g == 1 != s for g, s in zip(given, shape, strict=True)):
        return calls.broadcast_to(x, shape)
    if len(given) < len(shape):
        result = calls.broadcast_to(x, shape)
        return result
    lead = len(given) - len(shape)
    stretched = [i for i, size in enumerate(shape) if size == 1 and given[lead + i] != 1]
    axes = (*range(lead), *(lead + i for i in stretched))
    summed: Tensor = calls.sum(x, axes)
    return summed if summed.node.shape == shape else calls.reshape(summed, shape)


def align(x: Tensor, rank: int) -> Tensor:
    """A batched tensor with axes of size one after the batch axis, so that it has `rank` + 1."""
    shape = x.node.shape
    missing = rank + 1 - len(shape)
    if missing <= 0:
        return x
    return calls.reshape(x, (shape[0], *(1,) * missing, *shape[1:]))
