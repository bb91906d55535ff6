"""Discrete distributions: the draw jumps as a parameter moves, so derivatives are refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, DTypeError, RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64, INT64, as_dtype, normalize_axis
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.exponential import exp, log, log1p
from adjoint.ops.random.bits import DRAWS, MORE, UINT64, multiply_high, random_bits, range_size
from adjoint.ops.random.quantiles import (
    binomial_quantile,
    geometric_quantile,
    nbinom_quantile,
    poisson_quantile,
)
from adjoint.ops.reductions.extremum import argmax
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import astype
from adjoint.ops.shape.rearrange import moveaxis
from adjoint.random.arguments import (
    check,
    discrete,
    has_sum_one,
    listed,
    nonnegative,
    positive,
    probability,
    result_shape,
)
from adjoint.random.keys import as_key
from adjoint.random.sources import open_unit, random_sign, standard_exponential, unit

__all__ = [
    "bernoulli",
    "binomial",
    "categorical",
    "geometric",
    "integers",
    "multinomial",
    "negative_binomial",
    "poisson",
    "rademacher",
]


def integers(
    key: Any,
    low: Any,
    high: Any = None,
    *,
    shape: Any = None,
    dtype: Any = np.int64,
    endpoint: bool = False,
) -> Tensor:
    """Integers from `low` up to, without, `high`, all equally likely; from 0 if one is given.

    endpoint: `high` itself can come out. Of 2⁶⁴ random numbers each integer gets equally many, but
    for one more or less. dtype: an integer dtype, in which the bounds must fit. Raises
    `DTypeError`, and `RangeError` where there is no integer between the bounds.

    >>> import adjoint as ad
    >>> ad.random.integers(ad.random.key(7), 1, 6, endpoint=True, shape=5)
    Tensor([5, 5, 1, 2, 6])
    """
    of = as_key("integers", key)
    wanted = as_dtype(dtype)
    if wanted.kind not in "iu":
        raise DTypeError(f"random.integers: dtype must be an integer dtype, got {wanted}")
    first, last = (0, low) if high is None else (low, high)
    ends = [_bound(x, label) for x, label in ((first, "low"), (last, "high"))]
    _check_bounds(ends, wanted, endpoint)
    start, size = _start_and_size(ends, wanted, endpoint)
    found = random_bits(of, result_shape("integers", shape, size.shape))
    every = size == np.uint64(0)  # 2⁶⁴ of them
    place = where(every, found, multiply_high(found, size))
    return astype(start + astype(place, start.dtype), wanted)


def _bound(x: Any, label: str) -> Any:
    """A bound: a NumPy array of integers, of which large ones may be unsigned, or a tensor."""
    if isinstance(x, tuple):
        raise ArgumentError(
            f"random.integers: {label} must be an integer or an array, got the tuple {x}; the "
            f"shape of the result is given by name, shape={x}"
        )
    found = x if isinstance(x, Tensor) else np.asarray(x, object if type(x) is list else None)
    if found.dtype.kind not in "iu" and not _holds_integers(found):
        raise DTypeError(f"random.integers: {label} must be integers, got {x!r}")
    return found


def _holds_integers(x: Any) -> bool:
    """Whether an array of objects holds Python integers: those too large for any one dtype."""
    whole = (int, np.integer)
    return x.dtype.kind == "O" and all(isinstance(v, whole) and v is not True for v in x.flat)


def _check_bounds(ends: list[Any], dtype: Any, endpoint: bool) -> None:
    """Raise unless there are integers between bounds whose values are known, and they fit."""
    low, high = ends
    info = np.iinfo(dtype)
    for end, most in ((low, info.max), (high, info.max if endpoint else info.max + 1)):
        if not isinstance(end, Tensor):
            numbers = [int(v) for v in end.flat]
            if any(not info.min <= v <= most for v in numbers):
                raise RangeError(f"random.integers: a bound of {end} does not fit into {dtype}")
    if not isinstance(low, Tensor) and not isinstance(high, Tensor):
        for a, b in np.broadcast(low, high):
            if int(b) < int(a) + (not endpoint):
                raise RangeError(f"random.integers: there is no integer from {a} up to {b}")


def _start_and_size(ends: list[Any], dtype: Any, endpoint: bool) -> tuple[Tensor, Any]:
    """The first of the integers, as int64 or uint64, and how many there are, modulo 2⁶⁴."""
    kind = UINT64 if dtype.kind == "u" else INT64
    start = _of_dtype(ends[0], kind)
    if any(isinstance(end, Tensor) for end in ends):
        return start, range_size(start, _of_dtype(ends[1], kind), dtype, endpoint)
    size: Any = _wrapped(ends[1]) - _wrapped(ends[0])
    return start, size + np.uint64(1) if endpoint else size


def _of_dtype(x: Any, dtype: Any) -> Tensor:
    """A bound in int64 or uint64; what stands for a Python integer adapts."""
    if isinstance(x, Tensor):
        return astype(x, dtype)
    return as_tensor(np.array([int(v) for v in x.flat], dtype).reshape(x.shape))


def _wrapped(x: Any) -> Tensor:
    """Integers modulo 2⁶⁴."""
    return as_tensor(np.array([int(v) % 2**64 for v in x.flat], UINT64).reshape(x.shape))


def bernoulli(key: Any, p: Any = 0.5, *, shape: Any = None) -> Tensor:
    """Booleans that are true with probability `p`.

    Of a traced `p` nothing is asked: one below 0 or nan is as 0, one above 1 as 1.

    >>> import adjoint as ad
    >>> ad.random.bernoulli(ad.random.key(7), 0.4, shape=3)
    Tensor([False, False,  True])
    """
    probability("bernoulli", p=p)
    draw = discrete("bernoulli", key, shape, p=p)
    found: Tensor = unit(draw.key, draw.shape, FLOAT64) < draw.parameters[0]
    return found


def rademacher(key: Any, *, shape: Any = (), dtype: Any = np.int64) -> Tensor:
    """-1 and 1, equally likely.

    >>> import adjoint as ad
    >>> ad.random.rademacher(ad.random.key(7), shape=4)
    Tensor([ 1,  1, -1, -1])
    """
    wanted = as_dtype(dtype)
    if wanted.kind not in "if":
        raise DTypeError(f"random.rademacher: dtype must be signed or floating, got {wanted}")
    of = as_key("rademacher", key)
    return astype(random_sign(of, result_shape("rademacher", shape)), wanted)


def binomial(key: Any, n: Any, p: Any, *, shape: Any = None) -> Tensor:
    """How many of `n` trials succeed, each with probability `p`: int64.

    >>> import adjoint as ad
    >>> ad.random.binomial(ad.random.key(7), 10, 0.3, shape=4)
    Tensor([4, 4, 0, 2])
    """
    nonnegative("binomial", n=n)
    probability("binomial", p=p)
    draw = discrete("binomial", key, shape, n=n, p=p)
    u = open_unit(draw.key, draw.shape)
    return astype(binomial_quantile(u, *draw.parameters), INT64)


def poisson(key: Any, lam: Any = 1.0, *, shape: Any = None) -> Tensor:
    """How often something happens that happens `lam` times on average: int64.

    >>> import adjoint as ad
    >>> ad.random.poisson(ad.random.key(7), 4.0, shape=4)
    Tensor([5, 6, 0, 3])
    """
    nonnegative("poisson", lam=lam)
    draw = discrete("poisson", key, shape, lam=lam)
    u = open_unit(draw.key, draw.shape)
    return astype(poisson_quantile(u, *draw.parameters), INT64)


def geometric(key: Any, p: Any, *, shape: Any = None) -> Tensor:
    """The number of the first trial that succeeds, each with probability `p`: int64, from 1 on.

    >>> import adjoint as ad
    >>> ad.random.geometric(ad.random.key(7), 0.3, shape=4)
    Tensor([4, 5, 1, 1])
    """
    check("geometric", "p", p, lambda x: (x > 0) & (x <= 1), "above 0, up to 1")
    draw = discrete("geometric", key, shape, p=p)
    u = open_unit(draw.key, draw.shape)
    return astype(geometric_quantile(u, *draw.parameters), INT64)


def logseries(key: Any, p: Any, *, shape: Any = None) -> Tensor:
    """Whole numbers k from 1 on with probabilities -pᵏ / (k log(1 - p)): int64.

    By the mixture of geometric numbers of A. W. Kemp, "Efficient generation of logarithmically
    distributed pseudo-random variables", 1981.

    >>> import adjoint as ad
    >>> ad.random.logseries(ad.random.key(7), 0.5, shape=4).shape
    (4,)
    """
    check("logseries", "p", p, lambda x: (x > 0) & (x < 1), "between 0 and 1")
    draw = discrete("logseries", key, shape, p=p)
    (p,) = draw.parameters
    success = exp(log1p(-p) * open_unit(draw.key, draw.shape, MORE))
    return astype(geometric_quantile(open_unit(draw.key, draw.shape), success), INT64)


def negative_binomial(key: Any, n: Any, p: Any, *, shape: Any = None) -> Tensor:
    """How many trials fail before `n` succeed, each with probability `p`: int64.

    n: positive, also a fraction.

    >>> import adjoint as ad
    >>> ad.random.negative_binomial(ad.random.key(7), 3, 0.5, shape=4)
    Tensor([4, 5, 0, 1])
    """
    positive("negative_binomial", n=n)
    check("negative_binomial", "p", p, lambda x: (x > 0) & (x <= 1), "above 0, up to 1")
    draw = discrete("negative_binomial", key, shape, n=n, p=p)
    u = open_unit(draw.key, draw.shape)
    return astype(nbinom_quantile(u, *draw.parameters), INT64)


def categorical(key: Any, logits: Any, axis: int = -1, *, shape: Any = None) -> Tensor:
    """The numbers of categories of probability exp(logits) / Σ exp(logits) along `axis`: int64.

    The category with the largest logit after Gumbel noise is added. shape: that of the result, to
    which `logits` without its axis broadcasts.

    >>> import adjoint as ad
    >>> ad.random.categorical(ad.random.key(7), ad.log(ad.asarray([0.1, 0.9])), shape=5).shape
    (5,)
    """
    draw = discrete("categorical", key, None, logits=listed(logits))
    (logits,) = draw.parameters
    if not logits.ndim or 0 in logits.shape:
        raise ShapeError(
            f"random.categorical: logits must have an axis of categories, got shape {logits.shape}"
        )
    logits = moveaxis(logits, normalize_axis("categorical", axis, logits.ndim), -1)
    lead = result_shape("categorical", shape, logits.shape[:-1])
    noise = -log(standard_exponential(draw.key, (*lead, logits.shape[-1])))
    return astype(argmax(logits + noise, axis=-1), INT64)


def multinomial(key: Any, n: Any, pvals: Any, *, shape: Any = None) -> Tensor:
    """How many of `n` trials fall into each category, along the last axis: int64.

    pvals: probabilities of sum 1 along the last axis; the last one is what the others leave.
    shape: that of the result without its last axis.

    >>> import adjoint as ad
    >>> ad.random.multinomial(ad.random.key(7), 10, [0.2, 0.3, 0.5])
    Tensor([3, 2, 5])
    """
    n, pvals = listed(n), listed(pvals)
    nonnegative("multinomial", n=n)
    probability("multinomial", pvals=pvals)
    check("multinomial", "pvals", pvals, has_sum_one, "probabilities of sum 1")
    of = as_key("multinomial", key)
    (p,) = discrete("multinomial", of, None, pvals=pvals).parameters
    (left,) = discrete("multinomial", of, None, n=n).parameters
    if not p.ndim or not p.shape[-1]:
        raise ShapeError(
            f"random.multinomial: pvals must have an axis of categories, got shape {p.shape}"
        )
    lead = result_shape("multinomial", shape, left.shape, p.shape[:-1])
    counts = []
    rest: Any = 1.0
    for category in range(p.shape[-1] - 1):
        part = p[..., category]
        share = where(rest > part, part / where(rest > part, rest, 1.0), 1.0)
        u = open_unit(of, lead, DRAWS if not category else MORE + category - 1)
        count = binomial_quantile(u, left, share)
        counts.append(count)
        left, rest = left - count, rest - part
    counts.append(left + 0.0 * open_unit(of, lead) if not counts else left)
    return astype(stack(counts, axis=-1), INT64)
