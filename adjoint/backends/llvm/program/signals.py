"""How a program in native code stops for Ctrl-C, and how it passes on what Python code raised.

Floor 6. Between steps with much work a program looks at the clock, and once a second it asks Python
whether a signal has come in. That takes the lock of the interpreter, which long programs let go of.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.loops import I64, POINTER, alloca, extern
from adjoint.schedule.plan import Step

I32 = ir.IntType(32)
MUCH = 1 << 18
"""Operations of a step from which on a program may stop before it."""
FAILED, DONE, RAISED = 0, 1, 2
"""What a NumPy call returns: the interpreter will explain what failed; all went well; its table now
begins with the type and the value of an exception to raise."""

_PYTHON = (
    *("PyGILState_Ensure", "PyGILState_Release", "PyErr_CheckSignals", "PyErr_SetObject"),
    *("PyEval_SaveThread", "PyEval_RestoreThread"),
)


def symbols() -> dict[str, int]:
    """The addresses of what the code below calls."""
    found = {name: getattr(ctypes.pythonapi, name) for name in _PYTHON}
    found["adjoint_time"] = ctypes.CDLL(None).time
    return {name: ctypes.cast(f, ctypes.c_void_p).value or 0 for name, f in found.items()}


class Interrupts:
    """Writes the questions for signals into the body of a program."""

    def __init__(self, module: Any, builder: Any, steps: Sequence[Step]) -> None:
        self.module = module
        self.builder = builder
        self.long = set([step for step in steps if step.work >= MUCH][1:])
        if self.long:
            self.last = alloca(builder, I64)
            self.last.type = POINTER
            builder.store(self.now(), self.last)

    def now(self) -> Any:
        """The time in whole seconds."""
        function = extern(self.module, "adjoint_time", I64, [POINTER])
        return self.builder.call(function, [ir.Constant(POINTER, None)])

    def ask_before(self, step: Step, stopped: Any) -> None:
        """Before a long step but the first, go to `stopped` if a signal raises something."""
        if step not in self.long:
            return
        builder, now = self.builder, self.now()
        changed = builder.icmp_signed("!=", now, builder.load(self.last, typ=I64))
        ask, going_on = (builder.append_basic_block(n) for n in ("ask", "going_on"))
        builder.cbranch(changed, ask, going_on).set_weights([1, 1000])
        builder.position_at_end(ask)
        builder.store(now, self.last)
        state = builder.call(extern(self.module, "PyGILState_Ensure", I32, []), [])
        raised = builder.call(extern(self.module, "PyErr_CheckSignals", I32, []), [])
        builder.call(extern(self.module, "PyGILState_Release", ir.VoidType(), [I32]), [state])
        builder.cbranch(builder.icmp_signed("==", raised, I32(0)), going_on, stopped)
        builder.position_at_end(going_on)


def ask_at_once(builder: Any, stopped: Any) -> None:
    """Go to `stopped` if a signal raises something; this thread has the interpreter's lock.

    So it is raised here and not within a callback, which could not tell anybody.
    """
    raised = builder.call(extern(builder.module, "PyErr_CheckSignals", I32, []), [])
    going_on = builder.append_basic_block()
    builder.cbranch(builder.icmp_signed("==", raised, I32(0)), going_on, stopped)
    builder.position_at_end(going_on)


def go_on_if_done(builder: Any, status: Any, table: Any, failed: Any) -> None:
    """Go on if a NumPy call is `DONE`; else to `failed`, raising what it wants raised."""
    with builder.if_then(builder.icmp_signed("==", status, I32(RAISED)), likely=False):
        function = extern(builder.module, "PyErr_SetObject", ir.VoidType(), [POINTER, POINTER])
        places = [builder.gep(table, [I64(i)], source_etype=POINTER) for i in range(2)]
        builder.call(function, [builder.load(place, typ=POINTER) for place in places])
    going_on = builder.append_basic_block()
    builder.cbranch(builder.icmp_signed("==", status, I32(DONE)), going_on, failed)
    builder.position_at_end(going_on)
