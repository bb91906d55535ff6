"""Derivatives that are arrays: jacobian, jacfwd, jacrev, hessian, hvp; and vmap, which makes them.

A Jacobian is one derivative graph for a symbolic direction, which becomes each basis vector.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from adjoint.api.arguments import check_callable, function_name, normalize_argnums
from adjoint.api.basis_jacobian import BasisTangents
from adjoint.api.derivatives import gradient_for, jvp_for
from adjoint.api.rows import no_derivative, rows
from adjoint.api.traced_call import TracedCall
from adjoint.api.tree import LEAF, flatten
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import normalize_axis
from adjoint.ops.kinks.kinks import NestedTangents
from adjoint.ops.shape.movement import broadcast_to, permute_dims, reshape
from adjoint.transforms.batch import batch
from adjoint.transforms.forward import forward

Argnums = int | Sequence[int]


def jacrev(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the Jacobian of `f`, by one reverse sweep for all outputs at once.

    For an output of shape s and an argument of shape t the Jacobian has shape s + t; for pytrees
    it has the structure of the output with the structure of the argument in each leaf. Good where
    outputs are fewer than inputs.

    >>> import adjoint as ad
    >>> ad.jacrev(lambda x: ad.stack([x[0] * x[1], ad.sin(x[0])]))(ad.asarray([0.0, 3.0]))
    Tensor([[3., 0.],
            [1., 0.]])
    """
    return _jacobian("jacrev", rows, f, argnums, has_aux)


def jacfwd(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that returns the Jacobian of `f`, by one forward sweep for all inputs at once.

    Shapes as in `jacrev`. Good where inputs are fewer than outputs.

    >>> import adjoint as ad
    >>> ad.jacfwd(lambda x: ad.stack([x, x * x]))(3.0)
    Tensor([1., 6.])
    """
    return _jacobian("jacfwd", _columns, f, argnums, has_aux)


def jacobian(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, sparse: bool = False
) -> Callable[..., Any]:
    """A function that returns the Jacobian of `f`, forward or reverse, whichever has less to do.

    Of a real function of complex numbers it holds the directions of steepest ascent; a complex
    function of complex numbers is taken to be holomorphic. With ``sparse=True`` the result is a
    `scipy.sparse.csr_array`, found by few sweeps (see `SparseDerivative`).

    >>> import adjoint as ad
    >>> ad.jacobian(lambda x: x * x)(ad.asarray([1.0, 2.0]))
    Tensor([[2., 0.],
            [0., 4.]])
    """
    if sparse:
        return _sparse("jacobian", f, argnums, has_aux)
    return _jacobian("jacobian", _cheaper, f, argnums, has_aux)


def hessian(
    f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, sparse: bool = False
) -> Callable[..., Any]:
    """A function that returns the Hessian of the scalar function `f`: forward over reverse.

    For an argument of shape t it has shape t + t; for a pytree, trees in trees; for several
    `argnums`, a tuple of tuples. With ``sparse=True`` the result is a `scipy.sparse.csr_array` of
    two axes, found by few products (see `SparseDerivative`).

    >>> import adjoint as ad
    >>> ad.hessian(lambda x: x[0] ** 2 * x[1])(ad.asarray([1.0, 2.0]))
    Tensor([[4., 2.],
            [2., 0.]])
    """
    if sparse:
        return _sparse("hessian", f, argnums, has_aux)
    gradient = _jacobian("hessian", rows, f, argnums, has_aux)
    return _jacobian("hessian", _columns, gradient, argnums, has_aux)


def _sparse(kind: str, f: Any, argnums: Argnums, has_aux: bool) -> Callable[..., Any]:
    if has_aux:
        raise ArgumentError(
            f"{kind}: sparse=True and has_aux=True do not go together; return the output alone"
        )
    module = import_module("adjoint.api.sparse_derivatives")
    found: Callable[..., Any] = module.SparseDerivative(kind, f, argnums)
    return found


def hvp(f: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The Hessian of the scalar function `f` at `primals` times the vector `tangents`.

    Computed forward over reverse, without the Hessian. `primals` and `tangents` are one pytree, if
    `f` takes one argument, or tuples with an entry for each argument; the result is like `primals`.

    >>> import adjoint as ad
    >>> x, v = ad.asarray([1.0, 2.0]), ad.asarray([1.0, 0.0])
    >>> ad.hvp(lambda x: x[0] ** 2 * x[1], x, v)
    Tensor([4., 2.])
    """
    check_callable("hvp", f)
    if not isinstance(primals, tuple):
        return jvp_for("hvp", gradient_for("hvp", f, 0), (primals,), (tangents,))[1]
    everything = tuple(range(len(primals)))
    return jvp_for("hvp", gradient_for("hvp", f, everything), primals, tangents)[1]


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
        return traced.unflatten(_move_axis("vmap: out_axes", y, 0, out_axes) for y in results)

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
        x = as_tensor(leaf)
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


def _columns(outputs: list[Tensor], nodes: list[Node], scope: Scope) -> list[list[Tensor]]:
    """By forward mode: for each output the derivatives by each node.

    By reverse mode where a tangent is differentiated at what may be a kink.
    """
    try:
        return _each_column(outputs, nodes, scope)
    except NestedTangents:
        return rows(outputs, nodes, scope)


def _each_column(outputs: list[Tensor], nodes: list[Node], scope: Scope) -> list[list[Tensor]]:
    columns = []
    for node in nodes:
        column = _column(outputs, node, scope, 1)
        real = [y.node.dtype.kind != "c" for y in outputs]
        if node.dtype.kind == "c" and any(real):
            across = _column(outputs, node, scope, 1j)
            sides = zip(column, across, real, strict=True)
            column = [u + 1j * v if is_real else u for u, v, is_real in sides]
        columns.append(column)
    return [[column[i] for column in columns] for i in range(len(outputs))]


def _column(outputs: list[Tensor], node: Node, scope: Scope, along: complex) -> list[Tensor]:
    """The derivatives of the outputs in the directions of the axes of `node`, times `along`."""
    direction = variable_node(None, node.shape, node.dtype, Scope(abstract=True))
    seed = Tensor(direction) if along == 1 else Tensor(direction) * along
    found = forward([y.node for y in outputs], {node: seed}, scope)
    basis = BasisTangents([found[y.node].node for y in outputs if y.node in found], direction)
    column = []
    for y in outputs:
        if y.node in found and found[y.node].node in basis:
            tangent = basis.dense(found[y.node].node, last=True)
            column.append(reshape(tangent, (*y.node.shape, *node.shape)))
        else:
            column.append(no_derivative(y, node))
    return column


def _cheaper(outputs: list[Tensor], nodes: list[Node], scope: Scope) -> list[list[Tensor]]:
    down = sum(y.size for y in outputs)
    across = sum(Tensor(node).size for node in nodes)
    return (rows if down <= across else _columns)(outputs, nodes, scope)


def _jacobian(
    transform: str, sweep: Any, f: Any, argnums: Argnums, has_aux: bool
) -> Callable[..., Any]:
    check_callable(transform, f)

    @functools.wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        numbers = normalize_argnums(transform, argnums, len(args))
        with TracedCall(transform, f) as traced:
            arguments = traced.open(args, numbers)
            outputs = traced.tensors(arguments.given, kwargs, has_aux)
            if not outputs:
                raise ArgumentError(
                    f"{transform}: {function_name(f)} returned {traced.unflatten(())!r}, which "
                    f"holds no numbers; return a tensor (is a return statement missing?)"
                )
            table = sweep(outputs, arguments.nodes, traced.scope)
        found = []
        for row in table:
            trees = arguments.trees(dict(zip(arguments.nodes, row, strict=True)))
            found.append(trees[0] if isinstance(argnums, int) else tuple(trees))
        result = traced.unflatten(found)
        return (result, traced.aux) if has_aux else result

    return jacobian_of
