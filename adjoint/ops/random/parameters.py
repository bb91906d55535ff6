"""Parameters of discrete draws: a derivative by one is refused, for 0 would be silently wrong."""

from __future__ import annotations

from typing import Any

from adjoint.errors import NotDifferentiableError
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.ops.family.elementwise import Elementwise, Factor, Missing, apply

__all__ = ["discrete_parameter"]


def refusal(draw: str, parameter: str) -> NotDifferentiableError:
    """The error for a derivative by the parameter of a discrete draw."""
    return NotDifferentiableError(
        f"random.{draw}: a derivative by {parameter!r} was asked for, but the draw is discrete: it "
        f"jumps as {parameter!r} moves, while its expectation does not. Draw with "
        f"adjoint.stop_gradient({parameter}), and differentiate the expectation by its score, "
        f"f(x) * log-probability(x) with adjoint.stop_gradient around f(x) and x (see "
        f"docs/guide/random.md)"
    )


class Refused(Missing):
    """The partial derivative by a parameter, for which there is no formula: asking raises."""

    def __call__(self, *args: Any) -> Factor:
        raise refusal(*args[-2:])


class DiscreteParameter(Elementwise):
    """The identity of a parameter of a discrete draw; whoever differentiates by it is told."""

    def refuse(self, node: Node) -> None:
        raise refusal(*node.params)


_parameter = register(
    DiscreteParameter(
        "discrete_parameter",
        lambda x, draw, parameter: x,
        (Refused("discrete_parameter", "x"),),
        accepts="any",
        scalar=lambda e, x, draw, parameter: x,
        param_names=("draw", "parameter"),
        samples=(("poisson", "lam"),),
        keeps_finite=True,
    )
)
_parameter.refuses_derivatives = True


def discrete_parameter(x: Any, draw: str, parameter: str) -> Tensor:
    """`x`, which is called `parameter` in the signature of `draw`."""
    return apply(_parameter, (x,), (draw, parameter))
