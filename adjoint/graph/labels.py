"""Labels: what series, frames and labelled arrays of other packages say of their axes.

A tensor has none. A derivative by a labelled array is given its labels again (`Labels.put_on`); so
is one by an array of bfloat16, which tensors widen to float32, given its dtype. And since packages
with labels align arrays by them where tensors go by position, a function in which both would not
come to the same is an error (`meet`). None of these packages is imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import LabelsError
from adjoint.graph.types import Shape, is_bfloat16


@dataclass(frozen=True, eq=False)
class Labels:
    """The labels of an array, axis by axis: an index of pandas', or None; names of axes, if they
    have any, and `put_on`, which makes the like of the array from other values."""

    package: str
    kind: str
    shape: Shape
    axes: tuple[Any, ...]
    put_on: Callable[[Any], Any]
    names: tuple[Any, ...] | None = None

    @property
    def numbers(self) -> str:
        """What a number in brackets means to a series: "labels", also in slices, "label", or
        "position", as far as it means the same to a tensor."""
        if self.package != "pandas" or self.kind != "Series":
            return "position"
        (index,) = self.axes
        kind = getattr(index.dtype, "kind", "O")
        if kind == "f":
            return "labels"
        return "label" if kind in "iu" and not _counts(index) else "position"


def _counts(index: Any) -> bool:
    """Whether the labels of an index are the positions."""
    return bool(np.array_equal(index, np.arange(len(index))))


def labels_of(x: Any) -> Labels | None:
    """The labels of a series or frame of pandas or polars, or of an array of xarray; or None."""
    for package, find in _FINDERS.items():
        module = sys.modules.get(package)
        if module is not None:
            found = find(module, x)
            if found is not None:
                return found
    return None


def _is(x: Any, module: Any, name: str) -> bool:
    cls = getattr(module, name, None)  # which is missing while the module is being imported
    return isinstance(cls, type) and isinstance(x, cls)


def _of_pandas(pandas: Any, x: Any) -> Labels | None:
    if _is(x, pandas, "Series"):

        def series(values: Any) -> Any:
            return pandas.Series(values, x.index, name=x.name)

        return Labels("pandas", "Series", x.shape, (x.index,), series)
    if _is(x, pandas, "DataFrame"):
        axes = x.index, x.columns
        return Labels("pandas", "DataFrame", x.shape, axes, lambda a: pandas.DataFrame(a, *axes))
    return None


def _of_xarray(xarray: Any, x: Any) -> Labels | None:
    if not _is(x, xarray, "DataArray"):
        return None
    axes = tuple(x.indexes.get(name) for name in x.dims)

    def array(values: Any) -> Any:
        return xarray.DataArray(values, x.coords, x.dims, x.name)

    return Labels("xarray", "DataArray", x.shape, axes, array, x.dims)


def _of_polars(polars: Any, x: Any) -> Labels | None:
    if _is(x, polars, "Series"):
        return Labels("polars", "Series", x.shape, (None,), lambda a: polars.Series(x.name, a))
    if _is(x, polars, "DataFrame"):
        names = list(x.columns)

        def frame(values: Any) -> Any:
            return polars.DataFrame(values, names, orient="row")

        return Labels("polars", "DataFrame", x.shape, (None, None), frame)
    return None


def _of_ml_dtypes(ml_dtypes: Any, x: Any) -> Labels | None:
    if not isinstance(x, (np.ndarray, np.generic)) or not is_bfloat16(x.dtype):
        return None
    dtype = x.dtype
    return Labels("ml_dtypes", "array", x.shape, (None,) * x.ndim, lambda a: a.astype(dtype))


_FINDERS: dict[str, Callable[[Any, Any], Labels | None]] = {
    "pandas": _of_pandas,
    "xarray": _of_xarray,
    "polars": _of_polars,
    "ml_dtypes": _of_ml_dtypes,
}

# What meets in one call.

_met: ContextVar[list[Labels] | None] = ContextVar("adjoint_labels", default=None)
some = False
"""Whether labels were ever met: until then nobody need look."""


class meeting:  # lower case, as it heads a block
    """Within the block, in which a function is traced, labelled arrays must fit to those `given`,
    and to one another; the list of them all."""

    __slots__ = ("given", "token")

    def __init__(self, given: Sequence[Labels]) -> None:
        self.given = given
        self.token: Token[list[Labels] | None] | None = None

    def __enter__(self) -> list[Labels]:
        met = _met.get()
        is_within = met is not None  # then what it takes in meets what stands around it
        if met is None:
            met = []
        for labels in self.given:
            _add(labels, met)
        if not is_within:
            self.token = _met.set(met)
        return met

    def __exit__(self, *error: object) -> None:
        if self.token is not None:
            _met.reset(self.token)


def met_here() -> Sequence[Labels]:
    """The labels that were met in the function that is traced."""
    return _met.get() or ()


def meet(x: Any) -> None:
    """Note that an array is taken into a function that is traced; `LabelsError` if its labels do
    not fit to those of another there."""
    met = _met.get()
    if met is not None:
        found = labels_of(x)
        if found is not None:
            _add(found, met)


def _add(labels: Labels, met: list[Labels]) -> None:
    global some
    some = True
    for other in met:
        check_fit(labels, other)
    if not any(_are_same(labels, other) for other in met):
        met.append(labels)


def _are_same(a: Labels, b: Labels) -> bool:
    if (a.package, a.kind, a.names) != (b.package, b.kind, b.names):
        return False
    if len(a.axes) != len(b.axes):
        return False
    return all(i is j for i, j in zip(a.axes, b.axes, strict=True))


def check_fit(a: Labels, b: Labels) -> None:
    """Raise `LabelsError` where to go by position is not to go by labels."""
    if a.names is not None and b.names is not None:
        _check_names(a, b)
        pairs = [(i, j) for i, m in enumerate(a.names) for j, n in enumerate(b.names) if m == n]
    else:
        pairs = [(i, j) for i in range(len(a.axes)) for j in range(len(b.axes))]
    for i, j in pairs:
        one, other = a.axes[i], b.axes[j]
        if one is None or other is None or one is other or one.equals(other):
            continue
        is_repeated = len(a.axes) == len(b.axes) == 1 and 1 in (len(one), len(other))
        if (len(one) == len(other) or is_repeated) and one.isin(other).any():
            raise LabelsError(
                f"asarray: a {a.kind} has the labels {_shown(one)} along axis {i}, a {b.kind} in "
                f"the same function {_shown(other)} along axis {j}: {a.package} aligns by labels, "
                f"tensors go by position, which is not the same here; bring them into one order "
                f"(x.reindex) before, or give the numbers, x.to_numpy()"
            )


def check_equal(what: str, a: Labels, b: Labels) -> None:
    """Raise `LabelsError` unless what is called `what` has the labels of its primal."""
    for i, (one, other) in enumerate(zip(a.axes, b.axes, strict=False)):
        known = one is not None and other is not None and one is not other
        if a.names != b.names or (known and not one.equals(other)):
            raise LabelsError(
                f"{what} has other labels along axis {i} than its primal: {_shown(one)} and "
                f"{_shown(other)}; they must be the same, in the same order (x.reindex)"
            )


def _check_names(a: Labels, b: Labels) -> None:
    """Raise where axes with different names would be paired, and not those of the same name."""
    assert a.names is not None and b.names is not None
    if set(a.names).isdisjoint(b.names):
        return
    rear = zip(a.names[::-1], a.shape[::-1], b.names[::-1], b.shape[::-1], strict=False)
    for one, size, other, other_size in rear:
        if one != other and (size == other_size or 1 in (size, other_size)):
            raise LabelsError(
                f"asarray: a DataArray has the axes {a.names}, another in the same function "
                f"{b.names}: xarray aligns by these names, tensors go by position, which is not "
                f"the same here; transpose one before, or give the numbers, x.to_numpy()"
            )


def _shown(index: Any) -> str:
    first = [str(label) for label in index[:4]]
    return f"[{', '.join(first)}{', …' if len(index) > 4 else ''}]"
