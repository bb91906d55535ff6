"""Writes the entry of a program: guard the arguments, run the body, wrap the results.

Floor 6. What the entry owns while it runs stands in one array on the stack: the holders of input
data, then the leaves of the results, then the tuples around them. Every failure after the guard
releases that whole array, so no path can forget a reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.entry_guard import Guard, array_guard
from adjoint.backends.llvm.entry_layout import POINTER, dtype_symbol, type_symbol
from adjoint.backends.llvm.entry_words import (
    ANY,
    BYTE,
    INT,
    LONG,
    NULL,
    Input,
    Output,
    Tree,
    Words,
    tree_leaves,
)
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor

SLOW, UNFLATTEN, SHAPES = 0, 1, 2
"""Where the tuple that an entry receives as `self` has its Python callables, and the shapes of
the results from there on."""


@dataclass
class EntryWriter:
    """One entry being written into `module`."""

    words: Words
    function: Any
    inputs: Sequence[Input]
    outputs: Sequence[Output]
    tree: Tree
    has_unflatten: bool
    failure: Any = None
    owned: Any = None
    used: int = 0
    rooms: dict[int, Any] = field(default_factory=dict)  # of results that become scalars
    items: dict[int, Any] = field(default_factory=dict)  # finished tensors and tuples, by place
    moved: set[int] = field(default_factory=set)  # whose reference a tuple has taken over

    @property
    def builder(self) -> Any:
        return self.words.builder

    def write(self, body: Any, release_gil: bool) -> None:
        """The whole entry."""
        if self.has_unflatten:
            self.tree = tuple(range(len(self.outputs)))
        self.owned = self.words.slots(self._owners() + len(self.outputs) + _tuples(self.tree), "o")
        self.used = self._owners() + len(self.outputs)
        buffers = self.words.slots(len(self.inputs) + len(self.outputs), "buffers")
        mismatch = self.function.append_basic_block("mismatch")
        self.failure = self.function.append_basic_block("failure")
        self._guard(buffers, mismatch)
        self._prepare(buffers)
        self._run(body, buffers, release_gil)
        self._wrap()
        root = self._build(self.tree)
        self._release_unused()
        result = self.items[root]
        self.builder.ret(self._unflattened(result) if self.has_unflatten else result)
        self._write_mismatch(mismatch)
        self._write_failure()

    # before the body

    def _owners(self) -> int:
        return sum(not spec.python_scalar for spec in self.inputs)

    def _owned(self, index: int) -> Any:
        return self.words.slot(self.owned, index)

    def _leaf(self, index: int) -> Any:
        return self._owned(self._owners() + index)

    def _guard(self, buffers: Any, mismatch: Any) -> None:
        w, builder = self.words, self.builder
        guard = Guard(w, mismatch)
        _, args, count, keywords = self.function.args
        right = w.same(count, LONG(len(self.inputs)))
        guard.demand(builder.and_(right, w.null(keywords)))
        owner = 0
        for i, spec in enumerate(self.inputs):
            arg = w.field(args, i * POINTER)
            if spec.python_scalar:
                data = guard.scalar(spec, arg)
            else:
                check = array_guard(w, self.function.name, spec)
                data = builder.call(check, [arg, self._owned(owner)])
                guard.demand(builder.not_(w.null(data)))
                owner += 1
            builder.store(data, w.slot(buffers, i))

    def _prepare(self, buffers: Any) -> None:
        """Take the references that the inputs need, and make room for the results."""
        w, builder = self.words, self.builder
        for i in range(self._owners()):
            holder = builder.load(self._owned(i), typ=ANY)
            with builder.if_then(builder.not_(w.null(holder)), likely=False):
                w.keep(holder)
        for i in range(self._owners(), self._owners() + len(self.outputs) + _tuples(self.tree)):
            builder.store(NULL, self._owned(i))
        for k, spec in enumerate(self.outputs):
            if spec.shape:
                data = self._new_array(k, spec)
            else:
                data = self.rooms[k] = w.room(ir.ArrayType(BYTE, spec.dtype.itemsize))
            builder.store(data, w.slot(buffers, len(self.inputs) + k))

    def _new_array(self, index: int, spec: Output) -> Any:
        """Make the array of a result; return the address of its data."""
        w = self.words
        dtype = w.keep(w.symbol(dtype_symbol(spec.dtype)))  # the call takes over a reference
        array = w.call(
            "PyArray_NewFromDescr", w.symbol(type_symbol(np.ndarray)), dtype,
            INT(len(spec.shape)), w.extents(spec.shape), NULL, NULL, INT(0), NULL,
        )  # fmt: skip
        self._demand(array)
        self.builder.store(array, self._leaf(index))
        return w.field(array, w.layout.data)

    def _demand(self, made: Any) -> None:
        """Go on if an object was made; otherwise an exception is set."""
        Guard(self.words, self.failure).demand(self.builder.not_(self.words.null(made)))

    # the body and after

    def _run(self, body: Any, buffers: Any, release_gil: bool) -> None:
        w, builder = self.words, self.builder
        state = w.call("PyEval_SaveThread") if release_gil else None
        status = builder.call(body, [buffers])
        if release_gil:
            w.call("PyEval_RestoreThread", state)
        Guard(w, self.failure).demand(w.same(status, INT(0)))

    def _wrap(self) -> None:
        """Turn every result into a tensor on a constant node."""
        w, builder = self.words, self.builder
        for k, spec in enumerate(self.outputs):
            if not spec.shape:
                value = self._new_scalar(self.rooms[k], spec.dtype)
                builder.store(value, self._leaf(k))
            else:
                value = builder.load(self._leaf(k), typ=ANY)
            node = self._new(Node)
            self._fill(node, k, value)
            builder.store(node, self._leaf(k))
            tensor = self._new(Tensor)
            w.set_field(tensor, w.layout.tensor_node, node)
            builder.store(tensor, self._leaf(k))
            self.items[self._owners() + k] = tensor
        if self._owners():
            self._release(self._owned(0), self._owners())

    def _new(self, kind: type) -> Any:
        """An instance whose slots are empty."""
        w = self.words
        made = w.call("PyType_GenericAlloc", w.symbol(type_symbol(kind)), LONG(0))
        self._demand(made)
        return made

    def _new_scalar(self, room: Any, dtype: np.dtype[Any]) -> Any:
        """The NumPy scalar with the value in `room`."""
        w, builder = self.words, self.builder
        if dtype.kind == "b":
            true = builder.icmp_unsigned("!=", builder.load(room, typ=BYTE), BYTE(0))
            ways = (w.symbol(f"adjoint.numpy.{value}") for value in (True, False))
            return w.keep(builder.select(true, *ways))
        made = self._new(dtype.type)
        parts = 2 if dtype.kind == "c" else 1
        size = dtype.itemsize // parts
        for offset in range(0, dtype.itemsize, size):
            part = w.field(room, offset, ir.IntType(8 * size))
            w.set_field(made, w.layout.number + offset, part)
        return made

    def _fill(self, node: Any, index: int, value: Any) -> None:
        """Make `node` a constant that takes over the reference to `value`."""
        w, layout = self.words, self.words.layout
        spec, empty = self.outputs[index], w.symbol("adjoint.empty")
        place = layout.items + (SHAPES + index) * POINTER
        shape = w.field(self.function.args[0], place) if spec.shape else empty
        fields = (
            (layout.node_op, w.symbol("adjoint.constant")),
            (layout.node_inputs, empty),
            (layout.node_params, empty),
            (layout.node_shape, shape),
            (layout.node_dtype, w.symbol(dtype_symbol(spec.dtype))),
            (layout.node_scope, w.symbol("adjoint.None")),
            (layout.node_depth, w.symbol("adjoint.zero")),
        )
        for offset, obj in fields:
            w.set_field(node, offset, w.keep(obj))
        w.set_field(node, layout.node_value, value)

    def _build(self, tree: Tree) -> int:
        """Build the tuples, the inner ones first; return where the object stands."""
        w, builder = self.words, self.builder
        if isinstance(tree, int):
            return self._owners() + tree
        branches = [self._build(branch) for branch in tree]
        made = w.call("PyTuple_New", LONG(len(tree)))
        self._demand(made)
        for i, branch in enumerate(branches):
            item = self.items[branch]
            w.set_field(made, w.layout.items + i * POINTER, item)
            if branch in self.moved:
                w.keep(item)
            else:
                builder.store(NULL, self._owned(branch))
                self.moved.add(branch)
        place, self.used = self.used, self.used + 1
        builder.store(made, self._owned(place))
        self.items[place] = made
        return place

    def _unflattened(self, leaves: Any) -> Any:
        w = self.words
        unflatten = w.field(self.function.args[0], w.layout.items + UNFLATTEN * POINTER)
        result = w.call("PyObject_CallOneArg", unflatten, leaves)
        w.call("Py_DecRef", leaves)
        return result

    def _release_unused(self) -> None:
        """Drop results that the tree does not mention."""
        named = set(tree_leaves(self.tree))
        for k in range(len(self.outputs)):
            if k not in named:
                self.words.call("Py_DecRef", self.items[self._owners() + k])

    # the ways out

    def _release(self, first: Any, count: int) -> None:
        self.builder.call(_releaser(self.words), [first, LONG(count)])

    def _write_mismatch(self, block: Any) -> None:
        w = self.words
        self.builder.position_at_end(block)
        own, args, count, keywords = self.function.args
        slow = w.field(own, w.layout.items + SLOW * POINTER)
        self.builder.ret(w.call("PyObject_Vectorcall", slow, args, count, keywords))

    def _write_failure(self) -> None:
        self.builder.position_at_end(self.failure)
        total = self._owners() + len(self.outputs) + _tuples(self.tree)
        if total:
            self._release(self.owned, total)
        self.builder.ret(NULL)


def _tuples(tree: Tree) -> int:
    """The number of tuples in `tree`."""
    return 0 if isinstance(tree, int) else 1 + sum(map(_tuples, tree))


def _releaser(words: Words) -> Any:
    """The function that releases the objects in an array of pointers; it skips NULL."""
    found = words.module.globals.get("adjoint.release")
    if found is not None:
        return found
    kind = ir.FunctionType(ir.VoidType(), [ANY, LONG])
    function = ir.Function(words.module, kind, "adjoint.release")
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("start"))
    inner = Words(words.module, builder, words.layout)
    first, count = function.args
    start, loop = builder.block, builder.append_basic_block("loop")
    done = builder.append_basic_block("done")
    builder.branch(loop)
    builder.position_at_end(loop)
    index = builder.phi(LONG)
    place = builder.gep(first, [index], source_etype=ANY)
    item = builder.load(place, typ=ANY)
    builder.store(NULL, place)
    with builder.if_then(builder.not_(inner.null(item))):
        inner.call("Py_DecRef", item)
    after = builder.add(index, LONG(1))
    index.add_incoming(LONG(0), start)
    index.add_incoming(after, builder.block)
    builder.cbranch(builder.icmp_unsigned("<", after, count), loop, done)
    builder.position_at_end(done)
    builder.ret_void()
    return function
