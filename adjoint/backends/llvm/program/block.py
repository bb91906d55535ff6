"""Memory for the intermediate results of one call of a program: on the stack, or one block.

Floor 6. A program keeps its block between calls, as memory that was used before needs no pages from
the system. Its address stands in a global of the code, the holder. A call takes it by exchanging it
for null, in one atomic instruction, and puts it back in the same way. So calls from several
threads, or from within each other, never use the same block: a call that finds null allocates one
of its own, and one that finds another when it puts its block back frees that. There is no lock that
a fork could leave taken.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.loops import I64, POINTER, element_address, extern
from adjoint.schedule.memory import ALIGNMENT

I32 = ir.IntType(32)
I8 = ir.IntType(8)
NULL = ir.Constant(POINTER, None)

ON_STACK = 4096
"""Intermediate results up to this many bytes live on the stack: a page, which is likely in use, and
little even for the small stacks of threads. It saves the two exchanges, about 10 ns."""

MOST_BYTES = 2**63 - 1
"""More cannot be asked for in int64; nor will so many be given."""


class Block:
    """Writes the code that takes `size` bytes at the beginning of a call and puts them back."""

    def __init__(self, module: Any, builder: Any, size: int) -> None:
        self.module = module
        self.holder: Any = None
        """The global that has the address between calls; None for the stack."""
        size = min(size, MOST_BYTES)
        if size <= ON_STACK:
            self.address = stack_memory(builder, ir.ArrayType(I8, max(1, size)))
            return
        self.holder = ir.GlobalVariable(module, POINTER, "adjoint_block")
        self.holder.initializer = NULL
        self.address = self.taken_or_new(builder, size)

    @classmethod
    def at(cls, address: Any) -> Block:
        """A block that somebody else takes and puts back."""
        block = cls.__new__(cls)
        block.address, block.holder = address, None
        return block

    def taken_or_new(self, builder: Any, size: int) -> Any:
        """The address of the block that an earlier call left, or of a new one."""
        left = self.exchange(builder, NULL)
        before = builder.block
        with builder.if_then(is_null(builder, left), likely=False):
            allocate = extern(self.module, "adjoint_allocate", POINTER, [I64])
            new = builder.call(allocate, [I64(size)])
            with builder.if_then(is_null(builder, new), likely=False):
                builder.ret(I32(1))  # the interpreter raises MemoryError, or finds enough
            inside = builder.block
        address = builder.phi(POINTER)
        address.add_incoming(left, before)
        address.add_incoming(new, inside)
        return address

    def end(self, builder: Any, failed: Any) -> None:
        """End the function, which returns 0, or 1 if it comes from the block `failed`."""
        if self.holder is None:
            builder.ret(I32(0))
            builder.position_at_end(failed)
            builder.ret(I32(1))
            return
        end, done = builder.append_basic_block("end"), builder.block
        builder.branch(end)
        builder.position_at_end(failed)
        builder.branch(end)
        builder.position_at_end(end)
        status = builder.phi(I32)
        status.add_incoming(I32(0), done)
        status.add_incoming(I32(1), failed)
        self.put_back(builder)
        builder.ret(status)

    def put_back(self, builder: Any) -> None:
        """Leave the block to the next call; free another that a call left meanwhile."""
        other = self.exchange(builder, self.address)
        with builder.if_then(builder.not_(is_null(builder, other)), likely=False):
            free = extern(self.module, "adjoint_free", ir.VoidType(), [POINTER])
            builder.call(free, [other])

    def exchange(self, builder: Any, pointer: Any) -> Any:
        """What the holder had, which now has `pointer`."""
        number = builder.ptrtoint(pointer, I64)
        # Sequentially consistent: what the last call wrote to the block happens before this one.
        old = builder.atomic_rmw("xchg", self.holder, number, "seq_cst")
        return builder.inttoptr(old, POINTER)


def is_null(builder: Any, pointer: Any) -> Any:
    """Whether a pointer is null."""
    return builder.icmp_unsigned("==", builder.ptrtoint(pointer, I64), I64(0))


def stack_memory(builder: Any, kind: Any) -> Any:
    """The address of memory that lives as long as the call.

    It is reserved in the first basic block: elsewhere, in a loop, each round would take more.
    """
    with builder.goto_entry_block():
        address = builder.alloca(kind)
    address.align = ALIGNMENT
    return opaque(address)


def opaque(pointer: Any) -> Any:
    """The same pointer, its type not saying what it points to."""
    pointer.type = POINTER
    return pointer


def load_address(builder: Any, table: Any, number: int) -> Any:
    """The address that stands in a table at `number`."""
    return builder.load(element_address(builder, table, I64(number), POINTER), typ=POINTER)


def moved(builder: Any, address: Any, offset: int) -> Any:
    """The address `offset` bytes further on."""
    return builder.gep(address, [I64(offset)], source_etype=I8) if offset else address
