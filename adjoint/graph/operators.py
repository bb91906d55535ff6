"""Python's operators on tensors, each by the function that it calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from adjoint.graph import calls, labels
from adjoint.graph.labelled_methods import check_product
from adjoint.graph.views import write

if TYPE_CHECKING:
    from adjoint.graph.tensor import Tensor

_Operator: TypeAlias = "Callable[[Any, Any], Tensor]"


def _in_place(operator: _Operator, sign: str) -> _Operator:
    """``x += y``: written into `x` and what shares its memory, as NumPy does with arrays.

    What NumPy has as a number, a 0-d tensor, cannot be written into: the name gets a new one.
    """

    def in_place(self: Any, other: Any) -> Any:
        if not self.node.shape or (result := operator(self, other)) is NotImplemented:
            return NotImplemented
        write(self, result, sign)
        return self

    return in_place


def _with_sparse(other: Any, name: str, x: Any) -> Tensor:
    """What a sparse matrix of SciPy's makes of a tensor; others have operators of their own."""
    found: Any = NotImplemented
    if str(type(other).__module__).startswith("scipy.sparse"):
        found = calls.namespace().sparse.arrays.operator(other, name, x)
    result: Tensor = found
    return result


class Operators:
    """The operators of a tensor.

    An operand of an unknown class is left to its own operators, unless it says it is an array.
    """

    __slots__ = ()
    __pandas_priority__ = 10_000  # or series and frames take a tensor for plain numbers

    def __neg__(self) -> Tensor:
        return calls.negative(self)

    def __pos__(self) -> Tensor:
        return calls.positive(self)

    def __abs__(self) -> Tensor:
        return calls.abs(self)

    def __invert__(self) -> Tensor:
        return calls.bitwise_invert(self)

    def __add__(self, other: Any) -> Tensor:
        if isinstance(other, _OPERANDS):
            return calls.add(self, other)
        return _with_sparse(other, "__radd__", self)

    def __sub__(self, other: Any) -> Tensor:
        if isinstance(other, _OPERANDS):
            return calls.subtract(self, other)
        return _with_sparse(other, "__rsub__", self)

    def __mul__(self, other: Any) -> Tensor:
        if isinstance(other, _OPERANDS):
            return calls.multiply(self, other)
        return _with_sparse(other, "__rmul__", self)

    def __truediv__(self, other: Any) -> Tensor:
        if isinstance(other, _OPERANDS):
            return calls.divide(self, other)
        return _with_sparse(other, "__rtruediv__", self)

    def __floordiv__(self, other: Any) -> Tensor:
        return calls.floor_divide(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __mod__(self, other: Any) -> Tensor:
        return calls.remainder(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __pow__(self, other: Any) -> Tensor:
        return calls.power(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __matmul__(self, other: Any) -> Tensor:
        if isinstance(other, _OPERANDS):
            if labels.some:
                check_product(self, other)
            return calls.matmul(self, other)
        return _with_sparse(other, "__rmatmul__", self)

    def __and__(self, other: Any) -> Tensor:
        return calls.bitwise_and(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __or__(self, other: Any) -> Tensor:
        return calls.bitwise_or(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __xor__(self, other: Any) -> Tensor:
        return calls.bitwise_xor(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __lshift__(self, other: Any) -> Tensor:
        return (
            calls.bitwise_left_shift(self, other)
            if isinstance(other, _OPERANDS)
            else NotImplemented
        )

    def __rshift__(self, other: Any) -> Tensor:
        return (
            calls.bitwise_right_shift(self, other)
            if isinstance(other, _OPERANDS)
            else NotImplemented
        )

    def __radd__(self, other: Any) -> Tensor:
        if isinstance(other, _OPERANDS):
            return calls.add(other, self)
        return _with_sparse(other, "__add__", self)

    def __rsub__(self, other: Any) -> Tensor:
        if isinstance(other, _OPERANDS):
            return calls.subtract(other, self)
        return _with_sparse(other, "__sub__", self)

    def __rmul__(self, other: Any) -> Tensor:
        if isinstance(other, _OPERANDS):
            return calls.multiply(other, self)
        return _with_sparse(other, "__mul__", self)

    def __rtruediv__(self, other: Any) -> Tensor:
        if isinstance(other, _OPERANDS):
            return calls.divide(other, self)
        return _with_sparse(other, "__truediv__", self)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return calls.floor_divide(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __rmod__(self, other: Any) -> Tensor:
        return calls.remainder(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __rpow__(self, other: Any) -> Tensor:
        return calls.power(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __rmatmul__(self, other: Any) -> Tensor:
        if isinstance(other, _OPERANDS):
            if labels.some:
                check_product(self, other)
            return calls.matmul(other, self)
        return _with_sparse(other, "__matmul__", self)

    def __rand__(self, other: Any) -> Tensor:
        return calls.bitwise_and(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __ror__(self, other: Any) -> Tensor:
        return calls.bitwise_or(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __rxor__(self, other: Any) -> Tensor:
        return calls.bitwise_xor(other, self) if isinstance(other, _OPERANDS) else NotImplemented

    def __rlshift__(self, other: Any) -> Tensor:
        return (
            calls.bitwise_left_shift(other, self)
            if isinstance(other, _OPERANDS)
            else NotImplemented
        )

    def __rrshift__(self, other: Any) -> Tensor:
        return (
            calls.bitwise_right_shift(other, self)
            if isinstance(other, _OPERANDS)
            else NotImplemented
        )

    def __lt__(self, other: Any) -> Tensor:
        return calls.less(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __le__(self, other: Any) -> Tensor:
        return calls.less_equal(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __gt__(self, other: Any) -> Tensor:
        return calls.greater(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __ge__(self, other: Any) -> Tensor:
        return calls.greater_equal(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]  # elementwise, as in NumPy
        return calls.equal(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]  # elementwise, as in NumPy
        return calls.not_equal(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    __iadd__ = _in_place(__add__, "+=")
    __isub__ = _in_place(__sub__, "-=")
    __imul__ = _in_place(__mul__, "*=")
    __itruediv__ = _in_place(__truediv__, "/=")
    __ifloordiv__ = _in_place(__floordiv__, "//=")
    __imod__ = _in_place(__mod__, "%=")
    __ipow__ = _in_place(__pow__, "**=")
    __imatmul__ = _in_place(__matmul__, "@=")
    __iand__ = _in_place(__and__, "&=")
    __ior__ = _in_place(__or__, "|=")
    __ixor__ = _in_place(__xor__, "^=")
    __ilshift__ = _in_place(__lshift__, "<<=")
    __irshift__ = _in_place(__rshift__, ">>=")

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return calls.floor_divide(self, other), calls.remainder(self, other)

    def __round__(self, ndigits: int | None = None) -> Any:
        if ndigits is None:
            return int(calls.round(self))
        return calls.round(self, ndigits)


class _ArrayCheck(type):
    """Has `isinstance` ask whether an object gives itself out as an array, and does not keep NumPy
    from computing with it."""

    def __instancecheck__(cls, x: Any) -> bool:
        return hasattr(type(x), "__array__") and getattr(x, "__array_ufunc__", True) is not None


class _Array(metaclass=_ArrayCheck):
    """An array of any library."""


_OPERANDS = (Operators, float, int, complex, np.ndarray, np.generic, list, tuple, _Array)
