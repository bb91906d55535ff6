"""The order in which steps run: what is read was written before."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from adjoint.errors import GraphError
from adjoint.schedule.plan import Step


def in_order(steps: Sequence[Step]) -> list[Step]:
    """The steps sorted so that what is read was written before.

    Where there is a choice, kernels over the same rows follow each other.
    """
    writer = {root: step for step in steps for root in step.roots}
    waiting: dict[Step, int] = {}
    users: dict[Step, list[Step]] = {step: [] for step in steps}
    for step in steps:
        before = {writer[r] for r in step.reads if r in writer} - {step}
        waiting[step] = len(before)
        for other in before:
            users[other].append(step)
    ready: dict[object, deque[Step]] = {}
    for step in steps:
        if not waiting[step]:
            ready.setdefault(step.rows, deque()).append(step)
    done: list[Step] = []
    rows: object = None
    while ready:
        rows = rows if rows in ready else next(iter(ready))
        step = ready[rows].popleft()
        if not ready[rows]:
            del ready[rows]
        done.append(step)
        for user in users[step]:
            waiting[user] -= 1
            if not waiting[user]:
                ready.setdefault(user.rows, deque()).append(user)
    if len(done) != len(steps):
        raise GraphError("the kernels of a schedule wait for each other; please report this graph")
    return done
