"""Complex numbers in native loops: as NumPy has them, in every layout, length and place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from tests.native.fuzzing.layouts import LAYOUTS
from tests.native.running import as_tuple, step_kinds

pytestmark = pytest.mark.native

ODD = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 1e308, 1e-308, 5e-324]
SPECIAL = np.array([complex(a, b) for a in ODD for b in ODD])


def numbers(*shape: int, dtype: str = "complex128", seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)


def close(found: Any, wanted: Any) -> None:
    """Equal dtypes and shapes; a few units apart, of numbers as large as the complex one."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    if wanted.dtype.kind not in "fc":
        np.testing.assert_array_equal(found, wanted)
        return
    unit = np.finfo(wanted.dtype).eps
    bound = 16 * unit * np.max(np.abs(wanted), initial=0.0)
    np.testing.assert_allclose(found, wanted, 64 * unit, bound)


def check(f: Callable[..., Any], *inputs: Any, by_numpy: Callable[..., Any] | None = None) -> None:
    """Compiled as evaluated, without a step of NumPy's; and as NumPy itself has it."""
    compiled = ad.compile(f)
    expected = (by_numpy or f)(*inputs) if by_numpy else f(*map(ad.asarray, inputs))
    for found, wanted in zip(as_tuple(compiled(*inputs)), as_tuple(expected), strict=True):
        close(found, wanted)
    assert "numpy" not in step_kinds(compiled, *inputs)


ELEMENTWISE: dict[str, Callable[[Any, Any], Any]] = {
    "arithmetic": lambda z, w: (z + w, z - w, z * w, -z, +z),
    "quotients": lambda z, w: (z / w, 1 / z, ad.reciprocal(w), 2.5 / (z - 3)),
    "parts": lambda z, w: (ad.real(z), ad.imag(w), ad.conj(z), ad.real(ad.conj(z) * w)),
    "sizes": lambda z, w: (ad.abs(z), ad.square(w), ad.real(z) ** 2 + ad.imag(z) ** 2),
    "angles": lambda z, w: (ad.angle(z), ad.angle(z * w)),
    "powers": lambda z, w: (z**3, w**-2, z**2, w**5),
    "real beside complex": lambda z, w: (ad.real(z) * w, 1j * ad.imag(z), z + 2, w * 0.5),
    "comparisons": lambda z, w: (z == w, z != w, z == z, ad.isnan(z), ad.isfinite(w)),
    "choices": lambda z, w: (ad.where(ad.real(z) > 0, z, w), ad.where(z == w, 1j, z)),
    "conversions": lambda z, w: (
        z.astype("complex64"),
        w.astype("complex128"),
        ad.real(z).astype("complex64"),
        (ad.imag(w) > 0).astype("complex128"),
        z.astype("bool"),
    ),
    "logic": lambda z, w: (ad.logical_and(z, w), ad.logical_not(z), ad.logical_or(z, w * 0)),
}


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name: str, dtype: str) -> None:
    """In lengths that fill no vector, several, and one and a part."""
    for size in (37,) if dtype == "complex64" else (0, 1, 19):
        z, w = numbers(size, dtype=dtype), numbers(size, dtype=dtype, seed=1)
        check(ELEMENTWISE[name], z, w)
    check(ELEMENTWISE[name], numbers(3, 300, dtype=dtype), numbers(3, 1, dtype=dtype, seed=1))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_special_values(dtype: str) -> None:
    """nan, infinities and zeros come out where NumPy has them; an infinity may have nan beside it
    in either part, as in NumPy's own products, whose loops differ in that."""
    with np.errstate(all="ignore"):
        z = np.repeat(SPECIAL, len(SPECIAL)).astype(dtype)
        w = np.tile(SPECIAL, len(SPECIAL)).astype(dtype)
        cases: dict[str, Any] = {
            "add": (lambda n: lambda z, w: z + w),
            "subtract": (lambda n: lambda z, w: z - w),
            "conj": (lambda n: lambda z, w: n.conj(z)),
            "negative": (lambda n: lambda z, w: -z),
            "equal": (lambda n: lambda z, w: z == w),
            "not_equal": (lambda n: lambda z, w: z != w),
            "isnan": (lambda n: lambda z, w: n.isnan(z)),
            "isinf": (lambda n: lambda z, w: n.isinf(z)),
            "abs": (lambda n: lambda z, w: n.abs(z)),
        }
        for name, of in cases.items():
            found, wanted = np.asarray(ad.compile(of(ad))(z, w)), of(np)(z, w)
            np.testing.assert_array_max_ulp(*map(real_view, (found, wanted)), 2), name


def real_view(x: Any) -> Any:
    """The parts one behind the other, truths as numbers."""
    return x.view(x.real.dtype) if x.dtype.kind == "c" else x.astype("f8")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout: str) -> None:
    z = LAYOUTS[layout](numbers(5, 19))
    check(lambda z: (z * 2j, ad.sum(z, 0), z.T + 1, z[::-1, ::-2] * z[0, 0]), z)


MOVED: dict[str, Callable[[Any], Any]] = {
    "flipped": lambda z: (z[:, ::-1] * 1j, z[::-1] + z),
    "every second": lambda z: (z[:, ::2] * 2, z[:, 1::3] - 1j),
    "transposed": lambda z: (z.T * 1j, ad.sum(z.T * z.T, 1)),
    "joined": lambda z: (ad.concat([z, ad.conj(z)], 1), ad.stack([z, 2 * z])),
    "padded": lambda z: ad.pad(z, ((0, 1), (2, 0))),
    "rolled": lambda z: z * ad.roll(z, 3, axis=1),
    "a slice set": lambda z: ad.at(z)[:, 2:5].set(1j) if hasattr(ad, "at") else z * 1,
    "gathered": lambda z: (z[:, np.array([3, 3, 0, 1])] * 1j, ad.take(z, [1, 0], axis=0) + 1),
    "broadcast": lambda z: z[:, :1] + z[:1],
    "cumulative sums": lambda z: (ad.cumsum(z, axis=1), ad.cumsum(z, axis=0)),
    "cumulative products": lambda z: (ad.cumprod(z, axis=1), ad.cumprod(z[:, ::-1], axis=0)),
}


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", MOVED)
def test_movement(name: str, dtype: str) -> None:
    for shape in ((9, 8),) if dtype == "complex64" else ((3, 21), (2, 300)):
        check(MOVED[name], numbers(*shape, dtype=dtype))


REDUCED: dict[str, Callable[[Any], Any]] = {
    "sums": lambda z: (ad.sum(z), ad.sum(z, 0), ad.sum(z, 1), ad.mean(z, 1)),
    "products": lambda z: (ad.prod(z / ad.abs(z)), ad.prod(z, 0), ad.prod(z[:, :4], 1)),
    "inner products": lambda z: (ad.sum(ad.conj(z) * z[:1], 1), ad.sum(ad.abs(z) ** 2, 0)),
    "of parts": lambda z: (ad.sum(ad.real(z), 0), ad.max(ad.imag(z), 1)),
}


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", REDUCED)
def test_reductions(name: str, dtype: str) -> None:
    for shape in ((4, 37),) if dtype == "complex64" else ((3, 5), (2, 600), (700, 3)):
        check(REDUCED[name], numbers(*shape, dtype=dtype))


def test_sums_of_chunks_on_threads() -> None:
    """Each chunk of rows has a partial sum of its own."""
    z = numbers(4096, 64)
    check(lambda z: (ad.sum(z * z, 0), ad.sum(ad.conj(z) * z)), z)
    found = ad.compile(lambda z: ad.prod(z / ad.abs(z), 0))(z)
    np.testing.assert_allclose(found, np.exp(1j * np.sum(np.angle(z), 0)), 1e-12)


def test_scattered() -> None:
    """What is added to the same place meets there; so does the gradient of what was gathered."""
    z, places = numbers(40, 3), np.arange(40) % 7

    def gathered(z: Any) -> Any:
        return ad.sum(ad.abs(z[places] * z[::-1]) ** 2)

    check(ad.grad(gathered), z)


def test_constants_and_outputs_that_are_inputs() -> None:
    z = numbers(11)
    check(
        lambda z: (z, z * (2 - 0.5j), ad.asarray(1j), ad.asarray([1j, 2.0]), z + complex("inf")), z
    )


def test_a_number_times_its_conjugate_is_real() -> None:
    """No product and sum become one fma, which would leave the rounding of the other product."""
    z = numbers(1000)
    assert not np.any(np.imag(ad.compile(lambda z: z * ad.conj(z))(z)))


def test_quotients_that_overflow_on_the_way() -> None:
    """Smith's algorithm: |z|² is never formed."""
    z = np.array([1e200 + 1e200j, 1e-200 - 1e-200j, 3e300j, 1e-300])
    found = np.asarray(ad.compile(lambda z: (z * 0.5) / z)(z))
    np.testing.assert_allclose(found, 0.5, 1e-15)


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives(order: int) -> None:
    """Gradients by complex arguments keep their convention: steepest ascent."""

    def f(z: Any) -> Any:
        return ad.sum(ad.abs(z * z[::-1] / (z + 3)) ** 2 + ad.real(ad.conj(z) * z**3))

    g = ad.grad(f) if order == 1 else lambda z: ad.grad(lambda z: ad.sum(ad.real(ad.grad(f)(z))))(z)
    check(g, numbers(9))
    check(lambda z, v: ad.jvp(f, (z,), (v,)), numbers(9), numbers(9, seed=1))
    check(ad.vmap(g), numbers(4, 9))


def test_loops_with_complex_carries() -> None:
    def step(z: Any, x: Any) -> Any:
        z = z * x + ad.conj(z) * 0.1
        return z, ad.real(z)

    def f(z: Any, xs: Any) -> Any:
        z, reals = ad.scan(step, z, xs)
        return ad.sum(ad.abs(z) ** 2) + ad.sum(reals)

    z, xs = numbers(3), numbers(20, 3, seed=1) * 0.5
    check(lambda z, xs: ad.scan(step, z, xs), z, xs)
    check(ad.grad(f, argnums=(0, 1)), z, xs)


def test_many_elementary_functions_of_complex_numbers_are_called() -> None:
    """A long kernel calls functions, which then return two registers."""

    def f(z: Any) -> Any:
        for _ in range(20):
            z = z / (ad.abs(z) + 1) + 0.1j * ad.angle(z) + ad.sin(ad.real(z))
        return z

    check(f, numbers(3))
    check(f, numbers(300))
