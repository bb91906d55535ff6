"""Dense Jacobians in blocks of rows or columns, as large as a memory budget allows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.arguments import normalize_argnums
from adjoint.api.batching import vmap
from adjoint.api.derivatives import gradient_for, jvp, vjp
from adjoint.api.loops import map
from adjoint.api.parts import Change
from adjoint.api.traced_call import TracedCall
from adjoint.api.tree import LEAF, flatten
from adjoint.errors import ArgumentError, RangeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import size_of
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.shape.movement import astype, reshape
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.transforms.paths import between


def blocked(
    kind: str,
    f: Callable[..., Any],
    argnums: Any,
    has_aux: bool,
    memory: Any,
    change: Change | None = None,
) -> Callable[..., Any]:
    """The Jacobian of a function of one tensor, or the Hessian, by sweeps of a block each.

    A block has as many directions as fit into `memory` bytes with all that a sweep makes of them,
    at least one. The result itself does not count. `change` makes of a list of one derivative what
    is returned.
    """
    if not isinstance(argnums, int):
        raise ArgumentError(f"{kind}: with memory= argnums must be one position, got {argnums!r}")
    if isinstance(memory, bool) or not isinstance(memory, (int, np.integer)) or memory < 1:
        raise RangeError(f"{kind}: memory must be a positive number of bytes, got {memory!r}")

    target = gradient_for(kind, f, argnums, has_aux) if kind == "hessian" else f

    @functools.wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        (number,) = normalize_argnums(kind, argnums, len(args))
        x = as_tensor(args[number]) if flatten(args[number])[1] is LEAF else None
        if x is None:
            raise ArgumentError(f"{kind}: with memory= argument {number} must be one tensor")

        def of_x(x: Any) -> Any:
            return target(*args[:number], x, *args[number + 1 :], **kwargs)

        found, aux = _in_blocks(kind, of_x, x, has_aux, int(memory))
        result = found
        if change is not None:
            result = change([change([found]) if kind == "hessian" else found])
        return (result, aux) if has_aux else result

    return jacobian_of


def _in_blocks(
    kind: str, f: Callable[..., Any], x: Tensor, has_aux: bool, memory: int
) -> tuple[Tensor, Any]:
    """The derivative of `f` at `x`, and what it returns beside its output."""
    each, rows, aux = _bytes_of_a_sweep(kind, f, x, has_aux)
    count = max(1, memory // max(each, 1))
    shape, dtype = rows.node.shape, rows.node.dtype
    if size_of(shape) <= x.size:
        pullback = vjp(f, x, has_aux=has_aux)[1]
        found = _swept(lambda v: pullback(reshape(v, shape))[0], size_of(shape), dtype, count)
        return reshape(found, (*shape, *x.shape)), aux

    def along(v: Tensor) -> Any:
        return jvp(f, (x,), (reshape(v, x.shape),), has_aux)[1]

    found = _swept(along, x.size, x.dtype, count)
    columns = moveaxis(reshape(found, (x.size, *shape)), 0, -1)
    return reshape(columns, (*shape, *x.shape)), aux


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


def _bytes_of_a_sweep(
    kind: str, f: Callable[[Any], Any], x: Tensor, has_aux: bool
) -> tuple[int, Tensor, Any]:
    """The bytes of all that one tangent is made of on the way, the output, and what is beside."""
    with TracedCall(kind, f) as traced:
        arguments = traced.open((x,))
        outputs = traced.tensors(arguments.given, {}, has_aux)
        if len(outputs) != 1:
            raise ArgumentError(
                f"{kind}: with memory= the function must return one tensor, got {len(outputs)}"
            )
        (y,) = outputs
        nodes = between([y.node], arguments.nodes, traced.scope)
        return sum(size_of(n.shape) * n.dtype.itemsize for n in nodes), y, traced.aux
