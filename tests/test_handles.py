"""A result is another handle than its input, and data given in any form become a tensor."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

NOTHING_TO_DO = {
    "asarray": ad.asarray,
    "array": ad.array,
    "astype": lambda x: x.astype("float64"),
    "sum": lambda x: ad.sum(x, axis=()),
    "prod": lambda x: ad.prod(x, axis=()),
    "max": lambda x: ad.max(x, axis=()),
    "clip": ad.clip,
    "positive": lambda x: +x,
    "real": ad.real,
    "conj": ad.conj,
    "reshape": lambda x: ad.reshape(x, (2, 2)),
    "broadcast_to": lambda x: ad.broadcast_to(x, (2, 2)),
    "broadcast_arrays": lambda x: ad.broadcast_arrays(x)[0],
    "permute_dims": lambda x: ad.permute_dims(x, (0, 1)),
    "squeeze": ad.squeeze,
    "expand_dims": lambda x: ad.expand_dims(x, ()),
    "flip": lambda x: ad.flip(x, ()),
    "roll": lambda x: ad.roll(x, 0, axis=0),
    "rot90": lambda x: ad.rot90(x, 0),
    "tile": lambda x: ad.tile(x, 1),
    "pad": lambda x: ad.pad(x, 0),
    "concat": lambda x: ad.concat([x]),
    "split": lambda x: ad.split(x, 1)[0],
    "diff": lambda x: ad.diff(x, 0),
    "einsum": lambda x: ad.einsum("ij->ij", x),
    "matrix_power": lambda x: ad.matrix_power(x, 1),
    "vjp": lambda x: ad.vjp(lambda y: y, x)[0],
    "jvp": lambda x: ad.jvp(lambda y: y, (x,), (x,))[1],
    "vmap": ad.vmap(lambda y: y),
}


@pytest.mark.parametrize("name", NOTHING_TO_DO)
def test_writing_to_a_result_leaves_the_input_as_it_was(name):
    x = ad.asarray([[1.0, 2.0], [3.0, 4.0]])
    y = NOTHING_TO_DO[name](x)
    y[0, 0] = 7.0
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert y.tolist() == [[7.0, 2.0], [3.0, 4.0]]


SINGLE = ad.asarray(1.5, dtype="float32")


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([SINGLE, 2.0], "float32"),
        ([2, SINGLE], "float32"),
        ([[SINGLE, 2.0], [3.0, 4.0]], "float32"),
        ([SINGLE, 1j], "complex64"),
        ([SINGLE, np.float64(2)], "float64"),
        ([ad.asarray(1), 2.0], "float64"),
        ([ad.asarray(1), True], "int64"),
    ],
)
def test_python_numbers_in_a_list_take_the_dtype_of_the_tensors(data, dtype):
    assert ad.asarray(data).dtype == dtype


def test_tensors_in_nested_lists_keep_their_positions():
    assert ad.asarray([[SINGLE, 2.0], [3.0, 4.0]]).tolist() == [[1.5, 2.0], [3.0, 4.0]]
    assert ad.asarray([SINGLE, 2.0], dtype="int64").tolist() == [1, 2]
    assert ad.grad(lambda x: ad.sum(ad.asarray([[x, 1.0], [2.0, x * x]])))(3.0).item() == 7.0


@pytest.mark.parametrize(
    "shape",
    [np.array([2, 3]), ad.asarray([2, 3]), [2, 3], (np.int64(2), ad.asarray(3))],
    ids=["array", "tensor", "list", "tuple"],
)
def test_a_shape_may_come_in_any_form(shape):
    assert ad.zeros(shape).shape == (2, 3)
    assert ad.broadcast_to(1.0, shape).shape == (2, 3)
    assert ad.ones(np.array([4])).shape == ad.ones(np.array(4)).shape == (4,)


@pytest.mark.parametrize(("given", "other"), [((1, 5), (0, 5)), ((5,), (0, 5)), ((1,), (0,))])
def test_the_adjoint_through_an_empty_axis_is_zero(given, other):
    gradient = ad.grad(lambda x: ad.sum((x + ad.zeros(other)) * 2.0))(ad.ones(given))
    np.testing.assert_array_equal(gradient, np.zeros(given))
