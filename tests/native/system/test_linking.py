"""Object code in this process: addresses, what it refers to, and that it is freed."""

from __future__ import annotations

import ctypes
import gc

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.compile import jit, linking

pytestmark = pytest.mark.native

NEXT = """
@adjoint_step = global i64 1
define i64 @next(i64 %n) {
  %step = load i64, ptr @adjoint_step
  %m = add i64 %n, %step
  ret i64 %m
}
"""
TWICE = """
declare i64 @next(i64)
define i64 @twice(i64 %n) {
  %a = call i64 @next(i64 %n)
  %b = call i64 @next(i64 %a)
  ret i64 %b
}
"""
KIND = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)

linkers = pytest.mark.parametrize("has_orc", [True, False], ids=["ORC", "MCJIT"])


@pytest.fixture
def linker(has_orc: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if has_orc and not jit.HAS_ORC:
        pytest.skip("this system is served by MCJIT")
    monkeypatch.setattr(jit, "HAS_ORC", has_orc)


@linkers
@pytest.mark.usefixtures("linker")
def test_addresses_and_references() -> None:
    first = jit.load_object(jit.compile_object({"driver": NEXT}), {}, ["next"])
    assert KIND(first.address("next"))(41) == 42
    step = ctypes.c_int64.from_address(first.address("adjoint_step"))
    step.value = 10
    assert first.address("adjoint_nothing") == 0
    code = jit.compile_object({"driver": TWICE})
    second = jit.load_object(code, {"next": first.address("next")})
    assert KIND(second.address("twice"))(1) == 21
    parts = [*jit.unpacked(code), *jit.unpacked(jit.compile_object({"driver": NEXT}))]
    both = jit.load_object(jit.packed(parts), {})
    assert KIND(both.address("twice"))(1) == 3


@linkers
@pytest.mark.usefixtures("linker")
def test_programs_give_the_same(has_orc: bool) -> None:
    x = np.linspace(0.1, 2.0, 40 + has_orc).reshape(1, -1) * np.ones((33, 1))
    f = ad.compile(lambda x: (ad.sum(ad.log(x) @ x.T), ad.exp(-x)))
    for _ in range(5):
        total, values = f(x)
        np.testing.assert_allclose(np.asarray(total), (np.log(x) @ x.T).sum(), rtol=1e-13)
        np.testing.assert_allclose(np.asarray(values), np.exp(-x), rtol=1e-15)


@pytest.mark.skipif(not jit.HAS_ORC, reason="this system is served by MCJIT")
def test_what_code_refers_to_must_be_there(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="twice"):
        jit.load_object(jit.compile_object({"driver": TWICE}), {}, ["twice"])
    assert "next" in capfd.readouterr().err


@pytest.mark.skipif(not jit.HAS_ORC, reason="this system is served by MCJIT")
def test_an_engine_goes_with_its_last_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "_engines", [])
    code = jit.compile_object({"driver": NEXT})
    kept = jit.load_object(code, {}, ["next"])
    (engine,) = linking._engines
    while engine.left:
        jit.load_object(code, {}, ["next"]).address("adjoint_step")
    assert linking._engines == [engine] and len(engine.in_use) == 1
    another = jit.load_object(code, {}, ["next"])
    assert linking._engines[0] is engine and len(linking._engines) == 2
    assert KIND(kept.address("next"))(1) == KIND(another.address("next"))(1) == 2
    del kept
    assert engine not in linking._engines and engine.engine.closed
    assert KIND(another.address("next"))(1) == 2


@pytest.mark.skipif(not jit.HAS_ORC, reason="this system is served by MCJIT")
def test_libraries_in_cycles_of_garbage_are_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "_engines", [])
    code = jit.compile_object({"driver": NEXT})
    for _ in range(3 * linking.MOST_LIBRARIES):
        loaded = jit.load_object(code, {}, ["next"])
        loaded.itself = loaded  # type: ignore[attr-defined]
        assert KIND(loaded.address("next"))(1) == 2
    del loaded
    gc.collect()
    assert [len(engine.in_use) for engine in linking._engines] in ([], [0])


@pytest.mark.skipif(not jit.HAS_ORC, reason="this system is served by MCJIT")
@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_library_may_outlive_the_names_of_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the interpreter ends it sets them to None."""
    library = jit.load_object(jit.compile_object({"driver": NEXT}), {}, ["next"])
    monkeypatch.setattr(linking, "sys", None)
    del library
    gc.collect()
