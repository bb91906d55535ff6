"""What an optimiser is: a pair of functions over pytrees. And how optimisers are chained.

``init(params)`` gives the first state. ``update(gradients, state, params, loss=None)`` gives the
updates, to be added to the parameters, and the next state. Both are written in operations on
tensors, so that a whole training step is one graph. `loss`, a function of the parameters alone, is
what optimisers of second order differentiate again; the others pass it by.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Protocol, TypeAlias

from adjoint.api.tree import flatten, map_tree, path_text, same_structure
from adjoint.array.creation.constructors import zeros_like
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.storage import is_stored, rounded
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import INT64

Loss: TypeAlias = "Callable[[Any], Tensor]"
Schedule: TypeAlias = "Callable[[Tensor], Any]"
"""A learning rate for each step: a function of the number of steps done, a tensor."""


class Update(Protocol):
    """The second half of an optimiser."""

    def __call__(
        self, gradients: Any, state: Any, params: Any, *, loss: Loss | None = None
    ) -> tuple[Any, Any]:
        """The updates to add to `params`, and the next state."""
        ...


class Optimizer(NamedTuple):
    """A pair of functions over pytrees; see `adjoint.optim`."""

    init: Callable[[Any], Any]
    update: Update


def apply_updates(params: Any, updates: Any) -> Any:
    """The parameters with the updates added to them; those in bfloat16 stay so.

    >>> import adjoint as ad
    >>> ad.optim.apply_updates({"w": 1.0}, {"w": ad.asarray(-0.25)})
    {'w': Tensor(0.75)}
    """
    check_like("apply_updates", "updates", updates, params)

    def moved(p: Any, u: Any) -> Tensor:
        found: Tensor = as_tensor(p) + u
        return rounded(found) if is_stored(p) else found

    return map_tree(moved, params, updates)


def chain(*optimizers: Optimizer) -> Optimizer:
    """Several optimisers one after another, each working on the updates of the one before.

    >>> import adjoint as ad
    >>> clipped = ad.optim.chain(ad.optim.clip_by_global_norm(1.0), ad.optim.sgd(0.5))
    >>> w = ad.asarray([3.0, 4.0])
    >>> updates, state = clipped.update(w, clipped.init(w), w)
    >>> updates
    Tensor([-0.3, -0.4])
    """
    for position, optimizer in enumerate(optimizers):
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(
                f"chain: argument {position} is {type(optimizer).__name__}; expected an Optimizer, "
                f"such as adjoint.optim.sgd(0.1)"
            )

    def init(params: Any) -> Any:
        return tuple(optimizer.init(params) for optimizer in optimizers)

    def update(
        gradients: Any, state: Any, params: Any, *, loss: Loss | None = None
    ) -> tuple[Any, Any]:
        following = []
        for optimizer, its_state in zip(optimizers, state, strict=True):
            gradients, its_state = optimizer.update(gradients, its_state, params, loss=loss)
            following.append(its_state)
        return gradients, tuple(following)

    return Optimizer(init, update)


def stateless(function: Callable[[Any, Any], Any]) -> Optimizer:
    """The optimiser that maps gradients and parameters to updates, and remembers nothing."""

    def update(
        gradients: Any, state: Any, params: Any, *, loss: Loss | None = None
    ) -> tuple[Any, Any]:
        check_like("update", "gradients", gradients, params)
        return function(gradients, params), state

    return Optimizer(lambda params: (), update)


def zeros_of(params: Any) -> Any:
    """Zeros in the structure, shapes and dtypes of `params`."""
    return map_tree(zeros_like, params)


def no_steps() -> Tensor:
    """The number of steps done before the first."""
    return as_tensor(0, INT64)


def scalar_like(number: Any, x: Tensor) -> Any:
    """`number` so that it does not change the dtype of `x`: Python numbers do not anyway."""
    return number.astype(x.dtype) if isinstance(number, Tensor) else number


def debiasing(decay: float, count: Tensor) -> Callable[[Tensor], Tensor]:
    """What divides an exponential average that began at zero by the weights it holds, 1 - decayᵗ.

    All averages of one dtype share the node of the weights.
    """
    weights = 1.0 - decay ** count.astype("float64")
    as_dtype = cache(weights.astype)
    return lambda average: average / as_dtype(average.dtype)


def check_like(function: str, name: str, tree: Any, params: Any) -> None:
    """Raise unless `tree` has the structure and shapes of `params`."""
    leaves, structure = flatten(tree)
    wanted, expected = flatten(params)
    if not same_structure(structure, expected):
        raise ArgumentError(
            f"{function}: {name} must have the structure of the parameters, {_shown(expected)}, "
            f"got {_shown(structure)}"
        )
    for leaf, param, path in zip(leaves, wanted, expected.paths(), strict=True):
        given, needed = as_tensor(leaf).shape, as_tensor(param).shape
        if given != needed:
            raise ShapeError(
                f"{function}: {name}{path_text(path)} has shape {given}, the parameter there "
                f"{needed}; they must be equal"
            )


def _shown(structure: Any) -> str:
    return "one tensor" if not hasattr(structure, "num_leaves") else str(structure)


def check_number(
    function: str,
    name: str,
    value: Any,
    low: float,
    high: float = math.inf,
    *,
    open_: bool = False,
    whole: bool = False,
) -> None:
    """Raise unless `value` is a number from `low` up to `high`, without it if `open_`."""
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        kind = "an integer" if whole else "a number"
        raise ArgumentError(f"{function}: {name} must be {kind}, got {type(value).__name__}")
    if not (low <= value < high or (value == high and not open_ and high < math.inf)):
        bound = "" if high == math.inf else f" and {'below' if open_ else 'at most'} {high:g}"
        raise RangeError(f"{function}: {name} must be at least {low:g}{bound}, got {value:g}")


def check_rate(function: str, rate: Any) -> None:
    """Raise unless `rate` is a number from 0, or a schedule."""
    if not callable(rate):
        check_number(function, "learning_rate", rate, 0.0)


def needed_loss(function: str, loss: Loss | None) -> Loss:
    """`loss`, which must have been given."""
    if not callable(loss):
        given = "none was given" if loss is None else f"got {type(loss).__name__}"
        raise ArgumentError(
            f"{function}: update needs the loss, a function of the parameters alone, to "
            f"differentiate it twice, and {given}; call update(gradients, state, params, loss=f)"
        )
    return loss
