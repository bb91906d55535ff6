"""Ours take NumPy's arguments: by NumPy's names, and through NumPy in NumPy's order."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.op import FUNCTIONS
from tests.numpy.numpy_names import shared_functions

pytestmark = pytest.mark.unit

LEFT_OUT = {"out", "subok", "like", "order", "kwargs", "args"}
"""What has no meaning for tensors: memory, subclasses, and its order."""
NOT_YET = {
    "quantile": {"weights"},
    "percentile": {"weights"},
    "nanquantile": {"weights"},
    "nanpercentile": {"weights"},
    "clip": {"a_min", "a_max"},  # which the protocol calls min and max
    "array": {"ndmax"},
    "einsum": {"dtype", "casting"},
    "eye": {"N", "M"},
}
"""What says clearly that it is not supported, or is taken by position."""


SHARED = (
    shared_functions(ad, np)
    | shared_functions(ad.linalg, np.linalg, "linalg.")
    | shared_functions(ad.fft, np.fft, "fft.")
)


def arguments(function: Callable[..., Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def test_there_are_enough_to_compare():
    assert len(SHARED) > 200


@pytest.mark.parametrize("name", SHARED)
def test_every_argument_of_numpy_is_there_by_name(name):
    """Arrays go by position, as in the array API; all else by NumPy's name."""
    ours, theirs = SHARED[name]
    mine = arguments(ours)
    arrays = [p for p in mine if p.kind is p.POSITIONAL_ONLY]
    names = {p.name for p in mine if p.kind is not p.POSITIONAL_ONLY}
    some = any(p.kind is p.VAR_POSITIONAL for p in mine)
    missing = [
        p.name
        for i, p in enumerate(arguments(theirs))
        if p.name not in names | LEFT_OUT | NOT_YET.get(name, set())
        and p.kind is not p.VAR_POSITIONAL
        and not (i < len(arrays) or (some and i == 0))
    ]
    first = missing and missing[0] == arguments(theirs)[0].name
    assert not missing[1 if first else 0 :], f"{name} has not NumPy's {', '.join(missing)}"


CALLS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: np.sum(x, 0, None, None, True),
    "sum by name": lambda x: np.sum(a=x, axis=1, keepdims=True),
    "mean": lambda x: np.mean(x, (0, 1), None, None, True),
    "std": lambda x: np.std(x, 1, None, None, 1),
    "prod": lambda x: np.prod(a=x, axis=0, dtype="float64"),
    "max": lambda x: np.max(x, 0, None, True),
    "argmax": lambda x: np.argmax(x, 1, None, keepdims=True),
    "cumsum": lambda x: np.cumsum(x, 1, "float64"),
    "median": lambda x: np.median(x, 1, None, False, True),
    "quantile": lambda x: np.quantile(x, 0.3, 1, None, False, "linear", True),
    "sort": lambda x: np.sort(x, 0, "stable"),
    "searchsorted": lambda x: np.searchsorted(x[0], [1.5], "right"),
    "searchsorted by name": lambda x: np.searchsorted(a=x[0], v=2.0, side="right"),
    "clip": lambda x: np.clip(x, 1.5, a_max=4.0),
    "dot": lambda x: np.dot(a=x, b=x.T),
    "outer": lambda x: np.outer(x[0], b=x[1]),
    "tensordot": lambda x: np.tensordot(a=x, b=x, axes=2),
    "kron": lambda x: np.kron(a=x, b=x),
    "cross": lambda x: np.cross(a=x, b=x[::-1]),
    "compress": lambda x: np.compress([True, False], a=x, axis=0),
    "extract": lambda x: np.extract(condition=np.array(x > 2), arr=x),
    "take": lambda x: np.take(a=x, indices=[0], axis=1),
    "moveaxis": lambda x: np.moveaxis(a=x, source=0, destination=1),
    "swapaxes": lambda x: np.swapaxes(x, axis1=0, axis2=1),
    "repeat": lambda x: np.repeat(a=x, repeats=2, axis=1),
    "roll": lambda x: np.roll(a=x, shift=1, axis=1),
    "split": lambda x: np.split(ary=x, indices_or_sections=3, axis=1)[1],
    "append": lambda x: np.append(arr=x, values=x, axis=0),
    "pad": lambda x: np.pad(array=x, pad_width=1, mode="constant", constant_values=2.0),
    "diff": lambda x: np.diff(a=x, n=1, axis=0),
    "trapezoid": lambda x: np.trapezoid(x, None, 0.5, 0),
    "full_like": lambda x: np.full_like(a=x, fill_value=3, dtype="float32"),
    "broadcast_to": lambda x: np.broadcast_to(array=x, shape=(2, 2, 3)),
    "concatenate": lambda x: np.concatenate((x, x), 1),
    "stack": lambda x: np.stack(arrays=[x, x], axis=1),
    "vstack": lambda x: np.vstack(tup=[x, x]),
    "block": lambda x: np.block(arrays=[[x, x]]),
    "tile": lambda x: np.tile(A=x, reps=2),
    "tril": lambda x: np.tril(m=x, k=-1),
    "vander": lambda x: np.vander(x=x[0], N=2, increasing=True),
    "nan_to_num": lambda x: np.nan_to_num(x, True, 1.0),
    "isclose": lambda x: np.isclose(a=x, b=x, rtol=0.1),
    "array_equal": lambda x: np.array_equal(a1=x, a2=x),
    "linalg.solve": lambda x: np.linalg.solve(a=x[:, :2], b=x[:, 2]),
    "linalg.norm": lambda x: np.linalg.norm(x, None, 1, True),
    "linalg.svd": lambda x: np.linalg.svd(a=x, compute_uv=False),
    "linalg.trace": lambda x: np.linalg.trace(np.stack([x, x, x]), offset=1),
    "linalg.diagonal": lambda x: np.linalg.diagonal(np.stack([x, x, x])),
    "linalg.matrix_power": lambda x: np.linalg.matrix_power(a=x[:, :2], n=2),
    "fft.fft": lambda x: np.fft.fft(a=x, n=4, axis=0, norm="ortho"),
    "fft.fftn": lambda x: np.fft.fftn(a=x, s=(3, 3), axes=(0, 1)),
    "unique": lambda x: np.unique(ar=x, return_counts=True)[1],
    "insert": lambda x: np.insert(arr=x, obj=1, values=0.0, axis=1),
    "delete": lambda x: np.delete(arr=x, obj=1, axis=1),
    "polyval": lambda x: np.polyval(p=x[0], x=x),
    "interp": lambda x: np.interp(x=x[0], xp=[0.0, 5.0], fp=[0.0, 1.0], period=4.0),
    "cov": lambda x: np.cov(m=x, rowvar=False),
    "ptp": lambda x: np.ptp(a=x, axis=1),
    "round": lambda x: np.round(a=x / 3, decimals=1),
    "squeeze": lambda x: np.squeeze(a=x[:1], axis=0),
    "transpose": lambda x: np.transpose(a=x, axes=(1, 0)),
    "reshape": lambda x: np.reshape(x, shape=(3, 2), order="F"),
    "where": lambda x: np.where(x > 2, x, 0.0),
    "gradient": lambda x: np.gradient(f=x, axis=1),
    "apply_along_axis": lambda x: np.apply_along_axis(func1d=sum, axis=0, arr=x),
}


@pytest.mark.parametrize("name", CALLS)
def test_numpy_s_order_and_names_mean_the_same(name):
    x = np.array([[1.0, 2.0, 3.0], [4.0, 6.0, 5.0]])
    found, expected = CALLS[name](ad.asarray(x)), CALLS[name](x)
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-12)
    assert np.shape(found) == np.shape(expected)


def test_functions_of_one_name_in_two_modules_are_distinguished():
    assert FUNCTIONS["linalg.trace"] is ad.linalg.trace is not ad.trace
    assert FUNCTIONS["fft.fft"] is ad.fft.fft
