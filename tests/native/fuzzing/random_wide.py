"""What random programs from number `FROM` on may do as well: casts, shifts, chains of moved reads.

Programs with smaller numbers stay what they were.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import adjoint as ad
from tests.native.fuzzing.layouts import LAYOUTS, Array
from tests.native.fuzzing.random_steps import Rule, constant, partner

FROM = 1_000_000_000
"""The number of the first wide program."""

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
DTYPES = (*INTEGERS, "bool", "float32", "float64")
LENGTHS = (1, 1, 2, 2, 3, 3, 4, 5, 6, 9)
DEPTHS = (1, 2, 2, 3, 3, 3, 4, 5, 7, 11)


def sides(r: random.Random, rank: int) -> list[int]:
    """A shape whose last side has any remainder modulo the width of a vector."""
    small = [r.choice((0, 1, 2, 3, 5, 9, 17)) for _ in range(max(rank - 1, 0))]
    return [*small, r.randrange(1, 71)] if rank else []


def cast(r: random.Random, pick: Callable[..., Any]) -> Any:
    """To any dtype, also a narrower one; floats stay in the range of the integer."""
    x = pick(r.choice("fib"))
    dtype = np.dtype(r.choice(DTYPES))
    if x.dtype.kind == "f" and dtype.kind in "iu":
        info = np.iinfo(dtype)
        x = ad.clip(ad.where(x == x, x, 7), max(info.min, -1000), min(info.max, 1000))
    found = ad.astype(x, dtype)
    return ad.astype(found, r.choice(DTYPES)) if dtype.kind != "f" else found


def repeated_cast(r: random.Random, pick: Callable[..., Any]) -> Any:
    """A cast of what is broadcast: the inner length is a constant of the loop."""
    x = pick("ib")
    return ad.astype(ad.broadcast_to(x, (r.choice((1, 2, 3)), *x.shape)), r.choice(DTYPES))


def beside(r: random.Random, pick: Callable[..., Any]) -> Any:
    """Two kinds in one operation."""
    a = ad.astype(pick("ib"), r.choice(("int8", "bool", "uint8", "int16", "int32")))
    b = pick("f")
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        b = ad.astype(a, r.choice(("float32", "float64"))) * 0.5
    way = r.randrange(5)
    if way == 0:
        return ad.where(a > 0, b, a)
    return (a * b, a + b, ad.maximum(a, b), b - a)[way - 1]


def shifted(r: random.Random, pick: Callable[..., Any]) -> Any:
    """By any number of bits: fewer than there are, as many, and more."""
    x = ad.astype(pick("i"), r.choice(INTEGERS))
    shift = r.choice((ad.left_shift, ad.right_shift))
    if r.random() < 0.5:
        return shift(x, r.choice((0, 1, 7, 8, 15, 31, 32, 63, 64, 65, 100)))
    bits = 8 * x.dtype.itemsize
    rng = np.random.default_rng(r.randrange(2**31))
    return shift(x, rng.integers(0, min(2 * bits, 127), x.shape).astype(x.dtype))


def moved_read(r: random.Random, size: int) -> Callable[[Any], Any]:
    """A way of reading a vector in another order."""
    ways: list[Callable[[Any], Any]] = [
        lambda x: x[::-1],
        lambda x: ad.roll(x, r.choice((1, -1, 3))),
        lambda x: ad.concat([x[1:], x[:1]]),
        lambda x: ad.concat([x[::2], x[1::2]]),
        lambda x: ad.concat([x[1::2], x[::2]])[::-1],
    ]
    for rows in (2, 3):
        if size % rows == 0:
            ways.append(lambda x, n=rows: ad.reshape(ad.reshape(x, (n, -1)).T, (-1,)))
    return r.choice(ways)


def chain(r: random.Random, pick: Callable[..., Any]) -> Any:
    """Layers that read the one before in its order and in another."""
    x = pick("f")
    if not x.ndim or not x.size or x.size > 2000:
        return None
    x = ad.reshape(x, (-1,))
    same = r.random() < 0.5
    move = moved_read(r, x.size)
    act = r.choice((ad.cos, ad.tanh, ad.sin, lambda x: ad.exp(-x * x)))
    for _ in range(r.choice(DEPTHS)):
        move = move if same else moved_read(r, x.size)
        x = act(x) / (1.0 + x * x) + move(x) * 0.1
    return x


def rows_of_chain(r: random.Random, pick: Callable[..., Any]) -> Any:
    """The same with matrices: rows and columns turned around or exchanged."""
    x = pick("f")
    if x.ndim != 2 or not x.size or x.size > 2000:
        return None
    for _ in range(r.choice((1, 2, 3, 5))):
        way = r.randrange(4)
        if way == 0:
            y = x[::-1]
        elif way == 1:
            y = x[:, ::-1]
        elif way == 2 and x.shape[0] == x.shape[1]:
            y = x.T
        else:
            y = ad.roll(x, 1, way % 2)
        x = ad.tanh(x) + 0.25 * y + 0.1 * ad.sum(x, axis=r.randrange(2), keepdims=True)
    return x


def bits(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = ad.astype(pick("i"), r.choice(INTEGERS))
    y = partner(r, pick, x, "i")
    y = y if isinstance(y, int) else ad.astype(y, x.dtype)
    return r.choice((ad.bitwise_and, ad.bitwise_or, ad.bitwise_xor))(x, y)


def whole_division(r: random.Random, pick: Callable[..., Any]) -> Any:
    """Of integers of any width, by what is not 0."""
    x = ad.astype(pick("i"), r.choice(INTEGERS))
    by = constant(r, x.shape, x.dtype)
    by = np.where(by == 0, 1, by).astype(x.dtype)
    return r.choice((ad.floor_divide, ad.remainder))(x, by)


WIDE: dict[str, Rule] = {
    "cast": cast,
    "repeated cast": repeated_cast,
    "beside": beside,
    "shift": shifted,
    "chain": chain,
    "rows of chain": rows_of_chain,
    "bitwise": bits,
    "whole division": whole_division,
}


class Marked(np.ndarray):
    """A subclass whose arithmetic is its own."""

    def __mul__(self, other: Any) -> Any:
        return np.asarray(self) * other + 1000

    def __add__(self, other: Any) -> Any:
        return np.asarray(self) - other


def subclass(x: Array) -> Array:
    return np.array(x).view(Marked)


def matrix(x: Array) -> Array:
    """NumPy's own subclass, for which * is a product of matrices."""
    return np.array(x).view(np.matrix) if x.ndim == 2 else np.array(x)


def mapped(x: Array) -> Array:
    """In a file."""
    if not x.size:
        return np.array(x)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data"
        path.write_bytes(np.ascontiguousarray(x).tobytes())
        return np.memmap(path, x.dtype, "c", 0, x.shape)


def part_of_larger(x: Array) -> Array:
    """Row-major, with something else right before and behind it."""
    memory = np.full(x.size + 2, 77).astype(x.dtype)
    made = memory[1:-1].reshape(x.shape)
    made[...] = x
    return made


WIDE_LAYOUTS: dict[str, Callable[[Array], Array]] = {
    **LAYOUTS,
    **{f.__name__: f for f in (subclass, matrix, mapped, part_of_larger)},
}
