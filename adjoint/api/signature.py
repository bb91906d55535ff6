"""The signature of a call: what a program made for it depends on, leaf by leaf."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from adjoint.api.tree import LEAF, flatten
from adjoint.graph import engine
from adjoint.graph.arrays import scalar_value
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import DType, Shape, default_dtype

_SCALARS = (float, int, bool, complex)


@dataclass(frozen=True)
class Leaf:
    """What the program of a signature knows of one leaf of the arguments."""

    shape: Shape
    dtype: DType
    weak: bool


def leaf_of(x: Any) -> Leaf:
    """The signature of a leaf."""
    if type(x) is Tensor:
        return Leaf(x.node.shape, x.node.dtype, False)
    if type(x) in _SCALARS:
        return Leaf((), default_dtype(type(x)), True)
    if type(x) is np.ndarray:
        return Leaf(x.shape, as_tensor(x[:0] if x.ndim else x).dtype, False)
    t = as_tensor(x)
    return Leaf(t.shape, t.dtype, False)


def key_of(x: Any) -> Hashable:
    """What tells leaves of different signatures apart, found faster than the signature."""
    kind = type(x)
    if kind is Tensor:
        return x.node.shape, x.node.dtype
    if kind is np.ndarray:
        return x.shape, x.dtype
    if kind in _SCALARS:
        return (kind,)
    leaf = leaf_of(x)
    return leaf.shape, leaf.dtype


def exactly(x: Any) -> Hashable:
    """A key that tells apart what Python calls equal: 1, 1.0 and True, 0.0 and -0.0."""
    if type(x) is tuple:
        return tuple, *map(exactly, x)
    return type(x), repr(x) if type(x) in (float, complex) else x


def contiguous(x: Any, dtype: DType) -> np.ndarray[Any, Any]:
    """The value of a leaf as an array in row-major order."""
    value = engine.value_of(x.node) if type(x) is Tensor else x
    if type(x) is int:
        value = scalar_value(x, dtype)
    return np.require(value, dtype, ("C", "A"))


def is_open(node: Node) -> bool:
    """Whether a transform is differentiating with respect to what the node depends on."""
    return node.scope is not None and node.scope.is_open()


def opened(structure: Any, leaves: Sequence[Any]) -> Any:
    """The arguments as tensors with values, as a function is given them that is not compiled."""
    scope = Scope()
    scope.close()

    def tensor(x: Any) -> Tensor:
        if type(x) not in _SCALARS:
            return as_tensor(x)
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
