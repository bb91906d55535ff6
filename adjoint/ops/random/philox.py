"""Philox 4x32-10, a counter-based random number generator: bits are a function of key and counter.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The key
has 64 bits, the counter 128: the place of an element in the low 64, and above them the number of
a stream, so that one key serves several independent purposes. Each counter gives 128 bits; `half`
says which 64 of them are wanted.

The same ten rounds stand here twice: for arrays of NumPy, and in the words of the emitter. Words of
32 bits lie in integers of 64, where a product of two of them is exact; what is above a word is
masked away where the word is multiplied.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from adjoint.graph.emitter import Emitter

V = TypeVar("V")

ROUNDS = 10
MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
WORD = 0xFFFFFFFF
BLOCK = 4096
"""So many elements are computed at once by NumPy: their words stay in the cache."""


def words(counter: list[Any], key: list[Any]) -> list[Any]:
    """The four words that Philox makes of four words of a counter and two of a key.

    The words are NumPy integers of 64 bits, or arrays of them, below 2**32.
    """
    first, second = (np.uint64(m) for m in MULTIPLIERS)
    mask, bits = np.uint64(WORD), np.uint64(32)
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for number in range(ROUNDS):
        if number:
            k0, k1 = (k0 + np.uint64(WEYL[0])) & mask, (k1 + np.uint64(WEYL[1])) & mask
        p0, p1 = first * c0, second * c2
        c0, c1 = (p1 >> bits) ^ c1 ^ k0, p1 & mask
        c2, c3 = (p0 >> bits) ^ c3 ^ k1, p0 & mask
    return [c0, c1, c2, c3]


def bits(key: Any, place: Any, stream: int, half: int) -> Any:
    """64 random bits for each key and place, which broadcast: arrays of uint64."""
    key, place = np.broadcast_arrays(np.asarray(key), np.asarray(place))
    result = np.empty(key.shape, np.uint64)
    flat_key, flat_place, flat = key.reshape(-1), place.reshape(-1), result.reshape(-1)
    mask, shift = np.uint64(WORD), np.uint64(32)
    for start in range(0, flat.size, BLOCK):
        part = slice(start, start + BLOCK)
        k, i = flat_key[part], flat_place[part]
        top = np.zeros_like(i), np.full_like(i, stream)
        found = words([i & mask, i >> shift, *top], [k & mask, k >> shift])
        flat[part] = found[2 * half] | found[2 * half + 1] << shift
    return result


def bits_rule(e: Emitter[V], key: V, place: V, stream: int, half: int) -> V:
    """`bits` in the words of the emitter, of uint64 scalars."""

    def word(x: V) -> V:
        return e.bitwise_and(x, WORD)

    def high(x: V) -> V:
        return e.bitwise_right_shift(x, 32)

    def mixed(a: V, b: V, c: V) -> V:
        return e.bitwise_xor(e.bitwise_xor(a, b), c)

    c0, c1 = word(place), high(place)
    c2, c3 = e.constant(0, "uint64"), e.constant(stream, "uint64")
    k0, k1 = word(key), high(key)
    for number in range(ROUNDS):
        if number:
            k0, k1 = word(e.add(k0, WEYL[0])), word(e.add(k1, WEYL[1]))
        p0, p1 = e.multiply(word(c0), MULTIPLIERS[0]), e.multiply(word(c2), MULTIPLIERS[1])
        c0, c1 = mixed(high(p1), c1, k0), word(p1)
        c2, c3 = mixed(high(p0), c3, k1), word(p0)
    low, above = (c2, c3) if half else (c0, c1)
    return e.bitwise_or(word(low), e.bitwise_left_shift(above, 32))
