"""Errors of floating numbers do not come while a function is traced: who waits for them is told."""

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError

pytestmark = pytest.mark.unit

X = np.array([0.7, 1.2, 2.3])


def inside(x):
    with np.errstate(all="raise"):
        try:
            return np.sum(np.log(x - x[0] - 1))
        except FloatingPointError:
            return np.sum(x**3)


def around(x):
    try:
        with np.errstate(divide="raise"):
            return np.sum(np.log(x))
    except Exception:
        return np.sum(x**3)


def for_good(x):
    kept = np.seterr(all="raise")
    try:
        return np.sum(np.log(x))
    except ArithmeticError:
        return np.sum(x**3)
    finally:
        np.seterr(**kept)


def free(x):
    with np.errstate(all="ignore"), np.errstate(divide="raise"):
        return np.sum(np.log(x))


def test_a_branch_that_waits_for_them_is_not_left_out_in_silence():
    for f in (inside, around, for_good):
        for g in (ad.grad(f), ad.jacfwd(f), ad.compile(f)):
            with pytest.raises(ArgumentError, match=r'numpy\.(errstate|seterr): "raise"'):
                g(X)
    assert np.geterr()["divide"] != "raise"
    np.testing.assert_allclose(ad.grad(free)(X), 1 / X)
