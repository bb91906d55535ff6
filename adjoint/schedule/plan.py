"""What a schedule is made of: kernels, library calls and NumPy calls, in the order they run."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from adjoint.graph.leaf import is_constant
from adjoint.graph.loop_form import Index
from adjoint.graph.node import Node
from adjoint.graph.types import Shape, size_of

NATIVE_DTYPES = frozenset(map(np.dtype, "?bhilBHILfd"))
"""Bools, integers, float32 and float64: what loops compute with."""

SCALAR = 8
"""Bytes between packed scalars."""


def is_checked(node: Node) -> bool:
    """Whether computing the node may find an index out of bounds; constants were looked at."""
    return any(not is_constant(index) for index, _, _ in node.op.indexed(node))


@dataclass(eq=False)
class Kernel:
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

    def buffer_of(self, node: Node) -> tuple[Node, int]:
        """The stored node in whose memory `node` lies, and where."""
        return self.packed.get(node, (node, 0))

    @property
    def name(self) -> str:
        return "kernel"


@dataclass(eq=False)
class Nest:
    """Kernels over the same `extent` of rows, run `block` rows at a time, in chunks of `grain`.

    `local` results are read in the nest only, and have room for a block of rows.
    """

    kernels: list[Kernel]
    extent: int
    local: set[Node]
    block: int
    grain: int

    @property
    def in_chunks(self) -> bool:
        """Whether threads may run it."""
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
    def roots(self) -> list[Node]:
        return [root for kernel in self.kernels for root in kernel.roots]

    @property
    def reads(self) -> list[Node]:
        own = set(self.roots)
        return [n for n in dict.fromkeys(n for k in self.kernels for n in k.reads) if n not in own]

    @property
    def name(self) -> str:
        return "nest"


@dataclass(eq=False)
class Gemm:
    """BLAS products root = ± scale op(a) op(b) + addend, each of a, b as stored or its transpose.

    Any axes before the last two count matrices, and broadcast. The scale is a constant of one
    element; the addend has the shape of the root, and is copied into its memory first.
    """

    root: Node
    a: Node
    b: Node
    transpose_a: bool
    transpose_b: bool
    negative: bool = False
    scale: Node | None = None
    addend: Node | None = None

    @property
    def roots(self) -> list[Node]:
        return [self.root]

    @property
    def reads(self) -> list[Node]:
        return [n for n in (self.a, self.b, self.scale, self.addend) if n is not None]

    @property
    def name(self) -> str:
        return "gemm"


@dataclass(eq=False)
class Lapack:
    """What LAPACK computes for each of the matrices that the axes before the last two count."""

    root: Node
    reads: list[Node]

    @property
    def roots(self) -> list[Node]:
        return [self.root]

    @property
    def name(self) -> str:
        return "lapack"

    @property
    def shape(self) -> Shape:
        """Rows and columns of the matrices of the last input."""
        return self.reads[-1].shape[-2:]

    @property
    def work(self) -> int:
        """About how many operations it takes: so many for each element of the result."""
        return size_of(self.root.shape) * self.reads[0].shape[-1]


@dataclass(eq=False)
class Alias:
    """A contiguous tensor under another shape, or a contiguous part of it: no work."""

    root: Node
    offset: int = 0
    """Bytes from the beginning of the tensor to its part."""

    @property
    def roots(self) -> list[Node]:
        return [self.root]

    @property
    def reads(self) -> list[Node]:
        return [self.root.inputs[0]]

    @property
    def name(self) -> str:
        return "alias"


@dataclass(eq=False)
class NumpyCall:
    """An operation without native code, evaluated by its own rule."""

    root: Node

    @property
    def roots(self) -> list[Node]:
        return [self.root]

    @property
    def reads(self) -> list[Node]:
        return list(self.root.inputs)

    @property
    def name(self) -> str:
        return "numpy"


Step = Kernel | Nest | Gemm | Lapack | Alias | NumpyCall


@dataclass(eq=False)
class Schedule:
    """The steps of a program, its inputs and outputs, and the constants it holds."""

    inputs: list[Node]
    outputs: list[Node]
    constants: list[Node]
    steps: list[Step]
    packed: dict[Node, tuple[Node, int]] = field(default_factory=dict)
    """Scalars that lie together in memory: the first of them, and the place behind it in bytes."""


def nbytes(node: Node) -> int:
    """The bytes of a stored node."""
    return size_of(node.shape) * node.dtype.itemsize
