"""A result that is handed out again has its numbers as Python floats; those that are held stay."""

from __future__ import annotations

import math
import random
import sys
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.entry.descriptor import Input, Output
from adjoint.backends.llvm.system.cpython_layout import DTYPES
from tests.native.entry.entry_programs import F64, NUMBER, failing_body, program, sum_body
from tests.native.entry.test_reuse import cell_of, is_reused, sums
from tests.threads import in_threads

pytestmark = pytest.mark.native

SPECIAL = (0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1e300, 0.1)


def test_a_number_that_is_used_again_is_a_python_float() -> None:
    for dtype in DTYPES:
        f = program([Input(dtype, ())], [Output(dtype, ())], 0).native
        for number in (1, 0, 3, 0.1, -0.0, math.inf, math.nan) if dtype.kind == "f" else (1, 0, 3):
            t = f(dtype.type(number))
            node = t.node
            if dtype.name in ("float32", "float64") and node.number is not None:
                assert type(node.number) is float
                assert math.copysign(1.0, node.number) == math.copysign(1.0, dtype.type(number))
            else:
                assert node.number is None
            np.testing.assert_equal(dtype.type(t.item()), dtype.type(number))
            if dtype.kind != "c":
                np.testing.assert_equal(dtype.type(float(t)), dtype.type(number))
            del t, node
        assert (f(dtype.type(1)).node.number is not None) == (dtype.name in ("float32", "float64"))


def test_floats_that_are_held_keep_their_numbers() -> None:
    f, draw = sums(3, ((0, 1), 2)), random.Random(1)
    held: list[tuple[Any, float]] = []
    overwritten = 0
    for i in range(3000):
        (a, b), c = f(float(i), 0.5)
        tensor, factor = draw.choice([(a, 1), (b, 2), (c, 3)])
        exact = factor * (i + 0.5)
        overwritten += tensor.node.number is not None
        assert tensor.node.number in (None, exact) and tensor.node.value == exact
        take = draw.choice([float, ad.Tensor.item, lambda t: t.node.number, lambda t: t, None])
        if take is not None:
            part = take(tensor)
            held.append((exact if part is None else part, exact))
        if len(held) > 6:
            held.pop(draw.randrange(len(held)))
        del a, b, c, tensor
        part = None
        assert all(float(part) == exact for part, exact in held)
    assert overwritten > 1000


def test_special_numbers_and_generators() -> None:
    f = ad.compile(lambda x: (x, -x))

    def floats() -> Any:
        for number in SPECIAL * 3:
            same, opposite = f(number)
            yield float(same), float(opposite)

    found = list(floats())
    for (same, opposite), number in zip(found, SPECIAL * 3, strict=True):
        np.testing.assert_equal((same, opposite), (number, -number))
        assert math.copysign(1.0, same) == math.copysign(1.0, number)


def test_a_tensor_that_stands_for_another_node_has_its_number() -> None:
    f = sums(1, 0)
    for i in range(4):
        t = f(float(i), 1.0)
        t[...] = 100.0 + i
        assert float(t) == t.item() == 100.0 + i
        u = f(float(i), 2.0)
        u += 1.0
        assert float(u) == i + 3.0
        del t, u
        assert float(f(float(i), 0.0)) == i


def test_a_failed_call_leaves_no_other_number() -> None:
    failing = program([NUMBER], [Output(F64, ())] * 2, body=failing_body).native
    working = program([NUMBER], [Output(F64, ())] * 2, body=sum_body).native
    for i in range(3):
        working(float(i))
    number = cell_of(working).cell_contents[0].node.number
    cell_of(failing).cell_contents = cell_of(working).cell_contents
    cell_of(working).cell_contents = None
    with pytest.raises(MemoryError):
        failing(9.0)  # takes it, and lets it go
    assert number == 2.0 and sys.getrefcount(number) == 2


def test_threads_keep_their_floats() -> None:
    f = sums(2, (0, 1), release_gil=True)
    wrong: list[Any] = []

    def work(start: int) -> None:
        kept = []
        for i in range(start, start + 2000):
            once, twice = f(float(i), 0.5)
            kept.append((float(once), float(twice), i))
        wrong.extend(k for k in kept if k[:2] != (k[2] + 0.5, 2 * k[2] + 1.0))

    in_threads(work, range(0, 40_000, 10_000))
    assert not wrong, wrong[:3]


def test_a_node_without_the_slot_is_made_anew() -> None:
    f = sums(1, 0)
    for _ in range(2):
        f(1.0, 2.0)
    t = f(1.0, 2.0)
    del t.node.number
    del t
    assert not is_reused(f, lambda: f(3.0, 4.0))
    assert float(f(1.0, 2.0)) == 3.0
