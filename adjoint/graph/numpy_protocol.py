"""NumPy's protocols: ``np.sin(t)`` and ``np.sum(t)`` trace instead of computing.

So code that says ``import numpy as np`` can be differentiated as it stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, UnknownNameError
from adjoint.graph.op import FUNCTIONS

_UFUNC_NAMES = {
    "absolute": "abs",
    "fabs": "abs",
    "conjugate": "conj",
    "true_divide": "divide",
    "invert": "bitwise_invert",
    "left_shift": "bitwise_left_shift",
    "right_shift": "bitwise_right_shift",
    "rint": "round",
    "mod": "remainder",
    "vecdot": "vecdot",
}
_FUNCTION_NAMES = {
    "amax": "max",
    "amin": "min",
    "transpose": "permute_dims",
    "concatenate": "concat",
    "absolute": "abs",
    "round_": "round",
    "around": "round",
}


class NumpyProtocol:
    """The part of a tensor that NumPy talks to."""

    __slots__ = ()
    __array_priority__ = 1000.0

    def numpy(self) -> np.ndarray[Any, Any]:
        """The value as a NumPy array that must not be written to."""
        raise NotImplementedError

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError("numpy: a change of dtype needs a copy, and copy=False was asked")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "reduce" and ufunc in _REDUCTIONS and kwargs.keys() <= {"axis", "keepdims"}:
            return FUNCTIONS[_REDUCTIONS[ufunc]](*inputs, **{"axis": 0} | kwargs)
        if kwargs:
            cure = (
                "a tensor has no buffer to write into, use what is returned"
                if "out" in kwargs
                else "leave it out, or use adjoint.where and astype"
            )
            raise ArgumentError(
                f"numpy.{ufunc.__name__}: the argument {next(iter(kwargs))!r} is not supported on "
                f"tensors; {cure}"
            )
        name = _UFUNC_NAMES.get(ufunc.__name__, ufunc.__name__)
        if method != "__call__" or name not in FUNCTIONS:
            suffix = "" if method == "__call__" else f".{method}"
            raise UnknownNameError(
                f"numpy.{ufunc.__name__}{suffix} has no counterpart on tensors; "
                f"write it with other operations, or take the value with numpy.asarray"
            )
        return FUNCTIONS[name](*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        name = _FUNCTION_NAMES.get(function.__name__, function.__name__)
        if function.__module__ == "numpy.linalg" and name != "norm":
            name = "linalg." + name if "linalg." + name in FUNCTIONS else name
        if name not in FUNCTIONS:
            raise UnknownNameError(
                f"{function.__module__}.{function.__name__} has no counterpart on tensors; "
                f"write it with other operations, or take the value with numpy.asarray"
            )
        return FUNCTIONS[name](*args, **kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return FUNCTIONS["__namespace__"]()

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.numpy().copy().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


_REDUCTIONS = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min"}
