"""Derivatives of functions of tensors in bfloat16: in float32 within, and rounded once at the end;
loops that carry bfloat16, batches, and a step of training in mixed precision."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import adjoint as ad

ml_dtypes = pytest.importorskip("ml_dtypes")
pytestmark = [pytest.mark.unit, pytest.mark.native]

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
X = np.array([0.5, 1.25, -2.0, 3.0], BFLOAT16)


def stored(x):
    """An array as ml_dtypes rounds it."""
    return np.asarray(x).astype(BFLOAT16)


def wide(x):
    return np.asarray(x).astype(np.float32)


def same(found, expected):
    """Equal dtypes and bits."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert wide(found).tolist() == wide(expected).tolist()


def f(x):
    return np.sum(np.sin(x) * x)


GIVEN = {"": X, "strided": X[::2], "empty": X[:0], "a number": X[1], "0-d": stored(2.0)}


@pytest.mark.parametrize("x", GIVEN.values(), ids=GIVEN)
def test_the_gradient_is_rounded_once(x):
    """sin x is rounded to bfloat16, as each function's result is; the derivative sees no step."""
    x32 = wide(x)
    expected = stored(wide(stored(np.sin(x32))) + x32 * np.cos(x32))
    for found in (
        ad.grad(f)(x),
        ad.grad(f)(ad.asarray(x)),
        ad.compile(ad.grad(f))(x),
        ad.grad(lambda d: f(d["w"]), wrt="w")({"w": x, "b": x}),
        ad.vjp(f, x)[1](1.0)[0],
    ):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(wide(found), wide(expected), rtol=2**-8, atol=1e-6)


def test_partial_adjoints_are_summed_in_float32():
    """1 + 256 times 2⁻⁸ would stay 1 in bfloat16."""
    small = 2.0**-8

    def many(x):
        return x + sum(ad.asarray(small, "float32") * x[()] for _ in range(256))

    for found in (ad.grad(many)(stored(1.0)), ad.compile(ad.grad(many))(stored(1.0))):
        same(found, stored(2.0))


def test_rounding_has_the_derivative_of_the_identity():
    x = np.array([1.0, 1.001, -3.3], np.float32)
    cast = lambda x: ad.sum(x.astype(BFLOAT16).astype("float32") ** 2)
    expected = 2 * wide(stored(x))
    same(ad.grad(cast)(x), expected)
    same(ad.compile(ad.grad(cast))(x), expected)
    tangent = ad.jvp(lambda x: x.astype(BFLOAT16), (x,), (np.full(3, 1.001, np.float32),))[1]
    same(tangent, stored(np.full(3, 1.001)))
    assert ad.grad(lambda x: ad.sum(x.astype(BFLOAT16)) * 1.0)(np.ones(3)).dtype == np.float64


def test_transforms_return_the_dtype_of_the_argument():
    x = ad.asarray(X)
    square = lambda x: x * x * x
    value, gradient = ad.value_and_grad(lambda x: ad.sum(square(x)))(x)
    assert value.dtype == gradient.dtype == BFLOAT16
    same(gradient, stored(3 * wide(X) ** 2))
    for found, factor in (
        (ad.hessian(lambda x: ad.sum(square(x)))(x), 6),
        (ad.compile(ad.hessian(lambda x: ad.sum(square(x))))(X), 6),
    ):
        same(found, stored(np.diag(factor * wide(X))))
    same(ad.hvp(lambda x: ad.sum(square(x)), (x,), (x,))[0], stored(6 * wide(X) ** 2))
    same(ad.jacfwd(square)(x), stored(np.diag(3 * wide(X) ** 2)))
    same(ad.jacrev(square)(x), stored(np.diag(3 * wide(X) ** 2)))
    same(ad.linearize(square, x)[1](x), stored(3 * wide(X) ** 3))
    same(ad.linear_transpose(lambda x: 2 * x, x)(x)[0], stored(2 * wide(X)))
    assert ad.checkpoint(square)(x).dtype == BFLOAT16


def test_batches():
    rows = stored(np.random.default_rng(0).standard_normal((5, 4)))
    same(ad.vmap(lambda r: r * 2)(rows), stored(2 * wide(rows)))
    one_by_one = np.stack([np.asarray(ad.grad(f)(ad.asarray(r))) for r in rows])
    same(ad.vmap(ad.grad(f))(ad.asarray(rows)), one_by_one)
    same(ad.compile(ad.vmap(ad.grad(f)))(rows), one_by_one)
    same(
        ad.vmap(lambda r, s: r[::-1] + s, in_axes=(0, None))(rows, 1.0),
        stored(wide(rows)[:, ::-1] + 1),
    )


def recurrence(x):
    """s ← s t + 1, rounded after the product and after the sum."""
    s = np.float32(0.3)
    s = wide(stored(s))
    rows = []
    for t in wide(x):
        rows.append(s)
        s = wide(stored(wide(stored(s * t)) + np.float32(1)))
    return stored(s), stored(rows)


def test_a_loop_carries_bfloat16_and_rounds_at_each_step():
    def loop(x):
        return ad.scan(lambda s, t: (s * t + 1, s), ad.asarray(0.3, BFLOAT16), x)

    last, rows = recurrence(X)
    for found in (loop(ad.asarray(X)), ad.compile(loop)(X)):
        same(found[0], last)
        same(found[1], rows)
    unrolled = ad.scan(lambda s, t: (s * t + 1, s), ad.asarray(0.3, BFLOAT16), X, unroll=3)
    same(unrolled[1], rows)
    along = [wide(last)]  # backwards: the derivative of each step by its t, and by its s
    gradient = []
    factor = np.float32(1)
    for t, s in list(zip(wide(X), wide(rows), strict=True))[::-1]:
        gradient.append(factor * s)
        factor = factor * t
    assert along
    expected = stored(gradient[::-1])
    same(ad.grad(lambda x: loop(x)[0])(X), expected)
    same(ad.compile(ad.grad(lambda x: loop(x)[0]))(X), expected)


def test_other_loops_and_branches():
    x = ad.asarray(X)
    doubled = wide(X)
    for _ in range(5):
        doubled = wide(stored(doubled * np.float32(1.1)))
    for loop in (
        lambda x: ad.fori_loop(0, 5, lambda i, v: v * 1.1, x),
        lambda x: ad.while_loop(lambda p: p[0] < 5, lambda p: (p[0] + 1, p[1] * 1.1), (0, x))[1],
    ):
        same(loop(x), stored(doubled))
        same(ad.compile(loop)(X), stored(doubled))
        assert ad.grad(lambda x, loop=loop: ad.sum(loop(x)))(x).dtype == BFLOAT16
    branch = lambda x: ad.cond(x[0] > 0, lambda a: a / 3, lambda a: a, x)
    same(branch(x), stored(wide(X) / 3))
    same(ad.compile(branch)(X), stored(wide(X) / 3))
    same(ad.map(lambda r: r / 3, x), stored(wide(X) / 3))
    assert ad.associative_scan(ad.add, x).dtype == BFLOAT16
    assert ad.cond(True, lambda a: a, lambda a: 1.0, x[0]).dtype == BFLOAT16


def test_numpy_code_that_makes_arrays_of_bfloat16():
    def f(x):
        total = np.zeros(4, dtype=BFLOAT16) + x
        pair = np.array([x[0], 1.0], dtype=BFLOAT16)
        empty = np.empty_like(x)
        empty[:] = x
        written = np.zeros(4, BFLOAT16)
        written[1:] = x[1:]
        return np.sum(total * x) + np.sum(pair) + np.sum(empty) + np.sum(written * x)

    x = wide(X)
    expected = stored(2 * x + [1, 0, 0, 0] + 1 + 2 * x * [0, 1, 1, 1])
    for found in (ad.grad(f)(X), ad.compile(ad.grad(f))(X)):
        same(found, expected)


def test_a_nan_is_traced_to_its_operation():
    with (
        ad.options(debug_nans=True),
        pytest.raises(FloatingPointError, match=r"log\(float32\[4\]\)"),
    ):
        ad.compile(lambda x: ad.log(x - 100))(X)


def test_parameters_in_bfloat16_stay_so():
    w = ad.asarray(X)
    for updates in (w, ad.ones(4, dtype="float32")):
        assert ad.optim.apply_updates({"w": w}, {"w": updates})["w"].dtype == BFLOAT16


def test_a_loop_that_changes_the_dtype_says_so():
    x = ad.asarray(X)
    one = ad.ones(4, dtype="float32")
    with pytest.raises(TypeError, match=r"init has dtype bfloat16, but .* returned float32"):
        ad.scan(lambda s, t: (s + one, None), x, x)
    with pytest.raises(TypeError, match=r"init has dtype float32, but .* returned bfloat16"):
        ad.scan(lambda s, t: (s.astype(BFLOAT16), None), one, x)
    with pytest.raises(TypeError, match=r"dtype float32, result of true_fun bfloat16"):
        ad.cond(True, lambda a: a, lambda a: a.astype("float32"), x)


def test_the_guides_training_in_mixed_precision_works():
    """The code stands in docs/guide/numpy.md; its loss falls to a hundredth."""
    page = Path(__file__).parents[2] / "docs" / "guide" / "numpy.md"
    (block,) = re.findall(r"```python\n(import ml_dtypes.*?)```", page.read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(block, str(page), "exec"), names)
    losses = names["losses"]
    assert losses[-1] < losses[0] / 100
    assert all(w.dtype == np.float32 for w in names["weights"])


KINKS = [
    (lambda x: abs(x) ** 2, 0.0, 2.0),
    (lambda x: ad.linalg.norm(ad.stack([x, x])) ** 2, 0.0, 4.0),
    (lambda x: ad.nn.relu(x) ** 2, 0.0, np.nan),
    (lambda x: ad.clip(x, -1, 1) ** 2, 1.0, np.nan),
    (lambda x: ad.maximum(x, 0 * x) ** 2, 0.0, np.nan),
]


def test_second_derivatives_at_kinks_are_those_of_other_dtypes():
    for f, at, expected in KINKS:
        for second in (ad.hessian(f), ad.grad(ad.grad(f)), ad.jacfwd(ad.grad(f))):
            found = []
            for dtype in ("float32", BFLOAT16):
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    found.append(float(second(ad.asarray(at, dtype=dtype))))
                assert bool(caught) == np.isnan(expected)
            np.testing.assert_array_equal(found, expected)


def test_smooth_compositions_are_smooth_though_each_piece_is_rounded():
    cases = {
        "the square of a root": (lambda x: np.sqrt(x * x) ** 2, [0.0, 2.0]),
        "a root of squares": (lambda x: np.sqrt(x * x + 3 * x**2) ** 2, [0.0, 8.0]),
        "the larger one": (lambda x: np.maximum(x, -x) ** 2, [0.0, 2.0]),
        "the mean": (lambda x: np.sqrt(np.mean(np.stack([x, x]) ** 2)) ** 2, [0.0, 2.0]),
        "a size": (lambda x: np.sqrt(x * x), [0.0, 0.0]),
        "x log x": (lambda x: x * np.log(x), [-np.inf, np.inf]),
    }
    zero = ad.asarray(stored(0.0))
    for name, (f, expected) in cases.items():
        for first in (ad.grad(f), ad.compile(ad.grad(f)), ad.jacfwd(f)):
            found = [float(first(zero)), float(ad.grad(ad.grad(f))(zero))]
            assert found == expected, name
