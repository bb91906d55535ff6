"""LAPACK called from native programs: the same results, no call of Python, and errors raised."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint as ad
from adjoint.backends.llvm.compile import jit
from adjoint.errors import LinAlgError
from tests.native.running import step_kinds
from tests.sampling import in_turn

pytestmark = pytest.mark.native

rng = np.random.default_rng(5)
linalg = ad.linalg


def matrices(*shape, dtype="float64"):
    return rng.normal(size=shape).astype(dtype)


def positive(*shape, dtype="float64"):
    x = matrices(*shape)
    return (x @ np.swapaxes(x, -2, -1) / shape[-1] ** 2 + np.eye(shape[-1])).astype(dtype)


def systems(a, b, s):
    """Everything that LAPACK computes of systems, and the gradients."""

    def total(a, b, s):
        return (
            ad.sum(linalg.solve(a, b) ** 2)
            + ad.sum(linalg.cholesky(s) ** 3)
            + ad.sum(linalg.slogdet(a).logabsdet)
            + ad.sum(linalg.solve_triangular(s, b, lower=True) ** 2)
            + ad.sum(linalg.solve_triangular(s, b, trans=1, unit_diagonal=True) ** 2)
        )

    return (
        linalg.solve(a, b),
        linalg.inv(a),
        linalg.det(a),
        *linalg.slogdet(a),
        linalg.cholesky(s),
        linalg.cholesky(s, upper=True),
        linalg.solve_triangular(s, b),
        linalg.solve_triangular(s, b, lower=True, trans=1),
        *ad.grad(total, (0, 1, 2))(a, b, s),
    )


@pytest.mark.parametrize(
    ("dtype", "lead", "sizes"),
    in_turn(["float64", "float32"], [(), (3,), (2, 1)], [(1, 2), (3, 1), (33, 4)]),
)
def test_compiled_is_as_interpreted(dtype, lead, sizes):
    size, columns = sizes
    a, s = matrices(*lead, size, size), positive(*lead, size, size, dtype=dtype)
    a = (a + size * np.eye(size)).astype(dtype)
    b = matrices(*lead, size, columns, dtype=dtype)
    for ours, theirs in zip(ad.compile(systems)(a, b, s), systems(a, b, s), strict=True):
        assert ours.dtype == theirs.dtype
        tolerance = 1e-9 if dtype == "float64" else 2e-3
        scale = np.abs(theirs.numpy()).max()
        assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * scale)


def decompositions(square, tall):
    """Every decomposition, and the gradients."""

    def total(square, tall):
        return (
            ad.sum(linalg.eigvalsh(square) ** 3)
            + ad.sum(linalg.svdvals(tall) ** 3)
            + ad.sum(linalg.qr(tall).R ** 3)
            + ad.sum(linalg.pinv(tall) ** 3)
        )

    return (
        *linalg.eigh(square),
        *linalg.svd(tall, False),
        *linalg.svd(tall),
        *linalg.svd(tall.mT, False),
        *linalg.qr(tall),
        *linalg.qr(tall, "complete"),
        *linalg.qr(tall.mT),
        *ad.grad(total, (0, 1))(square, tall),
    )


@pytest.mark.parametrize(
    ("dtype", "stack"),
    in_turn(["float64", "float32"], [((), 1), ((3,), 4), ((2, 1), 3), ((), 60)], times=2),
)
def test_decompositions_are_as_interpreted(dtype, stack):
    lead, size = stack
    square = matrices(*lead, size, size, dtype=dtype)
    tall = matrices(*lead, size + 2, size, dtype=dtype)
    ours = ad.compile(decompositions)(square, tall)
    for i, (found, expected) in enumerate(zip(ours, decompositions(square, tall), strict=True)):
        assert found.dtype == expected.dtype
        tolerance = 1e-9 if dtype == "float64" else 1e-2
        scale = np.abs(expected.numpy()).max()
        assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale, err_msg=str(i))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("missing", range(4))
def test_determinants_of_every_rank(size, missing):
    """The first and the second derivative, which no inverse gives."""
    rank = max(0, size - missing)
    a, x = matrices(size, rank) @ matrices(rank, size), matrices(size, size)

    def along(a):
        return ad.jvp(ad.grad(linalg.det), (a,), (x,))

    for found, expected in zip(ad.compile(along)(a), along(a), strict=True):
        assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_stacks_that_broadcast():
    a, b = matrices(2, 1, 4, 4), matrices(3, 4, 2)
    solve = ad.compile(linalg.solve)
    assert_allclose(solve(a, b), np.linalg.solve(a, b))
    assert_allclose(solve(a, b[0]), np.linalg.solve(a, b[0]))
    assert_allclose(solve(a[0, 0], b), np.linalg.solve(a[0, 0], b))


def test_empty_matrices():
    solve = ad.compile(linalg.solve)
    assert solve(np.ones((0, 0)), np.ones(0)).shape == (0,)
    assert solve(np.ones((0, 3, 3)), np.ones((3, 2))).shape == (0, 3, 2)
    assert float(ad.compile(linalg.det)(np.ones((0, 0)))) == 1


def test_no_step_is_left_to_python():
    a, b, s = matrices(4, 4), matrices(4, 2), positive(4, 4)

    compiled = ad.compile(systems)
    compiled(a, b, s)
    assert "numpy" not in step_kinds(compiled, a, b, s)
    assert "numpy" not in step_kinds(ad.compile(decompositions), a, b)
    assert "numpy" not in step_kinds(ad.compile(ad.grad(linalg.det)), a)


def test_the_slope_of_a_logarithm_of_a_determinant():
    """A⁻ᵀ by LAPACK, in a loop as well; infinite, by the interpreter, where A is singular."""

    def loss(a):
        return ad.sum(linalg.slogdet(a).logabsdet)

    gradient = ad.compile(ad.grad(loss))
    for dtype, rtol in ((np.float64, 1e-9), (np.float32, 1e-3)):
        a = matrices(7, 5, 5).astype(dtype)
        for given in (a, np.asfortranarray(a), a[::-2]):
            expected = np.swapaxes(np.linalg.inv(given.astype(np.float64)), -2, -1)
            assert_allclose(gradient(given), expected, rtol=rtol, atol=rtol)
    assert np.isinf(np.asarray(gradient(np.zeros((2, 1, 1))))).all()

    def steps(a):
        step = lambda total, x: (total + linalg.slogdet(x).logabsdet, None)
        return ad.scan(step, 0.0, a)[0]

    a = matrices(7, 5, 5)
    looped = ad.compile(ad.grad(steps))
    assert_allclose(looped(a), np.swapaxes(np.linalg.inv(a), -2, -1), rtol=1e-9, atol=1e-9)
    bodies = [row.computes for row in looped.report().rows if row.kind == "scan"]
    assert bodies and "log_det_slope [6, 5]" in bodies[-1]
    second = ad.compile(ad.hessian(lambda t: loss(t * a)))(1.5)
    assert_allclose(second, -7 * 5 / 1.5**2, rtol=1e-8)


def test_value_and_gradient_decompose_once():
    def loss(a, b):
        return ad.sum(linalg.solve(a, b) ** 2) + linalg.slogdet(a).logabsdet

    compiled = ad.compile(ad.value_and_grad(loss, (0, 1)))
    args = matrices(5, 5), matrices(5)
    compiled(*args)
    steps = [row.computes for row in compiled.report().rows if row.kind == "lapack"]
    assert sum("lu_factor" in step for step in steps) == 1


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (linalg.solve, (np.ones((2, 2)), np.ones(2)), "pivot 1 is 0"),
        (linalg.inv, (np.stack([np.eye(2), np.ones((2, 2))]),), r"at \[1\] of the stack"),
        (linalg.cholesky, (-np.eye(3),), "not positive definite"),
        (linalg.cholesky, (np.stack([np.eye(3), -np.eye(3)]),), r"at \[1\] of the stack"),
        (linalg.solve_triangular, (np.diag([1.0, 0.0]), np.ones(2)), "number 1 of the diagonal"),
    ],
)
def test_native_code_raises_what_the_interpreter_raises(function, arguments, message):
    compiled = ad.compile(function)
    good = [np.broadcast_to(np.eye(a.shape[-1]), a.shape).copy() if a.ndim > 1 else a
            for a in arguments]  # fmt: skip
    first = compiled(*good).numpy()
    for _ in range(3):
        with pytest.raises(LinAlgError, match=message):
            compiled(*arguments)
    assert_array_equal(compiled(*good), first)


def test_nan_is_a_value_and_no_error():
    a = matrices(3, 3)
    a[1, 1] = np.nan
    assert np.isnan(ad.compile(linalg.solve)(a, np.ones(3)).numpy()).all()


def test_a_donated_input_survives_a_failure():
    """A program that may fail keeps its inputs, as the interpreter needs them to say why."""
    compiled = ad.compile(linalg.cholesky, donate=0)
    with pytest.raises(LinAlgError):
        compiled(ad.asarray(-np.eye(3)))


def test_results_are_the_same_from_run_to_run():
    a, b = matrices(120, 120), matrices(120, 7)
    solve = ad.compile(linalg.solve)
    first = solve(a, b).numpy()
    for _ in range(5):
        assert_array_equal(solve(a, b), first)


@pytest.mark.usefixtures("fresh_caches")
def test_another_size_runs_stepwise_with_the_same_bits(monkeypatch):
    """The code for one matrix serves all sizes; its own native program changes no bit."""

    def several(a, b, s):
        return (
            linalg.solve(a, b),
            linalg.inv(s),
            linalg.cholesky(s),
            linalg.solve_triangular(s, b, lower=True),
        )

    compiled = ad.compile(several)
    for size in (5, 6):
        args = matrices(2, size, size), matrices(size, 3), positive(size, size)
        first = compiled(*args)
    with monkeypatch.context() as patched:
        patched.setattr(jit, "begin_compiling", None)
        args = matrices(2, 7, 7), matrices(7, 3), positive(7, 7)
        first = compiled(*args)
    assert compiled.trace(*args).program.is_stepwise
    for _ in range(5):
        last = compiled(*args)
    assert not compiled.trace(*args).program.is_stepwise
    for stepwise, native in zip(first, last, strict=True):
        assert_array_equal(stepwise, native)


def test_a_program_run_step_by_step_raises_too():
    compiled = ad.compile(linalg.cholesky)
    compiled(np.eye(4))
    compiled(np.eye(5))
    assert compiled.trace(np.eye(5)).program.is_stepwise
    with pytest.raises(LinAlgError, match="not positive definite"):
        compiled(-np.eye(5))
