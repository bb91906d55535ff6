"""`associative_scan` of random trees against combining them one after the other, in every mode.

``python -m tests.control.test_random_prefixes FROM TO`` tries more.
"""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from tests.control.agreement import disagreements_of
from tests.sampling import every


def after(f: Any, g: Any) -> Any:
    """The map x → a x + b that does f and then g."""
    return {"a": f["a"] * g["a"], "b": f["b"] * g["a"] + g["b"]}


COMBINE = {
    "sum": lambda x, y: x + y,
    "product": lambda x, y: x * y,
    "largest": ad.maximum,
    "log of the sum": ad.logaddexp,
    "matrices": lambda x, y: x @ y,
    "affine maps": after,
    "sum and product": lambda x, y: (x[0] + y[0], [x[1][0] * y[1][0]]),
}


class RandomPrefixes:
    """All prefixes of a random sequence; what combines elements may read `scale` from outside."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        r, rng = random.Random(seed), np.random.default_rng(seed)
        self.name = r.choice(sorted(COMBINE))
        self.reverse = r.random() < 0.4
        length, dtype = r.choice((0, 1, 2, 3, 4, 5, 7)), r.choice(("float64", "float64", "float32"))
        inner = (2, 2) if self.name == "matrices" else r.choice(((), (3,), (2, 2)))
        self.axis = 0 if self.name == "matrices" else r.randrange(len(inner) + 1)
        shape = (*inner[: self.axis], length, *inner[self.axis :])
        count = 2 if self.name in ("affine maps", "sum and product") else 1
        self.arguments = [rng.normal(size=shape).astype(dtype) for _ in range(count)]
        self.arguments.append(np.asarray(rng.uniform(0.5, 1.5), dtype))

    def tree(self, leaves: Any) -> Any:
        """The elements, in the structure that is combined."""
        if self.name == "affine maps":
            return {"a": leaves[0], "b": leaves[1]}
        return (leaves[0], [leaves[1]]) if self.name == "sum and product" else leaves[0]

    def leaves(self, tree: Any) -> list[Any]:
        if self.name == "affine maps":
            return [tree["a"], tree["b"]]
        return [tree[0], tree[1][0]] if self.name == "sum and product" else [tree]

    def combine(self, scale: Any) -> Any:
        """A combination that stays associative: sums are scaled before, not within."""
        if self.name == "product":
            return lambda x, y: x * y * scale
        return COMBINE[self.name]

    def looped(self, *arguments: Any) -> list[Any]:
        """The operation."""
        *elements, scale = map(ad.asarray, arguments)
        elements = [x * scale for x in elements]
        tree = self.tree(elements)
        fn = self.combine(scale)
        return self.leaves(ad.associative_scan(fn, tree, reverse=self.reverse, axis=self.axis))

    def written_out(self, *arguments: Any) -> list[Any]:
        """One element after the other."""
        *elements, scale = map(ad.asarray, arguments)
        elements = [ad.moveaxis(x * scale, self.axis, 0) for x in elements]
        fn, found = self.combine(scale), []
        order = range(elements[0].shape[0])
        for t in reversed(order) if self.reverse else order:
            now = self.tree([x[t] for x in elements])
            found.append(fn(found[-1], now) if found else now)
        if not found:
            return [ad.moveaxis(x, 0, self.axis) for x in elements]
        rows = zip(*map(self.leaves, found[:: -1 if self.reverse else 1]), strict=True)
        return [ad.stack(list(x), axis=self.axis) for x in rows]


@pytest.mark.parametrize("seed", range(16))
def test_every_mode_agrees_with_one_after_the_other(seed: int) -> None:
    assert not list(disagreements_of(RandomPrefixes(seed)))


@pytest.mark.native
@pytest.mark.parametrize("seed", every(2, range(100, 104)))
def test_compiled_modes_agree(seed: int) -> None:
    assert not list(disagreements_of(RandomPrefixes(seed), compiled=2))


if __name__ == "__main__":
    for number in range(*map(int, sys.argv[1:3])):
        for text in disagreements_of(RandomPrefixes(number), compiled=1):
            print(number, RandomPrefixes(number).name, text, flush=True)
