"""Softmax cross-entropy: its values, and its adjoints by the weights, the input and the labels."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import DTypeError, OutOfBoundsError, ShapeError

pytestmark = pytest.mark.unit

RANDOM = np.random.default_rng(5)
W = RANDOM.normal(size=(4, 3))
X = RANDOM.normal(size=(6, 4))
LABELS = RANDOM.integers(0, 3, 6)
Y = RANDOM.dirichlet(np.ones(3), 6)


def softmax(h):
    e = np.exp(h - h.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


P = softmax(X @ W)


def loss(w, x, y):
    return ad.sum(ad.nn.softmax_cross_entropy(ad.asarray(x) @ w, y))


def test_the_value_is_minus_the_log_of_the_probability_of_the_label():
    found = ad.nn.softmax_cross_entropy(X @ W, LABELS)
    np.testing.assert_allclose(found, -np.log(P[np.arange(6), LABELS]), rtol=1e-14)
    np.testing.assert_allclose(
        ad.nn.softmax_cross_entropy(X @ W, Y), -(Y * np.log(P)).sum(-1), rtol=1e-14
    )


@pytest.mark.parametrize("labels", [LABELS, Y, np.eye(3)[LABELS]])
def test_slide_softmax_the_adjoint_of_the_logits_is_p_minus_y(labels):
    y = np.eye(3)[labels] if labels.ndim == 1 else labels
    total = ad.grad(lambda h: ad.sum(ad.nn.softmax_cross_entropy(h, labels)))(X @ W)
    np.testing.assert_allclose(total, P - y, atol=1e-14)


@pytest.mark.parametrize("labels", [LABELS, Y])
def test_the_adjoints_of_the_weights_and_of_the_input_follow(labels):
    y = np.eye(3)[labels] if labels.ndim == 1 else labels
    by_w, by_x = ad.grad(loss, (0, 1))(W, X, labels)
    np.testing.assert_allclose(by_w, X.T @ (P - y), atol=1e-13)
    np.testing.assert_allclose(by_x, (P - y) @ W.T, atol=1e-13)


def test_the_adjoint_of_the_label_distribution_is_minus_log_p():
    np.testing.assert_allclose(ad.grad(loss, 2)(W, X, Y), -np.log(P), rtol=1e-13)
    certain = np.eye(3)[LABELS]
    np.testing.assert_allclose(ad.grad(loss, 2)(W, X, certain), -np.log(P), rtol=1e-13)


def test_labels_that_do_not_sum_to_one_scale_the_loss():
    by_h = ad.grad(lambda h: ad.sum(ad.nn.softmax_cross_entropy(h, 3.0 * Y)))(X @ W)
    np.testing.assert_allclose(by_h, 3 * (P - Y), atol=1e-13)


def test_the_hessian_is_that_of_the_log_partition_function():
    h = X[0] @ W
    found = ad.hessian(lambda h: ad.nn.softmax_cross_entropy(h, 1))(h)
    np.testing.assert_allclose(found, np.diag(P[0]) - np.outer(P[0], P[0]), atol=1e-14)


@pytest.mark.parametrize("labels", [LABELS, Y])
def test_every_derivative_agrees_with_differences(labels):
    ad.check_gradients(lambda w, x: loss(w, x, labels), (W, X), order=2)


def test_large_logits_do_not_overflow():
    h = ad.asarray([[1e4, 0.0], [-1e4, 1e4]])
    value, slope = ad.value_and_grad(lambda h: ad.sum(ad.nn.softmax_cross_entropy(h, [1, 1])))(h)
    assert float(value) == 1e4
    np.testing.assert_array_equal(slope, [[1, -1], [0, 0]])


def test_a_masked_class_adds_nothing():
    h, y = ad.asarray([0.0, 0.0, -np.inf]), [0.5, 0.5, 0.0]
    value, slope = ad.value_and_grad(lambda h: ad.nn.softmax_cross_entropy(h, y))(h)
    assert float(value) == pytest.approx(np.log(2))
    np.testing.assert_allclose(slope, [0, 0, 0], atol=1e-16)


def test_float32_stays_float32():
    h = np.zeros((2, 3), np.float32)
    assert ad.nn.softmax_cross_entropy(h, [0, 1]).dtype == np.float32
    assert ad.nn.softmax_cross_entropy(h, h).dtype == np.float32


def test_the_error_rate_counts_wrong_answers():
    h = [[1.0, 0.0], [0.0, 1.0], [5.0, 2.0], [0.0, 0.1]]
    assert float(ad.nn.error_rate(h, [0, 1, 1, 1])) == 0.25
    assert float(ad.nn.error_rate(h, np.eye(2)[[0, 1, 1, 0]])) == 0.5


H = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("logits", "labels", "error", "message"),
    [
        (1.0, 0, ShapeError, "logits are 0-d"),
        (H, [0, 1, 2], ShapeError, r"labels have shape \(3,\), the logits \(2, 3\).*shape \(2,\)"),
        (H, np.zeros((2, 2)), ShapeError, r"labels have shape \(2, 2\).*shape of the logits"),
        (H, [0.0, 1.0], DTypeError, "labels must be integers, got float64"),
        (H, H.astype(int), DTypeError, "labels have as many axes .* be distributions .*got int64"),
        (H, [0, 3], OutOfBoundsError, "labels hold 3, but the logits have 3 classes.*from 0 to 2"),
        (H, [-1, 3], OutOfBoundsError, "labels hold -1"),
    ],
)
@pytest.mark.parametrize("name", ["softmax_cross_entropy", "error_rate"])
def test_labels_that_do_not_fit_are_named(name, logits, labels, error, message):
    with pytest.raises(error, match=f"^{name}: {message}"):
        getattr(ad.nn, name)(logits, labels)
