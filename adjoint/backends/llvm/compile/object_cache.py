"""The cache of object code on disk: safe with many processes, damage, and a full disk."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

LIMIT = 256 * 2**20
"""Bytes the cache may take; the entries not used for longest go first."""

LOOKS = 64
"""About how often it is looked over while so much is written; in between it may be larger."""


def folder() -> Path:
    """Where the cache lies: ``ADJOINT_CACHE_DIR``, or ``~/.cache/adjoint``."""
    chosen = os.environ.get("ADJOINT_CACHE_DIR")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "adjoint"


def digest_of(key: str, body: bytes) -> bytes:
    """What tells a whole entry under its own name from others."""
    return hashlib.sha256(key.encode() + body).digest()


def read(key: str) -> bytes | None:
    """The entry `key`; None if there is none or it is damaged, and a damaged one is removed."""
    path = folder() / key
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, body = data[:32], data[32:]
    if digest_of(key, body) != digest:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return body


def write(key: str, body: bytes) -> None:
    """Keep `body` as the entry `key`; without a word if the disk is full or read-only."""
    place = folder()
    temporary = None
    try:
        place.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place, prefix=".new-")
        digest = digest_of(key, body)
        with os.fdopen(handle, "wb") as file:
            file.write(digest + body)
        os.replace(temporary, place / key)
        if _is_due(digest, len(body)):
            _bound(place)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _is_due(digest: bytes, size: int) -> bool:
    """Whether to look over all entries now, as by chance: the more often, the larger new ones are.

    In a full folder that takes longer than compiling does.
    """
    return int.from_bytes(digest[:8]) * LIMIT < (LOOKS * size) << 64


def _bound(place: Path) -> None:
    """Remove the entries not used for longest while all are too large together."""
    entries = []
    for path in place.iterdir():
        with contextlib.suppress(OSError):
            state = path.stat()
            entries.append((state.st_mtime, state.st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= LIMIT:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            total -= size
