"""What running a program step by step needs to know, as numbers: nothing of its graph.

Floor 6. `facts_of` takes it from the writer of a program, and `KnownProgram` stands for that writer
where only the facts are known. The same facts with sizes left open are what `open_plan` fills in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from adjoint.backends.llvm.calls import product_calls
from adjoint.backends.llvm.calls.product_layout import Product, product_of
from adjoint.backends.llvm.codegen.kernel import KernelWriter
from adjoint.backends.llvm.compile.kernel_cache import kernel_name
from adjoint.backends.llvm.program.program_writer import ProgramWriter
from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node
from adjoint.graph.open_numbers import NotOpen, array_of
from adjoint.graph.types import Shape
from adjoint.schedule.donation import Reuse
from adjoint.schedule.memory import MemoryPlan
from adjoint.schedule.plan import Alias, Gemm, Kernel, Nest, Schedule, Step

PRODUCT_FACTS = (
    *("is_turned", "rows", "depth", "depth_block", "panels", "row_tiles", "by_rows"),
    *("units", "parts", "scratch_bytes"),
)
"""What is asked of a product when it is computed (`product_calls.caller`)."""

GEMM_FACTS = ("transpose_a", "transpose_b", "negative", "conjugate_a", "conjugate_b", "blas")


class NodeFacts(NamedTuple):
    """A node that lies in memory. `axes` are the parameters if it is a root of a kernel; an alias
    has the number of its `source`, a constant its `value`."""

    op: Any
    shape: Shape
    dtype: Any
    axes: tuple[Any, ...] = ()
    source: int | None = None
    value: Any = None


class KernelFacts(NamedTuple):
    """A kernel: its code by name, the buffers it is given, and the roots that it adds to."""

    name: str
    domain: Shape
    roots: tuple[int, ...]
    arguments: tuple[int, ...]
    by_table: bool
    flat: bool
    accumulated: tuple[int, ...]


class NestFacts(NamedTuple):
    """A nest of kernels."""

    kernels: tuple[KernelFacts, ...]
    extent: int
    local: tuple[int, ...]
    block: int
    grain: int


class ProductFacts(NamedTuple):
    """A product: its nodes, the rest of the step, and the name and layout of code of our own."""

    nodes: tuple[int | None, ...]
    flags: tuple[Any, ...]
    name: str | None
    layout: tuple[Any, ...]


class AliasFacts(NamedTuple):
    """A tensor under another shape, or a part of it."""

    root: int
    offset: int


class Facts(NamedTuple):
    """A program: its nodes, and by their numbers everything else."""

    nodes: tuple[NodeFacts, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    constants: tuple[int, ...]
    steps: tuple[Any, ...]
    offsets: tuple[tuple[int, int], ...]
    storage: tuple[tuple[int, int, int], ...]
    size: int
    checks: bool
    is_sure: bool
    reused: tuple[tuple[int, int], ...]

    @property
    def reuse(self) -> Reuse:
        """What it makes of donated inputs."""
        return Reuse(self.is_sure, dict(self.reused))


def facts_of(writer: ProgramWriter, reuse: Reuse) -> Facts:
    """The facts of a program, which makes of donated inputs what `reuse` says. `NotOpen` if it has
    steps that are not kernels, products or views."""
    return _Collector(writer).facts(reuse)


class _Collector:
    """Numbers the nodes of a program as they are met."""

    def __init__(self, writer: ProgramWriter) -> None:
        self.writer = writer
        self.numbers: dict[Node, int] = {}
        self.computed: set[Node] = set()
        self.sources: dict[Node, int] = {}

    def number(self, node: Node) -> int:
        return self.numbers.setdefault(node, len(self.numbers))

    def all(self, nodes: Sequence[Node]) -> tuple[int, ...]:
        return tuple([self.number(node) for node in nodes])

    def facts(self, reuse: Reuse) -> Facts:
        schedule, memory = self.writer.schedule, self.writer.memory
        inputs, outputs = self.all(schedule.inputs), self.all(schedule.outputs)
        constants = self.all(schedule.constants)
        steps = tuple([self.step(step) for step in schedule.steps])
        offsets = tuple([(self.number(n), offset) for n, offset in memory.offsets.items()])
        storage = tuple(
            [(self.number(n), self.number(s), at) for n, (s, at) in memory.storage.items()]
        )
        held = set(schedule.constants)
        nodes = tuple([self.node(n, n in held) for n in self.numbers])
        lists = nodes, inputs, outputs, constants, steps, offsets, storage
        reused = tuple(reuse.inputs.items())
        return Facts(*lists, memory.size, self.writer.checks, reuse.is_sure, reused)

    def node(self, node: Node, is_held: bool) -> NodeFacts:
        axes = node.params if node in self.computed else ()
        value = array_of(node.value) if is_held else None
        return NodeFacts(node.op, node.shape, node.dtype, axes, self.sources.get(node), value)

    def step(self, step: Step) -> Any:
        match step:
            case Kernel():
                return self.kernel(self.writer.writer_of(step, fixed=True))
            case Nest():
                writers = [
                    self.writer.writer_of(kernel, step.is_whole, step.rows_at_once)
                    for kernel in step.kernels
                ]
                kernels = tuple(map(self.kernel, writers))
                local = tuple(sorted(self.all(list(step.local))))
                return NestFacts(kernels, step.extent, local, step.block, step.grain)
            case Gemm():
                return self.product(step)
            case Alias():
                self.sources[step.root] = self.number(step.source)
                return AliasFacts(self.number(step.root), step.offset)
            case _:
                raise NotOpen(f"a step {step.name}")

    def kernel(self, writer: KernelWriter) -> KernelFacts:
        roots = writer.kernel.roots
        self.computed.update(roots)
        return KernelFacts(
            kernel_name(writer),
            writer.kernel.domain,
            self.all(roots),
            self.all(writer.arguments),
            writer.by_table,
            writer.flat,
            self.all([root for root in roots if writer.accumulates(root)]),
        )

    def product(self, step: Gemm) -> ProductFacts:
        nodes = step.root, step.a, step.b, step.scale, step.addend
        numbers = tuple([None if node is None else self.number(node) for node in nodes])
        flags = tuple([getattr(step, name) for name in GEMM_FACTS])
        if not product_calls.is_own(step):
            return ProductFacts(numbers, flags, None, ())
        product = product_of(step)
        layout = tuple([getattr(product, name) for name in PRODUCT_FACTS])
        return ProductFacts(numbers, flags, self.writer.product(step)[0], layout)


class KnownKernel:
    """Stands for the writer of a kernel of which the code is there."""

    def __init__(
        self, facts: KernelFacts, nodes: Sequence[Node], functions: dict[str, Any]
    ) -> None:
        self.name, self.functions = facts.name, functions
        self.kernel = Kernel(facts.domain, [nodes[n] for n in facts.roots])
        self.arguments = [nodes[n] for n in facts.arguments]
        self.by_table, self.flat = facts.by_table, facts.flat
        self.accumulated = {nodes[n] for n in facts.accumulated}

    def accumulates(self, root: Node) -> bool:
        """Whether the result in memory is added to."""
        return root in self.accumulated


class KnownProgram:
    """Stands for the writer of a program of which the code is there, where its steps are taken one
    by one. `functions` holds what was found of the code for other sizes, by name."""

    def __init__(self, facts: Facts, functions: dict[str, Any]) -> None:
        self.functions = functions
        nodes: list[Node] = []
        for fact in facts.nodes:
            if fact.value is not None:
                nodes.append(constant_node(fact.value, fact.shape, fact.dtype))
            else:
                nodes.append(Node(fact.op, (), fact.axes, fact.shape, fact.dtype))
        for node, fact in zip(nodes, facts.nodes, strict=True):
            if fact.source is not None:
                node.inputs = (nodes[fact.source],)
        self.nodes = nodes
        self.kernels: dict[Kernel, KnownKernel] = {}
        self.names: dict[Gemm, str] = {}
        steps = [self.step(step) for step in facts.steps]
        inputs, outputs, constants = [
            [nodes[n] for n in numbers]
            for numbers in (facts.inputs, facts.outputs, facts.constants)
        ]
        self.schedule = Schedule(inputs, outputs, constants, steps)
        offsets = {nodes[n]: offset for n, offset in facts.offsets}
        storage = {nodes[n]: (nodes[source], at) for n, source, at in facts.storage}
        self.memory = MemoryPlan(offsets, facts.size, facts.size, storage, {})
        self.checks = facts.checks

    def step(self, facts: Any) -> Step:
        """A step that says what taking it needs."""
        nodes = self.nodes
        match facts:
            case KernelFacts():
                return self.kernel(facts)
            case NestFacts(kernels, extent, local, block, grain):
                known = [self.kernel(kernel) for kernel in kernels]
                return Nest(known, extent, {nodes[n] for n in local}, block, grain)
            case AliasFacts(root, offset):
                return Alias(nodes[root], offset)
            case _:
                return self.gemm(facts)

    def kernel(self, facts: KernelFacts) -> Kernel:
        known = KnownKernel(facts, self.nodes, self.functions)
        self.kernels[known.kernel] = known
        return known.kernel

    def gemm(self, facts: ProductFacts) -> Gemm:
        root, a, b, scale, addend = [None if n is None else self.nodes[n] for n in facts.nodes]
        assert root is not None and a is not None and b is not None
        flags: dict[str, Any] = dict(zip(GEMM_FACTS, facts.flags, strict=True))
        step = Gemm(root, a, b, scale=scale, addend=addend, **flags)
        if facts.name is not None:
            step.layout = Product.__new__(Product)
            vars(step.layout).update(zip(PRODUCT_FACTS, facts.layout, strict=True))
            self.names[step] = facts.name
        return step

    def writer_of(self, step: Kernel, fixed: bool = False, rows: int | None = None) -> KnownKernel:
        """What is known of a kernel."""
        return self.kernels[step]

    def product(self, step: Gemm) -> tuple[str, None]:
        """The name of the function that computes a product by code of our own, which nobody will
        write."""
        return self.names[step], None


def are_equal(x: Any, y: Any) -> bool:
    """Whether facts are equal, to the last bit and type."""
    if type(x) is not type(y):
        return False
    if isinstance(x, tuple):
        return len(x) == len(y) and all(map(are_equal, x, y))
    if isinstance(x, np.ndarray):
        return bool(x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes())
    return bool(x.hex() == y.hex() if isinstance(x, float) else x == y)
