"""Numbers that are left open note what is decided by them, and are nothing else."""

from __future__ import annotations

import copy
import math
import operator
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adjoint.backends.llvm.program.open_plan import comparison_text
from adjoint.graph.open_numbers import Assumptions, NotOpen, OpenNumber, text_of
from adjoint.graph.types import as_shape, size_of

VALUES = (1, 2, 3, 7, 64, 100)

FORMULAS: tuple[Callable[[Any, Any], Any], ...] = (
    lambda n, m: 3 * n + m * 4 - 7,
    lambda n, m: -(-n // 13) * 54.8 < -(-m // 8) * 34.8,
    lambda n, m: max(n, m, 5) - min(n * m, 9) + (n - n),
    lambda n, m: divmod(n * 10 + m, 7),
    lambda n, m: [abs(n - m), n % 4, 17 % n, 100 // m, n / 3, 2.5 / m, 0.5 - n, True + n],
    lambda n, m: sorted([(n, 2), (m, 1), (64, 0), (n * m // 3, 5)]),
    lambda n, m: size_of((n, 3, m)) if n else 0,
    lambda n, m: (n, 3) == (3, 3) or (n, m) != (m, n),
    lambda n, m: as_shape("test", (n, m)),
    lambda n, m: sum([n, m, 1]) if n >= 3 and m != 7 else -n,
    lambda n, m: np.isfinite(n) and n < math.inf,
)


def replayed(assumptions: Assumptions, result: Any, given: dict[str, Any]) -> Any:
    """The result for other numbers; None if an assumption does not hold."""
    names = dict(given, inf=math.inf, **assumptions.asked)
    for expression, name in assumptions.definitions.items():
        names[name] = eval(expression, names)
    for key, outcome in assumptions.outcomes.items():
        if bool(eval(comparison_text(key), names)) is not outcome:
            return None

    def known(x: Any) -> Any:
        if isinstance(x, (tuple, list)):
            return type(x)([known(part) for part in x])
        return eval(text_of(x.key), names) if type(x) is OpenNumber else x

    return known(result)


def test_where_the_assumptions_hold_expressions_are_what_the_code_gives() -> None:
    for formula in FORMULAS:
        held = 0
        for n, m in [(a, b) for a in VALUES for b in VALUES]:
            assumptions = Assumptions()
            result = formula(assumptions.number(n), assumptions.number(m))
            assert assumptions.failed is None
            for other in [(a, b) for a in VALUES[::2] for b in VALUES]:
                found = replayed(assumptions, result, dict(zip(("s0", "s1"), other, strict=True)))
                if found is not None:
                    assert found == formula(*other)
                    held += 1
        assert held > 20


REFUSED: tuple[Callable[[Any], Any], ...] = (
    *(int, float, complex, str, repr, range, math.sqrt, math.ceil, math.log2, bytes),
    *(lambda n: f"{n}", lambda n: [1, 2, 3][:n], lambda n: (0,) * n, lambda n: "x" * n),
    *(
        np.zeros,
        np.asarray,
        np.sqrt,
        np.prod,
        lambda n: np.int64(3) + n,
        lambda n: n == np.int64(3),
    ),
    *(lambda n: n**2, lambda n: 1 << n, lambda n: n & 1, copy.deepcopy, operator.index),
    *(
        lambda n: n.bit_length(),
        lambda n: n == 3j,
        lambda n: struct.pack("q", n),
        lambda n: {0.5: 1}.get(n / 2),
    ),
)


def test_what_cannot_be_noted_is_refused_even_if_somebody_catches_the_error() -> None:
    for number, use in enumerate(REFUSED):
        assumptions = Assumptions()
        with pytest.raises((NotOpen, TypeError, AttributeError)):
            use(assumptions.number(7))
        assert assumptions.failed is not None, number


def test_numbers_of_other_plans_are_other_keys() -> None:
    first, second = Assumptions().number(7), Assumptions().number(7)
    table = {(first, 3): "first", (7, 3): "known"}
    assert (second, 3) not in table
    assert table[first, 3] == "first"
    assert first.assumptions.hashed
