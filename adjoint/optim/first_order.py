"""Optimisers of first order: gradient descent, momentum, Adam, and the links they are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

from adjoint.api.tree import flatten, map_tree
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import maximum
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.reductions.reduction import sum as sum_
from adjoint.optim.base import (
    Loss,
    Optimizer,
    Schedule,
    chain,
    check_like,
    check_number,
    check_rate,
    debiasing,
    no_steps,
    scalar_like,
    stateless,
    zeros_of,
)


def sgd(
    learning_rate: float | Schedule,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Gradient descent: the parameters θ go to θ − η g, with momentum to θ − η m.

    With gradient g, weight decay λ and momentum β: g ← g + λ θ, m ← β m + g. `nesterov` looks
    ahead: it takes β m + g with the new m. `learning_rate` is η, a number or a schedule.

    >>> import adjoint as ad
    >>> optimizer = ad.optim.sgd(0.1)
    >>> w = ad.asarray([1.0, 2.0])
    >>> updates, state = optimizer.update(ad.grad(lambda w: ad.sum(w * w))(w), optimizer.init(w), w)
    >>> ad.optim.apply_updates(w, updates)
    Tensor([0.8, 1.6])
    """
    check_rate("sgd", learning_rate)
    check_number("sgd", "momentum", momentum, 0.0, 1.0, open_=True)
    check_number("sgd", "weight_decay", weight_decay, 0.0)
    links = [add_weight_decay(weight_decay)] if weight_decay else []
    links += [trace(momentum, nesterov=nesterov)] if momentum else []
    return chain(*links, scale_by_learning_rate(learning_rate))


def momentum(
    learning_rate: float | Schedule, decay: float = 0.9, *, nesterov: bool = False
) -> Optimizer:
    """Gradient descent with momentum: `sgd` with the momentum 0.9 unless told otherwise.

    >>> import adjoint as ad
    >>> optimizer = ad.optim.momentum(0.1)
    >>> w, g = ad.asarray(0.0), ad.asarray(1.0)
    >>> first, state = optimizer.update(g, optimizer.init(w), w)
    >>> second, state = optimizer.update(g, state, w)
    >>> first, second
    (Tensor(-0.1), Tensor(-0.19))
    """
    return sgd(learning_rate, momentum=decay, nesterov=nesterov)


def adam(
    learning_rate: float | Schedule = 1e-3,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Adam: the average gradient over the root of the average squared gradient.

    m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g²; with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
    the parameters go to θ − η m̂ / (√v̂ + ε). `weight_decay` is decoupled: it adds λ θ to the
    direction, after the scaling.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, Algorithm 1;
    the weight decay of Loshchilov and Hutter, ICLR 2019.

    >>> import adjoint as ad
    >>> optimizer = ad.optim.adam(0.1)
    >>> w = ad.asarray([1.0, -1.0])
    >>> updates, state = optimizer.update(ad.asarray([5.0, -0.2]), optimizer.init(w), w)
    >>> updates
    Tensor([-0.1,  0.1])
    """
    check_rate("adam", learning_rate)
    check_number("adam", "weight_decay", weight_decay, 0.0)
    links = [scale_by_adam(b1, b2, eps)]
    links += [add_weight_decay(weight_decay)] if weight_decay else []
    return chain(*links, scale_by_learning_rate(learning_rate))


# The links.


class Count(NamedTuple):
    """The steps done."""

    steps: Tensor


def scale_by_learning_rate(learning_rate: float | Schedule) -> Optimizer:
    """The last link: a step of length η downhill, −η times what comes in.

    >>> import adjoint as ad
    >>> link = ad.optim.scale_by_learning_rate(0.5)
    >>> link.update(ad.asarray(3.0), link.init(0.0), 0.0)[0]
    Tensor(-1.5)
    """
    check_rate("scale_by_learning_rate", learning_rate)
    if not callable(learning_rate):
        constant = float(learning_rate)
        return stateless(lambda gradients, params: map_tree(lambda g: -constant * g, gradients))

    def update(
        gradients: Any, state: Count, params: Any, *, loss: Loss | None = None
    ) -> tuple[Any, Count]:
        check_like("update", "gradients", gradients, params)
        rate = learning_rate(state.steps)
        updates = map_tree(lambda g: -scalar_like(rate, g) * g, gradients)
        return updates, Count(state.steps + 1)

    return Optimizer(lambda params: Count(no_steps()), update)


def trace(decay: float, *, nesterov: bool = False) -> Optimizer:
    """The link of momentum: m ← β m + g; with `nesterov` it passes on β m + g.

    >>> import adjoint as ad
    >>> link = ad.optim.trace(0.5)
    >>> _, m = link.update(ad.asarray(1.0), link.init(0.0), 0.0)
    >>> link.update(ad.asarray(1.0), m, 0.0)[0]
    Tensor(1.5)
    """
    check_number("trace", "decay", decay, 0.0, 1.0, open_=True)

    def update(
        gradients: Any, state: Any, params: Any, *, loss: Loss | None = None
    ) -> tuple[Any, Any]:
        check_like("update", "gradients", gradients, params)
        velocity = map_tree(lambda m, g: decay * m + g, state, gradients)
        if nesterov:
            return map_tree(lambda m, g: decay * m + g, velocity, gradients), velocity
        return velocity, velocity

    return Optimizer(zeros_of, update)


def add_weight_decay(weight_decay: float) -> Optimizer:
    """The link that adds λ θ, pulling parameters towards zero.

    >>> import adjoint as ad
    >>> link = ad.optim.add_weight_decay(0.1)
    >>> link.update(ad.asarray(1.0), link.init(2.0), 2.0)[0]
    Tensor(1.2)
    """
    check_number("add_weight_decay", "weight_decay", weight_decay, 0.0)
    return stateless(
        lambda gradients, params: map_tree(
            lambda g, p: g + weight_decay * as_tensor(p), gradients, params
        )
    )


def clip_by_global_norm(limit: float) -> Optimizer:
    """The link that shortens gradients, all together, to a Euclidean norm of at most `limit`.

    >>> import adjoint as ad
    >>> link = ad.optim.clip_by_global_norm(1.0)
    >>> w = ad.asarray([3.0, 4.0])
    >>> link.update(w, link.init(w), w)[0]
    Tensor([0.6, 0.8])
    """
    check_number("clip_by_global_norm", "limit", limit, 0.0)

    def clipped(gradients: Any, params: Any) -> Any:
        squares = [sum_(g * g) for g in map(as_tensor, flatten(gradients)[0])]
        norm = sqrt(sum(squares[1:], squares[0]))
        factor = limit / maximum(norm, limit)
        return map_tree(lambda g: g * scalar_like(factor, as_tensor(g)), gradients)

    return stateless(clipped)


class Moments(NamedTuple):
    """The steps done, and the average of the gradients and of their squares."""

    steps: Tensor
    first: Any
    second: Any


def scale_by_adam(b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Optimizer:
    """The link of `adam`: m̂ / (√v̂ + ε).

    >>> import adjoint as ad
    >>> link = ad.optim.scale_by_adam()
    >>> link.update(ad.asarray(-7.0), link.init(0.0), 0.0)[0]
    Tensor(-1.)
    """
    check_number("adam", "b1", b1, 0.0, 1.0, open_=True)
    check_number("adam", "b2", b2, 0.0, 1.0, open_=True)
    check_number("adam", "eps", eps, 0.0)

    def update(
        gradients: Any, state: Moments, params: Any, *, loss: Loss | None = None
    ) -> tuple[Any, Moments]:
        check_like("update", "gradients", gradients, params)
        count = state.steps + 1
        first = map_tree(lambda m, g: b1 * m + (1 - b1) * g, state.first, gradients)
        second = map_tree(lambda v, g: b2 * v + (1 - b2) * (g * g), state.second, gradients)
        mean, mean_square = debiasing(b1, count), debiasing(b2, count)
        updates = map_tree(lambda m, v: mean(m) / (sqrt(mean_square(v)) + eps), first, second)
        return updates, Moments(count, first, second)

    return Optimizer(lambda p: Moments(no_steps(), zeros_of(p), zeros_of(p)), update)
