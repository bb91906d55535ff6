"""`with_subgradients`: a function whose slopes at kinks are those of a chosen side."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from adjoint.api.arguments import check_callable, function_name
from adjoint.api.compiling import Compiled
from adjoint.errors import ArgumentError, RangeError
from adjoint.graph.subgradients import Choice, Side, choosing
from adjoint.tracing.call import call

_SIDES = ("least", "left", "right")


def with_subgradients(
    f: Callable[..., Any], side: Side = "least", *, clip_edge: int | None = None
) -> Callable[..., Any]:
    """`f` with other derivatives at kinks than those of `adjoint.conventions`.

    side: ``"left"`` takes at a kink the slope from below, ``"right"`` that from above, in every
        order of derivatives; ``"least"``, as without this function, the one of least size. It holds
        for `abs`, `copysign`, `maximum`, `fmax`, `minimum`, `fmin`, `clip`, and `nn.relu`,
        `nn.relu6`, `nn.hard_tanh`, `nn.leaky_relu`, `nn.elu`, `nn.selu`, also by NumPy's names and
        operators. Of the larger and the smaller of two it is the first argument that comes from
        that side, or the second if only that one depends on what is differentiated by. Kinks with
        more than two sides, as of norms, orders and extrema along an axis, are as ever.
    clip_edge: the derivative of `clip` where it begins to cut off, 0 or 1, whatever the side; None
        for 1, or for that of the side. For a single call there is ``clip(x, a, b, edge=0)``.

    It holds for what `f` calls, also within `vmap`, loops and branches, and stays with the result:
    a program compiled from it keeps it. A function that was compiled before is as it was compiled:
    write ``compile(with_subgradients(f, ...))``.

    >>> import adjoint as ad
    >>> ad.grad(ad.abs)(0.0), ad.grad(ad.with_subgradients(ad.abs, "left"))(0.0)
    (Tensor(0.), Tensor(-1.))
    """
    check_callable("with_subgradients", f)
    if side not in _SIDES:
        raise RangeError(f"with_subgradients: side={side!r} must be one of {', '.join(_SIDES)}")
    if clip_edge not in (None, 0, 1):
        raise RangeError(f"with_subgradients: clip_edge={clip_edge!r} must be 0 or 1")
    if isinstance(f, Compiled):
        raise ArgumentError(
            f"with_subgradients: {function_name(f)} is compiled already, and keeps the derivatives "
            f"that it was compiled with; write compile(with_subgradients(f, ...))"
        )
    choice = Choice(side, clip_edge)

    @functools.wraps(f)
    def chosen(*args: Any, **kwargs: Any) -> Any:
        with choosing(choice):
            return call(f, args, kwargs, None)

    return chosen
