"""Tensors made from numbers: as NumPy makes arrays, and traced where the numbers are."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize("num", [0, 1, 2, 7])
@pytest.mark.parametrize("ends", [(1.0, 3.0), (3, -1), (np.array([0.0, 1.0]), 2.0)])
def test_linspace_of_tensors_is_that_of_numbers(ends, num, endpoint):
    expected = np.linspace(*ends, num, endpoint=endpoint)
    for start, stop in (ends, map(ad.asarray, ends)):
        found = ad.linspace(start, stop, num, endpoint=endpoint)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


def test_the_ends_of_linspace_are_exact_and_have_derivatives():
    found = ad.linspace(ad.asarray(0.1), ad.asarray(0.7), 9).numpy()
    assert (found[0], found[-1]) == (0.1, 0.7)
    for linspace in (ad.linspace, np.linspace):
        start, stop = ad.jacobian(lambda a, b, f=linspace: f(a, b, 3), (0, 1))(1.0, 2.0)
        assert start.tolist() == [1.0, 0.5, 0.0]
        assert stop.tolist() == [0.0, 0.5, 1.0]
    assert np.linspace(ad.asarray(0.0), 1.0).shape == (50,)


def test_an_array_filled_with_a_variable_depends_on_it():
    for fill in (
        lambda x: ad.full((2, 3), x),
        lambda x: ad.full_like(np.zeros((2, 3)), x),
        lambda x: ad.full((2, 3), x, dtype="float64"),
    ):
        assert float(ad.grad(lambda x, f=fill: ad.sum(f(x * x)))(3.0)) == 36.0
        assert ad.compile(fill)(3.0).tolist() == [[3.0] * 3] * 2
    assert ad.vmap(lambda x: ad.full(2, x))(np.array([1.0, 2.0])).tolist() == [[1, 1], [2, 2]]
    filled = ad.full(3, ad.asarray(2.0))
    filled[1] = 5.0
    assert filled.tolist() == [2.0, 5.0, 2.0]
