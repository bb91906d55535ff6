"""The documentation of elementwise functions, which all of them share but for a line."""

from __future__ import annotations

import sys
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from adjoint.graph.op import public_storage

if TYPE_CHECKING:
    from adjoint.ops.family.elementwise import Elementwise


class DocstringParts(NamedTuple):
    """What the documentation of an elementwise function says beside what all of them say."""

    doc: str
    args: str
    example: tuple[Any, ...]
    shown: str | None = None
    prefix: str = "ad."

    @classmethod
    def take(cls, options: dict[str, Any], example: tuple[Any, ...], args: str) -> DocstringParts:
        """The page described among the `options` of an operation, which are taken from them."""
        given = {key: options.pop(key) for key in cls._fields if key in options}
        return cls(**({"example": example, "args": args} | given))


def publish(function: Any, op: Elementwise, parts: DocstringParts) -> None:
    """Document the function that users call for `op`, and enter it into the table."""
    function.__name__ = function.__qualname__ = op.name
    function.__module__ = _defining_module()
    function.__doc__ = f"""{parts.doc}

    Elementwise; {parts.args} may be tensors, arrays or numbers of any shapes that broadcast.
    Computes in the common dtype ({op.accepts}; integers become float64 where floating numbers are
    needed). Returns a tensor of the broadcast shape. Raises `ShapeError` and `DTypeError`.

    >>> import adjoint as ad
    >>> {parts.prefix}{op.name}({", ".join(map(repr, parts.example))})
    Tensor({parts.shown or printed(op.numpy(*parts.example))})
    """
    public_storage(function)


def _defining_module() -> str:
    """The module now imported, where the function will be found by its name, as by `pickle`."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return __name__ if frame is None else str(frame.f_globals["__name__"])


def printed(value: Any) -> str:
    """A scalar as NumPy prints it; numpy.array2string would cost 20 µs for each operation."""
    number = value.item()
    if type(number) is not float:
        return repr(number)
    return f"{number:.8f}".rstrip("0")
