"""Choosing between values: `where`, `maximum`, `minimum`, `clip`, `abs`, `sign`.

Their partial derivatives are masks, so the branch not taken never poisons the gradient. Ties and
edges follow the conventions: ties between variables are split, the minimum-norm subgradient is
taken against a constant, and the closed edges of `clip` pass the gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.op import public, register
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import BOOL, DType, Shape, broadcast_shapes
from adjoint.ops.arithmetic import negative
from adjoint.ops.comparison import equal, greater, greater_equal, less, less_equal, logical_and
from adjoint.ops.comparison import logical_not
from adjoint.ops.elementwise import Elementwise, Factor, Masked, binary, operands, real_result
from adjoint.ops.elementwise import unary


class Where(Elementwise):
    """Chooses; its first input is boolean, the others have one dtype."""

    def infer(self, *nodes: Node) -> tuple[Shape, DType]:
        shape = broadcast_shapes(self.name, *(node.shape for node in nodes))
        return shape, super().infer(*nodes[1:])[1]


_where = register(
    Where(
        "where",
        np.where,
        (None, lambda c, x1, x2, y: c, lambda c, x1, x2, y: logical_not(c)),
        accepts="any",
        domain=((0.0, 1.0), (-2.0, 2.0), (-2.0, 2.0)),
    )
)


@public
def where(condition: Any, x1: Any, x2: Any, /) -> Tensor:
    """`x1` where `condition` holds, else `x2`, elementwise; the three broadcast.

    The branch that is not taken has no influence on the gradient, even where its derivative is
    infinite or nan. Raises `ShapeError` and `DTypeError`.

    >>> import adjoint as ad
    >>> f = lambda x: ad.where(x > 0, ad.sqrt(x), 0.0)
    >>> ad.grad(f)(0.0)
    Tensor(0.)
    """
    chosen = as_tensor(condition, BOOL).node
    (a, b), dtype = operands(_where, (x1, x2))
    shape = broadcast_shapes("where", chosen.shape, a.shape, b.shape)
    return Tensor(Node(_where, (chosen, a, b), (), shape, dtype))


def _winner(x: Tensor, other: Tensor, loses: Tensor, wins: Tensor) -> Factor:
    """The mask of a maximum or minimum for `x`; nan counts as won."""
    if other.node.scope is None and x.node.scope is not None:
        return wins
    return Masked(logical_not(loses), where(equal(x, other), 0.5, 1.0).astype(x.dtype))


maximum = binary(
    "maximum",
    np.maximum,
    lambda x1, x2, y: _winner(x1, x2, less(x1, x2), greater(x1, x2)),
    lambda x1, x2, y: _winner(x2, x1, less(x2, x1), greater(x2, x1)),
    accepts="ordered",
    doc="The larger of x1 and x2; nan if either is nan.",
)
minimum = binary(
    "minimum",
    np.minimum,
    lambda x1, x2, y: _winner(x1, x2, greater(x1, x2), less(x1, x2)),
    lambda x1, x2, y: _winner(x2, x1, greater(x2, x1), less(x2, x1)),
    accepts="ordered",
    doc="The smaller of x1 and x2; nan if either is nan.",
)


def sign_of(x: Tensor, y: Tensor) -> Tensor:
    return sign(x)


abs = unary(
    "abs",
    np.abs,
    sign_of,
    accepts="number",
    result=real_result,
    doc="The absolute value; its derivative at 0 is 0.",
)
sign = unary("sign", np.sign, None, accepts="number", doc="-1, 0 or 1 by the sign of x.")


_clip = register(
    Elementwise(
        "clip",
        np.clip,
        (
            lambda x, lo, hi, y: logical_and(greater_equal(x, lo), less_equal(x, hi)),
            lambda x, lo, hi, y: less(x, lo),
            lambda x, lo, hi, y: greater(x, hi),
        ),
        accepts="ordered",
        domain=((-2.0, 2.0), (-1.5, -0.5), (0.5, 1.5)),
    )
)


@public
def clip(x: Any, /, min: Any = None, max: Any = None) -> Tensor:
    """`x` limited to the interval from `min` to `max`; either may be left out.

    The gradient passes inside and at both closed edges, so that a parameter sitting on its bound
    can leave it.

    >>> import adjoint as ad
    >>> ad.clip(ad.asarray([-2.0, 0.5, 2.0]), -1.0, 1.0)
    Tensor([-1. ,  0.5,  1. ])
    """
    if min is None and max is None:
        return as_tensor(x)
    lo = -np.inf if min is None else min
    hi = np.inf if max is None else max
    nodes, dtype = operands(_clip, (x, lo, hi))
    shape = broadcast_shapes("clip", *(node.shape for node in nodes))
    return Tensor(Node(_clip, tuple(nodes), (), shape, dtype))
