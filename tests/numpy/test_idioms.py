"""What people write: functions of NumPy alone, differentiated as they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.fft

import adjoint as ad

pytestmark = pytest.mark.unit

X = np.array([0.7, 1.9, -0.4, 1.2, 0.35, -1.6])


def spectrum(x):
    power = np.abs(np.fft.rfft(x * np.hanning(6))) ** 2
    return np.sum(np.fft.rfftfreq(6) * power) / np.sum(power)


def low_pass(x):
    terms = np.fft.fft(x)
    terms[2:-1] = 0
    return np.sum(np.real(np.fft.ifft(terms)) ** 2)


def convolution_by_transforms(x):
    return np.sum(np.fft.irfft(np.fft.rfft(x, 12) * np.fft.rfft(x[::-1], 12), 12) ** 2)


def derivative_by_transforms(x):
    k = 2j * np.pi * np.fft.fftfreq(x.size)
    return np.sum(np.real(np.fft.ifft(k * np.fft.fft(x))) * np.arange(6))


def shifted(x):
    return np.sum(np.fft.fftshift(x) * np.fft.ifftshift(np.arange(6.0)) ** 2)


def images(x):
    picture = np.outer(x, x[::-1])
    return np.sum(np.abs(np.fft.fft2(picture))[1:3] ** 2)


def cosine_terms(x):
    return np.sum(scipy.fft.dct(x, norm="ortho")[2:] ** 3)


def vectorized(x):
    f = np.vectorize(lambda a, b: a * b if a > b else a - b)
    return np.sum(f(x, 0.5) * f(x, x[::-1] + 0.1))


def decorated(x):
    @np.vectorize
    def soft(a):
        return a - 0.5 if a > 0.5 else 0.0

    return soft(x).sum()


def rows_and_columns(x):
    return np.sum(np.c_[x, x**2, np.ones(6)] * np.r_[1.0, 2.0, x[0]])


def joined(x):
    return np.sum(np.r_[x[:2], 0, x[::-1], 1.0] ** 2 * np.arange(10))


def pieces(x):
    return np.sum(np.piecewise(x, [x < 0, x > 1], [lambda v: v**2, np.exp, 0.5]))


def selected(x):
    return np.sum(np.select([x < 0, x < 1], [np.exp(x), x**2], default=np.sin(x)))


def polynomial(x):
    return np.sum(np.polyval([1.0, -2.0, 0.5], x)) + np.polyval(x, 0.7)


def polynomial_object(x):
    return np.sum(np.poly1d([1.0, -2.0, 0.5])(x)) + np.sum(np.polynomial.Polynomial([1, 2, 3])(x))


def polynomial_of_columns(x):
    c = np.reshape(x, (3, 2))
    return np.sum(np.polynomial.polynomial.polyval(np.array([0.3, 2.0]), c) ** 2)


def chebyshev(x):
    return np.sum(np.polynomial.chebyshev.chebval(np.linspace(-1, 1, 4), x) ** 2)


def zeros_of_a_polynomial(x):
    return np.sum(np.abs(np.roots(np.append(1.0, x[:3]))))


def fit(x):
    return np.sum(np.polyfit(np.arange(6.0), x, 2) ** 2)


def histogram(x):
    counts, edges = np.histogram(np.arange(6) % 4, bins=4, weights=x)
    return np.sum(counts**2 * edges[1:])


def counted(x):
    return np.sum(np.bincount(np.array([0, 2, 2, 1, 0, 1]), weights=x, minlength=4) ** 2)


def slopes(x):
    return np.sum(np.gradient(x, 0.1) ** 2) + np.sum(np.ediff1d(x) ** 2)


def smoothed(x):
    return np.sum(np.convolve(x, np.ones(3) / 3, mode="same") ** 2)


def phases(x):
    return np.sum(np.unwrap(np.angle(np.exp(3j * np.cumsum(x)))) * np.arange(6))


def lanes(x):
    return np.sum(np.apply_along_axis(lambda v: v / np.sum(v**2), 1, x.reshape(2, 3))[:, 0])


def scattered(x):
    total = np.zeros(4)
    np.add.at(total, [0, 1, 1, 3, 3, 3], x)
    return np.sum(total**2)


def put_in_place(x):
    a = np.zeros((3, 3))
    np.fill_diagonal(a, x[:3])
    np.put(a, [1, 2], x[3:5])
    np.copyto(a[2], x[:3] ** 2)
    return np.sum(a @ a)


def masked_in_place(x):
    a = x.copy()
    np.putmask(a, a < 0, a**2)
    np.place(a, a > 1, [x[0], x[1] ** 2])
    return np.sum(a**2)


def inserted(x):
    return np.sum(np.insert(np.delete(x, [1, 4]), 2, x[1] ** 2) * np.arange(5))


def growth(x):
    a = np.array([[0.5, x[0], 0.1], [x[1], 0.2, 0.0], [0.1, 0.3, x[2]]])
    return np.max(np.abs(np.linalg.eigvals(a)))


def modes(x):
    w, v = np.linalg.eig(np.diag(x[:3]) + 0.1 * np.outer(x[3:], x[:3]))
    return np.sum(np.real(w) ** 3) + np.sum(np.abs(v) ** 4)


def tensor_equation(x):
    a = np.eye(6).reshape(2, 3, 6) + 0.1 * x
    return np.sum(np.linalg.tensorsolve(a, np.ones((2, 3))) ** 2)


def quantiles(x):
    return np.percentile(x, 30) + np.nanmedian(np.where(x < -1, np.nan, x)) * np.quantile(x, 0.9)


def covariance(x):
    return np.sum(np.cov(x[:3], x[3:]) ** 2) + np.corrcoef(x[:3], x[3:])[0, 1]


def averaged(x):
    mean, whole = np.average(x, weights=x**2, returned=True)
    return mean * whole


def ranges(x):
    return np.sum(np.linspace(x[0], x[1], 5) ** 2) + np.sum(np.geomspace(x[0], x[3], 4) ** 2)


def windows(x):
    return np.sum(np.prod(np.lib.stride_tricks.sliding_window_view(x, 3), axis=1))


def ratios(x):
    return np.divide.reduce(x) + np.sum(np.multiply.accumulate(x)) + np.subtract.outer(x, x)[0, 1]


def counted_masks(x):
    return np.sum(x, where=x > 0) * np.max(x, initial=1.0) + np.mean(x, where=x < 1.5)


def padded(x):
    return np.sum(np.pad(x, 2, mode="reflect", reflect_type="odd") ** 2 * np.arange(10))


def periodic(x):
    return np.sum(np.interp(x, [0.0, 1.0, 2.0], [0.0, 2.0, 1.0], period=3.0) ** 2)


def scaled(x):
    mantissa, exponent = np.frexp(x)
    return np.sum(np.ldexp(mantissa, exponent) * mantissa)


def sets(x):
    return np.sum(np.unique(np.concatenate([x, x]))[:3] ** 2) + np.sum(np.union1d(x[:2], x[1:])[2:])


def integers_stay_free(x):
    found = x[np.nonzero(x)] ** 2
    order = np.lexsort((x,))
    return np.sum(found * np.arange(6)) + np.sum(x[order] * np.digitize(x, [0.0, 1.0]))


def spaced(x):
    return np.sum(np.arange(x[0], x[1], 0.5) ** 2) + np.sum(np.kaiser(6, 2 + x[2]) * x)


def enumerated(x):
    return sum(value**2 * place[0] for place, value in np.ndenumerate(x))


def masked_terms(x):
    terms = np.fft.rfft(np.sqrt(np.abs(x)))
    kept = np.where(np.arange(4) % 2 == 0, np.abs(terms), 0.0)
    return np.sum(kept * np.arange(1, 5))


def masked_signal(x):
    mask = np.array([True, False, True, False, True, False])  # of which most terms cancel
    return np.sum(np.real(np.fft.fft(np.where(mask, x**2, 0.0)) * np.exp(1j * np.arange(6))))


IDIOMS: dict[str, Callable[[Any], Any]] = {
    name: function
    for name, function in list(globals().items())
    if getattr(function, "__module__", "") == __name__ and callable(function)
}


@pytest.mark.parametrize("name", IDIOMS)
def test_gradient(name):
    f = IDIOMS[name]
    with np.errstate(all="ignore"):
        slope = [(f(X + h) - f(X - h)) / 2e-6 for h in 1e-6 * np.eye(6)]
        value = f(X)
    found, gradient = ad.value_and_grad(f)(X)
    np.testing.assert_allclose(float(found), value, rtol=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-6)
    tangent = ad.jvp(f, (X,), (np.arange(6.0),))[1]
    np.testing.assert_allclose(
        float(tangent), np.arange(6) @ gradient.numpy(), rtol=1e-9, atol=1e-12
    )


def test_an_untaken_branch_does_not_spread_through_a_transform():
    """The derivative of the root at 0 is infinite, but that branch is not taken."""

    def f(x):
        taken = np.where(x > 0, np.sqrt(x), 0.0)
        return np.sum(np.abs(np.fft.rfft(taken)) ** 2)

    gradient = ad.grad(f)(np.array([0.0, 4.0, 1.0, 0.0])).numpy()
    assert np.isfinite(gradient).all()
    assert gradient[0] == gradient[3] == 0


def test_what_has_no_derivative_is_an_error_not_a_zero():
    for f, said in (
        (lambda x: np.sum(np.packbits(x > 0)) * np.sum(x), "packbits"),
        (lambda x: np.sum(np.unpackbits(x > 0)) * np.sum(x), "unpackbits"),
    ):
        with pytest.raises((LookupError, TypeError), match=said):
            ad.grad(f)(X)
