"""Memory handed to other libraries and taken over from them, through DLPack, without a copy."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import LostDerivativeError

pytestmark = pytest.mark.unit

READ_ONLY = 1
DTYPES = ["bool", "int8", "uint16", "int64", "float16", "float32", "float64", "complex128"]
OF_TORCH = ["bool", "int8", "int64", "float16", "float32", "float64", "complex64", "complex128"]


class Header(ctypes.Structure):
    """The beginning of DLPack's `DLManagedTensorVersioned`, with the tensor itself."""

    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
    )


def header(capsule: object) -> Header:
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return Header.from_address(pointer(capsule, b"dltensor_versioned"))


def address(x: ad.Tensor) -> int:
    return int(x.numpy().ctypes.data)


def test_what_is_handed_out_is_the_memory_marked_as_read_only():
    t = ad.asarray(np.arange(6.0).reshape(2, 3))
    capsule = t.__dlpack__(max_version=(1, 0))
    found = header(capsule)
    assert (found.major, found.data, found.flags & READ_ONLY) == (1, address(t), READ_ONLY)
    assert (found.device_type, found.ndim, found.bits) == (1, 2, 64)
    assert [found.shape[k] for k in range(2)] == [2, 3]
    assert header(t.__dlpack__(max_version=(1, 0), copy=True)).data != address(t)


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_reads_the_memory_and_may_not_write_to_it(dtype):
    t = ad.asarray(np.array([[0, 1, 1], [1, 0, 1]], dtype))
    a = np.from_dlpack(t)
    assert (a.ctypes.data, a.dtype, a.flags.writeable) == (address(t), t.dtype, False)
    again = ad.from_dlpack(a, copy=False)
    assert address(again) == address(t)
    assert address(ad.from_dlpack(a)) != address(t)


def test_odd_layouts_and_empty_arrays_are_taken_over():
    a = np.arange(12.0).reshape(3, 4)
    for view in (a.T, a[:, ::2], a[1], a[2:2], a[1, 2:3]):
        t = ad.from_dlpack(view, copy=False)
        assert t.numpy().tolist() == view.tolist()
        assert not view.size or address(t) == view.ctypes.data
        assert ad.sum(t * t).item() == np.sum(view * view)


def test_what_is_differentiated_refuses_and_stays_inside_the_library():
    class Library:
        """Takes arrays over as others do."""

        def __call__(self, x: object) -> object:
            return x.__dlpack__(max_version=(1, 0))  # type: ignore[attr-defined]

    x = np.array([1.0, 2.0])
    for transform in (lambda f: ad.grad(f)(x), lambda f: ad.vmap(f)(np.ones((2, 2)))):
        with pytest.raises(LostDerivativeError, match="stop_gradient"):
            transform(lambda x: Library()(x) and x.sum())
    assert ad.grad(lambda x: np.sum(np.from_dlpack(x) ** 2))(x).tolist() == [2.0, 4.0]
    assert ad.grad(lambda x: ad.sum(ad.from_dlpack(x) ** 2))(x).tolist() == [2.0, 4.0]
    compiled = ad.compile(ad.grad(lambda x: np.sum(np.from_dlpack(x, copy=True) ** 2)))
    assert compiled(x).tolist() == [2.0, 4.0]


class Wrong:
    """An array of a dtype that NumPy has not."""

    dtype = "bfloat16"

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __dlpack__(self, **options: object) -> object:
        raise RuntimeError("Unsupported dtype in DLTensor.")


def test_what_cannot_be_taken_over_says_so():
    with pytest.raises(TypeError, match=r"dtype bfloat16 cannot be taken over .*float32"):
        ad.from_dlpack(Wrong())
    with pytest.raises(ValueError, match='device must be "cpu"'):
        ad.from_dlpack(np.ones(2), device="cuda")
    with pytest.raises(TypeError, match="does not offer __dlpack__"):
        ad.from_dlpack([1.0])


@pytest.mark.parametrize("dtype", OF_TORCH)
def test_pytorch_shares_the_memory(dtype):
    torch = pytest.importorskip("torch")
    t = ad.asarray(np.array([[0, 1, 1], [1, 0, 1]], dtype))
    u = torch.from_dlpack(t)
    assert (u.data_ptr(), tuple(u.shape)) == (address(t), (2, 3))
    assert u.tolist() == t.tolist()
    again = ad.from_dlpack(u.clone(), copy=False)
    assert (again.dtype, again.tolist()) == (t.dtype, t.tolist())
    turned = u.T
    assert address(ad.from_dlpack(turned, copy=False)) == turned.data_ptr()


def test_pytorch_and_what_it_differentiates():
    torch = pytest.importorskip("torch")
    with pytest.raises(BufferError, match="detach"):
        ad.from_dlpack(torch.ones(2, requires_grad=True))
    with pytest.raises(LostDerivativeError, match="stop_gradient"):
        ad.grad(lambda x: float(torch.from_dlpack(x).sum()) * x.sum())(np.ones(2))


@pytest.mark.parametrize("dtype", ["bool", "int32", "float16", "float32", "complex64"])
def test_jax_shares_the_memory(dtype):
    jax = pytest.importorskip("jax")
    array = np.ones(64, dtype)  # JAX shares memory that is aligned to 64 bytes
    raw = np.zeros(array.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    aligned = raw[start : start + array.nbytes].view(dtype)
    aligned[:] = array
    t = ad.from_dlpack(aligned, copy=False)
    j = jax.dlpack.from_dlpack(t, copy=False)
    assert j.unsafe_buffer_pointer() == address(t) == aligned.ctypes.data
    again = ad.from_dlpack(j, copy=False)
    assert (address(again), again.dtype) == (j.unsafe_buffer_pointer(), t.dtype)
    assert ad.from_dlpack(jax.numpy.arange(3.0)).tolist() == [0.0, 1.0, 2.0]


def test_bfloat16_is_shared_with_pytorch_and_jax():
    """NumPy refuses it; the code of the dtype is set in the capsule."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = ad.asarray(np.array([[0.5, 1.25], [-2, 3]], ml_dtypes.bfloat16))
    again = ad.from_dlpack(Given(x))
    assert (again.dtype, again.tolist()) == (x.dtype, x.tolist())
    assert address(ad.from_dlpack(Given(x.T), copy=False)) == address(x.T)
    torch = pytest.importorskip("torch")
    u = torch.from_dlpack(x)
    assert (u.dtype, u.data_ptr(), u.tolist()) == (torch.bfloat16, address(x), x.tolist())
    assert ad.from_dlpack(u.T.clone(), copy=False).tolist() == x.T.tolist()
    jax = pytest.importorskip("jax")
    j = jax.dlpack.from_dlpack(x)
    assert (str(j.dtype), j.tolist()) == ("bfloat16", x.tolist())
    assert ad.from_dlpack(j + 1).tolist() == (x + 1).tolist()


class Given:
    """A tensor, as an array of another library."""

    dtype = "torch.bfloat16"

    def __init__(self, x: ad.Tensor) -> None:
        self.x = x

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    def __dlpack__(self, **options: object) -> object:
        return self.x.__dlpack__(**options)
