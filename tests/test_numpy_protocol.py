"""Code that says ``import numpy as np`` is traced as it stands; tensors behave as arrays do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

import adjoint as ad
from adjoint.errors import ArgumentError, LostDerivativeError, ShapeError, UnknownNameError

pytestmark = pytest.mark.unit

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
B = np.array([0.5, -1.0, 2.0])

CALLS = {
    "sin": lambda x: np.sin(x),
    "absolute": lambda x: np.absolute(-x),
    "true_divide": lambda x: np.true_divide(x, 2.0),
    "add, array first": lambda x: np.add(B, x),
    "power": lambda x: np.power(x, 2),
    "maximum": lambda x: np.maximum(x, 2.5),
    "logaddexp": lambda x: np.logaddexp(x, 0.0),
    "arctan2": lambda x: np.arctan2(x, B),
    "isfinite": lambda x: np.isfinite(x),
    "sum": lambda x: np.sum(x),
    "sum over an axis": lambda x: np.sum(x, axis=1),
    "sum, kept": lambda x: np.sum(x, axis=0, keepdims=True),
    "mean": lambda x: np.mean(x, axis=-1),
    "prod": lambda x: np.prod(x, axis=1),
    "max": lambda x: np.max(x, axis=0),
    "amin": lambda x: np.amin(x),
    "var": lambda x: np.var(x, axis=0),
    "std": lambda x: np.std(x, axis=1, ddof=1),
    "argmax": lambda x: np.argmax(x, axis=1),
    "any": lambda x: np.any(x > 5, axis=1),
    "cumsum": lambda x: np.cumsum(x, axis=1),
    "where": lambda x: np.where(x > 2, x, 0.0),
    "where of an array": lambda x: np.where(A > 2, x, B),
    "clip": lambda x: np.clip(x, 1.5, 4.5),
    "concatenate": lambda x: np.concatenate([x, A], axis=0),
    "stack": lambda x: np.stack([x, A]),
    "vstack": lambda x: np.vstack([x, B]),
    "dot": lambda x: np.dot(x, B),
    "dot, array first": lambda x: np.dot(A, x.T),
    "matmul": lambda x: np.matmul(x, A.T),
    "tensordot": lambda x: np.tensordot(x, A, axes=([1], [1])),
    "einsum": lambda x: np.einsum("ij,j->i", x, B),
    "outer": lambda x: np.outer(x[0], B),
    "transpose": lambda x: np.transpose(x),
    "reshape": lambda x: np.reshape(x, (3, 2)),
    "ravel": lambda x: np.ravel(x),
    "squeeze": lambda x: np.squeeze(x[:1]),
    "expand_dims": lambda x: np.expand_dims(x, 1),
    "broadcast_to": lambda x: np.broadcast_to(x, (2, 2, 3)),
    "flip": lambda x: np.flip(x, 1),
    "roll": lambda x: np.roll(x, 1, axis=1),
    "take": lambda x: np.take(x, [0, 2], axis=1),
    "sort": lambda x: np.sort(-x, axis=1),
    "diagonal": lambda x: np.diagonal(x),
    "trace": lambda x: np.trace(x),
    "linalg.norm": lambda x: np.linalg.norm(x),
    "zeros_like": lambda x: np.zeros_like(x),
    "pad": lambda x: np.pad(x, 1),
    "round": lambda x: np.round(x),
    "real": lambda x: np.real(x),
    "sum, NumPy's defaults": lambda x: np.sum(x, axis=1, out=None, keepdims=np._NoValue),
    "mean, NumPy's defaults": lambda x: np.mean(x, (0, 1), dtype=None, out=None, keepdims=True),
    "max, NumPy's defaults": lambda x: np.max(x, axis=0, out=None, initial=np._NoValue, where=True),
    "sin, NumPy's defaults": lambda x: np.sin(x, dtype=None, where=True, casting="same_kind"),
    "reshape, NumPy's defaults": lambda x: np.reshape(x, (3, 2), order="C"),
    "zeros_like, NumPy's defaults": lambda x: np.zeros_like(x, dtype=None, order="K", subok=True),
    "clip by a_min and a_max": lambda x: np.clip(x, a_min=1.5, a_max=4.5),
    "fix": lambda x: np.fix(x / 2),
    "copy": lambda x: np.copy(x),
    "where of a condition": lambda x: np.where(x[0] > 1)[0],
    "vecdot over an axis": lambda x: np.vecdot(x, x, axis=0),
    "add.reduce, kept": lambda x: np.add.reduce(x, axis=1, keepdims=True),
    "add.reduce, dtype None": lambda x: np.add.reduce(x, 1, None),
    "minimum.reduce of all": lambda x: np.minimum.reduce(x, axis=None),
    "multiply.reduce of both": lambda x: np.multiply.reduce(x, axis=(0, 1)),
    "logical_and.reduce": lambda x: np.logical_and.reduce(x > 1),
    "logical_or.reduce": lambda x: np.logical_or.reduce(x > 5, axis=1),
    "logaddexp.reduce": lambda x: np.logaddexp.reduce(x),
    "add.accumulate": lambda x: np.add.accumulate(x),
    "multiply.accumulate": lambda x: np.multiply.accumulate(x, axis=1),
    "maximum.accumulate": lambda x: np.maximum.accumulate(x, axis=1),
    "add.outer": lambda x: np.add.outer(x, B),
    "power.outer, array first": lambda x: np.power.outer(B + 2, x),
}

ON_VALUES = {
    "array2string": lambda x: np.array2string(x),
    "argwhere": lambda x: np.argwhere(x > 2),
    "flatnonzero": lambda x: np.flatnonzero(x > 2),
    "isin": lambda x: np.isin(x, [2.0]),
    "lexsort": lambda x: np.lexsort((x[0], x[1])),
    "iscomplexobj": lambda x: np.iscomplexobj(x),
    "isrealobj": lambda x: np.isrealobj(x),
    "shape": lambda x: np.shape(x),
    "ndim": lambda x: np.ndim(x),
    "size": lambda x: np.size(x),
    "result_type": lambda x: np.result_type(x, 1.0),
}


@pytest.mark.parametrize("name", CALLS)
def test_numpy_s_functions_trace(name):
    call = CALLS[name]
    result = call(ad.asarray(A))
    assert type(result) is ad.Tensor
    expected = np.asarray(call(A))
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(result, expected, rtol=1e-13)


@pytest.mark.parametrize("name", ON_VALUES)
def test_functions_without_derivative_are_numpys_own(name):
    call = ON_VALUES[name]
    assert np.array_equal(call(ad.asarray(A)), call(A))


def test_numpy_saves_tensors(tmp_path):
    np.save(tmp_path / "x.npy", ad.asarray(A))
    assert np.array_equal(np.load(tmp_path / "x.npy"), A)
    np.savez(tmp_path / "x.npz", ad.asarray(B), named=ad.asarray(A))
    loaded = np.load(tmp_path / "x.npz")
    assert np.array_equal(loaded["named"], A)
    assert np.array_equal(loaded["arr_0"], B)


def test_kinds_are_known_without_a_value():
    with pytest.raises(ad.errors.ConcretizationError):
        ad.vmap(lambda x: np.argwhere(x > 0))(A)
    assert ad.vmap(lambda x: x * (1.0 if np.isrealobj(x) else 2.0))(A).tolist() == A.tolist()


def test_arguments_of_numpy_that_mean_something_are_refused_by_name():
    x = ad.asarray(A)
    for name, call in {
        "weights": lambda: np.quantile(x, 0.5, weights=A),
        "dtype": lambda: np.sin(x, dtype="float32"),
    }.items():
        with pytest.raises(ArgumentError, match=f"numpy.*the argument '{name}' is not supported"):
            call()
    with pytest.raises(ShapeError):
        np.sum(x, axis=5)


def test_a_numpy_program_is_differentiated_as_it_stands():
    def loss(w, x, y):
        z = np.dot(x, w)
        p = 1 / (1 + np.exp(-z))
        return -np.mean(np.where(y, np.log(p), np.log(1 - p))) + 0.1 * np.linalg.norm(w)

    y = np.array([True, False])
    w = np.array([0.1, -0.2, 0.3])
    ad.check_gradients(lambda w: loss(w, A, y), w)
    assert isinstance(loss(w, A, y), float)


class Series:
    """Computes as a series of pandas does: with what says that it comes first, not at all."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)

    def _computed(name):
        def operator(self, other):
            if getattr(other, "__pandas_priority__", 0) > 3000:
                return NotImplemented
            return Series(getattr(self.values, name)(np.asarray(other)))

        return operator

    __add__, __sub__, __mul__ = map(_computed, ("__add__", "__sub__", "__mul__"))
    __truediv__, __floordiv__, __mod__ = map(_computed, ("__truediv__", "__floordiv__", "__mod__"))
    __pow__, __matmul__ = map(_computed, ("__pow__", "__matmul__"))
    __lt__, __le__, __gt__, __ge__ = map(_computed, ("__lt__", "__le__", "__gt__", "__ge__"))
    __eq__, __ne__ = map(_computed, ("__eq__", "__ne__"))

    def __abs__(self):
        return Series(abs(self.values))

    @property
    def T(self):
        return Series(self.values.T)


class Lonely:
    """An array that does not let NumPy compute with it."""

    __array_ufunc__ = None

    def __array__(self, dtype=None, copy=None):
        raise AssertionError

    def __rmul__(self, other):
        return "its own"


OPERATORS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: abs(a) ** b,
    "@": lambda a, b: a @ b.T,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("sides", ["tensor, array", "array, tensor", "tensor, tensor"])
def test_operators_with_arrays_on_either_side(name, sides):
    rule = OPERATORS[name]
    left, right = (
        ad.asarray(v) if s == "tensor" else v
        for s, v in zip(sides.split(", "), (A, A - 3.5), strict=True)
    )
    result = rule(left, right)
    assert type(result) is ad.Tensor
    np.testing.assert_allclose(result, rule(A, A - 3.5), rtol=1e-13)


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_with_a_table_on_either_side(name):
    rule, table = OPERATORS[name], Series(A - 3.5)
    for result, expected in (
        (rule(ad.asarray(A), table), rule(A, A - 3.5)),
        (rule(table, ad.asarray(A)), rule(A - 3.5, A)),
    ):
        assert type(result) is ad.Tensor
        np.testing.assert_allclose(result, expected, rtol=1e-13)


def test_derivatives_go_through_operators_with_a_table():
    table = Series(B)
    assert ad.grad(lambda x: ad.sum(table * x + x * table))(B).tolist() == (2 * B).tolist()


def test_an_operand_that_keeps_numpy_out_is_left_to_its_own_operators():
    assert ad.ones(2) * Lonely() == "its own"


@pytest.mark.parametrize("name", sorted(set(OPERATORS) - {"@"}))
def test_operators_with_numbers_on_either_side(name):
    rule, x = OPERATORS[name], ad.asarray(A)
    np.testing.assert_allclose(rule(x, 2), rule(A, 2))
    np.testing.assert_allclose(rule(2.0, x), rule(2.0, A))
    scalar = np.float64(2.0)
    assert type(rule(scalar, x)) is ad.Tensor
    np.testing.assert_allclose(rule(scalar, x), rule(scalar, A))


def test_bits_and_integers():
    i = np.array([1, 2, 12])
    x = ad.asarray(i)
    for rule in (lambda a: a & 6, lambda a: a | 1, lambda a: a ^ 3, lambda a: ~a, lambda a: a << 2):
        assert np.array_equal(rule(x), rule(i))
    assert np.array_equal(8 >> ad.asarray([1, 2]), [4, 2])
    assert divmod(ad.asarray(7), 2)[1].item() == 1


def test_in_place_operators_write_into_the_tensor_as_into_an_array():
    x = y = ad.asarray([1.0, 2.0])
    other = x.copy()
    x += 1.0
    x *= np.array([2.0, 3.0])
    assert x is y
    assert x.tolist() == [4.0, 9.0]
    assert other.tolist() == [1.0, 2.0]
    z = ad.asarray([1.0, 2.0])
    before = z + 0.0
    z[0] = 7.0
    assert (z.tolist(), before.tolist()) == ([7.0, 2.0], [1.0, 2.0])


def test_in_place_writing_of_values_outside_transforms():
    """As in gradient descent by hand: ``x -= rate * gradient``."""
    array = same = np.ones(3)
    array -= 0.5 * ad.grad(lambda x: ad.sum(x**2))(array)
    assert array is same
    assert array.tolist() == [0.0, 0.0, 0.0]
    quotient, rest = np.zeros(3), np.zeros(3)
    np.divmod(ad.asarray([3.0, 4.0, 5.0]), 2.0, out=(quotient, rest))
    assert (quotient.tolist(), rest.tolist()) == ([1.0, 2.0, 2.0], [1.0, 0.0, 1.0])
    assert np.mean(ad.asarray(B), out=np.empty(())) == pytest.approx(0.5)
    with pytest.raises(TypeError, match="same_kind"):
        np.add(np.ones(3, int), ad.ones(3), out=np.ones(3, int))


def test_writing_a_traced_value_into_numpys_array_is_an_error():
    def total(x):
        array = made_elsewhere.copy()
        array += ad.sum(x)
        return array.sum()

    made_elsewhere = [np.zeros(2)][0]
    assert ad.grad(total)(np.ones(3)).tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(LostDerivativeError, match=r"numpy.add, which is to write into an array"):
        total(ad.variable(np.ones(3)))


MINIMUM = np.array([1.0, 2.0, 3.0])


def bowl(x):
    return ad.sum((x - MINIMUM) ** 4) + ad.sum((x - MINIMUM) ** 2)


@pytest.mark.parametrize(
    "method", ["BFGS", "L-BFGS-B", "CG", "TNC", "SLSQP", "Newton-CG", "trust-exact", "trust-constr"]
)
def test_scipy_minimises_with_our_derivatives(method):
    needs_hessian = method[0] in "Nt"
    found = optimize.minimize(
        *(bowl, np.zeros(3)),
        jac=ad.grad(bowl),
        hess=ad.hessian(bowl) if needs_hessian else None,
        method=method,
    )
    np.testing.assert_allclose(found.x, MINIMUM, atol=1e-2)


@pytest.mark.parametrize("f", [ad.value_and_grad(bowl), ad.compile(ad.value_and_grad(bowl))])
def test_scipy_minimises_with_value_and_gradient_at_once(f):
    found = optimize.minimize(f, np.zeros(3), jac=True, method="L-BFGS-B")
    np.testing.assert_allclose(found.x, MINIMUM, atol=1e-2)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_scipy_fits_with_our_jacobians(method):
    def residuals(x):
        return ad.sin(x) - 0.5

    found = optimize.least_squares(
        residuals, np.zeros(3), jac=ad.jacobian(residuals), method=method
    )
    np.testing.assert_allclose(found.x, np.full(3, np.pi / 6), atol=1e-6)
    found = optimize.root(residuals, np.zeros(3), jac=ad.jacobian(residuals))
    np.testing.assert_allclose(found.x, np.full(3, np.pi / 6), atol=1e-6)


@pytest.mark.parametrize("name", ["atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays"])
def test_conversions_of_libraries_give_arrays_and_trace_where_differentiated(
    name,
):
    function = getattr(np, name)
    x = ad.asarray(B)
    given = (x, None) if name == "broadcast_arrays" else (x,)
    result = function(*given)
    first = result[0] if isinstance(result, tuple | list) else result
    assert type(first) is np.ndarray
    assert np.array_equal(first.ravel(), B)
    if name != "broadcast_arrays":
        first[...] = 7.0
        assert np.array_equal(x, B)
    if name == "broadcast_arrays":
        slope = ad.grad(lambda x: ad.sum(function(x, B)[0] * 2.0))(B)
    else:
        slope = ad.grad(lambda x: ad.sum(function(x) * 2.0))(B)
    assert slope.tolist() == [2.0, 2.0, 2.0]


def test_asarray_gives_the_value_and_protects_it():
    t = ad.exp(ad.asarray([0.0, 1.0]))
    array = np.asarray(t)
    assert type(array) is np.ndarray
    assert not array.flags.writeable
    assert np.asarray(t, dtype="float32").dtype == np.float32
    fresh = np.array(t)
    fresh[0] = 5.0
    assert t.tolist()[0] == 1.0
    with pytest.raises(ValueError, match="copy"):
        np.array(t, dtype="float32", copy=False)
    given = np.ones(2)
    u = ad.asarray(given)
    given[0] = 9.0
    assert u.tolist() == [1.0, 1.0]
    assert np.array_equal(np.from_dlpack(t), array)


def test_numpy_functions_without_counterpart_are_errors():
    with pytest.raises(UnknownNameError, match=r"numpy\.packbits.*numpy\.asarray"):
        np.packbits(ad.asarray([True]))
    with pytest.raises(UnknownNameError, match=r"numpy\.isnat"):
        np.isnat(ad.ones(3))


def test_reductions_of_ufuncs():
    x = ad.asarray(A)
    assert float(np.maximum.reduce(ad.asarray(B))) == 2.0
    np.testing.assert_allclose(np.add.reduce(x), np.add.reduce(A))
    np.testing.assert_allclose(np.add.reduce(x, axis=1), np.add.reduce(A, axis=1))
    np.testing.assert_allclose(np.multiply.reduce(x, axis=None), 720.0)
