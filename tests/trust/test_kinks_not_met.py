"""A kink at which nothing varies is none: no warning, and the true second derivative."""

import warnings

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import KinkWarning
from tests.trust.test_second_order_at_kinks import MODES

pytestmark = pytest.mark.unit


def filled(x):
    out = np.zeros(4)
    out[1] = x[0] ** 2
    out[3:] = x[1]
    return out


NOT_MET = {
    "an element": lambda x, out: np.abs(out[0]) * x[0] + out[1],
    "a part": lambda x, out: np.sum(np.abs(out[::2])) * x[0] + out[1],
    "computed": lambda x, out: abs(2 * out[2] - out[0]) * x[0] + out[1],
    "a norm": lambda x, out: np.linalg.norm(out[::2]) * x[0] + out[1],
    "a maximum": lambda x, out: np.maximum(out[0], 0.0) * x[0] + out[1],
}


@pytest.mark.parametrize("mode", MODES)
def test_what_nobody_wrote_is_at_no_kink(mode):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, f in NOT_MET.items():
            found = MODES[mode](lambda x, f=f: f(x, filled(x)))(np.array([1.3, 0.5]))
            np.testing.assert_allclose(found, [[2, 0], [0, 0]], err_msg=name)


@pytest.mark.parametrize("mode", MODES)
def test_bounds_that_were_computed_before_are_known(mode):
    """A slice that has its value has forgotten what it was read from."""
    written = ad.zeros(4)
    written[2] = 0.25
    low, high, part = ad.evaluate([ad.asarray([0.0, 0.5])[1], ad.asarray([[2.0, 9.0]])[0], written])
    for f in (
        lambda x: ad.sum(ad.clip(x, low, high) ** 3),
        lambda x: ad.sum(ad.clip(x, part[2], part[2] + 8) ** 3),
    ):
        found = MODES[mode](f)(np.array([1.3, 0.75]))
        np.testing.assert_allclose(found, np.diag([7.8, 4.5]))


def test_what_was_written_is_at_its_kink():
    f = lambda x: np.abs(filled(x)[3]) * x[0]
    with pytest.warns(KinkWarning):
        assert np.isnan(np.asarray(ad.hessian(f)(np.array([1.3, 0.0])))).any()
