"""Rows of the table: linear algebra, and methods of ufuncs. `CALLS` are all rows, with those of
`tests/numpy/calls.py`, where is said what a row is."""

from __future__ import annotations

from functools import partial

import numpy as np

from tests.numpy import calls
from tests.numpy.calls import MASK

CALLS = [*calls.CALLS]
row = partial(calls.row, table=CALLS)

# ---------------------------------------------------------------- linear algebra

SQUARE = np.array([[2.0, 0.3, -0.5], [0.1, -1.0, 0.7], [0.4, 0.2, 0.5]])
TURNING = np.array([[0.5, 2.0, 0.1], [-1.5, 0.3, 0.2], [0.1, 0.4, 2.0]])
_NEAR_ONE = np.eye(4) + 0.1 * np.arange(16.0).reshape(4, 4) % 0.7
row("eigvals", lambda n, a: n.linalg.eigvals(a), SQUARE, flags="eager protocol")
row("eigvals", lambda n, a: n.linalg.eigvals(a), TURNING, flags="eager protocol")
row(
    "eigvals", lambda n, a: n.linalg.eigvals(a), np.stack([SQUARE, TURNING]), flags="eager protocol"
)
row("eigvals", lambda n, a: n.linalg.eigvals(a), SQUARE + 1j * TURNING)
row("eig", lambda n, a: n.linalg.eig(a), SQUARE, flags="eager protocol")
row("eig", lambda n, a: n.linalg.eig(a), TURNING, flags="eager protocol")
row("eig", lambda n, a: n.linalg.eig(a), TURNING + 1j * SQUARE)
row("spectral radius", lambda n, a: n.max(n.abs(n.linalg.eigvals(a))), TURNING)
row("tensorsolve", lambda n, a, b: n.linalg.tensorsolve(a, b), (2, 3, 6), (2, 3))
row(
    "tensorsolve",
    lambda n, a, b: n.linalg.tensorsolve(a, b, axes=(0, 2)),
    np.moveaxis(_NEAR_ONE.reshape(4, 2, 2), 1, 0),
    (4,),
)
row("tensorinv", lambda n, a: n.linalg.tensorinv(a, ind=1), (4, 2, 2))
row("multi_dot", lambda n, a, b, c: n.linalg.multi_dot([a, b, c]), (2, 3), (3, 4), (4,))
row("pinv", lambda n, a: n.linalg.pinv(a, rcond=1e-10), (3, 2))
row("pinv", lambda n, a: n.linalg.pinv(a, hermitian=True), (1j, 3, 3))
row("matrix_rank", lambda n, a: n.linalg.matrix_rank(a, tol=1e-8), (3, 2), flags="plain")
row("matrix_rank", lambda n, a: n.linalg.matrix_rank(a, hermitian=True), (3, 3), flags="plain")
row("matrix_power", lambda n, a: n.linalg.matrix_power(a, n=-2), SQUARE)
row("cond", lambda n, a: n.linalg.cond(a, p=1), SQUARE)
row("slogdet", lambda n, a: n.linalg.slogdet(a)[1], SQUARE)
row("norm", lambda n, a: n.linalg.norm(a, ord="nuc", axis=(0, 1), keepdims=True), SQUARE)
row("svd", lambda n, a: n.linalg.svd(a, compute_uv=False), (3, 2))
row("eigvalsh", lambda n, a: n.linalg.eigvalsh(a + a.T, UPLO="U"), SQUARE)
row("linalg.trace", lambda n, a: n.linalg.trace(a, offset=1, dtype="float64"), (2, 3, 3))

# ---------------------------------------------------------------- methods of ufuncs

for _name in ("subtract", "divide", "hypot", "power", "logaddexp2", "fmax", "arctan2"):
    row(f"{_name}.reduce", lambda n, x, f=_name: getattr(n, f).reduce(x), (3, 2), flags="protocol")
    row(
        f"{_name}.accumulate",
        lambda n, x, f=_name: getattr(n, f).accumulate(x),
        (3, 2),
        flags="protocol",
    )
for _name in ("add", "multiply", "maximum", "subtract", "hypot"):
    row(
        f"{_name}.reduceat",
        lambda n, x, f=_name: getattr(n, f).reduceat(x, [0, 3, 1, 4]),
        (6,),
        flags="protocol",
    )
    row(
        f"{_name}.reduceat",
        lambda n, x, f=_name: getattr(n, f).reduceat(x, [0, 2], axis=1),
        (2, 3),
        flags="protocol",
    )
    row(
        f"{_name}.outer",
        lambda n, x, y, f=_name: getattr(n, f).outer(x, y),
        (2,),
        (2, 2),
        flags="protocol",
    )
row(
    "add.reduce", lambda n, x: n.add.reduce(x, 1, where=MASK, initial=3.0), (2, 3), flags="protocol"
)
row(
    "maximum.reduce",
    lambda n, x: n.maximum.reduce(x, 1, where=MASK, initial=0.1),
    (2, 3),
    flags="protocol",
)
row(
    "hypot.reduce",
    lambda n, x: n.hypot.reduce(x, axis=(0, 1), keepdims=True),
    (2, 2),
    flags="protocol",
)
row("logical_xor.reduce", lambda n, x: n.logical_xor.reduce(x > 1), (3, 2), flags="protocol plain")
row(
    "bitwise_or.accumulate",
    lambda n, x: n.bitwise_or.accumulate(x),
    np.array([1, 4, 2]),
    flags="protocol plain",
)
