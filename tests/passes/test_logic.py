"""Rules of logic in `simplify`: masks that hold everywhere or nowhere."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Scope
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor
from adjoint.passes.simplify import simplify
from tests.passes.graphs import values_of

pytestmark = pytest.mark.unit

P, Q = np.array(list(product([False, True], repeat=2))).T
X = np.array([-0.0, 2.0, np.nan, np.inf])


def simplified(f: Callable[..., Any], *arrays: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The operations that are left of a function, and its value."""
    leaves = [variable_node(None, a.shape, a.dtype, Scope(abstract=True)) for a in arrays]
    variables = map(Tensor, leaves)
    (node,) = simplify([f(*variables).node], leaves)
    given = dict(zip(leaves, arrays, strict=True))
    order = topological_order([node], lambda n: () if n in leaves else n.inputs)
    left = [n.op.name for n in order if n not in leaves and n.op.name != "constant"]
    return left, values_of([node], given)[0]


BOTH, EITHER = ad.logical_and, ad.logical_or
TRUE = np.asarray(True)

RULES: dict[str, tuple[Any, list[str]]] = {
    "and, itself": (lambda p, q, x: BOTH(p, p), []),
    "and true": (lambda p, q, x: BOTH(p, TRUE), []),
    "true and": (lambda p, q, x: BOTH(TRUE, p), []),
    "and false": (lambda p, q, x: BOTH(p, ~TRUE), ["broadcast_to"]),
    "and (or)": (lambda p, q, x: BOTH(p, EITHER(q, p)), []),
    "and (and)": (lambda p, q, x: BOTH(p, BOTH(q, p)), ["logical_and"]),
    "or, itself": (lambda p, q, x: EITHER(p, p), []),
    "or false": (lambda p, q, x: EITHER(p, ~TRUE), []),
    "or true": (lambda p, q, x: EITHER(p, TRUE), ["broadcast_to"]),
    "or (and)": (lambda p, q, x: EITHER(BOTH(p, q), p), []),
    "or (or)": (lambda p, q, x: EITHER(EITHER(p, q), p), ["logical_or"]),
    "and of numbers stays": (lambda p, q, x: BOTH(x, x), ["logical_and"]),
    "wider": (lambda p, q, x: BOTH(p, ad.broadcast_to(TRUE, (2, 4))), ["broadcast_to"]),
    "chosen": (lambda p, q, x: ad.where(TRUE, x, 1.0), []),
    "not chosen": (lambda p, q, x: ad.where(~TRUE, 1.0, x), []),
    "one number": (lambda p, q, x: ad.where(p, 3.0, 3.0) + x, ["broadcast_to", "add"]),
    "two zeros": (lambda p, q, x: ad.where(p, 0.0, -0.0) / x, ["where", "divide"]),
    "any of nothing": (lambda p, q, x: ad.any(BOTH(p, ~TRUE)), []),
    "sum of zeros": (lambda p, q, x: ad.sum(ad.where(BOTH(p, ~TRUE), x, 0.0)), []),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule(name: str) -> None:
    f, left = RULES[name]
    found, value = simplified(f, P, Q, X)
    assert found == left
    np.testing.assert_array_equal(value, np.asarray(f(P, Q, X)))


@pytest.mark.parametrize("axes", [(0, 1), 1, 0])
def test_any_of_masks_beside_masks_of_rows(axes: Any) -> None:
    """Each row is looked through once, and what stands beside it is asked of the row."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.random((6, 5)) < 0.1, rng.random((6, 1)) < 0.5
        names, value = simplified(lambda a, b: ad.any(BOTH(a, b), axis=axes), a, b)
        np.testing.assert_array_equal(value, np.any(a & b, axis=axes))
        assert ("logical_and" in names) == (axes == 0)
