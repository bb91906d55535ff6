"""What an entry holds: every reference is given back on every path, and memory stays constant."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import sys
import weakref
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.entry import entry
from adjoint.backends.llvm.entry.descriptor import Field, Input, Output
from adjoint.graph.node import Node
from tests.native.entry.entry_programs import (
    F64,
    NUMBER,
    ROW,
    SCALAR,
    copy_body,
    failing_body,
    program,
    refused,
    sums,
)

pytestmark = pytest.mark.native


def counts(*objects: Any) -> list[int]:
    gc.collect()
    return [sys.getrefcount(obj) for obj in objects]


def test_references_on_every_path(enter: Any) -> None:
    def slow(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            raise KeyError("x")
        return len(args)

    inputs, outputs = [Input(F64, (3,)), NUMBER], [ROW, SCALAR, Output(np.dtype("?"), ())]
    good = enter(program(inputs, outputs[:2], (0, (1, 0)), slow=slow))
    unused = enter(program(inputs, outputs[:2], 1, slow=slow))
    bad = enter(program(inputs, outputs, body=failing_body, slow=slow))
    built = enter(program(inputs, outputs[:2], (), slow=slow, unflatten=lambda leaves: 1 / 0))
    array, short, number = np.array([1.0, 2.0, 3.0]), np.ones(2), 1.25
    tensor = ad.asarray(array)
    watched = [
        array, number, tensor, tensor.node, tensor.node.value, F64, ad.Tensor, Node, np.ndarray,
        float, np.float64, tensor.node.op, ROW.shape, inputs[0].shape, None, True, slow,
    ]  # fmt: skip

    def all_paths() -> None:
        for first in (array, tensor, short, None, [array]):
            for f in (good, unused):
                f(first, number)
            for f in (bad, built):
                try:
                    f(first, number)
                except (MemoryError, ZeroDivisionError):
                    pass
            try:
                good(first, x=tensor)
            except KeyError:
                pass

    all_paths()
    before = counts(*watched)
    for _ in range(200):
        all_paths()
    after = counts(*watched)
    change = {i: a - b for i, (a, b) in enumerate(zip(after, before, strict=True))}
    assert max(map(abs, change.values())) < 100, change  # one in each round would make 200


def test_results_own_their_parts() -> None:
    f = program([Input(F64, (3,)), NUMBER], [ROW, SCALAR], (0, (1, 0))).native
    first, (second, again) = f(np.ones(3), 2.0)
    assert sys.getrefcount(second) == 2 and sys.getrefcount(first) == 3 and again is first
    for tensor in (first, second):
        held = sys.getrefcount(tensor.node), sys.getrefcount(tensor.node.value)
        assert held == (2, 2)
        assert gc.is_tracked(tensor) and not gc.is_tracked(tensor.node)
    gone = weakref.ref(first.node)
    del first, again, second
    assert gone() is None


def test_inputs_may_change_while_a_body_runs() -> None:
    """A tensor that is assigned to during the call keeps the old value alive for the body."""
    made: list[Any] = []
    tensor = ad.asarray([1.0, 2.0, 3.0])

    @ctypes.PYFUNCTYPE(None)
    def assign() -> None:
        tensor.node = ad.asarray([7.0, 8.0, 9.0]).node
        made.extend(np.full(3, -1.0) for _ in range(50))

    def body(module: Any, inputs: Any, outputs: Any) -> Any:
        return copy_body(module, inputs, outputs, first="test.assign")

    llvm.add_symbol("test.assign", ctypes.cast(assign, ctypes.c_void_p).value)
    f = program([Input(F64, (3,))], [ROW], 0, body).native
    assert f(tensor).tolist() == [1.0, 2.0, 3.0]
    assert tensor.tolist() == [7.0, 8.0, 9.0]


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads Linux's process table")
def test_a_million_calls_in_constant_memory() -> None:
    f = program([Input(F64, (3,)), NUMBER], [ROW, SCALAR], (0, (1, 0)), slow=len_of).native
    array = np.ones(3)
    tensor = ad.asarray(array)
    start = 0
    for i in range(1_000_000):
        f(array, 1.0)
        f(tensor, 1.0)
        f(array, 1)
        if i == 20_000:
            start = resident()
    assert resident() - start < 1 << 20


def len_of(*args: Any) -> int:
    return len(args)


class Keep:
    """Something to keep alive."""


def test_a_built_in_frees_everything_it_holds() -> None:
    f = sums(1).native
    given = body_address(f), [NUMBER, NUMBER], [SCALAR], (0,)
    kept = Keep()
    gone = weakref.ref(kept)
    g: Any = entry.bind_entry(*given, "g", "", refused, None, (kept, f))
    del kept
    assert gone() is not None and g(1.0, 2.0)[0].item() == 3.0
    del g
    assert gone() is None


def test_cycles_through_the_slow_path_are_collected() -> None:
    f = sums(1).native
    given = body_address(f), [NUMBER, NUMBER], [SCALAR], (0,)

    class Compiled:
        def slow(self, *args: Any) -> Any:
            return self

    for _ in range(5):
        compiled: Any = Compiled()
        compiled.enter = entry.bind_entry(*given, "g", "", compiled.slow, None, f)
        assert compiled.enter() is compiled
        gone = weakref.ref(compiled)
        del compiled
        gc.collect()
        assert gone() is None


def test_bindings_leave_nothing_behind() -> None:
    f = sums(1).native
    given = body_address(f), [NUMBER, NUMBER], [SCALAR], (0,)
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("reads Linux's process table")
    start = 0
    for i in range(30_000):
        entry.bind_entry(*given, "a name " * 20, "a text " * 100, refused)
        if i == 5_000:
            start = resident()
    assert resident() - start < 1 << 19  # not one small object for each binding


def body_address(f: Any) -> int:
    """Where the code is that a built-in enters."""
    return int(f.__self__[0][Field.BODY])
