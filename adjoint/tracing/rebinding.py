"""Copies of the user's functions in which names mean what can be traced.

A copy has the code of the function, and other globals: a dictionary that looks each name up in
those of the module, so that it sees what stands there now, and says what it means while tracing.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from functools import _lru_cache_wrapper, cache, partial
from pathlib import Path
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType
from typing import Any, TypeAlias

import numpy as np

from adjoint.tracing import classes, namespaces, patches, queries, texts
from adjoint.tracing.builtin_names import Builtins
from adjoint.tracing.code_of_copies import can_be_copied, written_cells
from adjoint.tracing.constants import ConstantArray, constant_array, holds_tensor, tracing

Handler: TypeAlias = "Callable[[Any, str], Any]"

_OWN = __name__.partition(".")[0]
_LIBRARIES = frozenset({_OWN, "numpy", "scipy", "optree", "llvmlite", *sys.stdlib_module_names})
_OF_THE_STANDARD = frozenset({"array_api_compat", "array_api_extra", "array_api_strict"})
"""Libraries that ask a tensor for its namespace, also where a package has copies of them in it."""
_USERS = frozenset({"__main__", "__mp_main__"})


def meaning(value: Any, package: str) -> Any:
    """What `value`, found under a name in a module of `package`, stands for while tracing."""
    handler = _handler(value)
    return value if handler is None else handler(value, package)


def traceable(f: Any, package: str | None = None) -> Any:
    """`f`, or the copy of it that is to be called while tracing."""
    if type(f) is MethodType:
        if package_of({"__name__": type(f.__self__).__module__}) in namespaces.TRACED:
            return getattr(meaning(f.__self__, package or ""), f.__name__, f)
        function = traceable(f.__func__, package)
        owner = meaning(f.__self__, package or "")
        return f if function is f.__func__ else MethodType(function, owner)
    if type(f) is partial:
        function = traceable(f.func, package)
        return f if function is f.func else partial(function, *f.args, **f.keywords)
    if type(f) is not FunctionType:
        has_meaning = callable(f) and _handler(f) in (_of_object, _of_remembering)
        return meaning(f, package or "") if has_meaning else f
    known = f.__dict__.get(_HELD)
    if known is not None and known.is_current(f):
        return known.function
    if not is_users(f.__globals__, package):
        return f
    return Copy(f, package_of(f.__globals__)).function


def copy_of(f: FunctionType) -> Any:
    """The copy of a function, whoever wrote it."""
    known = f.__dict__.get(_HELD)
    if known is None or not known.is_current(f):
        known = Copy(f, package_of(f.__globals__))
    return known.function


_HELD = "__adjoint_copy__"
"""Under which name a function holds its copy. From what a copy reads, the function may be reached;
a table of copies would keep both alive for ever. Who wraps a function may have taken over this."""


def _has_meaning(cell: CellType) -> bool:
    """Whether what the variable holds may mean something else while tracing."""
    try:
        return _handler(cell.cell_contents) is not None
    except ValueError:
        return False


class Copy:
    """A copy of a function, and what it was made of, which may change."""

    __slots__ = (
        "__weakref__",
        "busy",
        "cells",
        "code",
        "defaults",
        "function",
        "original",
        "package",
    )

    def __init__(self, f: FunctionType, package: str) -> None:
        self.code = f.__code__
        self.defaults = f.__defaults__, f.__kwdefaults__
        self.package = package
        self.busy = False
        self.cells: list[tuple[CellType, Any, Any]] = []
        self.original = weakref.ref(f)
        self.function = f
        if can_be_copied(f.__code__):
            self._make(f)
        else:
            self._keep(f)

    def _keep(self, f: FunctionType) -> None:
        """Let the function hold the copy."""
        f.__dict__[_HELD] = self

    def __reduce__(self) -> tuple[Any, ...]:
        """None: a function that is pickled with what it holds leaves its copy behind."""
        return type(None), ()

    def _make(self, f: FunctionType) -> None:
        package, given = self.package, f.__closure__ or ()
        written = written_cells(f.__code__)
        names = zip(f.__code__.co_freevars, given, strict=True)
        written |= {"__class__"}  # by which `super` finds its way
        changed = [n not in written and _has_meaning(cell) for n, cell in names]
        cells = tuple(CellType() if c else cell for c, cell in zip(changed, given, strict=True))
        self.function = made = FunctionType(
            f.__code__,
            globals_for(f.__globals__, package, texts.only_called(f.__code__)),
            f.__name__,
            None if f.__defaults__ is None else tuple(meaning(v, package) for v in f.__defaults__),
            cells or None,
        )
        made.__kwdefaults__ = f.__kwdefaults__ and {
            k: meaning(v, package) for k, v in f.__kwdefaults__.items()
        }
        made.__dict__ = f.__dict__  # the very same, so that what is noted there is there
        made.__qualname__, made.__module__, made.__doc__ = f.__qualname__, f.__module__, f.__doc__
        self._keep(f)  # before its closure is filled, in which it may stand itself
        for new, cell, is_new in zip(cells, given, changed, strict=True):
            if is_new:
                value = cell.cell_contents
                new.cell_contents = meant = meaning(value, package)
                self.cells.append((cell, value, meant))

    def is_current(self, f: FunctionType) -> bool:
        """Whether it is of `f`, as `f` is now."""
        if self.original() is not f or self.code is not f.__code__:
            return False
        if self.defaults[0] is not f.__defaults__ or self.defaults[1] is not f.__kwdefaults__:
            return False
        if self.busy:  # it stands in its own closure, or in that of what does
            return True
        self.busy = True
        try:
            return all(self._holds(*entry) for entry in self.cells)
        finally:
            self.busy = False

    def _holds(self, cell: CellType, value: Any, meant: Any) -> bool:
        """Whether a variable of the closure is still what it was."""
        try:
            if cell.cell_contents is not value:
                return False
        except ValueError:  # it is empty now
            return False
        return isinstance(value, np.ndarray) or meaning(value, self.package) is meant

    # Whose functions are copied.


def package_of(globals_: dict[str, Any]) -> str:
    """The package of a module, by its globals."""
    return str(globals_.get("__name__") or "").partition(".")[0]


def is_users(globals_: dict[str, Any], package: str | None) -> bool:
    """Whether a module is the user's own: one of `package`, or one that was not installed."""
    name = str(globals_.get("__name__") or "")
    top = name.partition(".")[0]
    if isinstance(globals_, Globals):
        return False  # it is of a copy
    if top in _USERS:
        return True
    if top in _LIBRARIES or not _OF_THE_STANDARD.isdisjoint(name.split(".")):
        return False
    return top == package or package is None or not _is_installed(globals_.get("__file__"))


@cache
def _is_installed(file: str | None) -> bool:
    return file is not None and not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


# The globals of copies.


class Globals(dict[str, Any]):
    """The globals of a module as they are now, each name with its meaning while tracing.

    The dictionary itself holds the names of modules, which CPython reads past `__getitem__`.
    """

    __slots__ = ("known", "package", "real")

    def __init__(
        self, real: dict[str, Any], package: str, readers: frozenset[str] = frozenset()
    ) -> None:
        super().__init__({k: x for k, x in real.items() if k.startswith("__")})
        self.real = real
        self.package = package
        self.known: dict[str, tuple[Any, Any]] = {}
        self["__builtins__"] = Builtins(self, readers, meaning)

    def __getitem__(self, name: str) -> Any:
        value = self.real[name]
        kind = type(value)
        handler = _HANDLERS[kind] if kind in _HANDLERS else _handler(value)
        if handler is None:
            return value
        known = self.known.get(name)
        if known is not None and known[0] is value:
            return known[1]
        meant = handler(value, self.package)
        never_changes = handler is _of_module or handler is _of_library
        if never_changes and not (classes.is_twin(type(meant)) or classes.is_twin(meant)):
            self.known[name] = value, meant
        return meant

    def __contains__(self, name: object) -> bool:
        return name in self.real

    def get(self, name: str, default: Any = None) -> Any:
        """What stands under a name in the module itself."""
        return self.real.get(name, default)


KINDS: dict[str, type[Globals]] = {}
"""The globals of packages whose functions are copied in another way."""
_globals: dict[tuple[int, frozenset[str]], Globals] = {}


def globals_for(real: dict[str, Any], package: str, readers: frozenset[str]) -> Globals:
    """The globals of copies of functions whose globals are `real`."""
    known = _globals.get((id(real), readers))
    if known is None or known.real is not real:
        known = KINDS.get(package, Globals)(real, package, readers)
        _globals[id(real), readers] = known
    return known


class UserModule(ModuleType):
    """A module of the user's, whose names have their meaning while tracing."""

    def __init__(self, real: ModuleType, package: str) -> None:
        super().__init__(real.__name__, real.__doc__)
        object.__getattribute__(self, "__dict__")["__adjoint_real__"] = real, package

    def __getattribute__(self, name: str) -> Any:
        real, package = object.__getattribute__(self, "__dict__")["__adjoint_real__"]
        return meaning(getattr(real, name), package)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "__dict__")["__adjoint_real__"][0], name, value)


@cache
def _user_module(real: ModuleType, package: str) -> UserModule:
    return UserModule(real, package)


def _of_module(module: ModuleType, package: str) -> Any:
    known = namespaces.module(module)
    if known is not module:
        return known
    is_seen = is_users(vars(module), package) or module.__name__ in patches.MODULES
    return _user_module(module, package) if is_seen else module


def _of_function(f: FunctionType, package: str) -> Any:
    known = f.__dict__.get(_HELD)
    if known is not None and known.is_current(f):
        return known.function
    home = package_of(f.__globals__)
    if home in namespaces.TRACED:
        return namespaces.function(f)
    if home == "unittest":
        return patches.of_mock(f)
    if home == "functools" and hasattr(f, "dispatch"):
        return queries.dispatching(f, traceable)
    return traceable(f, package)


def _of_remembering(f: Any, package: str) -> Any:
    return queries.remembering(f, _meaning_anywhere, holds_tensor)


def _meaning_anywhere(value: Any) -> Any:
    return meaning(value, "")


def _of_array(array: Any, package: str) -> Any:
    return constant_array(array) if array.dtype.kind in "fc" else array


def _handler(value: Any) -> Handler | None:
    """What finds the meaning of values of this class; None if they mean what they are."""
    kind = type(value)
    try:
        return _HANDLERS[kind] if kind in _HANDLERS else _HANDLERS_OF_CLASSES[kind]
    except KeyError:
        found: Handler | None = None
        if kind.__module__.partition(".")[0] in namespaces.TRACED:
            found = None if issubclass(kind, np.generic) else _of_library
        elif kind.__name__ == "SuperLU" or kind.__module__ == "uarray":
            found = _of_library  # which do not say that they are SciPy's
        elif isinstance(value, type):
            found = _of_class
        elif classes.can_have_twin(kind, _is_users_class):
            found = _of_object
        (_HANDLERS_OF_CLASSES if kind.__flags__ & _MADE_BY_PYTHON else _HANDLERS)[kind] = found
        return found


def is_of_users_class(x: Any) -> bool:
    """Whether it is an object of a class that is the user's through and through."""
    return classes.can_have_twin(type(x), _is_users_class)


def _is_users_class(cls: type) -> bool:
    module = sys.modules.get(cls.__module__)
    names = {"__name__": cls.__module__} if module is None else vars(module)
    if hasattr(cls, "__array__") and _is_installed(names.get("__file__")):
        return False  # a series of pandas is an array, not an object with parts
    return is_users(names, None)


def _of_class(cls: type, package: str) -> Any:
    """What a class means: one of a library by its name, one of the user's its twin."""
    if package_of({"__name__": cls.__module__}) in namespaces.TRACED:
        return namespaces.function(cls)
    return (tracing.depth and _twin(cls)) or cls


def _twin(cls: type) -> type | None:
    if cls in _HANDLERS or _HANDLERS_OF_CLASSES.get(cls, _of_object) is not _of_object:
        return None
    if not classes.can_have_twin(cls, _is_users_class):
        return None
    return classes.twin_of(cls, traceable)


def _of_object(x: Any, package: str) -> Any:
    return classes.lend(x, _twin) if tracing.depth else x


def _of_library(value: Any, package: str) -> Any:
    return queries.OF_BUILTIN.get(id(value)) or namespaces.function(value)


_HANDLERS: dict[type, Handler | None] = {
    ModuleType: _of_module,
    FunctionType: _of_function,
    MethodType: traceable,
    partial: traceable,
    _lru_cache_wrapper: _of_remembering,
    BuiltinFunctionType: _of_library,
    type: _of_class,
    np.ndarray: _of_array,
    ConstantArray: None,
}

_HANDLERS_OF_CLASSES: weakref.WeakKeyDictionary[type, Handler | None] = weakref.WeakKeyDictionary()
"""Those of the classes written in Python, which may be made anew in each call."""
_MADE_BY_PYTHON = 1 << 9
"""The flag that CPython gives to types on the heap."""

classes.twin_for = _twin
