"""Random numbers that are a function of a key: ``adjoint.random``.

A draw has no hidden state. The same key gives the same numbers on every engine, compiled or not,
with any number of threads, mapped or in a loop; other numbers come from other keys, which `split`
and `fold_in` make. Bits are those of Philox 4x32-10. Distributions have NumPy's names, and behind
the key NumPy's parameters; the shape of the result is given by name.
"""

from adjoint.random.continuous import (
    cauchy,
    exponential,
    gumbel,
    laplace,
    logistic,
    lognormal,
    normal,
    pareto,
    power,
    rayleigh,
    triangular,
    uniform,
    vonmises,
    weibull,
)
from adjoint.random.discrete import (
    bernoulli,
    binomial,
    categorical,
    geometric,
    integers,
    logseries,
    multinomial,
    negative_binomial,
    poisson,
    rademacher,
)
from adjoint.random.gamma_family import (
    beta,
    chisquare,
    dirichlet,
    f,
    gamma,
    noncentral_chisquare,
    noncentral_f,
    standard_t,
)
from adjoint.random.keys import bits, fold_in, key, split
from adjoint.random.multivariate import multivariate_normal, truncated_normal
from adjoint.random.sequences import choice, permutation

__all__ = [
    "bernoulli",
    "beta",
    "binomial",
    "bits",
    "categorical",
    "cauchy",
    "chisquare",
    "choice",
    "dirichlet",
    "exponential",
    "f",
    "fold_in",
    "gamma",
    "geometric",
    "gumbel",
    "integers",
    "key",
    "laplace",
    "logistic",
    "logseries",
    "lognormal",
    "multinomial",
    "multivariate_normal",
    "negative_binomial",
    "noncentral_chisquare",
    "noncentral_f",
    "normal",
    "pareto",
    "permutation",
    "poisson",
    "power",
    "rademacher",
    "rayleigh",
    "split",
    "standard_t",
    "triangular",
    "truncated_normal",
    "uniform",
    "vonmises",
    "weibull",
]
