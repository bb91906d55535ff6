"""Labelled arrays as arguments and constants, and derivatives under their labels; units."""

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
        assert np.asarray(gradient(x)).tolist() == [2.0, 8.0, 18.0]
        assert np.asarray(gradient(x)).tolist() == [2.0, 8.0, 18.0]
    assert ad.grad(with_constant)(VALUES).tolist() == (3 * VALUES).tolist()
    found = ad.grad(lambda d: loss(d["w"]))({"w": x})["w"]
    assert np.asarray(found).tolist() == [2.0, 8.0, 18.0]
    assert type(ad.grad(with_constant)(x)) is type(x)


def series(labels="abc"):
    return pytest.importorskip("pandas").Series(VALUES, index=list(labels))


def cubes(x):
    return np.sum(x**3)


@pytest.mark.parametrize("package", MADE)
def test_derivatives_by_labelled_arrays_have_their_labels(package):
    x = MADE[package](pytest.importorskip(package))
    expected = 3 * VALUES**2
    for found in (
        ad.grad(cubes)(x),
        ad.value_and_grad(cubes)(x)[1],
        ad.grad(lambda a, b: cubes(b) * a, argnums=(0, 1))(1.0, x)[1],
        ad.grad(lambda d: cubes(d["w"]), wrt="w")({"w": x}),
        ad.vjp(cubes, x)[1](1.0)[0],
        ad.jacobian(cubes)(x),
        ad.hvp(cubes, x, VALUES / 2),
        ad.grad(lambda y: ad.grad(cubes)(y).sum() / 2 * y[0])(x),
        ad.compile(ad.grad(cubes))(x),
        ad.compile(ad.value_and_grad(lambda d: cubes(d["w"])))({"w": x})[1]["w"],
    ):
        assert type(found) is type(x)
        assert found.name == x.name
        if package == "pandas":
            assert found.index.equals(x.index)
        if package == "xarray":
            assert found.coords.equals(x.coords)
    assert np.allclose(ad.grad(cubes)(x), expected)
    assert np.allclose(ad.hvp(cubes, x, VALUES / 2), expected)


def test_derivatives_by_frames_are_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"p": [1.0, 2.0], "q": [3.0, 4.0]}, index=["a", "b"])
    gradient = ad.grad(cubes)(frame.astype("float32"))
    assert gradient.equals((3 * frame**2).astype("float32"))
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"p": [1.0, 2.0], "q": [3.0, 4.0]})
    assert ad.grad(cubes)(frame).equals(frame.select(polars.all() ** 2 * 3))


def test_a_compiled_function_labels_each_result_as_its_own_argument():
    compiled = ad.compile(ad.grad(cubes))
    for labels in ("abc", "xyz"):
        assert list(compiled(series(labels)).index) == list(labels)
        assert type(compiled(VALUES)) is ad.Tensor


def test_inside_another_transform_derivatives_are_tensors():
    w = series()
    found = ad.grad(lambda s: np.sum(ad.grad(lambda x: s * cubes(x))(w)))(2.0)
    assert found.item() == np.sum(3 * VALUES**2)


def test_arrays_with_the_same_labels_in_another_order_are_an_error():
    w, turned = series(), series("cba")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.eye(2, 3), columns=list("cba"))

    def loss(x, y):
        return np.sum(x * y)

    for ask in (
        lambda: ad.grad(lambda x: np.sum(x * turned))(w),
        lambda: ad.grad(lambda x: np.sum(turned * x))(w),
        lambda: ad.grad(lambda x: np.sum(np.dot(frame, x)))(w),
        lambda: ad.grad(loss, (0, 1))(w, turned),
        lambda: ad.grad(loss)(w, turned),
        lambda: ad.grad(lambda x: np.sum(x * w * turned))(VALUES),
        lambda: ad.compile(ad.grad(loss))(w, turned),
        lambda: ad.grad(loss)(w, w.iloc[:1]),
        lambda: ad.grad(loss)(w, series("bcd")),
    ):
        with pytest.raises(ad.errors.LabelsError, match="aligns by labels, tensors go by position"):
            ask()
    with pytest.raises(ad.errors.LabelsError, match="tangent 0 has other labels along axis 0"):
        ad.jvp(cubes, (w,), (turned,))
    assert ad.grad(loss)(w, turned.reindex(w.index)).tolist() == [3.0, 2.0, 1.0]
    assert ad.grad(loss)(w, series("xyz")).tolist() == [1.0, 2.0, 3.0]  # nothing to align by


def test_what_a_compiled_function_holds_must_fit_to_each_argument():
    w, held = series(), series()
    compiled = ad.compile(ad.grad(lambda x: np.sum(x * held)))
    assert compiled(VALUES).tolist() == compiled(w).tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(ad.errors.LabelsError):
        compiled(w.iloc[::-1])


def test_axes_of_xarray_are_aligned_by_name_or_refused():
    xarray = pytest.importorskip("xarray")
    square = xarray.DataArray(np.arange(9.0).reshape(3, 3), dims=("t", "x"))
    with pytest.raises(ad.errors.LabelsError, match=r"\('x', 't'\), .* \('t', 'x'\)"):
        ad.grad(lambda a: np.sum(a * square.transpose("x", "t")))(square)
    assert ad.grad(lambda a: np.sum(a * square))(square).equals(square)


def test_methods_that_mean_something_else_to_series_and_frames_are_errors():
    pandas = pytest.importorskip("pandas")
    w, frame = series(), pandas.DataFrame(np.arange(9.0).reshape(3, 3) ** 2)
    numbered = pandas.Series(VALUES, index=[2, 0, 1])
    for f, x, message in (
        (lambda x: x.mean() / x.std(), w, r"\.std\(ddof=1\) or \.std\(ddof=0\)"),
        (lambda x: np.sum((x - x.mean()) ** 2), frame, r"\.mean\(axis=0\), or numpy\.mean"),
        (lambda x: (x**2).sum().sum(), frame, "goes down its columns"),
        (lambda x: np.sum(x[0] ** 2), frame, r"x\[0, :\] .* x\[:, 0\]"),
        (lambda x: x[0] ** 2, numbered, r"numpy\.take\(x, 0\)"),
    ):
        for gradient in (ad.grad(f), ad.compile(ad.grad(f))):
            for _ in range(2):
                with pytest.raises(ad.errors.LabelsError, match=message):
                    gradient(x)
            assert type(gradient(x.to_numpy())) is ad.Tensor
    for f, x, own in (  # where it is said, it is as pandas computes it
        (lambda x: x.mean() / x.std(ddof=1), w, w.mean() / w.std()),
        (lambda x: np.std(x), w, w.std(ddof=0)),
        (lambda x: np.sum((x - x.mean(axis=0)) ** 2), frame, 2 * frame.var().sum()),
        (lambda x: np.sum(x[0, :] ** 2), frame, (frame.iloc[0] ** 2).sum()),
        (lambda x: np.take(x, 0) ** 2, numbered, numbered.iloc[0] ** 2),
    ):
        value, gradient = ad.value_and_grad(f)(x)
        assert float(value) == pytest.approx(own)
        assert type(gradient) is type(x)


def test_a_series_of_truth_values_chooses_elements_by_position_if_labels_are_the_same():
    w = series()
    assert ad.grad(lambda x: np.sum(x[w > 1] ** 2))(w).tolist() == [0.0, 4.0, 6.0]
    assert ad.compile(ad.grad(lambda x: np.sum(x[w > 1] ** 2)))(VALUES).tolist() == [0.0, 4.0, 6.0]
    with pytest.raises(ad.errors.LabelsError):
        ad.grad(lambda x: np.sum(x[(w > 1).iloc[::-1]]))(w)


def test_words_of_labelled_arrays_say_what_to_use():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"p": [1.0, 2.0], "q": [3.0, 4.0]}, index=["a", "b"])
    with pytest.raises(TypeError, match="tensors have no labels: index by position"):
        ad.grad(lambda x: np.sum(x["p"]))(frame)
    with pytest.raises(AttributeError, match=r"a tensor has no loc, .* index it by position"):
        ad.grad(lambda x: np.sum(x.loc["a"]))(frame)
    with pytest.raises(TypeError, match=r"numpy\.matmul\(frame, tensor\)"):
        ad.grad(lambda x: np.sum(frame @ x))(np.ones(2))


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


@pytest.mark.parametrize("package", ["pint", "astropy.units"])
def test_units_within_an_array_of_xarray_are_refused(package):
    module = pytest.importorskip(package)
    xarray = pytest.importorskip("xarray")
    x = xarray.DataArray(VALUES * (module.UnitRegistry().meter if package == "pint" else module.m))
    for ask in (ad.asarray, ad.grad(ad.sum), ad.compile(ad.sum), lambda x: ad.ones(3) * x):
        with pytest.raises(TypeError, match="has a unit"):
            ask(x)
