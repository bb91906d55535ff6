"""Hypergeometric functions, with derivatives of every order by argument and parameters.

Values are SciPy's. What changes with a parameter is the sum of a series, which for some parameters
would cancel or not converge: there the derivative is nan, never a wrong number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.ops.family.docstrings import DocstringParts, publish
from adjoint.ops.family.elementwise import Elementwise, apply
from adjoint.ops.special import hypergeometric_series as series
from adjoint.ops.special.scipy_function import PREFIX, keep_dtype

__all__ = ["hyp0f1", "hyp1f1", "hyp2f1", "hyperu"]

_POSITIVE = (0.5, 3.0)


def _more(name: str, place: int) -> Callable[..., Tensor]:
    """The derivative by the argument at `place`: the same of one order more."""

    def rule(*given: Any) -> Tensor:
        op = _OPS[name]
        count = len(op.partials)
        orders = [*given[count + 1 :]]
        orders[place] += 1
        return apply(op, given[:count], tuple(orders))

    return rule


def _rising(a: Any, n: int) -> Any:
    return np.prod([a + k for k in range(n)], axis=0) if n else 1.0


def _hyp0f1(b: Any, x: Any, j: int, n: int) -> Any:
    if j:
        return keep_dtype(series.hyp0f1(b, x, j, n), x)
    return keep_dtype(import_module("scipy.special").hyp0f1(b + n, x) / _rising(b, n), x)


def _hyp1f1(a: Any, b: Any, x: Any, i: int, j: int, n: int) -> Any:
    if i or j:
        return keep_dtype(series.hyp1f1(a, b, x, i, j, n), x)
    value = import_module("scipy.special").hyp1f1(a + n, b + n, x)
    return keep_dtype(value * (_rising(a, n) / _rising(b, n)), x)


def _hyp2f1(a: Any, b: Any, c: Any, x: Any, *orders: int) -> Any:
    n = orders[3]
    if any(orders[:3]):
        return keep_dtype(series.hyp2f1(a, b, c, x, (orders[0], orders[1], orders[2], n)), x)
    value = import_module("scipy.special").hyp2f1(a + n, b + n, c + n, x)
    return keep_dtype(value * (_rising(a, n) * _rising(b, n) / _rising(c, n)), x)


def _hyperu(a: Any, b: Any, x: Any, i: int, j: int) -> Any:
    if i or j:
        return keep_dtype(series.hyperu(a, b, x, i, j), x)
    return keep_dtype(import_module("scipy.special").hyperu(a, b, x), x)


def _hyperu_slope(a: Tensor, b: Tensor, x: Tensor, y: Tensor, i: int, j: int) -> Tensor:
    """-a U(a+1, b+1, x), of which i derivatives are taken by a."""
    result = -a * apply(_OPS["hyperu"], (a + 1, b + 1, x), (i, j))
    return result - i * apply(_OPS["hyperu"], (a + 1, b + 1, x), (i - 1, j)) if i else result


def _operation(name: str, numpy: Any, samples: tuple[tuple[int, ...], ...], **options: Any) -> None:
    """Register an operation whose parameters are the orders of its derivatives."""
    domain = options["domain"]
    partials = options.pop("partials", None) or tuple(_more(name, k) for k in range(len(domain)))
    names = tuple(f"order{k}" for k in range(len(samples[0])))
    _OPS[name] = register(
        Elementwise(
            name,
            numpy,
            partials,
            accepts="real",
            param_names=names,
            samples=samples,
            **options,
        )
    )


def _published(function: Any, args: str, doc: str, example: tuple[Any, ...], shown: str) -> Any:
    publish(function, _OPS[function.__name__], DocstringParts(doc, args, example, shown, PREFIX))
    return function


_OPS: dict[str, Elementwise] = {}
_operation("hyp0f1", _hyp0f1, ((0, 0),), domain=(_POSITIVE, (-2.0, 2.0)))
_operation(
    "hyp1f1",
    _hyp1f1,
    ((0, 0, 0),),
    domain=((-1.5, 3.0), _POSITIVE, (-2.0, 2.0)),
)
_operation(
    "hyp2f1",
    _hyp2f1,
    ((0, 0, 0, 0),),
    domain=((-1.5, 3.0), _POSITIVE, _POSITIVE, (-2.0, 0.8)),
)
_operation(
    "hyperu",
    _hyperu,
    ((0, 0),),
    domain=((0.5, 1.5), (0.5, 1.5), _POSITIVE),
    partials=(_more("hyperu", 0), _more("hyperu", 1), _hyperu_slope),
)


def hyp0f1(v: Any, z: Any, /) -> Tensor:
    return apply(_OPS["hyp0f1"], (v, z), (0, 0))


def hyp1f1(a: Any, b: Any, x: Any, /) -> Tensor:
    return apply(_OPS["hyp1f1"], (a, b, x), (0, 0, 0))


def hyp2f1(a: Any, b: Any, c: Any, z: Any, /) -> Tensor:
    return apply(_OPS["hyp2f1"], (a, b, c, z), (0, 0, 0, 0))


def hyperu(a: Any, b: Any, x: Any, /) -> Tensor:
    return apply(_OPS["hyperu"], (a, b, x), (0, 0))


_published(
    hyp0f1,
    "v, z",
    "The confluent hypergeometric limit function ₀F₁(v; z).",
    (2.0, 1.0),
    "1.59063685",
)
_published(
    hyp1f1,
    "a, b, x",
    "Kummer's confluent hypergeometric function ₁F₁(a; b; x).",
    (1.0, 2.0, 1.0),
    "1.71828183",
)
_published(
    hyp2f1,
    "a, b, c, z",
    "Gauss's hypergeometric function ₂F₁(a, b; c; z); derivatives by a, b, c where z < 1.",
    (1.0, 1.0, 2.0, 0.5),
    "1.38629436",
)
_published(
    hyperu,
    "a, b, x",
    "Tricomi's confluent hypergeometric function U; derivatives by a and b where a > 0.",
    (1.0, 2.0, 2.0),
    "0.5",
)
