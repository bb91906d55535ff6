"""The interpreter: evaluates node by node with NumPy. It is the meaning of the library.

Floor 6. A graph is evaluated once (`evaluate`), which leaves values on its nodes, or again and
again (`Evaluator`), which leaves them untouched. Both go through the one loop in `run`: its steps
are the nodes themselves, or cells that stand for them during a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from adjoint.backends.large_arrays import memory_for
from adjoint.errors import ConcretizationError
from adjoint.graph import lost, nans
from adjoint.graph.caller import asker, user_place
from adjoint.graph.leaf import has_escaped
from adjoint.graph.node import Node
from adjoint.graph.op import Op
from adjoint.graph.options import current
from adjoint.graph.order import topological_order
from adjoint.ops.control.merging import merged_results

Array = np.ndarray[Any, Any]

_NOTHING: frozenset[Node] = frozenset()
_NO_FORMS: Mapping[Node, Node] = {}


def run(
    steps: Iterable[Any],
    stable: Mapping[Node, Node] = _NO_FORMS,
    asked: frozenset[Node] | None = None,
) -> None:
    """Give each step its value, inputs first, and let go of what no later step needs.

    A step is a `Node` or a `Cell`. A node with a stable form has the value of that. With `asked`
    results are searched for nan, which must not be in the values of these nodes.
    """
    with np.errstate(all="ignore"):
        for step in steps:
            if step.value is None:
                if not step.inputs:
                    raise ConcretizationError(no_value(step))
                if stable and step in stable:
                    value = stable[step].value
                else:
                    value = step.op.evaluate(*[i.value for i in step.inputs], *step.params)
                if asked is not None:
                    nans.trace(step, value, step in asked)
                step.value = value
            step.forget()


# once


def evaluate(nodes: Sequence[Node]) -> None:
    """Give each of `nodes` its value, computing what it depends on.

    A node from which no open variable can be reached then forgets its inputs, and what nobody
    else holds is freed while the evaluation goes on.
    """
    finish(pending_order(nodes), nodes)


def finish(order: list[Node], nodes: Sequence[Node]) -> None:
    """As `evaluate`, where the `pending_order` is known; the list is emptied on the way."""
    stable = stable_forms(order)
    if stable:
        order = stable_order(nodes, stable)
    asked = frozenset(nodes) if current().debug_nans else None
    with memory_for(order):
        order.append(None)  # type: ignore[arg-type]  # where the iterator below ends
        order.reverse()
        run(iter(order.pop, None), stable, asked)  # popped, so that the list holds nothing longer


def stable_forms(order: Sequence[Node]) -> dict[Node, Node]:
    """The nodes of a pending graph that are computed in another form, and these forms."""
    forms = merged_results(order)
    for node in order:
        if node.op.may_have_stable_form and node.value is None and node.inputs:
            form = node.op.stable_form(node, _NOTHING)
            if form is not None:
                forms[node] = form.node
    return forms


def stable_order(nodes: Sequence[Node], forms: Mapping[Node, Node]) -> list[Node]:
    """As `pending_order`, along the forms; without what they leave out, if nobody else reads it."""

    def inputs(node: Node) -> tuple[Node, ...]:
        if node.value is not None:
            return ()
        form = forms.get(node)
        return node.inputs if form is None else (form,)

    return topological_order(nodes, inputs)


def pending_order(nodes: Sequence[Node]) -> list[Node]:
    """The nodes without a value that `nodes` need, and the values they read, inputs first."""
    return topological_order(nodes, _pending_inputs)


def _pending_inputs(node: Node) -> tuple[Node, ...]:
    return node.inputs if node.value is None else ()


# again and again


class Cell:
    """What stands for a node while an `Evaluator` is called: its value, and whose uses end here."""

    __slots__ = ("inputs", "last_read", "op", "params", "shape", "value")

    op: Op
    inputs: list[Cell]
    params: tuple[Any, ...]
    shape: tuple[int, ...]
    value: Any
    last_read: tuple[Cell, ...]

    def __init__(self, node: Node, inputs: list[Cell]) -> None:
        self.op, self.inputs, self.params, self.shape = node.op, inputs, node.params, node.shape
        self.value = None
        self.last_read = ()

    def forget(self) -> None:
        """Let go of the values that are read here for the last time."""
        for cell in self.last_read:
            cell.value = None


class Frame:
    """Cells for one call of an `Evaluator` at a time."""

    def __init__(self, order: Sequence[Node], inputs: Sequence[Node], outputs: Sequence[Node]):
        cell_of: dict[Node, Cell] = {}
        ends = frozenset(inputs)
        self.steps: list[Cell] = []
        for node in order:
            if node in ends or node.value is not None:
                cell_of[node] = Cell(node, [])
                cell_of[node].value = None if node in ends else node.value
            else:
                cell_of[node] = Cell(node, [cell_of[child] for child in node.inputs])
                self.steps.append(cell_of[node])
        self.inputs = [cell_of[node] for node in inputs]
        self.outputs = [cell_of[node] for node in outputs]
        kept = {cell for cell in cell_of.values() if cell.value is not None}
        needed = kept.union(self.outputs)
        for cell in reversed(self.steps):
            cell.last_read = tuple([c for c in dict.fromkeys(cell.inputs) if c not in needed])
            needed.update(cell.inputs)
        let_go = {c for cell in self.steps for c in cell.last_read}
        self.left = [c for c in {*self.inputs, *self.outputs} if c not in kept and c not in let_go]

    def run(self, arrays: Sequence[Array]) -> list[Any]:
        """The values of the outputs; afterwards the cells hold none of this call."""
        for cell, array in zip(self.inputs, arrays, strict=True):
            cell.value = array
        run(self.steps)
        values = [cell.value for cell in self.outputs]
        for cell in self.left:
            cell.value = None
        return values


class Evaluator:
    """The graph between `inputs` and `outputs` by NumPy: what compiled functions do without native
    code. The order is found once."""

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        ends = frozenset(inputs)
        self.order = topological_order(
            [*inputs, *outputs], lambda n: () if n in ends or n.value is not None else n.inputs
        )
        self._idle: list[Frame] = []

    def __call__(self, arrays: Sequence[Array]) -> list[Array]:
        """The outputs, none of which shares memory with the inputs."""
        try:
            frame = self._idle.pop()
        except IndexError:  # the first call, or others are under way: in threads, or around this
            frame = Frame(self.order, self.inputs, self.outputs)
        values = frame.run(arrays)
        self._idle.append(frame)  # not one in which a step raised: it holds values
        return [
            _without_sharing(np.asarray(value, node.dtype), arrays)
            for value, node in zip(values, self.outputs, strict=True)
        ]


def _without_sharing(result: Array, arrays: Sequence[Array]) -> Array:
    """`result`, or a copy if it may lie in the memory of an input."""
    for array in arrays:
        if np.may_share_memory(result, array):
            return result.copy()
    return result


def no_value(node: Any) -> str:
    """What to say where a value is asked for that depends on a variable without one."""
    name = node.params[0] if node.params else None
    subject = f"the variable {name!r}" if name else "a variable"
    place = user_place()
    start = f"{place + ': ' if place else ''}a value was asked for"
    if isinstance(node, Node) and has_escaped(node):
        return (
            f"{start} that depends on {subject} of shape {node.shape} of a function that was "
            f"traced and has returned (a step of a loop, a branch, a compiled or mapped "
            f"function): a tensor from inside it was kept, in a list or an attribute, or written "
            f"to a tensor outside; return it instead, from a loop as a part of the state or as y"
        )
    asked = asker()
    if asked.name.startswith("numpy.random."):
        return (
            f"{start} by {asked.shown}, which draws with a parameter that depends on {subject} of "
            f"which only shape and dtype are known here. "
            f"{lost.use_keyed_draw(asked.name.rpartition('.')[2])}"
        )
    return (
        f"{start} (by if, float(), print, numpy.asarray, an index, by writing it into an array of "
        f"NumPy, …) that depends on {subject} of "
        f"shape {node.shape} of which only shape and dtype are known here; choose with "
        f"adjoint.where instead of if (or branch with adjoint.cond, and repeat with "
        f"adjoint.while_loop), return what is to be shown, make the argument static "
        f"(adjoint.compile(f, static=...)), leave the function uncompiled, or give the argument a "
        f"value"
    )
