"""Classes that a differentiated function defines compute with tensors, in their bodies, too."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
from typing import ClassVar, NamedTuple

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

SCALE = np.array([2.0, 3.0])


class Shape:
    """A base with a list of what is derived from it."""

    known: ClassVar[list[type]] = []

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        Shape.known.append(cls)

    def measures(self):
        return np.array([self.size, self.size**2])


def sum(values):  # a name of Python's that this module has itself
    return 10 * np.sum(values)


def methods(x):
    class Spring:
        rest = np.array([1.0, 2.0])
        total = sum([1.0, 2.0])

        def __init__(self, stiffness):
            self.stiffness = np.array([stiffness, 2 * stiffness])

        @property
        def energy(self):
            return np.sum(self.stiffness * self.rest * SCALE) * math.sqrt(self.stiffness[0])

        @staticmethod
        def pair(a):
            return np.array([a, a])

        @functools.cached_property
        def first(self):
            filled = np.zeros(2)
            filled[1] = self.stiffness[0]
            return filled.sum()

    spring = Spring(x)
    return spring.energy + np.sum(Spring.pair(x)) * spring.first + Spring.total


def derived(x):
    class Square(Shape):
        def __init__(self, size):
            super().__init__()
            self.size = size

    square = Square(x)
    assert isinstance(square, Shape)
    return square.measures().sum()


def records(x):
    @dataclasses.dataclass
    class Pair:
        first: float
        second: float = 2.0

        def norm(self):
            return np.linalg.norm(np.array([self.first, self.second]))

    class Named(NamedTuple):
        value: float

        def twice(self):
            return np.array([self.value, self.value]).sum()

    class Kind(enum.Enum):
        LARGE = 3

    return Pair(x).norm() * Kind.LARGE.value + Named(x).twice()


def nested(x):
    class Outer:
        class Inner:
            def at(self, y):
                return np.array([y, y * x]).prod()

    return Outer.Inner().at(x)


@pytest.mark.parametrize("f", [methods, derived, records, nested])
def test_the_derivative_is_that_of_differences(f):
    slope = (f(1.5 + 1e-6) - f(1.5 - 1e-6)) / 2e-6
    assert float(ad.grad(f)(1.5)) == pytest.approx(slope, rel=1e-7)
    assert float(ad.compile(ad.grad(f))(1.5)) == pytest.approx(slope, rel=1e-7)
    curve = (f(1.5 + 1e-4) - 2 * f(1.5) + f(1.5 - 1e-4)) / 1e-8
    assert float(ad.grad(ad.grad(f))(1.5)) == pytest.approx(curve, rel=1e-5, abs=1e-5)


def test_a_base_is_told_of_a_class_derived_from_it():
    Shape.known.clear()
    ad.grad(derived)(1.0)
    assert [cls.__name__ for cls in Shape.known] == ["Square"]


def test_names_in_the_body_of_a_class_are_those_of_the_module_as_it_is_now(monkeypatch):
    def f(x):
        class Holder:
            size = len([1.0, 2.0])
            scale = SCALE

        return x * Holder.size * Holder.scale[0]

    assert float(ad.grad(f)(1.0)) == 4.0
    monkeypatch.setitem(globals(), "len", lambda items: 100)
    monkeypatch.setitem(globals(), "SCALE", np.array([5.0]))
    assert float(ad.grad(f)(1.0)) == 500.0
    monkeypatch.undo()
    assert float(ad.grad(f)(1.0)) == 4.0


def test_a_name_that_is_nowhere_is_an_error_of_pythons():
    def f(x):
        class Holder:
            value = missing  # noqa: F821  # what is tested

        return x * Holder.value

    with pytest.raises(NameError, match="name 'missing' is not defined"):
        ad.grad(f)(1.0)
