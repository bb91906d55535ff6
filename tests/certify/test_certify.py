"""certify, kinks, explain_nan: they find what is wrong, and let pass what is right."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError

pytestmark = pytest.mark.unit

A = np.random.default_rng(0).normal(size=(4, 4))

RIGHT = {
    "analytic": (lambda x: ad.exp(ad.sin(x)), 0.7),
    "softmax": (lambda x: ad.softmax(A @ x) @ np.arange(4), np.arange(4.0)),
    "several outputs": (lambda x: {"a": x**2, "b": ad.sin(x[0])}, np.arange(1.0, 4.0)),
    "solve": (lambda x: ad.linalg.solve(A, x * x), np.arange(1.0, 5.0)),
    "loop": (lambda x: ad.scan(lambda c, t: (ad.sin(c) * t, c), x, np.arange(1.0, 4.0)), 0.7),
    "linear": (lambda x: 3 * x, 0.7),
    "constant slope zero": (lambda x: x * 0 + 1, 0.7),
    "complex": (lambda z: ad.abs(ad.exp(z)) ** 2, 0.3 + 0.2j),
    "single": (lambda x: ad.sum(ad.exp(x)), np.arange(3, dtype=np.float32)),
    "kink elsewhere": (lambda x: ad.abs(x - 3), 0.7),
    "kink that larger steps cross": (ad.abs, np.array([1.0, 0.1])),
    "jump that larger steps cross": (ad.floor, np.array([1.6, 0.1])),
    "cancelling": (lambda x: (1e8 + x) - 1e8, 0.7),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(name):
    f, x = RIGHT[name]
    found = ad.certify(f, x)
    assert found, str(found)
    assert not any(check.passed is False for check in found.checks)


def wrong_rule(factor):
    @ad.custom_jvp
    def f(x):
        return ad.sin(x)

    f.defjvp(lambda p, t: (f(p[0]), ad.cos(p[0]) * t[0] * factor))
    return f


def test_a_wrong_rule_fails():
    f = wrong_rule(1.001)
    found = ad.certify(lambda x: f(x) * x, 0.7)
    assert not found
    failed = {check.name for check in found.checks if check.passed is False}
    assert failed == {"Taylor remainders", "complex step"}
    assert "FAILED" in str(found)


def test_a_wrong_rule_near_a_kink_fails():
    f = wrong_rule(1.001)
    assert not ad.certify(lambda x: ad.abs(f(x)), np.array([1.0, 0.1]))


def test_a_rule_whose_modes_disagree_fails_the_dot_test():
    @ad.custom_vjp
    def f(x):
        return ad.sin(x)

    f.defvjp(lambda x: (ad.sin(x), x), lambda x, g: (g * ad.cos(x) * 1.01,))
    found = ad.certify(lambda x: f(x), 0.7)
    assert not found


def test_a_kink_fails_and_is_named():
    assert not ad.certify(ad.abs, 0.0)
    (row,) = ad.kinks(ad.abs, 0.0)
    assert (row.chosen, row.left, row.right) == ((0.0,), (-1.0,), (1.0,))


def test_orders_of_the_remainders():
    slopes = ad.certify(lambda x: ad.exp(ad.sin(x)), 0.7).slopes
    np.testing.assert_allclose(slopes, [1, 2, 3], atol=0.05)


def test_digits_that_rounding_leaves():
    assert ad.certify(lambda x: ad.exp(x), 0.7).digits > 15
    cancelled = ad.certify(lambda x: (1e8 + x) - 1e8, 0.7)
    assert 7 < cancelled.digits < 9
    true_error = abs(((1e8 + 0.7) - 1e8) - 0.7) / 0.7
    assert true_error < 10**-cancelled.digits
    assert ad.certify(lambda x: ad.sum(ad.exp(x)), np.zeros(3, np.float32)).digits < 7


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda x: ad.abs(x - 3) * x, "abs is not analytic"),
        (lambda x: ad.where(x > 0, x**2, x), "is not analytic"),
        (lambda x: ad.logsumexp(x * np.ones(2)), "does not take complex numbers"),
    ],
)
def test_a_check_that_cannot_be_made_says_why(f, says):
    checks = {check.name: check for check in ad.certify(f, 0.7).checks}
    assert checks["complex step"].passed is None
    assert says in checks["complex step"].found


def test_arguments_without_derivatives_are_refused():
    with pytest.raises(ArgumentError, match="close over it"):
        ad.certify(lambda x, n: x[n], np.ones(3), np.array([1, 2]))


# kinks


def test_kinks_name_operation_line_and_sides():
    x = np.array([1.0, 0.0, 0.0])
    report = ad.kinks(lambda x: ad.sum(ad.maximum(x, 0) * ad.abs(x - 1)), x)
    found = {row.name: row for row in report}
    assert set(found) == {"maximum", "abs"}
    assert found["maximum"].count == 2
    assert found["maximum"].index == (1,)
    assert (found["maximum"].left, found["maximum"].right) == ((0.0,), (1.0,))
    assert found["abs"].at == (0.0,)
    assert "test_certify.py:" in found["abs"].line
    assert "derivative 0 (left -1, right 1)" in str(report)


def test_kinks_nearby_within_a_tolerance():
    f = lambda x: ad.abs(x) + ad.clip(x, -1, 1)
    assert not len(ad.kinks(f, 1e-7))
    (row,) = ad.kinks(f, 1e-7, tol=1e-6)
    assert row.distance == pytest.approx(1e-7)
    assert (row.chosen, row.left, row.right) == ((1.0,), (-1.0,), (1.0,))


def test_norms_and_ties_are_kinks():
    names = [row.name for row in ad.kinks(lambda x: ad.linalg.norm(x) + ad.max(x), np.zeros(3))]
    assert sorted(names) == ["max", "norm2"]
    assert str(ad.kinks(lambda x: x**2, 1.0)).endswith("meets none here")


ORDERED = {
    "argsort": (ad.sort, [2.0, 1.0, 2.0], (1,), (2.0, 2.0)),
    "argmax": (lambda x: x[ad.argmax(x)], [2.0, 1.0, 2.0], (2,), (2.0, 2.0)),
    "cummin": (ad.cummin, [2.0, 1.0, 1.0], (1,), (1.0, 1.0)),
    "eigh": (lambda x: ad.linalg.eigvalsh(ad.diag(x)), [2.0, 1.0, 2.0], (1,), (2.0, 2.0)),
    "svd": (lambda x: ad.linalg.svdvals(ad.diag(x)), [2.0, -2.0, 1.0], (0,), (2.0, 2.0)),
    "eig": (lambda x: ad.real(ad.linalg.eigvals(ad.diag(x))), [3.0, 2.0, 3.0], (0,), (3.0, 3.0)),
}


@pytest.mark.parametrize("name", ORDERED)
def test_ties_of_what_is_sorted_and_equal_eigenvalues_are_kinks(name):
    f, x, index, at = ORDERED[name]
    (row,) = ad.kinks(f, np.array(x))
    assert (row.name, row.index, row.at, row.distance) == (name, index, at, 0.0)
    assert "test_certify.py:" in row.line
    apart = np.add(x, [0.0, 1e-3, 2e-3])
    assert not len(ad.kinks(f, apart))
    near = ad.kinks(f, apart, tol=3e-3)
    assert [found.name for found in near] == [name] and 0 < near[0].distance <= 3e-3


def test_ties_that_are_not_read_or_not_differentiated_are_no_kinks():
    x = np.array([3.0, 1.0, 1.0])
    assert not len(ad.kinks(lambda x: ad.top_k(x, 1)[0], x))
    assert len(ad.kinks(lambda x: ad.top_k(x, 2)[0], x)) == 1
    assert not len(ad.kinks(lambda y: y[ad.argsort(x)], np.arange(3.0)))
    for size in (0, 1):
        assert not len(ad.kinks(lambda x: ad.sum(ad.sort(x)), np.ones(size)))
    assert not len(ad.kinks(lambda x: ad.real(ad.linalg.eigvals(ad.diag(x))), np.ones(1)))


# explain_nan


def test_the_operation_that_made_a_nan_and_its_way():
    report = ad.explain_nan(lambda x: ad.sin(ad.sqrt(x - 2.0)) * 3.0, 1.0)
    assert report
    assert (report.of, report.operation, report.inputs) == ("value", "sqrt", (-1.0,))
    assert [name for name, _ in report.path] == ["sin", "multiply"]
    assert "test_certify.py:" in report.line
    assert "went through sin" in str(report)


def test_an_infinity_in_an_adjoint():
    report = ad.explain_nan(lambda x: ad.sum(ad.sqrt(x)) + 1, np.array([1.0, 0.0]))
    assert report.of == "adjoint"
    assert "made an infinity at (1,)" in str(report)


def test_an_infinity_on_the_way_that_does_no_harm_is_not_blamed():
    report = ad.explain_nan(lambda x: 1 / ad.exp(ad.exp(x)) + ad.log(x - 10), 10.0)
    assert report.operation == "log"
    assert not ad.explain_nan(lambda x: 1 / ad.exp(ad.exp(x)), 10.0)


def test_a_nan_in_a_loop_is_followed_to_the_round():
    f = lambda x: ad.scan(lambda c, t: (ad.log(c - t), c), x, np.arange(5.0))[0]
    report = ad.explain_nan(f, 3.0)
    assert "log(" in str(report)
    assert "in step 2 of the loop" in str(report)


def test_what_was_given_is_said_to_be_given():
    assert "an argument" in str(ad.explain_nan(lambda x: x * 0, np.nan)) or "holds nan" in str(
        ad.explain_nan(lambda x: x * 0, np.nan)
    )
    assert str(ad.explain_nan(lambda x: x**2, 1.0)).endswith("are finite")
    assert math.isnan(float(ad.sqrt(-1.0)))
