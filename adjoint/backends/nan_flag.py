"""Whether results hold a nan, which a native program says beside them.

Floor 6. Of what is zero by construction a rule may only assume that it is (`is_sure`); if it is
not, there is a nan in the results. The program computes the flag from memory that is in a cache.
"""

from __future__ import annotations

from collections.abc import Iterable

from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.comparison import isnan, logical_or
from adjoint.ops.reductions.reduction import any


def nan_flag(results: Iterable[Node]) -> Tensor | None:
    """Whether there is a nan in one of them; None if there can be none."""
    flag: Tensor | None = None
    for x in results:
        if x.dtype.kind in "fc":
            own = any(isnan(Tensor(x)))
            flag = own if flag is None else logical_or(flag, own)
    return flag
