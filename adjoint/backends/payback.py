"""When native code pays: what it could have saved so far, beside what it costs.

Floor 6. Nobody knows how often a structure will come again. So it is compiled once native code
would have saved what compiling costs, as one who rents skis buys a pair once the rent would have
paid for them (Karlin, Manasse, Rudolph, Sleator: Competitive snoopy caching, 1988): whenever the
calls end, all of them together took at most twice what they would have taken had that been known.
The native engine itself is loaded once all structures together would have saved that, too. Times
are estimated, not measured, so that a program takes the same decisions, and computes the same
numbers, each time it runs.
"""

from __future__ import annotations

import sys

PAYBACK = 1.0
"""How many times what compiling costs must have been lost before something is compiled."""
LOADING = 100_000.0
"""Microseconds that a process takes to load the native engine, if Python's bytecode of it is on
disk: 100 to 150 on an Intel Xeon (family 6, model 167)."""
_ENGINE = "adjoint.backends.llvm.program.memory_guards"

_lost = 0.0


def lose(microseconds: float) -> None:
    """Note what native code, that there is not yet, could have saved."""
    global _lost
    _lost += microseconds


def calls_before_loading(microseconds: float) -> float:
    """How many more calls, in each of which so much could be saved, pay for loading the native
    engine if no others do; 0 if that is paid, or done."""
    rest = PAYBACK * LOADING - _lost
    if rest <= 0.0 or _ENGINE in sys.modules:
        return 0.0
    return rest / max(microseconds, 1.0)
