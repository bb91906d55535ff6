"""BLAS by address: the C functions that SciPy ships, called from native code."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.loop import I64, POINTER, loop
from adjoint.graph.node import Node
from adjoint.graph.types import size_of
from adjoint.schedule.plan import Gemm

I32 = ir.IntType(32)


@cache
def address(name: str) -> int:
    """The address of a BLAS routine."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    found: int = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
    return found


def routine(step: Gemm) -> str:
    """The routine that computes the products."""
    precision = "s" if step.root.dtype.itemsize == 4 else "d"
    return precision + ("gemv" if 1 in step.root.shape[-2:] else "gemm")


def emit_gemm(builder: Any, step: Gemm, a: Any, b: Any, c: Any) -> None:
    """Call BLAS for each of the matrices that the leading axes count."""

    def along(axes: Sequence[int], pointers: Sequence[Any]) -> None:
        if not axes:
            emit_product(builder, step, *pointers)
            return
        axis, *rest = axes
        size = step.root.shape[axis]
        with loop(builder, I64(0), I64(size)) as i:
            moved = []
            for pointer, node in zip(pointers, (step.a, step.b, step.root), strict=True):
                place = builder.mul(i, I64(stride(node, axis, step.root)))
                moved.append(builder.gep(pointer, [place], source_etype=ir.IntType(8)))
            along(rest, moved)

    along(range(len(step.root.shape) - 2), (a, b, c))


def stride(node: Node, axis: int, root: Node) -> int:
    """The bytes between the matrices of `node` along an axis of the result."""
    own = axis - (len(root.shape) - len(node.shape))
    if own < 0 or node.shape[own] == 1:
        return 0
    return size_of(node.shape[own + 1 :]) * node.dtype.itemsize


def emit_product(builder: Any, step: Gemm, a: Any, b: Any, c: Any) -> None:
    """Call ``c = op(a) op(b)`` on row-major matrices.

    BLAS counts columns first, so in its eyes every matrix is transposed: cᵀ = op(b)ᵀ op(a)ᵀ.
    """
    rows, columns = step.root.shape[-2:]
    depth = step.a.shape[-2 if step.transpose_a else -1]
    words = _Words(builder.module, step)
    if columns == 1:
        call = words.gemv(a, step.a, step.transpose_a, b, c)
    elif rows == 1:
        call = words.gemv(b, step.b, not step.transpose_b, a, c)
    else:
        call = [
            words.letter("T" if step.transpose_b else "N"),
            words.letter("T" if step.transpose_a else "N"),
            *map(words.integer, (columns, rows, depth)),
            words.real(1.0),
            b,
            words.integer(step.b.shape[-1]),
            a,
            words.integer(step.a.shape[-1]),
            words.real(0.0),
            c,
            words.integer(columns),
        ]
    builder.call(words.function(len(call)), call)


class _Words:
    """The arguments of BLAS, which takes everything by address."""

    def __init__(self, module: Any, step: Gemm) -> None:
        self.module = module
        self.name = routine(step)
        self.kind = ir.FloatType() if self.name[0] == "s" else ir.DoubleType()

    def function(self, count: int) -> Any:
        label = f"adjoint_{self.name}"
        kind = ir.FunctionType(ir.VoidType(), [POINTER] * count)
        return self.module.globals.get(label) or ir.Function(self.module, kind, label)

    def gemv(self, matrix: Any, node: Node, transposed: bool, vector: Any, out: Any) -> list[Any]:
        """``out = op(matrix) vector``: for BLAS the stored rows are columns."""
        stored_rows, stored_columns = node.shape[-2:]
        return [
            self.letter("N" if transposed else "T"),
            self.integer(stored_columns),
            self.integer(stored_rows),
            self.real(1.0),
            matrix,
            self.integer(stored_columns),
            vector,
            self.integer(1),
            self.real(0.0),
            out,
            self.integer(1),
        ]

    def letter(self, letter: str) -> Any:
        return self.constant(ir.Constant(ir.IntType(8), ord(letter)))

    def integer(self, value: int) -> Any:
        return self.constant(I32(max(1, value)))

    def real(self, value: float) -> Any:
        return self.constant(ir.Constant(self.kind, value))

    def constant(self, value: Any) -> Any:
        """A constant in memory."""
        label = f"const.{value.type}.{value.constant}".replace("-", "m")
        found = self.module.globals.get(label)
        if found is None:
            found = ir.GlobalVariable(self.module, value.type, label)
            found.initializer = value
            found.linkage = "private"
            found.global_constant = True
        return found
