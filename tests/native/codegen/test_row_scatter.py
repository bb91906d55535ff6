"""One element scattered into each row is a select by index, which is checked as any index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.order import topological_order
from adjoint.schedule.plan import Nest

pytestmark = pytest.mark.native

RNG = np.random.default_rng(0)


def along(axis: int) -> Any:
    """The gradient of one element of each row along `axis`."""

    def loss(x: Any, index: Any) -> Any:
        taken = ad.take_along_axis(ad.exp(x), ad.expand_dims(index, axis), axis=axis)
        return ad.sum(taken * taken)

    return ad.value_and_grad(loss)


def compiled(f: Any, *arguments: Any) -> tuple[list[np.ndarray], Any]:
    """The results of a compiled function, and its trace."""
    work = ad.compile(f)
    return [np.asarray(y) for y in work(*arguments)], work._last()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 7), (1, 7), (5, 1), (20, 3), (2, 3, 4), (3, 1, 4)])
def test_the_gradient_of_one_element_in_each_row(shape: tuple[int, ...], dtype: Any) -> None:
    """Along each axis, with indices from the front and from the end, as the interpreter has it."""
    x = RNG.normal(size=shape).astype(dtype)
    for axis in range(len(shape)):
        others = shape[:axis] + shape[axis + 1 :]
        index = RNG.integers(-shape[axis], shape[axis], others)
        found, traced = compiled(along(axis), x, index)
        expanded = np.expand_dims(index, axis)
        taken = np.exp(np.take_along_axis(x, expanded, axis))
        expected = np.zeros_like(x)
        np.put_along_axis(expected, expanded, 2 * taken * taken, axis)
        np.testing.assert_allclose(found[0], np.sum(taken * taken), rtol=2e-6)
        np.testing.assert_allclose(found[1], expected, rtol=2e-6)
        if sum(size > 1 for size in others) == len(others):
            ops = {n.op.name for n in topological_order(traced.optimised)}
            assert "scatter_add" not in ops


def test_indices_out_of_bounds_are_errors() -> None:
    """Also where nothing else looks at them."""
    x, right = np.ones((4, 3)), np.array([0, 2, -3, 1])
    work = ad.compile(lambda x, index: along(1)(x, index)[1])
    work(x, right)
    for wrong in (3, -4, 1 << 40, -(1 << 33)):
        with pytest.raises(ad.errors.OutOfBoundsError):
            np.asarray(work(x, np.array([0, wrong, 1, 2])))
    assert np.count_nonzero(np.asarray(work(x, right))) == 4


def test_diagonals_are_not_rows() -> None:
    """Two axes that are counted along together leave most rows without an element."""
    x, index = RNG.normal(size=(4, 4, 5)), RNG.integers(0, 5, 4)
    indices = (np.arange(4), np.arange(4), index)
    f = ad.grad(lambda x, i: ad.sum(x[np.arange(4), np.arange(4), i]))
    expected = np.zeros((4, 4, 5))
    expected[indices] = 1.0
    np.testing.assert_array_equal(np.asarray(ad.compile(f)(x, index)), expected)


def test_several_elements_in_a_row_are_added() -> None:
    """There one index may occur twice."""
    x, index = RNG.normal(size=(4, 5)), np.array([[0, 0], [1, 2], [3, 3], [4, 0]])
    f = ad.grad(lambda x, i: ad.sum(ad.take_along_axis(x, i, axis=1)))
    expected = np.zeros((4, 5))
    np.add.at(expected, (np.arange(4)[:, None], index), 1.0)
    np.testing.assert_array_equal(np.asarray(ad.compile(f)(x, index)), expected)


def test_zeros_have_the_sign_of_sums() -> None:
    """0 + -0 = 0, at the index and elsewhere."""
    f = lambda x, v: ad.index_add(x, (np.arange(3), ad.asarray([0, 1, 1])), v)
    x, v = np.full((3, 2), -0.0), np.full(3, -0.0)
    found = np.asarray(ad.compile(f)(x, v))
    assert not np.signbit(found).any()
    assert not np.signbit(np.asarray(f(ad.asarray(x), ad.asarray(v)))).any()


def test_sums_of_such_rows_are_their_elements() -> None:
    """So the sum that the gradient of a softmax asks for costs nothing."""

    def f(x: Any, index: Any) -> Any:
        scattered = ad.grad(lambda x: ad.sum(ad.take_along_axis(x, index, axis=1) ** 2))(x)
        return ad.sum(scattered, axis=1), ad.sum(scattered, axis=(0, 1)), ad.sum(scattered, axis=0)

    x, index = RNG.normal(size=(6, 4)), RNG.integers(0, 4, (6, 1))
    found, traced = compiled(f, x, index)
    expected = np.zeros((6, 4))
    np.put_along_axis(expected, index, 2 * np.take_along_axis(x, index, 1), 1)
    for result, axes in zip(found, (1, (0, 1), 0), strict=True):
        np.testing.assert_allclose(result, expected.sum(axes), rtol=1e-15)
    sums = [n for n in topological_order(traced.optimised) if n.op.name == "sum"]
    assert [n.inputs[0].shape for n in sums if 4 in n.inputs[0].shape] == [(6, 4)]


def test_a_cross_entropy_with_gradient_is_one_nest() -> None:
    """However many classes there are, each row goes through all of it while it is in cache."""

    def loss(scores: Any, labels: Any) -> Any:
        logs = ad.log_softmax(scores, axis=-1)
        return -ad.mean(ad.take_along_axis(logs, ad.expand_dims(labels, 1), axis=1))

    scores, labels = RNG.normal(size=(512, 200)), RNG.integers(0, 200, 512)
    (value, gradient), traced = compiled(ad.value_and_grad(loss), scores, labels)
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(value, -np.log(p[np.arange(512), labels]).mean(), rtol=1e-13)
    p[np.arange(512), labels] -= 1
    np.testing.assert_allclose(gradient, p / 512, rtol=1e-10, atol=1e-16)
    large = [step for step in traced.schedule.steps if isinstance(step, Nest)]
    assert len(large) == 1 and large[0].in_chunks
