"""A derivative kept as a function: linearize; and the transpose of a linear function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adjoint.api.arguments import (
    as_output,
    check_arity,
    check_callable,
    function_name,
    like,
    zeros_like,
)
from adjoint.api.derivatives import pull, push, tangents_of
from adjoint.api.stepping import open_leaves, traced
from adjoint.api.traced_call import TracedArguments, TracedCall
from adjoint.api.tree import flatten, same_structure
from adjoint.errors import ArgumentError
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.storage import as_given, stored_among
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.closing import captured, closed
from adjoint.ops.control.linear_map import LinearMap, transposed


def linearize(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of ``f(*primals)`` and the linear function v ↦ J v there.

    The function takes a tangent for each argument and returns a tree like the value. It can be
    called as often as wanted; `f` is not run again. As ``jax.linearize``.

    >>> import adjoint as ad
    >>> y, along = ad.linearize(lambda x: ad.sin(x), 0.0)
    >>> y, along(2.0), along(3.0)
    (Tensor(0.), Tensor(2.), Tensor(3.))
    """
    _check_primals("linearize", f, primals)
    with TracedCall("linearize", f) as traced_call:
        arguments = traced_call.open(primals)
        outputs = traced_call.tensors(arguments.given, {})
        pushforward = _Pushforward(arguments, traced_call)
    return traced_call.unflatten(outputs), pushforward


def _check_primals(name: str, f: Any, primals: Sequence[Any]) -> None:
    """Raise `ArgumentError` unless `f` can be called with the primals."""
    check_callable(name, f)
    form = f"f(*primals) with {len(primals)} primals" if primals else "f() as no primals are given"
    cure = f"pass a primal for each of its arguments, as in {name}(f, x)"
    check_arity(name, "f", f, form, len(primals), cure)


class _Pushforward:
    """The function v ↦ J v at one point; keeps the history while it lives."""

    def __init__(self, arguments: TracedArguments, traced_call: TracedCall) -> None:
        self.arguments = arguments
        self.outputs = traced_call.outputs
        self.structure = traced_call.structure
        self.unflatten = traced_call.unflatten
        self.scope = traced_call.keep_open()

    def __call__(self, *tangents: Any) -> Any:
        """The product with tangents, one for each argument."""
        seeds = self.seeds("linearize", tangents)
        return self.unflatten(push(self.outputs, seeds, self.scope))

    def seeds(self, name: str, tangents: Sequence[Any]) -> dict[Node, Tensor]:
        """The tangent of each variable; raises `ArgumentError` where these do not fit."""
        count = len(self.arguments.traced)
        if len(tangents) != count:
            raise ArgumentError(
                f"{name}: the linear function takes {count} tangents, one for each argument, "
                f"got {len(tangents)}"
            )
        return tangents_of(name, self.arguments, tangents)

    def transpose(self, adjoint: Any) -> tuple[Any, ...]:
        """The product of the transpose with an adjoint: a tree for each argument."""
        given = _adjoints(adjoint, self.outputs, self.structure)
        seeds = list(zip(self.outputs, given, strict=True))
        return tuple(self.arguments.trees(pull(seeds, self.arguments.nodes, self.scope)))

    def __del__(self) -> None:
        self.scope.close()


def linear_transpose(f: Callable[..., Any], *primals: Any) -> Callable[[Any], tuple[Any, ...]]:
    """The transpose of a linear function: w ↦ Aᵀ w, for ``f(v) = A v``.

    Of the `primals` only shapes and dtypes count. Of a function that `linearize` returned it is the
    reverse sweep, whatever loops and decompositions were linearized. The result takes a tree like
    the value of `f` and returns a tuple with a tree for each argument. Raises
    `NotDifferentiableError` if `f` is seen not to be linear. As ``jax.linear_transpose``; of
    complex numbers it is the conjugate transpose, as adjoints are.

    >>> import adjoint as ad
    >>> back = ad.linear_transpose(lambda v: ad.cumsum(v), ad.zeros(3))
    >>> back(ad.array([0.0, 1.0, 0.0]))
    (Tensor([1., 1., 0.]),)
    """
    _check_primals("linear_transpose", f, primals)
    if isinstance(f, _Pushforward):
        f.seeds("linear_transpose", primals)
        return f.transpose
    leaves, structure = open_leaves("linear_transpose: argument ", tuple(primals))
    stored = stored_among(flatten(tuple(primals))[0])
    scope = Scope(abstract=True)
    variables = [variable_node(None, x.node.shape, x.node.dtype, scope) for x in leaves]
    try:
        given = as_given(map(Tensor, variables), stored)
        result = traced(f, tuple(structure.unflatten(given)))
    finally:
        scope.close()
    found, result_structure = flatten(result)
    outputs = [as_output("linear_transpose", f, x) for x in found]
    nodes = [x.node for x in outputs]
    outside = captured(nodes, variables)
    graph = closed(nodes, variables, outside)
    numbers = tuple(range(len(variables)))
    back = transposed(
        LinearMap(graph, numbers, tuple(range(len(nodes)))),
        f"linear_transpose: {function_name(f)}",
        "linearize it first (adjoint.linearize), or use adjoint.vjp",
    )

    def transpose(adjoint: Any) -> tuple[Any, ...]:
        given = _adjoints(adjoint, outputs, result_structure)
        shares = back.apply(list(map(Tensor, outside)), dict(enumerate(given)), numbers)
        sent = [shares[n] if n in shares else zeros_like(x) for n, x in enumerate(leaves)]
        return tuple(structure.unflatten(as_given(sent, stored)))

    return transpose


def _adjoints(tree: Any, outputs: Sequence[Tensor], structure: Any) -> list[Tensor]:
    """The leaves of an adjoint, checked against the result."""
    model = "the result of the function"
    leaves, found = flatten(tree)
    if not same_structure(found, structure):
        raise ArgumentError(
            f"linear_transpose: the adjoint has structure {found}, {model} {structure}; they must "
            f"be the same"
        )
    return [
        like(y, x, "linear_transpose: the adjoint", model)
        for x, y in zip(leaves, outputs, strict=True)
    ]
