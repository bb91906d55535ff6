"""Orders and choices of the elements of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64, INT64, Shape, normalize_axis, size_of
from adjoint.ops.elementwise.exponential import log
from adjoint.ops.indexing.indexing import take, take_along_axis
from adjoint.ops.random.bits import random_bits
from adjoint.ops.reductions.cumulative import cumsum
from adjoint.ops.reductions.sorting import argsort, searchsorted
from adjoint.ops.shape.movement import reshape
from adjoint.random.arguments import check, discrete, has_sum_one, listed, result_shape
from adjoint.random.discrete import integers
from adjoint.random.keys import as_key
from adjoint.random.sources import standard_exponential, unit

__all__ = ["choice", "permutation"]


def permutation(key: Any, x: Any, axis: int = 0, *, independent: bool = False) -> Tensor:
    """The parts of `x` along `axis` in a random order; of an integer, those of ``arange(x)``.

    NumPy's `shuffle` writes into its argument; this returns a new tensor. Derivatives go through to
    `x`. independent: each line along the axis has an order of its own (NumPy's `permuted`).

    >>> import adjoint as ad
    >>> ad.random.permutation(ad.random.key(7), 5)
    Tensor([2, 3, 0, 1, 4])
    """
    of = as_key("permutation", key)
    if isinstance(x, (int, np.integer)) and not isinstance(x, bool):
        if x < 0:
            raise RangeError(f"random.permutation: the number must not be negative, got {x}")
        x = np.arange(x)
    x = as_tensor(x)
    if not x.ndim:
        raise ShapeError(
            "random.permutation: expected an integer or an array with an axis, got a tensor of "
            "shape (); the number of elements must be known: give a plain integer"
        )
    along = normalize_axis("permutation", axis, x.ndim)
    if independent:
        order = argsort(random_bits(of, x.shape), axis=along)
        return take_along_axis(x, order, axis=along)
    return take(x, argsort(random_bits(of, (x.shape[along],))), axis=along)


def choice(
    key: Any, a: Any, *, shape: Any = (), replace: bool = True, p: Any = None, axis: int = 0
) -> Tensor:
    """Parts of `a` along `axis`, drawn at random; of an integer, those of ``arange(a)``.

    shape: how many, in place of the axis. replace: whether a part may come again. p: the
    probability of each part, of sum 1; without, all are equally likely. Derivatives go through to
    `a`, not to `p`. Without replacement parts with larger p are likelier to come first, as in
    drawing one by one. Raises `RangeError`, `ShapeError`.

    >>> import adjoint as ad
    >>> ad.random.choice(ad.random.key(7), ad.asarray([10.0, 20.0, 30.0]), shape=4)
    Tensor([30., 30., 10., 10.])
    """
    of = as_key("choice", key)
    x = as_tensor(np.arange(a) if isinstance(a, (int, np.integer)) else a)
    if not x.ndim:
        raise ShapeError("random.choice: expected a plain integer or an array with an axis")
    along = normalize_axis("choice", axis, x.ndim)
    wanted = result_shape("choice", shape)
    count = size_of(wanted)
    if p is not None:
        p = _probabilities(of, p, x.shape[along])
    _check_number(count, x.shape[along], replace)
    places = (
        _repeated(of, x.shape[along], wanted, p)
        if replace
        else _distinct(of, x.shape[along], wanted, p)
    )
    return take(x, places, axis=along)


def _probabilities(key: Tensor, p: Any, size: int) -> Tensor:
    p = listed(p)
    check("choice", "p", p, lambda x: x >= 0, "0 or positive")
    check("choice", "p", p, has_sum_one, "probabilities of sum 1")
    (found,) = discrete("choice", key, None, p=p).parameters
    if found.shape != (size,):
        raise ShapeError(
            f"random.choice: p must have shape ({size},), a number for each part, got {found.shape}"
        )
    return found


def _check_number(count: int, size: int, replace: bool) -> None:
    if count and not size:
        raise ArgumentError("random.choice: there is nothing to choose from, a is empty")
    if not replace and count > size:
        raise RangeError(
            f"random.choice: {count} parts of {size} cannot be drawn without replacement; set "
            f"replace=True or ask for fewer"
        )


def _repeated(key: Tensor, size: int, shape: Shape, p: Tensor | None) -> Tensor:
    if not size_of(shape):
        return as_tensor(np.zeros(shape, INT64))
    if p is None:
        return integers(key, size, shape=shape)
    sums = cumsum(p)
    u = unit(key, shape, FLOAT64) * sums[-1]
    return searchsorted(sums, u, side="right")


def _distinct(key: Tensor, size: int, shape: Shape, p: Tensor | None) -> Tensor:
    """The first places of an order: a random one; with probabilities that of e/p, e exponential."""
    if p is None:
        order = argsort(random_bits(key, (size,)))
    else:
        order = argsort(log(standard_exponential(key, (size,))) - log(p))
    return reshape(order[: size_of(shape)], shape)
