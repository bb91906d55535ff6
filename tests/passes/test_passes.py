"""The passes: what they make of small graphs, and that no number changes."""

from __future__ import annotations

from functools import cache
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.leaf import constant_node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.graph.text import graph_text
from adjoint.graph.verify import verify
from adjoint.ops.indexing.slicing import put_into_zeros
from adjoint.passes.common_subexpressions import eliminate_common_subexpressions
from adjoint.passes.constant_folding import fold_constants
from adjoint.passes.decompose import decompose
from adjoint.passes.pipeline import PIPELINE, optimise
from adjoint.passes.simplify import simplify
from adjoint.passes.stabilise import stabilise
from tests.counting import assert_linear
from tests.native.fuzzing.random_programs import as_given, program
from tests.passes.graphs import Pass, assert_identical, graph_of, text_after, values_of

pytestmark = pytest.mark.unit

V = (3,)
M = (2, 3)
IDS = [run.__name__ for run in PIPELINE]


def golden(run: Pass, f: Any, *kinds: Any, is_now: str) -> None:
    assert text_after(run, f, *kinds) == dedent(is_now).strip()


# golden text


def test_an_overflowing_composition_takes_its_stable_form() -> None:
    """The logarithm of a sigmoid by hand beside the sigmoid itself, and a logsumexp."""

    def f(x: Any) -> Any:
        s = 1.0 / (1.0 + ad.exp(-x))
        return s, ad.log(s), ad.log(ad.sum(ad.exp(x)))

    golden(
        stabilise, f, V,
        is_now="""
        x : float64[3] = variable
        v2 : float64[3] = expit(x)
        v3 : float64[3] = negative(x)
        v4 : float64[3] = softplus(v3)
        v5 : float64[3] = negative(v4)
        v6 : float64[] = logsumexp(x, axes=(0,))
        return v2, v5, v6
        """,
    )  # fmt: skip


def test_a_sum_takes_its_largest_exponent_out() -> None:
    golden(
        stabilise, lambda x: 1.0 / ad.sum(ad.exp(x)), V,
        is_now="""
        x : float64[3] = variable
        v2 : float64[3] = stop_gradient(x)
        v3 : float64[] = max(v2, axes=(0,))
        v4 : float64[1] = reshape(v3, shape=(1,))
        v5 : float64[1] = excess(v4)
        v6 : float64[3] = subtract(x, v5)
        v7 : float64[3] = exp_within(v6)
        v8 : float64[] = sum(v7, axes=(0,))
        v9 : float64[] = reciprocal(v8)
        v10 : float64[] = reshape(v5, shape=())
        v11 : float64[] = negative(v10)
        v12 : float64[] = exp_within(v11)
        v13 : float64[] = multiply(v9, v12)
        return v13
        """,
    )  # fmt: skip


def test_sums_and_differences_of_negatives() -> None:
    """a + (-b) - (-c) - 0"""
    golden(
        simplify,
        lambda a, b, c: a + (-b) - (-c) - 0.0,
        V, V, V,
        is_now="""
        x : float64[3] = variable
        y : float64[3] = variable
        v3 : float64[3] = subtract(x, y)
        z : float64[3] = variable
        v5 : float64[3] = add(v3, z)
        return v5
        """,
    )  # fmt: skip


def test_products_with_one() -> None:
    """1 x · (-1) and (-x) (-y) / 1"""
    golden(
        simplify,
        lambda a, b: (1.0 * a * -1.0, (-a) * (-b) / 1.0),
        V, V,
        is_now="""
        x : float64[3] = variable
        v2 : float64[3] = negative(x)
        y : float64[3] = variable
        v4 : float64[3] = multiply(x, y)
        return v2, v4
        """,
    )  # fmt: skip


def test_a_product_with_one_still_broadcasts() -> None:
    golden(
        simplify,
        lambda a: ad.ones((2, 1)) * ad.sum(a) - ad.zeros((1,)) + a,
        V,
        is_now="""
        v1 : float64[2,1] = constant [[1.],
         [1.]]
        x : float64[3] = variable
        v3 : float64[] = sum(x, axes=(0,))
        v4 : float64[2,1] = multiply(v1, v3)
        v5 : float64[2,3] = add(v4, x)
        return v5
        """,
    )


def test_quotients_by_powers_of_two_are_products() -> None:
    """x / 8, and not x / 10."""
    golden(
        simplify,
        lambda a: (a / 8.0, a / 10.0),
        V,
        is_now="""
        x : float64[3] = variable
        v2 : float64[] = constant 0.125
        v3 : float64[3] = multiply(x, v2)
        v4 : float64[] = constant 10.
        v5 : float64[3] = divide(x, v4)
        return v3, v5
        """,
    )


def test_compositions_of_movements_become_one_or_none() -> None:
    def f(a: Any) -> Any:
        back = ad.permute_dims(ad.permute_dims(a, (1, 0)), (1, 0))
        flat = ad.reshape(ad.reshape(a, (3, 2)), (6,))
        wide = ad.broadcast_to(ad.broadcast_to(a[0], (1, 3)), (4, 3))
        return back, flat, wide, ad.reshape(ad.reshape(a, (6,)), (2, 3))

    golden(
        simplify,
        f,
        M,
        is_now="""
        x : float64[2,3] = variable
        v2 : float64[6] = reshape(x, shape=(6,))
        v3 : float64[3] = slice(x, starts=(0, 0), steps=(1, 1), sizes=(1, 3), shape=(3,))
        v4 : float64[4,3] = broadcast_to(v3, shape=(4, 3))
        return x, v2, v4, x
        """,
    )


def test_a_slice_of_an_unslice_is_its_input() -> None:
    def f(a: Any) -> Any:
        wide = put_into_zeros(Tensor(a.node), (1,), (1,), (3,), (5,))
        return wide[1:4], wide[1:3]

    golden(
        simplify,
        f,
        V,
        is_now="""
        x : float64[3] = variable
        v2 : float64[5] = unslice(x, starts=(1,), steps=(1,), sizes=(3,), shape=(5,))
        v3 : float64[2] = slice(v2, starts=(1,), steps=(1,), sizes=(2,), shape=(2,))
        return x, v3
        """,
    )


def test_choices_without_effect_are_simplified() -> None:
    """where(c, x, x), where(not c, x, y)"""
    golden(
        simplify,
        lambda c, a, b: (ad.where(c, a, a), ad.where(ad.logical_not(c), a, b)),
        ((3,), "bool"), V, V,
        is_now="""
        y : float64[3] = variable
        x : bool[3] = variable
        z : float64[3] = variable
        v4 : float64[3] = where(x, z, y)
        return y, v4
        """,
    )  # fmt: skip


def test_identities_that_fail_for_some_number_are_not_applied() -> None:
    """x + 0 (of -0), 0 x (of ∞ and nan), x - x (of ∞), x / x (of 0)"""
    stays = lambda a: (a + 0.0, 0.0 * a, a - a, a / a, a - (-0.0), ad.negative(a - a))
    before = text_after(lambda outputs, inputs: list(outputs), stays, V)
    assert text_after(simplify, stays, V) == before


def test_constants_are_computed() -> None:
    """2 · 3 + sin 0, but not what would take more memory than it saves."""
    golden(
        fold_constants,
        lambda a: a * (ad.asarray(2.0) * 3.0 + ad.sin(ad.zeros(()))),
        V,
        is_now="""
        x : float64[3] = variable
        v2 : float64[] = constant 6.
        v3 : float64[3] = multiply(x, v2)
        return v3
        """,
    )
    large = text_after(
        fold_constants, lambda a: a * ad.arange(2000.0)[:, None] * ad.ones((1, 2)), (2000, 2)
    )
    assert "…" in large
    outer = text_after(
        fold_constants, lambda a: a + ad.arange(100.0)[:, None] * np.arange(100.0)[None], (100, 100)
    )
    assert "multiply" in outer


def test_a_number_repeated_stays_one_number() -> None:
    """However it is moved, and whatever it becomes."""

    def f(a: Any) -> Any:
        ones = ad.broadcast_to(ad.asarray(1.0), (2, 400))
        return a * ad.reshape(-ones[:, 3:6] * 2.0, (3, 2)).T

    golden(
        fold_constants,
        f,
        M,
        is_now="""
        x : float64[2,3] = variable
        v2 : float64[] = constant -2.
        v3 : float64[2,3] = broadcast_to(v2, shape=(2, 3))
        v4 : float64[2,3] = multiply(x, v3)
        return v4
        """,
    )


def test_an_array_of_one_number_is_that_number() -> None:
    """To the last bit; arrays of two, such as 0 and -0, stay, and so do indices."""
    golden(
        fold_constants,
        lambda a: a * np.full(1000, -0.0) / np.full((2, 1000), np.nan),
        (2, 1000),
        is_now="""
        x : float64[2,1000] = variable
        v2 : float64[] = constant -0.
        v3 : float64[1000] = broadcast_to(v2, shape=(1000,))
        v4 : float64[2,1000] = multiply(x, v3)
        v5 : float64[] = constant nan
        v6 : float64[2,1000] = broadcast_to(v5, shape=(2, 1000))
        v7 : float64[2,1000] = divide(v4, v6)
        return v7
        """,
    )
    zeros = np.zeros(1000)
    zeros[500] = -0.0
    for f in (lambda a: a * zeros, lambda a: a[np.zeros(1000, int)]):
        assert "broadcast_to" not in text_after(fold_constants, f, (1000,))


def test_equal_nodes_are_one() -> None:
    golden(
        eliminate_common_subexpressions,
        lambda a: ad.sin(a * 2.0) + ad.sin(a * 2.0),
        V,
        is_now="""
        x : float64[3] = variable
        v2 : float64[] = constant 2.
        v3 : float64[3] = multiply(x, v2)
        v4 : float64[3] = sin(v3)
        v5 : float64[3] = add(v4, v4)
        return v5
        """,
    )


def test_nodes_that_only_look_equal_stay_two() -> None:
    """0 and -0, 1 and 1.0 and True, the sums over two axes, nan with nan is one."""
    text = text_after(
        eliminate_common_subexpressions,
        lambda a: (
            ad.copysign(a, 0.0) + ad.copysign(a, -0.0),
            ad.sum(a, 0)[:2] + ad.sum(a, 1),
            a + np.nan,
            a * np.nan,
        ),
        M,
    )
    assert text.count("copysign") == 2 and text.count("sum(") == 2
    assert text.count("constant nan") == 1 and text.count("constant -0.") == 1
    whole = text_after(
        eliminate_common_subexpressions,
        lambda i, b: (i * 1, ad.logical_and(b, True)),
        ((3,), "int64"),
        ((3,), "bool"),
    )
    assert whole.count("constant") == 2


def test_large_constants_are_one_if_all_their_bits_are_equal() -> None:
    """Equal ones, one that differs where no sample is taken, -0 for 0, and nan for nan."""
    table = np.zeros((40, 50))
    changed, signed = table.copy(), table.copy()
    changed[0, 1], signed[39, 0] = 1.0, -0.0
    nans = np.full((40, 50), np.nan)

    def held(*values: Any) -> int:
        return text_after(
            eliminate_common_subexpressions,
            lambda a: [a + np.array(value) for value in values],
            (40, 50),
        ).count("constant")

    assert held(table, table) == held(nans, nans) == held(table, np.zeros((40, 50))) == 1
    assert held(table, changed, signed, changed) == 3
    assert held(table, table.astype(np.float32)) == 2


def test_softmax_is_made_of_pieces() -> None:
    text = text_after(decompose, lambda a: ad.softmax(a, axis=1), M)
    assert "softmax" not in text
    assert [text.count(word) for word in ("= max(", "= exp(", "= sum(", "= divide(")] == [1] * 4
    assert "logsumexp" not in text_after(decompose, lambda a: ad.logsumexp(a, axis=0), M)
    assert "log_softmax" not in text_after(decompose, lambda a: ad.log_softmax(a, axis=0), M)


def test_softmax_over_an_empty_axis_is_not_decomposed() -> None:
    assert "softmax" in text_after(decompose, lambda a: ad.softmax(a, axis=1), (2, 0))


def test_the_gradient_of_the_lecture() -> None:
    """∂/∂x₁, ∂/∂x₂ of log x₁ + x₁ x₂ - sin x₂, before and after all passes."""

    def f(a: Any, b: Any) -> Any:
        return ad.grad(lambda a, b: ad.log(a) + a * b - ad.sin(b), (0, 1))(a, b)

    golden(
        optimise,
        f,
        (), (),
        is_now="""
        y : float64[] = variable
        x : float64[] = variable
        v3 : float64[] = log_slope(x)
        v4 : float64[] = add(y, v3)
        v5 : float64[] = cos(y)
        v6 : float64[] = subtract(x, v5)
        return v4, v6
        """,
    )  # fmt: skip


# no number changes


@pytest.mark.parametrize("seed", range(50_000, 50_120))
def test_each_pass_keeps_every_bit_of_random_programs(seed: int) -> None:
    """But expansion, which computes softmax and its like by other formulas."""
    p = program(seed)
    traced = ad.compile(p).trace(*p.inputs)
    leaves = [np.asarray(as_given(x).numpy()) for x in p.inputs]
    given = dict(zip(traced.inputs, leaves, strict=True))
    nodes = list(traced.outputs)
    expected = values_of(nodes, given)
    for run in PIPELINE:
        nodes = run(nodes, traced.inputs)
        verify(nodes)
        found = values_of(nodes, given)
        if run is decompose:
            for f, e in zip(found, expected, strict=True):
                tolerance = 1e-3 if e.dtype == np.float32 else 1e-9
                size = float(np.max(np.abs(e[np.isfinite(e)]), initial=0)) if e.size else 0.0
                np.testing.assert_allclose(f, e, tolerance, tolerance * size, strict=True)
            expected = found
        for f, e in zip(found, expected, strict=True):
            assert_identical(f, e, run.__name__)


@pytest.mark.parametrize("run", PIPELINE, ids=IDS)
def test_a_second_run_changes_nothing(run: Pass) -> None:
    for seed in range(51_000, 51_020):
        p = program(seed)
        traced = ad.compile(p).trace(*p.inputs)
        once = run(traced.outputs, traced.inputs)
        assert graph_text(run(once, traced.inputs)) == graph_text(once)


@pytest.mark.parametrize("run", [*PIPELINE, optimise], ids=[*IDS, "all"])
def test_inputs_and_outputs_stay_in_place(run: Pass) -> None:
    """An output that is an input, one that comes twice, one that is a constant, and none."""
    inputs, outputs = graph_of(lambda a, b: (a, ad.sin(b), ad.sin(b), a, ad.ones(2)), V, V)
    found = run(outputs, inputs)
    assert len(found) == 5 and found[0] is inputs[0] is found[3]
    assert found[4].op.name in ("constant", "broadcast_to")
    assert run([], inputs) == []


@cache
def chain(length: int) -> Any:
    """The inputs and outputs of so many nodes one after the other."""
    two = Tensor(constant_node(np.array(2.0), (), np.dtype(float)))

    def f(x: Any) -> Any:
        y = x
        for _ in range(length // 4):
            y = ad.sin(y * two) - (-x)
        return y

    return graph_of(f, V)


@pytest.mark.parametrize("run", [*PIPELINE, optimise], ids=[*IDS, "all"])
def test_work_is_linear_in_the_graph(run: Pass) -> None:
    """Four times as many nodes take four times as many calls; a hundred thousand can be done."""
    graphs = {length: chain(length) for length in (1_000, 4_000)}
    for length, (_, outputs) in graphs.items():
        assert len(topological_order(outputs)) >= length - 2
    assert_linear(lambda length: run(*reversed(graphs[length])), 1_000)
    if run is optimise:  # which runs each of the others
        run(*reversed(chain(100_000)))
