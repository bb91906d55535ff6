"""What LAPACK is told to do with one matrix: decompositions and systems of equations.

LAPACK expects columns first, so it sees a row-major matrix as its transpose. Its flags say what is
to be done with that: nothing is copied but what the routines would overwrite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.calls import blas
from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, extern, loop
from adjoint.graph.op import Op
from adjoint.graph.types import DType
from adjoint.ops import records
from adjoint.ops.linalg.spectral import BLOCK, svd_workspace

I32 = ir.IntType(32)


class Size:
    """A number that is known when the code runs; sums and products of it are written as code."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder = builder
        self.value = value

    def __add__(self, other: Any) -> Size:
        return Size(self.builder, self.builder.add(self.value, number(other)))

    def __sub__(self, other: Any) -> Size:
        return Size(self.builder, self.builder.sub(self.value, number(other)))

    def __mul__(self, other: Any) -> Size:
        return Size(self.builder, self.builder.mul(self.value, number(other)))

    __radd__ = __add__
    __rmul__ = __mul__


def number(size: Any) -> Any:
    """A size, an integer or an LLVM value as an LLVM value."""
    if isinstance(size, Size):
        return size.value
    return I64(size) if isinstance(size, int) else size


class MatrixWriter(blas.RoutineCalls):
    """Writes what is done with one matrix. `shape` is that of the last input, `params` those of the
    operation."""

    def __init__(self, builder: Any, dtype: DType, shape: Sequence[Any], params: Any) -> None:
        super().__init__(builder, dtype)
        self.itemsize = dtype.itemsize
        self.shape = shape
        self.params = params
        self.buffers: list[Any] = []

    def counted(self, count: Any) -> loop:
        """A loop of so many iterations."""
        return loop(self.builder, I64(0), number(count), unroll=False)

    def integer(self, value: Any) -> Any:
        if isinstance(value, int):
            return super().integer(value)
        slot = self.slot()
        self.builder.store(self.builder.trunc(number(value), I32), slot)
        return slot

    def smaller(self, a: Size, b: Size) -> tuple[Size, Size]:
        """The smaller and the larger of two sizes."""
        less = self.builder.icmp_signed("<", a.value, b.value)
        ends = (a.value, b.value), (b.value, a.value)
        few, many = (Size(self.builder, self.builder.select(less, *pair)) for pair in ends)
        return few, many

    def at(self, base: Any, index: Any) -> Any:
        """The address of an element."""
        return self.builder.gep(base, [number(index)], source_etype=self.kind)

    def load(self, base: Any, index: Any) -> Any:
        """An element."""
        return self.builder.load(self.at(base, index), typ=self.kind)

    def slot(self) -> Any:
        """The address of memory for an integer that LAPACK writes."""
        slot = alloca(self.builder, I32)
        slot.type = POINTER
        return slot

    def copy(self, target: Any, source: Any, count: Any) -> None:
        """Copy so many elements."""
        function = extern(self.module, "memcpy", POINTER, [POINTER, POINTER, I64])
        self.builder.call(function, [target, source, self.bytes(count)])

    def clear(self, target: Any, count: Any) -> None:
        """Set so many elements to 0."""
        function = extern(self.module, "memset", POINTER, [POINTER, I32, I64])
        self.builder.call(function, [target, I32(0), self.bytes(count)])

    def scratch(self, count: Any, itemsize: int = 0) -> Any:
        """Memory for so many elements, until `free`."""
        function = extern(self.module, "adjoint_allocate", POINTER, [I64])
        buffer = self.builder.call(function, [number(count * (itemsize or self.itemsize))])
        is_null = self.builder.icmp_unsigned("==", self.builder.ptrtoint(buffer, I64), I64(0))
        with self.builder.if_then(is_null, likely=False):
            self.free()
            self.builder.ret(I32(1))  # the interpreter raises MemoryError, or finds enough
        self.buffers.append(buffer)
        return buffer

    def free(self) -> None:
        """Free all memory that was allocated."""
        function = extern(self.module, "adjoint_free", ir.VoidType(), [POINTER])
        for buffer in self.buffers:
            self.builder.call(function, [buffer])

    def to_columns(
        self, target: Any, source: Any, shape: Sequence[int], lower: bool = False
    ) -> None:
        """Copy a matrix, or only its lower triangle, into column-major order."""
        builder = self.builder
        rows, columns = shape
        with self.counted(rows) as i:
            end = builder.add(i, I64(1)) if lower else columns
            with self.counted(end) as j:
                value = self.load(source, builder.add(builder.mul(i, number(columns)), j))
                index = builder.add(builder.mul(j, number(rows)), i)
                builder.store(value, self.at(target, index))

    def status(self, info: Any) -> Any:
        """What a routine wrote about its success."""
        return self.builder.load(info, typ=I32)

    def bytes(self, count: Any) -> Any:
        """The bytes of so many elements."""
        return self.builder.mul(number(count), I64(self.itemsize))

    def has_zero_pivot(self, matrix: Any, size: int) -> Any:
        """1 if an element of the diagonal is 0, else 0."""
        builder = self.builder
        found = self.slot()
        builder.store(I32(0), found)
        with self.counted(size) as i:
            value = self.load(matrix, builder.mul(i, number(size + 1)))
            zero = builder.fcmp_ordered("==", value, ir.Constant(self.kind, 0.0))
            kept = builder.or_(builder.load(found, typ=I32), builder.zext(zero, I32))
            builder.store(kept, found)
        return builder.load(found, typ=I32)

    def divide(self, a: Any, x: Any, shape: Sequence[int], flags: tuple[bool, bool, bool]) -> None:
        """Overwrite X with op(A)⁻¹ X, for the triangle of A that is `lower`, `transposed` if
        so, and with 1 on its diagonal if `unit`: in columns, X' = X' op(A')⁻¹."""
        lower, transposed, unit = flags
        size, columns = shape
        upper, kind = self.letter("U" if lower else "L"), self.letter("U" if unit else "N")
        order = self.integer(size)
        if columns == 1:
            flag = self.letter("N" if transposed else "T")
            self.call("trsv", upper, flag, kind, order, a, order, x, self.integer(1))
            return
        ends = (self.letter("R"), upper, self.letter("T" if transposed else "N"), kind)
        width = self.integer(columns)
        self.call("trsm", *ends, width, order, self.real(1.0), a, order, x, width)

    def solve(self, factors: Any, x: Any, shape: Sequence[int], transposed: bool) -> None:
        """A = L U P: divide by L, by U, and swap rows; or the other way round for Aᵀ."""
        pivots = self.at(factors, shape[0] * shape[0])
        parts = [(True, transposed, False), (False, transposed, True)]
        if transposed:
            self.swap_rows(pivots, x, shape, backwards=False)
        for flags in reversed(parts) if transposed else parts:
            self.divide(factors, x, shape, flags)
        if not transposed:
            self.swap_rows(pivots, x, shape, backwards=True)

    def swap_rows(self, pivots: Any, x: Any, shape: Sequence[int], backwards: bool) -> None:
        """Swap row i of X with the row that `pivots` names, for one i after the other."""
        builder = self.builder
        size, columns = shape
        width, one = self.integer(columns), self.integer(1)
        with self.counted(size) as k:
            i = builder.sub(number(size - 1), k) if backwards else k
            j = builder.fptosi(self.load(pivots, i), I64)
            ends = [self.at(x, builder.mul(row, number(columns))) for row in (i, j)]
            if columns == 1:
                values = [builder.load(end, typ=self.kind) for end in ends]
                for value, end in zip(values, reversed(ends), strict=True):
                    builder.store(value, end)
            else:
                with builder.if_then(builder.icmp_signed("!=", i, j)):
                    self.call("swap", width, ends[0], one, ends[1], one)


def lu_factor(m: MatrixWriter, a: Any, out: Any) -> Any:
    """Decompose; then make floats, from 0 on, of the pivots that LAPACK gives as integers."""
    builder, size = m.builder, m.shape[0]
    m.copy(out, a, size * size)
    pivots, order = m.at(out, size * size), m.integer(size)
    m.call("getrf", order, order, out, order, pivots, m.slot())
    with m.counted(size) as k:
        i = builder.sub(number(size - 1), k)  # from the end: a float may be wider than an integer
        given = builder.load(builder.gep(pivots, [i], source_etype=I32), typ=I32)
        value = builder.sitofp(builder.sub(given, I32(1)), m.kind)
        builder.store(value, m.at(pivots, i))
    return None


def lu_solve(m: MatrixWriter, factors: Any, b: Any, out: Any) -> Any:
    """Solve in a copy of the right-hand sides."""
    size, columns = m.shape
    status = m.has_zero_pivot(factors, size)
    m.copy(out, b, size * columns)
    m.solve(factors, out, m.shape, *m.params)
    return status


def cofactors(m: MatrixWriter, factors: Any, out: Any) -> Any:
    """det A · A⁻ᵀ; where a pivot is 0 that is left to the interpreter."""
    builder, size = m.builder, m.shape[1]
    status = m.has_zero_pivot(factors, size)
    pivots, total = m.at(factors, size * size), alloca(builder, m.kind)
    total.type = POINTER
    builder.store(ir.Constant(m.kind, 1.0), total)
    with m.counted(size) as i:
        pivot = m.load(factors, builder.mul(i, number(size + 1)))
        is_swapped = builder.fcmp_ordered("!=", m.load(pivots, i), builder.sitofp(i, m.kind))
        signed = builder.select(is_swapped, builder.fneg(pivot), pivot)
        builder.store(builder.fmul(builder.load(total, typ=m.kind), signed), total)
    m.clear(out, size * size)
    with m.counted(size) as i:
        value = builder.load(total, typ=m.kind)
        builder.store(value, m.at(out, builder.mul(i, number(size + 1))))
    m.solve(factors, out, (size, size), transposed=True)
    return status


def log_det_slope(m: MatrixWriter, factors: Any, out: Any) -> Any:
    """A⁻ᵀ; where a pivot is 0 that is left to the interpreter."""
    builder, size = m.builder, m.shape[1]
    status = m.has_zero_pivot(factors, size)
    m.clear(out, size * size)
    with m.counted(size) as i:
        one = ir.Constant(m.kind, 1.0)
        builder.store(one, m.at(out, builder.mul(i, number(size + 1))))
    m.solve(factors, out, (size, size), transposed=True)
    return status


def triangular_solve(m: MatrixWriter, a: Any, b: Any, out: Any) -> Any:
    """Divide by the triangle."""
    size, columns = m.shape
    status = None if m.params[2] else m.has_zero_pivot(a, size)
    m.copy(out, b, size * columns)
    m.divide(a, out, m.shape, m.params)
    return status


def cholesky(m: MatrixWriter, a: Any, out: Any) -> Any:
    """Decompose a copy of the lower triangle, which LAPACK takes for the upper one."""
    builder, size = m.builder, m.shape[0]
    with m.counted(size) as i:
        start, count = builder.mul(i, number(size)), builder.add(i, I64(1))
        m.copy(m.at(out, start), m.at(a, start), count)
        m.clear(m.at(out, builder.add(start, count)), builder.sub(number(size), count))
    order, info = m.integer(size), m.slot()
    m.call("potrf", m.letter("U"), order, out, order, info)
    return m.status(info)


def eigh(m: MatrixWriter, a: Any, out: Any) -> Any:
    """Values and vectors; the columns of the vectors are the rows that are wanted."""
    size = m.shape[0]
    vectors = m.at(out, size)
    m.to_columns(vectors, a, (size, size), lower=True)
    lengths = size * 6 + size * size * 2 + 1, size * 5 + 3
    work, integers = m.scratch(lengths[0]), m.scratch(lengths[1], 4)
    order, info = m.integer(size), m.slot()
    ends = work, m.integer(lengths[0]), integers, m.integer(lengths[1]), info
    m.call("syevd", m.letter("V"), m.letter("L"), order, vectors, order, out, *ends)
    m.free()
    return m.status(info)


def svd(m: MatrixWriter, a: Any, out: Any) -> Any:
    """U, S and Vᴴ of a copy in columns, as NumPy calls LAPACK, so that signs are equal."""
    rows, columns = m.shape
    few, many = m.smaller(rows, columns)
    (full,) = m.params
    width = rows if full else few
    copy = m.scratch(rows * columns)
    m.to_columns(copy, a, m.shape)
    length = svd_workspace(few, many)
    work, integers, info = m.scratch(length), m.scratch(8 * few, 4), m.slot()
    values = m.at(out, rows * width)
    m.call(
        "gesdd",
        *(m.letter("A" if full else "S"), m.integer(rows), m.integer(columns)),
        *(copy, m.integer(rows), values, out, m.integer(rows)),
        *(m.at(values, few), m.integer(columns if full else few)),
        *(work, m.integer(length), integers, info),
    )
    m.free()
    return m.status(info)


def qr(m: MatrixWriter, a: Any, out: Any) -> Any:
    """For LAPACK the decomposition Aᵀ = Rᵀ Qᵀ, computed where Q is to be."""
    builder = m.builder
    rows, columns = m.shape
    width = rows if m.params[0] else columns
    upper = m.at(out, rows * width)
    with m.counted(rows) as i:
        source, target = (builder.mul(i, number(size)) for size in (columns, width))
        m.copy(m.at(out, target), m.at(a, source), columns)
    height, order, stride = m.integer(rows), m.integer(columns), m.integer(width)
    length = BLOCK * rows
    factors, work, info = m.scratch(columns), m.scratch(length), m.slot()
    ends = work, m.integer(length), info
    m.call("gelqf", order, height, out, stride, factors, *ends)
    m.clear(upper, width * columns)
    with m.counted(columns) as i:
        source, target = (builder.add(builder.mul(i, number(size)), i) for size in (width, columns))
        count = builder.sub(number(columns), i)
        m.copy(m.at(upper, target), m.at(out, source), count)
    m.call("orglq", stride, height, order, out, stride, factors, *ends)
    m.free()
    return m.status(info)


WRITERS: dict[Op, tuple[Callable[..., Any], tuple[str, ...]]] = {
    records.lu_factor: (lu_factor, ("getrf",)),
    records.lu_solve: (lu_solve, ("trsm", "trsv", "swap")),
    records.cofactors: (cofactors, ("trsm", "trsv", "swap")),
    records.log_det_slope: (log_det_slope, ("trsm", "trsv", "swap")),
    records.triangular_solve: (triangular_solve, ("trsm", "trsv")),
    records.cholesky: (cholesky, ("potrf",)),
    records.eigh: (eigh, ("syevd",)),
    records.svd: (svd, ("gesdd",)),
    records.qr: (qr, ("gelqf", "orglq")),
}
"""By operation the function that writes the code for one matrix, and the routines it may call."""
