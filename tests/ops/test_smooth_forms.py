"""Smooth compositions of pieces that are not smooth are differentiated as what they are.

The graph itself stays as it was written, and what a form leaves out can still be asked for.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.op import find
from adjoint.graph.text import graph_text
from adjoint.transforms.reverse import reverse

pytestmark = pytest.mark.unit

INF = math.inf
ZEROS = np.zeros(3)
UNIT = np.array([0.0, 0.0, 1.0])
FLAT = np.diag([1.0, 1.0, 0.0])
"""The Hessian of the norm at a unit vector."""

WHOLES = {
    "norm²": (lambda v: ad.linalg.norm(v) ** 2, 2 * np.eye(3)),
    "norm⁴": (lambda v: ad.linalg.norm(v) ** 4, np.zeros((3, 3))),
    "norm², axis kept": (
        lambda v: ad.sum(ad.linalg.norm(v, axis=0, keepdims=True) ** 2),
        2 * np.eye(3),
    ),
    "norm norm": (lambda v: ad.linalg.norm(v) * ad.linalg.norm(v), 2 * np.eye(3)),
    "√(v·v)²": (lambda v: ad.sqrt(v @ v) ** 2, 2 * np.eye(3)),
    "√(Σ v²)²": (lambda v: ad.sqrt(ad.sum(v * v)) ** 2, 2 * np.eye(3)),
    "Σ|v|²": (lambda v: ad.sum(abs(v) ** 2), 2 * np.eye(3)),
    "Σ max(v, -v)²": (lambda v: ad.sum(ad.maximum(v, -v) ** 2), 2 * np.eye(3)),
    "√(Σ|v|²)²": (lambda v: ad.sqrt(ad.sum(abs(v) ** 2)) ** 2, 2 * np.eye(3)),
}
ROOTS = {
    "√(v·v)": lambda v: ad.sqrt(v @ v),
    "√(Σ v²)": lambda v: ad.sqrt(ad.sum(v**2)),
    "√(Σ v v), kept": lambda v: ad.sqrt(ad.sum(v * v, axis=0, keepdims=True))[0],
    "√(Σ|v|²)": lambda v: ad.sqrt(ad.sum(abs(v) ** 2)),
    "√(x² + y² + z²)": lambda v: ad.sqrt(v[0] ** 2 + v[1] * v[1] + v[2] ** 2),
    "√3 √mean v²": lambda v: ad.sqrt(ad.mean(v * v)) * math.sqrt(3),
    "√(Σ v²/2 + …)": lambda v: ad.sqrt(v[0] ** 2 / 0.25 + 4 * v[1] ** 2 + 4 * (v[2] * v[2])) / 2,
}


def graph_first(f, x):
    """The gradient and the Hessian at `x` by variables and `gradient`; backprop agrees."""
    v = ad.variable(x)
    y = f(v)
    g = ad.gradient(y, v)
    rows = [ad.gradient(g[i], v).numpy() for i in range(3)]
    np.testing.assert_array_equal(ad.backprop(y, v), g.numpy())
    return g.numpy(), np.array(rows)


@pytest.mark.parametrize("name", WHOLES)
def test_squares_of_norms_are_smooth_at_zero(name):
    f, hessian = WHOLES[name]
    for second in (ad.hessian(f), ad.jacrev(ad.jacrev(f)), ad.jacfwd(ad.jacfwd(f))):
        np.testing.assert_array_equal(second(ZEROS).numpy(), hessian)
    np.testing.assert_array_equal(ad.grad(f)(ZEROS).numpy(), ZEROS)
    found = graph_first(f, ZEROS)
    np.testing.assert_array_equal(found[0], ZEROS)
    np.testing.assert_array_equal(found[1], hessian)


@pytest.mark.parametrize("name", ROOTS)
def test_roots_of_sums_of_squares_are_norms(name):
    f = ROOTS[name]
    np.testing.assert_array_equal(ad.grad(f)(ZEROS).numpy(), ZEROS)
    np.testing.assert_array_equal(ad.jacfwd(f)(ZEROS).numpy(), ZEROS)
    np.testing.assert_allclose(ad.grad(f)(UNIT).numpy(), UNIT, atol=1e-15)
    np.testing.assert_allclose(ad.hessian(f)(UNIT).numpy(), FLAT, atol=1e-15)
    found = graph_first(f, UNIT)
    np.testing.assert_allclose(found[0], UNIT, atol=1e-15)
    np.testing.assert_allclose(found[1], FLAT, atol=1e-15)
    with pytest.warns(ad.errors.KinkWarning):
        found = graph_first(f, ZEROS)
    np.testing.assert_array_equal(found[0], ZEROS)
    assert np.isnan(found[1]).all()


def test_all_orders_of_a_square_by_variables():
    x = ad.variable(0.0)
    found = [x**2.0]
    for _ in range(3):
        found.append(ad.gradient(found[-1], x))
    assert [float(d) for d in found] == [0, 0, 2, 0]


# What was written stays.


def test_the_graph_stays_as_it_was_written():
    x = ad.variable(3.0, name="x")
    y = abs(x) ** 2
    before = graph_text([y.node])
    assert before.splitlines()[1:] == [
        "v2 : float64[] = abs(x)",
        "v3 : float64[] = square(v2)",
        "return v3",
    ]
    ad.gradient(y, x)
    ad.backprop(y, x)
    assert graph_text([y.node]) == before
    assert [t.node.op.name for t in ad.topological_order(y)] == ["variable", "abs", "square"]


BETWEEN = {
    "abs(x)**2": (abs, lambda x, z: z**2, 6.0, 6.0),
    "abs(x)**4": (abs, lambda x, z: z**4, 108.0, 108.0),
    "abs(x) abs(x)": (abs, lambda x, z: z * z, 6.0, 6.0),
    "√x²": (ad.sqrt, lambda x, z: z**2, 2 * math.sqrt(3), 1.0),
    "√x √x, written twice": (ad.sqrt, lambda x, z: z * ad.sqrt(x), math.sqrt(3), 1.0),
    "x log x": (ad.log, lambda x, z: x * z, 3.0, math.log(3) + 1),
    "max(x, -x)": (ad.negative, lambda x, z: ad.maximum(x, z), 0.0, 1.0),
    "min(x, -x)": (ad.negative, lambda x, z: ad.minimum(x, z), 1.0, -1.0),
    "max(x, -x)²": (ad.negative, lambda x, z: ad.maximum(x, z) ** 2, 0.0, 6.0),
    "√(x²)": (ad.square, lambda x, z: ad.sqrt(z), 1 / 6, 1.0),
    "√(x²) by product": (lambda x: x * x, lambda x, z: ad.sqrt(z), 1 / 6, 1.0),
    "√(x² + x²)": (ad.square, lambda x, z: ad.sqrt(z + x * x), 1 / math.sqrt(72), math.sqrt(2)),
    "hypot(x, x)²": (lambda x: ad.hypot(x, x), lambda x, z: z**2, 2 * math.sqrt(18), 12.0),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_derivatives_with_respect_to_nodes_in_between(name):
    piece, whole, by_piece, by_x = BETWEEN[name]
    x = ad.variable(3.0)
    z = piece(x)
    w = whole(x, z)
    for derivative in (ad.gradient, ad.backprop):
        np.testing.assert_allclose(float(derivative(w, z)), by_piece, rtol=1e-14)
        np.testing.assert_allclose(float(derivative(w, x)), by_x, rtol=1e-14)
        both = derivative(w, [x, z])
        np.testing.assert_allclose([float(d) for d in both], [by_x, by_piece], rtol=1e-14)
    if name != "√x √x, written twice":
        assert set(ad.adjoints(w)) <= {t.node for t in ad.topological_order(w)}
        np.testing.assert_allclose(float(ad.adjoints(w)[z].sum()), by_piece, rtol=1e-14)


def test_an_output_may_be_part_of_a_smooth_form():
    """z is seeded and left out: it is differentiated for itself."""
    f = lambda x: ad.stack([abs(x), abs(x) ** 2])
    for jacobian in (ad.jacrev, ad.jacfwd):
        assert jacobian(f)(-3.0).tolist() == [-1.0, -6.0]
        assert jacobian(jacobian(f))(0.0).tolist() == [0.0, 2.0]
    x = ad.variable(-3.0)
    z = abs(x)
    found = reverse([(z.node, ad.asarray(1.0)), ((z**2).node, ad.asarray(1.0))], [x.node])
    assert float(found[x.node].sum()) == -7.0


# In company.


def test_inside_nested_transforms():
    """Inner variables hide what is outside; outer sweeps see what inner ones made."""
    inner = lambda x, y: ad.grad(lambda t: ad.hypot(t, x) ** 2)(y)  # 2 y
    assert float(ad.grad(inner, 1)(0.0, 0.0)) == 2.0
    assert float(ad.grad(inner, 0)(0.0, 0.0)) == 0.0
    f = lambda x: ad.grad(lambda y: abs(y) ** 2 + abs(x) ** 2 * y)(x)  # 2 x + x²
    assert float(ad.grad(f)(0.0)) == 2.0
    assert float(ad.grad(ad.grad(f))(0.0)) == 2.0
    assert float(ad.jvp(ad.grad(f), (0.0,), (1.0,))[1]) == 2.0
    x = ad.variable(0.0)
    assert float(ad.gradient(ad.grad(lambda y: abs(y) ** 2)(x), x)) == 2.0


def test_a_variable_of_an_inner_transform_ends_a_smooth_form():
    """y stands for |x|; the inner function is y², whatever y was made from."""
    f = lambda x: ad.grad(lambda y: y**2)(abs(x))  # 2 |x|
    assert [float(ad.grad(f)(x)) for x in (-1.0, 0.0, 1.0)] == [-2.0, 0.0, 2.0]


def test_batched():
    f = lambda x: abs(x) ** 2 + ad.sqrt(x * x) * ad.sqrt(x * x)
    points = np.array([-1.0, 0.0, 2.0])
    assert ad.vmap(ad.grad(ad.grad(f)))(points).tolist() == [4.0, 4.0, 4.0]
    together = lambda xs: ad.sum(ad.vmap(f)(xs))
    np.testing.assert_array_equal(ad.hessian(together)(points).numpy(), 4 * np.eye(3))
    norms = lambda xs: ad.sum(ad.vmap(lambda v: ad.sqrt(v @ v) ** 2)(xs))
    x = ad.variable(np.zeros((2, 3)))
    assert ad.gradient(ad.sum(ad.gradient(norms(x), x)), x).tolist() == [[2.0] * 3] * 2


def test_compiled():
    f = lambda v: ad.sqrt(ad.sum(v * v)) ** 2 + abs(v[0]) ** 2
    expected = np.diag([4.0, 2.0, 2.0])
    np.testing.assert_array_equal(ad.compile(ad.hessian(f))(ZEROS).numpy(), expected)


def test_smooth_forms_after_values_were_asked_for():
    def f(x):
        size = abs(x)
        return size**2 if size < 1 else size

    assert float(ad.grad(ad.grad(f))(0.0)) == 2.0
    x = ad.variable(0.0)
    size = abs(x)
    assert float(size) == 0.0
    assert float(ad.gradient(ad.gradient(size**2, x), x)) == 2.0


def test_a_node_without_its_inputs_has_no_smooth_form():
    z = ad.evaluate(abs(ad.asarray(-3.0)))
    assert z.node.inputs == ()
    assert float(ad.gradient(z**2, z)) == 6.0
    done = ad.evaluate(z**2)
    assert done.node.inputs == ()
    assert float(ad.gradient(done * 2, done)) == 2.0


def test_a_form_is_made_once_in_a_sweep(monkeypatch):
    asked = []
    square = find("square")
    rule = square.smooth_rule

    def noting(node, kept):
        asked.append(node)
        return rule(node, kept)

    monkeypatch.setattr(square, "smooth_rule", noting)
    x = ad.variable(1.0)
    z = abs(x) ** 2
    ad.gradient(z + ad.sin(z) * z, x)
    assert sum(node is z.node for node in asked) == 1


def test_long_chains_of_pieces():
    """No rule goes deep into a graph."""
    for step in (
        lambda x: ad.sqrt(x * x),
        lambda x: ad.sqrt(ad.square(abs(x))),
        lambda x: ad.maximum(x, -x),
        lambda x: -x,
        lambda x: ad.reshape(ad.reshape(x, (1,)), ()),
    ):
        x = y = ad.variable(2.0)
        total = 0.0
        for _ in range(1500):
            y = step(y)
            total = total + y * y
        assert float(ad.gradient(total, x)) == 2 * 1500 * 2.0


def test_complex_sizes():
    z = np.array([0.0, 1 + 2j])
    f = lambda z: ad.sum(abs(z) ** 2)
    np.testing.assert_allclose(ad.grad(f)(z).numpy(), 2 * z)
    x = ad.variable(z)
    np.testing.assert_allclose(ad.gradient(f(x), x).numpy(), 2 * z)
    np.testing.assert_allclose(ad.gradient(ad.linalg.norm(x) ** 2, x).numpy(), 2 * z)


def test_a_conversion_between_the_pieces_changes_nothing():
    def single(x):
        return x.astype(np.float32)

    cases = [
        (lambda x: single(ad.sqrt(x * x)) ** 2, 2.0),
        (lambda x: ad.sqrt(single(x * x)) ** 2, 2.0),
        (lambda x: single(ad.sqrt(single(x * x))).astype(float) ** 4, 0.0),
        (lambda x: single(ad.maximum(x, -x)) * single(ad.maximum(x, -x)), 2.0),
        (lambda x: single(ad.linalg.norm(ad.stack([x, x]))) ** 2, 4.0),
        (lambda x: ad.square(ad.sqrt(single(x * x) + 4 * single(x) ** 2)), 10.0),
    ]
    for number, (f, curvature) in enumerate(cases):
        for derivative in (ad.grad(f), ad.jacfwd(f), ad.compile(ad.grad(f))):
            assert float(derivative(0.0)) == 0.0, number
        for second in (ad.grad(ad.grad(f)), ad.jacfwd(ad.grad(f)), ad.compile(ad.hessian(f))):
            np.testing.assert_allclose(second(0.0), curvature, rtol=1e-6, err_msg=str(number))
