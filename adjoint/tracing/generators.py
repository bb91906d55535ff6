"""Generators of NumPy that draw while a function is traced: the numbers become constants.

A function that is compiled, mapped, or a step of a loop is called once, and its operations are
repeated. A number that ``rng.normal()`` drew in that call is the same in every later call, row and
step. The trace sees nothing of it, but the generator has moved on. So the generators that a
function reaches by its names, closures and attributes are looked at before and after.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from adjoint.errors import ConstantDrawWarning
from adjoint.graph.caller import warn
from adjoint.tracing.code_of_copies import contents_of

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
    found = _generators(f)
    before = [_state(generator) for generator in found]
    yield
    moved = [g for g, state in zip(found, before, strict=True) if _state(g) != state]
    if moved:
        warn(
            f"{transform}: numpy.random drew numbers while "
            f"{getattr(f, '__name__', 'the function')} was traced ({_named(moved[0])}); they are "
            f"constants from now on, the same in every {_REPEATED.get(transform, 'step')}. Draw "
            f"with adjoint.random and a key that is an argument, or draw outside and give the "
            f"numbers as an argument",
            ConstantDrawWarning,
        )


def _generators(f: Any) -> list[Any]:
    """The generators of NumPy that `f` is, or that it reaches."""
    found: list[Any] = []
    seen: set[int] = set()
    waiting = [(f, DEPTH)]
    while waiting and len(seen) <= MOST_OBJECTS:
        x, depth = waiting.pop()
        kind = type(x)
        if kind in _LEADS_NOWHERE or id(x) in seen:
            continue
        seen.add(id(x))
        if _is_random(kind.__module__) and hasattr(x, "standard_normal"):
            found.append(x)
        elif depth:
            waiting += [(part, depth - 1) for part in reversed(_parts(x, kind))]
    return found


_LEADS_NOWHERE = frozenset(
    (type(None), bool, int, float, complex, str, bytes, type, np.ndarray, np.float64)
)
"""What holds no generator, and no function that reads one."""


def _parts(x: Any, kind: type) -> Sequence[Any]:
    """What a function reads beside its arguments, or what an object of the user holds."""
    if kind is FunctionType:
        return _parts_of_function(x)
    if isinstance(x, ModuleType):
        return _legacy() if _is_random(x.__name__) else ()
    if isinstance(x, MethodType):
        return x.__func__, x.__self__
    if isinstance(x, BuiltinMethodType):  # such as normal, after normal = rng.normal
        return (x.__self__,)
    if isinstance(x, functools.partial):
        return x.func, *x.args, *x.keywords.values()
    if isinstance(x, (list, tuple)):
        return list(x[:MOST_ITEMS])
    if isinstance(x, type):
        return ()
    if _is_of_package(kind.__module__):
        return [x.__wrapped__] if hasattr(x, "__wrapped__") else ()
    return list(getattr(x, "__dict__", {}).values())


def _parts_of_function(f: FunctionType) -> Sequence[Any]:
    """The contents of its cells, what it wraps, and if it is the user's the globals it reads."""
    cells = [] if f.__closure__ is None else contents_of(f.__closure__)
    cells += [f.__dict__["__wrapped__"]] if "__wrapped__" in f.__dict__ else []
    if _is_of_package(f.__module__):
        return cells
    names, known = _names(f.__code__), f.__globals__
    own = [known[n] for n in names if n in known]
    return [*cells, *own, *(_legacy() if "random" in names else ())]


@functools.lru_cache(maxsize=1024)
def _is_random(module: str | None) -> bool:
    """Whether a module is one of NumPy's with generators."""
    return (module or "").startswith("numpy.random")


@functools.lru_cache(maxsize=1024)
def _is_of_package(module: str | None) -> bool:
    """Whether a module is not the user's, but of those that stand between his functions."""
    return (module or "").partition(".")[0] in _PACKAGES


@functools.lru_cache(maxsize=1024)  # a function is traced for many signatures
def _names(code: CodeType) -> Sequence[str]:
    """The names of globals and attributes that a function and those inside it read."""
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    return tuple(dict.fromkeys([*code.co_names, *(name for c in inner for name in _names(c))]))


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
