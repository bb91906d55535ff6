"""The native code of a schedule: what it needs, and linking it with kernels that are loaded.

Floor 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from adjoint.backends.llvm.calls import blas, product_calls
from adjoint.backends.llvm.codegen.loops import POINTER, extern
from adjoint.backends.llvm.compile import jit, kernel_cache
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.backends.llvm.program.native_code import NativeCode, Outside
from adjoint.graph import engine
from adjoint.graph.node import Node
from adjoint.schedule.plan import Gemm, NumpyCall, Schedule, all_steps


def outside_of(schedule: Schedule) -> Outside:
    """What the code of a schedule calls."""
    products = [step for step in all_steps(schedule) if isinstance(step, Gemm)]
    called = [x for x in products if not product_calls.is_own(x)]
    own = [step for step in schedule.steps if isinstance(step, Gemm)]
    return Outside(
        any(x.in_chunks for x in schedule.steps) or any(map(product_calls.in_parts, own)),
        tuple(dict.fromkeys((blas.routine(x), x.blas) for x in called)),
    )


def linked(
    code: bytes,
    schedule: Schedule,
    stored: Sequence[Node],
    kernels: Iterable[str],
    is_long: bool,
) -> NativeCode:
    """The object code of a schedule, linked with `kernels`; `stored` are the constants it reads."""
    symbols = outside_of(schedule).symbols()
    symbols |= {name: kernel_cache.address(name) for name in kernels}
    loaded = jit.load_object(code, symbols, ["adjoint_body"])
    constants = [np.ascontiguousarray(engine.value_of(node)) for node in stored]
    numpy_calls = [step for step in all_steps(schedule) if isinstance(step, NumpyCall)]
    return NativeCode(loaded, constants, numpy_calls, is_long)


def write_call_without_lock(module: Any, body: Any) -> None:
    """Add ``i32 adjoint_call(ptr *buffers)``: the body while other Python threads run."""
    function = ir.Function(module, body.function_type, "adjoint_call")
    builder = IRBuilder(function.append_basic_block())
    state = builder.call(extern(module, "PyEval_SaveThread", POINTER, []), [])
    status = builder.call(body, function.args)
    builder.call(extern(module, "PyEval_RestoreThread", ir.VoidType(), [POINTER]), [state])
    builder.ret(status)
