"""Which cases of the table run in every test run, by mode; the others are marked `slow`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from adjoint.graph.op import OPS
from adjoint.ops.family.elementwise import Elementwise
from tests.sampling import marked
from tests.table.cases import Case

MODES = (
    *("forward", "reverse", "second order", "all basis tangents", "batched", "batched derivatives"),
    *("series", "nested tangents", "sparsity"),
)
SLOW_ORACLES = (
    *("inc", "_by_order", "stdtr", "elliptic", "ellipj", "skewed", "owens", "zeta", "hyp", "beta"),
    *("airy", "struve", "log_gamma", "jv", "yv", "iv", "kv", "ellip"),
    *("channel_", "riccati", "logm", "von_mises"),
)
"""Parts of names of operations whose oracles take long, at order two seconds."""
ASK_TWICE = ("second order", "series")
"""The modes that ask oracles for a second derivative."""
BY_FAMILY = ("all basis tangents", "batched derivatives", "sparsity")
"""The modes in which all elementwise operations have one rule, that of their family."""


def has_slow_oracle(case: Case) -> bool:
    return any(part in case.op for part in SLOW_ORACLES)


def sampled(mode: str, cases: Sequence[Case]) -> Any:
    """A test for each case, of which a part always runs, with every operation.

    Cases of real double precision without broadcasting always run, of an operation with a slow
    oracle the first alone, unless second derivatives are asked for. Of the others, which share
    their rules with those, one in three runs; in each mode another one, so that single precision,
    complex numbers and broadcasting occur in all modes. So with elementwise operations whose family
    alone has a rule for the mode.
    """
    seen: set[str] = set()
    others, rows = MODES.index(mode), []
    for case in cases:
        of_family = mode in BY_FAMILY and isinstance(OPS[case.op], Elementwise)
        if case.name.endswith("-float64") and not of_family:
            is_first = case.op not in seen and mode not in ASK_TWICE
            quick = is_first or not has_slow_oracle(case)
            seen.add(case.op)
        else:
            others += 1
            quick = others % 3 == 0 and not has_slow_oracle(case)
        rows.append(marked(case, quick, case.name))
    return pytest.mark.parametrize("case", rows)
