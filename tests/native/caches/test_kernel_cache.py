"""Programs share kernels: other batch sizes give the same numbers and compile no kernel again."""

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.compile import kernel_cache

RNG = np.random.default_rng(0)


def loss(w, b, x, y):
    z = ad.tanh(x @ w + b)
    return ad.mean(ad.logsumexp(z, axis=1) - ad.sum(y * z, axis=1)) + ad.sum(ad.std(x, axis=0))


def arguments(batch):
    w, b = RNG.normal(size=(7, 5)), RNG.normal(size=5)
    return w, b, RNG.normal(size=(batch, 7)), np.eye(5)[RNG.integers(0, 5, batch)]


def test_results_do_not_depend_on_which_size_came_first():
    step = ad.compile(ad.value_and_grad(loss, (0, 1)))
    for batch in (64, 17, 65, 1000, 3, 1, 64, 128, 513):
        given = arguments(batch)
        want = ad.value_and_grad(loss, (0, 1))(*given)
        for _ in range(5):  # the first calls are taken from Python, the later ones are native
            value, gradients = step(*given)
            np.testing.assert_allclose(value, want[0], rtol=1e-12)
            for got, expected in zip(gradients, want[1], strict=True):
                np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-14)


def test_stepwise_and_native_runs_agree_to_the_last_bit(compilations):
    step = ad.compile(ad.grad(loss, (0, 1, 2)))
    step(*arguments(40))
    given = arguments(41)
    first = [np.asarray(g) for g in step(*given)]
    assert step.trace(*given).program.is_stepwise
    for _ in range(5):
        again = [np.asarray(g) for g in step(*given)]
    assert not step.trace(*given).program.is_stepwise
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a, b)


def labelled(batch):
    w, b, x, y = arguments(batch)
    return w, b, x, np.argmax(y, axis=1)


def loss_of_labels(w, b, x, labels):
    return ad.mean(ad.nn.softmax_cross_entropy(ad.tanh(x @ w + b), labels))


@pytest.mark.parametrize("rows", [1000, 6_000])
def test_stepwise_runs_of_nests_agree_to_the_last_bit(rows, compilations):
    """Their rows come in blocks, and those of large ones in chunks for threads."""

    def f(x):
        p = ad.exp(x - ad.max(x, axis=1, keepdims=True))
        q = p / ad.sum(p, axis=1, keepdims=True)
        return q, ad.sum(q * x, axis=0), ad.prod(1 + q / rows, axis=0)

    x = RNG.normal(size=(rows, 20))
    compiled = ad.compile(f)
    first = [np.asarray(a) for a in compiled(x)]
    program = compiled.trace(x).program
    (nest,) = program.schedule.steps
    assert program.is_stepwise and not nest.is_whole and nest.in_chunks == (rows == 6_000)
    for _ in range(5):
        last = [np.asarray(a) for a in compiled(x)]
    assert not compiled.trace(x).program.is_stepwise
    for a, b, c in zip(first, last, f(ad.asarray(x)), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, rtol=1e-12)


def test_a_large_nest_is_not_run_stepwise(compilations):
    """One thread would take much longer than compiling code for several takes."""
    compiled = ad.compile(lambda x: ad.sum(ad.tanh(x) * x, axis=0))
    x = np.ones((200_000, 50))
    compiled(x)
    assert not compiled.trace(x).program.is_stepwise


def test_stepwise_runs_check_indices(compilations):
    step = ad.compile(ad.value_and_grad(loss_of_labels, (0, 1)))
    w, b, x, labels = labelled(30)
    expected = ad.value_and_grad(loss_of_labels, (0, 1))(w, b, x, labels)
    for number in range(4):
        assert step.trace(w, b, x, labels).program.is_stepwise == (number < 2)
        with pytest.raises(ad.errors.OutOfBoundsError, match="5 is out of bounds"):
            step(w, b, x, np.where(labels == labels[3], 5, labels))
        value, gradients = step(w, b, x, labels)
        np.testing.assert_allclose(value, expected[0], rtol=1e-12)
        np.testing.assert_allclose(gradients[0], expected[1][0], rtol=1e-10, atol=1e-14)


def test_a_failed_check_stays_with_its_program(compilations):
    """What fails leaves no mark that another program, in another thread, could take for its own or
    take away."""
    choose = ad.compile(lambda x, i: ad.sin(x)[i])
    x, good, bad = np.arange(5.0), np.array([4, 0, 2]), np.array([4, 0, 7])
    program = choose.trace(x, good).program
    for is_stepwise, calls in (True, 0), (False, 4):
        for _ in range(calls):
            choose(x, good)
        assert program.is_stepwise == is_stepwise
        before = kernel_cache.failures.value
        with pytest.raises(ad.errors.OutOfBoundsError):
            choose(x, bad)
        assert kernel_cache.failures.value > before
        np.testing.assert_allclose(program.run([x, good])[0], np.sin(x)[good], rtol=1e-14)


def test_twenty_batch_sizes_compile_kernels_hardly_more_than_once(compilations):
    step = ad.compile(ad.value_and_grad(loss, (0, 1)))
    of_labels = ad.compile(ad.value_and_grad(loss_of_labels, (0, 1)))
    for batch in range(100, 120):
        step(*arguments(batch))
        of_labels(*labelled(batch))
    assert compilations.count("driver") <= 2
    assert compilations.count("kernels") <= 8  # and the entries' shared code, once in a process


def test_the_code_for_one_element_serves_more():
    """An elementwise kernel is written for the first size that comes, and serves all."""
    alive = []  # code lives as long as a program that calls it
    for rows, columns in ((1, 1), (1, 3), (2, 2)):
        a, b = np.ones((rows, 5)), np.arange(5.0 * columns).reshape(5, columns)
        f = ad.compile(lambda a, b: 2.0 * (a @ b) * (a @ b))
        alive.append(f)
        np.testing.assert_array_equal(np.asarray(f(a, b)), 2 * (a @ b) ** 2)


CONSECUTIVE, PERMUTED, REPEATED = [0, 1, 2, 3], [3, 1, 0, 2], [2, 2, 0, 0]


@pytest.mark.parametrize(
    "orders", [(CONSECUTIVE, PERMUTED, REPEATED), (PERMUTED, CONSECUTIVE, REPEATED)]
)
def test_code_for_consecutive_indices_serves_no_others(orders: Any) -> None:
    """Where an index tensor is 0, 1, 2 … its elements are not read."""
    x, columns = np.arange(12.0).reshape(4, 3), [1, 2, 0, 1]
    alive = []  # code lives as long as a program that calls it
    for rows in map(np.array, orders):

        def chosen(x: Any, rows: Any = rows) -> Any:
            return ad.sin(x)[rows, columns]

        def added(x: Any, rows: Any = rows) -> Any:
            return ad.grad(lambda v: ad.sum(ad.cos(v[rows, columns]) * x[0, 1]))(x)

        for f in (chosen, added):
            alive.append(ad.compile(f))
            found, expected = alive[-1](x).numpy(), f(ad.asarray(x)).numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        alive.append(ad.compile(lambda x, rows: ad.sin(x)[rows, np.array(columns)]))
        found = alive[-1](x, rows).numpy()
        np.testing.assert_allclose(found, np.sin(x)[rows, columns], rtol=1e-12)
        with pytest.raises(IndexError):
            alive[-1](x, rows + 2)
