"""Sums, products, derivatives, integrals, zeros and fits of series, for each of NumPy's bases.

All but zeros and quotients are linear in the coefficients of each operand, so what NumPy's own
functions say of unit vectors says all: a constant matrix times the coefficients. Each function
takes one of NumPy's classes, whose basis is meant. Coefficients that are differentiated, or not
known while compiling, are not left out where they happen to be 0.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array.linalg.contraction import tensordot, vander
from adjoint.array.linalg.equations import lstsq
from adjoint.array.linalg.spectra import real_eigvals
from adjoint.array.polynomials.series import BASES, evaluated
from adjoint.array.statistics.descriptive import inexact
from adjoint.array.values import is_open, known
from adjoint.errors import ArgumentError, NotDifferentiableError, RangeError, ShapeError
from adjoint.graph import calls
from adjoint.graph.engine import has_value
from adjoint.graph.op import public_as
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.indexing.indexing import take
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions import reduction
from adjoint.ops.shape.joining import concat, joined, stack
from adjoint.ops.shape.movement import astype, broadcast_to, reshape
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.ops.signal.convolution import convolve

Basis = Any
"""One of NumPy's classes: Polynomial, Chebyshev, Legendre, Hermite, HermiteE or Laguerre."""


def _series(name: str, c: Any) -> Tensor:
    """Coefficients as a vector of floating numbers; zeros at the end of constant ones are left."""
    given = inexact(as_tensor(c))
    if given.ndim > 1:
        raise ShapeError(f"{name}: a series is a vector of coefficients, got shape {given.shape}")
    given = reshape(given, (-1,))
    if not given.size:
        raise ShapeError(f"{name}: there are no coefficients; give at least one")
    if is_open(given) or given.size == 1:
        return given
    last = np.flatnonzero(known(given))
    return given[: int(last[-1]) + 1 if last.size else 1]


def _both(name: str, c1: Any, c2: Any) -> tuple[Tensor, Tensor]:
    first, second = joined(name, (_series(name, c1), _series(name, c2)))
    return first, second


def _with_zeros(c: Tensor, count: int) -> Tensor:
    return concat([c, from_array(np.zeros(count, c.dtype))]) if count > 0 else c


def _as_matrix(rows: Any, like: Tensor) -> Tensor:
    dtype = like.dtype if like.dtype.kind == "f" else like.real.dtype
    return from_array(np.asarray(rows).astype(dtype))


def add(basis: Basis, c1: Any, c2: Any) -> Tensor:
    """The coefficients of the sum."""
    first, second = _both("polynomial add", c1, c2)
    size = max(first.size, second.size)
    return as_tensor(
        _with_zeros(first, size - first.size) + _with_zeros(second, size - second.size)
    )


def sub(basis: Basis, c1: Any, c2: Any) -> Tensor:
    """The coefficients of the difference."""
    return add(basis, c1, -_series("polynomial sub", c2))


@functools.lru_cache(64)
def _products(basis: Basis, n: int, m: int) -> np.ndarray[Any, Any]:
    """The coefficients of all products of the first n and m members of the basis, as rows."""
    found = np.zeros((n * m, n + m - 1))
    for i in range(n):
        for j in range(m):
            product = basis._mul(np.eye(n)[i, : i + 1], np.eye(m)[j, : j + 1])
            found[i * m + j, : len(product)] = product
    return found


def mul(basis: Basis, c1: Any, c2: Any) -> Tensor:
    """The coefficients of the product."""
    first, second = _both("polynomial mul", c1, c2)
    if basis.__name__ == "Polynomial":
        product: Tensor = convolve(first, second)
        return product
    pairs = reshape(reshape(first, (-1, 1)) * second, (-1,))
    return matmul(pairs, _as_matrix(_products(basis, first.size, second.size), pairs))


def div(basis: Basis, c1: Any, c2: Any) -> tuple[Tensor, Tensor]:
    """The coefficients of quotient and remainder. Raises `ZeroDivisionError`."""
    rest, divisor = _both("polynomial div", c1, c2)
    if has_value(divisor.node) and not known(divisor)[-1]:
        raise ZeroDivisionError("polynomial div: the highest coefficient of the divisor is 0")
    quotient = []
    for power in range(rest.size - divisor.size, -1, -1):
        product = mul(basis, np.eye(power + 1)[power], divisor)
        factor = rest[-1] / product[-1]
        quotient.append(factor)
        rest = rest[:-1] - factor * product[:-1]
    zero = from_array(np.zeros(1, divisor.dtype))
    found = stack(quotient[::-1]) if quotient else zero
    return found, rest if rest.size else zero


def power(basis: Basis, c: Any, pow: Any, maxpower: Any = 16) -> Tensor:
    """The coefficients of a power, a count. Raises `RangeError`."""
    exponent = operator.index(pow)
    if exponent < 0 or (maxpower is not None and exponent > maxpower):
        raise RangeError(f"polynomial pow: expected an exponent from 0 to {maxpower}, got {pow}")
    c = _series("polynomial pow", c)
    if not exponent:
        return from_array(np.ones(1, c.dtype))
    result: Tensor = c
    for _ in range(exponent - 1):
        result = mul(basis, result, c)
    return result


def _along(c: Tensor, axis: int, matrix: Any) -> Tensor:
    """A constant matrix times the coefficients along an axis."""
    moved: Tensor = moveaxis(tensordot(_as_matrix(matrix, c), moveaxis(c, axis, 0), 1), 0, axis)
    return moved


def _coefficients(name: str, c: Any) -> Tensor:
    c = inexact(as_tensor(c))
    c = c if c.ndim else reshape(c, (1,))
    if not c.size:
        raise ShapeError(f"{name}: there are no coefficients; give at least one")
    return Tensor(c.node)


def _order(name: str, m: Any) -> int:
    order = operator.index(m)
    if order < 0:
        raise RangeError(f"{name}: the order must not be negative, got {m}")
    return order


def der(basis: Basis, c: Any, m: Any = 1, scl: Any = 1, axis: int = 0) -> Tensor:
    """The coefficients of the derivative of order `m`, each derivative multiplied by `scl`."""
    c, order = _coefficients("polynomial der", c), _order("polynomial der", m)
    if not order:
        return Tensor(c.node)
    size = c.shape[axis]
    matrix = basis._der(np.eye(size), order)
    if basis.__name__ == "Polynomial" and order < size:
        factors = np.sum(matrix, 1).reshape(-1, *(1,) * (c.ndim - 1))
        moved = moveaxis(moveaxis(c, axis, 0)[order:] * _as_matrix(factors, c), 0, axis)
    else:
        moved = _along(c, axis, matrix)
    result: Tensor = moved if type(scl) is int and scl == 1 else moved * as_tensor(scl) ** order
    return result


def integ(
    basis: Basis, c: Any, m: Any = 1, k: Any = (), lbnd: Any = 0, scl: Any = 1, axis: int = 0
) -> Tensor:
    """The coefficients of the integral from `lbnd`, `m` times, with the constants `k`."""
    c, order = _coefficients("polynomial int", c), _order("polynomial int", m)
    constants = [x for x in k] if np.iterable(k) else [k]
    if len(constants) > order:
        raise ArgumentError(f"polynomial int: {len(constants)} constants for order {order}")
    constants += [0.0] * (order - len(constants))
    step = BASES[basis.__name__][2]
    first = moveaxis(c, axis, 0)
    for constant in constants:
        size = first.shape[0]
        if basis.__name__ == "Polynomial":
            zero = broadcast_to(as_tensor(0.0, first.dtype), (1, *first.shape[1:]))
            counts = _as_matrix(np.arange(1, size + 1), first)
            first = concat([zero, first / reshape(counts, (-1, *(1,) * (first.ndim - 1)))])
        else:
            first = _along(first, 0, basis._int(np.eye(size), 1))
        first = first * scl
        start = constant - evaluated("polynomial int", step, lbnd, first)
        first = concat([reshape(first[0] + start, (1, *first.shape[1:])), first[1:]])
    result: Tensor = moveaxis(first, 0, axis)
    return result


def line(basis: Basis, off: Any, scl: Any) -> Tensor:
    """The coefficients of off + scl x."""
    slope, start = basis._line(0.0, 1.0), np.array([1.0, 0.0])
    return as_tensor(start * as_tensor(off) + slope * as_tensor(scl))


def fromroots(basis: Basis, roots: Any) -> Tensor:
    """The coefficients of the series with these zeros, and 1 before the highest power of x."""
    zeros = inexact(reshape(as_tensor(roots), (-1,)))
    parts = [line(basis, -zeros[i], 1.0) for i in range(zeros.size)]
    if not parts:
        return from_array(np.ones(1))
    while len(parts) > 1:
        halves = zip(parts[::2], parts[1::2], strict=False)
        parts = [mul(basis, a, b) for a, b in halves] + parts[len(parts) // 2 * 2 :]
    return parts[0]


@functools.lru_cache(64)
def _companion(basis: Basis, size: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The companion matrix of the highest of `size` members, and what others add to its last column
    for each unit of their coefficients."""
    module, name, _ = BASES[basis.__name__]
    of = getattr(getattr(np.polynomial, module), name.removesuffix("val") + "companion")
    fixed = of(np.eye(size)[-1])
    return fixed, of(np.ones(size))[:, -1] - fixed[:, -1]


def roots(basis: Basis, c: Any) -> Tensor:
    """The zeros of a series, in order: eigenvalues of its companion matrix, as in NumPy.

    The values are needed at once. Raises `NotDifferentiableError` if the highest coefficient is 0.
    """
    c = _series("polynomial roots", c)
    if c.size < 2:
        return from_array(np.zeros(0, c.dtype))
    if not known(c)[-1]:
        raise NotDifferentiableError(
            "polynomial roots: the highest coefficient is 0, and there is no derivative with "
            "respect to it, as a root is at infinity; leave it out"
        )
    fixed, slopes = _companion(basis, c.size)
    column = _as_matrix(slopes, c) * c[:-1] / c[-1]
    last = _as_matrix(np.eye(c.size - 1)[-1], c)
    matrix = _as_matrix(fixed, c) + reshape(column, (-1, 1)) * last
    found = real_eigvals(matrix[::-1, ::-1])
    return take(found, np.argsort(known(found)), axis=0)


def _columns(basis: Basis, x: Tensor, degree: int) -> Tensor:
    """The members of the basis up to `degree` at the places `x`, as columns."""
    if basis.__name__ == "Polynomial":
        return vander(x, degree + 1, increasing=True)
    step = BASES[basis.__name__][2]
    rows = np.eye(degree + 1)
    return stack([evaluated("polynomial fit", step, x, row) for row in rows], axis=-1)


def fit(
    basis: Basis, x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None
) -> Any:
    """The coefficients of the series that fits the points (x, y) best, by least squares.

    deg: the degree, or a list of the members of the basis to be used. With `full` also the list of
    residuals, rank, singular values and rcond. Raises `ShapeError`, `RangeError`.
    """
    x, y = inexact(as_tensor(x)), inexact(as_tensor(y))
    if x.ndim != 1 or y.ndim not in (1, 2) or x.shape[0] != y.shape[0] or not x.size:
        raise ShapeError(
            f"polynomial fit: x must be a vector and y have as many rows, got shapes {x.shape} and "
            f"{y.shape}"
        )
    degrees = np.asarray(deg)
    if degrees.dtype.kind not in "iu" or degrees.ndim > 1 or not degrees.size or degrees.min() < 0:
        raise RangeError(f"polynomial fit: deg must be counts, one or a list, got {deg!r}")
    highest = int(degrees.max())
    left, right = _columns(basis, x, highest), y
    if degrees.ndim:
        degrees = np.sort(degrees)
        left = left[:, degrees]
    if w is not None:
        w = inexact(as_tensor(w))
        if w.shape != x.shape:
            raise ShapeError(f"polynomial fit: w has shape {w.shape}, and x {x.shape}")
        left = left * reshape(w, (-1, 1))
        right = right * reshape(w, (-1, *(1,) * (y.ndim - 1)))
    rcond = x.size * np.finfo(x.dtype).eps if rcond is None else rcond
    scale = sqrt(reduction.sum((left * left.conj()).real, 0))
    scale = where(scale == 0, 1.0, scale)
    found = lstsq(left / scale, right, rcond)
    c = found.x / reshape(scale, (-1, *(1,) * (y.ndim - 1)))
    if degrees.ndim:
        places = np.eye(highest + 1)[:, degrees]
        c = tensordot(_as_matrix(places, c), c, 1)
    c = astype(c, np.result_type(left.dtype, right.dtype))
    return (c, [found.residuals, found.rank, found.singular_values, rcond]) if full else c


PARTS: dict[str, Callable[..., Any]] = {
    "add": add,
    "sub": sub,
    "mul": mul,
    "div": div,
    "pow": power,
    "der": der,
    "int": integ,
    "line": line,
    "roots": roots,
    "fromroots": fromroots,
    "fit": fit,
}
"""By the names under which NumPy has them, in its classes after an underscore."""


@calls.bind
def series_part(name: str, basis: Basis) -> Callable[..., Any]:
    """What stands for a static method of one of NumPy's classes where tensors are given; by "step"
    the recurrence of its basis."""
    return BASES[basis.__name__][2] if name == "step" else functools.partial(PARTS[name], basis)


def _function(part: Callable[..., Any], kind: str) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        return part(getattr(np.polynomial, kind), *args, **kwargs)

    return function


def enter() -> None:
    """Have traced code find the functions under their full names in NumPy."""
    for kind, (module, name, _) in BASES.items():
        for own, part in PARTS.items():
            public = f"polynomial.{module}.{name.removesuffix('val')}{own}"
            public_as(public)(_function(part, kind))
