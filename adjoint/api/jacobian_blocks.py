"""Dense Jacobians in blocks of rows or columns, as large as a memory budget allows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.arguments import normalize_argnums
from adjoint.api.batching import vmap
from adjoint.api.derivatives import jvp, vjp
from adjoint.api.loops import map
from adjoint.api.traced_call import TracedCall
from adjoint.api.tree import LEAF, flatten
from adjoint.errors import ArgumentError, RangeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import size_of
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.shape.movement import astype, reshape
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.transforms.paths import between


def blocked(kind: str, f: Callable[..., Any], argnums: Any, memory: Any) -> Callable[..., Any]:
    """The Jacobian of a function of one tensor, or the Hessian, by sweeps of a block each.

    A block has as many directions as fit into `memory` bytes with all that a sweep makes of them,
    at least one. The result itself does not count.
    """
    if not isinstance(argnums, int):
        raise ArgumentError(f"{kind}: with memory= argnums must be one position, got {argnums!r}")
    if isinstance(memory, bool) or not isinstance(memory, (int, np.integer)) or memory < 1:
        raise RangeError(f"{kind}: memory must be a positive number of bytes, got {memory!r}")

    @functools.wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Tensor:
        (number,) = normalize_argnums(kind, argnums, len(args))
        x = as_tensor(args[number]) if flatten(args[number])[1] is LEAF else None
        if x is None:
            raise ArgumentError(f"{kind}: with memory= argument {number} must be one tensor")

        def of_x(x: Any) -> Any:
            return f(*args[:number], x, *args[number + 1 :], **kwargs)

        each, rows = _bytes_of_a_sweep(kind, of_x, x)
        count = max(1, int(memory) // max(each, 1))
        shape, dtype = rows.node.shape, rows.node.dtype
        if size_of(shape) <= x.size:
            _, pullback = vjp(of_x, x)
            found = _swept(lambda v: pullback(reshape(v, shape))[0], size_of(shape), dtype, count)
            return reshape(found, (*shape, *x.shape))
        found = _swept(lambda v: jvp(of_x, (x,), (reshape(v, x.shape),))[1], x.size, x.dtype, count)
        columns = moveaxis(reshape(found, (x.size, *shape)), 0, -1)
        return reshape(columns, (*shape, *x.shape))

    return jacobian_of


def _swept(sweep: Callable[[Tensor], Tensor], size: int, dtype: Any, count: int) -> Tensor:
    """What a sweep makes of each of `size` basis vectors, `count` of them at a time."""
    count = min(count, max(size, 1))
    blocks = -(-size // count)
    places = as_tensor(np.arange(blocks * count).reshape(blocks, count))
    numbers = as_tensor(np.arange(size))

    def block(own: Tensor) -> Tensor:
        basis = astype(equal(reshape(own, (count, 1)), numbers), dtype)
        found: Tensor = vmap(sweep)(basis)
        return reshape(found, (count, -1))

    found: Tensor = map(block, places)
    return reshape(found, (blocks * count, -1))[:size]


def _bytes_of_a_sweep(kind: str, f: Callable[[Any], Any], x: Tensor) -> tuple[int, Tensor]:
    """The bytes of all that one tangent is made of on the way, and the output."""
    with TracedCall(kind, f) as traced:
        arguments = traced.open((x,))
        outputs = traced.tensors(arguments.given, {})
        if len(outputs) != 1:
            raise ArgumentError(
                f"{kind}: with memory= the function must return one tensor, got {len(outputs)}"
            )
        (y,) = outputs
        nodes = between([y.node], arguments.nodes, traced.scope)
        return sum(size_of(n.shape) * n.dtype.itemsize for n in nodes), y
