"""Random programs over the public API, each made from a number: inputs, and a function of them.

A program chooses its steps while it runs, by the shapes and dtypes it meets and by random numbers
that follow from its seed, so each run takes the same steps. A step that adjoint refuses (an
extremum over nothing, shapes that do not fit) is left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import adjoint as ad
from adjoint.errors import AdjointError
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import ALWAYS
from adjoint.graph.tensor import Tensor
from tests.native.fuzzing import random_wide
from tests.native.fuzzing.layouts import LAYOUTS
from tests.native.fuzzing.random_calls import MORE
from tests.native.fuzzing.random_steps import ABOUT_VECTORS, OTHER, SMALL, TAME, numbers, picked
from tests.native.fuzzing.random_wide import WIDE

LARGE = (64, 127, 257, 513, 1000, 4097)
SPREAD = (
    (300, 64),
    (513, 200),
    (1000, 64),
    (4097, 9),
    (2000, 33),
    (600, 17, 3),
    (130, 5, 65),
    (20_000,),
)
"""Shapes of large programs."""
KINDS = ("int64", "int32", "bool", "uint8", "float32", "int8", "uint16", "uint32", "uint64")
LENGTHS = (1, 2, 2, 3, 3, 4, 5, 6, 8, 12)
"""How many steps a program takes."""
MOST, MOST_OF_LARGE = 6_000, 300_000
"""Elements of the largest value; one program in fifty is large."""


@dataclass(frozen=True)
class Program:
    """A function of `inputs`: arrays of many layouts, tensors and plain numbers."""

    seed: int
    inputs: tuple[Any, ...]
    most: int = MOST
    donates: bool = False

    def values(self, *inputs: Any) -> list[Any]:
        """The values that this program is about: the last ones it computes, and some others."""
        r = random.Random(relative(self.seed))
        pool = [as_given(x) for x in inputs]

        pick = partial(picked, r, pool)
        wide = self.seed >= random_wide.FROM
        for _ in range(r.choice(random_wide.LENGTHS if wide else LENGTHS)):
            way = r.random() * (1.4 if wide else 1.0)
            rules = TAME if way < 0.6 else OTHER if way < 0.82 else MORE if way < 1 else WIDE
            rule = rules[r.choice(sorted(rules))]
            try:
                found = rule(r, pick)
            except (AdjointError, OverflowError):
                continue
            if isinstance(found, ad.Tensor) and found.size <= self.most and found.ndim <= 4:
                pool.append(found)
        return [*pool[-2:], *r.sample(pool, min(len(pool), r.randint(0, 2)))]

    def __call__(self, *inputs: Any) -> tuple[Any, ...]:
        """The values, and if they depend on floats the gradient of a sum of them, or a slope."""
        moving = [i for i, x in enumerate(inputs) if as_given(x).dtype.kind == "f"]
        if not moving:
            return tuple(self.values(*inputs))

        def total(*floats: Any) -> Any:
            given = list(inputs)
            for position, x in zip(moving, floats, strict=True):
                given[position] = x
            values = self.values(*given)
            floating = [v for v in values if v.dtype.kind == "f"]
            return sum((ad.sum(v * weights(v)) for v in floating), ad.asarray(0.0)), values

        floats = [inputs[i] for i in moving]
        if relative(self.seed) % 4:
            argnums = tuple(range(len(moving)))
            gradients, values = ad.grad(total, argnums, has_aux=True)(*floats)
            return (*values, *gradients)
        directions = [weights(as_given(x)) for x in floats]
        value, slope, values = ad.jvp(total, tuple(floats), tuple(directions), has_aux=True)
        return (*values, value, slope)


def as_given(x: Any) -> Any:
    """An input as a tensor; a plain number stays weak, as it is inside a compiled function."""
    if type(x) in (int, float):
        dtype = np.dtype(type(x))
        return Tensor(variable_node(None, (), dtype, ALWAYS, np.asarray(x, dtype), weak=True))
    return ad.asarray(x)


def weights(v: Any) -> Any:
    """Numbers by which the elements of a value count."""
    return np.cos(np.arange(int(np.prod(v.shape)))).reshape(v.shape).astype(v.dtype)


def relative(seed: int) -> int:
    """The seed of a program that takes the same steps: of eight, one is like another in all but a
    size and its numbers."""
    return seed - 1 if seed % 8 == 1 else seed


def program(seed: int) -> Program:
    """The program number `seed`."""
    r = random.Random(~relative(seed))
    rng = np.random.default_rng(seed)
    rank = r.choice((0, 1, 1, 2, 2, 2, 3, 4))
    base = [r.choice(SMALL if r.random() < 0.8 else ABOUT_VECTORS) for _ in range(rank)]
    if rank and r.random() < 0.12:
        base[r.randrange(rank)] = r.choice(LARGE)
    wide = seed >= random_wide.FROM
    if wide and r.random() < 0.5:
        base = random_wide.sides(r, rank)
    layouts = random_wide.WIDE_LAYOUTS if wide else LAYOUTS
    large = seed % 50 == 49
    if large:
        base = list(r.choice(SPREAD))
        rank = len(base)
    if rank and relative(seed) != seed:
        base[0] = random.Random(seed).choice((*SMALL, *ABOUT_VECTORS, *(LARGE if rank < 3 else ())))
    real = r.choice(("float64", "float64", "float64", "float32"))
    special = r.random() < 0.15
    inputs: list[Any] = []
    for _ in range(r.choice((1, 1, 2, 2, 3, 4))):
        shape = tuple(1 if r.random() < 0.1 else s for s in base[r.randint(0, rank) // 2 :])
        kind = r.random()
        if kind < 0.1:
            inputs.append(r.choice((0.5, -1.25, 2.0, 1, 3)))
            continue
        dtype = np.dtype(real)
        if kind < 0.25:
            dtype = np.dtype(r.choice(KINDS))
        given = numbers(rng, shape, dtype)
        array = layouts[r.choice(sorted(layouts))](with_special(rng, given) if special else given)
        inputs.append(ad.asarray(array) if r.random() < 0.2 else array)
    donates = r.random() < 0.1
    if wide and r.random() < 0.1:
        inputs.append(inputs[0])  # the very same, perhaps given away twice
    return Program(seed, tuple(inputs), MOST_OF_LARGE if large else MOST, donates)


def with_special(rng: Any, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """One element in eight is infinite, not a number, a zero of either sign or next to nothing."""
    if x.dtype.kind != "f":
        return x
    tiny = float(np.finfo(x.dtype).tiny)
    large = tiny**-0.5
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, tiny / 8, -tiny, large], x.dtype)
    return np.where(rng.random(x.shape) < 1 / 8, rng.choice(values, x.shape), x).astype(x.dtype)


def together(programs: Sequence[Program]) -> Callable[..., Any]:
    """One function of the inputs of all programs that returns the results of each."""

    def f(*groups: Any) -> list[Any]:
        return [p(*group) for p, group in zip(programs, groups, strict=True)]

    return f
