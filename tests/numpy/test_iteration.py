"""`numpy.nditer` in differentiated functions."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from tests.numpy.differences import near, slopes

pytestmark = pytest.mark.unit

X = np.array([[0.3, 1.2, -0.7], [1.1, 0.4, 0.9]])


def one(x):
    return np.stack([v**2 for v in np.nditer(x)])


def broadcast(x):
    total = 0.0
    for a, b in np.nditer([x, x[0]]):
        total = total + a * b**2
    return total


def with_a_constant(x):
    return sum(a * b for a, b in np.nditer([x, np.arange(3.0)]))


def by_index(x):
    total = 0.0
    it = np.nditer(x, flags=["multi_index"])
    for v in it:
        i, j = it.multi_index
        total = total + (i + 2 * j) * v**2
    return total


def by_hand(x):
    it = np.nditer(x, flags=["f_index"], order="F")
    total = 0.0
    while not it.finished:
        total = total + (1 + it.index) * it[0] ** 2
        it.iternext()
    return total


def written_to(x):
    y = np.zeros(x.shape) + x
    with np.nditer(y, op_flags=["readwrite"]) as it:
        for v in it:
            v[...] = v**3
    return y * y


def written_from_another(x):
    y = np.zeros(x.shape)
    for a, b in np.nditer([x, y], op_flags=[["readonly"], ["writeonly"]]):
        b[...] = 2 * a * a
    return y * x


def transposed(x):
    return np.stack([v**2 for v in np.nditer(x.T, order="C")])


FUNCTIONS = [one, broadcast, with_a_constant, by_index, by_hand, written_to, written_from_another]
FUNCTIONS += [transposed]


@pytest.mark.parametrize("f", FUNCTIONS)
def test_value_and_derivatives_are_those_of_the_loop_over_numbers(f):
    def scalar(x):
        found = np.asarray(f(x))
        return np.sum(np.sin(found))

    x = X.copy()
    expected = slopes(scalar, x)
    value, gradient = ad.value_and_grad(scalar)(x)
    near(value.numpy(), scalar(x), 1e-12)
    near(gradient.numpy(), expected, 2e-7)
    near(ad.jvp(scalar, (x,), (np.ones_like(x),))[1].numpy(), expected.sum(), 2e-6)
    compiled = ad.compile(ad.value_and_grad(scalar))
    for _ in range(2):
        near(compiled(x)[1].numpy(), expected, 2e-7)
    near(ad.vmap(scalar)(np.stack([x, 2 * x])).numpy(), [scalar(x), scalar(2 * x)], 1e-12)


def test_arrays_alone_are_numpys():
    def f(x):
        assert type(np.nditer(np.arange(3))).__name__ == "nditer"
        return x

    assert float(ad.grad(f)(1.0)) == 1.0


def test_an_empty_tensor_has_no_elements():
    def f(x):
        it = np.nditer(x, flags=["zerosize_ok"])
        return x.sum() + sum(it) + len(list(it))

    assert float(ad.value_and_grad(f)(np.zeros((0, 2)))[0]) == 0.0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: np.nditer(x, flags=["external_loop"]), "'external_loop' is not supported"),
        (lambda x: np.nditer([x, None]), "operand None asks for an array to be made"),
        (lambda x: np.nditer(x.T), r'order="C" or "F"'),
        (lambda x: np.nditer(x[::-1]), r'order="C" or "F"'),
        (lambda x: np.nditer(x, order="Z"), 'order must be "C"'),
        (lambda x: np.nditer(x, op_dtypes=["f4"]), "'op_dtypes' is not supported"),
        (lambda x: np.nditer([x, x[0]], op_flags=["readwrite"]), "cannot be written to at every"),
        (lambda x: np.nditer([x, np.arange(2.0)]), "do not broadcast"),
    ],
)
def test_what_cannot_be_says_what_to_do(call, said):
    def f(x):
        return sum(v if not isinstance(v, tuple) else v[0] for v in call(x))

    with pytest.raises(ad.errors.AdjointError, match=said):
        ad.grad(f)(X)


def test_elements_follow_what_is_written_and_are_read_only_themselves():
    def f(x):
        y = x * 1.0
        found = []
        for i, v in enumerate(np.nditer(y)):
            y[i] = 3 * v
            found.append(v * v)
        return np.sum(np.stack(found))

    x = np.array([1.0, 2.0])
    assert float(f(x)) == 45.0
    assert ad.grad(f)(x).tolist() == [18.0, 36.0]

    def writing(x):
        for v in np.nditer(x):
            v[...] = 0.0
        return np.sum(x)

    with pytest.raises(ValueError, match="read-only"):
        writing(x)
    with pytest.raises(TypeError, match=r"read-only; .*readwrite"):
        ad.grad(writing)(x)
