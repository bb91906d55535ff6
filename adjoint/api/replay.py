"""Calls of the user's function that are left out, as it is proved what they would do.

Floor 8. A transform calls the function each time, which traces its graph anew. Once native code
pays, and if it is known what the function reads from outside (`tracing.reading`), the transform is
compiled as by `compile`. Later calls like these go to the native program, after a look at what the
function reads: the function itself is not called. Anything else is traced.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias

from adjoint.api.fast_tree import REFUSED
from adjoint.backends import derivative_programs
from adjoint.errors import ArgumentError
from adjoint.graph import engine, options, recording, subgradients
from adjoint.graph import node as nodes
from adjoint.graph.forking import import_module
from adjoint.graph.options import Options
from adjoint.tracing.constants import tracing

if TYPE_CHECKING:
    from adjoint.api.replay_plan import Plan

WAIT = 400
"""How many calls native code must have answered before the proof is made, where that was not asked
for when a program was due. It takes 10 ms and 2 for each operation, and saves 60 µs a call and 5
for each. After each attempt in vain it is twice as many."""
MOST_PLANS = 8
"""How many signatures of one function are remembered; those after that are traced."""
MOST_VAIN = 4
"""How often a plan is tried to be made in vain before the function is traced for good."""
MOST_CHANGES = 3
"""How often what the function reads may change before it is traced for good."""


Argnums: TypeAlias = "int | Sequence[int] | Callable[[int, tuple[str, ...]], Sequence[int]]"
"""The numbers of the arguments by which a function is differentiated; or what finds them, of the
count of arguments by position, and the names of those that follow."""


class Replay:
    """What is known of the calls of one function that a transform made.

    `function` is the user's, `traced` differentiates it by calling it.
    """

    def __init__(self, function: Any, argnums: Argnums, traced: Callable[..., Any]) -> None:
        self.function = function
        self.argnums = argnums
        self.traced = traced
        self.plans: tuple[Plan, ...] = ()
        self.answered = 0
        """How many calls native code has answered since a plan was made or given up."""
        self.vain = self.changes = 0
        self.is_traced = type(argnums) not in (int, tuple, partial)
        """Whether all calls are traced from now on, as where a list of numbers may change."""
        self.before: Any = None
        """What the function read at the call before, if a plan waits to see whether that is still
        so after the next one."""
        self.floats: dict[int, float] = {}
        self.changing: set[int] = set()
        """Python's floats among the arguments of the last call, by number, and which have changed
        from call to call."""
        self.told = ""
        """Why a plan could not be made, or was given up."""

    def __reduce__(self) -> tuple[Any, ...]:
        """A function that is pickled with this leaves its programs behind."""
        return Replay, (self.function, self.argnums, self.traced)

    def call(self, args: tuple[Any, ...]) -> Any:
        """The result for arguments by position."""
        if self.is_traced:
            return self.traced(*args)
        result = self.answer(args) if self.plans else REFUSED
        return self.trace(args) if result is REFUSED else result

    def answer(self, args: tuple[Any, ...], names: tuple[str, ...] = ()) -> Any:
        """The result for arguments like those of a plan; `REFUSED` for others.

        The last of them are given by `names`.
        """
        is_first = True
        for plan in self.plans:
            if plan.is_like(args, names) and is_undisturbed(plan.options):
                if not plan.reads.hold():
                    self._give_up(plan)
                else:
                    result = plan.answer(args)
                    if result is not REFUSED:
                        if not is_first:  # the next call is likely to be like this one
                            self.plans = (plan, *[x for x in self.plans if x is not plan])
                        return result
            is_first = False
        return REFUSED

    def trace(self, args: tuple[Any, ...], names: tuple[str, ...] = ()) -> Any:
        """The result by calling the function; now and then a plan is made for calls like this."""
        self._note_floats(args)
        is_watched = self.before is not None
        if not is_watched and self._is_due():
            result = self._plan(args, names)
            if result is not REFUSED:
                return result
        before = derivative_programs.answers
        is_open = len(self.plans) < MOST_PLANS and options.current().replay and not is_watched
        with derivative_programs.offering(is_open, is_tried=is_watched) as offer:
            result = call_by_name(self.traced, names, *args)
        self.answered += derivative_programs.answers != before
        if offer.is_due or is_watched:
            self._plan(args, names)
        return result

    def _plan(self, args: tuple[Any, ...], names: tuple[str, ...]) -> Any:
        """Try to make a plan for calls like this; the result of the call, `REFUSED` if in vain."""
        before, self.before = self.before, None
        if not is_undisturbed(chosen := options.current()):
            return REFUSED
        self.answered = 0
        traced = partial(call_by_name, self.traced, names) if names else self.traced
        proof = _proof()
        changing = [i for i in self.floats if i in self.changing]
        with derivative_programs.offering(False, is_tried=True):
            plan, result = proof.plan_for(
                self.function, traced, self.argnums, args, names, chosen, before, changing
            )
        if isinstance(plan, proof.Reads):
            self.before = plan
            return REFUSED
        if not isinstance(plan, str):
            self.plans = (*self.plans, plan)
            return result
        self.told = plan
        self.vain += 1
        if self.vain == MOST_VAIN:
            self.is_traced = True
        return REFUSED

    def _note_floats(self, args: tuple[Any, ...]) -> None:
        """Note which numbers change from call to call."""
        floats = {i: a for i, a in enumerate(args) if type(a) is float}
        for i in self.floats.keys() & floats.keys():
            if floats[i] != self.floats[i]:
                self.changing.add(i)
        self.floats = floats

    def _is_due(self) -> bool:
        if not self.answered or len(self.plans) >= MOST_PLANS:
            return False
        is_paid = self.answered >= WAIT << (self.vain + self.changes)
        return is_paid or options.current().native == "always"

    def _give_up(self, plan: Plan) -> None:
        """Forget a plan, as what the function reads has changed."""
        self.plans = tuple(x for x in self.plans if x is not plan)
        self.answered = 0
        self.changes += 1
        self.told = f"what it reads has changed: {plan.reads.changed()}"
        if self.changes == MOST_CHANGES:
            self.is_traced = True


def call_by_name(f: Callable[..., Any], names: tuple[str, ...], *args: Any) -> Any:
    """The result of `f`, given the last arguments by `names`."""
    if not names:
        return f(*args)
    count = len(args) - len(names)
    return f(*args[:count], **dict(zip(names, args[count:], strict=True)))


def is_undisturbed(chosen: Options) -> bool:
    """Whether nobody traces, watches or differentiates here, and the options are these."""
    return (
        options.current() is chosen
        and chosen.replay
        and chosen.native != "never"
        and not chosen.debug_nans
        and not tracing.depth
        and recording.current() is None
        and nodes.made is None
        and not engine.is_chosen()
        and subgradients.chosen() is None
        and not nodes.is_node_by_node()
        and sys.gettrace() is None
        and sys.getprofile() is None
        and not _is_monitored()
    )


if sys.version_info >= (3, 12):

    def _is_monitored() -> bool:
        """Whether a debugger, a profiler or a tool for coverage watches."""
        return any(map(sys.monitoring.get_tool, range(3)))

else:

    def _is_monitored() -> bool:
        """Whether a debugger, a profiler or a tool for coverage watches."""
        return False


_code: CodeType | None = None
"""The code of all functions that `replayed` makes."""


def _proof() -> Any:
    """The module that proves what a call does, which most processes never need."""
    module = import_module("adjoint.api.replay_proof")
    if _code is not None:
        module.transforms[_code] = "replay"
    return module


def replayed(
    function: Callable[..., Any], argnums: Argnums, traced: Callable[..., Any]
) -> Callable[..., Any]:
    """`traced`, a function that differentiates `function` by the arguments at `argnums`, with calls
    of that left out where it is known what they would do."""
    replay = Replay(function, argnums, traced)

    def transformed(*args: Any, **kwargs: Any) -> Any:
        if replay.is_traced:
            return replay.traced(*args, **kwargs)
        names = tuple(kwargs)
        if names:
            args = (*args, *kwargs.values())
        if replay.plans:
            result = replay.answer(args, names)
            if result is not REFUSED:
                return result
        return replay.trace(args, names)

    global _code
    _code = transformed.__code__
    return functools.wraps(traced)(transformed)


_HELD = "__adjoint_replays__"
"""Under which name a function holds what is known of its calls by transforms that are called with
it: `jvp` and `hvp` return no function that could hold it."""
FEW = 3
"""Functions that are called less often hold nothing: most of them are gone soon."""


class _Held(dict[Any, "int | Replay"]):
    """By transform how often it was called with a function, or what is known of these calls."""

    def __reduce__(self) -> tuple[Any, ...]:
        """A function that is pickled with this leaves its programs behind."""
        return _Held, ()


def held_replay(
    function: Any, kind: Hashable, argnums: Argnums, traced: Callable[..., Any]
) -> Replay | None:
    """What is known of the calls of a function by a transform of this kind, if that was called with
    it a few times; None for functions that cannot hold it."""
    if type(function) is not FunctionType:
        return None
    held = function.__dict__.get(_HELD)
    if type(held) is not _Held:
        held = function.__dict__[_HELD] = _Held()
    known = held.get(kind, 0)
    if isinstance(known, int):
        held[kind] = Replay(function, argnums, traced) if known == FEW else known + 1
        return None
    if known.function is not function:  # of which this is a wrapper, which has taken that over
        del function.__dict__[_HELD]
        return None
    return known


def replay_of(transformed: Any) -> Replay | None:
    """What is known of the calls of the function that a transform made; None for other objects."""
    code = getattr(transformed, "__code__", None)
    if code is None or code is not _code:
        return None
    names = transformed.__code__.co_freevars
    cells = dict(zip(names, transformed.__closure__, strict=True))
    found: Replay = cells["replay"].cell_contents
    return found


def why_traced(transformed: Callable[..., Any]) -> str:
    """Why a function made by `grad`, `value_and_grad`, `jacobian` or `hessian` calls yours each
    time, in a sentence that names the line and the name; empty if nothing stands against leaving
    these calls out.

    They are left out once native code has answered many calls, if all that your function reads from
    outside can be compared at each call: numbers, texts, tensors, small arrays, and functions that
    are known. Raises `ArgumentError` for other functions.

    >>> import adjoint as ad
    >>> ad.why_traced(ad.grad(print))
    'the function is builtins.print, of which it is not known what it does'
    >>> ad.why_traced(ad.grad(ad.sin))
    ''
    """
    replay = replay_of(transformed)
    if replay is None:
        raise ArgumentError(
            f"why_traced: expected a function made by grad, value_and_grad, jacobian, jacfwd, "
            f"jacrev or hessian (without a filter for wrt), got {type(transformed).__name__}"
        )
    if reason := _proof().why_unknown(replay.function, replay.plans):
        return str(reason)
    return "" if replay.plans else replay.told
