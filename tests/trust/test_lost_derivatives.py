"""A value that somebody differentiates by leaves the graph with an error, or not at all."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import scipy.ndimage
import scipy.sparse.csgraph
import scipy.special

import adjoint as ad
from adjoint.errors import LostDerivativeError, LostDerivativeWarning

pytestmark = pytest.mark.unit

X = np.array([0.3, 0.7, 1.9])
CALLS = 0
ELSEWHERE = {"array": np.zeros(3), "list": [0.0, 0.0]}


def array(x):
    return np.sum(np.array([x[0], x[1]]))


def mathematics(x):
    return math.sin(x[0])


def zeros(x):
    y = np.zeros(2)
    y[0] = x[0]
    return np.sum(y)


KEPT = {"array": array, "mathematics": mathematics, "zeros": zeros}
"""Functions in containers are not copied: in them NumPy's own functions are called."""


def written(x):
    ELSEWHERE["array"][0] = x[0]
    return ELSEWHERE["array"].sum()


def added(x):
    y = ELSEWHERE["array"]
    y += x
    return y.sum()


def graph(x):
    return scipy.sparse.csgraph.shortest_path(np.diag(x)).sum()


def callback(x):
    def write(line, out):
        out[:] = line[1:-1] * x[0]

    return scipy.ndimage.generic_filter1d(np.ones(3), write, 3)[0]


def counted(x):
    global CALLS
    CALLS += 1
    y = np.zeros(2)
    y[:] = x[:2]
    return np.sum(y)


def saved(save):
    """A function that saves what is differentiated, and reads it back."""

    def f(x):
        file = io.BytesIO()
        save(file, x)
        file.seek(0)
        return np.loadtxt(file).sum() if save is np.savetxt else np.sum(np.load(file))

    return f


LEAKS = {
    "float": (lambda x: float(x[0]), "float", "without float()"),
    "complex": (lambda x: complex(x[0]).real, "complex", "without complex()"),
    "item": (lambda x: x[0].item(), r"\.item", "without item()"),
    "tolist": (lambda x: x.tolist()[0], r"\.tolist", "without tolist()"),
    "numpy": (lambda x: x.numpy().sum(), r"\.numpy", "without numpy()"),
    "numpy.float64": (lambda x: np.float64(x[0]), "numpy.float64", "astype"),
    "int of a comparison is free, float is not": (
        lambda x: float(x[0]) * int(x[0] > 0), "float", "stop_gradient",
    ),
    "kept: numpy.array": (lambda x: KEPT["array"](x), "numpy.array", "adjoint.array"),
    "kept: math.sin": (lambda x: KEPT["mathematics"](x), "math.sin", "adjoint.sin"),
    "kept: a filled array": (lambda x: KEPT["zeros"](x), "writing into", "adjoint.zeros"),
    "an array from elsewhere": (written, "writing into an array", "adjoint.stack"),
    "an array from elsewhere, in place": (added, "numpy.add", "adjoint.zeros"),
    "positional": (
        lambda x: float(np.format_float_positional(x[0])), "numpy.format_float", "stop_gradient",
    ),
    "save": (saved(np.save), "asks for the plain value", "has_aux=True"),
    "savez": (lambda x: np.savez(io.BytesIO(), a=x) or 0.0, "numpy.savez", "has_aux=True"),
    "savetxt": (saved(np.savetxt), "asks for the plain value", "has_aux=True"),
    "a function that writes a global": (counted, "writing into", "writes a global"),
    "a graph": (graph, "scipy.sparse", "stop_gradient"),
    "a function that SciPy calls": (callback, "writing into an array", "adjoint.stack"),
}  # fmt: skip
TRANSFORMS = {
    "grad": ad.grad,
    "value_and_grad": ad.value_and_grad,
    "vjp": lambda f: lambda x: ad.vjp(f, x),
    "jvp": lambda f: lambda x: ad.jvp(f, (x,), (x,)),
    "jacobian": ad.jacobian,
    "jacfwd": ad.jacfwd,
    "jacrev": ad.jacrev,
    "hessian": ad.hessian,
    "hvp": lambda f: lambda x: ad.hvp(f, x, x),
    "explain": lambda f: lambda x: ad.explain(f, x),
    "vmap": lambda f: lambda x: ad.vmap(f)(np.stack([x, x])),
    "grad compiled": lambda f: ad.compile(ad.grad(f)),
    "grad of compiled": lambda f: ad.grad(ad.compile(f)),
    "grad of grad": lambda f: ad.grad(lambda x: ad.sum(ad.grad(f)(x))),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("leak", LEAKS)
def test_a_partly_lost_derivative_is_an_error_at_the_users_line(transform, leak):
    f, asked, remedy = LEAKS[leak]

    def partly(x):
        return np.sum(x) + f(x)

    with pytest.raises(LostDerivativeError, match=asked) as caught:
        TRANSFORMS[transform](partly)(X.copy())
    message = str(caught.value)
    assert remedy in message and "adjoint.stop_gradient" in message
    assert Path(__file__).name in message
    assert not ELSEWHERE["array"].any()


def test_a_number_is_not_read_back_from_the_text_that_shows_it():
    for text in (lambda x: f"{x:.9f}", np.array2string, np.array_str):
        with pytest.raises(LostDerivativeError, match="float"):
            ad.grad(lambda x, text=text: np.sum(x) + float(text(x[0])))(X)


FREE = {
    "if": lambda x: np.sum(x) * (2.0 if x[0] > 0 else 1.0),
    "while": lambda x: np.sum(x) if not x[0] > 5 else np.prod(x),
    "comparisons of all": lambda x: np.sum(x) + (3.0 if np.all(x > 0) and not np.any(x > 9) else 0),
    "integers": lambda x: np.sum(x) + int(x[2]) + math.floor(x[2]) + round(x[2]),
    "shapes": lambda x: np.sum(x) * len(x) * x.shape[0] * np.size(x),
    "printing": lambda x: (str(x), repr(x), f"{x} {x[0]:.3f}", np.array2string(x), np.sum(x))[-1],
    "saving of stop_gradient": lambda x: (np.save(io.BytesIO(), ad.stop_gradient(x)), np.sum(x))[1],
    "stop_gradient": lambda x: np.sum(x) * float(ad.stop_gradient(x[0])),
    "arrays of stop_gradient": lambda x: np.sum(x * np.asarray(ad.stop_gradient(x))),
    "scipy of stop_gradient": lambda x: np.sum(x) + scipy.special.jn_zeros(1, 1)[0]
    + scipy.linalg.hilbert(2)[0, 1] * np.sum(x),
    "sorting": lambda x: np.sum(x[np.argsort(x)] * np.arange(3)),
    "membership": lambda x: np.sum(x) if 0.3 in x else 0.0,
    "constants": lambda x: np.sum(x * np.asarray(ad.ones(3))) + float(ad.sum(ad.ones(2))),
}  # fmt: skip


@pytest.mark.parametrize("free", FREE)
def test_values_that_carry_no_derivative_may_leave(free):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(ad.grad(FREE[free])(X)).all()


def test_lost_derivatives_may_be_warnings_or_allowed():
    def f(x):
        return np.sum(x) + float(x[0]) ** 2

    with (
        ad.options(lost_derivatives="warn"),
        pytest.warns(LostDerivativeWarning, match="float") as w,
    ):
        assert ad.grad(f)(X).tolist() == [1.0, 1.0, 1.0]
    assert w[0].filename == __file__
    with ad.options(lost_derivatives="allow"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ad.grad(f)(X).tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(LostDerivativeError):
        ad.grad(f)(X)
    with pytest.raises(ad.errors.RangeError, match=r"lost_derivatives must be one of 'error'"):
        ad.set_options(lost_derivatives="ignore")


def test_results_may_be_looked_at_when_the_function_has_returned():
    value, pullback = ad.vjp(np.sum, X)
    assert float(value) == X.sum() and pullback(1.0)[0].tolist() == [1.0, 1.0, 1.0]
    assert float(ad.grad(np.sum)(X)[0]) == 1.0


def test_a_value_of_an_inner_transform_may_depend_on_the_outer_one():
    """The value of an inner result is plain to nobody as long as the outer one differentiates."""

    def outer(x):
        return np.sum(x) + float(ad.grad(lambda y: np.sum(y**2))(x)[0])

    with pytest.raises(LostDerivativeError, match="float"):
        ad.grad(outer)(X)
    assert outer(X) == X.sum() + 2 * X[0]


def test_variables_made_by_hand_may_be_looked_at_but_not_computed_with_elsewhere():
    x = ad.variable(X)
    assert float(ad.sum(x)) == np.asarray(x).sum() == X.sum()
    with pytest.raises(LostDerivativeError, match=r"scipy.linalg.toeplitz"):
        scipy.linalg.toeplitz(x)
    with pytest.raises(LostDerivativeError, match=r"math.sin.*adjoint.sin"):
        math.sin(x[0])


def test_a_list_beside_an_array_is_named():
    matrix = np.ones((3, 2))
    with pytest.raises(LostDerivativeError, match=r"`matrix @ x` asks .* Write numpy.array\(x\):"):
        ad.grad(lambda x: np.sum(matrix @ x))([1.0, 2.0])
    with pytest.raises(LostDerivativeError, match=r"Write numpy.array\(\[x\[0\], 1.0\]\):"):
        ad.grad(lambda x: np.sum(matrix * [x[0], 1.0]))([1.0, 2.0])
    slope = ad.grad(lambda x: np.sum(matrix @ np.array(x)))([1.0, 2.0])
    assert slope == [3.0, 3.0]
