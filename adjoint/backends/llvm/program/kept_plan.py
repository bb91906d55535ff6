"""Plans on disk: what a program needs to run, beside its object code, under the key of its graph.

Floor 6. Passes, scheduling, and naming kernels take several times as long as to trace a function.
What they come to is object code, and which constants it reads: plain data, which a second process
reads in place of doing the same again. A plan lies in the cache of object code, an entry like the
others, in one file with all of its code. If there is none the program is made without one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import numpy as np

from adjoint.backends.llvm.compile import jit, object_cache
from adjoint.backends.llvm.compile.kernel_cache import KernelCode
from adjoint.backends.llvm.program.graph_key import MOST_BYTES, graph_key
from adjoint.backends.llvm.program.native_code import NativeCode, Outside
from adjoint.graph import options
from adjoint.graph.forking import building
from adjoint.graph.node import Node
from adjoint.schedule.donation import Reuse

FORMAT = "plan 3"
"""Another number with each change of what is written."""

Bytes: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"


@dataclass(frozen=True)
class Plan:
    """What lies on disk: the keys of the object files that it was made of, those with kernels and
    that of the program; the names of the kernels in them; what the code needs; the code of all
    files; the bytes of its constants; and which SciPy may have computed some of these, if one was
    loaded."""

    kernel_files: Sequence[str]
    program_file: str
    kernels: Sequence[str]
    has_block: bool
    is_long: bool
    outside: Outside
    reuse: Reuse
    code: bytes
    constants: Sequence[Bytes]
    scipy: str

    def packed(self) -> bytes:
        """The plan as bytes: a line of JSON, the code, and the constants."""
        told = [
            [*self.kernel_files],
            self.program_file,
            [*self.kernels],
            self.has_block,
            self.is_long,
            [self.outside.threads, self.outside.routines],
            [self.reuse.is_sure, [*self.reuse.inputs.items()]],
            [len(self.code), *map(len, self.constants)],
            self.scipy,
        ]
        values = [x.tobytes() for x in self.constants]
        return b"".join([json.dumps(told).encode(), b"\n", self.code, *values])

    @classmethod
    def unpacked(cls, data: bytes) -> Plan:
        """The plan that was `packed`."""
        line, _, rest = data.partition(b"\n")
        files, file, kernels, has_block, is_long, calls, donated, sizes, scipy = json.loads(line)
        ends = [*accumulate(sizes, initial=0)]
        code, *constants = [rest[low:high] for low, high in pairwise(ends)]
        return cls(
            files,
            file,
            kernels,
            has_block,
            is_long,
            Outside(calls[0], tuple([(name, library) for name, library in calls[1]])),
            Reuse(donated[0], dict(donated[1])),
            code,
            # as arrays of their own, so that each is aligned for any dtype
            [np.frombuffer(x, np.uint8).copy() for x in constants],
            scipy,
        )


@dataclass(frozen=True)
class Found:
    """A plan, and its code in this process."""

    plan: Plan
    kernels: KernelCode
    native: NativeCode


def plan_key(inputs: Sequence[Node], outputs: Sequence[Node], donated: Sequence[int]) -> str | None:
    """The key of the plan for a traced graph whose inputs `donated`, by number, are donated; None
    if there can be none.

    Beside the graph a plan depends on the options, on the version of NumPy, which has computed some
    of its constants, and on what all object code depends on. (Of SciPy, which is rarely asked and
    slow to import, the plan itself says which one it was.)
    """
    graph = graph_key(inputs, outputs)
    if graph is None:
        return None
    return jit.cache_key(FORMAT, np.__version__, repr(options.current()), repr([*donated]), graph)


def load(key: str) -> Found | None:
    """The plan under a key, its code loaded; None if there is none, or if it holds what another
    SciPy may have computed."""
    data = object_cache.read(key)
    if data is None:
        return None
    plan = Plan.unpacked(data)
    if plan.scipy and plan.scipy != scipy_installed():
        return None
    names = ["adjoint_body", "adjoint_constants"]
    names += ["adjoint_call"] * plan.is_long + ["adjoint_block"] * plan.has_block
    with building:
        loaded = jit.load_object(plan.code, plan.outside.symbols(), names)
    kernels = KernelCode(loaded, True, plan.kernel_files, plan.kernels)
    return Found(plan, kernels, NativeCode(loaded, plan.constants, (), plan.is_long))


def plan_of(
    native: NativeCode,
    kernels: Sequence[KernelCode],
    program_file: str,
    is_long: bool,
    outside: Outside,
    reuse: Reuse,
) -> Plan | None:
    """The plan of a program with native code whose object files lie on disk; None if it has none.

    It has none if its code calls back Python, for which there must be nodes; if kernels call what
    others do not; if two files hold the same kernel; if its constants are large; and if one of the
    files is gone.
    """
    names = [name for code in kernels for name in code.names or ()]
    if native.numpy_calls or any(code.names is None for code in kernels):
        return None
    if len(names) > len(set(names)) or sum(x.nbytes for x in native.constants) > MOST_BYTES:
        return None
    files = [*dict.fromkeys(key for code in kernels for key in code.keys)]
    objects = [object_cache.read(key) for key in (*files, program_file)]
    known = [code for code in objects if code is not None]
    if len(known) < len(objects):
        return None
    return Plan(
        files,
        program_file,
        names,
        bool(native.loaded.address("adjoint_block")),
        is_long,
        outside,
        reuse,
        b"".join(known),
        [np.frombuffer(x.tobytes(), np.uint8) for x in native.constants],
        scipy_installed() if "scipy" in sys.modules else "",
    )


@cache
def scipy_installed() -> str:
    """What tells the SciPy that would be imported from others: the state of the file that says its
    version. To import it would take longer than to make most programs anew."""
    found = find_spec("scipy")
    if found is None or found.origin is None:
        return ""
    path = os.path.join(os.path.dirname(found.origin), "version.py")
    try:
        state = os.stat(path)
    except OSError:
        return path
    return f"{path} {state.st_size} {state.st_mtime_ns}"
