"""A graph answered natively as a whole: passes, schedule and program, called with arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.backends.llvm.program.memory_guards import program_for
from adjoint.backends.llvm.program.stepwise import Failed
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor, from_array
from adjoint.passes.pipeline import optimise
from adjoint.schedule.fuse import schedule

COPIED = 1 << 16
"""The most bytes that are copied into another layout for one call."""


class Native:
    """The native code of the graph between `inputs` and `outputs`."""

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        self.inputs = inputs
        plan = schedule(inputs, optimise(outputs, inputs))
        self.program = program_for(plan, [False] * len(inputs), tuple(range(len(outputs))))
        self.entry: Callable[..., Sequence[Tensor]] | None = None

    def __call__(self, values: Sequence[Any]) -> Sequence[Tensor] | None:
        """The outputs for values of the inputs; None if the interpreter must say what is wrong."""
        try:
            if self.entry is not None:
                return self.entry(*values)
            results = self.slow(*values)
        except Failed:
            return None
        if not self.program.is_stepwise:
            self.entry = self.program.bind("native", self.slow, None)
        return results

    def slow(self, *values: Any) -> Sequence[Tensor]:
        """The outputs for arrays in another layout, if these are small."""
        if sum(v.nbytes for v in values if not v.flags.c_contiguous) > COPIED:
            raise Failed
        arrays = [
            np.require(value, node.dtype, ("C", "A"))
            for value, node in zip(values, self.inputs, strict=True)
        ]
        return [from_array(array) for array in self.program.run(arrays)]
