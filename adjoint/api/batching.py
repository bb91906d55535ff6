"""vmap: a function of one example becomes one of many."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from adjoint.api.arguments import check_callable
from adjoint.api.traced_call import TracedCall
from adjoint.api.tree import LEAF, flatten
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph import recording
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor, as_stored
from adjoint.graph.types import normalize_axis
from adjoint.ops.shape.movement import broadcast_to, permute_dims
from adjoint.transforms.batch import batch


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: int = 0) -> Callable[..., Any]:
    """A function that applies `f` to each example along an axis of its arguments, all at once.

    in_axes: the axis to go along, for all arguments or one for each; None passes an argument
    whole. out_axes: where the batch axis is put in the results. Inside `f` a batched tensor has
    the shape of one example and no value, so choose with `adjoint.where` instead of ``if``.

    >>> import adjoint as ad
    >>> ad.vmap(lambda x, w: ad.sum(x * w), in_axes=(0, None))(ad.eye(2), ad.asarray([3.0, 4.0]))
    Tensor([3., 4.])
    """
    check_callable("vmap", f)

    @functools.wraps(f)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        axes = _axes_of(in_axes, len(args))
        examples: dict[Node, Tensor] = {}
        with TracedCall("vmap", f, abstract=True) as traced:
            given = [
                a if axis is None else _one_example(n, a, axis, traced.scope, examples)
                for n, (a, axis) in enumerate(zip(args, axes, strict=True))
            ]
            size = _common_size(given, axes, examples)
            outputs = traced.tensors(given, kwargs)
            found = batch([y.node for y in outputs], examples, traced.scope)
        results = [_whole(found, y, size) for y in outputs]
        results = [_move_axis("vmap: out_axes", y, 0, out_axes) for y in results]
        pairs = zip(outputs, results, strict=True)
        recording.taken_in.update(y.node for x, y in pairs if x.node in recording.taken_in)
        return traced.unflatten(results)

    return mapped


def _axes_of(in_axes: Any, count: int) -> Sequence[int | None]:
    axes = in_axes if isinstance(in_axes, (tuple, list)) else (in_axes,) * count
    if len(axes) != count:
        raise ArgumentError(
            f"vmap: in_axes={in_axes!r} has {len(axes)} entries, but the function was called with "
            f"{count} positional argument{'s' * (count != 1)}; give one entry for each"
        )
    if not count:
        raise ArgumentError(
            "vmap: the function was called without positional arguments, so there is none to map; "
            "keyword arguments are passed whole, so pass by position what is to be mapped"
        )
    if all(axis is None for axis in axes):
        raise ArgumentError("vmap: in_axes is None for every argument; one needs an axis to map")
    return axes


_IN_PARTS = (
    "; it is a number in a {}, whose parts are mapped one by one (adjoint.asarray makes one array "
    "of a list)"
)


def _one_example(
    number: int, argument: Any, axis: int, scope: Scope, examples: dict[Node, Tensor]
) -> Any:
    leaves, structure = flatten(argument)
    nodes = []
    for leaf in leaves:
        x = as_stored(leaf)
        if not x.ndim:
            raise ShapeError(
                f"vmap: argument {number} is 0-d, it has no axis {axis} to map"
                f"{'' if structure is LEAF else _IN_PARTS.format(type(argument).__name__)}"
            )
        x = _move_axis(f"vmap: argument {number}", x, axis, 0)
        node = variable_node(None, x.node.shape[1:], x.node.dtype, scope)
        if x.node.scope is not None:  # nested transforms must see each other
            node.scope = Scope(abstract=True, members=(*x.node.scope.members, scope))
        examples[node] = x
        nodes.append(node)
    return structure.unflatten(map(Tensor, nodes))


def _common_size(given: list[Any], axes: Sequence[Any], examples: dict[Node, Tensor]) -> int:
    sizes: dict[int, str] = {}
    for number, (argument, axis) in enumerate(zip(given, axes, strict=True)):
        for leaf in () if axis is None else flatten(argument)[0]:
            sizes.setdefault(examples[leaf.node].shape[0], f"argument {number}")
    if len(sizes) != 1:
        found = ", ".join(f"{size} in {place}" for size, place in sizes.items()) or "none"
        raise ShapeError(
            f"vmap: the mapped axes must have one size, found: {found}; choose the axes with "
            f"in_axes, None for an argument that is not mapped"
        )
    return next(iter(sizes))


def _whole(found: dict[Node, Tensor], y: Tensor, size: int) -> Tensor:
    """A batched result; what is the same for every example is repeated."""
    if y.node in found:
        return found[y.node]
    return broadcast_to(y, (size, *y.shape))


def _move_axis(name: str, x: Tensor, source: int, target: int) -> Tensor:
    """`x` with one axis put elsewhere, the others in order."""
    start = normalize_axis(name, source, x.ndim)
    order = [a for a in range(x.ndim) if a != start]
    order.insert(normalize_axis(name, target, x.ndim), start)
    return permute_dims(x, order)
