"""What a function says about copies of it: whether there can be one; what it writes; its cells.

Floor 7. Most functions do none of what is looked for, and are told by the numbers of their
instructions alone.
"""

from __future__ import annotations

import dis
from collections.abc import Iterable
from functools import cache
from types import CellType, CodeType
from typing import Any

_WRITES_NAMES = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL"})
_WRITES_CELLS = frozenset({"STORE_DEREF", "DELETE_DEREF"})
_ASKS_FOR_NAMES = frozenset({"globals", "exec", "eval"})


def may_contain(code: CodeType, names: frozenset[str]) -> bool:
    """Whether a function may have instructions of these names; false only if it has none.

    Instructions are at even places. To look at each of them by `dis` takes a hundred times as long.
    """
    return not _numbers_of(names).isdisjoint(code.co_code[::2])


@cache
def _numbers_of(names: frozenset[str]) -> frozenset[int]:
    return frozenset(dis.opmap[name] for name in names)


@cache
def can_be_copied(code: CodeType) -> bool:
    """Whether a function with this code does the same with globals of another kind.

    What writes into its globals, or asks for the dictionary itself, is called as it is.
    """
    if may_contain(code, _WRITES_NAMES) or not _ASKS_FOR_NAMES.isdisjoint(code.co_names):
        for i in dis.get_instructions(code):
            if i.opname in _WRITES_NAMES:
                return False
            if i.opname == "LOAD_GLOBAL" and i.argval in _ASKS_FOR_NAMES:
                return False
    return all(can_be_copied(c) for c in code.co_consts if isinstance(c, CodeType))


@cache
def written_cells(code: CodeType) -> frozenset[str]:
    """The variables of enclosing functions that a function assigns to."""
    if not code.co_freevars:
        return frozenset()
    stores: set[str] = set()
    if may_contain(code, _WRITES_CELLS):
        found = [i for i in dis.get_instructions(code) if i.opname in _WRITES_CELLS]
        stores |= {str(i.argval) for i in found}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            stores |= written_cells(inner)
    return frozenset(stores & set(code.co_freevars))


def contents_of(cells: Iterable[CellType]) -> list[Any]:
    """What stands in those cells of a closure in which something does."""
    found: list[Any] = []
    for cell in cells:
        try:
            found.append(cell.cell_contents)
        except ValueError:
            continue
    return found
