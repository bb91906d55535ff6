"""A result of numbers that nobody holds is handed out again; whatever is held stays as it is."""

from __future__ import annotations

import gc
import random
import sys
import weakref
from collections.abc import Callable
from types import CellType
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.entry.descriptor import MOST_KEPT, Field, Input, Output
from adjoint.backends.llvm.system.cpython_layout import DTYPES
from tests.native.entry.entry_programs import (
    F64,
    NUMBER,
    Program,
    failing_body,
    program,
    sum_body,
)
from tests.threads import in_threads

pytestmark = pytest.mark.native

NUMBERS = [dtype for dtype in DTYPES if dtype.kind != "b"]


def sums(count: int, tree: Any = None, **options: Any) -> Any:
    return program([NUMBER, NUMBER], [Output(F64, ())] * count, tree, sum_body, **options).native


def cell_of(f: Any) -> CellType:
    """Where a built-in keeps its last result."""
    (cell,) = (obj for obj in f.__self__[1] if isinstance(obj, CellType))
    return cell


def is_kept(f: Any) -> bool:
    return bool(f.__self__[0][Field.KEPT])


def is_reused(f: Any, call: Callable[[], Any]) -> bool:
    """Whether a call hands out what was kept; the old one lives until the new one is kept."""
    before = id(cell_of(f).cell_contents)
    call()
    return id(cell_of(f).cell_contents) == before


@pytest.mark.parametrize("tree", [0, (0,), (0, 1), (1, (0, 2)), ((2, (1,)), 0)])
def test_what_nobody_holds_is_handed_out_again(tree: Any) -> None:
    count = max(map(int, filter(str.isdigit, repr(tree)))) + 1
    f = sums(count, tree)
    expected = repr(f(1.0, 2.0))
    for _ in range(3):
        assert is_reused(f, lambda: f(7.0, 8.0))
        assert repr(f(1.0, 2.0)) == expected


def test_results_built_by_the_caller() -> None:
    f = sums(2, (), unflatten=lambda leaves: {"a": leaves[0], "b": [leaves[1]]})
    first = f(1.0, 2.0)
    assert not is_reused(f, lambda: f(3.0, 4.0))
    assert repr(first) == "{'a': Tensor(3.), 'b': [Tensor(6.)]}"
    assert is_reused(f, lambda: f(5.0, 6.0))
    assert repr(f(0.5, 0.5)) == "{'a': Tensor(1.), 'b': [Tensor(2.)]}"


def assigned(result: Any) -> Any:
    result[0][...] = 9.0


def viewed(result: Any) -> Any:
    return result[0].reshape((1,))


def rebound_to_a_result(result: Any) -> Any:
    result[0].node = ad.asarray(3.0).node


def without_a_node(result: Any) -> Any:
    del result[0].node


class Derived(ad.Tensor):
    """A tensor of the user's."""

    __slots__ = ()


def of_another_class(result: Any) -> Any:
    result[0].__class__ = Derived


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "the whole": lambda result: result,
    "a tuple in it": lambda result: result[1],
    "a tensor": lambda result: result[0],
    "a tensor in a tuple in it": lambda result: result[1][0],
    "a node": lambda result: result[0].node,
    "a value": lambda result: result[1][0].node.value,
    "a buffer": lambda result: memoryview(result[0].node.value),
    "an expression": lambda result: result[0] * 2.0,
    "a view": viewed,
    "a weak reference to a tensor": lambda result: weakref.ref(result[0]),
    "a weak reference to a node": lambda result: weakref.ref(result[0].node),
    "an assignment": assigned,
    "another node": rebound_to_a_result,
    "no node": without_a_node,
    "another class": of_another_class,
    "an iterator": iter,
    "a frame": lambda result: (part for part in [result]),
}


@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_what_somebody_sees_is_left_alone(hold: Callable[[Any], Any]) -> None:
    f = sums(2, (0, (1,)))
    result = f(1.0, 2.0)
    held = hold(result)
    del result
    assert not is_reused(f, lambda: f(3.0, 4.0)), held
    assert repr(f(1.0, 2.0)) == "(Tensor(3.), (Tensor(6.),))"


def test_what_is_held_keeps_its_numbers() -> None:
    f = sums(3, (0, (1, 2)))
    value, (twice, thrice) = f(1.0, 2.0)
    plain, later = float(value), value + twice
    array, scalar = np.asarray(twice), thrice.node.value
    for _ in range(3):
        assert float(f(10.0, 20.0)[0]) == 30.0
    assert [float(t) for t in (value, twice, thrice, later)] == [3.0, 6.0, 9.0, 9.0]
    assert (plain, float(array), float(scalar)) == (3.0, 6.0, 9.0)


def test_a_random_program_holds_random_parts() -> None:
    draw = random.Random(0)
    f, reused = sums(3, ((0, 1), 2)), 0
    held: list[tuple[Any, float]] = []
    f(0.0, 0.0)
    for i in range(3000):
        before = id(cell_of(f).cell_contents)
        (a, b), c = result = f(float(i), 0.0)
        reused += id(cell_of(f).cell_contents) == before
        choice = draw.randrange(8)
        if choice < 3:
            part, factor = ((a, 1), (b.node.value, 2), (c, 3))[choice]
            held.append((part, factor * i))
        elif choice == 3:
            held.append((result[0][1], 2 * i))
        if len(held) > 5:
            held.pop(draw.randrange(len(held)))
        del a, b, c, result
        part = None
        assert all(float(part) == number for part, number in held)
    assert 1000 < reused < 2000


@pytest.mark.parametrize("dtype", NUMBERS, ids=str)
def test_numbers_of_every_dtype(dtype: np.dtype[Any]) -> None:
    f = program([Input(dtype, ())] * 2, [Output(dtype, ())] * 2).native
    rng = np.random.default_rng(0)
    for _ in range(3):
        x, y = (rng.standard_normal(2) * 9).astype(dtype)
        a, b = f(x, y)
        assert a.dtype is dtype and type(a.node.value) is dtype.type
        assert a.node.value == x and b.node.value == y
        del a, b
        assert is_reused(f, lambda x=x, y=y: f(y, x))  # type: ignore[misc]


def test_what_is_not_kept() -> None:
    truth, row = Output(np.dtype("?"), ()), Output(F64, (3,))
    number = Output(F64, ())
    assert is_kept(sums(2)) and is_kept(sums(MOST_KEPT))
    assert not is_kept(sums(MOST_KEPT + 1))
    assert not is_kept(sums(2, (0, 0, 1))), "named twice"
    assert not is_kept(sums(2, (1,))), "not all are returned"
    assert not is_kept(sums(0, ())) and not is_kept(sums(1, (0, ())))
    for inputs, outputs in (([Input(np.dtype("?"), ())], [truth]), ([Input(F64, (3,))], [row])):
        assert not is_kept(program(inputs, outputs).native)
    assert not is_kept(program([NUMBER, Input(F64, (3,))], [number, row]).native)


def test_the_argument_may_be_the_result() -> None:
    f = program([Input(F64, ())], [Output(F64, ())], 0, sum_body).native
    g = program([Input(F64, ())] * 2, [Output(F64, ())], 0, sum_body).native
    x = ad.asarray(np.float64(1.0))
    for _ in range(5):
        x = f(x)
        y = g(x, f(x))
        assert float(x) == 1.0 and float(y) == 2.0


def test_a_failing_body_lets_go() -> None:
    made: Program = program([NUMBER], [Output(F64, ())] * 2, body=failing_body)
    working = sums(2)
    result = working(1.0, 2.0)
    cell_of(made.native).cell_contents = result
    node = result[0].node
    counts = sys.getrefcount(result), sys.getrefcount(node)
    with pytest.raises(MemoryError):
        made.native(1.0)
    assert (sys.getrefcount(result), sys.getrefcount(node)) == counts
    cell_of(working).cell_contents = None
    del result, node
    with pytest.raises(MemoryError):
        made.native(1.0)  # takes it, and fails
    with pytest.raises(ValueError, match="empty"):
        _ = cell_of(made.native).cell_contents


def test_kept_results_go_with_the_program_and_cycles_are_found() -> None:
    f = sums(1, 0)
    tensor = f(1.0, 2.0)
    gone = weakref.ref(tensor)
    del tensor
    assert gone() is not None, "kept"
    del f
    assert gone() is None
    f = sums(1, 0)
    tensor = f(1.0, 2.0)
    tensor.links = f  # a cycle through the cell
    gone = weakref.ref(tensor)
    del tensor, f
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("release_gil", [False, True])
def test_threads_do_not_share_results(release_gil: bool) -> None:
    f = sums(3, (0, (1, 2)), release_gil=release_gil)
    wrong: list[Any] = []

    def work(start: int) -> None:
        for i in range(start, start + 3000):
            value, (twice, thrice) = f(float(i), 0.5)
            found = float(value), float(twice), float(thrice)
            if found != (i + 0.5, 2 * i + 1.0, 3 * i + 1.5):
                wrong.append((i, found))

    in_threads(work, range(0, 40_000, 10_000))
    assert not wrong, wrong[:3]


def test_compiled_functions_keep_what_is_held() -> None:
    f = ad.compile(ad.value_and_grad(lambda x, y: ad.sin(x) * y, argnums=(0, 1)))
    points = [(0.1 * i, 2.0 - i) for i in range(20)]
    results = [f(*point) for point in points]
    for (x, y), (value, (by_x, by_y)) in zip(points, results, strict=True):
        found = [float(t) for t in (value, by_x, by_y)]
        expected = [np.sin(x) * y, np.cos(x) * y, np.sin(x)]
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-300)
