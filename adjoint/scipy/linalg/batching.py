"""Functions of SciPy's that take stacks: the axes in front of what they need count calls."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from adjoint.api.batching import vmap
from adjoint.api.tree import map_tree
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import broadcast_shapes, size_of
from adjoint.ops.shape.movement import broadcast_to, reshape

__all__ = ["over_batch"]

Function = TypeVar("Function", bound=Callable[..., Any])


def over_batch(**ranks: int) -> Callable[[Function], Function]:
    """Let a function take stacks in the named arguments, each with so many axes of its own.

    Stacks broadcast. An argument with fewer axes than that is given as it is.
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            arrays: dict[str, Tensor] = {
                name: as_tensor(given.arguments[name])
                for name in ranks
                if given.arguments.get(name) is not None
            }
            lead = broadcast_shapes(
                function.__name__, *(leading(x, ranks[name]) for name, x in arrays.items())
            )
            if not lead:
                return function(*args, **kwargs)

            def one(*parts: Tensor) -> Any:
                given.arguments.update(zip(arrays, parts, strict=True))
                return function(*given.args, **given.kwargs)

            stacks = [spread(x, lead, ranks[name]) for name, x in arrays.items()]
            found = vmap(one)(*stacks)
            return map_tree(lambda x: reshape(x, (*lead, *x.shape[1:])), found)

        return call  # type: ignore[return-value]  # it has the signature of the function

    return decorate


def leading(x: Tensor, rank: int) -> tuple[int, ...]:
    """The axes of `x` in front of the last `rank`."""
    return x.shape[: max(x.ndim - rank, 0)]


def spread(x: Tensor, lead: tuple[int, ...], rank: int) -> Tensor:
    """`x` for each element of a stack of shape `lead`, along one axis."""
    own = x.shape[max(x.ndim - rank, 0) :]
    return reshape(broadcast_to(x, (*lead, *own)), (size_of(lead), *own))
