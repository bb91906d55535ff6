"""The methods of a tensor that NumPy's arrays have, with NumPy's arguments.

What most calls say goes straight to the function of the same name; the rest, such as ``where=`` and
``out=``, goes the way of NumPy's own function.
"""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.graph import calls, labels
from adjoint.graph.labelled_methods import UNSAID, OfLabelled, check_all_axes, check_ddof
from adjoint.graph.numpy_protocol import call_function
from adjoint.graph.types import can_cast
from adjoint.graph.views import is_handle, link, rearranged, reshaped, transposed

if TYPE_CHECKING:
    from adjoint.graph.tensor import Tensor


class ArrayMethods:
    """What tensors do as NumPy's arrays do."""

    __slots__ = ()

    def astype(
        self: Any,
        dtype: Any,
        order: Any = "K",
        casting: Any = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Tensor:
        """The tensor converted to `dtype`, if the rule `casting` allows that."""
        if casting != "unsafe" and not can_cast(self.dtype, np.dtype(dtype), casting):
            raise ArgumentError(
                f"astype: cannot cast {self.dtype} to {np.dtype(dtype)} by the rule {casting!r}"
            )
        return calls.astype(self, dtype, copy=copy)

    def reshape(self: Any, *shape: Any, order: Any = "C", copy: Any = None) -> Tensor:
        """The tensor in another shape with as many elements; one size may be -1."""
        wanted = shape[0] if len(shape) == 1 else shape
        if copy is not None:
            return calls.reshape(self, wanted, order=order, copy=copy)
        if order != "C":
            return link(calls.reshape(self, wanted, order=order), self, "x.reshape")
        return reshaped(calls.reshape(self, wanted), self, "x.reshape")

    def transpose(self: Any, *axes: Any) -> Tensor:
        """The tensor with its axes permuted; without arguments, reversed."""
        one = len(axes) == 1 and not isinstance(axes[0], numbers.Integral)
        order = axes[0] if one else axes or None
        return transposed(self, order)

    def swapaxes(self: Any, axis1: int, axis2: int) -> Tensor:
        """The tensor with two axes exchanged."""

        def exchanged(y: Any) -> Any:
            return calls.swapaxes(y, axis1, axis2) if is_handle(y) else y.swapaxes(axis1, axis2)

        swapped: Tensor = rearranged(exchanged(self), self, "x.swapaxes", exchanged)
        return swapped

    def diagonal(self: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """The diagonal of the matrices in two axes, as the last axis."""
        return link(calls.diagonal(self, offset, axis1, axis2), self, "x.diagonal")

    def repeat(self: Any, repeats: Any, axis: int | None = None) -> Tensor:
        """Each element `repeats` times along `axis`; without one, of the flattened tensor."""
        return calls.repeat(self, repeats, axis)

    def take(
        self: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise"
    ) -> Tensor:
        """The elements at `indices` along `axis`; without one, of the flattened tensor."""
        if out is None:
            return calls.take(self, indices, axis, mode)
        return numpys(np.take, self, indices, axis, out, mode)

    def flatten(self: Any, order: Any = "C") -> Tensor:
        """A copy of the tensor with one axis."""
        return calls.reshape(self, (-1,), order="F" if order == "F" else "C")

    def ravel(self: Any, order: Any = "C") -> Tensor:
        """The tensor with one axis."""
        if order == "F":
            return link(self.flatten("F"), self, "x.ravel")
        return reshaped(self.flatten(), self, "x.ravel")

    @property
    def flat(self: Any) -> Tensor:
        """The elements in one axis; writing into it writes into the tensor."""
        flat: Tensor = self.ravel()
        return flat

    @flat.setter
    def flat(self: Any, value: Any) -> None:
        self.ravel()[...] = calls.reshape(value, (-1,)) if np.ndim(value) else value

    def squeeze(self: Any, axis: Any = None) -> Tensor:
        """The tensor without its axes of size one, or without `axis`."""

        def without(y: Any) -> Any:
            return calls.squeeze(y, axis) if is_handle(y) else y.squeeze(axis)

        squeezed: Tensor = rearranged(without(self), self, "x.squeeze", without)
        return squeezed

    # Reductions.

    def sum(
        self: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """The sum over `axis`, or over all elements; more arguments as of `numpy.sum`."""
        if axis is None and labels.some:
            check_all_axes("sum", self.ndim)
        if dtype is None and out is None and not more:
            return calls.sum(self, axis, keepdims=keepdims)
        return numpys(np.sum, self, axis, dtype, out, keepdims, **more)

    def prod(
        self: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """The product over `axis`, or over all elements; more arguments as of `numpy.prod`."""
        if axis is None and labels.some:
            check_all_axes("prod", self.ndim)
        if dtype is None and out is None and not more:
            return calls.prod(self, axis, keepdims=keepdims)
        return numpys(np.prod, self, axis, dtype, out, keepdims, **more)

    def mean(
        self: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """The mean over `axis`, or over all elements; more arguments as of `numpy.mean`."""
        if axis is None and labels.some:
            check_all_axes("mean", self.ndim)
        if dtype is None and out is None and not more:
            return calls.mean(self, axis, keepdims=keepdims)
        return numpys(np.mean, self, axis, dtype, out, keepdims, **more)

    def var(
        self: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = UNSAID,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """The variance over `axis`, or over all elements; more arguments as of `numpy.var`."""
        if axis is None and labels.some:
            check_all_axes("var", self.ndim)
        if labels.some:
            check_ddof("var", ddof)
        if dtype is None and out is None and not more:
            return calls.var(self, axis, ddof=ddof, keepdims=keepdims)
        return numpys(np.var, self, axis, dtype, out, ddof, keepdims, **more)

    def std(
        self: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = UNSAID,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """The standard deviation over `axis`, or over all elements; more as of `numpy.std`."""
        if axis is None and labels.some:
            check_all_axes("std", self.ndim)
        if labels.some:
            check_ddof("std", ddof)
        if dtype is None and out is None and not more:
            return calls.std(self, axis, ddof=ddof, keepdims=keepdims)
        return numpys(np.std, self, axis, dtype, out, ddof, keepdims, **more)

    def max(
        self: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **more: Any
    ) -> Tensor:
        """The largest element along `axis`, or of all; more arguments as of `numpy.max`."""
        if axis is None and labels.some:
            check_all_axes("max", self.ndim)
        if out is None and not more:
            return calls.max(self, axis, keepdims=keepdims)
        return numpys(np.max, self, axis, out, keepdims, **more)

    def min(
        self: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **more: Any
    ) -> Tensor:
        """The smallest element along `axis`, or of all; more arguments as of `numpy.min`."""
        if axis is None and labels.some:
            check_all_axes("min", self.ndim)
        if out is None and not more:
            return calls.min(self, axis, keepdims=keepdims)
        return numpys(np.min, self, axis, out, keepdims, **more)

    def argmax(self: Any, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Tensor:
        """The index of the first largest element."""
        if out is None:
            return calls.argmax(self, axis, keepdims=keepdims)
        return numpys(np.argmax, self, axis, out, keepdims=keepdims)

    def argmin(self: Any, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Tensor:
        """The index of the first smallest element."""
        if out is None:
            return calls.argmin(self, axis, keepdims=keepdims)
        return numpys(np.argmin, self, axis, out, keepdims=keepdims)

    def any(
        self: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **more: Any
    ) -> Tensor:
        """Whether any element is true."""
        if axis is None and labels.some:
            check_all_axes("any", self.ndim)
        return numpys(np.any, self, axis, out, keepdims, **more)

    def all(
        self: Any, axis: Any = None, out: Any = None, keepdims: bool = False, **more: Any
    ) -> Tensor:
        """Whether all elements are true."""
        if axis is None and labels.some:
            check_all_axes("all", self.ndim)
        return numpys(np.all, self, axis, out, keepdims, **more)

    def cumsum(self: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
        """The cumulative sum along `axis`; without one, of the flattened tensor."""
        if axis is None and labels.some:
            check_all_axes("cumsum", self.ndim)
        return numpys(np.cumsum, self, axis, dtype, out)

    def cumprod(self: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
        """The cumulative product along `axis`; without one, of the flattened tensor."""
        if axis is None and labels.some:
            check_all_axes("cumprod", self.ndim)
        return numpys(np.cumprod, self, axis, dtype, out)

    def trace(
        self: Any,
        offset: int = 0,
        axis1: int = 0,
        axis2: int = 1,
        dtype: Any = None,
        out: Any = None,
    ) -> Tensor:
        """The sum over the diagonal of the matrices in two axes."""
        return numpys(np.trace, self, offset, axis1, axis2, dtype, out)

    # The rest.

    def argsort(
        self: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
    ) -> Tensor:
        """The indices that sort the elements along `axis`; equal ones stay in their order."""
        return calls.argsort(self, axis)

    def nonzero(self: Any) -> tuple[Tensor, ...]:
        """For each axis the indices of the elements that are not zero."""
        return calls.nonzero(self)

    def round(self: Any, decimals: int = 0, out: Any = None) -> Tensor:
        """The elements rounded to `decimals` places, halves to even."""
        return numpys(np.round, self, decimals, out)

    def dot(self: Any, b: Any, out: Any = None) -> Tensor:
        """The dot product, as `numpy.dot`."""
        return calls.dot(self, b) if out is None else numpys(np.dot, self, b, out)

    def clip(self: Any, min: Any = None, max: Any = None, out: Any = None, **more: Any) -> Tensor:
        """The elements limited to the interval from `min` to `max`."""
        if out is None and not more:
            return calls.clip(self, min, max)
        return numpys(np.clip, self, min, max, out, **more)

    def conj(self: Any) -> Tensor:
        """The complex conjugate; of a real tensor it is the tensor itself."""
        conjugated: Tensor = calls.conj(self) if self.dtype.kind == "c" else self
        return conjugated

    conjugate = conj

    # What others have that have labels.

    loc = OfLabelled("index it by position, as in x[i, j]")
    iloc = OfLabelled("index it itself, as in x[i, j]")
    sel = OfLabelled("index it by position, as in x[i, j]")
    isel = OfLabelled("index it by position, as in x[i, j]")
    index = OfLabelled("take the labels of the argument before")
    columns = OfLabelled("take the labels of the argument before")
    coords = OfLabelled("take the labels of the argument before")
    dims = OfLabelled("take the labels of the argument before")
    values = OfLabelled("compute with the tensor itself")
    to_numpy = OfLabelled("compute with the tensor itself")
    apply = OfLabelled("call the function with the tensor")
    abs = OfLabelled("use abs(x)")
    map = OfLabelled("call the function with the tensor")
    diff = OfLabelled("use numpy.diff(x)")
    shift = OfLabelled("use numpy.roll(x, 1), or slices")
    rolling = OfLabelled("use numpy.lib.stride_tricks.sliding_window_view, or numpy.convolve")
    median = OfLabelled("use numpy.median(x)")
    quantile = OfLabelled("use numpy.quantile(x, q)")
    corr = OfLabelled("use numpy.corrcoef(x, y)")
    cov = OfLabelled("use numpy.cov(x, y)")
    where = OfLabelled("use numpy.where(condition, x, y)")
    fillna = OfLabelled("use numpy.where(numpy.isnan(x), y, x)")
    groupby = OfLabelled("use numpy.bincount(groups, weights=x), or scipy.ndimage.mean by labels")


def numpys(function: Any, *args: Any, **kwargs: Any) -> Tensor:
    """What NumPy's function makes of a tensor and more."""
    result: Tensor = call_function(function, args, kwargs)
    return result
