"""Gauss and Kronrod's rules over subintervals that were chosen before, with ends that may move.

The nodes and weights are those of R. Piessens et al., QUADPACK (1983), which SciPy uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.shape.joining import concat, stack

__all__ = ["GK15", "GK21", "Range", "Rule", "held_places", "placed"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Rule:
    """The nodes in (-1, 1) and the weights of a rule."""

    nodes: Array
    weights: Array


def _rule(positive: Sequence[float], weights: Sequence[float]) -> Rule:
    """The rule of which the nodes from the largest to 0 are given."""
    nodes = np.array([*positive, *(-x for x in positive[-2::-1])])
    return Rule(nodes, np.array([*weights, *weights[-2::-1]]))


GK21 = _rule(
    (
        *(0.995657163025808080735527280689003, 0.973906528517171720077964012084452),
        *(0.930157491355708226001207180059508, 0.865063366688984510732096688423493),
        *(0.780817726586416897063717578345042, 0.679409568299024406234327365114874),
        *(0.562757134668604683339000099272694, 0.433395394129247190799265943165784),
        *(0.294392862701460198131126603103866, 0.148874338981631210884826001129720),
        0.0,
    ),
    (
        *(0.011694638867371874278064396062192, 0.032558162307964727478818972459390),
        *(0.054755896574351996031381300244580, 0.075039674810919952767043140916190),
        *(0.093125454583697605535065465083366, 0.109387158802297641899210590325805),
        *(0.123491976262065851077958109831074, 0.134709217311473325928054001771707),
        *(0.142775938577060080797094273138717, 0.147739104901338491374841515972068),
        0.149445554002916905664936468389821,
    ),
)
GK15 = _rule(
    (
        *(0.991455371120812639206854697526329, 0.949107912342758524526189684047851),
        *(0.864864423359769072789712788640926, 0.741531185599394439863864773280788),
        *(0.586087235467691130294144838258730, 0.405845151377397166906606412076961),
        *(0.207784955007898467600689403773245, 0.0),
    ),
    (
        *(0.022935322010529224963732008058970, 0.063092092629978553290700663189204),
        *(0.104790010322250183839876322541518, 0.140653259715525918745189590510238),
        *(0.169004726639267902826583426598550, 0.190350578064785409913256402421014),
        *(0.204432940075298892414161999234649, 0.209482141084727828012999174891714),
    ),
)


@dataclass(frozen=True)
class Range:
    """The range of an integral, and the coordinate t in which its subintervals are chosen.

    "finite": t = x. "half": from `start` to `sign` times infinity, x = start ± (1 - t) / t, t from
    0 to 1. "whole": x = (1 - |t|) / t, t from -1 to 1. "folded": the same, t from 0 to 1, which
    stands for x and -x.
    """

    kind: str
    low: float
    high: float
    start: Any = 0.0
    sign: float = 1.0

    def nodes(self, t: Any, weights: Any) -> tuple[Any, Any]:
        """The places x and their weights for places t with their weights."""
        if self.kind == "finite":
            return t, weights
        weights = weights / t / t
        if self.kind == "half":
            return self.start + self.sign * (1 - t) / t, weights
        if self.kind == "whole":
            return (1 - abs(t)) / t, weights
        x = (1 - t) / t
        if isinstance(x, Tensor):
            return concat([x, -x]), concat([weights, weights])
        return np.concatenate([x, -x]), np.concatenate([weights, weights])

    def coordinate(self, x: Any) -> Any:
        """The t at which a place x lies."""
        if self.kind == "finite":
            return x
        if self.kind == "half":
            return 1 / (1 + self.sign * (x - self.start))
        return (1 if x > 0 else -1) / (1 + abs(x))

    def place(self, t: float) -> float:
        """The place x at t, a number."""
        if self.kind == "finite":
            return t
        if self.kind == "half":
            start = self.start
            if isinstance(start, Tensor):
                start = float(stop_gradient(start))
            return float(start + self.sign * (1 - t) / t)
        return (1 - abs(t)) / t


def held_places(intervals: Array, low: float, high: float) -> list[float]:
    """The ends of subintervals that stay where they are when the ends of the range move.

    Something may happen there, such as a jump. Those that crowd at an end of the range move with
    it, as a singularity there does.
    """
    edges = np.unique(intervals)
    zone = (high - low) / 64
    middle = edges[(edges - low >= zone) & (high - edges >= zone)]
    left, right = intervals[:, 0], intervals[:, 1]
    width = right - left
    away = np.minimum(left - low, high - right) >= 16 * width
    narrow = intervals[(width < zone) & away]
    return [float(x) for x in np.unique(np.concatenate([middle, narrow.ravel()]))]


def placed(intervals: Array, rule: Rule, breaks: Sequence[tuple[float, Any]]) -> tuple[Any, Any]:
    """The nodes of the subintervals, and the weights there.

    The breaks, pairs of a number and a tensor of this value, begin and end with the ends of the
    range. What lies between two of them moves with them, in proportion.
    """
    middle = (intervals[:, :1] + intervals[:, 1:]) / 2
    half = (intervals[:, 1:] - intervals[:, :1]) / 2
    t = (middle + half * rule.nodes).ravel()
    weights = (half * rule.weights).ravel()
    if not any(isinstance(x, Tensor) for _, x in breaks):
        return t, weights
    at = np.array([value for value, _ in breaks])
    shift = stack([as_tensor(x, FLOAT64) - value for value, x in breaks])  # zero, but it moves
    before = np.searchsorted(at, np.repeat(middle.ravel(), len(rule.nodes))) - 1
    width = at[before + 1] - at[before]
    part = (t - at[before]) / width
    first, second = shift[before], shift[before + 1]
    return t + (1 - part) * first + part * second, weights * (1 + (second - first) / width)
