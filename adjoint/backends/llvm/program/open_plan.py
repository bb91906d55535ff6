"""A program with sizes left open: planned once, then filled in for each size.

Floor 6. The passes, the schedule, the memory plan and the layout of the kernels are made of a graph
whose sizes are open numbers (`graph.open_numbers`). What comes out are the facts that the stepwise
way to run a program needs, as expressions of the sizes, and the assumptions under which they hold:
each comparison that was made on the way. They become one Python function, which says for other
sizes what the facts are, or that an assumption fails.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from adjoint.backends.llvm.program.native_code import Failed
from adjoint.backends.llvm.program.program import STEPWISE_CALLS, Program
from adjoint.backends.llvm.program.program_writer import ProgramWriter
from adjoint.backends.llvm.program.step_facts import Facts, KnownProgram, are_equal, facts_of
from adjoint.backends.llvm.program.stepwise import Stepwise, can_run_stepwise
from adjoint.backends.open_graph import GraphForm, OpenGraph
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.open_numbers import (
    Assumptions,
    NotOpen,
    OpenArray,
    OpenNumber,
    Recipe,
    text_of,
)
from adjoint.graph.order import topological_order
from adjoint.passes.kink_questions import asked_in_a_branch
from adjoint.passes.pipeline import PIPELINE
from adjoint.passes.rewriting import owned
from adjoint.schedule.donation import Reuse
from adjoint.schedule.fuse import schedule

FEW = frozenset(range(-1, 17))
"""Integers that code may look up beside sizes, whatever the graph."""

WRITTEN_OUT = 16
"""The most elements of a constant whose bytes are looked up (`passes.common_subexpressions`)."""


class OpenPlan:
    """What `planned` found for graphs that differ in sizes."""

    failed = Failed

    def __init__(self, graph: OpenGraph, facts: Facts) -> None:
        self.graph = graph
        self.function = _function(graph.assumptions, facts)
        self.kernels: list[Any] = []
        """The code of its kernels, kept alive."""
        self.functions: dict[str, Any] = {}
        """The functions in it, once they were called for a size, by name."""
        self.is_trusted = False
        """Whether it was found to be what is planned without it for another size."""

    def facts(self, form: GraphForm) -> Facts | None:
        """The facts for another graph; None if it is not like this one, or an assumption fails."""
        given = self.graph.numbers_of(form)
        if given is None:
            return None
        try:
            return self.function(*given)
        except ZeroDivisionError:  # of what an assumption would have ruled out
            return None

    def agrees(self, form: GraphForm, program: Program) -> bool | None:
        """Whether the plan says of a graph what its own program does; None if it says nothing."""
        found = self.facts(form)
        if found is None:
            return None
        try:
            own = facts_of(program.writer, program.reuse)
            return can_run_stepwise(program.writer) and are_equal(found, own)
        except NotOpen:
            return False

    def trust(self, program: Program) -> None:
        """Take the plan for right, as it was for a program; its kernels are the same."""
        if not self.is_trusted:
            self.kernels = program.kernels
            self.is_trusted = True

    def stepwise(self, facts: Facts) -> tuple[Stepwise, int]:
        """What runs the steps for other sizes, and how often it may, before a program is made."""
        return Stepwise(KnownProgram(facts, self.functions)), STEPWISE_CALLS


def planned(graph: OpenGraph, donated: Sequence[int]) -> OpenPlan:
    """The plan of an open graph of which these inputs are donated, by number. `NotOpen` if its code
    needs to know the sizes."""
    assumptions = graph.assumptions
    known = _Known()
    try:
        nodes = asked_in_a_branch(graph.outputs, graph.inputs)
        known.see(nodes)
        for run in PIPELINE:
            nodes = run(nodes, graph.inputs)
            known.see(nodes)
        plan = schedule(graph.inputs, owned(nodes, graph.inputs))
        writer = ProgramWriter(plan)
        writer.all_kernels()
        if not can_run_stepwise(writer):
            raise NotOpen("its steps are not taken one by one")
        facts = facts_of(writer, Reuse.of(plan, donated))
    except NotOpen:
        raise
    except Exception as error:
        # An error of code that takes sizes for integers. Where there is another reason for it, the
        # plan for the size that is known, which is made then, raises it again.
        raise NotOpen(f"{type(error).__name__}: {error}") from error
    if assumptions.failed is not None:
        raise NotOpen(assumptions.failed)  # somebody caught the error
    _assume_different(assumptions, known)
    return OpenPlan(graph, facts)


class _Known:
    """The integers and constants of the graphs on the way, which open ones might be equal to."""

    def __init__(self) -> None:
        self.integers = set(FEW)
        self.constants: set[bytes] = set()
        self.seen: set[Node] = set()

    def see(self, outputs: Sequence[Node]) -> None:
        for node in topological_order(outputs, lambda n: () if n in self.seen else n.inputs):
            if node in self.seen:
                continue
            self.seen.add(node)
            self.add(node.shape)
            self.add(node.params)
            if is_constant(node) and type(node.value) is not OpenArray:
                value = np.asarray(node.value)
                if value.size <= WRITTEN_OUT:
                    self.constants.add(value.tobytes())

    def add(self, x: Any) -> None:
        if type(x) is int:
            self.integers.add(x)
        elif isinstance(x, tuple):
            for part in x:
                self.add(part)


def _assume_different(assumptions: Assumptions, known: _Known) -> None:
    """Assume what tables with sizes or constants as keys take for granted: numbers that follow
    from the sizes in other ways are other numbers, and so are those that the graph has anyway."""
    numbers = list(assumptions.hashed.values())
    known_integers = frozenset(known.integers)
    assumptions.asked["is_other"] = lambda x: x not in known_integers
    for number in numbers:
        if number.known in known_integers:
            raise NotOpen("a size is equal to a number of the graph")
        assumptions.decide(("is_other", number.key), True)
    for a, b in combinations(numbers, 2):
        if a.known == b.known:
            raise NotOpen("two sizes are equal")
        assumptions.decide((a.key, "==", b.key), False)
    _assume_same_bits(assumptions, known)


def _assume_same_bits(assumptions: Assumptions, known: _Known) -> None:
    """Assume that constants are equal to the last bit which were so."""
    arrays = assumptions.arrays
    pattern = _pattern([x.known for x in arrays], known.constants)
    assumptions.asked["have_pattern"] = lambda *values: _pattern(values, known.constants) == pattern
    assumptions.decide(("have_pattern", *[x.name for x in arrays]), True)


def _pattern(values: Sequence[Any], known: set[bytes]) -> list[Any]:
    """Which of the values are equal to a known one, and which to one another."""
    texts = [value.tobytes() for value in values]
    return [text if text in known else texts.index(text) for text in texts]


def _computed(recipe: Recipe, *given: Any) -> Any:
    """A constant that follows from others, of which those that are open are given."""
    rest = iter(given)
    known = [next(rest) if type(x) is OpenArray else np.asarray(x) for x in recipe.inputs]
    if recipe.op is None:
        return known[0].reshape(recipe.shape)
    with np.errstate(all="ignore"):
        return np.asarray(recipe.op.evaluate(*known, *recipe.params))


def _function(assumptions: Assumptions, facts: Facts) -> Callable[..., Facts | None]:
    """The function that makes of sizes and constants the facts, or None.

    What only sizes are needed for is asked before constants are computed from others.
    """
    names: dict[str, Any] = {"inf": math.inf, "nan": math.nan, **assumptions.asked}
    late = {x.name for x in assumptions.arrays}
    recipes: list[str] = []
    for number, recipe in enumerate(assumptions.recipes):
        names[f"r{number}"] = partial(_computed, recipe)
        given = [x.name for x in recipe.inputs if type(x) is OpenArray]
        recipes.append(f"    {recipe.name} = r{number}({', '.join(given)})")
    lines: tuple[list[str], list[str]] = [], []
    for text, name in assumptions.definitions.items():
        if is_late := not late.isdisjoint(_NAME.findall(text)):
            late.add(name)
        lines[is_late].append(f"    {name} = {text}")
    for key, outcome in assumptions.outcomes.items():
        text = comparison_text(key)
        fails = f"not ({text})" if outcome else text
        is_late = not late.isdisjoint(_NAME.findall(text))
        lines[is_late].append(f"    if {fails}: return None")
    computed = {recipe.name for recipe in assumptions.recipes}
    arguments = [name for name in assumptions.names if name not in computed]
    source = [f"def fill({', '.join(arguments)}):", *lines[0], *recipes, *lines[1]]
    source.append(f"    return {_text(facts, names)}")
    # The lines are written by this module alone: names, numbers and operators.
    exec(compile("\n".join(source), "<open plan>", "exec"), names)
    made: Callable[..., Facts | None] = names["fill"]
    return made


_NAME = re.compile(r"\b[st]\d+\b")
"""The name of an open number or constant."""


def comparison_text(key: Any) -> str:
    """A comparison in Python."""
    if type(key[0]) is str:
        return f"{key[0]}({', '.join(map(text_of, key[1:]))})"
    first, symbol, second = key
    return f"{text_of(first)} {symbol} {text_of(second)}"


def _text(x: Any, names: dict[str, Any]) -> str:
    """Facts as an expression; what does not depend on what is open is named."""
    if type(x) is OpenNumber:
        return x.text
    if type(x) is OpenArray:
        return x.name
    if isinstance(x, tuple) and _is_open(x):
        parts = "".join([f"{_text(part, names)}, " for part in x])
        if type(x) is tuple:
            return f"({parts})"
        names["new"] = tuple.__new__  # as the classes do, which take longer
        return f"new({_text(type(x), names)}, ({parts}))"
    name = f"k{len(names)}"
    names[name] = x
    return name


def _is_open(x: Any) -> bool:
    """Whether something in it is open."""
    if isinstance(x, tuple):
        return any(map(_is_open, x))
    return type(x) in (OpenNumber, OpenArray)
