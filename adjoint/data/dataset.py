"""Examples with their labels, in memory, and the minibatches that go through them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from adjoint.errors import DataError, RangeError
from adjoint.graph.arrays import plain_array
from adjoint.graph.tensor import Tensor, as_tensor

Array = np.ndarray[Any, Any]

_SPLIT_KEY = 2026
"""The key of the shuffle that decides what is held out: the same for every run and seed."""


def permutation(size: int, *key: int) -> Array:
    """The numbers below `size` in an order that `key` (one or two integers) decides.

    Philox is counter-based and its raw stream is fixed for good, so the order is the same with
    every version of NumPy, and needs no position to be carried from one epoch to the next.

    >>> import adjoint as ad
    >>> ad.data.permutation(5, 0)
    array([0, 2, 1, 4, 3])
    """
    if not 1 <= len(key) <= 2 or any(not 0 <= number < 2**64 for number in key):
        raise RangeError(
            f"permutation: a key is one or two integers from 0 to 2**64 - 1, got {key}"
        )
    bits = np.random.Philox(key=np.array((*key, 0)[:2], np.uint64)).random_raw(size)
    return np.argsort(bits, kind="stable")


@dataclass(frozen=True)
class Dataset:
    """Examples `x`, one a row, and their integer labels `y`.

    >>> import adjoint as ad
    >>> import numpy as np
    >>> data = ad.data.Dataset(np.eye(4, dtype="float32"), np.array([0, 1, 0, 1]), "corners")
    >>> len(data), data.features, data.classes
    (4, 4, 2)
    >>> [y.tolist() for _, y in data.batches(3, seed=0)]
    [[0, 0, 1], [1]]
    """

    x: Array
    y: Array
    name: str = "data"

    def __post_init__(self) -> None:
        for name in "x", "y":
            object.__setattr__(self, name, plain_array(getattr(self, name)))
        if self.x.ndim != 2 or self.y.ndim != 1 or len(self.x) != len(self.y):
            raise DataError(
                f"{self.name}: expected x with one row for each label in y, got shapes "
                f"{self.x.shape} and {self.y.shape}"
            )
        if self.y.dtype.kind not in "iu" or (self.y.size and self.y.min() < 0):
            raise DataError(
                f"{self.name}: labels must be integers from 0, got {self.y.dtype}"
                + (f" from {self.y.min()}" if self.y.size else "")
            )

    def __len__(self) -> int:
        return len(self.x)

    @property
    def features(self) -> int:
        """The numbers in one example."""
        return int(self.x.shape[1])

    @property
    def classes(self) -> int:
        """One more than the largest label."""
        return int(self.y.max()) + 1 if self.y.size else 0

    def take(self, rows: Array, name: str | None = None) -> Dataset:
        """The examples in `rows`, in that order."""
        return Dataset(self.x[rows], self.y[rows], name or self.name)

    def batches(self, size: int, *, seed: int, epoch: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """All examples once, `size` at a time (the last batch may be smaller), as tensors.

        The order depends on nothing but `seed` and `epoch`.
        """
        if isinstance(size, float) or size < 1:
            raise RangeError(
                f"batches: the size of a batch must be an integer of at least 1, got {size}"
            )
        order = permutation(len(self), seed, epoch)
        return (
            (as_tensor(self.x[rows]), as_tensor(self.y[rows]))
            for rows in (order[start : start + size] for start in range(0, len(self), size))
        )

    def fingerprint(self) -> str:
        """A short text that differs for different data."""
        check = zlib.crc32(self.y.tobytes(), zlib.crc32(self.x.tobytes()))
        return f"{len(self)}x{self.features}-{check:08x}"


class Split(NamedTuple):
    """What to learn from, and what to be tested on."""

    train: Dataset
    test: Dataset


def held_out(whole: Dataset, size: int) -> Split:
    """`whole` with `size` of its examples kept for testing: always the same ones.

    >>> import adjoint as ad
    >>> import numpy as np
    >>> whole = ad.data.Dataset(np.zeros((10, 1)), np.arange(10))
    >>> train, test = ad.data.held_out(whole, 2)
    >>> len(train), len(test)
    (8, 2)
    """
    if not 0 < size < len(whole):
        raise RangeError(
            f"held_out: size must be from 1 to {len(whole) - 1} for {len(whole)} examples, got "
            f"{size}"
        )
    order = permutation(len(whole), _SPLIT_KEY)
    train, test = np.sort(order[size:]), np.sort(order[:size])
    return Split(whole.take(train), whole.take(test, f"{whole.name}, held out"))
