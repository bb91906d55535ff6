"""Quantiles of discrete distributions, as whole numbers in float64.

A draw is the quantile of a uniform number: a function of it and the parameters, so it is the same
wherever it is computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import RangeError
from adjoint.graph.forking import import_module
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.ops.family.elementwise import Elementwise, Missing, apply

__all__ = ["binomial_quantile", "geometric_quantile", "nbinom_quantile", "poisson_quantile"]

MOST_EXPECTED = 1e15
"""The largest mean of a Poisson variable: beyond, float64 does not hold all whole numbers near."""


def _checked(name: str, found: Any, *given: Any) -> Any:
    """`found`, if it holds whole numbers that int64 can; nan of parameters is an error."""
    found = np.asarray(found, np.float64)
    if not np.all(found < 2.0**63):  # false for nan as well
        shown = [np.ravel(x)[0] if np.size(x) == 1 else x for x in given]
        raise RangeError(
            f"random.{name}: its parameters are not valid, or the draw does not fit into int64: "
            f"{', '.join(map(str, shown))}"
        )
    return found


def _poisson(u: Any, lam: Any) -> Any:
    """From the normal quantile, corrected for skewness (Cornish and Fisher, 1938), which is off by
    a few at most, up or down to where the distribution function passes u."""
    special = import_module("scipy.special")
    u, lam = np.broadcast_arrays(u, lam)
    if not np.all((lam >= 0) & (lam <= MOST_EXPECTED)):  # false for nan as well
        raise RangeError(
            f"random.poisson: lam must be from 0 to {MOST_EXPECTED:g}, got {_first_outside(lam)}"
        )
    z = special.ndtri(u)
    k = np.maximum(np.floor(lam + np.sqrt(lam) * z + (z * z - 1) / 6), 0.0)
    while np.any(low := special.pdtr(k, lam) < u):
        k = k + low
    while np.any(high := (k > 0) & (special.pdtr(np.maximum(k - 1, 0.0), lam) >= u)):
        k = k - high
    return k


def _first_outside(lam: Any) -> float:
    return float(lam[~((lam >= 0) & (lam <= MOST_EXPECTED))].flat[0])


def _geometric(u: Any, p: Any) -> Any:
    """The inverse of 1 - (1 - p)ᵏ, written out."""
    u, p = np.broadcast_arrays(u, p)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.maximum(np.ceil(np.log1p(-u) / np.log1p(-p)), 1.0)
    valid = (p > 0) & (p <= 1)
    return _checked("geometric", np.where(valid, found, np.nan), p)


def _binomial(u: Any, n: Any, p: Any) -> Any:
    return _checked("binomial", import_module("scipy.stats").binom.ppf(u, n, p), n, p)


def _nbinom(u: Any, n: Any, p: Any) -> Any:
    found = import_module("scipy.stats").nbinom.ppf(u, n, p)
    return _checked("negative_binomial", found, n, p)


def _missing(name: str, *inputs: str) -> tuple[Missing, ...]:
    return tuple([Missing(f"a draw of {name}", label) for label in inputs])


_poisson_quantile = register(
    Elementwise(
        "poisson_quantile",
        _poisson,
        _missing("poisson", "u", "lam"),
        accepts="real",
        domain=((0.1, 0.9), (0.5, 9.0)),
    )
)
_binomial_quantile = register(
    Elementwise(
        "binomial_quantile",
        _binomial,
        _missing("binomial", "u", "n", "p"),
        accepts="real",
        domain=((0.1, 0.9), (4.0, 4.0), (0.1, 0.9)),
    )
)
_geometric_quantile = register(
    Elementwise(
        "geometric_quantile",
        _geometric,
        _missing("geometric", "u", "p"),
        accepts="real",
        domain=((0.1, 0.9), (0.1, 0.9)),
    )
)
_nbinom_quantile = register(
    Elementwise(
        "nbinom_quantile",
        _nbinom,
        _missing("negative_binomial", "u", "n", "p"),
        accepts="real",
        domain=((0.1, 0.9), (0.5, 9.0), (0.1, 0.9)),
    )
)


def poisson_quantile(u: Any, lam: Any) -> Tensor:
    """The least k with P(X ≤ k) ≥ u for a Poisson variable X of mean `lam`."""
    return apply(_poisson_quantile, (u, lam))


def binomial_quantile(u: Any, n: Any, p: Any) -> Tensor:
    """The least k with P(X ≤ k) ≥ u for the successes X in `n` trials of probability `p`."""
    return apply(_binomial_quantile, (u, n, p))


def geometric_quantile(u: Any, p: Any) -> Tensor:
    """The least k with P(X ≤ k) ≥ u for the number X of the first trial that succeeds."""
    return apply(_geometric_quantile, (u, p))


def nbinom_quantile(u: Any, n: Any, p: Any) -> Tensor:
    """The least k with P(X ≤ k) ≥ u for the failures X before `n` successes."""
    return apply(_nbinom_quantile, (u, n, p))
