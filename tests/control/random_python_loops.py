"""Random functions with loops written in Python, as text, each made from a number."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint as ad

ROWS = 46
"""Rows of the first argument."""

UNARY = (
    "ad.sin({})",
    "ad.tanh({})",
    "0.7 * {}",
    "-{}",
    "ad.abs({})",
    "ad.sqrt(ad.abs({}) + 0.1)",
    "ad.sum({}) * 0.1",
    "ad.maximum({}, 0.05)",
    "ad.exp(-ad.abs({}))",
    "ad.cumulative_sum({} + ad.zeros(2))",
    "ad.flip({} + ad.zeros(2))",
    "w @ ({} + ad.zeros(2))",
)
BINARY = (
    "0.5 * {} + {}",
    "{} * {} * 0.3",
    "{} - {}",
    "ad.where({0} > {1}, {0}, 0.2 * {1})",
    "ad.maximum({}, {})",
    "ad.minimum({}, 0.3 * {})",
    "ad.stack([ad.sum({}), ad.sum({})])",
    "{} / (1.5 + ad.square({}))",
)
STARTS = ("0.0", "1", "ad.zeros(2)", "x[0]", "c", "ad.sum(c)", "0.3", "x[1, 0]", "np.ones(2)")
ENDS = (
    "ad.tanh({})",
    "0.8 * ad.sin({})",
    "ad.astype(ad.astype(ad.tanh({}), 'float32'), 'float64')",
)

RANGES = ("range({0})", "range(1, {1})", "reversed(range({0}))")
ROUNDS = (
    "x[t + 1]", f"x[{ROWS - 2} - t]", "x[2 * t]", "x[2 * t, 0]", "x[t, ::-1]", "x[5]",
    "ad.sum(x[t : t + 3], axis=0)", "x[2 * t : 2 * t + 2, 1]", "x[t : t + 2, 0]",
    "0.01 * t", "np.full(2, 0.02 * t)", "WEIGHTS[t]", "float(t % 3)", "(1.0 if t else 0.5)",
    "ad.asarray(WEIGHTS[t])", f"x[t * {ROWS} // 50]", "x[t % 4]", "x[t, t % 2]",
    "x[t : t + 10 : 5, 0]",
)  # fmt: skip
"""What is another thing in every round."""

RESULTS = (
    "ad.stack([p + ad.zeros(2) for p in {path}])",
    "ad.stack([p + ad.zeros(2) for p in {path}[::-1]], axis=1)",
    "ad.concat([ad.reshape(p + ad.zeros(2), (2, 1)) for p in {path}[1:]], axis=1)",
    "sum({path}[::3])",
    "{path}[len({path}) // 2]",
    "{path}[0]",
    "{path}[-1]",
    "{path}[-2]",
)


class RandomProgram:
    """A function of a matrix of `ROWS` rows, a square matrix and a vector; `text` is its source."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines = ["def f(x, w, c):"]
        self.loops = 0
        self.indent = 1
        self.results: list[str] = []
        self.carries: list[str] = []
        self.total = self.random.choice([True, False])
        for _ in range(self.random.choice((1, 1, 1, 2, 2, 3))):
            self.loop()
        self.say(f"return [{', '.join(self.results)}]")
        self.text = "\n".join(self.lines)
        space: dict[str, Any] = {"ad": ad, "np": np, "WEIGHTS": WEIGHTS}
        exec(self.text, space)
        self.f: Callable[..., Any] = space["f"]

    def say(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def loop(self) -> None:
        """One loop, and what is read of it."""
        r, number = self.random, self.loops
        self.loops += 1
        old = list(self.carries)
        carries = [f"s{number}_{i}" for i in range(r.choice((1, 2, 2, 3)))]
        for name in carries:
            self.say(f"{name} = {r.choice((*STARTS, *old))}")
        written = r.random() < 0.5
        rounds = r.randint(8, 22)
        if written:
            self.say(f"out{number} = ad.{r.choice(('zeros', 'ones'))}(({2 * rounds + 4}, 2))")
            self.say(f"out{number}[1] = c")
        self.say(f"path{number}, n = [], {r.choice(('0', 'ad.asarray(1)'))}")
        self.say(f"for t in {r.choice(RANGES).format(rounds, rounds + 1)}:")
        self.indent += 1
        made = self.body(self.sources(carries, number, written), rounds)
        if r.random() < 0.15:
            self.inner_loop(made)
        self.end(carries, made, number, written)
        if r.random() < 0.1:
            self.say(f"if t == {r.randrange(rounds)}: {r.choice(('break', 'continue'))}")
        self.indent -= 1
        self.read(carries, number, written)
        self.carries += carries

    def sources(self, carries: list[str], number: int, written: bool) -> list[str]:
        """What the body may read."""
        r, before = self.random, f"path{number - 1}"
        found = [*carries, *self.carries[-1:], "c", "x[t]", *r.sample(ROUNDS, r.randint(1, 4))]
        if number and r.random() < 0.6:
            found += [f"{before}[t % len({before})]", f"{before}[-1]"]
            if r.random() < 0.5:
                found.append(f"{before}[min(t, len({before}) - 1)]")
        if written:
            found += [f"out{number}[t]", f"out{number}[t + 1]", f"out{number}[t, 0]"]
        if r.random() < 0.4:
            lag, path = r.choice((2, 3, 4)), f"path{number}"
            found.append(f"({path}[-{lag}] if len({path}) >= {lag} else c)")
        return found

    def body(self, sources: list[str], rounds: int) -> list[str]:
        """Some operations, of which some are others in some rounds; the names of their results."""
        r = self.random
        made: list[str] = []
        if r.random() < 0.2:
            self.say(r.choice(("n = n + 1", "n = 2 - n", "n = n + t % 3")))
            sources = [*sources, "0.1 * n"]
        for line in range(r.randint(3, 8)):
            pool = [*sources, *made, *made]
            form = r.choice(UNARY if r.random() < 0.4 else BINARY)
            text = form.format(r.choice(pool), r.choice(pool))
            how, at = r.random(), r.randrange(rounds)
            if how < 0.11:
                when = "t % 2" if how < 0.05 else f"t != {at}" if how < 0.08 else f"t < {at}"
                text = f"{text} if {when} else {r.choice(pool)}"
            self.say(f"v{line} = {text}")
            made.append(f"v{line}")
        return made

    def inner_loop(self, made: list[str]) -> None:
        """A loop within the other."""
        r, name = self.random, f"v{len(made)}"
        self.say(f"{name} = {r.choice(made)}")
        self.say(f"for k in range({r.choice(('8', '9', '3', '8 + t % 2', 't'))}):")
        self.indent += 1
        row = r.choice(("x[k]", "x[t]", "x[t + k]", "0.1 * k", "c"))
        self.say(f"{name} = ad.tanh(0.5 * {name} + {row})")
        if r.random() < 0.5:
            self.say(f"{name} = {name} * {r.choice(made)}")
        self.indent -= 1
        made.append(name)

    def end(self, carries: list[str], made: list[str], number: int, written: bool) -> None:
        """What is handed on, written and kept at the end of a round."""
        r = self.random
        after = [r.choice((self.ending(r.choice(made)), r.choice(carries))) for _ in carries]
        after[0] = self.ending(made[-1])
        if r.random() < 0.3:
            r.shuffle(after)
        self.say(f"{', '.join(carries)} = {', '.join(after)}")
        if written:
            place = r.choice(("t", "t + 2", "2 * t + 1", "t, 0", "t + 2, 1", "t + 1"))
            value = r.choice([*made, *carries])
            value = f"ad.sum({value})" if "," in place else value
            self.say(f"out{number}[{place}] = {value}")
            if r.random() < 0.3:
                self.say(f"out{number}[t + 2] = {r.choice(made)}")
        kept = r.choice((f"{r.choice([*made, *carries])} + ad.zeros(2)", r.choice(made[-2:])))
        self.say(f"path{number}.append(ad.asarray({kept}))")

    def ending(self, name: str) -> str:
        """Something that stays small."""
        return self.random.choice(ENDS).format(name)

    def read(self, carries: list[str], number: int, written: bool) -> None:
        """What is read of a loop."""
        r = self.random
        if r.random() < 0.7:
            self.results.append(r.choice(carries))
        chosen = r.sample(RESULTS, r.choice((0, 1, 1, 2)))
        self.results += [text.format(path=f"path{number}") for text in chosen]
        if written:
            self.results.append(f"out{number}")
        if not self.results:
            self.results.append(carries[0])


WEIGHTS = np.random.default_rng(3).normal(size=(ROWS, 2))
