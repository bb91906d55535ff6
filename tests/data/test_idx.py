"""MNIST-format files: what is read, and what is said about those that cannot be."""

from __future__ import annotations

import gzip
import re
import struct

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import DataError

pytestmark = pytest.mark.unit

CODES = {
    "uint8": 0x08,
    "int8": 0x09,
    "int16": 0x0B,
    "int32": 0x0C,
    "float32": 0x0D,
    "float64": 0x0E,
}


def idx(array):
    """The bytes of an IDX file that holds `array`."""
    head = bytes([0, 0, CODES[array.dtype.name], array.ndim])
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return head + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def images(count, size=4):
    return np.arange(count * size * size, dtype=np.uint8).reshape(count, size, size)


def labels(count):
    return (np.arange(count) % 3).astype(np.uint8)


def write_set(folder, prefix, count, *, packed=False):
    """One set of MNIST-format files."""
    for name, array in (
        (f"{prefix}-images-idx3-ubyte", images(count)),
        (f"{prefix}-labels-idx1-ubyte", labels(count)),
    ):
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            (folder / name).write_bytes(idx(array))


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("packed", [False, True])
def test_an_array_comes_back_as_it_was(tmp_path, dtype, packed):
    array = np.array([[1, 2, 3], [4, 5, 100]], dtype)
    path = tmp_path / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    found = ad.data.read_idx(path)
    assert found.dtype == dtype and found.dtype.isnative
    np.testing.assert_array_equal(found, array)


def test_gzip_is_recognised_by_content(tmp_path):
    (tmp_path / "labels").write_bytes(gzip.compress(idx(labels(7))))
    assert len(ad.data.read_idx(str(tmp_path / "labels"))) == 7


GOOD = idx(images(3))
BAD_FILES = {
    "empty": ("a", b"", r"a: starts with bytes \(none: the file is empty\); expected the magic"),
    "wrong magic": (
        "a",
        b"\x89PNG\r\n",
        r"starts with bytes 89 50 4e 47; expected the magic.*check",
    ),
    "unknown dtype": (
        "a",
        b"\0\0\x07\x01" + bytes(8),
        r"starts with bytes 00 00 07 01.*dtype code",
    ),
    "no axes": ("a", b"\0\0\x08\0\x01", r"starts with bytes 00 00 08 00; .*the number of axes"),
    "header cut": ("a", GOOD[:10], r"ends within its header, after 10 bytes; .* 3 axes, 12 bytes"),
    "truncated": ("a", GOOD[:-1], r"is truncated: 47 bytes follow.*expected 48 bytes for shape "),
    "too long": ("a", GOOD + b"\0", r"is too long: more follow.*expected 48 bytes"),
    "absurd sizes": (
        "a",
        b"\0\0\x08\x03" + b"\xff" * 12 + b"\0" * 9,
        r"is truncated: 9 bytes .*expected \d+ bytes for shape \(4294967295, 4294967295",
    ),
    "not gzip": ("a.gz", GOOD, r"a\.gz: starts with bytes 00 00; expected 1f 8b.*without \.gz"),
    "cut gzip": ("a.gz", gzip.compress(GOOD)[:-12], r"a\.gz: damaged gzip file.*download it again"),
    "bad checksum": (
        "a.gz",
        gzip.compress(GOOD)[:-8] + b"\0" * 8,
        r"a\.gz: damaged gzip file \(CRC check failed.*download it again",
    ),
    "garbled gzip": ("a.gz", b"\x1f\x8b\x08\0" + b"\xff" * 20, r"a\.gz: damaged gzip file"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named_with_what_was_found_and_expected(tmp_path, case):
    name, content, message = BAD_FILES[case]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        ad.data.read_idx(path)
    assert str(caught.value).startswith(str(path))


def test_a_missing_file_and_a_directory_are_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: there is no such file"):
        ad.data.read_idx(tmp_path / "nowhere")
    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path))}: cannot be read"):
        ad.data.read_idx(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_one_set_is_divided_and_always_in_the_same_way(tmp_path, packed):
    write_set(tmp_path, "t10k", 50, packed=packed)
    first, again = ad.data.load_idx(tmp_path), ad.data.load_idx(str(tmp_path))
    assert (len(first.train), len(first.test)) == (40, 10)
    assert first.train.x.dtype == np.float32 and first.train.y.dtype == np.int64
    assert 0 <= first.train.x.min() and first.train.x.max() <= 1
    np.testing.assert_array_equal(first.test.x, again.test.x)
    every = np.concatenate([first.train.x, first.test.x])
    assert len(np.unique(every, axis=0)) == len(np.unique(images(50).reshape(50, -1), axis=0))


def test_of_ten_thousand_images_two_thousand_are_held_out(tmp_path):
    write_set(tmp_path, "t10k", 10_000)
    train, test = ad.data.load_idx(tmp_path)
    assert (len(train), len(test)) == (8_000, 2_000)


def test_two_sets_are_used_as_they_are(tmp_path):
    write_set(tmp_path, "train", 20)
    write_set(tmp_path, "t10k", 6, packed=True)
    train, test = ad.data.load_idx(tmp_path)
    np.testing.assert_array_equal(train.y, labels(20))
    np.testing.assert_array_equal(test.y, labels(6))


def test_a_directory_without_the_files_says_under_which_names_they_are_expected(tmp_path):
    with pytest.raises(DataError) as caught:
        ad.data.load_idx(tmp_path)
    for name in (
        "t10k-images-idx3-ubyte[.gz]",
        "t10k-labels-idx1-ubyte[.gz]",
        "train-images-idx3-ubyte[.gz]",
        "train-labels-idx1-ubyte[.gz]",
    ):
        assert name in str(caught.value)
    with pytest.raises(DataError, match="does not exist; expected a directory with t10k-images"):
        ad.data.load_idx(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="file: is not a directory"):
        ad.data.load_idx(tmp_path / "file")


def bad_directory(folder, case):
    """Spoil a directory of good files."""
    write_set(folder, "t10k", 10)
    x, y = folder / "t10k-images-idx3-ubyte", folder / "t10k-labels-idx1-ubyte"
    if case == "no labels":
        y.unlink()
    elif case == "counts":
        y.write_bytes(idx(labels(9)))
    elif case == "exchanged":
        x.write_bytes(idx(labels(10)))
    elif case == "floats":
        y.write_bytes(idx(labels(10).astype("float32")))
    elif case == "two few":
        x.write_bytes(idx(images(2)))
        y.write_bytes(idx(labels(2)))
    elif case == "sizes":
        write_set(folder, "train", 10)
        (folder / "train-images-idx3-ubyte").write_bytes(idx(images(10, size=5)))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            "no labels",
            r"found t10k-images-idx3-ubyte but no labels .* t10k-labels-idx1-ubyte\[.gz\]",
        ),
        ("counts", r"labels-idx1-ubyte: holds 9 labels, but t10k-images-idx3-ubyte .* 10 images"),
        (
            "exchanged",
            r"images-idx3-ubyte: holds uint8 of shape \(10,\); expected uint8 with 3 axes",
        ),
        ("floats", r"labels-idx1-ubyte: holds float32 .*expected uint8 with 1 axis for labels"),
        ("two few", r"images-idx3-ubyte: holds shape \(2, 4, 4\); expected at least 5 images"),
        ("sizes", r"the images have 25 pixels in the train files and 16 in the t10k files"),
    ],
)
def test_files_that_do_not_fit_together_are_named(tmp_path, case, message):
    bad_directory(tmp_path, case)
    with pytest.raises(DataError, match=message):
        ad.data.load_idx(tmp_path)
