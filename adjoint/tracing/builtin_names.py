"""What the names of Python's builtins mean while tracing, also after one of them was replaced."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from adjoint.tracing import queries, texts
from adjoint.tracing.module_names import note

_OWN = queries.BUILTINS | texts.BUILTINS
_ORIGINAL = {name: getattr(builtins, name) for name in _OWN}


class _Shared:
    """The builtins of all modules, which are the same: what a name means is forgotten in all."""

    def __init__(self) -> None:
        self.all: list[Builtins] = []
        self.noted: set[str] = set()

    def note(self, name: str, value: Any) -> None:
        """Note what stands under a name of `builtins`, once for all modules."""
        if name not in self.noted:
            self.noted.add(name)
            note(vars(builtins), name, value, self)

    def pop(self, name: str, default: None, /) -> None:
        """Forget what a name means."""
        self.noted.discard(name)
        for known in self.all:
            if not name.startswith("__"):
                known.pop(name, None)


_shared = _Shared()


class Builtins(dict[str, Any]):
    """The builtins of a module while tracing: modules that are imported have their meaning.

    A name is looked up when it is first asked for. The body of a class that stands in a function
    looks its names up here, as CPython finds none in the globals of a copy themselves (from 3.13 on
    it asks their `__getitem__`). `readers`: which of the functions that read numbers from text have
    a meaning, too.
    """

    __slots__ = ("globals", "meaning", "ours", "real")

    def __init__(
        self, globals_: Any, readers: frozenset[str], meaning: Callable[[Any, str], Any]
    ) -> None:
        given = globals_.real.get("__builtins__", builtins)
        self.real = vars(given) if isinstance(given, ModuleType) else given
        self.globals = globals_
        self.meaning = meaning
        self.ours = queries.BUILTINS | {name: texts.BUILTINS[name] for name in readers}
        imported = self.real.get("__import__", builtins.__import__)
        build = self.real.get("__build_class__", builtins.__build_class__)

        def traced_import(name: str, *args: Any, **kwargs: Any) -> Any:
            return meaning(imported(name, *args, **kwargs), globals_.package)

        def build_class(*args: Any, **kwargs: Any) -> Any:
            self.leave_out_globals()
            return build(*args, **kwargs)

        kept = {name: x for name, x in self.real.items() if name.startswith("__")}
        super().__init__(kept | {"__import__": traced_import, "__build_class__": build_class})
        _shared.all.append(self)

    def leave_out_globals(self) -> None:
        """Let names that the module has itself be looked up there."""
        for name in self.keys() & self.globals.real.keys():
            if not name.startswith("__"):
                del self[name]

    def __missing__(self, name: str) -> Any:
        if name in self.globals.real:
            return self.globals[name]
        value = self.real[name]
        meant = self._meant(name, value)
        if self.real is vars(builtins):
            _shared.note(name, value)
            self[name] = meant
        return meant

    def _meant(self, name: str, value: Any) -> Any:
        if name in self.ours and value is _ORIGINAL[name]:
            return self.ours[name]
        return self.meaning(value, self.globals.package) if type(value) is FunctionType else value
