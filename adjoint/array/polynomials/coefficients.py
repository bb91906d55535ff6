"""Polynomials as in NumPy: vectors of coefficients, that of the highest power first. Composites.

Values are computed by Horner's rule, so their derivatives are right wherever `x` is, 0 included.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from adjoint.array.linalg.contraction import vander
from adjoint.array.linalg.equations import inv, lstsq
from adjoint.array.linalg.spectra import real_eigvals
from adjoint.array.statistics.descriptive import inexact
from adjoint.array.values import is_open, known
from adjoint.errors import ArgumentError, NotDifferentiableError, RangeError, ShapeError
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import promote
from adjoint.ops.elementwise.complex import real
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.indexing.slicing import along
from adjoint.ops.reductions import reduction
from adjoint.ops.shape.joining import concat, joined, stack
from adjoint.ops.shape.movement import astype, broadcast_to, matrix_transpose, reshape
from adjoint.ops.signal.convolution import convolve

__all__ = [
    "poly",
    "polyadd",
    "polyder",
    "polydiv",
    "polyfit",
    "polyint",
    "polymul",
    "polysub",
    "polyval",
    "roots",
]


def _coefficients(name: str, p: Any) -> Tensor:
    p = as_tensor(p)
    if p.ndim > 1:
        raise ShapeError(f"{name}: a polynomial is a vector of coefficients, got shape {p.shape}")
    return reshape(p, (-1,))


@public
def polyval(p: Any, x: Any) -> Tensor:
    """The values at `x` of the polynomial p₀ xⁿ + p₁ xⁿ⁻¹ + … + pₙ. Raises `ShapeError`.

    At a `numpy.poly1d` it is the composed polynomial, of the same class.

    >>> import adjoint as ad
    >>> ad.polyval(ad.asarray([1.0, 0.0, 2.0]), 3.0)
    Tensor(11.)
    """
    given = as_tensor(p)
    rows = given if given.ndim else reshape(given, (1,))
    if type(x) is np.poly1d:
        composed: Any = np.poly1d([0.0])
        for c in rows:
            composed = composed * x + c
        return cast("Tensor", composed)
    x = as_tensor(x)
    result = broadcast_to(as_tensor(0, promote(rows.dtype, x.dtype)), x.shape)
    for number in range(rows.shape[0]):
        result = rows[number] if not number else result * x + rows[number]
        if not number and result.shape != x.shape:
            result = broadcast_to(result, np.broadcast_shapes(result.shape, x.shape))
    return astype(result, promote(rows.dtype, x.dtype))


def _sum(name: str, a1: Any, a2: Any, sign: int) -> Tensor:
    first, second = joined(name, (_coefficients(name, a1), _coefficients(name, a2)))
    size = max(first.size, second.size)
    first, second = (_with_zeros(x, size - x.size) for x in (first, second))
    result: Tensor = first + second if sign > 0 else first - second
    return result


def _with_zeros(x: Tensor, count: int) -> Tensor:
    return concat([from_array(np.zeros(count, x.dtype)), x]) if count else x


@public
def polyadd(a1: Any, a2: Any) -> Tensor:
    """The sum of two polynomials.

    >>> import adjoint as ad
    >>> ad.polyadd([1.0, 2.0], [1.0, 0.0, 0.0])
    Tensor([1., 1., 2.])
    """
    return _sum("polyadd", a1, a2, 1)


@public
def polysub(a1: Any, a2: Any) -> Tensor:
    """The difference of two polynomials.

    >>> import adjoint as ad
    >>> ad.polysub([1.0, 2.0], [1.0, 0.0, 0.0])
    Tensor([-1.,  1.,  2.])
    """
    return _sum("polysub", a1, a2, -1)


@public
def polymul(a1: Any, a2: Any) -> Tensor:
    """The product of two polynomials.

    >>> import adjoint as ad
    >>> ad.polymul([1.0, 2.0], [1.0, -2.0])
    Tensor([ 1.,  0., -4.])
    """
    product: Tensor = convolve(_leading("polymul", a1), _leading("polymul", a2))
    return product


def _leading(name: str, p: Any) -> Tensor:
    """The coefficients without zeros in front, of which a derivative may be asked otherwise."""
    given = _coefficients(name, p)
    if is_open(given) or given.size < 2:
        return given
    values = known(given)
    first = int(np.argmax(values != 0)) if values.any() else values.size - 1
    return along(given, 0, first, 1, given.size - first)


@public
def polydiv(u: Any, v: Any) -> tuple[Tensor, Tensor]:
    """The quotient of two polynomials, and the remainder. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.polydiv([3.0, 5.0, 2.0], [2.0, 1.0])
    (Tensor([1.5 , 1.75]), Tensor([0.25]))
    """
    rest, divisor = joined("polydiv", (_coefficients("polydiv", u), _coefficients("polydiv", v)))
    rest, divisor = (inexact(x) for x in (rest, divisor))
    steps = rest.size - divisor.size + 1
    if steps < 1:
        return from_array(np.zeros(1, rest.dtype)), Tensor(rest.node)
    quotient = []
    for _ in range(steps):
        factor = rest[0] / divisor[0]
        quotient.append(factor)
        taken = rest[: divisor.size] - factor * divisor
        rest = concat([taken[1:], rest[divisor.size :]])
    if not rest.size:
        rest = from_array(np.zeros(1, rest.dtype))
    counts = np.abs(known(rest)) > 1e-8  # as NumPy has it
    first = int(np.argmax(counts)) if counts.any() else rest.size - 1
    return stack(quotient), along(rest, 0, first, 1, rest.size - first)


@public
def polyder(p: Any, m: int = 1) -> Tensor:
    """The derivative of a polynomial by its variable, of order `m`. Raises `RangeError`.

    >>> import adjoint as ad
    >>> ad.polyder([1.0, 1.0, 1.0])
    Tensor([2., 1.])
    """
    if m < 0:
        raise RangeError(f"polyder: the order must not be negative, got {m}; see polyint")
    p = _coefficients("polyder", p)
    for _ in range(int(m)):
        size = p.size
        p = along(p, 0, 0, 1, max(size - 1, 0)) * from_array(np.arange(size - 1, 0, -1))
    return Tensor(p.node)


@public
def polyint(p: Any, m: int = 1, k: Any = None) -> Tensor:
    """The integral of a polynomial by its variable, `m` times, with the constants `k` (0).

    Raises `RangeError`, `ShapeError`.

    >>> import adjoint as ad
    >>> ad.polyint([2.0, 1.0], k=5.0)
    Tensor([1., 1., 5.])
    """
    if m < 0:
        raise RangeError(f"polyint: the order must not be negative, got {m}; see polyder")
    p = inexact(_coefficients("polyint", p))
    constants = reshape(as_tensor(0.0 if k is None else k), (-1,))
    if constants.size not in (1, m):
        raise ShapeError(f"polyint: {constants.size} constants for order {m}; give one for each")
    for number in range(int(m)):
        last = constants[number if constants.size > 1 else 0]
        divided = p / from_array(np.arange(p.size, 0, -1).astype(np.float64)) if p.size else p
        p = concat([divided, reshape(last, (1,))])
    return Tensor(p.node)


@public
def poly(seq_of_zeros: Any) -> Tensor:
    """The polynomial with the given zeros; of a square matrix its characteristic polynomial.

    >>> import adjoint as ad
    >>> ad.poly(ad.asarray([1.0, 2.0]))
    Tensor([ 1., -3.,  2.])
    """
    zeros = as_tensor(seq_of_zeros)
    is_real = zeros.dtype.kind != "c"
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] and zeros.shape[0]:
        zeros = real_eigvals(zeros)
    elif zeros.ndim > 1:
        raise ShapeError(f"poly: expected a vector or a square matrix, got shape {zeros.shape}")
    zeros = inexact(reshape(zeros, (-1,)))
    result = from_array(np.ones(1, zeros.dtype))
    for number in range(zeros.size):
        factor = concat([from_array(np.ones(1, zeros.dtype)), reshape(-zeros[number], (1,))])
        result = convolve(result, factor)
    if result.dtype.kind == "c" and (is_real or _in_pairs(known(zeros))):
        result = real(result)
    return result


def _in_pairs(zeros: np.ndarray[Any, Any]) -> bool:
    return bool(np.all(np.sort(zeros) == np.sort(zeros.conjugate())))


@public
def roots(p: Any) -> Tensor:
    """The zeros of a polynomial: the eigenvalues of its companion matrix, as in NumPy.

    A simple zero has a derivative by the coefficients; of a multiple one it is infinite or nan.
    Complex numbers, unless all that are found are real. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.roots(ad.asarray([1.0, -3.0, 2.0]))
    Tensor([2., 1.])
    """
    p = inexact(_coefficients("roots", p))
    places = np.flatnonzero(known(p))
    if not places.size:
        return from_array(np.zeros(0, p.dtype))
    if places[0] and is_open(p):
        raise NotDifferentiableError(
            "roots: the first coefficient is 0, and there is no derivative with respect to it, as "
            "a root is at infinity; leave it out"
        )
    zeros = p.size - 1 - int(places[-1])
    p = p[int(places[0]) :]
    count = p.size - 1
    if not count:
        return from_array(np.zeros(0, p.dtype))
    first = reshape(-p[1:] / p[0], (1, count))
    below = from_array(np.eye(count, dtype=p.dtype)[: count - 1])
    found = real_eigvals(concat([first, below]))
    if not zeros:
        return found
    return found[_in_order(known(found), np.roots(known(p)))]


def _in_order(found: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The places of the numbers `found` in the order in which NumPy has them, zeros last."""
    left = list(range(found.size))
    places = []
    for number in wanted:
        nearest = left[int(np.argmin(np.abs(found[left] - number)))]
        left.remove(nearest)
        places.append(nearest)
    return np.asarray(places)


@public
def polyfit(
    x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """The polynomial of degree `deg` that fits the points (x, y) best, by least squares.

    y: a vector, or one column for each of several fits. w: weights of the distances. full: return
    also residuals, rank, singular values and rcond. cov: return also the covariance matrix of the
    coefficients, with "unscaled" without the estimated variance. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.polyfit([0.0, 1.0, 2.0], ad.asarray([1.0, 3.0, 5.0]), 1)
    Tensor([2., 1.])
    """
    x, y = inexact(x), inexact(y)
    if x.ndim != 1 or y.ndim not in (1, 2) or x.shape[0] != y.shape[0] or not x.size:
        raise ShapeError(
            f"polyfit: x must be a vector and y have as many rows, got shapes {x.shape} and "
            f"{y.shape}"
        )
    if int(deg) < 0:
        raise ArgumentError(f"polyfit: the degree must not be negative, got {deg}")
    order = int(deg) + 1
    left, right = vander(x, order), y
    if w is not None:
        w = inexact(w)
        if w.shape != x.shape:
            raise ShapeError(f"polyfit: the weights have shape {w.shape}, x has {x.shape}")
        left = left * reshape(w, (-1, 1))
        right = right * (reshape(w, (-1, 1)) if y.ndim == 2 else w)
    scale = sqrt(reduction.sum(left * left, 0))
    rcond = x.size * np.finfo(x.dtype).eps if rcond is None else rcond
    found = lstsq(left / scale, right, rcond)
    c = found.x / (reshape(scale, (-1, 1)) if y.ndim == 2 else scale)
    if full:
        return c, found.residuals, found.rank, found.singular_values, rcond
    if not cov:
        return c
    inverse = inv(matrix_transpose(left / scale) @ (left / scale))
    base = inverse / (reshape(scale, (-1, 1)) * scale)
    if cov == "unscaled":
        return c, base
    if x.size <= order:
        raise RangeError(f"polyfit: cov needs more than {order} points, got {x.size}")
    factor = found.residuals / (x.size - order)
    if y.ndim == 2:
        return c, reshape(base, (order, order, 1)) * factor
    return c, base * factor
