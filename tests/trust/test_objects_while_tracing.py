"""Objects of users' classes are traced as NumPy's functions are, and keep their classes."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint as ad
from tests.numpy.differences import slopes

pytestmark = pytest.mark.unit

X = np.array([0.3, 0.7, 1.9])


WAYS = {
    "grad": ad.grad,
    "forward": ad.jacfwd,
    "vjp": lambda f: lambda x: ad.vjp(f, x)[1](1.0)[0],
    "compiled": lambda f: ad.compile(ad.grad(f)),
    "compiled inside": lambda f: ad.grad(ad.compile(f)),
}


class Base:
    scale = 2.0

    def __init__(self, k):
        self.k = k

    def rhs(self, y):
        return np.array([y[1], -self.k * y[0]]) * self.scale


class Spring(Base):
    def __init__(self, k, parts=()):
        super().__init__(k)
        self.parts = list(parts)

    def rhs(self, y):
        return super().rhs(y) + np.array([0.0, math.sin(y[0])])

    @property
    def stiffness(self):
        return np.array([self.k, 1.0])

    @classmethod
    def soft(cls):
        return cls(0.5)

    @staticmethod
    def zeros(n):
        return np.zeros(n)

    def loss(self, x):
        y = self.zeros(2)
        y[0] = x[0] * x[1]
        for part in self.parts:
            y = y + 0.1 * part.rhs(y)
        for _ in range(3):
            y = y + 0.1 * self.rhs(y)
        return np.sum(y**2) + np.sum(self.stiffness)

    def __call__(self, x):
        return self.loss(x)


MODEL = Spring(1.5, [Spring(0.2), Base(0.3)])


def made_inside(x):
    model = Spring(x[2], [Spring.soft(), MODEL])
    assert isinstance(model, Spring) and isinstance(model, Base) and isinstance(MODEL, Spring)
    assert type(model) == Spring and issubclass(Spring, Base)  # noqa: E721  # as users write it
    return model.loss(x)


def uses_an_object_of_the_module(x):
    return MODEL.loss(x) * MODEL.k


OBJECTS = {
    "a bound method": MODEL.loss,
    "an object that is called": MODEL,
    "an object of the module": uses_an_object_of_the_module,
    "objects made inside": made_inside,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OBJECTS)
def test_methods_of_classes_are_traced(name, way):
    f = OBJECTS[name]
    for _ in range(2):
        gradient = WAYS[way](f)(X.copy())
        np.testing.assert_allclose(gradient, slopes(f, X), rtol=1e-6, atol=1e-7)
    assert type(MODEL) is Spring
    assert [type(part) for part in MODEL.parts] == [Spring, Base]


def test_objects_get_their_class_back_when_the_function_raises():
    made = []

    def f(x):
        made.append(Spring(x[0]))
        MODEL.loss(x)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ad.grad(f)(X)
    assert type(MODEL) is type(made[0]) is Spring


def test_class_attributes_are_written_to_the_class():
    def f(x):
        Base.scale = 3.0
        return np.sum(MODEL.rhs(x))

    try:
        assert ad.grad(f)(X)[1] == 3.0
        assert Base.scale == 3.0 and "scale" not in vars(Spring)
    finally:
        Base.scale = 2.0
