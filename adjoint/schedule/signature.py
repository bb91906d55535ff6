"""Structure as text: equal kernels and equal schedules have equal text, so they share code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.types import size_of
from adjoint.schedule.plan import Kernel, Schedule


def literal_text(node: Node) -> str:
    """The value of a constant that is written into the code, to the last bit."""
    return f"{node.dtype.str}:{np.asarray(node.value).tobytes().hex()}"


def is_literal(node: Node) -> bool:
    """Whether a constant is written into the code rather than read from memory."""
    return node.op.name == "constant" and size_of(node.shape) == 1


def kernel_text(kernel: Kernel, stored: Sequence[Node], arguments: Sequence[Node]) -> str:
    """The structure of a kernel whose `stored` tensors lie in the buffers of `arguments`."""
    position = {node: i for i, node in enumerate(arguments)}
    numbers = {}
    for node in stored:
        leader, place = kernel.buffer_of(node)
        numbers[node] = f"a{position[leader]}+{place}"
    roots = set(kernel.roots)
    reads = set(stored) - roots
    order = topological_order(kernel.roots, lambda n: () if n in reads else n.inputs)
    lines = [f"{kernel.domain}"]
    lines += [f"{numbers[node]} {node.dtype.str}{node.shape}" for node in stored]
    for number, node in enumerate(order):
        if node in reads:
            continue
        target = f"v{number}"
        if node.op.name == "constant":
            lines.append(f"{target}={literal_text(node)}")
        else:
            inputs = ",".join(numbers[c] for c in node.inputs)
            written = f">{numbers[node]}" if node in roots else ""
            lines.append(
                f"{target}{written}={node.op.name}({inputs}){node.params}{node.dtype.str}{node.shape}"
            )
        numbers[node] = target
    return "\n".join(lines)


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
        elif node.op.name == "constant":
            value = literal_text(node) if is_literal(node) else "held"
            lines.append(f"{number}={value} {kind}")
        else:
            children = ",".join(str(numbers[c]) for c in node.inputs)
            lines.append(f"{number}={node.op.name}({children}){node.params} {kind}")
    lines.append("out " + ",".join(str(numbers[node]) for node in schedule.outputs))
    return "\n".join(lines)
