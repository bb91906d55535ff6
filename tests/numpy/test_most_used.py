"""The functions of NumPy that programs call most, as these call them: by `np.f`, and by `ad.f`.

The oracle is NumPy: the value of the expression, and differences of its values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ConcretizationError
from tests.numpy.differences import near, points, slopes
from tests.numpy.most_used import MOST_USED, Use
from tests.sampling import marked

pytestmark = pytest.mark.unit

ROWS = [
    (use, way)
    for use in MOST_USED
    for way in ("np", "ad")
    if way == "np" or "numpy" not in use.flags
]
USES = {use.name: use for use in MOST_USED}
WEIGHTS = np.random.default_rng(7).uniform(0.5, 1.5, 200)


def by_name(row: tuple[Use, str]) -> str:
    return f"{row[1]}.{row[0].name}"


def is_turn(row: tuple[Use, str]) -> bool:
    """Whether it is this way's turn: of two ways to name a function, that of its place."""
    use, way = row
    return "numpy" in use.flags or way == ("np", "ad")[list(USES).index(use.name) % 2]


each_way = pytest.mark.parametrize(
    ("use", "way"), [marked(row, True, by_name(row)) for row in ROWS]
)
IN_TURN = [marked(row, is_turn(row), by_name(row)) for row in ROWS]
TWICE = [row for row in IN_TURN if "once" not in row.values[0].flags]
each_in_turn = pytest.mark.parametrize(("use", "way"), IN_TURN)
each_twice_in_turn = pytest.mark.parametrize(("use", "way"), TWICE)
"""The two ways to name a function lead to the same code: derivatives always run by one of them."""


def written(use: Use, library: Any) -> Callable[..., Any]:
    """A function as a user writes it, in which `np` is NumPy or adjoint."""
    names: dict[str, Any] = {"np": library, "__name__": "users_module"}
    exec(f"def f(x, y=None):\n    return {use.expression}\n", names)
    return names["f"]


def scalar(use: Use, way: str) -> Callable[..., Any]:
    """The same, with its results added up under weights, so that there is one gradient."""
    names: dict[str, Any] = {"np": np, "W": WEIGHTS, "__name__": "users_module"}
    names["f"] = written(use, ad if way == "ad" else np)
    exec(
        "def g(*given):\n"
        "    np.random.seed(11)\n"
        "    found = f(*given)\n"
        "    total = np.sum(found * W[: np.size(found)].reshape(np.shape(found)))\n"
        "    np.random.seed(11)\n"  # numbers that are drawn anew are no constants of the trace
        "    return total\n",
        names,
    )
    return names["g"]


def inputs(use: Use) -> list[Any]:
    return [np.asarray(points(shape, seed)) for seed, shape in enumerate(use.shapes)]


@cache
def gradients(name: str) -> list[Any]:
    """The gradient of the scalar function by each input, by differences of NumPy's values."""
    f, xs = scalar(USES[name], "np"), inputs(USES[name])
    return [slopes(lambda x, i=i: f(*xs[:i], x, *xs[i + 1 :]), given) for i, given in enumerate(xs)]


def directions(xs: list[Any]) -> list[Any]:
    rng = np.random.default_rng(3)
    return [np.asarray(rng.uniform(-1, 1, x.shape)) for x in xs]


def test_there_are_more_than_three_hundred():
    assert len({use.name for use in MOST_USED}) == len(MOST_USED) > 300


@each_way
def test_value(use, way):
    """Of tensors in plain code, and of what is differentiated."""
    xs = inputs(use)
    np.random.seed(11)
    expected = np.asarray(written(use, np)(*xs))
    np.random.seed(11)
    found = written(use, ad if way == "ad" else np)(*map(ad.asarray, xs))
    assert np.shape(found) == expected.shape
    near(np.asarray(found), expected, 1e-12)
    traced = ad.value_and_grad(scalar(use, way), tuple(range(len(xs))))(*xs)[0]
    near(np.asarray(traced), scalar(use, "np")(*xs), 1e-12)


@each_in_turn
def test_gradient_and_tangent(use, way):
    xs = inputs(use)
    expected = gradients(use.name)
    found = ad.grad(scalar(use, way), tuple(range(len(xs))))(*xs)
    for ours, theirs in zip(found, expected, strict=True):
        near(ours.numpy(), theirs, 2e-7)
    vs = directions(xs)
    along = ad.jvp(scalar(use, way), xs, vs)[1]
    near(along.numpy(), sum(np.sum(g * v) for g, v in zip(expected, vs, strict=True)), 2e-6)


@each_twice_in_turn
def test_second_order(use, way):
    xs = inputs(use)
    vs = directions(xs)

    def slope(*given: Any) -> Any:
        return ad.grad(scalar(use, way), tuple(range(len(xs))))(*given)

    found = ad.jvp(slope, xs, vs)[1]
    h = 1e-4
    after, before = (slope(*(x + s * h * v for x, v in zip(xs, vs, strict=True))) for s in (1, -1))
    for ours, a, b in zip(found, after, before, strict=True):
        near(ours.numpy(), (a.numpy() - b.numpy()) / (2 * h), 1e-5)


@each_in_turn
def test_mapped_over(use, way):
    xs = inputs(use)
    f, slope = scalar(use, way), ad.grad(scalar(use, way), tuple(range(len(xs))))
    pairs = [np.stack([x, 1.1 * x]) for x in xs]
    if "values" in use.flags:
        with pytest.raises(ConcretizationError, match="a value was asked for"):
            ad.vmap(f)(*pairs)
        return
    expected = [scalar(use, "np")(*(pair[k] for pair in pairs)) for k in range(2)]
    near(ad.vmap(f)(*pairs).numpy(), expected, 1e-9)
    for ours, theirs in zip(ad.vmap(slope)(*pairs), gradients(use.name), strict=True):
        near(ours.numpy()[0], theirs, 2e-7)


TOGETHER = 12
"""How many cases are compiled in one program, which takes less time than as many programs."""


def groups() -> list[Any]:
    found = []
    for turn in (True, False):
        rows = [r for r in ROWS if "values" not in r[0].flags and is_turn(r) == turn]
        groups = [rows[i : i + TOGETHER] for i in range(0, len(rows), TOGETHER)]
        found += [marked(group, turn, by_name(group[0])) for group in groups]
    return found


@pytest.mark.parametrize("rows", groups())
@pytest.mark.native
def test_compiled(rows):
    """The value and the gradient, in the first call and in one that the program answers."""
    points = [inputs(use) for use, _ in rows]
    pairs = [
        ad.value_and_grad(scalar(use, way), tuple(range(len(xs))))
        for (use, way), xs in zip(rows, points, strict=True)
    ]
    np.random.seed(11)
    compiled = ad.compile(lambda points: [f(*xs) for f, xs in zip(pairs, points, strict=True)])
    for _ in range(2):
        for (use, way), xs, (value, found) in zip(rows, points, compiled(points), strict=True):
            near(value.numpy(), scalar(use, "np")(*xs), 1e-11, by_name((use, way)))
            for ours, theirs in zip(found, gradients(use.name), strict=True):
                near(ours.numpy(), theirs, 2e-7, by_name((use, way)))


@pytest.mark.parametrize("use", [use for use in MOST_USED if "values" in use.flags])
@pytest.mark.parametrize("way", ["np", "ad"])
def test_a_compiled_function_says_that_values_decide(use, way):
    xs = inputs(use)
    if way == "np" or "numpy" not in use.flags:
        with pytest.raises(ConcretizationError, match="a value was asked for"):
            ad.compile(ad.value_and_grad(scalar(use, way), tuple(range(len(xs)))))(*xs)
