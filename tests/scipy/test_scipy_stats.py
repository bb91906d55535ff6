"""Counterparts of scipy.stats: densities, distribution functions, quantiles and summaries."""

from __future__ import annotations

import numpy as np
import pytest

from tests.scipy.checks import check_compiled, each, together
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

rng = np.random.default_rng(2)
LINE = np.array([-1.3, 0.4, 2.1])
HALF = np.array([0.4, 1.3, 2.6])
UNIT = np.array([0.15, 0.4, 0.8])
Q = np.array([0.1, 0.45, 0.85])
LOC, SCALE = 0.3, 1.7
SHAPES = {
    "norm": (LINE, ()),
    "laplace": (LINE, ()),
    "logistic": (LINE, ()),
    "cauchy": (LINE, ()),
    "gumbel_r": (LINE, ()),
    "t": (LINE, (3.5,)),
    "expon": (HALF, ()),
    "halfnorm": (HALF, ()),
    "rayleigh": (HALF, ()),
    "lognorm": (HALF, (0.8,)),
    "gamma": (HALF, (2.3,)),
    "chi2": (HALF, (3.1,)),
    "invgamma": (HALF, (2.7,)),
    "weibull_min": (HALF, (1.6,)),
    "f": (HALF, (3.2, 5.1)),
    "beta": (UNIT, (1.6, 2.4)),
    "uniform": (UNIT, ()),
    "pareto": (HALF + 1.2, (2.4,)),
    "truncnorm": (UNIT, (-0.6, 1.9)),
    "gumbel_l": (LINE, ()),
    "lomax": (HALF, (2.4,)),
    "maxwell": (HALF, ()),
    "triang": (UNIT, (0.3,)),
    "invgauss": (HALF, (0.8,)),
    "skewnorm": (LINE, (1.3,)),
    "vonmises": (LINE, (1.3,)),
}
DENSITY_ALONE = ("skewnorm", "vonmises")
NO_QUANTILE = (*DENSITY_ALONE, "invgauss")
NO_ENTROPY = ("skewnorm", "invgauss")
BY_SHAPE_TWICE = ("gamma", "chi2", "invgamma", "f", "beta", "t")
"""Their distribution functions and quantiles have one derivative by a shape, but not two."""


def distribution_cases():
    for name, (points, shapes) in SHAPES.items():
        methods = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
        for method in methods[: 2 if name in DENSITY_ALONE else 6]:
            twice = "pdf" in method or name not in BY_SHAPE_TWICE
            yield Case(
                f"{name}.{method}",
                lambda s, x, loc, scale, *shapes, n=name, m=method: getattr(getattr(s.stats, n), m)(
                    x, *shapes, loc=loc, scale=scale
                ),
                [points * SCALE + LOC, LOC, SCALE, *shapes],
                second=twice,
                single="pdf" in method,
            )
        for method in () if name in NO_QUANTILE else ("ppf", "isf"):
            yield Case(
                f"{name}.{method}",
                lambda s, q, loc, scale, *shapes, n=name, m=method: getattr(getattr(s.stats, n), m)(
                    q, *shapes, loc, scale
                ),
                [Q, LOC, SCALE, *shapes],
                second=name not in BY_SHAPE_TWICE,
                single=False,
                rtol=1e-10,
            )
        moments = ("mean", "var", "std", "entropy")[: 3 if name in NO_ENTROPY else 4]
        moments = {"cauchy": ("entropy",), "vonmises": ()}.get(name, moments)
        for method in moments:
            yield Case(
                f"{name}.{method}",
                lambda s, loc, scale, *shapes, n=name, m=method: getattr(
                    getattr(s.stats, n)(*shapes, loc=loc, scale=scale), m
                )(),
                [
                    LOC,
                    SCALE,
                    *(
                        x + 2.2 if name in ("f", "invgamma", "pareto", "lomax") else x
                        for x in shapes
                    ),
                ],
                rtol=1e-9,
            )


COUNTS = np.array([0.0, 1.0, 3.0, 7.0])
DISCRETE = {
    "poisson": (2.6,),
    "geom": (0.35,),
    "bernoulli": (0.35,),
    "nbinom": (2.7, 0.4),
}


def discrete_cases():
    for name, shapes in DISCRETE.items():
        for method in ("pmf", "cdf", "sf", *(("logpmf",) if name != "bernoulli" else ())):
            k = COUNTS + 0.0 if name != "geom" else COUNTS + 1
            k = np.array([-1.0, 0.0, 1.0, 2.0]) if name == "bernoulli" else k
            yield Case(
                f"{name}.{method}",
                lambda s, *shapes, n=name, m=method, k=k: getattr(getattr(s.stats, n), m)(
                    k, *shapes
                ),
                shapes,
                second="pmf" in method,
                single=False,
            )
        for method in ("mean", "var"):
            yield Case(
                f"{name}.{method}",
                lambda s, *shapes, n=name, m=method: getattr(getattr(s.stats, n), m)(*shapes),
                shapes,
            )
    for method in ("pmf", "logpmf", "cdf", "sf"):
        k = np.array([-1, 0, 3, 5]) if method != "logpmf" else np.array([0, 3, 5])
        yield Case(
            f"binom.{method}",
            lambda s, p, m=method, k=k: getattr(s.stats.binom, m)(k, 5, p),
            [0.3],
            second="pmf" in method,
            single=False,
        )
    yield Case("binom.mean", lambda s, p: s.stats.binom(5, p).mean(), [0.3])
    yield Case("geom.entropy", lambda s, p: s.stats.geom.entropy(p), [0.3], rtol=1e-6, slope=1e-3)
    yield Case("bernoulli.entropy", lambda s, p: s.stats.bernoulli.entropy(p), [0.3])


COV = np.array([[2.0, 0.4], [0.4, 1.5]])
X2 = rng.normal(size=(4, 2))
SAMPLE = rng.normal(size=(5, 2)) + 4
OTHER = rng.normal(size=5)


def sym(x):
    return (x + x.T) / 2


OTHERS = [
    Case(
        "multivariate_normal.logpdf",
        lambda s, x, m, c: s.stats.multivariate_normal.logpdf(x, m, sym(c)),
        [X2, [0.3, 0.5], COV],
    ),
    Case(
        "multivariate_normal, frozen",
        lambda s, x, m, c: s.stats.multivariate_normal(m, sym(c)).pdf(x),
        [X2[0], [0.3, 0.5], COV],
    ),
    Case(
        "multivariate_normal, diagonal",
        lambda s, x, c: s.stats.multivariate_normal.logpdf(x, [0.0, 1.0], c),
        [X2, [0.3, 0.5]],
        single=False,
    ),
    Case(
        "multivariate_normal, one",
        lambda s, x, c: s.stats.multivariate_normal.logpdf(x, 0.5, c),
        [X2[:, 0], 0.7],
    ),
    Case(
        "multivariate_normal, spherical",
        lambda s, x, c: s.stats.multivariate_normal.logpdf(x, [0.0, 1.0], c),
        [X2, 0.7],
        single=False,
    ),
    Case(
        "multivariate_normal.entropy",
        lambda s, c: s.stats.multivariate_normal.entropy([0.0, 0.0], sym(c)),
        [COV],
        single=False,
    ),
    Case(
        "multivariate_t.logpdf",
        lambda s, x, m, c: s.stats.multivariate_t.logpdf(x, m, sym(c), 3.0),
        [X2, [0.3, 0.5], COV],
    ),
    Case(
        "dirichlet.logpdf",
        lambda s, a: s.stats.dirichlet.logpdf([0.2, 0.3, 0.5], a),
        [HALF],
        single=False,
    ),
    Case("dirichlet.pdf", lambda s, x, a: s.stats.dirichlet.pdf(x, a), [[0.2, 0.3], HALF]),
    Case("dirichlet.mean", lambda s, a: s.stats.dirichlet(a).mean(), [HALF]),
    Case("dirichlet.var", lambda s, a: s.stats.dirichlet(a).var(), [HALF]),
    Case("dirichlet.entropy", lambda s, a: s.stats.dirichlet.entropy(a), [HALF]),
    Case("zscore", lambda s, a: s.stats.zscore(a), [SAMPLE]),
    Case("zscore rows", lambda s, a: s.stats.zscore(a, axis=1, ddof=1), [SAMPLE]),
    Case("zmap", lambda s, a, b: s.stats.zmap(a, b), [SAMPLE[:2], SAMPLE]),
    Case("gmean", lambda s, a: s.stats.gmean(a), [SAMPLE]),
    Case(
        "gmean weights",
        lambda s, a: s.stats.gmean(a, axis=1, weights=[1, 3]),
        [SAMPLE],
        single=False,
    ),
    Case("hmean", lambda s, a: s.stats.hmean(a, axis=None), [SAMPLE]),
    Case("pmean", lambda s, a: s.stats.pmean(a, 3, axis=1), [SAMPLE]),
    Case("gstd", lambda s, a: s.stats.gstd(a), [SAMPLE]),
    Case("moment", lambda s, a: s.stats.moment(a, 3), [SAMPLE]),
    Case("moment center", lambda s, a: s.stats.moment(a, 2, center=1.0), [SAMPLE]),
    Case("skew", lambda s, a: s.stats.skew(a, bias=False), [SAMPLE]),
    Case("kurtosis", lambda s, a: s.stats.kurtosis(a), [SAMPLE]),
    Case("kurtosis unbiased", lambda s, a: s.stats.kurtosis(a, bias=False), [SAMPLE]),
    Case("sem", lambda s, a: s.stats.sem(a), [SAMPLE]),
    Case("variation", lambda s, a: s.stats.variation(a), [SAMPLE]),
    Case(
        "median_abs_deviation",
        lambda s, a: s.stats.median_abs_deviation(a),
        [SAMPLE],
        step=2.0**-16,
        second=False,
    ),
    Case("entropy", lambda s, p: s.stats.entropy(p, base=2), [HALF]),
    Case("entropy relative", lambda s, p, q: s.stats.entropy(p, q), [HALF, HALF[::-1]]),
    Case("pearsonr", lambda s, x, y: s.stats.pearsonr(x, y), [SAMPLE[:, 0], OTHER], single=False),
    Case(
        "linregress",
        lambda s, x, y: s.stats.linregress(x, y),
        [SAMPLE[:, 0], OTHER],
        single=False,
        second=False,
    ),
    Case("boxcox_llf", lambda s, m, x: s.stats.boxcox_llf(m, x), [0.7, SAMPLE[:, 0]]),
    Case("boxcox_llf at 0", lambda s, x: s.stats.boxcox_llf(0.0, x), [SAMPLE[:, 0]]),
]

CASES = [*distribution_cases(), *discrete_cases(), *OTHERS]


@each(CASES)
def test_stats(checks, case):
    for check in checks:
        check(case)


@pytest.mark.native
@together(CASES)
def test_compiled(cases):
    check_compiled(*cases)
