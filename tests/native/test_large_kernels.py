"""Kernels with many buffers, and kernels that check indices, are loops without branches."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import OutOfBoundsError

pytestmark = pytest.mark.native


def kernels(f, *args):
    """The optimised code of the kernels of a compiled function."""
    f(*args)
    code = f.text("llvm")
    return code[: code.index("@adjoint_body")]


def test_many_results_are_known_to_lie_apart():
    """Forty results of thirty arguments: vectors, and no addresses compared before the loop."""
    rng = np.random.default_rng(0)
    xs = [rng.normal(size=300) for _ in range(30)]

    def f(*xs):
        whole = sum(x * (i + 1.0) for i, x in enumerate(xs))
        return tuple(whole * (k + 0.5) - xs[k % 30] for k in range(40))

    compiled = ad.compile(f)
    whole = sum(x * (i + 1.0) for i, x in enumerate(xs))
    for k, ours in enumerate(compiled(*xs)):
        np.testing.assert_allclose(ours, whole * (k + 0.5) - xs[k % 30], rtol=1e-12, atol=1e-11)
    code = kernels(compiled, *xs)
    assert " x double>" in code and "memcheck" not in code


def test_results_that_are_added_to_among_many():
    """Sums over rows beside what is written once, more than are passed as arguments."""
    x = np.random.default_rng(0).normal(size=(50, 7))

    def f(x):
        return tuple(ad.sum(x * (k + 1.0), axis=k % 2) for k in range(30))

    for k, ours in enumerate(ad.compile(f)(x)):
        np.testing.assert_allclose(ours, np.sum(x * (k + 1.0), axis=k % 2), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("wrong", [7, -8, 1 << 40])
@pytest.mark.parametrize("place", [0, 57, 199])
def test_one_bad_index_among_many(wrong, place):
    """Wherever it stands; and the next call, with good ones, is fine."""
    f = ad.compile(lambda x, i, j: x[i] * 2.0 + x[j] * x[i])
    x, good = np.arange(7.0), np.arange(200) % 14 - 7
    bad = good.copy()
    bad[place] = wrong
    expected = x[good] * 2.0 + x[good] * x[good]
    for _ in range(2):
        with pytest.raises(OutOfBoundsError):
            f(x, good, bad)
        np.testing.assert_allclose(f(x, good, good), expected)


def test_a_check_is_no_branch_in_the_loop():
    """Two checks an element, and one place where it is told that one failed."""
    f = ad.compile(lambda x, i, j: x[i] * 2.0 + x[j])
    code = kernels(f, np.arange(7.0), np.arange(200) % 7, np.arange(200) % 5)
    assert code.count("atomicrmw add ptr @adjoint_failures") == 1
