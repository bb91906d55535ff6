"""Derivatives that are arrays: jacobian, jacfwd, jacrev, hessian; and hvp.

A Jacobian is one derivative graph for a symbolic direction, which becomes each basis vector.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from adjoint.api.arguments import check_callable, function_name, normalize_argnums
from adjoint.api.basis_jacobian import BasisTangents
from adjoint.api.derivatives import check_directions, gradient_for, push, tangents_of
from adjoint.api.jacobian_rows import no_derivative, rows
from adjoint.api.parts import Change, Filter, Names, is_one_part, of_parts, parts_of
from adjoint.api.replay import held_replay, replayed
from adjoint.api.traced_call import TracedArguments, TracedCall
from adjoint.errors import ArgumentError
from adjoint.graph.forking import import_module
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor
from adjoint.ops.kinks.kinks import NestedTangents
from adjoint.ops.shape.movement import reshape
from adjoint.transforms.forward import forward
from adjoint.transforms.substitute import substitute

Argnums = int | Sequence[int]


def jacrev(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    argnames: Names = None,
    wrt: Filter = None,
) -> Callable[..., Any]:
    """A function that returns the Jacobian of `f`, by one reverse sweep for all outputs at once.

    Shapes and arguments as in `jacobian`. Good where outputs are fewer than inputs.

    >>> import adjoint as ad
    >>> ad.jacrev(lambda x: ad.stack([x[0] * x[1], ad.sin(x[0])]))(ad.asarray([0.0, 3.0]))
    Tensor([[3., 0.],
            [1., 0.]])
    """
    return _jacobian("jacrev", rows, f, argnums, has_aux, argnames, wrt)


def jacfwd(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    argnames: Names = None,
    wrt: Filter = None,
) -> Callable[..., Any]:
    """A function that returns the Jacobian of `f`, by one forward sweep for all inputs at once.

    Shapes and arguments as in `jacobian`. Good where inputs are fewer than outputs.

    >>> import adjoint as ad
    >>> ad.jacfwd(lambda x: ad.stack([x, x * x]))(3.0)
    Tensor([1., 6.])
    """
    return _jacobian("jacfwd", _columns, f, argnums, has_aux, argnames, wrt)


def jacobian(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    sparse: bool = False,
    memory: int | None = None,
    argnames: Names = None,
    wrt: Filter = None,
) -> Callable[..., Any]:
    """A function that returns the Jacobian of `f`, forward or reverse, whichever has less to do.

    For an output of shape s and an argument of shape t the Jacobian has shape s + t; for pytrees
    it has the structure of the output with the structure of the argument in each leaf. With
    `has_aux` it is ``(jacobian, aux)``. Of a real function of complex numbers it holds the
    directions of steepest ascent; a complex function of complex numbers is taken to be holomorphic.

    With ``sparse=True`` the result is a `scipy.sparse.csr_array`, found by few sweeps (see
    `SparseDerivative`). With `memory`, a number of bytes, rows or columns are found in blocks so
    large that their sweeps fit into it; function and derivative are then of one tensor. `argnames`
    and `wrt` choose arguments by name, or parts of one, as for `grad`; of several, ``sparse=True``
    has the columns in one array.

    >>> import adjoint as ad
    >>> ad.jacobian(lambda x: x * x)(ad.asarray([1.0, 2.0]))
    Tensor([[2., 0.],
            [0., 4.]])
    """
    if sparse:
        return _sparse("jacobian", f, argnums, has_aux, argnames, wrt)
    if memory is not None:
        return _in_blocks("jacobian", f, argnums, has_aux, memory, argnames, wrt)
    return _jacobian("jacobian", _cheaper, f, argnums, has_aux, argnames, wrt)


def hessian(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    sparse: bool = False,
    memory: int | None = None,
    argnames: Names = None,
    wrt: Filter = None,
) -> Callable[..., Any]:
    """A function that returns the Hessian of the scalar function `f`: forward over reverse.

    For an argument of shape t it has shape t + t; for a pytree, trees in trees; for several
    `argnums`, a tuple of tuples. With ``sparse=True`` the result is a `scipy.sparse.csr_array` of
    two axes, found by few products (see `SparseDerivative`). With `memory`, a number of bytes,
    products with the Hessian are made in blocks that fit into it. `argnames` and `wrt` choose
    arguments by name, or parts of one, as for `grad`: rows and columns are then of these alone.

    >>> import adjoint as ad
    >>> ad.hessian(lambda x: x[0] ** 2 * x[1])(ad.asarray([1.0, 2.0]))
    Tensor([[4., 2.],
            [2., 0.]])
    >>> ad.hessian(lambda p: p["w"] ** 2 * p["b"], wrt="w")({"w": 3.0, "b": 5.0})
    Tensor(10.)
    """
    if sparse:
        return _sparse("hessian", f, argnums, has_aux, argnames, wrt)
    if memory is not None:
        return _in_blocks("hessian", f, argnums, has_aux, memory, argnames, wrt)
    if argnames is not None or wrt is not None:
        return of_parts("hessian", f, argnums, argnames, wrt, partial(_hessian, has_aux=has_aux))
    return replayed(f, argnums, _hessian(f, argnums, None, has_aux))


def _sparse(
    kind: str, f: Any, argnums: Argnums, has_aux: bool, argnames: Names, wrt: Filter
) -> Callable[..., Any]:
    module = import_module("adjoint.api.sparse_derivatives")
    found: Callable[..., Any] = module.SparseDerivative(kind, f, argnums, has_aux, argnames, wrt)
    return found


def _in_blocks(
    kind: str, f: Any, argnums: Argnums, has_aux: bool, memory: int, argnames: Names, wrt: Filter
) -> Callable[..., Any]:
    blocked = import_module("adjoint.api.jacobian_blocks").blocked
    if argnames is None and wrt is None:
        found: Callable[..., Any] = blocked(kind, f, argnums, has_aux, memory)
        return found

    def of_part(g: Any, numbers: Sequence[int], change: Change) -> Callable[..., Any]:
        if len(numbers) != 1:
            raise ArgumentError(
                f"{kind}: with memory= one part must be named, got {len(numbers)}; call it for "
                f"each of them"
            )
        of_it: Callable[..., Any] = blocked(kind, g, 0, has_aux, memory, change)
        return of_it

    return of_parts(kind, f, argnums, argnames, wrt, of_part)


def hvp(
    f: Callable[..., Any],
    primals: Any,
    tangents: Any,
    has_aux: bool = False,
    *,
    argnames: Names = None,
    wrt: Filter = None,
) -> Any:
    """The Hessian of the scalar function `f` at `primals` times the vector `tangents`.

    Computed forward over reverse, without the Hessian. `primals` and `tangents` are one pytree, if
    `f` takes one argument, or tuples with an entry for each argument; the result is like `primals`.
    With `has_aux`, `f` returns a pair of a scalar and anything, and this ``(product, aux)``.
    `argnames` and `wrt` choose arguments by name, or parts of the first, as for `grad`; `tangents`
    and the result are then like these.

    >>> import adjoint as ad
    >>> x, v = ad.asarray([1.0, 2.0]), ad.asarray([1.0, 0.0])
    >>> ad.hvp(lambda x: x[0] ** 2 * x[1], x, v)
    Tensor([4., 2.])
    """
    check_callable("hvp", f)
    several = isinstance(primals, tuple)
    if argnames is not None or wrt is not None:
        parts = parts_of("hvp", f, primals if several else (primals,), 0, argnames, wrt)
        one = is_one_part(0, argnames, wrt)
        along = parts.taken(tangents, one)
        product = hvp(parts.function, tuple(parts.parts), along, has_aux)
        if has_aux:
            return parts.result(product[0], one), product[1]
        return parts.result(product, one)
    if not several:
        primals, tangents = (primals,), (tangents,)
    check_directions("hvp", primals, tangents)
    count = len(primals)

    def traced(*args: Any) -> Any:
        return _hvp(f, args[:count], args[count:], has_aux, several)

    replay = held_replay(f, ("hvp", count, has_aux, several), tuple(range(2 * count)), traced)
    args = (*primals, *tangents)
    return traced(*args) if replay is None else replay.call(args)


def _hvp(
    f: Any, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool, several: bool
) -> Any:
    """For each argument the product, a tuple if there are `several`."""
    with TracedCall("hvp", f, nested=True) as traced:
        arguments = traced.open(primals)
        seeds = tangents_of("hvp", arguments, tangents)
        traced.scalar(arguments.given, {}, has_aux)
        found = traced.derived("hvp", list(seeds), _curved_directions, list(seeds.values()))
    trees = arguments.labelled(arguments.trees(dict(zip(seeds, found, strict=True))))
    product = tuple(trees) if several else trees[0]
    return (product, traced.aux) if has_aux else product


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
    transform: str,
    sweep: Any,
    f: Any,
    argnums: Argnums,
    has_aux: bool,
    argnames: Names = None,
    wrt: Filter = None,
) -> Callable[..., Any]:
    if argnames is None and wrt is None:
        whole = _jacobian_of(transform, sweep, f, argnums, None, has_aux)
        return replayed(f, argnums, whole)
    check_callable(transform, f)
    found = partial(_jacobian_of, transform, sweep, has_aux=has_aux)
    return of_parts(transform, f, argnums, argnames, wrt, found)


def _jacobian_of(
    transform: str, sweep: Any, f: Any, argnums: Argnums, arranged: Change | None, has_aux: bool
) -> Callable[..., Any]:
    """`arranged` makes of the trees for each argument what stands in a leaf of the output."""
    check_callable(transform, f)

    def entries(outputs: Sequence[Tensor], nodes: Sequence[Node], scope: Scope) -> list[Tensor]:
        return [x for row in sweep(outputs, nodes, scope) for x in row]

    @functools.wraps(f)
    def jacobian_of(*args: Any, **kwargs: Any) -> Any:
        numbers = normalize_argnums(transform, argnums, len(args))
        with TracedCall(transform, f) as traced:
            arguments = traced.open(args, numbers)
            _outputs(traced, arguments, kwargs, has_aux)
            found = iter(traced.derived(sweep.__name__, arguments.nodes, entries))
        shape = arranged or partial(_row, argnums)
        result = traced.unflatten([_row_tree(arguments, shape, found) for _ in traced.outputs])
        return (result, traced.aux) if has_aux else result

    return jacobian_of


def _outputs(traced: TracedCall, arguments: TracedArguments, kwargs: Any, has_aux: bool) -> None:
    """Call the function, which must return numbers."""
    if not traced.tensors(arguments.given, kwargs, has_aux):
        raise ArgumentError(
            f"{traced.transform}: {function_name(traced.f)} returned {traced.unflatten(())!r}, "
            f"which holds no numbers; return a tensor (is a return statement missing?)"
        )


def _row(argnums: Argnums, trees: Sequence[Any]) -> Any:
    """The trees for each argument, as they are returned."""
    return trees[0] if isinstance(argnums, int) else tuple(trees)


def _row_tree(
    arguments: TracedArguments, arranged: Change, entries: Iterator[Any], labelled: bool = True
) -> Any:
    """The next entries, one for each variable, in trees like the arguments."""
    trees = arguments.trees({node: next(entries) for node in arguments.nodes})
    if labelled:
        trees = arguments.labelled(trees)  # those of an output that is a number
    return arranged(trees)


def _hessian(
    f: Any, argnums: Argnums, arranged: Change | None, has_aux: bool
) -> Callable[..., Any]:
    """As `_columns` of `rows` of `f`, which is called once and whose graph is then differentiated
    as a function."""
    first = _jacobian_of("hessian", rows, f, argnums, None, has_aux)

    @functools.wraps(first)  # so that it is told apart from a first derivative
    def hessian_of(*args: Any, **kwargs: Any) -> Any:
        numbers = normalize_argnums("hessian", argnums, len(args))
        with TracedCall("hessian", f, nested=True) as traced:
            arguments = traced.open(args, numbers)
            _outputs(traced, arguments, kwargs, has_aux)
            found = iter(traced.derived("hessian", arguments.nodes, _second_derivatives))
        count, shape = len(arguments.nodes), arranged or partial(_row, argnums)
        rows_of = [
            [_row_tree(arguments, shape, found) for _ in range(count)] for _ in traced.outputs
        ]
        result = traced.unflatten(
            [_row_tree(arguments, shape, iter(row), labelled=False) for row in rows_of]
        )
        return (result, traced.aux) if has_aux else result

    return hessian_of


def _curved_directions(
    given: Sequence[Tensor], nodes: Sequence[Node], scope: Scope
) -> list[Tensor]:
    """The tangents of the gradient of one output, of which those of the variables follow."""
    value, *seeds = given

    def again(*leaves: Tensor) -> Tensor:
        return substitute([value.node], dict(zip(nodes, leaves, strict=True)))[0]

    gradient = gradient_for("hvp", again, tuple(range(len(nodes))))
    with TracedCall("hvp", gradient) as traced:
        arguments = traced.open([Tensor(node.inputs[0]) for node in nodes])
        outputs = traced.tensors(arguments.given, {})
        directions = dict(zip(arguments.nodes, seeds, strict=True))
        return list(push(outputs, directions, traced.scope))


def _second_derivatives(
    outputs: Sequence[Tensor], nodes: Sequence[Node], scope: Scope
) -> list[Tensor]:
    """By output, and by each of two variables, one after the other."""
    results = [y.node for y in outputs]

    def again(*leaves: Tensor) -> list[Tensor]:
        return substitute(results, dict(zip(nodes, leaves, strict=True)))

    every = tuple(range(len(nodes)))
    rows_of = _jacobian_of("hessian", rows, again, every, None, has_aux=False)
    with TracedCall("hessian", rows_of) as traced:
        arguments = traced.open([Tensor(node.inputs[0]) for node in nodes])
        outputs = list(traced.tensors(arguments.given, {}))
        table = _columns(outputs, arguments.nodes, traced.scope)
    return [x for row in table for x in row]
