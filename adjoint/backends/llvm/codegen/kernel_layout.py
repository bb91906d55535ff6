"""What the code of a kernel depends on: its loops, its buffers, what it reduces."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.codegen.loops import MANY_ITERATIONS, MAX_INTERLEAVED_INSTRUCTIONS
from adjoint.graph.loop_form import Affine, Index
from adjoint.graph.native_rule import cost, has_slow_path, is_elementary
from adjoint.graph.node import Node
from adjoint.graph.types import Shape, size_of, to_real
from adjoint.schedule.access_patterns import reads_columns
from adjoint.schedule.carried_scans import carried_by
from adjoint.schedule.one_by_one import last_long
from adjoint.schedule.plan import Kernel
from adjoint.schedule.signature import is_flat, is_generic, is_literal, kernel_text

MAX_INLINED = 12
"""A kernel of scalars, or with a short innermost loop, with more elementary functions than this
calls them as functions. It runs as fast, and 16 sines compile in 21 ms instead of 56; few are
inlined, so that LLVM can simplify."""

MAX_INLINED_IN_VECTORS = 32
"""The same for a kernel written with vectors, whose values do not outlive a call in registers: 60
functions over 1000 elements run 2 to 8% longer, and compile in half the time."""

MAX_ARGUMENTS = 24
"""A kernel with more buffers takes their addresses in a table. From 8 to 40 buffers neither way is
faster by more than 1%; but arguments beyond six go over the stack, and calls should stay short."""

MAX_FIXED = 4096
"""A kernel over at most so many elements is written for its size: known trip counts save 10 ns a
call, which is lost in the work of a larger kernel, whose code then serves any size."""

MAX_SCALAR_ITERATIONS = 4
"""An innermost loop of at most so many iterations is unrolled, not written with vectors. Rows of 2
take half the time so, rows of 4 as long, rows of 5 a tenth more (exp, AVX-512)."""

MAX_SHORT_ITERATIONS = 32
"""An innermost loop of at most so many iterations is a few vectors of float64 with AVX-512."""

ROWS_UNROLLED = 8
"""So many rows are scanned in one iteration: each step of a scan waits for the one before, while a
processor could take steps of other rows. Products along 1000 float32 rows of 100 went from 52 µs
to 32 with four rows, 30.5 with eight, and no further; code for 32 rows takes twice as long to
compile."""

WORK_TO_TURN = 12
"""So many instructions for each result of a row are worth writing it apart from those of the rows
beside it: a scatter stores a number a cycle. sin and cos of 20,000 numbers as two columns went from
112 to 42 µs, ten columns of exponentials from 195 to 140 (AVX-512)."""

WIDEST = 64
"""Bytes of the vectors of AVX-512, which alone has instructions for that."""

CARRIED_VECTORS = 4
"""So many vectors of rows stand side by side where a loop carries a scan along them, as a product
waits four cycles for the one before. With the registers of AVX-512 and enough rows it is twice as
many: products are then never late. 1,024 rows of 128 powers and their sums took 7.1 µs instead of
8.5, and their gradient 17.5 instead of 22."""

NARROWEST = 16
"""Bytes of the vectors that every processor has."""

MAX_NODES_UNROLLED = 16
"""The most nodes of a kernel for which that is done: beyond, the values of eight rows do not fit
into registers, and eight copies of the code take long to compile."""

MAX_SCALAR_ELEMENTS = 16
"""Over at most so many elements a call LLVM need not look for vectors: few would be full."""

MAX_NODES_OF_FEW = 128
"""With more nodes a kernel whose innermost loop is short is not given to LLVM's passes, which would
unroll it and find few vectors: they take as long as all the rest of compiling."""


MAX_SHORT = 64
"""Where the innermost loop is short, loops over at most so many elements are unrolled as a whole:
then there is nothing left that vectors would be worth looking for."""


class KernelLayout:
    """A kernel as code sees it: the domain of its loops, and what lies in memory.

    A small kernel that always runs over its whole domain can be `fixed`: written for its size.
    Others are run over at most so many `rows` at a time, if that is known.
    """

    def __init__(self, kernel: Kernel, fixed: bool = False, rows: int | None = None) -> None:
        self.kernel = kernel
        self.few = rows is not None and rows * size_of(kernel.domain[1:]) <= MAX_SCALAR_ELEMENTS
        self.flat = is_flat(kernel)
        is_open = self.flat or is_generic(kernel)
        self.fixed = fixed and size_of(kernel.domain) <= MAX_FIXED and not is_open
        self.expensive = sum(map(is_elementary, kernel.nodes))
        self.domain: Shape = (size_of(kernel.domain),) if self.flat else kernel.domain
        self.carried_vectors = count_carried_vectors(kernel, rows)
        self.has_rows_as_lanes = self.carried_vectors > 0
        self.last = 0 if self.has_rows_as_lanes else last_long(self.domain)
        size = self.domain[self.last] if self.last >= 0 else 1
        is_many = size >= MANY_ITERATIONS
        is_short = size <= MAX_SHORT_ITERATIONS and vectors.register_bytes() == 64
        is_few = size <= MAX_SCALAR_ITERATIONS
        self.span = "few" if is_few else "short" if is_short else "many" if is_many else "some"
        self.stored = list(dict.fromkeys((*self.stored_reads(), *kernel.roots)))
        self.arguments = list(dict.fromkeys(kernel.buffer_of(n)[0] for n in self.stored))
        self.roots = set(kernel.roots)
        self.has_slow_path = any(map(has_slow_path, (*kernel.inlined, *kernel.roots)))
        self.unrolls_rows = self.scans_rows()
        self.exceeds_vector = size > self.lanes_of_vector()
        self.has_rows_inside = self.may_have_rows_inside() and reads_columns(kernel)

    def stored_reads(self) -> list[Node]:
        """What the kernel reads from memory and does not write itself."""
        return [n for n in self.kernel.reads if n not in self.kernel.roots and not is_literal(n)]

    @property
    def by_table(self) -> bool:
        """Whether the addresses are passed in a table, being too many for arguments."""
        return len(self.arguments) > MAX_ARGUMENTS

    def written_buffers(self) -> list[Node]:
        """The buffers in which the roots lie."""
        return list(dict.fromkeys(self.kernel.buffer_of(root)[0] for root in self.kernel.roots))

    def text(self) -> str:
        """The structure of the kernel: kernels with equal text have equal code.

        Whatever this class asks of a size must show in the text, or code that was written for one
        size would be found for another; `span` and `few` stand for sizes that it leaves open.
        """
        return self._text

    @cached_property
    def _text(self) -> str:
        kind = "fixed" if self.fixed else "open"
        kind += " few" if self.few else ""
        is_wide = self.pairs_vectors() or self.carried_vectors > CARRIED_VECTORS
        kind += " wide" if is_wide else ""
        kind += " columns" if self.has_rows_inside else ""
        return f"{kind} {self.span} {kernel_text(self.kernel, self.stored, self.arguments)}"

    @property
    def level(self) -> str:
        """What LLVM should do, if the loops are not written with vectors (`jit.LEVELS`).

        Elements that are scattered may meet in memory, so none of its vectors would hold them.
        """
        is_long = self.span == "few" and len(self.kernel.nodes) > MAX_NODES_OF_FEW
        if not self.domain or self.few or is_long:
            return "written"
        is_short = self.fixed and self.span == "few" and size_of(self.domain) <= MAX_SHORT
        return "short" if is_short or any(r.op.scatters for r in self.kernel.roots) else "loops"

    def outlines(self, lanes: int) -> bool:
        """Whether elementary functions are called as functions, where loops take `lanes` at a time.

        Not in a long loop of scalars: LLVM could not find vectors in it.
        """
        if self.span == "few":
            return self.expensive > MAX_INLINED
        return lanes > 1 and self.expensive > MAX_INLINED_IN_VECTORS

    def is_plain(self) -> bool:
        """Whether an iteration has no branches, and fewer instructions than would be too many if
        each worked on two vectors."""
        few = sum(map(cost, self.kernel.nodes)) <= MAX_INTERLEAVED_INSTRUCTIONS // 2
        return few and not self.has_slow_path

    def scans_rows(self) -> bool:
        """Whether the kernel only scans along the last axis, and has enough rows."""
        roots, last = self.kernel.roots, len(self.domain) - 1
        if last < 1 or self.has_slow_path or self.domain[last - 1] < ROWS_UNROLLED:
            return False
        if len(roots) + len(self.kernel.inlined) > MAX_NODES_UNROLLED:
            return False
        return all(root.op.scans and root.params[0] == last for root in roots)

    def can_turn(self) -> bool:
        """Whether rows may be the lanes of vectors though results are not contiguous along them.

        That pays where elementary functions are computed, in which LLVM finds no vectors.
        """
        roots = self.kernel.roots
        if self.has_rows_as_lanes or self.few or self.fixed or len(self.domain) < 2:
            return False
        if not self.expensive or vectors.register_bytes() < WIDEST:
            return False
        if any(r.op.scans or r.op.scatters or r.op.combine is not None for r in roots):
            return False
        return sum(map(cost, self.kernel.nodes)) >= WORK_TO_TURN * size_of(self.domain[1:])

    def may_have_rows_inside(self) -> bool:
        """Whether the loop over the rows may stand inside that over vectors of columns: nothing
        goes along a row from one vector to the next."""
        last = len(self.domain) - 1
        if self.has_rows_as_lanes or self.fixed or self.last != last or last < 1:
            return False
        if any(r.op.scans or r.op.scatters for r in self.kernel.roots):
            return False
        return all(self.depth(r) != last for r in self.reductions())

    def most_lanes(self) -> int:
        """As many elements along the last axis as a vector register holds.

        The widest floats decide, as they are what is computed with: a column of booleans or small
        integers beside them is widened on its way.
        """
        if self.span == "few":
            return 1
        roots = self.kernel.roots
        if any(r.op.scans and r.params[0] == self.last for r in roots):
            return 1  # lanes would need what another lane computes
        if any(r.op.scatters and self.last in r.op.scattered_axes(r) for r in roots):
            return 1  # lanes would write one element twice
        if self.carried_vectors:
            return self.carried_vectors * self.lanes_of_vector()
        return vectors.lanes_for(self.itemsize())

    def lanes_of_vector(self) -> int:
        """As many elements as the widest vector holds that this processor has."""
        return max(1, max(vectors.register_bytes(), NARROWEST) // self.itemsize())

    def itemsize(self) -> int:
        """The bytes of the widest floats, or of the widest elements if there are none."""
        nodes = (*self.stored, *self.kernel.inlined)
        floats = [to_real(n.dtype).itemsize for n in nodes if n.dtype.kind in "fc"]
        return max(floats or [n.dtype.itemsize for n in nodes])

    def pairs_vectors(self) -> bool:
        """Whether a short row of expensive elements, more than a vector holds, is computed two
        vectors at a time: each alone is a chain that keeps the processor waiting. The cells of an
        LSTM of 14 units, ten elementary functions each, went from 345 to 285 ns."""
        is_short_chain = self.span == "short" and self.expensive > 0
        return is_short_chain and self.exceeds_vector and not self.has_rows_as_lanes

    # reductions

    def reductions(self) -> list[Node]:
        """The roots that combine elements along axes."""
        return [root for root in self.kernel.roots if root.op.combine is not None]

    def reduced_axes(self, root: Node) -> set[int]:
        """The axes of the domain along which a reduction goes."""
        return {0} if self.flat else set(root.params[0])

    def left_of(self, root: Node, index: Sequence[Affine]) -> Index:
        """The index of a result of a reduction, given that of an element."""
        axes = self.reduced_axes(root)
        return tuple([i for a, i in enumerate(index) if a not in axes])

    def depth(self, root: Node) -> int:
        """The axis from which inwards all loops belong to the reduction."""
        axes = self.reduced_axes(root)
        depth = len(self.domain)
        while depth and depth - 1 in axes:
            depth -= 1
        return depth

    def reductions_from(self, axis: int) -> list[Node]:
        """The reductions to which the loops from `axis` inwards belong, and no more."""
        return [root for root in self.reductions() if self.depth(root) == axis]

    def accumulates_innermost(self) -> bool:
        """Whether something is added to memory in the innermost loop."""
        if any(root.op.scatters for root in self.kernel.roots):
            return True
        return any(self.depth(root) == len(self.domain) for root in self.reductions())

    def reduces_innermost(self) -> bool:
        """Whether the innermost loop reduces into a register, each step waiting for the last."""
        return any(self.depth(root) <= self.last for root in self.reductions())

    def adds_elements(self, root: Node) -> bool:
        """Whether the elements of a reduction are combined with its result in memory one by one, as
        neighbours belong to different results."""
        return self.depth(root) == len(self.domain) and self.accumulates(root)

    def accumulates(self, root: Node) -> bool:
        """Whether the result in memory is added to, rather than written once."""
        if root.op.scatters:
            return True
        if root.op.combine is None:
            return False
        axes = self.reduced_axes(root)
        if 0 in axes and not self.fixed:  # calls for other rows add theirs
            return True
        return any(a < self.depth(root) for a in axes)


def count_carried_vectors(kernel: Kernel, rows: int | None) -> int:
    """How many vectors of rows stand side by side, at most so many `rows` being run at a time; 0
    where the loops carry no scan."""
    scans = carried_by(kernel)
    if not scans:
        return 0
    lanes = vectors.register_bytes() // max(to_real(scan.dtype).itemsize for scan in scans)
    most = kernel.domain[0] if rows is None else min(rows, kernel.domain[0])
    is_wide = vectors.register_bytes() == WIDEST and most > CARRIED_VECTORS * lanes
    return 2 * CARRIED_VECTORS if is_wide else CARRIED_VECTORS
