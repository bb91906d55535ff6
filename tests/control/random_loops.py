"""Random loops and branches, each made from a number, and the same written out in Python."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import adjoint as ad
from adjoint.errors import AdjointError
from tests.native.fuzzing.random_calls import MORE
from tests.native.fuzzing.random_steps import OTHER, TAME, numbers, picked

Arrays = list[Any]
MOST = 300
"""Elements of the largest value in a body."""
SHAPES = ((), (), (2,), (3,), (1,), (2, 3), (3, 2), (2, 2), (0,))
LENGTHS = (0, 1, 2, 2, 3, 3, 4, 5)
KINDS = ("scan", "scan", "scan", "while_loop", "fori_loop", "cond", "switch", "map", "checkpoint")


class RandomLoop:
    """A loop or branch over `arguments`, of which some are read by the body from outside.

    `looped` is the function of the arguments that uses the operation, `written_out` the one that
    means the same in plain Python. Both return a list of tensors.
    """

    def __init__(self, seed: int, tame: bool = False) -> None:
        self.seed, self.tame = seed, tame
        r = random.Random(seed)
        rng = np.random.default_rng(seed)
        self.kind = r.choice(KINDS)
        self.length = r.choice(LENGTHS)
        self.backwards = r.random() < 0.3
        self.how: dict[str, Any] = r.choice(
            ({}, {}, {"unroll": 2}, {"unroll": 3}, {"unroll": 9}, {"memory": 32},
             {"unroll": 2, "memory": 32})
        )  # fmt: skip
        self.nested = r.random() < 0.15
        real = r.choice(("float64", "float64", "float64", "float32"))
        captured = [draw(r, rng, real) for _ in range(r.choice((0, 1, 1, 2)))]
        state = [draw(r, rng, real) for _ in range(r.choice((0, 1, 1, 2, 3)))]
        rows = [draw(r, rng, real, self.length) for _ in range(r.choice((0, 1, 1, 2)))]
        if self.kind == "map" and not rows:
            rows = [numbers(rng, (self.length,), np.dtype(real))]
        self.choice = r.randrange(-1, 4)
        self.by_number = self.kind in ("while_loop", "cond", "switch")
        if self.by_number:  # how often, or which branch, is the first of what is captured
            captured.insert(0, np.asarray(self.length if self.kind[0] == "w" else self.choice))
        self.arguments: Arrays = [*captured, *state, *rows]
        self.ends = len(captured), len(captured) + len(state)
        self.like = [(x.shape, x.dtype) for x in state]

    def parted(self, arguments: Sequence[Any]) -> tuple[Arrays, Arrays, Arrays]:
        """What is captured, the state, and the xs."""
        a, b = self.ends
        given = [ad.asarray(x) for x in arguments]
        return given[:a], given[a:b], given[b:]

    def body(self, number: int, captured: Arrays, state: Arrays, row: Arrays) -> Any:
        """The next state, and the ys."""
        r = random.Random(self.seed * 7 + number)
        pool = [*captured, *row, *state]
        if not pool:
            pool = [ad.asarray(0.5)]

        pick = partial(picked, r, pool)
        for _ in range(r.choice((0, 1, 2, 3, 4, 6, 8))):
            way = 0 if self.tame else r.random()
            rules = TAME if way < 0.75 else OTHER if way < 0.93 else MORE
            rule = rules[r.choice(sorted(rules))]
            try:
                found = rule(r, pick)
            except (AdjointError, OverflowError):
                continue
            if isinstance(found, ad.Tensor) and found.size <= MOST and found.ndim <= 3:
                pool.append(found)
        after = [fitted(r, pool, pick, *like) for like in self.like]
        ys = [r.choice(pool) for _ in range(r.choice((0, 1, 2, 3)))]
        if r.random() < 0.2:
            ys.append(ad.asarray(1.5))
        return after, [ad.asarray(y) for y in ys]

    def stepper(self, captured: Arrays, loop: Any) -> Callable[[Any, Any], Any]:
        """One step; with a loop or a branch of its own if it is nested."""

        def step(state: Arrays, row: Arrays) -> Any:
            if not self.nested:
                return self.body(0, captured, state, row)

            def inner(s: Arrays, _: Any) -> Any:
                return self.body(1, captured, s, row)[0], None

            state = loop(inner, state, None, 2)[0]
            return self.body(0, captured, state, row)

        return step

    def looped(self, *arguments: Any) -> Arrays:
        """The operation."""
        captured, state, rows = self.parted(arguments)
        step = self.stepper(captured, ad.scan)
        n = self.length
        if self.kind == "scan":
            after, ys = ad.scan(step, state, rows, n, self.backwards, **self.how)
            return [*after, *ys]
        if self.kind == "map":
            return list(ad.map(lambda row: step(state, row)[1], rows))
        if self.kind == "fori_loop":
            last = n if self.backwards else ad.asarray(n)
            take = lambda i, s: step(s, [ad.take(x, i, axis=0) for x in rows])[0]
            return list(ad.fori_loop(0, last, take, state)) if n else state
        if self.kind == "while_loop":
            goes_on = lambda s: s[0] < captured[0]
            take = lambda s: (s[0] + 1, step(s[1], [])[0])
            count, after = ad.while_loop(goes_on, take, (0, state))
            return [count, *after]
        branches = [lambda c, s, x, k=k: flat(self.fixed(k, c, s, x)) for k in range(3)]
        if self.kind == "cond":
            return ad.cond(captured[0] > 1, branches[1], branches[0], captured, state, rows)
        if self.kind == "switch":
            return ad.switch(captured[0], branches, captured, state, rows)
        return ad.checkpoint(branches[0])(captured, state, rows)

    def fixed(self, k: int, captured: Arrays, state: Arrays, rows: Arrays) -> Any:
        """Branch `k`: results of shapes that do not depend on it."""
        after, ys = self.body(k, captured, state, rows)
        return after, [sum((ad.sum(ad.astype(y, "float64")) for y in ys), ad.asarray(0.0))]

    def written_out(self, *arguments: Any) -> Arrays:
        """The same in plain Python."""
        captured, state, rows = self.parted(arguments)
        step = self.stepper(captured, in_python)
        n = self.length
        if self.kind == "scan":
            after, ys = in_python(step, state, rows, n, self.backwards)
            return [*after, *ys]
        if self.kind == "map":
            return in_python(lambda s, row: (s, step(s, row)[1]), state, rows, n)[1]
        if self.kind == "fori_loop":
            for i in range(n):
                state = step(state, [x[i] for x in rows])[0]
            return state
        if self.kind == "while_loop":
            for _ in range(int(captured[0])):
                state = step(state, [])[0]
            return [captured[0], *state]
        k = 0
        if self.kind == "cond":
            k = int(int(captured[0]) > 1)
        if self.kind == "switch":
            k = min(max(int(captured[0]), 0), 2)
        return flat(self.fixed(k, captured, state, rows))


def in_python(
    step: Any, state: Any, xs: Any, length: int, reverse: bool = False
) -> tuple[Any, Any]:
    """What `scan` means."""
    rows: list[Any] = [None] * length
    order = range(length)
    for t in reversed(order) if reverse else order:
        state, rows[t] = step(state, None if xs is None else [x[t] for x in xs])
    if not length:
        like = step(
            state, None if xs is None else [ad.zeros(x.shape[1:], dtype=x.dtype) for x in xs]
        )[1]
        if like is None:
            return state, None
        return state, [ad.zeros((0, *y.shape), dtype=y.dtype) for y in like]
    if rows[0] is None:
        return state, None
    return state, [ad.stack(list(ys)) for ys in zip(*rows, strict=True)]


def flat(result: Any) -> Arrays:
    return [*result[0], *result[1]]


def draw(r: random.Random, rng: Any, real: str, *lead: int) -> Any:
    """An argument."""
    kind = r.random()
    dtype = real if kind < 0.75 else r.choice(("int64", "int32", "bool", "float32", "float64"))
    return numbers(rng, (*lead, *r.choice(SHAPES)), np.dtype(dtype))


def fitted(r: random.Random, pool: Arrays, pick: Any, shape: Any, dtype: Any) -> Any:
    """Something of a shape and dtype out of the pool."""
    same = [x for x in pool if x.shape == shape and x.dtype == dtype]
    if same and r.random() < 0.3:
        return r.choice(same)
    x = pick({"f": "f", "i": "i", "b": "b"}[dtype.kind])
    if x.shape != shape:
        try:
            x = ad.broadcast_to(x, shape)
        except AdjointError:
            x = ad.broadcast_to(ad.any(x) if dtype.kind == "b" else ad.sum(x), shape)
    if dtype.kind == "f" and r.random() < 0.8:
        x = ad.sin(x)
    if dtype.kind == "i":
        x = x % 7
    return ad.astype(x, dtype)


def weights(v: Any) -> Any:
    """Numbers by which the elements of a value count."""
    return np.cos(np.arange(int(np.prod(v.shape)))).reshape(v.shape).astype(v.dtype)
