"""What NumPy computes for a program is written to its memory, which may be that of an input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.numpy_values import write_value
from adjoint.graph.node import Node
from adjoint.graph.op import Op
from adjoint.graph.tensor import make
from adjoint.ops import records

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(2, 40)) + 1j * RNG.normal(size=(2, 40))


def written(op: Op, *args: Any, dtype: Any = None) -> Any:
    value = np.asarray(op.evaluate(*args))
    target = np.full(value.shape, 7, dtype or value.dtype)
    write_value(node_of(op, *args), args, target)
    return target


def node_of(op: Op, *args: Any) -> Node:
    return make(op, [ad.asarray(x) for x in args]).node


@pytest.mark.parametrize("name", ["multiply", "add", "subtract", "divide"])
@pytest.mark.parametrize("dtype", ["complex64", "complex128", "float16", "int32"])
def test_what_is_written_is_the_value(name: str, dtype: str) -> None:
    op = getattr(records, name)
    x, y = (9 * Z.real).astype(dtype), (9 * Z.real[:, ::-1] + 1).astype(dtype)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(written(op, x, y), op.evaluate(x, y), strict=True)
        row = y[:1]
        np.testing.assert_array_equal(written(op, x, row), op.evaluate(x, row), strict=True)


def test_a_dtype_that_changes_is_converted() -> None:
    x = Z.astype("complex64")
    np.testing.assert_array_equal(
        written(records.multiply, x, Z, dtype="complex64"), (x * Z).astype("complex64")
    )


def test_the_memory_may_be_that_of_an_input() -> None:
    memory = np.concatenate([Z[0], Z[1]])
    for start in (0, 1, 20):
        buffer = memory.copy()
        x, y, target = buffer[:40], buffer[20:60], buffer[start : start + 40]
        wanted = x * y
        write_value(node_of(records.multiply, x, y), (x, y), target)
        np.testing.assert_allclose(target, wanted, rtol=1e-15)  # NumPy may choose another loop


TRANSFORMS: dict[str, Any] = {
    "fft": (lambda x: ad.fft.fft(x, axis=0), Z),
    "ifft": (lambda x: ad.fft.ifft(x), Z.astype("complex64")),
    "several axes": (lambda x: ad.fft.fft2(x), Z),
    "rfft": (lambda x: ad.fft.rfft(x), Z.real),
    "irfft": (lambda x: ad.fft.irfft(x, 78), Z),
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("place", [None, 0, 16, 640])
def test_transforms_write_there_themselves(name: str, place: int | None) -> None:
    """Also where the memory is in part that of the input."""
    transform, x = TRANSFORMS[name]
    root = transform(ad.asarray(x)).node
    while root.op.name not in ("fft", "rfft", "irfft"):
        (root,) = root.inputs
    assert root.op.fills
    wanted = root.op.evaluate(x, *root.params)
    buffer = np.zeros(4000, np.uint8)
    given = buffer[: x.nbytes].view(x.dtype).reshape(x.shape)
    given[...] = x
    start = 2000 if place is None else place
    target = buffer[start : start + wanted.nbytes].view(wanted.dtype).reshape(wanted.shape)
    write_value(root, [given], target)
    np.testing.assert_array_equal(target, wanted, strict=True)


@pytest.mark.native
def test_chains_of_complex_numbers_in_a_program() -> None:
    def f(x: Any, y: Any) -> Any:
        z = ad.conj(x) * y
        for _ in range(4):
            z = ad.conj(z * x) - y / (z + 3.0)
        return z, ad.conj(z)

    def by_numpy(x: Any, y: Any) -> Any:
        z = np.conj(x) * y
        for _ in range(4):
            z = np.conj(z * x) - y / (z + 3.0)
        return z, np.conj(z)

    compiled = ad.compile(f)
    for _ in range(4):
        for found, wanted in zip(compiled(*Z), by_numpy(*Z), strict=True):
            np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-13)
