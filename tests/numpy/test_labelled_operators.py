"""Operators and loops that mean something else for labelled arrays raise; methods say so."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import LabelsError

pytestmark = pytest.mark.unit


def test_iterating_over_a_frame_would_take_other_parts():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.0, 2.0, 3.0], "y": [4.0, 5.0, 6.0]})
    for f in (lambda d: sum(np.sum(c) for c in d), lambda d: np.sum(next(iter(d)))):
        with pytest.raises(LabelsError, match="by its columns, a tensor by its rows"):
            ad.grad(f)(frame)
    rows = ad.grad(lambda d: sum(np.sum(d[i, :] ** 2) for i in range(len(d))))(frame)
    assert np.asarray(rows).tolist() == (2 * frame.to_numpy()).tolist()


def test_products_of_xarray_go_over_names():
    xarray = pytest.importorskip("xarray")
    a = xarray.DataArray([[1.0, 2.0], [3.0, 4.0]], dims=("t", "s"))
    for f in (lambda x: np.sum(x.T @ x), lambda x: np.sum(np.eye(2) @ x), lambda x: np.sum(x @ a)):
        with pytest.raises(LabelsError, match=r"numpy\.matmul"):
            ad.grad(f)(a)
    found = ad.grad(lambda x: np.sum(np.matmul(x, x)))(a)
    assert type(found) is type(a)
    series = a[0]
    assert np.asarray(ad.grad(lambda x: x @ x)(series)).tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("name", "cure"),
    [("diff", "numpy.diff"), ("rolling", "sliding_window_view"), ("median", "numpy.median")],
)
def test_methods_of_series_say_what_to_use(name, cure):
    with pytest.raises(AttributeError, match=cure):
        ad.grad(lambda s: getattr(s, name)(2).sum())(np.arange(3.0))
    assert not hasattr(ad.ones(2), name)
