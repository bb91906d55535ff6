"""What a traced function reads is held no longer than by its user, also where it is made anew."""

from __future__ import annotations

import gc
import weakref
from collections import namedtuple

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

import adjoint as ad
from adjoint.tracing import classes

X = np.array([0.5, 1.5, 2.5])


def of_a_class():
    class Model:
        def __init__(self):
            self.w = np.ones(3)

        def __call__(self, x):
            return np.sum(np.tanh(x * self.w))

    ad.grad(Model())(X)
    return Model


def of_a_named_tuple():
    Pair = namedtuple("Pair", "a b")
    ad.grad(lambda p: np.sum(p.a * p.b))(Pair(X, X))
    return Pair


def of_a_spline():
    spline = CubicSpline(np.arange(5.0), np.arange(5.0) ** 2)
    ad.grad(lambda x: np.sum(spline(x)))(X)
    return spline


def of_a_rule():
    scale = ad.asarray(np.ones(3))
    f = ad.custom_vjp(lambda x: x * 1.0)
    f.defvjp(lambda x: (f(x), None), lambda _, v: (v * scale,))
    ad.grad(lambda x: ad.sum(f(x)))(X).numpy()
    return scale.node


@pytest.mark.parametrize("once", [of_a_class, of_a_named_tuple, of_a_spline, of_a_rule])
def test_what_is_made_anew_is_let_go(once, monkeypatch):
    """Up to 64 structures are remembered by what they were; it does not become more."""
    monkeypatch.setattr(classes, "_MOST_TWINS", 8)
    monkeypatch.setattr(classes, "_twins", {})
    made = [weakref.ref(once()) for _ in range(150)]
    gc.collect()
    assert sum(ref() is not None for ref in made) <= 70
