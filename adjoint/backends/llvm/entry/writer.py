"""The entry itself: guard the arguments, run the body, wrap the results.

Floor 6. What a call owns while it runs stands in one array on the stack: the owners of input data,
then the leaves of the results, then the tuples around them. Every failure after the guards releases
that whole array, so no path can forget a reference.
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
from adjoint.backends.llvm.entry.results import build_tuples, keep_all, release_all, wrap_all

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
        self.mismatch, self.failure, self.again = (
            b.append_basic_block(n) for n in ("mismatch", "failure", "again")
        )
        self._reserve_stack()
        self._guard()
        self._prepare()
        self._run_body()
        self._return(self._build())
        self._write_again()
        self._write_mismatch()
        b.position_at_end(self.failure)
        b.run("adjoint.release", self.owned, self._get(Field.OWNED))
        b.ret(NULL)

    def _get(self, field: Field, kind: Any = LONG) -> Any:
        """What the descriptor says."""
        return self.b.item(self.descriptor, LONG(field), kind)

    def _holds(self, field: Field) -> Any:
        """Whether the descriptor says something else than zero."""
        return self.b.icmp_unsigned("!=", self._get(field), LONG(0))

    # before the body

    def _reserve_stack(self) -> None:
        b = self.b
        self.inputs, self.outputs = self._get(Field.INPUTS), self._get(Field.OUTPUTS)
        leaves = b.add(self.inputs, self.outputs)
        self.owned, self.buffers = b.stack(self._get(Field.OWNED)), b.stack(leaves)
        self.slots = b.stack(b.add(leaves, leaves))  # 16 bytes for each
        self.values = b.element(self.owned, self.inputs)  # of the results
        self.value_slots = b.element(self.slots, self.inputs, SLOT)

    def _guard(self) -> None:
        b = self.b
        b.demand(b.and_(b.same(self.count, self.inputs), b.null(self.names)), self.mismatch)
        table = self._get(Field.INPUT_TABLE, ANY)
        given = Arguments(self.args, table, self.inputs, self.owned, self.buffers, self.slots)
        check_arguments(b, given, self.mismatch)
        with b.if_then(self._holds(Field.DONATION), likely=False):
            check_donated(b, self.args, self._get(Field.DONATION, ANY), self.mismatch)

    def _prepare(self) -> None:
        """Take the references that the inputs need, and find memory for the results."""
        b = self.b
        with b.each(b.sub(self._get(Field.OWNED), self.inputs)) as index:
            b.store(NULL, b.element(self.values, index))
        keep_all(b, self.owned, self.inputs)
        with b.if_then(self._holds(Field.DONATION), likely=False):
            nodes = b.address(self._get(Field.DONATED, ANY), b.layout.items)
            donate(b, self.args, self._get(Field.DONATION, ANY), nodes, self.values)
        table = self._get(Field.OUTPUT_TABLE, ANY)
        buffers = b.element(self.buffers, self.inputs)
        given = (table, self.outputs, self.values, self.value_slots, buffers)
        with b.if_else(self._holds(Field.HAS_LARGE)) as ways:
            for way, name in zip(ways, ("allocate_large", "allocate"), strict=True):
                with way:
                    done = b.run("adjoint." + name, *given)
                    b.demand(b.same(done, INT(1)), self.failure)

    # the body and after

    def _run_body(self) -> None:
        """Run the body; while it computes for long, other Python threads may run.

        A body that touches Python objects must not be entered so.
        """
        b = self.b
        with b.if_else(self._holds(Field.RELEASE_GIL)) as (alone, locked):
            with alone:
                state = b.run("PyEval_SaveThread")
                status = self._call_body()
                b.run("PyEval_RestoreThread", state)
                b.demand(b.same(status, INT(0)), self.again)
            with locked:
                b.demand(b.same(self._call_body(), INT(0)), self.again)

    def _call_body(self) -> Any:
        return self.b.call(self._get(Field.BODY, _BODY), [self.buffers])

    def _build(self) -> Any:
        """Turn results into tensors, and build the tuples; the address of what is returned."""
        b = self.b
        table = self._get(Field.OUTPUT_TABLE, ANY)
        wrap_all(b, table, self.outputs, self.values, self.value_slots, self.failure)
        release_all(b, self.owned, self.inputs)
        listed, count = self._get(Field.TUPLE_LIST, ANY), self._get(Field.TUPLES)
        tuples = b.element(self.values, self.outputs)
        build_tuples(b, listed, count, self.owned, tuples, self.failure)
        return b.element(self.owned, self._get(Field.RESULT))

    def _return(self, place: Any) -> None:
        """Return the object in `place`; drop results that the tree does not mention."""
        b = self.b
        result = b.load(place, typ=ANY)
        with b.if_then(self._holds(Field.HAS_UNUSED), likely=False):
            b.store(NULL, place)
            b.run("adjoint.release", self.owned, self._get(Field.OWNED))
        with b.if_then(self._holds(Field.UNFLATTEN)):
            built = b.run("PyObject_CallOneArg", self._get(Field.UNFLATTEN, ANY), result)
            b.run("Py_DecRef", result)
            b.ret(built)
        b.ret(result)

    # the ways out

    def _write_mismatch(self) -> None:
        """Hand the arguments, as they came, to the slow path."""
        b = self.b
        b.position_at_end(self.mismatch)
        slow = self._get(Field.SLOW, ANY)
        b.ret(b.run("PyObject_Vectorcall", slow, self.args, self.count, self.names))

    def _write_again(self) -> None:
        """The body failed: raise what it did, or let the slow path find out why."""
        b = self.b
        b.position_at_end(self.again)
        b.run("adjoint.release", self.owned, self._get(Field.OWNED))
        with b.if_then(b.not_(b.null(b.run("PyErr_Occurred")))):
            b.ret(NULL)
        # The arguments are gone, and only a lack of memory stops a program that may donate.
        with b.if_then(self._holds(Field.DONATION)):
            b.ret(b.run("PyErr_NoMemory"))
        b.branch(self.mismatch)
