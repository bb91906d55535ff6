"""Native programs of derivatives that nobody compiled: of structures that come again.

Floor 6. A transform calls the user's function each time, which leaves a graph. Differentiating that
costs five times as much as making it, and evaluating what comes of it as much again. Where the
graph has a structure that was seen before, both are spared: one native program, made for the
structure, computes the outputs and the derivative from the values of the leaves.

When a program is made is decided as in `tiering`: once the calls so far must have taken what
compiling takes (`payback`), by the structure and not by the clock. A transform that may leave out
the whole call instead, the user's function and all, tries that first (`offering`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, inf
from typing import TypeAlias

from adjoint.backends import interpreter, payback
from adjoint.backends.availability import missing
from adjoint.backends.graph_program import GraphProgram
from adjoint.backends.graph_signature import (
    COMPILED,
    INTERPRETED,
    estimate,
    operations_in_loops,
)
from adjoint.backends.nan_flag import nan_flag
from adjoint.backends.traced_graph import TracedGraph, is_pure, template, traced_graph
from adjoint.graph import engine
from adjoint.graph.forking import import_module
from adjoint.graph.leaf import Unknown, constant
from adjoint.graph.node import Node, Scope
from adjoint.graph.options import current
from adjoint.graph.tensor import Tensor
from adjoint.passes.kink_questions import without_questions

Derive: TypeAlias = "Callable[[Sequence[Tensor], Sequence[Node], Scope], list[Tensor]]"
"""Makes of the roots of a graph and the variables of its scope the derivative, more graph."""

Known: TypeAlias = "dict[int, bytes]"
"""Values of leaves, by number, that are written into the code."""

CALL = 90.0
"""Microseconds that a transform costs by itself, without native code."""
SWEPT = 11.0
"""The same of an operation in a sweep, and of the interpreter in what comes of it."""
COMPILATION = 12_000.0
"""The same of compiling a program, beside its operations."""
NESTED = 3.0
"""How many times that, where it is differentiated twice."""
SWEEPS = {"tangents": 0.6, "hessian": 4.0}
"""How many times that again, for derivatives of these kinds."""
KINK = 300.0
"""Microseconds that an operation with a kink costs there, as it is looked into."""
REPEATED = 8.0
"""The same of an operation in a round of a loop, which is traced and rolled up in each call."""
LOOPED = 100.0
"""The same of an operation in the body of a loop, in the sweep, which makes a loop of that."""
WORTH = 0.97
"""As in `tiering`; here what native code saves is known better, as nothing is swept."""
SIGHTINGS = 2
"""A structure is not compiled before it was seen so often."""
SELDOM = 8
"""Of so many looks at structures one must be answered by a program, so that no call is left out: a
look takes about a tenth of what it saves."""
MOST_FAMILIES = 512
MOST_STRUCTURES = 64
"""How many structures of each, as of a loop over sequences of many lengths."""
FEW_LOOKS = 8
"""For how many sightings a structure that is due is looked for."""
LARGEST_KNOWN = 1 << 12
"""The most elements of an array that is compared by value, where a rule goes by that."""


class Structure:
    """A structure, and its program once that has paid."""

    __slots__ = (
        *("compile_at", "failed", "known", "program", "saved", "seen", "start", "wait"),
        "was_offered",
    )

    def __init__(self) -> None:
        self.seen = 0
        self.start = 0, 0, 0
        """Since when it waits: how often it had been seen then, of so many looks at its family, and
        how often that had come."""
        self.failed = self.was_offered = False
        self.compile_at = self.wait = inf
        """The sighting of its family at which it is due, and how many there must be of its own."""
        self.saved = 0.0
        """The microseconds that a program could save in a call."""
        self.known: Known = {}
        """Of the leaves that had the same value each time."""
        self.program: DerivativeProgram | None = None


class Family:
    """The graphs that look alike at first sight, of one structure or of several."""

    __slots__ = ("answered", "looks", "microseconds", "next_look", "sightings", "structures")

    def __init__(self) -> None:
        self.sightings = self.answered = self.looks = 0
        self.next_look = SIGHTINGS
        self.microseconds = 0.0
        """What programs could save in a call, and do not yet."""
        self.structures: dict[Hashable, Structure] = {}

    def wait_for(self, structure: Structure, calls: float, saved: float) -> None:
        """Compile a structure after so many calls, in each of which that would save so much."""
        structure.compile_at, structure.wait, structure.saved = self.sightings + calls, calls, saved
        structure.start = structure.seen, self.looks - 1, self.sightings
        waiting = [x.saved for x in [*self.structures.values()] if x.program is None]
        self.microseconds = sum(waiting) / max(len(waiting), 1)

    def forget_one(self) -> None:
        """Forget the oldest structure that has no program, or else the oldest."""
        known = [*self.structures.items()]
        idle = next((key for key, x in known if x.program is None), known[0][0])
        self.structures.pop(idle, None)

    def calls_of(self, structure: Structure) -> tuple[float, float]:
        """How often a structure must have come since it waits, and in how many sightings it comes
        once, as far as looks say."""
        seen, looks, sightings = structure.start
        rarity = (self.looks - looks) / max(structure.seen - seen, 1)
        return (self.sightings - sightings) / rarity, rarity

    def plan_next_look(self, answered: bool) -> None:
        """Decide when to look at the structure again: at once if a program answered, or answers
        often, as where structures take turns; else the less often, the longer nothing comes of it,
        but when a program is due, and a few times from then on, as the next one may be of another
        structure."""
        self.answered += answered
        if answered or self.answered * SELDOM > self.looks:
            self.next_look = 0
            return
        waiting = [x.compile_at for x in [*self.structures.values()] if x.program is None]
        due = [ceil(x) for x in waiting if self.sightings - FEW_LOOKS < x < inf]
        self.next_look = max(self.sightings + 1, int(min([self.sightings * 3 // 2 + 1, *due])))


@dataclass(slots=True)
class Offer:
    """What a transform says of its call: whether that can be left out as a whole from now on (if
    `is_open`), instead of the derivative alone. `is_due`: a program was due, and was left to that.
    `is_tried`: that is tried now, and no program is made meanwhile."""

    is_open: bool
    is_tried: bool = False
    is_due: bool = False


class _Offers(threading.local):
    now = Offer(False)


_offers = _Offers()


@contextmanager
def offering(is_open: bool, is_tried: bool = False) -> Iterator[Offer]:
    """Let this offer hold for the call of a transform in the block."""
    before, _offers.now = _offers.now, Offer(is_open, is_tried)
    try:
        yield _offers.now
    finally:
        _offers.now = before


_families: dict[Hashable, Family] = {}
answers = 0
"""How many derivatives native programs have answered."""


def derivative(
    kind: tuple[str, int],
    roots: Sequence[Tensor],
    results: int,
    ends: Sequence[Node],
    scope: Scope,
    derive: Derive,
) -> list[Tensor] | None:
    """What `derive` makes of a graph, computed; None if that is left to the interpreter.

    kind: the name of what `derive` does, and a number that tells its uses apart. The first so many
    roots are `results` of the function. They then have their values, too.
    """
    chosen = current()
    native = chosen.native
    if not results or native == "never" or chosen.debug_nans or engine.is_chosen():
        return None
    first = roots[0].node
    coarse = kind, results, len(roots), first.op, first.shape, len(ends)
    family = _families.get(coarse) or _remember(coarse)
    family.sightings += 1
    if family.sightings < family.next_look and native != "always":
        payback.lose(family.microseconds)
        return None
    nodes = [x.node for x in roots]
    found = _answer(family, kind, nodes, results, ends, scope, derive, native == "always")
    family.plan_next_look(found is not None)
    if found is None:
        payback.lose(family.microseconds)
    else:
        global answers
        answers += 1
    return found


def _answer(
    family: Family,
    kind: tuple[str, int],
    roots: Sequence[Node],
    results: int,
    ends: Sequence[Node],
    scope: Scope,
    derive: Derive,
    at_once: bool,
) -> list[Tensor] | None:
    if missing():
        return None
    for end in ends:
        outer = end.inputs[0].scope
        if outer is not None and outer.is_open():
            return None  # somebody else differentiates by what the variable stands for
    graph = traced_graph(roots, ends, scope)
    if graph is None:
        return None
    family.looks += 1
    try:
        structure = family.structures.get(graph.key)
    except TypeError:  # a parameter that cannot be hashed
        return None
    if structure is None:
        if len(family.structures) >= MOST_STRUCTURES:
            family.forget_one()
        structure = family.structures[graph.key] = _new_structure(graph)
        family.wait_for(structure, *_wait(graph, kind[0]))
    program = structure.program
    if program is not None and program.known != _values_of(graph, program.known):
        program = structure.program = None
        family.wait_for(structure, *_wait(graph, kind[0]))
    structure.seen += 1
    if program is None:
        # of this graph, whatever other threads keep at the same time
        structure.known = known = _unchanged(graph, structure.known)
        if structure.failed or _offers.now.is_tried:
            return None
        if not at_once and not _is_due(structure, family):
            return None
        program = structure.program = _program(graph, results, known, derive)
        if program is None:
            structure.failed = True
            family.wait_for(structure, inf, 0.0)
            return None
    return program.run(graph)


def _is_due(structure: Structure, family: Family) -> bool:
    """Whether it is time to make the program of a structure, and not to leave out whole calls."""
    if structure.seen < SIGHTINGS or family.sightings < structure.compile_at:
        return False
    calls, rarity = family.calls_of(structure)
    if calls < structure.wait:  # others came in between
        structure.compile_at = family.sightings + (structure.wait - calls) * rarity
        return False
    if more := payback.calls_before_loading(family.microseconds):
        structure.compile_at = family.sightings + min(more, family.sightings / 2)
        return False
    if _offers.now.is_open and not structure.was_offered:
        _offers.now.is_due = structure.was_offered = True
        return False
    return True


def _new_structure(graph: TracedGraph) -> Structure:
    """What is remembered of a structure seen for the first time: numbers, and whole numbers."""
    structure = Structure()
    numbers = [i for i, x in enumerate(graph.leaves) if x.op is constant and _may_be_known(x)]
    structure.known = _values_of(graph, numbers)
    return structure


def _may_be_known(leaf: Node) -> bool:
    """Whether the value of a constant is compared at each call: of a number, and of indices, which
    are often the same, and of which rules go by the values."""
    return not leaf.shape or (leaf.dtype.kind in "iub" and leaf.value.size <= LARGEST_KNOWN)


def _values_of(graph: TracedGraph, leaves: Iterable[int]) -> Known:
    """The values of some leaves, to the last bit."""
    return {i: graph.leaves[i].value.tobytes() for i in leaves}


def _unchanged(graph: TracedGraph, known: Known) -> Known:
    """Those of the known leaves that are as before."""
    now = _values_of(graph, known)
    return known if now == known else {i: x for i, x in known.items() if now[i] == x}


def _is_nested(graph: TracedGraph) -> bool:
    """Whether the graph is differentiated more than once."""
    scopes = [x.scope for x in graph.ends if x.scope is not None]
    return any(sum(member.open for member in scope.members) > 1 for scope in scopes)


def _wait(graph: TracedGraph, kind: str) -> tuple[float, float]:
    """How many calls of a structure are to pass before it is compiled, and the microseconds that
    native code saves in each."""
    count = len(graph.order)
    times = estimate(graph.order, bytes(count))
    work = times.interpreted - INTERPRETED * count
    held, repeated = operations_in_loops(graph.order)
    swept = SWEPT * count + LOOPED * held
    traced = REPEATED * repeated if _offers.now.is_open else 0.0
    if _is_nested(graph):
        swept = NESTED * swept + KINK * len([x for x in graph.order if x.op.kinks])
    swept *= SWEEPS.get(kind, 1.0)
    interpreted = CALL + 3 * work + 3 * INTERPRETED * count + swept + traced
    if 3 * times.native > WORTH * interpreted:
        return inf, 0.0
    saved = interpreted - 3 * times.native
    return payback.PAYBACK * (COMPILATION + 3 * COMPILED * (count + held)) / saved, saved


@dataclass
class DerivativeProgram:
    """The program of a structure: what it takes, and what its results are."""

    program: GraphProgram
    results: int
    """How many of the roots are computed, before the derivative."""
    known: Known
    given: Sequence[int]
    """The numbers of the leaves whose values it takes after those of the ends."""
    flags: int
    """How many of its last results say whether the others are not what they should be: a kink is
    met, or something is nan that may be zero by construction (see `is_sure`)."""

    def run(self, graph: TracedGraph) -> list[Tensor] | None:
        """The derivative; the roots get their values."""
        leaves = graph.leaves
        try:
            engine.compute_pending(x.inputs[0] for x in graph.ends)
            values = [engine.value_of(x.inputs[0]) for x in graph.ends]
        except Exception:
            return None  # it is raised when somebody looks
        values += [leaves[i].value for i in self.given]
        computed = self.program(values)
        if computed is None:
            return None
        found = list(computed[self.results :])
        for _ in range(self.flags):
            if found.pop().node.value:
                return None
        for i in range(self.results):
            if graph.roots[i].value is None:
                graph.roots[i].value = computed[i].node.value
        return found


def _program(
    graph: TracedGraph, results: int, known: Known, derive: Derive
) -> DerivativeProgram | None:
    """The program of a structure; None if there can be none."""
    if not is_pure(graph.order):
        return None
    if _is_nested(graph) and any(x.op.kinks and x.op.family == "linalg" for x in graph.order):
        return None  # of spectra something else is asked, which warns
    try:
        return _compiled(graph, results, known, derive)
    except Exception:
        return None


def _compiled(
    graph: TracedGraph, results: int, known: Known, derive: Derive
) -> DerivativeProgram | None:
    """The program, with more leaves known where a rule goes by their values."""
    stabilise = import_module("adjoint.passes.stabilise").stabilise
    is_nested = _is_nested(graph)
    while True:
        scope = Scope()
        own = Scope(members=(scope, Scope())) if is_nested else scope  # so that kinks are known
        made = template(graph, known, own)
        with engine.using(interpreter.evaluate), Unknown(made.inputs) as unknown:
            outputs = made.roots[:results]
            outputs += [x.node for x in derive(list(map(Tensor, made.roots)), made.ends, scope)]
            for member in own.members:
                member.close()
            outputs, met = without_questions(outputs) if is_nested else (outputs, None)
            has_nan = nan_flag(outputs[results:]) if unknown.is_assumed else None
            flags = [x for x in (met, None if has_nan is None else has_nan.node) if x is not None]
            outputs += flags
            stabilise(outputs, made.inputs)
        leaves = made.inputs[len(graph.ends) :]
        asked = [i for i, leaf in zip(made.given, leaves, strict=True) if leaf in unknown.asked]
        asked = [i for i in asked if graph.leaves[i].op is constant]
        if not asked:
            program = GraphProgram(made.inputs, outputs)
            return DerivativeProgram(program, results, known, made.given, len(flags))
        if any(graph.leaves[i].value.size > LARGEST_KNOWN for i in asked):
            return None
        known = known | _values_of(graph, asked)


def _remember(coarse: Hashable) -> Family:
    """A new family; the oldest goes that never led to native code, or else the oldest."""
    while len(_families) >= MOST_FAMILIES:
        idle = (known for known, family in _families.items() if not family.answered)
        _families.pop(next(idle, next(iter(_families))), None)
    family = _families[coarse] = Family()
    return family


def clear() -> None:
    """Forget all structures."""
    _families.clear()


def answered() -> int:
    """How many derivatives native programs have answered, of families that are remembered."""
    return sum(family.answered for family in _families.values())
