"""A training step 784-128-10 on a batch of 64, float32: loss, gradient and new parameters"""

from __future__ import annotations

from benchmarks import training
from benchmarks.row import FASTEST_PEER, Goal, Row

ROW = Row("float32", 1e-5, (Goal(FASTEST_PEER, 1.8),))


def inputs(smoke: bool) -> training.Inputs:
    """Parameters, pictures and labels."""
    return training.inputs_of(500, 20, 300, 10) if smoke else training.inputs_of(64, 784, 128, 10)


make_adjoint = training.with_adjoint
make_adjoint_uncompiled = training.with_adjoint_uncompiled
make_jax = training.with_jax
make_torch = training.with_torch
make_torch_compile = training.with_torch_compile
make_autograd = training.with_autograd
make_numpy = training.with_numpy
