"""Python's operators on tensors, each by the name of its operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from adjoint.graph.op import FUNCTIONS
from adjoint.graph.views import write

if TYPE_CHECKING:
    from adjoint.graph.tensor import Tensor

_Unary: TypeAlias = "Callable[[Any], Tensor]"
_Binary: TypeAlias = "Callable[[Any, Any], Tensor]"


def _unary(name: str) -> _Unary:
    def operator(self: Any) -> Any:
        return FUNCTIONS[name](self)

    return operator


def _binary(name: str) -> _Binary:
    def operator(self: Any, other: Any) -> Any:
        if isinstance(other, _OPERANDS) or _is_array(other):
            return FUNCTIONS[name](self, other)
        return NotImplemented

    return operator


def _reflected(name: str) -> _Binary:
    def operator(self: Any, other: Any) -> Any:
        if isinstance(other, _OPERANDS) or _is_array(other):
            return FUNCTIONS[name](other, self)
        return NotImplemented

    return operator


def _in_place(name: str, sign: str) -> _Binary:
    """``x += y``: written into `x` and what shares its memory, as NumPy does with arrays.

    What NumPy has as a number, a 0-d tensor, cannot be written into: the name gets a new one.
    """

    def operator(self: Any, other: Any) -> Any:
        if not self.node.shape or not (isinstance(other, _OPERANDS) or _is_array(other)):
            return NotImplemented
        write(self, FUNCTIONS[name](self, other), sign)
        return self

    return operator


class Operators:
    """The operators of a tensor.

    An operand of an unknown class is left to its own operators, unless it says it is an array.
    """

    __slots__ = ()
    __pandas_priority__ = 10_000  # or series and frames take a tensor for plain numbers

    __neg__ = _unary("negative")
    __pos__ = _unary("positive")
    __abs__ = _unary("abs")
    __invert__ = _unary("bitwise_invert")

    __add__ = _binary("add")
    __sub__ = _binary("subtract")
    __mul__ = _binary("multiply")
    __truediv__ = _binary("divide")
    __floordiv__ = _binary("floor_divide")
    __mod__ = _binary("remainder")
    __pow__ = _binary("power")
    __matmul__ = _binary("matmul")
    __and__ = _binary("bitwise_and")
    __or__ = _binary("bitwise_or")
    __xor__ = _binary("bitwise_xor")
    __lshift__ = _binary("bitwise_left_shift")
    __rshift__ = _binary("bitwise_right_shift")

    __radd__ = _reflected("add")
    __rsub__ = _reflected("subtract")
    __rmul__ = _reflected("multiply")
    __rtruediv__ = _reflected("divide")
    __rfloordiv__ = _reflected("floor_divide")
    __rmod__ = _reflected("remainder")
    __rpow__ = _reflected("power")
    __rmatmul__ = _reflected("matmul")
    __rand__ = _reflected("bitwise_and")
    __ror__ = _reflected("bitwise_or")
    __rxor__ = _reflected("bitwise_xor")
    __rlshift__ = _reflected("bitwise_left_shift")
    __rrshift__ = _reflected("bitwise_right_shift")

    __iadd__ = _in_place("add", "+=")
    __isub__ = _in_place("subtract", "-=")
    __imul__ = _in_place("multiply", "*=")
    __itruediv__ = _in_place("divide", "/=")
    __ifloordiv__ = _in_place("floor_divide", "//=")
    __imod__ = _in_place("remainder", "%=")
    __ipow__ = _in_place("power", "**=")
    __imatmul__ = _in_place("matmul", "@=")
    __iand__ = _in_place("bitwise_and", "&=")
    __ior__ = _in_place("bitwise_or", "|=")
    __ixor__ = _in_place("bitwise_xor", "^=")
    __ilshift__ = _in_place("bitwise_left_shift", "<<=")
    __irshift__ = _in_place("bitwise_right_shift", ">>=")

    __lt__ = _binary("less")
    __le__ = _binary("less_equal")
    __gt__ = _binary("greater")
    __ge__ = _binary("greater_equal")
    __eq__ = _binary("equal")  # type: ignore[assignment]  # elementwise, as in NumPy
    __ne__ = _binary("not_equal")  # type: ignore[assignment]  # elementwise, as in NumPy

    def __hash__(self) -> int:
        return id(self)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return FUNCTIONS["floor_divide"](self, other), FUNCTIONS["remainder"](self, other)

    def __round__(self, ndigits: int | None = None) -> Any:
        if ndigits is None:
            return int(FUNCTIONS["round"](self))
        return FUNCTIONS["round"](self, ndigits)


def _is_array(x: Any) -> bool:
    """Whether `x` gives itself out as an array, and does not keep NumPy from computing with it."""
    return hasattr(type(x), "__array__") and getattr(x, "__array_ufunc__", True) is not None


_OPERANDS = (Operators, float, int, complex, np.ndarray, np.generic, list, tuple)
