"""``float(tensor)``: the built-in method of tensors gives what the one in Python gives."""

from __future__ import annotations

import math
import struct
import sys
from types import MethodDescriptorType
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.entry import entry
from adjoint.backends.llvm.entry.float_method import install
from adjoint.backends.llvm.entry.object_builder import SLOW_FLOAT
from adjoint.errors import AdjointError, ConcretizationError, LostDerivativeError, ShapeError
from adjoint.graph.tensor import Tensor, from_array

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(not entry.available, reason=entry.reason),
]


@pytest.fixture(autouse=True)
def loaded() -> None:
    """Native entries are loaded, and the built-in method with them."""
    entry._entry_address()
    assert type(vars(Tensor)["__float__"]) is MethodDescriptorType


def outcome(f: Any, x: Any) -> Any:
    """The bits of a number, or the error in full."""
    try:
        found = f(x)
    except Exception as error:
        return type(error), str(error)
    assert type(found) is float
    return struct.pack("d", found)


class Own(Tensor):
    """A class of the user's."""

    __slots__ = ()


class Loud(Tensor):
    """One with a method of its own."""

    __slots__ = ()

    def __float__(self) -> float:
        return 7.0


NUMBERS = [2.5, -0.0, 0.0, math.inf, -math.inf, math.nan, -math.nan, 5e-324, 1.7e308]
VALUES = [
    *map(np.float64, NUMBERS),
    *(np.float32(1.1), np.float16(1.1), np.int64(2**60 + 1), np.bool_(True), np.uint8(255)),
    *(np.array(1.25), np.array([2.5]), np.array([[3.5]], np.float32), np.ones(3), np.zeros(0)),
    *(np.complex128(1 + 2j), np.complex64(1.5)),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("kind", [Tensor, Own])
def test_the_number_or_the_error_is_that_of_the_method_in_python(value: Any, kind: Any) -> None:
    tensor = kind(from_array(value).node)
    assert outcome(float, tensor) == outcome(SLOW_FLOAT, tensor)


def test_results_of_every_kind_are_numbers() -> None:
    x = ad.asarray(2.0)
    compiled = ad.compile(lambda x: (x * x, x.astype("float32")))
    for tensor in (x, x * 3.0, ad.sin(x), ad.grad(ad.sin)(2.0), *compiled(2.0), x.reshape(1)):
        assert outcome(float, tensor) == outcome(SLOW_FLOAT, tensor)
        assert float(tensor) == float(tensor.numpy().item())


def test_what_is_differentiated_does_not_get_lost() -> None:
    for f in (lambda x: float(x) * x, lambda x: x.__float__() * x):
        with pytest.raises(LostDerivativeError, match=r"float.*\(.*test_float_method\.py"):
            ad.grad(f)(2.0)
    with pytest.raises(ConcretizationError):
        ad.compile(lambda x: x * float(x))(2.0)
    v = ad.variable(3.0)
    assert float(v) == 3.0 and float(v * v) == 9.0


def test_who_takes_a_tensor_apart_gets_an_error_of_python() -> None:
    empty = Tensor.__new__(Tensor)
    with pytest.raises(AttributeError):
        float(empty)
    broken = ad.asarray(1.0)
    for other in (None, 3.0, np.float64(1.0)):
        broken.node = other  # type: ignore[assignment]
        with pytest.raises((AttributeError, AdjointError, TypeError)):
            float(broken)
    with pytest.raises(TypeError, match="Tensor"):
        Tensor.__float__(3.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Tensor.__float__(ad.asarray(1.0), 2.0)  # type: ignore[call-arg]


def test_a_class_of_the_users_has_its_own_method() -> None:
    assert float(Loud(from_array(np.float64(1.0)).node)) == 7.0
    assert float(Own(from_array(np.float64(1.0)).node)) == 1.0


def test_who_asks_for_a_float_gets_it() -> None:
    x = ad.compile(lambda x: x * 2.0)(1.125)
    assert math.sqrt(x) == 1.5
    assert f"{float(x):.3f}" == "2.250"
    assert np.float64(x) == 2.25
    assert struct.pack("d", x) == struct.pack("d", 2.25)
    assert max([1.0, 3.0], key=lambda a: abs(a - float(x))) == 1.0


def test_no_reference_is_kept() -> None:
    value = np.float64(1.5)
    x = from_array(value)
    before = sys.getrefcount(x), sys.getrefcount(value), sys.getrefcount(x.node)
    for _ in range(100):
        float(x)
        with pytest.raises(ShapeError):
            float(ad.ones(3))
    assert (sys.getrefcount(x), sys.getrefcount(value), sys.getrefcount(x.node)) == before


def test_code_that_is_wrong_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where CPython keeps numbers elsewhere."""
    known = vars(Tensor)["__float__"]
    monkeypatch.setattr(Tensor, "__float__", SLOW_FLOAT)
    monkeypatch.setattr(
        "adjoint.backends.llvm.entry.float_method.method_at", lambda address: lambda x: 1.0
    )
    install(0)
    assert vars(Tensor)["__float__"] is SLOW_FLOAT
    monkeypatch.undo()
    assert vars(Tensor)["__float__"] is known
