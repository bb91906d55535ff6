"""The tensor: what the user holds, a handle on a node.

Its operators and methods call the functions that `calls` declares, so this module knows none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy import float64

from adjoint.errors import ArgumentError, DTypeError, ShapeError
from adjoint.graph import calls, engine, labels, lost, types
from adjoint.graph.arrays import checked_range, number_array, owned, scalar_value
from adjoint.graph.caller import Asker, user_place
from adjoint.graph.device import CPU, check_device
from adjoint.graph.labelled_methods import check_iteration, check_numbers
from adjoint.graph.leaf import constant_node
from adjoint.graph.lost import handed_out, is_of_variable, losers, report
from adjoint.graph.methods import ArrayMethods
from adjoint.graph.node import Node
from adjoint.graph.numpy_protocol import NumpyProtocol
from adjoint.graph.op import Op
from adjoint.graph.operators import Operators
from adjoint.graph.shown import number_of, shown
from adjoint.graph.types import (
    FLOAT32,
    DType,
    Shape,
    default_dtype,
    is_bfloat16,
    plain_dtype,
    size_of,
    storage_dtype,
)
from adjoint.graph.views import (
    Links,
    assign,
    imaginary_part,
    is_part,
    part_of,
    real_part,
    transposed,
)


class Tensor(ArrayMethods, Operators, NumpyProtocol):
    """An n-dimensional array whose value is computed when somebody looks at it.

    Made by `adjoint.asarray`, by `adjoint.variable`, and by every operation. Shape and dtype are
    known at once. Assigning to an item (``t[i] = v``) lets this handle and its views stand for new
    nodes; other tensors computed from the old value are untouched.

    >>> import adjoint as ad
    >>> x = ad.asarray([1.0, 2.0, 3.0])
    >>> x * 2 + 1
    Tensor([3., 5., 7.])
    """

    __slots__ = ("__weakref__", "links", "node")

    links: Links
    """Which tensors share its memory; not there where none does."""

    def __init__(self, node: Node) -> None:
        if type(node) is not Node:
            raise ArgumentError(
                f"Tensor: expected a node, got {type(node).__name__}; "
                f"make a tensor from data with adjoint.asarray"
            )
        self.node = node

    # What is known without computing anything.

    @property
    def shape(self) -> Shape:
        """The sizes of the axes."""
        return self.node.shape

    @property
    def dtype(self) -> DType:
        """The NumPy dtype of the elements."""
        return self.node.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.node.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return size_of(self.node.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return self.node.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.size * self.node.dtype.itemsize

    @property
    def device(self) -> str:
        """Where the values live (array API): always the CPU."""
        return CPU

    def to_device(self, device: Any, /, *, stream: Any = None) -> Tensor:
        """The tensor itself (array API): `device` can only be the one that it is on."""
        check_device("to_device", device)
        if stream is not None:
            raise ArgumentError(f"to_device: the processor has no streams, got stream={stream!r}")
        return self

    @property
    def T(self) -> Tensor:
        """The tensor with its axes in reverse order."""
        return transposed(self, None)

    @property
    def mT(self) -> Tensor:
        """The tensor with its last two axes exchanged."""
        if self.ndim < 2:
            return calls.matrix_transpose(self)
        return transposed(self, (*range(self.ndim - 2), self.ndim - 1, self.ndim - 2))

    @property
    def real(self) -> Tensor:
        """The real part, a view; ``x.real = v`` writes into it."""
        return real_part(self)

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> Tensor:
        """The imaginary part, a view; ``x.imag = v`` writes into it."""
        return imaginary_part(self)

    @imag.setter
    def imag(self, value: Any) -> None:
        if self.node.dtype.kind != "c":
            raise DTypeError(
                f"x.imag = ...: a tensor of dtype {self.dtype} has no imaginary part to write; "
                f"make it of dtype complex128"
            )
        self.imag[...] = value

    def __len__(self) -> int:
        if not self.node.shape:
            raise ArgumentError("len: a 0-d tensor has no length")
        return self.node.shape[0]

    # Looking at the value computes it.

    def numpy(self) -> np.ndarray[Any, Any]:
        """The value as a NumPy array that must not be written to."""
        node = self.node
        value = node.value
        if type(value) is not np.ndarray or node.scope is not None:
            value = np.asarray(handed_out(node))
        array: np.ndarray[Any, Any] = (
            value.view()
        )  # its own shape and strides, which the user may set
        # by keyword, as the stubs want it, it takes twice as long
        array.setflags(False)  # type: ignore[call-arg]
        return array

    def item(self, *index: Any) -> Any:
        """The single element, or that at `index`, as a Python scalar."""
        if index:
            place = index[0] if len(index) == 1 else index
            is_flat = isinstance(place, (int, np.integer))
            return (calls.reshape(self, (-1,)) if is_flat else self)[place].item()
        node = self.node
        if node.number is not None:
            return node.number
        if type(node.value) is np.float64 and node.scope is None:
            return float(node.value)
        if size_of(self.node.shape) != 1:
            raise ShapeError(
                f"item: only a tensor with one element is a scalar, this one has shape "
                f"{self.node.shape}; index it or reduce it first"
            )
        return np.asarray(handed_out(self.node)).item()

    def tolist(self) -> Any:
        """The value as nested lists of Python scalars."""
        return self.numpy().tolist()

    def __float__(self) -> float:
        node = self.node
        number = node.number
        if number is not None:
            return number
        value = node.value
        if type(value) is float64 and node.scope is None:
            return float(value)
        return float(_scalar(self, "float", number_of))

    def __int__(self) -> int:
        return int(_scalar(self, "int"))

    def __complex__(self) -> complex:
        return complex(_scalar(self, "complex", handed_out))

    def __floor__(self) -> int:
        found: int = math.floor(_scalar(self, "floor"))
        return found

    def __ceil__(self) -> int:
        found: int = math.ceil(_scalar(self, "ceil"))
        return found

    __trunc__ = __int__

    def __bool__(self) -> bool:
        node = self.node
        if type(node.value) is np.bool_ and node.scope is None:
            return bool(node.value)
        return bool(_scalar(self, "bool"))

    def __hash__(self) -> int:
        """That of the object itself; in traced code of a number that of its value, by which NumPy's
        numbers are found in dicts and sets."""
        node = self.node
        if node.shape or not lost.is_tracing() or is_of_variable(node):
            return id(self)
        scopes = losers(node)
        if scopes:
            what = "a dict or a set, which finds numbers by their values,"
            report(scopes, Asker("", what, user_place()))
        return hash(_scalar(self, "hash"))

    def __index__(self) -> int:
        if self.node.dtype.kind not in "iu" or self.node.shape:
            raise DTypeError(
                f"index: only a 0-d integer tensor is an index, this one is "
                f"{self.node.dtype}{list(self.node.shape)}"
            )
        return int(engine.value_of(self.node))

    def __repr__(self) -> str:
        node = self.node
        if node.scope is not None and node.scope.abstract and node.value is None:
            for member in node.scope.members:
                member.was_shown = True
            return f"Tensor(shape={node.shape}, dtype={node.dtype}, no value while tracing)"
        value = np.asarray(engine.value_of(node))
        if node.dtype.kind == "V":
            value = value.astype(FLOAT32)  # NumPy has no form for it
        text = np.array2string(value, separator=", ", prefix="Tensor(")
        usual = node.dtype in (np.float64, np.int64, np.bool_, np.complex128)
        empty = "" if size_of(node.shape) else f", shape={node.shape}"
        return shown(f"Tensor({text}{empty}{'' if usual else f', dtype={node.dtype}'})", node)

    def __format__(self, spec: str) -> str:
        if spec and not self.node.shape:
            return shown(format(np.asarray(engine.value_of(self.node)).item(), spec), self.node)
        return format(str(self), spec)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.node.shape:
            raise ArgumentError("a 0-d tensor cannot be iterated over: it has no axis")
        if labels.some:
            check_iteration(len(self.node.shape))
        return (self[i] for i in range(self.node.shape[0]))

    def __contains__(self, item: Any) -> bool:
        return bool(calls.any(calls.equal(self, item)))

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return from_array, (np.array(self.numpy()),)

    def __copy__(self) -> Tensor:
        return Tensor(self.node)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return Tensor(self.node)

    # Indexing.

    def __getitem__(self, index: Any) -> Tensor:
        if labels.some:
            check_numbers(index, self.ndim)
        return part_of(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        if not is_part(value, self, index):
            assign(self, calls.setitem(self, index, value).node)

    def fill(self, value: Any) -> None:
        """Write `value` into every element."""
        self[...] = value

    def sort(
        self, axis: int = -1, kind: Any = None, order: Any = None, *, stable: Any = None
    ) -> None:
        """Sort the elements along `axis`, in place."""
        assign(self, calls.sort(self, axis=axis).node)

    def copy(self, order: Any = "C") -> Tensor:
        """A tensor of its own with the same value."""
        return Tensor(self.node)


def _scalar(x: Tensor, wanted: str, take: Any = engine.value_of) -> Any:
    if size_of(x.node.shape) != 1:
        hint = " (use adjoint.any or adjoint.all)" if wanted == "bool" else ""
        raise ShapeError(
            f"{wanted}: only a tensor with one element has a truth value or is a number, this one "
            f"has shape {x.node.shape}; index it or reduce it first{hint}"
        )
    return np.asarray(take(x.node)).reshape(())[()]


def make(op: Op, inputs: Sequence[Tensor], params: tuple[Any, ...] = ()) -> Tensor:
    """Apply `op` to `inputs`: check shapes and dtypes now, compute nothing."""
    nodes = tuple([x.node for x in inputs])
    shape, dtype = op.infer(*nodes, *params)
    return Tensor(Node(op, nodes, params, shape, dtype))


def from_array(array: np.ndarray[Any, Any]) -> Tensor:
    """A constant tensor that holds `array` itself, which nobody may write to any more."""
    dtype = plain_dtype(array.dtype) or storage_dtype(array.dtype)
    return Tensor(constant_node(array, array.shape, dtype))


def once(x: Any) -> Any:
    """`x` as what may be looked at several times: a tensor, a Python number or an array of NumPy's
    own class. Anything else might answer otherwise the second time."""
    kept = isinstance(x, Tensor) or type(x) in (np.ndarray, float, int, bool, complex)
    return x if kept else number_array(x)


def as_tensor(x: Any, dtype: DType | None = None) -> Tensor:
    """`x` as a tensor; arrays are copied, so that later writes to them change nothing here.

    What is stored in bfloat16 becomes float32, unless that is the `dtype` (see `as_stored`).
    """
    if type(x) is Tensor:
        given = x.node.dtype
        if given is dtype or (dtype is None and given is not types.BFLOAT16):
            return x
        return calls.astype(x, dtype or FLOAT32)
    kind = type(x)
    if kind in (float, int, bool, complex):
        wanted = dtype or default_dtype(kind)
        return Tensor(constant_node(scalar_value(x, wanted), (), wanted))
    if isinstance(x, Tensor):  # of a class derived from it
        return as_tensor(Tensor(x.node), dtype)
    if isinstance(x, (list, tuple)) and _holds_tensor(x):
        items = _converted(x)
        wanted = dtype or calls.result_type(*_leaves(items))
        return calls.stack([as_tensor(item, wanted) for item in items])
    if type(x) is np.ndarray and x.dtype.kind == "O" and _holds_tensor(x.flat):
        return as_tensor(x.tolist(), dtype)
    array = number_array(x)
    native = storage_dtype(dtype or array.dtype)
    if dtype is not None and isinstance(x, (list, tuple)):
        checked_range(array, native)
    array = owned(array, native)
    return Tensor(constant_node(array, array.shape, native))


def as_stored(x: Any) -> Tensor:
    """As `as_tensor`, but what is stored in bfloat16 stays so."""
    if type(x) is Tensor:
        return x
    if isinstance(x, (np.ndarray, np.generic)) and is_bfloat16(x.dtype):
        return as_tensor(x, storage_dtype(x.dtype))
    if isinstance(x, (list, tuple)) and calls.has_stored(x):
        return calls.in_float32(as_tensor, (x,), {})
    return as_tensor(x)


def _converted(x: Any) -> list[Any]:
    """Nested lists of Python numbers, which adapt to the others, and tensors, each made once."""
    return [
        _converted(item)
        if isinstance(item, (list, tuple))
        else item
        if type(item) in (float, int, bool, complex)
        else as_tensor(item)
        for item in x
    ]


def _leaves(x: Any) -> Iterator[Any]:
    """What stands in nested lists."""
    for item in x:
        if isinstance(item, list):
            yield from _leaves(item)
        else:
            yield item


def _holds_tensor(x: Any) -> bool:
    return any(
        isinstance(item, Tensor) or (isinstance(item, (list, tuple)) and _holds_tensor(item))
        for item in x
    )
