"""Whether a graph shows all on which a derivative by some of its nodes depends.

Zero is the derivative of what does not depend on a node. It must not be the answer where the
program depends on it and the graph does not show it: where values were let go of, where a loop or
a branch makes something of what it also hands out, where a node belongs to a function that was
traced, and where an element was taken out of an array anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from adjoint.errors import HistoryError
from adjoint.graph import recording
from adjoint.graph.leaf import has_escaped
from adjoint.graph.node import Node
from adjoint.graph.op import Result
from adjoint.graph.order import topological_order
from adjoint.graph.types import is_inexact


def check_history(out: Node, inputs: Iterable[Node]) -> None:
    """Raise `HistoryError` if a path from an input to `out` may be missing from the graph.

    Nodes that depend on an open variable keep their inputs. An input that does not may have users
    that were evaluated and have let go of it.
    """
    given = set(inputs)
    _check_loops(out, {node for node in given if node in recording.taken_in})
    made = [node for node in given if node.inputs or has_escaped(node)]
    _check_made(out, [node for node in made if is_inexact(node.dtype)])
    if all(node.scope is not None and node.scope.is_open() for node in given):
        return
    for node in topological_order((out,)):
        if not node.inputs and node not in given and node.op.family != "leaf":
            raise HistoryError(
                f"{node!r} was evaluated while no variable was open, so it let go of its inputs "
                f"and nothing can be differentiated through it; make what you differentiate with "
                f"respect to with adjoint.variable, or use adjoint.grad on a function"
            )


def _check_loops(out: Node, taken_in: set[Node]) -> None:
    """Raise `HistoryError` if a loop that may have taken in one of the nodes computes `out`."""
    waiting, seen = [out] if taken_in else [], {out, *taken_in}
    while waiting:
        node = waiting.pop()
        if node.op.repeats:
            (one, *_) = taken_in
            raise HistoryError(
                f"{one!r} was made in a loop that became one operation, which computes what "
                f"depends on it without it; transform the function that made it in "
                f"adjoint.options(roll_loops=False)"
            )
        waiting += [x for x in node.inputs if x not in seen]
        seen.update(node.inputs)


def _check_made(out: Node, given: Collection[Node]) -> None:
    """Raise `HistoryError` if `out` depends on one of the nodes `given`, which operations made, and
    the graph does not show it."""
    results = {
        node: found for node in given if (found := result_of(array_viewed(node))) is not None
    }
    doubtful = [x for x in given if x in results or array_viewed(x) is not x or _was_traced(x)]
    if not doubtful:
        return
    reached = set(topological_order((out,)))
    for node, result in results.items():
        _check_result(out, node, result, reached)
    for node in doubtful:
        if node not in reached:
            _check_unread(node, reached)


def array_viewed(node: Node) -> Node:
    """The array of which a node is a part, a view or another arrangement; else the node."""
    while node.op.moves and all(not is_inexact(x.dtype) for x in node.inputs[1:]):
        if not node.inputs:
            break
        node = node.inputs[0]
    return node


def result_of(node: Node) -> Result | None:
    """Which result of an operation of several a node is, if it may be hidden what comes of it."""
    number = node.op.result_taken(node)
    if number is None or not node.inputs:
        return None
    (packed,) = node.inputs
    found = packed.op.packed_results(packed)
    return found[number] if found else None


def _was_traced(node: Node) -> bool:
    """Whether a node depends on a variable of a function that was traced, and is done."""
    if node.scope is None or not node.scope.abstract:
        return False
    return any(map(has_escaped, topological_order((node,))))


def _check_unread(node: Node, reached: Collection[Node]) -> None:
    """Raise `HistoryError` if a node that is not among those `reached` ought to be there."""
    if _was_traced(node):
        raise HistoryError(
            f"{node!r} was made while a function was traced (for scan, cond, checkpoint, vmap, "
            f"compile, …) and stands for no value of its own, so there is no derivative by it; "
            f"return it from that function, and ask for the derivative by what is returned"
        )
    part = node
    while part is not array_viewed(node):
        part = part.inputs[0]
        if part in reached:
            raise HistoryError(
                f"{node!r} is a part or a view of {part!r}, taken anew, and nothing was computed "
                f"from it; take it once (h = x[0]) and compute with h, or ask for the derivative "
                f"by the whole array"
            )


def _check_result(out: Node, node: Node, result: Result, reached: Collection[Node]) -> None:
    """Raise `HistoryError` if inside its operation something of `out` is made of a result, of
    which the node is a part."""
    own = array_viewed(node)
    read = set(reached) - {own}
    if node is not own and own in reached:  # perhaps by others than the node
        read |= set(topological_order((out,), lambda x: () if x is node else x.inputs))
    for other in read:
        found = result_of(other)
        if found is not None and found.call == result.call and result.number in found.sources:
            raise _hidden(node, own, "another result")
    (packed,) = own.inputs
    is_source = any(result.number in x.sources for x in packed.op.packed_results(packed))
    if is_source and any(x.op.call_derived(x) == result.call for x in reached):
        raise _hidden(node, own, "the derivative of another result")


def _hidden(node: Node, own: Node, what: str) -> HistoryError:
    """The error for a derivative by a result, of which the node is a part, that would miss what
    depends on it inside its operation."""
    op = own.inputs[0].op
    name = op.called_by or op.name
    return HistoryError(
        f"{node!r} was handed out by one operation ({name}), and {what} of the operation was made "
        f"from it inside, where no derivative by it is taken; compute what depends on it outside, "
        f"from what is handed out, or ask for the derivative without {name}"
    )
