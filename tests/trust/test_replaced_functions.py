"""Who replaces a function of a module replaces what traced code calls under its name."""

import math
import types
from unittest import mock

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

X = np.array([0.3, 0.8])


def with_numpy(x):
    return np.sum(np.tanh(x))


def with_math(x):
    return math.sin(x[0]) * x[1]


def with_linalg(x):
    return np.linalg.norm(x)


REPLACED = [
    (np, "tanh", with_numpy, np.sin, np.cos(X)),
    (np, "tanh", with_numpy, lambda x: x**3, 3 * X**2),
    (math, "sin", with_math, math.exp, math.exp(0.3) * np.array([0.8, 1.0])),
    (np.linalg, "norm", with_linalg, np.sum, np.ones(2)),
]


def test_a_function_that_is_replaced_for_a_while_is_the_one_that_is_called(monkeypatch):
    for module, name, f, other, expected in REPLACED:
        gradient = ad.grad(f)
        before = np.asarray(gradient(X))
        for _ in range(3):  # calls that may be left out, too
            with monkeypatch.context() as patch:
                patch.setattr(module, name, other)
                for _ in range(3):
                    np.testing.assert_allclose(gradient(X), expected, rtol=1e-12)
                np.testing.assert_allclose(ad.jacfwd(f)(X), expected, rtol=1e-12)
            for _ in range(3):
                np.testing.assert_array_equal(gradient(X), before)


def test_a_function_that_is_replaced_within_the_traced_one_is_too():
    def f(x):
        kept = np.tanh
        try:
            np.tanh = np.sin
            return np.sum(np.tanh(x))
        finally:
            np.tanh = kept

    def mocked(x):
        with mock.patch.object(np, "tanh", np.sin):
            return np.sum(np.tanh(x))

    for within in (f, mocked):
        for _ in range(2):
            np.testing.assert_allclose(ad.grad(within)(X), np.cos(X))
            np.testing.assert_allclose(ad.grad(with_numpy)(X), 1 / np.cosh(X) ** 2)
    assert type(np) is types.ModuleType and np.tanh.__name__ == "tanh"
    assert isinstance(np.tanh, np.ufunc)


class Base:
    def act(self, x):
        return x**2


class Middle(Base):
    pass


class By(Middle):
    def of_super(self, x):
        return np.sum(super().act(x))

    def of_self(self, x):
        return np.sum(self.act(x))


def test_a_method_that_is_replaced_in_a_base_is_the_one_that_is_called(monkeypatch):
    for f in (By().of_super, By().of_self):
        for _ in range(3):
            for g in (ad.grad(f), ad.jacfwd(f)):
                np.testing.assert_allclose(g(X), 2 * X)
            with monkeypatch.context() as patch:
                patch.setattr(Base, "act", lambda self, x: x**3)
                for g in (ad.grad(f), ad.jacfwd(f)):
                    np.testing.assert_allclose(g(X), 3 * X**2)
                patch.setattr(Middle, "act", lambda self, x: np.sin(x), raising=False)
                for g in (ad.grad(f), ad.jacfwd(f)):
                    np.testing.assert_allclose(g(X), np.cos(X))
