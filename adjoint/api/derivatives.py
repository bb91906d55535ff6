"""First derivatives of functions: grad, value_and_grad, vjp, jvp. Signatures as in JAX."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adjoint.api.arguments import (
    check_callable,
    function_name,
    like,
    normalize_argnums,
    ones_like,
    zeros_like,
)
from adjoint.api.jacobian_rows import tangents_by_rows
from adjoint.api.parts import Filter, Names, by_parts, is_one_part, parts_of
from adjoint.api.replay import held_replay, replayed
from adjoint.api.traced_call import TracedArguments, TracedCall
from adjoint.api.tree import flatten, same_structure
from adjoint.backends.derivative_programs import derivative
from adjoint.errors import (
    ArgumentError,
    DTypeError,
    NotDifferentiableError,
)
from adjoint.graph.labels import Labels, check_equal, labels_of
from adjoint.graph.node import Node, Scope
from adjoint.graph.op import find
from adjoint.graph.storage import as_given
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.complex import conj
from adjoint.ops.kinks.kinks import NestedTangents
from adjoint.transforms.forward import forward
from adjoint.transforms.paths import between
from adjoint.transforms.reverse import reverse


def value_and_grad(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: Names = None,
    wrt: Filter = None,
) -> Callable[..., Any]:
    """A function that returns the value of `f` and its gradient, in one forward and one reverse.

    Arguments, errors and the gradient are those of `grad`. The result is ``(value, gradient)``, or
    with `has_aux` ``((value, aux), gradient)``; the value keeps its shape.

    >>> import adjoint as ad
    >>> ad.value_and_grad(lambda x: x * x)(3.0)
    (Tensor(9.), Tensor(6.))
    """
    if argnames is not None or wrt is not None:
        return by_parts(
            "value_and_grad",
            f,
            argnums,
            argnames,
            wrt,
            lambda g, n: _value_and_grad("value_and_grad", g, n, has_aux, holomorphic),
            lambda found, change: (found[0], change(found[1])),
        )
    both = _value_and_grad("value_and_grad", f, argnums, has_aux, holomorphic)
    return replayed(f, argnums, both)


def grad(
    f: Callable[..., Any],
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    holomorphic: bool = False,
    *,
    argnames: Names = None,
    wrt: Filter = None,
) -> Callable[..., Any]:
    """A function that returns the gradient of the scalar function `f`.

    `f` takes pytrees and returns a real scalar (or with `has_aux` a pair of it and anything); a
    tensor of one element, as of shape (1, 1), is as good. The result has the signature of `f` and
    returns the gradient, or with `has_aux` ``(gradient, aux)``; the gradient has the structure,
    shapes and dtypes of the argument `argnums` (a tuple of gradients for a sequence). Python
    integers count as float64. Raises `ArgumentError`, `ShapeError`, `DTypeError` naming the
    argument at fault.

    argnames: arguments by name, also those passed by keyword, instead of `argnums`.
    wrt: a part of that argument: a path into its tree such as ``"layers.0.weight"`` (then the
    gradient is like that part), several (a tuple), or a filter ``(path, leaf) -> bool`` (then it is
    like the argument, with None for what was not chosen).
    holomorphic: the function takes and returns complex numbers, and the result is its complex
    derivative f'. Without it the gradient of a real function of complex numbers is the direction of
    steepest ascent, ∂f/∂a + i ∂f/∂b.

    >>> import adjoint as ad
    >>> f = lambda x1, x2: ad.log(x1) + x1 * x2 - ad.sin(x2)
    >>> ad.grad(f, argnums=(0, 1))(2.0, 5.0)
    (Tensor(5.5), Tensor(1.71633781))
    >>> ad.grad(f, argnames="x2")(2.0, x2=5.0)
    Tensor(1.71633781)
    >>> ad.grad(lambda p: p["w"][0] * p["b"], wrt="w.0")({"w": [2.0, 3.0], "b": 5.0})
    Tensor(5.)
    >>> ad.grad(lambda z: z**3, holomorphic=True)(1j)
    Tensor(-3.+0.j)
    """
    if argnames is not None or wrt is not None:
        return by_parts(
            "grad",
            f,
            argnums,
            argnames,
            wrt,
            lambda g, n: gradient_for("grad", g, n, has_aux, holomorphic),
            (lambda found, change: (change(found[0]), found[1]))
            if has_aux
            else (lambda found, change: change(found)),
        )
    return replayed(f, argnums, gradient_for("grad", f, argnums, has_aux, holomorphic))


def gradient_for(
    transform: str,
    f: Callable[..., Any],
    argnums: int | Sequence[int],
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Callable[..., Any]:
    """`grad` in the name of another transform, which messages then name."""
    both = _value_and_grad(transform, f, argnums, has_aux, holomorphic)

    @functools.wraps(f)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, result = both(*args, **kwargs)
        return (result, value[1]) if has_aux else result

    return gradient


def _value_and_grad(
    transform: str, f: Any, argnums: Any, has_aux: bool, holomorphic: bool = False
) -> Callable[..., Any]:
    check_callable(transform, f)

    @functools.wraps(f)
    def value_and_gradient(*args: Any, **kwargs: Any) -> Any:
        numbers = normalize_argnums(transform, argnums, len(args))
        with TracedCall(transform, f) as traced:
            arguments = traced.open(args, numbers)
            if holomorphic:
                value = traced.complex_scalar(arguments.given, kwargs, has_aux)
                adjoints = complex_derivatives(transform, f, value, arguments.nodes, traced.scope)
            else:
                value = traced.scalar(arguments.given, kwargs, has_aux)
                found = traced.derived("gradient", nodes := arguments.nodes, gradients_of)
                adjoints = dict(zip(nodes, found, strict=True))
            gradients = arguments.trees(adjoints)
        gradients = arguments.labelled(gradients)
        (value,) = as_given((value,), traced.stored)
        result = gradients[0] if isinstance(argnums, int) else tuple(gradients)
        return ((value, traced.aux) if has_aux else value), result

    return value_and_gradient


def gradients_of(outputs: Sequence[Tensor], nodes: Sequence[Node], scope: Scope) -> list[Tensor]:
    """The adjoints of `nodes` that the one output sends them."""
    (value,) = outputs
    return list(pull([(value, ones_like(value))], nodes, scope).values())


def pull(
    seeds: Sequence[tuple[Tensor, Tensor]], nodes: Sequence[Node], scope: Scope | None
) -> dict[Node, Tensor]:
    """The adjoints of `nodes`, zero where nothing depends on them."""
    adjoints = reverse([(y.node, seed) for y, seed in seeds], nodes, scope)
    return {
        node: adjoints[node].sum() if node in adjoints else zeros_like(Tensor(node))
        for node in nodes
    }


def complex_derivatives(
    transform: str, f: Any, value: Tensor, nodes: Sequence[Node], scope: Scope
) -> dict[Node, Tensor]:
    """The complex derivatives of a holomorphic value: the conjugates of its adjoints.

    What is not holomorphic is refused: on the way from the variables to the value nothing may be
    real, and what is conjugated must be so twice, as derivatives within are.
    """
    for node in nodes:
        if node.dtype.kind != "c":
            raise DTypeError(
                f"{transform}: with holomorphic=True {function_name(f)} must be given complex "
                f"numbers, got {node.dtype}; convert them with .astype('complex128')"
            )
    conjugated = dict.fromkeys(nodes, False)
    for node, taken in between([value.node], nodes, scope).items():
        if node in conjugated:
            continue
        sides = {conjugated[x] for x in taken.inputs if x in conjugated}
        is_conj = taken.op is find("conj")
        conjugated[node] = sides == {not is_conj}
        analytic = is_conj or taken.op.holomorphic
        if (
            node.dtype.kind != "c"
            or not analytic
            or len(sides) > 1
            or (node is value.node and conjugated[node])
        ):
            raise NotDifferentiableError(
                f"{transform}: {function_name(f)} is not holomorphic, as it goes through "
                f"{node.op.name}; leave out holomorphic=True for the direction of steepest ascent, "
                f"or see adjoint.wirtinger"
            )
    return {node: conj(x) for node, x in pull([(value, ones_like(value))], nodes, scope).items()}


def pulled(given: Sequence[Tensor], nodes: Sequence[Node], scope: Scope) -> list[Tensor]:
    """The adjoints of variables for those of outputs, which follow them in `given`."""
    count = len(given) // 2
    return list(pull(list(zip(given[:count], given[count:], strict=True)), nodes, scope).values())


class Pullback:
    """The function v ↦ vᵀJ at one point, as often as wanted; keeps the history while it lives."""

    def __init__(self, arguments: TracedArguments, traced: TracedCall) -> None:
        self.arguments = arguments
        self.outputs = traced.outputs
        self.structure = traced.structure
        self.scope = traced.keep_open()
        self.was_called = False

    def __call__(self, adjoint: Any) -> tuple[Any, ...]:
        """The products with `adjoint`, a tree like the output of the function, per argument."""
        leaves, structure = flatten(adjoint)
        if not same_structure(structure, self.structure):
            raise ArgumentError(
                f"vjp: the adjoint has structure {structure}, the output of the function "
                f"{self.structure}; they must be the same"
            )
        pairs = zip(self.outputs, leaves, strict=True)
        seeds = [
            (y, like(y, leaf, "vjp: the adjoint", "the output of the function"))
            for y, leaf in pairs
        ]
        nodes = self.arguments.nodes
        roots = [y for y, _ in seeds] + [seed for _, seed in seeds]
        found = None
        if not self.was_called:  # later calls find the values that the first one left
            self.was_called = True
            kind = "pulled", len(seeds)
            found = derivative(kind, roots, len(seeds), nodes, self.scope, pulled)
        if found is None:
            found = pulled(roots, nodes, self.scope)
        trees = self.arguments.trees(dict(zip(nodes, found, strict=True)))
        return tuple(self.arguments.labelled(trees, self.scope))

    def __del__(self) -> None:
        self.scope.close()


def vjp(
    f: Callable[..., Any],
    *args: Any,
    has_aux: bool = False,
    argnums: int = 0,
    argnames: Names = None,
    wrt: Filter = None,
) -> Any:
    """The value of ``f(*args)`` and the pullback, which maps an adjoint v of the output to vᵀJ.

    Returns ``(value, pullback)``, or with `has_aux` ``(value, pullback, aux)``. The pullback takes
    a tree like the value and returns a tuple with one tree per argument; it can be called again
    and differentiated. With `argnames`, or with `wrt` for parts of the argument `argnums`, it
    returns what `grad` returns for these.

    >>> import adjoint as ad
    >>> y, pullback = ad.vjp(lambda x: x * x, 3.0)
    >>> pullback(1.0)
    (Tensor(6.),)
    """
    check_callable("vjp", f)
    if argnames is not None or wrt is not None:
        parts, one = (
            parts_of("vjp", f, args, argnums, argnames, wrt),
            is_one_part(argnums, argnames, wrt),
        )
        value, whole, *aux = vjp(parts.function, *parts.parts, has_aux=has_aux)
        return (value, lambda v: parts.result(whole(v), one), *aux)
    with TracedCall("vjp", f) as traced:
        arguments = traced.open(args)
        outputs = traced.tensors(arguments.given, {}, has_aux)
        pullback = Pullback(arguments, traced)
    value = traced.unflatten(outputs)
    return (value, pullback, traced.aux) if has_aux else (value, pullback)


def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> Any:
    """The value of ``f(*primals)`` and its derivative J v in the direction `tangents`.

    `primals` and `tangents` are tuples of pytrees with the same structures and shapes. Returns
    ``(value, tangent)``, or with `has_aux` ``(value, tangent, aux)``.

    >>> import adjoint as ad
    >>> ad.jvp(lambda x: ad.sin(x), (0.0,), (2.0,))
    (Tensor(0.), Tensor(2.))
    """
    check_callable("jvp", f)
    check_directions("jvp", primals, tangents)
    count = len(primals)

    def traced(*args: Any) -> Any:
        return jvp_for("jvp", f, args[:count], args[count:], has_aux)

    replay = held_replay(f, ("jvp", count, has_aux), tuple(range(2 * count)), traced)
    args = (*primals, *tangents)
    return traced(*args) if replay is None else replay.call(args)


def jvp_for(transform: str, f: Any, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """`jvp` in the name of another transform, which messages then name."""
    check_callable(transform, f)
    check_directions(transform, primals, tangents)
    with TracedCall(transform, f) as traced:
        arguments = traced.open(primals)
        seeds = tangents_of(transform, arguments, tangents)
        outputs = traced.tensors(arguments.given, {}, has_aux)
        results = traced.derived("tangents", list(seeds), tangents_by_seeds, list(seeds.values()))
    pair = traced.unflatten(outputs), traced.unflatten(results)
    return (*pair, traced.aux) if has_aux else pair


def check_directions(transform: str, primals: Any, tangents: Any) -> None:
    """Raise `ArgumentError` unless there is a tangent for each primal."""
    for name, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise ArgumentError(
                f"{transform}: {name} must be a tuple with one entry per argument, got "
                f"{type(given).__name__}; write {transform}(f, (x,), (v,))"
            )
    if len(primals) != len(tangents):
        raise ArgumentError(
            f"{transform}: {len(primals)} primals but {len(tangents)} tangents were given"
        )


def tangents_by_seeds(given: Sequence[Tensor], nodes: Sequence[Node], scope: Scope) -> list[Tensor]:
    """The tangents of outputs, of which those of the variables follow in `given`."""
    outputs = given[: len(given) - len(nodes)]
    seeds = dict(zip(nodes, given[len(outputs) :], strict=True))
    return list(push(outputs, seeds, scope))


def push(outputs: Sequence[Tensor], seeds: Mapping[Node, Tensor], scope: Scope) -> Sequence[Tensor]:
    """The tangents of `outputs`, zero where they depend on nothing that has a tangent."""
    try:
        found = forward([y.node for y in outputs], seeds, scope)
    except NestedTangents:
        return tangents_by_rows(outputs, seeds, scope)
    return [found[y.node] if y.node in found else zeros_like(y) for y in outputs]


def tangents_of(
    transform: str, arguments: TracedArguments, tangents: Sequence[Any]
) -> dict[Node, Tensor]:
    """The tangent of each variable, checked against its primal."""
    seeds: dict[Node, Tensor] = {}
    for number, (argument, tree) in enumerate(zip(arguments.traced, tangents, strict=True)):
        leaves, structure = flatten(tree)
        if not same_structure(structure, argument.structure):
            raise ArgumentError(
                f"{transform}: tangent {number} has structure {structure}, its primal "
                f"{argument.structure}; they must be the same"
            )
        for n, own in argument.labels.items():
            given = labels_of(leaves[n])
            if given is not None and isinstance(own, Labels):
                check_equal(f"{transform}: tangent {number}", given, own)
        what = f"{transform}: tangent {number}"
        for node, x, leaf in zip(argument.nodes, argument.primals, leaves, strict=True):
            seeds[node] = like(x, leaf, what, "its primal")
    return seeds
