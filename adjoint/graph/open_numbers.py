"""Sizes and constants that are left open while a graph is planned for many of them.

An `OpenNumber` is a size of which the value is known, and by what expression it follows from the
sizes of the arguments. What is computed from it is one, too. Whoever compares one decides by its
value, which is noted as an assumption: for other sizes under which all assumptions hold the same
code would take the same decisions, and would come to the same expressions. An `OpenArray` is a
constant of one element in the same sense.

Nothing else may be done with them. They are no integers, so Python and NumPy cannot take them for
one unnoticed: what cannot be noted raises `NotOpen`, and that it was tried is noted as well, in
case somebody catches the error.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

import numpy as np

Terms: TypeAlias = tuple[tuple[str, int], ...]
"""Names, each with what it is multiplied by."""


class NotOpen(Exception):
    """Something was asked of an open number that cannot be noted."""


class Assumptions:
    """What was decided by the values of open numbers, as lines of Python."""

    def __init__(self) -> None:
        self.names: list[str] = []
        """Of the numbers that others follow from, the arguments of the lines."""
        self.definitions: dict[str, str] = {}
        """By expression the name of what is computed by it, in order."""
        self.outcomes: dict[Hashable, bool] = {}
        """By comparison how it came out: two keys with a symbol between them, or the name of a
        function and what it was given."""
        self.asked: dict[str, Callable[..., Any]] = {}
        """By name the functions that comparisons call."""
        self.hashed: dict[Hashable, OpenNumber] = {}
        """Those that tables were searched for."""
        self.arrays: list[OpenArray] = []
        self.recipes: list[Recipe] = []
        """How to compute the open arrays that follow from others, in order."""
        self.failed: str | None = None
        """What cannot be noted, if it was tried."""

    def number(self, value: int) -> OpenNumber:
        """A new open number, which follows from no other."""
        self.names.append(f"s{len(self.names)}")
        return OpenNumber(self, value, ((self.names[-1], 1),), 0)

    def array(self, value: Any, recipe: Recipe | None = None) -> OpenArray:
        """A new open constant, with how it follows from others."""
        self.names.append(f"s{len(self.names)}")
        if recipe is not None:
            recipe.name = self.names[-1]
            self.recipes.append(recipe)
        self.arrays.append(OpenArray(self, value, self.names[-1]))
        return self.arrays[-1]

    def defined(self, value: Any, expression: str) -> OpenNumber:
        """What is computed by an expression that is not a sum of multiples."""
        name = self.definitions.setdefault(expression, f"t{len(self.definitions)}")
        return OpenNumber(self, value, ((name, 1),), 0)

    def decide(self, comparison: Hashable, outcome: Any) -> bool:
        """Note how a comparison came out."""
        found = self.outcomes[comparison] = bool(outcome)
        return found

    def ask(self, question: Callable[[Any], Any], key: Hashable, known: Any) -> bool:
        """The answer to a question about what has a key, which is noted."""
        name = f"ask_{question.__name__}"
        if self.asked.setdefault(name, question) is not question:
            raise self.fail(f"there are two questions {name}")
        return self.decide((name, key), question(known))

    def fail(self, what: str) -> NotOpen:
        """The error to raise at what cannot be noted."""
        self.failed = self.failed or what
        return NotOpen(what)


class Recipe:
    """How a constant is computed from others: an operation, its inputs and parameters; without an
    operation it is the first of them in another shape."""

    def __init__(self, op: Any, inputs: Sequence[Any], params: Any, shape: Any, dtype: Any) -> None:
        self.op, self.inputs, self.params = op, inputs, params
        self.shape, self.dtype = shape, dtype
        self.name = ""
        """Of what it computes."""


class OpenNumber:
    """A number that follows from open sizes: multiples of names, added up, and a constant.

    One that is no integer, as the estimate of a time, is a name of its own.
    """

    __slots__ = ("addend", "assumptions", "known", "multiples")

    def __init__(self, assumptions: Assumptions, known: Any, multiples: Terms, addend: int) -> None:
        self.assumptions, self.known = assumptions, known
        self.multiples, self.addend = multiples, addend

    @property
    def key(self) -> tuple[Terms, int]:
        """The same for equal expressions."""
        return self.multiples, self.addend

    @property
    def text(self) -> str:
        """The expression, in Python."""
        return text_of(self.key)

    # arithmetic

    def __add__(self, other: Any) -> Any:
        return self._sum(other, 1)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._sum(other, -1)

    def __rsub__(self, other: Any) -> Any:
        return (-self)._sum(other, 1)

    def __neg__(self) -> Any:
        if not self._is_whole():
            return self.assumptions.defined(-self.known, f"-({self.text})")
        return self._times(-1)

    def __pos__(self) -> Any:
        return self

    def __mul__(self, other: Any) -> Any:
        if type(other) in (int, bool) and self._is_whole():
            return self._times(int(other))
        return self._computed("*", operator.mul, other)

    def __rmul__(self, other: Any) -> Any:
        if type(other) in (int, bool) and self._is_whole():
            return self._times(int(other))
        return self._computed("*", operator.mul, other, turned=True)

    def __floordiv__(self, other: Any) -> Any:
        return self._computed("//", operator.floordiv, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return self._computed("//", operator.floordiv, other, turned=True)

    def __mod__(self, other: Any) -> Any:
        return self._computed("%", operator.mod, other)

    def __rmod__(self, other: Any) -> Any:
        return self._computed("%", operator.mod, other, turned=True)

    def __truediv__(self, other: Any) -> Any:
        return self._computed("/", operator.truediv, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._computed("/", operator.truediv, other, turned=True)

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __abs__(self) -> Any:
        return self.assumptions.defined(abs(self.known), f"abs({self.text})")

    def _is_whole(self) -> bool:
        return type(self.known) is int

    def _sum(self, other: Any, sign: int) -> Any:
        """Itself and a multiple of another."""
        if not self._is_whole() or type(_value_of(other)) not in (int, bool):
            function = operator.add if sign == 1 else operator.sub
            return self._computed("+" if sign == 1 else "-", function, other)
        if type(other) is not OpenNumber:
            added = sign * int(other)
            return self._same_kind(self.known + added, self.multiples, self.addend + added)
        terms, constant = dict(self.multiples), self.addend
        for name, factor in other.multiples:
            terms[name] = terms.get(name, 0) + sign * factor
        kept = tuple(sorted([(name, factor) for name, factor in terms.items() if factor]))
        constant += sign * other.addend
        value = self.known + sign * other.known
        return self._same_kind(value, kept, constant) if kept else constant

    def _times(self, factor: int) -> Any:
        if factor in (0, 1):
            return self if factor else 0
        terms = tuple([(name, factor * own) for name, own in self.multiples])
        return self._same_kind(factor * self.known, terms, factor * self.addend)

    def _same_kind(self, value: int, terms: Terms, constant: int) -> OpenNumber:
        return OpenNumber(self.assumptions, value, terms, constant)

    def _computed(
        self, symbol: str, function: Callable[[Any, Any], Any], other: Any, turned: bool = False
    ) -> Any:
        if type(_value_of(other)) not in (int, float, bool):
            return NotImplemented
        a, b = (other, self) if turned else (self, other)
        value = function(_value_of(a), _value_of(b))
        return self.assumptions.defined(value, f"{_text_of(a)} {symbol} {_text_of(b)}")

    # decisions

    def __bool__(self) -> bool:
        return self.assumptions.decide((self.key, "!=", 0), self.known != 0)

    def __eq__(self, other: Any) -> Any:
        if type(other) is OpenNumber and other.assumptions is not self.assumptions:
            return False  # it was left in a cache by another plan
        return self._compared("==", operator.eq, other)

    def __ne__(self, other: Any) -> Any:
        if type(other) is OpenNumber and other.assumptions is not self.assumptions:
            return True
        return self._compared("!=", operator.ne, other)

    def __lt__(self, other: Any) -> Any:
        return self._compared("<", operator.lt, other)

    def __le__(self, other: Any) -> Any:
        return self._compared("<=", operator.le, other)

    def __gt__(self, other: Any) -> Any:
        return self._compared(">", operator.gt, other)

    def __ge__(self, other: Any) -> Any:
        return self._compared(">=", operator.ge, other)

    def _compared(self, symbol: str, function: Callable[[Any, Any], Any], other: Any) -> Any:
        if type(_value_of(other)) not in (int, float, bool):
            if other is None or isinstance(other, (str, tuple, list, type)):
                return NotImplemented
            raise self.assumptions.fail("an open number was compared with what is no number")
        if type(other) is OpenNumber and other.multiples == self.multiples and self._is_whole():
            return function(self.addend, other.addend)
        return self.assumptions.decide(
            (self.key, symbol, _key_of(other)), function(self.known, _value_of(other))
        )

    def __hash__(self) -> int:
        # In a table it is another key than all others. `planned` assumes that it is another number.
        if not self._is_whole():
            raise self.assumptions.fail("a number that is no integer was looked up")
        self.assumptions.hashed[self.key] = self
        return hash((id(self.assumptions), self.key))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **more: Any) -> Any:
        if ufunc in _QUESTIONS and method == "__call__" and not more and inputs == (self,):
            return self.assumptions.ask(ufunc, self.key, self.known)
        raise self.assumptions.fail(f"numpy.{ufunc.__name__} was given an open number")

    # what cannot be noted

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(str(self.assumptions.fail(f"{name} of an open number was asked")))

    def _refuse(self, *args: Any) -> Any:
        raise self.assumptions.fail("an open number was taken for one that is known")

    __int__ = __index__ = __float__ = __complex__ = __round__ = __trunc__ = _refuse
    __floor__ = __ceil__ = __str__ = __repr__ = __format__ = __array__ = _refuse
    __pow__ = __rpow__ = __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _refuse
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _refuse
    __matmul__ = __rmatmul__ = __reduce_ex__ = _refuse


_QUESTIONS = (np.isfinite, np.isnan, np.isinf, np.signbit)


class OpenArray:
    """A constant of one element, its value known, which is another for other sizes."""

    __slots__ = ("assumptions", "known", "name")

    size = 1

    def __init__(self, assumptions: Assumptions, known: Any, name: str) -> None:
        self.assumptions, self.known, self.name = assumptions, known, name

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        found: tuple[int, ...] = self.known.shape
        return found

    def item(self) -> OpenNumber:
        """Its number."""
        return self.assumptions.defined(self.known.item(), f"{self.name}.item()")

    def reshape(self, shape: tuple[int, ...]) -> OpenArray:
        """Its element in another shape."""
        if shape == self.known.shape:
            return self
        recipe = Recipe(None, [self], (), shape, self.known.dtype)
        return self.assumptions.array(self.known.reshape(shape), recipe)

    def tobytes(self) -> bytes:
        """Its bytes, to be compared with those of other constants. `planned` assumes that they are
        equal to the same ones."""
        found: bytes = self.known.tobytes()
        return found

    def ask(self, question: Callable[[Any], bool]) -> bool:
        """The answer to a question about the value."""
        return self.assumptions.ask(question, self.name, self.known)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(str(self.assumptions.fail(f"{name} of an open constant was asked")))

    def _refuse(self, *args: Any, **more: Any) -> Any:
        raise self.assumptions.fail("an open constant was taken for one that is known")

    __array__ = __array_ufunc__ = __bool__ = __float__ = __int__ = __index__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = _refuse
    __str__ = __repr__ = __format__ = __len__ = __iter__ = __getitem__ = _refuse


def array_of(value: Any) -> Any:
    """The value of a constant as an array; an open one as it is."""
    return value if type(value) is OpenArray else np.asarray(value)


def _value_of(x: Any) -> Any:
    """The number that is known, if `x` is one."""
    return x.known if type(x) is OpenNumber else x


def _text_of(x: Any) -> str:
    return x.text if type(x) is OpenNumber else repr(x)


def _key_of(x: Any) -> Any:
    return x.key if type(x) is OpenNumber else x


def text_of(key: Any) -> str:
    """The expression with a key, in Python: that of an open number, or a number that is known."""
    if type(key) is not tuple:
        return key if type(key) is str else repr(key)
    terms, constant = key
    if not constant and len(terms) == 1 and terms[0][1] == 1:
        return str(terms[0][0])
    parts = [name if factor == 1 else f"{factor}*{name}" for name, factor in terms]
    return f"({' + '.join(parts + ([str(constant)] if constant else []))})"
