"""llsq: the least-squares fit of a polynomial to the sign function, and its gradient.

The powers of the abscissae are computed within the call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import adjoint as ad
from benchmarks.gradbench.forms import flat


def loss(x: Any, t: Any) -> Any:
    """Half the squared distance of Σ xⱼ tʲ from sign(t), summed over t."""
    n, m = t.shape[0], x.shape[0]
    steps = ad.broadcast_to(ad.expand_dims(t, 1), (n, m - 1))
    powers = ad.concat([ad.ones((n, 1)), ad.cumprod(steps, axis=1)], axis=1)
    residual = ad.sign(t) - powers @ x
    return 0.5 * ad.sum(residual * residual)


def make(given: Any) -> Any:
    """The loss of coefficients x at n points of [-1, 1], and its gradient."""
    x, t = given["x"], np.linspace(-1.0, 1.0, given["n"])
    primal, gradient = ad.compile(loss), ad.compile(ad.grad(loss))
    return {"primal": (lambda: primal(x, t), flat), "derivative": (lambda: gradient(x, t), flat)}
