"""Functions of integers, by their values: derivatives are 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array.values import known_integers
from adjoint.graph.op import public
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.ops.shape.joining import joined

__all__ = ["bitwise_count", "gcd", "lcm"]


def _of_integers(name: str, function: Callable[..., Any], *xs: Any) -> Tensor:
    """What NumPy makes of the values of tensors of integers, whose derivative is 0."""
    given = joined(name, xs) if len(xs) > 1 else [as_tensor(xs[0])]
    return from_array(np.asarray(function(*(known_integers(name, x) for x in given))))


@public
def gcd(x1: Any, x2: Any, /) -> Tensor:
    """The greatest common divisor of integers. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.gcd(12, [8, 9])
    Tensor([4, 3])
    """
    return _of_integers("gcd", np.gcd, x1, x2)


@public
def lcm(x1: Any, x2: Any, /) -> Tensor:
    """The least common multiple of integers. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.lcm(4, [6, 8])
    Tensor([12,  8])
    """
    return _of_integers("lcm", np.lcm, x1, x2)


@public
def bitwise_count(x: Any, /) -> Tensor:
    """How many bits of the size of an integer are 1, as uint8. The values are needed at once.

    >>> import adjoint as ad
    >>> ad.bitwise_count(7)
    Tensor(3, dtype=uint8)
    """
    return _of_integers("bitwise_count", np.bitwise_count, x)
