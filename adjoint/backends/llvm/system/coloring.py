"""Greedy graph coloring in native code: of columns that share a row, and star coloring.

Floor 6. Sequential loops over compressed rows, that NumPy has no words for. The same in Python, for
reading, stands in the tests.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from adjoint.backends.llvm.system.function_writer import I64, POINTER, VOID, ModuleWriter, Writer
from adjoint.backends.llvm.system.native_code import NativeCode

Array: TypeAlias = "np.ndarray[Any, Any]"
NONE = -1
"""The color of what has none yet."""


def color_columns(rows: tuple[Array, Array], columns: tuple[Array, Array], order: Array) -> Array:
    """Colors for the columns in `order`, no two of one color with an element in the same row.

    The matrix is given by rows and by columns, each as the ends of rows and the indices in them.
    Each column has the first color that fits; those not in `order` have none.
    """
    colors = np.full(len(columns[0]) - 1, NONE, np.int64)
    return _run("color_columns", order, colors, *columns, *rows)


def star_color(rows: tuple[Array, Array], order: Array, colors: Array) -> Array:
    """A star coloring of a symmetric graph: neighbors differ, and so do four in a row.

    Those vertices that have a color in `colors` already keep it, which nobody else gets; the others
    are colored in `order`. Gebremedhin, Manne and Pothen, What Color Is Your Jacobian?, algorithm
    4.1, 2005.
    """
    return _run("star_color", order, colors.astype(np.int64), *rows)


def _run(name: str, order: Array, colors: Array, *graph: Array) -> Array:
    fixed = int(colors.max(initial=NONE)) + 1
    forbidden = np.full(fixed + len(order) + 1, NONE, np.int64)
    arrays = [np.ascontiguousarray(a, np.int64) for a in (order, *graph)]
    addresses = [ctypes.c_void_p(a.ctypes.data) for a in (*arrays, colors, forbidden)]
    types = [ctypes.c_int64, ctypes.c_int64, *[ctypes.c_void_p] * len(addresses)]
    _code().function(name, None, *types)(len(order), fixed, *addresses)
    return colors


@cache
def _code() -> NativeCode:
    return NativeCode("coloring", _text, {})


def _text() -> str:
    module = ModuleWriter({})
    _write_color_columns(module)
    _write_star_color(module)
    return module.text()


@contextmanager
def _each(w: Writer, start: Any, stop: Any) -> Iterator[Any]:
    """What is written within is done for every index from `start` to below `stop`."""
    counter = w.local()
    w.set(counter, start)
    with w.loop() as leave_if:
        index = w.get(counter)
        leave_if(w.icmp_signed(">=", index, stop))
        w.set(counter, w.add(index, I64(1)))
        yield index


@contextmanager
def _each_in_row(w: Writer, ends: Any, indices: Any, row: Any) -> Iterator[Any]:
    """What is written within is done for every index in a compressed row."""
    start, stop = (w.get(w.item(ends, n)) for n in (row, w.add(row, I64(1))))
    with _each(w, start, stop) as place:
        yield w.get(w.item(indices, place))


def _has_color(w: Writer, color: Any) -> Any:
    return w.icmp_signed(">=", color, I64(0))


def _choose(w: Writer, vertex: Any, first: Any, colors: Any, forbidden: Any) -> None:
    """Give a vertex the first color from `first` on that is not forbidden for it."""
    color = w.local()
    w.set(color, first)
    with w.loop() as leave_if:
        now = w.get(color)
        leave_if(w.icmp_signed("!=", w.get(w.item(forbidden, now)), vertex))
        w.set(color, w.add(now, I64(1)))
    w.set(w.item(colors, vertex), w.get(color))


def _write_color_columns(module: ModuleWriter) -> None:
    pointers = [POINTER] * 7
    w, arguments = module.define("color_columns", VOID, I64, I64, *pointers, public=True)
    count, first, order, column_ends, rows_of, row_ends, columns_of, colors, forbidden = arguments
    with _each(w, I64(0), count) as place:
        vertex = w.get(w.item(order, place))
        with (
            _each_in_row(w, column_ends, rows_of, vertex) as row,
            _each_in_row(w, row_ends, columns_of, row) as other,
        ):
            color = w.get(w.item(colors, other))
            with w.if_then(_has_color(w, color)):
                w.set(w.item(forbidden, color), vertex)
        _choose(w, vertex, first, colors, forbidden)
    w.ret_void()


def _write_star_color(module: ModuleWriter) -> None:
    pointers = [POINTER] * 5
    w, arguments = module.define("star_color", VOID, I64, I64, *pointers, public=True)
    count, first, order, ends, neighbors, colors, forbidden = arguments

    def color_of(vertex: Any) -> Any:
        return w.get(w.item(colors, vertex))

    def forbid(color: Any, vertex: Any) -> None:
        w.set(w.item(forbidden, color), vertex)

    with _each(w, I64(0), count) as place:
        vertex = w.get(w.item(order, place))
        with _each_in_row(w, ends, neighbors, vertex) as middle:
            between = color_of(middle)
            with w.if_then(_has_color(w, between)):
                forbid(between, vertex)
            with _each_in_row(w, ends, neighbors, middle) as end:
                color = color_of(end)
                with (
                    w.if_then(_has_color(w, color)),
                    w.if_else(_has_color(w, between)) as (colored, plain),
                ):
                    with plain:
                        forbid(color, vertex)
                    with colored, _each_in_row(w, ends, neighbors, end) as beyond:
                        other = w.icmp_signed("!=", beyond, middle)
                        alike = w.icmp_signed("==", color_of(beyond), between)
                        with w.if_then(w.and_(other, alike)):
                            forbid(color, vertex)
        _choose(w, vertex, first, colors, forbidden)
    w.ret_void()
