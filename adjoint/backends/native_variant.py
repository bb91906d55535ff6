"""A structure of graphs that nobody compiled, answered natively. Floor 6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from adjoint.backends.graph_program import GraphProgram
from adjoint.backends.graph_signature import GraphSignature, Referenced, template
from adjoint.graph.leaf import constant
from adjoint.graph.node import Node

Literals: TypeAlias = dict[int, bytes]
"""Numbers among the leaves of a graph, by where they stand there; never changed once made."""


class NativeVariant:
    """A structure together with the nodes that are referenced: what one program can answer.

    `referenced` says which pending nodes must get a value, `compile_at` how many sightings of its
    family there must have been before it is compiled.
    """

    __slots__ = ("compile_at", "failed", "literals", "program", "referenced", "seen")

    def __init__(self, referenced: Referenced, compile_at: float) -> None:
        self.referenced = referenced
        self.compile_at = compile_at
        self.seen = 0
        self.failed = False
        self.literals: Literals | None = None
        """The numbers among the leaves that were the same each time: written into the code."""
        self.program: tuple[GraphProgram, Sequence[int], Literals] | None = None
        """And the numbers of the leaves whose values it takes, and what is written into it."""

    def keep_unchanged(self, leaves: Sequence[Node]) -> Literals:
        """Keep those literals that are as before among the leaves, and return them.

        Other threads keep others at the same time: only what is returned is sure to be that of
        these leaves.
        """
        known = self.literals
        if known is None:
            numbers = [(i, x) for i, x in enumerate(leaves) if x.shape == () and x.op is constant]
            kept = {i: np.asarray(x.value).tobytes() for i, x in numbers}
        else:
            kept = {i: x for i, x in known.items() if np.asarray(leaves[i].value).tobytes() == x}
            if len(kept) == len(known):
                return known
        self.literals = kept
        return kept

    def compile(self, order: Sequence[Node], signature: GraphSignature, literals: Literals) -> None:
        """Make the program, into which `literals`, of these leaves, are written."""
        graph = template(order, self.referenced, [signature.leaves[i] for i in literals])
        given = [i for i in range(len(signature.leaves)) if i not in literals]
        self.program = GraphProgram(graph.inputs, graph.outputs), given, literals

    def run(self, signature: GraphSignature, literals: Literals) -> bool:
        """Give every referenced node its value; whether that worked.

        `literals` are those that were kept of these leaves.
        """
        found = self.program  # as it is now: another thread may discard it, or make another
        if found is None:
            return False
        program, given, written = found
        if not is_among(written, literals):
            return False
        results = program([signature.leaves[i].value for i in given])
        if results is None:
            return False
        i = 0
        for node, referenced in zip(signature.pending, self.referenced, strict=True):
            if referenced:
                node.value = results[i].node.value
                node.forget()
                i += 1
        return True


def is_among(written: Literals, literals: Literals) -> bool:
    """Whether what is written into a program are some of these literals."""
    return written is literals or written.items() <= literals.items()
