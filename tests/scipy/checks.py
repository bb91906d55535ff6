"""What every case must pass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import adjoint as ad
from tests.sampling import marked
from tests.scipy.scipy_cases import Case, gradients, leaves, slope, slope_along, weights


def check_value(case: Case) -> None:
    """The value is SciPy's, in the same structure."""
    with np.errstate(all="ignore"):
        expected, found = case.scipy(*case.points()), case.ours(*case.points())
    assert isinstance(found, tuple) is isinstance(expected, tuple), (type(found), type(expected))
    expected, found = leaves(expected), leaves(found)
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert np.shape(a) == np.shape(b), (np.shape(a), np.shape(b))
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=case.rtol, atol=1e-13)


def directions(case: Case) -> list[np.ndarray]:
    return [weights(x.shape, 7 + i) for i, x in enumerate(case.points())]


def check_reverse(case: Case) -> None:
    """The gradient by every argument, along a direction, is that of SciPy's values."""
    xs, vs = case.points(), directions(case)
    for i, (x, v, g) in enumerate(zip(xs, vs, gradients(case), strict=True)):
        assert g.shape == x.shape
        found, expected = float(np.sum(g * v)), slope_along(case, i, v)
        size = max(1.0, abs(expected), float(np.max(np.abs(g), initial=0.0)))
        np.testing.assert_allclose(found, expected, rtol=case.slope, atol=case.slope * size)


def check_forward(case: Case) -> None:
    """Forward mode says the same as reverse mode."""
    xs, vs = case.points(), directions(case)
    expected = sum(float(np.sum(g * v)) for g, v in zip(gradients(case), vs, strict=True))
    _, found = ad.jvp(case.loss, xs, vs)
    np.testing.assert_allclose(float(found), expected, rtol=1e-9, atol=1e-9)


def check_second(case: Case) -> None:
    """The second derivative along a direction, forward over reverse and reverse over reverse."""
    xs, vs = case.points(), directions(case)
    numbers = tuple(range(len(xs)))
    of = ad.grad(case.loss, argnums=numbers)

    def moved(t: float) -> float:
        at = [x + t * v for x, v in zip(xs, vs, strict=True)]
        return sum(float(ad.sum(g * v)) for g, v in zip(of(*at), vs, strict=True))

    expected = slope(moved, case.step)
    product = lambda *xs: sum(ad.sum(g * v) for g, v in zip(of(*xs), vs, strict=True))
    _, forward = ad.jvp(product, xs, vs)
    scale = max(1.0, abs(expected))
    np.testing.assert_allclose(float(forward), expected, rtol=1e-5, atol=1e-6 * scale)
    reverse = ad.grad(product, argnums=numbers)(*xs)
    found = sum(float(ad.sum(g * v)) for g, v in zip(reverse, vs, strict=True))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * scale)


def check_single(case: Case) -> None:
    """float32 goes in and comes out, in value and gradient."""
    xs = [x.astype(np.float32) for x in case.points()]
    for leaf in leaves(case.ours(*[ad.asarray(x) for x in xs])):
        assert leaf.dtype.kind not in "fc" or leaf.dtype in (np.float32, np.complex64), leaf.dtype
    for g in ad.grad(case.loss, argnums=tuple(range(len(xs))))(*xs):
        assert g.dtype == np.float32


def check_compiled(*cases: Case) -> None:
    """Compiled, in one program, and not, the value and the gradient of each case are the same."""
    points = [case.points() for case in cases]
    pairs = [
        ad.value_and_grad(case.loss, argnums=tuple(range(len(xs))))
        for case, xs in zip(cases, points, strict=True)
    ]
    compiled = ad.compile(lambda points: [f(*xs) for f, xs in zip(pairs, points, strict=True)])
    for _ in range(2):
        found = compiled(points)
        for case, both, xs, (again, others) in zip(cases, pairs, points, found, strict=True):
            value, grads = both(*xs)
            near = dict(err_msg=case.name, equal_nan=False)
            np.testing.assert_allclose(float(again), float(value), rtol=1e-10, atol=1e-10, **near)
            for a, b in zip(others, grads, strict=True):
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-8, **near)


CHECKS = (check_value, check_reverse, check_forward, check_second, check_single, check_compiled)


def applies(check, case: Case) -> bool:
    if check is check_second:
        return case.second
    if check is check_single:
        return case.single
    return case.compiled or check is not check_compiled


def each(cases: Sequence[Case]) -> pytest.MarkDecorator:
    """A test for each case, with the checks that apply to it, but what `together` does.

    Its second order always runs for one case in three.
    """
    rows = []
    for number, case in enumerate(cases):
        checks = [check for check in CHECKS[:-1] if applies(check, case)]
        if check_second in checks and number % 3:
            checks.remove(check_second)
            rows.append(marked(([check_second], case), False, f"second-{case.name}"))
        rows.append(marked((checks, case), True, case.name))
    return pytest.mark.parametrize(("checks", "case"), rows)


def together(cases: Sequence[Case], count: int = 12) -> pytest.MarkDecorator:
    """A test for each group of so many cases, which are compiled in one program: that is several
    times as fast as one after the other, and the code is the same. One group in three, to which
    every third case belongs, always runs."""
    chosen = [case for case in cases if applies(check_compiled, case)]
    groups = [
        (third[i : i + count], start == 0)
        for start in range(3)
        for third in [chosen[start::3]]
        for i in range(0, len(third), count)
    ]
    rows = [marked(group, quick, group[0].name) for group, quick in groups]
    return pytest.mark.parametrize("cases", rows)
