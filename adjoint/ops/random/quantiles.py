"""Quantiles of discrete distributions, as whole numbers in float64; SciPy computes them.

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

__all__ = ["binomial_quantile", "nbinom_quantile", "poisson_quantile"]


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
    found = import_module("scipy.stats").poisson.ppf(u, lam)
    return _checked("poisson", found, lam)


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


def nbinom_quantile(u: Any, n: Any, p: Any) -> Tensor:
    """The least k with P(X ≤ k) ≥ u for the failures X before `n` successes."""
    return apply(_nbinom_quantile, (u, n, p))
