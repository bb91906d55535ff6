"""bfloat16, the dtype of ml_dtypes, in which tensors are stored: rounded where ml_dtypes rounds, on
every engine, promoted as NumPy and ml_dtypes do, with derivatives in float32 within."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

import adjoint as ad

ml_dtypes = pytest.importorskip("ml_dtypes")
pytestmark = [pytest.mark.unit, pytest.mark.native]

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
X = np.array([0.5, 1.25, -2.0, 3.0], BFLOAT16)


def bits(x):
    """The bits of numbers in bfloat16."""
    assert x.dtype == BFLOAT16
    return np.asarray(x).view(np.uint16).tolist()


def every_pattern():
    """One number in float32 for each way in which bits can be rounded off, of both signs: all upper
    halves, each with the lower halves at, just below and just above half."""
    upper = np.arange(1 << 16, dtype=np.uint32) << 16
    return np.concatenate([upper | low for low in (0, 1, 0x7FFF, 0x8000, 0x8001)]).view(np.float32)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_number_is_rounded_as_ml_dtypes_rounds_it_on_every_engine():
    """To nearest even, subnormal numbers and infinity too; nan is quiet and keeps its sign."""
    x = every_pattern()
    expected = bits(x.astype(BFLOAT16))
    cast = lambda t: t.astype(BFLOAT16)
    assert bits(cast(ad.asarray(x))) == expected
    assert bits(ad.compile(cast)(x)) == expected
    with ad.options(native="never"):
        assert bits(ad.compile(cast)(x)) == expected


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "int8", "bool", "complex64"])
def test_other_dtypes_are_rounded_as_ml_dtypes_rounds_them(dtype):
    x = np.array([0, 1, 1.00390625, 1.01171875, 257, 259, 2**-133, 3.4e38, -1.5]).astype(dtype)
    expected = bits(x.real.astype(BFLOAT16))
    cast = lambda t: ad.astype(t, BFLOAT16)
    assert bits(cast(x)) == bits(ad.compile(cast)(x)) == expected


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "bool", "complex128"])
def test_and_converted_back_exactly(dtype):
    expected = X.astype(dtype)
    for found in (ad.asarray(X).astype(dtype), ad.compile(lambda x: x.astype(dtype))(X)):
        assert found.dtype == dtype
        assert found.tolist() == expected.tolist()


PROMOTED = {
    "bool": "bfloat16",
    "int8": "bfloat16",
    "uint8": "bfloat16",
    "int16": "float32",
    "uint16": "float32",
    "int32": "float64",
    "int64": "float64",
    "float16": "float32",
    "float32": "float32",
    "float64": "float64",
    "complex64": "complex64",
    "complex128": "complex128",
}


@pytest.mark.parametrize("dtype", PROMOTED)
def test_promotion_is_that_of_ml_dtypes_arithmetic(dtype):
    y = np.ones(4, dtype)
    for found in (
        (X + y).dtype,
        (ad.asarray(X) + y).dtype,
        (y * ad.asarray(X)).dtype,
        ad.compile(lambda x, y: x + y)(X, y).dtype,
        ad.result_type(X, y),
        ad.concat([ad.asarray(X), y]).dtype if dtype not in ("int32", "int64") else PROMOTED[dtype],
    ):
        assert found == PROMOTED[dtype]


def test_a_number_of_pythons_leaves_the_dtype():
    x = ad.asarray(X)
    for found in (x * 2, 1.5 + x, x**2, x**0.5, x / 3, ad.where(x > 0, x, 0.5), ad.maximum(x, 0)):
        assert found.dtype == BFLOAT16
    assert (x * 1j).dtype == np.complex64
    assert ad.grad(lambda a: ad.sum(a * x))(2.0).dtype == np.float64


MADE = {
    "asarray": lambda: ad.asarray([1.0, 2.5], BFLOAT16),
    "by name": lambda: ad.asarray([1.0, 2.5], "bfloat16"),
    "of its own array": lambda: ad.asarray(np.array([1, 2.5], BFLOAT16)),
    "of tensors": lambda: ad.asarray([ad.asarray(X)[0] * 2, 2.5]),
    "astype": lambda: ad.asarray([1.0, 2.5]).astype(BFLOAT16),
    "zeros": lambda: ad.zeros(2, BFLOAT16) + 1 + ad.asarray([0.0, 1.5], BFLOAT16),
    "ones": lambda: ad.ones(2, dtype=BFLOAT16) * ad.asarray([1.0, 2.5], BFLOAT16),
    "full": lambda: ad.full(2, 2.5, BFLOAT16) - ad.asarray([1.5, 0.0], BFLOAT16),
    "zeros_like": lambda: ad.zeros_like(ad.asarray(X[:2])) + ad.asarray([1.0, 2.5], BFLOAT16),
    "linspace": lambda: ad.linspace(1.0, 2.5, 2, dtype=BFLOAT16),
    "eye": lambda: ad.eye(2, dtype=BFLOAT16) @ ad.asarray([1.0, 2.5], BFLOAT16),
    "copy": lambda: ad.copy(ad.asarray([1.0, 2.5], BFLOAT16)),
    "pickle": lambda: pickle.loads(pickle.dumps(ad.asarray([1.0, 2.5], BFLOAT16))),
}


@pytest.mark.parametrize("name", MADE)
def test_tensors_of_bfloat16_are_made(name):
    made = MADE[name]()
    assert bits(made) == bits(np.array([1.0, 2.5], BFLOAT16))


def test_what_a_tensor_says_of_itself():
    x = ad.asarray(X)
    assert repr(x) == "Tensor([ 0.5 ,  1.25, -2.  ,  3.  ], dtype=bfloat16)"
    assert (x.itemsize, x.nbytes, x.tolist(), x[1].item()) == (2, 8, X.tolist(), 1.25)
    assert (f"{x[1]:.1f}", float(x[1]), x.numpy().dtype) == ("1.2", 1.25, BFLOAT16)
    limits, theirs = ad.finfo(x), ml_dtypes.finfo(BFLOAT16)
    for name in ("eps", "max", "min", "smallest_normal", "smallest_subnormal"):
        assert getattr(limits, name) == float(getattr(theirs, name))
    assert (limits.bits, limits.dtype) == (16, BFLOAT16)
    assert ad.isdtype(BFLOAT16, ("integral", "real floating"))
    assert not ad.isdtype(BFLOAT16, ("bool", ad.float32))
    assert ad.isdtype(BFLOAT16, BFLOAT16)
    assert ad.can_cast(BFLOAT16, "float32")
    assert not ad.can_cast("float32", BFLOAT16)


def test_writing_keeps_the_dtype():
    x = ad.asarray(X)
    view, flat = x[1:], x.reshape(2, 2)
    x[0] = 1.00390625  # a tie: to even
    view[0] = np.float32(1.01171875)
    x[[2]] = np.array([np.pi])
    x += np.ones(4, np.float32)
    assert bits(x) == bits((np.array([1.0, 1.015625, np.pi, 3.0], BFLOAT16) + 1).astype(BFLOAT16))
    assert bits(view) == bits(x)[1:]
    assert bits(flat[1]) == bits(x)[2:]
    assert ad.index_add(x, [0, 0], [1.0, np.float32(2)]).dtype == BFLOAT16
    y = ad.zeros(2, dtype="float32")
    y[:] = x[:2]
    assert y.dtype == np.float32


def test_what_does_not_fit_is_refused():
    x = ad.asarray(X)
    with pytest.raises(TypeError, match=r"complex64 cannot be written .* bfloat16"):
        x *= 1j
    with pytest.raises(TypeError, match="complex"):
        x[0] = 1j
    with pytest.raises(ad.errors.TooLargeError, match="does not fit"):
        ad.full(2, 10**400, BFLOAT16)
    assert bits(ad.asarray(2**100, BFLOAT16)) == bits(np.array(2.0**100, BFLOAT16))
    assert not ad.can_cast("float16", BFLOAT16)
    assert ad.can_cast("float64", BFLOAT16, "same_kind")
    assert not ad.can_cast("complex64", BFLOAT16, "same_kind")
    assert ad.can_cast(BFLOAT16, "complex64")
    assert not ad.can_cast(BFLOAT16, "int64", "same_kind")


def test_numpys_functions_that_write_keep_the_dtype():
    x = ad.asarray(X.reshape(2, 2))
    np.copyto(x, np.full(2, np.pi, np.float32))
    np.fill_diagonal(x, np.float32(1.01171875))
    np.putmask(x, x > 2, np.array([0.1]))
    np.put(x, [2], [7.0])
    assert bits(x) == bits(np.array([[1.015625, 0.1], [7.0, 1.015625]], BFLOAT16))


def test_what_depends_on_the_numbers_that_there_are():
    assert float(ad.nan_to_num(ad.asarray([np.inf], BFLOAT16))[0]) == ml_dtypes.finfo(BFLOAT16).max
    assert ad.nan_to_num(ad.asarray([np.nan, -np.inf], BFLOAT16), 0, 1, 2, 3).tolist() == [1, 3]
    with pytest.raises(TypeError, match=r"nextafter: .*numpy.nextafter of x.numpy\(\)"):
        ad.nextafter(ad.asarray(X), 1.0)
    with pytest.raises(TypeError, match=r"spacing: .*numpy.spacing of x.numpy\(\)"):
        ad.spacing(X)


def test_a_sum_is_rounded_once():
    """Where steps in bfloat16 would stand still at 256."""
    x = np.ones(1000, BFLOAT16)
    assert float(ad.sum(x)) == float(ad.compile(ad.sum)(x)) == 1000
    assert ad.sum(ad.asarray(x), dtype="float64").dtype == np.float64
    assert ad.sum(ad.asarray(X, "float32"), dtype=BFLOAT16).dtype == BFLOAT16
    assert ad.mean(ad.asarray(x)).dtype == ad.sum(x, initial=0.5).dtype == BFLOAT16


def test_what_is_computed_in_bfloat16_only_says_what_to_do():
    with pytest.raises(TypeError, match=r"bfloat16 is for storing.*'float32'.*astype"):
        ad.random.normal(ad.random.key(0), (3,), dtype=BFLOAT16)
    with pytest.raises(TypeError, match=r"float8.*convert it, x.astype\('float32'\)"):
        ad.asarray(X.astype(ml_dtypes.float8_e4m3fn))
    with pytest.raises(TypeError, match=r"float8_e4m3fn is not supported"):
        ad.zeros(3, ml_dtypes.float8_e4m3fn)


def test_without_ml_dtypes_its_name_says_where_it_comes_from():
    program = (
        "import sys\nsys.modules['ml_dtypes'] = None\nimport adjoint as ad\n"
        "assert ad.sum(ad.ones(2)) == 2\n"
        "try:\n    ad.zeros(3, 'bfloat16')\n"
        "except TypeError as error:\n    print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "import ml_dtypes" in found.stdout, found.stderr


def test_what_leaves_the_graph_is_an_error_as_in_other_dtypes():
    ways = [
        lambda x: float(x[0]),
        lambda x: x[0].item(),
        lambda x: x.numpy()[0],
        lambda x: x.tolist()[0],
        lambda x: float(f"{x[0]:.4f}"),
        lambda x: {x[0]: 3.0}.get(x[0], 1.0),
    ]
    x = ad.asarray([2.0, 3.0], BFLOAT16)
    for transform in (ad.grad, ad.jacfwd):
        for way in ways:
            with pytest.raises(ad.errors.LostDerivativeError):
                transform(lambda x, way=way: ad.sum(x * way(x)))(x)
    shown = ad.grad(lambda x: (f"{x[0]:.2f} {x}", ad.sum(x * float(ad.stop_gradient(x[0]))))[1])
    assert shown(x).tolist() == [2.0, 2.0]
