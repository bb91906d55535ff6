"""Calling the user's function while it is traced: what repeats itself in its graph is rolled up.

In compiled functions, and in transforms of functions that nobody compiled: there a loop is cheaper
too, as its derivative is made once and not for each repetition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adjoint.api.tree import flatten
from adjoint.graph import options, recording
from adjoint.graph.forking import import_module
from adjoint.graph.node import Scope
from adjoint.graph.order import topological_order
from adjoint.graph.recording import Recorder
from adjoint.graph.tensor import Tensor
from adjoint.passes.rolling.attempts import Attempts
from adjoint.passes.rolling.worth import is_worth
from adjoint.tracing.call import call as traced_call

_attempts = Attempts()
_rolled_up = 0


def rolled_up() -> int:
    """How many loops were rolled up in functions that nobody compiled."""
    return _rolled_up


def call(
    f: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], scope: Scope | None
) -> Any:
    """``f(*args, **kwargs)``; what repeats itself in its graph is a loop."""
    chosen = options.current()
    if not chosen.roll_loops or chosen.debug_nans:  # a nan is traced to the line that made it
        return traced_call(f, args, kwargs, scope)
    recorder = recording.current()
    if recorder is not None:
        return _rolled(f, args, kwargs, scope, recorder)
    with recording.Recording(compiled=False) as recorder:
        return _rolled(f, args, kwargs, scope, recorder)


def _rolled(f: Any, args: Any, kwargs: Any, scope: Scope | None, recorder: Recorder) -> Any:
    start = recorder.count()
    result = traced_call(f, args, kwargs, scope)
    operations = recorder.count() - start
    if not is_worth(operations):
        return result
    if recorder.compiled:
        _roll(result, start, recorder)
    elif _attempts.is_due(f, operations):
        _attempts.tell(f, operations, found=_roll(result, start, recorder) > 0)
    return result


def _roll(result: Any, start: int, recorder: Recorder) -> int:
    """Let the tensors in a result stand for equal nodes with loops; how many loops there are."""
    global _rolled_up
    known = len(recorder.rolled)
    handles = [x for x in flatten(result)[0] if type(x) is Tensor and _is_pending(x)]
    if not is_worth(len(topological_order([x.node for x in handles]))):
        return 0  # what else was made is in graphs that loops hold, or was given up
    read = _replaced(handles, start, recorder)
    found = len(recorder.rolled) - known
    if found:
        kept = set(topological_order([x.node for x in handles]))
        held = [x for x in recorder.made_since(start) if id(x) in read and x not in kept]
        recording.taken_in.update(held)
    if not recorder.compiled:
        _rolled_up += found
    return found


def _replaced(handles: Sequence[Tensor], start: int, recorder: Recorder) -> set[int]:
    """Let the handles stand for equal nodes with loops. Returns the identities of the nodes that
    were read by others until then; who still holds one of these must not differentiate by it."""
    old, made = [x.node for x in handles], recorder.made_since(start)
    known = len(recorder.rolled)
    new = import_module("adjoint.passes.rolling.roll").roll(old, made, recorder)
    for handle, node in zip(handles, new, strict=True):
        handle.node = node  # so that whoever else holds the handle profits, too
    if len(recorder.rolled) == known:
        return set()
    read = {id(x) for node in made for x in node.inputs}
    pairs = zip(old, new, strict=True)
    was_read = [y for x, y in pairs if x is not y and (id(x) in read or x in recording.taken_in)]
    recording.taken_in.update(was_read)
    return read


def _is_pending(x: Tensor) -> bool:
    """Whether the tensor has no value yet, and depends on a variable."""
    return x.node.value is None and x.node.scope is not None
