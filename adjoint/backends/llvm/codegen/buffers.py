"""Where the tensors of a kernel lie: addresses from the arguments of its function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from adjoint.backends.llvm.codegen.kernel_layout import KernelLayout
from adjoint.backends.llvm.codegen.loops import I64, POINTER, element_address
from adjoint.graph.node import Node


def find_pointers(builder: Any, layout: KernelLayout, arguments: Sequence[Any]) -> dict[Node, Any]:
    """The addresses of the stored nodes, of which several may lie in one buffer."""
    bases = arguments
    if layout.by_table:
        table = bases[0]
        slots = [
            element_address(builder, table, I64(i), POINTER) for i in range(len(layout.arguments))
        ]
        bases = [builder.load(slot, typ=POINTER) for slot in slots]
    base = dict(zip(layout.arguments, bases, strict=True))
    found = {}
    for node in layout.stored:
        leader, offset = layout.kernel.buffer_of(node)
        pointer = base[leader]
        if offset:
            pointer = builder.gep(pointer, [I64(offset)], source_etype=ir.IntType(8))
        found[node] = pointer
    return found
