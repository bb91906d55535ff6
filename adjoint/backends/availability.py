"""Whether native code can be made here."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec

from adjoint.graph.forking import building

CURE = "pip install llvmlite"


@cache
def missing() -> str:
    """What native code needs and is not there; empty if all is."""
    try:
        with building:
            found = find_spec("llvmlite") is not None
    except ValueError:  # somebody has put None in its place
        found = False
    if found:
        return ""
    if sys.platform == "emscripten":
        return "there is no llvmlite for WebAssembly"
    return f"llvmlite is not installed ({CURE})"
