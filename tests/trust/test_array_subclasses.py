"""No operation follows the rules of a subclass of NumPy's arrays: each is an array of numbers.

What enters a graph is of NumPy's own class, by `numpy.asarray`: a matrix has no product of its own,
a record array no fields. Only hidden elements, of a masked array, and units are an error.
"""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import DTypeError
from adjoint.graph.node import Node
from tests.table.cases import CASES


class RuleWasAsked(AssertionError):
    """A subclass was asked for a rule of its own."""


def refuses(name):
    def method(self, *args, **kwargs):
        raise RuleWasAsked(name)

    return method


METHODS = (
    *("__array_ufunc__", "__array_function__", "__array_wrap__", "__array_prepare__"),
    *("__getitem__", "__setitem__", "__iter__", "__len__", "__contains__", "__bool__", "__float__"),
    *("__int__", "__index__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"),
    *("__add__", "__mul__", "__sub__", "__truediv__", "__matmul__", "__neg__", "__abs__"),
    *("sum", "prod", "max", "min", "mean", "any", "all", "astype", "reshape", "ravel", "copy"),
    *("transpose", "take", "sort", "argsort", "item", "tolist", "fill", "view"),
)

Strict = type("Strict", (np.ndarray,), {"__hash__": None} | {n: refuses(n) for n in METHODS})
"""An array all of whose rules are its own, and none of which may be asked."""


def strict(x):
    return np.ndarray.view(np.array(x), Strict)


@contextmanager
def every_value_is_plain(monkeypatch):
    """Fails if a node is given a value that is of no class of NumPy's own."""
    plain = Node.value

    def give(self, value):
        assert value is None or type(value) is np.ndarray or isinstance(value, np.generic)
        plain.__set__(self, value)

    with monkeypatch.context() as patch:
        patch.setattr(Node, "value", property(plain.__get__, give))
        yield


CHOSEN = [case for case in CASES if all(x.dtype in (np.float64, np.int64) for x in case.inputs)]


def same(a, b):
    np.testing.assert_array_equal(a.numpy(), b.numpy())


def with_given(case):
    """The operation as users call it, if they can."""
    return case.public or (lambda *xs: case.call(*map(ad.asarray, xs)))


def test_the_table_of_operations_is_there():
    assert len(CHOSEN) > 200


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_an_operation_never_asks_a_subclass_for_its_rules(case):
    call = with_given(case)
    given = [strict(x) for x in case.inputs]
    wanted = call(*map(ad.asarray, case.inputs))
    same(call(*given), wanted)
    with ad.options(native="never"):
        same(ad.compile(call)(*given), ad.compile(call)(*case.inputs))


@pytest.mark.native
@pytest.mark.parametrize("case", CHOSEN[::5], ids=lambda case: case.name)
def test_a_compiled_operation_never_asks_a_subclass_for_its_rules(case):
    call = ad.compile(with_given(case))
    given = [strict(x) for x in case.inputs]
    wanted = call(*case.inputs)
    for _ in range(6):
        same(call(*given), wanted)


def within(c, f):
    """`f` of an argument and of `c`, over which it closes."""
    return lambda x: f(x, c)


X = np.array([[1.0, 2.0], [3.0, 4.0]])
AT = np.array([1, 0])
WAYS = {
    "asarray": lambda of: ad.asarray(of(X)),
    "asarray of a list": lambda of: ad.asarray([of(X), of(X)]),
    "asarray beside a tensor": lambda of: ad.asarray([ad.ones((2, 2)), of(X)]),
    "variable": lambda of: ad.variable(of(X)) * 1,
    "operand": lambda of: ad.ones((2, 2)) @ of(X),
    "operand on the left of NumPy's function": lambda of: np.multiply(ad.ones((2, 2)), of(X)),
    "outer": lambda of: np.multiply.outer(ad.ones(2), of(X)),
    "full": lambda of: ad.full((2, 2), of(np.array(3.0))),
    "full_like": lambda of: ad.full_like(of(X), 3.0),
    "zeros_like": lambda of: ad.zeros_like(of(X)),
    "linspace": lambda of: ad.linspace(of(X), 5.0, 3),
    "arange": lambda of: ad.arange(of(np.array(3))),
    "index": lambda of: ad.asarray(X)[of(AT)],
    "mask": lambda of: ad.asarray(X)[of(X > 1)],
    "setitem": lambda of: ad.setitem(ad.zeros((2, 2)), of(AT), of(X)),
    "setitem by a mask": lambda of: ad.setitem(ad.zeros((2, 2)), of(X > 1), of(np.array(2.0))),
    "concat": lambda of: ad.concat([of(X), ad.ones((2, 2))]),
    "concat of one": lambda of: ad.concat(of(X)),
    "where": lambda of: ad.where(of(X > 1), of(X), 0.0),
    "take": lambda of: ad.take(ad.asarray(X), of(AT), axis=0),
    "clip": lambda of: ad.clip(ad.asarray(X), of(X - 1), of(X)),
    "quantile": lambda of: ad.quantile(ad.asarray(X), of(np.array([0.25, 0.5]))),
    "einsum": lambda of: ad.einsum("ij,jk->ik", of(X), of(X)),
    "grad": lambda of: ad.grad(within(of(X), lambda x, c: ad.sum(x * x * c)))(of(X)),
    "argument of no derivative": lambda of: ad.grad(lambda x, y: ad.sum(x * y))(X, of(X)),
    "vjp": lambda of: ad.vjp(lambda x: x * x, of(X))[1](of(X)),
    "jvp": lambda of: ad.jvp(lambda x: x * x, (of(X),), (of(X),))[1],
    "hvp": lambda of: ad.hvp(lambda x: ad.sum(x**3), (of(X),), (of(X),)),
    "jacobian": lambda of: ad.jacobian(within(of(X), lambda x, c: x @ c))(of(X)),
    "hessian": lambda of: ad.hessian(lambda x: ad.sum(x**3))(of(X)),
    "vmap": lambda of: ad.vmap(within(of(X), lambda x, c: x @ c))(of(X)),
    "constant of a program": lambda of: ad.compile(within(of(X), lambda x, c: x @ c))(X),
    "result of a program": lambda of: ad.compile(within(of(X), lambda x, c: c))(X),
    "evaluate": lambda of: ad.evaluate(ad.asarray(of(X)) * 2),
}


@pytest.mark.parametrize("native", ["never", pytest.param("always", marks=pytest.mark.native)])
@pytest.mark.parametrize("way", WAYS)
def test_what_enters_a_graph_is_of_numpys_own_class(way, native, monkeypatch):
    wanted = WAYS[way](np.asarray)
    with ad.options(native=native), every_value_is_plain(monkeypatch):
        found = WAYS[way](strict)
        for one, other in zip(*map(leaves, (found, wanted)), strict=True):
            same(one, other)


def leaves(x):
    return [x] if isinstance(x, ad.Tensor) else list(x)


@pytest.mark.parametrize("native", ["never", pytest.param("auto", marks=pytest.mark.native)])
def test_classes_of_numpys_that_compute_otherwise_are_arrays(native, tmp_path):
    """An unmasked masked array calls log(-1) masked; a matrix product is not an elementwise one."""
    memory = np.memmap(tmp_path / "numbers", np.float64, "w+", shape=(2, 2))
    memory[...] = X
    both = [np.ma.array(X), X.view(np.matrix), X.view(np.recarray), memory]

    def f(x):
        return ad.log(x - 2), ad.sum(x, axis=1) * x, x * x, x[0], 1 / (x - 1)

    with ad.options(native=native):
        compiled = ad.compile(f)
        wanted = [y.numpy() for y in f(ad.asarray(X))]
        for x in both:
            for _ in range(6):
                for one, other in zip(compiled(x), wanted, strict=True):
                    np.testing.assert_allclose(one.numpy(), other, rtol=1e-15)
            given = ad.asarray(x)
            for one, other in zip(f(given), wanted, strict=True):
                np.testing.assert_allclose(one.numpy(), other, rtol=1e-15)


BESIDE_A_MATRIX = {
    "M * t": lambda m, t: m * t,
    "t * M": lambda m, t: t * m,
    "t ** M": lambda m, t: t**m,
    "(M + t) * t": lambda m, t: (m + t) * t,
    "(t - M) * t": lambda m, t: (t - m) * t,
    "(M @ t) * t": lambda m, t: (m @ t) * t,
    "(t @ M) * t": lambda m, t: (t @ m) * t,
    "(t / M) * t": lambda m, t: (t / m) * t,
}


@pytest.mark.parametrize("way", BESIDE_A_MATRIX)
def test_a_matrix_beside_a_tensor_is_an_error_as_its_operators_mean_other_things(way):
    matrix, f = X.view(np.matrix), BESIDE_A_MATRIX[way]
    for run in (
        lambda: f(matrix, ad.asarray(X)),
        lambda: ad.grad(lambda x: np.sum(f(matrix, x)))(X),
        lambda: ad.compile(lambda x: f(matrix, x))(X),
    ):
        with pytest.raises(DTypeError, match=r"numpy\.matrix.*numpy\.asarray"):
            run()


def test_hidden_elements_are_an_error_wherever_they_come_in():
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    for give in (
        ad.asarray,
        ad.compile(lambda x: x),
        ad.grad(lambda x: ad.sum(x)),
        lambda x: ad.ones(2) * x,
        lambda x: ad.linspace(x, 2.0, 3),
        lambda x: ad.quantile(ad.ones(3), x),
        lambda x: ad.setitem(ad.zeros(2), slice(None), x),
    ):
        with pytest.raises((DTypeError, ad.errors.ArgumentError), match="masked"):
            give(masked)


def test_a_tensor_of_a_class_of_the_users_keeps_its_derivative():
    class Named(ad.Tensor):
        __slots__ = ()

    assert float(ad.grad(lambda x: ad.sin(Named(x.node)) * 2.0)(0.0)) == 2.0
    assert float(ad.compile(lambda x: x * 2.0)(Named(ad.asarray(3.0).node))) == 6.0
