"""``numpy.nditer`` over tensors: their elements one after the other, each with its derivative."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, RangeError
from adjoint.graph import calls
from adjoint.graph.op import public_as
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import Shape, broadcast_shapes
from adjoint.graph.views import link

_WITHOUT_EFFECT = frozenset(
    (
        *("buffered", "common_dtype", "copy_if_overlap", "delay_bufalloc", "grow_inner", "ranged"),
        *("reduce_ok", "refs_ok", "zerosize_ok"),
    )
)
"""Flags that say how NumPy goes about it, or permit what is permitted here."""


class ElementIterator:
    """The elements of tensors, which broadcast to one shape, in the order of their indices.

    An element is a tensor without axes; of several operands there is a tuple. With the flag
    "readwrite" or "writeonly" of an operand, ``element[...] = value`` writes into it; without, that
    is an error.
    """

    def __init__(
        self, operands: Sequence[Any], flags: Any, op_flags: Any, order: str, single: bool
    ) -> None:
        self.operands = tuple(operands)
        self._single = single
        self._written = _written_operands(op_flags, len(operands))
        self._counts = _checked_flags(flags)
        self.shape: Shape = broadcast_shapes("nditer", *(np.shape(x) for x in self.operands))
        for x, written in zip(self.operands, self._written, strict=True):
            _check_operand(x, written, order, self.shape)
        self.ndim = len(self.shape)
        self.itersize = int(np.prod(self.shape))
        self._reverse = order == "F"
        self.reset()

    def reset(self) -> None:
        """Go back to the first element."""
        self._place = 0
        self._started = False

    @property
    def finished(self) -> bool:
        """Whether no element is left."""
        return self._place >= self.itersize

    @property
    def multi_index(self) -> tuple[int, ...]:
        """The index of the element along each axis."""
        order = "F" if self._reverse else "C"
        found = np.unravel_index(self._place, self.shape, order)  # type: ignore[call-overload]
        return tuple(int(i) for i in found)

    @property
    def index(self) -> int:
        """The number of the element in the order that "c_index" or "f_index" asked for."""
        order = "F" if self._counts == "f_index" else "C"
        if not self.ndim:
            return 0
        return int(np.ravel_multi_index(self.multi_index, self.shape, order=order))  # type: ignore[call-overload]

    @property
    def value(self) -> Any:
        """The element, or a tuple of one for each operand."""
        index = self.multi_index
        found = tuple(
            _element(x, index, written)
            for x, written in zip(self.operands, self._written, strict=True)
        )
        return found[0] if self._single else found

    def __getitem__(self, number: int) -> Any:
        return self.value if self._single and number in (0, -1) else self.value[number]

    def __len__(self) -> int:
        return len(self.operands)

    def iternext(self) -> bool:
        """Go to the next element; whether there is one."""
        self._place += 1
        return not self.finished

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._started:
            self._place += 1
        self._started = True
        if self.finished:
            raise StopIteration
        return self.value

    def __enter__(self) -> ElementIterator:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def close(self) -> None:
        """Nothing is left to be done: what was written was written at once."""


def _checked_flags(flags: Any) -> str:
    """Which index the flags ask to count; `ArgumentError` for what tensors cannot do."""
    counts = "c_index"
    for flag in flags or ():
        if flag in ("c_index", "f_index"):
            counts = flag
        elif flag != "multi_index" and flag not in _WITHOUT_EFFECT:
            raise ArgumentError(
                f"numpy.nditer: the flag {flag!r} is not supported on tensors; leave it out, or "
                f"compute with the whole tensor (x.ravel() is all elements in one axis)"
            )
    return counts


def _written_operands(op_flags: Any, count: int) -> list[bool]:
    """Of each operand whether it is written to."""
    given = list(op_flags or [["readonly"]])
    if all(isinstance(flag, str) for flag in given):
        given = [given] * count
    if len(given) == 1:
        given = given * count
    return ["readwrite" in flags or "writeonly" in flags for flags in given]


def _check_operand(x: Any, written: bool, order: str, shape: Shape) -> None:
    if x is None:
        raise ArgumentError(
            "numpy.nditer: an operand None asks for an array to be made, in which no derivative "
            "has room; make it before, with numpy.zeros, and give it the flag 'readwrite'"
        )
    if order not in ("C", "F", "K", "A"):
        raise RangeError(f'numpy.nditer: order must be "C", "F", "A" or "K", got {order!r}')
    if written and not isinstance(x, Tensor):
        raise ArgumentError(
            "numpy.nditer: beside tensors, only tensors are written to; make the array with "
            "numpy.zeros or adjoint.zeros inside the function"
        )
    if written and x.shape != shape:
        raise ArgumentError(
            f"numpy.nditer: an operand of shape {x.shape} cannot be written to at every index of "
            f"{shape}; write into a tensor of the whole shape"
        )
    if order in "KA" and isinstance(x, Tensor) and _may_lie_otherwise(x):
        raise ArgumentError(
            'numpy.nditer: with order "K" NumPy visits the elements of a transposed or reversed '
            'array as they lie in memory; say which order you mean: order="C" or "F"'
        )


def _may_lie_otherwise(x: Tensor) -> bool:
    """Whether it is a view whose elements may lie in memory in another order than their own."""
    links = getattr(x, "links", None)
    while links is not None and links.parent is not None:
        if links.made_by == "x[]":
            index = links.detail if isinstance(links.detail, tuple) else (links.detail,)
            if any(isinstance(i, slice) and (i.step or 1) < 0 for i in index):
                return True
        elif not links.made_by.endswith(("reshape", "ravel", "squeeze")):
            return True
        links = getattr(links.parent, "links", None)
    return False


def _element(x: Any, index: tuple[int, ...], written: bool) -> Tensor:
    """The element of `x` at an index of the common shape."""
    shape = np.shape(x)
    own = index[len(index) - len(shape) :]
    place = tuple(0 if size == 1 else i for i, size in zip(own, shape, strict=True))
    part = as_tensor(calls.getitem(as_tensor(x), place))
    if not isinstance(x, Tensor):
        return part
    return link(part, x, "numpy.nditer", place, _read, _write if written else _refuse)


def _read(parent: Tensor, place: Any) -> Tensor:
    return calls.getitem(parent, place)


def _write(parent: Tensor, view: Tensor, place: Any) -> Tensor:
    return calls.setitem(parent, place, view)


def _refuse(parent: Tensor, view: Tensor, place: Any) -> Tensor:
    raise ArgumentError(
        'numpy.nditer: this operand is read-only; to write into it, give op_flags=["readwrite"]'
    )


def nditer(
    op: Any,
    flags: Any = None,
    op_flags: Any = None,
    op_dtypes: Any = None,
    order: str = "K",
    **options: Any,
) -> Any:
    """NumPy's iterator over arrays; over tensors, one of elements that have derivatives."""
    single = not isinstance(op, (list, tuple))
    operands = [op] if single else list(op)
    if not any(isinstance(x, Tensor) for x in operands):
        return np.nditer(op, flags, op_flags, op_dtypes, order, **options)  # type: ignore[call-overload]
    wanted = op_dtypes is not None or any(v is not None for v in options.values())
    if wanted:
        given = ["op_dtypes"] if op_dtypes is not None else list(options)
        raise ArgumentError(
            f"numpy.nditer: the argument {given[0]!r} is not supported on tensors; convert with "
            f"astype, and bring the axes into order, before"
        )
    return ElementIterator(operands, flags, op_flags, order, single)


def enter() -> None:
    """Let NumPy's name stand for it."""
    public_as("nditer")(nditer)
