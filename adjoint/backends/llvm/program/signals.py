"""How a program in native code stops for Ctrl-C, and how it passes on what Python code raised.

Floor 6. CPython notes a signal and acts on it between two instructions of its own, so that native
code which runs for seconds would have to end first. Between steps with much work a program reads
the clock, and once a second it asks Python whether a signal has come in. Only once a second, since
asking takes the interpreter's lock, which long programs have released. Those that were not known
to be long, as loops may be that go on while a condition holds, let other threads run then.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.loops import BIT, I64, POINTER, alloca, extern
from adjoint.backends.llvm.compile.ir_builder import IRBuilder
from adjoint.schedule.plan import Control, Step

I32 = ir.IntType(32)
LONG_STEP = 1 << 18
"""Operations of a step from which on a program may stop before it. So many take 7 µs in a product
of matrices and more elsewhere, beside which reading the clock (20 ns) costs nothing."""
CHECK_EVERY = 1 << 18
"""Operations after which a loop looks at the clock, as a program does between steps."""
FAILED, DONE, RAISED = 0, 1, 2
"""What a NumPy call returns: it failed, as the interpreter will explain; all went well; its table
now begins with the type and the value of an exception to raise."""

CLOCK = getattr(time, "CLOCK_MONOTONIC", 1)
"""Which clock `adjoint_clock` is asked for, by whoever wants times finer than seconds."""

_PYTHON = (
    *("PyGILState_Ensure", "PyGILState_Release", "PyErr_CheckSignals", "PyErr_SetObject"),
    *("PyEval_SaveThread", "PyEval_RestoreThread"),
)


def symbols() -> dict[str, int]:
    """The addresses of what the code below calls."""
    found = {name: getattr(ctypes.pythonapi, name) for name in _PYTHON}
    found["adjoint_time"] = ctypes.CDLL(None).time
    found["adjoint_clock"] = ctypes.CDLL(None).clock_gettime
    return {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in found.items()}


def rounds_between_checks(work: int) -> int:
    """After how many rounds with so much work, a power of two, a loop looks at the clock."""
    every = 1
    while every * (work + 64) < CHECK_EVERY:
        every *= 2
    return every


class Interrupts:
    """Writes the checks for signals into the body of a program."""

    def __init__(self, module: Any, builder: Any, steps: Sequence[Step]) -> None:
        self.module = module
        self.builder = builder
        self.long = set([step for step in steps if step.work >= LONG_STEP][1:])
        if self.long or any(isinstance(step, Control) for step in steps):
            self.last = alloca(builder, I64)
            self.last.type = POINTER
            builder.store(time_in_seconds(builder), self.last)

    def check_before(self, step: Step, stopped: Any) -> None:
        """Before a long step but the first, go to `stopped` if a signal raises something."""
        if step in self.long:
            self.check(stopped)

    def check(self, stopped: Any) -> None:
        """Go to `stopped` if a signal raises something; once a second Python is asked."""
        builder = self.builder
        raised = builder.call(asked_once_a_second(self.module), [self.last])
        resume = builder.append_basic_block("resume")
        builder.cbranch(raised, stopped, resume).set_weights([1, 1000])
        builder.position_at_end(resume)


def asked_once_a_second(module: Any) -> Any:
    """``i1 adjoint_check(ptr last)``, the function of the module that says whether a signal raises
    something. It asks if the second is not the `last` one, which it sets."""
    found = module.globals.get("adjoint_check")
    if found is not None:
        return found
    function = ir.Function(module, ir.FunctionType(BIT, [POINTER]), "adjoint_check")
    function.linkage = "internal"
    builder = IRBuilder(function.append_basic_block())
    (last,) = function.args
    now = time_in_seconds(builder)
    ask, same = (builder.append_basic_block(name) for name in ("ask", "same"))
    next_second = builder.icmp_signed("!=", now, builder.load(last, typ=I64))
    builder.cbranch(next_second, ask, same).set_weights([1, 1000])
    builder.position_at_end(same)
    builder.ret(BIT(0))
    builder.position_at_end(ask)
    builder.store(now, last)
    state = builder.call(extern(module, "PyGILState_Ensure", I32, []), [])
    raised = builder.call(extern(module, "PyErr_CheckSignals", I32, []), [])
    let_go = extern(module, "PyEval_SaveThread", POINTER, [])
    take_back = extern(module, "PyEval_RestoreThread", ir.VoidType(), [POINTER])
    builder.call(take_back, [builder.call(let_go, [])])  # a thread that waits has its turn
    builder.call(extern(module, "PyGILState_Release", ir.VoidType(), [I32]), [state])
    builder.ret(builder.icmp_signed("!=", raised, I32(0)))
    return function


def time_in_seconds(builder: Any) -> Any:
    """The time in whole seconds."""
    function = extern(builder.module, "adjoint_time", I64, [POINTER])
    return builder.call(function, [ir.Constant(POINTER, None)])


def check_signals(builder: Any, stopped: Any) -> None:
    """Go to `stopped` if a signal raises something; this thread has the interpreter's lock.

    So it is raised here, where an exception can go on to the caller, and not in the callback of
    ctypes that follows, which could only print it.
    """
    raised = builder.call(extern(builder.module, "PyErr_CheckSignals", I32, []), [])
    resume = builder.append_basic_block()
    builder.cbranch(builder.icmp_signed("==", raised, I32(0)), resume, stopped)
    builder.position_at_end(resume)


def resume_if_done(builder: Any, status: Any, table: Any, failed: Any) -> None:
    """Go on if a NumPy call is `DONE`, else to `failed`, raising what it wants raised."""
    with builder.if_then(builder.icmp_signed("==", status, I32(RAISED)), likely=False):
        function = extern(builder.module, "PyErr_SetObject", ir.VoidType(), [POINTER, POINTER])
        addresses = [builder.gep(table, [I64(i)], source_etype=POINTER) for i in range(2)]
        builder.call(function, [builder.load(address, typ=POINTER) for address in addresses])
    resume = builder.append_basic_block()
    builder.cbranch(builder.icmp_signed("==", status, I32(DONE)), resume, failed)
    builder.position_at_end(resume)
