"""Generators of NumPy that draw while a function is traced: the numbers become constants.

A function that is compiled, mapped, or a step of a loop is called once, and its operations are
repeated. A number that ``rng.normal()`` drew in that call is the same in every later call, row and
step. The trace sees nothing of it, but the generator has moved on. So the generators that a
function reaches by its names, closures and attributes are looked at before and after.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from adjoint.errors import ConstantDrawWarning
from adjoint.graph.caller import stack_level

DEPTH = 6
"""How many functions and objects lie between a function and a generator that is still found."""
MOST_OBJECTS = 1000
"""After so many functions and objects the search ends."""
MOST_ITEMS = 16
"""So many items of a list are looked at."""
_PACKAGES = ("adjoint", "numpy", "scipy")

_REPEATED = {"compile": "call", "vmap": "row"}


@contextmanager
def constant_draws_warned_of(transform: str, f: Any) -> Iterator[None]:
    """Warn after the block, in which `f` is traced, if a generator that it reaches has drawn."""
    found = list(_generators(f, DEPTH, set()))
    before = [_state(generator) for generator in found]
    yield
    moved = [g for g, state in zip(found, before, strict=True) if _state(g) != state]
    if moved:
        warnings.warn(
            f"{transform}: numpy.random drew numbers while "
            f"{getattr(f, '__name__', 'the function')} was traced ({_named(moved[0])}); they are "
            f"constants from now on, the same in every {_REPEATED.get(transform, 'step')}. Draw "
            f"with adjoint.random and a key that is an argument, or draw outside and give the "
            f"numbers as an argument",
            ConstantDrawWarning,
            stacklevel=stack_level(),
        )


def _generators(x: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    """The generators of NumPy that `x` is, or that it reaches."""
    if id(x) in seen or depth < 0 or len(seen) > MOST_OBJECTS:
        return
    seen.add(id(x))
    home = type(x).__module__ or ""
    if home.startswith("numpy.random") and hasattr(x, "standard_normal"):
        yield x
        return
    for part in _parts(x):
        yield from _generators(part, depth - 1, seen)


def _parts(x: Any) -> list[Any]:
    """What a function reads beside its arguments, or what an object of the user holds."""
    if isinstance(x, MethodType):
        return [x.__func__, x.__self__]
    if isinstance(x, BuiltinMethodType):  # such as normal, after normal = rng.normal
        return [x.__self__]
    if isinstance(x, functools.partial):
        return [x.func, *x.args, *x.keywords.values()]
    if isinstance(x, FunctionType):
        cells = [c.cell_contents for c in x.__closure__ or () if _is_filled(c)]
        cells += [x.__wrapped__] if hasattr(x, "__wrapped__") else []
        if _is_of_package(x.__module__):
            return cells
        names = _names(x.__code__)
        own = [x.__globals__[n] for n in names if n in x.__globals__]
        return [*cells, *own, *(_legacy() if "random" in names else [])]
    if isinstance(x, (list, tuple)):
        return list(x[:MOST_ITEMS])
    if isinstance(x, ModuleType):
        return _legacy() if x.__name__.startswith("numpy.random") else []
    if isinstance(x, type):
        return []
    if _is_of_package(type(x).__module__):
        return [x.__wrapped__] if hasattr(x, "__wrapped__") else []
    return list(getattr(x, "__dict__", {}).values())


def _is_of_package(module: str | None) -> bool:
    """Whether a module is not the user's, but of those that stand between his functions."""
    return (module or "").partition(".")[0] in _PACKAGES


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _names(code: CodeType) -> set[str]:
    """The names of globals and attributes that a function and those inside it read."""
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _legacy() -> list[Any]:
    """The generator behind ``numpy.random.normal`` and its like, if it was ever loaded.

    To ask it for its state takes long, so only who reads the name ``random`` is taken to reach it.
    """
    module = sys.modules.get("numpy.random.mtrand")
    return [] if module is None else [module._rand]


def _state(generator: Any) -> Any:
    """The state of a generator in a form that can be compared."""
    if hasattr(generator, "get_state"):  # a RandomState, which keeps a normal number for later
        return _frozen(generator.get_state(legacy=False))
    return _frozen(generator.bit_generator.state)


def _frozen(x: Any) -> Any:
    if isinstance(x, dict):
        return {name: _frozen(part) for name, part in x.items()}
    return x.tobytes() if hasattr(x, "tobytes") else x


def _named(generator: Any) -> str:
    return "numpy.random" if generator in _legacy() else repr(generator).partition(" at ")[0]
