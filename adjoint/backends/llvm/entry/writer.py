"""The entry itself: guard the arguments, run the body, wrap the results.

Floor 6. References that a call owns stand in one array on the stack: to the owners of input data,
then to the leaves of the results, then to the tuples around them, then to an earlier result that is
used again. What is not made yet is NULL, and
what another object takes over becomes NULL. Every failure after the guards clears the whole array,
so no path can forget a reference or drop one twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.entry.descriptor import Field
from adjoint.backends.llvm.entry.donation import check_donated, donate
from adjoint.backends.llvm.entry.guards import Arguments, check_arguments
from adjoint.backends.llvm.entry.object_builder import (
    ANY,
    INT,
    LONG,
    NULL,
    SLOT,
    ObjectBuilder,
)
from adjoint.backends.llvm.entry.results import build_tuples, clear_all, incref_all, wrap_all
from adjoint.backends.llvm.entry.reuse import keep, write_floats

_BODY = ir.FunctionType(INT, [ANY]).as_pointer()


def write_entry(b: ObjectBuilder) -> None:
    """`result = entry(self, args*, count, names)`: a call in CPython's METH_FASTCALL convention."""
    EntryWriter(b).write()


@dataclass
class EntryWriter:
    """The entry being written."""

    b: ObjectBuilder

    def write(self) -> None:
        """The whole entry."""
        b = self.b
        own, self.args, self.count, self.names = b.args
        self.descriptor = b.field(b.field(own, b.layout.items), b.layout.data)
        self.mismatch, self.failure, self.body_failed = (
            b.append_basic_block(n) for n in ("mismatch", "failure", "body_failed")
        )
        self._allocate_stack()
        self._guard()
        self._prepare()
        self._run_body()
        self._return(self._build())
        self._write_body_failed()
        self._write_mismatch()
        b.position_at_end(self.failure)
        b.call_named("adjoint.clear", self.owned, self._get(Field.OWNED))
        b.ret(NULL)

    def _get(self, field: Field, kind: Any = LONG) -> Any:
        """What the descriptor says."""
        return self.b.item(self.descriptor, LONG(field), kind)

    def _holds(self, field: Field) -> Any:
        """Whether the descriptor says something else than zero."""
        return self.b.icmp_unsigned("!=", self._get(field), LONG(0))

    # before the body

    def _allocate_stack(self) -> None:
        b = self.b
        self.inputs, self.outputs = self._get(Field.INPUTS), self._get(Field.OUTPUTS)
        leaves = b.add(self.inputs, self.outputs)
        self.owned, self.buffers = b.stack(self._get(Field.OWNED)), b.stack(leaves)
        self.slots = b.stack(b.add(leaves, leaves))  # 16 bytes for each
        self.values = b.element(self.owned, self.inputs)  # of the results
        self.reused = b.element(self.owned, b.sub(self._get(Field.OWNED), LONG(1)))
        self.value_slots = b.element(self.slots, self.inputs, SLOT)
        self.results = b.element(self.buffers, self.inputs)
        self.floats = b.stack(self.outputs)

    def _guard(self) -> None:
        b = self.b
        b.demand(b.and_(b.same(self.count, self.inputs), b.is_null(self.names)), self.mismatch)
        table = self._get(Field.INPUT_TABLE, ANY)
        given = Arguments(self.args, table, self.inputs, self.owned, self.buffers, self.slots)
        check_arguments(b, given, self.mismatch)
        with b.if_then(self._holds(Field.DONATION), likely=False):
            check_donated(b, self.args, self._get(Field.DONATION, ANY), self.mismatch)

    def _prepare(self) -> None:
        """Take references to the owners of input data, and find memory for the results.

        The guards took none, so until here a call could go the slow way at no cost.
        """
        b = self.b
        with b.each(b.sub(self._get(Field.OWNED), self.inputs)) as index:
            b.store(NULL, b.element(self.values, index))
        incref_all(b, self.owned, self.inputs)
        with b.if_then(self._holds(Field.DONATION), likely=False):
            nodes = b.address(self._get(Field.DONATED, ANY), b.layout.items)
            donate(b, self.args, self._get(Field.DONATION, ANY), nodes, self.values)
        table = self._get(Field.OUTPUT_TABLE, ANY)
        with b.if_then(self._holds(Field.KEPT)):
            cell, parts = self._get(Field.KEPT, ANY), self._get(Field.PART_LIST, ANY)
            given = (cell, parts, self._get(Field.PARTS), table, self.results, self.floats)
            b.store(b.call_named("adjoint.take", *given), self.reused)
        with b.if_then(self._is_fresh()):
            self._allocate(table)

    def _is_fresh(self) -> Any:
        """Whether the result is made in this call, and not the one of an earlier call."""
        return self.b.is_null(self.b.load(self.reused, typ=ANY))

    def _allocate(self, table: Any) -> None:
        b = self.b
        given = (table, self.outputs, self.values, self.value_slots, self.results)
        with b.if_else(self._holds(Field.HAS_LARGE)) as ways:
            for way, name in zip(ways, ("allocate_large", "allocate"), strict=True):
                with way:
                    done = b.call_named("adjoint." + name, *given)
                    b.demand(b.same(done, INT(1)), self.failure)

    # the body and after

    def _run_body(self) -> None:
        """Run the body; while a long one computes, other Python threads may run.

        They cannot take anything from under it: the call holds references to the values of tensors,
        its caller those to arrays, and nobody else knows the results yet. A body that touches
        Python objects must keep the lock.
        """
        b = self.b
        with b.if_else(self._holds(Field.RELEASE_GIL)) as (without_lock, with_lock):
            with without_lock:
                state = b.call_named("PyEval_SaveThread")
                status = self._call_body()
                b.call_named("PyEval_RestoreThread", state)
                b.demand(b.same(status, INT(0)), self.body_failed)
            with with_lock:
                b.demand(b.same(self._call_body(), INT(0)), self.body_failed)

    def _call_body(self) -> Any:
        return self.b.call(self._get(Field.BODY, _BODY), [self.buffers])

    def _build(self) -> Any:
        """Turn results into tensors, and build the tuples; the address of what is returned."""
        b = self.b
        address = b.element(self.owned, self._get(Field.RESULT))
        table = self._get(Field.OUTPUT_TABLE, ANY)
        with b.if_else(self._is_fresh()) as (fresh, reused):
            with fresh:
                wrap_all(b, table, self.outputs, self.values, self.value_slots, self.failure)
                listed, count = self._get(Field.TUPLE_LIST, ANY), self._get(Field.TUPLES)
                tuples = b.element(self.values, self.outputs)
                build_tuples(b, listed, count, self.owned, tuples, self.failure)
            with reused:
                write_floats(b, table, self.outputs, self.results, self.floats)
                b.store(b.load(self.reused, typ=ANY), address)
                b.store(NULL, self.reused)
        clear_all(b, self.owned, self.inputs)
        with b.if_then(self._holds(Field.KEPT)):
            keep(b, self._get(Field.KEPT, ANY), b.load(address, typ=ANY))
        return address

    def _return(self, address: Any) -> None:
        """Return the object at `address`; drop results that the tree does not mention."""
        b = self.b
        result = b.load(address, typ=ANY)
        with b.if_then(self._holds(Field.HAS_UNUSED), likely=False):
            b.store(NULL, address)
            b.call_named("adjoint.clear", self.owned, self._get(Field.OWNED))
        with b.if_then(self._holds(Field.UNFLATTEN)):
            built = b.call_named("PyObject_CallOneArg", self._get(Field.UNFLATTEN, ANY), result)
            b.call_named("Py_DecRef", result)
            b.ret(built)
        b.ret(result)

    # the ways out

    def _write_mismatch(self) -> None:
        """Hand the arguments, as they came, to the slow path.

        METH_FASTCALL and vectorcall take arguments alike: positional ones, then those by keyword,
        whose names are in a tuple or NULL. The count lacks the flag by which a caller lets others
        write before the first argument.
        """
        b = self.b
        b.position_at_end(self.mismatch)
        slow = self._get(Field.SLOW, ANY)
        b.ret(b.call_named("PyObject_Vectorcall", slow, self.args, self.count, self.names))

    def _write_body_failed(self) -> None:
        """The body failed: raise what it did, or let the slow path find out why."""
        b = self.b
        b.position_at_end(self.body_failed)
        b.call_named("adjoint.clear", self.owned, self._get(Field.OWNED))
        with b.if_then(b.not_(b.is_null(b.call_named("PyErr_Occurred")))):
            b.ret(NULL)
        # The arguments are gone, and only a lack of memory stops a program that may donate.
        with b.if_then(self._holds(Field.DONATION)):
            b.ret(b.call_named("PyErr_NoMemory"))
        b.branch(self.mismatch)
