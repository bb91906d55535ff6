"""Run random programs on the native engine and on the interpreter, and report what differs.

    python tools/fuzz_native.py [--programs N] [--first SEED] [--group N] [--quick] [--avx2]

Run it from the root of the repository. The programs run in subprocesses, many in each, some of
them compiled together; where a subprocess dies, the program that killed it is found and reported
with its seed. Each is judged at every stage in which it may be answered
(tests/native/fuzzing/stages.py), the last of which is a second process that finds the code on the
disk; every fourth group also where it is not compiled. Nothing is kept of the object code. Programs
from number 1,000,000,000 on are of the wider kind. `--quick` has LLVM optimise only one group in
eight: more programs a minute. `--avx2` compiles for a processor without AVX-512.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_ONE_PROCESS = 1000
TIME = 30.0
"""Seconds a program may take, on top of those for starting a process."""


AVX2 = "+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sse4.1,+sse4.2"


def compile_for_avx2() -> None:
    """Compile as if this processor had no AVX-512."""
    from adjoint.backends.llvm.compile import jit

    triple = jit.host()[0]
    jit.host = lambda: (triple, "haswell", AVX2)  # type: ignore[assignment]


class Second:
    """A second process, which finds on the disk what the first one compiled."""

    def __init__(self, avx2: bool) -> None:
        command = [sys.executable, __file__, "--second", *(["--avx2"] if avx2 else [])]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, members: range) -> str:
        """The digest of the results of these programs, or what went wrong."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(members.start, members.stop, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip() or "ended"


def gives_away(members: range) -> bool:
    """Whether programs of a group donate: of every second one, for others enter native code."""
    return len(members) == 1 or bool(members.start // len(members) % 2)


def answer() -> None:
    """Be the second process."""
    from tests.native.fuzzing.random_programs import program
    from tests.native.fuzzing.stages import from_disk

    for line in sys.stdin:
        members = range(*map(int, line.split()))
        try:
            found = from_disk([program(seed) for seed in members], gives_away(members))
        except Exception as error:
            found = f"{type(error).__name__}: {error}"[:400].replace("\n", " ")
        print(found, flush=True)


def work(seeds: range, group: int, quick: bool, second: Second) -> None:
    """Run the programs of these seeds; say before each group which it is, then what went wrong."""
    from adjoint.backends.llvm.compile import jit
    from tests.native.fuzzing.comparing import compare
    from tests.native.fuzzing.random_programs import program

    full = dict(jit.LEVELS)
    for number, first in enumerate(seeds[::group]):
        members = range(first, min(first + group, seeds.stop))
        print(f"at {members.start} {members.stop}", flush=True)
        jit.LEVELS.update(full if not quick or number % 8 == 0 else dict.fromkeys(full, 0))
        try:
            programs = [program(seed) for seed in members]
            verdict = compare(programs, uncompiled=number % 4 == 0, donate=gives_away(members))
        except Exception as error:
            jit.LEVELS.update(full)
            if len(members) == 1:
                place = traceback.extract_tb(error.__traceback__)[-1]
                text = f"{type(error).__name__}: {error} ({place.name}, line {place.lineno})"
                print(f"wrong seed {members.start} raised {text[:400]!r}", flush=True)
                continue
            print(f"again {members.start} {members.stop}", flush=True)
            work(members, 1, quick, second)
            continue
        jit.LEVELS.update(full)
        other = second.ask(members)
        if other != verdict.digest:
            print(f"wrong seeds {members} in a second process: {other}", flush=True)
        verdict.stages["second process"] += 1
        print("stages", *(f"{k}={n}".replace(" ", "_") for k, n in verdict.stages.items()))
        for text in verdict.wrong:
            print(f"wrong {text}", flush=True)
        for seed in sorted(set(verdict.unstable)):
            print(f"unstable {seed}", flush=True)


class Tally:
    """What the subprocesses reported."""

    def __init__(self, avx2: bool) -> None:
        self.avx2 = avx2
        self.ran = 0
        self.stages: Counter[str] = Counter()
        self.unstable = 0
        self.wrong: list[str] = []
        self.crashed: list[str] = []

    def run(self, seeds: range, group: int, quick: bool) -> None:
        """Run these programs, in as many subprocesses as it takes."""
        while seeds:
            command = [sys.executable, __file__, "--worker", str(seeds.start), str(seeds.stop)]
            command += ["--group", str(group), *(["--quick"] if quick else [])]
            command += ["--avx2"] if self.avx2 else []
            with tempfile.TemporaryDirectory() as cache:
                environment = {**os.environ, "ADJOINT_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)}
                try:
                    done = subprocess.run(
                        command, capture_output=True, text=True, env=environment,
                        timeout=60 + TIME * len(seeds),
                    )  # fmt: skip
                    output, fate = done.stdout, done.returncode
                    errors = done.stderr
                except subprocess.TimeoutExpired as error:
                    output = (error.stdout or b"").decode()
                    fate, errors = "too slow", ""
            reached = self.read(output, seeds)
            if fate == 0:
                self.ran += len(seeds)
                return
            self.ran += reached.start - seeds.start
            if len(reached) == 1 or not output:
                last = errors.strip().splitlines()[-1:]
                self.crashed.append(f"seed {reached.start} ended its process: {fate} {last}")
                print(self.crashed[-1], flush=True)
                reached = reached[:1]
            else:
                self.run(reached, 1, quick)
            self.ran += 1 if len(reached) == 1 else 0
            seeds = range(reached.stop, seeds.stop)

    def read(self, output: str, seeds: range) -> range:
        """Take in what a subprocess printed; return the group at which it stopped."""
        reached = seeds
        for line in output.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "at":
                start, stop = map(int, rest.split())
                reached = range(start, stop)
            elif kind == "wrong":
                self.wrong.append(rest)
                print(rest, flush=True)
            elif kind == "stages":
                for part in rest.split():
                    name, _, count = part.rpartition("=")
                    self.stages[name.replace("_", " ")] += int(count)
            elif kind == "unstable":
                self.unstable += 1
        return reached


def main() -> int:
    parser = argparse.ArgumentParser(description="Random programs, native against interpreted.")
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--group", type=int, default=20, help="programs compiled together")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--avx2", action="store_true")
    parser.add_argument("--second", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--worker", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.avx2 and (given.worker or given.second):
        compile_for_avx2()
    if given.second:
        answer()
        return 0
    if given.worker:
        work(range(*given.worker), given.group, given.quick, Second(given.avx2))
        return 0
    tally, began = Tally(given.avx2), time.monotonic()
    last = given.first + given.programs
    for start in range(given.first, last, IN_ONE_PROCESS):
        tally.run(range(start, min(start + IN_ONE_PROCESS, last)), given.group, given.quick)
        seconds = time.monotonic() - began
        print(
            f"{tally.ran:,} programs in {seconds:,.0f} s: {len(tally.crashed)} crashed, "
            f"{len(tally.wrong)} wrong results, {tally.unstable} without digits to compare",
            flush=True,
        )
    print("groups judged:", ", ".join(f"{n} {k}" for k, n in tally.stages.items()), flush=True)
    return 1 if tally.wrong or tally.crashed else 0


if __name__ == "__main__":
    sys.exit(main())
