"""Forms and factors of matrices, and Kelvin's functions, against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import adjoint as ad
from adjoint.scipy import linalg, special

pytestmark = pytest.mark.unit

rng = np.random.default_rng(3)
A = rng.normal(size=(4, 4))
C = A + 1j * rng.normal(size=(4, 4))
HOLLOW = A * (1 - 0.99 * np.eye(4))  # so that blocks of two rows are chosen


def size(x):
    return ad.real(x * ad.conj(x)) if isinstance(x, ad.Tensor) else np.abs(x) ** 2


def squares(f):
    """Of complex factors what does not depend on the turn of columns."""
    return lambda s, x: tuple(map(size, f(s, x)))


CASES = {
    "schur": (lambda s, x: s.schur(x), A),
    "schur, sorted": (lambda s, x: s.schur(x, sort="lhp")[:2], A),
    "schur, complex": (squares(lambda s, x: s.schur(x)), C),
    "schur, to complex": (squares(lambda s, x: s.schur(x, output="complex")), A),
    "hessenberg": (lambda s, x: s.hessenberg(x, calc_q=True), A),
    "hessenberg, complex": (squares(lambda s, x: s.hessenberg(x, calc_q=True)), C),
    "ldl": (lambda s, x: s.ldl(x + x.T)[:2], A),
    "ldl, upper, blocks": (lambda s, x: s.ldl(x + x.T, lower=False)[:2], HOLLOW),
    "ldl, blocks": (lambda s, x: s.ldl(x + x.T)[:2], HOLLOW),
}


def test_the_cases_have_blocks():
    assert np.any(np.diag(scipy.linalg.schur(A)[0], -1))
    assert np.any(np.diag(scipy.linalg.ldl(HOLLOW + HOLLOW.T)[1], -1))


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives(name):
    f, x = CASES[name]
    d = rng.normal(size=x.shape) + (1j * rng.normal(size=x.shape) if x.dtype.kind == "c" else 0)
    h = 1e-5
    weights = [rng.normal(size=(4, 4)) for _ in range(2)]

    def loss(x):
        return sum(ad.sum(part * w) for part, w in zip(f(linalg, x), weights, strict=True))

    values, tangents = ad.jvp(lambda x: f(linalg, x), (x,), (d,))
    after, before = f(scipy.linalg, x + h * d), f(scipy.linalg, x - h * d)
    along = 0.0
    for k, expected in enumerate(f(scipy.linalg, x)):
        np.testing.assert_allclose(values[k], expected, atol=1e-13)
        slope = (after[k] - before[k]) / (2 * h)
        np.testing.assert_allclose(tangents[k], slope, rtol=1e-6, atol=1e-7)
        along += np.sum(slope * weights[k])
    gradient = ad.grad(loss)
    found = np.real(np.sum(np.conj(gradient(x)) * d))
    np.testing.assert_allclose(found, along, rtol=1e-6)
    twice = ad.jvp(gradient, (x,), (d,))[1].numpy()
    across = (gradient(x + h * d).numpy() - gradient(x - h * d).numpy()) / (2 * h)
    np.testing.assert_allclose(twice, across, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ad.compile(gradient)(x), gradient(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("lower", [True, False])
def test_the_order_of_rows_is_scipys(lower):
    for x in (A + A.T, HOLLOW + HOLLOW.T):
        found, expected = linalg.ldl(x, lower=lower)[2], scipy.linalg.ldl(x, lower=lower)[2]
        np.testing.assert_array_equal(found, expected)


def test_stacks_small_and_empty_matrices():
    stack = np.stack([A, A + 1])
    expected = [scipy.linalg.schur(a)[0] for a in stack]
    np.testing.assert_allclose(linalg.schur(stack)[0], expected, atol=1e-13)
    np.testing.assert_allclose(ad.vmap(lambda a: linalg.schur(a)[0])(stack), expected, atol=1e-13)
    for n in (0, 1):
        x = np.full((n, n), 2.0)
        for f in (lambda x: linalg.schur(x)[0], linalg.hessenberg, lambda x: linalg.ldl(x)[1]):
            np.testing.assert_array_equal(f(x), x)
            np.testing.assert_array_equal(ad.grad(lambda x, f=f: ad.sum(f(x)))(x), np.ones((n, n)))
    assert linalg.schur(A.astype(np.float32))[0].dtype == np.float32
    assert int(linalg.schur(A, sort="lhp")[2]) == scipy.linalg.schur(A, sort="lhp")[2]


def test_equal_eigenvalues_have_no_derivative():
    with pytest.raises(ad.errors.LinAlgError, match="singular"):
        ad.grad(lambda x: linalg.schur(x)[1][0, 1])(np.eye(2)).numpy()


KELVIN = ("ber", "bei", "ker", "kei", "berp", "beip", "kerp", "keip")


@pytest.mark.parametrize("name", KELVIN)
def test_kelvin_functions(name):
    """At, near and left of 0 too; `kelvin` gives all eight."""
    x = np.array([-1.5, 0.0, 1e-3, 0.7, 3.0, 9.0])
    expected = getattr(scipy.special, name)(x)
    np.testing.assert_allclose(getattr(special, name)(x), expected, rtol=1e-7)
    parts = special.kelvin(x)[KELVIN.index(name) // 4 * 2 + KELVIN.index(name) // 2 % 2]
    part = parts.imag if KELVIN.index(name) % 2 else parts.real
    np.testing.assert_array_equal(part, getattr(special, name)(x))


def test_high_derivatives_of_kelvin_functions_at_zero():
    """ber = 1 - (x/2)⁴/2!² + …, bei = (x/2)² - …"""
    fourth = ad.special.ber
    for _ in range(4):
        fourth = ad.grad(fourth)
    assert float(fourth(0.0)) == pytest.approx(-24 / 64)
    assert float(ad.grad(ad.grad(ad.special.bei))(0.0)) == pytest.approx(0.5)


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_smirnov(n):
    """Values, slopes and curvature by the statistic, and the inverse."""
    d = np.array([-0.1, 0.0, 1e-3, 0.0513, 0.31, 0.77, 1.0, 1.1])
    np.testing.assert_allclose(special.smirnov(n, d), scipy.special.smirnov(n, d), rtol=1e-12)
    h, at = 1e-6, 0.0513
    slope = ad.grad(lambda d: special.smirnov(n, d))
    differences = scipy.special.smirnov(n, [at + h, at - h])
    assert float(slope(at)) == pytest.approx(np.diff(differences)[0] / (-2 * h), rel=1e-7)
    twice = (float(slope(at + h)) - float(slope(at - h))) / (2 * h)
    assert float(ad.grad(slope)(at)) == pytest.approx(twice, rel=1e-6, abs=1e-6)
    p = special.smirnov(n, 0.21)
    assert float(special.smirnovi(n, p)) == pytest.approx(0.21)
    inverse = ad.grad(lambda p: special.smirnovi(n, p))
    assert float(inverse(float(p)) * slope(0.21)) == pytest.approx(1)
    assert float(ad.compile(inverse)(float(p)) * slope(0.21)) == pytest.approx(1)
    assert special.smirnov(n, np.float32(0.2)).dtype == np.float32


def test_smirnov_is_of_whole_numbers():
    with pytest.raises(ad.errors.ArgumentError, match="whole numbers from 1"):
        special.smirnov(2.5, 0.3)
    with pytest.raises(ad.errors.NotDifferentiableError, match="by n"):
        ad.grad(lambda n: special.smirnov(n, 0.3))(2.0)
