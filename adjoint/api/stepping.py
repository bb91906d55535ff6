"""One step of a loop, traced: the user's function on variables in place of state and slices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.api.arguments import function_name, output_of
from adjoint.api.rolled_call import call
from adjoint.api.tree import flatten, path_text, same_structure
from adjoint.backends import interpreter
from adjoint.errors import AdjointError, ArgumentError, DTypeError, ShapeError
from adjoint.graph import engine
from adjoint.graph.leaf import is_weak, variable_node
from adjoint.graph.node import ALWAYS, Scope, are_nested
from adjoint.graph.storage import as_given, stored_among
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT32, DType, Shape, storage_dtype
from adjoint.tracing.generators import constant_draws_warned_of


def open_leaves(what: str, tree: Any) -> tuple[list[Tensor], Any]:
    """The leaves of a tree as tensors, and its structure."""
    leaves, structure = flatten(tree)
    found = []
    for leaf, path in zip(leaves, structure.paths(), strict=True):
        try:
            found.append(as_tensor(leaf))
        except AdjointError as error:
            raise ArgumentError(f"{what}{path_text(path)}: {error}") from error
    return found, structure


def traced(f: Any, args: Sequence[Any]) -> Any:
    """``f(*args)``, in which nobody may ask for the value of a variable without one."""
    with engine.using(interpreter.evaluate):
        return call(f, args, {}, None)


@contextmanager
def abstract_scope(nested: bool) -> Iterator[Scope]:
    """The scope of variables of which only shape and dtype are known, open within the block.

    `nested`: more than one transform may differentiate what is made of them.
    """
    own = Scope(abstract=True)
    try:
        yield Scope(abstract=True, members=(ALWAYS, own)) if nested else own
    finally:
        own.close()


def truth(name: str, what: str, found: Any) -> Tensor:
    """A boolean scalar, or an error that says `what` should have been one."""
    try:
        x = as_tensor(found)
    except AdjointError as error:
        raise ArgumentError(f"{name}: {what} a boolean scalar: {error}") from error
    if x.node.shape or x.node.dtype.kind != "b":
        raise ArgumentError(
            f"{name}: {what} a boolean scalar, got {x.dtype} of shape {x.shape}; "
            f"compare, or reduce it (adjoint.any, adjoint.all)"
        )
    return x


def whole_number(name: str, argument: str, found: Any) -> Tensor:
    """An integer scalar as a tensor, or an error that names the argument."""
    try:
        x = as_tensor(found)
    except DTypeError as error:
        raise DTypeError(f"{name}: {argument} must be an integer scalar: {error}") from error
    if x.node.shape or x.node.dtype.kind not in "iu":
        raise DTypeError(
            f"{name}: {argument} must be an integer scalar, got {x.dtype} of shape {x.shape}; "
            f"convert it with .astype('int64'), or take one element of it"
        )
    return x


def flag(name: str, argument: str, value: Any) -> bool:
    """True or False, or an error that names the argument."""
    if not isinstance(value, (int, np.bool_)) or value not in (0, 1):
        raise ArgumentError(f"{name}: {argument} must be True or False, got {value!r}")
    return bool(value)


@dataclass(frozen=True)
class LoopCall:
    """What messages call a loop and what it was given, in the words of the user's call."""

    loop: str
    argument: str
    f: Any
    init: str

    @property
    def function(self) -> str:
        """The function, by the name of the argument and its own."""
        return f"{self.argument}={function_name(self.f)}"


class Step:
    """What a function of a loop makes of a state and slices.

    A Python number in the initial state takes the dtype that the step gives it. `nested`: more than
    one transform may differentiate by the slices, as by the state or what the function reads from
    outside; then kinks have to be known as such. With a `condition` it is the step of a while loop,
    which has no slices and no ys, and `goes_on` is whether there is another one.
    """

    def __init__(
        self,
        user: LoopCall,
        f: Any,
        init: Any,
        slices: Any,
        examples: Sequence[tuple[Shape, DType]],
        condition: Any = None,
        nested: bool = False,
    ) -> None:
        self.user, self.f, self.condition = user, f, condition
        leaves, self.structure = flatten(init)
        self.init, _ = open_leaves(f"{user.loop}: {user.init}", init)
        self.stored = set(stored_among(leaves))
        """The numbers of the parts of the state in bfloat16: the loop carries them in float32, and
        each step rounds them."""
        self.weak = [
            type(leaf) in (int, float, complex) or is_weak(x.node)
            for leaf, x in zip(leaves, self.init, strict=True)
        ]
        self.paths = self.structure.paths()
        self.nested = nested or are_nested(*[x.node for x in self.init])
        self.trace(slices, examples)
        captures = are_nested(*[x.node for x in self.outputs])
        if self.adapt() or (captures and not self.nested):
            self.nested = self.nested or captures
            self.trace(slices, examples)
        self.check()

    def trace(self, slices: Any, examples: Sequence[tuple[Shape, DType]]) -> None:
        """Call the function once, on variables."""
        with abstract_scope(self.nested) as scope:
            state, ys = self.call(scope, slices, examples)
        user = self.user
        after, structure = flatten(state)
        if not same_structure(structure, self.structure):
            raise ArgumentError(
                f"{user.loop}: the state must keep its structure from step to step; "
                f"{user.init} has {self.structure}, {user.function} returned {structure}; return "
                f"the next state in the structure of {user.init}"
            )
        self.after = [output_of(user.loop, user.function, x) for x in after]
        self.stored_after = set(stored_among(after))
        rows, self.ys_structure = flatten(ys)
        self.stored_ys = stored_among(rows)
        self.ys = [output_of(user.loop, user.function, y) for y in rows]

    def call(self, scope: Scope, slices: Any, examples: Sequence[tuple[Shape, DType]]) -> Any:
        """The trees that the function returns for variables of a scope: the next state and ys."""
        self.state = [
            Tensor(variable_node(None, x.node.shape, x.node.dtype, scope, weak=w))
            for x, w in zip(self.init, self.weak, strict=True)
        ]
        stored = [n for n, (_, dtype) in enumerate(examples) if dtype.kind == "V"]
        self.slices = [
            Tensor(variable_node(None, shape, FLOAT32 if n in stored else dtype, scope))
            for n, (shape, dtype) in enumerate(examples)
        ]
        state = self.structure.unflatten(self.given())
        if self.condition is not None:
            again = self.structure.unflatten(self.given())
            self.goes_on = truth(
                self.user.loop, "cond_fun must return", traced(self.condition, (again,))
            )
            with constant_draws_warned_of(self.user.loop, self.user.f):
                return traced(self.f, (state,)), None
        row = slices.unflatten(as_given([Tensor(x.node) for x in self.slices], stored))
        with constant_draws_warned_of(self.user.loop, self.user.f):
            result = traced(self.f, (state, row))
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise ArgumentError(
                f"{self.user.loop}: {self.user.function} must return a pair (state, y), got "
                f"{type(result).__name__}; return (state, None) if there is no y"
            )
        return result

    def given(self) -> Iterable[Tensor]:
        """The state as the function gets it."""
        return as_given([Tensor(x.node) for x in self.state], self.stored)

    @property
    def outputs(self) -> list[Tensor]:
        """The next state, then the ys."""
        return [*self.after, *self.ys]

    def adapt(self) -> bool:
        """Give Python numbers in `init` the dtype after a step; whether any had another."""
        changed = False
        for number, x in enumerate(self.init):
            dtype = self.dtype_after(number)
            if self.weak[number] and dtype != x.node.dtype:
                self.init[number] = as_tensor(as_tensor(x, dtype))
                self.stored |= {number} & self.stored_after
                self.weak[number] = False
                changed = True
        return changed

    def check(self) -> None:
        """Raise unless the state keeps its shapes and dtypes."""
        user = self.user
        for n, (x, after, path) in enumerate(zip(self.init, self.after, self.paths, strict=True)):
            place = f"{user.init}{path_text(path)}"
            if x.node.shape != after.node.shape:
                raise ShapeError(
                    f"{user.loop}: {place} has shape {x.shape}, but {user.function} "
                    f"returned shape {after.shape} in its place; the state must keep its shape "
                    f"(start with {place} of shape {after.shape}, or reduce what is returned)"
                )
            before, then = "bfloat16" if n in self.stored else x.dtype, self.dtype_after(n)
            if before != then:
                raise DTypeError(
                    f"{user.loop}: {place} has dtype {before}, but {user.function} "
                    f"returned {then} in its place; the state must keep its dtype: start "
                    f"with .astype({str(then)!r}), or return .astype({str(before)!r})"
                )

    def dtype_after(self, number: int) -> DType:
        """The dtype of a part of the state as the function returned it."""
        if number in self.stored_after:
            return storage_dtype("bfloat16")
        return self.after[number].node.dtype

    def unflatten(self, results: Sequence[Tensor]) -> tuple[Any, Any]:
        """The last state and the ys as trees."""
        count = len(self.state)
        return (
            self.structure.unflatten(as_given(results[:count], self.stored)),
            self.ys_structure.unflatten(as_given(results[count:], self.stored_ys)),
        )
