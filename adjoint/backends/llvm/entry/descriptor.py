"""The descriptor of a program: what the entry must know of its arguments, body and results.

Floor 6. There is one entry for all programs. What differs between them it reads in these tables of
64-bit integers: numbers, and addresses of what the built-in function of the program keeps alive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, auto
from types import CellType
from typing import Any, TypeAlias

import numpy as np

from adjoint.backends.llvm.system.caching_allocator import LARGE
from adjoint.errors import ArgumentError
from adjoint.graph.node import Node
from adjoint.schedule.donation import Donations

Tree: TypeAlias = "int | tuple[Tree, ...]"
"""The structure of the results: the index of a leaf, or a tuple of such structures."""

MOST_KEPT = 64
"""A program with more results than these keeps none, as they would be memory that waits."""

PART = 3
"""The numbers in a row of `parts_of`."""

Table: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


@dataclass(frozen=True)
class Input:
    """A leaf of the arguments: an array (or a tensor that holds one), or a Python scalar."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    python_scalar: bool = False

    def __post_init__(self) -> None:
        if self.python_scalar and (self.shape or self.dtype.name == "float16"):
            raise ArgumentError(
                f"Input: a Python scalar has shape () and no dtype float16, "
                f"got {self.shape} and {self.dtype}"
            )


@dataclass(frozen=True)
class Output:
    """A leaf of the results: a constant tensor of a fresh array, or of a NumPy scalar if 0-d."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class Field(IntEnum):
    """Where in the descriptor something stands. Addresses of what is not there are zero."""

    BODY = 0  # the address of the code
    RELEASE_GIL = auto()
    INPUTS = auto()  # their number, and the address of a row for each
    INPUT_TABLE = auto()
    OUTPUTS = auto()
    OUTPUT_TABLE = auto()
    HAS_LARGE = auto()  # whether an output gets its memory from the caching allocator
    OWNED = auto()  # the number of objects that a call owns: inputs, results, tuples, the kept one
    TUPLES = auto()  # their number, and their list: of each the length and its branches
    TUPLE_LIST = auto()
    RESULT = auto()  # which of the owned objects is returned
    HAS_UNUSED = auto()  # whether the tree leaves out some results
    KEPT = auto()  # the cell that keeps the last result, if results are used again (see `reuse`)
    PARTS = auto()  # the number of its parts, and the address of a row for each
    PART_LIST = auto()
    SLOW = auto()  # the callable for calls that do not fit
    UNFLATTEN = auto()  # the callable that builds the result of a flat tuple
    DONATION = auto()  # the table of donated arguments
    DONATED = auto()  # the tuple of nodes that their tensors stand for afterwards


class Column(IntEnum):
    """Where in the row of an input or output something stands."""

    KIND = 0  # see `Kind`; of an output whether it is a number of which there is a Python float
    TYPE = auto()  # of the Python scalar; of arrays the type of NumPy's scalars
    DTYPE = auto()
    NDIM = auto()
    SIZES = auto()  # the address of the shape as a list of integers
    LOW = auto()  # bounds of integers
    HIGH = auto()
    ITEMSIZE = auto()
    SHAPE = auto()  # the address of the shape as a Python tuple


class Kind(IntEnum):
    """How an input is checked and read, and an output as a Python float (else it is an array)."""

    ARRAY = 0
    BOOL = auto()
    INTEGER = auto()
    FLOAT32 = auto()
    FLOAT64 = auto()
    COMPLEX64 = auto()
    COMPLEX128 = auto()


_PYTHON_TYPES: dict[str, type] = {"b": bool, "i": int, "u": int, "f": float, "c": complex}


def describe(
    body: int,
    inputs: Sequence[Input],
    outputs: Sequence[Output],
    tree: Tree,
    slow: Callable[..., Any],
    unflatten: Callable[[Any], Any] | None,
    donations: Donations | None,
    release_gil: bool,
) -> tuple[Table, tuple[Any, ...]]:
    """The descriptor of a program, and what has to live as long."""
    check_tree(tree, len(outputs))
    leaves: list[Input | Output] = [*inputs, *outputs]
    sizes = [np.array(spec.shape, np.int64) for spec in leaves]
    rows = [_row(spec, size) for spec, size in zip(leaves, sizes, strict=True)]
    table = np.array(rows, np.int64).reshape(-1, len(Column))
    built: Tree = tree if unflatten is None else tuple(range(len(outputs)))
    plan = plan_tuples(built, len(inputs), len(outputs))
    listed = np.array([n for branches in plan.tuples for n in (len(branches), *branches)], np.int64)
    donation, donated = (None, ()) if donations is None else donation_table(donations)
    is_kept = donations is None and can_be_reused(outputs, plan)
    cell = CellType()
    parts = parts_of(plan, len(inputs), len(outputs)) if is_kept else []
    part_list = np.array(parts, np.int64).reshape(-1, PART)
    made = np.zeros(len(Field), np.int64)
    fields: Mapping[Field, Any] = {
        Field.BODY: body,
        Field.RELEASE_GIL: release_gil,
        Field.INPUTS: len(inputs),
        Field.INPUT_TABLE: table.ctypes.data,
        Field.OUTPUTS: len(outputs),
        Field.OUTPUT_TABLE: table[len(inputs) :].ctypes.data,
        Field.HAS_LARGE: any(spec.nbytes >= LARGE for spec in outputs),
        Field.OWNED: len(inputs) + len(outputs) + len(plan.tuples) + 1,
        Field.TUPLES: len(plan.tuples),
        Field.TUPLE_LIST: listed.ctypes.data,
        Field.RESULT: plan.result,
        Field.HAS_UNUSED: plan.has_unused,
        Field.KEPT: id(cell) if is_kept else 0,
        Field.PARTS: len(parts),
        Field.PART_LIST: part_list.ctypes.data,
        Field.SLOW: id(slow),
        Field.UNFLATTEN: 0 if unflatten is None else id(unflatten),
        Field.DONATION: 0 if donation is None else donation.ctypes.data,
        Field.DONATED: id(donated),
    }
    made[list(fields.keys())] = list(fields.values())
    shapes = tuple(spec.shape for spec in outputs)
    own = (slow, unflatten, table, *sizes, listed, donation, donated, cell, part_list, shapes)
    return made, own


def _row(spec: Input | Output, sizes: Table) -> list[int]:
    """The columns of a leaf."""
    dtype = np.dtype(spec.dtype.type)  # the object that native arrays have, whatever `spec` holds
    row = [0] * len(Column)
    row[Column.TYPE], row[Column.DTYPE] = id(dtype.type), id(dtype)
    row[Column.NDIM], row[Column.SIZES] = len(spec.shape), sizes.ctypes.data
    row[Column.ITEMSIZE], row[Column.SHAPE] = dtype.itemsize, id(spec.shape)
    if isinstance(spec, Input) and spec.python_scalar:
        row[Column.TYPE] = id(_PYTHON_TYPES[dtype.kind])
        row[Column.KIND] = _scalar_kind(dtype)
        if dtype.kind in "iu":
            bounds = np.iinfo(dtype)
            row[Column.LOW] = int(bounds.min)
            row[Column.HIGH] = min(int(bounds.max), 2**63 - 1)  # what the entry reads at most
    if isinstance(spec, Output) and not spec.shape and dtype.name in ("float32", "float64"):
        row[Column.KIND] = Kind[dtype.name.upper()]
    return row


def _scalar_kind(dtype: np.dtype[Any]) -> Kind:
    if dtype.kind in "iu":
        return Kind.INTEGER
    return Kind[dtype.name.upper()]


def donation_table(donations: Donations) -> tuple[Table, tuple[Node, ...]]:
    """The table of donated arguments, and the nodes that their tensors stand for afterwards.

    Behind their number it lists for each the argument, and the result that may take its memory, or
    -1.
    """
    result_of = {argument: result for result, argument in donations.reused.items()}
    rows = [(i, result_of.get(i, -1)) for i in donations.nodes]
    numbers = [len(rows), *(number for row in rows for number in row)]
    return np.array(numbers, np.int64), tuple(donations.nodes.values())


@dataclass(frozen=True)
class TuplePlan:
    """How the tuples around the results are built, the inner ones first.

    A branch of a tuple is twice the index of an object that the call owns, plus one where the tuple
    takes over the reference, as nobody asks for that object later.
    """

    tuples: list[list[int]]
    result: int
    has_unused: bool


def plan_tuples(tree: Tree, inputs: int, outputs: int) -> TuplePlan:
    """The plan of a tree of results, which are owned behind the inputs, and the tuples behind."""
    tuples: list[list[int]] = []

    def owned_index(branch: Tree) -> int:
        if isinstance(branch, int):
            return inputs + branch
        tuples.append([owned_index(part) for part in branch])
        return inputs + outputs + len(tuples) - 1

    result = owned_index(tree)
    last = {index: (i, j) for i, part in enumerate(tuples) for j, index in enumerate(part)}
    moved = [
        [2 * index + (last[index] == (i, j)) for j, index in enumerate(part)]
        for i, part in enumerate(tuples)
    ]
    leaves = set(range(inputs, inputs + outputs))
    return TuplePlan(moved, result, bool(leaves - {result, *last}))


def can_be_reused(outputs: Sequence[Output], plan: TuplePlan) -> bool:
    """Whether a program keeps its results: some numbers, each of which stands in one place.

    NumPy's truth values, and the empty tuple, are objects that all share.
    """
    places = sum(map(len, plan.tuples))
    return (
        0 < len(outputs) <= MOST_KEPT
        and all(spec.shape == () and spec.dtype.kind != "b" for spec in outputs)
        and not plan.has_unused
        and all(plan.tuples)
        and places == len(outputs) + len(plan.tuples) - 1
    )


def parts_of(plan: TuplePlan, inputs: int, outputs: int) -> list[tuple[int, int, int]]:
    """The tuples and tensors of a result from outside in: of each, in which part it stands, at
    which place, and which output it is, or -1 if it is a tuple.

    Part 0 is what holds the whole result; the first row is part 1.
    """
    parts: list[tuple[int, int, int]] = []

    def add(index: int, parent: int, place: int) -> None:
        own = index - inputs
        parts.append((parent, place, own if own < outputs else -1))
        number = len(parts)
        if own >= outputs:
            for i, branch in enumerate(plan.tuples[own - outputs]):
                add(branch // 2, number, i)

    add(plan.result, 0, 0)
    return parts


def tree_leaves(tree: Tree) -> list[int]:
    """The indices of leaves in `tree`, from left to right."""
    if isinstance(tree, int):
        return [tree]
    return [leaf for branch in tree for leaf in tree_leaves(branch)]


def check_tree(tree: Tree, count: int) -> None:
    """Refuse a tree that names leaves that do not exist."""
    wrong = [leaf for leaf in tree_leaves(tree) if not 0 <= leaf < count]
    if wrong:
        raise ArgumentError(f"tree: there are {count} results, but it names leaf {wrong[0]}")
