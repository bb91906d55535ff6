"""Every transform of every other, on random programs, against differences of 80-digit numbers.

A transform is stated twice: by the library, and as differences of whatever it is applied to. Both
take a function of a vector to another one, so any two or three can be applied in turn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import product
from types import SimpleNamespace
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest

import adjoint as ad
from tests.sampling import in_turn, marked

pytestmark = pytest.mark.unit

SIZE = 2
"""How many numbers a program takes; the derivative of order four has 2⁴ for each result."""
DIGITS = 80
STEP = mpmath.mpf(10) ** -14


class Both(NamedTuple):
    """A function from vectors of SIZE to vectors of `size`: by the library, and by `mpmath`."""

    size: int
    traced: Callable[[Any], Any]
    exact: Callable[[list[Any]], list[Any]]


# Random programs. `n` has the functions, of adjoint or of mpmath; x is a list of numbers.

UNARY = {
    "sin": lambda n, x: n.sin(x),
    "tanh": lambda n, x: n.tanh(x),
    "exp": lambda n, x: n.exp(-x * x),
    "log": lambda n, x: n.log(1.5 + n.cos(x)),
    "sqrt": lambda n, x: n.sqrt(x * x + 0.5),
    "ratio": lambda n, x: x / (1.0 + x * x),
    "power": lambda n, x: (x * x + 1.0) ** 1.25,
}
BINARY = {
    "multiply": lambda n, x, y: x * y,
    "add": lambda n, x, y: 0.5 * x + y,
    "turn": lambda n, x, y: n.cos(x - y),
}
LIBRARY = SimpleNamespace(
    **{name: getattr(ad, name) for name in ["sin", "cos", "tanh", "exp", "log", "sqrt"]}
)
EXACT = SimpleNamespace(
    **{name: getattr(mpmath, name) for name in ["sin", "cos", "tanh", "exp", "log", "sqrt"]}
)


def program(seed: str) -> Both:
    """A random smooth function of a vector, of about ten operations."""
    rng = random.Random(seed)
    steps = []
    for number in range(4):
        first, second = (rng.randrange(SIZE + number) for _ in range(2))
        steps.append((rng.choice(list(UNARY)), rng.choice(list(BINARY)), first, second))

    def run(n: Any, x: Sequence[Any]) -> list[Any]:
        found = list(x)
        for unary, binary, first, second in steps:
            found.append(BINARY[binary](n, UNARY[unary](n, found[first]), found[second]))
        return [found[-1], found[-2] * found[0] + found[1]]

    return Both(
        2,
        lambda x: ad.stack(run(LIBRARY, [x[i] for i in range(SIZE)])),
        lambda x: run(EXACT, x),
    )


# Transforms, and differences that say the same.

POINT = [0.7, -0.4]
ALONG = [0.6, 1.1]


def weights(size: int) -> list[float]:
    """Factors by which results are added up."""
    return [1.0 - 0.3 * k for k in range(size)]


def difference(f: Callable[[list[Any]], list[Any]], x: list[Any], v: Sequence[Any]) -> list[Any]:
    """The derivative of f at x along v."""
    ahead = f([a + STEP * b for a, b in zip(x, v, strict=True)])
    behind = f([a - STEP * b for a, b in zip(x, v, strict=True)])
    return [(p - q) / (2 * STEP) for p, q in zip(ahead, behind, strict=True)]


def columns(f: Callable[[list[Any]], list[Any]], x: list[Any]) -> list[list[Any]]:
    """The derivatives of all results by each element of x."""
    return [difference(f, x, [float(i == k) for i in range(SIZE)]) for k in range(SIZE)]


def weighted(f: Both) -> Both:
    """The weighted sum of the results, as a vector of one."""
    own = weights(f.size)
    return Both(
        1,
        lambda x: ad.sum(f.traced(x) * np.array(own)),
        lambda x: [sum(w * y for w, y in zip(own, f.exact(x), strict=True))],
    )


def flat(rows: Sequence[Sequence[Any]]) -> list[Any]:
    return [x for row in rows for x in row]


def transposed(f: Both, x: list[Any]) -> list[Any]:
    """The Jacobian, row by row."""
    return flat(list(zip(*columns(f.exact, x), strict=True)))


def gradient(f: Both) -> Both:
    total = weighted(f)
    return Both(SIZE, ad.grad(total.traced), lambda x: flat(columns(total.exact, x)))


def pullback(f: Both) -> Both:
    own = weights(f.size)
    return Both(
        SIZE,
        lambda x: ad.vjp(f.traced, x)[1](np.array(own))[0],
        lambda x: flat(columns(weighted(f).exact, x)),
    )


def pushforward(f: Both) -> Both:
    return Both(
        f.size,
        lambda x: ad.jvp(f.traced, (x,), (np.array(ALONG),))[1],
        lambda x: difference(f.exact, x, ALONG),
    )


def linearized(f: Both) -> Both:
    return Both(
        f.size,
        lambda x: ad.linearize(f.traced, x)[1](np.array(ALONG)),
        lambda x: difference(f.exact, x, ALONG),
    )


def jacobian_by(transform: Callable[..., Any]) -> Callable[[Both], Both]:
    def apply(f: Both) -> Both:
        return Both(
            SIZE * f.size,
            lambda x: ad.reshape(transform(f.traced)(x), (SIZE * f.size,)),
            lambda x: transposed(f, x),
        )

    return apply


def hessian(f: Both) -> Both:
    total = weighted(f)
    return Both(
        SIZE * SIZE,
        lambda x: ad.reshape(ad.hessian(total.traced)(x), (SIZE * SIZE,)),
        lambda x: flat(columns(lambda y: flat(columns(total.exact, y)), x)),
    )


def hessian_product(f: Both) -> Both:
    total = weighted(f)
    return Both(
        SIZE,
        lambda x: ad.hvp(total.traced, x, np.array(ALONG)),
        lambda x: difference(lambda y: flat(columns(total.exact, y)), x, ALONG),
    )


def mapped(f: Both) -> Both:
    """Of the vector, and of half of it."""
    return Both(
        2 * f.size,
        lambda x: ad.reshape(ad.vmap(f.traced)(ad.stack([x, 0.5 * x])), (2 * f.size,)),
        lambda x: f.exact(x) + f.exact([a / 2 for a in x]),
    )


def checkpointed(f: Both) -> Both:
    return Both(f.size, ad.checkpoint(f.traced), f.exact)


def compiled(f: Both) -> Both:
    return Both(f.size, ad.compile(f.traced), f.exact)


def scanned(f: Both) -> Both:
    """The sum over three vectors, which a loop adds up."""

    def run(x: Any) -> Any:
        def step(total: Any, row: Any) -> Any:
            return total + f.traced(row), None

        return ad.scan(step, np.zeros(f.size), ad.stack([x, 0.5 * x, 0.25 * x]))[0]

    def exact(x: list[Any]) -> list[Any]:
        rows = [f.exact([a * factor for a in x]) for factor in (1.0, 0.5, 0.25)]
        return [sum(terms) for terms in zip(*rows, strict=True)]

    return Both(f.size, run, exact)


def repeated(f: Both) -> Both:
    """A loop that ends by a condition: the sum over x, x/2, x/4 while the first is large."""

    def run(x: Any) -> Any:
        def step(state: Any) -> Any:
            total, y = state
            return total + f.traced(y), 0.5 * y

        return ad.while_loop(lambda state: state[1][0] > 0.3, step, (np.zeros(f.size), x))[0]

    def exact(x: list[Any]) -> list[Any]:
        total: list[Any] = [mpmath.mpf(0)] * f.size
        while x[0] > 0.3:
            total = [a + b for a, b in zip(total, f.exact(x), strict=True)]
            x = [a / 2 for a in x]
        return total

    return Both(f.size, run, exact)


def branched(f: Both) -> Both:
    """One branch at POINT, the other at a part of it."""

    def run(x: Any) -> Any:
        return ad.cond(x[0] > 0.5, f.traced, lambda x: 2.0 * f.traced(-x), x)

    def exact(x: list[Any]) -> list[Any]:
        return f.exact(x) if x[0] > 0.5 else [2 * y for y in f.exact([-a for a in x])]

    return Both(f.size, run, exact)


def coefficient(f: Both) -> Both:
    """The second coefficient of the Taylor series."""
    return Both(
        f.size,
        lambda x: ad.taylor(f.traced, (x,), (np.array(ALONG),), 2)[2],
        lambda x: [y / 2 for y in difference(lambda z: difference(f.exact, z, ALONG), x, ALONG)],
    )


TRANSFORMS: dict[str, Callable[[Both], Both]] = {
    "grad": gradient,
    "vjp": pullback,
    "jvp": pushforward,
    "linearize": linearized,
    "jacobian": jacobian_by(ad.jacobian),
    "jacfwd": jacobian_by(ad.jacfwd),
    "jacrev": jacobian_by(ad.jacrev),
    "hessian": hessian,
    "hvp": hessian_product,
    "taylor": coefficient,
    "vmap": mapped,
    "checkpoint": checkpointed,
    "scan": scanned,
    "while_loop": repeated,
    "cond": branched,
    "compile": compiled,
}


def compare(names: Sequence[str]) -> None:
    """Apply transforms from the last to the first to a random program, and compare at POINT."""
    f = program(" ".join(names))
    for name in reversed(names):
        f = TRANSFORMS[name](f)
    with mpmath.workdps(DIGITS):
        wanted = np.array([float(y) for y in f.exact(list(map(mpmath.mpf, POINT)))])
    x = np.array(POINT)
    for way in (f.traced, ad.compile(f.traced)):
        found = np.ravel(np.asarray(way(x)))
        np.testing.assert_allclose(found, wanted, rtol=1e-8, atol=1e-8 * np.max(np.abs(wanted)))


@pytest.mark.parametrize(("outer", "inner"), in_turn(TRANSFORMS, TRANSFORMS, times=6))
def test_one_transform_of_another(outer: str, inner: str) -> None:
    """Whatever transform is applied to whatever other, compiled or not, the result is right."""
    compare([outer, inner])


ORDER = {"hessian": 2, "hvp": 2, "taylor": 2} | dict.fromkeys(
    ("vmap", "checkpoint", "scan", "while_loop", "cond", "compile"), 0
)
"""How many times a transform differentiates, if not once."""


def triples(count: int) -> list[tuple[str, ...]]:
    """Some of the triples that differentiate at least once, and at most four times."""
    found = [
        names
        for names in product(TRANSFORMS, repeat=3)
        if 1 <= sum(ORDER.get(name, 1) for name in names) <= 4
    ]
    return random.Random(0).sample(found, count)


def each_of_loops_and_some() -> list[Any]:
    """Triples, of which those of loops and branches always run, which have rules for each order,
    and a third of the others."""
    rules = {"scan", "while_loop", "cond", "checkpoint"}
    return [marked(t, t[-1] in rules or n % 3 == 0) for n, t in enumerate(triples(60))]


@pytest.mark.parametrize(("outer", "inner", "innermost"), each_of_loops_and_some())
def test_one_transform_of_another_of_a_third(outer: str, inner: str, innermost: str) -> None:
    """So with three."""
    compare([outer, inner, innermost])


def test_the_oracle_is_not_trivial() -> None:
    """The Hessian of a Hessian has other numbers than zero, and the oracle notices a wrong one."""
    f = hessian(hessian(program("hessian hessian")))
    wanted = np.array([float(y) for y in f.exact(list(map(mpmath.mpf, POINT)))])
    assert np.min(np.abs(wanted)) > 1e-3
    other = gradient(program("another program"))
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(
            gradient(program("a program")).traced(np.array(POINT)),
            [float(y) for y in other.exact(POINT)],
        )
