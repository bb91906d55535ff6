"""Formulas and values as the data that the page's script reads."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

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
)
from adjoint.explanation.notation import number_text

Data: TypeAlias = "list[Any]"

MOST_SHOWN = 64
"""Of an array with at most so many elements all are written down."""


def term_data(term: Term) -> Data:
    """A term as a list that begins with its kind.

    >>> term_data(Product((Symbol(5, "bar"), Call("cos", (Symbol(2),)))))
    ['*', ['v', 5, 'bar'], ['f', 'cos', [['v', 2, '']], '']]
    """
    match term:
        case Symbol(index, mark, None):
            return ["v", index, mark]
        case Symbol(index, mark, sender):
            return ["v", index, mark, sender]
        case Word(text, mark):
            return ["w", text, mark]
        case Number(value):
            return ["n", scalar_data(value)]
        case Sum(parts):
            return ["+", *map(term_data, parts)]
        case Product(parts):
            return ["*", *map(term_data, parts)]
        case Quotient(a, b):
            return ["/", term_data(a), term_data(b)]
        case Power(a, b):
            return ["^", term_data(a), term_data(b)]
        case Negative(a):
            return ["-", term_data(a)]
        case Slope(a, b):
            return ["d", term_data(a), term_data(b)]
        case Call(name, parts, params):
            return ["f", name, list(map(term_data, parts)), params]


def scalar_data(value: Any) -> Any:
    """A real number as it is, anything else as the text that shows it."""
    array = np.asarray(value)
    if array.ndim == 0 and array.dtype.kind == "b":
        return bool(array)
    if array.ndim == 0 and array.dtype.kind in "iuf" and math.isfinite(array):
        return float(array)
    return number_text(value, 3)


def value_data(value: Any) -> Any:
    """A value: of an array its shape and dtype, and its elements if they are few."""
    array = np.asarray(value)
    if not array.ndim:
        return scalar_data(array)
    data: dict[str, Any] = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if 0 < array.size <= MOST_SHOWN and array.ndim <= 2:
        rows = array.reshape(-1, array.shape[-1])
        data["rows"] = [[scalar_data(x) for x in row] for row in rows]
    return data
