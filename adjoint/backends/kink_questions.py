"""What a second derivative asks where a kink is met, left out of a native program.

Floor 6. The questions are answered by NumPy (see `ops.kinks`), and their answer is 0 where no kink
is met. So a program only says whether one is; then the derivative is made and computed anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.comparison import logical_or
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.reductions.reduction import any
from adjoint.transforms.substitute import substitute


def without_questions(outputs: Sequence[Node]) -> tuple[list[Node], Node | None]:
    """The outputs as they are where no kink is met, and whether one is; None where none can be."""
    asked = [x for x in topological_order(outputs) if x.op.masked_by_first]
    if not asked:
        return list(outputs), None
    zeros = {x: zeros_of(x) for x in asked}
    met: Tensor | None = None
    for x in dict.fromkeys(x.inputs[0] for x in asked):
        own = any(substitute([x], zeros)[0])
        met = own if met is None else logical_or(met, own)
    assert met is not None
    return [x.node for x in substitute(outputs, zeros)], met.node
