"""Libraries of BLAS that can be chosen for large products: where they are, and their routines.

Floor 6. A library offers ``sgemm`` under one of several names, and counts with 32 or 64 bits.
Routines are only given the addresses of integers, which they read; so one call fits both, if bytes
are in little-endian order.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from adjoint.errors import RangeError
from adjoint.graph.forking import import_module

BUILT_IN = ("auto", "scipy-openblas")
"""The choices that need no other library."""
NAMED = {"mkl": ("mkl_rt", "pip install mkl"), "blis": ("blis", "apt install libblis4")}
"""By name the library that is looked for, and how it can be installed."""
CHOICES = (*BUILT_IN, *NAMED)
ROUTINES = tuple(kind + name for name in ("gemm", "gemv") for kind in "sdcz")
"""What a library must offer."""
SPELLINGS = ("{}_", "{}", "{}_64_", "scipy_{}_", "scipy_{}_64_")
"""How the name of a routine in Fortran is written in libraries."""


def check(caller: str, choice: str) -> None:
    """Raise unless products can be left to this choice: a name of `CHOICES`, or a path."""
    if choice in BUILT_IN:
        return
    if sys.byteorder != "little":
        raise RangeError(f"{caller}: blas must be 'auto' on this processor, got {choice!r}")
    try:
        _routines(choice)
    except RangeError as error:
        raise RangeError(f"{caller}: {error}") from None


def address(name: str, choice: str) -> int:
    """The address of one of `ROUTINES` in a library that was chosen."""
    return _routines(choice)[name]


@cache
def _routines(choice: str) -> dict[str, int]:
    """The addresses of all routines of a library."""
    library = _loaded(choice)
    found: dict[str, int] = {}
    for name in ROUTINES:
        for spelling in SPELLINGS:
            routine = getattr(library, spelling.format(name), None)
            place = ctypes.cast(routine, ctypes.c_void_p).value if routine else None
            if place is not None:
                found[name] = place
                break
        else:
            raise RangeError(
                f"blas: the library {choice!r} has no routine {name!r} with the calling convention "
                f"of Fortran (looked for {', '.join(s.format(name) for s in SPELLINGS)}); give the "
                f"path of a shared library of BLAS"
            )
    return found


def _loaded(choice: str) -> ctypes.CDLL:
    """The library that a choice stands for."""
    if choice not in NAMED:
        path = Path(choice).expanduser()
        if not path.is_file():
            raise RangeError(
                f"blas: there is no file {choice!r}; blas must be one of "
                f"{', '.join(map(repr, CHOICES))}, or the path of a shared library"
            )
        return _opened(choice, str(path))
    stem, how = NAMED[choice]
    for candidate in _candidates(choice, stem):
        return _opened(choice, candidate)
    raise RangeError(
        f"blas: the library {choice!r} is not installed ({how}), or give the path of its file"
    )


def _candidates(package: str, stem: str) -> Iterator[str]:
    """Where a library may be: among the files of its package, beside Python, or in the system."""
    patterns = (f"lib{stem}.so*", f"lib{stem}*.dylib", f"{stem}*.dll")
    metadata = import_module("importlib.metadata")
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        files = []
    places = (Path(f.locate()) for f in files if any(map(f.match, patterns)))
    yield from (str(path) for path in places if path.is_file())
    for folder in (Path(sys.prefix, "lib"), Path(sys.prefix, "Library", "bin")):
        yield from (str(path) for p in patterns for path in sorted(folder.glob(p)))
    found = import_module("ctypes.util").find_library(stem)
    if found is not None:
        yield found


def _opened(choice: str, path: str) -> ctypes.CDLL:
    """The library at a path."""
    try:
        return ctypes.CDLL(path)
    except OSError as error:
        raise RangeError(f"blas: {choice!r} cannot be loaded: {error}") from None
