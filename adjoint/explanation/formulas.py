"""Formulas of a graph: nodes become terms, which `notation` writes as text or LaTeX.

A term is read off the graph down to nodes that have a name. It says what the graph computes, in
the hand of a mathematician: v̄ · (1 / x) is written v̄ / x, and -(-a) is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from adjoint.graph import engine
from adjoint.graph.node import Node

Term: TypeAlias = (
    "Symbol | Word | Number | Sum | Product | Quotient | Power | Negative | Call | Slope"
)


@dataclass(frozen=True)
class Symbol:
    """v3, its tangent v̇3, its adjoint v̄3, or the partial adjoint v̄2→5 it gets from node 5."""

    index: int
    mark: str = ""
    sender: int | None = None


@dataclass(frozen=True)
class Word:
    """A name given by the user, such as x1; a tangent or an adjoint with a mark."""

    text: str
    mark: str = ""


@dataclass(frozen=True)
class Number:
    """A value; of an array the shape is shown, unless it is short."""

    value: Any


@dataclass(frozen=True)
class Sum:
    """a + b - c: a Negative among the terms is subtracted."""

    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Product:
    """a b c"""

    factors: tuple[Term, ...]


@dataclass(frozen=True)
class Quotient:
    """a / b"""

    above: Term
    below: Term


@dataclass(frozen=True)
class Power:
    """a to the power b"""

    base: Term
    exponent: Term


@dataclass(frozen=True)
class Negative:
    """-a"""

    term: Term


@dataclass(frozen=True)
class Call:
    """Any other operation: its name, its inputs, and its static parameters as text."""

    name: str
    arguments: tuple[Term, ...]
    params: str = ""


@dataclass(frozen=True)
class Slope:
    """∂v5/∂v2"""

    of: Term
    by: Term


DEEPEST = 12
"""A formula nested deeper than this is cut off by an ellipsis."""


def term_of(node: Node, names: Mapping[Node, Term]) -> Term:
    """The formula of `node`, down to nodes with names."""
    if node in names:
        return names[node]
    return formula_of(node, names)


def formula_of(node: Node, names: Mapping[Node, Term], depth: int = 0) -> Term:
    """What `node` computes from its inputs, even if it has a name itself."""
    if not node.inputs:
        return Number(np.asarray(engine.value_of(node)))
    if depth >= DEEPEST:
        return Word("…")
    parts = [
        names[child] if child in names else formula_of(child, names, depth + 1)
        for child in node.inputs
    ]
    build = _BUILDERS.get(node.op.name)
    if build is not None and len(parts) == build[0]:
        built: Term = build[1](*parts)
        return built
    return _call(node, parts)


def _call(node: Node, parts: list[Term]) -> Term:
    name = node.op.name
    if name == "variable":
        return parts[0]
    if name in ("permute_dims", "matrix_transpose") and len(node.shape) == 2:
        return Call("transpose", (parts[0],))
    if name == "broadcast_to":
        return Call("broadcast", (parts[0],), "×".join(map(str, node.shape)))
    if name == "sum" and len(node.inputs[0].shape) == len(node.params[0]):
        return Call("sum", (parts[0],))
    if name == "power_const":
        return Power(parts[0], Number(np.asarray(node.params[0])))
    if name == "power_part" and node.params in _POWER_PARTS:
        return _POWER_PARTS[node.params](*parts)
    if name == "astype":
        return Call(str(node.dtype), (parts[0],))
    if node.op.family == "control":
        return Call(name, tuple(parts), node.op.params_text(node))
    labels = node.op.param_names or tuple("" for _ in node.params)
    shown = ", ".join(
        f"{label}={_param_text(value)}" if label else _param_text(value)
        for label, value in zip(labels, node.params, strict=False)
    )
    return Call(name, tuple(parts), shown if len(shown) <= 40 else shown[:37] + "…")


def _param_text(value: Any) -> str:
    return repr(value[0]) if isinstance(value, tuple) and len(value) == 1 else repr(value)


# Smart constructors: the only algebra done for the eye.


def total(a: Term, b: Term) -> Term:
    """a + b"""
    return Sum((*(a.terms if isinstance(a, Sum) else (a,)), b))


def difference(a: Term, b: Term) -> Term:
    """a - b"""
    return Sum((*(a.terms if isinstance(a, Sum) else (a,)), Negative(b)))


def product(a: Term, b: Term) -> Term:
    """a b, with signs and denominators brought outside, and numbers first"""
    if isinstance(b, Negative):
        return Negative(product(a, b.term))
    if isinstance(a, Negative):
        return Negative(product(a.term, b))
    if isinstance(b, Quotient):
        above = a if _is(b.above, 1) else product(a, b.above)
        return quotient(above, b.below)
    if isinstance(a, Quotient):
        return quotient(b if _is(a.above, 1) else product(a.above, b), a.below)
    factors = [*_factors(a), *_factors(b)]
    factors.sort(key=lambda factor: not isinstance(factor, Number))
    return Product(tuple(factors))


def quotient(a: Term, b: Term) -> Term:
    """a / b, with a sign above brought outside"""
    if isinstance(a, Negative):
        return Negative(quotient(a.term, b))
    if isinstance(a, Quotient):
        return Quotient(a.above, product(a.below, b))
    return Quotient(a, b)


def _factors(term: Term) -> tuple[Term, ...]:
    return term.factors if isinstance(term, Product) else (term,)


def _is(term: Term, number: float) -> bool:
    return isinstance(term, Number) and np.ndim(term.value) == 0 and bool(term.value == number)


def _where(condition: Term, a: Term, b: Term) -> Term:
    return Call("where", (condition, a, b))


ONE, TWO = Number(np.array(1.0)), Number(np.array(2.0))

_BUILDERS: dict[str, tuple[int, Callable[..., Term]]] = {
    "add": (2, total),
    "subtract": (2, difference),
    "multiply": (2, product),
    "divide": (2, quotient),
    "negative": (1, Negative),
    "reciprocal": (1, lambda a: quotient(ONE, a)),
    "log_slope": (1, lambda a: quotient(ONE, a)),
    "power": (2, Power),
    "square": (1, lambda a: Power(a, TWO)),
    "inverse_square": (1, lambda a: quotient(ONE, Power(a, TWO))),
    "arcsin_slope": (1, lambda a: quotient(ONE, Call("sqrt", (difference(ONE, Power(a, TWO)),)))),
    "arccosh_slope": (1, lambda a: quotient(ONE, Call("sqrt", (difference(Power(a, TWO), ONE),)))),
    "arcsinh_slope": (1, lambda a: quotient(ONE, Call("sqrt", (total(ONE, Power(a, TWO)),)))),
    "arctanh_slope": (1, lambda a: quotient(ONE, difference(ONE, Power(a, TWO)))),
    "positive": (1, lambda a: a),
    "where": (3, _where),
}


_POWER_PARTS: dict[Any, Callable[[Term, Term], Term]] = {
    (1, 0): lambda a, b: product(b, Power(a, difference(b, ONE))),
    (0, 1): lambda a, b: product(Power(a, b), Call("log", (a,))),
    (2, 0): lambda a, b: product(product(b, difference(b, ONE)), Power(a, difference(b, TWO))),
    (1, 1): lambda a, b: product(
        Power(a, difference(b, ONE)), total(ONE, product(b, Call("log", (a,))))
    ),
    (0, 2): lambda a, b: product(Power(a, b), Power(Call("log", (a,)), TWO)),
}
"""The derivatives of a to the power b, by how often by each."""


def with_numbers(term: Term, values: Mapping[Symbol, Any]) -> Term | None:
    """The formula with numbers in place of symbols; none if one of them is not a scalar."""
    match term:
        case Symbol():
            value = values.get(term)
            return None if value is None or np.ndim(value) else Number(np.asarray(value))
        case Number():
            return None if np.ndim(term.value) else term
        case Negative(a):
            inner = with_numbers(a, values)
            return None if inner is None else Negative(inner)
        case Quotient(a, b) | Power(a, b):
            first, second = with_numbers(a, values), with_numbers(b, values)
            return None if first is None or second is None else type(term)(first, second)
        case Sum(parts) | Product(parts):
            known = _all_known(parts, values)
            return None if known is None else type(term)(known)
        case Call(name, parts, params):
            known = _all_known(parts, values)
            return None if known is None else Call(name, known, params)
    return None


def _all_known(parts: tuple[Term, ...], values: Mapping[Symbol, Any]) -> tuple[Term, ...] | None:
    known = [with_numbers(part, values) for part in parts]
    return None if any(part is None for part in known) else tuple(p for p in known if p is not None)


def has_symbols(term: Term) -> bool:
    """Whether anything in the formula is not a number."""
    match term:
        case Number():
            return False
        case Sum(parts) | Product(parts) | Call(_, parts, _):
            return any(map(has_symbols, parts))
        case Quotient(a, b) | Power(a, b):
            return has_symbols(a) or has_symbols(b)
        case Negative(a):
            return has_symbols(a)
    return True


def symbols_of(term: Term) -> list[Symbol]:
    """The symbols in a formula, from left to right, each once."""
    match term:
        case Symbol():
            return [term]
        case Sum(parts) | Product(parts) | Call(_, parts, _):
            found = [symbol for part in parts for symbol in symbols_of(part)]
        case Quotient(a, b) | Power(a, b):
            found = symbols_of(a) + symbols_of(b)
        case Negative(a):
            found = symbols_of(a)
        case _:
            found = []
    return list(dict.fromkeys(found))
