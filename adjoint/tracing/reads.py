"""What a function reads from outside its arguments, and whether that is as it was.

Floor 7. As long as it is (`Reads.hold`), a function of which all is known that it does (`reading`)
does the same for equal arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from struct import Struct
from types import CellType, CodeType, EllipsisType, FunctionType
from typing import Any

import numpy as np

from adjoint.errors import AdjointError
from adjoint.graph.tensor import Tensor

PLAIN = frozenset({int, float, bool, complex, str, bytes, type(None), EllipsisType})
MISSING: Any = object()
_bits = Struct("d").pack
"""Of a float: equal for all that no function can tell apart, unlike 0.0 and -0.0, nan and -nan."""


class Unproved(AdjointError):
    """It is not known what a call does; the message says why."""


class Reads:
    """What functions read from outside, and what they found there.

    `holders` are the lists, dicts, arrays and tensors among it, which may be written into;
    `asks_for_types` says that the functions can tell a tensor from an array.
    """

    def __init__(self) -> None:
        self.names: list[tuple[Mapping[str, Any], str, Any]] = []
        self.cells: list[tuple[CellType, str, Any]] = []
        self.functions: list[tuple[FunctionType, CodeType, Any, Any]] = []
        self.holders: list[tuple[Any, Any]] = []
        self.partials: list[tuple[partial[Any], Any, Any, Any]] = []
        self.objects: list[tuple[Any, type, tuple[type, ...], dict[str, Any]]] = []
        self.parts = 0
        self.asks_for_types = False

    def hold(self) -> bool:
        """Whether everything is as it was."""
        for names, name, value in self.names:
            now = names.get(name, MISSING)
            if now is not value and not same(now, value):
                return False
        for f, code, defaults, named in self.functions:
            if f.__code__ is not code or f.__defaults__ is not defaults:
                return False
            if f.__kwdefaults__ is not named:
                return False
        for cell, _, value in self.cells:
            try:
                if cell.cell_contents is not value and not same(cell.cell_contents, value):
                    return False
            except ValueError:  # it is empty now
                return False
        for p, function, args, keywords in self.partials:
            if p.func is not function or p.args is not args or p.keywords is not keywords:
                return False
        for x, kind, order, own in self.objects:
            if type(x) is not kind or kind.__mro__ is not order or x.__dict__ is not own:
                return False
        return not self.holders or all(_holds(x, saved) for x, saved in self.holders)

    def changed(self) -> str:
        """What is not as it was, in words."""
        for names, name, value in self.names:
            if not _is_as(names.get(name, MISSING), value):
                return f"{name} is not what it was"
        for cell, name, value in self.cells:
            try:
                if _is_as(cell.cell_contents, value):
                    continue
            except ValueError:
                pass
            return f"{name} is not what it was"
        for x, saved in self.holders:
            if not _holds(x, saved):
                return f"a {type(x).__name__} that it reads was written into"
        return "one of its functions was changed"

    def undo(self) -> bool:
        """Give all holders what they held; whether there was something to undo."""
        found = [(x, saved) for x, saved in self.holders if not _holds(x, saved)]
        for x, saved in found:
            _restore(x, saved)
        return bool(found)


def is_number(x: Any) -> bool:
    """Whether it is one of NumPy's numbers, which nobody can write into."""
    return (
        issubclass(type(x), np.generic)
        and type(x).__module__ == "numpy"
        and x.dtype.kind in "biufc"
    )


def same(one: Any, other: Any) -> bool:
    """Whether two numbers or texts are equal in all respects."""
    kind = type(one)
    if kind is not type(other):
        return False
    if kind is float:
        return _bits(one) == _bits(other)
    if kind is complex:
        return _bits(one.real) == _bits(other.real) and _bits(one.imag) == _bits(other.imag)
    if kind not in PLAIN:
        return is_number(one) and bool(one.tobytes() == other.tobytes())
    return bool(one == other)


def saved_of(x: Any) -> Any:
    """What a holder holds."""
    kind = type(x)
    if kind is Tensor:
        return x.node
    if kind is list:
        return list(x)
    if kind is dict:
        return list(x.items())
    return x.dtype, x.shape, x.strides, x.tobytes()


def _holds(x: Any, saved: Any) -> bool:
    kind = type(x)
    if kind is Tensor:
        return x.node is saved
    if kind is list:
        return len(x) == len(saved) and all(map(_is_as, x, saved))
    if kind is dict:
        if len(x) != len(saved):
            return False
        pairs = zip(x.items(), saved, strict=True)
        return all(_is_as(a, k) and _is_as(b, v) for (a, b), (k, v) in pairs)
    return bool((x.dtype, x.shape, x.strides, x.tobytes()) == saved)


def _is_as(one: Any, other: Any) -> bool:
    return one is other or same(one, other)


def _restore(x: Any, saved: Any) -> None:
    kind = type(x)
    if kind is Tensor:
        x.node = saved
    elif kind is list:
        x[:] = saved
    elif kind is dict:
        x.clear()
        x.update(saved)
    else:
        dtype, shape, _, data = saved
        x[...] = np.frombuffer(data, dtype).reshape(shape)
