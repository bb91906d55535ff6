"""A structure of graphs that nobody compiled, answered natively. Floor 6."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.backends.graph_program import GraphProgram
from adjoint.backends.graph_signature import GraphSignature, Referenced, template
from adjoint.graph.leaf import constant
from adjoint.graph.node import Node


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
        self.literals: dict[int, bytes] | None = None
        """The numbers among the leaves that were the same each time: written into the code."""
        self.program: tuple[GraphProgram, Sequence[int]] | None = None
        """And the numbers of the leaves whose values it takes."""

    def keep_unchanged(self, leaves: Sequence[Node]) -> bool:
        """Keep those literals that are as before among the leaves; whether that was all of them."""
        if self.literals is None:
            numbers = [(i, x) for i, x in enumerate(leaves) if x.shape == () and x.op is constant]
            self.literals = {i: np.asarray(x.value).tobytes() for i, x in numbers}
            return True
        changed = [
            i
            for i, known in self.literals.items()
            if np.asarray(leaves[i].value).tobytes() != known
        ]
        for i in changed:
            del self.literals[i]
        return not changed

    def compile(self, order: Sequence[Node], signature: GraphSignature) -> None:
        """Make the program."""
        literals = tuple(self.literals or ())
        graph = template(order, self.referenced, [signature.leaves[i] for i in literals])
        given = [i for i in range(len(signature.leaves)) if i not in literals]
        self.program = GraphProgram(graph.inputs, graph.outputs), given

    def run(self, signature: GraphSignature) -> bool:
        """Give every referenced node its value; whether that worked."""
        found = self.program  # as it is now: another thread may discard it
        if found is None:
            return False
        program, given = found
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
