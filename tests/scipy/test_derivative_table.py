"""The tables in docs/guide/special.md say what is so, and each derivative exists in every mode."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.scipy import special, stats
from tests.sampling import marked
from tests.scipy.derivative_table import (
    PAGE,
    SEVERAL,
    alone,
    arguments,
    derivable,
    distributions,
    known,
    place,
    point,
    tables,
    variables,
    written,
)
from tests.scipy.test_more_distributions import SHAPES as LESS_COMMON

pytestmark = pytest.mark.unit

EACH = [marked(d, d.name not in LESS_COMMON) for d in distributions()]
LOGARITHMS = [
    marked(
        (d, methods), d.name not in LESS_COMMON and number % 2 == place, f"{d.name}.{methods[-1]}"
    )
    for number, d in enumerate(distributions())
    for place, methods in enumerate([("logpdf", "logpmf", "logcdf"), ("logsf",)])
]
FLAT = {"gammasgn", "round"}
STEPS = {"bdtr", "bdtrc", "bdtri", "nbdtr", "nbdtrc", "nbdtri", "pdtr", "pdtrc", "pdtri"}
"""Functions of a count that is rounded down."""


def test_the_tables_of_the_guide_are_those_found_by_asking():
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in tables().items():
        assert written(text, name) == lines, "python -m tests.scipy.derivative_table writes them"


def test_only_what_moves_in_steps_has_no_slope_where_the_table_asks():
    steps = {(name, "x") for name in FLAT} | {(name, "k") for name in STEPS}
    text = PAGE.read_text(encoding="utf-8")
    for line in written(text, "special")[2:]:
        name, _, none = (cell.strip(" `") for cell in line.split("|")[1:4])
        function, at = getattr(special, name), place(name)
        for i, argument in enumerate(arguments(name)):
            if argument in none.split() and known(alone(function, at, i), at[i]):
                assert (name, argument) in steps


def check_each(cases):
    """`check_modes` with each function and its place; all are compiled in one program."""
    functions, places = [f for f, _ in cases], [x for _, x in cases]
    if cases:
        slopes = ad.compile(lambda *xs: [ad.grad(f)(x) for f, x in zip(functions, xs, strict=True)])
        for f, x, compiled in zip(functions, places, slopes(*places), strict=True):
            check_modes(f, x, float(compiled))


def check_modes(f, x, compiled):
    """Forward, reverse, second order, batched and `compiled` agree."""
    slope = float(ad.grad(f)(x))
    close = pytest.approx(slope, rel=1e-9, abs=1e-12)
    assert np.isfinite(slope)
    assert float(ad.jvp(f, (x,), (1.0,))[1]) == close
    assert compiled == close
    batch = ad.vmap(ad.grad(f))(np.array([x, x * 1.001]))
    assert float(batch[0]) == close
    twice = float(ad.grad(ad.grad(f))(x))
    assert np.isfinite(twice)
    assert float(ad.jvp(ad.grad(f), (x,), (1.0,))[1]) == pytest.approx(twice, rel=1e-8, abs=1e-10)
    step = 1e-5 * max(abs(x), 0.1)
    across = (float(ad.grad(f)(x + step)) - float(ad.grad(f)(x - step))) / (2 * step)
    assert twice == pytest.approx(across, rel=1e-4, abs=1e-4 * max(abs(slope), 1e-3))


@pytest.mark.parametrize("name", sorted(set(special.__all__) - SEVERAL - FLAT))
def test_a_special_function_in_every_mode(name):
    function, at = getattr(special, name), place(name)
    each = [(alone(function, at, i), float(x)) for i, x in enumerate(at)]
    check_each([(f, x) for f, x in each if derivable(f, x)])


@pytest.mark.parametrize(("distribution", "methods"), LOGARITHMS)
def test_a_log_probability_in_every_mode(distribution, methods):
    at = point(distribution)
    each = [
        (alone(getattr(distribution, method), at, i), float(at[i]))
        for method in methods
        if hasattr(distribution, method)
        for _, i in variables(distribution)
    ]
    check_each([(f, x) for f, x in each if derivable(f, x)])


def test_adjoint_stats_is_one_place():
    import scipy.stats

    assert ad.stats.norm is stats.norm
    assert set(ad.stats.__all__) == set(stats.__all__)
    found = ad.grad(lambda x: scipy.stats.norm.logpdf(x))(0.5)
    assert float(found) == float(ad.grad(ad.stats.norm.logpdf)(0.5)) == -0.5


TAILS = [1e-300, 1e-30, 1e-10, 1e-3]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # SciPy's, of its quantiles
@pytest.mark.parametrize("distribution", EACH, ids=lambda d: d.name)
def test_logarithms_of_probabilities_near_one(distribution):
    """log(1 - q) is -q for small q, on both sides, with the slope of q."""
    import scipy.stats

    theirs, at = getattr(scipy.stats, distribution.name), point(distribution)[1:]
    if not hasattr(theirs, "pdf") or distribution.name == "vonmises":
        pytest.skip("whole numbers, or SciPy's values are not exact in the tails")
    for place_of, small, log in (("ppf", "cdf", "logsf"), ("isf", "sf", "logcdf")):
        with np.errstate(all="ignore"):
            places = getattr(theirs, place_of)(TAILS, *at)
        for x in map(float, places):
            try:
                q = float(getattr(distribution, small)(x, *at))
            except ad.errors.NotDifferentiableError:
                continue
            if not 0 < q < 0.01:  # where SciPy gives no such place
                continue
            f = getattr(distribution, log)
            assert float(f(x, *at)) == pytest.approx(np.log1p(-q), rel=1e-12)
            slope = -float(ad.grad(getattr(distribution, small))(x, *at)) / (1 - q)
            assert float(ad.grad(f)(x, *at)) == pytest.approx(slope, rel=1e-9, abs=1e-307)


def test_float32_logarithms_of_small_probabilities():
    x = np.float32(200.0)
    found = ad.stats.gamma.logsf(x, np.float32(2.0))
    assert found.dtype == np.float32
    assert float(found) == pytest.approx(-200 + np.log(201), rel=1e-6)


def test_ends_of_the_support():
    logcdf = ad.grad(ad.stats.gamma.logcdf)
    assert float(ad.stats.gamma.logcdf(0.0, 2.0)) == -np.inf
    assert float(logcdf(0.0, 2.0)) == np.inf
    a, b = -0.6, 1.9
    for end in (a, b):
        density = float(ad.stats.truncnorm.pdf(end, a, b))
        assert float(ad.grad(ad.stats.truncnorm.cdf)(end, a, b)) == pytest.approx(density)
        assert float(ad.grad(ad.stats.truncnorm.sf)(end, a, b)) == pytest.approx(-density)
    by_c = ad.grad(ad.stats.triang.logpdf, 1)(0.0, 0.3)
    assert float(by_c) == pytest.approx(-1 / 0.3)
