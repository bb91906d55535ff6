"""Functions of the user in C, called by address.

The code names the function by a symbol that is bound when it is loaded, so that it can be kept on
the disk, where it is the same for all functions of one signature that have one number.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.loops import I64, POINTER, extern, loop
from adjoint.backends.llvm.codegen.registers import llvm_type
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.schedule.plan import CCall


class CCallWriter:
    """Writes ``void f(ptr inputs …, ptr result, i64 n)``, which computes n elements."""

    def __init__(self, step: CCall) -> None:
        self.c, self.number = step.function, step.number
        self.pointers = len(step.reads) + 1

    def text(self) -> str:
        """What the code depends on: equal for equal functions."""
        return f"c {self.number} {self.c.signature()}"

    @property
    def symbol(self) -> str:
        """The name of the function of the user in the code."""
        return f"adjoint_c_function_{self.number}"

    def declare(self, module: Any, name: str) -> Any:
        """The function, its body not written."""
        return extern(module, name, ir.VoidType(), [POINTER] * self.pointers + [I64])

    level = "written"

    def write_vectors(self, module: Any, name: str, functions: dict[str, Any]) -> bool:
        """A call is no vector: there is no such form."""
        return False

    def write(self, module: Any, name: str, functions: dict[str, Any]) -> Any:
        """The function itself."""
        function = self.declare(module, name)
        builder = IRBuilder(function.append_basic_block())
        *addresses, count = function.args
        if self.c.length is not None:
            bits = 8 * self.c.length.itemsize
            kinds = [POINTER] * self.pointers + [ir.IntType(bits)]
            target = extern(module, self.symbol, ir.VoidType(), kinds)
            length = count if bits == 64 else builder.trunc(count, ir.IntType(bits))
            builder.call(target, [*addresses, length])
        else:
            kinds = [llvm_type(dtype) for dtype in self.c.inputs]
            result = llvm_type(self.c.result)
            target = extern(module, self.symbol, result, kinds)
            with loop(builder, I64(0), count) as i:
                *inputs, place = [
                    builder.gep(address, [i], source_etype=kind)
                    for address, kind in zip(addresses, [*kinds, result], strict=True)
                ]
                values = [builder.load(x, typ=k) for x, k in zip(inputs, kinds, strict=True)]
                builder.store(builder.call(target, values), place)
        builder.ret_void()
        return function

    def symbols(self) -> dict[str, int]:
        """The address of the function, by its name in the code."""
        return {self.symbol: self.c.address}


def run(function_address: int, addresses: Sequence[int], count: int) -> None:
    """Compute `count` elements now, of arrays at these addresses."""
    kinds = [ctypes.c_void_p] * len(addresses) + [ctypes.c_int64]
    ctypes.CFUNCTYPE(None, *kinds)(function_address)(*addresses, count)
