"""Keys: what decides random numbers. A key is a number of 64 bits, a tensor like any other."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, DTypeError, RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import as_dtype, as_shape
from adjoint.ops.random.bits import SPLITTING, UINT64, random_bits
from adjoint.ops.random.bits import fold_in as folded
from adjoint.ops.shape.movement import astype

__all__ = ["bits", "fold_in", "key", "split"]

_LARGEST = 2**64 - 1


def key(seed: Any) -> Tensor:
    """The key of a seed: a tensor of shape () and dtype uint64.

    seed: an integer from 0 to 2**64 - 1, or a tensor of integers of shape (), which may be traced.
    Raises `ArgumentError` and `RangeError`.

    >>> import adjoint as ad
    >>> key = ad.random.key(7)
    >>> ad.random.uniform(key, shape=2)
    Tensor([0.75015222, 0.79528404])
    """
    if isinstance(seed, Tensor) and seed.dtype.kind in "iu" and seed.shape == ():
        return astype(seed, UINT64)
    number = _integer("key", "seed", seed)
    return as_tensor(np.asarray(number, UINT64))


def split(key: Any, num: Any = 2) -> Tensor:
    """So many new keys made of one: a tensor of shape (num,), or `num` itself if it is a shape.

    What they give is independent of each other and of what `key` gives, which must not be used for
    draws any more.

    >>> import adjoint as ad
    >>> first, second = ad.random.split(ad.random.key(7))
    >>> ad.random.normal(first), ad.random.normal(second)
    (Tensor(0.69785823), Tensor(-0.46052263))
    """
    return random_bits(as_key("split", key), as_shape("split", num), SPLITTING)


def fold_in(key: Any, data: Any) -> Tensor:
    """A new key made of a key and an integer, such as the number of a step or of a layer.

    data: an integer from 0 to 2**64 - 1, or a tensor of integers, which may be traced; then there
    is a key for each.

    >>> import adjoint as ad
    >>> key = ad.random.key(7)
    >>> ad.random.fold_in(key, 3).shape
    ()
    """
    of = as_key("fold_in", key)
    if isinstance(data, (Tensor, np.ndarray)):
        data = as_tensor(data)
        if data.dtype.kind not in "iu":
            raise DTypeError(f"random.fold_in: data must be integers, got dtype {data.dtype}")
        return folded(of, astype(data, UINT64))
    return folded(of, as_tensor(np.asarray(_integer("fold_in", "data", data), UINT64)))


def bits(key: Any, *, shape: Any = (), dtype: Any = np.uint64) -> Tensor:
    """Random bits: unsigned integers, all equally likely.

    >>> import adjoint as ad
    >>> ad.random.bits(ad.random.key(7), shape=3, dtype=ad.uint8)
    Tensor([192, 203,   2], dtype=uint8)
    """
    wanted = as_dtype(dtype)
    if wanted.kind != "u":
        raise DTypeError(f"random.bits: dtype must be an unsigned integer, got {wanted}")
    found = random_bits(as_key("bits", key), as_shape("bits", shape))
    places = 64 - 8 * wanted.itemsize
    return astype(found >> np.uint64(places), wanted) if places else found


def as_key(name: str, key: Any) -> Tensor:
    """`key` as a tensor, if it is one key; the error says how keys are made."""
    given = key
    if isinstance(key, (np.ndarray, np.generic)):
        key = as_tensor(key)
    if not isinstance(key, Tensor) or key.dtype is not UINT64:
        dtype = getattr(given, "dtype", None)
        shown = f"dtype {dtype}" if dtype is not None else repr(given)
        raise ArgumentError(
            f"random.{name}: the first argument must be a key, a uint64 made by "
            f"adjoint.random.key(seed), adjoint.random.split or adjoint.random.fold_in; got {shown}"
        )
    if key.shape != ():
        raise ShapeError(
            f"random.{name}: expected one key, got keys of shape {key.shape}; take one of them, or "
            f"map over them with adjoint.vmap"
        )
    return key


def _integer(name: str, argument: str, value: Any) -> int:
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise ArgumentError(f"random.{name}: {argument} must be an integer, got {value!r}")
    try:
        number = int(value.__index__())
    except TypeError:
        raise ArgumentError(
            f"random.{name}: {argument} must be an integer, got {value!r}"
        ) from None
    if not 0 <= number <= _LARGEST:
        raise RangeError(f"random.{name}: {argument} must be from 0 to 2**64 - 1, got {number}")
    return number
