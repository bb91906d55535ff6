"""What contractions run: matrix products, few of them, in the cheap order."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.order import topological_order

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(5)


def normal(*shape):
    return RNG.normal(size=shape)


def operations(y):
    """The names of the operations below `y`."""
    return [node.op.name for node in topological_order([y.node])]


def test_a_stack_times_a_matrix_is_one_product_of_matrices():
    a, b = ad.variable(normal(4, 5, 3)), ad.variable(normal(3, 2))
    y = ad.matmul(a, b)
    assert operations(y).count("matmul") == 1
    products = [node for node in topological_order([y.node]) if node.op.name == "matmul"]
    assert all(len(node.shape) == 2 for node in products)
    gradients = ad.gradient(ad.sum(y), [a, b])
    nodes = topological_order([g.node for g in gradients])
    assert all(len(node.shape) == 2 for node in nodes if node.op.name == "matmul")


def test_einsum_is_lowered_to_matrix_products():
    a, b, c = (ad.variable(normal(*shape)) for shape in [(20, 3, 4), (4, 3, 5), (5, 6)])
    assert operations(ad.einsum("ijk,kjl->il", a, b)).count("matmul") == 1
    assert operations(ad.einsum("ijk,kjl,lm->im", a, b, c)).count("matmul") == 2
    batched = ad.einsum("bij,bjk->bik", ad.variable(normal(5, 2, 3)), ad.variable(normal(5, 3, 2)))
    assert operations(batched).count("matmul") == 1


def test_long_chains_are_multiplied_in_the_cheap_order():
    a, b, v = ad.variable(normal(50, 40)), ad.variable(normal(40, 30)), ad.variable(normal(30))
    y = ad.multi_dot([a, b, v])
    sizes = [n.shape for n in topological_order([y.node]) if n.op.name == "matmul"]
    assert sizes == [(40, 1), (50, 1)]
