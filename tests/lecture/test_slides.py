"""The lecture's slides on automatic differentiation, one test each, with the slides' numbers.

The function is y = ln(x1) + x1 x2 - sin(x2) at (2, 5), and f = (exp(v1) + 1) exp(v1) where the
graph is extended.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import GraphError
from adjoint.explanation.expression import parse
from adjoint.graph.node import Node

pytestmark = pytest.mark.unit


def rounded(x):
    return round(float(x), 3) + 0.0


@pytest.fixture
def slide():
    """The graph of the slides: v1 … v7 by their numbers."""
    v1, v2 = ad.variable(2.0, name="x1"), ad.variable(5.0, name="x2")
    v3 = ad.log(v1)
    v4 = v1 * v2
    v5 = ad.sin(v2)
    v6 = v3 + v4
    v7 = v6 - v5
    return {1: v1, 2: v2, 3: v3, 4: v4, 5: v5, 6: v6, 7: v7}


@pytest.fixture(scope="module")
def told():
    """What explain says of the slides' function."""
    f = parse("log(x1) + x1*x2 - sin(x2)")
    return ad.explain(f, 2.0, 5.0, names=f.names)


@pytest.fixture(scope="module")
def lines(told):
    """The lines of the explanation, without the spaces that align them."""
    return [" ".join(line.split()) for line in told.text().splitlines()]


def test_slide_computational_graph_forward_evaluation_trace(slide, lines):
    values = [rounded(slide[i]) for i in range(1, 8)]
    assert values == [2, 5, 0.693, 10, -0.959, 10.693, 11.652]
    start = lines.index("v1 = x1 = 2")
    assert lines[start : start + 8] == [
        "v1 = x1 = 2",
        "v2 = x2 = 5",
        "v3 = ln v1 = 0.693",
        "v4 = v1 v2 = 10",
        "v5 = sin v2 = -0.959",
        "v6 = v3 + v4 = 10.693",
        "v7 = v6 - v5 = 11.652",
        "y = v7 = 11.652",
    ]


def test_slide_computational_graph_any_topological_order_is_valid(slide):
    order = ad.topological_order(slide[7])
    assert ad.is_topological_order(order)
    assert ad.is_topological_order([slide[i] for i in range(1, 8)])
    assert not ad.is_topological_order([slide[i] for i in (1, 2, 6, 3, 4, 5, 7)])


def test_slide_computational_graph_a_cycle_is_an_error(slide):
    product = slide[4].node
    loop = Node(product.op, (slide[7].node, slide[2].node), (), (), product.dtype)
    log = slide[3].node
    log.inputs = (loop,)
    with pytest.raises(GraphError, match="cycle of 4 nodes"):
        ad.topological_order(slide[7])


def test_slide_forward_mode_trace(lines):
    start = lines.index("v̇3 = v̇1 / v1 = 1 / 2 = 0.5")
    assert lines[start - 2 : start + 6] == [
        "v̇1 = 1",
        "v̇2 = 0",
        "v̇3 = v̇1 / v1 = 1 / 2 = 0.5",
        "v̇4 = v̇1 v2 + v̇2 v1 = 1 × 5 + 0 × 2 = 5",
        "v̇5 = v̇2 cos v2 = 0 × cos 5 = 0",
        "v̇6 = v̇3 + v̇4 = 0.5 + 5 = 5.5",
        "v̇7 = v̇6 - v̇5 = 5.5 - 0 = 5.5",
        "ẏ = v̇7 = 5.5",
    ]


def test_slide_forward_mode_needs_a_pass_for_each_input(lines):
    assert "ẏ = v̇7 = 5.5" in lines
    assert "ẏ = v̇7 = 1.716" in lines


def test_slide_reverse_trace(slide, lines):
    found = ad.adjoints(slide[7])
    adjoints = [rounded(found[slide[i]].sum()) for i in range(7, 0, -1)]
    assert adjoints == [1, 1, -1, 1, 1, 1.716, 5.5]
    start = lines.index("v̄7 = 1")
    assert lines[start : start + 5] == [
        "v̄7 = 1",
        "v̄6 = v̄7 ∂v7/∂v6 = v̄7 = 1",
        "v̄5 = v̄7 ∂v7/∂v5 = -v̄7 = -1",
        "v̄4 = v̄6 ∂v6/∂v4 = v̄6 = 1",
        "v̄3 = v̄6 ∂v6/∂v3 = v̄6 = 1",
    ]


def test_slide_multiple_pathways(slide, lines):
    partials = ad.adjoints(slide[7])[slide[2]].partials
    found = {sender: rounded(partial) for sender, partial in partials}
    assert found == {slide[5].node: -0.284, slide[4].node: 2}
    start = lines.index("v̄2→5 = v̄5 ∂v5/∂v2 = v̄5 cos v2 = -0.284")
    assert lines[start : start + 6] == [
        "v̄2→5 = v̄5 ∂v5/∂v2 = v̄5 cos v2 = -0.284",
        "v̄2→4 = v̄4 ∂v4/∂v2 = v̄4 v1 = 2",
        "v̄2 = v̄2→5 + v̄2→4 = -0.284 + 2 = 1.716",
        "v̄1→4 = v̄4 ∂v4/∂v1 = v̄4 v2 = 5",
        "v̄1→3 = v̄3 ∂v3/∂v1 = v̄3 / v1 = 0.5",
        "v̄1 = v̄1→4 + v̄1→3 = 5 + 0.5 = 5.5",
    ]


def test_slide_reverse_mode_by_extending_the_graph_the_state_of_the_dictionary():
    f = parse("(exp(v1) + 1) * exp(v1)")
    said = ad.explain(f, 0.5, names=f.names).text()
    states = [line.split("node_to_grad: ")[1] for line in said.splitlines() if "grad: {" in line]
    assert states == [
        "{4: [v̄4], 3: [v̄3→4], 2: [v̄2→4]}",
        "{4: [v̄4], 3: [v̄3→4], 2: [v̄2→4, v̄2→3]}",
        "{4: [v̄4], 3: [v̄3→4], 2: [v̄2→4, v̄2→3], 1: [v̄1→2]}",
        "{4: [v̄4], 3: [v̄3→4], 2: [v̄2→4, v̄2→3], 1: [v̄1→2]}",
    ]


def test_slide_reverse_mode_by_extending_the_graph_the_new_nodes():
    f = parse("(exp(v1) + 1) * exp(v1)")
    told = ad.explain(f, 0.5, names=f.names)
    text = [" ".join(line.split()) for line in told.text().splitlines()]
    new = [line for line in text if line.startswith("new nodes")]
    assert new == [
        "new nodes: v5 = 1 (v̄4); v6 = v5 v2 (v̄3); v7 = v5 v3 (v̄2→4)",
        "new nodes: v8 = v7 + v6 (v̄2); v9 = v8 v2 (v̄1)",
    ]
    e = math.exp(0.5)
    assert told.gradient[0] == pytest.approx(e * e + (e + 1) * e, rel=1e-15)


def test_slide_reverse_mode_by_extending_the_graph_makes_ordinary_nodes(slide):
    (g,) = ad.gradient(slide[7], [slide[2]])
    names = {t.node.op.name for t in ad.topological_order(g)}
    assert {"add", "multiply", "cos"} <= names
    assert rounded(g) == 1.716


def test_slide_reverse_mode_against_backprop(slide):
    inputs = [slide[1], slide[2]]
    extended = ad.gradient(slide[7], inputs)
    pushed = ad.backprop(slide[7], inputs)
    assert [rounded(g) for g in extended] == [5.5, 1.716]
    assert [float(g) for g in extended] == [float(g) for g in pushed]
    assert all(isinstance(g, ad.Tensor) for g in extended)
    assert all(isinstance(g, np.ndarray) for g in pushed)  # numbers: the end of the road


def test_slide_gradient_of_gradient(slide):
    g1, g2 = ad.gradient(slide[7], [slide[1], slide[2]])
    second = [ad.gradient(g, [slide[1], slide[2]]) for g in (g1, g2)]
    assert np.array(second, float) == pytest.approx(np.array([[-0.25, 1], [1, math.sin(5)]]))
    (third,) = ad.gradient(second[0][0], [slide[1]])
    assert float(third) == pytest.approx(2 / 2**3)


def test_slide_gradient_of_gradient_is_explained():
    f = parse("log(x1) + x1*x2 - sin(x2)")
    text = ad.explain(f, 2.0, 5.0, order=3, names=f.names).text()
    for line in (
        "∂²y/∂x1∂x1 -0.25",
        "∂²y/∂x1∂x2 1",
        "∂²y/∂x2∂x2 -0.959",
        "∂³y/∂x1∂x1∂x1 0.25",
        "∂³y/∂x2∂x2∂x2 0.284",
    ):
        assert any(" ".join(t.split()).startswith(line) for t in text.splitlines()), line


def test_slide_adjoints_with_respect_to_anything(slide):
    """Weights, the input x, and the label distribution of a softmax cross-entropy."""
    (by_product,) = ad.gradient(slide[7], [slide[4]])  # a node in the middle
    assert float(by_product) == 1.0

    def loss(w, x, y):
        z = x @ w
        return ad.sum(y * (ad.log(ad.sum(ad.exp(z))) - z))

    rng = np.random.default_rng(0)
    w, x, y = rng.normal(size=(3, 4)), rng.normal(size=3), np.array([0.1, 0.2, 0.3, 0.4])
    by_w, by_x, by_y = ad.grad(loss, argnums=(0, 1, 2))(w, x, y)
    z = x @ w
    p = np.exp(z) / np.exp(z).sum()
    assert np.asarray(by_w) == pytest.approx(np.outer(x, p - y))
    assert np.asarray(by_x) == pytest.approx(w @ (p - y))
    assert np.asarray(by_y) == pytest.approx(-np.log(p))
