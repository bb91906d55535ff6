"""Branches as one operation: cond and switch, and checkpoint, a branch without a choice."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from adjoint.api.arguments import check_arity, check_callable, function_name, output_of
from adjoint.api.stepping import abstract_scope, open_leaves, traced, truth, whole_number
from adjoint.api.tree import flatten, path_text, same_structure
from adjoint.errors import ArgumentError, DTypeError, ShapeError
from adjoint.graph.leaf import is_weak, variable_node
from adjoint.graph.node import Node, are_nested
from adjoint.graph.storage import as_given, is_stored, stored_among
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import INT64, DType, storage_dtype
from adjoint.ops.control.branch import Choice, branch
from adjoint.ops.control.closing import captured, closed
from adjoint.ops.control.saving import NOTHING, POLICIES
from adjoint.ops.elementwise.choice import minimum


def cond(
    pred: Any, true_fun: Callable[..., Any], false_fun: Callable[..., Any], *operands: Any
) -> Any:
    """``true_fun(*operands) if pred else false_fun(*operands)``, for a `pred` known only later.

    `pred` is a boolean scalar, the operands are pytrees. Both functions are traced and must return
    trees of one structure, with equal shapes and dtypes; only the chosen one is computed, also in
    derivatives. Where `vmap` makes examples choose for themselves both are computed. Raises
    `ArgumentError`, `ShapeError` or `DTypeError` naming what does not fit.

    >>> import adjoint as ad
    >>> f = ad.compile(lambda x: ad.cond(x > 0, ad.sqrt, lambda x: 0 * x, x))
    >>> f(4.0), f(-4.0)
    (Tensor(2.), Tensor(-0.))
    """
    for name, f in (("true_fun", true_fun), ("false_fun", false_fun)):
        _check_branch("cond", name, f, len(operands), "cond(pred, true_fun, false_fun, x)")
    number = as_tensor(truth("cond", "pred must be", pred), INT64)
    names = ("false_fun", "true_fun")
    return _choose("cond", number, names, (false_fun, true_fun), operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """``branches[index](*operands)``; an index out of range takes the nearest branch.

    As `cond`, for an integer scalar and any number of functions.

    >>> import adjoint as ad
    >>> [float(ad.switch(i, [ad.sin, ad.cos, ad.exp], 0.0)) for i in range(3)]
    [0.0, 1.0, 1.0]
    """
    if not isinstance(branches, (tuple, list)) or not branches:
        raise ArgumentError(
            f"switch: branches must be a non-empty sequence of functions, got {branches!r}"
        )
    for n, f in enumerate(branches):
        _check_branch("switch", f"branches[{n}]", f, len(operands), "switch(index, branches, x)")
    number = whole_number("switch", "index", index)
    if number.node.dtype == np.uint64:  # before it becomes a signed one
        number = minimum(number, len(branches) - 1)
    names = [f"branches[{n}]" for n in range(len(branches))]
    return _choose("switch", as_tensor(number, INT64), names, branches, operands)


def _check_branch(name: str, argument: str, f: Any, count: int, example: str) -> None:
    """Raise `ArgumentError` unless a branch can be called with so many operands."""
    check_callable(name, f, argument)
    given = ", ".join(["x", "y", "z"][:count]) if count < 4 else "*operands"
    cure = f"pass as many operands as every branch takes, as in {example}"
    check_arity(name, argument, f, f"{argument}({given})", count, cure)


def checkpoint(f: Callable[..., Any], *, policy: str = NOTHING) -> Callable[..., Any]:
    """`f`, of which a reverse sweep keeps the arguments only and computes the rest again.

    The derivatives are the same; they need less memory and more time. Under the name of
    ``jax.checkpoint`` and ``torch.utils.checkpoint``. The `policy` says what is kept beside the
    arguments: "nothing_saveable"; "dots_saveable", the products of matrices; or
    "everything_saveable", so that nothing is computed again. Raises `ArgumentError`.

    >>> import adjoint as ad
    >>> ad.grad(ad.checkpoint(lambda x: ad.sin(ad.sin(x))))(1.0)
    Tensor(0.36003949)
    """
    check_callable("checkpoint", f)
    if not isinstance(policy, str) or policy not in POLICIES:
        names = ", ".join(map(repr, POLICIES))
        raise ArgumentError(f"checkpoint: policy must be one of {names}, got {policy!r}")

    @functools.wraps(f)
    def recomputed(*args: Any, **kwargs: Any) -> Any:
        number = as_tensor(np.int64(0))
        return _choose("checkpoint", number, ["f"], (f,), args, kwargs, policy)

    return recomputed


class _Traced:
    """One branch as a graph of variables in place of the operands."""

    def __init__(
        self,
        name: str,
        argument: str,
        f: Any,
        structure: Any,
        operands: Sequence[Tensor],
        stored: Collection[int],
        kwargs: dict[str, Any],
    ) -> None:
        self.name, self.argument, self.f = name, argument, f
        self.structure, self.operands, self.stored = structure, operands, stored
        self.function = functools.partial(f, **kwargs) if kwargs else f
        nested = are_nested(*[x.node for x in operands])
        self.trace(nested)
        if not nested and are_nested(*[x.node for x in self.outputs]):  # by what it captures
            self.trace(nested=True)

    def trace(self, nested: bool) -> None:
        """Call the function once, on variables."""
        with abstract_scope(nested) as scope:
            self.variables = [
                variable_node(None, x.node.shape, x.node.dtype, scope, weak=is_weak(x.node))
                for x in self.operands
            ]
            args = self.structure.unflatten(as_given(map(Tensor, self.variables), self.stored))
            result = traced(self.function, args)
        self.result, self.returned = flatten(result)
        self.weak = [type(x) in (int, float, complex) for x in self.result]
        function = f"{self.argument}={function_name(self.f)}"
        self.outputs = [output_of(self.name, function, x) for x in self.result]
        self.stored_results = set(stored_among(self.result))

    def dtype(self, place: int) -> DType:
        """The dtype of a result as the function returned it."""
        if place in self.stored_results:
            return storage_dtype("bfloat16")
        return self.outputs[place].node.dtype

    def take(self, place: int, result: Tensor) -> None:
        """Have another result in one place."""
        self.outputs[place] = as_tensor(result)
        if is_stored(result):
            self.stored_results.add(place)


def _choose(
    name: str,
    number: Tensor,
    names: Sequence[str],
    functions: Sequence[Any],
    operands: Sequence[Any],
    kwargs: dict[str, Any] | None = None,
    policy: str = NOTHING,
) -> Any:
    """The result of the function with a number."""
    leaves, structure = open_leaves(f"{name}: operand ", tuple(operands))
    stored = stored_among(flatten(tuple(operands))[0])
    found = [
        _Traced(name, own, f, structure, leaves, stored, kwargs or {})
        for own, f in zip(names, functions, strict=True)
    ]
    first = found[0]
    for own, one in zip(names[1:], found[1:], strict=True):
        if not same_structure(one.returned, first.returned):
            raise ArgumentError(
                f"{name}: the branches must return trees of one structure; {names[0]} returned "
                f"{first.returned}, {own} returned {one.returned}; return equal trees"
            )
    _agree(name, names, found)
    outside: dict[Node, None] = {}
    for one in found:
        outside.update(dict.fromkeys(captured([x.node for x in one.outputs], one.variables)))
    given = list(outside)
    graphs = [closed([x.node for x in one.outputs], one.variables, given) for one in found]
    results = branch(Choice(tuple(graphs), policy), [number, *map(Tensor, given), *leaves])
    return first.returned.unflatten(as_given(results, first.stored_results))


def _agree(name: str, names: Sequence[str], found: Sequence[_Traced]) -> None:
    """Give Python numbers the dtype of the other branches; raise where results differ."""
    for place, path in enumerate(found[0].returned.paths()):
        strong = [one.dtype(place) for one in found if not one.weak[place]]
        for one in found:
            if strong and one.weak[place]:
                one.take(place, as_tensor(one.outputs[place], strong[0]))
        first, dtype = found[0].outputs[place].node, found[0].dtype(place)
        for own, one in zip(names[1:], found[1:], strict=True):
            other = one.outputs[place].node
            what = f"result{path_text(path)} of"
            if other.shape != first.shape:
                raise ShapeError(
                    f"{name}: the branches must return equal shapes; {what} {names[0]} has shape "
                    f"{first.shape}, {what} {own} {other.shape}; reshape or broadcast one of them"
                )
            if one.dtype(place) != dtype:
                raise DTypeError(
                    f"{name}: the branches must return equal dtypes; {what} {names[0]} has dtype "
                    f"{dtype}, {what} {own} {one.dtype(place)}; convert one with .astype"
                )
