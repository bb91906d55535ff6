"""Labelled arrays as arguments and constants; quantities with units are errors."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

VALUES = np.array([1.0, 2.0, 3.0])

MADE = {
    "pandas": lambda m: m.Series(VALUES, index=list("abc"), name="w"),
    "xarray": lambda m: m.DataArray(VALUES, dims=("u",), coords={"u": [10, 20, 30]}),
    "polars": lambda m: m.Series("w", VALUES),
}


@pytest.mark.parametrize("package", MADE)
def test_labelled_arrays_count_as_arrays(package):
    x = MADE[package](pytest.importorskip(package))

    def loss(w):
        return np.sum(w**2 * np.arange(1.0, 4.0))

    def with_constant(w):
        return np.sum(w * x) + np.sum(w * w)

    assert ad.asarray(x).tolist() == VALUES.tolist()
    for gradient in (ad.grad(loss), ad.compile(ad.grad(loss))):
        assert gradient(x).tolist() == [2.0, 8.0, 18.0]
        assert gradient(x).tolist() == [2.0, 8.0, 18.0]
    assert ad.grad(with_constant)(VALUES).tolist() == (3 * VALUES).tolist()
    assert ad.grad(lambda d: loss(d["w"]))({"w": x})["w"].tolist() == [2.0, 8.0, 18.0]


def test_labels_of_pandas_can_be_put_back_and_are_no_indices():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"p": [1.0, 2.0], "q": [3.0, 4.0]}, index=["a", "b"])
    gradient = ad.grad(lambda x: np.sum(x**2))(frame)
    again = pandas.DataFrame(gradient, frame.index, frame.columns)
    assert again.loc["b", "q"] == 8.0
    with pytest.raises(TypeError, match="tensors have no labels: index by position"):
        ad.grad(lambda x: np.sum(x["p"]))(frame)


class Quantity:
    """A number with a unit, as pint has it."""

    def __init__(self, magnitude, units):
        self._parts = magnitude, units

    magnitude = property(lambda self: self._parts[0])
    units = property(lambda self: self._parts[1])

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.magnitude, dtype)


class ArrayWithUnit(np.ndarray):
    """An array with a unit, as astropy has it."""

    unit = "m"
    value = property(lambda self: self.view(np.ndarray))


LENGTHS = [Quantity(VALUES, "m"), VALUES.view(ArrayWithUnit), [Quantity(1.0, "m"), 2.0]]


@pytest.mark.parametrize("x", LENGTHS, ids=["pint's", "astropy's", "in a list"])
def test_units_are_refused_wherever_an_array_may_stand(x):
    number = "value" if isinstance(x, ArrayWithUnit) else "magnitude"
    for ask in (
        ad.asarray,
        ad.sin,
        lambda x: ad.ones(len(VALUES)) * x if not isinstance(x, list) else ad.sum(x),
        ad.grad(ad.sum) if not isinstance(x, list) else ad.sum,
        ad.compile(ad.sum) if not isinstance(x, list) else ad.sum,
        lambda x: ad.grad(lambda y: ad.sum(y * ad.asarray(x)))(VALUES),
    ):
        with pytest.raises(TypeError, match=rf"has a unit, .* x\.to\(unit\)\.{number}"):
            ask(x)


@pytest.mark.parametrize(("package", "number"), [("pint", "magnitude"), ("astropy.units", "value")])
def test_the_quantities_of_libraries_are_refused(package, number):
    pytest.importorskip(package)
    module = import_module(package)
    x = VALUES * (module.UnitRegistry().meter if package == "pint" else module.m)
    for ask in (ad.asarray, ad.grad(ad.sum), ad.compile(ad.sum), lambda x: ad.ones(3) * x):
        with pytest.raises(TypeError, match=rf"has a unit, .*\.{number}"):
            ask(x)
