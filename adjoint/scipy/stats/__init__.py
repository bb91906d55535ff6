"""Counterparts of ``scipy.stats``."""

from __future__ import annotations

from adjoint.scipy.common import no_counterpart, round_results
from adjoint.scipy.stats.bounded import (
    anglit,
    arcsine,
    cosine,
    semicircular,
)
from adjoint.scipy.stats.comparisons import (
    chisquare,
    f_oneway,
    jarque_bera,
    ttest_1samp,
    ttest_ind,
    ttest_rel,
)
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
from adjoint.scipy.stats.gamma_powers import (
    chi,
    erlang,
    gengamma,
    loggamma,
    nakagami,
    ncx2,
    rice,
)
from adjoint.scipy.stats.heavy_tails import (
    foldcauchy,
    genextreme,
    genpareto,
    halfcauchy,
    levy,
    levy_l,
    skewcauchy,
)
from adjoint.scipy.stats.kernel_density import gaussian_kde
from adjoint.scipy.stats.laplace_family import (
    crystalball,
    genlogistic,
    halflogistic,
    hypsecant,
    laplace_asymmetric,
    loglaplace,
    truncexpon,
)
from adjoint.scipy.stats.lifetimes import (
    dweibull,
    exponpow,
    exponweib,
    fatiguelife,
    gompertz,
    invweibull,
    weibull_max,
)
from adjoint.scipy.stats.matrix_distributions import invwishart, matrix_normal, multinomial, wishart
from adjoint.scipy.stats.means import gmean, hmean, pmean
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
from adjoint.scipy.stats.normal_family import (
    exponnorm,
    foldnorm,
    gennorm,
    gibrat,
    halfgennorm,
    johnsonsb,
    johnsonsu,
    moyal,
    powerlognorm,
    powernorm,
    wald,
)
from adjoint.scipy.stats.powers import (
    betaprime,
    bradford,
    burr,
    burr12,
    fisk,
    loguniform,
    powerlaw,
    reciprocal,
)
from adjoint.scipy.stats.summary import (
    boxcox_llf,
    entropy,
    gstd,
    kurtosis,
    linregress,
    median_abs_deviation,
    moment,
    pearsonr,
    sem,
    skew,
    variation,
    zmap,
    zscore,
)
from adjoint.scipy.stats.transformations import (
    boxcox,
    circmean,
    circstd,
    circvar,
    describe,
    iqr,
    kstat,
    trim_mean,
    wasserstein_distance,
    yeojohnson,
    yeojohnson_llf,
)

spearmanr = no_counterpart("scipy.stats.spearmanr", "ranks move in steps: use pearsonr")
rankdata = no_counterpart("scipy.stats.rankdata", "ranks move in steps, so it is 0 or undefined")

# fmt: off
__all__ = [
    "anglit", "arcsine", "bernoulli", "beta", "betaprime", "binom", "boxcox", "boxcox_llf",
    "bradford", "burr", "burr12", "cauchy", "chi", "chi2", "chisquare", "circmean", "circstd",
    "circvar", "cosine", "crystalball", "describe", "dirichlet", "dweibull", "entropy", "erlang",
    "expon", "exponnorm", "exponpow", "exponweib", "f", "f_oneway", "fatiguelife", "fisk",
    "foldcauchy", "foldnorm", "gamma", "gaussian_kde", "genextreme", "gengamma", "genlogistic",
    "gennorm", "genpareto", "geom", "gibrat", "gmean", "gompertz", "gstd", "gumbel_l", "gumbel_r",
    "halfcauchy", "halfgennorm", "halflogistic", "halfnorm", "hmean", "hypsecant", "invgamma",
    "invgauss", "invweibull", "invwishart", "iqr", "jarque_bera", "johnsonsb", "johnsonsu", "kstat",
    "kurtosis", "laplace", "laplace_asymmetric", "levy", "levy_l", "linregress", "loggamma",
    "logistic", "loglaplace", "lognorm", "loguniform", "lomax", "matrix_normal", "maxwell",
    "median_abs_deviation", "moment", "moyal", "multinomial", "multivariate_normal",
    "multivariate_t", "nakagami", "nbinom", "ncx2", "norm", "pareto", "pearsonr", "pmean",
    "poisson", "powerlaw", "powerlognorm", "powernorm", "rankdata", "rayleigh", "reciprocal",
    "rice", "sem", "semicircular", "skew", "skewcauchy", "skewnorm", "spearmanr", "t", "triang",
    "trim_mean", "truncexpon", "truncnorm", "ttest_1samp", "ttest_ind", "ttest_rel", "uniform",
    "variation", "vonmises", "wald", "wasserstein_distance", "weibull_max", "weibull_min",
    "wishart", "yeojohnson", "yeojohnson_llf", "zmap", "zscore",
]
# fmt: on

round_results(__name__)
