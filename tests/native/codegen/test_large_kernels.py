"""Kernels with many buffers, and kernels that check indices, are loops without branches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import OutOfBoundsError
from tests.native.running import assert_agrees
from tests.sampling import in_turn

pytestmark = pytest.mark.native


def kernels(f, *args):
    """The optimised code of the kernels of a compiled function."""
    f(*args)
    code = f.text("llvm")
    return code[: code.index("@adjoint_body")]


def test_many_results_are_known_not_to_alias():
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


def test_results_that_are_accumulated_among_many():
    """Sums over rows beside what is written once, more than are passed as arguments."""
    x = np.random.default_rng(0).normal(size=(50, 7))

    def f(x):
        return tuple(ad.sum(x * (k + 1.0), axis=k % 2) for k in range(30))

    for k, ours in enumerate(ad.compile(f)(x)):
        np.testing.assert_allclose(ours, np.sum(x * (k + 1.0), axis=k % 2), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("wrong", [7, -8, 1 << 40])
@pytest.mark.parametrize("position", [0, 57, 199])
def test_one_bad_index_among_many(wrong, position):
    """Wherever it stands; and the next call, with good ones, is fine."""
    f = ad.compile(lambda x, i, j: x[i] * 2.0 + x[j] * x[i])
    x, good = np.arange(7.0), np.arange(200) % 14 - 7
    bad = good.copy()
    bad[position] = wrong
    expected = x[good] * 2.0 + x[good] * x[good]
    for _ in range(2):
        with pytest.raises(OutOfBoundsError):
            f(x, good, bad)
        np.testing.assert_allclose(f(x, good, good), expected)


def test_a_check_is_no_branch_in_the_loop():
    """Two checks an element, and one branch after the loop."""
    f = ad.compile(lambda x, i, j: x[i] * 2.0 + x[j])
    code = kernels(f, np.arange(7.0), np.arange(200) % 7, np.arange(200) % 5)
    assert code.count("atomicrmw add ptr @adjoint_failures") == 1


def test_an_outlined_function_of_one_argument_twice_is_not_that_of_two() -> None:
    """In large kernels of scalars elementary functions are called: x / x and x / y are not one."""

    def f(x: Any, y: Any) -> Any:
        total = x / x + x / y
        for _ in range(20):
            total = ad.sin(total) / ad.cos(x)
        return total

    assert_agrees(f, 1.5, 4.0)


def test_a_long_chain_below_a_sum_does_not_recurse_deeply():
    def horner(x, t):
        y = 0.0 * t
        for j in range(300):
            y = y * t + x[j]
        return ad.sum(y)

    x, t = np.ones(300), np.linspace(0.1, 0.9, 5)
    value, gradient = ad.compile(ad.value_and_grad(horner))(x, t)
    np.testing.assert_allclose(value, sum(np.polyval(x, t)), rtol=1e-13)
    np.testing.assert_allclose(gradient, [np.sum(t**k) for k in reversed(range(300))], rtol=1e-11)


def filtered(p: Any) -> Any:
    """The likelihood of ten observations under a Kalman filter with variances exp(p)."""
    mean, variance, total = 0.0, 1.0, 0.0
    for observed in np.random.default_rng(0).normal(size=10):
        variance = variance + ad.exp(p[0])
        scale = variance + ad.exp(p[1])
        gain = variance / scale
        total = total - 0.5 * (ad.log(scale) + (observed - mean) ** 2 / scale)
        mean = mean + gain * (observed - mean)
        variance = (1 - gain) * variance
    return total


def two_chains(x: Any) -> Any:
    a, b = x[:3], x[3:]
    for _ in range(100):
        a, b = a * 1.01 + 0.1, b * 0.9 - 0.1
    return ad.concat([a, b])


def flipped(x: Any) -> Any:
    for _ in range(300):
        x = ad.flip(x) * 0.99
    return x


def shifted(x: Any) -> Any:
    for _ in range(200):
        x = ad.pad(x[1:], (0, 1)) * 0.9 + 0.1
    return x


LONG = [(ad.grad(filtered), 2), (ad.hessian(filtered), 2), (two_chains, 6)]


@pytest.mark.parametrize(
    ("chain", "memory_is_checked"), in_turn([*LONG, (flipped, 5), (shifted, 12)], ["", "1"])
)
def test_a_long_chain_at_other_indices_than_the_result_does_not_recurse_deeply(
    chain, memory_is_checked, monkeypatch
):
    """Numbers of which a gradient of two elements consists, the parts of a join, and moves."""
    monkeypatch.setenv("ADJOINT_DEBUG_MEMORY", memory_is_checked)
    f, size = chain
    x = np.linspace(0.1, 0.2, size)
    with ad.options(native="never"):
        expected = np.asarray(f(x))
    np.testing.assert_allclose(ad.compile(f)(x), expected, rtol=1e-12)
