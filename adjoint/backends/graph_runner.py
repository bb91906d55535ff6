"""What runs the graphs that loops and branches hold, where these are not in a native program.

Floor 6. A graph that is run often gets native code. How often it must have been run is estimated
from its structure, not measured, so that a program computes the same numbers each time it runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from adjoint.backends import interpreter
from adjoint.backends.availability import missing
from adjoint.backends.graph_program import GraphProgram
from adjoint.graph.forking import import_module
from adjoint.graph.options import current
from adjoint.graph.subgraph import Array, Subgraph

# What tools/measure_graph_costs.py printed on two cores of an Intel Xeon with AVX-512 (family 6,
# model 167), shared with others: 0.7 to 1.9 µs for an operation on up to 1000 numbers, up to 46 ms
# to compile a graph and 0.15 to 1.4 ms for each of its operations, the more where these are
# vectorised; 43 KiB for a program, so that those remembered take 11 MB.

OPERATION = 1.5e-6
"""Seconds that an operation takes the interpreter, if its arrays are small."""
COMPILATION = 0.03
PER_OPERATION = 1e-3
"""Seconds that it takes to compile a graph, and each of its operations in it."""
KNOWN = 256
"""How many graphs are remembered."""

_spent: OrderedDict[str, float] = OrderedDict()
"""By the structure of a graph, the seconds that the interpreter has spent on it."""
_programs: OrderedDict[str, GraphProgram] = OrderedDict()


def runner_for(graph: Subgraph) -> GraphRunner:
    """What runs a graph."""
    return GraphRunner(graph)


class GraphRunner:
    """Runs a graph by the interpreter, and natively when that would have paid."""

    def __init__(self, graph: Subgraph) -> None:
        self.graph = graph
        self.seconds = OPERATION * work(graph)
        self.price = COMPILATION + PER_OPERATION * size(graph)
        self.evaluator: interpreter.Evaluator | None = None
        self.native: GraphProgram | None = _programs.get(graph.key)

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
        if not self.is_native() or self.native is None:
            return None
        return self.native.run(arrays)  # or None: then the interpreter says what is wrong

    def is_native(self) -> bool:
        """Whether native code is to run the graph; it is made when it is time to."""
        if self.native is None and self.is_worth_compiling():
            self.native = self.program()
        return self.native is not None and current().native != "never"

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

    def program(self) -> GraphProgram:
        """The native program of the graph, made once for all graphs of its structure."""
        graph = self.graph
        if graph.key not in _programs:
            _programs[graph.key] = GraphProgram(graph.inputs, graph.outputs)
            if len(_programs) > KNOWN:
                _programs.popitem(last=False)
        return _programs[graph.key]


def work(graph: Subgraph) -> float:
    """How many operations the interpreter evaluates, those of each round of a loop among them."""
    return sum(
        1 + sum(node.op.rounds(node) * work(held) for held in node.op.graphs(node))
        for node in graph.order()
    )


def size(graph: Subgraph) -> int:
    """How many operations are compiled, those of loops once."""
    return sum(1 + sum(map(size, node.op.graphs(node))) for node in graph.order())
