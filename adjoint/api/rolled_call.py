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
from adjoint.graph.recording import Recorder
from adjoint.graph.tensor import Tensor
from adjoint.passes.rolling.attempts import Attempts
from adjoint.passes.rolling.worth import is_worth
from adjoint.tracing.call import call as traced_call

_attempts = Attempts()


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
    with recording.recording(compiled=False) as recorder:
        return _rolled(f, args, kwargs, scope, recorder)


def _rolled(f: Any, args: Any, kwargs: Any, scope: Scope | None, recorder: Recorder) -> Any:
    start = recorder.count()
    result = traced_call(f, args, kwargs, scope)
    if not is_worth(recorder.count() - start):
        return result
    if not (recorder.compiled or _attempts.is_due(f)):
        return result
    handles = [x for x in flatten(result)[0] if type(x) is Tensor and _is_pending(x)]
    roll = import_module("adjoint.passes.rolling.roll").roll
    before = [x.node for x in handles]
    after = roll(before, recorder.made_since(start), recorder)
    if not recorder.compiled:
        _attempts.tell(f, found=after != before)
    for handle, node in zip(handles, after, strict=True):
        handle.node = node  # an equal one: whoever else holds the handle profits, too
    return result


def _is_pending(x: Tensor) -> bool:
    """Whether the tensor has no value yet, and depends on a variable."""
    return x.node.value is None and x.node.scope is not None
