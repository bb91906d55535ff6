"""Random loops written in Python give the same numbers rolled up and written out."""

from __future__ import annotations

import random

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.tree import flatten
from adjoint.passes.rolling import worth
from tests.control.rolling import run
from tests.sampling import every


class Program:
    """A random loop: some state, some operations on it, on rows and on numbers that change."""

    UNARY = (ad.sin, ad.tanh, lambda a: a * 0.7, lambda a: -a, lambda a: ad.sum(a) * 0.1 + a)
    BINARY = (
        lambda a, b: 0.5 * a + b,
        lambda a, b: a * b * 0.3,
        lambda a, b: a - b,
        lambda a, b: ad.where(a > b, a, 0.2 * b),
    )

    def __init__(self, seed):
        r = random.Random(seed)
        self.steps = r.randint(30, 45)
        self.state = r.randint(1, 3)
        self.lines = []
        names = [f"s{i}" for i in range(self.state)] + ["row", "before", "fixed", "number"]
        for line in range(r.randint(4, 9)):
            if r.random() < 0.4:
                self.lines.append((r.randrange(len(self.UNARY)), (r.choice(names),)))
            else:
                self.lines.append(
                    (r.randrange(len(self.BINARY)), (r.choice(names), r.choice(names)))
                )
            names.append(f"v{line}")
        made = [n for n in names if n[0] == "v"]
        self.lines.append((0, ("s0", made[-1])))
        self.after = [f"v{len(made)}"] + [r.choice(made) for _ in range(self.state - 1)]
        self.kept = r.choice(made)
        self.odd = r.choice([None, 0, self.steps - 1, self.steps // 2])
        self.stride = r.choice([1, 1, 2, -1])

    def __call__(self, x, fixed):
        values = {f"s{i}": x[i] for i in range(self.state)}
        values["fixed"] = fixed
        path = []
        for t in range(self.steps):
            at = t * self.stride if self.stride > 0 else self.steps - t
            values |= {"row": x[at], "before": x[at + 1], "number": np.full(3, 0.01 * t)}
            for line, (which, names) in enumerate(self.lines):
                table = self.UNARY if len(names) == 1 else self.BINARY
                values[f"v{line}"] = table[which](*[values[n] + 0.0 for n in names])
            if t == self.odd:
                values[self.after[0]] = ad.exp(-ad.abs(values[self.after[0]]))
            new = [values[n] for n in self.after]
            values |= {f"s{i}": v for i, v in enumerate(new)}
            path.append(values[self.kept])
        return (
            [values[f"s{i}"] for i in range(self.state)],
            ad.sum(path[-1]),
            path[3],
            ad.stack(path),
        )


@pytest.mark.parametrize("seed", every(3, range(40)))
def test_random_programs(seed, monkeypatch):
    monkeypatch.setattr(worth, "WORTH", 1)
    f = Program(seed)
    rng = np.random.default_rng(seed)
    args = rng.normal(size=(100, 3)), rng.normal(size=3)
    got, loops = run(f, args, native="never")
    want = run(f, args, native="never", roll_loops=False)[0]
    assert loops
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)

    def total(*args):
        return sum(ad.sum(ad.sin(y)) for y in flatten(f(*args))[0])

    slopes = ad.grad(total, (0, 1))
    got = run(slopes, args, native="never")[0]
    want = run(slopes, args, native="never", roll_loops=False)[0]
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
