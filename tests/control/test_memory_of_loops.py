"""Long loops differentiate in the memory that they may take, measured in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
import adjoint as ad

kind, compiled, steps, size, budget, warm_budget = sys.argv[1], *map(int, sys.argv[2:])

def stepped(y, w, n, memory):
    step = lambda y: y + w * ad.sin(y)
    if kind == "scan":
        return ad.scan(lambda y, _: (step(y), None), y, length=n, memory=memory)[0]
    return ad.while_loop(lambda s: s[0] < n, lambda s: (s[0] + 1, step(s[1])), (0, y),
                         memory=memory)[1]

def slope(compiled, memory):
    f = ad.grad(lambda y, w, n: ad.sum(stepped(y, w, n, memory)), (0, 1))
    return ad.compile(f, static=2 if kind == "scan" else ()) if compiled else f

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

y, w = np.linspace(1.0, 2.0, size), 1.0 / steps
for warm in (True, compiled):  # what is loaded and compiled is no part of it
    ad.evaluate(slope(warm, warm_budget)(y, w, 64))
measured = slope(compiled, budget)
if kind == "while":  # one program serves any number of rounds
    ad.evaluate(measured(y, w, np.asarray(64)))
before = peak()
dy, dw = measured(y, w, steps if kind == "scan" else np.asarray(steps))
dy, dw = np.asarray(dy), float(dw)
taken = peak() - before
assert np.isfinite(dy).all() and np.isfinite(dw)
# The flow of y' = sin y: tan(y/2) grows as exp(t), and its slope is sin(end) / sin(start).
end = 2 * np.arctan(np.tan(y / 2) * np.e)
assert np.max(np.abs(dy - np.sin(end) / np.sin(y))) < 10 / steps
print(taken * 1024)
"""

ROOM = 8 << 20
"""Bytes for programs, pages of the interpreter, and results."""

COMPILER = 12 << 20
"""Bytes for the compiler, where it is called in the midst of a loop."""


def taken(kind, compiled, steps, size, memory, warm_states=64):
    """The bytes by which a process grew at most while it differentiated a loop.

    It has differentiated one of 64 steps before, with memory for so many states.
    """
    warm = warm_states * size * 8
    command = [sys.executable, "-c", PROGRAM, kind, compiled, steps, size, memory, warm]
    found = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr
    return int(found.stdout)


@pytest.mark.parametrize("compiled", [0, 1], ids=["uncompiled", "compiled"])
@pytest.mark.parametrize("kind", ["scan", "while"])
def test_a_tenth_of_the_states(kind, compiled):
    steps, size, memory = 4_000, 4_000, 12 << 20  # all states take 128 MB
    assert taken(kind, compiled, steps, size, memory) < 2 * memory + ROOM


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [0, 1], ids=["uncompiled", "compiled"])
@pytest.mark.parametrize("kind", ["scan", "while"])
def test_a_hundred_thousand_steps_of_a_thousand_numbers_in_64_megabytes(kind, compiled):
    memory = 64 << 20
    room = ROOM if compiled else ROOM + COMPILER
    assert taken(kind, compiled, 100_000, 1_000, memory) < memory + room


@pytest.mark.slow
@pytest.mark.parametrize(("megabytes", "warm_states"), [(64, 16), (8, 12)])
def test_a_million_steps_of_a_thousand_numbers(megabytes, warm_states):
    memory = megabytes << 20  # all states take 8 GB; two levels of blocks keep 16 MB, three 2.4
    assert taken("scan", 1, 1_000_000, 1_000, memory, warm_states) < memory + ROOM
