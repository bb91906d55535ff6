"""Random programs mean the same on the native engine as on the interpreter, derivatives included.

A small part of what tools/fuzz_native.py runs; a failure names the seed of a program.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.compile import kernel_cache
from adjoint.graph.verify import verify
from tests.native.fuzzing import comparing
from tests.native.fuzzing.comparing import compare
from tests.native.fuzzing.random_programs import Program, program, together
from tests.native.fuzzing.random_wide import FROM
from tests.native.fuzzing.stages import STAGES
from tests.sampling import every

pytestmark = pytest.mark.native

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("first", every(5, range(0, 300, 25)))
def test_programs_compiled_together(first: int) -> None:
    programs = [program(seed) for seed in range(first, first + 25)]
    verdict = compare(programs, donate=first % 50 == 0)
    assert not verdict.wrong, "\n".join(verdict.wrong)


@pytest.mark.parametrize("seed", every(4, range(10_000, 10_030)))
def test_programs_compiled_alone(seed: int) -> None:
    verdict = compare([program(seed)])
    assert not verdict.wrong, "\n".join(verdict.wrong)


@pytest.mark.parametrize("first", every(4, range(FROM, FROM + 160, 20)))
def test_wide_programs(first: int) -> None:
    """Casts, shifts, chains of moved reads, inputs of more layouts and classes."""
    verdict = compare([program(seed) for seed in range(first, first + 20)])
    assert not verdict.wrong, "\n".join(verdict.wrong)


def test_most_programs_have_digits_to_compare() -> None:
    """If rounding could excuse everything, nothing would be tested."""
    programs = [program(seed) for seed in range(20_000, 20_050)]
    assert len(set(compare(programs).unstable)) <= 8


@pytest.mark.parametrize("first", [30_000, 30_040])
def test_each_pass_keeps_the_graphs_of_programs_well_formed(first: int) -> None:
    programs = [program(seed) for seed in range(first, first + 40)]
    traced = ad.compile(together(programs)).trace(*[p.inputs for p in programs])
    verify(traced.outputs)
    verify(traced.optimised)


PLAIN = Program(0, (np.linspace(0.1, 1, 9), np.arange(5)))
KINDS = ("compiled_stages", "disk_stages", "uncompiled_stages")


def plain(self: Program, x: Any, i: Any) -> Any:
    return ad.sin(x), ad.asarray(i) + 1


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "threads"])
def test_a_wrong_result_of_any_stage_would_be_found(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison sees an error in the eighth digit of one element, and a wrong integer, at
    whatever stage they are: the first call, a later one, native code, code from the disk."""
    monkeypatch.setattr(Program, "__call__", plain)

    def spoilt(stages: Any) -> Any:
        def found(calls: Any) -> Any:
            for name, results in stages(calls):
                if name == stage:
                    results[0][0][-1] += 1e-8
                    results[0][1][2] += 1
                yield name, results

        return found

    for kind in KINDS:
        monkeypatch.setattr(comparing, kind, spoilt(getattr(comparing, kind)))
    wrong = [text for text in compare([PLAIN]).wrong if f", {stage}, " in text]
    assert any("result 0: float64(9,) differs at (8,)" in text for text in wrong)
    assert any("result 1: int64(5,) differs at (2,)" in text for text in wrong)


def test_each_stage_is_judged() -> None:
    """Of programs of which one is cut into chunks for threads."""
    rng = np.random.default_rng(0)
    large = Program(0, (rng.normal(size=(700, 513)),))
    judged = [compare([large]).stages, compare([program(1)]).stages]
    assert set(STAGES) == set(judged[0]) | set(judged[1])


def test_rounding_is_not_taken_for_an_error() -> None:
    """x - x (1 + ulp) has no digits; a native result of another such difference is no error."""
    x = np.array([1.0])
    traced = ad.compile(lambda x: ad.sin(x) * 3.0 - ad.sin(x) - 2.0 * ad.sin(x)).trace(x)
    (output,), given = traced.outputs, {traced.inputs[0]: x}
    rng = np.random.default_rng(0)
    runs = [comparing.disturbed(output, given, rng) for _ in range(3)]
    assert np.ptp(runs) > 0 and np.max(np.abs(runs)) < 1e-13


def test_the_fuzz_program_runs_and_says_what_it_found() -> None:
    command = [sys.executable, "tools/fuzz_native.py", "--programs", "10", "--quick"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("10 programs in ")
    assert "0 crashed, 0 wrong results" in done.stdout


@pytest.mark.parametrize("first", [40_000, 40_040])
def test_the_generated_code_is_well_formed(first: int) -> None:
    """LLVM's verifier accepts the kernels and the program that calls them."""
    programs = [program(seed) for seed in range(first, first + 20)]
    found = ad.compile(together(programs)).trace(*[p.inputs for p in programs]).program
    files = kernel_cache.module_texts(found.writer.all_kernels())
    kernels = [text for texts in files for text in texts.values()]
    for text in (*kernels, found.llvm_text()):
        module = llvm.parse_assembly(text)
        module.verify()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_results_do_not_depend_on_the_number_of_threads(seed: int) -> None:
    """Of programs large enough to be cut into chunks of rows."""
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(700, 513)), rng.normal(size=513)

    def f(x: Any, w: Any) -> Any:
        z = ad.softmax(ad.tanh(x * w), axis=1)
        return ad.sum(ad.log(z + 0.1) * x) + ad.max(ad.sum(ad.exp(z), axis=0)) + ad.mean(z * z)

    g = ad.compile(ad.value_and_grad(f, (0, 1)))
    found = set()
    for threads in (1, 2, 3, 8, None):
        with ad.options(threads=threads):
            for _ in range(3):
                value, gradients = g(x, w)
                parts = (value, *gradients)
                found.add(b"".join(part.numpy().tobytes() for part in parts))
    assert len(found) == 1
    assert "chunks" in g.text("schedule")


@pytest.mark.parametrize("order", [np.arange(4097), np.arange(4097)[::-1]])
def test_a_float32_sum_errs_no_more_than_a_pairwise_sum_may(order: Any) -> None:
    """Program 771244736: terms of both signs, so that few digits are left of any sum of them."""
    x = np.cos(np.arange(4097)).astype(np.float32)[order]
    found = ad.compile(lambda x: ad.astype(ad.sum(x), "float64"))(x).numpy()
    right = np.sum(x.astype(np.float64))
    terms = np.sum(np.abs(x.astype(np.float64)))
    assert abs(found - right) <= np.log2(4097) * np.finfo(np.float32).eps / 2 * terms
    assert not compare([program(771_244_736)]).wrong


def test_a_remainder_jumps_only_where_the_quotient_is_an_integer() -> None:
    """Program 771237921: the divisor is a mean, so its last digits hang on the order of a sum."""
    p = program(771_237_921)
    found = ad.compile(p)(*p.inputs)[0].numpy().ravel()
    wanted = p(*map(ad.asarray, p.inputs))[0].numpy().ravel()
    x = np.asarray(p.inputs[0], np.float64)
    low = np.minimum(x, np.float32(-0.048325))
    product = (low * low.sum()).ravel()
    by = abs(np.arctan(product).mean()) + 0.75
    error = 32 * np.finfo(np.float32).eps  # of a sum, a product, a mean
    apart = np.abs(found.astype(np.float64) - wanted) > error * np.abs(product)
    quotient = product[apart] / by
    assert np.all(np.abs(quotient - np.rint(quotient)) < error * np.abs(quotient))
    assert np.all(np.abs(found - wanted)[apart] > 0.9 * by)  # the whole divisor
    assert not compare([p]).wrong
