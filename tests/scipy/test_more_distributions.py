"""The less common continuous distributions of scipy.stats, all methods of each in one case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import scipy.stats

import adjoint as ad
from tests.scipy.checks import (
    check_compiled,
    check_forward,
    check_reverse,
    check_second,
    check_single,
    check_value,
)
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

LOC, SCALE = 0.3, 1.7
Q = np.array([0.11, 0.43, 0.86])
SHAPES: dict[str, tuple[float, ...]] = {
    "anglit": (), "arcsine": (), "betaprime": (1.7, 3.4), "bradford": (1.4,), "burr": (3.4, 1.3),
    "burr12": (2.4, 1.8), "chi": (2.6,), "cosine": (), "crystalball": (1.3, 2.8),
    "dweibull": (1.7,), "erlang": (3,), "exponnorm": (1.4,), "exponpow": (1.6,),
    "exponweib": (1.3, 1.7), "fatiguelife": (0.7,), "fisk": (3.4,), "foldcauchy": (1.2,),
    "foldnorm": (1.1,), "gengamma": (1.4, 1.8), "genextreme": (0.3,), "genlogistic": (1.7,),
    "gennorm": (1.4,), "genpareto": (0.3,), "gibrat": (), "gompertz": (0.6,), "halfcauchy": (),
    "halfgennorm": (1.6,), "halflogistic": (), "hypsecant": (), "invgauss": (0.8,),
    "invweibull": (3.6,), "johnsonsb": (0.4, 1.3), "johnsonsu": (0.4, 1.7),
    "laplace_asymmetric": (1.4,), "levy": (), "levy_l": (), "loggamma": (1.4,),
    "loglaplace": (3.2,), "loguniform": (0.5, 3.0), "moyal": (), "nakagami": (1.3,),
    "ncx2": (2.6, 1.4), "powerlaw": (1.7,), "powerlognorm": (1.6, 0.7), "powernorm": (1.7,),
    "rice": (0.9,), "semicircular": (),
    "skewcauchy": (0.4,), "skewnorm": (1.3,), "truncexpon": (3.1,), "vonmises": (1.3,), "wald": (),
    "weibull_max": (1.8,),
}  # fmt: skip
DENSITIES = ("pdf", "logpdf", "cdf", "logcdf", "sf", "logsf")
BY_SHAPE_ONCE = ("betaprime", "chi", "erlang", "gengamma", "gennorm", "halfgennorm", "loggamma",
                 "nakagami")  # fmt: skip
"""Incomplete gamma and beta functions have no third derivative by a shape."""
NO_MOMENTS = ("crystalball", "exponpow", "exponweib", "foldcauchy", "gompertz", "halfcauchy",
              "johnsonsb", "levy", "levy_l", "powerlognorm", "powernorm", "skewcauchy",
              "vonmises")  # fmt: skip
ENTROPY = ("anglit", "arcsine", "bradford", "chi", "cosine", "dweibull", "erlang", "fisk",
           "gengamma", "genextreme", "gennorm", "genpareto", "gibrat", "gompertz", "halfcauchy",
           "halfgennorm", "halflogistic", "hypsecant", "invweibull", "laplace_asymmetric", "levy",
           "levy_l", "loggamma", "loglaplace", "loguniform", "nakagami", "powerlaw",
           "semicircular", "truncexpon")  # fmt: skip


def places(name: str) -> Any:
    """Where densities are asked: near quantiles, and at no kink."""
    return getattr(scipy.stats, name).ppf(Q, *SHAPES[name]) * SCALE + LOC


def several(name: str, methods: Sequence[str]) -> Any:
    def call(s: Any, x: Any, loc: Any, scale: Any, *shapes: Any) -> Any:
        of = getattr(s.stats, name)
        return tuple(getattr(of, m)(x, *shapes, loc=loc, scale=scale) for m in methods)

    return call


def summaries(name: str) -> Any:
    methods = ("mean", "var") if name not in NO_MOMENTS else ()
    methods += ("entropy",) if name in ENTROPY else ()

    def call(s: Any, q: Any, loc: Any, scale: Any, *shapes: Any) -> Any:
        of = getattr(s.stats, name)(*shapes, loc=loc, scale=scale)
        return (of.ppf(q), of.isf(q), *(getattr(of, m)() for m in methods))

    return call


FIXED = {"erlang": 1, "ncx2": 1}
"""How many shapes come first by which nobody differentiates."""


def case(name: str, call: Any, x: Any) -> Case:
    fixed, shapes = SHAPES[name][: FIXED.get(name, 0)], SHAPES[name][FIXED.get(name, 0) :]

    def of_others(s: Any, x: Any, loc: Any, scale: Any, *shapes: Any) -> Any:
        return call(s, x, loc, scale, *fixed, *shapes)

    return Case(name, of_others, [x, LOC, SCALE, *shapes], rtol=1e-10, step=2.0**-9)


DENSITY_CASES = [case(name, several(name, DENSITIES), places(name)) for name in SHAPES]
QUANTILE_CASES = [case(name, summaries(name), Q) for name in SHAPES]
named = {"ids": lambda case: case.name}


@pytest.mark.parametrize("case", DENSITY_CASES, **named)
def test_densities(case):
    check_value(case)
    check_reverse(case)


@pytest.mark.parametrize("case", QUANTILE_CASES, **named)
def test_quantiles_and_moments(case):
    check_value(case)


@pytest.mark.parametrize("name", SHAPES)
def test_quantiles_undo_probabilities(name):
    """Probabilities of quantiles move as these do, and not with the parameters."""
    of = getattr(ad.stats, name)

    def probabilities(q: Any, *shapes: Any) -> Any:
        return ad.sum(of.cdf(of.ppf(q, *shapes), *shapes) - of.sf(of.isf(q, *shapes), *shapes) / 2)

    shapes = SHAPES[name]
    moving = [i for i in range(1 + len(shapes)) if not 0 < i <= FIXED.get(name, 0)]
    by_q, *others = ad.grad(probabilities, tuple(moving))(Q, *map(float, shapes))
    np.testing.assert_allclose(by_q, 0.5, rtol=1e-8)
    np.testing.assert_allclose([*map(float, others)], 0, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("case", [*DENSITY_CASES, *QUANTILE_CASES], **named)
@pytest.mark.parametrize(
    "check", [check_reverse, check_forward, check_single, check_compiled, check_second]
)
def test_every_mode(case, check):
    if check is not check_second or case.name not in BY_SHAPE_ONCE:
        check(case)


def test_the_limit_between_signs_of_the_shape():
    """genpareto and genextreme at c = 0 are the exponential and Gumbel's, with slopes by c."""
    for name, limit in (("genpareto", "expon"), ("genextreme", "gumbel_r")):
        ours, theirs = getattr(ad.stats, name), getattr(ad.stats, limit)
        x = np.array([0.2, 0.9, 2.3])
        for method in (*DENSITIES, "ppf", "isf"):
            at = x if method in DENSITIES else Q
            f = lambda c, m=method, at=at, ours=ours: getattr(ours, m)(at, c)
            np.testing.assert_allclose(f(0.0), getattr(theirs, method)(at), rtol=1e-13)
            slope = ad.jvp(f, (0.0,), (1.0,))[1].numpy()
            near = (f(1e-4).numpy() - f(-1e-4).numpy()) / 2e-4
            np.testing.assert_allclose(slope, near, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "c", "end"), [("genpareto", -1.0, 1.0), ("genextreme", 1.0, 1.0)])
def test_densities_that_jump_at_the_end(name, c, end):
    """There the density is that inside, and the slope of `cdf` is the density."""
    of = getattr(ad.stats, name)
    np.testing.assert_allclose(of.pdf(end, c), 1.0)
    np.testing.assert_allclose(of.logpdf(end, c), 0.0, atol=1e-15)
    np.testing.assert_allclose(ad.grad(lambda x: of.cdf(x, c))(end), 1.0)


@pytest.mark.parametrize("name", sorted(set(SHAPES) - {"vonmises"}))
def test_far_outside(name):
    """At ±∞ there is nothing to the one side and all to the other; slopes are 0."""
    of, x = getattr(ad.stats, name), np.array([-np.inf, np.inf])
    shapes = SHAPES[name]
    np.testing.assert_array_equal(of.pdf(x, *shapes), [0, 0])
    np.testing.assert_array_equal(of.cdf(x, *shapes), [0, 1])
    np.testing.assert_array_equal(of.logsf(x, *shapes), [0, -np.inf])
    both = ad.grad(lambda x: ad.sum(of.pdf(x, *shapes) + of.cdf(x, *shapes)))(x)
    np.testing.assert_array_equal(both, [0, 0])


def test_a_quantile_without_a_formula_under_vmap_and_compiled():
    def f(a):
        return ad.stats.skewnorm.ppf(0.3, a)

    a = np.array([-1.0, 0.5, 2.0])
    expected = [float(ad.grad(f)(x)) for x in a]
    np.testing.assert_allclose(ad.compile(ad.vmap(ad.grad(f)))(a), expected, rtol=1e-12)
    np.testing.assert_allclose(ad.compile(ad.vmap(ad.grad(f)))(a[:2]), expected[:2], rtol=1e-12)
