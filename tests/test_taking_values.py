"""A value out of a tensor: `float(t)`, `bool(t)`, `t.item()`, `t.numpy()`, `numpy.asarray(t)`."""

from __future__ import annotations

import gc
import inspect
import math
import sys

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError

pytestmark = pytest.mark.unit

DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "complex128"),
]
METHODS = ("float", "bool", "item", "numpy", "array")


def taken(name, t):
    return {
        "float": t.__float__, "bool": t.__bool__, "item": t.item, "numpy": t.numpy,
        "array": t.__array__,
    }[name]()  # fmt: skip


def wanted(name, value):
    """The same, by NumPy."""
    array = np.asarray(value)
    if name in ("numpy", "array"):
        return array
    if array.size != 1:
        return AdjointError
    number = array.item()
    return number if name == "item" else {"float": float, "bool": bool}[name](array.reshape(())[()])


def held(value):
    """A tensor with exactly this value."""
    t = ad.asarray(np.array(value))
    t.node.value = value
    return t


def values():
    for dtype in map(np.dtype, DTYPES):
        yield dtype.type(1)
        yield np.array(1, dtype)
        yield np.ones(1, dtype)
        yield np.ones((2, 3), dtype)[:, ::2]
    for number in (0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1.7e308):
        yield np.float64(number)
        with np.errstate(over="ignore", under="ignore"):
            yield np.float32(number)
    yield from (np.bool_(True), np.bool_(False), np.int64(-3), np.uint64(2**64 - 1))
    yield np.zeros((0, 3))
    yield np.broadcast_to(1.0, (3, 2))
    yield np.asfortranarray(np.arange(6.0).reshape(2, 3))


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", METHODS)
def test_what_is_taken_is_what_numpy_says(name):
    for value in values():
        right = wanted(name, value)
        if right is AdjointError:
            with pytest.raises(AdjointError):
                taken(name, held(value))
            continue
        found = taken(name, held(value))
        assert type(found) is type(right)
        if isinstance(found, np.ndarray):
            assert not found.flags.writeable
            np.testing.assert_array_equal(found, right, strict=True)
        else:
            assert repr(found) == repr(right)


@pytest.mark.native
def test_results_of_every_kind_of_call():
    results = (
        ad.asarray(2.0) * 1.5,
        ad.compile(lambda x: x * 2.0)(1.5),
        ad.compile(lambda x: x + x, donate=0)(ad.asarray(1.5)),
    )
    for result in results:
        assert (float(result), result.item(), bool(result)) == (3.0, 3.0, True)
        assert result.numpy() == np.asarray(result) == 3.0


@pytest.mark.native
def test_methods_are_the_same_after_compiling():
    """Nothing replaces a method at run time."""
    ad.compile(lambda x: x * 2.0)(1.5)
    for name in ("__float__", "__bool__", "item", "numpy", "__array__"):
        assert inspect.isfunction(inspect.getattr_static(ad.Tensor, name)), name


def test_tensors_that_stand_for_nothing():
    given = ad.asarray(np.ones(3))
    ad.compile(lambda x: x * 2.0, donate=0)(given)
    broken = object.__new__(ad.Tensor)
    for t, error in ((given, AdjointError), (broken, AttributeError)):
        for name in METHODS:
            with pytest.raises(error):
                taken(name, t)


def test_a_view_is_handed_out():
    value = np.arange(6.0).reshape(2, 3).T
    t = held(value)
    before = sys.getrefcount(value)
    for view in (t.numpy(), np.asarray(t), np.array(t, copy=False)):
        assert not view.flags.writeable and value.flags.writeable
        assert view.ctypes.data == value.ctypes.data and view.strides == value.strides
        np.testing.assert_array_equal(view, value)
    del view
    assert sys.getrefcount(value) == before
    copied = np.array(t)
    assert copied.flags.writeable
    assert not np.shares_memory(copied, value)
    assert np.asarray(t, dtype="f4").dtype == np.float32
    with pytest.raises(ValueError, match="copy"):
        np.array(t, dtype="f4", copy=False)


def test_no_reference_is_lost():
    x, array = held(np.float64(1.5)), held(np.ones(3))
    dtype = np.dtype(float)
    gc.collect()
    before = [sys.getrefcount(o) for o in (x, x.node.value, array.node.value, dtype, array)]
    for _ in range(300):
        float(x), x.item(), array.numpy(), np.asarray(array), np.asarray(array, dtype="f4")
        for wrong in (lambda: float(array), lambda: bool(array), array.item):
            with pytest.raises(AdjointError):
                wrong()
    del wrong
    gc.collect()
    after = [sys.getrefcount(o) for o in (x, x.node.value, array.node.value, dtype, array)]
    assert after == before


@pytest.mark.parametrize("look", [float, ad.Tensor.__array__, ad.Tensor.item, ad.Tensor.numpy])
def test_taking_a_value_out_of_a_transform_is_an_error(look):
    with pytest.raises(ad.errors.LostDerivativeError):
        ad.grad(lambda x: (look(x), x * x)[1])(np.float64(3.0))
