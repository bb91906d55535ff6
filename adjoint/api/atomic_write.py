"""Writing files so that nobody ever finds half of one."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from adjoint.errors import SaveError


def atomic_write(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write `content` (text as UTF-8) to `path`, all of it or nothing; returns the path.

    The bytes go to a temporary file in the same directory, which then takes the place of what
    stood there. Raises `SaveError` if the directory is missing, the disk is full, …; what stood at
    `path` is then untouched and the temporary file is gone.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = atomic_write(pathlib.Path(folder, "a.txt"), "all of it")
    ...     path.read_text()
    'all of it'
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    target = Path(path)
    try:
        _write(Path(os.path.realpath(target)), data)  # a link keeps pointing where it points
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SaveError(f"cannot save {target}: {reason}; {_cure(target)}") from error
    return target


def _write(target: Path, data: bytes) -> None:
    mode = stat.S_IMODE(target.stat().st_mode) if target.is_file() else None
    if mode is None and target.exists():
        with open(target, "wb") as stream:  # a device or a pipe is not replaced; a folder raises
            stream.write(data)
        return
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _cure(target: Path) -> str:
    if target.is_dir():
        return "it is a directory: give the name of a file"
    if not target.parent.is_dir():
        return f"make the directory {target.parent} first, or give another path"
    return "nothing was written; free some space or check permissions, or give another path"
