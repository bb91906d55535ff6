"""Convolutions over channels and pooling, against sums term by term, SciPy and differences."""

from __future__ import annotations

import itertools

import numpy as np
import optree
import pytest
from scipy import ndimage, signal

import adjoint as ad
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.nn.convolution import PADDING_MODES
from adjoint.ops.signal import patches

pytestmark = pytest.mark.unit
RNG = np.random.default_rng(3)


def summed(x, w, stride, padding, dilation, groups):
    """The convolution by its definition, one channel of the result after the other, by SciPy."""
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    out, taken = w.shape[:2]
    apart = np.zeros(
        (*w.shape[:2], *(d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True)))
    )
    apart[(..., *(slice(None, None, d) for d in dilation))] = w
    every = tuple(slice(None, None, s) for s in stride)
    result = []
    for image, o in itertools.product(x, range(out)):
        first = o // (out // groups) * taken
        parts = [signal.correlate(image[first + c], apart[o, c], "valid") for c in range(taken)]
        result.append(np.sum(parts, 0)[every])
    return np.reshape(result, (len(x), out, *result[0].shape))


CASES = [
    (sizes, window, stride, padding, dilation, groups)
    for sizes, window in (((9,), (3,)), ((7, 8), (3, 2)), ((5, 4, 6), (2, 3, 1)))
    for stride, padding, dilation, groups in (
        (1, 0, 1, 1),
        (2, 1, 1, 2),
        (1, 1, 2, 1),
        (3, 2, 1, 4),
    )
]


@pytest.mark.parametrize(("sizes", "window", "stride", "padding", "dilation", "groups"), CASES)
def test_values_and_derivatives_in_every_geometry(
    sizes, window, stride, padding, dilation, groups, monkeypatch
):
    monkeypatch.setattr(patches, "CACHE", 2000)  # so that there are several blocks
    d = len(sizes)
    x, w = RNG.normal(size=(3, 4, *sizes)), RNG.normal(size=(8, 4 // groups, *window))
    options = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
    expected = summed(x, w, (stride,) * d, ((padding,) * 2,) * d, (dilation,) * d, groups)
    np.testing.assert_allclose(ad.nn.conv(x, w, **options), expected, rtol=1e-12, atol=1e-12)

    def f(x, w):
        return ad.sum(ad.sin(ad.nn.conv(x, w, **options)))

    slopes = ad.grad(f, argnums=(0, 1))
    by_x, by_w = map(np.asarray, ad.compile(slopes)(x, w))
    tx, tw = RNG.normal(size=x.shape), RNG.normal(size=w.shape)
    step = 1e-5
    ahead, behind = (x + step * tx, w + step * tw), (x - step * tx, w - step * tw)
    slope = (float(f(*ahead)) - float(f(*behind))) / (2 * step)
    assert slope == pytest.approx(np.sum(by_x * tx) + np.sum(by_w * tw), rel=1e-6, abs=1e-6)
    assert float(ad.jvp(f, (x, w), (tx, tw))[1]) == pytest.approx(slope, rel=1e-6, abs=1e-6)
    second = ad.jvp(slopes, (x, w), (tx, tw))[1]
    for found, a, b in zip(second, slopes(*ahead), slopes(*behind), strict=True):
        difference = (np.asarray(a) - np.asarray(b)) / (2 * step)
        np.testing.assert_allclose(found, difference, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_examples_at_once_are_examples_one_by_one(axes, groups):
    x, w = RNG.normal(size=(3, 2, 4, 5, 6)), RNG.normal(size=(3, 4, 4 // groups, 2, 3))
    x, w = (x if axes[0] == 0 else x[0]), (w if axes[1] == 0 else w[0])

    def f(x, w):
        return ad.sum(ad.nn.conv(x, w, stride=2, padding=1, groups=groups) ** 2)

    slopes = ad.grad(f, argnums=(0, 1))
    found = ad.vmap(slopes, in_axes=axes)(x, w)
    for i in range(3):
        one = slopes(x[i] if axes[0] == 0 else x, w[i] if axes[1] == 0 else w)
        for a, b in zip(found, one, strict=True):
            np.testing.assert_allclose(np.asarray(a)[i], b, rtol=1e-12, atol=1e-12)


def test_complex_numbers_and_single_precision():
    x, w = RNG.normal(size=(2, 1, 3, 6)), RNG.normal(size=(2, 4, 3, 2))
    x, w = x[0] + 1j * x[1], w[0] + 1j * w[1]
    expected = summed(x.real, w.real, (1,), ((0, 0),), (1,), 1) - summed(
        x.imag, w.imag, (1,), ((0, 0),), (1,), 1
    )
    np.testing.assert_allclose(ad.real(ad.nn.conv(x, w)), expected, rtol=1e-12)
    single = ad.nn.conv(x.real.astype(np.float32), w.real.astype(np.float32))
    assert single.dtype == np.float32
    whole = ad.nn.conv(np.arange(6)[None, None], np.array([[[1, -1]]]))
    np.testing.assert_array_equal(whole, [[[-1] * 5]])
    assert whole.dtype == np.int64


@pytest.mark.parametrize("mode", [m for m in PADDING_MODES if m != "zeros"])
def test_images_go_on_beyond_their_edges(mode):
    of_scipy = {"circular": "wrap", "reflect": "mirror", "replicate": "nearest"}[mode]
    x, w = RNG.normal(size=(7, 6)), RNG.normal(size=(3, 3))
    found = ad.nn.conv(x[None], w[None, None], padding="same", padding_mode=mode)
    np.testing.assert_allclose(found[0], ndimage.correlate(x, w, mode=of_scipy), rtol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [6, 7, 8])
def test_same_keeps_the_size_but_for_the_stride(size, stride):
    y = ad.nn.conv(np.ones((1, 1, size)), np.ones((1, 1, 3)), padding="same", stride=stride)
    assert y.shape == (1, 1, -(-size // stride))


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "padding", "more", "dilation"), [(1, 0, 0, 1), (2, 1, 1, 2)])
def test_the_transposed_convolution_is_the_transpose(stride, padding, more, dilation, groups):
    w = RNG.normal(size=(4, 6 // groups, 3, 2))
    y = RNG.normal(size=(2, 4, 5, 4))
    options = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
    x = np.asarray(ad.nn.conv_transpose(y, w, output_padding=more, **options))
    other = RNG.normal(size=x.shape)
    there = np.asarray(ad.nn.conv(other, w, **options))
    assert np.sum(there * y) == pytest.approx(np.sum(other * x), rel=1e-10)
    value = np.asarray(ad.nn.conv_transpose(y, w, np.ones(6), output_padding=more, **options))
    np.testing.assert_allclose(value, x + 1)

    def f(y, w):
        return ad.sum(ad.sin(ad.nn.conv_transpose(y, w, output_padding=more, **options)))

    by_y, by_w = ad.grad(f, argnums=(0, 1))(y, w)
    ty, tw = RNG.normal(size=y.shape), RNG.normal(size=w.shape)
    slope = (float(f(y + 1e-5 * ty, w + 1e-5 * tw)) - float(f(y - 1e-5 * ty, w - 1e-5 * tw))) / 2e-5
    assert slope == pytest.approx(float(ad.sum(by_y * ty) + ad.sum(by_w * tw)), rel=1e-6)


def test_what_was_not_chosen_never_counts():
    x = np.ones((1, 1, 6))
    x[..., 0] = np.inf

    def f(w):
        y = ad.nn.conv(x, w)
        return ad.sum(ad.where(ad.isfinite(y), y, 0.0))

    np.testing.assert_array_equal(ad.grad(f)(np.ones((1, 1, 2))), [[[4, 4]]])


def pooled(x, window, stride, padding, dilation, reduce, ground):
    """Pooling by a loop over the places."""
    x = np.pad(x, ((0, 0), *padding), constant_values=ground)
    span = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True)]
    places = [range(0, n - m + 1, s) for n, m, s in zip(x.shape[1:], span, stride, strict=True)]
    result = [
        reduce(x[:, i : i + span[0] : dilation[0], j : j + span[1] : dilation[1]], (1, 2))
        for i, j in itertools.product(*places)
    ]
    return np.moveaxis(np.reshape(result, (*map(len, places), len(x))), -1, 0)


POOLS = [
    ((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    ((3, 2), (2, 1), ((1, 1), (0, 1)), (1, 1)),
    ((2, 3), (1, 2), ((0, 0), (0, 0)), (2, 1)),
]


@pytest.mark.parametrize(("window", "stride", "padding", "dilation"), POOLS)
def test_pooling_and_its_derivatives(window, stride, padding, dilation):
    x = RNG.normal(size=(3, 7, 8))
    place = (window, stride, padding, dilation)

    def largest(x):
        return ad.nn.max_pool(x, window, stride=stride, padding=padding, dilation=dilation)

    np.testing.assert_array_equal(largest(x), pooled(x, *place, np.max, -np.inf))
    functions = [largest]
    if set(dilation) == {1}:

        def average(x):
            return ad.nn.avg_pool(x, window, stride=stride, padding=padding)

        np.testing.assert_allclose(average(x), pooled(x, *place, np.mean, 0))
        alone = ad.nn.avg_pool(x, window, stride=stride, padding=padding, count_padding=False)
        np.testing.assert_allclose(alone, pooled(x, *place, np.nanmean, np.nan))
        functions.append(average)
    t = RNG.normal(size=x.shape)
    for pool in functions:
        slope = ad.grad(lambda x, pool=pool: ad.sum(ad.sin(pool(x))))
        ahead, behind = (np.asarray(ad.sum(ad.sin(pool(x + s * t)))) for s in (1e-6, -1e-6))
        assert np.sum(np.asarray(slope(x)) * t) == pytest.approx((ahead - behind) / 2e-6, rel=1e-5)
        np.testing.assert_allclose(ad.compile(slope)(x), slope(x), rtol=1e-12, atol=1e-15)
        second = (np.asarray(slope(x + 1e-6 * t)) - np.asarray(slope(x - 1e-6 * t))) / 2e-6
        along = ad.compile(lambda x, slope=slope: ad.jvp(slope, (x,), (t,))[1])
        np.testing.assert_allclose(along(x), second, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(ad.vmap(slope)(np.stack([x, t]))[1], slope(t), rtol=1e-12)


def test_ties_share_the_derivative_equally():
    slope = ad.grad(lambda x: ad.sum(ad.nn.max_pool(x, 2)))(np.zeros((2, 2)))
    np.testing.assert_array_equal(slope, np.full((2, 2), 0.25))


@pytest.mark.parametrize("sizes", [(3, 2), (7, None), (1, 1)])
def test_adaptive_pools_cut_into_parts_that_may_overlap(sizes):
    x = RNG.normal(size=(2, 7, 5))
    n, m = (s or full for s, full in zip(sizes, x.shape[1:], strict=True))

    def parts(reduce):
        rows = [slice(i * 7 // n, -(-(i + 1) * 7 // n)) for i in range(n)]
        columns = [slice(j * 5 // m, -(-(j + 1) * 5 // m)) for j in range(m)]
        found = [[reduce(x[:, r, c], (1, 2)) for c in columns] for r in rows]
        return np.moveaxis(np.array(found), -1, 0)

    np.testing.assert_allclose(ad.nn.adaptive_avg_pool(x, sizes), parts(np.mean))
    np.testing.assert_allclose(ad.nn.adaptive_max_pool(x, sizes), parts(np.max))


def test_no_images_make_no_results():
    w = np.ones((4, 2, 3))
    assert ad.nn.conv(np.ones((0, 2, 5)), w).shape == (0, 4, 3)
    slope = ad.grad(lambda w: ad.sum(ad.nn.conv(np.ones((0, 2, 5)), w)))(w)
    np.testing.assert_array_equal(slope, np.zeros_like(w))
    assert ad.nn.max_pool(np.ones((0, 4, 4)), 2).shape == (0, 2, 2)


def test_odd_layouts():
    x = np.asfortranarray(RNG.normal(size=(6, 5, 3, 2))).T[:, ::-1]
    w = RNG.normal(size=(2, 2, 3, 4)).transpose(3, 2, 1, 0)
    expected = ad.nn.conv(np.ascontiguousarray(x), np.ascontiguousarray(w))
    np.testing.assert_array_equal(ad.nn.conv(x, w), expected)
    np.testing.assert_array_equal(ad.compile(ad.nn.conv)(x, w), expected)
    every = ad.nn.conv(x, w, stride=np.array([2, 1]), padding=[[0, 1], [1, 0]])
    np.testing.assert_array_equal(every, ad.nn.conv(x, w, stride=(2, 1), padding=((0, 1), (1, 0))))


@pytest.mark.native
def test_a_small_convolutional_network_learns_the_digits():
    pytest.importorskip("sklearn")
    train, test = ad.data.load_digits()
    net = ad.nn.sequential(
        ad.nn.conv_layer(1, 8, (3, 3), padding="same"),
        ad.nn.relu,
        lambda x: ad.nn.max_pool(x, 2),
        ad.nn.conv_layer(8, 16, (3, 3), padding="same"),
        ad.nn.relu,
        lambda x: ad.nn.max_pool(x, 2),
        ad.nn.flatten,
        ad.nn.linear(64, 10, weight=ad.nn.glorot),
    )

    def loss(params, x, y):
        return ad.mean(ad.nn.softmax_cross_entropy(net.apply(params, x), y))

    @ad.compile
    def step(params, x, y):
        slopes = ad.grad(loss)(params, x, y)
        return optree.tree_map(lambda p, g: p - 0.3 * g, params, slopes)

    params = net.init(0)
    x, y = np.asarray(train.x).reshape(-1, 1, 8, 8), np.asarray(train.y)
    order = np.random.default_rng(0)
    for _ in range(12):
        for rows in order.permutation(1408).reshape(-1, 64):
            params = step(params, x[rows], y[rows])
    logits = net.apply(params, np.asarray(test.x).reshape(-1, 1, 8, 8))
    assert float(ad.nn.error_rate(logits, np.asarray(test.y))) < 0.04


IMAGES, WEIGHTS = np.ones((2, 3, 8, 8)), np.ones((4, 3, 3, 3))


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda: ad.nn.conv(IMAGES, np.ones((4, 2, 3, 3))), ShapeError, "x has 3 channels"),
        (lambda: ad.nn.conv(IMAGES, np.ones(3)), ShapeError, "weight must have the shape"),
        (lambda: ad.nn.conv(np.ones(8), WEIGHTS), ShapeError, r"x has shape \(8,\)"),
        (lambda: ad.nn.conv(IMAGES, np.ones((4, 3, 9, 1))), ShapeError, "does not fit"),
        (lambda: ad.nn.conv(IMAGES, WEIGHTS, groups=3), ShapeError, "in each of 3 groups"),
        (lambda: ad.nn.conv(IMAGES, WEIGHTS, stride=0), RangeError, "stride must be at least 1"),
        (lambda: ad.nn.conv(IMAGES, WEIGHTS, stride=(1, 2, 3)), ArgumentError, "2 spatial axes"),
        (lambda: ad.nn.conv(IMAGES, WEIGHTS, dilation=1.5), ArgumentError, "must be an integer"),
        (lambda: ad.nn.conv(IMAGES, WEIGHTS, padding="full"), ArgumentError, 'must be "same"'),
        (lambda: ad.nn.conv(IMAGES, WEIGHTS, padding_mode="odd"), ArgumentError, "must be one of"),
        (lambda: ad.nn.conv(IMAGES, WEIGHTS, np.ones(3)), ShapeError, "bias must have the shape"),
        (lambda: ad.nn.conv(IMAGES > 0, WEIGHTS > 0), ArgumentError, "boolean"),
        (lambda: ad.nn.conv_transpose(IMAGES, WEIGHTS), ShapeError, "takes 4"),
        (
            lambda: ad.nn.conv_transpose(IMAGES, np.ones((3, 1, 2, 2)), output_padding=1),
            RangeError,
            "output_padding must be below",
        ),
        (lambda: ad.nn.max_pool(IMAGES, 9), ShapeError, "does not fit"),
        (lambda: ad.nn.max_pool(IMAGES, 2, padding=2), ArgumentError, "nothing of x"),
        (lambda: ad.nn.avg_pool(np.ones(3), 2), ShapeError, "last 2 axes"),
        (lambda: ad.nn.global_avg_pool(np.ones(3)), ShapeError, "images, channels"),
        (lambda: ad.nn.conv_layer(3, 4, (3, 3), groups=2), RangeError, "do not fall into 2"),
        (lambda: ad.nn.conv_layer(3, 4, 3), ArgumentError, "window must be a tuple"),
    ],
)
def test_a_mistake_is_named(work, error, message):
    with pytest.raises(error, match=message):
        work()
