"""The signature of a call: what a program made for it depends on, leaf by leaf."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from adjoint.api.tree import LEAF, flatten
from adjoint.errors import ArgumentError
from adjoint.graph import engine
from adjoint.graph.arrays import number_array, scalar_value, truths
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.storage import is_stored
from adjoint.graph.tensor import Tensor, as_stored
from adjoint.graph.types import DType, Shape, default_dtype, plain_dtype

_SCALARS = (float, int, bool, complex)


@dataclass(frozen=True)
class Leaf:
    """What the program of a signature knows of one leaf of the arguments."""

    shape: Shape
    dtype: DType
    weak: bool


def settled(x: Any) -> Any:
    """A leaf as all of a call sees it: a tensor, a Python number, or an array of NumPy's own class.

    Anything else is converted here, once, as it may answer otherwise when asked again (what has
    `__array__`, or another thread fills), or follow rules of its own (a subclass of arrays). The
    memory of such an array is not to be donated.
    """
    kind = type(x)
    if kind is Tensor or kind is np.ndarray or kind in _SCALARS:
        return x
    if isinstance(x, Tensor):  # of a class derived from it
        return Tensor(x.node)
    array = (np.asarray(x) if is_stored(x) else number_array(x)).view()
    array.flags.writeable = False
    return array


def leaf_of(x: Any) -> Leaf:
    """The signature of a settled leaf."""
    if type(x) is Tensor:
        return Leaf(x.node.shape, x.node.dtype, False)
    if type(x) in _SCALARS:
        return Leaf((), default_dtype(type(x)), True)
    dtype = plain_dtype(x.dtype)
    return Leaf(x.shape, dtype or as_stored(x[:0] if x.ndim else x).dtype, False)


def key_of(x: Any) -> Hashable:
    """What tells settled leaves of different signatures apart, found faster than the signature."""
    kind = type(x)
    if kind is Tensor:
        return x.node.shape, x.node.dtype
    return (kind,) if kind in _SCALARS else (x.shape, x.dtype)


def kind_of(x: Any) -> Hashable:
    """What settled leaves have in common that differ in sizes only."""
    key = key_of(x)
    assert isinstance(key, tuple)
    return key if len(key) == 1 else (len(key[0]), key[1])


def contiguous(x: Any, known: Leaf) -> np.ndarray[Any, Any]:
    """The value of a settled leaf as an array in row-major order, of the shape that is known."""
    value = engine.value_of(x.node) if type(x) is Tensor else x
    if type(x) is int:
        value = scalar_value(x, known.dtype)
    array: np.ndarray[Any, Any] = value
    if type(value) is not np.ndarray or value.dtype is not known.dtype or not _is_plain(value):
        array = np.require(value, known.dtype, ("C", "A", "E"))
    if known.dtype.kind == "b":
        array = truths(array)
    if array.shape != known.shape:
        raise ArgumentError(
            f"compile: an array got the shape {array.shape} while the function was called with it, "
            f"it had {known.shape}; give a copy of an array that another thread resizes"
        )
    return array


def _is_plain(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array is aligned, and in row-major order."""
    flags = array.flags
    return flags.c_contiguous and flags.aligned


def is_open(node: Node) -> bool:
    """Whether a transform is differentiating with respect to what the node depends on."""
    return node.scope is not None and node.scope.is_open()


def opened(structure: Any, leaves: Sequence[Any]) -> Any:
    """The arguments as tensors with values: what a function that is not compiled gets."""
    scope = Scope()
    scope.close()

    def tensor(x: Any) -> Tensor:
        if type(x) not in _SCALARS:
            return as_stored(x)
        dtype = default_dtype(type(x))
        return Tensor(variable_node(None, (), dtype, scope, scalar_value(x, dtype), weak=True))

    return structure.unflatten(map(tensor, leaves))


def tree_of(result: Any) -> Any:
    """The result as an index of a leaf or nested tuples of such; None if there is anything else."""
    numbers = count()

    def walk(part: Any) -> Any:
        if type(part) is tuple:
            return tuple(map(walk, part))
        if part is None or flatten(part)[1] is not LEAF:
            raise TypeError("not a tuple")
        return next(numbers)

    try:
        return walk(result)
    except TypeError:
        return None
