"""What the array API asks for beyond NumPy's names: devices, copies, DLPack, inspection."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import adjoint as ad
from adjoint.errors import ArgumentError, AxisError, LostDerivativeError, RangeError

pytestmark = pytest.mark.unit

X = np.array([1.0, 2.0, 3.0])


def test_the_namespace_says_what_it_can_do():
    assert ad.__array_api_version__ == "2025.12"
    assert ad.asarray(1.0).__array_namespace__() is ad
    info = ad.__array_namespace_info__()
    assert info.devices() == (info.default_device(),) == ("cpu",)
    assert info.default_dtypes(device="cpu")["indexing"] is ad.argsort(X).dtype
    assert set(info.dtypes(kind="complex floating")) == {"complex64", "complex128"}
    assert info.dtypes(kind=("bool", "real floating"))["float32"] is ad.float32
    most = info.capabilities()["max dimensions"]
    assert ad.ones((1,) * most).ndim == most


def test_an_unknown_kind_or_device_is_an_error():
    info = ad.__array_namespace_info__()
    with pytest.raises(RangeError, match="kind='round'"):
        info.dtypes(kind="round")
    with pytest.raises(RangeError, match="'cuda'"):
        info.default_dtypes(device="cuda")


MAKERS: dict[str, Any] = {
    "arange": lambda d: ad.arange(3, device=d),
    "asarray": lambda d: ad.asarray(X, device=d),
    "empty": lambda d: ad.empty(3, device=d),
    "empty_like": lambda d: ad.empty_like(X, device=d),
    "eye": lambda d: ad.eye(3, device=d),
    "full": lambda d: ad.full(3, 1.0, device=d),
    "full_like": lambda d: ad.full_like(X, 1.0, device=d),
    "linspace": lambda d: ad.linspace(0.0, 1.0, 3, device=d),
    "ones": lambda d: ad.ones(3, device=d),
    "ones_like": lambda d: ad.ones_like(X, device=d),
    "zeros": lambda d: ad.zeros(3, device=d),
    "zeros_like": lambda d: ad.zeros_like(X, device=d),
    "from_dlpack": lambda d: ad.from_dlpack(X, device=d),
    "astype": lambda d: ad.astype(ad.asarray(X), "float32", device=d),
    "fftfreq": lambda d: ad.fft.fftfreq(3, device=d),
    "rfftfreq": lambda d: ad.fft.rfftfreq(3, device=d),
    "to_device": lambda d: ad.asarray(X).to_device(d),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_one_device_is_the_processor(name):
    assert MAKERS[name]("cpu").device == "cpu"
    with pytest.raises(RangeError, match=f"^{name}: .*'cuda:0'"):
        MAKERS[name]("cuda:0")


def test_the_processor_has_no_streams():
    with pytest.raises(ArgumentError, match="stream=1"):
        ad.asarray(X).to_device("cpu", stream=1)


# Copies.


def test_a_tensor_that_is_not_copied_sees_what_is_written():
    t = ad.asarray(X)
    same, other = ad.asarray(t, copy=False), ad.asarray(t, copy=True)
    t[0] = 7.0
    assert float(same[0]) == 7.0
    assert float(other[0]) == 1.0


@pytest.mark.parametrize("x", [X, [1.0, 2.0], 1.0], ids=["array", "list", "number"])
def test_what_is_no_tensor_is_always_copied(x):
    with pytest.raises(ValueError, match="copy=False, but a tensor never shares"):
        ad.asarray(x, copy=False)


def test_a_conversion_is_a_copy():
    with pytest.raises(ValueError, match="float64 to float32 makes a copy"):
        ad.asarray(ad.asarray(X), dtype="float32", copy=False)


def test_astype_returns_the_tensor_itself_only_if_told_to():
    t = ad.asarray(X)
    assert ad.astype(t, "float64", copy=False) is t
    assert t.astype("float64", copy=False) is t
    assert ad.astype(t, "float64") is not t
    assert ad.astype(t, "float32", copy=False).dtype == "float32"


@pytest.mark.parametrize("reshape", [ad.reshape, ad.Tensor.reshape], ids=["function", "method"])
def test_a_reshaped_tensor_shares_memory_or_not_as_told(reshape):
    t = ad.arange(6.0)
    view, other = reshape(t, (2, 3), copy=False), reshape(t, (2, 3), copy=True)
    t[0] = 7.0
    view[1, 2] = 9.0
    assert_array_equal(view, [[7.0, 1.0, 2.0], [3.0, 4.0, 9.0]])
    assert float(t[5]) == 9.0
    assert_array_equal(other, np.arange(6.0).reshape(2, 3))


def test_numpys_reshape_copies_if_told_to():
    t = ad.arange(4.0)
    other = np.reshape(t, (2, 2), copy=True)
    t[0] = 7.0
    assert float(other[0, 0]) == 0.0


def test_another_order_cannot_be_a_view():
    with pytest.raises(ValueError, match="order='F' makes a copy"):
        ad.reshape(ad.arange(6.0), (2, 3), order="F", copy=False)


# DLPack.


class Consumer:
    """Asks for the memory of a tensor as a library of a certain age does."""

    def __init__(self, tensor: ad.Tensor, **how: Any) -> None:
        self.tensor, self.how = tensor, how

    def __dlpack__(self, **asked: Any) -> Any:
        return self.tensor.__dlpack__(**self.how)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.tensor.__dlpack_device__()


@pytest.mark.parametrize(
    ("how", "shares"),
    [
        ({}, False),
        ({"copy": False}, True),
        ({"copy": True}, False),
        ({"max_version": (0, 8)}, False),
        ({"max_version": (1, 0)}, True),
        ({"max_version": (1, 1), "dl_device": (1, 0)}, True),
        ({"max_version": (1, 0), "copy": True}, False),
    ],
)
def test_who_can_be_told_not_to_write_gets_the_memory_itself(how, shares):
    t = ad.asarray(X) * 2
    got = np.from_dlpack(Consumer(t, **how))
    assert_array_equal(got, 2 * X)
    assert np.shares_memory(got, t.numpy()) is shares
    assert not (shares and got.flags.writeable)


def test_there_is_no_other_device_to_export_to():
    with pytest.raises(BufferError):
        ad.asarray(X).__dlpack__(dl_device=(2, 0))


def test_what_is_differentiated_is_not_exported():
    with pytest.raises(LostDerivativeError):
        ad.grad(lambda x: ad.sum(ad.asarray(np.from_dlpack(Consumer(x)))))(X)


def test_what_is_differentiated_is_taken_over_as_it_is():
    got = ad.grad(lambda x: ad.sum(ad.asarray(np.from_dlpack(x)) ** 2))(X)
    assert_array_equal(got, 2 * X)


def test_what_is_taken_over_is_copied_unless_told_otherwise():
    a = X.copy()
    copied, shared = ad.from_dlpack(a), ad.from_dlpack(a, copy=False)
    a[0] = 7.0
    assert float(copied[0]) == 1.0
    assert float(shared[0]) == 7.0
    shared[1] = 5.0  # gives the handle a new value, and leaves the memory alone
    assert a[1] == 2.0


def test_shared_memory_is_never_donated():
    a = X.copy()
    step = ad.compile(lambda t: t * 2.0, donate=(0,))
    for _ in range(3):
        assert_array_equal(step(ad.from_dlpack(a, copy=False)), 2 * X)
    assert_array_equal(a, X)


def test_memory_with_gaps_is_shared_too():
    a = np.arange(12.0).reshape(3, 4)
    shared = ad.from_dlpack(a[::2, 1::2], copy=False)
    for native in ("never", "always"):
        with ad.options(native=native):
            assert_array_equal(ad.sin(shared) + 1, np.sin(a[::2, 1::2]) + 1)


def test_a_tensor_taken_over_stays_in_the_graph():
    assert_array_equal(ad.grad(lambda x: ad.sum(ad.from_dlpack(x) ** 2))(X), 2 * X)


def test_what_offers_no_dlpack_is_an_error():
    with pytest.raises(ArgumentError, match="list does not offer __dlpack__"):
        ad.from_dlpack([1.0])


# Functions.


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_limits_are_pythons_numbers(dtype):
    ours, theirs = ad.finfo(ad.ones(2, dtype=dtype)), np.finfo(dtype)
    for name in ("eps", "max", "min", "smallest_normal", "tiny", "resolution"):
        assert type(getattr(ours, name)) is float
        assert getattr(ours, name) == getattr(theirs, name)
    assert (ours.bits, ours.dtype, ours.precision) == (theirs.bits, theirs.dtype, theirs.precision)


def test_an_axis_that_is_not_there_is_an_index_error_too():
    for error in (AxisError, IndexError, ValueError, np.exceptions.AxisError):
        with pytest.raises(error, match="expand_dims: axis 3 is out of bounds"):
            ad.expand_dims(ad.ones(2), axis=3)


def test_a_mask_may_be_empty_where_the_tensor_is_not():
    t = ad.ones((2, 3))
    assert t[np.zeros((0, 3), bool)].shape == (0,)
    assert t[np.zeros(0, bool)].shape == (0, 3)
    t[np.zeros((2, 0), bool)] = 5.0
    assert_array_equal(t, np.ones((2, 3)))
    with pytest.raises(IndexError, match="does not fit the axes"):
        t[np.zeros(3, bool)]


ISIN: dict[str, tuple[Any, Any]] = {
    "numbers": (X, [2.0, 5.0]),
    "a number": (X, 2.0),
    "in nothing": (X, np.zeros(0)),
    "nothing": (np.zeros((0, 2)), X),
    "nan": ([np.nan, 1.0], [np.nan, 1.0]),
    "zeros": ([0.0, -0.0], [-0.0]),
    "matrices": (np.arange(6).reshape(2, 3), np.array([[1, 5], [7, -1]])),
    "complex": ([1 + 1j, 2.0], [1 + 1j, 1 - 1j]),
    "booleans": ([True, False], [True]),
    "other integers": (np.array([1, 255], "uint8"), [-1, 255, 300]),
}


@pytest.mark.parametrize("name", ISIN)
def test_isin(name):
    x, among = ISIN[name]
    for invert in (False, True):
        expected = np.isin(x, among, invert=invert)
        assert_array_equal(ad.isin(x, among, invert=invert), expected)
        assert_array_equal(np.isin(ad.asarray(x), among, invert=invert), expected)
        assert_array_equal(
            ad.compile(ad.isin, static=("invert",))(x, among, invert=invert), expected
        )


def test_isin_is_exact_where_floats_are_not():
    big = 2**63 - 1
    x = np.array([big, big - 1], np.int64)
    assert_array_equal(ad.isin(x, np.array([big, big + 1], np.uint64)), [True, False])


def test_isin_is_a_mask_without_derivative():
    f = lambda x: ad.sum(ad.where(ad.isin(x, [2.0]), x * x, x))
    assert_array_equal(ad.grad(f)(X), [1.0, 4.0, 1.0])


INFINITE = [
    ((math.inf, 2.0), math.inf),
    ((-math.inf, 2.0), -math.inf),
    ((math.inf, -2.0), -math.inf),
    ((1.0, -math.inf), -0.0),
    ((-1.0, math.inf), -0.0),
    ((-1.0, -math.inf), 0.0),
    ((math.inf, math.inf), math.nan),
    ((math.nan, 2.0), math.nan),
]


@pytest.mark.parametrize("native", ["never", "always"])
@pytest.mark.parametrize(("operands", "quotient"), INFINITE)
def test_quotients_of_infinities_are_rounded_down(operands, quotient, native):
    with ad.options(native=native):
        for dtype in ("float32", "float64"):
            a, b = (ad.full(3, x, dtype=dtype) for x in operands)
            for found in (a // b, np.floor_divide(a, b), ad.compile(ad.floor_divide)(a, b)):
                assert found.dtype == dtype
                assert_array_equal(found, np.full(3, quotient))
                assert math.isnan(quotient) or str(found[0].item()) == str(quotient)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (complex(math.inf, 0.0), complex(math.inf, 0.0)),
        (complex(-math.inf, math.inf), complex(-1.0, 0.0)),
        (complex(-0.0, 0.0), complex(0.0, 0.0)),
        (complex(-math.inf, math.nan), complex(-1.0, 0.0)),
    ],
)
def test_expm1_of_odd_complex_numbers(x, expected):
    found = ad.expm1(ad.asarray(x)).item()
    assert (found.real, abs(found.imag)) == (expected.real, 0.0)


def test_tanh_far_out_keeps_the_sign_of_the_imaginary_part():
    for b in (2.0, -2.0):
        found = ad.tanh(ad.asarray(complex(math.inf, b))).item()
        assert (found.real, math.copysign(1.0, found.imag)) == (1.0, math.copysign(1.0, b))


def test_eigenvalues_are_complex_here_and_as_in_numpy_there():
    a = np.array([[2.0, 1.0], [0.0, 3.0]], np.float32)
    t = ad.asarray(a)
    assert ad.linalg.eigvals(t).dtype == ad.linalg.eig(t).eigenvectors.dtype == "complex64"
    assert np.linalg.eigvals(t).dtype == np.linalg.eig(t).eigenvectors.dtype == "float32"
    assert_array_equal(ad.linalg.eigvals(t).numpy().real, np.linalg.eigvals(t))
    f = lambda a: ad.sum(ad.real(ad.linalg.eigvals(a)) ** 2)
    expected = ad.grad(lambda a: np.sum(np.linalg.eigvals(a) ** 2))(a)
    np.testing.assert_allclose(ad.grad(f)(a), expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint64", "float32", "bool"])
def test_dot_products_keep_the_dtype(dtype):
    x = ad.ones((2, 3), dtype=dtype)
    assert ad.vecdot(x, x).dtype == ad.vecdot(x[0], x[0]).dtype == dtype


def test_each_pseudo_inverse_may_have_its_tolerance():
    a = np.stack([np.diag([1.0, 0.1]), np.diag([1.0, 0.1])])
    rtol = np.array([0.5, 0.01])
    for f in (ad.linalg.pinv, ad.compile(lambda a, rtol: ad.linalg.pinv(a, rtol=[0.5, 0.01]))):
        np.testing.assert_allclose(f(a, rtol=rtol), np.linalg.pinv(a, rtol=rtol), atol=1e-14)
    assert_array_equal(ad.linalg.matrix_rank(a, rtol=rtol), [1, 2])
    assert ad.linalg.pinv(a[0], rtol=rtol).shape == (2, 2, 2)
    mapped = ad.vmap(lambda m: ad.linalg.pinv(m, rtol=rtol))(np.stack([a, 2 * a]))
    np.testing.assert_allclose(mapped[1], np.linalg.pinv(2 * a, rtol=rtol), atol=1e-14)


def test_frequencies_have_the_dtype_asked_for():
    assert ad.fft.fftfreq(4, d=0.5, dtype="float32").dtype == "float32"
    assert_array_equal(ad.fft.rfftfreq(n=4, d=0.5), np.fft.rfftfreq(4, 0.5))
