"""Functions in C as operations: called by native programs by their address."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.special

import adjoint as ad
from adjoint.errors import ArgumentError, DTypeError, ShapeError

pytestmark = pytest.mark.native

X = np.linspace(0.1, 3.0, 5)
POINTER = ctypes.POINTER(ctypes.c_double)


def from_math(name: str, *kinds: Any) -> Any:
    """A function of the mathematical library; the first kind is that of its result."""
    libc: Any = ctypes.CDLL(None)
    try:
        f = getattr(libc, name)
    except AttributeError:
        pytest.skip(f"this platform has no {name} in C")
    f.restype, f.argtypes = kinds[0], list(kinds[1:])
    return f


def bessel() -> Any:
    """J0 with its derivative, both in C."""
    slope = ad.op(from_math("j1", ctypes.c_double, ctypes.c_double))
    f = from_math("j0", ctypes.c_double, ctypes.c_double)
    return ad.op(f, jvp=lambda args, y, tangents: -slope(args[0]) * tangents[0])


def squares(a: Any, b: Any, y: Any, n: int) -> None:
    for i in range(n):
        y[i] = a[i] ** 2 + 10.0 * b[i]


@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile], ids=["uncompiled", "compiled"])
def test_a_function_of_numbers(wrap: Any) -> None:
    """Values, derivatives, examples and loops, without Python in between."""
    f = bessel()
    x = X.reshape(5, 1) + np.zeros(3)
    for given in (X, x, x.T, x[::2], x[:0], np.array(0.3)):
        np.testing.assert_allclose(
            wrap(f)(given).numpy(), scipy.special.j0(given), rtol=1e-14, atol=1e-15
        )
    for transform in (ad.grad, lambda f: lambda x: ad.jvp(f, (x,), (1.0,))[1]):
        found = wrap(ad.vmap(transform(f)))(X)
        np.testing.assert_allclose(found.numpy(), -scipy.special.j1(X), rtol=1e-13)
    looped = wrap(lambda x: ad.fori_loop(0, 3, lambda _, x: f(x), x))(X)
    wanted = scipy.special.j0(scipy.special.j0(scipy.special.j0(X)))
    np.testing.assert_allclose(looped.numpy(), wanted, rtol=1e-14)


def test_no_step_calls_python() -> None:
    """The report says so, and a callback that counts is not asked for by Python."""
    f = bessel()
    program = ad.compile(lambda x: f(2.0 * x) + 1.0)
    program(X)
    assert "j0, in C" in str(program.report())
    assert "external_call" not in str(program.report())


@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile], ids=["uncompiled", "compiled"])
def test_arguments_broadcast_and_are_converted(wrap: Any) -> None:
    """Integers, single precision, numbers beside arrays, other axes for each argument."""
    jn = ad.op(from_math("jn", ctypes.c_double, ctypes.c_int, ctypes.c_double))
    np.testing.assert_allclose(wrap(jn)(2, X).numpy(), scipy.special.jn(2, X), rtol=1e-13)
    orders = np.array([[0], [1]], np.int32)
    found = wrap(jn)(orders, X.astype(np.float32)).numpy()
    np.testing.assert_allclose(found, scipy.special.jn(orders, X.astype("f4").astype("f8")))
    angle = ad.op(from_math("atan2f", ctypes.c_float, ctypes.c_float, ctypes.c_float))
    x = X.astype(np.float32)
    for f in (lambda x: angle(x, 2.0), ad.vmap(lambda x: angle(x, 2.0))):
        found = wrap(f)(x)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.numpy(), np.arctan2(x, 2.0), rtol=1e-6)
    table = wrap(ad.vmap(ad.vmap(angle, (0, None)), (None, 0)))(x, x).numpy()
    np.testing.assert_allclose(table, np.arctan2(x[None], x[:, None]), rtol=1e-6)


@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile], ids=["uncompiled", "compiled"])
@pytest.mark.parametrize("length", [ctypes.c_size_t, ctypes.c_int, ctypes.c_long])
def test_a_function_of_arrays(wrap: Any, length: Any) -> None:
    """Pointers and a length; it is called once for all examples."""
    c = ctypes.CFUNCTYPE(None, POINTER, POINTER, POINTER, length)(squares)
    f = ad.op(c, jvp=lambda args, y, t: 2.0 * args[0] * t[0] + 10.0 * t[1], name="squares")
    np.testing.assert_allclose(wrap(f)(X, 2.0).numpy(), X**2 + 20.0)
    assert wrap(f)(X[:0], 1.0).shape == (0,)
    a, b = wrap(ad.vmap(ad.grad(f, (0, 1)), (0, None)))(X, 2.0)
    np.testing.assert_allclose(a.numpy(), 2 * X)
    np.testing.assert_allclose(b.numpy(), np.full(5, 10.0))


def test_functions_of_one_name_and_signature() -> None:
    """Each program calls its own, though their code is the same."""
    kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
    programs = []
    for factor in (2.0, 3.0):
        own = ad.op(kind(lambda x, k=factor: k * x), name="scaled")
        programs.append(ad.compile(lambda x, own=own: own(x) + 1.0))
    for _ in range(2):
        assert [float(p(1.0)) for p in programs] == [3.0, 4.0]
        assert [p(X).tolist() for p in programs] == [(2 * X + 1).tolist(), (3 * X + 1).tolist()]


PROGRAM = """
import ctypes, sys
import numpy as np
import adjoint as ad
kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
own = ad.op(kind(lambda x: float(sys.argv[1]) * x), name="scaled")
print(ad.compile(lambda x: own(x) + 1.0)(np.ones(3)).tolist()[0])
python = ad.op(lambda x: float(sys.argv[1]) * x, name="scaled", vectorized=True)
print(ad.compile(lambda x: python(x) + 1.0)(np.ones(3)).tolist()[0])
"""


@pytest.mark.slow
def test_code_on_the_disk_is_bound_to_the_function_of_the_process(
    tmp_path: Any, monkeypatch: Any
) -> None:
    """A process that finds the code of another calls its own function of that name."""
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for factor, wanted in (("2", "3.0"), ("2", "3.0"), ("5", "6.0")):
        found = subprocess.run(
            [sys.executable, "-c", PROGRAM, factor], capture_output=True, text=True, check=True
        )
        assert found.stdout.split() == [wanted, wanted]


def test_functions_of_cffi() -> None:
    """Pointers to functions."""
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef("double cbrt(double);")
    libm = ffi.dlopen(None)
    f = ad.op(libm.cbrt, name="cbrt")
    np.testing.assert_allclose(ad.compile(f)(X).numpy(), np.cbrt(X), rtol=1e-15)
    np.testing.assert_allclose(f(X).numpy(), np.cbrt(X), rtol=1e-15)


def test_numba_cfunc() -> None:
    """What numba.cfunc makes."""
    numba = pytest.importorskip("numba")
    f = ad.op(numba.cfunc("float64(float64)")(lambda x: 2.0 * x), name="twice")
    np.testing.assert_array_equal(ad.compile(f)(X).numpy(), 2.0 * X)


def test_the_interpreters_lock_is_respected() -> None:
    """A function of PyDLL is called by Python, which holds the lock."""
    f = ctypes.pythonapi["PyOS_string_to_double"]  # any: it is not called
    assert f._flags_ & 4
    from adjoint.api.c_functions import c_function

    assert c_function("f", f) is None


def test_wrong_functions_and_arguments() -> None:
    """Types that are missing or not known, arguments that do not fit."""
    libc: Any = ctypes.CDLL(None)
    with pytest.raises(ArgumentError, match="needs argtypes and restype"):
        ad.op(libc["cosh"])
    text = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_char_p)(lambda x: 1.0)
    with pytest.raises(ArgumentError, match="must be double f"):
        ad.op(text, name="text")
    status = ctypes.CFUNCTYPE(ctypes.c_int, POINTER, POINTER, ctypes.c_int)(lambda x, y, n: 0)
    with pytest.raises(ArgumentError, match="must be double f"):
        ad.op(status, name="status")
    with pytest.raises(ArgumentError, match="leave out result="):
        ad.op(from_math("j0", ctypes.c_double, ctypes.c_double), result="like first")
    single = ad.op(from_math("cosf", ctypes.c_float, ctypes.c_float))
    with pytest.raises(DTypeError, match=r"argument 0 has dtype float64.*astype\('float32'\)"):
        single(X)
    with pytest.raises(ArgumentError, match="takes 1 arguments, got 2"):
        single(np.float32(1.0), np.float32(1.0))
    double = ad.op(from_math("j0", ctypes.c_double, ctypes.c_double))
    with pytest.raises(DTypeError, match="complex128"):
        double(1.0 + 1.0j)
    c = ctypes.CFUNCTYPE(None, POINTER, POINTER, ctypes.c_int)(lambda x, y, n: None)
    with pytest.raises(ShapeError, match="more than its argument of type int32 can count"):
        ad.op(c, name="short")(ad.broadcast_to(ad.asarray(1.0), (2**31,)))
