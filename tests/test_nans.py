"""debug_nans: the operation that made nan and the line that called it; nothing else is an error."""

from __future__ import annotations

import inspect
import threading

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.options import options
from adjoint.backends import interpreter
from adjoint.errors import AdjointError, NanError
from adjoint.graph import engine, nans, node

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def on_the_interpreter():
    with engine.using(interpreter.evaluate):
        yield


def line():
    """The file and the line of the caller, as errors name them."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def look(x):
    return np.asarray(x)


def caught(function, *args):
    """What is said when `function(*args)` is looked at."""
    with options(debug_nans=True), pytest.raises(NanError) as error:
        look(function(*args))
    assert isinstance(error.value, FloatingPointError)
    assert isinstance(error.value, AdjointError)
    assert node.made is None
    return str(error.value)


def test_off_a_nan_is_a_value():
    assert np.isnan(look(ad.log(ad.asarray(-1.0))))


def test_the_operation_and_the_line_are_named():
    places = []

    def f(x):
        y = x * 2.0
        z, here = ad.log(y), line()
        places.append(here)
        return z + 1.0

    said = caught(f, ad.asarray(-1.0))
    assert said.startswith(f"{places[0]}: log(float64[]) made nan, of -2.0")
    assert "adjoint.where" in said


def test_the_element_is_named():
    said = caught(lambda x: ad.sqrt(x), ad.asarray([[1.0, 2.0, -3.0], [0.0, -4.0, 1.0]]))
    assert "sqrt(float64[2,3]) made nan in 2 of its 6 elements, first at (0, 2), of -3.0" in said
    said = caught(lambda x: x - ad.asarray([np.inf]), ad.asarray([[1.0, np.inf], [2.0, 3.0]]))
    assert "subtract(float64[2,2], float64[1]) made nan in 1 of its 4" in said
    assert "first at (0, 1), of inf and inf" in said


@pytest.mark.parametrize(
    "name, function",
    [
        ("matmul", lambda x: x @ ad.zeros((2, 1))),
        ("sum", lambda x: ad.sum(ad.concat([x[0], -x[0]]))),
        ("multiply", lambda x: x * 0.0),
        ("divide", lambda x: x / x),
        ("sin", ad.sin),
    ],
)
def test_operations_of_all_families(name, function):
    said = caught(function, ad.asarray([[np.inf, 1.0]]))
    assert f": {name}(float64[" in said


def test_complex_and_small_dtypes():
    assert "complex128[]" in caught(lambda z: z - z, ad.asarray(complex(np.inf, 0.0)))
    assert "float32[1]" in caught(ad.log, ad.asarray(np.array([-1.0], np.float32)))
    assert "float16[1]" in caught(ad.log, ad.asarray(np.array([-1.0], np.float16)))


def test_the_maker_is_blamed_not_who_passes_it_on():
    said = caught(lambda x: ad.exp(ad.sum(ad.log(x) * 3.0)), ad.asarray([1.0, -1.0]))
    assert ": log(float64[2])" in said


def test_the_line_of_a_derivative():
    places = []

    def f(x):
        y, here = ad.sqrt(x), line()
        places.append(here)
        return ad.sum(y)

    assert caught(ad.grad(f), ad.asarray([1.0, -1.0])).startswith(places[0])
    # the derivative itself: 0 · ∞
    g = ad.grad(lambda x: ad.sum(ad.sqrt(x) * 0.0))
    with options(debug_nans=True), pytest.raises(NanError) as error:
        y, here = g(ad.asarray([0.0])), line()
        look(y)
    assert here.rpartition(":")[0] in str(error.value)


def test_a_nan_given_is_no_error():
    with options(debug_nans=True):
        x = ad.asarray([np.nan, 1.0])
        assert np.isnan(look(ad.exp(x) + ad.log(x)))[0]
        assert np.isnan(look(ad.grad(lambda x: ad.sum(x * x))(x)))[0]


def test_a_nan_that_is_selected_away_is_no_error():
    with options(debug_nans=True):
        x = ad.asarray([4.0, -1.0])
        y = ad.where(x > 0, ad.sqrt(x), 0.0)
        assert look(y).tolist() == [2.0, 0.0]
        assert look(ad.hypot(ad.asarray(0.0), ad.asarray(0.0))) == 0.0
        gradient = ad.grad(lambda x, y: ad.hypot(x, y), (0, 1))(0.0, 0.0)
        assert [float(g) for g in gradient] == [0.0, 0.0]
        assert bool(ad.isclose(ad.asarray(np.inf), ad.asarray(np.inf)))


def test_it_is_found_however_the_value_is_looked_at():
    for way in (float, bool, print, str, np.asarray, lambda x: ad.evaluate(x), lambda x: x.item()):
        with options(debug_nans=True), pytest.raises(NanError):
            way(ad.log(ad.asarray(-1.0)))


def test_an_earlier_evaluation_is_remembered():
    with options(debug_nans=True):
        x = ad.variable(-1.0)
        y = ad.log(x)
        here = line()
        z = ad.where(ad.asarray(True), x, y)
        assert float(z) == -1.0  # y is known now, and nobody asked for it
        for _ in range(2):
            with pytest.raises(NanError) as error:
                float(y + 1.0)
            path, _, number = here.rpartition(":")
            assert str(error.value).startswith(f"{path}:{int(number) - 1}: log")


def test_looking_again_says_so_again():
    with options(debug_nans=True):
        y = ad.log(ad.asarray(-1.0))
        for _ in range(3):
            with pytest.raises(NanError):
                look(y)
    assert np.isnan(look(y))


def test_a_node_made_before_has_no_line():
    y = ad.log(ad.asarray(-1.0))
    with options(debug_nans=True), pytest.raises(NanError) as error:
        look(y)
    assert str(error.value).startswith("log(float64[]) made nan")
    assert "debug_nans was not on yet" in str(error.value)


def test_only_where_it_is_on():
    found = []

    def other():
        found.append(look(ad.log(ad.asarray(-1.0))))

    with options(debug_nans=True):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        with options(debug_nans=False):
            assert np.isnan(look(ad.log(ad.asarray(-1.0))))
    assert np.isnan(found[0])
    assert node.made is None


def test_nothing_is_kept_alive():
    with options(debug_nans=True):
        x = ad.asarray(2.0)
        for _ in range(50):
            x = ad.sin(x) + 1.0
        assert len(nans._places) >= 50
        before = len(nans._places)
        del x
        assert len(nans._places) <= before - 50
