"""What a schedule is made of: kernels, library calls and NumPy calls, in the order they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, ClassVar

from adjoint.graph.leaf import is_constant
from adjoint.graph.loop_form import Index
from adjoint.graph.node import Node
from adjoint.graph.types import Shape, size_of
from adjoint.ops.control.external_call import CFunction
from adjoint.schedule.row_chunks import RowChunks

SCALAR = 8
"""Bytes between packed scalars: those of the largest dtype."""


def nbytes(node: Node) -> int:
    """The bytes of a stored node."""
    return size_of(node.shape) * node.dtype.itemsize


def is_checked(node: Node) -> bool:
    """Whether computing the node may find an index out of bounds; constants were looked at."""
    return any(not is_constant(index) for index, _, _ in node.op.indexed(node))


class _Step:
    """What is true of most steps. Each also has `name`, `roots`, which it computes, `reads`, the
    `kernels` that it runs, and `local`, those of the roots that are gone when it ends."""

    @property
    def in_chunks(self) -> bool:
        """Whether threads may run it."""
        return False

    @property
    def calls_python(self) -> bool:
        """Whether it needs the interpreter."""
        return False

    @property
    def is_view(self) -> bool:
        """Whether its result is memory that is there: no work."""
        return False

    @property
    def rows(self) -> Shape | None:
        """The extent of rows over which it goes, if it is loops."""
        return None

    @property
    def addend(self) -> Node | None:
        """What it adds to, which may lie where the result does."""
        return None


@dataclass(eq=False)
class Kernel(_Step):
    """A fused loop nest over `domain`: it computes `roots`, maps and reductions of equal domain.

    `inlined` are the nodes that are computed inside its loops and never stored, inputs before
    users; `reads` are the stored nodes it loads.
    """

    domain: Shape
    roots: list[Node]
    inlined: list[Node] = field(default_factory=list)
    reads: list[Node] = field(default_factory=list)
    packed: dict[Node, tuple[Node, int]] = field(default_factory=dict, repr=False)
    found: dict[Node, list[Index]] | None = field(default=None, repr=False)
    """What `reads_of` found; a kernel does not change."""
    dependents: dict[Node, int] | None = field(default=None, repr=False)
    """What `dependents_of` found."""
    is_in_one_go: bool | None = field(default=None, repr=False)  # what `reads_all_once` found

    name: ClassVar[str] = "kernel"
    local: ClassVar[AbstractSet[Node]] = frozenset()

    def buffer_of(self, node: Node) -> tuple[Node, int]:
        """The stored node in whose memory `node` lies, and where."""
        return self.packed.get(node, (node, 0))

    @property
    def kernels(self) -> list[Kernel]:
        return [self]

    @property
    def nodes(self) -> list[Node]:
        """All nodes that it computes."""
        return [*self.inlined, *self.roots]

    @property
    def rows(self) -> Shape:
        return self.domain[:1]

    @property
    def operations(self) -> int:
        return len(self.inlined) + len(self.roots)

    @property
    def work(self) -> int:
        return size_of(self.domain) * self.operations

    @property
    def flops(self) -> int:
        return sum(n.op.flops(n) for n in self.nodes) * size_of(self.domain)

    @property
    def bytes_moved(self) -> int:
        return _bytes(self.reads, self.roots)

    @property
    def can_fail(self) -> bool:
        return any(map(is_checked, self.nodes))


@dataclass(eq=False)
class Nest(_Step):
    """Kernels over the same `extent` of rows, run `block` rows at a time, in chunks of `grain`.

    `local` results are read in the nest only, and have memory for a block of rows.
    """

    kernels: list[Kernel]
    extent: int
    local: AbstractSet[Node]
    block: int
    grain: int

    name: ClassVar[str] = "nest"

    @property
    def in_chunks(self) -> bool:
        return self.grain < self.extent

    @property
    def is_whole(self) -> bool:
        """Whether each kernel runs over all rows at once."""
        return self.block == self.grain == self.extent

    @property
    def rows_at_once(self) -> int | None:
        """How many rows a call of a kernel computes at most; None if it computes all."""
        return None if self.is_whole else self.block

    @property
    def rows(self) -> Shape:
        return (self.extent,)

    @property
    def roots(self) -> list[Node]:
        return [root for kernel in self.kernels for root in kernel.roots]

    @property
    def reads(self) -> list[Node]:
        own = set(self.roots)
        return [n for n in dict.fromkeys(n for k in self.kernels for n in k.reads) if n not in own]

    @property
    def operations(self) -> int:
        return sum(kernel.operations for kernel in self.kernels)

    @property
    def work(self) -> int:
        return sum(kernel.work for kernel in self.kernels)

    @property
    def flops(self) -> int:
        return sum(kernel.flops for kernel in self.kernels)

    @property
    def bytes_moved(self) -> int:
        return _bytes(self.reads, [root for root in self.roots if root not in self.local])

    @property
    def can_fail(self) -> bool:
        return any(kernel.can_fail for kernel in self.kernels)


class _Call(_Step):
    """A step with one result and no loops."""

    root: Node
    kernels: ClassVar[Sequence[Kernel]] = ()
    local: ClassVar[AbstractSet[Node]] = frozenset()

    @property
    def roots(self) -> list[Node]:
        return [self.root]

    @property
    def operations(self) -> int:
        return 1


@dataclass(eq=False)
class Gemm(_Call):
    """Products root = ± scale op(a) op(b) + addend, each of a, b as stored or its transpose.

    A transpose may be the conjugate one. Any axes before the last two count matrices, and
    broadcast. The scale is a constant of one element; the addend has the shape of the root, and is
    copied into its memory first.
    """

    root: Node
    a: Node
    b: Node
    transpose_a: bool
    transpose_b: bool
    negative: bool = False
    scale: Node | None = None
    addend: Node | None = None
    conjugate_a: bool = False
    conjugate_b: bool = False
    blas: str = "auto"
    """The library that was chosen when it was scheduled, as in `adjoint.set_options`."""
    layout: Any = field(default=None, init=False, repr=False)  # what the backend found about it

    name: ClassVar[str] = "gemm"

    @property
    def reads(self) -> list[Node]:
        return [n for n in (self.a, self.b, self.scale, self.addend) if n is not None]

    @property
    def operations(self) -> int:
        return 1 + (self.scale is not None) + (self.addend is not None)

    @property
    def work(self) -> int:
        return size_of(self.root.shape) * self.a.shape[-2 if self.transpose_a else -1]

    @property
    def flops(self) -> int:
        return 2 * self.work

    @property
    def bytes_moved(self) -> int:
        return _bytes(self.reads, self.roots)

    @property
    def can_fail(self) -> bool:
        return False


@dataclass(eq=False)
class Lapack(_Call):
    """What LAPACK computes for each of the matrices that the axes before the last two count."""

    root: Node
    reads: list[Node]

    name: ClassVar[str] = "lapack"

    @property
    def shape(self) -> Shape:
        """Rows and columns of the matrices of the last input."""
        return self.reads[-1].shape[-2:]

    @property
    def work(self) -> int:
        return size_of(self.root.shape) * self.reads[0].shape[-1]

    @property
    def flops(self) -> int:
        return 2 * self.work

    @property
    def bytes_moved(self) -> int:
        return _bytes(self.reads, self.roots)

    @property
    def can_fail(self) -> bool:
        return True


@dataclass(eq=False)
class Alias(_Call):
    """A contiguous tensor under another shape, or a contiguous part of it: no work."""

    root: Node
    offset: int = 0
    """Bytes from the beginning of the tensor to its part."""

    name: ClassVar[str] = "alias"
    work: ClassVar[int] = 0
    flops: ClassVar[int] = 0
    bytes_moved: ClassVar[int] = 0
    can_fail: ClassVar[bool] = False

    @property
    def is_view(self) -> bool:
        return True

    @property
    def source(self) -> Node:
        """The tensor in whose memory it lies."""
        return self.root.inputs[0]

    @property
    def reads(self) -> list[Node]:
        return [self.source]


@dataclass(eq=False)
class Control(_Call):
    """A loop or a branch, which runs the schedules of the graphs that its operation holds.

    A loop may be run in `chunks` of rows; its schedule then lacks the steps that only add to parts
    of the state what its sums over all rows are.
    """

    root: Node
    inner: list[Schedule]
    chunks: RowChunks | None = None

    @property
    def name(self) -> str:
        return self.root.op.name

    @property
    def steps(self) -> list[Step]:
        """The steps of all graphs that it holds."""
        return [step for schedule in self.inner for step in schedule.steps]

    @property
    def rounds(self) -> int:
        """How often the graphs are run."""
        return self.root.op.rounds(self.root)

    @property
    def in_chunks(self) -> bool:
        return self.chunks is not None or any(step.in_chunks for step in self.steps)

    @property
    def calls_python(self) -> bool:
        return any(step.calls_python for step in self.steps)

    @property
    def reads(self) -> list[Node]:
        return list(self.root.inputs)

    @property
    def operations(self) -> int:
        return sum(step.operations for step in self.steps)

    @property
    def work(self) -> int:
        return self.rounds * sum(step.work for step in self.steps)

    @property
    def flops(self) -> int:
        return self.rounds * sum(step.flops for step in self.steps)

    @property
    def bytes_moved(self) -> int:
        return self.rounds * sum(step.bytes_moved for step in self.steps)

    @property
    def can_fail(self) -> bool:
        return self.root.op.allocates or any(step.can_fail for step in self.steps)


@dataclass(eq=False)
class CCall(_Call):
    """What a function of the user in C computes, by its number, element by element."""

    root: Node
    number: int
    function: CFunction

    name: ClassVar[str] = "c"
    can_fail: ClassVar[bool] = False

    @property
    def reads(self) -> list[Node]:
        return list(self.root.inputs)

    @property
    def work(self) -> int:
        return 20 * size_of(self.root.shape)

    @property
    def flops(self) -> int:
        return size_of(self.root.shape)

    @property
    def bytes_moved(self) -> int:
        return _bytes(self.reads, self.roots)


@dataclass(eq=False)
class NumpyCall(_Call):
    """An operation without native code, evaluated by its own rule."""

    root: Node
    reads: list[Node]

    name: ClassVar[str] = "numpy"
    work: ClassVar[int] = 0
    """Not native work: NumPy answers signals itself."""
    can_fail: ClassVar[bool] = True

    @property
    def calls_python(self) -> bool:
        return True

    @property
    def flops(self) -> int:
        return size_of(self.root.shape)

    @property
    def bytes_moved(self) -> int:
        return _bytes(self.reads, self.roots)


def _bytes(reads: Sequence[Node], roots: Sequence[Node]) -> int:
    """The bytes of what is read and of what is written, each tensor once."""
    return sum(map(nbytes, set(reads))) + sum(map(nbytes, set(roots)))


Step = Kernel | Nest | Gemm | Lapack | CCall | Alias | Control | NumpyCall
"""All steps also say how many `operations` of the graph they take together, the `work` of native
code and the `flops` (an elementary function is one), `bytes_moved` to and from memory, and whether
they `can_fail`, so that what they should overwrite may still be needed."""


@dataclass(eq=False)
class Schedule:
    """The steps of a program, its inputs and outputs, and the constants it holds."""

    inputs: list[Node]
    outputs: list[Node]
    constants: list[Node]
    steps: list[Step]
    packed: dict[Node, tuple[Node, int]] = field(default_factory=dict)
    """Scalars that lie together in memory: the first of them, and the place behind it in bytes."""


def all_steps(schedule: Schedule) -> Iterator[Step]:
    """The steps of a schedule, and those of the graphs that loops and branches run."""
    for step in schedule.steps:
        yield step
        if isinstance(step, Control):
            for inner in step.inner:
                yield from all_steps(inner)
