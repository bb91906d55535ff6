"""A structure of graphs that nobody compiled, answered natively.

Floor 6. What the native engine needs is imported when the first program is made, for most processes
never make one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.backends import interpreter
from adjoint.backends.graph_signature import GraphSignature, Referenced, Template, template
from adjoint.graph import engine
from adjoint.graph.forking import building, import_module
from adjoint.graph.leaf import constant
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor, from_array

MOST_COPIED = 1 << 16
"""The most bytes that are copied into row-major order for one call, which takes 4 µs, as much as
answering costs at least. Beyond, the interpreter is the better choice: NumPy reads any order
without a copy."""


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
        self.program: GraphProgram | None = None

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
        """Make the program, on the interpreter alone."""
        literals = tuple(self.literals or ())
        graph = template(order, self.referenced, [signature.leaves[i] for i in literals])
        given = [i for i in range(len(signature.leaves)) if i not in literals]
        with building, engine.using(interpreter.evaluate):
            self.program = GraphProgram(graph, given)

    def run(self, signature: GraphSignature) -> bool:
        """Give every referenced node its value; whether that worked."""
        program = self.program  # as it is now: another thread may discard it
        results = None if program is None else program(signature.leaves)
        if results is None:
            return False
        i = 0
        for node, referenced in zip(signature.pending, self.referenced, strict=True):
            if referenced:
                node.value = results[i].node.value
                node.forget()
                i += 1
        return True


class GraphProgram:
    """The program of a graph, called with its leaves; it takes the values of those `given`."""

    def __init__(self, graph: Template, given: Sequence[int]) -> None:
        optimise = import_module("adjoint.passes.pipeline").optimise
        schedule = import_module("adjoint.schedule.fuse").schedule
        program_for = import_module("adjoint.backends.llvm.program.memory_guards").program_for
        self.given = given
        self.inputs = graph.inputs
        plan = schedule(graph.inputs, optimise(graph.outputs, graph.inputs))
        weak, tree = [False] * len(graph.inputs), tuple(range(len(graph.outputs)))
        self.program = program_for(plan, weak, tree)
        self.entry: Callable[..., Sequence[Tensor]] | None = None

    def __call__(self, leaves: Sequence[Node]) -> Sequence[Tensor] | None:
        """The outputs; None if the interpreter must say what is wrong, or does better."""
        values = [leaves[i].value for i in self.given]
        try:
            if self.entry is not None:
                return self.entry(*values)
            results = self.slow(*values)
        except self.program.failed:
            return None
        if not self.program.is_stepwise:
            self.entry = self.program.bind("native", self.slow, None)
        return results

    def slow(self, *values: Any) -> Sequence[Tensor]:
        """The outputs for arrays in any layout; `failed` if there is too much to copy."""
        if sum(v.nbytes for v in values if not v.flags.c_contiguous) > MOST_COPIED:
            raise self.program.failed
        arrays = [
            np.require(value, node.dtype, ("C", "A"))
            for value, node in zip(values, self.inputs, strict=True)
        ]
        return [from_array(array) for array in self.program.run(arrays)]
