"""Checking a student's answer: what is right passes, and each usual slip is named."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def told():
    """The lecture's first example."""
    return ad.explain(lambda x1, x2: ad.log(x1) + x1 * x2 - ad.sin(x2), 2.0, 5.0)


def test_right_answers_pass_in_every_form(told):
    whole = {7: 1, 6: 1, 5: -1, 4: 1, 3: 1, 2: 1.716, 1: 5.5}
    for answer in ([5.5, 1.716], (5.5, 2 - math.cos(5)), np.array([5.5, 1.716]), told.gradient):
        assert told.check(answer), answer
    assert told.check(whole)
    assert told.check({"x1": 5.5, "v5": -1.0, np.int64(4): 1})
    assert str(told.check(whole)) == "right: 7 adjoints"


@pytest.mark.parametrize(
    ("answer", "node", "slip"),
    [
        ([-5.5, 1.716], 1, "The sign is the other one"),
        ([5.0, 1.716], 1, "A path is forgotten: v̄1→3 must be added"),
        ([5.5, -0.284], 2, "A path is forgotten: v̄2→4 must be added"),
        ({5: 1}, 5, "The sign is the other one"),
        ([6.0, 1.716], 1, "v̄1→3 is counted twice"),
        ([6.0, 1.0], 2, "A factor is missing: multiply v̄5 by ∂v5/∂v2"),
        ([5.5, 2 + math.cos(5)], 2, "v̄2→5 has the other sign"),
        ([2.5, 1.716], 1, "Partial adjoints are added, not multiplied"),
        ({4: 10}, 4, "That is the value of the node, not its adjoint"),
        ([11.0, 1.716], 1, "It is 2 times what it should be"),
        ([1.716, 5.5], 2, "That is v̄1, the derivative by another input"),
        ([5.5, 2 + 5.0], 2, ""),
        ([5.5, 0.0], 2, ""),
    ],
)
def test_the_slip_is_named(told, answer, node, slip):
    verdict = told.check(answer)
    assert not verdict
    assert verdict.node == node
    assert verdict.slip.rstrip(".") == slip


def test_the_first_node_that_reverse_mode_visits_is_named(told):
    verdict = told.check({1: 0.0, 2: 0.0, 5: 2.0})
    assert verdict.node == 5
    assert verdict.expected == -1
    assert verdict.partials == ("v̄5→7 = -v̄7 = -1",)


def test_an_adjoint_of_the_sender_that_was_forgotten_is_named():
    told = ad.explain(lambda x: 3.0 * ad.sin(x), 1.0)
    assert told.check(math.cos(1.0)).slip.startswith("A factor is missing: multiply ∂v2/∂v1 by v̄2")
    assert told.check([3.0]).slip.startswith("A factor is missing: multiply v̄2 by ∂v2/∂v1")


def test_matrices_turned_round_are_noticed():
    rng = np.random.default_rng(3)
    w, x = rng.normal(size=(3, 2)), rng.normal(size=(4, 3))
    told = ad.explain(lambda w, x: ad.sum(ad.tanh(x @ w)), w, x)
    by_w, by_x = (np.asarray(g) for g in told.gradient)
    assert told.check([by_w, by_x])
    assert "transposed" in told.check([by_w.T, by_x]).slip
    assert (
        "has the shape of its node, (3, 2); this one has (3,)"
        in told.check([by_w[:, 0], by_x]).slip
    )
    square = rng.normal(size=(3, 3))
    told = ad.explain(lambda w, x: ad.sum((x @ w) ** 2), square, rng.normal(size=(3, 3)))
    slope = 2 * np.asarray(told.trace.value(told.trace.inputs[1])) @ square
    wrong = slope @ square  # without the transpose of the other factor
    assert told.check({"x": wrong}).slip == "A product is transposed: v̄2→3 = v̄3 @ v1ᵀ."


def test_of_a_network_the_element_and_the_slip_are_named():
    rng = np.random.default_rng(0)
    w1, w2, x, y = (rng.normal(size=s) for s in [(3, 4), (4, 2), (5, 3), (5, 2)])
    told = ad.explain(lambda w1, w2, x, y: ad.mean((ad.tanh(x @ w1) @ w2 - y) ** 2), w1, w2, x, y)
    right = [np.asarray(g) for g in told.gradient]
    error = (np.tanh(x @ w1) @ w2 - y) / 5
    straight = told.check({"w1": x.T @ (error @ w2.T)})
    assert straight.slip == "A factor is missing: v̄5 is v̄6 times ∂v6/∂v5."
    first, given = right[0][0, 0], (x.T @ (error @ w2.T))[0, 0]
    assert f"its element [0, 0] is {first:.4f}, not {given:.4f}" in straight.message
    assert told.check({"y": 10 * right[3]}).slip == "It is 10 times what it should be."
    changed = right[1].copy()
    changed[2, 1] += 1.0
    verdict = told.check({"w2": changed})
    assert "its element [2, 1] is" in verdict.message and verdict.slip == ""


def test_what_is_no_answer_is_refused(told):
    for answer, message in [
        ([1.0], "1 derivatives were given for 2 inputs"),
        ({}, "the answer is empty"),
        ({"z": 1.0}, "there is no node 'z'; nodes are 1 to 7"),
        ({8: 1.0}, "there is no node 8"),
        ({True: 1.0}, "there is no node True"),
        ({"x1": "much"}, "must be a number or an array, got 'much'"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            told.check(answer)
    assert not told.check([math.nan, 1.716])
    assert not told.check([math.inf, 1.716])


def test_exactly_the_topological_orders_are_accepted():
    told = ad.explain(lambda a, b: ad.sin(a) * b + a, 1.0, 2.0)
    count = len(told.trace.entries)
    needs = {1: (), 2: (), 3: (1,), 4: (3, 2), 5: (4, 1)}
    assert count == 5
    for order in permutations(range(1, 6)):
        valid = all(order.index(k) < order.index(n) for n in needs for k in needs[n])
        assert bool(told.check_order(order)) is valid, order


def test_a_wrong_order_is_explained_by_the_edge_it_breaks(told):
    verdict = told.check_order(["x1", "x2", "v6", "v3", 4, 5, 7])
    assert verdict.node == 6
    assert "the edge from v3 to v6 points backwards" in str(verdict)
    assert str(told.check_order([1, 2, 3])) == "v4 is missing"
    assert "twice" in str(told.check_order([1, 1, 2, 3, 4, 5, 6, 7]))
    for order in ("1234567", 7, {1: 2}):
        with pytest.raises(ArgumentError, match="give a list of nodes"):
            told.check_order(order)
