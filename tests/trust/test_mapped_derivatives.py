"""Examples never meet: vmap of nested derivatives is what each example gives by itself.

There are as many examples as directions, so that axes that are mistaken for each other broadcast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import adjoint as ad

MATRICES = np.random.default_rng(0).normal(size=(4, 2, 2))


def positive(a: Any) -> Any:
    return a @ a.T + np.eye(2)


def exponential(a: Any) -> Any:
    w, v = np.linalg.eigh(positive(a))
    return np.sum(((v * np.exp(w)) @ v.T) ** 2)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "det": np.linalg.det,
    "solve": lambda a: np.sum(np.linalg.solve(a, np.ones(2)) ** 2),
    "cholesky": lambda a: np.sum(np.linalg.cholesky(positive(a)) ** 3),
    "eigvalsh": lambda a: np.linalg.eigvalsh(positive(a))[0] ** 3,
    "eigh": lambda a: np.sum(np.linalg.eigh(positive(a))[1] ** 4),
    "function of eigh": exponential,
    "svdvals": lambda a: np.linalg.svd(a)[1][0] ** 3,
    "svd": lambda a: np.sum(np.linalg.svd(a)[0] ** 4),
    "cond": np.linalg.cond,
    "nuclear norm": lambda a: np.linalg.norm(a, "nuc"),
    "eigvals": lambda a: np.sum(np.abs(np.linalg.eigvals(a))),
    "qr": lambda a: np.sum(np.linalg.qr(a)[0] ** 3),
    "pinv": lambda a: np.sum(np.linalg.pinv(a) ** 2),
    "expm": lambda a: np.sum(scipy.linalg.expm(a) ** 2),
    "distances": lambda a: np.sum(np.exp(-np.linalg.norm(a[:, None] - a[None], axis=-1))),
}

SECOND: dict[str, Callable[[Any], Any]] = {
    "reverse over reverse": lambda f: ad.jacrev(ad.grad(f)),
    "forward over reverse": lambda f: ad.jacfwd(ad.jacrev(f)),
    "reverse over forward": lambda f: ad.jacrev(ad.jacfwd(f)),
}


@pytest.mark.filterwarnings("ignore::adjoint.errors.KinkWarning")
@pytest.mark.parametrize("modes", SECOND)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_example_has_its_own_second_derivative(name: str, modes: str) -> None:
    hessian = SECOND[modes](FUNCTIONS[name])
    alone = np.stack([np.asarray(hessian(a)) for a in MATRICES])
    np.testing.assert_allclose(np.asarray(ad.vmap(hessian)(MATRICES)), alone, rtol=1e-9, atol=1e-9)


def test_each_example_has_its_own_third_derivative() -> None:
    f = FUNCTIONS["eigvalsh"]
    third = ad.jacrev(ad.jacrev(ad.grad(f)))
    alone = np.stack([np.asarray(third(a)) for a in MATRICES])
    np.testing.assert_allclose(np.asarray(ad.vmap(third)(MATRICES)), alone, rtol=1e-7, atol=1e-7)
