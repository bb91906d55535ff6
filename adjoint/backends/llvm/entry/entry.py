"""The entry of a compiled program: how a Python call reaches native code, and comes back.

Floor 6. `emit_entry` adds to the module of a program a function with CPython's own calling
convention; `bind_entry` makes a built-in of it. A call then checks its arguments against what the
program was traced with, runs the body and wraps the results, without a line of Python. Whatever
does not match is handed, unchanged, to the slow path, a Python callable.

The body is `i32 body(ptr buffers)`. `buffers` lists the addresses of the inputs, then of the
outputs, each C-contiguous and aligned for its dtype (no more than that). It returns zero if all is
done. Otherwise the Python exception that it left is raised; if it left none, the call goes to the
slow path, which finds out what is wrong.

The emitted code holds no address of this process: it names symbols, which `register_symbols` makes
known before code is loaded, and finds its own callables in `self`. So object code can be kept on
disk, under a key that includes `fingerprint()`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.compile import jit, object_cache
from adjoint.backends.llvm.entry import tensor_methods
from adjoint.backends.llvm.entry.donation import listed
from adjoint.backends.llvm.entry.helpers import HELPERS, write_helpers
from adjoint.backends.llvm.entry.object_builder import (
    ANY,
    LONG,
    Input,
    Output,
    Tree,
    Words,
    check_tree,
    require_layout,
)
from adjoint.backends.llvm.entry.python_entry import python_entry
from adjoint.backends.llvm.entry.writer import EntryWriter
from adjoint.backends.llvm.system import caching_allocator
from adjoint.backends.llvm.system.cpython_layout import LAYOUT, REASON, fingerprint, symbols
from adjoint.graph.forking import building
from adjoint.schedule.donation import Donations

available = LAYOUT is not None
"""Whether native entries work in this interpreter; if not, `reason` says why."""
reason = REASON

_FASTCALL_KEYWORDS = 0x0080 | 0x0002


def emit_entry(
    module: Any,
    name: str,
    inputs: Sequence[Input],
    outputs: Sequence[Output],
    tree: Tree,
    body: Any,
    has_unflatten: bool = False,
    release_gil: bool = False,
) -> Any:
    """Add to `module` the entry of the program `body`, under `name`; return the function.

    The results are built as `tree` says, or, with `has_unflatten`, by the callable given to
    `bind_entry`, which receives all of them as a flat tuple. With `release_gil` other Python
    threads run while the body does, so the body must not touch Python objects.
    """
    layout = require_layout()
    check_tree(tree, len(outputs))
    function = ir.Function(module, ir.FunctionType(ANY, [ANY, ANY, LONG, ANY]), name)
    builder = ir.IRBuilder(function.append_basic_block("start"))
    words = Words(module, builder, layout)
    built = tuple(range(len(outputs))) if has_unflatten else tree
    EntryWriter(words, function, inputs, outputs, built).write(body, has_unflatten, release_gil)
    return function


def register_symbols() -> None:
    """Make all that entries name known to the loader of native code, once in a process."""
    with building:
        if available and not _loaded:
            for name, address in {**symbols(), **tensor_methods.symbols()}.items():
                llvm.add_symbol(name, address)
            llvm.add_symbol("adjoint.handler", id(caching_allocator.allocator().handler))
            _loaded.append(_load_helpers())


_loaded: list[jit.Loaded] = []


def _load_helpers() -> jit.Loaded:
    """The functions that entries call, from the disk if they were compiled before."""
    key = jit.cache_key("helpers of entries", fingerprint())
    code = object_cache.read(key)
    if code is None:
        module = ir.Module("entry_helpers")
        write_helpers(Words(module, None, require_layout()))
        code = jit.compile_object({"written": str(module)})
        object_cache.write(key, code)
    loaded = jit.load_object(code, {})
    for helper in HELPERS:
        llvm.add_symbol("adjoint." + helper, loaded.address("adjoint." + helper))
    tensor_methods.install(loaded.address)
    return loaded


def bind_entry(
    address: int,
    name: str,
    doc: str,
    slow: Callable[..., Any],
    outputs: Sequence[Output],
    unflatten: Callable[[Any], Any] | None = None,
    keepalive: Any = None,
    donations: Donations | None = None,
) -> Callable[..., Any]:
    """The built-in function `name` that enters the code at `address`, emitted for `outputs`.

    It keeps `keepalive`, which must own the code, alive. Call it with positional arguments; any
    call that does not fit becomes ``slow(*args, **kwargs)``. The tensors among
    them that `donations` lists are donated; there any other argument does not fit.
    """
    texts = [np.frombuffer(text.encode() + b"\0", np.uint8) for text in (name, doc)]
    method = np.zeros((), _METHOD)
    method["name"], method["doc"] = (text.ctypes.data for text in texts)
    method["function"], method["flags"] = address, _FASTCALL_KEYWORDS
    method.flags.writeable = False
    # The built-in holds this tuple until it is gone itself. Neither a tuple nor an array can be
    # emptied by the garbage collector, so the definition outlives every use of it.
    given = listed(donations) if donations is not None else (None, None)
    own = (slow, unflatten, *given, *(spec.shape for spec in outputs), keepalive, method, *texts)
    make = _new_function()
    return make(method.ctypes.data, own, None)  # type: ignore[no-any-return]


_METHOD = np.dtype(
    [("name", np.uintp), ("function", np.uintp), ("flags", np.intc), ("doc", np.uintp)], align=True
)
"""CPython's PyMethodDef."""


@cache
def _new_function() -> Any:
    address = ctypes.cast(ctypes.pythonapi.PyCFunction_NewEx, ctypes.c_void_p).value
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    return kind(address or 0)


__all__ = [
    "Input",
    "Output",
    "Tree",
    "available",
    "bind_entry",
    "emit_entry",
    "fingerprint",
    "python_entry",
    "reason",
    "register_symbols",
    "symbols",
]
