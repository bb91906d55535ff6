"""BLAS by address: the C functions that NumPy and SciPy ship, called from native code."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends import blas_libraries
from adjoint.backends.llvm.calls.cython_api import functions
from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.backends.llvm.codegen.loops import I64, POINTER, extern, loop, memory_type
from adjoint.backends.llvm.codegen.reduction_buffers import load, store
from adjoint.backends.llvm.codegen.registers import llvm_type
from adjoint.graph.node import Node
from adjoint.graph.types import DType, size_of, to_real
from adjoint.schedule.plan import Gemm

INTEGER = ir.IntType(64 if sys.byteorder == "little" else 32)
"""The type in which integers are passed, by address. A routine that expects 32 bits finds them in
the first half of 64, if bytes are in little-endian order: so one call fits both libraries."""

PRODUCTS = frozenset({"gemm", "gemv"})
"""The routines that are taken from NumPy. They only read integers: one that writes them would
write 64 bits where the caller has 32."""


@cache
def address(name: str, library: str = "auto") -> int:
    """The address of a routine of BLAS or LAPACK, that of the library that was chosen for products.

    NumPy has loaded a library for products already, and its threads; two libraries with threads of
    their own would compete for the cores. The rest is SciPy's.
    """
    if library not in blas_libraries.BUILT_IN:
        return blas_libraries.address(name, library)
    return (name[1:] in PRODUCTS and INTEGER.width == 64 and _in_numpy(name)) or _in_scipy(name)


def _in_numpy(name: str) -> int | None:
    """The routine in the library that NumPy's wheels bring, whose integers have 64 bits."""
    library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    routine = getattr(library, f"scipy_{name}_64_", None)
    return None if routine is None else ctypes.cast(routine, ctypes.c_void_p).value


def _in_scipy(name: str) -> int:
    """The routine that SciPy offers to Cython, whose integers have 32 bits."""
    in_blas = name in functions("cython_blas")
    capsule = functions("cython_blas" if in_blas else "cython_lapack")[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    found: int = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
    return found


def routine(step: Gemm) -> str:
    """The routine that computes the products."""
    is_vector = 1 in step.root.shape[-2:] and not (step.conjugate_a or step.conjugate_b)
    return prefix(step.root.dtype) + ("gemv" if is_vector else "gemm")


def prefix(dtype: DType) -> str:
    """The first letter of the routines for a dtype."""
    return {"f": "s", "d": "d", "F": "c", "D": "z"}[dtype.char]


ONE_THREAD = 1 << 18
"""Multiplications of a product up to which OpenBLAS uses one thread (SMP_THRESHOLD_MIN times
GEMM_MULTITHREAD_THRESHOLD in its sources)."""
WORTH_THREADS = 1 << 22
"""Multiplications from which on threads are worth waking in each round of a loop: about 200 µs."""


def row_blocks(step: Gemm) -> list[tuple[int, int]]:
    """First and last rows of blocks of a product so small that BLAS computes each on one thread."""
    rows, columns = step.root.shape[-2:]
    size = rows * columns * step.a.shape[-2 if step.transpose_a else -1]
    if 1 in (rows, columns) or not ONE_THREAD < size < WORTH_THREADS:
        return [(0, rows)]
    count = min(rows, -(-size // ONE_THREAD))
    edges = [rows * n // count for n in range(count + 1)]
    return list(pairwise(edges))


def emit_gemm(
    builder: Any, step: Gemm, a: Any, b: Any, c: Any, scale: Any = None, in_loop: bool = False
) -> None:
    """Call BLAS for each of the matrices that the leading axes count; `scale` is an address.

    In a loop a product of middling size is computed in blocks of rows. BLAS would wake a thread for
    it in every round, and wait for it: on a machine that is busy for milliseconds.
    """
    calls = RoutineCalls(builder, step.root.dtype)
    factor = calls.factor(step.negative, scale)
    rows = step.root.shape[-2]
    blocks = row_blocks(step) if in_loop else [(0, rows)]
    wide = step.root.dtype.itemsize
    a_row = wide * (1 if step.transpose_a else step.a.shape[-1])
    c_row = wide * step.root.shape[-1]

    def moved_by(pointer: Any, offset: int) -> Any:
        return builder.gep(pointer, [I64(offset)], source_etype=ir.IntType(8))

    def along(axes: Sequence[int], pointers: Sequence[Any]) -> None:
        if not axes:
            a, b, c = pointers
            for first, last in blocks:
                own = {"a": moved_by(a, first * a_row), "b": b, "c": moved_by(c, first * c_row)}
                emit_product(calls, step, last - first, **own, scale=factor)
            return
        axis, *rest = axes
        size = step.root.shape[axis]
        with loop(builder, I64(0), I64(size)) as i:
            moved = []
            for pointer, node in zip(pointers, (step.a, step.b, step.root), strict=True):
                offset = builder.mul(i, I64(stride(node, axis, step.root)))
                moved.append(builder.gep(pointer, [offset], source_etype=ir.IntType(8)))
            along(rest, moved)

    along(range(len(step.root.shape) - 2), (a, b, c))


def stride(node: Node, axis: int, root: Node) -> int:
    """The bytes between the matrices of `node` along an axis of the result."""
    own = axis - (len(root.shape) - len(node.shape))
    if own < 0 or node.shape[own] == 1:
        return 0
    return size_of(node.shape[own + 1 :]) * node.dtype.itemsize


def emit_product(calls: RoutineCalls, step: Gemm, rows: int, **given: Any) -> None:
    """Call ``c = scale op(a) op(b)``, or ``+=``, on row-major matrices, all given by address; of c
    and op(a) so many rows."""
    call = [
        given[value] if kind == "address" else getattr(calls, kind)(value)
        for kind, value in product_call(step, rows)
    ]
    calls.call(routine(step)[1:], *call)


def product_call(step: Gemm, count: int | None = None) -> list[tuple[str, Any]]:
    """The arguments of the BLAS routine for one product, or so many rows of it, each with its kind.

    BLAS counts columns first, so in its eyes every matrix is transposed: cᵀ = op(b)ᵀ op(a)ᵀ.
    """
    rows, columns = step.root.shape[-2:]
    is_vector = routine(step).endswith("gemv")
    if columns == 1 and is_vector:
        return _gemv(step, "a", step.a, step.transpose_a, "b")
    if rows == 1 and is_vector:
        return _gemv(step, "b", step.b, not step.transpose_b, "a")
    return [
        ("letter", _flag(step.transpose_b, step.conjugate_b)),
        ("letter", _flag(step.transpose_a, step.conjugate_a)),
        ("integer", columns),
        ("integer", rows if count is None else count),
        ("integer", step.a.shape[-2 if step.transpose_a else -1]),
        ("address", "scale"),
        ("address", "b"),
        ("integer", step.b.shape[-1]),
        ("address", "a"),
        ("integer", step.a.shape[-1]),
        ("number", 0.0 if step.addend is None else 1.0),
        ("address", "c"),
        ("integer", columns),
    ]


def _flag(transposed: bool, conjugate: bool) -> str:
    """How BLAS is told that it is to read the transpose, or its conjugate."""
    return "C" if conjugate else "T" if transposed else "N"


def _gemv(
    step: Gemm, matrix: str, node: Node, transposed: bool, vector: str
) -> list[tuple[str, Any]]:
    """``c = scale op(matrix) vector``, or ``+=``: for BLAS the stored rows are columns."""
    rows, columns = node.shape[-2:]
    return [
        ("letter", "N" if transposed else "T"),
        ("integer", columns),
        ("integer", rows),
        ("address", "scale"),
        ("address", matrix),
        ("integer", columns),
        ("address", vector),
        ("integer", 1),
        ("number", 0.0 if step.addend is None else 1.0),
        ("address", "c"),
        ("integer", 1),
    ]


def multiply(step: Gemm, a: int, b: int, c: int) -> None:
    """The products computed now, on the matrices at these addresses."""
    dtype = step.root.dtype
    factor = np.asarray(1.0 if step.scale is None else step.scale.value, dtype)
    factor = np.array(-factor if step.negative else factor)
    integer = np.int64 if INTEGER.width == 64 else np.int32
    makers: dict[str, Any] = {
        "letter": lambda x: np.array(x.encode()),
        "integer": lambda x: np.array(x, integer),
        "number": lambda x: np.array(x, dtype),
    }
    call = product_call(step)
    place = address(routine(step), step.blas)
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(call))(place)
    arguments: list[Any] = [
        None if kind == "address" else makers[kind](value) for kind, value in call
    ]
    for addresses in each_matrix(step, (a, b, c)):
        places = dict(zip("abc", addresses, strict=True)) | {"scale": factor.ctypes.data}
        function(
            *(
                places[value] if kind == "address" else argument.ctypes.data
                for (kind, value), argument in zip(call, arguments, strict=True)
            )
        )


def each_matrix(step: Gemm, ends: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """The addresses of a, b and c for each of the products, from those of the first."""
    if len(step.root.shape) == 2:
        a, b, c = ends
        yield a, b, c
        return
    for index in np.ndindex(step.root.shape[:-2]):
        a, b, c = (
            start + sum(i * stride(node, axis, step.root) for axis, i in enumerate(index))
            for start, node in zip(ends, (step.a, step.b, step.root), strict=True)
        )
        yield a, b, c


class RoutineCalls:
    """Writes calls of BLAS and LAPACK in one precision. They take everything by address."""

    def __init__(self, builder: Any, dtype: DType) -> None:
        self.builder = builder
        self.module = builder.module
        self.prefix = prefix(dtype)
        self.dtype, self.kind = dtype, llvm_type(to_real(dtype))

    def call(self, name: str, *arguments: Any) -> None:
        """Call the routine called `name` but for its first letter."""
        kinds = [POINTER] * len(arguments)
        function = extern(self.module, f"adjoint_{self.prefix}{name}", ir.VoidType(), kinds)
        self.builder.call(function, arguments)

    def letter(self, letter: str) -> Any:
        """The address of a flag."""
        return self.constant(ir.Constant(ir.IntType(8), ord(letter)))

    def integer(self, value: int) -> Any:
        """The address of a size; BLAS refuses a leading dimension of 0, even of an empty matrix."""
        return self.constant(INTEGER(max(1, value)))

    def factor(self, negative: bool, scale: Any) -> Any:
        """The address of ± the number at `scale`, or of ± 1 if there is none."""
        if scale is None or not negative:
            return scale or self.number(-1.0 if negative else 1.0)
        with self.builder.goto_entry_block():
            slot = self.builder.alloca(memory_type(self.dtype))
        slot.type = POINTER
        e = LLVMEmitter(self.builder)
        store(e, slot, e.negative(load(e, scale, self.dtype)))
        return slot

    def real(self, value: float) -> Any:
        """The address of a real number."""
        return self.constant(ir.Constant(self.kind, value))

    def number(self, value: float) -> Any:
        """The address of a real number in the dtype of the matrices."""
        if self.dtype.kind != "c":
            return self.real(value)
        numbers = ir.ArrayType(self.kind, 2)
        return self.constant(ir.Constant(numbers, [value, 0.0]))

    def constant(self, value: Any) -> Any:
        """The address of a constant, which all calls of the module share."""
        label = f"const.{value.type}.{value.constant}".replace("-", "m")
        found = self.module.globals.get(label)
        if found is None:
            found = ir.GlobalVariable(self.module, value.type, label)
            found.initializer = value
            found.linkage = "private"
            found.global_constant = True
        return found
