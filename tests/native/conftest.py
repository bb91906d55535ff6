"""Fixtures of the native tests: empty caches, what LLVM compiles, the ways to write a kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from adjoint.backends.llvm.codegen import vectors
from adjoint.backends.llvm.compile import jit, kernel_cache

AVX2 = "+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sse4.1,+sse4.2"


@pytest.fixture
def cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of an object cache that is empty."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def fresh_caches(monkeypatch: pytest.MonkeyPatch, cache_folder: Path) -> None:
    """No code is found on disk, nor in this process."""
    monkeypatch.setattr(kernel_cache, "_kernels", {})


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch, cache_folder: Path) -> list[str]:
    """What LLVM compiles in this process from now on, "driver" or "kernels"; no code is on disk."""
    found: list[str] = []
    begin_compiling = jit.begin_compiling

    def counted(files: Iterable[Mapping[str, str]], jobs: Any) -> Any:
        files = list(files)
        found.append("driver" if any("driver" in texts for texts in files) else "kernels")
        return begin_compiling(files, jobs)

    monkeypatch.setattr(jit, "begin_compiling", counted)
    return found


@pytest.fixture(params=["vectors", "AVX2", "scalars"])
def vector_target(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, fresh_caches: None
) -> Any:
    """The ways to write a kernel: with this processor's vectors, with those of AVX2, or one element
    at a time, which leaves vectors to LLVM."""
    if request.param == "scalars":
        monkeypatch.setattr(vectors, "register_bytes", lambda: 0)
    elif not vectors.register_bytes():
        pytest.skip("the lanes of this processor's vectors cannot be masked")
    elif request.param == "AVX2":
        triple, _, _ = jit.host()
        monkeypatch.setattr(jit, "host", lambda: (triple, "haswell", AVX2))
        monkeypatch.setattr(vectors, "register_bytes", vectors.register_bytes.__wrapped__)
        assert vectors.register_bytes() == 32
    return request.param
