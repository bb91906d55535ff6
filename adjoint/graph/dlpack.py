"""bfloat16 through DLPack, which has a code for it that NumPy does not know.

NumPy makes and reads the capsule, as one of 16-bit words, and here the code of their dtype is
changed in the structure that it holds: https://dmlc.github.io/dlpack/latest/c_api.html.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from adjoint.graph.types import storage_dtype

_BFLOAT16, _UNSIGNED = 4, 1
"""The codes of the two dtypes (DLDataTypeCode)."""
_PLACES = {b"dltensor": 20, b"dltensor_versioned": 52}
"""By the name of a capsule, at which byte of its structure the code of the dtype stands."""

_name_of = ctypes.pythonapi.PyCapsule_GetName
_name_of.restype, _name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype, _pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


def given(array: np.ndarray[Any, Any], **options: Any) -> Any:
    """The capsule of an array of bfloat16."""
    capsule = array.view(np.uint16).__dlpack__(**options)
    return _with_code(capsule, _UNSIGNED, _BFLOAT16)


def taken(x: Any) -> np.ndarray[Any, Any]:
    """The array of bfloat16 that another library holds; what `x` or NumPy raises if it is none."""
    return np.from_dlpack(_Words(x)).view(storage_dtype("bfloat16"))


class _Words:
    """An array of bfloat16, given out as one of 16-bit words."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __dlpack_device__(self) -> Any:
        return self.x.__dlpack_device__()

    def __dlpack__(self, **options: Any) -> Any:
        return _with_code(self.x.__dlpack__(**options), _BFLOAT16, _UNSIGNED)


def _with_code(capsule: Any, old: int, new: int) -> Any:
    """The capsule, the dtype of which has another code; `RuntimeError` if it has not the old one,
    or other than one word of 16 bits for an element."""
    name = _name_of(capsule)
    start = _pointer_of(capsule, name) + _PLACES[name]
    code, bits = (ctypes.c_uint8.from_address(start + n) for n in (0, 1))
    lanes = ctypes.c_uint16.from_address(start + 2)
    if (code.value, bits.value, lanes.value) != (old, 16, 1):
        raise RuntimeError("the elements are not numbers in bfloat16")
    code.value = new
    return capsule
