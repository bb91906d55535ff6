"""SciPy's functions here take and give bfloat16 as others do: computed in float32, rounded once."""

import numpy as np
import pytest

import adjoint as ad
from adjoint.scipy import fft, integrate, linalg, ndimage, signal, special, stats
from adjoint.scipy.spatial import distance

ml_dtypes = pytest.importorskip("ml_dtypes")
pytestmark = pytest.mark.unit

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
X = np.linspace(0.5, 3, 8).astype(BFLOAT16)
A = (np.eye(4) * 3 + np.arange(16).reshape(4, 4) / 8).astype(BFLOAT16)

CALLS = {
    "trapezoid": lambda x, a: integrate.trapezoid(x),
    "inv": lambda x, a: linalg.inv(a),
    "expm": lambda x, a: linalg.expm(a / 8),
    "qr": lambda x, a: linalg.qr(a),
    "norm": lambda x, a: linalg.norm(a),
    "gaussian_filter": lambda x, a: ndimage.gaussian_filter(a, 1.0),
    "lfilter": lambda x, a: signal.lfilter(x[:3], x[:3], x),
    "detrend": lambda x, a: signal.detrend(x),
    "cdist": lambda x, a: distance.cdist(a, a),
    "logsumexp": lambda x, a: special.logsumexp(x),
    "dct": lambda x, a: fft.dct(x),
    "zscore": lambda x, a: stats.zscore(x),
    "pearsonr": lambda x, a: tuple(stats.pearsonr(x, x[::-1])),
}


def parts(found):
    return found if isinstance(found, tuple) else (found,)


def test_functions_round_once_what_they_computed_in_float32():
    wide = X.astype(np.float32), A.astype(np.float32)
    for name, f in CALLS.items():
        for found, expected in zip(parts(f(X, A)), parts(f(*wide)), strict=True):
            assert found.dtype == BFLOAT16, name
            np.testing.assert_array_equal(
                found, np.asarray(expected).astype(BFLOAT16), err_msg=name
            )


def test_the_gradient_is_that_in_float32_rounded_once():
    f = lambda x: ad.sum(signal.convolve(x, x) ** 2)
    wide = X.astype(np.float32)
    found, expected = ad.grad(f)(X), ad.grad(f)(wide)
    assert found.dtype == BFLOAT16
    np.testing.assert_allclose(found.astype(np.float32), expected, rtol=2**-7)
