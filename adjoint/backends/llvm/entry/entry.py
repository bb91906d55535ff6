"""The entry of a compiled program: how a Python call reaches native code, and comes back.

Floor 6. `bind_entry` makes a built-in function of a program. A call then checks its arguments
against what the program was traced with, runs the body and wraps the results, without a line of
Python. Whatever does not match is handed, unchanged, to the slow path, a Python callable. Where
native entries are unavailable (`reason` says why), the slow path is all there is.

The body is `i32 body(ptr buffers)`. `buffers` lists the addresses of the inputs, then of the
outputs, each C-contiguous and aligned for its dtype (no more than that). It returns zero if all is
done. Otherwise the Python exception that it left is raised; if it left none, the call goes to the
slow path, which finds out what is wrong.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.compile import jit, object_cache
from adjoint.backends.llvm.entry import guards, results, reuse, writer
from adjoint.backends.llvm.entry.descriptor import Input, Output, Tree, describe
from adjoint.backends.llvm.entry.object_builder import ObjectBuilder, symbols
from adjoint.backends.llvm.system.cpython_layout import LAYOUT, REASON, Layout, fingerprint
from adjoint.backends.llvm.system.native_code import keep_for_ever
from adjoint.errors import ArgumentError
from adjoint.graph.forking import building
from adjoint.schedule.donation import Donations

available = LAYOUT is not None
"""Whether native entries work in this interpreter."""
reason = REASON
"""Why they do not; empty if they do."""

_FASTCALL_KEYWORDS = 0x0080 | 0x0002
_HELPERS = {
    "array_guard": guards.write_array_guard,
    "clear": results.write_clear,
    "allocate": results.write_allocate,
    "allocate_large": results.write_allocate_large,
    "scalar": results.write_scalar,
    "tensor": results.write_tensor,
    "take": reuse.write_take,
}


def entry_texts(layout: Layout) -> dict[str, str]:
    """The LLVM text of the entry, the one function for all programs, and of what it calls.

    LLVM optimises the entry as it does loops: it saves 10 of 280 ns from two floats to three
    tensors, and takes 30 ms to compile, once for all programs.
    """
    return {
        "loops": _text(layout, {"entry": writer.write_entry}),
        "written": _text(layout, _HELPERS),
    }


def _text(layout: Layout, writers: Mapping[str, Callable[[ObjectBuilder], None]]) -> str:
    module = ir.Module("entry")
    for name, write in writers.items():
        write(ObjectBuilder(module, layout, "adjoint." + name))
    return str(module)


def bind_entry(
    body: int,
    inputs: Sequence[Input],
    outputs: Sequence[Output],
    tree: Tree,
    name: str,
    doc: str,
    slow: Callable[..., Any],
    unflatten: Callable[[Any], Any] | None = None,
    keepalive: Any = None,
    donations: Donations | None = None,
    release_gil: bool = False,
) -> Callable[..., Any]:
    """The built-in function `name` that enters the code at the address `body`.

    It keeps `keepalive`, which must own the code, alive. Call it with positional arguments; any
    call that does not fit becomes ``slow(*args, **kwargs)``. The results are built as `tree` says,
    or by `unflatten`, which receives all of them as a flat tuple. The tensors that `donations`
    lists are donated; any other argument in their place does not fit. With `release_gil` other
    Python threads run while the body does, so the body must not touch Python objects.
    """
    if not available:
        raise ArgumentError(f"bind_entry: there are no native entries here ({reason})")
    described, kept = describe(body, inputs, outputs, tree, slow, unflatten, donations, release_gil)
    texts = [np.frombuffer(text.encode() + b"\0", np.uint8) for text in (name, doc)]
    method = np.zeros((), _METHOD)
    method["name"], method["doc"] = (text.ctypes.data for text in texts)
    with building:  # once in a process
        method["function"] = _entry_address()
    method["flags"] = _FASTCALL_KEYWORDS
    # The built-in holds this tuple until it is gone itself. Neither a tuple nor an array can be
    # emptied by the garbage collector, so what addresses point to outlives every use of them.
    own = (described, kept, slow, unflatten, keepalive, method, *texts)
    return _new_function()(method.ctypes.data, own, None)  # type: ignore[no-any-return]


_METHOD = np.dtype(
    [("name", np.uintp), ("function", np.uintp), ("flags", np.intc), ("doc", np.uintp)], align=True
)
"""CPython's PyMethodDef."""


@cache
def _new_function() -> Any:
    address = ctypes.cast(ctypes.pythonapi.PyCFunction_NewEx, ctypes.c_void_p).value
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return kind(address or 0)


@cache
def _entry_address() -> int:
    """Where the code of the entry is; loaded now, from the disk or compiled, and never unloaded."""
    assert LAYOUT is not None
    key = jit.cache_key("entry", fingerprint())
    code = object_cache.read(key)
    if code is None:
        code = jit.compile_object(entry_texts(LAYOUT))
        object_cache.write(key, code)
    loaded = keep_for_ever(jit.load_object(code, symbols()))
    address: int = loaded.address("adjoint.entry")
    return address


__all__ = ["Input", "Output", "Tree", "available", "bind_entry", "reason"]
