"""Vectors that lack a register lie on the stack within a cache line each."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.codegen.vectors import STACK_ALIGNMENT, register_bytes

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(register_bytes() <= STACK_ALIGNMENT, reason="vectors need no more"),
]


def many_vectors(x: Any) -> Any:
    """The gradient needs forty products at once."""
    found = [ad.sqrt(x + 0.1 * k) for k in range(40)]
    return ad.sum(sum(a * b for a, b in zip(found, found[::-1], strict=True)))


def recurrent(x: Any) -> Any:
    """A loop whose state, 100 components, is held by registers."""

    def step(y: Any, _: None) -> Any:
        k = x * ad.concat([y[:1], y[:-1]])
        return y + 0.01 * (k + x * ad.concat([y[:1], (y + k)[:-1]])), None

    return ad.sum(ad.scan(step, x, length=50)[0])


@pytest.mark.parametrize(("f", "size"), [(many_vectors, 1000), (recurrent, 100)])
def test_functions_with_many_vectors_align_their_stack(f: Any, size: int) -> None:
    compiled = ad.compile(ad.grad(f))
    x = np.linspace(0.5, 1.5, size)
    np.testing.assert_allclose(compiled(x), ad.grad(f)(x), rtol=1e-12)
    assert f"alignstack({register_bytes()})" in compiled.text("llvm")
    if platform.machine() in ("x86_64", "AMD64"):
        assert f"${-register_bytes()}, %rsp" in compiled.text("assembly")


def test_small_kernels_do_without() -> None:
    compiled = ad.compile(lambda x: ad.sin(x) + 1.0)
    compiled(np.ones(100))
    assert "alignstack" not in compiled.text("llvm")
