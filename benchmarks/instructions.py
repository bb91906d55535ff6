"""How many instructions LLVM is given for the programs of a row: what its first call costs.

Seconds flicker with what else a machine does, and these do not. LLVM takes some 25 microseconds for
an instruction, and writing it takes as long; assembly counts as one, as a line takes one
microsecond. What is recorded are the programs for small
inputs, for each width of vector registers, as code depends on it: ``python -m
benchmarks.instructions`` writes them anew, to be looked at and committed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Result
from benchmarks.row import NAMES, make

PATH = Path(__file__).parent / "instructions.json"

MARGIN = 1.05
"""By how much a program may grow before somebody has to look at it."""

HASWELL = "haswell", "+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sse4.1,+sse4.2"


def answer_and_count(name: str) -> tuple[Any, int]:
    """What we answer to the small inputs of a row, and the instructions of all programs that are
    compiled for that."""
    from adjoint.api import compiling

    before = set(compiling._all)
    work = make(name, "adjoint", True)
    answer = work()
    made = [x for x in compiling._all if x not in before]
    programs = [s.program for x in made for s in x._specializations.values()]
    return answer, sum(program.instructions() for program in programs)


def within(name: str, found: int) -> Result:
    """The instructions of a row; an error if they are more than those recorded, and a margin."""
    known = recorded().get(name)
    assert known, f"{name}: run python -m benchmarks.instructions, which records new rows"
    most = int(MARGIN * known[str(register_bytes())])
    assert found <= most, (
        f"{name}: LLVM is given {found} instructions, and {most} are allowed, so that the first "
        f"call stays short. Compare compiled.text('llvm') before and after the change: is "
        f"something written twice, unrolled, or no longer shared? If there have to be more, say "
        f"why, and run python -m benchmarks.instructions, which records them"
    )
    return Result("LLVM instructions", found, "", most)


def recorded() -> dict[str, dict[str, int]]:
    """The instructions of each row by bytes of a vector register."""
    found: dict[str, dict[str, int]] = json.loads(PATH.read_text())
    return found


def register_bytes() -> int:
    """The bytes of a vector register that code is written for."""
    from adjoint.backends.llvm.codegen import vectors

    return vectors.register_bytes()


@contextmanager
def target(width: int) -> Iterator[None]:
    """Code is written for registers of so many bytes: those of the processor, or fewer."""
    from adjoint.backends.llvm.codegen import vectors
    from adjoint.backends.llvm.compile import jit

    host, found = jit.host, vectors.register_bytes
    if width != found():
        jit.host = lambda: (host()[0], *HASWELL)  # type: ignore[assignment]
        vectors.register_bytes = lambda: width  # type: ignore[assignment]
    try:
        yield
    finally:
        jit.host, vectors.register_bytes = host, found


def record() -> None:
    """Count, for the registers of this processor and narrower ones, and write what was found."""
    known = recorded() if PATH.exists() else {}
    for width in (w for w in (64, 32, 0) if w <= register_bytes()):
        with target(width):
            for name in NAMES:
                known.setdefault(name, {})[str(width)] = answer_and_count(name)[1]
    PATH.write_text(json.dumps({name: known[name] for name in NAMES}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(record())
