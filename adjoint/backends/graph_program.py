"""The native program of a graph that nobody compiled.

Floor 6. What the native engine needs is imported when the first program is made, for most processes
never make one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.backends import interpreter
from adjoint.graph import engine
from adjoint.graph.forking import building, import_module
from adjoint.graph.node import Node
from adjoint.graph.subgraph import Array
from adjoint.graph.tensor import Tensor, from_array

MOST_COPIED = 1 << 16
"""The most bytes that are copied into row-major order for one call, which takes 4 µs, as much as
answering costs at least. Beyond, the interpreter is the better choice: NumPy reads any order
without a copy."""


class GraphProgram:
    """The program of the graph between `inputs` and `outputs`, made on the interpreter alone."""

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        optimise = import_module("adjoint.passes.pipeline").optimise
        schedule = import_module("adjoint.schedule.fuse").schedule
        program_for = import_module("adjoint.backends.llvm.program.memory_guards").program_for
        self.inputs = inputs
        with building, engine.using(interpreter.evaluate):
            plan = schedule(inputs, optimise(outputs, inputs))
            weak, tree = [False] * len(inputs), tuple(range(len(outputs)))
            self.program = program_for(plan, weak, tree)
        self.entry: Callable[..., Sequence[Tensor]] | None = None

    def run(self, values: Sequence[Array]) -> list[Array] | None:
        """The outputs for arrays in any layout; None if the interpreter must say what is wrong."""
        try:
            return self._run(values)
        except self.program.failed:
            return None

    def __call__(self, values: Sequence[Array]) -> Sequence[Tensor] | None:
        """The outputs by the native entry; None also where the interpreter does better."""
        try:
            if self.entry is not None:
                return self.entry(*values)
            results = self._slow(*values)
        except self.program.failed:
            return None
        if not self.program.is_stepwise:
            self.entry = self.program.bind("native", self._slow, None)
        return results

    def _slow(self, *values: Any) -> Sequence[Tensor]:
        """The outputs for arrays in any layout; `failed` if there is too much to copy."""
        if sum(v.nbytes for v in values if not v.flags.c_contiguous) > MOST_COPIED:
            raise self.program.failed
        return [from_array(array) for array in self._run(values)]

    def _run(self, values: Sequence[Array]) -> list[Array]:
        pairs = zip(values, self.inputs, strict=True)
        results: list[Array] = self.program.run(
            [np.require(value, node.dtype, ("C", "A")) for value, node in pairs]
        )
        return results
