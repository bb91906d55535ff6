"""A pending graph as the engine sees it: its structure, what is referenced of it, what it costs.

Floor 6. Two graphs of equal structure are answered by the same native code. The structure is what
decides the code: operations, parameters, edges, and shapes and dtypes of the values it starts from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import ne
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.leaf import constant, constant_node, variable_node
from adjoint.graph.native_rule import cost, is_elementary
from adjoint.graph.node import Node, Scope
from adjoint.graph.types import size_of

# What things cost, as measured on a two-core machine with AVX2. Where NumPy has loops for AVX-512
# it needs less for some functions (exp 0.6 ns an element, sin still 6), and the guess errs to the
# side of native code. benchmarks/auto.py holds the decisions that follow against the clock.

CALL = 4.0
"""Microseconds that answering a graph natively costs at least."""
INTERPRETED = 1.2
NATIVE = 0.8
"""Microseconds that a node costs whatever its size, on the interpreter and natively, where each
node is still looked at to know the structure."""
CHEAP = 1.5
EXPENSIVE = 8.0
"""Nanoseconds an element costs NumPy, in an operation of an instruction or two and in others."""
FUSED = 0.3
STORED = 0.7
"""The part of that which fused native code needs, and the part of a cheap one if it is stored."""
FLOP = 0.02
"""Nanoseconds of an operation of a matrix product, on either."""
COMPILATION = 30_000.0
COMPILED = 700.0
"""Microseconds that compiling costs, and for each node."""

Referenced: TypeAlias = bytes
"""For each pending node one byte: whether something outside the graph references it."""


class GraphSignature:
    """What one walk over a pending graph finds: its structure, and its nodes in order."""

    __slots__ = ("key", "leaves", "pending")

    key: Hashable
    pending: list[Node]
    leaves: list[Node]

    def __init__(self, order: Sequence[Node]) -> None:
        number: dict[Node, int] = {}
        self.pending = pending = []
        self.leaves = leaves = []
        key: list[Hashable] = []
        add = key.append
        for node in order:
            number[node] = len(number)
            if node.value is None:
                pending.append(node)
                add(node.op)
                add(node.params)
                add(node.dtype)
                for child in node.inputs:
                    add(number[child])
            else:
                leaves.append(node)
                add(node.shape)
                add(node.dtype)
        self.key = tuple(key)

    def referenced(self, uses: Sequence[int]) -> Referenced:
        """Which pending nodes must get a value: those with more references than `uses` says.

        A node that a transform which is still open may ask for counts as referenced.
        """
        found = bytes(map(ne, map(sys.getrefcount, self.pending), uses))
        kept = {scope for scope in {n.scope for n in self.pending} if scope and scope.is_open()}
        if kept:
            pairs = zip(self.pending, found, strict=True)
            found = bytes([known or node.scope in kept for node, known in pairs])
        return found

    def uses(self) -> list[int]:
        """The reference counts of the pending nodes if nothing else than the graph holds them."""
        number = {node: i for i, node in enumerate(self.pending)}
        counts = [_base()] * len(number)
        for node in self.pending:
            for child in node.inputs:
                if child in number:
                    counts[number[child]] += 1
        return counts


@cache
def _base() -> int:
    """The reference count of a node in a signature that nothing else references."""
    signature = GraphSignature(order := [Node(constant, (), (), (), np.dtype(bool))])
    return next(map(sys.getrefcount, signature.pending[: len(order)])) - 1


def are_counts_exact() -> bool:
    """Whether reference counts are exact in this Python."""
    with_lock: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return sys.implementation.name == "cpython" and with_lock()


@dataclass(frozen=True)
class Estimate:
    """Microseconds: on the interpreter, natively, and to compile. From the structure alone, so that
    the same program takes the same decisions each time it runs."""

    interpreted: float
    native: float
    compilation: float


def estimate(pending: Sequence[Node], referenced: Referenced) -> Estimate:
    """What a graph costs of which some nodes are referenced, and so must be stored."""
    fuse = import_module("adjoint.schedule.fuse")
    library = import_module("adjoint.schedule.library_calls")
    interpreted, native = 0.0, CALL
    for node, stored in zip(pending, referenced, strict=True):
        size = max([size_of(node.shape), *(size_of(x.shape) for x in node.inputs)])
        if library.gemm(node) is not None:
            work = rest = 2e-3 * FLOP * size_of(node.shape) * node.inputs[0].shape[-1]
        else:
            price = EXPENSIVE if is_elementary(node) else CHEAP if cost(node) else 0.0
            work = 1e-3 * size * price
            rest = work * FUSED if fuse.is_native(node) else work
            if stored:
                rest = max(rest, min(work, 1e-3 * size * CHEAP * STORED))
        interpreted += INTERPRETED + work
        native += NATIVE + rest
    return Estimate(interpreted, native, COMPILATION + COMPILED * len(pending))


def operations_in_loops(order: Sequence[Node]) -> tuple[int, int]:
    """How many operations the loops and branches among the nodes hold, and how many are run, which
    counts those of a loop once for each round."""
    held = run = 0
    for node in order:
        for graph in node.op.graphs(node):
            body = [x for x in graph.order() if x.inputs]
            inner, repeated = operations_in_loops(body)
            held += len(body) + inner
            run += node.op.rounds(node) * (len(body) + repeated)
    return held, run


@dataclass(frozen=True)
class Template:
    """A graph of the same structure without values: what the passes and the schedule are given."""

    inputs: list[Node]
    outputs: list[Node]


def template(order: Sequence[Node], referenced: Referenced, literals: Sequence[Node]) -> Template:
    """The graph of `order` on variables, but for `literals`, which keep their values."""
    scope = Scope(abstract=True)
    known = set(literals)
    twin: dict[Node, Node] = {}
    inputs: list[Node] = []
    outputs: list[Node] = []
    wanted = iter(referenced)
    for node in order:
        if node.value is None:
            new = Node(node.op, tuple([twin[c] for c in node.inputs]), node.params, *_kind(node))
            if next(wanted):
                outputs.append(new)
        elif node in known:
            new = constant_node(np.asarray(node.value), *_kind(node))
        else:
            new = variable_node(None, *_kind(node), scope)
            inputs.append(new)
        twin[node] = new
    return Template(inputs, outputs)


def _kind(node: Node) -> tuple[Any, Any]:
    return node.shape, node.dtype
