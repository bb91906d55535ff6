"""Products of a small depth, or with a few vectors: sums in the loops that read or compute them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.schedule.plan import nbytes

pytestmark = pytest.mark.unit

ROWS, COLUMNS = 900, 90
DTYPES = ["float32", "float64"]


def normal(dtype: str, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def steps(f: Any, *arguments: Any) -> list[Any]:
    return [s for s in ad.compile(f).trace(*arguments).schedule.steps if not s.is_view]


def names(f: Any, *arguments: Any) -> set[str]:
    return {step.name for step in steps(f, *arguments)}


def least(x: Any, y: Any) -> Any:
    """For each row of x the least of its products with the rows of y."""
    return ad.min(ad.exp(x @ y.T), axis=1)


@pytest.mark.parametrize("depth", [2, 5, 8])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_large_shallow_product_is_not_stored(dtype: str, depth: int) -> None:
    x, y = normal(dtype, (ROWS, depth), (COLUMNS, depth))
    found = steps(least, x, y)
    assert "gemm" not in {step.name for step in found}
    assert max(nbytes(n) for step in found for n in step.roots) < ROWS * COLUMNS * x.itemsize
    result = ad.compile(least)(x, y).numpy()
    assert result.dtype == dtype
    wanted = np.min(np.exp(x.astype(float) @ y.T.astype(float)), 1)
    np.testing.assert_allclose(result, wanted, rtol=1e-12 if dtype == "float64" else 1e-5)


def test_the_transposed_factor_is_stored_once() -> None:
    """Read where it was, each vector of it would be a gather."""
    x, y = normal("float64", (ROWS, 8), (COLUMNS, 8))
    assert (8, COLUMNS) in [n.shape for step in steps(least, x, y) for n in step.roots]


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x @ y.T,  # to be stored in any case
        lambda x, y: (x @ y.T) @ y,  # read by a product
        lambda x, y: ad.cumsum(x @ y.T, axis=1),  # by what is not pointwise
    ],
)
def test_other_shallow_products_stay(f: Any) -> None:
    assert "gemm" in names(f, *normal("float64", (ROWS, 8), (COLUMNS, 8)))


@pytest.mark.parametrize("shapes", [((ROWS, 9), (COLUMNS, 9)), ((90, 8), (90, 8))])
def test_deep_and_small_products_stay(shapes: Any) -> None:
    assert "gemm" in names(least, *normal("float64", *shapes))


def test_zeros_infinities_and_nan_are_those_of_a_product() -> None:
    x, y = np.zeros((ROWS, 3)), np.ones((COLUMNS, 3))
    x[0], x[1, 2], x[2, 0] = -0.0, np.inf, np.nan
    y[3, 2] = 0.0
    with np.errstate(all="ignore"):
        wanted = np.min(1.0 / (x @ y.T + 0.0), 1), np.min(np.abs(x @ y.T), 1)

        def f(x: Any, y: Any) -> Any:
            return ad.min(1.0 / (x @ y.T), 1), ad.min(ad.abs(x @ y.T), 1)

        found = ad.compile(f)(x, y)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a.numpy(), b)


FEW: dict[str, Any] = {
    "transpose times few": (lambda a, u, v: a.T @ u),
    "few times matrix": (lambda a, u, v: u.T @ a),
    "matrix times few": (lambda a, u, v: a @ v),
    "few times transpose": (lambda a, u, v: v.T @ a.T),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FEW)
def test_a_large_computed_matrix_is_not_stored_for_a_few_vectors(name: str, dtype: str) -> None:
    product = FEW[name]
    a, u, v = normal(dtype, (1700, COLUMNS), (1700, 3), (COLUMNS, 3))

    def computed(a: Any, u: Any, v: Any) -> Any:
        return product(ad.maximum(a, 0.5), u, v)

    assert "gemm" not in names(computed, a, u, v)
    result = ad.compile(computed)(a, u, v).numpy()
    wanted = product(np.maximum(a.astype(float), 0.5), u.astype(float), v.astype(float))
    tolerance = 1e-11 if dtype == "float64" else 2e-4
    np.testing.assert_allclose(result, wanted, rtol=tolerance, atol=tolerance)
    assert "gemm" in names(lambda a, u, v: product(a, u, v), a, u, v)


def test_what_another_product_reads_is_stored_for_both() -> None:
    def f(a: Any, u: Any, w: Any) -> Any:
        b = ad.maximum(a, 0.5)
        return b.T @ u, b @ w

    given = normal("float64", (1700, COLUMNS), (1700, 3), (COLUMNS, 40))
    assert [s.name for s in steps(f, *given)].count("gemm") == 2


def clustering(points: Any, centroids: Any) -> Any:
    squares = ad.sum(points**2, axis=1, keepdims=True) + ad.sum(centroids**2, axis=1)
    return ad.sum(ad.min(squares - 2.0 * (points @ centroids.T), axis=1))


@pytest.mark.parametrize("compiled", [True, False])
def test_the_gradient_of_a_clustering(compiled: bool) -> None:
    """Twice what a centroid lies apart from the points nearest to it, summed."""
    points, centroids = normal("float64", (1500, 6), (40, 6))
    gradient = ad.grad(lambda c: clustering(points, c))
    found = np.asarray((ad.compile(gradient) if compiled else gradient)(centroids))
    nearest = np.argmin(((points[:, None] - centroids) ** 2).sum(2), 1)
    wanted = np.zeros_like(centroids)
    np.add.at(wanted, nearest, 2 * (centroids[nearest] - points))
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


def test_a_batch_of_clusterings() -> None:
    """Their products have three axes and stay products."""
    points, centroids = normal("float64", (3, 500, 4), (3, 70, 4))
    found = ad.compile(ad.vmap(clustering))(points, centroids)
    wanted = [clustering(p, c).numpy() for p, c in zip(points, centroids, strict=True)]
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12)
