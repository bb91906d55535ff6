"""Optimisers of second order: Newton's method, and AdaHessian.

Both differentiate the loss twice, so `update` needs it: a function of the parameters alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adjoint.api.arguments import scalar_output
from adjoint.api.derivatives import grad, jvp
from adjoint.api.jacobians import hessian
from adjoint.api.tree import flatten, map_tree
from adjoint.array.creation.constructors import eye
from adjoint.array.linalg import solve
from adjoint.errors import ArgumentError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.power import power, sqrt
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import broadcast_to, reshape
from adjoint.optim.base import (
    Loss,
    Optimizer,
    Schedule,
    chain,
    check_like,
    check_number,
    check_rate,
    debiasing,
    needed_loss,
    no_steps,
    zeros_of,
)
from adjoint.optim.first_order import add_weight_decay, scale_by_learning_rate


def newton(learning_rate: float | Schedule = 1.0, *, damping: float = 0.0) -> Optimizer:
    """Newton's method: the parameters θ go to θ − η (H + δ I)⁻¹ g, with the whole Hessian H.

    For small problems: n parameters cost n Hessian-vector products and n³ operations. `damping` is
    δ; some is needed where H is singular (else `LinAlgError`) and where the loss is not convex (the
    step may lead uphill). On a quadratic, one step arrives. `update` needs
    ``loss=f``; gradients may be None.

    >>> import adjoint as ad
    >>> f = lambda w: 10 * w["x"] ** 2 + w["y"] ** 2
    >>> optimizer = ad.optim.newton()
    >>> w = {"x": 1.0, "y": 10.0}
    >>> updates, state = optimizer.update(ad.grad(f)(w), optimizer.init(w), w, loss=f)
    >>> ad.optim.apply_updates(w, updates)
    {'x': Tensor(0.), 'y': Tensor(0.)}
    """
    check_rate("newton", learning_rate)
    check_number("newton", "damping", damping, 0.0)

    def update(
        gradients: Any, state: Any, params: Any, *, loss: Loss | None = None
    ) -> tuple[Any, Any]:
        f = needed_loss("newton", loss)
        gradients = grad(f)(params) if gradients is None else gradients
        check_like("newton", "gradients", gradients, params)
        point, unravel = ravel(params)
        slope, _ = ravel(gradients)
        curvature = hessian(lambda v: reshape(scalar_output("newton", f, f(unravel(v))), ()))(point)
        if damping:
            curvature = curvature + damping * eye(point.shape[0], dtype=point.dtype)
        return unravel(solve(curvature, slope.astype(point.dtype))), state

    step = Optimizer(lambda params: (), update)
    return chain(step, scale_by_learning_rate(learning_rate))


def ravel(params: Any) -> tuple[Tensor, Callable[[Tensor], Any]]:
    """All numbers of a pytree in one vector, and the function that puts such a vector back."""
    leaves, structure = flatten(params)
    if not leaves:
        raise ArgumentError("ravel: the parameters are an empty tree; give at least one tensor")
    tensors = [as_tensor(leaf) for leaf in leaves]
    vector: Tensor = concat([reshape(t, (-1,)) for t in tensors])
    ends = np.cumsum([t.size for t in tensors]).tolist()

    def unravel(v: Tensor) -> Any:
        return structure.unflatten(
            reshape(v[end - t.size : end], t.shape).astype(t.dtype)
            for t, end in zip(tensors, ends, strict=True)
        )

    return vector, unravel


class Curvatures(NamedTuple):
    """The steps done, and the averages of the gradients and of the squared Hessian diagonals."""

    steps: Tensor
    first: Any
    second: Any


def adahessian(
    learning_rate: float | Schedule = 0.15,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    hessian_power: float = 1.0,
    block: int = 1,
    weight_decay: float = 0.0,
    seed: int = 0,
) -> Optimizer:
    """AdaHessian: the average gradient over the average diagonal of the Hessian.

    At each step the diagonal is estimated by one Hessian-vector product, D = z ⊙ H z with random
    signs z (`hutchinson_diagonal`), and averaged over blocks of `block` neighbouring elements of a
    parameter, D⁽ˢ⁾. With m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) D⁽ˢ⁾², both debiased, the
    parameters θ go to θ − η m̂ / (√v̂ᵏ + ε), where k is `hessian_power`, from 0 (gradient descent)
    to 1. `weight_decay` is decoupled. The signs of step t are decided by `seed` and t alone.
    `update` needs ``loss=f``; gradients may be None, and then cost nothing extra.

    Source: Yao, Gholami, Shen, Mustafa, Keutzer, Mahoney, "ADAHESSIAN: an adaptive second order
    optimizer for machine learning", AAAI 2021, Algorithm 1 and equations 8 to 12.

    >>> import adjoint as ad
    >>> f = lambda w: 10 * w["x"] ** 2 + w["y"] ** 2
    >>> optimizer = ad.optim.adahessian(1.0)
    >>> w = {"x": 1.0, "y": 10.0}
    >>> updates, state = optimizer.update(ad.grad(f)(w), optimizer.init(w), w, loss=f)
    >>> {name: round(float(p), 6) for name, p in ad.optim.apply_updates(w, updates).items()}
    {'x': 0.0, 'y': 0.0}
    """
    check_rate("adahessian", learning_rate)
    check_number("adahessian", "weight_decay", weight_decay, 0.0)
    links = [scale_by_hessian_diagonal(b1, b2, eps, hessian_power, block, seed)]
    links += [add_weight_decay(weight_decay)] if weight_decay else []
    return chain(*links, scale_by_learning_rate(learning_rate))


def scale_by_hessian_diagonal(
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    hessian_power: float = 1.0,
    block: int = 1,
    seed: int = 0,
) -> Optimizer:
    """The link of `adahessian`: m̂ / (√v̂ᵏ + ε).

    >>> import adjoint as ad
    >>> link, w = ad.optim.scale_by_hessian_diagonal(eps=0.0), ad.asarray([1.0, 3.0])
    >>> link.update(None, link.init(w), w, loss=lambda w: ad.sum(w * w))[0]
    Tensor([1., 3.])
    """
    check_number("adahessian", "b1", b1, 0.0, 1.0, open_=True)
    check_number("adahessian", "b2", b2, 0.0, 1.0, open_=True)
    check_number("adahessian", "eps", eps, 0.0)
    check_number("adahessian", "hessian_power", hessian_power, 0.0, 1.0)
    check_number("adahessian", "block", block, 1, whole=True)
    check_number("adahessian", "seed", seed, 0, 2**64 - 1, whole=True)

    def update(
        gradients: Any, state: Curvatures, params: Any, *, loss: Loss | None = None
    ) -> tuple[Any, Curvatures]:
        f = needed_loss("adahessian", loss)
        signs = rademacher(params, seed, int(state.steps))
        slope, product = jvp(grad(f), (params,), (signs,))
        gradients = slope if gradients is None else gradients
        check_like("adahessian", "gradients", gradients, params)
        diagonal = map_tree(lambda z, hz: block_mean(z * hz, block), signs, product)
        count = state.steps + 1
        first = map_tree(lambda m, g: b1 * m + (1 - b1) * g, state.first, gradients)
        second = map_tree(lambda v, d: b2 * v + (1 - b2) * (d * d), state.second, diagonal)
        mean, mean_square = debiasing(b1, count), debiasing(b2, count)
        updates = map_tree(
            lambda m, v: mean(m) / (_to(sqrt(mean_square(v)), hessian_power) + eps), first, second
        )
        return updates, Curvatures(count, first, second)

    return Optimizer(lambda p: Curvatures(no_steps(), zeros_of(p), zeros_of(p)), update)


def _to(x: Tensor, exponent: float) -> Tensor:
    return x if exponent == 1 else power(x, exponent)


def hutchinson_diagonal(loss: Loss, params: Any, *, seed: int = 0, samples: int = 1) -> Any:
    """An estimate of the diagonal of the Hessian of `loss`: the mean of z ⊙ H z.

    `samples` vectors z of random signs are drawn, each costing one Hessian-vector product. The
    estimate is unbiased, and exact with one sample where the Hessian is diagonal.

    Source: Bekas, Kokiopoulou, Saad, "An estimator for the diagonal of a matrix", 2007.

    >>> import adjoint as ad
    >>> ad.optim.hutchinson_diagonal(lambda w: ad.sum(w * w * w), ad.asarray([1.0, 2.0]))
    Tensor([ 6., 12.])
    """
    f = needed_loss("hutchinson_diagonal", loss)
    check_number("hutchinson_diagonal", "seed", seed, 0, 2**64 - 1, whole=True)
    check_number("hutchinson_diagonal", "samples", samples, 1, whole=True)
    total = None
    for number in range(samples):
        signs = rademacher(params, seed, number)
        product = jvp(grad(f), (params,), (signs,))[1]
        estimate = map_tree(lambda z, hz: z * hz, signs, product)
        total = estimate if total is None else map_tree(lambda a, b: a + b, total, estimate)
    return map_tree(lambda x: x / samples, total)


def rademacher(params: Any, seed: int, count: int) -> Any:
    """Random signs in the structure, shapes and dtypes of `params`, decided by `seed` and `count`.

    Philox is counter-based, so nothing but the two numbers needs to be remembered.
    """
    leaves, structure = flatten(params)
    bits = np.random.Philox(key=np.array([seed, count], np.uint64))

    def signs(leaf: Any) -> Tensor:
        x = as_tensor(leaf)
        words = bits.random_raw(-(-x.size // 64) or 1)
        drawn = np.unpackbits(words.astype("<u8").view(np.uint8), count=x.size)
        return as_tensor((2.0 * drawn - 1.0).reshape(x.shape), x.dtype)

    return structure.unflatten([signs(leaf) for leaf in leaves])


def block_mean(x: Tensor, block: int) -> Tensor:
    """`x` with each run of `block` elements, in row-major order, replaced by their mean.

    Equation 10 of the paper; the last run of a tensor may be shorter. Signs cancel as they may:
    what the average is squared for comes after.
    """
    if block == 1 or x.size == 0:
        return x
    size, whole = x.size, x.size // block * block
    flat = reshape(x, (-1,))
    parts = []
    for start, end, width in ((0, whole, block), (whole, size, size - whole)):
        if start < end:
            rows = reshape(flat[start:end], (-1, width))
            mean = sum(rows, 1, keepdims=True) / width
            parts.append(reshape(broadcast_to(mean, rows.shape), (-1,)))
    joined: Tensor = parts[0] if len(parts) == 1 else concat(parts)
    return reshape(joined, x.shape)
