"""Size: long graphs take linear work, and no recursion anywhere."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from tests.counting import assert_linear, live_nodes

pytestmark = pytest.mark.unit


def chain(n):
    """A chain of n operations under grad: built, differentiated, evaluated, freed."""

    def f(x):
        for _ in range(n // 2):
            x = ad.sin(x)
            x = x + 0.5
        return x

    with ad.options(roll_loops=False):
        value, gradient = ad.value_and_grad(f)(0.3)
    pair = float(value), float(gradient)
    del value, gradient
    return pair


def chain_by_hand(n, x=0.3):
    slope = 1.0
    for _ in range(n // 2):
        slope *= np.cos(x)
        x = np.sin(x) + 0.5
    return x, slope


def test_a_chain_of_200_000_operations():
    before = live_nodes()
    pair = chain(200_000)
    assert pair == pytest.approx(chain_by_hand(200_000))
    assert live_nodes() - before <= 2


@pytest.mark.slow
def test_a_chain_of_a_million_operations():
    before = live_nodes()
    pair = chain(1_000_000)
    assert pair == pytest.approx(chain_by_hand(1_000_000))
    assert live_nodes() - before <= 2


def test_a_chain_takes_linear_work():
    assert_linear(chain, 2_000)


def test_a_pending_chain_is_freed_without_recursion():
    """Nobody ever looks at it: its nodes hold one another in a long row."""
    x = ad.variable(0.5)
    before = live_nodes()
    y = x
    for _ in range(100_000):
        y = y + 1.0
    del y
    assert live_nodes() - before <= 2


def test_forward_mode_over_a_long_chain():
    def f(x):
        for _ in range(20_000):
            x = ad.sin(x) + 0.5
        return x

    value, slope = ad.jvp(f, (0.3,), (1.0,))
    assert (float(value), float(slope)) == pytest.approx(chain_by_hand(40_000))


def users(n):
    x = ad.variable(1.5)
    total = x
    for _ in range(n - 1):
        total = total + x
    return float(total), float(ad.gradient(total, x))


def test_a_node_with_100_000_users():
    assert users(100_000) == (150_000.0, 100_000.0)


@pytest.mark.slow
def test_a_node_with_a_million_users():
    assert users(1_000_000) == (1_500_000.0, 1_000_000.0)
