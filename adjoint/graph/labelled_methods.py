"""Where methods and brackets of series and frames mean something else than those of arrays.

Within a function that is differentiated a tensor stands for a series or a frame. Whatever would be
computed there in silence, and differently, is an error; what tensors do not have says so.
"""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import numpy as np

from adjoint.errors import LabelsError
from adjoint.graph.labels import met_here

UNSAID: float = 0.0
"""The default of `ddof`: this very object, so that a number that was given is told apart."""

_LIBRARIES = ("adjoint", "numpy", "scipy", "array_api_compat", "array_api_extra")


def _is_users(depth: int) -> bool:
    """Whether the method of a tensor was called by the user's code, so many frames above."""
    module = str(sys._getframe(depth + 1).f_globals.get("__name__"))
    return module.partition(".")[0] not in _LIBRARIES


def check_all_axes(name: str, ndim: int) -> None:
    """Raise `LabelsError` if a method that was called without axes goes down the columns of a
    frame that is there."""
    if ndim < 2:
        return
    for labels in met_here():
        cumulative = labels.package == "xarray" and name.startswith("cum")
        if (labels.kind == "DataFrame" or cumulative) and _is_users(2):
            way = "along each of its axes" if cumulative else "down its columns"
            raise LabelsError(
                f"{name}: .{name}() of a {labels.kind} goes {way}, that of a tensor over all "
                f"elements; say which is meant: .{name}(axis=0), or numpy.{name}(x) for all"
            )


def check_ddof(name: str, ddof: Any) -> None:
    """Raise `LabelsError` if nobody said by what to divide, and a series that is there would divide
    by n - 1."""
    if ddof is not UNSAID:
        return
    for labels in met_here():
        if labels.package in ("pandas", "polars") and _is_users(2):
            raise LabelsError(
                f"{name}: .{name}() of {labels.package} divides by n - 1, that of a tensor by n; "
                f"say which is meant: .{name}(ddof=1) or .{name}(ddof=0)"
            )


def check_numbers(index: Any, ndim: int) -> None:
    """Raise `LabelsError` if a number in brackets would be a label to a series or frame there."""
    number = _is_number(index)
    if ndim == 2 and number:
        for labels in met_here():
            if labels.package == "pandas" and labels.kind == "DataFrame" and _is_users(2):
                raise LabelsError(
                    f"getitem: [{index}] of a DataFrame is a column, of a tensor a row; write "
                    f"x[{index}, :] for the row at that position or x[:, {index}] for the column"
                )
    if ndim == 1 and (number or isinstance(index, slice)):
        for labels in met_here():
            if labels.numbers == "position" or not (number or labels.numbers == "labels"):
                continue
            if _is_users(2):
                raise LabelsError(
                    f"getitem: [{index}] of a Series with numbers for labels means the label, of a "
                    f"tensor the position; take it by position with numpy.take(x, {index}), or "
                    f"differentiate by x.to_numpy()"
                )


def check_iteration(ndim: int) -> None:
    """Raise `LabelsError` if iterating would go over the columns of a frame that is there."""
    if ndim < 2:
        return
    for labels in met_here():
        if labels.kind == "DataFrame" and _is_users(2):
            raise LabelsError(
                "iter: a DataFrame is iterated over by its columns, a tensor by its rows; say "
                "which is meant: for column in x.T, or for i in range(len(x)) and x[i, :]"
            )


def check_product(x: Any, other: Any) -> None:
    """Raise `LabelsError` if ``@`` would contract axes of the same name, as xarray has it."""
    if max(len(x.shape), len(getattr(other, "shape", ()))) < 2:
        return
    for labels in met_here():
        if labels.package == "xarray" and _is_users(2):
            raise LabelsError(
                "matmul: @ of xarray goes over all axes of the same names, that of tensors over "
                "the last of the first and the one before the last of the second; write what is "
                "meant: numpy.matmul(x, y), numpy.sum(x * y) or numpy.einsum"
            )


def _is_number(index: Any) -> bool:
    if isinstance(index, (int, np.integer)):
        return not isinstance(index, bool)
    dtype = np.asarray(index).dtype if isinstance(index, list) else getattr(index, "dtype", None)
    return dtype is not None and dtype.kind in "iu"


class OfLabelled:
    """A word of series and frames that tensors do not have: to ask for it is an error that says
    what to use. (A `__getattr__` would slow down every other attribute.)"""

    def __init__(self, cure: str) -> None:
        self.cure = cure

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        raise AttributeError(
            f"a tensor has no {self.name}, as it has no labels, and within a function that is "
            f"differentiated it stands for a series, a frame or a labelled array; {self.cure}"
        )
