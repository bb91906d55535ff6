"""Keys and bits: Philox as published, the same on every engine, split without overlap."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, DTypeError, RangeError, ShapeError
from adjoint.ops.random.bits import random_bits
from adjoint.ops.random.philox import words

pytestmark = pytest.mark.unit

KEY = ad.random.key(2026)
ONES = 2**32 - 1
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
"""Those that Salmon, Moraes, Dror and Shaw publish with Random123 for philox4x32-10."""


def same(x, y):
    np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_philox_gives_the_published_answers(counter, key, expected):
    assert tuple(words(counter, key)) == expected


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_arrays_give_the_published_answers(counter, key, expected):
    def arrays(xs):
        return [np.full(3, x, np.uint64) for x in xs]

    for found, word in zip(words(arrays(counter), arrays(key)), expected, strict=True):
        same(found, [word] * 3)


def test_the_first_draw_of_the_zero_key_is_the_published_answer():
    assert int(ad.random.bits(ad.random.key(0))) == 0xE169C58D6627E8D5


SHAPES = [(), (1,), (9,), (3, 5), (2, 1, 4), (40_000,), (0, 3)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.native
def test_native_bits_are_those_of_the_interpreter(shape, half):
    compiled = ad.compile(lambda key: random_bits(key, shape, 3, half))
    with ad.options(native="never"):
        expected = np.asarray(random_bits(KEY, shape, 3, half))
    same(compiled(KEY), expected)


@pytest.mark.native
def test_native_bits_of_mapped_keys_are_those_of_each():
    keys = ad.random.split(KEY, 5)
    mapped = ad.vmap(lambda key: ad.random.bits(key, shape=(3, 2)))
    expected = np.stack([np.asarray(ad.random.bits(key, shape=(3, 2))) for key in keys])
    same(mapped(keys), expected)
    same(ad.compile(mapped)(keys), expected)


@pytest.mark.native
def test_bits_are_the_same_on_any_number_of_threads():
    draw = ad.compile(lambda key: ad.random.normal(key, shape=300_000))
    found = [np.asarray(draw(KEY))]
    with ad.options(threads=1):
        found.append(np.asarray(ad.compile(lambda key: ad.random.normal(key, shape=300_000))(KEY)))
    same(*found)


@pytest.mark.native
def test_a_slice_of_a_compiled_draw_is_the_slice_of_the_draw():
    whole = np.asarray(ad.random.bits(KEY, shape=(6, 7)))
    same(ad.compile(lambda key: ad.random.bits(key, shape=(6, 7))[2:5, 3])(KEY), whole[2:5, 3])
    same(ad.compile(lambda key: ad.random.bits(key, shape=(6, 7)).T)(KEY), whole.T)


def test_the_first_numbers_of_a_longer_draw_are_those_of_a_shorter():
    same(ad.random.bits(KEY, shape=9), ad.random.bits(KEY, shape=100)[:9])


@pytest.mark.native
def test_compiled_functions_take_other_keys_without_tracing_again():
    calls = []

    @ad.compile
    def draw(key):
        calls.append(key)
        return ad.random.normal(key, shape=3)

    for key in ad.random.split(KEY, 4):
        same(draw(key), ad.compile(lambda k: ad.random.normal(k, shape=3))(key))
    assert len(calls) == 1


def test_keys_can_be_pickled_and_come_from_numpy():
    for key in (pickle.loads(pickle.dumps(KEY)), np.uint64(2026), np.asarray(2026, np.uint64)):
        same(ad.random.bits(key), ad.random.bits(KEY))


def test_split_and_folded_keys_are_all_different():
    keys = [int(k) for k in ad.random.split(KEY, 1000)]
    keys += [int(ad.random.fold_in(KEY, i)) for i in range(1000)]
    keys += [int(b) for b in ad.random.bits(KEY, shape=1000)]
    keys += [int(b) for b in random_bits(KEY, (1000,), 0, 1)]
    assert len(set(keys)) == 4000


def test_draws_of_split_keys_are_not_correlated():
    first, second = ad.random.split(KEY)
    draws = [np.asarray(ad.random.normal(k, shape=20_000)) for k in (KEY, first, second)]
    correlations = np.corrcoef(draws)[np.triu_indices(3, 1)]
    assert np.all(np.abs(correlations) < 4 / np.sqrt(20_000))


def test_every_bit_is_set_half_of_the_time():
    drawn = np.asarray(ad.random.bits(KEY, shape=20_000))
    share = [np.mean(drawn >> np.uint64(i) & np.uint64(1)) for i in range(64)]
    assert np.all(np.abs(np.array(share) - 0.5) < 4.5 * 0.5 / np.sqrt(20_000))


def test_fold_in_takes_traced_integers_and_arrays_of_them():
    expected = [int(ad.random.fold_in(KEY, i)) for i in range(4)]
    same(ad.random.fold_in(KEY, np.arange(4)), np.array(expected, np.uint64))
    mapped = ad.vmap(lambda i: ad.random.fold_in(KEY, i))(np.arange(4))
    same(mapped, np.array(expected, np.uint64))
    assert int(ad.compile(lambda i: ad.random.fold_in(KEY, i))(3)) == expected[3]


def test_a_key_of_a_traced_seed():
    same(ad.vmap(ad.random.key)(np.arange(3)), np.arange(3, dtype=np.uint64))


@pytest.mark.native
def test_a_key_is_carried_by_a_scan():
    def step(key, _):
        key, own = ad.random.split(key)
        return key, ad.random.normal(own, shape=2)

    expected, key = [], KEY
    for _ in range(5):
        key, drawn = step(key, None)
        expected.append(np.asarray(drawn))
    scanned = lambda key: ad.scan(step, key, None, length=5)
    for last, draws in (scanned(KEY), ad.compile(scanned)(KEY)):
        same(last, key)
        np.testing.assert_allclose(np.asarray(draws), np.stack(expected), rtol=1e-14)


@pytest.mark.native
def test_keys_in_while_loops_and_branches():
    def first_above(key):
        def again(state):
            return state[1] < 1.5

        def draw(state):
            key, own = ad.random.split(state[0])
            return key, ad.random.normal(own)

        return ad.while_loop(again, draw, (key, ad.asarray(0.0)))[1]

    assert float(first_above(KEY)) >= 1.5
    np.testing.assert_allclose(float(ad.compile(first_above)(KEY)), float(first_above(KEY)))

    def either(key, x):
        return ad.cond(x > 0, ad.random.normal, ad.random.uniform, key)

    for x in (1.0, -1.0):
        np.testing.assert_allclose(float(ad.compile(either)(KEY, x)), float(either(KEY, x)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.random.normal(0), ArgumentError, r"must be a key.*random\.key\(seed\).*got 0"),
        (lambda: ad.random.normal(np.arange(2)), ArgumentError, "got dtype int64"),
        (lambda: ad.random.normal(ad.random.split(KEY)), ShapeError, r"shape \(2,\).*vmap"),
        (lambda: ad.random.key(-1), RangeError, r"from 0 to 2\*\*64 - 1, got -1"),
        (lambda: ad.random.key(2**64), RangeError, "seed must be from 0"),
        (lambda: ad.random.key(1.5), ArgumentError, "must be an integer, got 1.5"),
        (lambda: ad.random.key(True), ArgumentError, "must be an integer, got True"),
        (lambda: ad.random.key(ad.asarray([1, 2])), ArgumentError, "must be an integer"),
        (lambda: ad.random.fold_in(KEY, 0.5), ArgumentError, "data must be an integer"),
        (lambda: ad.random.fold_in(KEY, np.ones(2)), DTypeError, "data must be integers"),
        (lambda: ad.random.fold_in(KEY, -1), RangeError, "data must be from 0"),
        (lambda: ad.random.split(KEY, -1), ShapeError, "must not be negative"),
        (lambda: ad.random.bits(KEY, dtype="int64"), DTypeError, "unsigned integer, got int64"),
    ],
)
def test_what_is_no_key_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
