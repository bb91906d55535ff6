"""The cache of object code on disk: found again, rebuilt when damaged, never in the way."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.compile import jit, object_cache
from adjoint.backends.llvm.program.program import STEPWISE_CALLS

pytestmark = [pytest.mark.native, pytest.mark.usefixtures("cache_folder")]

ROOT = Path(__file__).resolve().parents[3]


def run(*names: str, **environment: str) -> dict[str, Any]:
    """The programs of these names in a process of its own."""
    command = [sys.executable, "-m", "tests.native.caches.cached_programs", *names]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process finds of "step" that has a cache of its own."""
    return run("step", ADJOINT_CACHE_DIR=str(tmp_path_factory.mktemp("alone")))


def test_a_second_process_compiles_nothing(cache_folder: Path, alone: dict[str, Any]) -> None:
    first = run("step", "small", "scalar")
    assert first["compilations"] >= 3
    assert first["results"][: len(alone["results"])] == alone["results"]
    assert entries(cache_folder)
    second = run("step", "small", "scalar")
    assert second["results"] == first["results"]
    assert second["compilations"] == 0
    # of finding another BLAS, which takes a quarter of a first call in a new process
    assert not {"email", "subprocess", "ctypes.util"} & {*second["modules"]}


def test_another_structure_is_another_entry() -> None:
    """And its results are those of a process that never saw the first."""
    others = ["other dtype", "other constant", "scalar", "many"]
    alone = run(*others, ADJOINT_CACHE_DIR=os.environ["ADJOINT_CACHE_DIR"] + "2")
    run("small")
    after = run(*others)
    assert after["results"] == alone["results"]
    assert list(after["each"]) == others and all(after["each"].values())


def test_code_serves_other_shapes_and_numbers() -> None:
    """Elementwise code of many elements; of few it is written in another way. And sin(x) 3.7 is the
    code of sin(x) c, read from memory; the results are still those of 3.7."""
    run("small")
    found = run("other shape", "held constant")
    assert found["each"]["other shape"] == 0
    x = np.linspace(-2, 2, 40).reshape(8, 5)
    result = found["results"][-1]
    values = np.frombuffer(bytes.fromhex(result)).reshape(8, 5)
    np.testing.assert_allclose(values, np.sin(x) * 3.7, rtol=1e-15)


def damaged(data: bytes) -> dict[str, bytes]:
    half = len(data) // 2
    flipped = bytes([data[half] ^ 1])
    return {
        "empty": b"",
        "truncated": data[:half],
        "without its last byte": data[:-1],
        "longer": data + b"\0",
        "one bit flipped": data[:half] + flipped + data[half + 1 :],
        "other digest": bytes(32) + data[32:],
        "text": b"not object code",
        "digest alone": data[:32],
    }


@pytest.mark.parametrize("way", damaged(bytes(100)))
def test_a_damaged_entry_is_rebuilt(cache_folder: Path, compilations: list[str], way: str) -> None:
    body = bytes(range(256)) * 4
    object_cache.write("key", body)
    assert object_cache.read("key") == body
    path = cache_folder / "key"
    path.write_bytes(damaged(path.read_bytes())[way])
    assert object_cache.read("key") is None
    assert not path.exists()
    object_cache.write("key", body)
    assert object_cache.read("key") == body


def test_a_process_that_finds_only_damage_compiles_again(
    cache_folder: Path, alone: dict[str, Any]
) -> None:
    first = run("step")
    assert first == alone
    for path in entries(cache_folder):
        path.write_bytes(path.read_bytes()[:-7])
    assert run("step") == first
    assert run("step")["compilations"] == 0


def test_an_entry_under_the_name_of_another_is_none(cache_folder: Path) -> None:
    object_cache.write("key", b"body")
    (cache_folder / "key").rename(cache_folder / "other")
    assert object_cache.read("other") is None


def test_an_entry_that_is_a_folder_is_no_entry(cache_folder: Path) -> None:
    (cache_folder / "key").mkdir(parents=True)
    assert object_cache.read("key") is None
    object_cache.write("key", b"body")
    assert object_cache.read("key") is None


def test_a_folder_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file stands where it should be: everything works, nothing is kept."""
    (tmp_path / "file").write_text("in the way")
    impossible = str(tmp_path / "file" / "cache")
    first = run("small", ADJOINT_CACHE_DIR=impossible)
    assert run("small", ADJOINT_CACHE_DIR=impossible) == first
    assert first["compilations"] > 0


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder(cache_folder: Path) -> None:
    cache_folder.mkdir()
    cache_folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        first = run("small")
        assert run("small") == first and first["compilations"] > 0
        assert not entries(cache_folder)
    finally:
        cache_folder.chmod(stat.S_IRWXU)


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize("at", ["mkdir", "mkstemp", "write", "replace", "iterdir"])
def test_a_disk_that_is_full_or_read_only(
    monkeypatch: pytest.MonkeyPatch, cache_folder: Path, code: int, at: str
) -> None:
    """Wherever it is noticed, nothing is raised and nothing half-written is left."""

    def fail(*args: Any, **kwargs: Any) -> Any:
        raise OSError(code, os.strerror(code))

    class Full:
        """A file to which nothing can be written."""

        def __init__(self, handle: int, mode: str) -> None:
            os.close(handle)

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *error: object) -> None: ...

        write = fail

    targets: dict[str, tuple[Any, str, Any]] = {
        "mkdir": (Path, "mkdir", fail),
        "mkstemp": (object_cache.tempfile, "mkstemp", fail),
        "write": (object_cache.os, "fdopen", Full),
        "replace": (object_cache.os, "replace", fail),
        "iterdir": (Path, "iterdir", fail),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*targets[at])
        object_cache.write("key", b"body")
        f = ad.compile(lambda x: ad.sin(x) * 2 + len(at))
        assert float(f(0.0)) == len(at)
    left = [path.name for path in cache_folder.rglob("*") if path.name.startswith(".new-")]
    assert not left
    assert object_cache.read("key") in (None, b"body")


def test_many_processes_at_once(cache_folder: Path, alone: dict[str, Any]) -> None:
    """All of them get the results of one alone, whoever writes first."""
    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda _: run("step"), range(3)))
    assert all(f["results"] == alone["results"] for f in found)
    assert not [path for path in entries(cache_folder) if path.name.startswith(".new-")]
    assert run("step")["compilations"] == 0


def test_the_oldest_entries_go_first(monkeypatch: pytest.MonkeyPatch, cache_folder: Path) -> None:
    monkeypatch.setattr(object_cache, "MAX_BYTES", 10_000)
    for number in range(30):
        object_cache.write(f"key{number}", bytes(1000))
        os.utime(cache_folder / f"key{number}", (number, number))
        if number >= 5:
            assert object_cache.read("key2") == bytes(1000)  # in use, so kept
            os.utime(cache_folder / "key2", (number + 0.5, number + 0.5))
    size = sum(path.stat().st_size for path in entries(cache_folder))
    assert size <= 10_000
    names = {path.name for path in entries(cache_folder)}
    assert {"key29", "key28", "key2"} <= names
    assert "key3" not in names and "key4" not in names


def test_a_full_folder_is_not_scanned_at_each_write(
    monkeypatch: pytest.MonkeyPatch, cache_folder: Path
) -> None:
    """With thousands of entries that would take longer than to compile one."""
    looks: list[Path] = []
    monkeypatch.setattr(object_cache, "_evict", looks.append)
    monkeypatch.setattr(object_cache, "MAX_BYTES", 1_000_000)
    for number in range(500):
        object_cache.write(f"key{number}", bytes(1000))
    assert 10 <= len(looks) <= 64  # 32 expected


def test_an_entry_larger_than_the_bound_does_not_stay(
    monkeypatch: pytest.MonkeyPatch, cache_folder: Path
) -> None:
    monkeypatch.setattr(object_cache, "MAX_BYTES", 100)
    object_cache.write("key", bytes(1000))
    assert sum(path.stat().st_size for path in entries(cache_folder)) <= 100


def test_what_a_killed_process_left_is_evicted_too(
    monkeypatch: pytest.MonkeyPatch, cache_folder: Path
) -> None:
    monkeypatch.setattr(object_cache, "MAX_BYTES", 5_000)
    cache_folder.mkdir()
    stale = cache_folder / ".new-killed"
    stale.write_bytes(bytes(4_000))
    os.utime(stale, (1, 1))
    object_cache.write("key", bytes(2_000))
    assert not stale.exists() and object_cache.read("key") == bytes(2_000)


def test_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ADJOINT_CACHE_DIR, or adjoint in the user's cache."""
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(tmp_path / "chosen"))
    assert object_cache.folder() == tmp_path / "chosen"
    monkeypatch.delenv("ADJOINT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert object_cache.folder() == tmp_path / "adjoint"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert object_cache.folder() == tmp_path / "home" / ".cache" / "adjoint"


def test_without_a_home(tmp_path: Path) -> None:
    """A process of a user without home directory works, without keeping anything."""
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "ADJOINT_CACHE_DIR")}
    environment["HOME"] = "/nonexistent/home"
    command = [sys.executable, "-m", "tests.native.caches.cached_programs", "small"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_keys_depend_on_processor_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    key = jit.cache_key("text")
    assert key == jit.cache_key("text")
    assert key != jit.cache_key("text ") and key != jit.cache_key("te", "xt")
    triple, cpu, features = jit.host()
    with monkeypatch.context() as patch:
        patch.setattr(jit, "host", lambda: (triple, cpu, features + ",+other"))
        assert jit.cache_key("text") != key
    with monkeypatch.context() as patch:
        patch.setattr(jit.llvmlite, "__version__", "0.0")
        assert jit.cache_key("text") != key
    with monkeypatch.context() as patch:
        patch.setattr(jit, "own_version", lambda: "other")
        assert jit.cache_key("text") != key


def test_the_fingerprint_covers_every_module_that_decides_what_is_compiled() -> None:
    """A module that moved to another folder must not leave stale code behind."""
    found = jit.own_version()
    for name in (*sys.modules, "adjoint.ops.linalg.lu"):
        package, *path = name.split(".")
        if package == "adjoint" and len(path) > 1 and path[0] in jit.FLOORS:
            file = Path(*path)
            assert f"'{file}.py'" in found or f"'{file}/__init__.py'" in found, name
    package = Path(ad.__file__).parent
    files = [file for floor in jit.FLOORS for file in (package / floor).rglob("*.py")]
    texts = [file.read_text(encoding="utf-8") for file in files]
    used = {name for text in texts for name in re.findall(r"^ *from adjoint\.(\w+)", text, re.M)}
    assert len(files) > 200 and used - {"errors"} == {*jit.FLOORS}


def test_the_report_says_where_the_code_came_from(compilations: list[str]) -> None:
    def program() -> Any:
        return ad.compile(lambda x: ad.exp(ad.sin(x) * 1.25) / 7.5)

    first = program()
    first(np.ones(3))
    assert "from the cache" not in str(first.report())
    assert compilations
    for _ in range(STEPWISE_CALLS):
        first(np.ones(3))
    assert object_cache.read(first.trace(np.ones(3)).program.key) is not None
