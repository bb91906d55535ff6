"""The derivatives of operations as formulas, read off the registry.

An elementwise operation states its partial derivatives as expressions of tensors. Here they are
evaluated on variables, and what comes out is written as `adjoint explain` writes a graph. Of other
operations the adjoint of the first call in the tests' tables is written, where that is one line.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

import adjoint as ad
from adjoint.errors import NotDifferentiableError
from adjoint.explanation.formulas import (
    Call,
    Negative,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
    Term,
    Word,
    formula_of,
)
from adjoint.explanation.notation import Text
from adjoint.graph.op import OPS
from adjoint.graph.types import BOOL
from adjoint.ops.family.elementwise import Chosen, Elementwise, Masked, Missing

LONGEST = 90
"""Characters of a formula that a reader still takes in."""
ARGUMENTS = ("x", "y", "z", "w")
IN_PIECES = "in pieces, see its definition"
OF_COMPLEX_NUMBERS = frozenset({"angle", "conj", "imag", "real"})
"""Linear maps of real and imaginary part, which have no one partial derivative."""
UNKNOWN = "not known: an error"
_CONSTANTS = {
    math.log(2): "(ln 2)",
    1 / math.log(2): "(1 / ln 2)",
    1 / math.log(10): "(1 / ln 10)",
    math.log(10): "(ln 10)",
    2 / math.sqrt(math.pi): "(2 / √π)",
    -2 / math.sqrt(math.pi): "(-2 / √π)",
    math.sqrt(math.pi) / 2: "(√π / 2)",
    -math.sqrt(math.pi) / 2: "(-√π / 2)",
    1 / math.sqrt(2 * math.pi): "(1 / √(2π))",
    math.sqrt(2 * math.pi): "√(2π)",
    math.sqrt(math.pi / 2): "√(π / 2)",
    -math.sqrt(0.5): "(-1 / √2)",
    math.sqrt(0.5): "(1 / √2)",
    math.pi / 180: "π / 180",
    180 / math.pi: "180 / π",
    math.pi / 2: "(π / 2)",
    1 / math.pi: "(1 / π)",
    2 * math.pi: "2π",
    math.pi: "π",
    1 / 3: "(1 / 3)",
}
_text = Text(6)


@dataclass(frozen=True)
class Row:
    """A function, its derivatives by its arguments in order, and whether there is a kink."""

    name: str
    partials: tuple[str, ...]
    kink: bool = False


@cache
def elementwise_rows() -> dict[str, Row]:
    """The public elementwise functions, by the name of their operation."""
    found = {}
    for name, op in _public_operations():
        is_real = isinstance(op, Elementwise) and op.accepts != "complex"
        if is_real and op.name not in OF_COMPLEX_NUMBERS:
            found[name] = Row(name, tuple(_partials(op)), op.kink is not None)
    return found


def _public_operations() -> Iterator[tuple[str, Any]]:
    seen = set()
    for prefix, namespace in (("", ad), ("special.", ad.special)):
        for name in namespace.__all__:
            own = getattr(getattr(namespace, name), "__name__", "")
            if own in OPS and own not in seen:
                seen.add(own)
                yield prefix + own, OPS[own]


def _partials(op: Elementwise) -> Iterator[str]:
    count = len(op.partials)
    points = [sum(op.domain[i]) / 2 if op.domain else 0.5 for i in range(count)]
    inputs = [ad.variable(point) for point in points]
    value = ad.variable(0.7)
    names = {x.node: Word(name) for x, name in zip(inputs, ARGUMENTS, strict=False)}
    names[value.node] = Word("f")
    for partial in op.partials:
        try:
            factor = partial(*inputs, value, *op.samples[0]) if callable(partial) else partial
            text = _factor_text(factor, names) if not isinstance(partial, Missing) else UNKNOWN
        except NotDifferentiableError:
            text = UNKNOWN
        yield IN_PIECES if "…" in text or len(text) > LONGEST else text


def _factor_text(factor: Any, names: dict[Any, Term]) -> str:
    if factor is None:
        return "0"
    if isinstance(factor, Masked):
        condition = _factor_text_of(factor.mask, names)
        return f"{_factor_text_of(factor.factor, names)} where {condition}, else 0"
    if isinstance(factor, Chosen):
        return f"0 where {_factor_text_of(factor.lost, names)}, else 1"
    if not isinstance(factor, ad.Tensor):
        return _text(tidy(Number(np.asarray(float(factor)))))
    if factor.dtype == BOOL:
        return f"1 where {_factor_text_of(factor, names)}, else 0"
    return _factor_text_of(factor, names)


def _factor_text_of(x: ad.Tensor, names: dict[Any, Term]) -> str:
    return _text(tidy(names[x.node] if x.node in names else formula_of(x.node, names)))


def tidy(term: Term) -> Term:
    """The same formula with x x written x^2, and numbers such as 0.693147 written ln 2."""
    match term:
        case Number(value) if np.ndim(value) == 0 and np.asarray(value).dtype.kind == "f":
            known = [
                n for x, n in _CONSTANTS.items() if math.isclose(x, float(value), rel_tol=1e-14)
            ]
            return Word(known[0]) if known else term
        case Product(factors):
            return _powers([tidy(factor) for factor in factors])
        case Sum(terms):
            return Sum(tuple(map(tidy, terms)))
        case Quotient(above, below):
            return Quotient(tidy(above), tidy(below))
        case Power(base, exponent):
            return Power(tidy(base), tidy(exponent))
        case Negative(inner):
            return Negative(tidy(inner))
        case Call():
            return replace(term, arguments=tuple(map(tidy, term.arguments)))
    return term


def _powers(factors: Sequence[Term]) -> Term:
    counts: list[tuple[Term, int]] = []
    for factor in factors:
        if counts and repr(counts[-1][0]) == repr(factor):  # a Number holds an array: no ==
            counts[-1] = (factor, counts[-1][1] + 1)
        else:
            counts.append((factor, 1))
    made = [f if n == 1 else Power(f, Number(np.asarray(float(n)))) for f, n in counts]
    return made[0] if len(made) == 1 else Product(tuple(made))


@cache
def adjoint_rows() -> dict[str, Row]:
    """Public functions that are one operation of another kind, where the adjoints are short."""
    from tools.function_examples import examples

    found = {}
    for name, calls in examples().items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            row = _adjoints(name, calls[0].call, calls[0].inputs)
        if row is not None:
            found[name] = row
    return found


def _adjoints(name: str, call: Callable[..., Any], inputs: Sequence[Any]) -> Row | None:
    arrays = [np.asarray(x) for x in inputs]
    if not arrays or any(x.dtype.kind != "f" for x in arrays) or len(arrays) > len(ARGUMENTS):
        return None
    variables = [ad.variable(x) for x in arrays]
    try:
        value = call(*variables)
    except ad.errors.AdjointError:
        return None
    if not isinstance(value, ad.Tensor) or value.dtype.kind != "f":
        return None
    given = {x.node for x in variables}
    is_one = set(value.node.inputs) <= given
    if isinstance(value.node.op, Elementwise) or not (is_one or name.startswith("linalg.")):
        return None
    seed = ad.variable(np.ones(value.shape))
    try:
        found = ad.gradient(value, variables, seed)
    except ad.errors.AdjointError:
        return None
    names: dict[Any, Term] = {x.node: Word(n) for x, n in zip(variables, ARGUMENTS, strict=False)}
    names |= {value.node: Word("f"), seed.node: Word("f", "bar")}
    texts = tuple(_factor_text_of(x, names) for x in found)
    if any(
        "…" in text or len(text) > LONGEST or "marked" in text or "64[" in text for text in texts
    ):
        return None
    return Row(name, texts)
