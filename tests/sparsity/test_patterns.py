"""Sparsity patterns: no true nonzero is ever missing, for any operation."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, DTypeError
from tests.table.cases import TWICE
from tests.table.sample import sampled

pytestmark = [pytest.mark.unit, pytest.mark.filterwarnings("ignore::adjoint.errors.KinkWarning")]

REAL = [case for case in TWICE if case.differentiable and not case.single and case.real]


@sampled("sparsity", REAL)
def test_nothing_is_missing(case):
    """The dense Jacobian has nonzeros only in the pattern, and the sparse one has its numbers."""
    for place, number in enumerate(case.active):
        xs = [case.inputs[i] for i in case.active]

        def f(x, xs=xs, place=place):
            return case.of_active(*xs[:place], x, *xs[place + 1 :])

        x = case.inputs[number]
        dense = np.asarray(ad.jacobian(f)(x)).reshape(-1, x.size)
        found = ad.jacobian(f, sparse=True)(x)
        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-9, atol=1e-12)


def exact_pattern(f, x):
    return ad.jacobian(f, sparse=True).plan(x).pattern.toarray()


X = np.random.default_rng(0).uniform(0.5, 1.5, 6)
BAND = np.eye(6) + np.eye(6, k=1)
EXACT = {
    "elementwise": lambda x: ad.sin(x) * x,
    "neighbours": lambda x: x[1:] * x[:-1],
    "reversed": lambda x: x[::-1] ** 2,
    "known matrix": lambda x: BAND @ x**2,
    "known matrix turned": lambda x: x @ BAND.T,
    "known matrix, computed": lambda x: ad.asarray(BAND).T @ x,
    "rows of a matrix": lambda x: ad.sum(ad.reshape(x, (3, 2)) ** 2, axis=1),
    "softmax of rows": lambda x: ad.softmax(ad.reshape(x, (3, 2)), axis=1),
    "sorted rows": lambda x: ad.sort(ad.reshape(x, (3, 2)), axis=1),
    "batch of products": lambda x: ad.reshape(x, (3, 1, 2)) @ ad.ones((3, 2, 1)),
    "convolution": lambda x: np.convolve(x, [1.0, -2.0, 1.0], "valid"),
    "gathered": lambda x: x[np.array([0, 0, 3])] ** 2,
    "scattered": lambda x: ad.index_add(ad.zeros(4), np.array([0, 1, 1, 2, 2, 2]), x),
    "written": lambda x: ad.setitem(x, slice(0, 2), x[2:4] ** 2),
    "joined": lambda x: ad.concat([x[:2] * x[2:4], x[:1]]),
    "running": lambda x: ad.scan(lambda c, t: (c * t, c + t), 1.0, x)[1],
    "states forgotten": lambda x: ad.scan(lambda c, t: (t, c * t), 1.0, x)[1],
    "backwards": lambda x: ad.scan(lambda c, t: (c * t, c + t), 1.0, x, reverse=True)[1],
    "branch": lambda x: ad.cond(x[0] > 0, lambda y: y[1:3] ** 2, lambda y: y[2:4], x),
    "rounds": lambda x: ad.while_loop(
        lambda s: s[0] < 2, lambda s: (s[0] + 1, ad.concat([s[1][1:], s[1][:1]])), (0, x[:3])
    )[1],
    "sums so far": lambda x: ad.cumsum(ad.reshape(x, (2, 3)), axis=1),
    "sums from each on": lambda x: ad.grad(lambda y: ad.sum(ad.cumsum(y) ** 2 * y[::-1]))(x),
    "products so far": lambda x: ad.cumprod(ad.reshape(x, (3, 2)), axis=0),
    "maxima so far": lambda x: ad.cummax(ad.reshape(x, (3, 2)), axis=0),
    "largest of rows": lambda x: ad.top_k(ad.reshape(x, (2, 3)), 2)[0],
    "integers": lambda x: x * ad.floor(x),
    "nothing": lambda x: ad.floor(x),
    "stopped": lambda x: ad.stop_gradient(x) * x[0],
    "chosen": lambda x: ad.where(x > 1, x**2, x[0]),
}
WIDER = {"rounds", "branch", "largest of rows"}
"""Where the pattern holds what may happen with other numbers, too, and more."""


@pytest.mark.parametrize("name", EXACT)
def test_patterns_are_tight(name):
    f = EXACT[name]
    found = exact_pattern(f, X)
    true = np.zeros(found.shape, bool)
    for seed in range(8):
        x = np.random.default_rng(seed).uniform(0.5, 1.5, 6)
        true |= np.asarray(ad.jacobian(f)(x)).reshape(found.shape) != 0
    assert not (true & ~found).any()
    if name not in WIDER:
        np.testing.assert_array_equal(found, true)


def test_a_scan_of_many_steps_is_planned_once_for_all_steps():
    f = EXACT["states forgotten"]
    pattern = ad.jacobian(f, sparse=True).plan(np.ones(2000)).pattern
    assert pattern.nnz == 2 * 2000 - 1


def test_floating_arguments_are_not_taken_for_constants():
    """Zeros of another argument may be other numbers at the next call."""
    f = ad.jacobian(lambda x, w: w @ x, sparse=True)
    assert f(np.ones(3), np.eye(3)).nnz == 9
    w = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(f(np.ones(3), w).toarray(), w)


def test_texts_beside_floating_arguments_are_held_fixed():
    f = ad.jacobian(lambda x, p: p["w"] @ x if p["kind"] == "product" else x, sparse=True)
    w = np.array([[1.0, 2.0], [0.0, 3.0]])
    for kind, wanted in ("product", w), ("none", np.eye(2)), ("product", w):
        found = f(np.ones(2), {"w": w, "kind": kind})
        np.testing.assert_array_equal(found.toarray(), wanted)


def test_what_is_no_number_beside_floating_arguments_is_named():
    f = ad.jacobian(lambda x, p: p["w"] @ x, sparse=True)
    with pytest.raises(ArgumentError, match="cannot make a tensor of object"):
        f(np.ones(2), {"w": np.eye(2), "other": object()})


def test_indices_given_as_arguments_make_plans_of_their_own():
    f = ad.jacobian(lambda x, i: x[i] ** 2, sparse=True)
    np.testing.assert_array_equal(f(X, np.array([0, 1])).toarray()[:, :2], np.diag(2 * X[:2]))
    found = f(X, np.array([5, 4])).toarray()
    np.testing.assert_array_equal(found[:, 4:], np.diag(2 * X[4:])[::-1])
    assert found[:, :4].any() == False  # noqa: E712  # an array of scipy.sparse


def test_a_computed_index_reaches_its_own_row():
    """Rows of a sorted matrix depend on their own elements, and so do slopes that go back there."""

    def rows(x):
        return ad.sort(ad.reshape(x, (20, 4)), axis=1)

    x = np.random.default_rng(0).normal(size=80)
    plan = ad.jacobian(rows, sparse=True).plan(x)
    assert (plan.pattern.nnz, plan.forward + plan.reverse) == (20 * 16, 4)
    hessian = ad.hessian(lambda x: ad.sum(rows(x) ** 3 * np.arange(4)), sparse=True)
    assert hessian.plan(x).pattern.nnz == 20 * 16
    dense = ad.hessian(lambda x: ad.sum(rows(x) ** 3 * np.arange(4)))(x)
    np.testing.assert_allclose(hessian(x).toarray(), np.asarray(dense), rtol=1e-12)


def test_places_are_counted_exactly_in_float16():
    """Its whole numbers end at 2048, those of places do not."""
    size, places = 5000, np.arange(5000)[::-1].copy()
    jacobian = ad.jacobian(
        lambda x: ad.index_add(ad.zeros(size, np.float16), places, x * x), sparse=True
    )
    x = np.linspace(0, 1, size).astype(np.float16)
    pattern = jacobian.plan(x).pattern.tocoo()
    assert pattern.nnz == size
    np.testing.assert_array_equal(pattern.row + pattern.col, size - 1)
    np.testing.assert_array_equal(np.asarray(jacobian.values(x)), (2 * x)[::-1])
    with pytest.raises(DTypeError, match="cannot hold float16"):
        jacobian(x)
