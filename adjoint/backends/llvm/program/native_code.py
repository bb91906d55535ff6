"""The native way to run a program: its code loaded into this process, and what it refers to.

Floor 6. Code refers to everything outside by symbol, so that it can come from another process by
way of the disk. What differs between processes it reads from globals, filled in when it is loaded:
the addresses of its constants, and the number under which its NumPy calls find the schedule.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any
from weakref import WeakValueDictionary, finalize

import numpy as np

from adjoint.backends.llvm.calls import blas
from adjoint.backends.llvm.compile import jit, kernel_cache
from adjoint.backends.llvm.program import signals
from adjoint.backends.llvm.program.signals import DONE, FAILED, RAISED
from adjoint.backends.llvm.system import caching_allocator, thread_pool
from adjoint.backends.numpy_values import write_value
from adjoint.graph.arrays import truths
from adjoint.graph.node import Node
from adjoint.schedule.plan import NumpyCall, nbytes

Array = np.ndarray[Any, Any]

_loaded: WeakValueDictionary[int, NativeCode] = WeakValueDictionary()
"""By number, the code that NumPy calls come from."""
_numbers = count(1)
_BODY = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
"""Not CFUNCTYPE: what the body leaves raised is to be raised."""
_raised: dict[int, BaseException] = {}
"""What a NumPy call raised last in each thread, kept alive until it has been raised again."""


class Failed(Exception):
    """A check in native code failed; the interpreter knows how to say what is wrong."""


@dataclass(frozen=True)
class Outside:
    """What the code of a schedule calls that not all code does: our threads, and the routines of
    BLAS, each with the library that was chosen for it."""

    threads: bool
    routines: tuple[tuple[str, str], ...]

    def symbols(self) -> dict[str, int]:
        """The addresses of these, and of what all code may call, by name."""
        found = _symbols() | kernel_cache.symbols()
        if self.threads:
            found |= thread_pool.symbols()
        return found | {"adjoint_" + name: blas.address(name, x) for name, x in self.routines}


class NativeCode:
    """All steps of a schedule as one native function.

    `loaded` is its code, `constants` are what it reads from memory, and `numpy_calls` the steps for
    which it calls back Python.
    """

    def __init__(
        self,
        loaded: jit.Loaded,
        constants: Sequence[Array],
        numpy_calls: Sequence[NumpyCall],
        is_long: bool,
    ) -> None:
        self.loaded = loaded
        self.constants = constants
        """Kept alive, as the code has their addresses."""
        self.numpy_calls = numpy_calls
        self.fill_globals()
        block = self.loaded.address("adjoint_block")
        if block:
            finalize(self.loaded, _free_block, block).atexit = False
        name = "adjoint_call" if is_long else "adjoint_body"
        self.body = _BODY(self.loaded.address(name))

    def fill_globals(self) -> None:
        """Tell the code the addresses of its constants, and its number."""
        table = self.loaded.address("adjoint_constants")
        addresses = (ctypes.c_void_p * max(1, len(self.constants))).from_address(table)
        for i, array in enumerate(self.constants):
            addresses[i] = array.ctypes.data
        if self.numpy_calls:
            number = next(_numbers)
            _loaded[number] = self
            holder = self.loaded.address("adjoint_program")
            ctypes.c_int64.from_address(holder).value = number

    def run(self, arrays: Sequence[Array], outputs: Sequence[Array]) -> None:
        """Write the outputs for contiguous input arrays of the right dtypes and shapes."""
        addresses = [a.ctypes.data for a in (*arrays, *outputs)]
        table = (ctypes.c_void_p * len(addresses))(*addresses)
        if self.body(ctypes.addressof(table)):
            raise Failed


@cache
def _symbols() -> dict[str, int]:
    """The addresses of what all code may call, beside what kernels may."""
    memory = caching_allocator.allocator()
    return {
        "adjoint_numpy_call": _address(_numpy_call),
        "adjoint_allocate": memory.allocate,
        "adjoint_free": memory.free,
        **signals.symbols(),
    }


# operations without native code


def _evaluate(number: int, position: int, addresses: Any) -> int:
    """Evaluate one operation by its own rule, for native code without one.

    Its inputs and then its result lie at the addresses.
    """
    try:
        step = _loaded[number].numpy_calls[position]
        if step.root.op.masked_by_first and not _array_at(addresses[0], step.reads[0]).any():
            _array_at(addresses[len(step.reads)], step.root)[...] = 0
            return DONE
        values = [_array_at(addresses[i], n) for i, n in enumerate(step.reads)]
        values = [truths(x) if x.dtype.kind == "b" else x for x in values]
        with np.errstate(all="ignore"):
            write_value(step.root, values, _array_at(addresses[len(values)], step.root))
    except Exception:
        return FAILED  # the interpreter will raise it, on arrays that outlive it
    except BaseException as error:
        # Raised here it would end in ctypes, which can only print it. The code raises it.
        _raised[threading.get_ident()] = error.with_traceback(None)
        addresses[0], addresses[1] = id(type(error)), id(error)
        return RAISED
    return DONE


_numpy_call = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int64, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p)
)(_evaluate)


def _array_at(address: int, node: Node) -> Array:
    """The value of a node in the memory of a program, as an array that does not own it."""
    memory: Any = (ctypes.c_char * max(1, nbytes(node))).from_address(address)
    return np.ndarray(node.shape, node.dtype, memory)


def _free_block(holder: int) -> None:
    """Free the block that code which is about to go has kept between its calls."""
    free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(caching_allocator.allocator().free)
    free(ctypes.c_void_p.from_address(holder).value)


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0
