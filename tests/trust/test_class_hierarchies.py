"""Methods of classes that derive from others, several levels deep and from several at once."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit


class Root:
    scale = 2.0

    def __init__(self, w):
        self.w = w

    def value(self, x):
        return np.sum(np.array(x) * self.w) * self.scale


class Middle(Root):
    def value(self, x):
        return super().value(np.sin(np.array(x)))


class Left(Middle):
    def value(self, x):
        return super().value(np.array(x) ** 2) + self.more(x)

    def more(self, x):
        return np.array([x[0], 1.0]).sum()


class Right(Middle):
    def value(self, x):
        return super().value(3 * np.array(x))

    def more(self, x):
        return np.array([x[1], 1.0]).prod()


class Both(Left, Right):
    def value(self, x):
        return super().value(np.array(x) + 0.5)


class Deeper(Both):
    scale = 5.0


class Swapped(Right, Left):
    pass


@pytest.mark.parametrize("kind", [Root, Middle, Left, Right, Both, Deeper, Swapped])
def test_the_methods_of_all_levels_are_traced(kind):
    x, w = np.array([0.3, -0.8]), np.array([1.5, 0.25])
    held = kind(w)

    def f(x):
        assert type(held) is kind and isinstance(held, Root)
        return held.value(x) + kind(w).value(x)

    slope = [(f(x + h) - f(x - h)) / 2e-6 for h in 1e-6 * np.eye(2)]
    value, gradient = ad.value_and_grad(f)(x)
    assert float(value) == pytest.approx(f(x))
    np.testing.assert_allclose(gradient, slope, rtol=1e-7, atol=1e-7)
    assert type(held) is kind and type(held).__mro__ == kind.__mro__
