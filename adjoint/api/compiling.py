"""compile: trace a function once per signature, answer later calls from a native program."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from adjoint.api.graph_first import evaluate
from adjoint.api.opening import as_output, check_callable, function_name
from adjoint.api.report import Report, report_of
from adjoint.api.tree import LEAF, flatten, path_text
from adjoint.errors import AdjointError, ArgumentError, UnknownNameError
from adjoint.graph import engine
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.text import graph_text
from adjoint.graph.types import DType, Shape, default_dtype
from adjoint.passes.pipeline import optimise
from adjoint.schedule.fuse import schedule
from adjoint.schedule.plan import Schedule
from adjoint.transforms.substitute import substitute

_SCALARS = (float, int, bool, complex)


@dataclass(frozen=True)
class Leaf:
    """What the program of a signature knows of one leaf of the arguments."""

    shape: Shape
    dtype: DType
    weak: bool


def leaf_of(x: Any) -> Leaf:
    """The signature of a leaf."""
    if type(x) is Tensor:
        return Leaf(x.node.shape, x.node.dtype, False)
    if type(x) in _SCALARS:
        return Leaf((), default_dtype(type(x)), True)
    if type(x) is np.ndarray:
        return Leaf(x.shape, as_tensor(x[:0] if x.ndim else x).dtype, False)
    t = as_tensor(x)
    return Leaf(t.shape, t.dtype, False)


class Traced:
    """One signature of a compiled function: its graph, its schedule, and its program."""

    def __init__(self, f: Any, structure: Any, leaves: Sequence[Leaf], call: Any) -> None:
        scope = Scope(abstract=True)
        self.leaves = leaves
        self.inputs = [variable_node(None, x.shape, x.dtype, scope, weak=x.weak) for x in leaves]
        try:
            result = call(structure.unflatten(map(Tensor, self.inputs)))
        finally:
            scope.close()
        outputs, self.structure = flatten(result)
        self.tree = tree_of(result)
        self.outputs = [as_output("compile", f, y).node for y in outputs]
        self.optimised = optimise(self.outputs, self.inputs)
        self.schedule: Schedule = schedule(self.inputs, self.optimised)
        self.built: Any = None
        self._entry: Callable[..., Any] | None = None

    @property
    def program(self) -> Any:
        """The native program, made when first needed."""
        if self.built is None:
            from adjoint.backends.llvm.runtime import Program

            self.built = Program(self.schedule, [x.weak for x in self.leaves], self.tree)
        return self.built

    @property
    def entry(self) -> Callable[..., Any]:
        """The native entry, which hands what does not fit to `run`."""
        if self._entry is None:
            self._entry = self.program.bind("compiled", self.run, self.structure.unflatten)
        return self._entry

    def run(self, *leaves: Any) -> Any:
        """The result for leaves of this signature, whatever their layout."""
        arrays = [contiguous(x, leaf.dtype) for x, leaf in zip(leaves, self.leaves, strict=True)]
        try:
            results = [from_array(array) for array in self.program.run(arrays)]
        except self.program.failed:
            results = self.interpret(arrays)
        return self.structure.unflatten(results)

    def interpret(self, arrays: Sequence[np.ndarray[Any, Any]]) -> list[Tensor]:
        """The outputs by the interpreter, which raises what native code can only notice."""
        given = dict(zip(self.inputs, map(from_array, arrays), strict=True))
        found = substitute(self.outputs, given)
        return evaluate(found)  # type: ignore[no-any-return]


def contiguous(x: Any, dtype: DType) -> np.ndarray[Any, Any]:
    """The value of a leaf as an array in row-major order."""
    value = engine.value_of(x.node) if type(x) is Tensor else x
    return np.require(value, dtype, ("C", "A"))


def exactly(x: Any) -> Hashable:
    """A key that tells apart what Python calls equal: 1, 1.0 and True, 0.0 and -0.0."""
    if type(x) is tuple:
        return tuple, *map(exactly, x)
    return type(x), repr(x) if type(x) in (float, complex) else x


def tree_of(result: Any) -> Any:
    """The result as an index of a leaf or nested tuples of such; None if there is anything else."""
    numbers = count()

    def walk(part: Any) -> Any:
        if type(part) is tuple:
            return tuple(map(walk, part))
        if part is None or flatten(part)[1] is not LEAF:
            raise TypeError("not a tuple")
        return next(numbers)

    try:
        return walk(result)
    except TypeError:
        return None


class Compiled:
    """A function that answers from native code. Made by `compile`.

    Each compiled function is the one instance of a class of its own, so that once its arguments
    are known to be plain numbers and arrays, calling it can be the native entry itself.
    """

    __call__: Callable[..., Any]

    def __init__(
        self, f: Callable[..., Any], static: tuple[int | str, ...], donate: tuple[int, ...]
    ) -> None:
        self._function = f
        self._static = static
        self._donate = donate
        self._traced: dict[Hashable, Traced] = {}
        functools.update_wrapper(self, f)

    def _answer(self, *args: Any, **kwargs: Any) -> Any:
        """The result for any arguments: find the program for their signature, or make it."""
        fixed, moving = self._split(args, kwargs)
        leaves, structure = flatten(moving)
        if any(type(x) is Tensor and is_open(x.node) for x in leaves):
            return self._function(*args, **kwargs)  # inside a transform it is part of the graph
        traced = self._find(fixed, leaves, structure)
        program = traced.program
        if program.is_cold:
            return traced.run(*leaves)
        if not fixed and not kwargs and all(flatten(a)[1] is LEAF for a in args):
            unflatten = traced.structure.unflatten
            entry = program.bind("compiled", self._answer, unflatten)
            type.__setattr__(type(self), "__call__", entry)
        return traced.entry(*leaves)

    def _split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """The static arguments, and the tree of the others."""
        fixed: list[tuple[int | str, Any]] = []
        fixed += [(i, a) for i, a in enumerate(args) if i in self._static]
        fixed += [(k, a) for k, a in sorted(kwargs.items()) if k in self._static]
        moving = [a for i, a in enumerate(args) if i not in self._static]
        named = {k: a for k, a in kwargs.items() if k not in self._static}
        return fixed, (moving, named)

    def _find(self, fixed: Any, leaves: Sequence[Any], structure: Any) -> Traced:
        try:
            signature = tuple(map(leaf_of, leaves))
        except AdjointError as error:
            raise ArgumentError(f"compile: {self._bad_leaf(leaves, structure)}: {error}") from error
        try:
            key = (tuple((k, exactly(a)) for k, a in fixed), structure, signature)
            found = self._traced.get(key)
        except TypeError as error:
            raise ArgumentError(
                f"compile: the static arguments of {function_name(self._function)} must be "
                f"hashable: {error}"
            ) from error
        if found is None:
            call = functools.partial(self._call_with, dict(fixed))
            found = Traced(self._function, structure, signature, call)
            self._traced[key] = found
        return found

    def _call_with(self, fixed: dict[Any, Any], tree: Any) -> Any:
        moving, named = tree
        rest = iter(moving)
        count = len(moving) + sum(isinstance(k, int) for k in fixed)
        args = [fixed[i] if i in fixed else next(rest) for i in range(count)]
        return self._function(*args, **named, **{k: v for k, v in fixed.items() if type(k) is str})

    def _bad_leaf(self, leaves: Sequence[Any], structure: Any) -> str:
        for path, leaf in zip(structure.paths(), leaves, strict=True):
            try:
                leaf_of(leaf)
            except AdjointError:
                return f"argument {path_text(path[1:])} is not an array"
        return "an argument is not an array"

    # looking at it

    def trace(self, *args: Any, **kwargs: Any) -> Traced:
        """The traced form for the signature of these arguments, without running anything."""
        fixed, moving = self._split(args, kwargs)
        leaves, structure = flatten(moving)
        return self._find(fixed, leaves, structure)

    def _last(self) -> Traced:
        if not self._traced:
            raise ArgumentError(
                "compile: the function was not called yet, so there is no program to show; call "
                "it first, or name a signature with .trace(*args)"
            )
        return next(reversed(self._traced.values()))

    def report(self) -> Report:
        """Kernels, bytes moved, operations and compile time of the program compiled last."""
        return report_of(self._last())

    def text(self, stage: str = "schedule") -> str:
        """The program compiled last at a stage: graph, passes, schedule, llvm or assembly."""
        traced = self._last()
        match stage:
            case "graph":
                return graph_text(traced.outputs)
            case "passes":
                return graph_text(traced.optimised)
            case "schedule":
                return str(report_of(traced))
            case "llvm" | "assembly":
                return str(traced.program.listing(stage))
        raise UnknownNameError(
            f"text: there is no stage {stage!r}; choose graph, passes, schedule, llvm or assembly"
        )


def is_open(node: Node) -> bool:
    """Whether a transform is differentiating with respect to what the node depends on."""
    return node.scope is not None and node.scope.is_open()


def compile(
    f: Callable[..., Any] | None = None,
    *,
    static: int | str | Sequence[int | str] = (),
    donate: int | Sequence[int] = (),
) -> Any:
    """A function that computes what `f` does, from native code made for each signature.

    The first call with arguments of new structure, shapes or dtypes traces `f` and compiles it;
    later calls answer from the native program. `f` must be a function of its arguments only.
    static: positions or names of arguments whose value is part of the signature (hashable).
    donate: positions of arguments whose memory may be reused for results.
    Looking at a value inside `f` (``if x > 0``) raises `ConcretizationError`, which names ways out.

    >>> import adjoint as ad
    >>> f = ad.compile(ad.grad(lambda x: ad.sum(ad.sin(x))))
    >>> f(ad.asarray([0.0, 1.0]))
    Tensor([1.        , 0.54030231])
    """
    if f is None:
        return functools.partial(compile, static=static, donate=donate)
    check_callable("compile", f)
    fixed = (static,) if isinstance(static, (int, str)) else tuple(static)
    given = (donate,) if isinstance(donate, int) else tuple(donate)
    own_class = type("Compiled", (Compiled,), {"__call__": Compiled._answer})
    return own_class(f, fixed, given)
