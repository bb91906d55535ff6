"""The engine of uncompiled code: the interpreter, and native code for what comes again.

Floor 6. A graph that is looked at is evaluated by the interpreter. When graphs of the same
structure have come so often that native code would have saved what compiling costs, and where
it is clearly faster, the structure is compiled, and from then on answered natively. The
times are estimated from the structure, not measured, so that a program computes the same numbers,
to the last bit, each time it runs.

What native code leaves behind is what the interpreter would: a value on every node that is
referenced (by a tensor, another graph, the tape of a transform that is still open). Only those are
outputs.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cache
from math import ceil, inf

from adjoint.backends import interpreter, payback
from adjoint.backends.availability import missing
from adjoint.backends.graph_signature import (
    GraphSignature,
    Referenced,
    are_counts_exact,
    estimate,
)
from adjoint.backends.native_variant import Literals, NativeVariant, is_among
from adjoint.graph.leaf import constant, variable
from adjoint.graph.node import Node
from adjoint.graph.options import current

SHALLOW = 2
"""Chains shorter than this are never compiled by themselves: there is nothing to fuse."""
SIGHTINGS = 3
"""A structure is not compiled before it is seen so often, for most are seen once or twice."""
WORTH = 0.75
"""The part of the interpreter's time that native code may take. Estimates err by so much."""
MOST_NODES = 5_000
"""The most nodes of a graph that is compiled by itself. The estimate for so many is 3.5 s, during
which the user waits."""
MOST_FAMILIES = 512
MOST_VARIANTS = 32
"""How many families are remembered, and how many structures of each, so that a process which makes
new shapes for ever needs no more memory."""


class Family:
    """The graphs with equal coarse keys, of one structure or of several.

    The coarse key costs a dictionary look-up; only a graph of a family that is due has its
    structure determined.
    """

    __slots__ = (
        *("hits", "microseconds", "misses", "next_check", "sightings", "stable", "uses"),
        "variants",
    )

    def __init__(self) -> None:
        self.sightings = self.hits = self.misses = 0
        self.next_check = 2
        """The sighting at which the structure is determined next."""
        self.microseconds = 0.0
        """What native code could save at a sighting, and does not yet."""
        self.uses: dict[Hashable, list[int]] = {}
        self.variants: dict[tuple[Hashable, Referenced], NativeVariant] = {}
        self.stable: dict[Hashable, bool] = {}

    def has_stable_forms(self, signature: GraphSignature, order: Sequence[Node]) -> bool:
        """Whether some nodes have an `Op.stable_form`, which the structure decides."""
        found = self.stable.get(signature.key)
        if found is None:
            if len(self.stable) >= MOST_VARIANTS:
                self.stable.clear()
            found = self.stable[signature.key] = bool(interpreter.stable_forms(order))
        return found

    def is_due(self) -> bool:
        """Whether it is time to determine the structure; seldom, as long as that led nowhere."""
        self.sightings += 1
        return self.sightings >= self.next_check

    def variant_of(self, signature: GraphSignature, at_once: bool) -> NativeVariant:
        """The variant that answers a graph, perhaps a new one."""
        uses = self.uses.get(signature.key)
        if uses is None:
            if len(self.uses) >= MOST_VARIANTS:
                self.forget_one()
            uses = self.uses[signature.key] = signature.uses()
        referenced = signature.referenced(uses)
        variant = self.variants.get((signature.key, referenced))
        if variant is None:
            if len(self.variants) >= MOST_VARIANTS:
                self.forget_one()
            variant = self.variants[signature.key, referenced] = NativeVariant(referenced, 0.0)
            if not at_once:
                self.plan(variant, signature)
        return variant

    def forget_one(self) -> None:
        """Forget the oldest structure that has no program, or else the oldest."""
        variants = [*self.variants.items()]
        kept = {key for (key, _), x in variants if x.program is not None}
        structures = [*self.uses]
        forgotten = next((key for key in structures if key not in kept), structures[0])
        self.uses.pop(forgotten, None)
        for names, _ in variants:
            if names[0] == forgotten:
                self.variants.pop(names, None)

    def plan(self, variant: NativeVariant, signature: GraphSignature) -> None:
        """Decide at which sighting a variant is compiled."""
        wait, self.microseconds = until_paid(signature, variant.referenced)
        variant.compile_at = self.sightings + wait

    def plan_next_check(self, answered: bool) -> None:
        """Decide when to determine the structure again, after native code answered or did not.

        That costs a third of interpreting small nodes. So while nothing comes of it, the sightings
        between two checks grow by half, but none is missed at which a variant is to be compiled.
        """
        if answered:
            self.hits += 1
            self.next_check = 0
            return
        self.misses += 1
        if self.misses > 8 + self.hits or not self.hits:
            times = [v.compile_at for v in self.variants.values() if v.compile_at > self.sightings]
            self.next_check = int(min([self.sightings * 3 // 2 + 1, *map(round_up, times)]))


def round_up(sightings: float) -> float:
    """The first whole number of sightings that is not less."""
    return sightings if sightings == inf else ceil(sightings)


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
    if not answer_natively(order, native == "always"):
        interpreter.finish(order, nodes)


def answer_natively(order: list[Node], at_once: bool) -> bool:
    """Give the nodes of a pending graph that are referenced their values; whether that was done.

    at_once: do it whatever the gain.
    """
    last = order[-1]
    coarse_key = len(order), last.op, last.shape, last.dtype, order[len(order) // 2].op
    family = _families.get(coarse_key) or remember(coarse_key)
    if not (family.is_due() or at_once) or not is_available():
        payback.lose(family.microseconds)
        return False
    signature = GraphSignature(order)
    try:
        if family.has_stable_forms(signature, order):
            if reads_known_nodes(order):
                return False
            signature.key = signature.key, ones_in(signature.leaves)
        variant = family.variant_of(signature, at_once)
    except TypeError:  # a parameter that cannot be hashed
        return False
    variant.seen += 1
    literals = variant.keep_unchanged(signature.leaves)
    program = variant.program
    if program is not None and not is_among(program[2], literals):
        variant.program = None  # a number that was written into the code has changed
        if not at_once:
            family.plan(variant, signature)
    if variant.program is None and is_ready(variant, family, at_once):
        try_to_compile(variant, order, signature, literals)
    answered = variant.run(signature, literals)
    if not answered:
        payback.lose(family.microseconds)
    family.plan_next_check(answered)
    return answered


def reads_known_nodes(order: Sequence[Node]) -> bool:
    """Whether a stable form may look through a node that has its value, as native code cannot."""
    return any(x.value is not None and x.inputs and x.op is not variable for x in order)


def ones_in(leaves: Sequence[Node]) -> Hashable:
    """Which numbers among the leaves are 1: which form is taken may depend on that."""
    return tuple([bool(x.value == 1) for x in leaves if x.op is constant and x.shape == ()])


def is_ready(variant: NativeVariant, family: Family, at_once: bool) -> bool:
    """Whether it is time to compile; the numbers in it must have been seen twice at least."""
    if variant.failed or at_once:
        return not variant.failed
    if family.sightings < variant.compile_at or variant.seen < 2:
        return False
    more = payback.calls_before_loading(family.microseconds)
    if more:
        variant.compile_at = family.sightings + min(more, family.sightings / 2)
    return not more


def try_to_compile(
    variant: NativeVariant, order: Sequence[Node], signature: GraphSignature, literals: Literals
) -> None:
    """Compile a variant; one that cannot be is left to the interpreter for good."""
    try:
        if all(node.inputs for node in signature.pending):
            variant.compile(order, signature, literals)
    except Exception:
        variant.program = None
    if variant.program is None:
        variant.failed, variant.compile_at = True, inf


def until_paid(signature: GraphSignature, referenced: Referenced) -> tuple[float, float]:
    """How many sightings of a structure to wait for before it is compiled, and the microseconds
    that native code saves in each."""
    if len(signature.pending) > MOST_NODES:
        return inf, 0.0
    times = estimate(signature.pending, referenced)
    if times.native > WORTH * times.interpreted:
        return inf, 0.0
    saved = times.interpreted - times.native
    # Its family was seen twice before the structure was looked at for the first time.
    return max(SIGHTINGS - 2, payback.PAYBACK * times.compilation / saved), saved


def remember(coarse_key: Hashable) -> Family:
    """A new family; the oldest goes that never led to native code, or else the oldest."""
    while len(_families) >= MOST_FAMILIES:
        idle = (known for known, family in _families.items() if not family.hits)
        _families.pop(next(idle, next(iter(_families))), None)
    family = _families[coarse_key] = Family()
    return family


@cache
def is_available() -> bool:
    """Whether native code can be made here, and used without touching more than it should."""
    return not missing() and are_counts_exact()


def clear() -> None:
    """Forget all structures."""
    _families.clear()


def answered() -> int:
    """How many graphs native code has answered, of the families that are remembered."""
    return sum(family.hits for family in _families.values())
