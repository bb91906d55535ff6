"""The entry of a program: right results, every wrong argument refused unharmed, nothing leaked."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.entry import entry
from adjoint.backends.llvm.entry.descriptor import Input, Output
from adjoint.backends.llvm.entry.object_builder import symbols
from adjoint.backends.llvm.system import cpython_layout
from adjoint.errors import ArgumentError
from adjoint.graph.node import Scope
from adjoint.graph.verify import verify
from tests.native.entry.entry_programs import (
    F64,
    NUMBER,
    ROW,
    SCALAR,
    copy_body,
    failing_body,
    program,
    sums,
)

pytestmark = pytest.mark.native

ROOT = Path(__file__).resolve().parents[3]
DTYPES = [dtype.name for dtype in cpython_layout.DTYPES]


def test_available_here() -> None:
    assert entry.available, entry.reason


# results


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (0, "Tensor(3.)"),
        ((0,), "(Tensor(3.),)"),
        ((2, 0, 1), "(Tensor(9.), Tensor(3.), Tensor(6.))"),
        ((0, (1, 2)), "(Tensor(3.), (Tensor(6.), Tensor(9.)))"),
        (((0, 1), ((2,), ())), "((Tensor(3.), Tensor(6.)), ((Tensor(9.),), ()))"),
        ((1, (1, (1, 0)), 0), "(Tensor(6.), (Tensor(6.), (Tensor(6.), Tensor(3.))), Tensor(3.))"),
        ((), "()"),
    ],
)
def test_results_in_a_tree(enter: Any, tree: Any, expected: str) -> None:
    f = enter(sums(3, tree))
    for _ in range(3):
        assert repr(f(1.0, 2.0)) == expected


def test_one_leaf_named_twice_is_one_object(enter: Any) -> None:
    a, (b, c) = enter(sums(1, (0, (0, 0))))(1.0, 2.0)
    assert a is b is c


def test_unflatten(enter: Any) -> None:
    f = enter(sums(2, (), unflatten=lambda leaves: {"all": leaves}))
    assert repr(f(1.0, 2.0)) == "{'all': (Tensor(3.), Tensor(6.))}"
    g = enter(sums(2, (), unflatten=lambda leaves: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        g(1.0, 2.0)


def test_tree_that_names_no_leaf() -> None:
    with pytest.raises(ArgumentError, match=r"2 results.*leaf 2"):
        sums(2, (0, 2))


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (1, 1, 2)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_and_results_of_every_dtype(enter: Any, dtype: str, shape: Any) -> None:
    rng = np.random.default_rng(0)
    array = (rng.standard_normal(shape) * 9).astype(dtype)
    array = np.asarray(array)
    f = enter(program([Input(array.dtype, shape)], [Output(array.dtype, shape)], 0))
    for argument in (array, ad.asarray(array), array.copy(), f(array)):
        result = f(argument)
        assert type(result) is ad.Tensor
        verify((result.node,))
        assert result.dtype is np.dtype(dtype) and result.shape == shape
        np.testing.assert_array_equal(result.numpy(), array, strict=True)
        assert type(result.node.value) is type(ad.evaluate(result).node.value)
    if not shape:
        assert f(array[()]).item() == array.item()


@pytest.mark.parametrize("dtype", [name for name in DTYPES if name != "float16"])
def test_python_scalars(enter: Any, dtype: str) -> None:
    spec = np.dtype(dtype)
    f = enter(program([Input(spec, (), True)], [Output(spec, ())], 0))
    numbers: list[Any] = {
        "b": [True, False], "f": [0.0, -1.5, 1e300, float("inf")], "c": [1 - 2j, 1e300j],
    }.get(spec.kind, [])  # fmt: skip
    if spec.kind in "iu":
        info = np.iinfo(spec)
        numbers = [0, 7, int(info.min), min(int(info.max), 2**63 - 1)]
        for wrong in (int(info.min) - 1, int(info.max) + 1, 10**30, -(10**30)):
            assert f(wrong) == ("slow", (wrong,), {})
    for number in numbers:
        with np.errstate(over="ignore"):
            assert f(number).numpy() == np.array(number).astype(spec)
    for wrong in (None, "x", np.float64(1), np.int64(1), ad.asarray(1.0), [], np.array(1.0)):
        assert f(wrong)[0] == "slow"
    for other in {True, 7, 2.5, 1j} - {numbers[0], numbers[1]}:
        if type(other) is not type(numbers[0]):
            assert f(other) == ("slow", (other,), {})


def test_float16_has_no_python_scalars() -> None:
    with pytest.raises(ArgumentError, match="float16"):
        Input(np.dtype("float16"), (), True)
    with pytest.raises(ArgumentError, match="shape"):
        Input(F64, (1,), True)


def test_looks_like_a_function() -> None:
    f = sums(1).native
    assert f.__name__ == "f" and f.__doc__ == "A program." and callable(f)


# refusals


def test_wrong_counts_and_keywords_are_passed_on(enter: Any) -> None:
    f = enter(sums(1))
    many = tuple(range(1000))
    assert f(*many) == ("slow", many, {})
    assert f() == ("slow", (), {})
    assert f(1.0, y=2.0) == ("slow", (1.0,), {"y": 2.0})
    assert f(1.0, 2.0, z=3) == ("slow", (1.0, 2.0), {"z": 3})
    assert f(**{"x": 1, "y": 2}) == ("slow", (), {"x": 1, "y": 2})


def test_layouts(enter: Any) -> None:
    f = enter(program([Input(F64, (3,))], [ROW], 0))
    good = np.array([1.0, 2.0, 3.0])
    frozen = good.copy()
    frozen.flags.writeable = False
    twice_reversed = np.arange(4.0)[:0:-1][::-1]
    for right in (good, frozen, np.arange(9.0)[3:6], np.ones((1, 3))[0], twice_reversed):
        np.testing.assert_array_equal(f(right).numpy(), right)
    unaligned = np.zeros(25, np.uint8)[1:].view(F64)
    swapped = good.astype(">f8")
    for wrong in (
        good[::-1], np.arange(6.0)[::2], np.broadcast_to(1.0, (3,)), unaligned, swapped,
        good.astype("f4"), good.astype(object), good.reshape(3, 1), good[:2], good[:0],
        np.array(1.0), good.view(np.matrix), good.tolist(), tuple(good), None, good.astype("i8"),
        good.view(np.dtype("f8", metadata={"unit": "m"})), memoryview(good),
    ):  # fmt: skip
        answer = f(wrong)
        assert answer[0] == "slow" and answer[1][0] is wrong


def test_tensors_that_are_not_plain_values(enter: Any) -> None:
    f = enter(program([Input(F64, (3,))], [ROW], 0))
    x = ad.asarray([1.0, 2.0, 3.0])
    pending = x * 2
    assert f(pending)[0] == "slow"
    ad.evaluate(pending)
    assert f(pending).tolist() == [2.0, 4.0, 6.0]
    variable = ad.variable([1.0, 2.0, 3.0])
    assert f(variable)[0] == "slow"
    x[0] = 5.0
    assert f(x)[0] == "slow"
    ad.evaluate(x)
    assert f(x).tolist() == [5.0, 2.0, 3.0]
    for broken in (None, 3, f):
        x.node = broken
        assert f(x)[0] == "slow"
    del x.node
    assert f(x)[0] == "slow"


def test_scopes(enter: Any) -> None:
    """While somebody differentiates, a native call would cut the graph."""
    f = enter(program([Input(F64, (3,))], [ROW], 0))
    x = ad.asarray([1.0, 2.0, 3.0])
    x.node.scope = Scope()
    assert f(x)[0] == "slow"
    x.node.scope.close()
    assert f(x).tolist() == [1.0, 2.0, 3.0]
    x.node.scope = "scope"  # type: ignore[assignment]
    assert f(x)[0] == "slow"


def test_what_the_slow_path_raises(enter: Any) -> None:
    def slow(*args: Any) -> Any:
        raise KeyError("slow")

    with pytest.raises(KeyError, match="slow"):
        enter(sums(1, slow=slow))(1)


def test_a_failing_body(enter: Any) -> None:
    inputs = [Input(F64, (3,)), NUMBER]
    f = enter(program(inputs, [ROW, SCALAR], body=failing_body))
    array = np.ones(3)
    for argument in (array, ad.asarray(array)):
        with pytest.raises(MemoryError):
            f(argument, 1.0)


def test_a_body_that_gives_up(enter: Any) -> None:
    """Without an exception, the slow path is asked."""

    def body(module: Any, inputs: Any, outputs: Any) -> Any:
        return failing_body(module, inputs, outputs, raises=False)

    f = enter(program([Input(F64, (3,)), NUMBER], [ROW, SCALAR], body=body))
    for first in (np.ones(3), ad.asarray(np.ones(3))):
        answer = f(first, 1.0)
        assert answer[0] == "slow" and answer[1][0] is first
        assert sys.getrefcount(first) == 4


def test_results_that_do_not_fit_in_memory() -> None:
    f = program([], [ROW, Output(F64, (2**40, 2**10))], body=failing_body).native
    for _ in range(10):
        with pytest.raises(MemoryError):
            f()


@pytest.mark.parametrize("seed", range(3))
def test_any_arguments_at_all(seed: int) -> None:
    """In a process of its own: a crash is a failure."""
    count = 8000
    command = [sys.executable, "-m", "tests.native.entry.entry_programs", str(seed), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    fast = int(done.stdout.split()[0])
    assert count / 10 < fast < count


OUT_OF_MEMORY = """
import numpy as np, _testcapi, sys
from tests.native.entry.entry_programs import *
f = program([NUMBER, Input(F64, (3,))], [Output(F64, ()), Output(F64, (3,)), Output(F64, ())],
            (0, (1, (2, 0))), sum_body).native
x = np.ones(3); t = ad.asarray(x)
watched = (None, F64, ad.Tensor, type(t.node), x, t.node.value, f.__self__[1][-1][1], t.node.op, ())
failures = 0
result = f(1.0, t)
result = None
before = [sys.getrefcount(o) for o in watched]
for start in range(40):
    result = None
    _testcapi.set_nomemory(start, start + 1)
    try:
        result = f(1.0, t)
    except MemoryError:
        failures += 1
    finally:
        _testcapi.remove_mem_hooks()
result = None
after = [sys.getrefcount(o) for o in watched]
assert failures > 4, failures
assert before == after, (before, after)
"""


def test_out_of_memory_anywhere() -> None:
    """Each allocation of a call fails in turn; nothing crashes, nothing leaks."""
    pytest.importorskip("_testcapi")
    command = [sys.executable, "-c", OUT_OF_MEMORY]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


# calls within calls, and at once


def test_the_slow_path_may_enter_again() -> None:
    def slow(x: Any, y: Any) -> Any:
        return f(float(x), float(y)) if x else slow_chain(20)

    def slow_chain(depth: int) -> Any:
        return f(depth - 1, 0.0) if depth else f(1.0, 1.0)

    f = sums(1, 0, slow=slow).native
    assert float(f(1, 2)) == 3.0
    assert float(f(0, 0)) == 19.0


def test_endless_recursion_is_an_error() -> None:
    def slow(*args: Any) -> Any:
        return f(*args)

    f = sums(1, slow=slow).native
    with pytest.raises(RecursionError):
        f(1)


@pytest.mark.parametrize("release_gil", [False, True])
def test_threads(enter: Any, release_gil: bool) -> None:
    spec = Input(F64, (3,))
    slow = lambda *args: len(args)
    f = enter(program([spec, NUMBER], [ROW, SCALAR], release_gil=release_gil, slow=slow))
    wrong: list[Any] = []

    def work(number: int) -> None:
        array = np.full(3, float(number))
        tensor = ad.asarray(array)
        for i in range(3000):
            a, b = f(tensor if i % 2 else array, float(number + i))
            if a.tolist() != [number] * 3 or float(b) != number + i or f(array) != 1:
                wrong.append((number, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_the_lock_is_free_while_a_body_runs() -> None:
    """Two bodies that wait for one another both come back."""
    barrier = threading.Barrier(2)

    @ctypes.CFUNCTYPE(None)
    def meet() -> None:
        barrier.wait(timeout=300)

    def body(module: Any, inputs: Any, outputs: Any) -> Any:
        return copy_body(module, inputs, outputs, first="test.meet")

    llvm.add_symbol("test.meet", ctypes.cast(meet, ctypes.c_void_p).value)
    f = program([], [], body=body, release_gil=True).native
    results: list[Any] = []
    threads = [threading.Thread(target=lambda: results.append(f())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(), ()]


# code on disk, large programs

ANOTHER_PROCESS = """
import sys
from tests.native.entry.entry_programs import *
def never(layout):
    raise AssertionError("the code of the entry was to be found on the disk")
if sys.argv[1] == "second":
    entry.entry_texts = never
outputs = [Output(F64, (3,)), Output(F64, ()), Output(np.dtype("bool"), ())]
inputs = [Input(F64, (3,)), NUMBER, Input(np.dtype("bool"), ())]
f = program(inputs, outputs, (0, 1, 2)).native
x = np.arange(3.0)
for _ in range(1000):
    a, b, c = f(x, 2.5, ad.asarray(True))
assert a.tolist() == x.tolist() and float(b) == 2.5 and c.item() is True
assert f(1) == ("slow", (1,), {})
"""


def test_the_code_works_in_another_process(tmp_path: Path) -> None:
    environment = {**os.environ, "ADJOINT_CACHE_DIR": str(tmp_path)}
    for which in ("first", "second"):
        done = subprocess.run(
            [sys.executable, "-c", ANOTHER_PROCESS, which], cwd=ROOT, env=environment,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]


def test_the_code_names_no_address() -> None:
    assert cpython_layout.LAYOUT is not None
    text = "".join(entry.entry_texts(cpython_layout.LAYOUT).values())
    assert not any(str(address) in text for address in symbols().values())
    assert "inttoptr" not in text


def test_hundreds_of_leaves() -> None:
    count = 300
    inputs = [Input(F64, (k % 7,)) for k in range(count)]
    outputs = [Output(F64, (k % 7,)) for k in range(count)]
    f = program(inputs, outputs, level=0).native
    arrays = [np.arange(float(k % 7)) for k in range(count)]
    for result, array in zip(f(*map(ad.asarray, arrays)), arrays, strict=True):
        np.testing.assert_array_equal(result.numpy(), array)
    assert f(*arrays[:-1], None)[0] == "slow"


def test_the_package_loads_without_the_compiler() -> None:
    code = "import sys, adjoint; assert not any(m.startswith('llvmlite') for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=300)
