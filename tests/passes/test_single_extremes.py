"""What only the extreme element of a row gets: scattered, as long as no row has two of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import KinkWarning

pytestmark = pytest.mark.unit

N, K, D = 1300, 60, 3  # more answers than `WORTH_A_BRANCH`


def nearest(points: Any, centroids: Any, weights: Any) -> Any:
    squares = ad.sum(points**2, axis=1, keepdims=True) + ad.sum(centroids**2, axis=1)
    return ad.sum(weights * ad.min(squares - 2.0 * (points @ centroids.T), axis=1))


def furthest(points: Any, centroids: Any, weights: Any) -> Any:
    products = (ad.sin(centroids) @ points.T).T
    return ad.sum(weights * ad.max(products, axis=1) ** 2)


def derivatives(f: Callable[..., Any]) -> Callable[..., Any]:
    """Gradient by the centroids, and Hessian times ones."""

    def both(points: Any, centroids: Any, weights: Any) -> Any:
        gradient = ad.grad(lambda c: f(points, c, weights))
        return ad.jvp(gradient, (centroids,), (np.ones(centroids.shape, centroids.dtype),))

    return both


def given(dtype: str = "float64") -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    shapes = (N, D), (K, D), (N,)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def interpreted(f: Callable[..., Any], *arguments: Any) -> list[np.ndarray]:
    with ad.options(native="never"):
        return [np.asarray(x) for x in f(*arguments)]


@pytest.mark.parametrize(("f", "dtype"), [(nearest, "float64"), (furthest, "float32")])
def test_sums_are_scattered(f: Callable[..., Any], dtype: str) -> None:
    arguments = given(dtype)
    compiled = ad.compile(derivatives(f))
    with warnings.catch_warnings():
        warnings.simplefilter("error", KinkWarning)
        found = compiled(*arguments)
    assert "scatter_add" in compiled.text("passes")
    wanted = interpreted(derivatives(f), *(x.astype("float64") for x in arguments))
    tolerance = 1e-10 if dtype == "float64" else 1e-3
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a.numpy(), b, rtol=tolerance, atol=tolerance)


def test_the_least_is_that_of_numpy() -> None:
    """Newton's direction goes to the mean of the points of each centroid."""
    points, centroids, _ = given()
    first, second = ad.compile(derivatives(nearest))(points, centroids, np.ones(N))
    number = np.argmin(((points[:, None] - centroids) ** 2).sum(2), 1)
    for k in range(K):
        own = points[number == k]
        np.testing.assert_allclose(second.numpy()[k], 2.0 * len(own))
        np.testing.assert_allclose(first.numpy()[k], 2 * (len(own) * centroids[k] - own.sum(0)))


def change_nothing(points: np.ndarray, centroids: np.ndarray, weights: np.ndarray) -> None:
    pass


def tie(points: np.ndarray, centroids: np.ndarray, weights: np.ndarray) -> None:
    centroids[5] = centroids[7]


def tie_that_does_not_count(points: np.ndarray, centroids: np.ndarray, weights: np.ndarray) -> None:
    points[11], centroids[5], centroids[7] = 0.0, 0.1, -0.1
    centroids[[5, 7], 1:] = 0.0
    weights[11] = 0.0


def infinite_point(points: np.ndarray, centroids: np.ndarray, weights: np.ndarray) -> None:
    points[3, 1] = np.inf


def nan_in_a_point(points: np.ndarray, centroids: np.ndarray, weights: np.ndarray) -> None:
    points[3, 1] = np.nan


def infinite_weight(points: np.ndarray, centroids: np.ndarray, weights: np.ndarray) -> None:
    weights[3] = np.inf


CHANGES = [tie, tie_that_does_not_count, infinite_point, nan_in_a_point, infinite_weight]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("f", [nearest, furthest])
def test_what_is_not_supposed_is_found_out(f: Callable[..., Any]) -> None:
    """Each call decides for itself; the same program serves all."""
    compiled = ad.compile(derivatives(f))
    for change in (*CHANGES, change_nothing):
        arguments = given()
        change(*arguments)
        wanted = interpreted(derivatives(f), *arguments)
        for a, b in zip(compiled(*arguments), wanted, strict=True):
            np.testing.assert_allclose(a.numpy(), b, rtol=1e-9, atol=1e-9, err_msg=change.__name__)


def test_what_was_computed_before_has_no_inputs() -> None:
    """Tensors that a function closes over have their values, and have forgotten what made them."""
    points, centroids, weights = given()
    matrix = np.linspace(-1.0, 1.0, K * N).reshape(N, K)
    known = [ad.asarray(matrix).T, ad.asarray(weights) + 1.0, ad.where(matrix > 0, 1.0, 0.0).T]
    known += [ad.logical_not(matrix.T > 0), ad.reshape(ad.asarray(weights), (N, 1))]
    turned, moved, chosen, mask, column = ad.evaluate(known)

    def f(points: Any, centroids: Any, weights: Any) -> Any:
        nearer = ad.logical_not(points @ centroids.T < column)
        others = [turned @ points, chosen @ points, ad.where(mask, 1.0, 0.0), nearer]
        return *derivatives(nearest)(points, centroids, moved), *others

    compiled = ad.compile(f)
    wanted = interpreted(f, points, centroids, weights)
    for a, b in zip(compiled(points, centroids, weights), wanted, strict=True):
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-9, atol=1e-9)
    assert "scatter_add" in compiled.text("passes")


def test_a_heavy_nest_keeps_its_threads() -> None:
    """What scatters runs behind it, as it cannot be cut into chunks."""
    steps = ad.compile(derivatives(nearest)).trace(*given()).schedule.steps
    nests = [step for step in steps if getattr(step, "in_chunks", False)]
    assert any("min" in [root.op.name for root in nest.roots] for nest in nests)
    assert not any(root.op.scatters for nest in nests for root in nest.roots)


def test_several_weights_at_a_time() -> None:
    """A mask of one example serves all of them: what they choose has an axis more."""
    points, centroids, weights = given()
    several = np.stack([weights, weights**2, np.ones(N)])

    def batched(points: Any, centroids: Any, several: Any) -> Any:
        return ad.vmap(derivatives(nearest), in_axes=(None, None, 0))(points, centroids, several)

    wanted = interpreted(batched, points, centroids, several)
    for a, b in zip(ad.compile(batched)(points, centroids, several), wanted, strict=True):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-9, atol=1e-9)
