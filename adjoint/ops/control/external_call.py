"""`external_call`: a function of NumPy arrays that is not made of tensors, as one operation.

What the function does is not known: its derivatives are stated around it (`custom_call`), and it is
called with arrays of its own, whose memory it may keep. Two calls are the same operation only if
they call the same Python object, whatever its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, DTypeError, NotDifferentiableError, ShapeError
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import DType, Shape, size_of
from adjoint.ops.control.packing import PackedOp, packed_group, packed_values, unpacked
from adjoint.ops.shape.movement import broadcast_to, reshape

_numbers = count(1)


@dataclass(frozen=True)
class CFunction:
    """A function in C: of numbers of the dtypes of `inputs`, which returns one of `result`; or, if
    it has a `length` as its last argument, of pointers to arrays and then to that of the result."""

    address: int
    inputs: tuple[DType, ...]
    result: DType
    length: DType | None = None

    def signature(self) -> str:
        """What code that calls it depends on, but for the address."""
        length = "" if self.length is None else self.length.str
        return f"{','.join(x.str for x in self.inputs)}->{self.result.str}({length})"


class External:
    """A function of arrays. Equal to itself alone; its number tells it apart in texts.

    `core_ranks`: for each argument how many axes the function takes as they are; it broadcasts
    over those before. None: it takes no axes more than it is given at first. `c` is what native
    code calls in place of it, on arrays of one shape; then it takes single elements.
    """

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        core_ranks: tuple[int, ...] | None,
        c: CFunction | None = None,
    ) -> None:
        self.name, self.function, self.core_ranks, self.c = name, function, core_ranks, c
        self.number = next(_numbers)

    def __repr__(self) -> str:
        c = "" if self.c is None else f" in C {self.c.signature()}"
        return f"<function {self.name} {self.number}{c}>"


@dataclass(frozen=True)
class ExternalCall:
    """A function with the shapes and dtypes of its results.

    `weak` says which arguments are Python numbers; `several` whether the function returns a tuple.
    """

    function: External
    results: tuple[tuple[Shape, DType], ...]
    weak: tuple[bool, ...]
    several: bool

    @property
    def name(self) -> str:
        return self.function.name

    def pieces(self) -> list[tuple[Shape, DType]]:
        """Shape and dtype of each result."""
        return list(self.results)

    def run(self, values: Sequence[Any]) -> list[Any]:
        """The results for arrays, which the function does not get to see themselves."""
        given = [given_to_function(x, weak) for x, weak in zip(values, self.weak, strict=True)]
        return checked_results(self, self.function.function(*given))

    def wider(self, batched: Sequence[bool], size: int) -> ExternalCall | OneByOne:
        """The same for many examples at once."""
        if self.function.core_ranks is None:
            return OneByOne(self, tuple(batched), size)
        results = tuple(((size, *shape), dtype) for shape, dtype in self.results)
        weak = tuple(w and not b for w, b in zip(self.weak, batched, strict=True))
        return replace(self, results=results, weak=weak)

    def aligned(
        self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]
    ) -> Sequence[Tensor]:
        """The inputs, of which the `batched` ones have an axis more before all those over which
        the function broadcasts."""
        ranks = self.function.core_ranks
        if ranks is None:
            return inputs
        if self.function.c is not None:
            size = next(x.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
            return [broadcast_to(x, (size, *self.results[0][0])) for x in inputs]
        loops = [len(x.shape) - rank for x, rank in zip(node.inputs, ranks, strict=True)]
        return [
            reshape(x, (x.shape[0], *(1,) * (max(loops) - own), *x.shape[1:])) if b else x
            for x, b, own in zip(inputs, batched, loops, strict=True)
        ]


@dataclass(frozen=True)
class OneByOne:
    """A call for each of many examples, of which the `batched` inputs have one along axis 0."""

    call: ExternalCall | OneByOne
    batched: tuple[bool, ...]
    size: int

    @property
    def name(self) -> str:
        return self.call.name

    def pieces(self) -> list[tuple[Shape, DType]]:
        """Shape and dtype of each result."""
        return [((self.size, *shape), dtype) for shape, dtype in self.call.pieces()]

    def run(self, values: Sequence[Any]) -> list[Any]:
        """The results of all examples."""
        found = [np.empty(shape, dtype) for shape, dtype in self.pieces()]
        for i in range(self.size):
            row = [x[i] if b else x for x, b in zip(values, self.batched, strict=True)]
            for whole, part in zip(found, self.call.run(row), strict=True):
                whole[i] = part
        return found

    def wider(self, batched: Sequence[bool], size: int) -> OneByOne:
        """The same for many examples of many."""
        return OneByOne(self, tuple(batched), size)

    def aligned(
        self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]
    ) -> Sequence[Tensor]:
        """The inputs as they are."""
        return inputs


class ExternalCallOp(PackedOp):
    """The packed results of a function that is not made of tensors."""

    name = "external_call"
    called_by = "adjoint.op"
    param_names = ("call", "group")

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        *_, call, _group = args
        c = call.function.c if isinstance(call, ExternalCall) else None
        if c is not None and c.length is not None:
            (shape, _), most = call.results[0], np.iinfo(c.length).max
            if size_of(shape) > most:
                raise ShapeError(
                    f"{call.name}: {size_of(shape)} elements are more than its argument of type "
                    f"{c.length} can count; let it take a size_t"
                )
        return super().infer(*args)

    def run(self, held: ExternalCall | OneByOne, group: int, values: list[Any]) -> Any:
        return packed_values(held, group, held.run(values))

    def nan_origins(self, node: Node) -> dict[int, str]:
        return {}

    def params_text(self, node: Node) -> str:
        return str(node.params[0].name)

    def c_function(self, node: Node) -> tuple[int, CFunction] | None:
        call, _ = node.params
        if not isinstance(call, ExternalCall) or call.function.c is None:
            return None
        return call.function.number, call.function.c

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        raise _no_derivative(node)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        raise _no_derivative(node)

    def sources(self, held: ExternalCall | OneByOne) -> Sequence[AbstractSet[int]]:
        every = range(len(held.pieces()))  # what the function does is not known
        return [set(every) - {n} for n in every]

    push, pull = jvp, vjp

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        call, group = node.params
        size = next(x.node.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
        given = call.aligned(node, inputs, batched)
        return packed_group(call, group, unpacked(_external_call, given, call.wider(batched, size)))


_external_call = register(ExternalCallOp())


def external_call(call: ExternalCall, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The results of the function."""
    return unpacked(_external_call, inputs, call)


def given_to_function(value: Any, weak: bool) -> Any:
    """What a function is given: an array of its own, a NumPy scalar, or a Python number."""
    array = np.array(value, order="C")
    if array.ndim:
        return array
    return array.item() if weak else array[()]


def results_of(name: str, found: Any, several: bool, expected: int | None = None) -> list[Any]:
    """What a function returned as a list of results."""
    if not several:
        if isinstance(found, tuple):
            raise ArgumentError(
                f"{name} returned a tuple of {len(found)}, expected one array; say so by a list "
                f"of pairs (shape, dtype) in result="
            )
        return [found]
    if not isinstance(found, (tuple, list)) or expected not in (None, len(found)):
        size = f" of {len(found)}" if isinstance(found, (tuple, list)) else ""
        raise ArgumentError(
            f"{name} returned {type(found).__name__}{size}, expected a tuple of {expected} arrays"
        )
    return list(found)


def checked_results(call: ExternalCall, found: Any) -> list[Any]:
    """What a function returned, in the shapes and dtypes that were expected; raises otherwise."""
    several = len(call.results) if call.several else None
    values = results_of(call.name, found, call.several, several)
    checked = []
    for number, (value, (shape, dtype)) in enumerate(zip(values, call.results, strict=True)):
        what = f"{call.name} returned" + (f" as result {number}" if call.several else "")
        array = _as_array(what, value)
        if array.shape != shape:
            raise ShapeError(
                f"{what} an array of shape {array.shape}, expected {shape}{_of_examples(call)}; "
                f"correct the function, or what result= or vectorized= says of it"
            )
        if array.dtype != dtype and not _may_become(value, dtype):
            raise DTypeError(
                f"{what} dtype {array.dtype}, expected {dtype}; let it end in "
                f".astype({str(dtype)!r}), or correct what result= says of it"
            )
        checked.append(array)
    return checked


def _as_array(what: str, value: Any) -> Any:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ArgumentError(f"{what} {type(value).__name__}, which is no array: {error}") from error
    if array.dtype.kind not in "biufc":
        raise ArgumentError(f"{what} {type(value).__name__}, expected an array of numbers")
    return array


def _may_become(value: Any, dtype: DType) -> bool:
    """Whether a result is a Python number, whose dtype does not count, of a kind that fits."""
    order = "biufc"
    kinds = {bool: "b", int: "i", float: "f", complex: "c"}
    kind = kinds.get(type(value))
    if kind is None:
        return False
    return order.index(kind) <= order.index(dtype.kind)


def _of_examples(call: ExternalCall) -> str:
    """Which of the expected shapes are for many examples; for messages."""
    ranks = call.function.core_ranks
    return "" if ranks is None else ", as it broadcasts over leading axes"


def _no_derivative(node: Node) -> NotDifferentiableError:
    name = node.params[0].name
    return NotDifferentiableError(
        f"{name} was made an operation by adjoint.op, which knows no derivative of it here; state "
        f"jvp= or vjp= (both, where one of them calls a function that cannot be transposed), or "
        f"hold its arguments fixed with adjoint.stop_gradient"
    )
