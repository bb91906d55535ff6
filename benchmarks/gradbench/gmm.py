"""gmm: the log posterior of a mixture of Gaussians, and its gradient by all parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import multigammaln

import adjoint as ad
from benchmarks.gradbench.forms import flat


def triangle(d: int) -> np.ndarray:
    """Where each entry of a lower triangular d × d matrix stands in (0, diagonal, columns)."""
    places = np.zeros((d, d), np.int64)
    places[np.arange(d), np.arange(d)] = 1 + np.arange(d)
    columns, rows = np.triu_indices(d, 1)
    places[rows, columns] = 1 + d + np.arange(len(rows))
    return places


def log_posterior(alpha: Any, mu: Any, q: Any, lower: Any, x: Any, m: int, gamma: float) -> Any:
    """The log likelihood of the points x plus a Wishart prior with parameters m and gamma.

    Component c has the inverse square root of a covariance Q = diag(exp q) + lower triangle. All
    components are served by one product: Q (x − μ) = Q x − Q μ.
    """
    (n, d), k = x.shape, alpha.shape[0]
    scales = ad.exp(q)
    entries = ad.concat([ad.zeros((k, 1)), scales, lower], axis=1)
    factors = ad.take(entries, triangle(d), axis=1)
    centres = ad.sum(factors * ad.expand_dims(mu, 1), axis=2)
    whitened = x @ ad.reshape(factors, (k * d, d)).T - ad.reshape(centres, (k * d,))
    squares = ad.sum(ad.reshape(whitened, (n, k, d)) ** 2, axis=2)
    terms = alpha + ad.sum(q, axis=1) - 0.5 * squares
    likelihood = ad.sum(ad.logsumexp(terms, axis=1)) - n * ad.logsumexp(alpha)
    frobenius = ad.sum(scales * scales) + ad.sum(lower * lower)
    prior = m * ad.sum(q) - 0.5 * gamma * gamma * frobenius
    return likelihood + prior + constant(n, d, k, m, gamma)


def constant(n: int, d: int, k: int, m: int, gamma: float) -> float:
    """What does not depend on the parameters."""
    degrees = d + m + 1
    wishart = degrees * d * math.log(gamma / math.sqrt(2)) - multigammaln(0.5 * degrees, d)
    return float(k * wishart - 0.5 * n * d * math.log(2 * math.pi))


def make(given: Any) -> Any:
    """The log posterior, and its gradient by alpha, mu, q and l."""
    args = [given[name] for name in ("alpha", "mu", "q", "l", "x")]
    fixed = given["m"], given["gamma"]
    primal = ad.compile(lambda *a: log_posterior(*a, *fixed))
    gradient = ad.compile(ad.grad(lambda *a: log_posterior(*a, *fixed), argnums=(0, 1, 2, 3)))
    return {"primal": (lambda: primal(*args), flat), "derivative": (lambda: gradient(*args), flat)}
