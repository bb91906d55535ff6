"""Joining, splitting, rearranging and padding: values as in NumPy, exact derivatives, batching.

All of it is linear. For a linear map the tangent is the map itself, which NumPy computes, and the
dot test ties the adjoint to it.
"""

from __future__ import annotations

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint as ad
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.verify import verify
from tests.counting import assert_linear

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(3)
A, B, C = RNG.normal(size=(3, 2, 3, 4))
V, W = RNG.normal(size=(2, 5))
S = RNG.normal(size=(4, 4))


def call(f, *args):
    """What `f` returns, as a list of arrays."""
    result = f(*args)
    parts = result if isinstance(result, (tuple, list)) else (result,)
    return [np.asarray(part) for part in parts]


def flat(f):
    """`f` with its results raveled and joined into one tensor."""

    def joined(*args):
        result = f(ad, *args)
        parts = result if isinstance(result, (tuple, list)) else (result,)
        return ad.concat([ad.reshape(part, (-1,)) for part in parts])

    return joined


LINEAR = [
    ("concat", lambda n, a, b: n.concat([a, b]), (A, B)),
    ("concat axis 1", lambda n, a, b: n.concat([a, a, b], axis=1), (A, B)),
    ("concat axis -1", lambda n, a, b: n.concat((a, b[:, :, :2]), axis=-1), (A, B)),
    ("concat axis None", lambda n, a, v: n.concat((a, v), axis=None), (A, V)),
    ("concatenate", lambda n, a, b: n.concatenate([a, b], 2), (A, B)),
    ("stack", lambda n, a, b, c: n.stack([a, b, c]), (A, B, C)),
    ("stack axis 1", lambda n, a, b: n.stack((a, b, a), axis=1), (A, B)),
    ("stack axis -1", lambda n, a, b: n.stack((a, b), axis=-1), (A, B)),
    ("stack of elements", lambda n, v: n.stack([v[3], v[0], v[3]]), (V,)),
    ("hstack", lambda n, a, b: n.hstack([a, b]), (A, B)),
    ("hstack of vectors", lambda n, v, w: n.hstack([v, w, 1.0]), (V, W)),
    ("vstack", lambda n, v, w: n.vstack([v, w]), (V, W)),
    ("dstack", lambda n, v, w: n.dstack([v, w]), (V, W)),
    ("column_stack", lambda n, v, w, a: n.column_stack([v, a, w]), (V, W, RNG.normal(size=(5, 2)))),
    ("append", lambda n, v, w: n.append(v, w), (V, W)),
    ("append axis", lambda n, a, b: n.append(a, b, axis=1), (A, B)),
    ("block", lambda n, s, v: n.block([[s, s[:, :1]], [s[:2], s[:2, 1:2]]]), (S, V)),
    ("block of vectors", lambda n, v, w: n.block([v, 2.0, w]), (V, W)),
    ("block of rows", lambda n, v, w: n.block([[v], [w]]), (V, W)),
    ("unstack", lambda n, a: n.unstack(a, axis=1), (A,)),
    ("split", lambda n, a: n.split(a, 2, axis=2), (A,)),
    ("split at", lambda n, v: n.split(v, [1, 1, 3, 9]), (V,)),
    ("split from the end", lambda n, v: n.split(v, [-2, 4]), (V,)),
    ("array_split", lambda n, v: n.array_split(v, 3), (V,)),
    ("array_split many", lambda n, v: n.array_split(v, 7), (V,)),
    ("hsplit", lambda n, a: n.hsplit(a, 3), (A,)),
    ("hsplit vector", lambda n, v: n.hsplit(v, [2]), (V,)),
    ("vsplit", lambda n, a: n.vsplit(a, 2), (A,)),
    ("dsplit", lambda n, a: n.dsplit(a, 2), (A,)),
    ("moveaxis", lambda n, a: n.moveaxis(a, 0, -1), (A,)),
    ("moveaxis several", lambda n, a: n.moveaxis(a, (0, 2), (1, 0)), (A,)),
    ("swapaxes", lambda n, a: n.swapaxes(a, 0, -1), (A,)),
    ("transpose", lambda n, a: n.transpose(a), (A,)),
    ("transpose axes", lambda n, a: n.transpose(a, (1, 2, 0)), (A,)),
    ("expand_dims", lambda n, a: n.expand_dims(a, (0, 2)), (A,)),
    ("squeeze", lambda n, a: n.squeeze(a[:1, :, :1]), (A,)),
    ("squeeze axis", lambda n, a: n.squeeze(a[:1, :, :1], axis=0), (A,)),
    ("ravel", lambda n, a: n.ravel(a), (A,)),
    ("flip", lambda n, a: n.flip(a), (A,)),
    ("flip axes", lambda n, a: n.flip(a, (0, 2)), (A,)),
    ("fliplr", lambda n, a: n.fliplr(a), (A,)),
    ("flipud", lambda n, a: n.flipud(a), (A,)),
    ("roll", lambda n, a: n.roll(a, 5), (A,)),
    ("roll axis", lambda n, a: n.roll(a, -1, axis=2), (A,)),
    ("roll axes", lambda n, a: n.roll(a, (1, -2), axis=(1, 2)), (A,)),
    ("roll both", lambda n, a: n.roll(a, 1, axis=(1, 2)), (A,)),
    ("roll by several", lambda n, a: n.roll(a, (1, 2), axis=1), (A,)),
    *[(f"rot90 {k}", lambda n, a, k=k: n.rot90(a, k), (A,)) for k in range(-1, 5)],
    ("rot90 axes", lambda n, a: n.rot90(a, axes=(2, 0)), (A,)),
    ("tile", lambda n, a: n.tile(a, 2), (A,)),
    ("tile reps", lambda n, a: n.tile(a, (2, 1, 3)), (A,)),
    ("tile more", lambda n, v: n.tile(v, (2, 1, 3)), (V,)),
    ("repeat", lambda n, a: n.repeat(a, 2), (A,)),
    ("repeat axis", lambda n, a: n.repeat(a, 3, axis=1), (A,)),
    ("repeat each", lambda n, a: n.repeat(a, [2, 0, 1], axis=1), (A,)),
    *[
        (f"diagonal {k}", lambda n, a, k=k: n.diagonal(a, k, 1, 2), (A,))
        for k in (-3, -2, 0, 1, 3, 4, 9)
    ],
    ("diagonal axes", lambda n, a: n.diagonal(a, 0, 2, 0), (A,)),
    ("trace", lambda n, s: n.trace(s), (S,)),
    ("trace offset", lambda n, a: n.trace(a, 1, 2, 1), (A,)),
    *[(f"diag {k}", lambda n, v, k=k: n.diag(v, k), (V,)) for k in (-2, 0, 1)],
    ("diag of a matrix", lambda n, s: n.diag(s, 1), (S,)),
    *[(f"tril {k}", lambda n, a, k=k: n.tril(a, k), (A,)) for k in (-1, 0, 2)],
    *[(f"triu {k}", lambda n, a, k=k: n.triu(a, k), (A,)) for k in (-1, 0, 2)],
    ("atleast_1d", lambda n, v: n.atleast_1d(v[0]), (V,)),
    ("atleast_2d", lambda n, v: n.atleast_2d(v, v[0]), (V,)),
    ("atleast_3d", lambda n, v, s: n.atleast_3d(v, s, v[0]), (V, S)),
    ("broadcast_arrays", lambda n, v: n.broadcast_arrays(v, v[:, None], v[0]), (V,)),
    ("meshgrid", lambda n, v, w: n.meshgrid(v, w[:3]), (V, W)),
    ("meshgrid ij", lambda n, v, w: n.meshgrid(v, w[:3], v[:2], indexing="ij"), (V, W)),
    ("meshgrid sparse", lambda n, v, w: n.meshgrid(v, w[:3], w, sparse=True), (V, W)),
    ("compress", lambda n, a: n.compress([True, False, True], a, axis=1), (A,)),
    ("compress short", lambda n, a: n.compress([False, True], a, axis=2), (A,)),
    ("extract", lambda n, a: n.extract(A > 0, a), (A,)),
    ("pad", lambda n, a: n.pad(a, 1), (A,)),
    ("pad pairs", lambda n, a: n.pad(a, ((0, 1), (2, 0), (1, 1)), constant_values=5.0), (A,)),
    ("pad one pair", lambda n, a: n.pad(a, (1, 2)), (A,)),
    *[
        (f"pad {mode}", lambda n, a, mode=mode: n.pad(a, ((1, 0), (2, 2), (0, 7)), mode=mode), (A,))
        for mode in ("edge", "reflect", "symmetric", "wrap")
    ],
]
linear = pytest.mark.parametrize("name, f, args", LINEAR, ids=[case[0] for case in LINEAR])


@linear
def test_values_are_those_of_numpy(name, f, args):
    got = f(ad, *map(ad.asarray, args))
    parts = got if isinstance(got, (tuple, list)) else (got,)
    expected = call(lambda *args: f(np, *args), *args)
    assert len(parts) == len(expected)
    for part, value in zip(parts, expected, strict=True):
        assert part.shape == value.shape
        assert part.dtype == value.dtype
        assert_array_equal(part, value)
    verify([part.node for part in parts])


@linear
def test_numpy_itself_dispatches_to_the_same(name, f, args):
    got = call(lambda *args: f(np, *args), *map(ad.asarray, args))
    for part, value in zip(got, call(lambda *args: f(np, *args), *args), strict=True):
        assert_array_equal(part, value)


@linear
def test_both_modes_and_the_second_order(name, f, args):
    g = flat(f)
    rng = np.random.default_rng(0)
    directions = tuple(rng.normal(size=a.shape) for a in args)
    y, tangent = ad.jvp(g, args, directions)
    at_zero = g(*(np.zeros_like(a) for a in args))
    assert_allclose(tangent, g(*directions).numpy() - at_zero.numpy(), atol=1e-12)
    w = rng.normal(size=y.shape)
    _, pullback = ad.vjp(g, *args)
    shares = pullback(w)
    dots = sum(np.sum(s.numpy() * d) for s, d in zip(shares, directions, strict=True))
    assert_allclose(np.sum(w * tangent.numpy()), dots, atol=1e-10)
    curved = ad.grad(lambda a: ad.sum(ad.sin(g(a, *args[1:]))))
    _, product = ad.jvp(curved, args[:1], directions[:1])
    h = 1e-6
    ahead, behind = (curved(args[0] + s * h * directions[0]).numpy() for s in (1, -1))
    assert_allclose(product, (ahead - behind) / (2 * h), atol=1e-7)


@linear
def test_a_batch_gives_what_each_example_gives(name, f, args):
    g = flat(f)
    batches = [np.stack([a, 2 * a, -a]) for a in args]
    for chosen in {
        (0,) * len(args),
        (0, *(None,) * (len(args) - 1)),
        (*(None,) * (len(args) - 1), 0),
    }:
        given = [b if c == 0 else a for a, b, c in zip(args, batches, chosen, strict=True)]
        got = ad.vmap(g, in_axes=chosen)(*given)
        rows = [
            g(*(x[i] if c == 0 else x for x, c in zip(given, chosen, strict=True))).numpy()
            for i in range(3)
        ]
        assert_array_equal(got, np.stack(rows))
    loss = ad.grad(lambda a: ad.sum(g(a, *args[1:]) ** 2))
    assert_allclose(ad.vmap(loss)(batches[0]), np.stack([loss(a).numpy() for a in batches[0]]))


def test_many_numbers_are_joined_and_differentiated_with_linear_work():
    def join(n):
        assert_array_equal(ad.stack([ad.asarray(float(i)) for i in range(n)]), np.arange(float(n)))

    def differentiate(n):
        x = [ad.variable(float(i)) for i in range(n)]
        ad.gradient(ad.sum(ad.stack(x) ** 2), x)

    assert_linear(join, 5_000)
    assert_linear(differentiate, 1_000)
    x = [ad.variable(float(i)) for i in range(20_000)]
    found = ad.gradient(ad.sum(ad.stack(x) ** 2), x)
    assert_array_equal([float(found[0]), float(found[-1])], [0, 2 * 19_999])


@pytest.mark.slow
def test_a_million_variables():
    x = [ad.asarray(float(i)) for i in range(1_000_000)]
    assert_array_equal(ad.stack(x), np.arange(1e6))
    parts = [ad.asarray([float(i)]) for i in range(1_000_000)]
    assert_array_equal(ad.concat(parts), np.arange(1e6))


@pytest.mark.parametrize("join", [ad.stack, ad.concat], ids=["stack", "concat"])
@pytest.mark.parametrize(
    "dtypes, common",
    [
        (("float32", "float32"), "float32"),
        (("float32", "float64"), "float64"),
        (("int64", "float32"), "float64"),
        (("int8", "uint8"), "int16"),
        (("bool", "int32"), "int32"),
        (("float32", "complex64"), "complex64"),
    ],
)
def test_joined_tensors_have_the_common_dtype(join, dtypes, common):
    assert join([ad.zeros(2, dtype=d) for d in dtypes]).dtype == common
    assert join([ad.zeros(2), ad.zeros(2)], dtype="float32").dtype == "float32"


def test_python_numbers_adapt_to_the_tensors_they_are_joined_with():
    x = ad.asarray(1.0, dtype="float32")
    assert ad.stack([x, 2.0, 3]).dtype == "float32"
    assert ad.stack([ad.asarray(1), 2.0]).dtype == "float64"
    assert ad.stack([1, 2]).dtype == "int64"
    assert ad.stack([1, True, 2.0]).dtype == "float64"
    g = ad.grad(lambda x: ad.sum(ad.stack([x, 2.0, x]).astype("float64")))(x)
    assert g.dtype == "float32"
    assert g == 2


def test_dtypes_of_adjoints_are_those_of_the_inputs():
    a, b = ad.asarray([1.0], dtype="float32"), ad.asarray([2.0])
    to_a, to_b = ad.grad(lambda a, b: ad.sum(ad.concat([a, b]) ** 2), (0, 1))(a, b)
    assert (to_a.dtype, to_b.dtype) == ("float32", "float64")


def test_tiles_repeated_zero_times():
    assert ad.tile(V, 0).shape == (0,)
    assert ad.tile(A, (2, 0, 1)).shape == (4, 0, 4)


def test_arrays_and_iterators_can_be_joined():
    assert_array_equal(ad.stack(np.eye(2)), np.eye(2))
    assert_array_equal(ad.stack(ad.eye(2)), np.eye(2))
    assert_array_equal(ad.concat(row for row in np.eye(2)), [1, 0, 0, 1])
    assert_array_equal(ad.concat([[1, 2], [3]]), [1, 2, 3])
    assert_array_equal(ad.vmap(lambda x: ad.stack(x, 1))(np.ones((2, 3, 4))), np.ones((2, 4, 3)))


def test_complex_padding_and_stacking():
    z = A[0] + 1j * A[1]
    _, pullback = ad.vjp(lambda z: ad.pad(ad.stack([z, z]), 1), z)
    w = RNG.normal(size=(4, 5, 6)) * (1 + 2j)
    assert_allclose(pullback(w)[0], w[1, 1:-1, 1:-1] + w[2, 1:-1, 1:-1])


def test_the_number_that_pads_has_a_derivative():
    f = lambda c: ad.sum(ad.pad(ad.ones(2), (1, 2), constant_values=c) ** 2)
    assert_allclose(ad.grad(f)(3.0), 18)


@hypothesis.given(
    hnp.array_shapes(min_dims=2, max_dims=3, max_side=4),
    st.integers(-5, 5),
    st.integers(0, 2),
    st.integers(0, 2),
)
@hypothesis.settings(deadline=None)
def test_diagonals_of_any_matrices(shape, offset, axis1, axis2):
    hypothesis.assume(axis1 != axis2 and max(axis1, axis2) < len(shape))
    x = np.arange(float(np.prod(shape))).reshape(shape)
    y, pullback = ad.vjp(lambda x: ad.diagonal(x, offset, axis1, axis2), x)
    assert_array_equal(y, np.diagonal(x, offset, axis1, axis2))
    expected = np.zeros_like(x)
    moved = np.moveaxis(expected, (axis1, axis2), (-2, -1))
    for i in range(y.shape[-1]):
        moved[..., i + max(0, -offset), i + max(0, offset)] = 1
    assert_array_equal(pullback(np.ones(y.shape))[0], expected)


@hypothesis.given(
    hnp.array_shapes(max_dims=2, max_side=4),
    st.integers(0, 6),
    st.integers(0, 6),
    st.sampled_from(["constant", "edge", "reflect", "symmetric", "wrap"]),
)
@hypothesis.settings(deadline=None)
def test_padding_as_in_numpy(shape, before, after, mode):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    assert_array_equal(ad.pad(x, (before, after), mode), np.pad(x, (before, after), mode))


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: ad.concat([]), ArgumentError, "concat: got no tensors"),
        (lambda: ad.stack([]), ArgumentError, "stack: got no tensors"),
        (lambda: ad.concat([1.0, 2.0]), ShapeError, "use stack"),
        (lambda: ad.stack([ad.ones(2), ad.ones(3)]), ShapeError, r"tensor 1 has shape \(3,\)"),
        (lambda: ad.concat([ad.ones((2, 2)), ad.ones((2, 3))]), ShapeError, "except along axis 0"),
        (lambda: ad.concat([ad.ones(2)], axis=1), ShapeError, "axis 1 is out of bounds"),
        (lambda: ad.stack([ad.ones(2)], axis=2), ShapeError, "axis 2 is out of bounds"),
        (lambda: ad.split(ad.ones(3), 2), ShapeError, "use array_split"),
        (lambda: ad.array_split(ad.ones(3), 0), RangeError, "must be positive"),
        (lambda: ad.vsplit(ad.ones(3), 1), ShapeError, "at least 2 axes"),
        (lambda: ad.pad(ad.ones(3), -1), RangeError, "must not be negative"),
        (lambda: ad.pad(ad.ones(3), 0.5), ArgumentError, "must hold integers"),
        (lambda: ad.pad(ad.ones(3), ((1, 1), (2, 2))), ShapeError, "for each of the 1 axes"),
        (lambda: ad.pad(ad.ones(3), 1, mode="odd"), ArgumentError, "choose from constant, empty"),
        (lambda: ad.pad(ad.ones(0), 1, mode="edge"), ShapeError, "nothing to repeat"),
        (lambda: ad.moveaxis(ad.ones((2, 3)), (0, 1), 0), ShapeError, "same number of axes"),
        (lambda: ad.moveaxis(ad.ones((2, 3)), (0, 0), (0, 1)), ShapeError, "same axis twice"),
        (lambda: ad.swapaxes(ad.ones(2), 0, 1), ShapeError, "swapaxes: axis 1"),
        (lambda: ad.roll(ad.ones(2), 0.5), ArgumentError, "shift must be an integer"),
        (lambda: ad.roll(ad.ones((2, 2, 2)), (1, 2), (0, 1, 2)), ShapeError, "2 shifts for 3 axes"),
        (lambda: ad.rot90(ad.ones((2, 2)), axes=(0, 0)), ShapeError, "same axis twice"),
        (lambda: ad.repeat(ad.ones(3), [1, 2]), ShapeError, "2 repeats were given"),
        (lambda: ad.repeat(ad.ones(3), -1), RangeError, "must not be negative"),
        (lambda: ad.repeat(ad.ones(3), 0.5), ArgumentError, "must be an integer"),
        (lambda: ad.tile(ad.ones(3), -1), RangeError, "must not be negative"),
        (lambda: ad.diagonal(ad.ones(3)), ShapeError, "at least 2 axes"),
        (lambda: ad.diag(1.0), ShapeError, "a vector or a matrix"),
        (lambda: ad.trace(ad.ones(3)), ShapeError, "trace: needs at least 2 axes"),
        (lambda: ad.tril(ad.ones(3)), ShapeError, "tril: needs at least 2 axes"),
        (lambda: ad.meshgrid(ad.ones(3), indexing="yx"), ArgumentError, "indexing must be"),
        (lambda: ad.block([[ad.ones(3)], ad.ones(3)]), ShapeError, "same depth"),
        (lambda: ad.block([]), ArgumentError, "empty list"),
        (lambda: ad.broadcast_arrays(ad.ones(2), ad.ones(3)), ShapeError, "do not broadcast"),
    ],
)
def test_errors_say_what_to_do(make, error, message):
    with pytest.raises(error, match=message):
        make()
