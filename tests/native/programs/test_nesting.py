"""Compiled functions inside transforms, transforms inside compiled functions; looking inside."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, ConcretizationError, UnknownNameError
from tests.native.running import assert_agrees, assert_close

pytestmark = pytest.mark.native

X = np.linspace(-1, 2, 7)
COLUMN = X.reshape(7, 1) * np.ones(3)


def f_of_vector(x: Any) -> Any:
    return ad.sum(ad.sin(x) * x**2) + ad.prod(ad.cos(x))


NESTED: dict[str, Any] = {
    "grad": (lambda f: ad.grad(f), X),
    "value_and_grad": (lambda f: ad.value_and_grad(f), X),
    "hessian": (lambda f: ad.hessian(f), X),
    "jacobian": (lambda f: ad.jacobian(lambda x: ad.stack([f(x), f(2 * x)])), X),
    "jvp": (lambda f: lambda x: ad.jvp(f, (x,), (np.ones(7),)), X),
    "vjp": (lambda f: lambda x: ad.vjp(f, x)[1](2.0), X),
    "hvp": (lambda f: lambda x: ad.hvp(f, x, np.arange(7.0)), X),
    "vmap": (lambda f: ad.vmap(f), COLUMN),
    "vmap of grad": (lambda f: ad.vmap(ad.grad(f)), COLUMN),
    "grad of grad": (lambda f: ad.grad(lambda x: ad.sum(ad.grad(f)(x) ** 2)), X),
    "jacfwd of jacrev": (lambda f: ad.jacfwd(ad.jacrev(f)), X),
}


@pytest.mark.parametrize("name", NESTED)
@pytest.mark.parametrize("where", ["outside", "inside", "both"])
def test_every_transform_inside_and_outside(name: str, where: str) -> None:
    transform, x = NESTED[name]
    inner = f_of_vector if where == "outside" else ad.compile(f_of_vector)
    outer = transform(inner) if where == "inside" else ad.compile(transform(inner))
    expected = transform(f_of_vector)(x)
    for _ in range(2):
        found = outer(x)
        pairs = (
            zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
        )
        for f, e in pairs:
            assert_close(f, e, 1e-11)


def test_a_compiled_function_inside_another_is_part_of_its_graph() -> None:
    inner = ad.compile(lambda x: ad.sin(x))
    outer = ad.compile(lambda x: inner(x) * inner(2 * x))
    assert_close(outer(X), np.sin(X) * np.sin(2 * X))
    assert outer.text("graph").count("sin(") == 2
    assert "no signature yet" in repr(inner)  # nobody looked at a value


def test_a_compiled_function_is_differentiated_by_what_it_closes_over() -> None:
    def f(x: Any) -> Any:
        g = ad.compile(lambda y: y * x)
        return ad.sum(g(X)) + g(x)

    assert_close(ad.grad(f)(2.0), np.sum(X) + 2 * 2.0)
    assert_close(ad.jvp(f, (2.0,), (1.0,))[1], np.sum(X) + 2 * 2.0)
    assert_close(ad.compile(ad.grad(f))(2.0), np.sum(X) + 2 * 2.0)
    assert_close(ad.grad(ad.compile(f))(2.0), np.sum(X) + 2 * 2.0)


def test_a_compiled_function_that_closes_over_a_variable_made_by_hand() -> None:
    x = ad.variable(2.0)
    g = ad.compile(lambda y: ad.sum(y * x))
    for _ in range(3):
        assert_close(ad.gradient(g(X), x), np.sum(X))


def test_a_function_that_wraps_a_compiled_one_is_not_taken_for_it() -> None:
    """What functools.wraps copies from a compiled function stays without effect."""
    inner = ad.compile(lambda x: ad.sum(x**2), static=())
    for _ in range(3):
        inner(X)
    outer = ad.compile(ad.grad(inner))
    assert_close(outer(X), 2 * X)
    assert_close(inner(X), np.sum(X**2))
    assert outer.text("graph") != inner.text("graph")


# refusals inside


@pytest.mark.parametrize(
    "look",
    [float, bool, int, ad.Tensor.__array__, lambda x: x.item(), lambda x: [1, 2, 3][x]],
    ids=["float", "bool", "int", "asarray", "item", "index"],
)
def test_every_way_of_looking_is_refused(look: Any) -> None:
    g = ad.compile(lambda x: look(x))
    for _ in range(2):
        with pytest.raises((ConcretizationError, TypeError)):
            g(np.array(1))


def test_after_a_failed_trace_everything_works() -> None:
    calls = []

    @ad.compile
    def f(x: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("the first time")
        return ad.sin(x)

    with pytest.raises(RuntimeError, match="the first time"):
        f(X)
    assert_close(f(X), np.sin(X))


def test_shapes_and_dtypes_may_be_looked_at() -> None:
    @ad.compile
    def f(x: Any) -> Any:
        return x / x.shape[0] if x.ndim == 1 and x.dtype == "float64" and len(x) > 3 else x

    assert_close(f(X), X / 7)


# the view inside


def test_the_text_of_each_stage() -> None:
    g = ad.compile(ad.grad(lambda x: ad.sum(ad.sin(x) * 1.0 * x)))
    g(X)
    assert "sin" in g.text("graph") and "multiply" in g.text("graph")
    assert len(g.text("passes").splitlines()) < len(g.text("graph").splitlines())
    assert "kernel" in g.text("schedule") and "after fusion" in g.text()
    assert "define" in g.text("llvm") and "double" in g.text("llvm")
    assert re.search(r"\bret", g.text("assembly"))


def test_a_stage_that_does_not_exist() -> None:
    g = ad.compile(lambda x: x)
    g(X)
    with pytest.raises(UnknownNameError, match="choose graph, passes, schedule, llvm or assembly"):
        g.text("ir")


def test_nothing_to_show_before_a_call() -> None:
    g = ad.compile(lambda x: x)
    for look in (g.report, g.text):
        with pytest.raises(ArgumentError, match="not called yet"):
            look()
    g.trace(X)
    assert g.report().compile_seconds is None
    assert "compiled in" not in str(g.report())


def test_closed_over_tensors_that_were_evaluated_are_constants() -> None:
    """They no longer know their inputs."""
    table = ad.reshape(ad.asarray(np.arange(4.0)) * 2, (2, 2))
    column = ad.sin(ad.asarray(np.arange(4.0)))
    variable = ad.variable(2.0)
    root = ad.sqrt(variable)
    slope = ad.gradient(root, variable)
    for tensor in (table, column, root, slope):
        tensor.numpy()
    assert_agrees(lambda x: x + table, np.ones((2, 2)))
    assert_agrees(lambda x: x * column[0] + ad.reshape(column, (2, 2)), np.ones((2, 2)))
    assert_agrees(lambda x: (x * variable, x - root, x / slope)[1], np.ones(3))
    assert_agrees(lambda x: x * variable * slope, np.ones(3))
