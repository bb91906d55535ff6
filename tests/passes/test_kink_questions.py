"""What a second derivative asks where a kink is met: in a compiled program, a branch of its own."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import KinkWarning
from adjoint.schedule.plan import NumpyCall

pytestmark = pytest.mark.unit

N, K, D = 1300, 60, 3  # more answers than `WORTH_A_BRANCH`


def cost(points: Any, centroids: Any) -> Any:
    squares = ad.sum(points**2, axis=1, keepdims=True) + ad.sum(centroids**2, axis=1)
    return ad.sum(ad.min(squares - 2.0 * (points @ centroids.T), axis=1))


def curvature(points: Any, centroids: Any) -> Any:
    """Gradient, and Hessian times ones."""
    gradient = ad.grad(lambda c: cost(points, c))
    return ad.jvp(gradient, (centroids,), (np.ones(centroids.shape),))


def given() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.normal(size=(N, D)), rng.normal(size=(K, D))


def counts(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """How many points are nearest to each centroid."""
    nearest = np.argmin(((points[:, None] - centroids) ** 2).sum(2), 1)
    return np.bincount(nearest, minlength=K)


def test_questions_are_asked_in_a_branch() -> None:
    points, centroids = given()
    compiled = ad.compile(curvature)
    steps = compiled.trace(points, centroids).schedule.steps
    assert [s.name for s in steps if not s.is_view].count("branch") == 1
    assert not any(isinstance(s, NumpyCall) for s in steps)
    with warnings.catch_warnings():
        warnings.simplefilter("error", KinkWarning)
        _, second = compiled(points, centroids)
    wanted = np.repeat(2.0 * counts(points, centroids)[:, None], D, 1)
    np.testing.assert_allclose(second.numpy(), wanted, rtol=1e-12)


def test_where_a_kink_is_met_the_answers_count() -> None:
    """Points beside two equal centroids: nothing is known there, and the rest is as it was."""
    points, centroids = given()
    compiled = ad.compile(curvature)
    compiled(points, centroids)
    most, other = np.argsort(counts(points, centroids))[[-1, 0]]
    centroids[other] = centroids[most]
    with pytest.warns(KinkWarning, match="min is at a kink"):
        first, second = compiled(points, centroids)
    with pytest.warns(KinkWarning, match="min is at a kink"), ad.options(native="never"):
        wanted = [np.asarray(x) for x in curvature(points, centroids)]
    np.testing.assert_allclose(first.numpy(), wanted[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(second.numpy(), wanted[1], rtol=1e-9)
    assert np.isnan(second.numpy()[[most, other]]).all()
    assert np.isfinite(np.delete(second.numpy(), [most, other], 0)).all()


def test_few_questions_need_no_branch() -> None:
    points, centroids = given()
    steps = ad.compile(curvature).trace(points[:100], centroids).schedule.steps
    assert "branch" not in [s.name for s in steps]
    assert any(isinstance(s, NumpyCall) for s in steps)


def test_a_network_with_inputs_of_zero() -> None:
    """relu is at 0 in some examples, and straight on either side: so there are numbers."""
    rng = np.random.default_rng(2)
    x, w, turn = (rng.normal(size=shape) for shape in ((1100, 20), (20, 64), (20, 64)))

    def product(w: Any, x: Any) -> Any:
        def loss(w: Any) -> Any:
            return ad.sum(ad.nn.relu(x @ ad.tanh(w)))

        return ad.jvp(ad.grad(loss), (w,), (turn,))[1]

    def by_hand(w: np.ndarray, x: np.ndarray) -> np.ndarray:
        t = np.tanh(w)
        return -2 * (x.T @ (x @ t > 0)) * t * (1 - t * t) * turn

    compiled = ad.compile(product)
    assert "branch" in [s.name for s in compiled.trace(w, x).schedule.steps]
    for some in (x, np.where(np.arange(1100)[:, None] % 3, x, 0.0)):
        np.testing.assert_allclose(compiled(w, some).numpy(), by_hand(w, some), rtol=1e-11)


def test_an_argument_that_is_donated() -> None:
    points, centroids = given()
    plain = ad.compile(curvature)(points, centroids)
    donating = ad.compile(curvature, donate=1)
    for _ in range(3):
        own = centroids.copy()
        for a, b in zip(donating(points, own), plain, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
