"""The engine of uncompiled code: the interpreter, and native code for what comes again.

Floor 6. A graph that is looked at is evaluated by the interpreter. When graphs of the same
structure have come so often that compiling would have cost a tenth of the time they took, and
native code is clearly faster, the structure is compiled, and from then on answered natively. The
times are estimated from the structure, not measured, so that a program computes the same numbers,
to the last bit, each time it runs.

What native code leaves behind is what the interpreter would: a value on every node that somebody
holds (a tensor, another graph, the tape of a transform that is still open); only those are outputs.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cache
from math import ceil, inf
from typing import Any

import numpy as np

from adjoint.backends import interpreter
from adjoint.backends.availability import missing
from adjoint.backends.graph_signature import Held, Look, can_tell_who_holds, estimate, template
from adjoint.graph import engine
from adjoint.graph.forking import building
from adjoint.graph.leaf import constant, variable
from adjoint.graph.node import Node
from adjoint.graph.options import current

SHALLOW = 2
"""Chains shorter than this are never compiled by themselves: there is nothing to fuse."""
SIGHTINGS = 3
"""A structure is not compiled before it is seen so often."""
PATIENCE = 10.0
"""How many times longer than compiling the interpreter must have taken in all."""
WORTH = 0.75
"""The part of the interpreter's time that native code may take."""
LARGEST = 5_000
"""The most nodes of a graph that is compiled by itself."""
FAMILIES = 512
FORMS = 8
"""How many kinds of graph are remembered, and how many structures of each."""


class Form:
    """A structure together with who holds which nodes: what one native program can answer."""

    __slots__ = ("due", "failed", "held", "literals", "looks", "program")

    def __init__(self, held: Held, due: float) -> None:
        self.held = held
        self.due = due
        self.looks = 0
        self.failed = False
        self.literals: dict[int, bytes] | None = None
        self.program: Any = None

    def note(self, leaves: Sequence[Node]) -> bool:
        """Keep those numbers among the leaves that never changed; whether none just did."""
        if self.literals is None:
            small = [(i, x) for i, x in enumerate(leaves) if x.shape == () and x.op is constant]
            self.literals = {i: np.asarray(x.value).tobytes() for i, x in small}
            return True
        changed = [
            i
            for i, known in self.literals.items()
            if np.asarray(leaves[i].value).tobytes() != known
        ]
        for i in changed:
            del self.literals[i]
        return not changed

    def compile(self, order: Sequence[Node], look: Look) -> None:
        """Make the program, on the interpreter alone."""
        known = self.literals or {}
        graph = template(order, self.held, [look.leaves[i] for i in known])
        with building, engine.using(interpreter.evaluate):
            from adjoint.backends.native import Native

            self.program = Native(graph.inputs, graph.outputs)

    def run(self, look: Look) -> bool:
        """Give every held node its value; whether that worked."""
        known = self.literals or ()
        values = [leaf.value for i, leaf in enumerate(look.leaves) if i not in known]
        results = self.program(values)
        if results is None:
            return False
        i = 0
        for node, held in zip(look.pending, self.held, strict=True):
            if held:
                node.value = results[i].node.value
                node.forget()
                i += 1
        return True


class Family:
    """The graphs that look alike at a glance, of one structure or of several."""

    __slots__ = ("forms", "hits", "look_at", "misses", "sightings", "stable", "uses")

    def __init__(self) -> None:
        self.sightings = self.hits = self.misses = 0
        self.look_at = 2
        self.uses: dict[Hashable, list[int]] = {}
        self.forms: dict[tuple[Hashable, Held], Form] = {}
        self.stable: dict[Hashable, bool] = {}

    def has_stable_forms(self, look: Look, order: Sequence[Node]) -> bool:
        """Whether some nodes have an `Op.stable_form`, which the structure decides."""
        found = self.stable.get(look.key)
        if found is None:
            if len(self.stable) >= FORMS:
                self.stable.clear()
            found = self.stable[look.key] = bool(interpreter.stable_forms(order))
        return found

    def is_due(self) -> bool:
        """Whether it is time to look at the structure; seldom, as long as that led nowhere."""
        self.sightings += 1
        return self.sightings >= self.look_at

    def form_of(self, look: Look, at_once: bool) -> Form:
        """The form of a graph, perhaps a new one."""
        uses = self.uses.get(look.key)
        if uses is None:
            if len(self.uses) >= FORMS:
                self.uses.clear()
                self.forms.clear()
            uses = self.uses[look.key] = look.uses()
        held = look.held(uses)
        form = self.forms.get((look.key, held))
        if form is None:
            if len(self.forms) >= FORMS:
                self.forms.clear()
            due = 0.0 if at_once else self.sightings + wait(look, held)
            form = self.forms[look.key, held] = Form(held, due)
        return form

    def next_look(self, answered: bool) -> None:
        """Decide when to look again, after native code answered or did not."""
        if answered:
            self.hits += 1
            self.look_at = 0
            return
        self.misses += 1
        if self.misses > 8 + self.hits or not self.hits:
            dues = [form.due for form in self.forms.values() if form.due > self.sightings]
            self.look_at = int(min([self.sightings * 3 // 2 + 1, *map(ceil_of, dues)]))


def ceil_of(due: float) -> float:
    """The first sighting that is not before `due`."""
    return due if due == inf else ceil(due)


_families: dict[Hashable, Family] = {}


def evaluate(nodes: Sequence[Node]) -> None:
    """Give each of `nodes` its value, by native code where `native` of the options wants it."""
    chosen = current()
    native = chosen.native
    if (
        (native == "auto" and len(nodes) == 1 and nodes[0].depth < SHALLOW)
        or native == "never"
        or chosen.debug_nans
    ):
        interpreter.evaluate(nodes)
        return
    order = interpreter.pending_order(nodes)
    if not answer(order, native == "always"):
        interpreter.finish(order, nodes)


def answer(order: list[Node], at_once: bool) -> bool:
    """Give the nodes of a pending graph that are held their values natively; whether that was done.

    at_once: do it whatever the gain.
    """
    last = order[-1]
    glance = len(order), last.op, last.shape, last.dtype, order[len(order) // 2].op
    family = _families.get(glance) or remember(glance)
    if not (family.is_due() or at_once) or not available():
        return False
    look = Look(order)
    try:
        if family.has_stable_forms(look, order):
            if sees_known(order):
                return False
            look.key = look.key, ones_in(look.leaves)
        form = family.form_of(look, at_once)
    except TypeError:  # a parameter that cannot be hashed
        return False
    form.looks += 1
    if not form.note(look.leaves) and form.program is not None:
        form.program = None  # a number that was written into the code has changed
        form.due = family.sightings + (0 if at_once else wait(look, form.held))
    if form.program is None and is_ripe(form, family.sightings, at_once):
        build(form, order, look)
    answered = form.program is not None and form.run(look)
    family.next_look(answered)
    return answered


def sees_known(order: Sequence[Node]) -> bool:
    """Whether a form may look through a node that has its value, as native code cannot."""
    return any(x.value is not None and x.inputs and x.op is not variable for x in order)


def ones_in(leaves: Sequence[Node]) -> Hashable:
    """Which numbers among the leaves are 1: which form is taken may depend on that."""
    return tuple([bool(x.value == 1) for x in leaves if x.op is constant and x.shape == ()])


def is_ripe(form: Form, sightings: int, at_once: bool) -> bool:
    """Whether it is time to compile; the numbers in it must have been seen twice at least."""
    return not form.failed and (at_once or (sightings >= form.due and form.looks >= 2))


def build(form: Form, order: Sequence[Node], look: Look) -> None:
    """Compile a form; one that cannot be is left to the interpreter for good."""
    try:
        if all(node.inputs for node in look.pending):
            form.compile(order, look)
    except Exception:
        form.program = None
    if form.program is None:
        form.failed, form.due = True, inf


def wait(look: Look, held: Held) -> float:
    """How many sightings a structure must have had before it is compiled."""
    if len(look.pending) > LARGEST:
        return inf
    times = estimate(look.pending, held)
    if times.native > WORTH * times.interpreted:
        return inf
    return max(SIGHTINGS - 2, PATIENCE * times.compilation / times.interpreted)


def remember(glance: Hashable) -> Family:
    """A new family; the oldest goes that never led to native code, or else the oldest."""
    while len(_families) >= FAMILIES:
        idle = (known for known, family in _families.items() if not family.hits)
        _families.pop(next(idle, next(iter(_families))), None)
    family = _families[glance] = Family()
    return family


@cache
def available() -> bool:
    """Whether native code can be made here, and used without touching more than it should."""
    return not missing() and can_tell_who_holds()


def clear() -> None:
    """Forget all structures."""
    _families.clear()


def answered() -> int:
    """How many graphs native code has answered, of the families that are remembered."""
    return sum(family.hits for family in _families.values())
