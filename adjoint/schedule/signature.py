"""Structure as text: equal kernels and equal schedules have equal text, so they share code."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.open_numbers import array_of
from adjoint.graph.order import topological_order
from adjoint.graph.types import NATIVE_DTYPES, Shape, size_of
from adjoint.schedule.plan import Kernel, Schedule


def literal_text(node: Node) -> str:
    """The value of a constant that is written into the code, to the last bit."""
    return f"{node.dtype.str}:{np.asarray(node.value).tobytes().hex()}"


LITERALS = frozenset({0.0, 0.5, 1.0, 2.0, math.inf})
"""The sizes of the numbers that are written into code; integers and bools always are."""


def is_literal(node: Node) -> bool:
    """Whether a constant is written into the code rather than read from memory.

    Only common numbers are: others may depend on sizes, as 1/n in a mean does, and code that reads
    them serves every size.
    """
    if not is_constant(node) or size_of(node.shape) != 1 or node.dtype not in NATIVE_DTYPES:
        return False
    value = array_of(node.value).item()
    if node.dtype.kind == "c":
        return all(x != x or abs(x) in LITERALS for x in (value.real, value.imag))
    if node.dtype.kind in "biu" or value != value:
        return True
    size = abs(value)
    return size in LITERALS if type(size) is float else any(size == x for x in LITERALS)


def is_generic(kernel: Kernel) -> bool:
    """Whether the code of a kernel is the same for any number of rows.

    It is if the number occurs as the first size of its tensors only, and its operations ask for
    no size.
    """
    if not kernel.domain or kernel.domain[0] < MANY_ROWS:
        return False
    nodes = (*kernel.inlined, *kernel.roots)
    return all(n.op.is_row_generic(n) for n in nodes) and all(
        kernel.domain[0] not in n.shape[1:] for n in (*nodes, *kernel.reads)
    )


def is_flat(kernel: Kernel) -> bool:
    """Whether the kernel sees its domain as one long axis; its code is the same for any length."""
    if not kernel.domain:
        return False
    for node in (*kernel.roots, *kernel.inlined):
        if node.op.combine is not None:
            if node.shape != () or len(node.params[0]) != len(kernel.domain):
                return False
        elif not node.op.pointwise:
            return False
    shapes = {n.shape for n in (*kernel.inlined, *kernel.reads)}
    shapes |= {n.shape for n in kernel.roots if n.op.combine is None}
    return all(shape == kernel.domain or shape == () for shape in shapes)


MANY_ROWS = 16
"""Kernels over fewer rows are written for that number: loops of known length are unrolled, and a
batch as small is seldom of another size the next time."""


def kernel_text(kernel: Kernel, stored: Sequence[Node], arguments: Sequence[Node]) -> str:
    """The structure of a kernel whose `stored` tensors lie in the buffers of `arguments`."""
    position = {node: i for i, node in enumerate(arguments)}
    flat = is_flat(kernel)
    rows = kernel.domain[0] if is_generic(kernel) and not flat else None

    def shape_text(shape: Shape) -> str:
        if flat and shape == kernel.domain:
            return "(flat)"
        return _shape_text(shape, rows)

    numbers = {}
    for node in stored:
        owner, offset = kernel.buffer_of(node)
        numbers[node] = f"a{position[owner]}+{offset}"
    roots = set(kernel.roots)
    reads = set(stored) - roots
    order = topological_order(kernel.roots, lambda n: () if n in reads else n.inputs)
    lines = [shape_text(kernel.domain)]
    lines += [f"{numbers[n]} {n.dtype.str}{shape_text(n.shape)}" for n in stored]
    for number, node in enumerate(order):
        if node in reads:
            continue
        target = f"v{number}"
        if is_constant(node):
            lines.append(f"{target}={literal_text(node)}")
        else:
            inputs = ",".join(numbers[c] for c in node.inputs)
            written = f">{numbers[node]}" if node in roots else ""
            is_sized = node.op.combine is not None if flat else node.op.has_shape_params and rows
            params = "" if is_sized else f"{node.params}{node.op.cache_key(node) or ''}"
            kind = f"{node.dtype.str}{shape_text(node.shape)}"
            lines.append(f"{target}{written}={node.op.name}({inputs}){params}{kind}")
        numbers[node] = target
    return "\n".join(lines)


def _shape_text(shape: Shape, rows: int | None) -> str:
    """A shape, with the number of rows of a generic kernel left open."""
    if rows is None or not shape or shape[0] != rows:
        return str(shape)
    return f"(rows,{shape[1:]})"


def schedule_text(schedule: Schedule) -> str:
    """The structure of a whole program: what its object code depends on."""
    inputs = set(schedule.inputs)
    order = topological_order(
        [*schedule.inputs, *schedule.outputs], lambda n: () if n in inputs else n.inputs
    )
    numbers: dict[Node, int] = {}
    lines = [f"in {len(schedule.inputs)}"]
    for number, node in enumerate(order):
        numbers[node] = number
        kind = f"{node.dtype.str}{node.shape}"
        if node in inputs:
            lines.append(f"{number}=input{schedule.inputs.index(node)} {kind}")
        elif is_constant(node):
            value = literal_text(node) if is_literal(node) else "held"
            lines.append(f"{number}={value} {kind}")
        else:
            children = ",".join(str(numbers[c]) for c in node.inputs)
            key = node.op.cache_key(node) or ""
            lines.append(f"{number}={node.op.name}({children}){node.params}{key} {kind}")
    lines.append("out " + ",".join(str(numbers[node]) for node in schedule.outputs))
    return "\n".join(lines)
