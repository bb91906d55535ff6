"""Products that BLAS scales, and accumulates into what they are added to."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.schedule.plan import Alias, Gemm
from tests.sampling import in_turn

pytestmark = pytest.mark.native

RNG = np.random.default_rng(0)
SHAPES = [
    ((5, 7), (7, 3)),
    ((5, 7), (7, 1)),
    ((1, 4), (4, 1)),
    ((3, 1), (1, 4)),
    ((2, 3, 4), (2, 4, 5)),
    ((6, 2, 3, 4), (4, 5)),
    ((1, 7), (7, 3)),
    ((70, 500), (500, 40)),
]
FUNCTIONS = {
    "c + p": lambda a, b, c: c + a @ b,
    "p + c": lambda a, b, c: a @ b + c,
    "c - p": lambda a, b, c: c - a @ b,
    "p - c": lambda a, b, c: a @ b - c,
    "c - k p": lambda a, b, c: c - 0.1 * (a @ b),
    "c - p k": lambda a, b, c: c - (a @ b) * 0.3,
    "c - -p": lambda a, b, c: c - -(a @ b),
    "-(k p)": lambda a, b, c: -(0.7 * (a @ b)),
    "-p": lambda a, b, c: -(a @ b),
    "k p": lambda a, b, c: 2.0 * (a @ b),
    "k l p": lambda a, b, c: c + 3.0 * (0.1 * (a @ b)),
    "k p + p": lambda a, b, c: 0.5 * (a @ b) + (a * 2.0) @ b,
    "p + p": lambda a, b, c: a @ b + a @ b,
    "p + p + p + c": lambda a, b, c: a @ b + (a * a) @ b + a @ (b * b) + c,
    "p - (p - c)": lambda a, b, c: a @ b - ((a * a) @ b - c),
    "c and c + p": lambda a, b, c: (c * 2.0, c + a @ b, c),
    "p and c + p": lambda a, b, c: (a @ b, a @ b + c),
    "k p and c + k p": lambda a, b, c: (0.1 * (a @ b), 0.1 * (a @ b) + c),
    "computed c": lambda a, b, c: np.exp(c) - 0.1 * (a @ b),
    "used by a product": lambda a, b, c: (c + a @ b) @ np.swapaxes(c, -1, -2),
    "used by a sum": lambda a, b, c: np.sum(c + a @ b, axis=-1),
    "a row": lambda a, b, c: c[..., :1, :] + a @ b,
    "reshaped": lambda a, b, c: np.reshape(c - 0.1 * (a @ b), (-1,)),
}


def compared(f, *arguments, times=5):
    """Compare a compiled function with NumPy, through stepwise calls to native ones."""
    wanted = f(*arguments)
    compiled = ad.compile(f)
    tolerance = 1e-5 if arguments[0].dtype == np.float32 else 1e-13
    for _ in range(times):
        found = compiled(*arguments)
        for x, y in zip(*((t if type(t) is tuple else (t,)) for t in (found, wanted)), strict=True):
            scale = np.abs(y).max()
            np.testing.assert_allclose(np.asarray(x) / scale, y / scale, atol=tolerance, rtol=0)
    return compiled


def products(compiled):
    """The steps of a compiled function that do work, which are products."""
    steps = compiled._last().schedule.steps
    work = [step for step in steps if not isinstance(step, Alias)]
    assert all(isinstance(step, Gemm) for step in work), work
    return work


@pytest.mark.parametrize("name", ("c - k p", "p + p + p + c", "k p and c + k p"))
def test_matrices_may_be_transposed(name):
    a, b, c = RNG.normal(size=(9, 4)), RNG.normal(size=(5, 9)), RNG.normal(size=(4, 5))
    compared(lambda a, b, c: FUNCTIONS[name](a.T, b.T, c), a, b, c)
    compared(lambda a, b, c: FUNCTIONS[name](b, a, c.T), a, b, c)


@pytest.mark.parametrize(
    ("name", "dtype", "start"), in_turn(FUNCTIONS, ["float32", "float64"], range(4))
)
def test_sums_are_as_numpy_has_them(name, dtype, start):
    for left, right in SHAPES[start::4]:
        a, b = (RNG.normal(size=shape).astype(dtype) for shape in (left, right))
        c = RNG.normal(size=np.matmul(a, b).shape).astype(dtype)
        compared(FUNCTIONS[name], a, b, c)


def test_only_products_are_left():
    a, b, c = RNG.normal(size=(3, 20, 20))
    for name in ("c + p", "c - p k", "k p", "-(k p)", "c - -p"):
        (step,) = products(compared(FUNCTIONS[name], a, b, c))[-1:]
        assert (step.addend is None) == ("c" not in name)
    four = compared(lambda a, b, c: a @ b + c @ b + 0.1 * (b @ a) - c @ c, a, b, c)
    steps = products(four)
    assert len(steps) == 4
    assert [step.addend for step in steps] == [None, *(step.root for step in steps[:-1])]
    assert four.report().temporaries == 0  # each adds to the result itself


def test_square_matrices_that_occur_twice():
    for n in (3, 40):
        a, b = RNG.normal(size=(2, n, n))
        compared(lambda a, b: a - a @ a, a, b)
        compared(lambda a, b: a + 0.1 * (a.T @ b), a, b)
        compared(lambda a, b: (b @ a - (b @ a) @ a, a), a, b)

        def powers(a, b):
            s = a @ b
            return s - s @ s, s + 0.5 * (a @ s)

        compared(powers, a, b)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_special_values_go_the_way_of_ieee():
    a, c = RNG.normal(size=(2, 4, 4))
    a[1, 2], a[2, 0] = np.nan, np.inf
    for factor in (0.0, -0.0, np.inf, np.nan, 5e-324, 1e308):
        found = ad.compile(lambda a, c: c - factor * (a @ a))(a, c)
        wanted = c - factor * (a @ a)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
        np.testing.assert_array_equal(np.isinf(found), np.isinf(wanted))
    zero = np.zeros((3, 3))
    found = ad.compile(lambda c, a: c - 0.5 * (a @ a))(-zero, zero)
    assert np.signbit(found.numpy()).all()


def test_one_program_serves_every_factor():
    a, c = RNG.normal(size=(2, 30, 30))
    for factor in (0.1, -0.2, 3.0, 0.3):
        compared(lambda a, c: c - factor * (a @ a), a, c)
        compared(lambda a, c: c + (a @ a) * factor, a, c)


def test_a_donated_addend_is_added_to_in_place():
    x, d, w = RNG.normal(size=(6, 30)), RNG.normal(size=(6, 20)), RNG.normal(size=(30, 20))
    step = ad.compile(lambda w, x, d: w - 0.1 * (x.T @ d), donate=0)
    wanted, t = w, ad.asarray(w)
    for _ in range(6):
        address = t.node.value.ctypes.data
        t, wanted = step(t, x, d), wanted - 0.1 * (x.T @ d)
        assert t.node.value.ctypes.data == address
        np.testing.assert_allclose(t, wanted, atol=1e-13)


@pytest.mark.parametrize(
    "f",
    [
        lambda w, x: w - w @ x,
        lambda w, x: w - 0.1 * (x @ w.T),
        lambda w, x: (w - x @ x, w @ x),
        lambda w, x: x @ x + np.reshape(w, (-1,)).reshape(8, 8) @ x + w,
    ],
)
def test_a_donated_factor_is_not_overwritten_too_soon(f):
    w, x = RNG.normal(size=(2, 8, 8))
    step, plain = ad.compile(f, donate=0), ad.compile(f)
    for _ in range(6):
        found, wanted = step(ad.asarray(w), x), plain(w, x)
        pairs = zip(found, wanted, strict=True) if type(found) is tuple else [(found, wanted)]
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)
