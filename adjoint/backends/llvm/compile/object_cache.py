"""The cache of object code on disk: safe with many processes, damage, and a full disk.

An entry is a file whose name is the key, with a digest before its contents. It appears whole, by
renaming a finished file, so no reader sees a part of it and no lock is needed; two writers of one
key write the same. The digest covers the key as well: a damaged, shortened or exchanged file is
noticed before it would run.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

MAX_BYTES = 256 * 2**20
"""Bytes the cache may take: some sixty thousand entries of 4 KB. The entries not used for longest
go first."""

SCANS = 64
"""About how often all entries are looked over while `MAX_BYTES` are written: the cache exceeds them
by a 64th on average. Looking over 20,000 entries takes 150 ms, more than compiling does."""


def folder() -> Path:
    """Where the cache lies: ``ADJOINT_CACHE_DIR``, or ``~/.cache/adjoint``."""
    return Path(_folder())


def _folder() -> str:
    """The same as text: to make a `Path` takes as long as to read a file."""
    chosen = os.environ.get("ADJOINT_CACHE_DIR")
    if chosen:
        return chosen
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return os.path.join(os.path.expanduser(base), "adjoint")


def digest_of(key: str, body: bytes) -> bytes:
    """What tells a complete entry under its own key from anything else."""
    return hashlib.sha256(key.encode() + body).digest()


def read(key: str) -> bytes | None:
    """The entry `key`; None if there is none or it is damaged, and a damaged one is removed."""
    path = os.path.join(_folder(), key)
    try:
        with open(path, "rb", buffering=0) as file:
            data = file.readall()
    except OSError:
        return None
    digest, body = data[:32], data[32:]
    if digest_of(key, body) != digest:
        with contextlib.suppress(OSError):
            os.unlink(path)
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # used now: many file systems note no times of reading
    return body


def write(key: str, body: bytes) -> None:
    """Keep `body` as the entry `key`, or do nothing if the disk is full or read-only.

    The program has its code in any case; the next process compiles once more.
    """
    directory = folder()
    temporary = None
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=directory, prefix=".new-")
        digest = digest_of(key, body)
        with os.fdopen(handle, "wb") as file:
            file.write(digest + body)
        os.replace(temporary, directory / key)
        if _is_scan_due(digest, len(body)):
            _evict(directory)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _is_scan_due(digest: bytes, size: int) -> bool:
    """Whether to look over all entries now: with a probability in proportion to what was written,
    for which the digest stands as a random number. So processes need not count together.
    """
    return int.from_bytes(digest[:8]) * MAX_BYTES < (SCANS * size) << 64


def _evict(directory: Path) -> None:
    """Remove the entries not used for longest until the others fit."""
    entries = []
    for path in directory.iterdir():
        with contextlib.suppress(OSError):
            state = path.stat()
            entries.append((state.st_mtime, state.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= MAX_BYTES:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            total -= size
