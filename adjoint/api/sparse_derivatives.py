"""Sparse Jacobians and Hessians of ordinary code: few sweeps, and `scipy.sparse` arrays."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

import numpy as np

from adjoint.api.arguments import check_callable, normalize_argnums, ones_like
from adjoint.api.batching import vmap
from adjoint.api.compiling import compile
from adjoint.api.derivatives import gradient_for, jvp_for, pull, vjp
from adjoint.api.parts import Filter, Names, Parts, names_for
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

    Rows are the elements of the output, columns those of the argument, or of all arguments or parts
    that `argnums`, `argnames` or `wrt` name, one after another; trees are flattened in their order.
    The function is traced once for each structure of arguments, as by `compile`. With `has_aux` a
    call returns ``(derivative, aux)``.
    """

    def __init__(
        self,
        kind: str,
        f: Callable[..., Any],
        argnums: int | Sequence[int],
        has_aux: bool = False,
        argnames: Names = None,
        wrt: Filter = None,
    ) -> None:
        check_callable(kind, f)
        functools.update_wrapper(self, f)
        self.kind, self._f, self._has_aux = kind, f, has_aux
        names = None if argnames is None and wrt is None else names_for(kind, argnums, argnames)
        self._chosen = argnums, names, wrt
        self._made: dict[Hashable, _Prepared] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The derivative at these arguments, a `scipy.sparse.csr_array`."""
        if any(
            isinstance(x, Tensor) and is_open(x.node)
            for x in flatten((args, kwargs) if kwargs else args)[0]
        ):
            raise ArgumentError(
                f"{self.kind}: a scipy.sparse array cannot hold what is traced; within another "
                f"transform or compile use values(*args), a tensor of the nonzeros, with "
                f"plan(*args) made outside, or a dense derivative"
            )
        prepared, given = self._prepared(args, kwargs)
        pattern = prepared.plan.pattern
        data, aux = prepared.evaluated(given)
        if data.dtype == np.float16:
            raise DTypeError(
                f"{self.kind}: a scipy.sparse array cannot hold float16; convert the argument with "
                f".astype('float32'), or use values(*args) and plan(*args).pattern"
            )
        found = import_module("scipy.sparse").csr_array(
            (data, pattern.indices, pattern.indptr), shape=pattern.shape
        )
        return (found, aux) if self._has_aux else found

    def plan(self, *args: Any, **kwargs: Any) -> SparsePlan:
        """What is done for arguments like these: pattern, colors, sweeps."""
        return self._prepared(args, kwargs)[0].plan

    def cost(self, *args: Any, **kwargs: Any) -> Cost:
        """What a call with such arguments costs, beyond planning: traced, but not run."""
        prepared, given = self._prepared(args, kwargs)
        found: Cost = prepared.run.cost(*given)
        return found

    def values(self, *args: Any, **kwargs: Any) -> Tensor:
        """The elements at ``plan(*args).pattern``, row by row, as a tensor.

        Can be compiled and differentiated, once ``plan`` was asked for such arguments.
        """
        prepared, given = self._prepared(args, kwargs)
        found = prepared.run(*given)
        result: Tensor = found[0] if self._has_aux else found
        return result

    def _prepared(self, args: Sequence[Any], kwargs: Any) -> tuple[_Prepared, tuple[Any, ...]]:
        """What was made for arguments like these, and what to call it with."""
        f, number, given, chosen = self._arranged(args, kwargs)
        key = chosen, _key(given)
        found = self._made.get(key)
        if found is None or found.has_texts:
            has_texts = any(isinstance(x, (str, bytes)) for x in flatten(given)[0])
            f, number, given = _of_numbers(f, number, given) if has_texts else (f, number, given)
        if found is None:
            found = self._made[key] = _Prepared(self.kind, f, number, given, self._has_aux)
            found.has_texts = has_texts
        return found, given

    def _arranged(
        self, args: Sequence[Any], kwargs: Any
    ) -> tuple[Callable[..., Any], int, tuple[Any, ...], Hashable]:
        """The function with all by which is differentiated in one argument, the number of that, the
        arguments, and what was chosen."""
        f, (argnums, names, wrt) = self._f, self._chosen
        if names is None and wrt is None and isinstance(argnums, int):
            (number,) = normalize_argnums(self.kind, argnums, len(args))
            if not kwargs:
                return f, number, tuple(args), None

            @functools.wraps(f)
            def of_all(*given: Any) -> Any:
                return f(*given[:-1], **given[-1])

            return of_all, number, (*args, kwargs), None
        parts = Parts(self.kind, f, args, kwargs, argnums, names, wrt)

        @functools.wraps(f)
        def of_parts(own: Any, args: Any, kwargs: Any) -> Any:
            return parts.at(args, kwargs).function(*own)

        chosen = tuple(parts.places), repr(parts.chosen)
        return of_parts, 0, (tuple(parts.parts), tuple(args), kwargs), chosen


def _of_numbers(
    f: Callable[..., Any], number: int, args: tuple[Any, ...]
) -> tuple[Callable[..., Any], int, tuple[Any, ...]]:
    """The same function with texts, such as names of options, held fixed."""
    leaves, structure = flatten((*args[:number], *args[number + 1 :]))
    texts = {i: x for i, x in enumerate(leaves) if isinstance(x, (str, bytes))}

    @functools.wraps(f)
    def of_numbers(own: Any, numbers: list[Any]) -> Any:
        rest = iter(numbers)
        whole = [texts[i] if i in texts else next(rest) for i in range(len(leaves))]
        others = structure.unflatten(whole)
        return f(*others[:number], own, *others[number:])

    numbers = [x for i, x in enumerate(leaves) if i not in texts]
    return of_numbers, 0, (args[number], numbers)


class _Prepared:
    """The plan for one structure of arguments, and the program that follows it.

    The program returns the elements in the pattern, row by row, or with `has_aux` a list of them
    and of the tensors in what the function returns beside its output.
    """

    has_texts = False
    """Whether texts are held fixed, which the arguments hold that are given."""

    def __init__(
        self, kind: str, f: Callable[..., Any], number: int, args: tuple[Any, ...], has_aux: bool
    ) -> None:
        self._f, self._has_aux = f, has_aux
        self.plan = detected(kind, f, number, args, has_aux)
        self._values = evaluation(self.plan, self._output if has_aux else f, number, args)
        self._leaves: list[Any] = []
        self._structure: Any = None
        self.run = compile(self._with_aux if has_aux else self._values)

    def _output(self, *args: Any) -> Any:
        return self._f(*args)[0]

    def _with_aux(self, *args: Any) -> list[Tensor]:
        self._leaves, self._structure = flatten(self._f(*args)[1])
        return [self._values(*args), *[x for x in self._leaves if isinstance(x, Tensor)]]

    def evaluated(self, args: tuple[Any, ...]) -> tuple[Array, Any]:
        """The elements at these arguments, and what the function returned beside its output; what
        is no tensor there is as it was traced."""
        found = self.run(*args)
        if not self._has_aux:
            return np.asarray(found), None
        tensors = iter(found[1:])
        leaves = [next(tensors) if isinstance(x, Tensor) else x for x in self._leaves]
        return np.asarray(found[0]), self._structure.unflatten(leaves)


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
    try:
        hash(structure)
    except TypeError:  # a key or a static part that cannot be hashed
        return repr(structure), *found
    return structure, *found


def detected(
    kind: str, f: Callable[..., Any], number: int, args: tuple[Any, ...], has_aux: bool
) -> SparsePlan:
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
            value = traced.scalar(given, {}, has_aux)
            adjoints = pull([(value, ones_like(value))], nodes, traced.scope)
            outputs = [adjoints[x].node for x in nodes]
        else:
            outputs = [y.node for y in traced.tensors(given, {}, has_aux)]
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
