"""LAPACK by address: steps that do the same with each matrix of a stack.

The code for one matrix is written for all sizes, so it stands in the library of the process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.calls import blas, lapack_codegen
from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, extern, loop
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
        """The structure that the code depends on."""
        return f"lapack {self.op.name} {self.dtype.str} {self.params} {self.is_vector}"

    def declare(self, module: Any, name: str) -> Any:
        """The function, as others see it."""
        return extern(module, name, I32, [POINTER] * self.pointers + [I64] * 2)

    has_loops = False

    def write_vectors(self, module: Any, name: str) -> bool:
        """LAPACK does the work: there is no such form."""
        return False

    def write(self, module: Any, name: str, functions: dict[str, Any]) -> Any:
        """The function itself."""
        function = self.declare(module, name)
        builder = ir.IRBuilder(function.append_basic_block())
        *places, rows, columns = function.args
        shape = [lapack_codegen.Size(builder, n) for n in (rows, columns)]
        if self.is_vector:
            shape[1:] = [1]  # type: ignore[list-item]
        matrix = lapack_codegen.Matrix(builder, self.dtype, shape, self.params)
        status = lapack_codegen.WRITERS[self.op][0](matrix, *places)
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


def emit(builder: Any, step: Lapack, function: Any, places: Sequence[Any], failed: Any) -> None:
    """Take the step, reading and at last writing `places`; go to `failed` if it cannot be done."""
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
        with loop(builder, I64(0), I64(step.root.shape[axis]), stays=True) as i:
            moved = []
            for pointer, node in zip(pointers, (*step.reads, step.root), strict=True):
                place = builder.mul(i, I64(blas.stride(node, axis, step.root)))
                moved.append(builder.gep(pointer, [place], source_etype=I8))
            along(rest, moved)

    along(range(len(step.root.shape) - 2), places)
    going_on = builder.append_basic_block()
    fine = builder.icmp_signed("==", builder.load(status, typ=I32), I32(0))
    builder.cbranch(fine, going_on, failed)
    builder.position_at_end(going_on)


def run(step: Lapack, address: int, places: Sequence[int]) -> bool:
    """Take the step now, on the matrices at these addresses; whether all went well."""
    kinds = [ctypes.c_void_p] * len(places) + [ctypes.c_int64] * 2
    function = ctypes.CFUNCTYPE(ctypes.c_int32, *kinds)(address)
    fine = True
    for index in np.ndindex(step.root.shape[:-2]):
        moved = [
            start + sum(i * blas.stride(node, axis, step.root) for axis, i in enumerate(index))
            for start, node in zip(places, (*step.reads, step.root), strict=True)
        ]
        fine = not function(*moved, *step.shape) and fine
    return fine
