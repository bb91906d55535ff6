"""BLAS by address: the C functions that SciPy ships, called from native code."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from llvmlite import ir

from adjoint.schedule.plan import Gemm

I32 = ir.IntType(32)
POINTER = ir.PointerType()


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
    """The routine that computes a product."""
    return "sgemm" if step.root.dtype.itemsize == 4 else "dgemm"


def emit_gemm(builder: Any, step: Gemm, a: Any, b: Any, c: Any) -> None:
    """Call ``c = op(a) op(b)`` on row-major matrices.

    BLAS counts columns first, so in its eyes every matrix is transposed: cᵀ = op(b)ᵀ op(a)ᵀ.
    """
    module = builder.module
    name = "adjoint_" + routine(step)
    function = module.globals.get(name)
    if function is None:
        kind = ir.FunctionType(ir.VoidType(), [POINTER] * 13)
        function = ir.Function(module, kind, name)
    rows, columns = step.root.shape
    depth = step.a.shape[0] if step.transpose_a else step.a.shape[1]
    real = ir.FloatType() if step.root.dtype.itemsize == 4 else ir.DoubleType()

    def constant(value: Any) -> Any:
        return _global(module, value)

    builder.call(
        function,
        [
            constant(ir.Constant(ir.IntType(8), ord("T" if step.transpose_b else "N"))),
            constant(ir.Constant(ir.IntType(8), ord("T" if step.transpose_a else "N"))),
            constant(I32(columns)),
            constant(I32(rows)),
            constant(I32(depth)),
            constant(ir.Constant(real, 1.0)),
            b,
            constant(I32(max(1, step.b.shape[1]))),
            a,
            constant(I32(max(1, step.a.shape[1]))),
            constant(ir.Constant(real, 0.0)),
            c,
            constant(I32(max(1, columns))),
        ],
    )


def _global(module: Any, value: Any) -> Any:
    """A constant in memory: BLAS takes everything by address."""
    label = f"const.{value.type}.{value.constant}".replace("-", "m")
    found = module.globals.get(label)
    if found is None:
        found = ir.GlobalVariable(module, value.type, label)
        found.initializer = value
        found.linkage = "private"
        found.global_constant = True
    return found
