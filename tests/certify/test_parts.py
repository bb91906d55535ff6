"""Gradients by parts: names of arguments, paths into trees, filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError

pytestmark = pytest.mark.unit


class Layer(NamedTuple):
    weight: Any
    bias: Any


@dataclass
class Model:
    layers: list[Layer]
    scale: float


def loss(p, x):
    first, second = p["layers"]
    return ad.sum(first.weight * x) + second.bias**2 * p["scale"]


P = {"layers": [Layer(np.ones(2), 1.0), Layer(np.ones(2), 3.0)], "scale": 2.0}


@pytest.mark.parametrize("path", ["layers.1.bias", "layers[1].bias", "['layers'][1][1]"])
def test_one_leaf_by_its_path(path):
    assert float(ad.grad(loss, wrt=path)(P, 5.0)) == 12.0
    value, slope = ad.compile(ad.value_and_grad(loss, wrt=path))(P, 5.0)
    assert (float(value), float(slope)) == (28.0, 12.0)


def test_a_subtree_has_its_own_structure():
    found = ad.grad(loss, wrt="layers.0")(P, 5.0)
    assert isinstance(found, Layer)
    np.testing.assert_array_equal(found.weight, [5.0, 5.0])
    assert float(found.bias) == 0.0


def test_several_paths_give_a_tuple():
    by_weight, by_scale = ad.grad(loss, wrt=("layers.0.weight", "scale"))(P, 5.0)
    np.testing.assert_array_equal(by_weight, [5.0, 5.0])
    assert float(by_scale) == 9.0


def test_a_filter_leaves_none_elsewhere():
    found = ad.grad(loss, wrt=lambda path, leaf: path.endswith("bias"))(P, 5.0)
    assert found["layers"][0].weight is None
    assert found["scale"] is None
    assert [float(layer.bias) for layer in found["layers"]] == [0.0, 12.0]


def test_integers_elsewhere_in_the_tree_do_no_harm():
    p = {"w": np.ones(2), "steps": np.array([1, 2])}
    found = ad.grad(lambda p: ad.sum(p["w"][p["steps"] - 1] ** 2), wrt="w")(p)
    np.testing.assert_array_equal(found, [2.0, 2.0])


def test_dataclasses():
    import optree

    if Model not in getattr(optree, "_known", ()):
        optree.register_pytree_node(
            Model,
            lambda m: ((m.layers, m.scale), None, ("layers", "scale")),
            lambda _, children: Model(*children),
            namespace="adjoint",
        )
    m = Model([Layer(np.ones(2), 1.0)], 2.0)
    f = lambda m: m.scale**2 * ad.sum(m.layers[0].weight)
    assert float(ad.grad(f, wrt="scale")(m)) == 8.0
    np.testing.assert_array_equal(ad.grad(f, wrt="layers.0.weight")(m), [4.0, 4.0])


def test_arguments_by_name():
    f = lambda x, y, *, z=1.0: x * y**2 * z
    assert float(ad.grad(f, argnames="y")(2.0, 3.0)) == 12.0
    assert float(ad.grad(f, argnames="y")(2.0, y=3.0)) == 12.0
    by_z, by_x = ad.grad(f, argnames=("z", "x"))(2.0, 3.0, z=4.0)
    assert (float(by_z), float(by_x)) == (18.0, 36.0)
    found = ad.grad(lambda s, *, p: p["a"] * s, argnames="p", wrt="a")(2.0, p={"a": 1.0, "b": 3})
    assert float(found) == 2.0


def test_with_aux():
    found, aux = ad.grad(lambda p: (p["a"] ** 2, "aux"), has_aux=True, wrt="a")({"a": 3.0})
    assert (float(found), aux) == (6.0, "aux")


def test_second_order_through_a_part():
    f = lambda p: p["a"] ** 3 * p["b"]
    slope = ad.grad(f, wrt="a")
    assert float(ad.grad(slope, wrt="a")({"a": 2.0, "b": 5.0})) == 60.0
    assert float(ad.grad(slope, wrt="b")({"a": 2.0, "b": 5.0})) == 12.0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: ad.grad(loss, wrt="layers.2")(P, 1.0),
            "there is no 'layers.2' among layers.0.wei",
        ),
        (lambda: ad.grad(loss, wrt="")(P, 1.0), "there is no ''"),
        (lambda: ad.grad(loss, wrt=lambda p, x: False)(P, 1.0), "the filter wrt chose none of lay"),
        (
            lambda: ad.grad(loss, argnames="q")(P, 1.0),
            "argnames names 'q', but loss was called with: p",
        ),
        (lambda: ad.grad(loss, (0, 1), wrt="scale")(P, 1.0), "which name parts of one argument"),
    ],
)
def test_errors_name_what_there_is(call, says):
    with pytest.raises(ArgumentError, match=says):
        call()


def test_keys_with_dots():
    assert float(ad.grad(lambda p: p["a.b"] ** 2, wrt="a.b")({"a.b": 3.0})) == 6.0
    assert float(ad.grad(lambda p: p["a.b"]["c"] ** 2, wrt="a.b.c")({"a.b": {"c": 3.0}})) == 6.0
    both = {"a.b": 3.0, "a": {"b": 2.0}}

    def f(p):
        return p["a.b"] ** 2 * p["a"]["b"]

    with pytest.raises(ArgumentError, match=r"may mean any of 2 parts.*brackets"):
        ad.grad(f, wrt="a.b")(both)
    assert float(ad.grad(f, wrt="['a.b']")(both)) == 12.0
    assert float(ad.grad(f, wrt="['a']['b']")(both)) == 9.0


@pytest.mark.parametrize("paths", [["a", "a"], ["a", "a.x"], ["a.x", "a"]])
def test_a_part_named_twice_is_refused(paths):
    with pytest.raises(ArgumentError, match="twice"):
        ad.grad(lambda p: p["a"]["x"] * p["b"], wrt=paths)({"a": {"x": 2.0}, "b": 3.0})


@pytest.mark.parametrize("wrt", [3, [0], ("a", 1)])
def test_what_is_no_path_is_refused(wrt):
    with pytest.raises(ArgumentError, match="wrt must be a path"):
        ad.grad(lambda p: p["a"], wrt=wrt)({"a": 1.0})


def energy(p, x, y=1.0):
    return ad.sum(p["w"] * x) ** 2 * p["b"] * y


TREE, POINT = {"w": np.array([1.0, 2.0]), "b": 3.0}, np.array([0.5, 0.25])
OF_PARTS = {
    "a part": ({"wrt": "w"}, lambda w: energy(TREE | {"w": w}, POINT), TREE["w"]),
    "an argument": ({"argnames": "x"}, lambda x: energy(TREE, x), POINT),
}


@pytest.mark.parametrize("name", OF_PARTS)
def test_every_derivative_takes_parts_and_names(name):
    given, alone, point = OF_PARTS[name]
    for transform in (ad.jacobian, ad.jacfwd, ad.jacrev, ad.hessian):
        found = transform(energy, **given)(TREE, POINT)
        np.testing.assert_allclose(np.asarray(found), np.asarray(transform(alone)(point)))
        with_aux = transform(lambda p, x: (energy(p, x), "aux"), has_aux=True, **given)
        assert with_aux(TREE, POINT)[1] == "aux"
    v = np.array([1.0, -2.0])
    expected = np.asarray(ad.hvp(alone, point, v))
    np.testing.assert_allclose(np.asarray(ad.hvp(energy, (TREE, POINT), v, **given)), expected)
    value, pullback = ad.vjp(energy, TREE, POINT, **given)
    assert float(value) == float(energy(TREE, POINT))
    np.testing.assert_allclose(np.asarray(pullback(2.0)), 2 * np.asarray(ad.grad(alone)(point)))


def test_several_parts_and_filters_keep_their_form_in_each_block():
    blocks = ad.hessian(energy, wrt=("w", "b"))(TREE, POINT)
    np.testing.assert_allclose(np.asarray(blocks[0][1]), [1.0, 0.5])  # 2 (w·x) x
    np.testing.assert_array_equal(np.asarray(blocks[1][0]), np.asarray(blocks[0][1]))
    chosen = ad.hessian(energy, wrt=lambda path, leaf: path == "w")(TREE, POINT)
    assert chosen["b"] is None and chosen["w"]["b"] is None
    np.testing.assert_allclose(np.asarray(chosen["w"]["w"]), 6 * np.outer(POINT, POINT))
    w, b = ad.hvp(energy, (TREE, POINT), (np.array([1.0, 0.0]), 1.0), wrt=("w", "b"))
    np.testing.assert_allclose(np.asarray(w), [2.5, 1.25])
    assert float(b) == 1.0
    outputs = ad.jacobian(lambda p: {"o": p["w"] * 2, "q": p["b"]}, wrt="b")(TREE)
    assert float(outputs["q"]) == 1.0 and outputs["o"].shape == (2,)


def test_products_with_the_hessian_hand_over_aux():
    product, aux = ad.hvp(lambda x: (ad.sum(x**3), {"n": x}), POINT, POINT, has_aux=True)
    np.testing.assert_allclose(np.asarray(product), 6 * POINT * POINT)
    np.testing.assert_array_equal(np.asarray(aux["n"]), POINT)


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(ArgumentError, match="there is no 'q'"):
        ad.jacobian(energy, sparse=True, wrt="q")(TREE, POINT)
    with pytest.raises(ArgumentError, match="there is no 'q'"):
        ad.hessian(energy, memory=1000, wrt="q")(TREE, POINT)
    with pytest.raises(ArgumentError, match="3 tangents were given for 2 parts"):
        ad.hvp(energy, (TREE, POINT), (1.0, 2.0, 3.0), wrt=("w", "b"))
    with pytest.raises(ArgumentError, match="names 'q'"):
        ad.hessian(energy, argnames="q")(TREE, POINT)
