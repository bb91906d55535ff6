"""What values choose, also where they are not known yet: min and max, places in tables, ranks."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ConcretizationError, LostDerivativeError, UnknownNameError

pytestmark = pytest.mark.unit

X = np.array([0.7, 1.9, 0.4, 1.3])
POINTS = [X, X[::-1].copy(), np.array([-0.2, 0.3, 2.5, 0.1])]
DIRECTION = np.array([1.0, -2.0, 3.0, 0.5])
TABLE = np.array([0.0, 1.0, 4.0, 9.0, 16.0])
ROWS = np.arange(12.0).reshape(3, 4)


def least_and_greatest(x):
    a, b, c, d = x
    return min(a, b) * max(c, d) + max(0, a - 1) + min(x) + max(x[1:], default=0) ** 2


def clipped(x):
    return sum(max(0.5, min(1.5, v)) ** 2 for v in x)


def by_key(x):
    return max(x, key=lambda v: (v - 1) ** 2) ** 2 + min([1, 2, 3], key=lambda k: abs(k - x[0]))


def nested(x):
    return max(max(x[0], x[1]), min(x[2], 2 * x[3]), 0.1)


def in_a_table(x):
    return np.sum(TABLE[np.argsort(x)] * x) + TABLE[np.argmax(x)] * x[0]


def in_rows(x):
    return np.sum(ROWS[np.argmax(x) % 3] * x) + np.sum(ROWS[:, np.argsort(x)][0] * x)


def interpolated(x):
    i = np.clip(np.searchsorted(TABLE, x * 3) - 1, 0, 3)
    part = (x * 3 - TABLE[i]) / (TABLE[i + 1] - TABLE[i])
    return np.sum((1 - part) * TABLE.take(i) + part * np.sin(TABLE)[i + 1])


def ranks(x):
    order = np.argsort(x)
    places = np.empty_like(order)
    places[order] = np.arange(4)
    return np.sum(x[places] * np.arange(4) * x)


def copies_of_a_table(x):
    chosen, masked, rows = TABLE[[0, 1, 2]], TABLE[TABLE > 2], ROWS[[0, 1]]
    chosen[0] = x[0]
    masked += x[:3]
    rows[:, 1] = x[:2]
    return chosen @ masked + np.sum(rows**2) + np.sum(ROWS[0] * x) + ROWS[1, 2] * x[1]


PROGRAMS = [
    least_and_greatest, clipped, by_key, nested, in_a_table, in_rows, interpolated, ranks,
    copies_of_a_table,
]  # fmt: skip


@pytest.mark.parametrize("f", PROGRAMS)
def test_a_choice_is_numpys_whether_values_are_known_or_not(f):
    compiled = ad.compile(ad.value_and_grad(f))
    for x in POINTS:
        slope = (f(x + 1e-6 * DIRECTION) - f(x - 1e-6 * DIRECTION)) / 2e-6
        for value, gradient in (ad.value_and_grad(f)(x), compiled(x), compiled(x)):
            assert float(value) == pytest.approx(f(x), rel=1e-13)
            assert np.sum(gradient.numpy() * DIRECTION) == pytest.approx(slope, abs=1e-7)
    np.testing.assert_allclose(ad.vmap(f)(np.stack(POINTS)), [f(x) for x in POINTS], rtol=1e-13)
    assert TABLE.tolist() == [0.0, 1.0, 4.0, 9.0, 16.0]


def test_of_equal_numbers_the_first_is_chosen():
    def f(x):
        return 2 * max(x[0], x[1]) + 3 * min(x[1], x[0]) + max(x[0], float("nan"))

    for g in (ad.grad(f), ad.compile(ad.grad(f))):
        assert g(np.ones(2)).tolist() == [3.0, 3.0]


def test_min_and_max_of_other_things_are_pythons():
    def f(x):
        words = max(["a", "bb"], key=len), min({3: 1, 2: 5}), max((0, "a"), (0, "b"))[1]
        assert words == ("bb", 2, "b") and max([], default=7) == 7
        with pytest.raises(ValueError, match="empty"):
            min([])
        with pytest.raises(TypeError):
            max(3)
        with pytest.raises(TypeError, match="default"):
            max(1, 2, default=3)
        return x * 2

    assert float(ad.compile(f)(1.5)) == 3.0
    with pytest.raises(ConcretizationError):
        ad.compile(lambda x: max((x[0], 1.0), (x[1], 2.0))[0])(X)


def test_functions_of_numbers_are_called_for_each_element():
    def f(x):
        square = np.frompyfunc(lambda a: a * a if a > 0.5 else a, 1, 1)
        both = np.frompyfunc(lambda a, b: (a + b, a * b), 2, 2)
        total, product = both(x, 2.0)
        return np.sum(square(x)) + np.sum(total * product) + square(3) + len(square([1, 2]))

    assert float(ad.value_and_grad(f)(X)[0]) == pytest.approx(f(X))
    expected = np.where(X > 0.5, 2 * X, 1.0) + 4 * X + 4
    np.testing.assert_allclose(ad.grad(f)(X), expected)
    outside = np.frompyfunc(lambda a: a * a, 1, 1)
    with pytest.raises(UnknownNameError, match=r"numpy\.frompyfunc.*numpy\.vectorize"):
        ad.grad(lambda x: np.sum(outside(x)))(X)


def test_items_are_taken_by_places():
    t = ad.asarray(ROWS)
    assert t.item(np.int64(5)) == t.item(5) == ROWS.item(5) and t.item(-1) == ROWS.item(-1)
    assert t.item(1, 2) == t.item((1, 2)) == ROWS.item(1, 2)
    with pytest.raises(LostDerivativeError, match="item"):
        ad.grad(lambda x: x.item(1) * x[0])(X)
