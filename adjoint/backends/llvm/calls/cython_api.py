"""The C functions that SciPy's extension modules offer, without importing all of SciPy."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from adjoint.graph.forking import building, import_module


@cache
def functions(name: str) -> Mapping[str, Any]:
    """The functions of the extension ``scipy.linalg.<name>``, each in a capsule.

    The extension is loaded by itself: ``scipy.linalg`` as a whole takes a tenth of a second to
    import, an extension ten milliseconds. Importing it later finds the same module.
    """
    full = f"scipy.linalg.{name}"
    with building:
        module = sys.modules.get(full) or _load_extension(full) or import_module(full)
    found: Mapping[str, Any] = module.__pyx_capi__
    return found


def _load_extension(full: str) -> Any:
    """The module `full` without the packages it lies in, if its file is where it should be."""
    package, *inner, _ = full.split(".")
    spec = importlib.util.find_spec(package)
    roots = [] if spec is None else spec.submodule_search_locations or []
    folders = [str(Path(root, *inner)) for root in roots]
    found = importlib.machinery.PathFinder.find_spec(full, folders)
    if found is None or found.loader is None:
        return None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module
