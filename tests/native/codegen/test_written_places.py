"""Writing at integer arrays is native code, equal to NumPy's to the last bit."""

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import OutOfBoundsError

pytestmark = pytest.mark.native

WRITTEN = [
    ((5,), ([1, 1, 3],)),
    ((4, 5), (slice(None), [1, -1, 1])),
    ((4, 5), np.ix_([0, 2], [1, 3])),
    ((3, 4, 5), ([0, 1], slice(None), [2, 2])),
    ((3, 4, 5), (slice(None), [[1], [0]], [2, 4])),
    ((3, 4, 5), ([2], slice(None), [-1])),
    ((3, 3), (np.eye(3, dtype=bool),)),
]


def is_native(compiled):
    """Whether no step of a program is a call of NumPy."""
    return all(row.kind != "numpy" for row in compiled.report().rows)


@pytest.mark.parametrize("dtype", ["float64", "complex64", "int32", "bool"])
def test_constant_places(dtype):
    rng = np.random.default_rng(0)
    for shape, index in WRITTEN:
        x = (3 * rng.normal(size=shape)).astype(dtype)
        values = (3 * rng.normal(size=x[index].shape)).astype(dtype)
        if dtype == "float64":
            values.flat[0], values.flat[-1] = -0.0, np.nan
        expected = x.copy()
        expected[index] = values
        write = ad.compile(lambda x, v, index=index: ad.setitem(x, index, v))
        found = write(x, values).numpy()
        assert found.tobytes() == expected.tobytes()
        assert is_native(write)


def test_adjoints_of_written_values():
    x, values = np.arange(4.0), np.array([5.0, 6.0, 7.0])
    weights = np.array([1.0, 2.0, 4.0, 8.0])
    slopes = ad.grad(lambda x, v: ad.sum(weights * ad.setitem(x, [2, 0, 2], v)), argnums=(0, 1))
    compiled = ad.compile(slopes)
    by_x, by_values = compiled(x, values)
    assert by_x.numpy().tolist() == [0, 2, 0, 8]
    assert by_values.numpy().tolist() == [0, 1, 4]
    assert is_native(compiled)


def test_one_place_known_when_the_program_runs():
    x = np.arange(12.0).reshape(3, 4)
    for index in ((1, 2), (-1, -4), (0, 3)):
        expected = x.copy()
        expected[index] = x[0, 0] - 7.0
        write = ad.compile(lambda x, i, j: ad.setitem(x, (i, j), x[0, 0] - 7.0))
        assert write(x, *index).numpy().tolist() == expected.tolist()
        assert is_native(write)
    with pytest.raises(OutOfBoundsError, match="index 4 is out of bounds for axis 1"):
        write(x, 0, 4)


def test_a_place_of_each_example():
    x, places = np.zeros((3, 4)), np.array([3, 0, -2])
    write = ad.compile(ad.vmap(lambda x, i: ad.setitem(x, i, 1.0 + i)))
    found = write(x, places)
    assert found.numpy().tolist() == [[0, 0, 0, 4], [1, 0, 0, 0], [0, 0, -1, 0]]
    assert is_native(write)


def test_a_loop_that_fills_an_array():
    def recurrence(x):
        def body(i, y):
            y[i] = ad.sin(x[i]) + y[i - 1]
            return y

        return ad.sum(ad.fori_loop(1, 6, body, ad.zeros(6)))

    x = np.linspace(0.0, 1.0, 6)
    compiled = ad.compile(ad.grad(recurrence))
    np.testing.assert_allclose(compiled(x), np.cos(x) * np.array([0, 5, 4, 3, 2, 1]), rtol=1e-14)
    assert "scatter_set" not in str(compiled.report())
