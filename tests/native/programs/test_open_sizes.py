"""Further batch sizes are filled into a plan, with the results of a program of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api import size_plans
from adjoint.api.tree import flatten
from adjoint.backends.llvm.program.open_plan import OpenPlan
from adjoint.backends.llvm.program.program import STEPWISE_CALLS
from adjoint.errors import DonatedError
from adjoint.graph.open_numbers import Assumptions

HIDDEN = 24
RNG = np.random.default_rng(0)
WEIGHTS, OUT = RNG.normal(size=(16, HIDDEN)), RNG.normal(size=(HIDDEN, 5))
ROWS = RNG.normal(size=(3000, 16))
FIXED = RNG.normal(size=(7, 16))


def loss(x: Any) -> Any:
    return ad.sum(ad.tanh(x @ WEIGHTS) @ OUT) / x.shape[0]


def long_or_short(x: Any) -> Any:
    return ad.sum(x * 2.0, axis=0) if x.shape[0] > 50 else ad.sum(x, axis=0) * 3.0


PROGRAMS: dict[str, tuple[Callable[..., Any], bool]] = {
    "training": (ad.value_and_grad(loss), True),
    "second order": (lambda x: ad.jvp(ad.grad(loss), (x,), (x,)), True),
    "reductions": (lambda x: (ad.sum(x, axis=0), ad.mean(x), ad.max(x, axis=1)), True),
    "variance": (ad.grad(lambda x: ad.sum(ad.var(x, axis=0))), True),
    "product": (lambda x: x.T @ x, True),
    "branch": (long_or_short, True),
    "constants": (lambda x: (x * (1.0 / x.shape[0]) + x.shape[0], x / x.shape[0]), True),
    "rows": (ad.vmap(ad.grad(lambda r: ad.sum(ad.sin(r @ WEIGHTS)))), True),
    "identity": (lambda x: x.T @ x + np.eye(16) / x.shape[0], True),
    "halves": (lambda x: ad.sum(ad.reshape(x, (-1, 8)), axis=1), True),
    # What needs other code for each size has no plan.
    "differences": (ad.grad(lambda x: ad.sum((x[1:] - x[:-1]) ** 2)), False),
    "joined": (lambda x: ad.concatenate([FIXED, x, x[:3]]), False),
    "square": (lambda x: x @ x.T, False),
    "counted": (lambda x: ad.sum(x * ad.arange(x.shape[0])[:, None]), False),
    "turned": (lambda x: x[::-1] * 2.0, False),
}

SIZES = (
    *(40, 60, 90, 47, 61, 75, 33, 24, 16, 17, 1, 2, 0, 5, 100, 101, 128, 64, 150, 200),
    *(256, 300, 333, 512, 700, 1024, 1500, 2001, 2500, 3000, 41, 55, 140, 180, 2900),
)
"""Equal to other sizes of the programs, none, one, and on both sides of what decides about tiles,
threads and blocks."""

FEW_SIZES = (40, 60, 90, 61, 24, 1, 2001, 75)


@pytest.fixture(autouse=True)
def plans_at_once(
    monkeypatch: pytest.MonkeyPatch, cache_folder: Path
) -> Iterator[list[bool | None]]:
    """Make plans early, as no program lies on disk, and note what comparing them with programs
    gives."""
    monkeypatch.setattr(size_plans, "FIRST", 0)
    monkeypatch.setattr(size_plans, "BETWEEN", 0)
    found: list[bool | None] = []
    agrees = OpenPlan.agrees

    def noted(self: OpenPlan, form: Any, program: Any) -> bool | None:
        found.append(agrees(self, form, program))
        return found[-1]

    monkeypatch.setattr(OpenPlan, "agrees", noted)
    yield found
    assert False not in found, "a plan differs from the program of a size"


def bits(result: Any) -> list[tuple[Any, ...]]:
    arrays = [np.asarray(x) for x in flatten(result)[0]]
    return [(x.shape, x.dtype, x.tobytes()) for x in arrays]


def last(compiled: Any) -> Any:
    return list(compiled._specializations.values())[-1]


def check_sizes(sizes: Sequence[int]) -> None:
    """Each size must give what a program of its own gives, or the same error."""
    for name, (f, has_plan) in PROGRAMS.items():
        compiled = ad.compile(f)
        filled = 0
        for size in sizes if has_plan else sizes[:6]:
            x = ROWS[:size]
            expected, given = (result_or_error(g, x) for g in (ad.compile(f), compiled))
            assert given == expected, f"{name}: {size} rows"
            filled += last(compiled).filled is not None
        assert (filled > 0) is has_plan, name


def test_each_size_gives_what_a_program_of_its_own_gives() -> None:
    check_sizes(FEW_SIZES)


@pytest.mark.slow
def test_many_sizes() -> None:
    check_sizes(SIZES)


def result_or_error(f: Callable[..., Any], x: Any) -> Any:
    try:
        return bits(f(x))
    except (ArithmeticError, ValueError) as error:
        return type(error), str(error)


def test_single_precision_and_other_layouts() -> None:
    f = ad.value_and_grad(loss)
    compiled = ad.compile(f)
    for size in (40, 60, 90, 61):
        for x in (
            ROWS[:size].astype(np.float32),
            np.asfortranarray(ROWS[:size]),
            ROWS[:size][::-1],
        ):
            assert bits(compiled(x)) == bits(ad.compile(f)(x))


def test_donated_arguments_are_written_to() -> None:
    def step(w: Any, x: Any) -> Any:
        value, slope = ad.value_and_grad(lambda w: ad.mean(ad.tanh(x @ w) ** 2))(w)
        return value, w - 0.1 * slope

    def train(sizes: Sequence[int], steps: int, anew: bool) -> tuple[Any, int, int]:
        f = ad.compile(step, donate=0)
        w = ad.asarray(WEIGHTS.copy())
        filled, kept = 0, 0
        for size in sizes:
            for _ in range(steps):
                if anew:
                    f = ad.compile(step, donate=0)
                memory = np.asarray(w).ctypes.data
                given = w
                value, w = f(w, ROWS[:size])
                kept += np.asarray(w).ctypes.data == memory
                filled += last(f).filled is not None
                with pytest.raises(DonatedError):
                    np.asarray(given)
        return bits((value, w)), filled, kept

    sizes = (40, 60, 90, 61, 75, 55, 44)
    for steps in (1, STEPWISE_CALLS + 2):
        expected, none, always = train(sizes, steps, anew=True)
        found, filled, kept = train(sizes, steps, anew=False)
        assert found == expected
        assert none == 0 < filled
        assert kept == always > 0


def test_a_size_gets_a_program_of_its_own_after_some_calls() -> None:
    compiled = ad.compile(ad.value_and_grad(loss))
    for size in (40, 60, 90):
        compiled(ROWS[:size])
    x = ROWS[:61]
    expected = bits(compiled(x))
    found = last(compiled)
    assert found.filled is not None and found.built is None
    assert "gemm" in str(compiled.report()) and "tanh" in compiled.text("passes")
    for _ in range(STEPWISE_CALLS + 2):
        assert bits(compiled(x)) == expected
    assert found.built is not None and not found.program.is_stepwise


def test_assumptions_of_a_plan_are_what_it_is_asked_by(plans_at_once: list[bool | None]) -> None:
    """Of each size some plan is asked, and says what the program of that size does, or nothing."""
    compiled = ad.compile(ad.value_and_grad(loss))
    for size in range(40, 100, 5):
        compiled.trace(ROWS[:size]).program
    assert plans_at_once.count(True) > 5


def test_a_plan_that_is_wrong_is_found_out(
    monkeypatch: pytest.MonkeyPatch, plans_at_once: list[bool | None]
) -> None:
    """If something were decided by a size without being noted, the next program shows it."""
    monkeypatch.setattr(Assumptions, "decide", lambda self, comparison, outcome: bool(outcome))
    compiled = ad.compile(ad.value_and_grad(loss))
    for size in (40, 60, 90, 1024, 33):
        compiled.trace(ROWS[:size]).program
    (plans,) = compiled._size_plans.values()
    assert False in plans_at_once
    assert not plans.plans and plans.failures == size_plans.MOST_FAILURES
    plans_at_once.clear()
