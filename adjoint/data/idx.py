"""IDX files, the format in which MNIST and its relatives are handed around, plain or gzipped.

A file is four bytes of magic (0, 0, a code for the dtype, the number of axes), one big-endian
32-bit size per axis, and the elements, big-endian, the last axis fastest.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from adjoint.data.dataset import Dataset, Split, held_out
from adjoint.errors import DataError

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_HELD_OUT = 2_000
"""How many images are for testing where a directory holds only one set."""

_TRAIN, _TEST = "train", "t10k"
_KINDS = {"images": "images-idx3-ubyte", "labels": "labels-idx1-ubyte"}


def read_idx(path: str | Path) -> np.ndarray[Any, Any]:
    """The array in an IDX file, plain or gzipped (told by its first bytes), in native byte order.

    Raises `DataError` naming the file if it is missing, damaged, too short or too long.

    >>> import adjoint as ad, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "labels-idx1-ubyte"
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     ad.data.read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    file = Path(path)
    try:
        with file.open("rb") as raw:
            first = raw.read(2)
            raw.seek(0)
            if first == _GZIP:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    return _read(file, unpacked)  # type: ignore[arg-type]
            if file.suffix == ".gz":
                _fail(
                    file,
                    f"starts with bytes {_shown(first)}",
                    "1f 8b, as every gzip file does",
                    "download it again, or rename it without .gz if it is not compressed",
                )
            return _read(file, raw)
    except FileNotFoundError:
        raise DataError(f"{file}: there is no such file; check the path") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{file}: damaged gzip file ({error}); expected a complete one, download it again"
        ) from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror or error})") from None


def _read(file: Path, stream: IO[bytes]) -> np.ndarray[Any, Any]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not magic[3]:
        codes = ", ".join(f"{code:02x}" for code in _DTYPES)
        _fail(
            file,
            f"starts with bytes {_shown(magic)}",
            f"the magic of an IDX file: 00 00, a dtype code ({codes}), the number of axes",
            "check that this is the file you meant, or download it again",
        )
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        _fail(
            file,
            f"ends within its header, after {4 + len(sizes)} bytes",
            f"the sizes of {magic[3]} axes, {4 * magic[3]} bytes",
            "download it again",
        )
    shape = struct.unpack(f">{magic[3]}I", sizes)
    dtype = np.dtype(">" + _DTYPES[magic[2]])
    wanted = math.prod(shape) * dtype.itemsize
    content = _at_most(stream, wanted + 1)
    if len(content) != wanted:
        found = f"{len(content)} bytes" if len(content) < wanted else "more"
        problem = "is truncated: " if len(content) < wanted else "is too long: "
        _fail(
            file,
            f"{problem}{found} follow the header",
            f"{wanted} bytes for shape {shape} of {dtype.name}",
            "download it again",
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _at_most(stream: IO[bytes], count: int) -> bytes:
    """Up to `count` bytes, without making room for sizes that a damaged header promises."""
    parts = []
    while count > 0 and (part := stream.read(min(count, _CHUNK))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _fail(file: Path, found: str, expected: str, cure: str) -> NoReturn:
    raise DataError(f"{file}: {found}; expected {expected}; {cure}")


def _shown(head: bytes) -> str:
    return head.hex(" ") if head else "(none: the file is empty)"


def load_idx(directory: str | Path) -> Split:
    """The images and labels of a directory of MNIST-format files, for training and for testing.

    The files are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same with
    ``t10k``, each plain or with ``.gz``. With both sets, ``t10k`` is for testing; with one, 2,000
    of its images (a fifth if it has fewer than 10,000) are held out, always the same. Pixels
    become float32 from 0 to 1. Raises `DataError` naming the file, what was found, what was
    expected and what to do.
    """
    folder = Path(directory)
    if not folder.is_dir():
        what = "is not a directory" if folder.exists() else "does not exist"
        raise DataError(f"{folder}: {what}; expected a directory with {_names(_TEST)}")
    sets = {prefix: _find(folder, prefix) for prefix in (_TRAIN, _TEST)}
    present = [prefix for prefix, files in sets.items() if files]
    if not present:
        raise DataError(
            f"{folder}: found none of the MNIST-format files there; expected {_names(_TEST)}, and "
            f"if you have them {_names(_TRAIN)} (each may be gzipped and end in .gz)"
        )
    loaded = {prefix: _load_set(folder, prefix, sets[prefix]) for prefix in present}
    if len(present) == 2:
        train, test = loaded[_TRAIN], loaded[_TEST]
        if train.features != test.features:
            raise DataError(
                f"{folder}: the images have {train.features} pixels in the {_TRAIN} files and "
                f"{test.features} in the {_TEST} files; they must be of one size"
            )
        return Split(train, test)
    whole = loaded[present[0]]
    return held_out(whole, _HELD_OUT if len(whole) >= 5 * _HELD_OUT else len(whole) // 5)


def _names(prefix: str) -> str:
    return " and ".join(f"{prefix}-{ending}[.gz]" for ending in _KINDS.values())


def _find(folder: Path, prefix: str) -> dict[str, Path]:
    """The files of one set that are there; one without the other is an error."""
    found = {}
    for kind, ending in _KINDS.items():
        for name in (f"{prefix}-{ending}", f"{prefix}-{ending}.gz"):
            if (folder / name).exists():
                found[kind] = folder / name
                break
    if len(found) == 1:
        ((kind, there),) = found.items()
        (missing,) = _KINDS.keys() - {kind}
        raise DataError(
            f"{folder}: found {there.name} but no {missing} beside it; expected "
            f"{prefix}-{_KINDS[missing]}[.gz]; put it there"
        )
    return found


def _load_set(folder: Path, prefix: str, files: dict[str, Path]) -> Dataset:
    images, labels = read_idx(files["images"]), read_idx(files["labels"])
    for kind, array, axes in (("images", images, 3), ("labels", labels, 1)):
        if array.ndim != axes or array.dtype != np.uint8:
            _fail(
                files[kind],
                f"holds {array.dtype} of shape {array.shape}",
                f"uint8 with {axes} {'axis' if axes == 1 else 'axes'} for {kind}",
                "check that images and labels are not exchanged",
            )
    if len(images) != len(labels):
        raise DataError(
            f"{files['labels']}: holds {len(labels)} labels, but {files['images'].name} beside it "
            f"holds {len(images)} images; expected one label for each image, so these two do not "
            f"belong together"
        )
    if len(images) < 5 or not images[0].size:
        _fail(
            files["images"],
            f"holds shape {images.shape}",
            "at least 5 images with pixels",
            "check the file",
        )
    x = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    return Dataset(x, labels.astype(np.int64), f"{folder.name or folder}/{prefix}")
