"""Losses and errors of classifiers."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array.statistics.descriptive import mean
from adjoint.errors import DTypeError, OutOfBoundsError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import equal, logical_and, not_equal
from adjoint.ops.indexing.indexing import take_along_axis
from adjoint.ops.reductions.extremum import argmax
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.reductions.softmax import log_softmax
from adjoint.ops.shape.movement import expand_dims, squeeze


def softmax_cross_entropy(logits: Any, labels: Any) -> Tensor:
    """The loss of each example: −log softmax(h)_y for a label y, or −Σ y log softmax(h).

    logits: h, the classes on the last axis. labels: integers with one axis fewer, or distributions
    y over the classes in the shape of the logits, with respect to which one can differentiate
    too. Without overflow. Its derivatives are softmax(h) Σy − y by the logits and −log softmax(h)
    by y. A class masked out by the logit −inf adds nothing where its y is 0. Returns one loss for
    each example; take `adjoint.mean` for a batch. Raises `ShapeError`,
    `DTypeError`, and `OutOfBoundsError` for a label that is not a class.

    >>> import adjoint as ad
    >>> h = ad.asarray([[0.0, 0.0], [1000.0, 0.0]])
    >>> ad.nn.softmax_cross_entropy(h, [0, 1])
    Tensor([6.93147181e-01, 1.00000000e+03])
    >>> ad.nn.softmax_cross_entropy(h, [[0.5, 0.5], [1.0, 0.0]])
    Tensor([0.69314718, 0.        ])
    """
    h, y = _pair("softmax_cross_entropy", logits, labels)
    log_p = log_softmax(h, axis=-1)
    if y.ndim == h.ndim:
        impossible = logical_and(equal(log_p, -np.inf), equal(y, 0))
        return 0.0 - sum(y * where(impossible, 0, log_p), -1)
    picked = take_along_axis(log_p, expand_dims(y, -1), axis=-1)
    return 0.0 - squeeze(picked, -1)


def error_rate(logits: Any, labels: Any) -> Tensor:
    """The fraction of examples whose largest logit is not that of their label.

    Labels as in `softmax_cross_entropy`; of a distribution the likeliest class counts.

    >>> import adjoint as ad
    >>> ad.nn.error_rate([[2.0, 1.0], [0.0, 3.0]], [0, 0])
    Tensor(0.5)
    """
    h, y = _pair("error_rate", logits, labels)
    wanted = argmax(y, axis=-1) if y.ndim == h.ndim else y
    result: Tensor = mean(not_equal(argmax(h, axis=-1), wanted).astype("float64"))
    return result


def _pair(function: str, logits: Any, labels: Any) -> tuple[Tensor, Tensor]:
    """Logits and labels as tensors that fit together."""
    h, y = as_tensor(logits), as_tensor(labels)
    if not h.ndim:
        raise ShapeError(f"{function}: logits are 0-d; their last axis must be the classes")
    if y.ndim == h.ndim:
        if y.dtype.kind != "f":
            raise DTypeError(
                f"{function}: labels have as many axes as the logits, so they must be "
                f"distributions of floating numbers, got {y.dtype}; for integer labels leave out "
                f"the axis of the classes"
            )
        if y.shape != h.shape:
            raise ShapeError(
                f"{function}: labels have shape {y.shape}, the logits {h.shape}; distributions "
                f"must have the shape of the logits"
            )
    elif y.shape != h.shape[:-1]:
        raise ShapeError(
            f"{function}: labels have shape {y.shape}, the logits {h.shape}; labels must have "
            f"shape {h.shape[:-1]} for integers or {h.shape} for distributions"
        )
    elif y.dtype.kind not in "iu":
        raise DTypeError(f"{function}: labels must be integers, got {y.dtype}; convert with astype")
    else:
        _check_classes(function, y, h.shape[-1])
    return h, y


def _check_classes(function: str, y: Tensor, classes: int) -> None:
    """Raise if a label is not a class; labels whose values are not known yet are not looked at."""
    known = y.node.value
    if known is None or not np.size(known):
        return
    low, high = int(np.min(known)), int(np.max(known))
    if low < 0 or high >= classes:
        raise OutOfBoundsError(
            f"{function}: labels hold {low if low < 0 else high}, but the logits have {classes} "
            f"classes; labels must be from 0 to {classes - 1}"
        )
