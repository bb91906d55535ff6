"""lse: the logarithm of a sum of exponentials, and its gradient."""

from __future__ import annotations

from typing import Any

import adjoint as ad
from benchmarks.gradbench.forms import flat


def make(given: Any) -> Any:
    """log Σ exp x, and its gradient."""
    x = given["x"]
    primal, gradient = ad.compile(ad.logsumexp), ad.compile(ad.grad(ad.logsumexp))
    return {"primal": (lambda: primal(x), flat), "derivative": (lambda: gradient(x), flat)}
