"""What a function reads from outside its arguments, and whether that is as it was.

Floor 7. As long as it is (`Reads.hold`), a function of which all is known that it does (`reading`)
does the same for equal arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from struct import Struct
from types import CellType, CodeType, EllipsisType, FunctionType
from typing import Any, TypeAlias

import numpy as np
from numpy import may_share_memory

from adjoint.errors import AdjointError
from adjoint.graph.tensor import Tensor

PLAIN = frozenset({int, float, bool, complex, str, bytes, type(None), EllipsisType})
FEW_BYTES = 1 << 14
"""Arrays of more are compared in blocks, and not copied for that. If all together have more, it is
seen at two calls whether they stay as they are before they are written into a program."""
BLOCK = 1 << 15
MISSING: Any = object()
_KINDS = {Tensor: "a tensor", list: "a list", dict: "a dict", np.ndarray: "an array"}
Array: TypeAlias = np.ndarray[Any, Any]
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
        self.classes: list[tuple[type, dict[str, Any]]] = []
        """Of which arguments are, and what stands in them."""
        self.parts = self.bytes = 0
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
        if self.classes and not all(_stands(*known) for known in self.classes):
            return False
        return not self.holders or all(holds(x, saved) for x, saved in self.holders)

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
            if not holds(x, saved):
                return f"{_KINDS[type(x)]} that it reads was written into"
        return "one of its functions was changed"

    def undo(self) -> bool:
        """Give holders, but large arrays, what they held; whether any held anything else."""
        found = [(x, saved) for x, saved in self.holders if not holds(x, saved)]
        for x, saved in found:
            if not _is_large(saved):
                _restore(x, saved)
        return bool(found)

    def share(self, arrays: Sequence[Array]) -> None:
        """Compare from now on with such of `arrays`, which nobody writes into, as are equal to the
        copies of what is read, and let go of these."""
        for i, (x, saved) in enumerate(self.holders):
            if _is_large(saved):
                *layout, copied = saved
                alike = (a for a in arrays if _is_alike(a, copied) and not may_share_memory(a, x))
                twins = (a for a in alike if _is_copy(a, copied))
                self.holders[i] = x, (*layout, next(twins, copied))


def _stands(kind: type, names: Mapping[str, Any]) -> bool:
    """Whether in a class stands what stood there."""
    now = vars(kind)
    return len(now) == len(names) and all(now.get(name) is names[name] for name in names)


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
    return x.dtype, x.shape, x.strides, x.tobytes() if x.nbytes <= FEW_BYTES else _copied(x)


def _is_large(saved: Any) -> bool:
    """Whether this is what a large array held."""
    return type(saved) is tuple and type(saved[-1]) is np.ndarray


def _copied(x: Array) -> Array:
    """A copy, in the same order in memory if that has no gaps."""
    return x.copy(order="K" if x.flags.forc else "C")


def holds(x: Any, saved: Any) -> bool:
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
    *layout, data = saved
    if [x.dtype, x.shape, x.strides] != layout:
        return False
    return x.tobytes() == data if type(data) is bytes else _is_copy(x, data)


def _is_alike(one: Array, other: Array) -> bool:
    """Whether two arrays look alike, and lie in memory in the same order."""
    return (one.dtype, one.shape, one.strides) == (other.dtype, other.shape, other.strides)


def _is_copy(x: Array, copied: Array) -> bool:
    """Whether a copy of an array is as that is now, to the last bit.

    That takes little longer than another copy, which calling the function would make.
    """
    order: Any = "K" if x.flags.forc else "C"
    unit = np.uint8 if x.nbytes % 8 else np.uint64
    one, other = (a.ravel(order).view(unit) for a in (x, copied))
    starts = range(0, one.size, BLOCK)
    return all(bool((one[i : i + BLOCK] == other[i : i + BLOCK]).all()) for i in starts)


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
