"""Where the nodes of a program lie during one call whose steps are taken from Python."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adjoint.backends.llvm.program.native_code import Array
from adjoint.graph.node import Node


class Buffers:
    """The memory of nodes, as arrays for NumPy and as addresses for kernels.

    Most of what lies in a block is read by kernels alone, and becomes an array only if somebody
    asks for it. Each address is found once.
    """

    def __init__(self, arrays: dict[Node, Array]) -> None:
        self.arrays = arrays
        self.addresses: dict[Node, int] = {}
        self.parts: dict[Node, tuple[Array, int]] = {}
        """In which bytes a node lies, and from which on."""

    def __contains__(self, node: Node) -> bool:
        return node in self.arrays or node in self.parts

    def __getitem__(self, node: Node) -> Array:
        found = self.arrays.get(node)
        if found is None:
            found = self.arrays[node] = part_of(*self.parts[node], node)
        return found

    def __setitem__(self, node: Node, array: Array) -> None:
        self.arrays[node] = array
        self.addresses.pop(node, None)

    def address(self, node: Node) -> int:
        """The address of the first element."""
        found = self.addresses.get(node)
        if found is None:
            found = self.addresses[node] = self[node].ctypes.data
        return found

    def place(self, block: Array, offsets: Mapping[Node, int]) -> None:
        """Let nodes lie in a block, from these bytes on, whatever arrays they had."""
        start = block.ctypes.data
        for node, offset in offsets.items():
            self.parts[node] = block, offset
            self.addresses[node] = start + offset
            if node in self.arrays:
                del self.arrays[node]

    def place_in(self, source: Node, node: Node, offset: int) -> None:
        """Let a node lie in another one, from this byte on."""
        block = bytes_of(self[source])
        self.place(block, {node: offset})

    def with_own(self, arrays: dict[Node, Array]) -> Buffers:
        """The same, but for some nodes that have arrays of their own."""
        found = Buffers(self.arrays | arrays)
        found.parts = self.parts
        found.addresses = {n: at for n, at in self.addresses.items() if n not in arrays}
        return found


def bytes_of(array: Array) -> Array:
    """The memory of a contiguous array, as bytes."""
    found: Array = array.reshape(-1).view(np.uint8)
    return found


def part_of(source: Array, offset: int, node: Node) -> Array:
    """The array of a node that lies in these bytes, from one of them on."""
    return np.ndarray(node.shape, node.dtype, source, offset)
