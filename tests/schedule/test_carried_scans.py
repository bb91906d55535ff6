"""Scans along rows whose results are only added up: carried by loops, and stored nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.order import topological_order
from adjoint.schedule.carried_scans import carried_by
from adjoint.schedule.memory import plan_memory
from adjoint.schedule.memory_check import check_plan
from adjoint.schedule.plan import nbytes

pytestmark = pytest.mark.unit


def schedule_of(f: Any, *arguments: Any) -> Any:
    return ad.compile(f).trace(*arguments).schedule


def carried(f: Any, *arguments: Any) -> list[str]:
    """The scans that loops carry, once for each kernel."""
    steps = schedule_of(f, *arguments).steps
    return [n.op.name for step in steps for kernel in step.kernels for n in carried_by(kernel)]


def powers(t: Any, m: int) -> Any:
    return ad.cumprod(ad.broadcast_to(ad.expand_dims(t, 1), (t.shape[0], m)), axis=1)


def polynomial(x: Any, t: Any) -> Any:
    n, m = t.shape[0], x.shape[0]
    return ad.concat([np.ones((n, 1), t.dtype), powers(t, m - 1)], axis=1) @ x


def loss(x: Any, t: Any) -> Any:
    return ad.sum((polynomial(x, t) - ad.sign(t)) ** 2)


def given(n: int, m: int, dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=m).astype(dtype), rng.uniform(-1.1, 1, n).astype(dtype)


SIZES = [(32, 128), (33, 130), (63, 70), (200, 21), (1024, 128), (4099, 2)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_least_squares_of_a_polynomial(n: int, m: int, dtype: str) -> None:
    """Whole vectors, tails, chunks of rows: value, gradient by x, and by t too."""
    x, t = given(n, m, dtype)
    both = ad.value_and_grad(loss)
    assert carried(both, x, t) == ["cumprod", "cumprod"]
    local = [r for step in schedule_of(both, x, t).steps for r in step.roots]
    assert max(map(nbytes, local)) <= max(n, m) * x.itemsize
    value, gradient = ad.compile(both)(x, t)
    assert value.dtype == gradient.dtype == dtype
    matrix = np.vander(t.astype(float), m, increasing=True)
    rest = matrix @ x - np.sign(t)
    tolerance = {"rtol": 1e-11, "atol": 1e-9} if dtype == "float64" else {"rtol": 2e-3}
    np.testing.assert_allclose(value.numpy(), rest @ rest, **tolerance)
    if dtype == "float64":
        np.testing.assert_allclose(gradient.numpy(), 2 * matrix.T @ rest, **tolerance)
    else:
        wanted = 2 * matrix.T @ rest
        assert np.linalg.norm(gradient.numpy() - wanted) < 1e-4 * np.linalg.norm(wanted)


SUMS: dict[str, Any] = {
    "along rows": lambda p: ad.sum(p, axis=1),
    "over rows": lambda p: ad.sum(p, axis=0),
    "of all": lambda p: ad.sum(p),
    "largest": lambda p: ad.max(p, axis=0),
    "smallest in rows": lambda p: ad.min(p, axis=1),
    "products": lambda p: ad.prod(0.5 + p * 0.001, axis=1),
    "any": lambda p: ad.any(p > 0.5, axis=0),
    "count": lambda p: ad.count_nonzero(p > 0.1, axis=1),
}
SCANS: dict[str, Any] = {
    "cumprod": lambda t, c: ad.cumprod(t[:, None] * c, axis=1),
    "cumsum": lambda t, c: ad.cumsum(t[:, None] - c, axis=1),
}
BY_NUMPY: dict[str, Any] = {
    "cumprod": lambda t, c: np.cumprod(t[:, None] * c, axis=1),
    "cumsum": lambda t, c: np.cumsum(t[:, None] - c, axis=1),
}


@pytest.mark.parametrize("n", [70, 129])
@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("name", SUMS)
def test_what_is_done_with_a_scan(name: str, scan: str, n: int) -> None:
    rng = np.random.default_rng(0)
    t, c = rng.normal(size=n), rng.normal(size=90)

    def f(t: Any, c: Any) -> Any:
        return SUMS[name](SCANS[scan](t, c))

    assert carried(f, t, c)
    wanted = SUMS[name](ad.asarray(BY_NUMPY[scan](t, c)))
    np.testing.assert_allclose(ad.compile(f)(t, c).numpy(), wanted, rtol=1e-11, atol=1e-11)


def test_nan_stays_in_its_row() -> None:
    t = np.full(100, 0.5)
    t[[3, 40, 99]] = np.nan, np.inf, -np.inf
    found = ad.compile(lambda t: ad.sum(powers(t, 60), axis=1))(t).numpy()
    with np.errstate(all="ignore"):
        wanted = np.cumprod(np.repeat(t[:, None], 60, 1), 1).sum(1)
    np.testing.assert_allclose(found, wanted)


def test_columns_and_reversed_views_are_arguments_like_any() -> None:
    x, t = given(300, 40)
    wide = np.stack([t, t], 1)
    wanted = ad.compile(loss)(x, t).numpy()
    for other in (wide[:, 0], t[::-1].copy()[::-1]):
        np.testing.assert_array_equal(ad.compile(loss)(x, other).numpy(), wanted)


X, T = given(100, 50)
D = np.random.default_rng(1).normal(size=(100, 50))

STORED: dict[str, Any] = {
    "a result": lambda x, t: powers(t, 50),
    "read by a product": lambda x, t: powers(t, 50) @ D.T,
    "read at another index": lambda x, t: ad.sum(powers(t, 50)[:, 1:], axis=1),
    "of a matrix": lambda x, t: ad.sum(ad.cumprod(D * x, axis=1), axis=1),
    "beside a matrix": lambda x, t: ad.sum(powers(t, 50) * D, axis=1),
    "expensive": lambda x, t: ad.sum(ad.exp(powers(t, 50)), axis=1),
    "along columns": lambda x, t: ad.sum(ad.cumprod(t[:, None] * x, axis=0), axis=1),
    "few rows": lambda x, t: ad.sum(powers(t[:20], 300), axis=1),
}


@pytest.mark.parametrize("name", STORED)
def test_other_scans_are_stored(name: str) -> None:
    f = STORED[name]
    assert not carried(f, X, T)
    np.testing.assert_allclose(ad.compile(f)(X, T).numpy(), np.asarray(f(X, T)), rtol=1e-11)


def test_sums_of_a_matrix_are_in_loops_of_their_own() -> None:
    """Rows are lanes where a scan is carried; a matrix is read along its rows."""

    def f(t: Any, d: Any) -> Any:
        return ad.sum(powers(t, 50), axis=1), ad.sum(d, axis=1), d + 1.0

    steps = schedule_of(f, T, D).steps
    kernels = [kernel for step in steps for kernel in step.kernels]
    assert [len(carried_by(kernel)) for kernel in kernels if len(kernel.roots) == 1] == [1]
    for a, b in zip(ad.compile(f)(T, D), f(T, D), strict=True):
        np.testing.assert_allclose(a.numpy(), np.asarray(b), rtol=1e-12)


def test_the_plan_of_memory_is_right() -> None:
    schedule = schedule_of(ad.grad(loss), *given(300, 40))
    check_plan(schedule, plan_memory(schedule))


def test_derivatives_by_the_abscissae() -> None:
    """The scans of the way back go along rows from their ends, and are stored."""
    x, t = given(150, 30)
    by_t = ad.grad(loss, argnums=1)
    found = ad.compile(by_t)(x, t).numpy()
    np.testing.assert_allclose(found, np.asarray(by_t(x, t)), rtol=1e-10, atol=1e-10)
    step = 1e-6
    for i in (0, 77, 149):
        moved = np.where(np.arange(150) == i, step, 0.0)
        rise = float(loss(x, t + moved)) - float(loss(x, t - moved))
        np.testing.assert_allclose(found[i], rise / (2 * step), rtol=1e-5, atol=1e-4)
    tangent = ad.compile(lambda x, t: ad.jvp(lambda t: loss(x, t), (t,), (np.ones(150),))[1])
    np.testing.assert_allclose(tangent(x, t).numpy(), found.sum(), rtol=1e-9)


def test_examples_of_a_batch() -> None:
    x, t = given(300, 40)
    found = ad.compile(ad.vmap(loss, in_axes=(None, 0)))(x, np.stack([t, -t]))
    wanted = [float(loss(x, t)), float(loss(x, -t))]
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-11)


def test_in_a_loop() -> None:
    x, t = given(100, 50)

    def descent(x: Any, t: Any) -> Any:
        return ad.fori_loop(0, 3, lambda _, x: x - 1e-3 * ad.grad(loss)(x, t), x)

    wanted = x
    for _ in range(3):
        wanted = wanted - 1e-3 * np.asarray(ad.grad(loss)(wanted, t))
    np.testing.assert_allclose(ad.compile(descent)(x, t).numpy(), wanted, rtol=1e-10)


# ones in front


def operations(f: Any, *arguments: Any) -> list[str]:
    outputs = ad.compile(f).trace(*arguments).optimised
    return [node.op.name for node in topological_order(outputs)]


def test_a_product_behind_ones_begins_with_them() -> None:
    names = operations(loss, *given(100, 50))
    assert names.index("concat") < names.index("cumprod")
    first = ad.compile(lambda t: ad.cumulative_prod(t, include_initial=True))
    np.testing.assert_array_equal(first(T).numpy(), np.cumprod(np.append(1.0, T)))


@pytest.mark.parametrize(
    "f",
    [
        lambda t: ad.concat([2 * np.ones(1), ad.cumprod(t)]),
        lambda t: (ad.concat([np.ones(1), p := ad.cumprod(t)]), p),
        lambda t: ad.concat([ad.cumprod(t), np.ones(1)]),
        lambda t: ad.concat([np.ones(1), ad.flip(ad.cumprod(ad.flip(t)))]),
    ],
)
def test_other_joins_stay(f: Any) -> None:
    def outputs(t: Any) -> Any:
        found = f(t)
        return found if isinstance(found, tuple) else (found,)

    names = operations(outputs, T)
    assert names.index("cumprod") < names.index("concat")
    for a, b in zip(ad.compile(outputs)(T), outputs(T), strict=True):
        np.testing.assert_array_equal(a.numpy(), np.asarray(b))
