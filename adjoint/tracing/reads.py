"""What a function reads from outside its arguments, where all that it does is known.

Floor 7. Calling a function may be left out if it is sure what the call would do. That is sure of a
function which, with all functions it can call, is made of known instructions only
(`instructions`), calls only what is known (`known_functions`), and reads nothing else but what is
looked at here: numbers, texts, tensors, small arrays, and lists, dicts and tuples of these, under
global names, in variables of enclosing functions, in defaults, and in attributes of modules and
of plain objects, which stand under such names. As long as these hold what they held (`Reads.hold`),
the function does the same for equal arguments.

It is proved of the code, of all of its branches, and not by watching one call.
"""

from __future__ import annotations

import builtins
import dis
import os
from collections.abc import Mapping, Sequence
from dis import Instruction
from functools import partial
from struct import Struct
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    EllipsisType,
    FunctionType,
    GetSetDescriptorType,
    ModuleType,
)
from typing import Any

import numpy as np

from adjoint.errors import AdjointError
from adjoint.graph.tensor import Tensor
from adjoint.tracing.instructions import ATTRIBUTE, INTRINSICS, KNOWN, SAYS, SKIPPED
from adjoint.tracing.known_functions import (
    asks_for_time,
    asks_for_type,
    attributes,
    is_known,
    is_layer,
    is_of_layer,
)
from adjoint.tracing.rebinding import is_of_users_class, is_users, written_cells

MOST_BYTES = 1 << 14
"""The largest array that is compared at each call."""
MOST_PARTS = 256
"""How many parts lists, dicts and tuples from outside may have in all."""
PLAIN = frozenset({int, float, bool, complex, str, bytes, type(None), EllipsisType})
_bits = Struct("d").pack
"""Of a float: equal for all that no function can tell apart, unlike 0.0 and -0.0, nan and -nan."""
_MISSING: Any = object()


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
            now = names.get(name, _MISSING)
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
            if not _is_as(names.get(name, _MISSING), value):
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


def _saved(x: Any) -> Any:
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


def reads_of(f: Any) -> Reads:
    """What `f` reads; `Unproved` says why that is not known."""
    reading = _Reading()
    reading.value(f, "the function", "")
    return reading.reads


transforms: dict[CodeType, str] = {}
"""The code of functions that transforms make, and the variable in which the user's own is."""


class _Reading:
    """One reading of a function and of all that it can call."""

    def __init__(self) -> None:
        self.reads = Reads()
        self.done: dict[int, Any] = {}
        self.classes: dict[type, Mapping[str, Any]] = {}
        self.names: dict[tuple[int, str], tuple[Mapping[str, Any], str, Any]] = {}

    # Values.

    def value(self, x: Any, name: str, place: str) -> None:
        """Look at what stands under a name; `place` is where it is read."""
        kind = type(x)
        if asks_for_time(x):
            raise Unproved(f"{place}{name} is {x!r}, which NumPy may read as the time")
        if kind in PLAIN or issubclass(kind, np.dtype) or is_number(x):
            return
        if id(x) in self.done:
            return
        self.done[id(x)] = x
        if kind is FunctionType:
            self._function(x, name, place)
        elif kind in (tuple, list, dict, frozenset):
            self._parts(x, name, place)
        elif kind is Tensor or kind is np.ndarray:
            self._array(x, name, place)
        elif kind is partial:
            self.reads.partials.append((x, x.func, x.args, x.keywords))
            for part in (x.func, x.args, x.keywords):
                self.value(part, name, place)
        else:
            self._known(x, name, place)

    def _known(self, x: Any, name: str, place: str) -> None:
        if not is_known(x):
            raise Unproved(
                f"{place}{name} is {_described(x)}, of which it is not known what it does"
            )
        if asks_for_type(x):
            self.reads.asks_for_types = True

    def _parts(self, x: Any, name: str, place: str) -> None:
        self.reads.parts += len(x)
        if self.reads.parts > MOST_PARTS:
            raise Unproved(f"{place}{name} has more than {MOST_PARTS} parts")
        if type(x) in (list, dict):
            self.reads.holders.append((x, _saved(x)))
        for part in (*x, *x.values()) if type(x) is dict else x:
            self.value(part, name, place)

    def _array(self, x: Any, name: str, place: str) -> None:
        if type(x) is Tensor:
            if x.node.scope is not None and x.node.scope.is_open():
                raise Unproved(f"{place}{name} depends on a variable")
        elif x.dtype.kind not in "biufc":
            raise Unproved(f"{place}{name} is an array of {x.dtype}")
        elif x.nbytes > MOST_BYTES:
            raise Unproved(
                f"{place}{name} is an array of {x.nbytes} bytes, too many to compare at each "
                f"call; make it a tensor by adjoint.asarray, or an argument"
            )
        self.reads.holders.append((x, _saved(x)))

    def _function(self, f: FunctionType, name: str, place: str) -> None:
        if f.__code__ in transforms:
            names = f.__code__.co_freevars
            cell = (f.__closure__ or ())[names.index(transforms[f.__code__])]
            self.value(cell.cell_contents.function, name, place)
            return
        if is_of_layer(f):
            for cell in f.__closure__ or ():
                self._part_of_layer(cell.cell_contents, name, place)
            return
        if not is_users(f.__globals__, None) or type(f.__globals__) is not dict:
            self._known(f, name, place)
            return
        if any(not key.startswith("__") for key in f.__dict__):
            raise Unproved(f"{place}{name} is a function with attributes of its own")
        if written := written_cells(f.__code__):
            raise Unproved(f"{_place(f.__code__)}it sets {', '.join(sorted(written))}, outside it")
        given = f.__globals__.get("__builtins__", builtins)
        if given is not builtins and given is not builtins.__dict__:
            raise Unproved(f"{_place(f.__code__)}it has builtins of its own")
        self.reads.functions.append((f, f.__code__, f.__defaults__, f.__kwdefaults__))
        for defaults in (f.__defaults__, f.__kwdefaults__):
            self.value(defaults, "a default", _place(f.__code__))
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
        self._code(f.__code__, f.__globals__, cells)

    def _part_of_layer(self, x: Any, name: str, place: str) -> None:
        """Look at what a layer of adjoint's is made of, of which it calls the functions."""
        if type(x) is tuple:
            for part in x:
                self._part_of_layer(part, name, place)
        else:
            self.value(x.apply if is_layer(x) else x, name, place)

    # Code.

    def _code(self, code: CodeType, names: dict[str, Any], cells: Mapping[str, CellType]) -> None:
        """Look at the instructions of a function, and of those that are defined in it.

        `cells` are the variables that it shares with functions around it, which are outside.
        """
        steps = [x for x in dis.get_instructions(code) if x.opname not in SKIPPED]
        line = code.co_firstlineno
        end = 0  # of the attributes of modules that were looked up already
        for number, step in enumerate(steps):
            line = _line(step) or line
            place = _place(code, line)
            _check(steps, number, place, number < end)
            if step.opname == "LOAD_GLOBAL":
                found = self._global(names, step.argval, place)
                end = self._chain(found, step.argval, steps, number + 1, place)
            elif step.opname == "LOAD_DEREF" and step.argval in cells:
                found = self._cell(cells[step.argval], step.argval, place)
                end = self._chain(found, step.argval, steps, number + 1, place)
        for inner in code.co_consts:
            self._constant(inner, code)
            if isinstance(inner, CodeType):
                outer = {k: c for k, c in cells.items() if k not in code.co_cellvars}
                self._code(inner, names, outer)

    def _constant(self, x: Any, code: CodeType) -> None:
        """Look at a constant of a function, and within tuples."""
        if type(x) is tuple:
            for part in x:
                self._constant(part, code)
        elif asks_for_time(x):
            raise Unproved(f"{_place(code)}it has {x!r}, which NumPy may read as the time")

    def _global(self, names: dict[str, Any], name: str, place: str) -> Any:
        found = self._name(names, name)
        if found is _MISSING:
            found = self._name(builtins.__dict__, name)
            if found is _MISSING:
                raise Unproved(f"{place}there is no {name}")
        return found

    def _name(self, names: Mapping[str, Any], name: str) -> Any:
        """What stands under a name; the same for all who read it."""
        known = self.names.get((id(names), name))
        if known is None:
            known = self.names[id(names), name] = names, name, names.get(name, _MISSING)
            self.reads.names.append(known)
        return known[2]

    def _cell(self, cell: CellType, name: str, place: str) -> Any:
        try:
            found = cell.cell_contents
        except ValueError:
            raise Unproved(f"{place}{name} has no value yet") from None
        if id(cell) not in self.done:
            self.done[id(cell)] = cell
            self.reads.cells.append((cell, name, found))
        return found

    def _chain(
        self, x: Any, name: str, steps: Sequence[Instruction], number: int, place: str
    ) -> int:
        """Look at what is read from outside, through modules: ``x``, ``module.part.x``.

        Returns the number of the first step after that.
        """
        while type(x) is ModuleType or is_layer(x) or is_plain_object(x):
            step = steps[number]
            if step.opname not in ATTRIBUTE or step.is_jump_target:
                raise Unproved(f"{place}it uses {name} itself, {_described(x)}, not a name in it")
            key, name, number = step.argval, f"{name}.{step.argval}", number + 1
            if type(x) is ModuleType:
                x = self._name(vars(x), key)
            elif is_layer(x):
                x = x.apply if key == "apply" else _MISSING
            else:
                x = self._attribute(x, key)
            if x is _MISSING:
                raise Unproved(f"{place}{name} is not looked up in a plain way")
        self.value(x, name, place)
        return number

    def _attribute(self, x: Any, name: str) -> Any:
        """The attribute of a plain object, which stands in its dictionary unless a class of its
        has a property, or another descriptor, of that name."""
        kind = type(x)
        if id(x) not in self.done:
            self.done[id(x)] = x
            self.reads.objects.append((x, kind, kind.__mro__, x.__dict__))
        for base in kind.__mro__[:-1]:
            names = self.classes.setdefault(base, vars(base))
            self._name(names, "__getattribute__")
            found = self._name(names, name)
            if found is not _MISSING and type(found) not in PLAIN:
                return _MISSING
        return self._name(x.__dict__, name)


def is_plain_object(x: Any) -> bool:
    """Whether it is an object of a class of the user's that finds attributes as `object` does."""
    if not is_of_users_class(x):
        return False
    spaces = [vars(base) for base in type(x).__mro__[:-1]]
    if any("__getattribute__" in names for names in spaces):
        return False
    own = [names["__dict__"] for names in spaces if "__dict__" in names]
    return bool(own) and all(type(d) is GetSetDescriptorType for d in own)


def _check(steps: Sequence[Instruction], number: int, place: str, is_looked_up: bool) -> None:
    """Raise `Unproved` unless an instruction is known, by itself and where it stands.

    `is_looked_up`: it reads an attribute of a module, of which it is known what stands there.
    """
    step = steps[number]
    name = step.opname
    if name not in KNOWN:
        raise Unproved(f"{place}{SAYS.get(name, f'it has the instruction {name}')}")
    if name in ATTRIBUTE and not is_looked_up and step.argval not in attributes():
        raise Unproved(f"{place}it reads {step.argval}, an attribute of an object")
    if name == "IS_OP" and not _is_singleton(steps[number - 1]):
        raise Unproved(f"{place}it asks whether two objects are the same")
    if name == "CALL_INTRINSIC_1" and step.arg not in INTRINSICS:
        raise Unproved(f"{place}it has the instruction {name} {step.argrepr}")


def _is_singleton(step: Instruction) -> bool:
    """Whether an instruction loads what there is only one of."""
    return step.opname == "LOAD_CONST" and any(step.argval is x for x in (None, True, False, ...))


def _line(step: Instruction) -> int | None:
    return step.positions.lineno if step.positions is not None else None


def _place(code: CodeType, line: int | None = None) -> str:
    return f"{os.path.basename(code.co_filename)}:{line or code.co_firstlineno}: "


def _described(x: Any) -> str:
    if type(x) in (type, FunctionType, BuiltinFunctionType):
        return f"{x.__module__}.{x.__name__}"
    return f"a {type(x).__name__}"
