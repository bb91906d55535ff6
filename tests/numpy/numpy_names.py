"""The functions that adjoint and NumPy have under the same name."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np


def shared_functions(ours: Any, theirs: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Our function and NumPy's by name, of two namespaces; without ufuncs, which all are alike."""
    found = {}
    for name in dir(theirs):
        function, own = getattr(theirs, name), getattr(ours, name, None)
        plain = isinstance(function, (np.ufunc, type)) or name.startswith("_")
        if plain or not callable(function) or not inspect.isfunction(own):
            continue
        try:
            inspect.signature(function)
        except ValueError:
            continue
        if own.__module__.startswith("adjoint.api"):  # gradient of a graph is another one
            continue
        found[prefix + name] = (own, function)
    return found
