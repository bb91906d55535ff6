"""Local variables of which it is known what they hold: by imports, and as the object of a method.

Floor 7. A variable that one instruction writes, and no other, holds what that wrote wherever it
can be read; before that, reading it is an error.
"""

from __future__ import annotations

import dis
from collections import Counter
from collections.abc import Iterator, Sequence
from dis import Instruction
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import CodeType
from typing import NamedTuple

from adjoint.tracing.instructions import SKIPPED

_ONLY_READ = frozenset(
    (
        *("LOAD_DEREF", "LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"),
        *("LOAD_FAST_CHECK", "LOAD_FAST_LOAD_FAST", "MAKE_CELL"),
    )
)
"""The instructions about local variables that write none."""
_WRITE = frozenset({"STORE_FAST", "STORE_DEREF"})
_NUMBERS = frozenset({"LOAD_CONST", "LOAD_SMALL_INT"})


class Import(NamedTuple):
    """What an import statement writes into a local variable: `module` as in `sys.modules`, and the
    `names` to go along from there."""

    variable: str
    module: str
    names: tuple[str, ...]


class ImportStatement(NamedTuple):
    """The numbers of its instructions, the module it is about, and what it writes."""

    numbers: range
    module: str
    imports: list[Import]


def steps_of(code: CodeType) -> list[Instruction]:
    """The instructions of a function that do something."""
    return [x for x in dis.get_instructions(code) if x.opname not in SKIPPED]


def names_in(step: Instruction) -> tuple[str, ...]:
    """The local variables that an instruction is about."""
    if "FAST" not in step.opname and "DEREF" not in step.opname and "CELL" not in step.opname:
        return ()
    found = step.argval
    return tuple(found) if isinstance(found, (tuple, list)) else (str(found),)


def read_by(step: Instruction, code: CodeType) -> list[str]:
    """The variables whose values an instruction puts on the stack, and not the variables themselves
    to be shared with an inner function."""
    if step.opname not in _ONLY_READ or step.opname == "MAKE_CELL":
        return []
    names = list(names_in(step))
    if step.opname == "LOAD_DEREF":
        return names
    shared = {*code.co_cellvars, *code.co_freevars}
    return [x for x in names if x not in shared]


def written(code: CodeType) -> Counter[str]:
    """How many instructions of a function, and of those defined in it, may write each variable.

    Arguments are written by the call.
    """
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & CO_VARARGS) + bool(code.co_flags & CO_VARKEYWORDS)
    found = Counter(code.co_varnames[:count])
    for step in steps_of(code):
        if step.opname not in _ONLY_READ:
            found.update(names_in(step))
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found.update(name for name in written(inner).elements() if name in inner.co_freevars)
    return found


def imports_in(steps: Sequence[Instruction]) -> Iterator[ImportStatement]:
    """The import statements of known form.

    ``import a``, ``import a.b``, ``import a.b as c`` and ``from a import b, c``, where they write
    into local variables.
    """
    for number, step in enumerate(steps):
        if step.opname == "IMPORT_NAME" and number >= 2 and _is_absolute(steps[number - 2]):
            listed = steps[number - 1]
            if listed.opname != "LOAD_CONST":
                continue
            read = _import if listed.argval is None else _from_import
            found = read(module := str(step.argval), steps, number + 1)
            if found is not None:
                end, imports = found
                if not any(x.is_jump_target for x in steps[number - 1 : end]):
                    yield ImportStatement(range(number, end), module, imports)


def _is_absolute(level: Instruction) -> bool:
    return level.opname in _NUMBERS and level.argval == 0


def _import(
    module: str, steps: Sequence[Instruction], number: int
) -> tuple[int, list[Import]] | None:
    """What follows the module's name in ``import``: the number of the instruction after it."""
    top, *parts = module.split(".")
    names: list[str] = []
    is_dropped = True  # the module that the last name was found in
    while steps[number].opname == "IMPORT_FROM":
        names.append(str(steps[number].argval))
        is_dropped = [x.opname for x in steps[number + 1 : number + 3]] == ["SWAP", "POP_TOP"]
        number += 3 if is_dropped else 1
    if steps[number].opname not in _WRITE or names not in ([], parts):
        return None
    end = number + (1 if is_dropped else 2)
    if not is_dropped and steps[number + 1].opname != "POP_TOP":
        return None
    return end, [Import(str(steps[number].argval), top, tuple(names))]


def _from_import(
    module: str, steps: Sequence[Instruction], number: int
) -> tuple[int, list[Import]] | None:
    """The same in ``from … import``."""
    found = []
    while steps[number].opname == "IMPORT_FROM":
        if steps[number + 1].opname not in _WRITE:
            return None
        found.append(Import(str(steps[number + 1].argval), module, (str(steps[number].argval),)))
        number += 2
    return (number + 1, found) if steps[number].opname == "POP_TOP" else None
