"""What runs the graphs that loops and branches hold, where these are not in a native program.

Floor 6. A graph that is run often gets native code. How often it must have been run is estimated
from its structure, not measured, so that a program computes the same numbers each time it runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.backends import interpreter
from adjoint.backends.availability import missing
from adjoint.graph import engine
from adjoint.graph.forking import building, import_module
from adjoint.graph.options import current
from adjoint.graph.subgraph import Array, Subgraph

OPERATION = 1.5e-6
"""Seconds that an operation takes the interpreter at least, to the size of a factor of two."""
COMPILATION = 0.03
PER_OPERATION = 2e-3
"""Seconds that it takes to compile a graph, and each of its operations in it."""
KNOWN = 256
"""How many graphs are remembered."""

_spent: OrderedDict[str, float] = OrderedDict()
"""By the structure of a graph, the seconds that the interpreter has spent on it."""
_programs: OrderedDict[str, Any] = OrderedDict()


def runner_for(graph: Subgraph) -> GraphRunner:
    """What runs a graph."""
    return GraphRunner(graph)


class GraphRunner:
    """Runs a graph by the interpreter, and natively when that would have paid."""

    def __init__(self, graph: Subgraph) -> None:
        self.graph = graph
        order = graph.order()
        held = [(x.op.rounds(x), sum(len(g.order()) for g in x.op.graphs(x))) for x in order]
        self.seconds = OPERATION * (len(order) + sum(rounds * size for rounds, size in held))
        self.price = COMPILATION + PER_OPERATION * (len(order) + sum(size for _, size in held))
        self.evaluator: interpreter.Evaluator | None = None
        self.native: Any = _programs.get(graph.key)

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """The values of the outputs."""
        found = self.natively(arrays)
        if found is not None:
            return found
        if self.evaluator is None:
            graph, stabilise = self.graph, import_module("adjoint.passes.stabilise").stabilise
            outputs = stabilise(graph.outputs, graph.inputs)
            self.evaluator = interpreter.Evaluator(graph.inputs, outputs)
        return self.evaluator(arrays)

    def natively(self, arrays: Sequence[Array]) -> list[Array] | None:
        """The values of the outputs by native code, if there is any, or it is time to make it."""
        program = self.native
        if program is None and self.is_worth_compiling():
            program = self.native = self.program()
        if program is None or current().native == "never":
            return None
        given = [
            np.require(x, node.dtype, ("C", "A"))
            for x, node in zip(arrays, self.graph.inputs, strict=True)
        ]
        try:
            results: list[Array] = program.run(given)
        except program.failed:
            return None  # the interpreter says what is wrong
        return results

    def is_worth_compiling(self) -> bool:
        """Count another run; whether compiling would have cost less than all so far."""
        options = current()
        if options.native == "never" or options.debug_nans or missing():
            return False
        key = self.graph.key
        spent = _spent.pop(key, 0.0) + self.seconds
        _spent[key] = spent
        if len(_spent) > KNOWN:
            _spent.popitem(last=False)
        return spent > self.price or options.native == "always"

    def program(self) -> Any:
        """The native program of the graph, made once for all graphs of its structure."""
        graph = self.graph
        if graph.key not in _programs:
            optimise = import_module("adjoint.passes.pipeline").optimise
            schedule = import_module("adjoint.schedule.fuse").schedule
            program_for = import_module("adjoint.backends.llvm.program.memory_guards").program_for
            with building, engine.using(interpreter.evaluate):
                plan = schedule(graph.inputs, optimise(graph.outputs, graph.inputs))
                weak, tree = [False] * len(graph.inputs), tuple(range(len(graph.outputs)))
                _programs[graph.key] = program_for(plan, weak, tree)
            if len(_programs) > KNOWN:
                _programs.popitem(last=False)
        return _programs[graph.key]
