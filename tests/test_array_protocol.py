"""Tensors behave as arrays do: copies, formats, iteration, comparisons, methods, the array API."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ShapeError

pytestmark = pytest.mark.unit

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
B = np.array([0.5, -1.0, 2.0])


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_keeps_the_value(protocol):
    for t in (ad.exp(ad.asarray(B)), ad.asarray(3), ad.zeros((0, 2)), ad.asarray([True])):
        again = pickle.loads(pickle.dumps(t, protocol))
        assert type(again) is ad.Tensor
        assert (again.shape, again.dtype) == (t.shape, t.dtype)
        assert np.array_equal(again, t)


def test_copies_are_handles_of_their_own():
    x = ad.asarray([1.0, 2.0])
    for other in (copy.copy(x), copy.deepcopy(x), x.copy()):
        other[0] = 5.0
        assert x.tolist() == [1.0, 2.0]
        assert other.tolist() == [5.0, 2.0]


def test_formats():
    assert f"{ad.asarray(3.14159):.2f}" == "3.14"
    assert f"{ad.asarray(7):>4d}" == "   7"
    assert f"{ad.asarray([1.0, 2.0])}" == "Tensor([1., 2.])"
    assert repr(ad.asarray([1, 2], dtype="int32")) == "Tensor([1, 2], dtype=int32)"
    assert repr(ad.zeros((0, 2))) == "Tensor([], shape=(0, 2))"
    assert "%.1f" % ad.asarray(2.0) == "2.0"  # noqa: UP031 - the old way is what is tested
    assert f"{ad.asarray(2.5):}" == str(ad.asarray(2.5))


def test_iteration_unpacking_length_and_membership():
    x = ad.asarray(A)
    assert [row.tolist() for row in x] == A.tolist()
    first, second = x
    assert (first.shape, second.tolist()) == ((3,), [4.0, 5.0, 6.0])
    assert len(x) == 2
    assert 5.0 in x
    assert 7.0 not in x
    assert ad.asarray(2.0) in x
    assert [r.tolist() for r in reversed(x)] == A[::-1].tolist()
    with pytest.raises(TypeError, match="0-d"):
        iter(ad.asarray(1.0))
    with pytest.raises(TypeError, match="0-d"):
        len(ad.asarray(1.0))


def test_comparisons_are_elementwise_and_truth_needs_one_element():
    x = ad.asarray([1.0, 2.0])
    assert (x == np.array([1.0, 3.0])).tolist() == [True, False]
    assert (np.array([1.0, 3.0]) != x).tolist() == [False, True]
    assert bool(ad.asarray([2.0]) > 1)
    assert not ad.asarray(0.0)
    with pytest.raises(ShapeError, match=r"adjoint\.any or adjoint\.all"):
        bool(x > 1)
    assert 1.0 < ad.asarray(2.0) < 3.0


def test_a_tensor_is_a_key_by_identity():
    x, y = ad.asarray(1.0), ad.asarray(1.0)
    assert len({x: 1, y: 2}) == 2
    assert {x: 1}[x] == 1


def test_tensors_are_numbers_and_indices_where_python_wants_some():
    i = ad.asarray(2)
    assert [10, 20, 30][i] == 30
    assert list(range(i)) == [0, 1]
    assert A[0, i] == 3.0
    assert np.ones(ad.asarray(3)).shape == (3,)
    assert (int(ad.asarray(2.7)), complex(ad.asarray(1.5))) == (2, 1.5 + 0j)
    assert round(ad.asarray(2.6)) == 3
    assert abs(ad.asarray(-2.0)).item() == 2.0
    assert sum([ad.asarray(1.0), ad.asarray(2.0)]).item() == 3.0
    assert max(ad.asarray(1.0), ad.asarray(2.0)).item() == 2.0
    with pytest.raises(TypeError, match="integer"):
        [1, 2][ad.asarray(1.0)]


METHODS = {
    "sum": (1,),
    "mean": (0,),
    "max": (),
    "min": (1,),
    "argmax": (1,),
    "argmin": (),
    "std": (0,),
    "var": (0,),
    "prod": (1,),
    "any": (),
    "all": (),
    "cumsum": (1,),
    "reshape": (3, 2),
    "transpose": (1, 0),
    "flatten": (),
    "clip": (2.0, 5.0),
    "dot": (B,),
    "conj": (),
    "squeeze": (),
    "swapaxes": (0, 1),
    "diagonal": (1,),
    "trace": (),
    "repeat": (2, 1),
    "take": ([0, 2], 1),
    "cumprod": (1,),
    "round": (1,),
    "argsort": (0,),
    "nonzero": (),
    "astype": ("int64",),
    "tolist": (),
}


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_numpy_s(name):
    ours, theirs = (getattr(x, name)(*METHODS[name]) for x in (ad.asarray(A), A))
    np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize(
    "name", ["T", "mT", "real", "imag", "shape", "dtype", "ndim", "size", "nbytes", "itemsize"]
)
def test_attributes_are_numpy_s(name):
    assert np.array_equal(getattr(ad.asarray(A), name), getattr(A, name))


# The array API.


def namespace():
    try:
        return ad.ones(1).__array_namespace__()
    except KeyError:
        pytest.skip("the namespace is not there (yet)")


def test_the_namespace_is_the_library():
    xp = namespace()
    x = xp.asarray([1.0, 2.0, 3.0])
    assert type(x) is ad.Tensor
    assert float(xp.sum(xp.sin(x) ** 2 + xp.cos(x) ** 2)) == pytest.approx(3.0)
    assert xp.concat([x, x]).shape == (6,)
    assert xp.permute_dims(xp.ones((2, 3)), (1, 0)).shape == (3, 2)
    assert xp.pi == np.pi
    assert x.device == "cpu"


def test_code_written_for_any_array_library_is_differentiated():
    def standardise(x):
        xp = x.__array_namespace__()
        return (x - xp.mean(x)) / xp.sqrt(xp.mean((x - xp.mean(x)) ** 2) + 1e-3)

    namespace()
    ad.check_gradients(standardise, np.array([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(standardise(ad.asarray(B)), standardise(B))
