"""The checker of memory plans: right ones pass, and each wrong decision is found by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import GraphError
from adjoint.schedule import fuse, in_place, kernel_splitting, memory, nests
from adjoint.schedule.donation import reusable_inputs
from adjoint.schedule.memory import plan_memory
from adjoint.schedule.memory_check import PlanError, check_plan
from adjoint.schedule.plan import Schedule
from tests.native.fuzzing.random_programs import program, together
from tests.native.memory.test_in_place import APART, IN_PLACE, X

pytestmark = pytest.mark.native

PLAIN = {**IN_PLACE, **APART}


def planned(f: Any, *inputs: Any) -> Schedule:
    return ad.compile(f).trace(*inputs).schedule


@pytest.mark.parametrize("name", PLAIN)
def test_right_plans_pass(name: str) -> None:
    plan = planned(PLAIN[name], X)
    assert check_plan(plan, plan_memory(plan))


@pytest.mark.parametrize("first", range(50_000, 50_200, 40))
def test_plans_of_random_programs_pass(first: int) -> None:
    programs = [program(seed) for seed in range(first, first + 40)]
    plan = planned(together(programs), *[p.inputs for p in programs])
    assert check_plan(plan, plan_memory(plan))


@pytest.mark.parametrize(
    "name",
    ["read by columns too", "neighbours", "read again later"],
)
def test_memory_taken_too_early_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "reused_buffers", greedy)
    plan = planned(APART[name], X)
    with pytest.raises(PlanError):
        check_plan(plan, plan_memory(plan))


def greedy(schedule: Schedule, shared: Any, apart: Any) -> dict[Any, Any]:
    """Takes any memory of the right size that the step reads."""
    taken: dict[Any, Any] = {}
    for step in schedule.steps:
        for root in step.roots if step.kernels else ():
            for given in step.reads:
                usual = not {root, given} & (set(shared) | set(apart))
                if usual and root.shape == given.shape and given not in taken.values():
                    taken[root] = given
                    break
    return taken


def test_what_a_loop_may_read_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_place, "has_slow_path", lambda node: False)
    plan = planned(lambda x: ad.sin(1e8 * (ad.rint(x) @ ad.rint(x))) @ x, X)
    with pytest.raises(PlanError, match="another place may have written"):
        check_plan(plan, plan_memory(plan))


def test_a_loop_that_reads_elsewhere_what_it_writes_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernel_splitting, "too_early", lambda *given: set())
    monkeypatch.setattr(fuse, "LARGEST", 50)  # so that kernels are cut

    def f(x: Any) -> Any:
        for _ in range(11):
            x = ad.cos(x) / (1 + x * x) + x[::-1] * 0.1
        return ad.sum(x)

    with pytest.raises(GraphError, match="before it is complete"):
        planned(ad.grad(f), np.linspace(0.5, 1.5, 16))  # also where nobody looks after memory
    monkeypatch.setattr(nests, "check_complete", lambda kernel: None)
    plan = planned(ad.grad(f), np.linspace(0.5, 1.5, 16))
    with pytest.raises(PlanError, match="which it writes itself"):
        check_plan(plan, plan_memory(plan))


def test_two_tensors_that_overlap_in_the_block_are_found() -> None:
    plan = planned(lambda x: ad.tanh(x @ x) @ (x @ x.T), X)
    right = plan_memory(plan)
    right.offsets.update(dict.fromkeys(right.offsets, 0))
    with pytest.raises(PlanError):
        check_plan(plan, right)


def test_a_block_too_small_is_found() -> None:
    plan = planned(lambda x: ad.tanh(x @ x) @ x, X)
    right = plan_memory(plan)
    right.size -= 64
    with pytest.raises(PlanError, match="behind the block"):
        check_plan(plan, right)


@pytest.mark.parametrize(
    ("f", "fine"),
    [
        (lambda x, y: x * 2 + y, True),
        (lambda x, y: x[::-1] * 2 + y, False),
        (lambda x, y: x + ad.sum(x), True),
        (lambda x, y: ad.cumsum(x, axis=0), None),
        (lambda x, y: x - ad.roll(x, 1, 0), False),
    ],
)
def test_plans_for_donated_inputs(f: Any, fine: bool | None) -> None:
    plan = planned(f, X, X)
    chosen = reusable_inputs(plan, [0])
    assert check_plan(plan, plan_memory(plan), chosen)
    if fine is not None:
        assert bool(chosen) == fine
    if fine is False:
        with pytest.raises(PlanError):
            check_plan(plan, plan_memory(plan), {0: 0})
