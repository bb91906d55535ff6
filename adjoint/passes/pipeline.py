"""The passes in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adjoint.graph.node import Node
from adjoint.passes.common_subexpressions import eliminate_common_subexpressions
from adjoint.passes.constant_folding import fold_constants
from adjoint.passes.decompose import decompose
from adjoint.passes.exact_before_jumps import exact_before_jumps
from adjoint.passes.initial_scans import scans_from_ones
from adjoint.passes.inline import inline
from adjoint.passes.loop_parts import results_after_loops, slices_before_loops
from adjoint.passes.loops import merge_loops, prune_loops
from adjoint.passes.parts_of_orders import parts_of_orders
from adjoint.passes.push_down_slices import push_down_slices
from adjoint.passes.shallow_products import shallow_products
from adjoint.passes.simplify import simplify
from adjoint.passes.stabilise import stabilise
from adjoint.passes.vector_products import products_with_vectors

Pass = Callable[[Sequence[Node], Sequence[Node]], list[Node]]

PIPELINE: tuple[Pass, ...] = (
    inline,  # first: then the others see the graphs
    stabilise,  # before what changes the graph: it looks for what users wrote
    merge_loops,
    prune_loops,  # after merging: then it is known what is read
    results_after_loops,  # after these: then it is known what loops compute
    slices_before_loops,  # after what may leave the loop at its other end
    decompose,  # then the others see the pieces
    fold_constants,
    scans_from_ones,  # after folding: it looks for constants
    products_with_vectors,  # after folding: constants are stored; before what tidies reshapes
    shallow_products,  # as these
    simplify,  # after folding: it looks for constants
    eliminate_common_subexpressions,  # after what makes nodes equal
    exact_before_jumps,  # after what looks for sums, and makes equal nodes one
    parts_of_orders,  # then it is seen who reads an order
    push_down_slices,  # last: equal choices are one, and it is seen who looks at what
)


def optimise(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph that costs less, with the program's `inputs` as they are."""
    nodes = list(outputs)
    for run in PIPELINE:
        nodes = run(nodes, inputs)
    return nodes
