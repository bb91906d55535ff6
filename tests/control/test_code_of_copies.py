"""Which functions can be copied while tracing, and which variables around them they write."""

from __future__ import annotations

from typing import Any

import pytest

from adjoint.tracing.code_of_copies import can_be_copied, written_cells

pytestmark = pytest.mark.unit
number = 1.0


def reads(x: Any) -> Any:
    return x * number


def writes(x: Any) -> Any:
    global number
    number = x
    return x


def deletes() -> None:
    global nothing
    del nothing


def asks(x: Any) -> Any:
    return globals()["number"] * x


def has_inner(x: Any) -> Any:
    def inner() -> None:
        global number
        number = x

    return inner


def long_way_to_a_write(x: Any) -> Any:
    """Its instructions have caches between them."""
    names = [x.a0, x.a1, x.a2] + [x.b for _ in range(3)]
    for y in names:
        if y > 2:
            names.append(y * y + y / 3 - y**2)
    exec("pass")
    return names


def test_what_writes_into_its_globals_is_not_copied() -> None:
    assert can_be_copied(reads.__code__)
    for f in (writes, deletes, asks, has_inner, long_way_to_a_write):
        assert not can_be_copied(f.__code__), f.__name__


def test_the_variables_around_a_function_that_it_writes() -> None:
    a = b = c = d = 0.0

    def f(x: Any) -> Any:
        nonlocal a
        a = x

        def inner() -> None:
            nonlocal b
            b = x

        return inner, d

    def only_reads(x: Any) -> Any:
        return a + b + c + d + x

    def own() -> Any:  # what it shares with an inner function is its own
        e = 1.0

        def inner() -> None:
            nonlocal e
            e = 2.0

        return inner, e

    assert written_cells(f.__code__) == {"a", "b"}
    assert written_cells(only_reads.__code__) == set() == written_cells(own.__code__)
