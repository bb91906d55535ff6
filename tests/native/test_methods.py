"""Methods of tensors in native code mean what they mean in Python."""

from __future__ import annotations

import gc
import inspect
import math
import sys

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.entry import entry, tensor_methods
from adjoint.backends.llvm.system.cpython_layout import DTYPES, slot_definition
from adjoint.errors import AdjointError

pytestmark = pytest.mark.native

NATIVE = {
    "float": lambda t: t.__float__(),
    "bool": lambda t: t.__bool__(),
    "item": lambda t: t.item(),
    "numpy": lambda t: t.numpy(),
    "array": lambda t: t.__array__(),
}


@pytest.fixture(autouse=True, scope="module")
def loaded():
    entry.register_symbols()


def held(value):
    """A tensor with exactly this value."""
    t = ad.asarray(np.array(value))
    t.node.value = value
    return t


def tensors():
    for dtype in DTYPES:
        yield held(dtype.type(1))
        yield held(np.array(1, dtype))
        yield held(np.ones(1, dtype))
        yield held(np.ones((2, 3), dtype)[:, ::2])
    for number in (0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 1.7e308):
        yield held(np.float64(number))
        with np.errstate(over="ignore", under="ignore"):
            yield held(np.float32(number))
    yield from map(held, (np.bool_(True), np.bool_(False), np.int64(-3), np.uint64(2**64 - 1)))
    yield held(np.zeros((0, 3)))
    yield held(np.broadcast_to(1.0, (3, 2)))
    yield held(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    yield ad.asarray(2.0) * 3.0
    yield ad.asarray([True]) | False
    yield ad.compile(lambda x: x * 2.0)(1.5)
    given = ad.asarray(np.ones(3))
    ad.compile(lambda x: x * 2.0, donate=0)(given)
    yield given
    yield object.__new__(ad.Tensor)
    broken = ad.asarray(1.0)
    broken.node = None
    yield broken


def outcome(call, t):
    """What a call returns, or raises."""
    try:
        with np.errstate(invalid="ignore"):
            found = call(t)
    except (AdjointError, AttributeError, TypeError) as error:
        return type(error), str(error)
    if type(found) is np.ndarray:
        return found.dtype, found.shape, found.flags.writeable, found.tobytes()
    return type(found), repr(found)


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", NATIVE)
def test_native_methods_answer_as_those_in_python(name):
    for t in tensors():
        found = outcome(NATIVE[name], t)
        assert found == outcome(tensor_methods._slow[name], t)


def test_conversions_are_native():
    for name in ("__float__", "__bool__", "item", "numpy", "__array__"):
        assert not inspect.isfunction(inspect.getattr_static(ad.Tensor, name)), name
    x, yes, array = held(np.float64(2.5)), held(np.bool_(True)), held(np.ones(3))
    calls = []
    sys.setprofile(lambda frame, event, _: calls.append(event))
    found = float(x), math.sqrt(x), x.item(), bool(yes), np.asarray(array), array.numpy()
    sys.setprofile(None)
    assert found[:4] == (2.5, math.sqrt(2.5), 2.5, True)
    assert "call" not in calls


def test_a_view_is_handed_out():
    value = np.arange(6.0).reshape(2, 3).T
    t = held(value)
    before = sys.getrefcount(value)
    for view in (t.numpy(), np.asarray(t), np.array(t, copy=False)):
        assert view.base is value
        assert view.flags == value[...].flags or not view.flags.writeable
        assert view.ctypes.data == value.ctypes.data
        np.testing.assert_array_equal(view, value)
    del view
    assert sys.getrefcount(value) == before
    copied = np.array(t)
    assert copied.flags.writeable
    assert not np.shares_memory(copied, value)
    assert np.asarray(t, dtype="f4").dtype == np.float32
    with pytest.raises(ValueError, match="copy"):
        np.array(t, dtype="f4", copy=False)
    with pytest.raises(TypeError):
        t.numpy(1)
    with pytest.raises(TypeError):
        ad.Tensor.numpy(3)


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


def test_they_look_like_methods():
    assert inspect.signature(ad.Tensor.numpy).parameters.keys() == {"self"}
    assert list(inspect.signature(ad.Tensor.__array__).parameters) == ["self", "dtype", "copy"]
    assert "must not be written to" in ad.Tensor.numpy.__doc__
    assert ad.Tensor.item.__name__ == "item"


def test_only_slots_are_taken_for_slots():
    assert slot_definition(float.__float__)
    assert slot_definition(ad.Tensor.item) is None
    assert slot_definition(lambda: 0) is None
