"""Products with Jacobians and Hessians: which vectors they take."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

X = np.array([1.0, 2.0, 3.0])


def cubes(x):
    return ad.sum(x**3)


PRODUCTS = {
    "jvp": lambda v: ad.jvp(lambda x: x**3, (X,), (v,))[1],
    "vjp": lambda v: ad.vjp(lambda x: x**3, X)[1](v)[0],
    "hvp": lambda v: ad.hvp(cubes, X, v),
}


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("kind", [int, bool, "int8", "float32", ad.asarray])
def test_a_unit_vector_of_any_real_numbers_is_a_direction(product, kind):
    ones = np.array([0, 1, 0])
    vector = kind(ones) if callable(kind) and kind not in (int, bool) else ones.astype(kind)
    found = PRODUCTS[product](vector)
    assert found.dtype == np.float64
    assert found.tolist() == PRODUCTS[product](ones.astype(float)).tolist()


@pytest.mark.parametrize(
    ("product", "name"), [("jvp", "tangent 0"), ("vjp", "the adjoint"), ("hvp", "tangent 0")]
)
def test_a_result_that_is_no_number_is_named(product, name):
    with pytest.raises(ad.errors.ArgumentError, match=f"{product}: {name}: asarray.*'no'"):
        PRODUCTS[product]("no")
