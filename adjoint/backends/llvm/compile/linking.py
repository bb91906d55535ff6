"""Object code linked into this process: by LLVM's ORC, in a tenth of the time of its MCJIT.

Floor 6. An engine of ORC keeps a few kilobytes of each library that it ever had, and looks through
all of them for each new one. So an engine takes so many libraries, then another is made, and it is
closed when the last of its libraries is gone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import llvmlite.binding as llvm

MOST_LIBRARIES = 64
"""Libraries of an engine: making one takes a third of a millisecond, as long as three libraries."""

_engines: list[Engine] = []
"""The engine that takes libraries, and those before it of which some are left."""


class Engine:
    """An engine of ORC, and the numbers of its libraries that are in use."""

    def __init__(self, machine: Any) -> None:
        self.engine = llvm.create_lljit_compiler(machine)
        self.in_use: set[int] = set()
        self.left = MOST_LIBRARIES

    def next_number(self) -> int:
        """The number of a new library."""
        self.left -= 1
        self.in_use.add(self.left)
        return self.left

    def drop(self, number: int) -> None:
        """Note that a library is gone; the engine goes with the last it will have had."""
        self.in_use.discard(number)
        if not self.left and not self.in_use:
            try:
                _engines.remove(self)
            except ValueError:  # another thread was quicker
                return
            self.engine.close()


class Library:
    """Object files linked together; their code is freed with this object.

    `symbols` are what they refer to beside the functions of the process, `names` those whose
    addresses are wanted most. Whoever makes one holds `building`.
    """

    def __init__(
        self,
        objects: Sequence[bytes],
        symbols: Mapping[str, int],
        names: Collection[str],
        machine: Callable[[], Any],
    ) -> None:
        self.trackers: list[Any] = []
        """What answers for addresses: with any of them the code would go."""
        if not _engines or not _engines[-1].left:
            _engines.append(Engine(machine()))
        self.engine = _engines[-1]
        self.number = self.engine.next_number()
        builder = llvm.JITLibraryBuilder()
        for code in objects:
            builder.add_object_img(code)
        for name, address in symbols.items():
            builder.import_symbol(name, address)
        builder.add_current_process()
        for name in names:
            builder.export_symbol(name)
        self.trackers.append(builder.link(self.engine.engine, str(self.number)))
        self.known = {name: int(self.trackers[0][name]) for name in names}

    def address(self, name: str) -> int:
        """The address of a function or a variable; 0 if there is none of that name."""
        if name not in self.known:
            try:
                self.trackers.append(self.engine.engine.lookup(str(self.number), name))
                self.known[name] = int(self.trackers[-1][name])
            except RuntimeError:
                self.known[name] = 0
        return self.known[name]

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        # Not by the order in which the garbage collector would free the two. As the interpreter
        # ends, the names of this module may be gone.
        if not is_finalizing() and hasattr(self, "number"):  # else its making was interrupted
            for tracker in self.trackers:
                tracker.close()
            self.engine.drop(self.number)


class McjitLibrary:
    """The same by MCJIT, of which each engine needs an empty module, and compiles it.

    Its names are global: one that is bound anew counts for code that is loaded from then on.
    """

    def __init__(
        self, objects: Sequence[bytes], symbols: Mapping[str, int], triple: str, machine: Any
    ) -> None:
        for name, address in symbols.items():
            llvm.add_symbol(name, address)
        empty = llvm.parse_assembly("")
        empty.triple = triple
        self.engine = llvm.create_mcjit_compiler(empty, machine)
        for code in objects:
            self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def address(self, name: str) -> int:
        """The address of a function or a variable; 0 if there is none of that name."""
        return int(
            self.engine.get_function_address(name) or self.engine.get_global_value_address(name)
        )
