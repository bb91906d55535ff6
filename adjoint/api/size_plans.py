"""The specializations of one function that differ in sizes: planned a few times, then filled in.

A further batch size of a compiled function is traced, and then answered from a plan with open
sizes (`backends/llvm/program/open_plan.py`) where there is one whose assumptions hold for it. No
pass, schedule or layout is made then, until calls with this size are so many that it gets a native
program of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adjoint.api.donation import Array
from adjoint.backends.open_graph import GraphForm, NoForm, OpenGraph
from adjoint.graph.node import Node
from adjoint.graph.open_numbers import NotOpen

if TYPE_CHECKING:
    from adjoint.backends.llvm.program.open_plan import OpenPlan

FIRST = 3
"""So many sizes for which no code is new get a whole program before sizes are left open, which
takes as long as two of them. Few functions see more."""

BETWEEN = 3
"""So many further ones for which no plan holds, before the next is made: so that planning does not
take much longer than what it could save."""

MOST_PLANS = 12
"""Plans of a function. Each new size is tried with all of them, at some 20 µs each."""

MOST_FAILURES = 3
"""So often it is tried in vain."""

MOST_FORMS = 4
"""So many sizes that have a program are remembered, to compare with."""


class SizePlans:
    """What is known of a function for arguments that differ in sizes, and of which some are
    `donated`, by number."""

    def __init__(self, donated: Sequence[int]) -> None:
        self.donated = donated
        self.plans: list[OpenPlan] = []
        self.known: list[tuple[GraphForm, Any]] = []
        """Graphs of sizes with a program, and that; the latest last."""
        self.wait = FIRST
        """For so many more sizes no plan is made."""
        self.failures = 0
        """How often a plan could not be made."""

    def may_have_one(self) -> bool:
        """Whether it is worth to look for a plan."""
        return bool(self.plans) or self.is_to_plan()

    def is_to_plan(self) -> bool:
        """Whether the next size for which no plan holds gets one."""
        is_hopeful = self.failures < MOST_FAILURES and len(self.plans) < MOST_PLANS
        return self.wait <= 0 and is_hopeful

    def find(self, form: GraphForm) -> FilledPlan | None:
        """What answers the first calls for a new size; None if it needs a program."""
        for plan in self.plans:
            if (facts := plan.facts(form)) is not None:
                self.plans = [plan, *[other for other in self.plans if other is not plan]]
                return FilledPlan(facts, plan) if plan.is_trusted else None
        if not self.is_to_plan():
            return None
        self.wait = BETWEEN
        made = self.plan(form)
        if made is None or not made.is_trusted or (facts := made.facts(form)) is None:
            return None
        return FilledPlan(facts, made)

    def add(self, form: GraphForm, program: Any, is_new: bool) -> None:
        """Compare the plans with a program that was made. It counts where a plan would have spared
        it: if it `is_new`, so that none has answered, and no code had to be written.

        One that lay on disk as a whole is left alone, as it has no schedule; so is one that checks
        its use of memory, as all should then.
        """
        if not program.serves_other_sizes:
            return
        if not self.check(self.plans, form, program) and is_new and program.is_without_new_code:
            self.wait -= 1
        self.known = [*self.known, (form, program)][-MOST_FORMS:]

    def check(self, plans: Sequence[OpenPlan], form: GraphForm, program: Any) -> bool:
        """Trust the plans that say of a graph what its program does. Returns whether there is one.

        If one says something else, its assumptions are not all there are: then there will be no
        plans for this function.
        """
        answers = [(plan, plan.agrees(form, program)) for plan in plans]
        if any(answer is False for _, answer in answers):
            self.plans, self.failures = [], MOST_FAILURES
            return False
        for plan, answer in answers:
            if answer:
                plan.trust(program)
        return any(answer for _, answer in answers)

    def plan(self, form: GraphForm) -> OpenPlan | None:
        """A plan for sizes like those of a graph, compared with the programs of others."""
        others = [known for known, _ in self.known if known.key == form.key]
        if not others:
            return None
        from adjoint.backends.llvm.program.open_plan import planned

        try:
            plan = planned(OpenGraph([form, *others]), self.donated)
        except (NoForm, NotOpen):
            self.failures += 1  # other sizes, larger ones, may need less of what they are
            return None
        self.plans = [*self.plans, plan]
        for known, program in self.known:
            self.check([plan], known, program)
        return plan


class FilledPlan:
    """A plan filled in for one size: it runs the steps one by one, for a few calls."""

    def __init__(self, facts: Any, plan: OpenPlan) -> None:
        self.kept = plan.kernels
        self.stepwise, self.calls_left = plan.stepwise(facts)
        self.failed = plan.failed
        self.reuse = facts.reuse

    def run(self, arrays: Sequence[Array], into: Mapping[int, Array] | None = None) -> list[Array]:
        """The outputs for contiguous arrays, as of a program."""
        self.calls_left -= 1
        found: list[Array] = self.stepwise.run(arrays, into)
        return found


def form_of(
    inputs: Sequence[Node], outputs: Sequence[Node], order: Sequence[Node] | None = None
) -> GraphForm | None:
    """The form of a traced graph, of which the `order` may be known; None if it has none."""
    try:
        return GraphForm(inputs, outputs, order)
    except NoForm:
        return None
