"""Writing files: all of a file or nothing, whatever goes wrong."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys

import pytest

import adjoint as ad
from adjoint.api.atomic_write import atomic_write
from adjoint.errors import SaveError

pytestmark = pytest.mark.unit


def test_atomic_write_replaces_and_keeps_permissions(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    assert atomic_write(path, "né") == path
    assert path.read_bytes() == "né".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    atomic_write(str(path), b"\0\1")
    assert path.read_bytes() == b"\0\1"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_atomic_write_follows_links(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    atomic_write(link, "new")
    assert link.is_symlink() and real.read_text() == "new"


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(SaveError, match=r"no such file.*make the directory .*missing first"):
        atomic_write(tmp_path / "missing" / "a.txt", "text")
    with pytest.raises(SaveError, match="it is a directory"):
        atomic_write(tmp_path, "text")


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, broken):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, broken, full)
    with pytest.raises(SaveError, match=r"cannot save .*a.txt: no space left on device; nothing"):
        atomic_write(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_device_that_is_full():
    with pytest.raises(SaveError, match="no space left on device"):
        ad.explain(lambda x: x * x, 2.0).svg("/dev/full")


def test_a_real_limit_on_the_size_of_files(tmp_path):
    resource = pytest.importorskip("resource")
    code = (
        "import resource, signal\n"
        "from adjoint.api.atomic_write import atomic_write\n"
        "from adjoint.errors import SaveError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: atomic_write('a.bin', b'x' * 100_000)\n"
        "except SaveError as error: print(error)\n"
    )
    assert resource
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "cannot save a.bin: file too large" in done.stdout
    assert not os.listdir(tmp_path)


def test_an_interruption_leaves_nothing_behind(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "a.txt", "new")
    assert not os.listdir(tmp_path)
