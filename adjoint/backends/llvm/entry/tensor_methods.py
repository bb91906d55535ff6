"""Methods of tensors in native code: a number, or an array, out of a tensor whose value is known.

Floor 6. `float(t)`, `bool(t)`, `t.item()`, `t.numpy()` and `numpy.asarray(t)` mean what they mean
in Python, where all but the usual case is left to them: a value that must be computed, or is of
another kind, or was made inside a transform. They are put in place once native code is there, by
the functions with which CPython makes the methods of its own types.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.entry.guards import Guard
from adjoint.backends.llvm.entry.object_builder import ANY, DOUBLE, FLOAT, INT, LONG, NULL, Words
from adjoint.backends.llvm.system.cpython_layout import slot_definition, type_symbol
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor

METHODS = ("float", "bool", "item", "numpy", "array")
"""What is defined; in the code each has the prefix ``adjoint.method.``."""

_FASTCALL_KEYWORDS, _NO_ARGUMENTS = 0x0080 | 0x0002, 0x0004
_slow: dict[str, Any] = {
    "float": Tensor.__float__,
    "bool": Tensor.__bool__,
    "item": Tensor.item,
    "numpy": Tensor.numpy,
    "array": Tensor.__array__,
}
"""The same in Python."""


def symbols() -> dict[str, int]:
    """The addresses of the methods in Python, which native ones hand over to."""
    return {f"adjoint.slow.{name}": id(method) for name, method in _slow.items()}


def write_methods(words: Words) -> None:
    """Define all native methods in a module."""
    _write_number(words, "float")
    _write_number(words, "item")
    _write_bool(words)
    _write_view(words)
    _write_numpy(words)
    _write_array(words)


def _known_value(guard: Guard, tensor: Any) -> Any:
    """The value of a tensor that depends on nothing any more."""
    w = guard.words
    node = w.field(tensor, w.layout.tensor_node)
    guard.demand(w.builder.not_(w.null(node)))
    guard.demand(w.same(w.kind(node), w.symbol(type_symbol(Node))))
    value = w.field(node, w.layout.node_value)
    guard.demand(w.builder.not_(w.null(value)))
    guard.demand(w.same(w.field(node, w.layout.node_scope), w.symbol("adjoint.None")))
    guard.demand(w.same(w.field(node, w.layout.node_inputs), w.symbol("adjoint.empty")))
    return value


def _write_number(words: Words, name: str) -> None:
    """A method that makes a Python float of a float64 or float32."""
    w, guard, tensor = _start(words, name, ANY)
    builder = w.builder
    value = _known_value(guard, tensor)
    kind = w.kind(value)
    double, single = (w.same(kind, w.symbol(type_symbol(t))) for t in (np.float64, np.float32))
    guard.demand(builder.or_(double, single))
    wide = w.field(value, w.layout.number, DOUBLE)  # every scalar has room for 8 bytes
    narrow = builder.fpext(w.field(value, w.layout.number, FLOAT), DOUBLE)
    builder.ret(w.call("PyFloat_FromDouble", builder.select(double, wide, narrow)))
    w.builder.position_at_end(guard.mismatch)
    w.builder.ret(_in_python(w, name, tensor))


def _write_bool(words: Words) -> None:
    """`bool(t)`, as CPython asks for it: 1, 0, or -1 if an exception is set."""
    w, guard, tensor = _start(words, "bool", INT)
    builder = w.builder
    value = _known_value(guard, tensor)
    guard.demand(w.same(w.kind(value), w.symbol(type_symbol(np.bool_))))
    true = w.same(value, w.symbol("adjoint.numpy.True"))
    builder.ret(builder.zext(true, INT))
    builder.position_at_end(guard.mismatch)
    found = _in_python(w, "bool", tensor)
    with builder.if_then(w.null(found), likely=False):
        builder.ret(INT(-1))
    true = w.same(found, w.symbol("adjoint.True"))
    w.call("Py_DecRef", found)  # of two that stay
    builder.ret(builder.zext(true, INT))


def _write_view(words: Words) -> None:
    """`view = adjoint.view(tensor)`: one of its array that cannot be written to, or NULL."""
    w, (tensor,) = words.define("adjoint.view")
    builder = w.builder
    guard = Guard(w, builder.append_basic_block("mismatch"))
    value = _known_value(guard, tensor)
    guard.demand(w.same(w.kind(value), w.symbol(type_symbol(np.ndarray))))
    layout = w.layout
    dtype, ndim = w.field(value, layout.descr), w.field(value, layout.ndim, INT)
    extents = (w.field(value, offset) for offset in (layout.dimensions, layout.strides))
    given = (w.keep(dtype), ndim, *extents, w.field(value, layout.data), INT(0), NULL)
    made = w.call("PyArray_NewFromDescr", w.symbol(type_symbol(np.ndarray)), *given)
    guard.demand(builder.not_(w.null(made)))
    w.set_field(made, layout.base, w.keep(value))
    builder.ret(made)
    builder.position_at_end(guard.mismatch)
    builder.ret(NULL)


def _write_numpy(words: Words) -> None:
    """`t.numpy()`."""
    w, guard, tensor = _start(words, "numpy", ANY)
    made = w.call("adjoint.view", tensor)
    guard.demand(w.builder.not_(w.null(made)))
    w.builder.ret(made)
    w.builder.position_at_end(guard.mismatch)
    w.call("PyErr_Clear")
    w.builder.ret(_in_python(w, "numpy", tensor))


def _write_array(words: Words) -> None:
    """`t.__array__(dtype, copy)`, which NumPy most often calls without arguments."""
    kinds = [ANY, ANY, LONG, ANY]
    w, guard, tensor, args, count, keywords = _start(words, "array", ANY, kinds)
    builder = w.builder
    guard.demand(builder.and_(w.same(count, LONG(0)), w.null(keywords)))
    made = w.call("adjoint.view", tensor)
    guard.demand(builder.not_(w.null(made)))
    builder.ret(made)
    builder.position_at_end(guard.mismatch)
    w.call("PyErr_Clear")
    bound = w.call("PyMethod_New", w.symbol("adjoint.slow.array"), tensor)
    with builder.if_then(w.null(bound), likely=False):
        builder.ret(NULL)
    result = w.call("PyObject_Vectorcall", bound, args, count, keywords)
    w.call("Py_DecRef", bound)
    builder.ret(result)


def _start(words: Words, name: str, result: Any, kinds: Sequence[Any] = (ANY, ANY)) -> Any:
    """Start a method; words inside it, a guard that leads to Python, and the parameters used."""
    function_type = ir.FunctionType(result, kinds)
    function = ir.Function(words.module, function_type, "adjoint.method." + name)
    builder = ir.IRBuilder(function.append_basic_block("start"))
    w = Words(words.module, builder, words.layout)
    guard = Guard(w, function.append_basic_block("mismatch"))
    used = function.args if len(kinds) > 2 else function.args[:1]
    return w, guard, *used


def _in_python(w: Words, name: str, tensor: Any) -> Any:
    return w.call("PyObject_CallOneArg", w.symbol("adjoint.slow." + name), tensor)


_METHOD = np.dtype(
    [("name", np.uintp), ("function", np.uintp), ("flags", np.intc), ("doc", np.uintp)], align=True
)
"""CPython's PyMethodDef."""
_kept: list[Any] = []
"""Definitions of methods, and their texts: they stay as long as the process."""


def install(address: Callable[[str], int]) -> None:
    """Have tensors use the native methods, whose addresses are given by name."""
    for name, like in (("float", float.__float__), ("bool", int.__bool__)):
        base = slot_definition(like)
        if base is not None:
            new = _function("PyDescr_NewWrapper", ctypes.c_void_p, ctypes.c_void_p)
            _put(f"__{name}__", new(Tensor, base, address("adjoint.method." + name)))
    for name, method, flags in (
        ("item", "item", _NO_ARGUMENTS),
        ("numpy", "numpy", _NO_ARGUMENTS),
        ("array", "__array__", _FASTCALL_KEYWORDS),
    ):
        shown = f"{method}{'($self, /)' if flags == _NO_ARGUMENTS else _ARRAY}\n--\n\n"
        texts = (method, shown + (_slow[name].__doc__ or ""))
        held = [np.frombuffer(text.encode() + b"\0", np.uint8) for text in texts]
        made = np.zeros((), _METHOD)
        made["name"], made["doc"] = (text.ctypes.data for text in held)
        made["function"], made["flags"] = address("adjoint.method." + name), flags
        _kept.extend((made, *held))
        _put(method, _function("PyDescr_NewMethod", ctypes.c_void_p)(Tensor, made.ctypes.data))


_ARRAY = "($self, /, dtype=None, copy=None)"


def _put(name: str, method: Any) -> None:
    setattr(Tensor, name, method)


def _function(name: str, *kinds: Any) -> Any:
    found = ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0
    return ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, *kinds)(found)
