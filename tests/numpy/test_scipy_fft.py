"""The functions of ``scipy.fft`` on tensors, against SciPy's and against their matrices."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import scipy.fft

import adjoint as ad
from adjoint.scipy import fft

pytestmark = pytest.mark.unit

TRIGONOMETRIC = ("dct", "idct", "dst", "idst")
REAL = np.random.default_rng(1).normal(size=(3, 4))
COMPLEX = REAL + 1j * np.random.default_rng(2).normal(size=(3, 4))


def matrix(function, x):
    """The matrix of a linear function of arrays in the shape of `x`, real and imaginary apart."""
    units = np.eye(x.size).reshape(x.size, *x.shape).astype(x.dtype)
    columns = [function(e) for e in units]
    if x.dtype.kind == "c":
        columns += [function(1j * e) for e in units]
    return np.stack([np.ravel(c) for c in columns], 1)


def compare(name, x, *args, **options):
    ours, theirs = getattr(fft, name), getattr(scipy.fft, name)
    expected = theirs(x, *args, **options)
    found = ours(ad.asarray(x), *args, **options)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    single = x.astype("complex64" if x.dtype.kind == "c" else "float32")
    assert ours(single, *args, **options).dtype == theirs(single, *args, **options).dtype
    w = np.random.default_rng(3).normal(size=(2, *expected.shape)) @ np.eye(expected.shape[-1])
    w = w[0] + 1j * w[1] if expected.dtype.kind == "c" else w[0]
    whole = matrix(lambda e: theirs(e, *args, **options), x)
    slope = np.real(np.conj(w).ravel() @ whole)
    half = slope[: x.size] + (1j * slope[x.size :] if x.dtype.kind == "c" else 0)
    weights = ad.asarray(np.conj(w))
    gradient = ad.grad(lambda v: ad.sum(ad.real(weights * ours(v, *args, **options))))(x)
    np.testing.assert_allclose(gradient, half.reshape(x.shape), rtol=1e-11, atol=1e-11)
    tangent = ad.jvp(lambda v: ours(v, *args, **options), (x,), (x,))[1]
    np.testing.assert_allclose(tangent, expected, rtol=1e-12, atol=1e-12)
    batch = ad.vmap(lambda v: ours(v, *args, **options))(np.stack([x, 2 * x]))
    np.testing.assert_allclose(batch[1], 2 * expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
@pytest.mark.parametrize("kind", [1, 2, 3, 4])
@pytest.mark.parametrize("name", TRIGONOMETRIC)
def test_cosine_and_sine_transforms(name, kind, norm):
    compare(name, REAL, kind, norm=norm)
    compare(name, REAL, kind, 6, 0, norm)
    compare(name, REAL, kind, n=2, axis=1, norm=norm, orthogonalize=norm != "ortho")
    compare(name, COMPLEX, kind, norm=norm)


@pytest.mark.parametrize("name", [f"{name}n" for name in TRIGONOMETRIC])
def test_cosine_and_sine_transforms_along_several_axes(name):
    compare(name, REAL)
    compare(name, REAL, 3, (4, 2), (1, 0), "ortho")
    compare(name, REAL, 1, axes=(0,), orthogonalize=True)


@pytest.mark.parametrize("name", ["fft", "ifft", "hfft", "irfft"])
def test_transforms_of_complex_numbers(name):
    compare(name, COMPLEX)
    compare(name, COMPLEX, 5, 0, "ortho", False, 1)


@pytest.mark.parametrize("name", ["rfft", "ihfft"])
def test_transforms_of_real_numbers(name):
    compare(name, REAL)
    compare(name, REAL, n=5, axis=0, norm="forward")


@pytest.mark.parametrize("name", ["fft2", "ifft2", "fftn", "ifftn", "irfft2", "irfftn", "hfft2",
                                  "hfftn"])  # fmt: skip
def test_transforms_along_several_axes(name):
    compare(name, COMPLEX)
    compare(name, COMPLEX, s=(4, 3), axes=(1, 0), norm="ortho")


@pytest.mark.parametrize("name", ["rfft2", "rfftn", "ihfft2", "ihfftn"])
def test_transforms_of_real_numbers_along_several_axes(name):
    compare(name, REAL)
    compare(name, REAL, s=(4, 3), axes=(1, 0), norm="ortho")


@pytest.mark.parametrize("name", [n for n in fft.__all__ if not n.endswith(("freq", "shift"))])
def test_arguments_have_scipy_s_names_and_order(name):
    mine, theirs = (list(inspect.signature(getattr(m, name)).parameters) for m in (fft, scipy.fft))
    assert mine == theirs


def test_everything_else_is_scipys_own():
    assert fft.next_fast_len(11) == scipy.fft.next_fast_len(11)
    assert {n for n in fft.__all__ if not hasattr(scipy.fft, n)} == set()
    with pytest.raises(ValueError, match="type must be 1, 2, 3 or 4"):
        fft.dct(REAL, 5)
    with pytest.raises(TypeError, match="plan must be None"):
        fft.fft(REAL, plan=1)
    with pytest.raises(ValueError, match="at least 2 points"):
        fft.dct([1.0], 1)
