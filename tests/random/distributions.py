"""The distributions: how each is called, and which of SciPy's it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.stats as st


class Continuous(NamedTuple):
    """A continuous distribution with the parameters of a call, and SciPy's with the same."""

    name: str
    parameters: tuple[Any, ...]
    scipy: Callable[..., Any]
    holds: float = 1e-6
    """How far from differences its derivatives may be."""

    def __str__(self) -> str:
        return f"{self.name}{self.parameters}"


CONTINUOUS = [
    Continuous("uniform", (-1.0, 2.5), lambda a, b: st.uniform(a, b - a)),
    Continuous("normal", (0.4, 1.7), st.norm),
    Continuous("lognormal", (0.3, 0.5), lambda m, s: st.lognorm(s, scale=np.exp(m))),
    Continuous("exponential", (1.7,), lambda s: st.expon(scale=s)),
    Continuous("laplace", (0.4, 1.7), st.laplace),
    Continuous("logistic", (0.4, 1.7), st.logistic),
    Continuous("gumbel", (0.4, 1.7), st.gumbel_r),
    Continuous("cauchy", (0.4, 1.7), st.cauchy),
    Continuous("rayleigh", (1.7,), lambda s: st.rayleigh(scale=s)),
    Continuous("weibull", (1.6,), st.weibull_min),
    Continuous("pareto", (2.4,), st.lomax),
    Continuous(
        "triangular", (-1.0, 0.5, 2.0), lambda a, c, b: st.triang((c - a) / (b - a), a, b - a)
    ),
    Continuous("vonmises", (0.4, 2.5), lambda m, k: st.vonmises(k, m)),
    Continuous("truncated_normal", (-0.6, 1.9), st.truncnorm),
    Continuous("gamma", (2.3, 1.7), lambda a, s: st.gamma(a, scale=s)),
    Continuous("gamma", (0.2, 1.7), lambda a, s: st.gamma(a, scale=s)),
    Continuous("chisquare", (3.1,), st.chi2),
    Continuous("f", (3.2, 5.1), st.f),
    Continuous("beta", (1.6, 2.4), st.beta),
    Continuous("beta", (0.3, 0.5), st.beta),
    Continuous("standard_t", (3.5,), st.t),
    Continuous("power", (1.6,), st.powerlaw),
    Continuous("noncentral_chisquare", (2.6, 1.4), st.ncx2),
    Continuous("noncentral_f", (2.6, 5.1, 1.4), st.ncf),
]


class Discrete(NamedTuple):
    """A discrete distribution with the parameters of a call, and SciPy's with the same."""

    name: str
    parameters: tuple[Any, ...]
    scipy: Callable[..., Any]

    def __str__(self) -> str:
        return f"{self.name}{self.parameters}"


DISCRETE = [
    Discrete("bernoulli", (0.3,), st.bernoulli),
    Discrete("binomial", (10, 0.3), st.binom),
    Discrete("binomial", (400, 0.7), st.binom),
    Discrete("poisson", (4.2,), st.poisson),
    Discrete("poisson", (350.0,), st.poisson),
    Discrete("geometric", (0.2,), st.geom),
    Discrete("logseries", (0.7,), st.logser),
    Discrete("negative_binomial", (3.5, 0.4), st.nbinom),
    Discrete("integers", (3, 19), st.randint),
]
