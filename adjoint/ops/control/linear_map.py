"""Linear maps as graphs: what a rule makes of tangents, or of adjoints, and its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adjoint.errors import NotDifferentiableError
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.closing import dependent
from adjoint.ops.control.derived import instance
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.reductions import reduction
from adjoint.ops.shape.movement import broadcast_to
from adjoint.transforms.batch import batch
from adjoint.transforms.reverse import reverse
from adjoint.transforms.substitute import substitute


@dataclass(frozen=True)
class LinearMap:
    """A graph that takes a point, and then a vector for each of `sources`, to one for `targets`.

    It is linear in the vectors. A number among the sources or targets is that of an input or an
    output of the operation whose derivative this is; those that are not there are zero.
    """

    graph: Subgraph
    sources: tuple[int, ...]
    targets: tuple[int, ...]

    @property
    def point(self) -> int:
        """How many inputs of the graph say where the derivative is taken."""
        return len(self.graph.inputs) - len(self.sources)

    def apply(
        self, point: Sequence[Tensor], given: dict[int, Tensor], wanted: Sequence[int]
    ) -> dict[int, Tensor]:
        """The vectors of those targets that are `wanted`, for some of the sources."""
        if given.keys().isdisjoint(self.sources):
            return {}
        models = self.graph.inputs[self.point :]
        vectors = [
            given[n] if n in given else zeros_of(model)
            for n, model in zip(self.sources, models, strict=True)
        ]
        asked = {n: x for n, x in zip(self.targets, self.graph.outputs, strict=True) if n in wanted}
        inputs = dict(zip(self.graph.inputs, [*point, *vectors], strict=True))
        return dict(zip(asked, substitute(list(asked.values()), inputs), strict=True))


def transposed(linear: LinearMap, what: str, cure: str) -> LinearMap:
    """The map back, from vectors of the targets to those of the sources.

    `what` and `cure` stand in the error that is raised where the graph is not linear.
    """
    inputs = fresh_variables(linear.graph.inputs)
    outputs = instance(linear.graph, inputs)
    vectors = [x.node for x in inputs[linear.point :]]
    moving = dependent(_order(outputs, inputs), vectors)
    if any(x.node not in moving and not _is_zero(x.node) for x in outputs):
        raise _not_linear(what, cure)
    back = fresh_variables([x.node for x in outputs])
    pairs = [(x.node, v) for x, v in zip(outputs, back, strict=True) if x.node in moving]
    found = reverse(pairs, vectors) if pairs else {}
    there = [
        (n, found[v].sum()) for n, v in zip(linear.sources, vectors, strict=True) if v in found
    ]
    results = [x for _, x in there]
    given = [*inputs[: linear.point], *back]
    if not dependent(_order(results, given), vectors).isdisjoint(x.node for x in results):
        raise _not_linear(what, cure)
    graph = Subgraph([x.node for x in given], [x.node for x in results])
    return LinearMap(graph, linear.targets, tuple(n for n, _ in there))


def batched_graph(
    graph: Subgraph, batched: Sequence[bool], size: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Variables of which the `batched` ones are many examples, and the results for all of them."""
    plain = fresh_variables(graph.inputs)
    wide = [
        fresh_variable((size, *x.shape), x.dtype) if b else x
        for x, b in zip(plain, batched, strict=True)
    ]
    examples = {p.node: w for p, w, b in zip(plain, wide, batched, strict=True) if b}
    outputs = instance(graph, plain)
    found = batch([x.node for x in outputs], examples)
    return wide, [found.get(x.node, broadcast_to(x, (size, *x.shape))) for x in outputs]


def batched_map(
    linear: LinearMap, batched: Sequence[bool], targets: Sequence[bool], size: int
) -> LinearMap:
    """The map for many examples at once; vectors of targets that all share are added up."""
    variables, results = batched_graph(linear.graph, batched, size)
    results = [
        x if targets[n] else reduction.sum(x, 0)
        for n, x in zip(linear.targets, results, strict=True)
    ]
    graph = Subgraph([x.node for x in variables], [x.node for x in results])
    return LinearMap(graph, linear.sources, linear.targets)


def _order(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Node]:
    ends = {x.node for x in inputs}
    return topological_order(
        [x.node for x in outputs], lambda n: () if n in ends or n.value is not None else n.inputs
    )


def _is_zero(node: Node) -> bool:
    """Whether a node is seen to be zero: a constant, or elements of one."""
    if is_constant(node):
        return not node.value.any()
    return node.op.moves and bool(node.inputs) and all(map(_is_zero, node.inputs))


def _not_linear(what: str, cure: str) -> NotDifferentiableError:
    return NotDifferentiableError(f"{what} is not linear, so that it cannot be transposed; {cure}")
