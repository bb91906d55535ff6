"""Numbers beside, by which nobody differentiates, that change from call to call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.replay import Replay, replay_of
from adjoint.api.tree import flatten
from adjoint.backends.availability import missing

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

X = np.arange(1.0, 4.0)
VALUES = (0.5, 1.5, 2.0, 0.0, -0.0, -1.0, float("inf"), float("nan"), 1e300, 7.25)


def outcome(call: Callable[[], Any], **chosen: Any) -> Any:
    """What a call gives, or the error that it raises."""
    with ad.options(**chosen):
        try:
            return [np.asarray(x) for x in flatten(call())[0]]
        except Exception as error:
            return type(error), str(error)


def calls_of(f: Any, x: Any, values: Any) -> Replay:
    """What is known of the calls of a gradient after some, each as by the interpreter."""
    g = ad.value_and_grad(f)
    for r in values:
        found = outcome(lambda r=r: g(x, r), native="always")
        wanted = outcome(lambda r=r: ad.value_and_grad(f)(x, r), native="never")
        if type(wanted) is tuple:
            assert found == wanted
            continue
        for one, other in zip(found, wanted, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, rtol=1e-6 if one.dtype == np.float32 else 1e-12)
    replay = replay_of(g)
    assert replay is not None
    return replay


def regularised(x: Any, r: Any) -> Any:
    return np.sum(x * x) * r + np.sum(np.maximum(x, r))


def averaged(x: Any, r: Any) -> Any:
    return np.sum(x * x) * (1 - r) + r * np.sum(x) - 2.0 * r * r


@pytest.mark.parametrize(
    ("f", "x"), [(regularised, X), (averaged, X), (regularised, X.astype(np.float32))]
)
def test_one_program_takes_them(f: Any, x: Any) -> None:
    values = VALUES if x.dtype == np.float64 else (*VALUES[:8], 7.25)  # as 1e300 warns
    assert [plan.fixed for plan in calls_of(f, x, values).plans] == [()]


@pytest.mark.parametrize(
    "f",
    [
        lambda x, r: np.sum(x * x) * (1 / r),  # of 0 Python raises
        lambda x, r: np.sum(x**r),  # by whose value its derivative goes
        lambda x, r: np.sum(x * x) * (r if r > 0 else 1),
        lambda x, r: np.sum(x * x) * (2.0 if isinstance(r, float) else 3.0),
        lambda x, r: np.sum(x * np.full(3, r)),
    ],
)
def test_what_python_does_with_them_is_left_to_it(f: Any) -> None:
    assert all(plan.fixed for plan in calls_of(f, X, (0.5, 1.5, 1.5, 0.0)).plans)


def test_other_kinds_of_numbers_are_other_calls() -> None:
    values = (0.5, 1.5, 3, True, np.float64(2.5), np.float32(0.25), 7.25, 3)
    for x in (X, X.astype(np.float32)):
        calls_of(lambda x, r: np.sum(x * x) * r, x, values)


def test_numbers_of_numpy_are_taken() -> None:
    def newton(x: Any) -> Any:
        return np.sin(x) * x + x**3

    for kind in (np.float64, np.float32):
        g = ad.grad(newton)
        for r in map(kind, (0.5, 1.5, 2.5, -0.0)):
            found = outcome(partial(g, r), native="always")
            wanted = outcome(partial(ad.grad(newton), r), native="never")
            np.testing.assert_allclose(found, wanted, rtol=1e-6)
            assert found[0].dtype == kind
        replay = replay_of(g)
        assert replay is not None
        assert len(replay.plans) == 1
        assert outcome(partial(g, 2.5), native="always")[0].dtype == np.float64
