"""What happens when a function is evaluated and differentiated, recorded step by step as data.

The lecture's three walks over one numbered graph: the forward evaluation trace, the tangent trace
of each input, and reverse mode by extending the graph. The walks are written out here so that
every partial adjoint and every new node can be told; `checks` holds the results against those of
`adjoint.gradient` and others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint.api.arguments import ones_like, scalar_output, zeros_like
from adjoint.api.graph_first import variable
from adjoint.errors import RangeError
from adjoint.explanation.formulas import Number, Symbol, Term, formula_of, term_of
from adjoint.graph import engine
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import ALWAYS, Node, Scope, node_by_node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import is_inexact
from adjoint.ops.reductions import reduction
from adjoint.tracing.call import call
from adjoint.transforms.paths import reached_from
from adjoint.transforms.reverse import Adjoint

LARGEST = 20_000
"""Graphs with more nodes are refused."""


@dataclass(frozen=True)
class Entry:
    """A numbered node, and its formula in terms of other nodes."""

    node: Node
    symbol: Symbol
    formula: Term


@dataclass(frozen=True)
class Partial:
    """The partial adjoint that `sender` sends to `receiver`: v̄2→5 = v̄5 ∂v5/∂v2 = v̄5 cos v2."""

    sender: Symbol
    receiver: Symbol
    formula: Term
    node: Node

    @property
    def symbol(self) -> Symbol:
        """v̄2→5"""
        return Symbol(self.receiver.index, "bar", self.sender.index)


@dataclass
class Step:
    """The graph-extending algorithm at one node: what it received, sent, and which nodes it made.

    `adjoint` is none where no path leads from the node to the output.
    """

    entry: Entry
    received: list[Partial]
    adjoint: Node | None
    sent: list[Partial] = field(default_factory=list)
    new: list[Entry] = field(default_factory=list)

    @property
    def symbol(self) -> Symbol:
        """v̄5"""
        return Symbol(self.entry.symbol.index, "bar")


@dataclass(frozen=True)
class Tangent:
    """The tangent of one node: v̇3 = v̇1 / v1 = 0.5. Without a formula it is zero."""

    entry: Entry
    formula: Term | None
    value: Any

    @property
    def symbol(self) -> Symbol:
        """v̇3"""
        return Symbol(self.entry.symbol.index, "dot")


@dataclass
class Sweep:
    """One reverse trace: of the output, or of a derivative that an earlier one found.

    `path` holds the inputs with respect to which `of` is the derivative.
    """

    path: tuple[int, ...]
    of: Entry
    nodes: list[Entry]
    steps: list[Step]


class Numbering:
    """The numbers of the nodes. Inputs come first; nodes come after their inputs."""

    def __init__(self) -> None:
        self.names: dict[Node, Term] = {}
        self.entries: dict[Node, Entry] = {}

    def add(self, node: Node, formula: Term | None = None) -> Entry:
        """Give `node` the next number."""
        symbol = Symbol(len(self.entries) + 1)
        entry = Entry(node, symbol, formula_of(node, self.names) if formula is None else formula)
        self.names[node] = symbol
        self.entries[node] = entry
        return entry

    def append(self, root: Node) -> list[Entry]:
        """Number what is new below `root`: nodes that differentiation appended to the graph."""

        def unknown(node: Node) -> tuple[Node, ...]:
            return () if node in self.names else node.inputs

        fresh = topological_order((root,), unknown)
        return [
            self.add(node)
            for node in fresh
            if node not in self.names and (node is root or node.op.name != "constant")
        ]


class Trace:
    """Everything recorded about one function at one point."""

    def __init__(self, f: Any, arguments: Sequence[Any], inputs: list[Tensor]) -> None:
        self.inputs = [x.node for x in inputs]
        with node_by_node():
            self.output = scalar_output("explain", f, self._called(f, arguments)).node
        self.numbering = Numbering()
        self.entries = self._number()
        self.sweeps: list[Sweep] = []
        self._roles: dict[Node, list[Symbol]] = {}

    def _called(self, f: Any, arguments: Sequence[Any]) -> Any:
        """What `f` returns; its inputs may not leave the graph while it runs."""
        scope = Scope(transform="explain")
        for node in self.inputs:
            node.scope = scope
        return call(f, arguments, {}, scope)

    @staticmethod
    def open(leaves: Sequence[Tensor], names: Sequence[str]) -> list[Tensor]:
        """A variable for each input."""
        return [variable(leaf, name) for leaf, name in zip(leaves, names, strict=True)]

    def _number(self) -> list[Entry]:
        """Number the inputs, then the nodes that depend on them, level by level.

        Within a level nodes keep the order of the depth-first search, and every node stands above
        its inputs, so this is a topological order too, the one a reader expects.
        """
        order = topological_order((self.output,))
        if len(order) > LARGEST:
            raise RangeError(
                f"explain: the graph has {len(order):,} nodes, more than {LARGEST:,}; explain a "
                f"smaller function, or look at adjoint.adjoints and adjoint.topological_order"
            )
        level = dict.fromkeys(self.inputs, 0)
        for node in order:
            below = [level[child] for child in node.inputs if child in level]
            if below and node not in level:
                level[node] = 1 + max(below)
        for node in order:
            if node not in level:
                self.numbering.names[node] = Number(np.asarray(engine.value_of(node)))
        for node in sorted(level, key=level.__getitem__):
            self.numbering.add(node)
        if self.output not in level:  # it depends on no input, and is a number of its own
            self.numbering.add(self.output, Number(np.asarray(engine.value_of(self.output))))
        return list(self.numbering.entries.values())

    def entry(self, node: Node) -> Entry:
        """The numbered node."""
        return self.numbering.entries[node]

    def value(self, node: Node) -> Any:
        """The value of a node."""
        return np.asarray(engine.value_of(node))

    def values(self) -> dict[Symbol, Any]:
        """The values of all numbered nodes, by symbol."""
        return {e.symbol: self.value(n) for n, e in self.numbering.entries.items()}

    def roles(self, node: Node) -> list[Symbol]:
        """Which adjoints of the output the node is, or which of several partial adjoints."""
        return self._roles.get(node, [])

    # Forward mode.

    def tangent_trace(self, number: int) -> list[Tangent]:
        """Forward mode: the tangent of every node for a tangent of one at one input."""
        trace: list[Tangent] = []
        known: dict[Node, Tangent] = {}
        for entry in self.entries:
            node = entry.node
            if node in self.inputs:
                seed = ones_like if node is self.inputs[number] else zeros_like
                value = seed(Tensor(node)).numpy()
                tangent = Tangent(entry, Number(value), value)
            else:
                tangent = self._tangent(entry, known)
            known[node] = tangent
            trace.append(tangent)
        return trace

    def _tangent(self, entry: Entry, known: dict[Node, Tangent]) -> Tangent:
        node = entry.node
        zero = Tangent(entry, None, np.zeros(node.shape, node.dtype))
        if not is_inexact(node.dtype):
            return zero
        names = dict(self.numbering.names)
        given: list[Tensor | None] = []
        for child in node.inputs:
            tangent = known.get(child)
            if tangent is None or not is_inexact(child.dtype):
                given.append(None)
                continue
            value = np.asarray(tangent.value)
            stand_in = variable_node(None, child.shape, child.dtype, ALWAYS, value)
            names[stand_in] = tangent.symbol
            given.append(Tensor(stand_in))
        with node_by_node():
            result = node.op.push(node, given) if any(t is not None for t in given) else None
        if result is None:
            return zero
        return Tangent(entry, term_of(result.node, names), result.numpy())

    # Reverse mode by extending the graph.

    def reverse_trace(self) -> Sweep:
        """The lecture's algorithm for the output."""
        of = self.entry(self.output)
        names = dict(self.numbering.names)
        sweep = Sweep((), of, self.entries, self._extend(of, self.entries, names))
        for step in sweep.steps:
            for partial in step.received if len(step.received) > 1 else ():
                self._add_role(partial.node, partial.symbol)
            if step.adjoint is not None:
                self._add_role(step.adjoint, step.symbol)
        self.sweeps.append(sweep)
        return sweep

    def differentiate_again(self, sweep: Sweep, number: int) -> Sweep | None:
        """The lecture's algorithm once more, for the adjoint of one input that `sweep` found.

        Of an array of adjoints the sum is differentiated. None if the adjoint does not depend on
        any input: its derivatives are zero.
        """
        wanted = self.inputs[number]
        found = next((s.adjoint for s in sweep.steps if s.entry.node is wanted), None)
        if found is None:
            return None
        if found.shape:
            found = reduction.sum(Tensor(found)).node
            self.numbering.append(found)
        below = set(topological_order((found,)))
        needed = reached_from([e.node for e in self.numbering.entries.values()], self.inputs)
        entries = [e for n, e in self.numbering.entries.items() if n in below and n in needed]
        if found not in needed:
            return None
        of = self.entry(found)
        steps = self._extend(of, entries, dict(self.numbering.names))
        again = Sweep((*sweep.path, number), of, entries, steps)
        self.sweeps.append(again)
        return again

    def _extend(self, of: Entry, entries: list[Entry], names: dict[Node, Term]) -> list[Step]:
        """Walk the reverse order; sum the partial adjoints; send each input its share."""
        inside = reached_from([e.node for e in entries], self.inputs) | {of.node}
        node_to_grad = {of.node: Adjoint((None, ones_like(Tensor(of.node))))}
        received: dict[Node, list[Partial]] = {}
        steps = []
        for entry in reversed(entries):
            node = entry.node
            step = Step(entry, received.get(node, []), None)
            steps.append(step)
            if node not in node_to_grad:
                continue
            adjoint = node_to_grad[node].sum()
            step.adjoint = adjoint.node
            step.new += self.numbering.append(adjoint.node)
            wanted = [child in inside for child in node.inputs]
            if not any(wanted):
                continue
            local = {**names, adjoint.node: step.symbol}
            with node_by_node():
                shares = node.op.pull(node, adjoint, wanted)
            for child, share, want in zip(node.inputs, shares, wanted, strict=True):
                if not want or share is None:
                    continue
                node_to_grad.setdefault(child, Adjoint()).partials.append((node, share))
                receiver = self.entry(child).symbol
                formula = term_of(share.node, local)
                partial = Partial(entry.symbol, receiver, formula, share.node)
                received.setdefault(child, []).append(partial)
                step.sent.append(partial)
                step.new += self.numbering.append(share.node)
        return steps

    def _add_role(self, node: Node, symbol: Symbol) -> None:
        roles = self._roles.setdefault(node, [])
        if symbol not in roles:
            roles.append(symbol)

    def gradient(self, sweep: Sweep) -> list[np.ndarray[Any, Any]]:
        """The adjoints of the inputs that a sweep found, zero where it found none."""
        found = {s.entry.node: s.adjoint for s in sweep.steps}
        result = []
        for node in self.inputs:
            adjoint = found.get(node)
            zero = np.zeros(node.shape, node.dtype)
            result.append(zero if adjoint is None else self.value(adjoint))
        return result
