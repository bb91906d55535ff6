"""Objects of the user's classes whose attributes are found in the plain way.

Floor 7. In the dictionary of the object, or else in that of the first class that has the name,
with no code of the user's on the way: no property, ``__getattribute__`` or other descriptor.
"""

from __future__ import annotations

from collections import namedtuple
from functools import cache
from types import FunctionType, GetSetDescriptorType
from typing import Any, NamedTuple

import numpy as np

from adjoint.graph.tensor import Tensor
from adjoint.tracing.known_functions import attributes
from adjoint.tracing.reads import PLAIN
from adjoint.tracing.rebinding import is_of_users_class

IN_CLASSES = PLAIN | {list, dict, tuple, frozenset, np.ndarray, Tensor, FunctionType, staticmethod}
"""What may stand in a class: an attribute of the same name in the object goes first, else it is the
attribute, bound to the object if it is a function."""


def is_plain_object(x: Any) -> bool:
    """Whether it is an object of a class of the user's that finds attributes as `object` does."""
    if not is_of_users_class(x):
        return False
    spaces = [vars(base) for base in type(x).__mro__[:-1]]
    if any("__getattribute__" in names for names in spaces):
        return False
    own = [names["__dict__"] for names in spaces if "__dict__" in names]
    return bool(own) and all(type(d) is GetSetDescriptorType for d in own)


_Plain = namedtuple("_Plain", "x")


class _Typed(NamedTuple):
    x: int


_GENERATED = (frozenset(vars(_Plain)) | frozenset(vars(_Typed))) - {"x"}
_OF_STATEMENTS = frozenset(
    (
        *("__annotate__", "__annotate_func__", "__annotations__", "__annotations_cache__"),
        *("__classdictcell__", "__firstlineno__", "__orig_bases__", "__static_attributes__"),
    )
)
"""What a class statement leaves behind besides."""


def fields_of(kind: type) -> frozenset[str] | None:
    """The names of the fields of a class of named tuples of which Python calls no code of the
    user's, and of whose methods none has a name that is known; None for other classes."""
    if not issubclass(kind, tuple) or kind.__mro__[1:] != (tuple, object):
        return None
    names = vars(kind)
    fields = names.get("_fields")
    if type(fields) is not tuple:
        return None
    if any(type(names.get(name)) is not type(vars(_Plain)["x"]) for name in fields):
        return None
    shown = names.get("__repr__")
    if type(shown) is not FunctionType or shown.__code__ is not _Plain.__repr__.__code__:
        return None
    if not _is_maker(names.get("__new__"), len(fields)):
        return None
    for name in names.keys() - {*fields} - _GENERATED - _OF_STATEMENTS:
        if name.startswith("__") or name in attributes():
            return None
    return frozenset(fields)


def _is_maker(x: Any, count: int) -> bool:
    """Whether it is the ``__new__`` that Python makes for named tuples of so many fields."""
    f = x.__func__ if type(x) is staticmethod else x
    if type(f) is not FunctionType or f.__globals__.get("_tuple_new") is not tuple.__new__:
        return False
    code = f.__code__
    return code.co_names == ("_tuple_new",) and code.co_code == _code_of_maker(count)


@cache
def _code_of_maker(count: int) -> bytes:
    return namedtuple("_Fields", [f"x{i}" for i in range(count)]).__new__.__code__.co_code


def is_record(kind: type) -> bool:
    """Whether it is such a class."""
    return fields_of(kind) is not None


def classes_in(tree: Any) -> set[type]:
    """The classes of named tuples in a tree of these, dicts, lists and tuples."""
    kind = type(tree)
    if kind in (dict, list, tuple):
        parts = tree.values() if kind is dict else tree
        return set().union(*map(classes_in, parts))
    if is_record(kind):
        return {kind}.union(*map(classes_in, tuple.__iter__(tree)))
    return set()
