"""Donated arguments: memory is taken where that is safe, and never where somebody can see it."""

from __future__ import annotations

import gc
import sys

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.donation import Donation
from adjoint.errors import ArgumentError, DonatedError

pytestmark = pytest.mark.native


def tensor(array):
    """A tensor that alone holds a copy of `array`."""
    return ad.asarray(array)


def address(t):
    """Where the value of a tensor lies."""
    return np.asarray(t.node.value).ctypes.data


X = np.linspace(-1.0, 1.0, 60).reshape(6, 10)


def test_a_result_takes_the_memory_of_a_donated_tensor():
    f = ad.compile(lambda w, g: w - 0.1 * g, donate=0)
    for shape in ((6, 10), (600, 1000)):
        w, g = np.ones(shape), np.full(shape, 2.0)
        for _ in range(3):
            t = tensor(w)
            where = address(t)
            found = f(t, g)
            assert address(found) == where
            np.testing.assert_allclose(found, w - 0.1 * g)
            with pytest.raises(DonatedError, match=r"donated to <lambda>.*donate="):
                t.numpy()
            assert (t.shape, t.dtype) == (w.shape, w.dtype)


def test_a_loop_keeps_one_buffer():
    step = ad.compile(lambda p, g: {k: p[k] - 0.5 * g[k] for k in p}, donate=0)
    p = {"w": tensor(X), "b": tensor(X[0])}
    addresses = {k: address(v) for k, v in p.items()}
    g = {"w": np.ones((6, 10)), "b": np.ones(10)}
    for _ in range(5):
        p = step(p, g)
        assert {k: address(v) for k, v in p.items()} == addresses
    np.testing.assert_allclose(p["w"], X - 2.5)


def test_a_numpy_array_is_overwritten():
    f = ad.compile(lambda x, y: x * y + 1.0, donate=0)
    x = X.copy()
    found = f(x, X)
    np.testing.assert_allclose(found, X * X + 1.0)
    np.testing.assert_allclose(x, X * X + 1.0)
    assert np.shares_memory(x, np.asarray(found))


def test_what_others_can_see_is_left_alone():
    f = ad.compile(lambda x: x * 2.0, donate=0)

    def check(t, seen, look):
        found = f(t)
        np.testing.assert_allclose(found, X * 2.0)
        np.testing.assert_allclose(look(seen), X)
        with pytest.raises(DonatedError):
            float(t.sum())

    t = tensor(X)
    check(t, t.numpy(), np.asarray)
    t = tensor(X)
    check(t, t.copy(), np.asarray)
    t = tensor(X)
    check(t, memoryview(t.numpy()), np.asarray)
    t = tensor(X)
    check(t, t + 0.0, np.asarray)  # a graph that needs the value
    whole = tensor(np.stack([X, X]))
    check(whole[0], whole, lambda w: w.numpy()[0])


def test_arguments_that_overlap_are_left_alone():
    f = ad.compile(lambda x, y: (x + 1.0, y[::-1] * x), donate=(0, 1))
    x = X.copy()
    a, b = f(x, x)
    np.testing.assert_allclose(a, X + 1.0)
    np.testing.assert_allclose(b, X[::-1] * X)
    t = tensor(X)
    a, b = f(t, t)
    np.testing.assert_allclose(a, X + 1.0)
    np.testing.assert_allclose(b, X[::-1] * X)
    long = np.arange(20.0)
    a, b = f(long[:10], long[5:15])
    np.testing.assert_allclose(a, np.arange(10.0) + 1.0)


@pytest.mark.parametrize(
    "layout", [lambda x: x[::-1], lambda x: x.T.copy().T, lambda x: x.astype(">f8")]
)
def test_layouts_that_cannot_be_taken(layout):
    f = ad.compile(lambda x: x * 2.0, donate=0)
    x = layout(X.copy())
    kept = x.copy()
    np.testing.assert_allclose(f(x), kept * 2.0)
    np.testing.assert_array_equal(x, kept)


def test_what_is_read_later_is_not_overwritten():
    f = ad.compile(lambda x: (x + 1.0, ad.sum(x, axis=0) * x, x.T @ x), donate=0)
    g = ad.compile(lambda x: (ad.sin(x) * x)[::-1] + x, donate=0)
    for n in (8, 700):
        x = np.random.default_rng(n).normal(size=(n, n))
        for found, wanted in zip(f(x.copy()), (x + 1, x.sum(0) * x, x.T @ x), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-9)
        np.testing.assert_allclose(g(x.copy()), (np.sin(x) * x)[::-1] + x)


def test_a_program_that_may_fail_overwrites_nothing():
    f = ad.compile(lambda x, i: (x + 1.0, x[i]), donate=0)
    x = X.copy()
    f(x, np.array([1, 2]))
    with pytest.raises(IndexError):
        ad.evaluate(f(x, np.array([1, 200])))
    np.testing.assert_array_equal(x, X)


def test_static_arguments_and_names_do_not_shift_the_positions():
    f = ad.compile(lambda n, x, y, z=0.0: x * n + y + z, static=0, donate=1)
    x, y = tensor(X), tensor(X)
    where = address(x)
    found = f(3, x, y, z=1.0)
    assert address(found) == where
    np.testing.assert_allclose(found, 4 * X + 1)
    np.testing.assert_array_equal(y, X)
    with pytest.raises(DonatedError):
        x.numpy()


@pytest.mark.parametrize("setting", [{"native": "never"}, {"debug_nans": True}])
def test_tensors_are_donated_whichever_engine_answers(setting):
    f = ad.compile(lambda x: x * 2.0, donate=0)
    with ad.options(**setting):
        x = tensor(X)
        np.testing.assert_allclose(f(x), 2 * X)
        with pytest.raises(DonatedError):
            x.numpy()
        y = X.copy()
        np.testing.assert_allclose(f(y), 2 * X)


def test_inside_a_transform_nothing_is_donated():
    f = ad.compile(lambda x: ad.sum(x * x), donate=0)
    x = tensor(X)
    np.testing.assert_allclose(ad.grad(f)(x), 2 * X)
    np.testing.assert_array_equal(x, X)


def test_a_donated_tensor_is_an_error_wherever_it_is_used():
    f = ad.compile(lambda x: x * 2.0, donate=0)
    x = tensor(X)
    f(x)
    uses = (f, ad.compile(ad.sin), lambda t: (t + 1.0).numpy(), np.asarray, repr, list)
    for use in uses:
        with pytest.raises(DonatedError):
            result = use(x)
            [np.asarray(part) for part in result]


def test_wrong_positions_are_errors():
    for donate, static in ((-1, ()), ("x", ()), (True, ()), ((0, 1.5), ()), (0, 0)):
        with pytest.raises(ArgumentError, match=r"donate|static"):
            ad.compile(lambda x: x, donate=donate, static=static)


BINARY = (ad.add, ad.multiply, ad.subtract, ad.maximum)
UNARY = (ad.tanh, ad.negative, ad.sin, ad.exp, ad.square)


def random_function(seed, n):
    """A function of three square matrices, with results of their shape and others."""

    def f(a, b, c):
        choose = np.random.default_rng(seed)
        made = [a, b, c]
        for _ in range(choose.integers(2, 12)):
            i, j = choose.integers(len(made), size=2)
            x, y = made[i], made[j]
            kind = choose.integers(9)
            if kind < 3:
                made.append(BINARY[choose.integers(4)](x, y))
            elif kind < 5:
                made.append(UNARY[choose.integers(5)](x * 0.3))
            elif kind == 5:
                made.append(x @ y / n)
            elif kind == 6:
                made.append(x.T if choose.random() < 0.5 else x[::-1])
            elif kind == 7:
                made.append(ad.sum(x, axis=int(choose.integers(2)), keepdims=True) * y)
            else:
                made.append(ad.clip(ad.where(x > 0, y, x).reshape(-1).reshape(n, n), -3, 3))
            made[-1] = ad.clip(made[-1], -10.0, 10.0)
        chosen = [made[i] for i in choose.integers(len(made), size=choose.integers(1, 5))]
        return (*chosen, made[-1], ad.sum(made[-1]))

    return f


def test_random_programs_with_and_without_donation():
    taken = 0
    for seed in range(80):
        n = (5, 40, 260)[seed % 3] if seed % 10 == 0 else (5, 40)[seed % 2]
        rng = np.random.default_rng(seed)
        f = random_function(seed, n)
        plain = ad.compile(f)
        donate = [(0,), (0, 1), (0, 1, 2), (2,)][seed % 4]
        donating = ad.compile(f, donate=donate)
        for _ in range(5):
            given = [rng.normal(size=(n, n)) for _ in range(3)]
            wanted = [np.array(t) for t in plain(*given)]
            tensors = [tensor(x) for x in given]
            addresses = {address(tensors[i]) for i in donate}
            kept = {i: tensors[i].numpy() for i in range(3) if i not in donate}
            found = donating(*tensors)
            taken += sum(address(t) in addresses for t in found)
            for a, b in zip(found, wanted, strict=True):
                np.testing.assert_array_equal(a, b)
            for i, array in kept.items():
                np.testing.assert_array_equal(array, given[i])
            arrays = [x.copy() for x in given]
            for a, b in zip(donating(*arrays), wanted, strict=True):
                np.testing.assert_array_equal(a, b)
            for i in set(range(3)) - set(donate):
                np.testing.assert_array_equal(arrays[i], given[i])
    assert taken > 100
    gc.collect()


def test_once_compiled_no_python_code_answers(monkeypatch):
    step = ad.compile(lambda p, g: (p[0] - g, p[1] * 2.0), donate=0)
    flat = ad.compile(lambda w, g: w - g, donate=(0, 1))
    p, w = (tensor(X), tensor(X[0])), tensor(X)
    for _ in range(5):  # the first ones may run step by step, from Python
        step((tensor(X), tensor(X[0])), X)
        flat(tensor(X), X)
    p, w = step(p, X), flat(w, tensor(X))
    monkeypatch.setattr(Donation, "take", None)
    addresses = address(p[0]), address(p[1]), address(w)
    for n in range(2, 4):
        p, w = step(p, X), flat(w, tensor(X))
        assert (address(p[0]), address(p[1]), address(w)) == addresses
        np.testing.assert_allclose(p[0], X - n * X)
        np.testing.assert_allclose(p[1], X[0] * 2**n)
        np.testing.assert_allclose(w, X - n * X)
    with pytest.raises(TypeError):
        step((X.copy(), X[0]), X)  # arrays are looked at in Python


def test_donation_leaks_and_loses_no_reference():
    f = ad.compile(lambda x, y: (x + y, y[0]), donate=(0, 1))
    for _ in range(6):  # the entry, which holds what tensors become, is made once calls are native
        f(tensor(X), tensor(X))
    given = next(iter(f._specializations.values())).donation.donations.nodes
    shared, seen = tensor(X), tensor(X).numpy()
    before = [sys.getrefcount(x) for x in (*given.values(), shared.node, seen)]
    for _ in range(50):
        t = tensor(X)
        f(t, t)
        f(tensor(X), shared.copy())
        f(ad.asarray(seen), tensor(X))
        t = tensor(X)
        held = t.numpy(), t.node
        f(t, tensor(X))
        np.testing.assert_array_equal(held[0], X)
    del t, held
    assert [sys.getrefcount(x) for x in (*given.values(), shared.node, seen)] == before


def test_a_program_that_may_fail_is_not_entered_natively():
    f = ad.compile(lambda x, i: (x + 1.0, x[i]), donate=0)
    for _ in range(3):
        f(tensor(X), np.array([1, 2]))
    with pytest.raises(IndexError):
        ad.evaluate(f(tensor(X), np.array([1, 200])))
