"""A value taken out of the graph is not traced; a derivative lost that way is not lost silently."""

import math

import numpy as np
import pytest

import adjoint as ad

LOST = {
    "math.sin": (math.sin, 1.0),
    "float": (lambda x: float(x) ** 2, 1.0),
    "a NumPy array filled": (lambda x: np.array([float(x[0]), 0.0]).sum(), np.ones(2)),
    "numpy.asarray": (lambda x: np.asarray(x).sum(), np.ones(2)),
    "item": (lambda x: x[0].item() * 2, np.ones(2)),
}
TRANSFORMS = {
    "grad": ad.grad,
    "value_and_grad": lambda f: lambda x: ad.value_and_grad(f)(x)[1],
    "vjp": lambda f: lambda x: ad.vjp(f, x)[1](1.0)[0],
    "jvp": lambda f: lambda x: ad.jvp(f, (x,), (x,))[1],
    "jacobian": ad.jacobian,
    "jacfwd": ad.jacfwd,
    "jacrev": ad.jacrev,
    "hessian": ad.hessian,
    "hvp": lambda f: lambda x: ad.hvp(f, x, x),
    "grad of grad": lambda f: ad.grad(lambda x: ad.sum(ad.grad(f)(x))),
}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_derivative_lost_outside_the_graph_warns_once_at_the_users_line(transform, lost, recwarn):
    f, x = LOST[lost]
    assert not np.any(TRANSFORMS[transform](f)(x))
    (warning,) = recwarn.list
    assert warning.category is ad.errors.LostDerivativeWarning
    assert "taken out of it as plain numbers" in str(warning.message)
    assert warning.filename == __file__


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: 3.0,
        lambda x: 4.0 if x[0] > 0 else 3.0,
        lambda x: ad.sum(ad.vmap(ad.sin)(ad.ones(2))),
        lambda x: (repr(x), f"{x}", f"{x[0]:.3f}", 3.0)[-1],
        lambda x: (float(x[0]), ad.sum(x * x * x))[1],
    ],
    ids=["constant", "comparison", "vmap", "printed", "looked at"],
)
def test_a_derivative_that_is_not_lost_does_not_warn(transform, f, recwarn):
    TRANSFORMS[transform](f)(np.array([1.0, 2.0]))
    assert not recwarn.list


def test_a_hessian_that_is_zero_does_not_warn_of_what_was_printed(recwarn):
    ad.hessian(lambda x: (print(x), ad.sum(3 * x))[1])(np.ones(2))
    assert not recwarn.list


def test_only_the_transform_that_loses_its_derivative_warns(recwarn):
    def scaled(a):
        return ad.sum(ad.jacobian(lambda x: float(a) * x)(np.ones(2)))

    ad.grad(lambda a: a * scaled(a))(2.0)
    assert not recwarn.list
    ad.grad(scaled)(2.0)
    assert len(recwarn.list) == 1
    assert not ad.vmap(ad.jacobian(lambda x: 3.0))(np.ones(2)).numpy().any()
    assert len(recwarn.list) == 1
