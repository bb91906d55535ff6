"""Counterparts of scipy.ndimage: order statistics, morphology, measurements, Fourier filters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import adjoint as ad
import adjoint.scipy.ndimage as adjoint_ndimage
from adjoint.errors import AdjointError, ArgumentError, RangeError, ShapeError
from tests.scipy.checks import check_compiled, each, together
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

rng = np.random.default_rng(9)
M = rng.permutation(20).reshape(4, 5) / 7 - 0.9
T = rng.permutation(24).reshape(2, 4, 3) / 7 - 0.9
FOOT = np.array([[1, 0, 1], [0, 1, 1]])
HEIGHTS = rng.permutation(6).reshape(2, 3) / 37
LABELS = np.array([[0, 1, 1, 2, 0], [3, 3, 1, 2, 2], [0, 1, 3, 3, 0], [2, 2, 0, 1, 1]])
EXTREMA = ("minimum_filter", "maximum_filter", "grey_erosion", "grey_dilation")


def second(x, axis, output, mode, cval, scale=1.0):
    found = scale * x * x
    if isinstance(output, np.ndarray):  # as SciPy calls it
        output[...] = found
    return found


def moved(at, by, turn=0.0):
    return at[0] * 0.7 + 0.3 * by, at[1] * 0.4 + at[0] * turn + 0.2


CASES = [
    *(
        Case(f"{f}, box", lambda s, x, f=f: getattr(s.ndimage, f)(x, (3, 2), mode="wrap"), [M])
        for f in EXTREMA
    ),
    *(
        Case(
            f"{f}, footprint",
            lambda s, x, f=f: getattr(s.ndimage, f)(
                x, footprint=FOOT, mode="constant", cval=0.3, origin=(0, -1)
            ),
            [M],
        )
        for f in EXTREMA
    ),
    *(
        Case(
            f"{f}, structure",
            lambda s, x, h, f=f: getattr(s.ndimage, f)(
                x, footprint=FOOT, structure=h, mode="mirror", axes=(0, 2)
            ),
            [T, HEIGHTS],
        )
        for f in ("grey_erosion", "grey_dilation")
    ),
    *(
        Case(f, lambda s, x, f=f: getattr(s.ndimage, f)(x, 3), [M], second=False, compiled=False)
        for f in ("grey_opening", "grey_closing", "white_tophat", "black_tophat")
    ),
    *(
        Case(f, lambda s, x, f=f: getattr(s.ndimage, f)(x, 3) ** 2, [M], compiled=False)
        for f in ("morphological_gradient", "morphological_laplace")
    ),
    Case("median_filter", lambda s, x: s.ndimage.median_filter(x, 3), [M], second=False),
    Case("minimum_filter1d", lambda s, x: s.ndimage.minimum_filter1d(x, 3, 0, origin=1), [M]),
    Case("maximum_filter1d", lambda s, x: s.ndimage.maximum_filter1d(x, 4, mode="nearest"), [M]),
    Case(
        "rank_filter", lambda s, x: s.ndimage.rank_filter(x, -2, footprint=FOOT), [M], second=False
    ),
    Case(
        "percentile_filter", lambda s, x: s.ndimage.percentile_filter(x, 70, 3), [M], second=False
    ),
    Case(
        "generic_filter",
        lambda s, x: s.ndimage.generic_filter(
            x, lambda w, a: (w * w).sum() * a, footprint=FOOT, extra_arguments=(2.0,)
        ),
        [M],
    ),
    *(
        Case(
            f, lambda s, x, f=f: getattr(s.ndimage, f)(x, LABELS, [3, 1, 2]), [M + 2], single=False
        )
        for f in (
            *("sum_labels", "mean", "variance", "standard_deviation", "minimum", "maximum"),
            *("median", "center_of_mass"),
        )
    ),
    Case("mean of all", lambda s, x: s.ndimage.mean(x), [M]),
    Case("sum of one", lambda s, x: s.ndimage.sum(x, LABELS[0], 1), [M]),
    Case("variance inside", lambda s, x: s.ndimage.variance(x, LABELS), [M]),
    Case(
        "labeled_comprehension",
        lambda s, x: s.ndimage.labeled_comprehension(
            x, LABELS, [1, 2, 9], lambda v, at: (v * v * at).sum(), float, -1.0, True
        ),
        [M],
        single=False,
    ),
    Case("generic_laplace", lambda s, x: s.ndimage.generic_laplace(x, second), [M]),
    Case(
        "generic_gradient_magnitude",
        lambda s, x: s.ndimage.generic_gradient_magnitude(x, second, extra_keywords={"scale": 2}),
        [M],
    ),
    Case(
        "geometric_transform",
        lambda s, x, by: s.ndimage.geometric_transform(
            x, moved, (3, 3), mode="nearest", extra_arguments=(by,), extra_keywords={"turn": 0.1}
        ),
        [M, 1.3],
        single=False,
        step=2.0**-10,
    ),
    Case(
        "fourier_gaussian",
        lambda s, x, width: s.ndimage.fourier_gaussian(
            x, float(width) if s.package == "scipy" else width
        ),
        [M, 0.4],
    ),
    Case("fourier_uniform", lambda s, x: s.ndimage.fourier_uniform(x[:, :3], 1.7, 4, 1), [M]),
    Case("fourier_shift", lambda s, x: abs(s.ndimage.fourier_shift(x, [0.3, 1.2]) + 1), [M]),
    Case("fourier_ellipsoid", lambda s, x: s.ndimage.fourier_ellipsoid(x, 1.7), [M]),
]


@each(CASES)
def test_filters_and_measurements(checks, case):
    for check in checks:
        check(case)


@pytest.mark.native
@together(CASES)
def test_compiled(cases):
    check_compiled(*cases)


def test_positions_are_integers():
    def f(x):
        place = ndimage.maximum_position(x)
        low, high, _, where_high = ndimage.extrema(x)
        return x[place] * where_high[0] + low * 2 + high

    found = ad.grad(f)(M).numpy()
    expected = np.zeros_like(M)
    expected[np.unravel_index(np.argmin(M), M.shape)] = 2
    top = np.unravel_index(np.argmax(M), M.shape)
    expected[top] = top[0] + 1
    np.testing.assert_allclose(found, expected)
    several = ad.grad(lambda x: sum(x[at] for at in ndimage.minimum_position(x, LABELS, [1, 2])))(M)
    for at in ndimage.minimum_position(M, LABELS, [1, 2]):
        expected[at] = -1
    np.testing.assert_allclose(several.numpy(), np.where(expected == -1, 1, 0))


def test_equal_elements_share_the_derivative_of_an_extremum():
    found = ad.grad(lambda x: ndimage.maximum_filter(x, 3)[1])(np.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(found.numpy(), [0.5, 0.5, 0.0])


@pytest.mark.parametrize(
    ("f", "error", "match"),
    [
        (lambda x: ndimage.maximum_filter(x, 3, axes=(1, 0)), ArgumentError, "increase"),
        (lambda x: ndimage.maximum_filter(x), ArgumentError, "give size or footprint"),
        (lambda x: ndimage.median_filter(x, footprint=[1, 1]), ShapeError, "1 axes, and 2"),
        (lambda x: ndimage.rank_filter(x, 9, 3), RangeError, "rank 9 does not exist among 9"),
        (lambda x: ndimage.percentile_filter(x, 101, 3), RangeError, "between -100 and 100"),
        (lambda x: ndimage.grey_erosion(x, structure=np.ones(3)), ShapeError, "axes"),
        (lambda x: ndimage.mean(x, np.ones(3)), ShapeError, r"shape \(3,\)"),
        (lambda x: ndimage.generic_filter(x, lambda w: w, 3), ShapeError, "return a number"),
        (lambda x: ndimage.fourier_shift(x, 1.0, 7), ShapeError, "7 elements has 4 frequencies"),
        (lambda x: ndimage.maximum_filter(x, 3, output=float), ArgumentError, "output"),
    ],
)
def test_what_is_wrong_is_said(f, error, match):
    with pytest.raises(error, match=match):
        ad.grad(lambda x: ad.sum(ad.abs(f(x))))(M)


def test_compiled_positions_are_refused():
    with pytest.raises(AdjointError, match="must be known while tracing"):
        ad.compile(lambda x: x[ndimage.maximum_position(x)])(M)


def test_arrays_and_parts_without_elements():
    empty = ad.zeros((0, 2))
    for f in (adjoint_ndimage.maximum_filter, adjoint_ndimage.median_filter):
        assert f(empty, 3).shape == (0, 2)
    assert adjoint_ndimage.minimum(ad.ones(2), [1, 1], []).tolist() == []
    assert adjoint_ndimage.minimum(ad.ones(2), [1, 1], [2]).tolist() == [0.0]
    integers = adjoint_ndimage.maximum_filter(ad.asarray([3, 1, 2]), 3)
    assert integers.dtype == np.int64 and integers.tolist() == [3, 3, 2]
    assert np.isnan(adjoint_ndimage.maximum_filter(ad.asarray([np.nan, 1.0]), 3)[0])
