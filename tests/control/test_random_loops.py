"""Random loops and branches with random bodies against the same written out in Python.

A failure names the seed; ``python -m tests.control.test_random_loops FROM TO`` tries more.
"""

from __future__ import annotations

import sys

import pytest

from tests.control.agreement import disagreements
from tests.sampling import every


@pytest.mark.parametrize("first", every(3, range(0, 120, 10)))
def test_every_mode_agrees_with_the_loop_written_out(first: int) -> None:
    for seed in range(first, first + 10):
        assert not list(disagreements(seed)), seed


@pytest.mark.native
@pytest.mark.parametrize("seed", every(3, range(10_000, 10_016)))
def test_compiled_modes_agree(seed: int) -> None:
    assert not list(disagreements(seed, compiled=2)), seed


@pytest.mark.native
def test_programs_that_look_after_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADJOINT_DEBUG_MEMORY", "1")
    for seed in (20_000, 20_002, 20_005, 20_007):
        assert not list(disagreements(seed, compiled=2)), seed


if __name__ == "__main__":
    start, stop = map(int, sys.argv[1:3])
    for seed in range(start, stop):
        for text in disagreements(seed, compiled=2):
            print(seed, text, flush=True)
