"""Discrete draws: their distribution, and that no derivative by a parameter is ever a silent 0."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st

import adjoint as ad
from adjoint.errors import DTypeError, NotDifferentiableError, RangeError, ShapeError
from tests.random.distributions import DISCRETE

pytestmark = pytest.mark.unit

KEY = ad.random.key(12)
every = pytest.mark.parametrize("case", DISCRETE, ids=str)


def drawn(case, *parameters, shape=None, key=KEY):
    return getattr(ad.random, case.name)(key, *parameters, shape=shape)


def fit(x, exact):
    """The p-value of the counts of the values of x, rare ones together."""
    low, high = int(exact.ppf(1e-3)), int(exact.ppf(1 - 1e-3))
    values = np.arange(low, high + 1)
    seen = np.array([np.count_nonzero(x == v) for v in values])
    expected = exact.pmf(values) * x.size
    often = expected > 10
    seen = np.append(seen[often], x.size - seen[often].sum())
    expected = np.append(expected[often], x.size - expected[often].sum())
    kept = expected > 1e-9
    assert seen[~kept].sum() == 0
    return st.chisquare(seen[kept], expected[kept]).pvalue


@every
def test_the_draws_have_the_distribution(case):
    x = np.asarray(drawn(case, *case.parameters, shape=20_000))
    assert x.dtype == (bool if case.name == "bernoulli" else np.int64)
    assert fit(x, case.scipy(*case.parameters)) > 1e-3


@every
@pytest.mark.native
def test_every_engine_draws_the_same(case):
    with ad.options(native="never"):
        expected = np.asarray(drawn(case, *case.parameters, shape=(3, 50)))
    compiled = ad.compile(lambda key, *p: drawn(case, *p, shape=(3, 50), key=key))
    np.testing.assert_array_equal(compiled(KEY, *case.parameters), expected)
    keys = ad.random.split(KEY, 3)
    mapped = ad.vmap(lambda key: drawn(case, *case.parameters, shape=4, key=key))
    expected = np.stack([np.asarray(drawn(case, *case.parameters, shape=4, key=k)) for k in keys])
    np.testing.assert_array_equal(mapped(keys), expected)
    np.testing.assert_array_equal(ad.compile(mapped)(keys), expected)


@every
def test_shapes(case):
    assert drawn(case, *case.parameters).shape == ()
    assert drawn(case, *case.parameters, shape=(0, 2)).shape == (0, 2)


REAL = [case for case in DISCRETE if case.name != "integers"]


@pytest.mark.parametrize("case", REAL, ids=str)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_derivative_by_a_parameter_is_refused(case, compiled):
    wrap = ad.compile if compiled else lambda f: f
    for place, value in enumerate(case.parameters):

        def loss(x, place=place):
            given = [x if i == place else p for i, p in enumerate(case.parameters)]
            return ad.sum(x * drawn(case, *given, shape=3))

        message = rf"random\.{case.name}: .*stop_gradient.*score.*random\.md"
        with pytest.raises(NotDifferentiableError, match=message):
            wrap(ad.grad(loss))(float(value))
        with pytest.raises(NotDifferentiableError, match=message):
            wrap(lambda x, f=loss: ad.jvp(f, (x,), (1.0,))[1])(float(value))
        with pytest.raises(NotDifferentiableError, match=message):
            ad.grad(wrap(loss))(float(value))
        held = ad.grad(lambda x, f=drawn, p=case.parameters: ad.sum(x * f(case, *p, shape=3)))
        expected = np.sum(np.asarray(drawn(case, *case.parameters, shape=3)))
        np.testing.assert_allclose(wrap(held)(float(value)), expected)


def in_scan(rate):
    def step(total, key):
        return total + rate * ad.random.poisson(key, rate), None

    return ad.scan(step, 0.0, ad.random.split(KEY, 3))[0]


def in_loop(rate):
    def step(i, total):
        return total + rate * ad.random.poisson(ad.random.fold_in(KEY, i), rate)

    return ad.fori_loop(0, 3, step, 0.0)


def in_branch(rate):
    return ad.cond(rate > 0, lambda r: r * ad.random.poisson(KEY, r), lambda r: r, rate)


def in_vmap(rate):
    return ad.sum(ad.vmap(lambda key: rate * ad.random.poisson(key, rate))(ad.random.split(KEY, 2)))


def in_while(rate):
    def step(state):
        return state[0] + 1, state[1] + rate * ad.random.poisson(KEY, rate)

    return ad.while_loop(lambda state: state[0] < 2, step, (0, 0.0))[1]


def in_checkpoint(rate):
    return ad.checkpoint(lambda r: r * ad.random.poisson(KEY, r))(rate)


@pytest.mark.parametrize("f", [in_scan, in_loop, in_branch, in_vmap, in_while, in_checkpoint])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_derivative_within_loops_and_branches_is_refused(f, compiled):
    wrap = ad.compile if compiled else lambda f: f
    assert float(wrap(f)(2.0)) == float(f(2.0))
    with pytest.raises(NotDifferentiableError, match="stop_gradient"):
        wrap(ad.grad(f))(2.0)
    with pytest.raises(NotDifferentiableError, match="stop_gradient"):
        wrap(lambda x: ad.jvp(f, (x,), (1.0,))[1])(2.0)


def test_a_sparse_jacobian_is_refused():
    """Its pattern, which is found before any sweep, would be empty."""
    rates = np.array([1.0, 2.0, 3.0])
    counts = lambda r: ad.astype(ad.random.poisson(KEY, r), "float64")
    with pytest.raises(NotDifferentiableError, match="stop_gradient"):
        ad.jacobian(counts, sparse=True)(rates)
    held = lambda r: r * counts(ad.stop_gradient(r))
    found = ad.jacobian(held, sparse=True)(rates).toarray()
    np.testing.assert_allclose(found, np.diag(np.asarray(counts(rates))))


def test_the_taylor_coefficients_are_refused():
    with pytest.raises(NotDifferentiableError, match="stop_gradient"):
        ad.taylor(lambda r: r * ad.random.poisson(KEY, r), (2.0,), (1.0,), 2)


def test_the_score_function_estimates_the_gradient():
    """d/dλ E[x²] = 2 λ + 1 for a Poisson variable."""

    def surrogate(lam):
        x = ad.random.poisson(KEY, ad.stop_gradient(lam), shape=100_000)
        log_probability = x * ad.log(lam) - lam
        return ad.mean(ad.stop_gradient(x * x) * log_probability)

    np.testing.assert_allclose(float(ad.grad(surrogate)(3.0)), 7.0, atol=0.3)


def test_what_does_not_depend_on_the_draw_is_not_refused():
    def loss(rate):
        count = ad.random.poisson(KEY, rate)
        return rate * 2.0, count

    assert float(ad.grad(loss, has_aux=True)(1.5)[0]) == 2.0


def test_stopped_parameters_are_not_refused_in_any_form():
    held = lambda r: r * ad.random.poisson(KEY, 2 * ad.stop_gradient(r) + 1)
    count = float(ad.random.poisson(KEY, 5.0))
    for derivative in (ad.grad(held), ad.compile(ad.grad(held)), ad.grad(ad.compile(held))):
        assert float(derivative(2.0)) == count


def test_categories_have_their_probabilities():
    p = np.array([0.1, 0.6, 0.3])
    x = np.asarray(ad.random.categorical(KEY, np.log(p), shape=20_000))
    assert st.chisquare(np.bincount(x), p * x.size).pvalue > 1e-3
    logits = np.log(np.stack([p, p[::-1]]))
    assert ad.random.categorical(KEY, logits).shape == (2,)
    assert ad.random.categorical(KEY, logits, axis=0).shape == (3,)
    certain = ad.random.categorical(KEY, np.array([-np.inf, 0.0]), shape=50)
    assert np.all(np.asarray(certain) == 1)
    with pytest.raises(NotDifferentiableError, match=r"random\.categorical.*'logits'"):
        ad.grad(lambda z: ad.sum(z[ad.random.categorical(KEY, z)]))(np.log(p))


def test_multinomial_counts_add_up_and_are_binomial():
    p = np.array([0.2, 0.3, 0.0, 0.5])
    x = np.asarray(ad.random.multinomial(KEY, 12, p, shape=10_000))
    assert np.all(x.sum(-1) == 12)
    assert np.all(x[:, 2] == 0)
    for i in (0, 1, 3):
        assert fit(x[:, i], st.binom(12, p[i])) > 1e-3
    assert np.corrcoef(x[:, 0], x[:, 1])[0, 1] == pytest.approx(-np.sqrt(3 / 28), abs=0.03)
    assert ad.random.multinomial(KEY, [3, 4], [1.0]).shape == (2, 1)
    np.testing.assert_array_equal(ad.random.multinomial(KEY, [3, 4], [1.0]), [[3], [4]])


def test_integers_of_every_width():
    for dtype in ("int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"):
        info = np.iinfo(dtype)
        draw = lambda info=info, dtype=dtype: ad.random.integers(
            KEY, info.min, info.max, endpoint=True, shape=500, dtype=dtype
        )
        x = np.asarray(draw())
        assert x.dtype == dtype
        middle = (x.astype(float) - info.min) / (float(info.max) - info.min)
        assert st.kstest(middle, "uniform").pvalue > 1e-3
        np.testing.assert_array_equal(ad.compile(draw)(), x)
    x = np.asarray(ad.random.integers(KEY, np.array([-5, 100]), np.array([-2, 101]), shape=(99, 2)))
    assert set(x[:, 0]) == {-5, -4, -3}
    assert set(x[:, 1]) == {100}


@pytest.mark.native
def test_bounds_of_integers_may_be_traced():
    draw = lambda low, high: ad.random.integers(KEY, low, high, shape=400)
    for low, high in ((-3, 4), (ad.asarray(-3), 4), (-3, np.int32(4))):
        np.testing.assert_array_equal(ad.compile(draw)(low, high), draw(-3, 4))
    with pytest.raises(RangeError, match="no integer from 5 up to 5"):
        ad.compile(draw)(5, 5)
    with pytest.raises(RangeError, match="does not fit into int8"):
        ad.random.integers(KEY, ad.asarray(300), dtype="int8").numpy()
    huge = ad.random.integers(KEY, [2**63, 5], [2**64, 6], dtype="uint64")
    assert int(huge[0]) >= 2**63
    assert int(huge[1]) == 5


@pytest.mark.parametrize("lam", [0.0, 1e-6, 0.3, 9.7, 1e6, 1e12, 1e15])
def test_counts_of_any_size(lam):
    x = np.asarray(ad.random.poisson(KEY, lam, shape=3000))
    if lam > 100:
        assert st.kstest((x - lam) / lam**0.5, "norm").pvalue > 1e-3
    else:
        np.testing.assert_allclose(x.mean(), lam, atol=4 * (lam / 3000) ** 0.5)
    u = (np.arange(20_000) + 0.5) / 20_000
    from adjoint.ops.random.quantiles import _poisson

    if lam <= 1e6:
        np.testing.assert_array_equal(_poisson(u, lam), st.poisson.ppf(u, lam))


def test_signs_are_even():
    x = np.asarray(ad.random.rademacher(KEY, shape=10_000, dtype="float32"))
    assert x.dtype == np.float32
    assert set(x) == {-1.0, 1.0}
    assert abs(x.sum()) < 400


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.random.poisson(KEY, -1.0), RangeError, "lam must be 0 or positive, got -1.0"),
        (lambda: ad.random.bernoulli(KEY, 1.5), RangeError, "p must be from 0 to 1"),
        (lambda: ad.random.binomial(KEY, -1, 0.5), RangeError, "n must be 0 or positive"),
        (
            lambda: ad.random.poisson(KEY, 1e16).numpy(),
            RangeError,
            "from 0 to 1e[+]15, got",
        ),
        (lambda: ad.random.geometric(KEY, 1e-20).numpy(), RangeError, "not fit into int64"),
        (lambda: ad.random.geometric(KEY, 0.0), RangeError, "above 0, up to 1"),
        (lambda: ad.random.negative_binomial(KEY, 0, 0.5), RangeError, "n must be positive"),
        (lambda: ad.random.multinomial(KEY, 3, [0.5, 0.4]), RangeError, "of sum 1"),
        (lambda: ad.random.multinomial(KEY, 3, 0.5), ShapeError, "axis of categories"),
        (lambda: ad.random.categorical(KEY, 0.5), ShapeError, "axis of categories"),
        (lambda: ad.random.integers(KEY, 5, 5), RangeError, "no integer from 5 up to 5"),
        (lambda: ad.random.integers(KEY, 0.5), DTypeError, "high must be integers"),
        (lambda: ad.random.integers(KEY, 300, dtype="int8"), RangeError, "does not fit into int8"),
        (lambda: ad.random.integers(KEY, 3, dtype="float32"), DTypeError, "integer dtype"),
        (lambda: ad.random.integers(KEY, (3,)), ad.errors.ArgumentError, r"shape=\(3,\)"),
        (lambda: ad.random.rademacher(KEY, dtype="uint8"), DTypeError, "signed or floating"),
    ],
)
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.native
def test_traced_parameters_out_of_range_are_an_error_when_run():
    for draw in (ad.random.poisson, lambda key, lam: ad.random.binomial(key, 3, lam)):
        with pytest.raises(RangeError, match=r"not valid|lam must be"):
            ad.compile(lambda lam, f=draw: f(KEY, lam))(-1.0)
        with pytest.raises(RangeError, match=r"not valid|lam must be"):
            draw(KEY, ad.asarray(np.nan)).numpy()
