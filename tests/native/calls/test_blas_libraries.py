"""`ad.options(blas=...)`: which library computes large products."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends import blas_libraries
from adjoint.backends.llvm.calls import blas
from adjoint.errors import ArgumentError, RangeError

pytestmark = pytest.mark.native


def shipped() -> list[Path]:
    """The OpenBLAS that the wheels of NumPy and SciPy bring: with integers of 64 and of 32 bits."""
    found = []
    for package in ("numpy", "scipy"):
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        folder = Path(spec.origin).parent
        for place in (folder.parent / f"{package}.libs", folder / ".dylibs"):
            found += sorted(place.glob("*openblas*"))
    return found


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.name)
def test_a_library_is_called_by_its_path(path: Path) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 90, 90))
    with ad.options(blas=path):
        assert ad.get_options()["blas"] == str(path)
        f = ad.compile(lambda a, b: a @ b - 2.0 * a)
        for _ in range(5):
            np.testing.assert_allclose(f(a, b), a @ b - 2 * a, rtol=1e-12, atol=1e-12)
    assert "dgemm" in blas_libraries._routines(str(path))


def test_the_chosen_library_is_called_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library of which every product is 7: what is compiled under it, and only that, is 7."""
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)

    def seven(*given: int) -> None:
        rows, columns = (ctypes.c_int32.from_address(given[i]).value for i in (3, 2))
        result = (ctypes.c_double * (rows * columns)).from_address(given[11])
        result[:] = [7.0] * len(result)

    function = kind(seven)
    place = ctypes.cast(function, ctypes.c_void_p).value
    monkeypatch.setattr(blas_libraries, "_routines", lambda choice: {"dgemm": place})
    monkeypatch.setattr(blas, "address", blas.address.__wrapped__)
    a = np.ones((70, 70))
    with ad.options(blas="mkl"):
        f = ad.compile(lambda a: a @ a)
        for _ in range(5):
            np.testing.assert_array_equal(np.asarray(f(a)), 7.0)
        np.testing.assert_array_equal(ad.compile(lambda a: a @ a)(np.ones((9, 9))), 9.0)
    np.testing.assert_array_equal(np.asarray(f(a)), 7.0)  # compiled functions keep theirs
    np.testing.assert_array_equal(np.asarray(ad.compile(lambda a: a @ a)(a)), 70.0)


def test_what_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "libtext.so"
    text.write_text("no library")
    with pytest.raises(
        RangeError, match=r"options: .*there is no file '/nowhere/libblas.so'.*'mkl'"
    ):
        ad.options(blas="/nowhere/libblas.so")
    with pytest.raises(RangeError, match="cannot be loaded"):
        ad.options(blas=text)
    with pytest.raises(RangeError, match="has no routine 'sgemm'"):
        ad.options(blas=np._core._multiarray_umath.__file__.replace("umath", "tests"))
    with pytest.raises(ArgumentError, match=r"set_options: blas must be one of 'auto', .*got 3"):
        ad.set_options(blas=3)  # type: ignore[typeddict-item]
    monkeypatch.setattr(blas_libraries, "_candidates", lambda package, stem: iter(()))
    blas_libraries._routines.cache_clear()
    with pytest.raises(RangeError, match=r"'mkl' is not installed \(pip install mkl\)"):
        ad.set_options(blas="mkl")
    assert ad.get_options()["blas"] == "auto"
