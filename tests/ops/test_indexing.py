"""Indexing as in NumPy: values, derivatives of both orders, batching, errors.

An index is linear in the tensor, so its derivative is known exactly: the dot test needs no
tolerance beyond rounding, and NumPy's `add.at` is the oracle of the transpose.
"""

from __future__ import annotations

from array import array

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint as ad
from adjoint.errors import (
    ArgumentError,
    ConcretizationError,
    DTypeError,
    OutOfBoundsError,
    ShapeError,
)
from adjoint.graph.verify import verify

pytestmark = pytest.mark.unit

SHAPE = (3, 4, 5, 2)
X = np.arange(120.0).reshape(SHAPE)
MASK = np.arange(20).reshape(4, 5) % 3 == 0
ALL = slice(None)

INDICES = [
    0,
    -1,
    (1, 2),
    (),
    ...,
    (..., 0),
    (1, ..., -1),
    None,
    (None, 1, None, ...),
    (ALL, None, 2),
    slice(None, None, -1),
    slice(5, 2),
    slice(-2, None),
    (slice(2, 0, -1), ALL, slice(1, None, 2)),
    (slice(None, None, -2), slice(3, None, -3), slice(4, 1, -1)),
    [0, 2, 2],
    [[0, 1], [2, 2]],
    [],
    np.array(2),
    np.int32(1),
    np.array([-1, 0], np.int8),
    np.array([2, 1], np.uint64),
    ([0, 1], [1, 2]),
    range(2, 0, -1),
    (range(2), array("l", [1, 3])),
    ([[0], [1]], [1, 2, 3]),
    ([0, 1], ALL, [1, 2]),
    (0, ALL, [1, 2]),
    (ALL, 0, [1, 2]),
    (ALL, [1, 2], 0),
    (ALL, [1, 2], ALL, 0),
    (ALL, [[0], [1]], [1, 2, 3]),
    (ALL, [0, 1], ..., [1, 2], ALL),
    (ALL, [0, 1], [1, 2], ALL),
    ([0, 1], None, [1, 0]),
    ([0, 1], [1, 0], None),
    (None, ALL, None, [1, 2, 3, 0]),
    (ALL, None, [1, 2], 0),
    ([[0, 1], [1, 2]], slice(1, 3), None, [1, 0]),
    (np.array(1), ALL, np.array(2)),
    (ALL, MASK),
    (0, MASK),
    (..., [True, False]),
    (0, [True, False, True, True]),
    ([0, 2], [True, False, False, True]),
    MASK[:3, :4],
    X > 30,
    X > 1000,
    True,
    False,
    (ALL, True, [0, 1]),
    (np.True_, [0, 1]),
]


def name_of(index):
    return repr(index).replace("slice(None, None, None)", ":")[:60].replace("\n", "")


every_index = pytest.mark.parametrize("index", INDICES, ids=name_of)


@every_index
def test_a_tensor_is_indexed_as_an_array(index):
    y = ad.asarray(X)[index]
    assert y.shape == X[index].shape
    assert_array_equal(y, X[index])
    verify([y.node])


@every_index
def test_index_tensors_mean_what_index_arrays_mean(index):
    items = index if isinstance(index, tuple) else (index,)
    tensors = tuple(
        ad.asarray(i)
        if isinstance(i, (np.ndarray, list)) and len(np.shape(i)) and np.size(i)
        else i
        for i in items
    )
    assert_array_equal(ad.asarray(X)[tensors], X[index])


@every_index
def test_assigning_to_an_item_rebinds_the_handle_and_nothing_else(index):
    old = ad.asarray(X)
    t = old.copy()
    value = np.random.default_rng(0).normal(size=X[index].shape)
    expected = X.copy()
    expected[index] = value
    t[index] = value
    assert_array_equal(t, expected)
    assert_array_equal(old, X)
    expected[index] = 7
    t[index] = 7
    assert_array_equal(t, expected)


@every_index
def test_index_add_is_add_at(index):
    value = np.random.default_rng(0).normal(size=X[index].shape)
    expected = X.copy()
    np.add.at(expected, index, value)
    assert_allclose(ad.index_add(X, index, value), expected)


@every_index
def test_the_adjoint_of_indexing_is_added_where_it_came_from(index):
    w = np.random.default_rng(0).normal(size=X[index].shape)
    _y, pullback = ad.vjp(lambda x: x[index], X)
    expected = np.zeros_like(X)
    np.add.at(expected, index, w)
    assert_allclose(pullback(w)[0], expected, atol=1e-12)
    v = np.random.default_rng(1).normal(size=X.shape)
    _, tangent = ad.jvp(lambda x: x[index], (X,), (v,))
    assert_array_equal(tangent, v[index])


@every_index
def test_the_derivative_of_assigning_passes_the_dot_test(index):
    rng = np.random.default_rng(0)
    value = rng.normal(size=X[index].shape)
    dx, dv, w = rng.normal(size=X.shape), rng.normal(size=value.shape), rng.normal(size=X.shape)

    def f(x, v):
        return ad.setitem(x, index, v)

    _, tangent = ad.jvp(f, (X, value), (dx, dv))
    expected = dx.copy()
    expected[index] = dv
    assert_array_equal(tangent, expected)
    _, pullback = ad.vjp(f, X, value)
    to_x, to_v = pullback(w)
    assert_allclose(np.sum(w * tangent.numpy()), np.sum(to_x * dx) + np.sum(to_v * dv))


@every_index
def test_second_derivatives_through_an_index(index):
    def f(x):
        return ad.sum(x[index] ** 3)

    v = np.random.default_rng(0).normal(size=X.shape)
    _, product = ad.jvp(ad.grad(f), (X / 50,), (v,))
    counts = np.zeros_like(X)
    np.add.at(counts, index, 1)
    assert_allclose(product, 6 * X / 50 * counts * v, atol=1e-12)
    assert_allclose(ad.hvp(f, X / 50, v), product, atol=1e-12)


@every_index
def test_a_batch_is_indexed_as_each_example(index):
    batch = np.stack([X, X**2, -X])
    rows = ad.vmap(lambda x: x[index])(batch)
    assert_array_equal(rows, np.stack([x[index] for x in batch]))
    value = np.random.default_rng(0).normal(size=(3, *X[index].shape))

    def written(x, v):
        result = x.copy()
        result[index] = v
        return result

    for axes, args in [
        ((0, 0), (batch, value)),
        ((None, 0), (X, value)),
        ((0, None), (batch, 2.0)),
    ]:
        got = ad.vmap(lambda x, v: ad.setitem(x, index, v), in_axes=axes)(*args)
        pairs = [
            [a if n is None else a[i] for a, n in zip(args, axes, strict=True)] for i in range(3)
        ]
        assert_array_equal(got, np.stack([written(x, v) for x, v in pairs]))
        pull = ad.vmap(
            ad.grad(lambda x, v: ad.sum(ad.setitem(x, index, v) ** 2), (0, 1)), in_axes=axes
        )
        expected = [
            ad.grad(lambda x, v: ad.sum(ad.setitem(x, index, v) ** 2), (0, 1))(x, v)
            for x, v in pairs
        ]
        for part in (0, 1):
            assert_allclose(pull(*args)[part], np.stack([e[part].numpy() for e in expected]))


# Index tensors as inputs of the graph, some of them batched.

MIXED = [
    ("x[i]", lambda x, i, j: x[i], (3, 4)),
    ("x[:, i]", lambda x, i, j: x[:, i], (3, 4)),
    ("x[i, j]", lambda x, i, j: x[i, j], (3, 4, 2)),
    ("x[i, :, j]", lambda x, i, j: x[i, :, j], (3, 2, 4)),
    ("x[:, i, :, j]", lambda x, i, j: x[:, i, :, j], (2, 3, 2, 4)),
    ("x[:, i, j]", lambda x, i, j: x[:, i, j], (2, 3, 4, 2)),
    ("x[i[:, None], j]", lambda x, i, j: x[i[:, None], j], (3, 4)),
    ("x[i[0], j]", lambda x, i, j: x[i[0], :, j], (3, 2, 4)),
    ("x[i[0]]", lambda x, i, j: x[i[0]], (3, 2)),
]


@pytest.mark.parametrize(
    "batched", [(1, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)]
)
@pytest.mark.parametrize("name, f, shape", MIXED, ids=[m[0] for m in MIXED])
def test_batched_indices_choose_for_each_example(name, f, shape, batched):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, *shape))
    i, j = (
        np.array([[0, 2, 2], [1, 1, 0], [-1, 0, 1]]),
        np.array([[3, -1, 0], [1, 1, 1], [0, 2, 3]]),
    )
    args = [ad.asarray(a if b else a[0]) for a, b in zip((x, i, j), batched, strict=True)]
    axes = tuple(0 if b else None for b in batched)
    examples = [[a[n] if b else a for a, b in zip(args, batched, strict=True)] for n in range(3)]
    assert_array_equal(ad.vmap(f, axes)(*args), np.stack([f(*e) for e in examples]))

    def energy(x, i, j):
        return ad.sum(ad.sin(f(x, i, j)) * ad.cos(f(x, i, j)))

    each = np.stack([ad.grad(energy)(*e).numpy() for e in examples])
    assert_allclose(ad.vmap(ad.grad(energy), axes)(*args), each)

    def write(x, i, j):
        chosen = f(ad.asarray(np.arange(x.size).reshape(x.shape)), i, j)
        places = ad.reshape(ad.asarray(chosen), (-1,))
        values = ad.reshape(f(x, i, j) ** 2, (-1,))
        return ad.reshape(ad.setitem(ad.reshape(x, (-1,)), places, values), x.shape)

    each = np.stack([write(*e).numpy() for e in examples])
    assert_allclose(ad.vmap(write, axes)(*args), each)

    def loss(x, i, j):
        return ad.sum(write(x, i, j) ** 3)

    each = np.stack([ad.grad(loss)(*e).numpy() for e in examples])
    assert_allclose(ad.vmap(ad.grad(loss), axes)(*args), each)


def test_hessian_of_a_quantity_with_repeated_elements():
    def f(x):
        return ad.sum(x[[0, 0, 2]] * x[[1, 2, 2]] ** 2)

    x = np.array([0.5, -1.0, 2.0])
    a, b, c = x
    expected = [[0, 2 * b, 2 * c], [2 * b, 2 * a, 0], [2 * c, 0, 2 * a + 6 * c]]
    assert_allclose(ad.hessian(f)(x), expected)
    assert_allclose(ad.jacrev(ad.jacrev(f))(x), expected)


# Property: any mixture of slices, integers, None, Ellipsis and index arrays.


@st.composite
def shapes_and_indices(draw):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    common = draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    items, axis, dots = [], 0, False
    while axis < len(shape) and draw(st.integers(0, 9)):
        n = shape[axis]
        kind = draw(st.sampled_from(["int", "slice", "none", "dots", "array", "mask", "array"]))
        match kind:
            case "none":
                items.append(None)
                continue
            case "dots":
                if dots:
                    continue
                dots = True
                items.append(...)
                axis += draw(st.integers(0, len(shape) - axis))
                continue
            case "int":
                items.append(draw(st.integers(-n, n - 1)))
            case "slice":
                items.append(draw(st.slices(n)))
            case "array":
                items.append(draw(hnp.arrays(np.int64, common, elements=st.integers(-n, n - 1))))
            case "mask":
                items.append(draw(hnp.arrays(bool, (n,))))
        axis += 1
    index = tuple(items)
    try:
        np.zeros(shape)[index]
    except IndexError:
        hypothesis.assume(False)
    return shape, index


@hypothesis.given(shapes_and_indices())
@hypothesis.settings(max_examples=300, deadline=None)
def test_every_mixture_of_items_is_read_as_numpy_reads_it(case):
    shape, index = case
    x = np.random.default_rng(0).normal(size=shape)
    y, pullback = ad.vjp(lambda x: x[index], x)
    assert y.shape == x[index].shape
    assert_array_equal(y, x[index])
    w = np.random.default_rng(1).normal(size=y.shape)
    expected = np.zeros(shape)
    np.add.at(expected, index, w)
    assert_allclose(pullback(w)[0], expected, atol=1e-12)
    rows = ad.vmap(lambda x: x[index])(np.stack([x, 2 * x]))
    assert_array_equal(rows, np.stack([x[index], 2 * x[index]]))
    written = x.copy()
    written[index] = 3.0
    assert_array_equal(ad.setitem(x, index, 3.0), written)


# Errors.


@pytest.mark.parametrize(
    "index, error, message",
    [
        (
            3,
            OutOfBoundsError,
            r"index 3 is out of bounds for axis 0 with size 3 \(allowed: -3 to 2\)",
        ),
        ((0, -5), OutOfBoundsError, "index -5 is out of bounds for axis 1 with size 4"),
        ([0, 3], OutOfBoundsError, "index 3 is out of bounds for axis 0 with size 3"),
        ((slice(None), [[0], [-5]]), OutOfBoundsError, "index -5 is out of bounds for axis 1"),
        ((0, 0, 0), OutOfBoundsError, r"3 indices were given .* shape \(3, 4\), which has 2 axes"),
        ((..., 0, ...), ArgumentError, "only one Ellipsis"),
        (0.5, DTypeError, "integers, slices .* got float 0.5"),
        ("a", DTypeError, "got str 'a'"),
        ([0.5], DTypeError, "must hold integers or booleans, got dtype float64"),
        (np.array([True, False]), ShapeError, r"mask of shape \(2,\) does not fit"),
        (([0, 1], [0, 1, 2]), ShapeError, "do not broadcast"),
        (slice(0, 2, 0), ArgumentError, "step of a slice must not be 0"),
        (slice(0.5, 2), DTypeError, "must be integers or None"),
    ],
)
def test_an_invalid_index_is_an_error_at_its_line(index, error, message):
    x = ad.zeros((3, 4))
    with pytest.raises(error, match=message):
        x[index]
    with pytest.raises(error, match=message):
        x[index] = np.ones((2, 2, 2, 2))


def test_bounds_of_indices_that_are_computed_are_checked_at_evaluation():
    i = ad.asarray([0, 1]) + ad.asarray(2)
    y = ad.zeros(3)[i]
    with pytest.raises(OutOfBoundsError, match="index 3 is out of bounds for axis 0 with size 3"):
        y.numpy()
    with pytest.raises(OutOfBoundsError, match="index 3"):
        ad.setitem(ad.zeros(3), ad.asarray([0, 1]) + ad.asarray(2), 1.0).numpy()


def test_a_value_that_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match=r"value of shape \(3,\) does not broadcast to \(2,\)"):
        ad.setitem(ad.zeros((2, 2)), 0, np.ones(3))
    with pytest.raises(ShapeError, match=r"value of shape \(3,\) does not broadcast to \(2, 2\)"):
        ad.setitem(ad.zeros((2, 2)), [0, 1], np.ones(3))


def test_a_small_slice_does_not_keep_a_large_array_alive():
    x = ad.asarray(np.zeros(10_000))
    row = x[3]
    assert np.asarray(row.numpy()).base is None or np.asarray(row.numpy()).base.size == 1


def test_a_slice_of_everything_is_a_view_as_numpy_has_it():
    x = ad.asarray([1.0, 2.0])
    y = x[:]
    y[0] = 5.0
    assert_array_equal(x, [5, 2])
    y = x.reshape(2)
    y[1] = 6.0
    assert_array_equal(x, [5, 6])
    y = x.copy()
    y[0] = 7.0
    assert_array_equal(x, [5, 6])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_many_rows_are_summed_where_they_belong(dtype):
    rng = np.random.default_rng(0)
    index = rng.integers(-50, 50, size=(40, 60))
    rows = rng.normal(size=(40, 60, 70)).astype(dtype)
    expected = np.zeros((50, 70), "complex128" if dtype == "complex128" else "float64")
    np.add.at(expected, index, rows)
    got = ad.index_add(ad.zeros((50, 70), dtype=dtype), index, rows)
    assert got.dtype == dtype
    assert_allclose(got, expected, rtol=1e-4 if dtype == "float32" else 1e-12, atol=1e-5)


@pytest.mark.parametrize("transform", [ad.compile, ad.vmap, lambda f: ad.compile(ad.grad(f))])
def test_how_much_a_mask_chooses_must_be_known(transform):
    def f(x):
        return ad.sum(x[x > 1])

    given = np.ones((2, 3)) if transform is ad.vmap else np.ones(3)
    with pytest.raises(ConcretizationError, match=r"a mask chooses.*where\(mask, a, b\)"):
        transform(f)(given)
