"""Random loops in Python, rolled up, against the same written out.

A failure names the seed, whose program is ``RandomProgram(seed).text``;
``python -m tests.control.test_random_python_loops FROM TO`` tries more.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.tree import flatten
from adjoint.errors import KinkWarning
from adjoint.passes.rolling import worth
from tests.control.random_python_loops import ROWS, RandomProgram
from tests.sampling import every

Arrays = list[np.ndarray[Any, Any]]


def modes(f: Callable[..., Any], given: Arrays) -> dict[str, tuple[Callable[..., Any], Arrays]]:
    """What is compiled, by its name: the function and its derivatives, and for which arguments."""
    x, w, c = given
    directions = tuple(np.random.default_rng(5).normal(size=a.shape) for a in given)

    def total(*a: Any) -> Any:
        results = enumerate(flatten(f(*a))[0])
        return sum(
            (ad.sum(ad.sin(ad.astype(y, "float64")) * (1 + 0.1 * n)) for n, y in results),
            ad.asarray(0.0),
        )

    def inner(*a: Any) -> Any:
        first = ad.grad(lambda y: total(a[0], a[1], y))(c * 0.9)
        return first, ad.grad(lambda y, u: total(y, a[1], u), (0, 1))(x * 1.1, a[2])

    slopes = ad.grad(total, (0, 1, 2))
    several = [np.stack([x, -x]), w, np.stack([c, c * 2])]
    return {
        "value": (f, given),
        "gradient": (slopes, given),
        "tangent": (lambda *a: ad.jvp(f, a, directions)[1], given),
        "jacobian": (ad.jacrev(f, 2), given),
        "forward over reverse": (lambda *a: ad.jvp(slopes, a, directions)[1], given),
        "hessian": (ad.hessian(total, 2), given),
        "gradient at another point": (inner, given),
        "batch": (ad.vmap(f, (0, None, 0)), several),
        "gradients of a batch": (ad.vmap(slopes, (0, None, 0)), several),
    }


def outcome(f: Callable[..., Any], given: Arrays, **settings: Any) -> tuple[Arrays, bool, int]:
    """The arrays of a result, whether a kink was met, and how many loops were rolled up."""
    compiled = ad.compile(f)
    with warnings.catch_warnings(record=True) as caught, ad.options(**settings):
        warnings.simplefilter("always")
        found = [np.asarray(x) for x in flatten(ad.evaluate(compiled(*given)))[0]]
    warned = any(w.category is KinkWarning for w in caught)
    return found, warned, len(compiled.report().rolled)


def disagreements(seed: int, chosen: int | list[str], native: str = "never") -> Iterator[str]:
    """What is wrong with the program number `seed`, as text, beside the value in so many modes, or
    in those named."""
    program = RandomProgram(seed)
    rng = np.random.default_rng(seed)
    given = [rng.normal(size=(ROWS, 2)), rng.normal(size=(2, 2)) * 0.5, rng.normal(size=2)]
    tolerance = 1e-4 if "float32" in program.text else 1e-9
    found = modes(program.f, given)
    if isinstance(chosen, int):
        chosen = random.Random(seed).sample([*found][1:], chosen)
    for name in ["value", *chosen]:
        got, kink, _ = outcome(*found[name], native=native)
        want, met, none = outcome(*found[name], native="never", roll_loops=False)
        assert not none
        if kink != met:
            yield f"{name}: KinkWarning {kink} for {met}"
        for number, (a, b) in enumerate(zip(got, want, strict=True)):
            size = np.abs(b[np.isfinite(b)]).max(initial=1e-3)
            same = a.shape == b.shape and a.dtype == b.dtype
            if not same or not np.allclose(a, b, tolerance, tolerance * size, equal_nan=True):
                yield f"{name}, result {number}: {a} for {b}"


@pytest.mark.parametrize("first", every(5, range(0, 40, 4)))
def test_programs_agree(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth, "WORTH", 1)
    for seed in range(first, first + 4):
        assert not list(disagreements(seed, 2)), RandomProgram(seed).text


def test_kinks_are_met_where_arrays_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth, "WORTH", 1)
    assert not list(disagreements(128, ["gradient", "forward over reverse"]))


@pytest.mark.native
@pytest.mark.parametrize("seed", every(2, range(1000, 1004)))
def test_native_programs_agree(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth, "WORTH", 1)
    assert not list(disagreements(seed, 1, "always")), RandomProgram(seed).text


if __name__ == "__main__":
    worth.WORTH = 1
    for seed in range(*map(int, sys.argv[1:3])):
        for text in disagreements(seed, 3):
            print(seed, text, flush=True)
