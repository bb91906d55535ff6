"""A value taken out of the graph is not traced; a derivative lost that way is not lost silently."""

import math

import numpy as np
import pytest

import adjoint as ad


def through_numpy_array(x):
    y = np.zeros(2)
    y[0] = x[0]
    return y.sum()


@pytest.mark.parametrize(
    ("f", "x"),
    [(math.sin, 1.0), (through_numpy_array, np.ones(2)), (lambda x: float(x) ** 2, 1.0)],
)
def test_a_derivative_lost_outside_the_graph_warns(f, x):
    with pytest.warns(ad.errors.LostDerivativeWarning, match="taken out of it as plain numbers"):
        assert not np.any(ad.grad(f)(x))


@pytest.mark.parametrize("f", [lambda x: 3.0, lambda x: (str(x), x * x)[1]])
def test_looking_at_a_value_or_a_constant_function_does_not_warn(f, recwarn):
    ad.grad(f)(2.0)
    assert not recwarn.list
