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


class RandomProgram:
    """A function of a matrix of `ROWS` rows, a square matrix and a vector; `text` is its source."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lines = ["def f(x, w, c):"]
        self.names: list[str] = []
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
            kind = r.choice(["zeros", "ones"])
            self.say(f"out{number} = ad.{kind}(({2 * rounds + 4}, 2))")
            self.say(f"out{number}[1] = c")
        self.say(f"path{number} = []")
        if r.random() < 0.2:
            self.say(f"n{number} = 0")
        self.say(f"for t in {self.range(rounds)}:")
        self.indent += 1
        self.body(carries, number, written, rounds)
        self.indent -= 1
        self.read(carries, number, written)
        self.carries += carries

    def range(self, rounds: int) -> str:
        return self.random.choice(
            (f"range({rounds})", f"range(1, {rounds + 1})", f"reversed(range({rounds}))")
        )

    def body(self, carries: list[str], number: int, written: bool, rounds: int) -> None:
        r = self.random
        sources = [*carries, *self.carries[-1:], "c", "x[t]"]
        extra = (
            "x[t + 1]", f"x[{ROWS - 2} - t]", "x[2 * t]", "x[2 * t, 0]", "x[t, ::-1]", "x[5]",
            "ad.sum(x[t : t + 3], axis=0)", "x[2 * t : 2 * t + 2, 1]", "x[t : t + 2, 0]",
            "0.01 * t", "np.full(2, 0.02 * t)", "WEIGHTS[t]", "float(t % 3)", "(1.0 if t else 0.5)",
            "ad.asarray(WEIGHTS[t])", f"x[t * {ROWS} // 50]", "x[t % 4]", "x[t, t % 2]",
            "x[t : t + 10 : 5, 0]",
        )  # fmt: skip
        sources += r.sample(extra, r.randint(1, 4))
        if number and r.random() < 0.6:
            sources += [f"path{number - 1}[t % len(path{number - 1})]", f"path{number - 1}[-1]"]
            if r.random() < 0.5:
                sources.append(f"path{number - 1}[min(t, len(path{number - 1}) - 1)]")
        if written:
            sources += [f"out{number}[t]", f"out{number}[t + 1]", f"out{number}[t, 0]"]
        if r.random() < 0.4:
            lag = r.choice((2, 3, 4))
            sources.append(f"(path{number}[-{lag}] if len(path{number}) >= {lag} else c)")
        made: list[str] = []
        lines = r.randint(3, 8)
        for line in range(lines):
            name = f"v{line}"
            pool = [*sources, *made, *made]
            if r.random() < 0.4:
                text = r.choice(UNARY).format(r.choice(pool))
            else:
                text = r.choice(BINARY).format(r.choice(pool), r.choice(pool))
            how = r.random()
            if how < 0.05:
                text = f"{text} if t % 2 else {r.choice(pool)}"
            elif how < 0.08:
                text = f"{text} if t != {r.randrange(rounds)} else {r.choice(pool)}"
            elif how < 0.11:
                text = f"{text} if t < {r.randrange(rounds)} else {r.choice(pool)}"
            self.say(f"{name} = {text}")
            made.append(name)
        if r.random() < 0.15:
            inner = r.choice((8, 9, 3, "8 + t % 2", "t"))
            name = f"v{lines}"
            self.say(f"{name} = {r.choice(made)}")
            self.say(f"for k in range({inner}):")
            self.indent += 1
            self.say(
                f"{name} = ad.tanh(0.5 * {name} + {r.choice(('x[k]', 'x[t]', 'x[t + k]', '0.1 * k', 'c'))})"
            )
            if r.random() < 0.5:
                self.say(f"{name} = {name} * {r.choice(made)}")
            self.indent -= 1
            made.append(name)
        after = [
            r.choice((r.choice(ENDS).format(r.choice(made)), r.choice(carries))) for _ in carries
        ]
        after[0] = r.choice(ENDS).format(made[-1])
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
        self.say(
            f"path{number}.append({r.choice([*made, *carries])} + ad.zeros(2))"
            if r.random() < 0.3
            else f"path{number}.append(ad.asarray({r.choice(made[-2:])}))"
        )
        if r.random() < 0.1:
            self.say(f"if t == {r.randrange(rounds)}: {r.choice(('break', 'continue'))}")

    def read(self, carries: list[str], number: int, written: bool) -> None:
        r = self.random
        path = f"path{number}"
        if r.random() < 0.7:
            self.results.append(r.choice(carries))
        choices = (
            f"ad.stack([p + ad.zeros(2) for p in {path}])", f"{path}[len({path}) // 2]", f"{path}[-1]",
            f"{path}[0]", f"sum({path}[::3])", f"ad.stack([p + ad.zeros(2) for p in {path}[::-1]], axis=1)",
            f"ad.concat([ad.reshape(p + ad.zeros(2), (2, 1)) for p in {path}[1:]], axis=1)", f"{path}[-2]",
        )  # fmt: skip
        self.results += r.sample(choices, r.choice((0, 1, 1, 2)))
        if written:
            self.results.append(f"out{number}")
        if not self.results:
            self.results.append(carries[0])


WEIGHTS = np.random.default_rng(3).normal(size=(ROWS, 2))
