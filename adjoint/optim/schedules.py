"""Learning rates that change: functions of the number of steps done, a tensor.

Give one wherever a learning rate is asked for.
"""

from __future__ import annotations

import math

from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import minimum
from adjoint.ops.elementwise.trigonometric import cos
from adjoint.optim.base import Schedule, check_number


def exponential_decay(start: float, *, steps: int, factor: float) -> Schedule:
    """The rate ``start * factor ** (count / steps)``.

    >>> import adjoint as ad
    >>> rate = ad.optim.exponential_decay(0.1, steps=100, factor=0.5)
    >>> rate(200)
    Tensor(0.025)
    """
    check_number("exponential_decay", "start", start, 0.0)
    check_number("exponential_decay", "steps", steps, 1)
    check_number("exponential_decay", "factor", factor, 0.0)
    return lambda count: start * factor ** (_real(count) / steps)


def cosine_decay(start: float, *, steps: int, end: float = 0.0) -> Schedule:
    """From `start` to `end` in half a wave of the cosine over `steps` steps, then `end`.

    >>> import adjoint as ad
    >>> rate = ad.optim.cosine_decay(0.1, steps=100)
    >>> rate(0), rate(50), rate(300)
    (Tensor(0.1), Tensor(0.05), Tensor(0.))
    """
    check_number("cosine_decay", "start", start, 0.0)
    check_number("cosine_decay", "steps", steps, 1)
    check_number("cosine_decay", "end", end, 0.0)

    def rate(count: Tensor) -> Tensor:
        done = minimum(_real(count) / steps, 1.0)
        result: Tensor = end + 0.5 * (start - end) * (1.0 + cos(math.pi * done))
        return result

    return rate


def warmup(steps: int, after: float | Schedule) -> Schedule:
    """From 0 in a straight line to the rate `after` (a number or a schedule) over `steps` steps.

    >>> import adjoint as ad
    >>> rate = ad.optim.warmup(10, 0.1)
    >>> rate(5), rate(20)
    (Tensor(0.05), Tensor(0.1))
    """
    check_number("warmup", "steps", steps, 1)
    if not callable(after):
        check_number("warmup", "after", after, 0.0)

    def rate(count: Tensor) -> Tensor:
        target = after(count) if callable(after) else after
        result: Tensor = minimum(_real(count) / steps, 1.0) * target
        return result

    return rate


def _real(count: Tensor) -> Tensor:
    return as_tensor(count).astype("float64")
