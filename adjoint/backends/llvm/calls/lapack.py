"""LAPACK by address: steps that do the same with each matrix of a stack.

The code for one matrix is written for all sizes, so programs share it as they share kernels.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.calls import blas, lapack_codegen
from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, extern, loop
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.schedule.plan import Lapack

I8, I32 = ir.IntType(8), ir.IntType(32)


class LapackWriter:
    """Writes ``i32 f(ptr inputs …, ptr output, i64 rows, i64 columns)`` for one matrix, the sizes
    being those of the last input; it returns 0 if all went well."""

    def __init__(self, step: Lapack) -> None:
        self.op = step.root.op
        self.dtype = step.root.dtype
        self.params = step.root.params
        self.pointers = len(step.reads) + 1
        self.is_vector = len(step.reads) == 2 and step.root.shape[-1] == 1

    def text(self) -> str:
        """What the code depends on: equal for equal functions."""
        return f"lapack {self.op.name} {self.dtype.str} {self.params} {self.is_vector}"

    def declare(self, module: Any, name: str) -> Any:
        """The function, its body not written."""
        return extern(module, name, I32, [POINTER] * self.pointers + [I64] * 2)

    level = "written"

    def write_vectors(self, module: Any, name: str, functions: dict[str, Any]) -> bool:
        """LAPACK does the work: there is no such form."""
        return False

    def write(self, module: Any, name: str, functions: dict[str, Any]) -> Any:
        """The function itself."""
        function = self.declare(module, name)
        builder = IRBuilder(function.append_basic_block())
        *addresses, rows, columns = function.args
        shape = [lapack_codegen.Size(builder, n) for n in (rows, columns)]
        if self.is_vector:
            shape[1:] = [1]  # type: ignore[list-item]
        matrix = lapack_codegen.MatrixWriter(builder, self.dtype, shape, self.params)
        status = lapack_codegen.WRITERS[self.op][0](matrix, *addresses)
        builder.ret(I32(0) if status is None else status)
        return function

    def symbols(self) -> dict[str, int]:
        """The addresses of what the code calls, by their names in it."""
        libc = ctypes.CDLL(None)
        names = [blas.prefix(self.dtype) + name for name in lapack_codegen.WRITERS[self.op][1]]
        return {
            "adjoint_allocate": ctypes.cast(libc.malloc, ctypes.c_void_p).value or 0,
            "adjoint_free": ctypes.cast(libc.free, ctypes.c_void_p).value or 0,
            **{f"adjoint_{name}": blas.address(name) for name in names},
        }


def emit(builder: Any, step: Lapack, function: Any, addresses: Sequence[Any], failed: Any) -> None:
    """Write the step for matrices at `addresses`, the result's last; branch to `failed` if LAPACK
    reports that it could not be done. All matrices are tried, so there is one branch."""
    status = alloca(builder, I32)
    status.type = POINTER
    builder.store(I32(0), status)
    sizes = [I64(n) for n in step.shape]

    def along(axes: Sequence[int], pointers: Sequence[Any]) -> None:
        if not axes:
            found = builder.call(function, [*pointers, *sizes])
            builder.store(builder.or_(builder.load(status, typ=I32), found), status)
            return
        axis, *rest = axes
        with loop(builder, I64(0), I64(step.root.shape[axis]), unroll=False) as i:
            moved = []
            for pointer, node in zip(pointers, (*step.reads, step.root), strict=True):
                offset = builder.mul(i, I64(blas.stride(node, axis, step.root)))
                moved.append(builder.gep(pointer, [offset], source_etype=I8))
            along(rest, moved)

    along(range(len(step.root.shape) - 2), addresses)
    succeeded = builder.append_basic_block()
    is_zero = builder.icmp_signed("==", builder.load(status, typ=I32), I32(0))
    builder.cbranch(is_zero, succeeded, failed)
    builder.position_at_end(succeeded)


def run(step: Lapack, function_address: int, addresses: Sequence[int]) -> bool:
    """Take the step now, on the matrices at these addresses; returns whether all went well."""
    kinds = [ctypes.c_void_p] * len(addresses) + [ctypes.c_int64] * 2
    function = ctypes.CFUNCTYPE(ctypes.c_int32, *kinds)(function_address)
    succeeded = True
    for index in np.ndindex(step.root.shape[:-2]):
        moved = [
            start + sum(i * blas.stride(node, axis, step.root) for axis, i in enumerate(index))
            for start, node in zip(addresses, (*step.reads, step.root), strict=True)
        ]
        succeeded = not function(*moved, *step.shape) and succeeded
    return succeeded
