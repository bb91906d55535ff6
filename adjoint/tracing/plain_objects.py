"""Objects of the user's classes whose attributes are found in the plain way.

Floor 7. In the dictionary of the object, or else in that of the first class that has the name,
with no code of the user's on the way: no property, ``__getattribute__`` or other descriptor.
"""

from __future__ import annotations

from types import FunctionType, GetSetDescriptorType
from typing import Any

import numpy as np

from adjoint.graph.tensor import Tensor
from adjoint.tracing.reads import PLAIN
from adjoint.tracing.rebinding import is_of_users_class

IN_CLASSES = PLAIN | {list, dict, tuple, frozenset, np.ndarray, Tensor, FunctionType, staticmethod}
"""What may stand in a class: an attribute of the same name in the object goes first, else it is the
attribute, bound to the object if it is a function."""


def is_plain_object(x: Any) -> bool:
    """Whether it is an object of a class of the user's that finds attributes as `object` does."""
    if not is_of_users_class(x):
        return False
    spaces = [vars(base) for base in type(x).__mro__[:-1]]
    if any("__getattribute__" in names for names in spaces):
        return False
    own = [names["__dict__"] for names in spaces if "__dict__" in names]
    return bool(own) and all(type(d) is GetSetDescriptorType for d in own)
