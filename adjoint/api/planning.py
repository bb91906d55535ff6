"""plan: how the derivative of a function would be found, and what it would cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable, normalize_argnums
from adjoint.api.compiling import compile
from adjoint.api.jacobians import hessian, jacfwd, jacrev
from adjoint.api.report import Cost
from adjoint.api.sparse_derivatives import SparseDerivative
from adjoint.api.sparse_plan import SparsePlan
from adjoint.api.tree import flatten

_LARGEST = 1 << 24
"""Dense derivatives of more numbers are not traced to see what they cost."""


@dataclass(frozen=True)
class Plan:
    """What `plan` found: the ways to a derivative with the cost of each, and the `sparse` one.

    `costs` has a `Cost` for each way, "sparse" among them; None for one that would be too large to
    look at. `best` names the cheapest by bytes moved. Prints as a table.
    """

    kind: str
    shape: tuple[int, int]
    sparse: SparsePlan
    costs: dict[str, Cost | None]

    @property
    def best(self) -> str:
        """The way that moves the fewest bytes."""
        known = {name: cost for name, cost in self.costs.items() if cost is not None}
        return min(known, key=lambda name: known[name].bytes_moved)

    def __str__(self) -> str:
        lines = [str(self.sparse), "", f"{'way':<18}{'flops':>16}{'bytes moved':>18}{'memory':>18}"]
        for name, cost in self.costs.items():
            if cost is None:
                size = self.shape[0] * self.shape[1]
                lines.append(f"{name:<18}not traced: {size:,} numbers")
                continue
            numbers = (cost.flops, cost.bytes_moved, cost.peak_memory)
            columns = "".join(f"{n:>{w},}" for n, w in zip(numbers, (16, 18, 18), strict=True))
            lines.append(f"{name:<18}{columns}" + (" *" if name == self.best else ""))
        return "\n".join(lines)


def plan(f: Callable[..., Any], *args: Any, argnums: int = 0) -> Plan:
    """How the Jacobian of `f` at `args`, or the Hessian of a scalar function, would be found.

    The function is traced and its sparsity pattern taken and colored; nothing is compiled or run.
    The ways are dense forward and reverse mode, forward over reverse for a Hessian, and compressed
    sweeps for ``sparse=True``. Raises as `jacobian` and `hessian` do.

    >>> import adjoint as ad
    >>> p = ad.plan(lambda x: ad.sum((x[1:] - x[:-1] ** 2) ** 2), ad.zeros(1000))
    >>> p.kind, p.sparse.forward, p.best
    ('hessian', 3, 'sparse')
    """
    check_callable("plan", f)
    (number,) = normalize_argnums("plan", argnums, len(args))
    outputs = flatten(f(*args))[0]
    is_scalar = len(outputs) == 1 and np.shape(outputs[0]) == ()
    kind = "hessian" if is_scalar else "jacobian"
    derivative = SparseDerivative(kind, f, number)
    sparse = derivative.plan(*args)
    shape = sparse.pattern.shape
    ways: dict[str, Callable[..., Any]] = (
        {"dense": hessian(f, number)}
        if is_scalar
        else {"dense forward": jacfwd(f, number), "dense reverse": jacrev(f, number)}
    )
    costs: dict[str, Cost | None] = {
        name: compile(way).cost(*args) if shape[0] * shape[1] <= _LARGEST else None
        for name, way in ways.items()
    }
    costs["sparse"] = derivative.cost(*args)
    return Plan(kind, shape, sparse, costs)
