"""Loops whose state lives in registers: random bodies of tiny states, against NumPy."""

import random

import numpy as np
import pytest

import adjoint as ad

DTYPES = ("float64", "float64", "float32", "int64", "int32", "bool")
SHAPES = ((), (2,), (3,), (5,), (9,), (2, 2), (3, 3), (2, 3), (3, 1), (1, 4), (2, 2, 2))


def like(x, shape, dtype, n):
    """`x`, whatever it is, as a tensor of a shape and dtype; `n` is NumPy or adjoint."""
    total = n.sum(n.astype(x, "float64"))
    spread = n.broadcast_to(n.reshape(total, (1,) * len(shape)), shape)
    if dtype == "bool":
        return spread > 0.5
    return n.astype(n.tanh(spread) if dtype[0] == "f" else n.floor(n.clip(spread, -99, 99)), dtype)


UNARY = {
    "tanh": lambda n, x: n.tanh(x),
    "exp": lambda n, x: n.exp(-n.abs(x)),
    "where": lambda n, x: n.where(x > 0.25, x * 0.5, 1 - x),
    "flip": lambda n, x: n.flip(x, axis=-1) if x.ndim else x,
    "roll": lambda n, x: n.roll(x, 1, axis=0) if x.ndim else x,
    "transpose": lambda n, x: x.mT if x.ndim == 2 and x.shape[0] == x.shape[1] else x,
    "shift": lambda n, x: n.concat([x[:1] * 0.5, x[:-1]]) if x.ndim and x.shape[0] > 1 else x,
    "middle": lambda n, x: x - n.sum(x, axis=0) / 8 if x.ndim else x,
    "largest": lambda n, x: x - n.max(x) * 0.25,
    "rows": lambda n, x: x * n.min(x, axis=-1, keepdims=True) if x.ndim else x,
    "product": lambda n, x: n.matmul(x, x) * 0.3 if x.ndim == 2 and x.shape[0] == x.shape[1] else x,
    "vector": lambda n, x: (
        n.matmul(WEIGHTS[: x.shape[0], : x.shape[0]], x) * 0.2 if x.ndim == 1 else x
    ),
}
WEIGHTS = np.random.default_rng(0).normal(size=(9, 9))


def body(seed):
    """A step over a few tensors, made from a number, and its first state and slices."""
    r = random.Random(seed)
    rng = np.random.default_rng(seed)
    kinds = [(r.choice(SHAPES), r.choice(DTYPES)) for _ in range(r.randrange(1, 4))]
    chains = [r.sample(sorted(UNARY), r.randrange(1, 4)) for _ in kinds]
    sources = [r.randrange(len(kinds)) for _ in kinds]

    def step(n, state, x):
        after = []
        for number, (shape, dtype) in enumerate(kinds):
            value = state[number]
            if dtype[0] == "f":
                for name in chains[number]:
                    value = n.astype(UNARY[name](n, value), dtype)
                value = value + n.astype(like(state[sources[number]], shape, dtype, n), dtype) * 0.1
            elif dtype == "bool":
                value = value ^ like(state[sources[number]], shape, dtype, n)
            else:
                value = (value * 3 + like(state[sources[number]], shape, dtype, n)) % 17
            after.append(value + n.astype(x, dtype) if dtype[0] == "f" else value)
        return tuple(after), (after[0], state[-1])

    state = tuple(rng.normal(size=shape).astype(dtype) for shape, dtype in kinds)
    return step, state, rng.normal(scale=0.1, size=(r.choice((1, 2, 7)), 1) if kinds[0][0] else 3)


@pytest.mark.parametrize("seed", range(60))
def test_random_bodies_agree_with_numpy(seed):
    step, first, xs = body(seed)
    reverse = seed % 3 == 0
    state, ys = first, []
    for x in xs[::-1] if reverse else xs:
        state, y = step(np, state, np.sum(x))
        ys.append(y)
    stacks = [np.stack(y) for y in zip(*(ys[::-1] if reverse else ys), strict=True)]

    def loop(first, xs):
        return ad.scan(lambda s, x: step(ad, s, ad.sum(x)), first, xs, reverse=reverse)

    tolerance = 1e-5 if any(x.dtype == np.float32 for x in first) else 1e-12
    compiled = ad.compile(loop)
    for _ in range(2):
        last, got = compiled(first, xs)
        for mine, expected in zip([*last, *got], [*state, *stacks], strict=True):
            assert mine.dtype == expected.dtype
            np.testing.assert_allclose(
                np.asarray(mine), expected, rtol=tolerance, atol=tolerance, equal_nan=True
            )


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_a_product_in_a_loop_and_its_way_back_call_nothing(size):
    def value(a, xs):
        return ad.sum(ad.scan(lambda m, x: (a @ m + x, None), np.eye(size), xs)[0])

    rng = np.random.default_rng(size)
    a = np.linalg.qr(rng.normal(size=(size, size)))[0]
    xs = rng.normal(size=(50, size, size)) * 0.01
    compiled = ad.compile(ad.value_and_grad(value, (0, 1)))
    got, (by_a, by_xs) = compiled(a, xs)
    text = compiled.text("llvm")
    assert not any(word in text for word in ("adjoint_graph", "gemm", "memcpy"))
    states = [np.eye(size)]
    for x in xs:
        states.append(a @ states[-1] + x)
    back, want_a, want_xs = np.ones((size, size)), np.zeros((size, size)), np.empty_like(xs)
    for t in reversed(range(len(xs))):
        want_xs[t] = back
        want_a += back @ states[t].T
        back = a.T @ back
    np.testing.assert_allclose(float(got), states[-1].sum(), rtol=1e-12)
    np.testing.assert_allclose(np.asarray(by_a), want_a, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(np.asarray(by_xs), want_xs, rtol=1e-11, atol=1e-12)


def test_many_rounds_between_which_signals_are_looked_for():
    def loop(s):
        return ad.scan(lambda s, _: (s + 1, None), s, length=300_001)[0]

    got = ad.compile(loop)(np.arange(9.0))
    np.testing.assert_array_equal(np.asarray(got), np.arange(9.0) + 300_001)


def test_what_a_loop_stacks_is_an_output_twice_and_read_besides():
    def f(s, xs):
        last, ys = ad.scan(lambda s, x: (s * x, s + x), s, xs)
        return last, ys, ys, ad.reshape(ys, (12,)), ad.sum(ys), ys[1]

    s, xs = np.arange(1.0, 4.0), np.arange(1.0, 13.0).reshape(4, 3)
    ys, state = [], s
    for x in xs:
        ys.append(state + x)
        state = state * x
    ys = np.stack(ys)
    for _ in range(2):
        got = ad.compile(f)(s, xs)
        wanted = state, ys, ys, ys.ravel(), ys.sum(), ys[1]
        for mine, expected in zip(got, wanted, strict=True):
            np.testing.assert_array_equal(np.asarray(mine), expected)


def test_a_donated_input_is_not_overwritten_while_the_loop_reads_it():
    def f(s, xs):
        last, ys = ad.scan(lambda s, x: (s + x, s * xs[0]), s, xs)
        return ys, last

    s, xs = np.ones(3), np.arange(1.0, 16.0).reshape(5, 3)
    states = np.vstack([s, s + np.cumsum(xs, 0)])
    compiled = ad.compile(f, donate=(1,))
    for _ in range(3):
        ys, last = compiled(ad.asarray(s.copy()), ad.asarray(xs.copy()))
        np.testing.assert_array_equal(np.asarray(ys), states[:-1] * xs[0])
        np.testing.assert_array_equal(np.asarray(last), states[-1])
