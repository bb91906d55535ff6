"""Products of complex matrices, by BLAS with transposes and conjugates as flags, or in loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from tests.native.running import step_kinds

pytestmark = pytest.mark.native


def numbers(*shape: int, dtype: str = "complex128", seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)


def turned(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2))


FORMS: dict[str, Any] = {
    "plain": (lambda n, a, b: n.matmul(a, b), (12, 30), (30, 9)),
    "transposed": (lambda n, a, b: n.matmul(n.matrix_transpose(a), b), (30, 12), (30, 9)),
    "conjugate transposes": (
        lambda n, a, b: n.matmul(n.conj(n.matrix_transpose(a)), n.matrix_transpose(n.conj(b))),
        (30, 12),
        (9, 30),
    ),
    "conjugate": (lambda n, a, b: n.matmul(n.conj(a), b), (12, 30), (30, 9)),
    "a stack": (lambda n, a, b: n.matmul(a, n.conj(n.matrix_transpose(b))), (5, 12, 30), (9, 30)),
    "a vector": (lambda n, a, b: n.matmul(a, b), (12, 30), (30, 1)),
    "a row": (lambda n, a, b: n.matmul(a, b), (1, 30), (30, 17)),
    "a vector times a conjugate": (
        lambda n, a, b: n.matmul(n.conj(n.matrix_transpose(a)), b),
        (30, 12),
        (30, 1),
    ),
    "a row times a conjugate": (
        lambda n, a, b: n.matmul(a, n.conj(n.matrix_transpose(b))),
        (1, 30),
        (17, 30),
    ),
    "tiny": (lambda n, a, b: n.matmul(a, n.conj(n.matrix_transpose(b))), (40, 4, 4), (40, 4, 4)),
    "scaled and added": (lambda n, a, b: 2j * n.matmul(a, b) - a[:, :9], (12, 30), (30, 9)),
    "subtracted": (lambda n, a, b: a[:, :9] - n.matmul(a, b) * 0.5, (12, 30), (30, 9)),
    "several threads": (lambda n, a, b: n.matmul(a, b), (150, 130), (130, 140)),
}


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", FORMS)
def test_products(name: str, dtype: str) -> None:
    """Called several times: step by step first, then from the driver."""
    f, *shapes = FORMS[name]
    a, b = (numbers(*shape, dtype=dtype, seed=i) for i, shape in enumerate(shapes))
    compiled, wanted = ad.compile(lambda a, b: f(ad, a, b)), f(np, a, b)
    for _ in range(6):
        found = np.asarray(compiled(a, b))
        assert found.dtype == wanted.dtype
        bound = 100 * np.finfo(dtype).eps * np.abs(wanted).max()
        np.testing.assert_allclose(found, wanted, 0, bound)
    kinds = step_kinds(compiled, a, b)
    assert "numpy" not in kinds
    assert ("gemm" in kinds) == (name != "tiny")


def test_conjugate_transposes_are_flags() -> None:
    """What derivatives of products are made of is not written to memory."""
    f = ad.compile(ad.grad(lambda a, b: ad.sum(ad.abs(a @ b) ** 2), argnums=(0, 1)))
    a, b = numbers(20, 30), numbers(30, 12, seed=1)
    da, db = f(a, b)
    np.testing.assert_allclose(da, 2 * (a @ b) @ turned(b), 1e-12)
    np.testing.assert_allclose(db, 2 * turned(a) @ (a @ b), 1e-12)
    text = str(f.report())
    assert "·ᴴ" in text
    assert "ᴴ·" in text


def test_special_values_and_empty_products() -> None:
    a = numbers(12, 30)
    a[3, 4] = np.nan
    found = np.asarray(ad.compile(lambda a: a @ ad.conj(a.T))(a))
    assert np.isnan(found[3]).all()
    assert np.isfinite(np.delete(np.delete(found, 3, 0), 3, 1)).all()
    for shapes in (((0, 3), (3, 20)), ((20, 0), (0, 20)), ((0, 12, 9), (9, 20))):
        a, b = (numbers(*shape) for shape in shapes)
        np.testing.assert_array_equal(ad.compile(lambda a, b: a @ b)(a, b), a @ b)


def test_products_in_loops() -> None:
    """Powers of a matrix, by a scan; and its derivative."""
    u = np.linalg.qr(numbers(20, 20))[0]

    def f(u: Any, z: Any) -> Any:
        z, _ = ad.scan(lambda z, _: (u @ z, None), z, length=10)
        return ad.sum(ad.real(z) ** 2)

    z = numbers(20, 3)
    compiled = ad.compile(ad.grad(f, argnums=(0, 1)))
    for found, wanted in zip(compiled(u, z), ad.grad(f, argnums=(0, 1))(u, z), strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), 0, 1e-11)
