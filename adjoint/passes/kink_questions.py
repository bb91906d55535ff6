"""What a second derivative asks where a kink is met, kept apart from what it computes elsewhere.

The questions are answered by NumPy (see `ops.kinks`), and their answer is 0 where no kink is met,
which is nearly always. Without them much of a derivative need not be computed: so a program says
whether a kink is met, and only then does the derivative with the questions run.
"""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import Subgraph, fresh_variables
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import INT64, size_of
from adjoint.ops.control.branch import Choice, branch
from adjoint.ops.control.closing import WRITTEN_IN, closed, is_written_in
from adjoint.ops.elementwise.comparison import logical_or
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.reductions.reduction import any
from adjoint.ops.shape.movement import astype
from adjoint.passes.rewriting import is_known
from adjoint.passes.single_extremes import with_single_extremes
from adjoint.transforms.substitute import substitute

WORTH_A_BRANCH = 1 << 16
"""Elements of answers from which on a compiled program has a branch for the questions: it is
compiled twice, which takes some 0.1 s, and saves 1 to 2 ns for each element and more."""


def without_questions(outputs: Sequence[Node]) -> tuple[list[Node], Node | None]:
    """The outputs as they are where no kink is met, and whether one is; None where none can be."""
    asked = [x for x in topological_order(outputs) if x.op.masked_by_first]
    if not asked:
        return list(outputs), None
    nowhere = {x: zeros_of(x) for x in dict.fromkeys(y.inputs[0] for y in asked)}
    zeros = {x: zeros_of(x) for x in asked} | nowhere
    met: Tensor | None = None
    for x in nowhere:
        others = {y: zero for y, zero in zeros.items() if y is not x}
        own = any(substitute([x], others)[0])
        met = own if met is None else logical_or(met, own)
    assert met is not None
    return [x.node for x in substitute(outputs, zeros)], met.node


def asked_in_a_branch(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """The outputs of an equal graph in which many questions are asked only where a kink is met.

    Then what depends on the answers is computed again from the inputs, with them.
    """
    ends = set(inputs)
    order = topological_order(outputs, lambda n: () if n in ends or is_known(n) else n.inputs)
    asked = [x for x in order if x.op.masked_by_first and x not in ends]
    if sum([size_of(x.shape) for x in asked]) < WORTH_A_BRANCH:
        return list(outputs)
    found, met = without_questions(outputs)
    changed = [n for n, (old, new) in enumerate(zip(outputs, found, strict=True)) if old is not new]
    if met is None or not changed:
        return list(outputs)
    found, has_several = with_single_extremes(found)
    if has_several is not None:
        met = logical_or(Tensor(met), Tensor(has_several)).node
    changed = [n for n, (old, new) in enumerate(zip(outputs, found, strict=True)) if old is not new]
    old, new = ([nodes[n] for n in changed] for nodes in (outputs, found))
    leaves = topological_order(old, lambda n: () if n in ends or is_known(n) else n.inputs)
    leaves = [x for x in leaves if x not in ends and (is_known(x) or not x.inputs)]
    outside = [*inputs, *[x for x in leaves if not is_written_in(x, WRITTEN_IN)]]
    again = closed(old, (), outside)
    given = [x.node for x in fresh_variables(again.inputs)]
    answers = [x.node for x in fresh_variables(new)]
    choice = Choice(
        (
            Subgraph([*given, *answers], answers),
            Subgraph([*again.inputs, *[x.node for x in fresh_variables(new)]], again.outputs),
        )
    )
    chosen = branch(choice, [astype(Tensor(met), INT64), *map(Tensor, [*outside, *new])])
    for n, x in zip(changed, chosen, strict=True):
        found[n] = x.node
    return found
