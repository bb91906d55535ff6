"""Methods of the user's classes: while tracing, objects have a class whose methods are copies.

The class is a twin of their own, derived from it, and they are given back when the outermost traced
call ends. So objects keep their identity, and `isinstance` and `super` say what they always say.
"""

from __future__ import annotations

import abc
import functools
import operator
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol

import numpy as np

from adjoint.tracing import rotations, sparse_constants
from adjoint.tracing.constants import constant_array, tracing

Copying = Callable[[Any], Any]

_BASES = frozenset({object, abc.ABC, Generic, Protocol})
"""What a class may derive from beside classes of the user's."""
_METACLASSES = frozenset({type, abc.ABCMeta})
_PLAIN = frozenset(
    (
        *("__array__", "__array_ufunc__", "__array_function__", "__array_wrap__", "__dlpack__"),
        *("__float__", "__complex__", "__int__", "__index__", "__bool__", "__len__", "__hash__"),
        *("__repr__", "__str__", "__format__", "__reduce__", "__reduce_ex__", "__getstate__"),
    )
)
"""Methods by which others ask for plain arrays and numbers."""
_MAY_BE_DERIVED_FROM = 1 << 10
"""The bit `Py_TPFLAGS_BASETYPE` of the flags of a class, which classes written in C may lack."""
_DEPTH = 8
"""How deep objects are looked for in the attributes of others."""
_LONGEST = 256
"""The longest list or dict that is looked through; longer ones hold data, not parts."""


class _Lent(threading.local):
    """The objects of this thread that have the class of a twin, and what class they had.

    In their attributes constant arrays stand for arrays: names, what stands there, and the array.
    """

    def __init__(self) -> None:
        self.objects: list[tuple[Any, type]] = []
        self.arrays: list[tuple[dict[str, Any], str, Any, Any]] = []


_lent = _Lent()
_twins: dict[type, type] = {}
"""A twin holds its class, so only the newest are kept: classes may be made anew in each call."""
_MOST_TWINS = 1024


twin_for: Callable[[type], type | None] = lambda cls: None
"""The twin of a class, if it can have one; who knows whose classes these are sets it."""


class _Unnoticed:
    """What a twin meets first, so that no class is told that the twin was derived from it."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if not _is_twin(cls):  # but a class that traced code derives from the twin
            super().__init_subclass__(**kwargs)


def _is_twin(cls: type) -> bool:
    """Whether it is a twin itself, not a class that traced code derived from one."""
    return "__adjoint_class__" in type.__dict__["__dict__"].__get__(cls)


def is_twin(x: Any) -> bool:
    """Whether an object is a class that is the twin of another."""
    return isinstance(x, _Twin) and _is_twin(x)


class _Twin(type):
    """The class of twins, which pass for the classes that they are twins of."""

    __adjoint_class__: type

    def mro(cls) -> list[type]:
        """The order of the bases: of a twin that of the class itself, each after its own twin, and
        first of all what keeps them from noticing it."""
        if not _is_twin(cls):
            return super().mro()
        own = type.__dict__["__dict__"].__get__(cls)["__adjoint_class__"]
        order: list[type] = [cls, _Unnoticed, own]
        for base in own.__mro__[1:]:
            twin = _twins.get(base)
            order += [base] if twin is None else [twin, base]
        return order

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        kind = type(made)
        if is_twin(kind) and (kind is cls or issubclass(kind, cls)):
            _lent.objects.append((made, kind.__adjoint_class__))
        return made

    def __instancecheck__(cls, instance: Any) -> bool:
        if not _is_twin(cls):
            return super().__instancecheck__(instance)
        return isinstance(instance, cls.__adjoint_class__)

    def __subclasscheck__(cls, subclass: type) -> bool:
        if not _is_twin(cls):
            return super().__subclasscheck__(subclass)
        return issubclass(subclass, cls.__adjoint_class__)

    def __subclasses__(cls) -> list[Any]:
        """Those of the class itself, as traced code sees them."""
        found: list[type] = type.__subclasses__(cls.__adjoint_class__)
        return [twin_for(c) or c for c in found if not isinstance(c, _Twin)]

    def __eq__(cls, other: object) -> bool:
        return cls is other or (_is_twin(cls) and cls.__adjoint_class__ is other)

    def __hash__(cls) -> int:
        return hash(cls.__adjoint_class__)

    def __setattr__(cls, name: str, value: Any) -> None:
        if _is_twin(cls):
            setattr(cls.__adjoint_class__, name, value)
        else:
            super().__setattr__(name, value)


class _AbstractTwin(_Twin, abc.ABCMeta):
    """The same for abstract classes."""

    __instancecheck__ = _Twin.__instancecheck__
    __subclasscheck__ = _Twin.__subclasscheck__


def can_have_twin(cls: type, is_users: Callable[[type], bool]) -> bool:
    """Whether objects of a class can be lent: it is the user's through and through."""
    if type(cls) not in _METACLASSES or issubclass(cls, BaseException):
        return False
    if not cls.__flags__ & _MAY_BE_DERIVED_FROM:
        return False
    return all(base in _BASES or is_users(base) for base in cls.__mro__) and cls not in _BASES


def twin_of(cls: type, copy: Copying) -> type:
    """The twin of a class, whose methods are copies; of its bases, too, so that `super` is."""
    known = _twins.get(cls)
    bases = [twin_of(base, copy) for base in cls.__bases__ if base not in _BASES]
    if (
        known is not None
        and all(map(operator.is_, known.__bases__[1:], bases))
        and _is_current(known.__dict__["__adjoint_source__"], cls.__dict__)
    ):
        return known
    names = {
        name: value if name in _PLAIN else _copied(value, copy)
        for name, value in cls.__dict__.items()
    }
    own = {name: new for name, new in names.items() if new is not cls.__dict__[name]}
    kind = _Twin if type(cls) is type else _AbstractTwin
    own |= {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    own |= {"__adjoint_class__": cls, "__adjoint_source__": dict(cls.__dict__)}
    made = kind(cls.__name__, (cls, *bases), own)
    while len(_twins) >= _MOST_TWINS:
        _twins.pop(next(iter(_twins)), None)
    _twins[cls] = made
    return made


def _is_current(source: Mapping[str, Any], names: Mapping[str, Any]) -> bool:
    """Whether a class still has the attributes that its twin was made of."""
    return len(source) == len(names) and all(names.get(k) is v for k, v in source.items())


def _copied(value: Any, copy: Copying) -> Any:
    """An attribute of a class with copies of the functions in it."""
    if isinstance(value, (staticmethod, classmethod)):
        function = copy(value.__func__)
        return value if function is value.__func__ else type(value)(function)
    if type(value) is property:
        get, put, delete = (f and copy(f) for f in (value.fget, value.fset, value.fdel))
        return property(get, put, delete, value.__doc__)
    if type(value) is functools.cached_property:
        function = copy(value.func)
        return value if function is value.func else functools.cached_property(function)
    return copy(value)


def lend(x: Any, twin: Callable[[type], type | None]) -> Any:
    """`x` itself, which has the class of its twin until `give_back`, as have objects within it."""
    _lend(x, twin, _DEPTH)
    return x


def _lend(x: Any, twin: Callable[[type], type | None], depth: int) -> None:
    kind = type(x)
    if kind is list or kind is tuple or kind is dict:
        if len(x) <= _LONGEST and depth:
            for item in list(x.values() if kind is dict else x):
                _lend(item, twin, depth - 1)
        return
    if isinstance(kind, _Twin) or not depth:
        return
    found = twin(kind)
    if found is None:
        return
    try:
        object.__setattr__(x, "__class__", found)
    except TypeError:  # another layout, as of classes with slots and several bases
        return
    _lent.objects.append((x, kind))
    names = getattr(x, "__dict__", {})
    for name, item in list(names.items()):
        if type(item) is np.ndarray and item.dtype.kind in "fc":
            names[name] = seen = constant_array(item)
            _lent.arrays.append((names, name, seen, item))
        elif (seen := rotations.constant(sparse_constants.constant(item))) is not item:
            names[name] = seen
            _lent.arrays.append((names, name, seen, item))
        else:
            _lend(item, twin, depth - 1)


def give_back() -> None:
    """Give all objects of this thread the class and the arrays that they had."""
    tracing.seen.clear()
    arrays, _lent.arrays = _lent.arrays, []
    for names, name, seen, array in reversed(arrays):
        if names.get(name) is seen:
            names[name] = array
    objects, _lent.objects = _lent.objects, []
    for x, kind in reversed(objects):
        object.__setattr__(x, "__class__", kind)
