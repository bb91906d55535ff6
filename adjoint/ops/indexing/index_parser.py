"""Reading an index: what stands between the brackets, as slices and index tensors.

An index means first a slice, which integers and None belong to, then perhaps a gather by integer
tensors. NumPy decides where the axes of the index tensors stand: in place of the indexed axes if
these are neighbours in the brackets, else in front. Boolean masks stand for the positions at which
their value holds.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint.errors import (
    ArgumentError,
    AxisError,
    ConcretizationError,
    DTypeError,
    OutOfBoundsError,
)
from adjoint.graph.caller import user_place
from adjoint.graph.leaf import has_escaped
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import BOOL, Shape
from adjoint.ops.indexing.bounds import bounded, integer_index
from adjoint.ops.indexing.slicing import slice_of

_ALLOWED = "integers, slices (:), Ellipsis (...), None, and integer or boolean tensors or lists"


@dataclass
class Selection:
    """What an index chooses from a tensor: a slice, then a gather if there are `indices`."""

    starts: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    shape: list[int] = field(default_factory=list)
    """The shape after the slice, without the axes of integers and with those of None."""
    axes: list[int] = field(default_factory=list)
    indices: list[Tensor] = field(default_factory=list)
    position: int = 0
    unique: bool = True
    """Whether surely no element is chosen twice."""

    @property
    def params(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """The slice, as the operations want it."""
        return tuple(self.starts), tuple(self.steps), tuple(self.sizes)

    def slice(self, x: Tensor) -> Tensor:
        """`x` after the slice."""
        return slice_of(x, *self.params, tuple(self.shape))


def read_index(name: str, shape: Shape, index: Any) -> Selection:
    """What `index` chooses from a tensor of `shape`, as NumPy reads it."""
    items = [_item(name, item) for item in (index if type(index) is tuple else (index,))]
    given = sum(_consumed(item) for item in items)
    if given > len(shape):
        raise OutOfBoundsError(
            f"{name}: {given} indices were given for a tensor of shape {shape}, which has "
            f"{len(shape)} ax{'is' if len(shape) == 1 else 'es'}"
        )
    if sum(item is Ellipsis for item in items) > 1:
        raise ArgumentError(f"{name}: an index can have only one Ellipsis (...)")
    if all(item is not Ellipsis for item in items):
        items.append(Ellipsis)
    reader = _Reader(name, shape)
    for item in items:
        reader.read(item, len(shape) - given)
    return reader.selection


def _item(name: str, item: Any) -> Any:
    """An item of an index as None, Ellipsis, a slice, an integer, or an index or mask tensor."""
    if item is None or item is Ellipsis or type(item) in (slice, int):
        return item
    if isinstance(item, (bool, np.bool_)):
        return as_tensor(bool(item))
    if isinstance(item, np.integer):
        return int(item)
    if isinstance(item, (list, tuple)) and not item:
        return from_array(np.zeros(0, np.int64))
    if isinstance(item, (Tensor, np.ndarray, list, tuple)):
        x = as_tensor(item)
        if x.node.dtype is BOOL:
            return x
        if x.node.dtype.kind not in "iu":
            raise DTypeError(
                f"{name}: an index tensor must hold integers or booleans, got dtype {x.dtype}; "
                f"convert it with .astype('int64')"
            )
        if not x.node.shape and x.node.op.name == "constant":
            return int(x)
        return integer_index(name, x)
    if hasattr(item, "__index__"):
        return operator.index(item)
    if hasattr(type(item), "__array__"):  # as a series of truth values
        return _item(name, as_tensor(item))
    if isinstance(item, Sequence) and not isinstance(item, (str, bytes)):  # a range, a deque
        return _item(name, list(item))
    cure = "; tensors have no labels: index by position" if isinstance(item, str) else ""
    raise DTypeError(
        f"{name}: an index is made of {_ALLOWED}, got {type(item).__name__} {item!r}{cure}"
    )


def _consumed(item: Any) -> int:
    """How many axes an item of an index is about."""
    if item is None or item is Ellipsis:
        return 0
    if type(item) is Tensor and item.node.dtype is BOOL:
        return item.ndim
    return 1


class _Reader:
    """Goes along the items of an index and the axes of the tensor together."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.name = name
        self.shape = shape
        self.axis = 0
        self.selection = Selection()
        self.choosing = False  # the last item was an integer or a tensor
        self.chosen = False  # so was some item before
        self.split = False  # and another kind of item stood between two such

    def read(self, item: Any, missing: int) -> None:
        """Take in one item; an Ellipsis stands for `missing` axes."""
        if item is None:
            self._keep()
            self.selection.shape.append(1)
        elif item is Ellipsis:
            self._keep()
            for _ in range(missing):
                self._slice(slice(None))
        elif type(item) is slice:
            self._keep()
            self._slice(item)
        else:
            self._choose()
            if type(item) is int:
                self._integer(item)
            elif item.node.dtype is BOOL:
                self._mask(item)
            else:
                bounded(self.name, item, self.axis, self.shape[self.axis])
                self.selection.unique &= item.size <= 1 and not self.selection.indices
                self._gather(item)

    def _keep(self) -> None:
        self.choosing = False

    def _choose(self) -> None:
        if self.chosen and not self.choosing:
            self.split = True
        elif not self.chosen:
            self.selection.position = len(self.selection.shape)
        if self.split:
            self.selection.position = 0
        self.choosing = self.chosen = True

    def _slice(self, item: slice) -> None:
        try:
            start, stop, step = item.indices(self.shape[self.axis])
        except TypeError as error:
            raise DTypeError(
                f"{self.name}: the start, stop and step of a slice must be integers or None, "
                f"got {item}"
            ) from error
        except ValueError as error:
            raise ArgumentError(f"{self.name}: the step of a slice must not be 0") from error
        size = len(range(start, stop, step))
        self._part(start if size else 0, step if size > 1 else 1, size)
        self.selection.shape.append(size)

    def _integer(self, item: int) -> None:
        size = self.shape[self.axis]
        if not -size <= item < size:
            allowed = f"allowed: {-size} to {size - 1}" if size else "the axis is empty"
            raise OutOfBoundsError(
                f"{self.name}: index {item} is out of bounds for axis {self.axis} with size "
                f"{size} ({allowed})"
            )
        self._part(item % size, 1, 1)

    def _gather(self, index: Tensor) -> None:
        self.selection.axes.append(len(self.selection.shape))
        self.selection.indices.append(index)
        self.selection.shape.append(self.shape[self.axis])
        self._part(0, 1, self.shape[self.axis])

    def _mask(self, mask: Tensor) -> None:
        self.selection.unique &= not self.selection.indices
        if not mask.ndim:
            self.selection.axes.append(len(self.selection.shape))
            self.selection.indices.append(from_array(np.zeros(int(bool(mask)), np.int64)))
            self.selection.shape.append(1)
            return
        covered = self.shape[self.axis : self.axis + mask.ndim]
        if not _fits(mask.shape, covered):
            raise AxisError(
                f"{self.name}: a boolean mask of shape {mask.shape} does not fit the axes it is "
                f"about, which have shape {covered} (tensor of shape {self.shape})"
            )
        for index in np.nonzero(self._truths(mask)):
            self._gather(from_array(index))

    def _truths(self, mask: Tensor) -> np.ndarray[Any, Any]:
        try:
            return mask.numpy()
        except ConcretizationError as error:
            if has_escaped(mask.node):
                raise
            place = user_place()
            raise ConcretizationError(
                f"{place + ': ' if place else ''}{self.name}: how many elements a mask chooses "
                f"depends on values, of which only shape and dtype are known here; keep the shape: "
                f"adjoint.where(mask, a, b), adjoint.sum(x, where=mask), x[mask] = number, or "
                f"leave the function uncompiled"
            ) from error

    def _part(self, start: int, step: int, size: int) -> None:
        self.selection.starts.append(start)
        self.selection.steps.append(step)
        self.selection.sizes.append(size)
        self.axis += 1


def _fits(mask: Shape, covered: Shape) -> bool:
    """Whether a mask has the shape of what it covers; an axis of it may also be empty."""
    return len(mask) == len(covered) and all(
        size in (0, own) for size, own in zip(mask, covered, strict=True)
    )
