"""Floor 10: optimisers of first and second order, each a pair (init, update) over pytrees.

>>> import adjoint as ad
>>> f = lambda w: ad.sum((w - 3.0) ** 2)
>>> optimizer = ad.optim.momentum(0.05)
>>> w = ad.asarray([0.0, 10.0])
>>> state = optimizer.init(w)
>>> for step in range(150):
...     updates, state = optimizer.update(ad.grad(f)(w), state, w)
...     w, state = ad.evaluate((ad.optim.apply_updates(w, updates), state))
>>> [round(x, 2) for x in w.tolist()]
[3.0, 3.0]
"""

from adjoint.optim.base import Optimizer, apply_updates, chain
from adjoint.optim.first_order import (
    adam,
    add_weight_decay,
    clip_by_global_norm,
    momentum,
    scale_by_adam,
    scale_by_learning_rate,
    sgd,
    trace,
)
from adjoint.optim.schedules import cosine_decay, exponential_decay, warmup
from adjoint.optim.second_order import (
    adahessian,
    hutchinson_diagonal,
    newton,
    scale_by_hessian_diagonal,
)

__all__ = [
    "Optimizer",
    "apply_updates",
    "chain",
    # first order
    "sgd",
    "momentum",
    "adam",
    # second order
    "newton",
    "adahessian",
    "hutchinson_diagonal",
    # links of a chain
    "trace",
    "scale_by_adam",
    "scale_by_hessian_diagonal",
    "scale_by_learning_rate",
    "add_weight_decay",
    "clip_by_global_norm",
    # learning rates that change
    "cosine_decay",
    "exponential_decay",
    "warmup",
]
