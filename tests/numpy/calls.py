"""The rows of the table: how NumPy's functions are called, and on what.

A row is a name, a call in which `n` is NumPy or adjoint, and its inputs: a shape stands for generic
real points, a complex number in front of a shape for complex ones, an array for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

NAN = float("nan")
WITH_NAN = np.array([[0.3, NAN, 1.2, -0.7], [2.1, 0.4, NAN, NAN], [1.7, -1.1, 0.6, 0.2]])
MASK = np.array([[True, False, True], [False, True, True]])


@dataclass(frozen=True)
class Call:
    """A call: `eager` where values decide, `plain` where no derivative is asked, `once` where the
    second derivative is not compared, `protocol` where only NumPy has the name."""

    name: str
    call: Callable[..., Any]
    inputs: tuple[Any, ...]
    flags: frozenset[str]


CALLS: list[Call] = []


def row(
    name: str, call: Callable[..., Any], *inputs: Any, flags: str = "", table: list[Call] = CALLS
) -> None:
    table.append(Call(f"{name}-{len(table)}", call, inputs, frozenset(flags.split())))


# ---------------------------------------------------------------- Fourier transforms

for _name in ("fft", "ifft"):
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x), (5,))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, 3, 0, "ortho"), (1j, 4, 2))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, n=7, axis=-1, norm="forward"), (1j, 2, 4))
for _name in ("rfft", "ihfft"):
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x), (6,))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, axis=0, norm="ortho"), (5, 2))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, n=8, norm="forward"), (2, 5))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, n=3), (1,))
for _name in ("irfft", "hfft"):
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x), (1j, 4))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, n=5, axis=0), (1j, 4, 2))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, n=9, norm="ortho"), (1j, 3))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, norm="forward"), (4,))
for _name in ("fft2", "ifft2", "fftn", "ifftn"):
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x), (1j, 2, 3))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, s=(3, 2), axes=(0, 2)), (2, 1, 3))
row("fftn", lambda n, x: n.fft.fftn(x, axes=(1,), norm="ortho"), (1j, 2, 3))
for _name in ("rfft2", "rfftn"):
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x), (3, 4))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, s=(2, 5), axes=(1, 0)), (3, 2))
for _name in ("irfft2", "irfftn"):
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x), (1j, 3, 4))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, s=(2, 5), axes=(1, 0)), (1j, 3, 2))
for _name in ("fftshift", "ifftshift"):
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x), (3, 4))
    row(_name, lambda n, x, f=_name: getattr(n.fft, f)(x, axes=1), (1j, 2, 5))
row("power spectrum", lambda n, x: n.sum(n.abs(n.fft.rfft(x)) ** 2), (6,))
row("filter", lambda n, x, y: n.fft.irfft(n.fft.rfft(x) * n.fft.rfft(y), 6), (6,), (6,))

# ---------------------------------------------------------------- choosing, inserting, deleting

row("select", lambda n, x: n.select([x > 1, x > 0.55], [x**2, 3 * x], default=x), (2, 3))
row("select", lambda n, x, y: n.select([MASK, ~MASK[0]], [x, y]), (2, 3), (3,))
row(
    "piecewise",
    lambda n, x: n.piecewise(x, [x < 0.5, x > 1], [lambda v: v**2, 2.0]),
    (5,),
    flags="eager",
)
row(
    "piecewise",
    lambda n, x: n.piecewise(x, [x < 0.55], [n.sin, lambda v: v * v]),
    (2, 3),
    flags="eager",
)
row(
    "piecewise",
    lambda n, x: n.piecewise(x, [x < 0.5, x >= 0.5], [lambda v, a: a * v, lambda v, a: v / a], 3.0),
    (4,),
    flags="eager",
)
row("piecewise", lambda n, x: n.piecewise(x, x > 0, [lambda v: 2 * v]), (), flags="eager")
row("choose", lambda n, x, y: n.choose([1, 0, 1], [x, y]), (3,), (3,))
row("choose", lambda n, x, y: n.choose([[2], [-1]], [x, y], mode="clip"), (3,), (3,))
row("choose", lambda n, x, y: n.choose([[2], [-1]], [x, y], mode="wrap"), (3,), (3,))
row("insert", lambda n, x, v: n.insert(x, 1, v), (4,), ())
row("insert", lambda n, x, v: n.insert(x, 1, v, axis=1), (2, 3), (2,))
row("insert", lambda n, x, v: n.insert(x, -2, v), (2, 3), (1, 1))
row("insert", lambda n, x, v: n.insert(x, [1], v, axis=1), (2, 3), (2, 1))
row("insert", lambda n, x, v: n.insert(x, [0, 2, -1], v, axis=0), (3, 2), (3, 2))
row("insert", lambda n, x, v: n.insert(x, slice(0, 4, 2), v), (4,), (2,))
row("insert", lambda n, x: n.insert(x, [2, 2], [7.0, 8.0]), (3,))
row("delete", lambda n, x: n.delete(x, 1), (2, 2))
row("delete", lambda n, x: n.delete(x, [0, -1], axis=1), (2, 4))
row("delete", lambda n, x: n.delete(x, slice(None, None, 2), 0), (5, 2))
row("delete", lambda n, x: n.delete(x, [True, False, True], axis=-1), (2, 3))
row("append", lambda n, x, y: n.append(x, y), (2, 2), (3,))
row("append", lambda n, x, y: n.append(x, y, axis=1), (2, 2), (2, 1))
row("resize", lambda n, x: n.resize(x, (2, 3)), (4,))
row("resize", lambda n, x: n.resize(x, 3), (2, 4))
row("trim_zeros", lambda n, x: n.trim_zeros(x * np.array([0, 0, 1, 1, 0])), (5,), flags="eager")
row("trim_zeros", lambda n, x: n.trim_zeros(x * np.array([0, 1, 0]), "f"), (3,), flags="eager")
row("diagflat", lambda n, x: n.diagflat(x, 1), (2, 2))
row("rollaxis", lambda n, x: n.rollaxis(x, 2), (2, 3, 4))
row("rollaxis", lambda n, x: n.rollaxis(x, axis=0, start=3), (2, 3, 4))
row("ix_", lambda n, x: x[n.ix_([0, 2], [True, False, True])], (3, 3))
row("tri", lambda n, x: x * n.tri(2, 3, 1), (2, 3))
row("c_", lambda n, x, y: n.c_[x, y], (3,), (3, 2), flags="own")
row("r_", lambda n, x, y: n.r_[x, 0.0, y, 1:3, 0:1:3j], (3,), (2,), flags="own")
row("r_", lambda n, x, y: n.r_["1,2", x, y], (3, 1), (3, 2), flags="own")
row("r_", lambda n, x: n.r_["0,2,0", x, x], (3,), flags="own")

# ---------------------------------------------------------------- functions of functions

row("apply_along_axis", lambda n, x: n.apply_along_axis(lambda v: v[0] * v, 0, x), (3, 2))
row("apply_along_axis", lambda n, x: n.apply_along_axis(lambda v: (v**2).sum(), 1, x), (2, 3, 2))
row("apply_along_axis", lambda n, x: n.apply_along_axis(lambda v, a: a * v[:2], -1, x, 3.0), (2, 3))
row("apply_along_axis", lambda n, x: n.apply_along_axis(n.diag, -1, x), (2, 2))
row("apply_over_axes", lambda n, x: n.apply_over_axes(n.sum, x, [0, -1]), (2, 3, 2))
row(
    "vectorize",
    lambda n, x, y: n.vectorize(lambda a, b: a * b if a > b else a - b)(x, y),
    (2, 3),
    (3,),
    flags="own eager",
)
row("vectorize", lambda n, x: n.vectorize(lambda a: (a, a**2))(x)[1], (3,), flags="own")
row(
    "vectorize",
    lambda n, x, y: n.vectorize(lambda a, b: (a * b).sum(), signature="(n),(n)->()")(x, y),
    (2, 3),
    (3,),
    flags="own",
)
row(
    "vectorize",
    lambda n, x: n.vectorize(lambda p, v: p[0] * v, excluded=[0])([2.0, 1.0], x),
    (3,),
    flags="own",
)

# ---------------------------------------------------------------- polynomials

row("polyval", lambda n, p, x: n.polyval(p, x), (3,), (2, 2))
row("polyval", lambda n, p: n.polyval(p, 2.0), (4,))
row("polyval", lambda n, x: n.polyval([1.0, 0.0, 2.0], x), np.array([0.0, 1.5]))
row("polyval", lambda n, p, x: n.polyval(p, x), (1j, 3), (1j, 2))
for _name in ("polyadd", "polysub", "polymul"):
    row(_name, lambda n, a, b, f=_name: getattr(n, f)(a, b), (2,), (3,))
    row(_name, lambda n, a, f=_name: getattr(n, f)(a, [1.0, 2.0]), (3,))
row("polydiv", lambda n, u, v: n.polydiv(u, v), (4,), (2,), flags="eager double")
row("polydiv", lambda n, u, v: n.polydiv(u, v), (2,), (3,), flags="eager")
row("polyder", lambda n, p: n.polyder(p), (4,))
row("polyder", lambda n, p: n.polyder(p, m=2), (4,))
row("polyint", lambda n, p: n.polyint(p), (3,))
row("polyint", lambda n, p: n.polyint(p, 2, k=[1.0, 2.0]), (3,))
row("poly", lambda n, z: n.poly(z), (3,))
row("poly", lambda n, a: n.poly(a), np.array([[2.0, 1.0], [0.5, 3.0]]), flags="eager")
row("roots", lambda n, p: n.roots(p), np.array([1.0, -3.5, 2.0, 0.3]), flags="eager")
row("roots", lambda n, p: n.roots(p), np.array([1.0, 1.0, 2.0]), flags="eager")
row("roots", lambda n, p: n.roots(p), np.array([2.0, -3.0, 0.0]), flags="eager")
row("roots", lambda n, p: n.roots(p), np.array([0.2, 0.7, 0.3, 0.9, 0.0]), flags="eager")
row("polyfit", lambda n, y: n.polyfit(np.arange(5.0), y, 2), (5,))
row("polyfit", lambda n, y: n.polyfit(np.arange(5.0), y, deg=1, w=[1.0, 2.0, 1.0, 3.0, 1.0]), (5,))
row("polyfit", lambda n, x, y: n.polyfit(x, y, 1), (5,), (5, 2), flags="once")
row("polyfit", lambda n, y: n.polyfit(np.arange(5.0), y, 1, cov=True)[1], (5,))

# ---------------------------------------------------------------- counting and sets

row("bincount", lambda n, w: n.bincount([0, 2, 0, 1], weights=w, minlength=5), (4,))
row("bincount", lambda n, x: n.bincount(x), np.array([1, 1, 3]), flags="eager plain")
row(
    "histogram",
    lambda n, x, w: n.histogram(x, bins=[0.0, 0.55, 1.1, 1.6], weights=w),
    (6,),
    (6,),
    flags="edges eager",
)
row(
    "histogram",
    lambda n, w: n.histogram([0.1, 0.5, 0.9, 1.0], 2, (0.0, 1.0), weights=w)[0],
    (4,),
    flags="eager",
)
row("histogram", lambda n, x: n.histogram(x, 3, density=True), (6,), flags="eager")
row("histogram", lambda n, x: n.histogram(x, "auto"), (6,), flags="eager plain")
row("histogram_bin_edges", lambda n, x: n.histogram_bin_edges(x, 4), (6,), flags="eager")
row(
    "histogram2d",
    lambda n, w: n.histogram2d([0.1, 0.5, 0.9], [0.0, 1.0, 0.2], 2, weights=w)[0],
    (3,),
    flags="eager",
)
row("histogramdd", lambda n, x: n.histogramdd(x, (2, 3))[0], (5, 2), flags="eager plain")
row("histogramdd", lambda n, x: n.histogramdd(x, 2, density=True)[0], (5, 2), flags="eager")
row("unique", lambda n, x: n.unique(x), np.array([2.0, 1.0, 3.0, 0.5]), flags="eager")
row("unique", lambda n, x: n.unique(n.concatenate([x, x]))[::-1], (3,), flags="eager")
row(
    "unique",
    lambda n, x: n.unique(x, True, True, True),
    np.array([2.0, 1.0, 2.0]),
    flags="eager plain",
)
row(
    "unique",
    lambda n, x: n.unique(x, axis=1),
    np.array([[2.0, 1.0, 2.0], [0.0, 5.0, 0.0]]),
    flags="eager plain",
)
for _name in ("unique_all", "unique_counts", "unique_inverse", "unique_values"):
    row(
        _name,
        lambda n, x, f=_name: getattr(n, f)(x),
        np.array([2.0, 1.0, 2.0]),
        flags="eager plain",
    )
row("union1d", lambda n, x, y: n.union1d(x, y), (3,), (2, 2), flags="eager")
row(
    "intersect1d",
    lambda n, x: n.intersect1d(x, [2.0, 1.0]),
    np.array([1.0, 5.0, 2.0]),
    flags="eager plain",
)
row("setdiff1d", lambda n, x, y: n.setdiff1d(x, y), (3,), (3,), flags="eager")
row("setxor1d", lambda n, x, y: n.setxor1d(x, y), (3,), (2,), flags="eager")

# ---------------------------------------------------------------- differences, phases, ranges

row("gradient", lambda n, f: n.gradient(f), (5,), flags="protocol")
row("gradient", lambda n, f: n.gradient(f, 0.5, axis=1, edge_order=2), (2, 4), flags="protocol")
row("gradient", lambda n, f: n.gradient(f, 0.5, [0.0, 1.0, 3.0, 3.5]), (3, 4), flags="protocol")
row(
    "gradient",
    lambda n, f, x: n.gradient(f, x, edge_order=2),
    (4,),
    np.array([0.0, 1.0, 1.5, 3.0]),
    flags="protocol",
)
row("gradient", lambda n, f: n.gradient(f, axis=(0, -1)), (3, 2, 4), flags="protocol")
row("ediff1d", lambda n, x: n.ediff1d(x), (2, 2))
row("ediff1d", lambda n, x, e: n.ediff1d(x, to_end=e, to_begin=[0.0, 1.0]), (3,), ())
row("unwrap", lambda n, x: n.unwrap(5 * x), (6,))
row("unwrap", lambda n, x: n.unwrap(x, axis=0, period=1.0), np.array([[0.1, 2.2], [0.9, 0.3]]))
row("unwrap", lambda n, x: n.unwrap(x, 2.0, period=3.0), np.array([0.1, 2.2, 5.0]))
row("interp", lambda n, x: n.interp(x, [0.0, 0.5, 1.5], [1.0, 3.0, 2.0], period=1.8), (5,))
row("interp", lambda n, f: n.interp([0.2, 3.0], [2.0, 0.5, 1.0], f, period=2.2), (3,))
row("interp", lambda n, x: n.interp(x, [0.5, 1.0], [1.0, 3.0], left=-1.0, right=9.0), (4,))
row("linspace", lambda n, a, b: n.linspace(a, b, 4), (), ())
row("linspace", lambda n, a: n.linspace(a, 3.0, 4, endpoint=False, axis=-1), (2,))
row("linspace", lambda n, a, b: n.linspace(a, b, 4, retstep=True), (2,), ())
row("linspace", lambda n, a: n.linspace(a, 3.0, 1), ())
row("logspace", lambda n, a, b: n.logspace(a, b, 3), (), ())
row("logspace", lambda n, a: n.logspace(a, 1.0, 3, endpoint=False, base=2.0), (2,))
row("geomspace", lambda n, a, b: n.geomspace(a, b, 4), np.array(0.5), np.array(3.0), flags="eager")
row(
    "geomspace",
    lambda n, a: n.geomspace(a, -8.0, 3, axis=-1),
    np.array([-1.0, -2.0]),
    flags="eager",
)

# ---------------------------------------------------------------- passing over nan

for _name in ("nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanmedian", "nanvar", "nanstd"):
    row(_name, lambda n, x, f=_name: getattr(n, f)(x), WITH_NAN)
    row(_name, lambda n, x, f=_name: getattr(n, f)(x, axis=1, keepdims=True), WITH_NAN)
    row(_name, lambda n, x, f=_name: getattr(n, f)(x, axis=(0, -1)), WITH_NAN[:, None])
for _name in ("nancumsum", "nancumprod"):
    row(_name, lambda n, x, f=_name: getattr(n, f)(x), WITH_NAN)
    row(_name, lambda n, x, f=_name: getattr(n, f)(x, axis=-1), WITH_NAN)
for _name in ("nanargmax", "nanargmin"):
    row(_name, lambda n, x, f=_name: getattr(n, f)(x), WITH_NAN, flags="eager plain")
    row(_name, lambda n, x, f=_name: getattr(n, f)(x, axis=1), WITH_NAN, flags="eager plain")
row("nanquantile", lambda n, x: n.nanquantile(x, 0.3), WITH_NAN)
row("nanquantile", lambda n, x: n.nanquantile(x, [0.1, 0.6], axis=0, keepdims=True), WITH_NAN)
row("nanpercentile", lambda n, x: n.nanpercentile(x, 40, axis=1, method="lower"), WITH_NAN)
row("nanpercentile", lambda n, x: n.nanpercentile(x, 40, axis=1, method="midpoint"), WITH_NAN)
row("nanvar", lambda n, x: n.nanvar(x, axis=1, ddof=1, where=np.arange(4) > 0), WITH_NAN[[0, 2]])
row("nanmax", lambda n, x: n.nanmax(x, axis=1, initial=0.5, where=np.arange(4) > 0), WITH_NAN)
row("nansum", lambda n, x: n.nansum(x, axis=1, initial=2.0, where=np.arange(4) > 0), WITH_NAN)

# ---------------------------------------------------------------- where=, initial=, and the like

for _name in ("sum", "prod", "mean", "var", "std"):
    row(_name, lambda n, x, f=_name: getattr(n, f)(x, where=MASK), (2, 3))
    row(_name, lambda n, x, f=_name: getattr(n, f)(x, axis=1, where=MASK, keepdims=True), (2, 3))
for _name in ("sum", "prod", "max", "min"):
    row(_name, lambda n, x, f=_name: getattr(n, f)(x, axis=0, initial=0.7), (2, 3))
    row(_name, lambda n, x, f=_name: getattr(n, f)(x, 1, where=MASK, initial=0.7), (2, 3))
    row(_name, lambda n, x, f=_name: getattr(n, f)(x, axis=0, initial=2.0), np.zeros((0, 2)))
row("any", lambda n, x: n.any(x > 1, axis=0, where=MASK), (2, 3), flags="plain")
row("all", lambda n, x: n.all(x > 1, where=MASK), (2, 3), flags="plain")
row("sum", lambda n, x: n.sum(x, axis=(-1, 0), dtype="float64"), (2, 3, 2))
row("var", lambda n, x: n.var(x, axis=1, ddof=1, mean=n.mean(x, axis=1, keepdims=True)), (2, 3))
row("average", lambda n, x, w: n.average(x, 1, w, returned=True), (2, 3), (2, 3))
row("average", lambda n, x: n.average(x, axis=0, returned=True), (2, 3))
row("average", lambda n, x: n.average(x, axis=1, weights=[1.0, 2.0, 3.0], returned=True), (2, 3))
row("cov", lambda n, x, y: n.cov(x, y), (5,), (5,))
row("cov", lambda n, x: n.cov(x, rowvar=False, bias=True), (4, 2))
row("cov", lambda n, x, w: n.cov(x, fweights=[1, 2, 1], aweights=w), (2, 3), (3,))
row("cov", lambda n, x: n.cov(x, ddof=0), (1j, 2, 4))
row("corrcoef", lambda n, x, y: n.corrcoef(x, y), (4,), (4,), flags="once")
row("median", lambda n, x: n.median(x, axis=(0, 1)), (2, 3, 2))
for _name in (
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "hazen",
    "weibull",
    "interpolated_inverted_cdf",
    "median_unbiased",
    "normal_unbiased",
    "linear",
):
    row("quantile", lambda n, x, m=_name: n.quantile(x, [0.0, 0.25, 0.61, 1.0], method=m), (8,))
    row("percentile", lambda n, x, m=_name: n.percentile(x, 37, axis=1, method=m), (2, 5))
row("cross", lambda n, x, y: n.cross(x, y, axisa=0, axisc=0), (3, 2), (2, 3))
row("trace", lambda n, x: n.trace(x, dtype="float64"), (3, 3))
row("take", lambda n, x: n.take(x, [4, -5, 1], axis=1, mode="wrap"), (2, 3))
row("take", lambda n, x: n.take(x, [4, -5, 1], mode="clip"), (2, 3))
row("reshape", lambda n, x: n.reshape(x, (3, -1), order="F"), (2, 6))
row("ravel", lambda n, x: n.ravel(x, order="F"), (2, 3))
row("concatenate", lambda n, x: n.concatenate([x, x], axis=None, dtype="float64"), (2, 2))
row("hstack", lambda n, x: n.hstack([x, [1, 2]], dtype="float64"), (2,))
row("sort", lambda n, x: n.sort(x, axis=0, kind="stable"), (3, 2))
row("argsort", lambda n, x: n.argsort(x, kind="stable"), (3, 2), flags="plain")
row(
    "searchsorted",
    lambda n, x: n.searchsorted(x, [0.5, 1.0], sorter=n.argsort(x)),
    (4,),
    flags="plain",
)
row("nan_to_num", lambda n, x: n.nan_to_num(x, nan=3.0), WITH_NAN, flags="nan")
row("moveaxis", lambda n, x: n.moveaxis(x, source=0, destination=-1), (2, 3, 4))
row("swapaxes", lambda n, x: n.swapaxes(x, axis1=0, axis2=-1), (2, 3, 4))
row("repeat", lambda n, x: n.repeat(x, repeats=2, axis=0), (2, 3))
row("clip", lambda n, x: n.clip(x, 0.55, 1.0), (2, 3))
row("zeros_like", lambda n, x: x[0] + n.zeros_like(x, shape=(2,)), (3,))
row("meshgrid", lambda n, x, y: n.meshgrid(x, y, copy=False)[1], (2,), (3,))

# ---------------------------------------------------------------- padding

for _mode in (
    "linear_ramp",
    "maximum",
    "minimum",
    "mean",
    "median",
    "edge",
    "reflect",
    "symmetric",
    "wrap",
    "constant",
):
    row("pad", lambda n, x, m=_mode: n.pad(x, ((1, 2), (0, 3)), mode=m), (3, 4))
row("pad", lambda n, x: n.pad(x, 5, "reflect", reflect_type="odd"), (3,))
row("pad", lambda n, x: n.pad(x, (1, 4), "symmetric", reflect_type="odd"), (3, 2))
row("pad", lambda n, x: n.pad(x, 2, "mean", stat_length=((1, 2), (2, 1))), (3, 4))
row("pad", lambda n, x: n.pad(x, 2, "linear_ramp", end_values=(1.0, -1.0)), (3,))
row("pad", lambda n, x: n.pad(x, 2, constant_values=((1.0, 2.0), (3.0, 4.0))), (3, 2))

# ---------------------------------------------------------------- elements, and order

row("frexp", lambda n, x: n.frexp(x), np.array([0.3, 6.0, -5.0, 1e-310]), flags="eager plain")
row("frexp", lambda n, x: n.frexp(x)[0], (3,), flags="eager")
row(
    "ldexp",
    lambda n, x: n.ldexp(x, np.array([1500, -3, 2])),
    np.array([2.0**-1000, 1.5, 2.5]),
    flags="plain",
)
row("ldexp", lambda n, x: n.ldexp(x, np.array([5, -3, 2])), (3,))
row(
    "ldexp",
    lambda n, x: n.ldexp(x, np.array([2**40, -(2**40), 2**62])),
    np.array([0.0, 1.5, -0.0]),
    flags="plain",
)
row(
    "float_power", lambda n, x: n.float_power(x, 2), np.array([1.1, 0.3], np.float32), flags="plain"
)
row("spacing", lambda n, x: n.spacing(x), np.array([0.3, 6.0, -5.0]))
row("modf", lambda n, x: n.modf(3 * x), (2, 2))
row("gcd", lambda n, x: n.gcd(x, 12), np.array([8, 9, 0]), flags="eager plain")
row("lcm", lambda n, x: n.lcm(x, 12), np.array([8, 9, 1]), flags="eager plain")
row("bitwise_count", lambda n, x: n.bitwise_count(x), np.array([8, 9, -3]), flags="eager plain")
row("real_if_close", lambda n, x: n.real_if_close(x + 0j), (2, 2), flags="eager")
row("real_if_close", lambda n, x: n.real_if_close(x), (1j, 2), flags="eager")
row("array_equiv", lambda n, x: n.array_equiv(x, x[:1]), (2, 2), flags="plain")
row("matvec", lambda n, a, x: n.matvec(a, x), (2, 2, 3), (3,))
row("vecmat", lambda n, x, a: n.vecmat(x, a), (1j, 2), (1j, 2, 3))
row("partition", lambda n, x: n.sort(n.partition(x, 2)[:3]), (6,))
row("argpartition", lambda n, x: x[n.argpartition(x, 0)[0]], (6,))
row("sort_complex", lambda n, x: n.sort_complex(x), (1j, 4))
row("unravel_index", lambda n, x: n.unravel_index(x, (2, 3)), np.array([3, 4]), flags="eager plain")
row(
    "ravel_multi_index",
    lambda n, x: n.ravel_multi_index((x, x), (2, 3)),
    np.array([1, 0]),
    flags="eager plain",
)
row("sinc", lambda n, x: n.sinc(x), (2, 2))
row("i0", lambda n, x: n.i0(x), (3,), flags="protocol")
row("angle", lambda n, x: n.angle(x, deg=True), (1j, 3))
row("float_power", lambda n, x, y: n.float_power(x, y), (3,), (3,))
row("heaviside", lambda n, x: n.heaviside(x - 0.5, 0.5), (3,))
row("logaddexp2", lambda n, x, y: n.logaddexp2(x, y), (3,), (3,))
row("fmod", lambda n, x, y: n.fmod(5 * x, y), (3,), (3,))
row("ptp", lambda n, x: n.ptp(x, axis=0), (3, 2))
row("convolve", lambda n, x, y: n.convolve(x, y, mode="same"), (4,), (3,))
row("correlate", lambda n, x, y: n.correlate(x, y, "full"), (1j, 4), (1j, 3))
