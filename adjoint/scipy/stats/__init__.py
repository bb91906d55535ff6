"""Counterparts of ``scipy.stats``."""

from __future__ import annotations

from adjoint.scipy.common import no_counterpart
from adjoint.scipy.stats.continuous import (
    cauchy,
    expon,
    halfnorm,
    laplace,
    logistic,
    lognorm,
    norm,
    uniform,
)
from adjoint.scipy.stats.discrete import bernoulli, binom, geom, nbinom, poisson
from adjoint.scipy.stats.extreme_values import gumbel_r, pareto, rayleigh, weibull_min
from adjoint.scipy.stats.gamma_family import beta, chi2, f, gamma, invgamma, t, truncnorm
from adjoint.scipy.stats.more_continuous import (
    gumbel_l,
    invgauss,
    lomax,
    maxwell,
    skewnorm,
    triang,
    vonmises,
)
from adjoint.scipy.stats.multivariate import dirichlet, multivariate_normal, multivariate_t
from adjoint.scipy.stats.summary import (
    boxcox_llf,
    entropy,
    gmean,
    gstd,
    hmean,
    kurtosis,
    linregress,
    median_abs_deviation,
    moment,
    pearsonr,
    pmean,
    sem,
    skew,
    variation,
    zmap,
    zscore,
)

spearmanr = no_counterpart("scipy.stats.spearmanr", "ranks move in steps: use pearsonr")
rankdata = no_counterpart("scipy.stats.rankdata", "ranks move in steps, so it is 0 or undefined")
gaussian_kde = no_counterpart(
    "scipy.stats.gaussian_kde", "write it as logsumexp of norm.logpdf over the samples"
)

# fmt: off
__all__ = [
    "bernoulli", "beta", "binom", "boxcox_llf", "cauchy", "chi2", "dirichlet", "entropy", "expon",
    "f", "gamma", "gaussian_kde", "geom", "gmean", "gstd", "gumbel_l", "gumbel_r", "halfnorm",
    "hmean", "invgamma", "invgauss", "kurtosis", "laplace", "linregress", "logistic", "lognorm",
    "lomax", "maxwell", "median_abs_deviation", "moment", "multivariate_normal", "multivariate_t",
    "nbinom", "norm", "pareto", "pearsonr", "pmean", "poisson", "rankdata", "rayleigh", "sem",
    "skew", "skewnorm", "spearmanr", "t", "triang", "truncnorm", "uniform", "variation",
    "vonmises", "weibull_min", "zmap", "zscore",
]
# fmt: on
