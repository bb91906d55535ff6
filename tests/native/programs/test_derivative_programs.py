"""Derivatives that nobody compiled, answered by native programs: when, and with what results."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.options import options
from adjoint.api.tree import flatten
from adjoint.backends import derivative_programs, payback, tiering
from adjoint.errors import KinkWarning, LostDerivativeError

pytestmark = pytest.mark.native

X = np.linspace(-1.5, 2.0, 7)
W = np.random.default_rng(0).normal(size=(7, 7))


@pytest.fixture(autouse=True)
def forgetful():
    """Nothing was seen yet."""
    derivative_programs.clear()
    tiering.clear()
    yield
    derivative_programs.clear()


@pytest.fixture
def eager(monkeypatch):
    """A structure is compiled when it is seen for the second time, and no call is left out."""
    monkeypatch.setattr(payback, "PAYBACK", 0.0)
    monkeypatch.setattr(derivative_programs, "WORTH", np.inf)
    with options(replay=False):
        yield


def lecture(x1, x2):
    return ad.log(x1) + x1 * x2 - ad.sin(x2)


def work(x):
    return ad.sum(ad.exp(ad.sin(x)) * x[::-1] + ad.sqrt(x * x + 1.0))


def interpreted(function):
    with options(native="never"):
        return arrays(function())


def natively(function):
    """What a function returns when programs answer it, as they must."""
    with options(native="always"):
        before = derivative_programs.answered()
        found = arrays(function())
        assert derivative_programs.answered() > before
        return found


def arrays(tree):
    return list(map(np.asarray, flatten(tree)[0]))


def agree(found, wanted, rtol=1e-12):
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-12)


def test_a_structure_is_answered_from_the_second_look_on(eager):
    gradient, counts = ad.value_and_grad(lecture, (0, 1)), []
    for n in range(5):
        y, (g1, g2) = gradient(2.0 + n, 5.0)
        np.testing.assert_allclose(float(y), np.log(2.0 + n) + (2.0 + n) * 5.0 - np.sin(5.0))
        np.testing.assert_allclose(
            [float(g1), float(g2)], [1 / (2.0 + n) + 5.0, 2.0 + n - np.cos(5)]
        )
        counts.append(derivative_programs.answered())
    assert counts[-1] >= 2 and counts[0] == counts[1] == 0


DERIVATIVES = {
    "grad": lambda f, x: ad.grad(f)(x),
    "value_and_grad": lambda f, x: ad.value_and_grad(f)(x),
    "jvp": lambda f, x: ad.jvp(f, (x,), (np.cos(x).astype(np.asarray(x).dtype),)),
    "vjp": lambda f, x: ad.vjp(f, x)[1](np.asarray(2.0, np.asarray(x).dtype)),
    "jacobian": lambda f, x: ad.jacobian(lambda x: ad.stack([f(x), f(2 * x)]))(x),
    "jacfwd": lambda f, x: ad.jacfwd(f)(x),
    "hessian": lambda f, x: ad.hessian(f)(x),
    "hvp": lambda f, x: ad.hvp(f, x, np.ones_like(x)),
    "grad of grad": lambda f, x: ad.grad(lambda x: ad.sum(ad.grad(f)(x) ** 2))(x),
    "jacrev of grad": lambda f, x: ad.jacrev(ad.grad(f))(x),
    "vmap of grad": lambda f, x: ad.grad(lambda x: ad.sum(ad.vmap(ad.grad(f))(ad.stack([x, x]))))(
        x
    ),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_every_derivative_is_that_of_the_interpreter(name):
    def function(x=X):
        return DERIVATIVES[name](work, x)

    wanted = interpreted(function)
    agree(natively(function), wanted)
    agree(natively(lambda: function(X[::-1])), interpreted(lambda: function(X[::-1])))


@pytest.mark.parametrize("x", [X.astype(np.float32), np.asfortranarray(np.outer(X, X)), X[:0]])
def test_other_kinds_of_arrays(x):
    def function():
        return ad.value_and_grad(lambda x: ad.sum(ad.sin(x) * x))(x)

    agree(natively(function), interpreted(function), 1e-6 if x.dtype == np.float32 else 1e-12)


def test_complex_numbers():
    def function():
        return ad.value_and_grad(lambda z: ad.sum(ad.abs(z * z - 1j) ** 2))(X + 1j)

    agree(natively(function), interpreted(function))


def test_numbers_and_arrays_that_change():
    held, indices, factor = np.ones(7), np.array([0, 2]), 1.0

    def f(x):
        return ad.sum(x * held) * factor + ad.sum(x[indices] ** 2)

    for _ in range(2):
        for change in range(4):
            held[change], indices[1], factor = change + 2.0, change, factor + 1.0
            wanted = held * factor
            np.add.at(wanted, indices, 2 * X[indices])
            (found,) = natively(lambda: ad.grad(f)(X))
            np.testing.assert_allclose(found, wanted)


@pytest.mark.parametrize("exponent", [np.nan, np.inf, -np.inf])
def test_powers_that_are_no_numbers(exponent, eager):
    x = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 2.0, np.inf, -np.inf, np.nan])
    with np.errstate(all="ignore"):
        powers = np.power(x, exponent)

    def function():
        return ad.value_and_grad(lambda x: ad.sum(x**exponent))(x)

    wanted = interpreted(function)
    agree(natively(function), wanted)
    for _ in range(4):
        agree(arrays(function()), wanted)
    for dtype in (np.float64, np.float32):
        found = ad.compile(lambda x: x**exponent)(x.astype(dtype))
        np.testing.assert_array_equal(found, powers.astype(dtype))


def test_another_branch_and_another_function_with_the_same_code():
    def f(x, sign):
        return ad.sum(ad.exp(x)) if float(ad.stop_gradient(x[0])) * sign > 0 else ad.sum(ad.sin(x))

    for sign in (1, -1, 1, -1):
        wanted = np.exp(X) if X[0] * sign > 0 else np.cos(X)
        np.testing.assert_allclose(natively(lambda s=sign: ad.grad(f)(X, s))[0], wanted)
    for power in (2, 3, 2, 4):
        (found,) = natively(lambda p=power: ad.grad(lambda x: ad.sum(x**p))(X))
        np.testing.assert_allclose(found, power * X ** (power - 1))


def test_what_somebody_else_differentiates_stays_in_the_graph():
    with options(native="always"):
        for _ in range(3):
            w = ad.variable(X)
            inner = ad.grad(lambda x, w=w: ad.sum(w * x**2))(X)
            np.testing.assert_allclose(ad.gradient(ad.sum(inner), w), 2 * X)
            found = ad.jacfwd(ad.grad(lambda x, y: ad.sum(ad.sin(x) * y), 1))(X, X)
            np.testing.assert_allclose(found, np.diag(np.cos(X)))
            compiled = ad.compile(lambda a: ad.grad(lambda x: ad.sum(a * x**2))(X))
            np.testing.assert_allclose(compiled(X + 1), 2 * X * (X + 1))


def test_rules_of_the_user_are_called_each_time():
    scale = 2.0

    @ad.custom_vjp
    def f(x):
        return ad.sum(x)

    f.defvjp(lambda x: (f(x), None), lambda kept, v: (scale * v * ad.ones(7),))
    with options(native="always"):
        for scale in (2.0, 3.0, 5.0):
            np.testing.assert_allclose(ad.grad(f)(X), np.full(7, scale))
    assert not derivative_programs.answered()


def test_zeros_by_construction_beside_infinite_data():
    data = np.array([[np.inf, 1.0], [1.0, 2.0]])
    weights = np.array([[-1.0], [-1.0]])

    def gradient(data):
        return ad.grad(lambda w: ad.sum(ad.maximum(ad.asarray(data) @ w, 0.0)))(weights)

    for given in (np.abs(weights @ weights.T), data, -data):
        wanted = interpreted(lambda d=given: gradient(d))
        with options(native="always"):
            agree(arrays(gradient(given)), wanted)


def test_conventions_that_go_by_the_values_of_constants():
    def slope(a):
        matrix = ad.asarray(a)
        return ad.grad(lambda x: ad.sqrt(ad.sum(x * (matrix @ x))))(np.zeros(2))

    for a in (np.eye(2), 2 * np.eye(2), np.diag([1.0, -1.0]), np.eye(2)):
        wanted = interpreted(lambda a=a: slope(a))
        with options(native="always"):
            agree(arrays(slope(a)), wanted)


def test_what_the_function_keeps_and_returns_beside():
    kept = []

    def f(x):
        y = ad.exp(x)
        kept.append(y)
        return ad.sum(y * y), {"y": y, "n": 3}

    with options(native="always"):
        for n in range(3):
            (value, aux), g = ad.value_and_grad(f, has_aux=True)(X + n)
            np.testing.assert_allclose(value, np.sum(np.exp(2 * (X + n))))
            np.testing.assert_allclose(aux["y"], np.exp(X + n))
            np.testing.assert_allclose(kept[-1], np.exp(X + n))
            np.testing.assert_allclose(g, 2 * np.exp(2 * (X + n)))
            assert aux["n"] == 3 and aux["y"] is kept[-1] and not value.node.inputs
        assert derivative_programs.answered() == 3


def test_options_and_errors_are_heeded():
    with options(native="always", debug_nans=True):
        ad.grad(work)(X)
    with options(native="never"):
        ad.grad(work)(X)
    assert not derivative_programs.answered()
    with options(native="always"):
        found = ad.grad(lambda a: ad.sum(ad.linalg.inv(a)))(np.zeros((2, 2)))
        with pytest.raises(np.linalg.LinAlgError):
            np.asarray(found)
        with pytest.raises(LostDerivativeError):
            ad.grad(lambda x: float(x) * x)(2.0)
        with pytest.raises(ad.errors.ShapeError, match="hvp"):
            ad.hvp(lambda x: x, X, X)


def test_pending_arguments_and_a_loop_of_training():
    def steps():
        w = ad.asarray(X)
        for _ in range(5):
            w = w - 0.1 * ad.grad(work)(w)
        return w

    agree(natively(steps), interpreted(steps), 1e-10)


KINKED = {
    "relu": lambda x: ad.sum(ad.nn.relu(W @ ad.nn.relu(W @ x)) ** 2),
    "maximum": lambda x: ad.sum(ad.maximum(W @ x, x[::-1]) ** 3),
    "max": lambda x: ad.max(W @ x) ** 2 + ad.sum(ad.sort(x) * ad.exp(x)),
    "norm": lambda x: ad.exp(ad.linalg.norm(W @ x)),
    "loop": lambda x: ad.sum(
        ad.scan(lambda c, t: (ad.nn.relu(W @ c) ** 2 / 50, c), x, None, length=3)[0]
    ),
}


@pytest.mark.parametrize("name", KINKED)
def test_second_derivatives_through_kinks_that_are_not_met(name, eager):
    f, v = KINKED[name], np.cos(X)
    for transform in (ad.hessian(f), lambda x: ad.hvp(f, x, v)):
        expected = interpreted(lambda t=transform: t(X))
        found = natively(lambda t=transform: t(X))
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-11, atol=1e-11)


def test_a_kink_that_is_met_is_left_to_the_interpreter(eager):
    hessian = ad.hessian(lambda x: ad.sum(ad.nn.relu(x) ** 2))
    met = np.append(X[:-1], 0.0)
    for _ in range(2):
        found = natively(lambda: hessian(X))
        np.testing.assert_array_equal(found[0], np.diag(2.0 * (X > 0)))
        with options(native="always"):
            before = derivative_programs.answered()
            with pytest.warns(KinkWarning, match="relu is at a kink in 1 of 7"):
                assert np.isnan(np.asarray(hessian(met))[-1]).any()
            assert derivative_programs.answered() == before


def test_loops_that_are_rolled_up():
    def f(x):
        for _ in range(30):
            x = ad.sin(x) + 0.1 * x
        return ad.sum(x)

    agree(natively(lambda: ad.grad(f)(X)), interpreted(lambda: ad.grad(f)(X)), 1e-10)


def test_several_threads():
    failed = []

    def run(n):
        try:
            with options(native="always"):
                for k in range(20):
                    found = ad.grad(lambda x, k=k: ad.sum(ad.sin(x) * (n + k % 3)))(X)
                    np.testing.assert_allclose(found, np.cos(X) * (n + k % 3), rtol=1e-12)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_structures_are_remembered_within_bounds(eager):
    for n in range(1, 40):
        ad.grad(lambda x: ad.sum(x * x))(np.ones(n))
        for family in derivative_programs._families.values():
            assert len(family.structures) <= derivative_programs.MOST_STRUCTURES
