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

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from adjoint.graph.emitter import Emitter

V = TypeVar("V")

ROUNDS = 10
MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
WORD = 0xFFFFFFFF
BLOCK = 16384
"""So many elements are computed at once by NumPy, so that their words stay in the cache."""
FEW = 8
"""Up to so many elements Python's own integers are faster than calls of NumPy."""


def words(counter: Sequence[Any], key: Sequence[Any]) -> list[Any]:
    """The four words that Philox makes of four words of a counter and two of a key.

    The words are Python integers below 2**32, or arrays of such of dtype uint64.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for number in range(ROUNDS):
        if number:
            k0, k1 = (k0 + WEYL[0]) & WORD, (k1 + WEYL[1]) & WORD
        p0, p1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1 = (p1 >> 32) ^ c1 ^ k0, p1 & WORD
        c2, c3 = (p0 >> 32) ^ c3 ^ k1, p0 & WORD
    return [c0, c1, c2, c3]


def block(key: Any, place: Any, stream: int, half: int) -> Any:
    """64 random bits of a key and a place: Python integers, or arrays of uint64."""
    counter = place & WORD, place >> 32, place & 0, (place & 0) + stream
    found = words(counter, (key & WORD, key >> 32))
    return found[2 * half] | found[2 * half + 1] << 32


def bits(key: Any, place: Any, stream: int, half: int) -> Any:
    """64 random bits for each key and place, which broadcast: an array of uint64."""
    key, place = np.asarray(key), np.asarray(place)
    only = int(key.item()) if key.size == 1 else None
    key, place = np.broadcast_arrays(key, place)
    result = np.empty(key.shape, np.uint64)
    keys, places, flat = key.reshape(-1), place.reshape(-1), result.reshape(-1)
    if flat.size <= FEW:
        pairs = zip(keys.tolist(), places.tolist(), strict=True)
        flat[:] = np.array([block(k, i, stream, half) for k, i in pairs], np.uint64)
        return result
    for start in range(0, flat.size, BLOCK):
        part = slice(start, start + BLOCK)
        flat[part] = block(keys[part] if only is None else only, places[part], stream, half)
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
