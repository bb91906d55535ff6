"""Errors of floating numbers do not come while a function is traced: who waits for them is told."""

import contextlib

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


ERRORS = (OverflowError, FloatingPointError)


def bare(x):
    try:
        with np.errstate(divide="raise"):
            return np.sum(np.log(x))
    except:  # noqa: E722  # as users write it
        return np.sum(x**3)


def bare_inside(x):
    for power in (2, 3):
        with np.errstate(all="raise"):
            try:
                x = np.log(x**power)
            except:  # noqa: E722  # as users write it
                continue
    return np.sum(x)


def all_inside(x):
    with np.errstate(all="raise"):
        try:
            return np.sum(np.log(x))
        except (KeyError, Exception):
            return np.sum(x**3)


def base(x):
    try:
        with np.errstate(divide="raise"):
            return np.sum(np.log(x))
    except BaseException:
        return np.sum(x**3)


def named_elsewhere(x):
    try:
        with np.errstate(divide="raise"):
            return np.sum(np.log(x))
    except ERRORS:
        return np.sum(x**3)


def computed(x):
    try:
        with np.errstate(divide="raise"):
            return np.sum(np.log(x))
    except tuple([FloatingPointError]):
        return np.sum(x**3)


def around_a_helper(x):
    def helper(x):
        with np.errstate(divide="raise"):
            return np.sum(np.log(x))

    try:
        return helper(x)
    except:  # noqa: E722  # as users write it
        return np.sum(x**3)


def suppressed(x):
    with contextlib.suppress(FloatingPointError), np.errstate(divide="raise"):
        return np.sum(np.log(x))
    return np.sum(x**3)


def before(x):
    try:
        import adjoint.no_such_module  # noqa: F401  # the error is what is tested
    except Exception:
        x = x * 1.0
    with np.errstate(divide="raise"):
        return np.sum(np.log(x))


def of_others(x):
    try:
        with np.errstate(divide="raise"):
            return np.sum(np.log(x))
    except (ValueError, np.linalg.LinAlgError, np.exceptions.AxisError):
        return np.sum(x**3)
    finally:
        x = 0.0


def free(x):
    with np.errstate(all="ignore"), np.errstate(divide="raise"):
        return np.sum(np.log(x))


def test_a_branch_that_waits_for_them_is_not_left_out_in_silence():
    waiting = (bare, bare_inside, all_inside, base, named_elsewhere, computed, around_a_helper)
    for f in (inside, around, for_good, suppressed, *waiting):
        for g in (ad.grad(f), ad.jacfwd(f), ad.compile(f)):
            with pytest.raises(ArgumentError, match=r'numpy\.(errstate|seterr): "raise"'):
                g(X)
    assert np.geterr()["divide"] != "raise"
    for f in (free, before, of_others):
        np.testing.assert_allclose(ad.grad(f)(X), 1 / X)
