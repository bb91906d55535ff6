"""Other batch sizes of a compiled function: the same numbers, and no kernel is compiled again."""

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm import jit

RNG = np.random.default_rng(0)


def loss(w, b, x, y):
    z = ad.tanh(x @ w + b)
    return ad.mean(ad.logsumexp(z, axis=1) - ad.sum(y * z, axis=1)) + ad.sum(ad.std(x, axis=0))


def arguments(batch):
    w, b = RNG.normal(size=(7, 5)), RNG.normal(size=5)
    return w, b, RNG.normal(size=(batch, 7)), np.eye(5)[RNG.integers(0, 5, batch)]


@pytest.fixture
def compilations(monkeypatch, tmp_path):
    """Counts what goes through LLVM; nothing is found on disk."""
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(tmp_path))
    found = []
    compile_object = jit.compile_object

    def counted(texts):
        found.append("driver" if "driver" in texts else "kernels")
        return compile_object(texts)

    monkeypatch.setattr(jit, "compile_object", counted)
    return found


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


def test_cold_and_native_runs_agree_to_the_last_bit(compilations):
    step = ad.compile(ad.grad(loss, (0, 1, 2)))
    step(*arguments(40))
    given = arguments(41)
    first = [np.asarray(g) for g in step(*given)]
    assert step.trace(*given).program.is_cold
    for _ in range(5):
        again = [np.asarray(g) for g in step(*given)]
    assert not step.trace(*given).program.is_cold
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a, b)


def test_twenty_batch_sizes_compile_kernels_hardly_more_than_once(compilations):
    step = ad.compile(ad.value_and_grad(loss, (0, 1)))
    for batch in range(100, 120):
        step(*arguments(batch))
    assert compilations.count("driver") <= 2
    assert compilations.count("kernels") <= 8  # and the entries' shared code, once in a process


def test_the_code_for_one_element_serves_more():
    """An elementwise kernel is written for the first size that comes, and serves all."""
    kept = []  # with their code
    for rows, columns in ((1, 1), (1, 3), (2, 2)):
        a, b = np.ones((rows, 5)), np.arange(5.0 * columns).reshape(5, columns)
        f = ad.compile(lambda a, b: 2.0 * (a @ b) * (a @ b))
        kept.append(f)
        np.testing.assert_array_equal(np.asarray(f(a, b)), 2 * (a @ b) ** 2)
