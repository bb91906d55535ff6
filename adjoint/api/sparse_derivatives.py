"""Sparse Jacobians and Hessians of ordinary code: few sweeps, and `scipy.sparse` arrays."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeAlias

import numpy as np

from adjoint.api.arguments import check_callable, normalize_argnums, ones_like
from adjoint.api.batching import vmap
from adjoint.api.compiling import Compiled, compile
from adjoint.api.derivatives import gradient_for, jvp_for, pull, vjp
from adjoint.api.report import Cost
from adjoint.api.signature import is_open
from adjoint.api.sparse_plan import SparsePlan, hessian_plan, jacobian_plan, seeds_of
from adjoint.api.traced_call import TracedCall
from adjoint.api.tree import flatten
from adjoint.errors import AdjointError, ArgumentError, DTypeError
from adjoint.graph.forking import import_module
from adjoint.graph.leaf import stand_in
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import is_inexact, size_of
from adjoint.ops.indexing.indexing import take
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype, reshape
from adjoint.transforms.sparsity import FLAT, identities, is_moving, patterns, stacked
from adjoint.transforms.sparsity import empty as empty_pattern

Array: TypeAlias = "np.ndarray[Any, Any]"


class SparseDerivative:
    """A function that returns a sparse Jacobian or Hessian, made by ``sparse=True``.

    Rows are the elements of the output, columns those of the argument, trees flattened in their
    order. The function is traced once for each structure of arguments, as by `compile`.
    """

    def __init__(self, kind: str, f: Callable[..., Any], argnum: int) -> None:
        check_callable(kind, f)
        if not isinstance(argnum, int):
            raise ArgumentError(
                f"{kind}: with sparse=True argnums must be one position, got {argnum!r}; the "
                f"columns are the elements of one argument, which may be a tree"
            )
        functools.update_wrapper(self, f)
        self.kind, self._f, self._argnum = kind, f, argnum
        self._made: dict[Hashable, tuple[SparsePlan, Compiled]] = {}

    def __call__(self, *args: Any) -> Any:
        """The derivative at these arguments, a `scipy.sparse.csr_array`."""
        if any(isinstance(x, Tensor) and is_open(x.node) for x in flatten(args)[0]):
            raise ArgumentError(
                f"{self.kind}: a scipy.sparse array cannot hold what is traced; within another "
                f"transform or compile use values(*args), a tensor of the nonzeros, with "
                f"plan(*args) made outside, or a dense derivative"
            )
        plan, values = self._prepared(args)
        pattern = plan.pattern
        data = np.asarray(values(*args))
        if data.dtype == np.float16:
            raise DTypeError(
                f"{self.kind}: a scipy.sparse array cannot hold float16; convert the argument with "
                f".astype('float32'), or use values(*args) and plan(*args).pattern"
            )
        return import_module("scipy.sparse").csr_array(
            (data, pattern.indices, pattern.indptr), shape=pattern.shape
        )

    def plan(self, *args: Any) -> SparsePlan:
        """What is done for arguments like these: pattern, colors, sweeps."""
        return self._prepared(args)[0]

    def cost(self, *args: Any) -> Cost:
        """What a call with such arguments costs, beyond planning: traced, but not run."""
        return self._prepared(args)[1].cost(*args)

    def values(self, *args: Any) -> Tensor:
        """The elements at ``plan(*args).pattern``, row by row, as a tensor.

        Can be compiled and differentiated, once ``plan`` was asked for such arguments.
        """
        found: Tensor = self._prepared(args)[1](*args)
        return found

    def _prepared(self, args: tuple[Any, ...]) -> tuple[SparsePlan, Compiled]:
        (number,) = normalize_argnums(self.kind, self._argnum, len(args))
        key = _key(args)
        found = self._made.get(key)
        if found is None:
            plan = detected(self.kind, self._f, number, args)
            found = self._made[key] = plan, compile(evaluation(plan, self._f, number, args))
        return found


def _key(args: tuple[Any, ...]) -> Hashable:
    """What the plan depends on: structure, shapes, dtypes, and the values of whole numbers, as
    these may be indices."""
    leaves, structure = flatten(args)
    found: list[Hashable] = []
    for x in leaves:
        if isinstance(x, Tensor) and x.node.value is None and is_open(x.node):
            found.append((x.shape, x.dtype.str))
            continue
        array = np.asarray(x)
        kind = array.dtype.kind
        told = None if kind in "fc" else array.tobytes() if kind in "biu" else repr(x)
        found.append((array.shape, array.dtype.str, told))
    return repr(structure), *found


def detected(kind: str, f: Callable[..., Any], number: int, args: tuple[Any, ...]) -> SparsePlan:
    """The pattern of the derivative by one argument, and a plan for it."""
    start = time.perf_counter()
    with TracedCall(kind, f) as traced:
        arguments = traced.open(args, (number,))
        nodes = arguments.nodes
        for x in nodes:
            if x.dtype.kind == "c":
                raise DTypeError(
                    f"{kind}: sparse derivatives are of real numbers, and argument {number} is "
                    f"complex; pass real and imaginary parts"
                )
        hidden = Scope(transform=None)
        given = list(arguments.given)
        opaque: list[Node] = []
        for place, argument in enumerate(given):
            if place != number:
                given[place] = _hidden(argument, hidden, opaque)
        if kind == "hessian":
            value = traced.scalar(given, {}, False)
            adjoints = pull([(value, ones_like(value))], nodes, traced.scope)
            outputs = [adjoints[x].node for x in nodes]
        else:
            outputs = [y.node for y in traced.tensors(given, {})]
        known, columns = identities(nodes)
        rows = patterns(outputs, {**known, **dict.fromkeys(opaque, FLAT)}, columns)
        pattern = stacked(
            [
                p if is_moving(p) else empty_pattern(size_of(y.shape), columns)
                for p, y in zip(rows, outputs, strict=True)
            ]
        )
        hidden.close()
    return (hessian_plan if kind == "hessian" else jacobian_plan)(
        pattern, time.perf_counter() - start
    )


def _hidden(tree: Any, scope: Scope, opaque: list[Node]) -> Any:
    """An argument of which the floating numbers are not taken for constants."""
    leaves, structure = flatten(tree)
    found = []
    for leaf in leaves:
        try:
            x = as_tensor(leaf)
        except AdjointError:  # no number, such as a name: it is passed on as it is
            found.append(leaf)
            continue
        if is_inexact(x.node.dtype):
            node = stand_in(x.node, scope)
            opaque.append(node)
            found.append(Tensor(node))
        else:
            found.append(leaf)
    return structure.unflatten(found)


def evaluation(
    plan: SparsePlan, f: Callable[..., Any], number: int, args: tuple[Any, ...]
) -> Callable[..., Tensor]:
    """A function of the arguments that returns the elements in the pattern, row by row."""
    leaves, structure = flatten(args[number])
    shapes = [np.shape(x) for x in leaves]
    dtypes = [x.dtype for x in map(as_tensor, leaves)]
    dtype = np.result_type(*[d if is_inexact(d) else np.float64 for d in dtypes])
    forward = seeds_of(plan.column_colors, plan.forward, dtype)
    reverse = seeds_of(plan.row_colors, plan.reverse, dtype)
    places = plan.places
    target = gradient_for("hessian", f, number) if plan.kind == "hessian" else f

    def tangents_of(seed: Tensor) -> Any:
        ends = np.cumsum([0, *map(size_of, shapes)])
        return structure.unflatten(
            [
                reshape(seed[a:b], shape)
                for a, b, shape in zip(ends[:-1], ends[1:], shapes, strict=True)
            ]
        )

    def flat(tree: Any) -> Tensor:
        parts = [reshape(as_tensor(x), (-1,)) for x in flatten(tree)[0]]
        return concat([astype(x, dtype) for x in parts]) if len(parts) > 1 else parts[0]

    def values(*args: Any) -> Tensor:
        def of_one(x: Any) -> Any:
            return target(*args[:number], x, *args[number + 1 :])

        x = args[number]
        parts = []
        if plan.forward:

            def along(seed: Tensor) -> Tensor:
                return flat(jvp_for(plan.kind, of_one, (x,), (tangents_of(seed),))[1])

            parts.append(reshape(vmap(along)(forward), (-1,)))
        if plan.reverse:
            output, pullback = vjp(of_one, x)

            def back(seed: Tensor) -> Tensor:
                found, layout = flatten(output)
                ends = np.cumsum([0, *[y.size for y in found]])
                pieces = [
                    astype(reshape(seed[a:b], y.shape), y.dtype)
                    for a, b, y in zip(ends[:-1], ends[1:], found, strict=True)
                ]
                return flat(pullback(layout.unflatten(pieces))[0])

            parts.append(reshape(vmap(back)(reverse), (-1,)))
        if not parts:
            return as_tensor(np.zeros(0, dtype))
        return take(concat(parts) if len(parts) > 1 else parts[0], places)

    return functools.wraps(f)(values)
