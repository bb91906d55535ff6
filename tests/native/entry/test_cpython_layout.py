"""Native entries trust no layout: where one is unexpected, calls go through Python and say why."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.entry import entry
from adjoint.backends.llvm.system import cpython_layout
from adjoint.errors import ArgumentError
from adjoint.graph.leaf import constant_node
from adjoint.graph.node import Node

pytestmark = pytest.mark.native

ROOT = Path(__file__).resolve().parents[3]
Patch = pytest.MonkeyPatch


def version(*numbers: int) -> Any:
    """What `sys.version_info` would be."""
    return (*numbers, 0, "final", 0)


class Named(NamedTuple):
    """What `sys.implementation` would be."""

    name: str


def array_with(old: str, new: str) -> type[ctypes.Structure]:
    """NumPy's struct of arrays with two fields exchanged."""
    names = [field[0] for field in cpython_layout._Array._fields_]
    kinds = {field[0]: field[1] for field in cpython_layout._Array._fields_}
    swapped = {old: new, new: old}
    fields = [(swapped.get(name, name), kinds[swapped.get(name, name)]) for name in names]
    return type("_Array", (ctypes.Structure,), {"_fields_": fields})


class LargerTensor(ad.Tensor):
    """A tensor with a slot that it fills."""

    __slots__ = ("color",)

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.color = "red"


class LargerNode(Node):
    """A node with one more slot."""

    __slots__ = ("size",)


def larger_constant(value: Any, shape: Any, dtype: Any) -> Node:
    """A constant that depends on the shape in a slot that entries do not know."""
    made = constant_node(value, shape, dtype)
    larger = LargerNode(made.op, (), (), shape, dtype)
    larger.value = value
    larger.size = len(shape)
    return larger


def dictionary() -> type:
    return type("Tensor", (ad.Tensor,), {})  # its instances have a dictionary


LIES: dict[str, tuple[Callable[[Patch], Any], str]] = {
    "next CPython": (lambda p: p.setattr(sys, "version_info", version(3, 99)), "CPython 3.99"),
    "old CPython": (lambda p: p.setattr(sys, "version_info", version(3, 10)), "CPython 3.10"),
    "PyPy": (lambda p: p.setattr(sys, "implementation", Named("pypy")), "pypy"),
    "free-threaded": (lambda p: p.setattr(sys, "abiflags", "t"), "free-threaded"),
    "debug": (lambda p: p.setattr(sys, "abiflags", "d"), "debug build"),
    "counted": (lambda p: p.setattr(sys, "gettotalrefcount", int, raising=False), "debug build"),
    "header": (lambda p: p.setattr(cpython_layout, "_HEADER", 32), "plain object"),
    "counts": (lambda p: p.setattr(sys, "getrefcount", lambda _: 7), "count of references"),
    "next NumPy": (lambda p: p.setattr(cpython_layout, "_NUMPY_ABI", 0x3000000), "NumPy 2"),
    "other table": (lambda p: p.setattr(cpython_layout, "_ARRAY_TYPE", 3), "NumPy's table"),
    "no table": (
        lambda p: p.delattr(np._core._multiarray_umath, "_ARRAY_API"), "_ARRAY_API",  # type: ignore[attr-defined]
    ),
    "base and dtype": (
        lambda p: p.setattr(cpython_layout, "_Array", array_with("base", "descr")), "of an array",
    ),
    "dimensions": (
        lambda p: p.setattr(cpython_layout, "_Array", array_with("dimensions", "strides")),
        "shape of an array",
    ),
    "data": (
        lambda p: p.setattr(cpython_layout, "_Array", array_with("data", "base")), "of an array",
    ),
    "cell": (lambda p: p.setattr(cpython_layout, "CellType", lambda *_: None), "a cell"),
    "weak": (lambda p: p.setattr(cpython_layout, "ref", lambda _: None), "weak reference"),
    "tensor": (lambda p: p.setattr(cpython_layout, "Tensor", LargerTensor), "color"),
    "dictionary": (lambda p: p.setattr(cpython_layout, "Tensor", dictionary()), "dictionary"),
    "node": (lambda p: p.setattr(cpython_layout, "Node", LargerNode), "Node"),
    "constant": (lambda p: lie_about_constants(p), "Node.size depends on the constant"),
}  # fmt: skip
"""What is pretended, and what the reason names."""


def lie_about_constants(patch: Patch) -> None:
    patch.setattr(cpython_layout, "Node", LargerNode)
    patch.setattr(cpython_layout, "constant_node", larger_constant)
    dtype = cpython_layout.DTYPES[0]
    patch.setattr(cpython_layout, "CONSTANT", larger_constant(None, (), dtype))


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_noticed(name: str, monkeypatch: Patch) -> None:
    lie, what = LIES[name]
    with monkeypatch.context() as patch:
        lie(patch)
        layout, reason = cpython_layout._layout()
    assert layout is None
    assert what in reason, reason
    assert cpython_layout._layout() == (cpython_layout.LAYOUT, "")


def test_a_slot_that_is_the_same_in_every_constant_does_no_harm(monkeypatch: Patch) -> None:
    """Entries copy what all constants have in common, so they need not know the slot."""

    def constant(value: Any, shape: Any, dtype: Any) -> Node:
        made = larger_constant(value, shape, dtype)
        made.size = None  # type: ignore[attr-defined]
        return made

    monkeypatch.setattr(cpython_layout, "Node", LargerNode)
    monkeypatch.setattr(cpython_layout, "constant_node", constant)
    monkeypatch.setattr(cpython_layout, "CONSTANT", constant(None, (), cpython_layout.DTYPES[0]))
    slots, common, _ = cpython_layout._constants()
    assert slots["size"] in common


COMPILED = """
import sys
import numpy as np
import adjoint as ad
{lie}
f = ad.compile(ad.value_and_grad(lambda x: ad.sum(ad.sin(x) * x)))
g = ad.compile(lambda w, x: w - 0.5 * x, donate=0)
h = ad.compile(lambda x, y: {{"sum": x + y, "pair": (x * y, [x - y])}})
x = np.linspace(0.0, 2.0, 5)
w = ad.asarray(x)
restore()
for _ in range(8):
    value, gradient = f(x)
    np.testing.assert_allclose(value, np.sum(np.sin(x) * x))
    np.testing.assert_allclose(gradient, np.cos(x) * x + np.sin(x))
    given, w = w, g(w, np.ones(5))
    assert float(h(2.0, 3.0)["pair"][1][0]) == -1.0
    assert h(x, 1)["sum"].tolist() == (x + 1).tolist()
    try:
        given.numpy()
    except ad.errors.DonatedError:
        pass
    else:
        raise AssertionError("a donated tensor was read")
np.testing.assert_allclose(w, x - 4.0)
big = np.ones(100_000)
for _ in range(5):
    np.testing.assert_allclose(f(big)[1], np.cos(1.0) + np.sin(1.0))
assert ad.compile(lambda x: x[x.shape[0] - 1])(x) == 2.0
with ad.options(native="always"):
    for _ in range(6):
        assert float(ad.sum(ad.exp(ad.asarray(np.zeros(5))) * 2)) == 10.0
report = f.report()
print(report.without_native_entry or "native")
assert not report.without_native_entry or report.without_native_entry in str(report)
"""

NO_LIE = "restore = int"
NEXT_CPYTHON = """
before, sys.version_info = sys.version_info, (3, 99, 0, "final", 0)
import adjoint.backends.llvm.system.cpython_layout
def restore():
    sys.version_info = before
"""
LARGER_TENSOR = """
import adjoint.graph.tensor as t
before = t.Tensor
class Larger(before):
    __slots__ = ("color",)
    def __init__(self, node):
        super().__init__(node)
        self.color = "red"
t.Tensor = Larger
import adjoint.backends.llvm.system.cpython_layout
def restore():
    t.Tensor = before
restore()
"""
OTHER_NUMPY = """
module = np._core._multiarray_umath
before, module._ARRAY_API = module._ARRAY_API, None
import adjoint.backends.llvm.system.cpython_layout
def restore():
    module._ARRAY_API = before
"""


@pytest.mark.parametrize(
    ("lie", "what"),
    [
        (NO_LIE, "native"),
        (NEXT_CPYTHON, "CPython 3.99, checked were 3.11 to 3.13"),
        (LARGER_TENSOR, "color"),
        (OTHER_NUMPY, "PyCapsule"),
    ],
    ids=["none", "version", "slot", "NumPy"],
)
def test_compiled_functions_answer_right_without_native_entries(lie: str, what: str) -> None:
    command = [sys.executable, "-c", COMPILED.format(lie=lie)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert what in done.stdout


def test_without_a_layout_no_entry_is_made(monkeypatch: Patch) -> None:
    monkeypatch.setattr(entry, "LAYOUT", None)
    monkeypatch.setattr(entry, "available", False)
    monkeypatch.setattr(entry, "reason", "a reason")
    with pytest.raises(ArgumentError, match="a reason"):
        entry.bind_entry(0, [], [], (), "f", "", print)


def test_fingerprint() -> None:
    assert ".".join(map(str, sys.version_info[:2])) in cpython_layout.fingerprint()
    assert cpython_layout.fingerprint() == cpython_layout.fingerprint()
