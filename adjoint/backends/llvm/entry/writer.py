"""Writes the entry of a program: guard the arguments, run the body, wrap the results.

Floor 6. What the entry owns while it runs stands in one array on the stack: the holders of input
data, then the leaves of the results, then the tuples around them. Every failure after the guard
releases that whole array, so no path can forget a reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.entry.guards import Guard
from adjoint.backends.llvm.entry.object_builder import (
    ANY,
    BYTE,
    INT,
    LONG,
    NULL,
    Input,
    Output,
    Tree,
    Words,
)
from adjoint.backends.llvm.system.caching_allocator import LARGE
from adjoint.backends.llvm.system.cpython_layout import POINTER

SLOW, UNFLATTEN, DONATIONS, DONATED, SHAPES = range(5)
"""Where the tuple that an entry receives as `self` has its Python callables, what is given away
and what that becomes (or None), and the shapes of the results from there on."""


@dataclass
class EntryWriter:
    """One entry being written into a module."""

    words: Words
    function: Any
    inputs: Sequence[Input]
    outputs: Sequence[Output]
    tree: Tree
    failure: Any = None
    again: Any = None
    owned: Any = None
    buffers: Any = None
    scalars: Any = None
    results: Any = None  # the table of them
    unused: bool = False  # whether the tree leaves out some results

    @property
    def builder(self) -> Any:
        return self.words.builder

    @property
    def arrays(self) -> list[tuple[Input, int]]:
        """The inputs that are arrays, each with its place among the arguments."""
        return [(s, i) for i, s in enumerate(self.inputs) if not s.python_scalar]

    @property
    def first_leaf(self) -> int:
        """Where the leaves stand among what is owned."""
        return len(self.arrays)

    @property
    def first_tuple(self) -> int:
        return self.first_leaf + len(self.outputs)

    @property
    def end(self) -> int:
        return self.first_tuple + _tuples(self.tree)

    def write(self, body: Any, has_unflatten: bool, release_gil: bool) -> None:
        """The whole entry."""
        self.owned = self.words.slots(self.end, "owned")
        self.buffers = self.words.slots(len(self.inputs) + len(self.outputs), "buffers")
        self.scalars = self.words.room(ir.ArrayType(BYTE, 16 * max(len(self.outputs), 1)))
        mismatch = self.function.append_basic_block("mismatch")
        self.failure = self.function.append_basic_block("failure")
        self.again = self.function.append_basic_block("again")
        self._guard(mismatch)
        self._prepare()
        self._run(body, release_gil)
        self._wrap()
        self._finish(self._build(), has_unflatten)
        self._write_again(mismatch)
        self._write_mismatch(mismatch)
        self._write_failure()

    def _place(self, index: int) -> Any:
        return self.words.slot(self.owned, index)

    def _succeed(self, condition: Any) -> None:
        """Go on if `condition` holds; otherwise an exception is set."""
        Guard(self.words, self.failure).demand(condition)

    # before the body

    def _guard(self, mismatch: Any) -> None:
        w, builder = self.words, self.builder
        guard = Guard(w, mismatch)
        _, args, count, keywords = self.function.args
        right = w.same(count, LONG(len(self.inputs)))
        guard.demand(builder.and_(right, w.null(keywords)))
        for i, spec in enumerate(self.inputs):
            if spec.python_scalar:
                data = guard.scalar(spec, w.field(args, i * POINTER))
                builder.store(data, w.slot(self.buffers, i))
        if self.arrays:
            table = w.table(f"{self.function.name}.inputs", self.arrays)
            given = (args, table, LONG(len(self.arrays)), self.owned, self.buffers)
            guard.demand(w.done(w.call("adjoint.guards", *given)))
            with self._if_donating() as donations:
                guard.demand(w.done(w.call("adjoint.check_donations", args, donations)))

    @contextmanager
    def _if_donating(self) -> Iterator[Any]:
        """The code within runs where arguments are donated; yields the list of them."""
        w, own = self.words, self.function.args[0]
        donations = w.field(own, w.layout.items + DONATIONS * POINTER)
        none = w.same(donations, w.symbol("adjoint.None"))
        with self.builder.if_then(self.builder.not_(none)):
            yield w.field(donations, w.layout.data)

    def _prepare(self) -> None:
        """Take the references that the inputs need, and make room for the results."""
        w = self.words
        self._clear(self.first_leaf, self.end)
        if self.arrays:
            w.call("adjoint.keep", self.owned, LONG(len(self.arrays)))
            self._donate()
        if self.outputs:
            rows = [(spec, spec.dtype.itemsize) for spec in self.outputs]
            self.results = w.table(f"{self.function.name}.outputs", rows)
            buffers = w.slot(self.buffers, len(self.inputs))
            is_large = any(spec.nbytes >= LARGE for spec in self.outputs)
            rooms = "adjoint.large_rooms" if is_large else "adjoint.rooms"
            self._succeed(w.done(w.call(rooms, *self._leaves(), buffers)))

    def _clear(self, first: int, end: int) -> None:
        """Own nothing in places from `first` to `end`."""
        with self.words.each(LONG(end - first)) as index:
            self.builder.store(NULL, self.words.place(self._place(first), index))

    def _donate(self) -> None:
        """Donate arguments, and own the memory of some as results."""
        w, (own, args, _, _) = self.words, self.function.args
        with self._if_donating() as donations:
            nodes = w.at(w.field(own, w.layout.items + DONATED * POINTER), w.layout.items)
            w.call("adjoint.donate", args, donations, nodes, self._place(self.first_leaf))

    def _leaves(self) -> tuple[Any, ...]:
        """The table of the results, their number, the values and the room for scalars."""
        values = self._place(self.first_leaf)
        return self.results, LONG(len(self.outputs)), values, self.scalars

    # the body and after

    def _run(self, body: Any, release_gil: bool) -> None:
        w = self.words
        state = w.call("PyEval_SaveThread") if release_gil else None
        status = self.builder.call(body, [self.buffers])
        if release_gil:
            w.call("PyEval_RestoreThread", state)
        Guard(w, self.again).demand(w.same(status, INT(0)))

    def _wrap(self) -> None:
        """Turn every result into a tensor on a constant node; let go of the inputs."""
        w = self.words
        if self.outputs:
            shapes = w.at(self.function.args[0], w.layout.items + SHAPES * POINTER)
            self._succeed(w.done(w.call("adjoint.wrap", *self._leaves(), shapes)))
        if self.arrays:
            w.call("adjoint.release", self.owned, LONG(len(self.arrays)))

    def _build(self) -> int:
        """Build the tuples, the inner ones first; return where the object stands."""
        w, builder = self.words, self.builder
        tuples: list[list[int]] = []
        root = self._plan(self.tree, tuples)
        last = {place: (i, j) for i, places in enumerate(tuples) for j, place in enumerate(places)}
        for i, places in enumerate(tuples):
            branches = [2 * place + (last[place] == (i, j)) for j, place in enumerate(places)]
            listed = w.constant(f"{self.function.name}.tuple.{i}", branches)
            made = w.call("adjoint.tuple", self.owned, listed, LONG(len(branches)))
            self._succeed(builder.not_(w.null(made)))
            builder.store(made, self._place(self.first_tuple + i))
        self.unused = bool(set(range(self.first_leaf, self.first_tuple)) - {root, *last})
        return root

    def _plan(self, tree: Tree, tuples: list[list[int]]) -> int:
        """List, for every tuple, the places of its branches; return the place of the whole."""
        if isinstance(tree, int):
            return self.first_leaf + tree
        places = [self._plan(branch, tuples) for branch in tree]
        tuples.append(places)
        return self.first_tuple + len(tuples) - 1

    def _finish(self, place: int, has_unflatten: bool) -> None:
        """Return the object in `place`; drop results that the tree does not mention."""
        w, builder = self.words, self.builder
        result = builder.load(self._place(place), typ=ANY)
        if self.unused:
            builder.store(NULL, self._place(place))
            w.call("adjoint.release", self.owned, LONG(self.end))
        builder.ret(self._unflattened(result) if has_unflatten else result)

    def _unflattened(self, leaves: Any) -> Any:
        w = self.words
        unflatten = w.field(self.function.args[0], w.layout.items + UNFLATTEN * POINTER)
        result = w.call("PyObject_CallOneArg", unflatten, leaves)
        w.call("Py_DecRef", leaves)
        return result

    # the ways out

    def _write_mismatch(self, block: Any) -> None:
        w = self.words
        self.builder.position_at_end(block)
        own, args, count, keywords = self.function.args
        slow = w.field(own, w.layout.items + SLOW * POINTER)
        self.builder.ret(w.call("PyObject_Vectorcall", slow, args, count, keywords))

    def _write_again(self, mismatch: Any) -> None:
        """The body failed: raise what it did, or let the slow path find out why."""
        w = self.words
        quiet, raised = (self.function.append_basic_block(n) for n in ("quiet", "raised"))
        self.builder.position_at_end(self.again)
        if self.end:
            w.call("adjoint.release", self.owned, LONG(self.end))
        self.builder.cbranch(w.null(w.call("PyErr_Occurred")), quiet, raised)
        self.builder.position_at_end(quiet)
        with self._if_donating():  # nothing but memory running out stops a program that donates
            self.builder.ret(w.call("PyErr_NoMemory"))
        self.builder.branch(mismatch)
        self.builder.position_at_end(raised)
        self.builder.ret(NULL)

    def _write_failure(self) -> None:
        self.builder.position_at_end(self.failure)
        if self.end:
            self.words.call("adjoint.release", self.owned, LONG(self.end))
        self.builder.ret(NULL)


def _tuples(tree: Tree) -> int:
    """The number of tuples in `tree`."""
    return 0 if isinstance(tree, int) else 1 + sum(map(_tuples, tree))
