"""What need not be in a loop: products with slices of the xs, made before it as one product."""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import fresh_variable
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.closing import dependent
from adjoint.transforms.batch import batch
from adjoint.transforms.substitute import substitute


def hoisted(
    outputs: Sequence[Node], state: Sequence[Node], slices: Sequence[Node], xs: Sequence[Tensor]
) -> tuple[list[Node], list[Node], list[Tensor]]:
    """The outputs of a step, its slices and the xs they are of, after products have moved out.

    ``x[t] @ w`` for every step is ``x @ w``; it is then the xs of the loop. So the adjoint of w is
    one product, too. Slices that nobody reads any more are left out.
    """
    ends = {*state, *slices}
    order = topological_order(
        outputs, lambda n: () if n in ends or n.value is not None else n.inputs
    )
    by_slices, by_state = dependent(order, slices), dependent(order, state)

    def moves(node: Node) -> bool:
        return (
            node.op.name == "matmul"
            and node not in by_state
            and sum(x in by_slices for x in node.inputs) == 1
        )

    found: dict[Node, None] = {}

    def follow(node: Node) -> tuple[Node, ...]:
        if node in by_slices and node not in ends and moves(node):
            found[node] = None
            return ()
        return () if node in ends or node.value is not None else node.inputs

    order = topological_order(outputs, follow)
    examples = dict(zip(slices, xs, strict=True))
    whole = batch(list(found), examples) if found else {}
    fresh = {node: fresh_variable(node.shape, node.dtype) for node in found}
    kept = set(order)
    pairs = [(v, x) for v, x in examples.items() if v in kept]
    pairs += [(x.node, whole[node]) for node, x in fresh.items()]
    made = substitute(outputs, fresh) if fresh else list(map(Tensor, outputs))
    return [x.node for x in made], [v for v, _ in pairs], [x for _, x in pairs]
