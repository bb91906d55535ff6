"""What is known of a function from its code: that it reads nothing else but what is looked at.

Floor 7. Calling a function may be left out if it is sure what the call would do. That is sure of a
function which, with all functions it can call, is made of known instructions only
(`instructions`), calls only what is known (`known_functions`), and reads nothing else but what is
looked at here: numbers, texts, tensors, small arrays, and lists, dicts and tuples of these, under
global names, in variables of enclosing functions, in defaults, and in attributes of modules and
of plain objects, which stand under such names, are imported within the function, are given to it by
`functools.partial`, or are the object of the method that it is. As long as these hold what they
held (`Reads.hold`), the function does the same for equal arguments.

It is proved of the code, of all of its branches, and not by watching one call.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dis import Instruction
from functools import partial
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    MethodType,
    ModuleType,
)
from typing import Any

import numpy as np

from adjoint.graph.tensor import Tensor
from adjoint.tracing.code_of_copies import written_cells
from adjoint.tracing.instructions import (
    ATTRIBUTE,
    INTRINSICS,
    KNOWN,
    SAYS,
    is_called,
)
from adjoint.tracing.known_functions import (
    asks_for_time,
    asks_for_type,
    attributes,
    can_name_a_field,
    is_distribution,
    is_known,
    is_layer,
    is_of_distribution,
    is_of_layer,
)
from adjoint.tracing.local_names import imports_in, names_in, read_by, steps_of, written
from adjoint.tracing.plain_objects import IN_CLASSES, fields_of, is_plain_object, is_record
from adjoint.tracing.reads import MISSING, PLAIN, Reads, Unproved, is_number, saved_of
from adjoint.tracing.rebinding import is_users

MOST_BYTES = 1 << 24
"""How many bytes arrays from outside may have in all, of which copies are kept to compare with."""
MOST_PARTS = 256
"""How many parts lists, dicts and tuples from outside may have in all."""


def reads_of(f: Any, classes: Iterable[type] = ()) -> Reads:
    """What `f` reads; `Unproved` says why that is not known.

    Among its arguments are named tuples of these `classes`, whose fields it may read.
    """
    reading = _Reading(classes)
    called = reading.class_attribute(f, "__call__") if is_plain_object(f) else MISSING
    reading.value(f if called is MISSING else MethodType(called, f), "the function", "")
    return reading.reads


transforms: dict[CodeType, str] = {}
"""The code of functions that transforms make, and the variable in which the user's own is."""


class _Reading:
    """One reading of a function and of all that it can call."""

    def __init__(self, classes: Iterable[type]) -> None:
        self.reads = Reads()
        self.fields: set[str] = set()
        self.done: dict[int, Any] = {}
        self.methods: dict[tuple[int, int], Any] = {}
        self.classes: dict[type, Mapping[str, Any]] = {}
        self.names: dict[tuple[int, str], tuple[Mapping[str, Any], str, Any]] = {}
        for kind in classes:
            self._record(kind)

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
        elif kind is MethodType and type(x.__func__) is FunctionType:
            self._method(x.__func__, x.__self__, name, place)
        elif kind is partial:
            self._partial(x, name, place)
        else:
            self._known(x, name, place)

    def _partial(self, x: partial[Any], name: str, place: str) -> None:
        """Look at a function that has its first arguments, and keywords. Nobody can give it others,
        so it is known of the user's which of their variables are modules."""
        f = x.func
        self.reads.partials.append((x, f, x.args, x.keywords))
        self.value(x.keywords, name, place)
        numbers = [i for i, a in enumerate(x.args) if type(a) is ModuleType]
        if not numbers:
            self.value(x.args, name, place)
            self.value(f, name, place)
            return
        if type(f) is not FunctionType or not is_users(f.__globals__, None):
            raise Unproved(f"{place}{name} gives a module to {_described(f)}")
        self.value(tuple([a for a in x.args if type(a) is not ModuleType]), name, place)
        code = f.__code__
        if numbers[-1] >= code.co_argcount:
            raise Unproved(f"{_place(code)}it takes a module that has no name of its own")
        known = {code.co_varnames[i]: x.args[i] for i in numbers}
        for variable in known:
            if written(code)[variable] > 1:
                raise Unproved(f"{_place(code)}it assigns to {variable}, a module it is given")
        self._users(f, name, place, known)

    def _record(self, kind: type) -> None:
        """Look at a class of named tuples, and at the defaults of their fields."""
        new: Any = kind.__new__
        self.reads.classes.append((kind, dict(vars(kind))))
        self.reads.functions.append((new, new.__code__, new.__defaults__, new.__kwdefaults__))
        self.value(new.__defaults__, "a default", f"{kind.__name__}: ")
        self.fields.update(filter(can_name_a_field, fields_of(kind) or ()))

    def _known(self, x: Any, name: str, place: str) -> None:
        if issubclass(type(x), type) and is_record(x):
            self._record(x)
            return
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
            self.reads.holders.append((x, saved_of(x)))
        for part in (*x, *x.values()) if type(x) is dict else x:
            self.value(part, name, place)

    def _array(self, x: Any, name: str, place: str) -> None:
        if type(x) is Tensor:
            if x.node.scope is not None and x.node.scope.is_open():
                raise Unproved(f"{place}{name} depends on a variable")
        elif x.dtype.kind not in "biufc":
            raise Unproved(f"{place}{name} is an array of {x.dtype}")
        else:
            self.reads.bytes += x.nbytes
            if self.reads.bytes > MOST_BYTES:
                raise Unproved(
                    f"{place}{name} is an array of {x.nbytes} bytes, with which it reads too many "
                    f"to keep a copy; make it a tensor by adjoint.asarray, or an argument"
                )
        self.reads.holders.append((x, saved_of(x)))

    def _function(self, f: FunctionType, name: str, place: str) -> None:
        if f.__code__ in transforms:
            names = f.__code__.co_freevars
            cell = (f.__closure__ or ())[names.index(transforms[f.__code__])]
            self.value(cell.cell_contents.function, name, place)
            return
        if is_of_layer(f):
            for cell in f.__closure__ or ():
                self._part_of_layer(cell.cell_contents, name, place)
        elif is_users(f.__globals__, None):
            self._users(f, name, place, {})
        else:
            self._known(f, name, place)

    def _method(self, f: FunctionType, x: Any, name: str, place: str) -> None:
        """Look at a method of the user's, called of one object."""
        if not is_plain_object(x) or not is_users(f.__globals__, None):
            raise Unproved(f"{place}{name} is a method of {_described(x)}")
        if not f.__code__.co_argcount:
            raise Unproved(f"{_place(f.__code__)}its object has no name of its own")
        own = f.__code__.co_varnames[0]
        if written(f.__code__)[own] > 1:
            raise Unproved(f"{_place(f.__code__)}it assigns to {own}, whose method it is")
        if (id(f), id(x)) not in self.methods:
            self.methods[id(f), id(x)] = f, x
            self._users(f, name, place, {own: x})

    def _users(self, f: FunctionType, name: str, place: str, known: Mapping[str, Any]) -> None:
        """Look at a function of the user's, of which some variables are `known`."""
        if type(f.__globals__) is not dict:
            raise Unproved(f"{place}{name} is a function with globals of another kind")
        if any(not key.startswith("__") for key in f.__dict__):
            raise Unproved(f"{place}{name} is a function with attributes of its own")
        if outside := written_cells(f.__code__):
            raise Unproved(f"{_place(f.__code__)}it sets {', '.join(sorted(outside))}, outside it")
        given = f.__globals__.get("__builtins__", builtins)
        if given is not builtins and given is not builtins.__dict__:
            raise Unproved(f"{_place(f.__code__)}it has builtins of its own")
        self.reads.functions.append((f, f.__code__, f.__defaults__, f.__kwdefaults__))
        for defaults in (f.__defaults__, f.__kwdefaults__):
            self.value(defaults, "a default", _place(f.__code__))
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
        self._code(f.__code__, f.__globals__, cells, known)

    def _part_of_layer(self, x: Any, name: str, place: str) -> None:
        """Look at what a layer of adjoint's is made of, of which it calls the functions."""
        if type(x) is tuple:
            for part in x:
                self._part_of_layer(part, name, place)
        else:
            self.value(x.apply if is_layer(x) else x, name, place)

    # Code.

    def _code(
        self,
        code: CodeType,
        names: dict[str, Any],
        cells: Mapping[str, CellType],
        known: Mapping[str, Any],
    ) -> None:
        """Look at the instructions of a function, and of those that are defined in it.

        `cells` are the variables that it shares with functions around it, which are outside;
        `known` are others, and what they hold.
        """
        steps = steps_of(code)
        line = code.co_firstlineno
        importing, imported = self._imports(steps, code)
        known = {**known, **imported}
        end = 0  # of the attributes of modules that were looked up already
        for number, step in enumerate(steps):
            line = _line(step) or line
            place = _place(code, line)
            if number in importing:
                continue
            is_field = step.opname in ATTRIBUTE and step.argval in self.fields
            _check(steps, number, place, is_looked_up=number < end or is_field)
            if step.opname == "LOAD_GLOBAL":
                found = self._global(names, step.argval, place)
                end = self._chain(found, step.argval, steps, number + 1, place)
            elif step.opname == "LOAD_DEREF" and step.argval in cells:
                found = self._cell(cells[step.argval], step.argval, place)
                end = self._chain(found, step.argval, steps, number + 1, place)
            elif here := [x for x in read_by(step, code) if x in known]:
                if here != [names_in(step)[-1]]:
                    raise Unproved(f"{place}it uses {here[0]} itself, not a name in it")
                end = self._chain(known[here[0]], here[0], steps, number + 1, place)
        for inner in code.co_consts:
            self._constant(inner, code)
            if isinstance(inner, CodeType):
                outer = {k: c for k, c in cells.items() if k not in code.co_cellvars}
                shared = {k: x for k, x in known.items() if k in inner.co_freevars}
                self._code(inner, names, outer, shared)

    def _imports(
        self, steps: Sequence[Instruction], code: CodeType
    ) -> tuple[set[int], dict[str, Any]]:
        """The numbers of the instructions that import what is there already, and what the variables
        hold that they write."""
        importing: set[int] = set()
        known: dict[str, Any] = {}
        for numbers, whole, imports in imports_in(steps):
            place = _place(code, _line(steps[numbers[0]]))
            if type(self._name(builtins.__dict__, "__import__")) is not BuiltinFunctionType:
                raise Unproved(f"{place}it imports, which is not done as Python does it")
            if self._name(sys.modules, whole) is MISSING:
                raise Unproved(f"{place}it imports {whole}, which is not there yet")
            for variable, module, parts in imports:
                if written(code)[variable] > 1:
                    raise Unproved(f"{place}it imports, and assigns to {variable} elsewhere")
                found = self._name(sys.modules, module)
                for part in parts:
                    found = self._name(vars(found), part) if type(found) is ModuleType else MISSING
                if found is MISSING:
                    raise Unproved(f"{place}{'.'.join((module, *parts))} is not there yet")
                known[variable] = found
            importing.update(numbers)
        return importing, known

    def _constant(self, x: Any, code: CodeType) -> None:
        """Look at a constant of a function, and within tuples."""
        if type(x) is tuple:
            for part in x:
                self._constant(part, code)
        elif asks_for_time(x):
            raise Unproved(f"{_place(code)}it has {x!r}, which NumPy may read as the time")

    def _global(self, names: dict[str, Any], name: str, place: str) -> Any:
        found = self._name(names, name)
        if found is MISSING:
            found = self._name(builtins.__dict__, name)
            if found is MISSING:
                raise Unproved(f"{place}there is no {name}")
        return found

    def _name(self, names: Mapping[str, Any], name: str) -> Any:
        """What stands under a name; the same for all who read it."""
        known = self.names.get((id(names), name))
        if known is None:
            known = self.names[id(names), name] = names, name, names.get(name, MISSING)
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
        while type(x) is ModuleType or is_layer(x) or is_distribution(x) or is_plain_object(x):
            step = steps[number]
            if is_plain_object(x) and is_called(steps, number - 1):
                x = self._call_of(x)
                break
            if step.opname not in ATTRIBUTE or step.is_jump_target:
                raise Unproved(f"{place}it uses {name} itself, {_described(x)}, not a name in it")
            key, name, number = step.argval, f"{name}.{step.argval}", number + 1
            if type(x) is ModuleType:
                if is_users(vars(x), None):  # its class may be changed, to one with properties
                    self._object(x)
                x = self._name(vars(x), key)
            elif is_distribution(x):
                if not is_of_distribution(key):
                    raise Unproved(f"{place}{name} is a method that is not known")
                return number
            elif is_layer(x):
                x = x.apply if key == "apply" else MISSING
            else:
                x = self._attribute(x, key)
            if x is MISSING:
                raise Unproved(f"{place}{name} is not looked up in a plain way")
        self.value(x, name, place)
        return number

    def _call_of(self, x: Any) -> Any:
        """What calling a plain object calls; missing where its class does not say that."""
        self._object(x)
        found = self.class_attribute(x, "__call__")
        return MethodType(found, x) if type(found) is FunctionType else found

    def _attribute(self, x: Any, name: str) -> Any:
        """The attribute of a plain object, which stands in its dictionary, or else in the first of
        its classes that has one of that name; missing where that is a descriptor."""
        self._object(x)
        found = self.class_attribute(x, name)
        kind = type(found)
        if found is not MISSING and kind not in IN_CLASSES:
            return MISSING
        own = self._name(x.__dict__, name)
        if own is not MISSING:
            return own
        if kind is FunctionType:
            return MethodType(found, x)
        return found.__func__ if kind is staticmethod else found

    def _object(self, x: Any) -> None:
        """Note an object of which attributes are looked up."""
        if id(x) not in self.done:
            self.done[id(x)] = x
            self.reads.objects.append((x, type(x), type(x).__mro__, x.__dict__))

    def class_attribute(self, x: Any, name: str) -> Any:
        """What stands under a name in the first class of an object that has it."""
        for base in type(x).__mro__[:-1]:
            names = self.classes.setdefault(base, vars(base))
            self._name(names, "__getattribute__")
            found = self._name(names, name)
            if found is not MISSING:
                return found
        return MISSING


def _check(steps: Sequence[Instruction], number: int, place: str, is_looked_up: bool) -> None:
    """Raise `Unproved` unless an instruction is known, by itself and where it stands.

    `is_looked_up`: it reads an attribute of a module, of which it is known what stands there, or a
    field of an argument.
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
