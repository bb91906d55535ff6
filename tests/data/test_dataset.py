"""Data sets: minibatches in a seeded order, and what is held out."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import DataError, MissingExtraError, RangeError

pytestmark = pytest.mark.unit


def dataset(size=10):
    return ad.data.Dataset(np.arange(2.0 * size).reshape(size, 2), np.arange(size) % 3)


def order(data, **options):
    return [int(x[0, 0]) // 2 for x, _ in data.batches(1, **options)]


def test_every_example_comes_once_with_its_own_label():
    data = dataset()
    batches = list(data.batches(4, seed=3))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    rows = np.concatenate([x.numpy() for x, _ in batches])
    taken = np.concatenate([y.numpy() for _, y in batches])
    np.testing.assert_array_equal(np.sort(rows[:, 0]), data.x[:, 0])
    np.testing.assert_array_equal(taken, (rows[:, 0] // 2) % 3)


def test_lists_and_tensors_are_data_too():
    data = ad.data.Dataset([[1.0, 2.0], [3.0, 4.0]], ad.asarray([0, 1]))
    assert type(data.x) is type(data.y) is np.ndarray
    assert (len(data), data.features, data.classes) == (2, 2, 2)
    masked = np.ma.array(np.ones((2, 2)), mask=[[False, True], [False, False]])
    with pytest.raises(ad.errors.DTypeError, match="1 of the 4 elements of a masked array"):
        ad.data.Dataset(masked, [0, 1])


def test_the_order_is_decided_by_the_seed_and_the_epoch():
    data = dataset(50)
    assert order(data, seed=1) == order(data, seed=1)
    assert order(data, seed=1) != order(data, seed=2)
    assert order(data, seed=1, epoch=0) != order(data, seed=1, epoch=1)
    assert order(data, seed=1, epoch=4) == order(data, seed=1, epoch=4)


def test_the_order_stays_the_same_with_every_version():
    assert ad.data.permutation(8, 5, 1).tolist() == [7, 4, 5, 1, 6, 0, 2, 3]


def test_held_out_examples_are_not_in_the_training_set():
    train, test = ad.data.held_out(dataset(20), 5)
    assert sorted([*train.x[:, 0], *test.x[:, 0]]) == dataset(20).x[:, 0].tolist()


def test_other_data_have_another_fingerprint():
    data = dataset()
    other = ad.data.Dataset(data.x, data.y[::-1].copy())
    assert data.fingerprint() == dataset().fingerprint() != other.fingerprint()


def test_the_digits_are_the_real_ones():
    train, test = ad.data.load_digits()
    assert (len(train), len(test), train.features, train.classes) == (1437, 360, 64, 10)
    assert train.x.dtype == np.float32 and train.x.max() == 1


def test_without_scikit_learn_the_digits_say_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r'scikit-learn.*pip install "adjoint\[train\]"'):
        ad.data.load_digits()


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda: dataset().batches(0, seed=0), RangeError, "integer of at least 1, got 0"),
        (lambda: dataset().batches(1.5, seed=0), RangeError, "integer of at least 1, got 1.5"),
        (lambda: ad.data.permutation(3, -1), RangeError, r"from 0 to 2\*\*64 - 1, got \(-1,\)"),
        (lambda: ad.data.permutation(3, 1, 2, 3), RangeError, "a key is one or two integers"),
        (
            lambda: ad.data.held_out(dataset(), 10),
            RangeError,
            "from 1 to 9 for 10 examples, got 10",
        ),
        (
            lambda: ad.data.Dataset(np.zeros((3, 2)), np.zeros(2, int), "mine"),
            DataError,
            r"mine: expected x with one row for each label in y, got shapes \(3, 2\) and \(2,\)",
        ),
        (
            lambda: ad.data.Dataset(np.zeros((1, 2)), np.zeros(1), "mine"),
            DataError,
            "mine: labels must be integers from 0, got float64",
        ),
        (
            lambda: ad.data.Dataset(np.zeros((1, 2)), np.array([-1]), "mine"),
            DataError,
            "mine: labels must be integers from 0, got int64 from -1",
        ),
    ],
)
def test_a_mistake_is_named(work, error, message):
    with pytest.raises(error, match=message):
        work()
