"""Functions that NumPy has too give what NumPy gives, on odd inputs too, or an error.

0-d, empty, reversed and transposed arrays, negative axes, tuples of axes, every kind of dtype. What
may differ: which errors there are, and small integers and booleans, which become float64 and int64
where NumPy chooses float16 and int8. Every call goes to adjoint and through NumPy's protocol.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError

pytestmark = pytest.mark.unit

SHAPES = [(), (0,), (1,), (5,), (2, 3), (0, 3), (2, 1, 3), (3, 3)]
DTYPES = ["float64", "float32", "int64", "bool", "complex128"]
AXES = [None, 0, -1, 1, (0,), (-1, 0)]
DIGITS = {"float16": 2e-2, "float32": 1e-4, "complex64": 1e-4}


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


UNARY = words(
    "abs arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil conj cos cosh deg2rad exp exp2 "
    "expm1 fabs floor imag isfinite isinf isnan isneginf isposinf log log10 log1p log2 "
    "logical_not negative positive rad2deg real rint round sign signbit sin sinc "
    "sinh sqrt square tan tanh trunc angle invert nan_to_num iscomplex isreal "
)
BINARY = words(
    "add subtract multiply divide floor_divide remainder fmod power maximum minimum fmax fmin "
    "arctan2 hypot copysign heaviside logaddexp logaddexp2 equal not_equal less less_equal "
    "greater greater_equal logical_and logical_or logical_xor bitwise_and bitwise_or "
    "bitwise_xor nextafter float_power divmod "
)
REDUCTIONS = words(
    "sum prod max min mean std var any all argmax argmin ptp median nansum nanprod nanmax "
    "nanmin nanmean nanstd nanvar count_nonzero "
)
OTHERS = {
    "reshape": lambda n, a: n.reshape(a, (-1,)),
    "transpose": lambda n, a: n.transpose(a),
    "expand_dims": lambda n, a: n.expand_dims(a, (0, -1)),
    "flip": lambda n, a: n.flip(a, -1),
    "roll": lambda n, a: n.roll(a, -7),
    "roll, axes": lambda n, a: n.roll(a, (1, 2), axis=(0, -1)),
    "rot90": lambda n, a: n.rot90(a, -1),
    "repeat": lambda n, a: n.repeat(a, 2, axis=-1),
    "tile": lambda n, a: n.tile(a, (2, 1, 2)),
    "sort": lambda n, a: n.sort(a, axis=0),
    "sort, flat": lambda n, a: n.sort(a, axis=None),
    "diff": lambda n, a: n.diff(a, 2, axis=0),
    "diff, prepended": lambda n, a: n.diff(a, prepend=1),
    "trace": lambda n, a: n.trace(a, 1),
    "diag": lambda n, a: n.diag(a, -1),
    "diagonal": lambda n, a: n.diagonal(a, 1, -1, 0),
    "tril": lambda n, a: n.tril(a, -1),
    "take": lambda n, a: n.take(a, [[0, -1], [0, 0]], axis=-1),
    "take, flat": lambda n, a: n.take(a, [0, -1, 0]),
    "vander": lambda n, a: n.vander(a, 3, increasing=True),
    "pad": lambda n, a: n.pad(a, 1, mode="reflect"),
    "clip": lambda n, a: n.clip(a, 1, 0),
    "round": lambda n, a: n.round(a, -1),
    "quantile": lambda n, a: n.quantile(a, [0.1, 0.9], axis=-1),
    "average": lambda n, a: n.average(a, axis=-1),
    "std": lambda n, a: n.std(a, ddof=1),
    "cov": lambda n, a: n.cov(a),
    "corrcoef": lambda n, a: n.corrcoef(a),
    "nonzero": lambda n, a: n.nonzero(a),
    "cumsum": lambda n, a: n.cumsum(a, axis=-1),
    "cumprod": lambda n, a: n.cumprod(a),
    "cumulative_sum": lambda n, a: n.cumulative_sum(a, include_initial=True, axis=-1),
    "where": lambda n, a: n.where(a == a, a, 0),
    "array_split": lambda n, a: n.array_split(a, 2),
    "split": lambda n, a: n.split(a, [1, 1, 7]),
    "moveaxis": lambda n, a: n.moveaxis(a, 0, -1),
    "searchsorted": lambda n, a: n.searchsorted(np.array([-1.0, 0.0, 0.0, 1.0]), a, side="right"),
    "interp": lambda n, a: n.interp(a, np.array([0.0, 1, 2]), np.array([3.0, 1, 2]), left=-1),
    "outer": lambda n, a: n.outer(a, a),
    "dot": lambda n, a: n.dot(a, a),
    "inner": lambda n, a: n.inner(a, a),
    "vdot": lambda n, a: n.vdot(a, a),
    "kron": lambda n, a: n.kron(a, a),
    "tensordot": lambda n, a: n.tensordot(a, a, 0),
    "matmul": lambda n, a: n.matmul(a, a.T),
    "einsum": lambda n, a: n.einsum("ij,kj", a, a),
    "einsum, diagonal": lambda n, a: n.einsum("ii->i", a),
    "convolve": lambda n, a: n.convolve(a, np.array([1, 2, 3]), "same"),
    "correlate": lambda n, a: n.correlate(a, a),
    "concatenate": lambda n, a: n.concatenate([a, a], axis=None),
    "stack": lambda n, a: n.stack([a, a], axis=-1),
    "column_stack": lambda n, a: n.column_stack([a, a]),
    "compress": lambda n, a: n.compress([True, False, True], a),
    "cross": lambda n, a: n.cross(a, a + 1),
    "norm": lambda n, a: n.linalg.norm(a, axis=-1),
    "norm, -inf": lambda n, a: n.linalg.norm(a, -np.inf),
    "norm, 0": lambda n, a: n.linalg.norm(a, 0),
    "norm, nuclear": lambda n, a: n.linalg.norm(a, "nuc"),
    "det": lambda n, a: n.linalg.det(a),
    "slogdet": lambda n, a: n.linalg.slogdet(a),
    "pinv": lambda n, a: n.linalg.pinv(a),
    "matrix_power": lambda n, a: n.linalg.matrix_power(a, 3),
    "matrix_rank": lambda n, a: n.linalg.matrix_rank(a),
    "cond": lambda n, a: n.linalg.cond(a),
    "linalg.trace": lambda n, a: n.linalg.trace(a),
    "linalg.diagonal": lambda n, a: n.linalg.diagonal(a),
    "index, last": lambda n, a: a[-1],
    "index, list": lambda n, a: a[[0, -1, 0]],
    "index, step": lambda n, a: a[5:1:-1],
    "index, mixed": lambda n, a: a[[0, 1], :, [0, 0]],
    "index, nothing": lambda n, a: a[[]],
    "index, mask": lambda n, a: a[a == a],
    "index, product of masks": lambda n, a: a[(a == a) * (a != 0)],
    "index, sum of masks": lambda n, a: a[(a == a) + (a != 0)],
    "index, negative of a mask": lambda n, a: a[-(a != 0)],
    "index, difference of masks": lambda n, a: a[(a == a) - (a != 0)],
    "products of masks": lambda n, a: (a == a) @ (a != 0),
    "modulo": lambda n, a: a % -1.5,
    "floor division by zero": lambda n, a: a // 0,
    "power": lambda n, a: a**-1,
    "power of a number": lambda n, a: 2**a,
}
OF_OTHER_KIND = {"conj", "round"}
"""Of booleans."""
ALLOWED = {
    "bool": set("biuf"),
    "int8": set("iuf"),
    "float16": set("f"),
    "float32": set("f"),
    "float64": set("f"),
}


def made(shape: tuple[int, ...], dtype: str) -> Any:
    """An array with numbers of both signs, in no order."""
    rng = np.random.default_rng(len(shape))
    size = int(np.prod(shape))
    a = rng.permutation(np.linspace(-2.3, 3.1, size)).reshape(shape)
    if dtype == "bool":
        return a > 0
    if dtype == "int64":
        return np.round(a * 2).astype(dtype)
    return (a + 1j * a[::-1] if dtype == "complex128" and shape else a).astype(dtype)


def views(shape: tuple[int, ...], dtype: str) -> list[Any]:
    """The array, and one that is not contiguous."""
    a = made(shape, dtype)
    return [a] if not shape else [a, a.T] if len(shape) > 1 else [a, a[::-1]]


def outcome(call: Any, args: list[Any]) -> Any:
    """What is returned, as arrays; or the error."""
    try:
        with np.errstate(all="ignore"):
            return arrays(call(*args))
    except Exception as error:
        return error


def arrays(x: Any) -> Any:
    return list(map(arrays, x)) if isinstance(x, (tuple, list)) else np.asarray(x)


def compare(call: Any, args: list[Any], what: str) -> None:
    """The call on NumPy arrays, on tensors, and on tensors through NumPy."""
    expected = outcome(lambda *xs: call(np, *xs), [a.copy() for a in args])
    for space in (ad, np):
        found = outcome(lambda *xs, n=space: call(n, *xs), [ad.asarray(a) for a in args])
        if isinstance(found, Exception):
            assert isinstance(found, (AdjointError, TypeError, ValueError)), f"{what}: {found!r}"
        elif isinstance(expected, Exception):
            assert not isinstance(expected, IndexError), what
        else:
            same(found, expected, what, args[0].dtype.name)


def same(found: Any, expected: Any, what: str, given: str) -> None:
    if isinstance(expected, list):
        assert len(found) == len(expected), what
        for a, b in zip(found, expected, strict=True):
            same(a, b, what, given)
        return
    assert found.shape == expected.shape, what
    kinds = ALLOWED.get(expected.dtype.name, set()) | {expected.dtype.kind}
    if not (what.split(",")[0] in OF_OTHER_KIND and "bool" in what):
        assert found.dtype.kind in kinds or not found.size, f"{what}: {found.dtype}"
    digits = max(DIGITS.get(x, 1e-10) for x in (found.dtype.name, expected.dtype.name, given))
    np.testing.assert_allclose(found, expected, rtol=digits, atol=digits, err_msg=what)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one(name):
    for shape, dtype in product(SHAPES, [*DTYPES, "float16"]):
        for a in views(shape, dtype):
            compare(lambda n, a: getattr(n, name)(a), [a], f"{name}, {shape}, {dtype}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two(name):
    pairs = [((), ()), ((5,), ()), ((2, 3), (3,)), ((2, 1), (1, 3)), ((0, 3), (3,))]
    for (p, q), d, e in product(pairs, DTYPES, DTYPES):
        what = f"{name}, {p} {d}, {q} {e}"
        compare(lambda n, a, b: getattr(n, name)(a, b), [made(p, d), made(q, e)], what)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name):
    for shape, dtype, axis, keep in product(SHAPES, DTYPES, AXES, (False, True)):
        for a in views(shape, dtype):
            what = f"{name}, {shape}, {dtype}, {axis}, {keep}"
            compare(lambda n, a: getattr(n, name)(a, axis=axis, keepdims=keep), [a], what)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OTHERS)
def test_other_functions(name):
    for shape, dtype in product(SHAPES, DTYPES):
        for a in views(shape, dtype):
            compare(OTHERS[name], [a], f"{name}, {shape}, {dtype}")


def test_masks_stay_masks():
    x = ad.asarray([-1.0, 0.5, 2.0])
    assert x[(x > 0) * (x < 1)].tolist() == [0.5]
    assert x[(x < 0) + (x > 1)].tolist() == [-1.0, 2.0]
    grad = ad.grad(lambda x: ad.sum(x[(x > 0) * (x < 1)] ** 2))(x)
    assert grad.tolist() == [0.0, 1.0, 0.0]
    assert ad.compile(lambda x: (x > 0) * (x < 1))(x).dtype == np.bool_
    with pytest.raises(ad.errors.DTypeError, match="logical_not"):
        -(x > 0)
    with pytest.raises(ad.errors.DTypeError, match="logical_xor"):
        (x > 0) - (x > 1)
    assert (sum([x > 0, x > 1])).tolist() == [0, 1, 2]


GRADIENTS = {
    **{name: lambda n, a, name=name: getattr(n, name)(a, axis=-1) for name in REDUCTIONS},
    **{
        f"{name}, two": lambda n, a, name=name: getattr(n, name)(a, a * 0.7 + 4.1)
        for name in BINARY
    },
    **OTHERS,
}
POINTS = [made((5,), "float64")[::-1], made((2, 3), "float64").T, made((3, 3), "float64") + 0.013]


def weighted(n: Any, call: Any, x: Any) -> Any:
    """A sum of all results, each with a weight of its own."""
    found = call(n, x)
    total = 0.0
    for y in found if isinstance(found, (tuple, list)) else [found]:
        weights = np.random.default_rng(3).standard_normal(y.shape)
        total = total + n.sum(weights * n.real(y))
    return total


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    call = GRADIENTS[name]
    for x in POINTS:
        expected = outcome(lambda a: call(np, a), [x])
        if isinstance(expected, Exception):
            continue
        results = expected if isinstance(expected, list) else [expected]
        if not {y.dtype.kind for y in results} <= {"f", "c"}:
            continue
        steps = [np.reshape(e, x.shape) for e in np.eye(x.size) * 1e-6]
        with np.errstate(all="ignore"):
            slopes = [(weighted(np, call, x + e) - weighted(np, call, x - e)) / 2e-6 for e in steps]
        if not np.isfinite(slopes).all():
            continue
        for space in (ad, np):
            try:
                found = ad.grad(lambda a, n=space: weighted(n, call, a))(x).numpy()
            except AdjointError:
                continue
            np.testing.assert_allclose(found.ravel(), slopes, rtol=2e-4, atol=2e-5, err_msg=name)
