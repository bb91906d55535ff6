"""Reading a formula: mathematics only. What is read becomes a list of steps, never Python code.

A formula is numbers, names, ``+ - * / ^ **``, parentheses and the functions and constants listed
here. A reader that goes down the grammar writes the formula in postfix form, each operation after
its operands; a loop with a stack evaluates it on tensors, so that length costs no recursion.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from adjoint.errors import ExpressionError
from adjoint.graph.op import FUNCTIONS

LONGEST = 10_000
DEEPEST = 64

CONSTANTS: dict[str, float] = {"pi": math.pi, "π": math.pi, "e": math.e}

_UNARY = (
    "sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh exp exp2 expm1 log "
    "log2 log10 log1p sqrt cbrt square reciprocal abs sign floor ceil erf erfc gamma gammaln expit "
    "logit softplus sinc"
)
_BINARY = "power arctan2 hypot maximum minimum logaddexp"
ALIASES = {
    "ln": "log",
    "sigmoid": "expit",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "atan2": "arctan2",
    "pow": "power",
    "max": "maximum",
    "min": "minimum",
}
_OPERATORS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
_TYPOGRAPHY = str.maketrans({"−": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/"})

_TOKEN = re.compile(
    r"(?P<space>\s+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-zΑ-Ωα-ω][A-Za-zΑ-Ωα-ω0-9_]*)"
    r"|(?P<sign>\*\*|[-+*/^(),])"
)


def functions() -> dict[str, int]:
    """The functions a formula may use, with how many arguments each takes."""
    found = {name: 1 for name in _UNARY.split() if name in FUNCTIONS}
    found |= {name: 2 for name in _BINARY.split() if name in FUNCTIONS}
    return found | {alias: found[name] for alias, name in ALIASES.items() if name in found}


@dataclass(frozen=True)
class Token:
    """A piece of the formula: its kind (number, name, sign, end), its text and where it begins."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Expression:
    """A formula that was read: call it with one value per name, in the order of `names`.

    >>> area = parse("pi * r^2")
    >>> area.names
    ('r',)
    >>> round(float(area(2.0)), 3)
    12.566
    """

    source: str
    names: tuple[str, ...]
    steps: tuple[tuple[str, Any], ...]
    places: tuple[tuple[int, int], ...] = ()  # where in the source each step stands

    def __call__(self, *values: Any) -> Any:
        """The value of the formula; equal parts of it are computed once and shared."""
        return self.parts(*values)[-1]

    def parts(self, *values: Any) -> list[Any]:
        """The value of each step, the whole formula last; equal parts are one object."""
        given = dict(zip(self.names, values, strict=True))
        places: dict[Any, int] = {}  # what is computed → where in `made`
        made: list[Any] = []
        stack: list[int] = []
        values_of_steps: list[Any] = []
        for kind, what in self.steps:
            key: Any = (kind, repr(what))
            if kind == "apply":
                name, count = what
                operands = tuple(stack[-count:])
                del stack[-count:]
                key = (name, operands)
            if key not in places:
                places[key] = len(made)
                if kind == "apply":
                    made.append(_apply(name, [made[i] for i in operands]))
                else:
                    made.append(what if kind == "number" else given[what])
            stack.append(places[key])
            values_of_steps.append(made[places[key]])
        return values_of_steps


def _apply(name: str, operands: list[Any]) -> Any:
    result = FUNCTIONS[name](*operands)
    return float(result) if all(isinstance(x, float) for x in operands) else result


def parse(source: str, names: tuple[str, ...] | None = None) -> Expression:
    """Read a formula. With `names` given only those may occur, in that order.

    Raises `ExpressionError` that says what was read, where, and what to do.

    >>> parse("log(x1) + x1*x2 - sin(x2)").names
    ('x1', 'x2')
    >>> parse("2 x")
    Traceback (most recent call last):
        ...
    adjoint.errors.ExpressionError: cannot read the formula: 'x' follows '2' without an operation
      2 x
        ^
    multiplication is written with a star: 2*x
    """
    return _Reader(source, names).read()


def parse_assignments(pairs: list[str]) -> dict[str, float]:
    """Values typed as ``x1=2``: a name and a number, which may be a formula such as ``pi/2``.

    >>> parse_assignments(["x1=2", "x2=pi/2"])
    {'x1': 2.0, 'x2': 1.5707963267948966}
    """
    values: dict[str, float] = {}
    for pair in pairs:
        name, equals, text = (part.strip() for part in pair.partition("="))
        if not equals:
            raise ExpressionError(
                f"expected a value such as x1=2, got {_short(pair)}; write name=number without "
                f"spaces, and the formula as one word in quotes"
            )
        match = _TOKEN.fullmatch(name)
        if match is None or match.lastgroup != "name":
            raise ExpressionError(
                f"{_short(pair)}: {_short(name)} is not a name; a name is a letter followed by "
                f"letters, digits and _"
            )
        if name in CONSTANTS or name in functions():
            kind = "constant" if name in CONSTANTS else "function"
            raise ExpressionError(f"{_short(pair)}: {name} is a {kind}; choose another name")
        if name in values:
            raise ExpressionError(f"{name} is given two values; give it one")
        values[name] = _number(pair, text)
    return values


def _number(pair: str, text: str) -> float:
    try:
        value = float(parse(text, ())())
    except ExpressionError as error:
        raise ExpressionError(f"{_short(pair)}: {_short(text)} is not a number: {error}") from None
    if not math.isfinite(value):
        raise ExpressionError(f"{_short(pair)}: the value is {value}; give a finite number")
    return value


def check_names(expression: Expression, values: Mapping[str, float]) -> None:
    """Raise `ExpressionError` unless every name of the formula has a value and no other has."""
    for name in expression.names:
        if name not in values:
            extra = [other for other in values if other not in expression.names]
            meant = _near(name, extra) or (extra[0] if len(extra) == 1 else None)
            raise ExpressionError(
                f"the formula uses {name}, which has no value; add {name}=…"
                + (f" (is {meant}={values[meant]:g} meant for it?)" if meant else "")
            )
    for name in values:
        if name not in expression.names:
            used = ", ".join(expression.names) or "none"
            raise ExpressionError(
                f"{name} is given a value, but the formula does not use it (its names: {used}); "
                f"leave {name}=… out or correct the name"
            )


def _near(name: str, known: Any) -> str | None:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "…")


class _Reader:
    """Goes down the grammar once, from left to right, and writes the steps."""

    def __init__(self, source: str, names: tuple[str, ...] | None) -> None:
        if not isinstance(source, str):
            raise ExpressionError(f"a formula is text, got {type(source).__name__}")
        self.source = source
        if len(source) > LONGEST:
            raise ExpressionError(
                f"the formula has {len(source):,} characters, more than {LONGEST:,}; write it as "
                f"a Python function and use adjoint.explain"
            )
        self.known = functions()
        self.allowed = names
        self.names: list[str] = list(names or ())
        self.steps: list[tuple[str, Any]] = []
        self.places: list[tuple[int, int]] = []
        self.operands: list[tuple[int, int]] = []
        self.depth = 0
        self.tokens = self._split()
        self.position = 0

    def read(self) -> Expression:
        """The whole formula."""
        if self.here.kind == "end":
            self._fail("there is no formula", self.here, "give one such as log(x1) + x1*x2")
        self._sum()
        if self.here.kind != "end":
            self._unexpected()
        return Expression(self.source, tuple(self.names), tuple(self.steps), tuple(self.places))

    # The grammar: a sum of products of signed powers of atoms.

    def _sum(self) -> None:
        self._chain(("+", "-"), self._product)

    def _product(self) -> None:
        self._chain(("*", "/"), self._signed)

    def _chain(self, signs: tuple[str, ...], part: Callable[[], None]) -> None:
        part()
        while self.here.text in signs:
            sign = self._take().text
            part()
            self._apply(_OPERATORS[sign], 2)

    def _signed(self) -> None:
        start = self.here.at
        negative = False
        while self.here.text in ("+", "-"):
            negative ^= self._take().text == "-"
        self._power()
        if negative:
            self._apply("negative", 1, start)

    def _power(self) -> None:
        self._atom()
        if self.here.text in ("^", "**"):
            self._inside(self._take(), self._signed)  # to the right: x^y^z = x^(y^z), and x^-2
            self._apply("power", 2)

    def _atom(self) -> None:
        token = self.here
        if token.kind == "number":
            self._operand("number", float(self._take().text), token)
        elif token.kind == "name":
            self._named(self._take())
        elif token.text == "(":
            self._inside(self._take(), self._sum)
            self._close(token)
            self.operands[-1] = (token.at, self.end)
        else:
            self._unexpected()

    def _named(self, token: Token) -> None:
        name = token.text
        if self.here.text == "(":
            if name not in self.known:
                self._not_a_function(token)
            self._arguments(token)
        elif name in self.known and name not in (self.allowed or ()):
            self._fail(f"the function {name} has no argument", token, f"write {name}(…)")
        elif name in CONSTANTS:
            self._operand("number", CONSTANTS[name], token)
        else:
            if self.allowed is not None and name not in self.allowed:
                self._unknown(token)
            if name not in self.names:
                self.names.append(name)
            self._operand("name", name, token)

    def _arguments(self, token: Token) -> None:
        opening = self._take()
        name = ALIASES.get(token.text, token.text)
        count = 0
        while True:
            self._inside(opening, self._sum)
            count += 1
            if count > 1 and name in ("maximum", "minimum"):
                self._apply(name, 2, token.at)  # of many arguments, two by two
            if self.here.text != ",":
                break
            self._take()
        self._close(opening)
        wanted = self.known[token.text]
        if name in ("maximum", "minimum") and count > 1:
            self.places[-1] = self.operands[-1] = (token.at, self.end)
            return
        if count != wanted:
            self._fail(
                f"{token.text} takes {wanted} argument{'s' * (wanted != 1)}, got {count}",
                token,
                f"write {token.text}({', '.join('abc'[:wanted])})",
            )
        self._apply(name, wanted, token.at)

    # Steps.

    def _operand(self, kind: str, what: Any, token: Token) -> None:
        place = (token.at, token.at + len(token.text))
        self.steps.append((kind, what))
        self.places.append(place)
        self.operands.append(place)

    def _apply(self, name: str, count: int, start: int | None = None) -> None:
        """An operation on the last operands; it stands where they do, or begins at `start`."""
        place = (self.operands[-count][0] if start is None else start, self.end)
        self.operands[-count:] = [place]
        if name == "negative" and self.steps[-1][0] == "number":
            self.steps[-1] = ("number", -self.steps[-1][1])
        else:
            self.steps.append(("apply", (name, count)))
            self.places.append(place)

    # Tokens.

    @property
    def here(self) -> Token:
        return self.tokens[self.position]

    @property
    def end(self) -> int:
        """Where in the source the token ends that was taken last."""
        return self.tokens[self.position - 1].at + len(self.tokens[self.position - 1].text)

    def _take(self) -> Token:
        token = self.tokens[self.position]
        self.position += token.kind != "end"
        return token

    def _inside(self, opening: Token, part: Callable[[], None]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            self._fail(
                f"more than {DEEPEST} levels of parentheses and powers",
                opening,
                "write a simpler formula",
            )
        part()
        self.depth -= 1

    def _close(self, opening: Token) -> None:
        if self.here.text != ")":
            if self.here.kind == "end":
                self._fail("this parenthesis is not closed", opening, "add )")
            self._unexpected()
        self._take()

    def _split(self) -> list[Token]:
        tokens, at = list[Token](), 0
        text = self.source.translate(_TYPOGRAPHY)
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                self._strange(at)
            kind = str(match.lastgroup)
            if kind != "space":
                tokens.append(Token(kind, match.group(), at))
            at = match.end()
        return [*tokens, Token("end", "", len(text))]

    # What can be wrong.

    def _strange(self, at: int) -> NoReturn:
        character = self.source[at]
        cure = "a formula is numbers, names, + - * / ^, parentheses and functions such as sin(x)"
        cure = {
            "=": "write the formula alone, and values separately: x1=2",
            "²": "write a power as x^2",
            "³": "write a power as x^3",
            "√": "write a root as sqrt(x)",
            "|": "write an absolute value as abs(x)",
            "[": "write ( instead",
            "{": "write ( instead",
        }.get(character, cure)
        self._fail(f"{character!r} is not mathematics", Token("strange", character, at), cure)

    def _unexpected(self) -> NoReturn:
        token = self.here
        if token.kind == "end":
            self._fail("the formula ends too early", token, "something is missing at the end")
        before = self.tokens[self.position - 1] if self.position else None
        starts = token.kind in ("number", "name") or token.text == "("
        if before is not None and starts and (before.kind != "sign" or before.text == ")"):
            cure = f"multiplication is written with a star: {before.text}*{token.text}"
            if before.text in self.known:
                cure = f"write {before.text}({token.text})"
            elif token.text == "(":
                cure = "multiplication is written with a star: 2*(x + 1)"
            self._fail(
                f"{_short(token.text)} follows {_short(before.text)} without an operation",
                token,
                cure,
            )
        cure = "remove it, or open a parenthesis before" if token.text == ")" else ""
        if token.text == ",":
            cure = "decimals are written with a point: 1.5; commas separate arguments: max(a, b)"
        self._fail(f"{token.text!r} was not expected here", token, cure or "a number is missing")

    def _not_a_function(self, token: Token) -> NoReturn:
        meant = _near(token.text, self.known)
        cure = f"did you mean {meant}?" if meant else f"there are: {', '.join(sorted(self.known))}"
        if len(token.text) == 1 or token.text in self.names or token.text in CONSTANTS:
            cure = f"multiplication is written with a star: {token.text}*(…)"
        self._fail(f"there is no function {_short(token.text)}", token, cure)

    def _unknown(self, token: Token) -> NoReturn:
        names = self.allowed or ()
        meant = _near(token.text, (*names, *CONSTANTS))
        known = f"known names: {', '.join(names)}" if names else "only numbers are allowed here"
        self._fail(
            f"unknown name {_short(token.text)}",
            token,
            f"did you mean {meant}?" if meant else known,
        )

    def _fail(self, what: str, token: Token, cure: str) -> NoReturn:
        start = max(0, token.at - 50)
        shown = "".join(c if c.isprintable() else " " for c in self.source[start : token.at + 30])
        lead, tail = "…" * (start > 0), "…" * (token.at + 30 < len(self.source))
        caret = " " * (len(lead) + token.at - start)
        raise ExpressionError(
            f"cannot read the formula: {what}\n  {lead}{shown}{tail}\n  {caret}^\n{cure}"
        )
