"""Random programs on both engines: do they agree, and if not, is it more than rounding?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import adjoint as ad
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from tests.native.fuzzing.random_programs import Program, as_given
from tests.native.fuzzing.stages import (
    Calls,
    Results,
    compiled_stages,
    digest,
    disk_stages,
    uncompiled_stages,
)


@dataclass
class Verdict:
    """What became of a batch: the disagreements as text, how many programs were unstable, how often
    each stage was judged, and what a second process should find."""

    wrong: list[str]
    unstable: list[int]
    stages: Counter[str] = field(default_factory=Counter)
    digest: str = ""


def compare(programs: Sequence[Program], uncompiled: bool = True, donate: bool = True) -> Verdict:
    """Compile the programs together, and compare the results of each at each stage with what the
    interpreter finds; at the `uncompiled` ones, too, for which LLVM has to work once more.

    donate: whether programs donate inputs, if they ask for it; one that does cannot always be
    entered natively.
    """
    verdict = Verdict([], [])
    with ad.options(native="never"):
        expected = [[np.asarray(e.numpy()) for e in p(*map(as_given, p.inputs))] for p in programs]
    calls = Calls(programs, donate)
    first: Results | None = None
    for name, results in compiled_stages(calls):
        first = judge(verdict, name, programs, results, expected, first)
    verdict.digest = digest(first or [])
    for name, results in disk_stages(calls):
        judge(verdict, name, programs, results, expected, first)
    earlier = None
    for name, results in uncompiled_stages(calls) if uncompiled else ():
        earlier = judge(verdict, name, programs, results, expected, earlier)
    return verdict


def judge(
    verdict: Verdict,
    stage: str,
    programs: Sequence[Program],
    results: Results,
    expected: Results,
    first: Results | None,
) -> Results:
    """Note what is wrong with the results of a stage: other than expected, or than at `first`."""
    verdict.stages[stage] += 1
    for number, p in enumerate(programs):
        for output, (found, wanted) in enumerate(
            zip(results[number], expected[number], strict=True)
        ):
            where = f"seed {p.seed}, {stage}, result {output}: "
            if first is not None:
                if found.tobytes() != first[number][output].tobytes():
                    verdict.wrong.append(f"{where}two stages differ")
                elif found.shape == wanted.shape:
                    continue
            if (found.shape, found.dtype) != (wanted.shape, wanted.dtype):
                verdict.wrong.append(
                    f"{where}{found.dtype}{found.shape} for {wanted.dtype}{wanted.shape}"
                )
            elif not agrees(found, wanted):
                if is_noise(p, output, found, wanted):
                    verdict.unstable.append(p.seed)
                else:
                    verdict.wrong.append(f"{where}{summary(found, wanted)}")
    return results if first is None else first


def agrees(found: Any, wanted: Any) -> bool:
    """Whether two results are equal but for rounding."""
    if wanted.dtype.kind != "f":
        return np.array_equal(found, wanted)
    tolerance = 2e-4 if wanted.dtype == np.float32 else 1e-11
    finite = np.abs(wanted[np.isfinite(wanted)])
    size = float(finite.max(initial=0.0))
    atol = tolerance * size + 32 * float(np.finfo(wanted.dtype).smallest_subnormal)
    return np.allclose(found, wanted, rtol=tolerance, atol=atol, equal_nan=True)


def summary(found: Any, wanted: Any) -> str:
    """The indices at which two results differ most."""
    with np.errstate(all="ignore"):
        apart = np.array(np.abs(found.astype(np.float64) - wanted))
        apart[np.isnan(apart)] = np.inf
        apart[(found == wanted) | (np.isnan(found) & np.isnan(wanted))] = 0
    worst = [np.unravel_index(i, apart.shape) for i in np.argsort(-apart.ravel())[:3]]
    shown = [f"{tuple(map(int, i))}: {found[i]!r} for {wanted[i]!r}" for i in worst if apart[i] > 0]
    return f"{wanted.dtype}{wanted.shape} differs at {'; '.join(shown)}"


# When results differ, is it more than rounding? The graph is evaluated a few times with every
# result of arithmetic moved by a few units in the last place; what these runs do not agree upon
# has no digits to compare (a comparison of equals, a difference of nearly equals, a pole).

RUNS = 8
UNITS = 8.0
EXACT = frozenset({"linear", "leaf"})
SUMS = frozenset({"sum", "cumsum", "scatter_add"})
"""The linear operations whose result hangs on the order of additions."""
ADDED = 1 / 64
"""Units by which a sum of many may err, times the sum of the sizes of its terms: 30 widths of that
are what adding in pairs may err by, and less than adding one by one may."""


def is_noise(p: Program, output: int, found: Any, wanted: Any) -> bool:
    """Whether rounding explains the difference of a result from the interpreter's."""
    traced = ad.compile(p).trace(*p.inputs)
    leaves = [np.asarray(ad.asarray(x).numpy()) for x in p.inputs]
    given = dict(zip(traced.inputs, leaves, strict=True))
    rng = np.random.default_rng(0)
    runs = [disturbed(traced.outputs[output], given, rng) for _ in range(RUNS)]
    if wanted.dtype.kind != "f":
        return all(
            np.any([np.asarray(run)[i] != wanted[i] for run in runs])
            for i in zip(*np.nonzero(found != wanted), strict=True)
        )
    with np.errstate(all="ignore"):
        stacked = np.stack([*runs, wanted]).astype(np.float64)
        width = np.max(stacked, 0) - np.min(stacked, 0)
        tolerance = (1e-4 if wanted.dtype == np.float32 else 1e-11) * np.abs(wanted)
        near = np.abs(found.astype(np.float64) - wanted) <= 30 * width + tolerance
    settled = np.isfinite(stacked).all(0)
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    equal_runs = np.all((stacked == wanted) | (np.isnan(stacked) & np.isnan(wanted)), 0)
    return bool(np.all(same | np.where(settled, near, ~equal_runs)))


def disturbed(output: Node, given: dict[Node, Any], rng: Any) -> Any:
    """The value of `output` with arithmetic that errs a little."""
    values = dict(given)
    with np.errstate(all="ignore"):
        for node in topological_order([output], lambda n: () if n in given else n.inputs):
            if node in values:
                continue
            if node.value is not None:
                values[node] = np.asarray(node.value)
                continue
            parts = [np.asarray(values[c]) for c in node.inputs]
            value = np.asarray(node.op.evaluate(*parts, *node.params))
            exact = node.op.family in EXACT and node.op.name not in SUMS
            if value.dtype.kind == "f" and not exact:
                error = rng.uniform(-UNITS, UNITS, value.shape) * np.finfo(value.dtype).eps
                value = (value * (1 + error)).astype(value.dtype)
            if value.dtype.kind == "f" and node.op.name in (*SUMS, "matmul"):
                sizes = [np.abs(x) if x.dtype.kind == "f" else x for x in parts]
                terms = node.op.evaluate(*sizes, *node.params)
                error = ADDED * rng.uniform(-UNITS, UNITS, value.shape) * np.finfo(value.dtype).eps
                value = (value + np.where(np.isfinite(terms), error * terms, 0)).astype(value.dtype)
            values[node] = value
    return values[output]
