"""What answers calls of the user's function that are left out: a native program, and its guards.

Floor 8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.api.fast_tree import REFUSED, Mismatch, Reader
from adjoint.api.signature import is_open
from adjoint.graph import engine
from adjoint.graph.options import Options
from adjoint.graph.tensor import Tensor, from_array
from adjoint.tracing.reads import Reads, same

SCALARS = (np.float64, np.float32, np.complex128, np.complex64)
"""NumPy's numbers, which a program takes as arrays without axes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What answers calls of one signature: the native `entry`, as long as `reads` hold.

    Of `count` arguments, the last given by `names`, those in `fixed` are equal to what they were;
    `take` takes the others, and `read` reads the leaves out of them (None: they are all, and
    leaves). Those numbered `tensors` must be tensors, as the function can tell these from arrays.
    `is_flagged`: the entry returns a pair, of the result and whether it holds a nan, which may
    stand where nothing depends on anything.
    """

    count: int
    names: tuple[str, ...]
    fixed: Sequence[tuple[int, Any]]
    take: Callable[[tuple[Any, ...]], tuple[Any, ...]] | None
    read: Reader | None
    tensors: Sequence[int]
    entry: Callable[..., Any]
    is_flagged: bool
    reads: Reads
    options: Options

    def is_like(self, args: tuple[Any, ...], names: tuple[str, ...]) -> bool:
        """Whether there are as many arguments, with those that are taken as fixed."""
        if len(args) != self.count or names != self.names:
            return False
        for i, value in self.fixed:  # as `all` of a generator it takes 0.15 µs more
            if args[i] is not value and not same(args[i], value):
                return False
        return True

    def answer(self, args: tuple[Any, ...]) -> Any:
        """The result for arguments that are like its own, while what is read holds; `REFUSED` if
        they are of another signature."""
        leaves: Any = args if self.take is None else self.take(args)
        if self.read is not None:
            given, leaves = leaves, []
            try:
                self.read(given, leaves)
            except Mismatch:
                return REFUSED
        if self.tensors and any(type(leaves[i]) is not Tensor for i in self.tensors):
            return REFUSED
        result = self.entry(*leaves)
        if result is REFUSED and _is_unusual(leaves):
            try:
                result = self.entry(*_usual(leaves))
            except Exception:  # it is raised where the function is called
                return REFUSED
        if self.is_flagged and result is not REFUSED:
            result, has_nan = result
            return REFUSED if has_nan.node.value else result
        return result


def reader_of_scalars(read: Reader | None, scalars: Sequence[tuple[int, type]]) -> Reader:
    """What reads leaves as `read` does, with arrays in place of those that are numbers of NumPy's,
    of these types."""

    def read_all(given: Any, out: list[Any]) -> None:
        if read is None:
            out += given
        else:
            read(given, out)
        for i, kind in scalars:
            if type(out[i]) is not kind:
                raise Mismatch
            out[i] = np.asarray(out[i])

    return read_all


def _is_unusual(leaves: Sequence[Any]) -> bool:
    """Whether a tensor has no value yet, or an array is not in row-major order."""
    for x in leaves:
        kind = type(x)
        value = x.node.value if kind is Tensor else x
        if value is None or (type(value) is np.ndarray and not value.flags.c_contiguous):
            return True
    return False


def _usual(leaves: Sequence[Any]) -> list[Any]:
    """The leaves with their values, in row-major order."""
    nodes = [x.node for x in leaves if type(x) is Tensor]
    engine.compute_pending(node for node in nodes if not is_open(node))
    return [_in_order(x) for x in leaves]


def _in_order(x: Any) -> Any:
    """A leaf in row-major order."""
    if type(x) is not Tensor:
        return np.require(x, requirements=("C", "A")) if type(x) is np.ndarray else x
    if is_open(x.node):
        return x
    value = engine.value_of(x.node)
    is_array = type(value) is np.ndarray and not value.flags.c_contiguous
    return from_array(np.require(value, requirements=("C", "A"))) if is_array else x
