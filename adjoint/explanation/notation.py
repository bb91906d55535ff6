"""How terms are written: as plain text with the lecture's dots and bars, or as LaTeX."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from adjoint.explanation.formulas import (
    Call,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Slope,
    Sum,
    Symbol,
    Term,
    Word,
    has_symbols,
)

Written: TypeAlias = "tuple[str, int]"
COMPARISON, SUM, NEGATIVE, PRODUCT, PREFIX, POWER, ATOM = range(7)
"""How tightly what was written holds together; something looser is put in parentheses."""

_INFIX = {
    "less": "<",
    "less_equal": "≤",
    "greater": ">",
    "greater_equal": "≥",
    "equal": "=",
    "not_equal": "≠",
    "logical_and": "and",
    "logical_or": "or",
}
_NAMES = {"log": "ln", "log2": "log2", "maximum": "max", "minimum": "min", "logical_not": "not"}


class Notation(ABC):
    """The rules common to both ways of writing: where parentheses are needed."""

    times: str
    space = " "
    minus = "-"

    def __init__(self, precision: int) -> None:
        self.precision = precision

    def __call__(self, term: Term) -> str:
        """The term as it is written."""
        return self.write(term)[0]

    def write(self, term: Term) -> Written:
        """The term, and how tightly it holds together."""
        match term:
            case Symbol():
                return self.symbol(term), ATOM
            case Word():
                return self.word(term), ATOM
            case Number(value):
                return self.number(value)
            case Sum(terms):
                return self._sum(terms), SUM
            case Product(factors):
                return self._product(factors)
            case Quotient(above, below):
                return self.quotient(above, below)
            case Power(base, exponent):
                return self.power(base, exponent), POWER
            case Negative(inner):
                return f"{self.minus}{self.within(inner, PRODUCT)}", NEGATIVE
            case Slope(of, by):
                return self.slope(self(of), self(by)), ATOM
            case Call():
                return self._call(term)

    def within(self, term: Term, level: int) -> str:
        """The term, in parentheses if it is looser than `level`."""
        text, own = self.write(term)
        if own == PREFIX and level >= PREFIX and isinstance(term, Call):
            return self.applied(term.name, [self(term.arguments[0])])
        return text if own >= level else self.parentheses(text)

    def _sum(self, terms: Sequence[Term]) -> str:
        text = self.within(terms[0], NEGATIVE)
        for term in terms[1:]:
            if isinstance(term, Negative):
                text += f" {self.minus} {self.within(term.term, PRODUCT)}"
            else:
                text += f" + {self.within(term, PRODUCT)}"
        return text

    def _product(self, factors: Sequence[Term]) -> Written:
        first, level = self.write(factors[0])
        parts = [first if level == NEGATIVE else self.within(factors[0], PREFIX)]
        for index, factor in enumerate(factors[1:], 1):
            last = index == len(factors) - 1 and self.write(factor)[1] == PREFIX
            parts.append(self(factor) if last else self.within(factor, PREFIX))
        text = parts[0]
        known = not any(map(has_symbols, factors))
        for factor, part in zip(factors[1:], parts[1:], strict=True):
            times = known or isinstance(factor, Number)
            text += f" {self.times} {part}" if times else self.space + part
        return text, NEGATIVE if level == NEGATIVE else PRODUCT

    def _call(self, term: Call) -> Written:
        arguments = term.arguments
        if term.name in _INFIX and len(arguments) == 2:
            a, b = (self.within(x, SUM) for x in arguments)
            return f"{a} {self.infix(_INFIX[term.name])} {b}", COMPARISON
        special = self.special(term)
        if special is not None:
            return special
        if len(arguments) == 1 and not term.params:
            text, level = self.write(arguments[0])
            if level == ATOM:
                return self.prefixed(term.name, text), PREFIX
        return self.applied(term.name, [*map(self, arguments)], term.params), ATOM

    @abstractmethod
    def symbol(self, symbol: Symbol) -> str:
        """v̄2→5"""

    @abstractmethod
    def word(self, word: Word) -> str:
        """x1"""

    @abstractmethod
    def number(self, value: Any) -> Written:
        """0.693"""

    @abstractmethod
    def quotient(self, above: Term, below: Term) -> Written:
        """a / b"""

    @abstractmethod
    def power(self, base: Term, exponent: Term) -> str:
        """a^b"""

    @abstractmethod
    def slope(self, of: str, by: str) -> str:
        """∂a/∂b"""

    @abstractmethod
    def infix(self, sign: str) -> str:
        """The sign between two operands."""

    @abstractmethod
    def special(self, term: Call) -> Written | None:
        """An operation with a notation of its own."""

    @abstractmethod
    def prefixed(self, name: str, argument: str) -> str:
        """sin a"""

    @abstractmethod
    def applied(self, name: str, arguments: list[str], params: str = "") -> str:
        """name(a, b)"""

    @abstractmethod
    def parentheses(self, text: str) -> str:
        """(a)"""


class Text(Notation):
    """Plain text.

    >>> v, bar = Symbol(2), Symbol(5, "bar")
    >>> Text(3)(Product((bar, Call("cos", (v,)))))
    'v̄5 cos v2'
    """

    times = "×"
    marks: ClassVar = {"": "", "dot": "\u0307", "bar": "\u0304"}

    def symbol(self, symbol: Symbol) -> str:
        sender = "" if symbol.sender is None else f"→{symbol.sender}"
        return f"v{self.marks[symbol.mark]}{symbol.index}{sender}"

    def word(self, word: Word) -> str:
        marked = word.text[0] + self.marks[word.mark] + word.text[1:]
        return unicodedata.normalize("NFC", marked)

    def number(self, value: Any) -> Written:
        text = number_text(value, self.precision)
        return text, NEGATIVE if text.startswith("-") else ATOM

    def quotient(self, above: Term, below: Term) -> Written:
        text, level = self.write(above)
        if level == PREFIX:
            text = self.within(above, PREFIX)
        elif level < NEGATIVE:
            text = self.parentheses(text)
        sign = NEGATIVE if level == NEGATIVE else PRODUCT
        return f"{text} / {self.within(below, POWER)}", sign

    def power(self, base: Term, exponent: Term) -> str:
        return f"{self.within(base, ATOM)}^{self.within(exponent, ATOM)}"

    def slope(self, of: str, by: str) -> str:
        return f"∂{of}/∂{by}"

    def infix(self, sign: str) -> str:
        return sign

    def special(self, term: Call) -> Written | None:
        match term:
            case Call("sqrt", (a,)):
                return f"√{self.within(a, ATOM)}", POWER
            case Call("abs", (a,)):
                return f"|{self(a)}|", ATOM
            case Call("transpose", (a,)):
                return f"{self.within(a, ATOM)}ᵀ", POWER
            case Call("matmul", (a, b)):
                return f"{self.within(a, PREFIX)} @ {self.within(b, PREFIX)}", PRODUCT
        return None

    def prefixed(self, name: str, argument: str) -> str:
        return f"{_NAMES.get(name, name)} {argument}"

    def applied(self, name: str, arguments: list[str], params: str = "") -> str:
        inside = ", ".join([*arguments, *([params] if params else [])])
        return f"{_NAMES.get(name, name)}({inside})"

    def parentheses(self, text: str) -> str:
        return f"({text})"


_KNOWN_TO_LATEX = "sin cos tan sinh cosh tanh exp ln max min arcsin arccos arctan"
_LATEX_SIGNS = {"≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "and": r"\wedge", "or": r"\vee"}
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega"
)
_GREEK = dict(zip("αβγδεζηθικλμνξπρστυφχψω", _GREEK_NAMES.split(), strict=True))


class Latex(Notation):
    r"""LaTeX, to stand between dollars.

    >>> Latex(3)(Quotient(Symbol(1, "dot"), Symbol(1)))
    '\\frac{\\dot{v}_{1}}{v_{1}}'
    """

    times = r"\times"
    marks: ClassVar = {"": "{}", "dot": r"\dot{{{}}}", "bar": r"\bar{{{}}}"}

    def symbol(self, symbol: Symbol) -> str:
        sender = "" if symbol.sender is None else rf"\to {symbol.sender}"
        return f"{self.marks[symbol.mark].format('v')}_{{{symbol.index}{sender}}}"

    def word(self, word: Word) -> str:
        match = re.fullmatch(r"([A-Za-z]|[α-ω])_?([0-9]*)", word.text)
        if match is None:
            return rf"\mathrm{{{latex_escape(word.text)}}}"
        letter = rf"\{_GREEK[match[1]]}" if match[1] in _GREEK else match[1]
        index = f"_{{{match[2]}}}" if match[2] else ""
        return f"{self.marks[word.mark].format(letter)}{index}"

    def number(self, value: Any) -> Written:
        text = number_text(value, self.precision)
        level = NEGATIVE if text.startswith("-") else ATOM
        if "[" in text and text[0] != "[":
            return rf"\mathrm{{{latex_escape(text)}}}", ATOM
        match = re.fullmatch(r"(-?[0-9.]+)e([-+][0-9]+)", text)
        if match is not None:
            return rf"{match[1]} \times 10^{{{int(match[2])}}}", min(level, PRODUCT)
        text = {"inf": r"\infty", "-inf": r"-\infty"}.get(text, text)
        return (rf"\mathrm{{{text}}}" if text in ("nan", "True", "False") else text), level

    def quotient(self, above: Term, below: Term) -> Written:
        return rf"\frac{{{self(above)}}}{{{self(below)}}}", PREFIX

    def power(self, base: Term, exponent: Term) -> str:
        return f"{{{self.within(base, ATOM)}}}^{{{self(exponent)}}}"

    def slope(self, of: str, by: str) -> str:
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"

    def infix(self, sign: str) -> str:
        return _LATEX_SIGNS.get(sign, sign)

    def special(self, term: Call) -> Written | None:
        match term:
            case Call("sqrt", (a,)):
                return rf"\sqrt{{{self(a)}}}", ATOM
            case Call("abs", (a,)):
                return rf"\left|{self(a)}\right|", ATOM
            case Call("transpose", (a,)):
                return f"{{{self.within(a, ATOM)}}}^{{T}}", POWER
            case Call("matmul", (a, b)):
                return rf"{self.within(a, PREFIX)} \,@\, {self.within(b, PREFIX)}", PRODUCT
            case Call("logical_not", (a,)):
                return rf"\neg {self.within(a, ATOM)}", PREFIX
        return None

    def prefixed(self, name: str, argument: str) -> str:
        function = self._function(name)
        return f"{function} {argument}" if function[1:].isalpha() else rf"{function}\, {argument}"

    def applied(self, name: str, arguments: list[str], params: str = "") -> str:
        extra = [rf"\mathrm{{{latex_escape(params)}}}"] if params else []
        return f"{self._function(name)}{self.parentheses(', '.join([*arguments, *extra]))}"

    def _function(self, name: str) -> str:
        name = _NAMES.get(name, name)
        return (
            rf"\{name}" if name in _KNOWN_TO_LATEX.split() else rf"\mathrm{{{latex_escape(name)}}}"
        )

    def parentheses(self, text: str) -> str:
        return rf"\left({text}\right)"


_ESCAPES = {
    "\\": r"\backslash ",
    **{c: rf"\{c}" for c in "#$%&_{}"},
    "~": r"\sim ",
    "^": r"\wedge ",
    "×": r"\times ",
    "…": r"\dots ",
    " ": r"\ ",
}


def latex_escape(text: str) -> str:
    """Plain text inside LaTeX mathematics."""
    return "".join(_ESCAPES.get(c, c) for c in text)


def number_text(value: Any, precision: int) -> str:
    """A scalar with at most `precision` decimals; of an array its elements if few, else its shape.

    >>> number_text(-0.95892, 3), number_text(10.0, 3), number_text(1.5e-8, 3)
    ('-0.959', '10', '1.5e-08')
    >>> number_text(np.ones((3, 4)), 3)
    'float64[3,4]'
    """
    array = np.asarray(value)
    if array.ndim == 0:
        return _scalar_text(array[()], precision)
    if array.size <= 4 and array.ndim == 1:
        return f"[{', '.join(_scalar_text(x, precision) for x in array)}]"
    return f"{array.dtype}[{','.join(map(str, array.shape))}]"


def _scalar_text(x: Any, precision: int) -> str:
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    if np.iscomplexobj(x):
        imag = _scalar_text(x.imag, precision)
        return f"({_scalar_text(x.real, precision)}{'' if imag[0] == '-' else '+'}{imag}i)"
    number = float(x)
    if not np.isfinite(number):
        return str(number)
    size = abs(number)
    if size and (size >= 1e7 or size < 10.0**-precision):
        mantissa, exponent = f"{number:.{precision}e}".split("e")
        return f"{_plain(mantissa)}e{exponent}"
    return _plain(f"{number:.{precision}f}")


def _plain(text: str) -> str:
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
