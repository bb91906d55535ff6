"""What an argument answers when asked for its numbers is asked once, and used for all of a call.

An object that has `__array__`, or memory that another thread fills, may answer otherwise the next
time: a shape that was checked must be that of the memory that is read.
"""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.signature import contiguous, leaf_of
from adjoint.errors import ArgumentError


class Live:
    """Answers with an array of another length each time it is asked."""

    def __init__(self, *lengths):
        self.answers = [np.ones(length) for length in lengths]
        self.asked = 0

    def __array__(self, dtype=None, copy=None):
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


class Silent:
    """Has `__array__`, and answers with none."""

    def __array__(self, dtype=None, copy=None):
        return None


CALLS = 8
"""So many that a compiled function has gone from its first call through all stages to the last."""


@pytest.mark.parametrize("native", ["never", pytest.param("auto", marks=pytest.mark.native)])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("donate", [(), (0,)])
def test_a_compiled_function_asks_once_at_every_call(native, nested, donate):
    of = (lambda p: ad.sum(p["x"] * 2)) if nested else (lambda x: ad.sum(x * 2))
    f = ad.compile(of, donate=donate)
    with ad.options(native=native):
        for _ in range(CALLS):
            x = Live(1000, 3)
            assert float(f({"x": x} if nested else x)) == 2000
            assert x.asked == 1


def test_a_compiled_function_asks_once_with_debug_nans():
    x = Live(1000, 3)
    with ad.options(debug_nans=True):
        assert float(ad.compile(ad.sum)(x)) == 1000
    assert x.asked == 1


def test_a_compiled_function_asks_once_inside_a_transform():
    x = Live(1000, 3)
    f = ad.compile(lambda x, y: ad.sum(x) * y + ad.sum(x))
    assert float(ad.grad(lambda y: f(x, y))(2.0)) == 1000
    assert x.asked == 1


def test_each_compiled_call_with_an_array_gives_it_as_it_is_then():
    f = ad.compile(ad.sum)
    for n in (5, 1000, 3, 1000, 7) * 3:
        assert float(f(Live(n, 1))) == n


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("asarray", ad.asarray),
        ("variable", ad.variable),
        ("list with a tensor", lambda x: ad.asarray([ad.ones(4), x])),
        ("operand", lambda x: ad.ones(4) * x),
        ("operand of NumPy's", lambda x: np.add(ad.ones(4), x)),
        ("outer", lambda x: np.add.outer(ad.ones(2), x)),
        ("grad", ad.grad(lambda x: ad.sum(x * x))),
        ("value_and_grad", ad.value_and_grad(lambda x: ad.sum(x * x))),
        ("vjp", lambda x: ad.vjp(lambda x: x * x, x)),
        ("jvp", lambda x: ad.jvp(lambda x: x * x, (ad.ones(4),), (x,))),
        ("hvp", lambda x: ad.hvp(lambda x: ad.sum(x**3), (x,), (ad.ones(4),))),
        ("hessian", ad.hessian(lambda x: ad.sum(x**3))),
        ("jacobian", ad.jacobian(lambda x: x**3)),
        ("vmap", ad.vmap(lambda x: x * x)),
        ("finite_differences", lambda x: ad.finite_differences(lambda x: ad.sum(x * x), x)),
        ("setitem", lambda x: ad.setitem(ad.zeros(4), slice(None), x)),
        ("where", lambda x: ad.where(ad.ones(4) > 0, x, 0.0)),
        ("concat", lambda x: ad.concat([ad.ones(2), x])),
        ("joined as one", lambda x: ad.stack(x)),
        ("quantile", lambda x: ad.quantile(ad.asarray([1.0, 2.0]), x)),
        ("linspace", lambda x: ad.linspace(x, 2.0, 3)),
        ("block", lambda x: ad.block([[x, ad.ones(4)]])),
        ("step_study", lambda x: ad.step_study(lambda x: ad.sum(x * x), x, steps=[0.1])),
        ("einsum", lambda x: ad.einsum("i,i->", x, ad.ones(4))),
        ("pad", lambda x: ad.pad(ad.ones(1), 1, constant_values=x)),
    ],
)
def test_a_function_asks_once(name, call):
    length = () if name == "pad" else (4,)
    x = Live(length, (2,))
    call(x)
    assert x.asked == 1


@pytest.mark.parametrize("name", ["solve", "lstsq"])
def test_a_system_of_equations_asks_each_side_once(name):
    matrix, side = Live((2, 2), (1,)), Live(2, 1)
    matrix.answers[0] += np.eye(2)
    getattr(ad.linalg, name)(matrix, side)
    assert (matrix.asked, side.asked) == (1, 1)


def test_the_shape_that_was_checked_is_that_of_the_array_which_is_read():
    x = np.ones(5)
    known = leaf_of(x)
    assert contiguous(x, known) is x
    x.resize(3, refcheck=False)
    with pytest.raises(ArgumentError, match=r"got the shape \(3,\) .* it had \(5,\)"):
        contiguous(x, known)


def test_memory_behind_an_argument_that_is_no_array_is_not_donated():
    class Owner:
        def __init__(self):
            self.numbers = np.ones(1000)

        def __array__(self, dtype=None, copy=None):
            return self.numbers

    owner, f = Owner(), ad.compile(lambda x: x + 1, donate=0)
    for _ in range(CALLS):
        f(owner)
    assert (owner.numbers == 1).all()
    matrix = np.ones((8, 8)).view(np.matrix)
    for _ in range(CALLS):
        f(matrix)
    assert (matrix == 1).all()


def test_a_leaf_of_which_there_is_no_tensor_is_named():
    with pytest.raises(ArgumentError, match=r"compile: argument 1 \(y\)\['b'\]: asarray: cannot"):
        ad.compile(lambda x, y: x)(1.0, {"a": 1.0, "b": "text"})
    with pytest.raises(ArgumentError, match=r"argument 0 \(x\): asarray: Silent gave no array: "):
        ad.compile(lambda x: x)(Silent())
    with pytest.raises(ArgumentError, match=r"compile: argument 0 \(x\): .* masked"):
        ad.compile(lambda x: x)(np.ma.array([1.0, 2.0], mask=[0, 1]))
