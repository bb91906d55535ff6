"""Where training starts: random float32 weights, decided by a key."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from adjoint.errors import ArgumentError, RangeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT32, Shape, as_dtype, as_shape

Key: TypeAlias = "int | tuple[int, int]"
"""What decides random numbers: one integer, or a pair, each from 0 to 2**64 - 1."""

Initializer: TypeAlias = "Callable[[Key, Shape], Tensor]"


def key_pair(key: Any) -> tuple[int, int]:
    """`key` as a pair of integers."""
    pair = (key, 0) if isinstance(key, int) else key
    if not isinstance(pair, tuple) or len(pair) != 2 or not all(type(k) is int for k in pair):
        raise ArgumentError(
            f"key: expected an integer or a pair of integers that decides the random numbers, got "
            f"{key!r}"
        )
    if any(not 0 <= number < 2**64 for number in pair):
        raise RangeError(f"key: the integers must be from 0 to 2**64 - 1, got {key!r}")
    return pair


def split_key(key: Key, index: int) -> Key:
    """A key for the part `index` of what `key` decides; different parts have different keys.

    >>> import adjoint as ad
    >>> ad.nn.split_key(7, 0) != ad.nn.split_key(7, 1)
    True
    """
    first, second = np.random.Philox(
        key=np.array(key_pair(key), np.uint64), counter=np.array([0, index, 0, 1], np.uint64)
    ).random_raw(2)
    return int(first), int(second)


def uniform(key: Key, shape: Any, bound: float, dtype: Any = FLOAT32) -> Tensor:
    """Numbers spread evenly between `-bound` and `bound`.

    The raw stream of Philox is fixed for good, so they are the same with every version of NumPy.

    >>> import adjoint as ad
    >>> ad.nn.uniform(7, 3, 1.0)
    Tensor([ 0.7441469 , -0.40926924, -0.15980464], dtype=float32)
    """
    sizes = as_shape("uniform", shape)
    bits = np.random.Philox(key=np.array(key_pair(key), np.uint64)).random_raw(math.prod(sizes))
    unit = (bits >> np.uint64(11)) * 2.0**-53
    return as_tensor((bound * (2 * unit - 1)).reshape(sizes), as_dtype(dtype))


def he(key: Key, shape: Shape) -> Tensor:
    """Weights of a layer before a ReLU: variance 2 over the number of inputs, the first axis.

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015, equation 10.

    >>> import adjoint as ad
    >>> ad.nn.he(0, (600, 100)).shape
    (600, 100)
    """
    return uniform(key, shape, math.sqrt(6 / max(shape[0], 1)))


def glorot(key: Key, shape: Shape) -> Tensor:
    """Weights of a layer that is not followed by a ReLU: variance 2 over inputs plus outputs.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, equation 16.

    >>> import adjoint as ad
    >>> ad.nn.glorot(0, (600, 100)).dtype
    dtype('float32')
    """
    return uniform(key, shape, math.sqrt(6 / max(shape[0] + shape[-1], 1)))


def zeros(key: Key, shape: Shape) -> Tensor:
    """Zeros, as for biases; the key is not used.

    >>> import adjoint as ad
    >>> ad.nn.zeros(0, (2,))
    Tensor([0., 0.], dtype=float32)
    """
    return as_tensor(np.zeros(shape, FLOAT32))
