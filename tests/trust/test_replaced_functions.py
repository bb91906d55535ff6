"""Who replaces a function of a module replaces what traced code calls under its name."""

import builtins
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


def with_builtins(x):
    class Part:
        power = pow(x[0], 2)

    return abs(Part.power) + sum([x[1]]) + max(x[0], x[1])


def for_tensors(name, other):
    """A builtin that is another one where it is given tensors, and serves all others as before."""
    real = getattr(builtins, name)

    def function(*args):
        given = args[0] if type(args[0]) is list else args
        return (other if isinstance(given[0], ad.Tensor) else real)(*args)

    return function


def test_a_builtin_that_is_replaced_is_the_one_that_is_called(monkeypatch):
    others = {"abs": lambda x: x**3, "sum": lambda xs: 5 * xs[0], "max": lambda x, y: x * y}
    expected = {"abs": [6 * 0.3**5, 2], "sum": [0.6, 6], "max": [1.4, 1.3], "pow": [3.0, 2]}
    others["pow"] = lambda x, n: 3 * x
    gradient = ad.grad(with_builtins)
    for name, other in others.items():
        for _ in range(2):
            np.testing.assert_allclose(gradient(X), [0.6, 2])
            with monkeypatch.context() as patch:
                patch.setattr(builtins, name, for_tensors(name, other))
                found = [*(gradient(X) for _ in range(3)), ad.jacfwd(with_builtins)(X)]
            for derivative in found:
                np.testing.assert_allclose(derivative, expected[name], err_msg=name)


def test_a_patch_by_name_within_the_traced_function_begins_and_ends_there():
    def of_block(x):
        before = np.tanh(x)
        with (
            mock.patch("numpy.tanh", lambda x: x**3),
            mock.patch("builtins.pow", lambda x, n: 6 * x),
        ):
            within = pow(np.tanh(x), 1)
        return np.sum(before + within + pow(np.tanh(x), 1)) * 2

    def of_calls(x):
        before = np.tanh(x)
        patch = mock.patch.object(np, "tanh", lambda x: 6 * x**3)
        patch.start()
        within = np.tanh(x)
        patch.stop()
        return np.sum(before + within + np.tanh(x)) * 2

    def decorated(x):
        @mock.patch.dict(vars(np), tanh=lambda x: 6 * x**3)
        def inner(x):
            return np.tanh(x)

        return np.sum(2 * np.tanh(x) + inner(x)) * 2

    for f in (of_block, of_calls, decorated):
        for derivative in (ad.grad(f), ad.compile(ad.grad(f))):
            for _ in range(3):
                np.testing.assert_allclose(derivative(X), 4 / np.cosh(X) ** 2 + 36 * X**2)


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
