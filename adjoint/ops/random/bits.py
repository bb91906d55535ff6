"""Random bits: integers that are a function of a key and of a place, the same on every engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import RangeError
from adjoint.graph.loop_form import ZERO, Index, Loops
from adjoint.graph.node import Node
from adjoint.graph.op import Op, register
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.family.elementwise import Elementwise, apply
from adjoint.ops.random.philox import WORD, bits, bits_rule

__all__ = ["fold_in", "multiply_high", "random_bits", "range_size"]

UINT64 = np.dtype(np.uint64)
DRAWS, SPLITTING, FOLDING = 0, 1, 2
"""The streams of a key: what is drawn, and from what other keys are made. Draws that need more
than one number for an element take the streams from `MORE` on."""
MORE = 3


class RandomBits(Op):
    """64 bits for each place in `shape`, for each key: the axes of the keys come first."""

    name = "random_bits"
    param_names = ("shape", "stream", "half")
    native = True

    def infer(self, key: Node, shape: Shape, stream: int, half: int) -> tuple[Shape, DType]:
        return (*key.shape, *shape), UINT64

    def evaluate(self, key: Any, shape: Shape, stream: int, half: int) -> Any:
        key = np.asarray(key)
        places = np.arange(math.prod(shape), dtype=np.uint64).reshape(shape)
        return bits(key.reshape(key.shape + (1,) * len(shape)), places, stream, half)

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        (key,) = node.inputs
        shape, stream, half = node.params
        rank = len(key.shape)
        place = ZERO
        for size, i in zip(shape, index[rank:], strict=True):
            place = place * size + i
        number = loops.e.convert(loops.scalar(place), UINT64)
        return bits_rule(loops.e, loops.read(key, index[:rank]), number, stream, half)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        return make(self, inputs, node.params)

    # Integers of integers: no derivative arrives here or leaves.


_random_bits = register(RandomBits())


def random_bits(key: Any, shape: Shape, stream: int = DRAWS, half: int = 0) -> Tensor:
    """64 random bits for each place in `shape`, for each of the keys."""
    return make(_random_bits, (as_tensor(key),), (shape, stream, half))


def _folded(key: Any, data: Any) -> Any:
    return bits(key, data, FOLDING, 0)


_fold_in = register(
    Elementwise(
        "fold_in",
        _folded,
        (None, None),
        accepts="integer",
        scalar=lambda e, key, data: bits_rule(e, key, data, FOLDING, 0),
        domain=((0.0, 9.0), (0.0, 9.0)),
    )
)


def fold_in(key: Any, data: Any) -> Tensor:
    """A key made of a key and an integer, both of uint64."""
    return apply(_fold_in, (key, data))


def _multiplied(a: Any, b: Any) -> Any:
    mask, half = np.uint64(WORD), np.uint64(32)
    a0, a1, b0, b1 = a & mask, a >> half, b & mask, b >> half
    middle = a1 * b0 + (a0 * b0 >> half)
    return a1 * b1 + (middle >> half) + ((middle & mask) + a0 * b1 >> half)


def _multiplied_rule(e: Any, a: Any, b: Any) -> Any:
    def low(x: Any) -> Any:
        return e.bitwise_and(x, WORD)

    def high(x: Any) -> Any:
        return e.bitwise_right_shift(x, 32)

    a0, a1, b0, b1 = low(a), high(a), low(b), high(b)
    middle = e.add(e.multiply(a1, b0), high(e.multiply(a0, b0)))
    rest = high(e.add(low(middle), e.multiply(a0, b1)))
    return e.add(e.add(e.multiply(a1, b1), high(middle)), rest)


_multiply_high = register(
    Elementwise(
        "multiply_high",
        _multiplied,
        (None, None),
        accepts="integer",
        scalar=_multiplied_rule,
        domain=((0.0, 9.0), (0.0, 9.0)),
    )
)


def multiply_high(a: Any, b: Any) -> Tensor:
    """The upper 64 of the 128 bits of a product of two uint64."""
    return apply(_multiply_high, (a, b))


def _sized(low: Any, high: Any, endpoint: bool, dtype: DType) -> Any:
    info = np.iinfo(dtype)
    empty = np.asarray(high < low if endpoint else high <= low)
    if np.any(empty):
        first, last = (np.broadcast_to(x, empty.shape)[empty].flat[0] for x in (low, high))
        raise RangeError(f"random.integers: there is no integer from {first} up to {last}")
    last = high if endpoint else high - 1
    if np.any(low < info.min) or np.any(last > info.max):
        raise RangeError(f"random.integers: a bound does not fit into {dtype}")
    size = high.astype(np.uint64) - low.astype(np.uint64)
    return size + np.uint64(1) if endpoint else size


_range_size = register(
    Elementwise(
        "range_size",
        _sized,
        (None, None),
        accepts="whole",
        result=lambda dtype: UINT64,
        domain=((0.0, 3.0), (4.0, 9.0)),
        param_names=("endpoint", "dtype"),
        samples=((False, np.dtype(np.int64)),),
    )
)


def range_size(low: Any, high: Any, dtype: DType, endpoint: bool) -> Tensor:
    """How many integers there are between bounds, modulo 2⁶⁴; an error when run if there are none,
    or if a bound does not fit into `dtype`."""
    return apply(_range_size, (low, high), (endpoint, dtype))
