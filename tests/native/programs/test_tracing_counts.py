"""What tracing costs, counted in calls of functions: 1.1 times what they were when written."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api import size_plans
from adjoint.errors import GraphError
from adjoint.graph import order
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from tests.counting import assert_linear, calls

pytestmark = pytest.mark.native

RNG = np.random.default_rng(0)
WEIGHTS = tuple(RNG.normal(size=s).astype(np.float32) for s in ((8, 16), (16,), (16, 4), (4,)))
ROWS, TARGETS = (RNG.normal(size=(60, n)).astype(np.float32) for n in (8, 4))


def loss(p: Any, x: Any, target: Any) -> Any:
    hidden = ad.maximum(x @ p[0] + p[1], 0.0)
    scores = ad.log_softmax(hidden @ p[2] + p[3], axis=-1)
    return -ad.sum(target * scores) / x.shape[0]


def step(p: Any, x: Any, target: Any) -> Any:
    value, gradient = ad.value_and_grad(loss)(p, x, target)
    return value, tuple(a - 0.01 * g for a, g in zip(p, gradient, strict=True))


def rosenbrock(x: Any) -> Any:
    return ad.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def chain(x: Any) -> Any:
    y = x
    for i in range(60):
        y = ad.sin(y) * x + (i % 7) * 0.5
    return y


@pytest.mark.parametrize(
    ("f", "args", "most"),
    [
        (step, (WEIGHTS, ROWS, TARGETS), 1910),
        (ad.grad(rosenbrock), (np.linspace(0.0, 1.0, 30),), 1220),
        (chain, (0.3,), 4200),
    ],
)
def test_tracing_calls_few_functions(f: Any, args: Any, most: int) -> None:
    ad.compile(f).trace(*args)  # what is remembered for good
    assert calls(lambda: ad.compile(f).trace(*args)) < most


def test_another_size_calls_few_functions(
    monkeypatch: pytest.MonkeyPatch, cache_folder: Path
) -> None:
    """One that is answered from a plan, from the call to the numbers."""
    monkeypatch.setattr(size_plans, "FIRST", 0)
    f = ad.compile(ad.value_and_grad(loss))
    for rows in (41, 43, 45, 47, 49):
        f(WEIGHTS, ROWS[:rows], TARGETS[:rows])
    count = calls(partial(f, WEIGHTS, ROWS[:51], TARGETS[:51]))
    assert f.trace(WEIGHTS, ROWS[:51], TARGETS[:51]).filled is not None
    assert count < 3180


def read_often(n: int) -> Any:
    """The schedule of a gradient for which one number is read so many times."""

    def f(x: Any) -> Any:
        total = ad.sum(x)
        return sum(ad.sin(total * (1.0 + 0.1 * (i * i % 7))) for i in range(n))

    return scheduled(ad.grad(f), np.ones(3))


def many_inputs(n: int) -> Any:
    """The schedule of a gradient by so many numbers."""

    def f(*xs: Any) -> Any:
        return sum(x * x * (0.5 + 0.1 * (i * i % 11)) for i, x in enumerate(xs))

    return scheduled(ad.grad(f, argnums=tuple(range(n))), *[0.5] * n)


def many_outputs(n: int) -> Any:
    """The schedule of so many results."""
    return scheduled(lambda x: [ad.sum(x * (i * i % 13)) + i for i in range(n)], np.ones(3))


def many_products(n: int) -> Any:
    """The schedule of the gradient of a sum of so many products of elements."""

    def f(x: Any) -> Any:
        return sum(x[i * i % 7] * x[i % 5] for i in range(n))

    return scheduled(ad.grad(f), np.ones(7))


def scheduled(f: Any, *args: Any) -> Any:
    with ad.options(roll_loops=False):
        return ad.compile(f).trace(*args).schedule


@pytest.mark.parametrize("graph", [read_often, many_inputs, many_outputs, many_products])
def test_wide_graphs_take_linear_work(graph: Any) -> None:
    assert_linear(graph, 50)


def test_an_order_is_that_of_a_depth_first_search() -> None:
    a, b = ad.variable(1.0), ad.variable(2.0)
    c = a * b
    d, e = ad.sin(c), ad.cos(c)
    f = d + e * c
    wanted = [x.node for x in (a, b, c, d, e)]
    assert [n for n in topological_order((f.node,)) if n in wanted] == wanted
    assert topological_order((e.node, d.node, e.node)) == [x.node for x in (a, b, c, e, d)]


@pytest.mark.parametrize("length", [1, 3, order.FIRST_CHECK, 3 * order.FIRST_CHECK])
def test_a_cycle_is_found_however_long_it_is(length: int) -> None:
    x = ad.variable(1.0)
    made = [x]
    for _ in range(length):
        made.append(ad.sin(made[-1]))
    nodes: list[Node] = [t.node for t in made[1:]]
    top = ad.sin(ad.cos(made[-1])).node
    nodes[0].inputs = (nodes[-1],)
    try:
        with pytest.raises(GraphError, match=f"cycle of {length} nodes"):
            topological_order((top,))
    finally:
        nodes[0].inputs = ()
