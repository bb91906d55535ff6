"""The gate of ``python -m benchmarks --smoke``: what LLVM is given for the rows of the table."""

from __future__ import annotations

import pytest

from adjoint.backends.llvm.codegen import vectors
from benchmarks import instructions
from benchmarks.row import NAMES

pytestmark = pytest.mark.native


def test_every_row_is_recorded_for_every_width_of_registers() -> None:
    assert list(instructions.recorded()) == list(NAMES)
    for counts in instructions.recorded().values():
        assert list(counts) == ["64", "32", "0"]
        assert all(count > 0 for count in counts.values())


@pytest.mark.parametrize("width", [64, 32, 0])
def test_what_is_counted_is_what_was_recorded(width: int) -> None:
    if width > vectors.register_bytes():
        pytest.skip("this processor has no such registers")
    with instructions.target(width):
        answer, count = instructions.answer_and_count("rosenbrock10")
        assert answer is not None
        assert count == instructions.recorded()["rosenbrock10"][str(width)]
        assert instructions.within("rosenbrock10", count).kept


def test_more_than_recorded_is_an_error_that_says_what_to_do() -> None:
    most = instructions.recorded()["kalman"][str(vectors.register_bytes())]
    with pytest.raises(AssertionError, match=r"(?s)kalman: LLVM is given .* record"):
        instructions.within("kalman", int(1.06 * most))
