"""The gradient of Σ |⟨aᵢ, bᵢ⟩|² by all aᵢ, 4,096 pairs of 256 complex numbers

Overlaps of states: a batch of inner products of complex vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import FASTEST_PEER, Goal, Row

ROW = Row("float64", 1e-12, (Goal(FASTEST_PEER, 1.5),))


def inputs(smoke: bool) -> tuple[np.ndarray, np.ndarray]:
    """Two rows of vectors."""
    rng = np.random.default_rng(0)
    shape = (2, *((5, 3) if smoke else (4096, 256)))
    a, b = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return a, b


def overlap(space: Any, a: Any, b: Any) -> Any:
    """Σ |Σⱼ āᵢⱼ bᵢⱼ|²."""
    inner = space.sum(space.conj(a) * b, 1)
    return space.sum(space.real(inner) ** 2 + space.imag(inner) ** 2)


def parts(gradient: np.ndarray) -> np.ndarray:
    """The real and the imaginary parts, each of which is compared."""
    return gradient.view(np.float64)


def make_adjoint(a: np.ndarray, b: np.ndarray) -> Callable[[], Any]:
    import adjoint as ad

    f = ad.compile(ad.grad(lambda a, b: overlap(ad, a, b)))
    return lambda: parts(np.asarray(f(a, b)))


def make_jax(a: np.ndarray, b: np.ndarray) -> Callable[[], Any]:
    """JAX's gradient of a real function is the conjugate."""
    import jax

    f = jax.jit(lambda a, b: jax.grad(lambda a: overlap(jax.numpy, a, b))(a).conj())
    given = jax.device_put(a), jax.device_put(b)
    return lambda: parts(np.asarray(f(*given)))


def make_torch(a: np.ndarray, b: np.ndarray) -> Callable[[], Any]:
    import torch

    other = torch.from_numpy(b)

    def work() -> Any:
        x = torch.from_numpy(a).requires_grad_()
        gradient = torch.autograd.grad(overlap(torch, x, other), x)[0]
        return parts(gradient.resolve_conj().numpy())

    return work


def make_numpy(a: np.ndarray, b: np.ndarray) -> Callable[[], Any]:
    def work() -> Any:
        inner = np.einsum("ij,ij->i", a.conj(), b)
        return parts(2.0 * inner.conj()[:, None] * b)

    return work
