"""Words in which the native functions of this room are written, over llvmlite's builder.

Floor 6. A variable of the module is known by its name, any other by its address. Everything in
memory is a 64-bit integer or an address, unless a type is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

BIT, BYTE, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))
POINTER, VOID = ir.PointerType(), ir.VoidType()
NULL = ir.Constant(POINTER, None)
RELAXED = "monotonic"
"""The order of atomic accesses by which nothing else in memory is passed on: C's `relaxed`."""


class PointerTo(ir.PointerType):  # type: ignore[misc]  # untyped
    """An address of a known type: llvmlite asks for it in indirect calls and atomic stores."""

    def __init__(self, pointee: Any) -> None:
        super().__init__()
        self.pointee = pointee


class Writer(ir.IRBuilder):  # type: ignore[misc]  # untyped
    """Writes one function."""

    def __getitem__(self, name: str) -> Any:
        """The address of a variable or a function of the module."""
        return self.module.globals[name]

    def invoke(self, name: str, *arguments: Any) -> Any:
        """Call a function of the module."""
        return self.call(self[name], arguments)

    def local(self, start: Any = None, words: int = 1) -> Any:
        """The address of so many words on the stack; the first is set to `start`."""
        with self.goto_entry_block():
            address = self.alloca(ir.ArrayType(I64, words))
        address.align, address.type = 16, PointerTo(I64)
        if start is not None:
            self.set(address, start)
        return address

    def get(self, variable: Any, kind: Any = I64, order: str | None = None) -> Any:
        """The value of a variable."""
        address = self._address(variable)
        if order is None:
            return self.load(address, typ=kind)
        return self.load_atomic(address, order, 8, typ=kind)

    def set(self, variable: Any, value: Any, order: str | None = None) -> None:
        """Give a variable a value."""
        value = I64(value) if isinstance(value, int) else value
        address = self._address(variable)
        if order is None:
            self.store(value, address)
        else:
            self.store_atomic(value, address, order, 8)

    def increase(self, variable: Any, by: int, order: str | None = None) -> Any:
        """Change a variable that no other thread changes now; its new value comes back."""
        value = self.add(self.get(variable), I64(by))
        self.set(variable, value, order)
        return value

    def fetch(self, action: str, variable: Any, value: Any, order: str = RELAXED) -> Any:
        """Change a variable in one step, whatever other threads do; what it was comes back."""
        return self.atomic_rmw(action, self._address(variable), value, order)

    def exchange_null(self, variable: Any, value: Any, order: str) -> Any:
        """Set a variable if it is null, or zero, in one step; whether it was so comes back."""
        nothing = ir.Constant(value.type, None if value.type is POINTER else 0)
        pair = self.cmpxchg(self._address(variable), nothing, value, order, RELAXED)
        return self.extract_value(pair, 1)

    def item(self, variable: Any, index: Any, kind: Any = I64) -> Any:
        """The address of an item of an array."""
        index = I64(index) if isinstance(index, int) else index
        return self.gep(self._address(variable), [index], source_etype=kind)

    def equal(self, a: Any, b: Any) -> Any:
        return self.icmp_unsigned("==", a, b)

    def is_null(self, address: Any) -> Any:
        return self.equal(address, NULL)

    def smaller(self, a: Any, b: Any) -> Any:
        """The smaller of two numbers without sign."""
        return self.select(self.icmp_unsigned("<", a, b), a, b)

    @contextmanager
    def loop(self) -> Iterator[Callable[[Any], None]]:
        """What is written within is done again and again; what it yields writes a way out."""
        again, after = (self.append_basic_block(name) for name in ("again", "after"))
        self.branch(again)
        self.position_at_end(again)

        def leave_if(condition: Any) -> None:
            on = self.append_basic_block("on")
            self.cbranch(condition, after, on)
            self.position_at_end(on)

        yield leave_if
        self.branch(again)
        self.position_at_end(after)

    @contextmanager
    def each(self, count: int) -> Iterator[Any]:
        """What is written within is done for every index below `count`."""
        counter = self.local(0)
        with self.loop() as leave_if:
            index = self.get(counter)
            yield index
            leave_if(self.equal(self.increase(counter, 1), I64(count)))

    def _address(self, variable: Any) -> Any:
        return self[variable] if isinstance(variable, str) else variable


Signature = tuple[Any, Sequence[Any]]
"""The types of the result and of the arguments."""


class ModuleWriter:
    """A module of native functions, and the variables that they share."""

    def __init__(self, foreign: Mapping[str, Signature]) -> None:
        self.module = ir.Module()
        for name, signature in foreign.items():
            ir.Function(self.module, ir.FunctionType(*signature), name)

    def variable(self, name: str, kind: Any = I64, align: int = 8) -> None:
        """Add a variable, which starts as zero."""
        made = ir.GlobalVariable(self.module, kind, name)
        made.linkage, made.align, made.type = "internal", align, PointerTo(kind)
        made.initializer = ir.Constant(kind, None)

    def define(
        self, name: str, result: Any, *arguments: Any, public: bool = False
    ) -> tuple[Writer, Sequence[Any]]:
        """A new function: what writes it, and its parameters."""
        function = ir.Function(self.module, ir.FunctionType(result, arguments), name)
        if not public:
            function.linkage = "internal"
        return Writer(function.append_basic_block("start")), function.args

    def text(self) -> str:
        """The module as LLVM reads it."""
        return str(self.module)
