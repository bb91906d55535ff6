"""Work that is counted, not timed: a busy machine computes no more than an idle one."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from adjoint.graph.node import Node


def calls(act: Callable[[], Any]) -> int:
    """How many functions `act` calls, of Python and of C, in this thread."""
    gc.collect()
    number = count()
    before, collects = sys.getprofile(), gc.isenabled()
    gc.disable()
    sys.setprofile(lambda frame, event, argument: next(number) if "call" in event else None)
    try:
        act()
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()
    return next(number)


def assert_linear(act: Callable[[int], Any], size: int, times: int = 4) -> None:
    """Fails unless `act` of so many times `size` calls so many times as many functions."""
    act(size)  # what is made or imported once
    few, many = calls(lambda: act(size)), calls(lambda: act(times * size))
    assert few > size / 100, "too few calls to tell anything"
    assert many < 1.1 * times * few + 1000, (few, many)


def live_nodes() -> int:
    """How many nodes there are in this process."""
    gc.collect()
    return sum(type(thing) is Node for thing in gc.get_objects())
