"""Linear maps as graphs: what a rule makes of tangents, or of adjoints, and its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adjoint.errors import NotDifferentiableError
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor, make
from adjoint.ops.control.closing import dependent
from adjoint.ops.control.derived import instance, or_zeros
from adjoint.ops.family.linear import Together
from adjoint.ops.family.structural_zeros import (
    NOWHERE,
    applied,
    confined_tangent,
    either,
    keep_where,
    nonzero_mask,
)
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
        there = {n: x for n, x in given.items() if n in self.sources}
        if not there:
            return {}
        asked = {n: x for n, x in zip(self.targets, self.graph.outputs, strict=True) if n in wanted}
        inputs = dict(zip(self.graph.inputs, point, strict=False))
        models = self.graph.inputs[self.point :]
        if len(there) == len(self.sources) and not any(x.node.sparse for x in there.values()):
            inputs |= zip(models, [there[n] for n in self.sources], strict=True)
            return dict(zip(asked, substitute(list(asked.values()), inputs), strict=True))
        vectors = {model: there.get(n) for n, model in zip(self.sources, models, strict=True)}
        found = _applied_to_zeros(list(asked.values()), inputs, vectors)
        mask = reached_by(list(there.values()))
        return {
            n: x if mask is None else keep_where(mask, x)
            for n, x in zip(asked, found, strict=True)
            if x is not None
        }


def reached_by(given: Sequence[Tensor]) -> Tensor | None:
    """What of a result that depends on all of the `given` is not zero by construction: all, or
    nothing; None if it is known to be all."""
    mask: Tensor | None = NOWHERE
    for x in given:
        known = nonzero_mask(x)
        mask = either(
            mask, None if known is None else applied(find("any"), (known,), (_axes(known),))
        )
    return mask


def _axes(x: Tensor) -> tuple[int, ...]:
    return tuple(range(len(x.node.shape)))


def _applied_to_zeros(
    outputs: Sequence[Node], point: dict[Node, Tensor], vectors: dict[Node, Tensor | None]
) -> list[Tensor | None]:
    """The outputs of a linear graph for vectors that are zero by construction, or parts of them.

    These must not meet an infinite factor. An operation that is linear in what depends on the
    vectors is its own tangent, and its rule sees to that; any other is applied as it stands.
    """
    moving: dict[Node, Tensor | None] = dict(vectors)
    found = dict(point)
    for node in topological_order(
        outputs, lambda n: () if n in point or n in vectors else n.inputs
    ):
        if node in found or node in moving or node.value is not None:
            continue
        if not any(x in moving for x in node.inputs):
            if any(x in found for x in node.inputs):
                found[node] = make(
                    node.op, [found.get(x, Tensor(x)) for x in node.inputs], node.params
                )
            continue
        tangents = [moving.get(x) for x in node.inputs]
        inputs = [
            found.get(x, Tensor(x)) if x not in moving else or_zeros(moving[x], Tensor(x))
            for x in node.inputs
        ]
        plain = make(node.op, inputs, node.params)
        if not _is_linear(node, [x in moving for x in node.inputs]):
            by_lanes = node.op.family in ("linalg", "bilinear")
            moving[node] = confined_tangent(node, tangents, plain) if by_lanes else plain
        elif all(x is None for x in tangents):
            moving[node] = None
        else:
            moving[node] = node.op.push(plain.node, tangents)
    return [moving[x] if x in moving else found.get(x, Tensor(x)) for x in outputs]


_LINEAR_IN_ALL = {"add", "subtract", "negative", "sum"}
_LINEAR_IN_EACH = {"multiply", "matmul"}


def _is_linear(node: Node, moving: Sequence[bool]) -> bool:
    """Whether an operation is linear in those of its inputs that are `moving`."""
    name = node.op.name
    if name in _LINEAR_IN_EACH:
        return sum(moving) == 1
    if name in ("divide",) or (node.op.family == "linear" and not isinstance(node.op, Together)):
        return not any(moving[1:])
    if name == "where":
        return not moving[0]
    return name in _LINEAR_IN_ALL or isinstance(node.op, Together)


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
