"""The proof that calls of the user's function can be left out, and the program for such calls.

Floor 8. What the function reads is known (`tracing.reading`). Then it is traced once as `compile`
does: with arguments that have no values, so that whatever would look at a number is an error. So
its graph follows from the signature of the arguments, and from what it reads.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any

import numpy as np

from adjoint.api.arguments import normalize_argnums
from adjoint.api.fast_tree import REFUSED, Reader, reader_for
from adjoint.api.replay_plan import SCALARS, Plan, reader_of_scalars
from adjoint.api.rolled_call import call
from adjoint.api.signature import is_open, leaf_of
from adjoint.api.specialization import Specialization
from adjoint.api.traced_call import Seen, watching
from adjoint.api.tree import LEAF, flatten, same_structure
from adjoint.backends.availability import missing
from adjoint.backends.nan_flag import nan_flag
from adjoint.backends.traced_graph import is_pure
from adjoint.graph.engine import value_of
from adjoint.graph.leaf import Unknown, constant
from adjoint.graph.node import Node
from adjoint.graph.op import OPS
from adjoint.graph.options import Options
from adjoint.graph.order import topological_order
from adjoint.graph.subgradients import choosing
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.tracing.known_functions import asks_for_time
from adjoint.tracing.plain_objects import classes_in, is_record
from adjoint.tracing.reading import reads_of, transforms
from adjoint.tracing.reads import FEW_BYTES, PLAIN, Reads, Unproved

STEPWISE = 8
"""So many calls of a program, at most, are answered by its steps before it has native code."""
_TRACED = (float, int, complex)
"""Python's numbers that a program takes: those by which one differentiates, or which change."""

_EXACT = {OPS[name] for name in ("add", "subtract", "multiply", "negative", "astype")}
"""What of Python's floats never raises, and is rounded once."""


def plan_for(
    f: Any,
    traced: Callable[..., Any],
    argnums: Any,
    args: tuple[Any, ...],
    names: tuple[str, ...],
    chosen: Options,
    before: Reads | None,
    changing: Collection[int],
) -> tuple[Plan | str | Reads, Any]:
    """The plan for calls of `traced`, which calls `f`, and the result of this call; or why there is
    none. The last arguments have `names`; those numbered in `changing` are numbers that change from
    call to call, and are taken if the function does no more with them than the program can.

    Where `f` reads large arrays there is one if all that it reads is as it was `before` the last
    call; without that, what `f` reads now. Data may be written into them for each call; and what a
    call leaves as it is the proof does, too, so that it never has to give them back what they held,
    while another thread may write into them.
    """
    try:
        reads = reads_of(f, classes_in(args))
        if reads.bytes > FEW_BYTES:
            if before is None:
                return reads, None
            if not before.hold():
                raise Unproved(f"what it reads changes from call to call: {before.changed()}")
        if changing:
            with suppress(Unproved):
                return proved(reads, traced, argnums, args, names, chosen, changing)
        return proved(reads, traced, argnums, args, names, chosen)
    except Unproved as error:
        return str(error), None


def why_unknown(f: Any, plans: Sequence[Plan]) -> str:
    """Why it is not known what a function does; empty if it is, as far as arguments like those of
    the plans go."""
    try:
        reads_of(f, {kind for plan in plans for kind, _ in plan.reads.classes})
    except Unproved as error:
        return str(error)
    return ""


def proved(
    reads: Reads,
    traced: Callable[..., Any],
    argnums: Any,
    args: tuple[Any, ...],
    names: tuple[str, ...],
    chosen: Options,
    changing: Collection[int] = (),
) -> tuple[Plan, Any]:
    """The plan for calls of `traced`, which calls a function that reads no more than `reads`, and
    the result of this call; `Unproved` says why there is none. The last arguments have `names`."""
    if reason := missing():
        raise Unproved(reason)
    try:
        by_position = len(args) - len(names)
        if callable(argnums):
            numbers = argnums(by_position, names)
        else:
            numbers = normalize_argnums("", argnums, by_position)
        given = _Given(args, numbers, changing)
        trial = _Trial(traced, given)
        found = trial.specialization(reads)
    except Unproved:
        raise
    except Exception as error:  # of the user's function, or as somebody looked at a value
        raise Unproved(str(error).partition("\n")[0] or type(error).__name__) from error
    has_arrays = any(type(given.leaves[i]) is np.ndarray for i in given.data)
    if has_arrays and reads.asks_for_types:
        raise Unproved("it asks for the type of an array; make that a tensor by adjoint.asarray")
    are_twins: list[bool] = []
    with watching(lambda seen: are_twins.append(trial.is_twin(seen))):  # its graph is gone later
        result = traced(*args)
    if has_arrays and not are_twins[0]:
        raise Unproved("NumPy computes with an array itself; make that a tensor by adjoint.asarray")
    if changing and not are_twins[0]:
        raise Unproved("Python computes with a number itself")
    plan = Plan(
        len(args),
        names,
        given.fixed,
        given.take,
        given.reader,
        given.data if reads.asks_for_types else (),
        found.entry,
        trial.is_flagged,
        reads,
        chosen,
    )
    for _ in range(STEPWISE):
        computed = found.run(*given.leaves)
        _check_result(result, computed[0] if trial.is_flagged else computed)
        if found.can_enter:
            if reads.bytes > FEW_BYTES:
                reads.share([x.value for x in found.schedule.constants if x.value is not None])
            if plan.answer(args) is REFUSED:
                raise Unproved("its program does not take these arguments")
            return plan, result
    raise Unproved("its program has no native entry")


def _is_twin(real: Seen, abstract: Seen, data: Mapping[Node, Any]) -> bool:
    """Whether a graph has the structure of the one that was traced without values, with the values
    of the arguments in the places of `data`."""
    twin = dict(zip(real.nodes, abstract.nodes, strict=True))
    stack = [(x.node, y.node) for x, y in zip(real.roots, abstract.roots, strict=True)]
    while stack:
        a, b = stack.pop()
        if a in twin:
            if twin[a] is not b:
                return False
            continue
        twin[a] = b
        if b in data or b.value is not None:
            value = value_of(as_tensor(data[b]).node) if b in data else b.value
            if a.value is None or a.dtype is not b.dtype or a.shape != b.shape:
                return False
            if np.asarray(a.value).tobytes() != np.asarray(value).tobytes():
                return False
        elif a.op is constant and (number := _number(b, data)) is not None:
            if a.dtype is not b.dtype or a.value.tobytes() != number.tobytes():
                return False
        elif a.op is not b.op or a.params != b.params or len(a.inputs) != len(b.inputs):
            return False
        else:
            stack += zip(a.inputs, b.inputs, strict=True)
    return True


def _number(root: Node, data: Mapping[Node, Any]) -> Any:
    """What is computed of Python's floats in the places of `data`, as Python computes it, which
    never fails there; None if the node is anything else."""
    values: dict[Node, Any] = {}
    for node in topological_order([root], lambda x: () if x in data else x.inputs):
        if node in data and type(data[node]) is float:
            values[node] = np.asarray(data[node])
        elif node.op is constant and not node.shape:
            values[node] = node.value
        elif node not in data and node.op in _EXACT and not node.shape:
            given = [values[x] for x in node.inputs]
            values[node] = np.asarray(node.op.evaluate(*given, *node.params))
        else:
            return None
    return values[root]


def _check_result(traced: Any, native: Any) -> None:
    """Raise `Unproved` if the program does not give what the traced call gave."""
    (xs, one), (ys, other) = flatten(traced), flatten(native)
    if not same_structure(one, other) or len(xs) != len(ys):
        raise Unproved("its result is another where it is compiled")
    for x, y in zip(xs, ys, strict=True):
        if type(x) is not Tensor:
            raise Unproved(f"its result holds a {type(x).__name__}")
        a, b = x.numpy(), y.numpy()
        tolerance = 1e-3 if a.dtype.itemsize <= 4 else 1e-6
        if a.dtype != b.dtype or not np.allclose(a, b, tolerance, tolerance, equal_nan=True):
            raise Unproved("its result is another where it is compiled")


class _Given:
    """The arguments of a call: what is `fixed`, and the `leaves` of what varies."""

    def __init__(
        self, args: tuple[Any, ...], numbers: Sequence[int], changing: Collection[int]
    ) -> None:
        self.args = args
        taken = {*numbers, *changing}
        kept = {i for i, a in enumerate(args) if i not in taken and type(a) in PLAIN}
        if any(map(asks_for_time, args)):
            raise Unproved("an argument is a text that NumPy may read as the time")
        self.fixed = tuple((i, a) for i, a in enumerate(args) if i in kept)
        self.varying = [i for i in range(len(args)) if i not in kept]
        self.dynamic = tuple(args[i] for i in self.varying)
        for i in self.varying:
            for x in flatten(args[i])[0]:
                _check_leaf(x, i, i in taken)
        leaves, self.structure = flatten(self.dynamic)
        scalars = [(i, type(x)) for i, x in enumerate(leaves) if type(x) in SCALARS]
        self.leaves = [np.asarray(x) if type(x) in SCALARS else x for x in leaves]
        self.data = [
            k
            for k, i in enumerate(i for i in self.varying for _ in flatten(args[i])[0])
            if i not in numbers
        ]
        """The numbers of the leaves by which nobody differentiates."""
        self.take = None if not kept else _taker(self.varying)
        self.reader: Reader | None = None
        if any(flatten(a)[1] is not LEAF for a in self.dynamic):
            self.reader = reader_for(self.dynamic, is_record)
            if self.reader is None:
                raise Unproved("an argument holds more than dicts, lists, tuples, and arrays")
        if scalars:
            self.reader = reader_of_scalars(self.reader, scalars)

    def all_of(self, dynamic: Sequence[Any]) -> list[Any]:
        """All arguments, with others in place of those that vary."""
        full = list(self.args)
        for i, x in zip(self.varying, dynamic, strict=True):
            full[i] = x
        return full


def _taker(numbers: Sequence[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """What takes the items of these numbers, as a tuple."""
    if len(numbers) > 1:
        return itemgetter(*numbers)
    return lambda args: tuple([args[i] for i in numbers])


def _check_leaf(x: Any, number: int, is_taken: bool) -> None:
    kind = type(x)
    if kind is Tensor:
        if is_open(x.node):
            raise Unproved(f"argument {number} is differentiated by somebody else")
    elif kind is np.ndarray:
        if x.dtype.kind not in "biufc":
            raise Unproved(f"argument {number} holds an array of {x.dtype}")
    elif kind not in SCALARS and (kind not in _TRACED or not is_taken):
        raise Unproved(f"argument {number} holds a {kind.__name__}")


class _Trial:
    """The call of the function with arguments that have no values."""

    def __init__(self, traced: Callable[..., Any], given: _Given) -> None:
        self.traced = traced
        self.given = given
        self.seen: list[Seen] = []
        self.is_flagged = False
        self.inputs: list[Node] = []

    def specialization(self, reads: Reads) -> Specialization:
        """The program for arguments of this signature."""
        given = self.given
        try:
            with warnings.catch_warnings(record=True) as noted, np.errstate(all="warn"):
                warnings.simplefilter("always")
                known = [leaf_of(x) for x in given.leaves]
                found = Specialization(self.traced, given.structure, known, self.call, ())
        finally:
            was_written = reads.undo()
        if was_written:
            raise Unproved("it writes into what it reads")
        for warning in noted:
            raise Unproved(f"it warns: {warning.message}")
        if found.is_part or found.narrowed:
            raise Unproved("its program cannot be entered natively")
        outside = {saved for x, saved in reads.holders if type(x) is Tensor}
        if set(found.outputs) & (outside | set(found.inputs)):
            raise Unproved("it returns what it was given, or reads")
        return found

    def call(self, dynamic: Any) -> Any:
        """The result of the function, of tensors without values; with a flag for nan beside it if
        `is_flagged`."""
        given = self.given
        handles, structure = flatten(dynamic)
        self.inputs = inputs = [x.node for x in handles]
        with Unknown(inputs) as unknown, choosing(None), watching(self.seen.append):
            result = call(self.traced, given.all_of(dynamic), {}, None)
        after, structure_after = flatten(dynamic)
        is_same = same_structure(structure, structure_after)
        if not is_same or any(x is not y for x, y in zip(handles, after, strict=True)):
            raise Unproved("it writes into an argument")
        if any(x.node is not node for x, node in zip(handles, inputs, strict=True)):
            raise Unproved("it writes into an argument")
        if any(x.scope is not None and x.scope.was_shown for x in inputs):
            raise Unproved("it makes a text of a value")
        if any(inputs[i] in unknown.asked for i in given.data):
            raise Unproved("a derivative goes by the value of an argument")
        if not self.seen or not is_pure([x for x in _nodes_of(self.seen[0]) if x.inputs]):
            raise Unproved("a rule of yours takes part in its derivative")
        if len(self.seen) > 1 and any(_has_kinks(x) for x in self.seen):
            raise Unproved("it has kinks, of which second derivatives warn")
        found = [x.node for x in flatten(result)[0] if type(x) is Tensor]
        flag = nan_flag(found) if unknown.is_assumed else None
        self.is_flagged = flag is not None
        return (result, flag) if self.is_flagged else result

    def is_twin(self, real: Seen) -> bool:
        """Whether a graph with values has the structure of the one that was found without."""
        given = self.given
        data = {self.inputs[i]: given.leaves[i] for i in given.data}
        return _is_twin(real, self.seen[0], data)


def _nodes_of(seen: Seen) -> list[Node]:
    return topological_order([x.node for x in seen.roots])


def _has_kinks(seen: Seen) -> bool:
    return any(node.op.kinks for node in _nodes_of(seen))


__all__ = ["plan_for", "transforms", "why_unknown"]
