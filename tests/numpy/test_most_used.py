"""The functions of NumPy that programs call most, as these call them: by `np.f`, and by `ad.f`.

The oracle is NumPy: the value of the expression, and differences of its values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ConcretizationError
from tests.numpy.differences import near, points, slopes
from tests.numpy.most_used import MOST_USED, Use

pytestmark = pytest.mark.unit

ROWS = [
    pytest.param(use, way, id=f"{way}.{use.name}")
    for use in MOST_USED
    for way in ("np", "ad")
    if way == "np" or "numpy" not in use.flags
]
WEIGHTS = np.random.default_rng(7).uniform(0.5, 1.5, 200)

TWICE = [row for row in ROWS if "once" not in row.values[0].flags]

each_way = pytest.mark.parametrize(("use", "way"), ROWS)


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
        "    return np.sum(found * W[: np.size(found)].reshape(np.shape(found)))\n",
        names,
    )
    return names["g"]


def inputs(use: Use) -> list[Any]:
    return [np.asarray(points(shape, seed)) for seed, shape in enumerate(use.shapes)]


def gradients(use: Use, xs: list[Any]) -> list[Any]:
    """The gradient of the scalar function by each input, by differences of NumPy's values."""
    f = scalar(use, "np")
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


@each_way
def test_gradient_and_tangent(use, way):
    xs = inputs(use)
    expected = gradients(use, xs)
    found = ad.grad(scalar(use, way), tuple(range(len(xs))))(*xs)
    for ours, theirs in zip(found, expected, strict=True):
        near(ours.numpy(), theirs, 2e-7)
    vs = directions(xs)
    along = ad.jvp(scalar(use, way), xs, vs)[1]
    near(along.numpy(), sum(np.sum(g * v) for g, v in zip(expected, vs, strict=True)), 2e-6)


@pytest.mark.parametrize(("use", "way"), TWICE)
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


@each_way
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
    for ours, theirs in zip(ad.vmap(slope)(*pairs), gradients(use, xs), strict=True):
        near(ours.numpy()[0], theirs, 2e-7)


@each_way
@pytest.mark.native
def test_compiled(use, way):
    """The value and the gradient, in the first call and in one that the program answers."""
    xs = inputs(use)
    compiled = ad.compile(ad.value_and_grad(scalar(use, way), tuple(range(len(xs)))))
    if "values" in use.flags:
        with pytest.raises(ConcretizationError, match="a value was asked for"):
            compiled(*xs)
        return
    expected = gradients(use, xs)
    for _ in range(2):
        value, found = compiled(*xs)
        near(value.numpy(), scalar(use, "np")(*xs), 1e-11)
        for ours, theirs in zip(found, expected, strict=True):
            near(ours.numpy(), theirs, 2e-7)
