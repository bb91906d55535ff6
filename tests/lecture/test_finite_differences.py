"""Slide "Numerical differentiation": the definition of the derivative, and gradient checking.

Forward: ∂f/∂θᵢ = (f(θ + ε eᵢ) - f(θ)) / ε + O(ε).
Central: ∂f/∂θᵢ = (f(θ + ε eᵢ) - f(θ - ε eᵢ)) / 2ε + O(ε²).
Numerical error, less efficient; a powerful tool to check an implementation of an automatic
differentiation algorithm.
"""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import (
    ArgumentError,
    DTypeError,
    GradientMismatchError,
    RangeError,
    ShapeError,
)

pytestmark = pytest.mark.unit


def f(x1, x2):
    """The lecture's function; its gradient at (2, 5) is (5.5, 1.716)."""
    return ad.log(x1) + x1 * x2 - ad.sin(x2)


AT = (2.0, 5.0)
GRADIENT = (5.5, 2 - np.cos(5.0))


@pytest.mark.parametrize(("method", "error"), [("forward", 1e-6), ("central", 1e-9)])
def test_the_lecture_s_gradient(method, error):
    found = ad.finite_differences(f, AT, method)
    assert [float(g) for g in found] == pytest.approx(GRADIENT, rel=error)


@pytest.mark.parametrize(("method", "order"), [("forward", 1), ("central", 2)])
def test_the_error_is_of_order_one_forward_and_two_central(method, order):
    steps = [2.0**-k for k in (4, 5, 6, 7)]
    exact = np.cos(0.7)
    errors = [abs(float(ad.finite_differences(ad.sin, 0.7, method, h)) - exact) for h in steps]
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    assert np.log2(ratios) == pytest.approx(np.full(3, order), abs=0.1)


def test_the_automatic_step_is_near_the_best_one():
    study = ad.step_study(lambda x: ad.exp(ad.sin(x)), 0.9)
    exact = np.exp(np.sin(0.9)) * np.cos(0.9)
    for method in ("forward", "central"):
        found = float(ad.finite_differences(lambda x: ad.exp(ad.sin(x)), 0.9, method))
        assert abs(found / exact - 1) < 100 * study.best(method)[1]


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e6, 1e12])
def test_the_automatic_step_grows_with_the_element(size):
    found = ad.finite_differences(lambda x: x * x, size)
    assert float(found) == pytest.approx(2 * size, rel=1e-6, abs=1e-9)


def test_single_precision_takes_larger_steps():
    x = np.array([0.3, 2.0, 700.0], "float32")
    found = ad.finite_differences(lambda x: x * ad.sqrt(x), x)
    assert found.dtype == np.float32
    assert np.diag(found) == pytest.approx(1.5 * np.sqrt(x), rel=1e-3)


def test_an_array_gives_a_jacobian_and_a_tree_a_tree():
    w = np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]])
    x = ad.asarray([0.1, 0.2, 0.3])
    found = ad.finite_differences(lambda p: {"y": ad.tanh(p["w"] @ p["x"])}, {"w": w, "x": x})
    expected = ad.jacobian(lambda p: {"y": ad.tanh(p["w"] @ p["x"])})({"w": w, "x": x})
    for name in ("w", "x"):
        assert found["y"][name].shape == expected["y"][name].shape
        assert np.allclose(found["y"][name], expected["y"][name], atol=1e-8)


def test_any_function_of_numbers_will_do():
    """A black box gets what was given: numbers, arrays or tensors."""
    kinds = []

    def black_box(x):
        kinds.append(type(x))
        return float(np.linalg.norm(x)) ** 2

    found = ad.finite_differences(black_box, np.array([1.0, 2.0]))
    assert np.allclose(found, [2.0, 4.0], atol=1e-8)
    assert set(kinds) == {np.ndarray}
    ad.finite_differences(lambda x: kinds.append(type(x)) or x, 2.0)
    assert kinds[-1] is float


def test_complex_arguments_follow_the_convention_of_grad():
    z = np.array([1 + 2j, 0.5 - 1j])

    def size(z):
        return ad.sum(ad.abs(z) ** 2)

    assert np.allclose(ad.finite_differences(size, z), 2 * z, atol=1e-8)
    assert np.allclose(ad.grad(size)(z), 2 * z)
    assert complex(ad.finite_differences(lambda z: z * z, 1 + 2j)) == pytest.approx(2 + 4j)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.finite_differences(f, AT, "backward"), ArgumentError, "'forward' or 'central'"),
        (lambda: ad.finite_differences(f, AT, step=-1.0), RangeError, "positive"),
        (lambda: ad.finite_differences(f, AT, step=np.nan), RangeError, "positive"),
        (lambda: ad.finite_differences(f, AT, step=1e-300), RangeError, r"argument 0 \(x1\)"),
        (lambda: ad.finite_differences(f, (2.0, np.arange(2))), DTypeError, r"argument 1 \(x2\)"),
        (lambda: ad.finite_differences(3.0, AT), ArgumentError, "function"),
        (lambda: ad.step_study(lambda x: ad.stack([x, x]), 1.0), ShapeError, "one real number"),
        (lambda: ad.step_study(ad.sin, 1.0, steps=[0.0]), RangeError, "positive"),
        (lambda: ad.check_gradients(f, AT, modes="sideways"), ArgumentError, "reverse"),
        (lambda: ad.check_gradients(f, AT, order=0), RangeError, "order=0"),
    ],
)
def test_misuse_is_an_error(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Gradient checking.


def test_check_gradients_agrees_with_the_lecture_s_function():
    report = ad.check_gradients(f, AT, order=2)
    assert report.agrees
    assert {row.mode for row in report.rows} == {
        "reverse",
        "forward",
        "reverse over reverse",
        "forward over reverse",
        "reverse over forward",
        "forward over forward",
    }
    assert "argument 0 (x1)" in str(report)
    assert "5.5" in str(report)


def test_a_wrong_gradient_is_found_and_its_worst_element_named():
    w = np.array([[1.0, 2.0], [3.0, 4.0]])

    def wrong(p):
        held = ad.stop_gradient(p["w"])
        correct = ad.sum(p["w"] * p["w"])
        return correct + held[1, 0] ** 3  # the slope of the last term is forgotten

    with pytest.raises(GradientMismatchError) as caught:
        ad.check_gradients(wrong, {"w": w})
    report = caught.value.args[0]
    assert not report.agrees
    (row,) = [row for row in report.rows if row.mode == "reverse"]
    assert row.place == "argument 0 (p)['w'][1, 0]"
    assert row.computed == pytest.approx(6.0)
    assert row.numerical == pytest.approx(33.0)
    assert row.error == pytest.approx(27.0)
    for piece in (row.place, "6", "33", "disagrees"):
        assert piece in str(caught.value)


def test_small_errors_are_found_among_large_numbers_and_small_ones():
    for scale in (1e-12, 1.0, 1e12):

        def wrong(x, scale=scale):
            return scale * (ad.sum(ad.sin(x)) + 1e-4 * ad.sum(ad.stop_gradient(x)))

        with pytest.raises(GradientMismatchError):
            ad.check_gradients(wrong, np.array([0.5, 1.0]))
        ad.check_gradients(lambda x, scale=scale: scale * ad.sum(ad.sin(x)), np.array([0.5, 1.0]))


def test_second_order_finds_what_first_order_cannot():
    """The gradient is right, but half of it was frozen: its own derivative is wrong."""

    def half_frozen(x):
        a = ad.stop_gradient(x)
        return 2 * x * a - a * a  # x² in value and slope, but flat in the second derivative

    ad.check_gradients(half_frozen, 1.5)
    with pytest.raises(GradientMismatchError, match="over"):
        ad.check_gradients(half_frozen, 1.5, order=2)


def test_check_gradients_takes_trees_arrays_single_precision_and_complex_numbers():
    rng = np.random.default_rng(0)
    p = {"w": rng.normal(size=(2, 3)), "b": [rng.normal(size=2)]}
    x = rng.normal(size=3)
    ad.check_gradients(lambda p, x: ad.tanh(p["w"] @ x + p["b"][0]), (p, x), order=2)
    ad.check_gradients(lambda x: ad.exp(ad.sin(x)), x.astype("float32"))
    ad.check_gradients(lambda z: ad.sum(ad.abs(ad.exp(z)) ** 2), np.array([0.3 + 0.4j, 1 - 1j]))
    ad.check_gradients(lambda z: ad.exp(z) * z, np.array([0.3 + 0.4j]), order=2)


def test_tolerances_are_the_caller_s_if_given():
    with pytest.raises(GradientMismatchError):
        ad.check_gradients(lambda x: ad.exp(x), 1.0, rtol=1e-16, atol=0.0)
    ad.check_gradients(lambda x: ad.sin(x) + 0.01 * ad.stop_gradient(x), 1.0, rtol=0.1)


def test_near_the_edge_of_a_domain_the_steps_shrink():
    ad.check_gradients(ad.log, 0.003, order=2)
    ad.check_gradients(ad.arcsin, 0.999)


def test_only_samples_of_a_large_array_are_looked_at():
    calls = []

    def g(x):
        calls.append(1)
        return ad.sum(ad.sin(x))

    ad.check_gradients(g, np.linspace(0, 1, 1000), modes="reverse", samples=5)
    assert len(calls) < 200


# The study of the step: truncation against rounding.


def test_the_error_is_v_shaped():
    study = ad.step_study(f, AT)
    for method, (least, most) in {"forward": (1e-9, 1e-6), "central": (1e-12, 1e-9)}.items():
        _, error = study.best(method)
        assert least < error < most
        errors = getattr(study, method)
        assert errors[0] > 1e4 * error, "truncation"
        assert errors[-1] > 1e4 * error, "rounding"
    assert study.best("forward")[0] < study.best("central")[0]
    assert "best central" in str(study)


def test_the_study_is_a_picture_too(tmp_path):
    pytest.importorskip("matplotlib")
    ad.step_study(f, AT).plot(tmp_path / "steps.png")
    assert (tmp_path / "steps.png").read_bytes().startswith(b"\x89PNG")
    ad.step_study(f, AT).plot(tmp_path / "steps.svg")
    assert "<svg" in (tmp_path / "steps.svg").read_text()
    with pytest.raises(ArgumentError, match=r"nonsense.*must end in"):
        ad.step_study(f, AT).plot(tmp_path / "steps.nonsense")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["steps.png", "steps.svg"]
