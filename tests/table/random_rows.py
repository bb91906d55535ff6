"""The rows of the table for what random draws are made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special
import scipy.stats

from tests.table.row import REAL, Row, registered

KEYS = np.array([7, 2**64 - 1, 0x0123456789ABCDEF], np.uint64)
PLACES = np.array([0, 2**63 + 5, 41], np.uint64)
U = np.array([0.07, 0.31, 0.5, 0.77, 0.98])
KAPPA = np.array([0.4, 1.3, 2.2, 6.0, 30.0])
THETA = np.array([-2.1, 0.4, 1.3, -0.6, 0.2])
COEFFICIENTS = ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))


def philox(key: int, place: int, stream: int, half: int) -> int:
    """64 bits of Philox 4x32-10, written once more: as the paper has it, by Python's integers."""
    word = 2**32 - 1
    x = [place & word, place >> 32, 0, stream]
    k = [key & word, key >> 32]
    for _ in range(10):
        left, right = x[0] * 0xD2511F53, x[2] * 0xCD9E8D57
        x = [right >> 32 ^ x[1] ^ k[0], right & word, left >> 32 ^ x[3] ^ k[1], left & word]
        k = [(k[0] + 0x9E3779B9) & word, (k[1] + 0xBB67AE85) & word]
    return x[2 * half] | x[2 * half + 1] << 32


def all_bits(keys: Any, shape: tuple[int, ...], stream: int, half: int) -> Any:
    count = math.prod(shape)
    found = [philox(int(k), i, stream, half) for k in np.ravel(keys) for i in range(count)]
    return np.array(found, np.uint64).reshape(np.shape(keys) + shape)


def slope(function: Any, x: Any, step: float = 2.0**-6) -> Any:
    """The derivative by a central difference of order 8."""
    return (
        sum(c * (function(x + n * step) - function(x - n * step)) for n, c in COEFFICIENTS) / step
    )


def angle_share(kappa: Any, theta: Any) -> Any:
    """The distribution function of von Mises' distribution, by its Fourier series."""
    j = np.arange(1, 120)[:, None]
    terms = scipy.special.ive(j, kappa) / scipy.special.ive(0, kappa) * np.sin(j * theta) / j
    return 0.5 + theta / (2 * np.pi) + np.sum(terms, 0) / np.pi


def angle_by_kappa(kappa: Any, theta: Any) -> Any:
    kappa, theta = np.asarray(kappa, float), np.asarray(theta, float)
    density = scipy.stats.vonmises.pdf(theta, kappa)
    return -slope(lambda k: angle_share(k, theta), kappa, 2.0**-8) / density


def least(distribution: Any, most: int) -> Any:
    """The least k whose cumulated probability reaches u, found by looking at each."""

    def find(u: Any, *parameters: Any) -> Any:
        k = np.arange(most)[:, None]
        reached = np.cumsum(distribution.pmf(k, *parameters), 0) >= u
        return np.argmax(reached, 0).astype(float)

    return find


RANDOM_ROWS = [
    Row(
        "random_bits",
        lambda n, k: registered("random_bits")((k,), (2, 3), 5, 1),
        [KEYS],
        lambda k: all_bits(k, (2, 3), 5, 1),
        dtypes=["float64"],
    ),
    Row(
        "fold_in",
        lambda n, k, i: registered("fold_in")((k, i)),
        [KEYS, PLACES],
        lambda ks, ps: np.array(
            [philox(int(k), int(p), 2, 0) for k, p in zip(ks, ps, strict=True)], np.uint64
        ),
        dtypes=["float64"],
    ),
    Row(
        "multiply_high",
        lambda n, a, b: registered("multiply_high")((a, b)),
        [KEYS, PLACES[::-1].copy()],
        lambda a, b: np.array(
            [int(x) * int(y) >> 64 for x, y in zip(a, b, strict=True)], np.uint64
        ),
        dtypes=["float64"],
    ),
    Row(
        "discrete_parameter",
        lambda n, x: registered("discrete_parameter")((x,), "poisson", "lam"),
        [(3,)],
        lambda x: x,
        dtypes=REAL,
    ),
    Row(
        "poisson_quantile",
        lambda n, u, lam: registered("poisson_quantile")((u, lam)),
        [U, np.array([0.3, 2.0, 5.5, 0.0, 40.0])],
        least(scipy.stats.poisson, 100),
        dtypes=["float64"],
    ),
    Row(
        "binomial_quantile",
        lambda n, u, m, p: registered("binomial_quantile")((u, m, p)),
        [U, np.array([4.0, 10.0, 1.0, 0.0, 60.0]), np.array([0.3, 0.0, 1.0, 0.5, 0.8])],
        least(scipy.stats.binom, 100),
        dtypes=["float64"],
    ),
    Row(
        "geometric_quantile",
        lambda n, u, p: registered("geometric_quantile")((u, p)),
        [U, np.array([0.3, 0.9, 1.0, 0.05, 0.6])],
        least(scipy.stats.geom, 200),
        dtypes=["float64"],
    ),
    Row(
        "range_size",
        lambda n, a, b: registered("range_size")((a, b), True, np.dtype("int64")),
        [np.array([-3, 5, -(2**63)]), np.array([4, 5, 2**63 - 2])],
        lambda a, b: np.array([int(y) - int(x) + 1 for x, y in zip(a, b, strict=True)], np.uint64),
        dtypes=["float64"],
    ),
    Row(
        "nbinom_quantile",
        lambda n, u, m, p: registered("nbinom_quantile")((u, m, p)),
        [U, np.array([4.0, 0.5, 1.0, 2.5, 6.0]), np.array([0.3, 0.9, 1.0, 0.5, 0.2])],
        least(scipy.stats.nbinom, 200),
        dtypes=["float64"],
    ),
    Row(
        "von_mises_quantile",
        lambda n, k, u: registered("von_mises_quantile")((k, u)),
        [KAPPA, U],
        lambda k, u: scipy.stats.vonmises.ppf(u, k),
        dtypes=["float64"],
        digits=1e3,
    ),
    Row(
        "von_mises_quantile_by_kappa",
        lambda n, k, t: registered("von_mises_quantile_by_kappa")((k, t)),
        [KAPPA, THETA],
        angle_by_kappa,
        dtypes=["float64"],
        digits=1e3,
    ),
    Row(
        "von_mises_quantile_by_kappa_kappa",
        lambda n, k, t: registered("von_mises_quantile_by_kappa_kappa")((k, t)),
        [KAPPA, THETA],
        lambda k, t: slope(lambda at: angle_by_kappa(at, t), np.asarray(k)),
        dtypes=["float64"],
        digits=1e3,
    ),
]
