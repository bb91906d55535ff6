"""Numbers with an exponent of their own: r eᵐ, for what is made of exponentials.

exp(1000) overflows, and so does the sum of such, though their quotients and logarithms are ordinary
numbers. A node that is r eᵐ can be computed with two tensors r and m neither of which needs to be
large (`exponents` finds them): sums take the largest exponent out, products add exponents,
quotients subtract them.

An exponent is taken out only where the powers would leave the range: `excess(m)` is 0 for moderate
m, and for m = ±∞. So with moderate numbers every element is computed as it was written, and ∞ and
nan mean what they meant.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from adjoint.graph import calls
from adjoint.graph.leaf import constant_node, is_constant
from adjoint.graph.node import Node
from adjoint.graph.op import find
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import size_of

_INFINITY = float("inf")


class Scaled(NamedTuple):
    """factor · exp(exponent), where None stands for 1 and for 0."""

    exponent: Tensor | None
    factor: Tensor | None


def softplus(x: Tensor) -> Tensor:
    """log(1 + eˣ) as one operation; users also have a function of this name, made of others."""
    return make(find("softplus"), (x,))


def number(value: float, like: Node) -> Tensor:
    """A number in the dtype of `like`."""
    return Tensor(constant_node(np.asarray(value, like.dtype), (), like.dtype))


def product(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """a b, where None is 1."""
    return a if b is None else b if a is None else a * b


def total(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """a + b, where None is 0."""
    return a if b is None else b if a is None else a + b


def difference(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    """a - b, where None is 0."""
    return a if b is None else -b if a is None else a - b


def quotient(a: Scaled, b: Scaled) -> Scaled:
    """a / b."""
    exponent = difference(a.exponent, b.exponent)
    if b.factor is None:
        return Scaled(exponent, a.factor)
    factor = calls.reciprocal(b.factor) if a.factor is None else a.factor / b.factor
    return Scaled(exponent, factor)


def power(exponent: Tensor | None) -> Tensor | None:
    """eᵐ of an exponent that needs no more care."""
    return None if exponent is None else calls.exp_within(exponent)


def is_one(x: Node) -> bool:
    """Whether `x` is the known number 1, once or everywhere."""
    if x.op.name == "broadcast_to" and x.inputs:
        x = x.inputs[0]
    if size_of(x.shape) != 1 or not is_constant(x):
        return False
    return bool((x.value if x.shape == () else x.value.reshape(())) == 1)


def exponent_to_compare(a: Scaled, like: Node) -> Tensor:
    """The exponent of a term, for choosing the largest: -∞ where the term is zero."""
    m = number(0.0, like) if a.exponent is None else calls.stop_gradient(a.exponent)
    r = a.factor
    if r is None or (is_constant(r.node) and bool(np.all(r.node.value != 0))):
        return m
    return calls.where(calls.not_equal(r, 0.0), m, -_INFINITY)


def scaled_down(a: Scaled, taken: Tensor, most: float) -> Tensor:
    """The term e^(-taken) a, once the largest exponent of a sum is `taken` out.

    The exponent of a term that is not zero is not large any more. That of one that is could be, and
    its product with zero is to be zero.
    """
    m = difference(a.exponent, taken)
    if a.factor is not None and m is not None:
        m = calls.minimum(m, most)
    result = product(a.factor, power(m))
    assert result is not None
    return result


def is_excess(x: Node) -> bool:
    """Whether `x` is what was taken out of exponents."""
    while x.op.name in ("reshape", "broadcast_to") and x.inputs:
        x = x.inputs[0]
    return x.op.name == "excess"


def largest_exponent(x: Node) -> float:
    """The largest exponent whose power is finite, nearly."""
    return float(np.floor(np.log(float(np.finfo(x.dtype).max)))) - 1
