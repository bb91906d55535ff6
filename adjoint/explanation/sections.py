"""The sections of an explanation: from a recorded trace to words, tables and steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.explanation.checks import Comparison
from adjoint.explanation.document import Inline, Paragraph, Section, Steps, Table
from adjoint.explanation.formulas import (
    Number,
    Product,
    Slope,
    Sum,
    Symbol,
    Term,
    Word,
    with_numbers,
)
from adjoint.explanation.trace import Entry, Partial, Step, Sweep, Tangent, Trace

ROWS = 400
"""Of a longer table only the beginning and the end are shown."""

STEPS = 60
"""At most so many steps of the graph-extending algorithm are told."""

ENTRIES = 30
"""At most so many entries of its dictionary are shown: those whose nodes are visited last."""

_ORDINALS = {1: "First", 2: "Second", 3: "Third"}


def shortened(table: Table) -> list[Any]:
    """The table, or its two ends if it is too long."""
    if len(table.rows) <= ROWS:
        return [table]
    half = ROWS // 2
    first = Table(table.header, table.equations, table.rows[:half])
    last = Table(table.header, table.equations, table.rows[-half:])
    left_out = len(table.rows) - 2 * half
    return [first, Paragraph((f"… {left_out:,} more rows …",)), last]


def forward_section(trace: Trace, names: Sequence[str], result: str) -> Section:
    """The forward evaluation trace."""
    table = Table(("node", "formula", "value"), equations=True)
    for entry in trace.entries:
        named = _input_name(trace, entry, names)
        formula: Inline = (entry.formula,) if named is None else (Word(named),)
        if named == f"v{entry.symbol.index}":
            formula = ()
        table.add((entry.symbol,), formula, (Number(trace.value(entry.node)),))
    last = trace.entry(trace.output)
    table.add((Word(result),), (last.symbol,), (Number(trace.value(last.node)),))
    symbols: list[str | Term] = ["In topological order, inputs before users: "]
    for i, entry in enumerate(trace.entries[:12]):
        symbols += [", " * bool(i), entry.symbol]
    symbols.append("." if len(trace.entries) <= 12 else ", …")
    return Section("Forward evaluation trace", [Paragraph(tuple(symbols)), *shortened(table)])


def _input_name(trace: Trace, entry: Entry, names: Sequence[str]) -> str | None:
    for node, name in zip(trace.inputs, names, strict=True):
        if node is entry.node:
            return name
    return None


def tangent_section(
    trace: Trace, tangents: list[Tangent], name: str, result: str, number: int
) -> Section:
    """The forward-mode trace for one input."""
    table = Table(("tangent", "formula", "in numbers", "value"), equations=True)
    known = trace.values() | {t.symbol: t.value for t in tangents}
    inputs = {id(node): i for i, node in enumerate(trace.inputs)}
    for tangent in tangents:
        value: Inline = (Number(tangent.value),)
        if id(tangent.entry.node) in inputs:
            whole = () if np.ndim(tangent.value) == 0 else (_uniform(tangent.value),)
            table.add((tangent.symbol,), whole, (), value)
            continue
        formula: Inline = () if tangent.formula is None else (tangent.formula,)
        table.add((tangent.symbol,), formula, _numbers(tangent.formula, known), value)
    last = next(t for t in tangents if t.entry.node is trace.output)
    table.add((Word(result, "dot"),), (last.symbol,), (), (Number(last.value),))
    shape = trace.inputs[number].shape
    seed: Inline = (
        "One pass from the inputs to the output gives the derivative in one direction: here that "
        f"of {name}" + (" with a one in every element" if shape else "") + ".",
    )
    return Section(f"Forward mode: tangents for {name}", [Paragraph(seed), *shortened(table)])


def _uniform(seed: Any) -> str:
    return "all ones" if np.any(seed) else "all zeros"


def _numbers(formula: Term | None, known: dict[Symbol, Any]) -> Inline:
    """The formula with numbers, unless that says nothing new."""
    if formula is None or isinstance(formula, (Symbol, Number)):
        return ()
    numbers = with_numbers(formula, known)
    return () if numbers is None else (numbers,)


def reverse_section(trace: Trace, sweep: Sweep, title: str, lead: Inline) -> Section:
    """The reverse trace: every adjoint, by its partial adjoints where there are several."""
    table = Table(("adjoint", "chain rule", "formula", "value"), equations=True)
    for step in sweep.steps:
        symbol = step.symbol
        if step.adjoint is None:
            table.add((symbol,), ("no path to the output",), (), (Number(np.array(0.0)),))
            continue
        value: Inline = (Number(trace.value(step.adjoint)),)
        if not step.received:
            table.add((symbol,), (), (), value)
        elif len(step.received) == 1:
            (partial,) = step.received
            table.add((symbol,), (_chain_rule(partial),), (partial.formula,), value)
        else:
            for partial in step.received:
                each: Inline = (Number(trace.value(partial.node)),)
                table.add((partial.symbol,), (_chain_rule(partial),), (partial.formula,), each)
            parts = tuple(Number(trace.value(p.node)) for p in step.received)
            pathways = Sum(tuple(p.symbol for p in step.received))
            scalar = all(np.ndim(part.value) == 0 for part in parts)
            table.add((symbol,), (pathways,), (Sum(parts),) if scalar else (), value)
    return Section(title, [Paragraph(lead), *shortened(table)])


def _chain_rule(partial: Partial) -> Term:
    """v̄5 ∂v5/∂v2"""
    sender = Symbol(partial.sender.index, "bar")
    return Product((sender, Slope(partial.sender, partial.receiver)))


def extending_section(trace: Trace, sweep: Sweep) -> Section:
    """The graph-extending algorithm: node_to_grad after each step, and the nodes it appended."""
    steps = Steps()
    entries: dict[int, list[Term]] = {sweep.of.symbol.index: [Symbol(sweep.of.symbol.index, "bar")]}
    for step in sweep.steps[:STEPS]:
        steps.steps.append(_step(trace, step, entries))
    before = len(sweep.nodes)
    appended = sum(len(step.new) for step in sweep.steps)
    lead: Inline = (
        "node_to_grad holds for each node the list of partial adjoints it has received. Reverse "
        "mode visits the nodes in reverse topological order, sums the list of a node, and appends "
        f"to the lists of its inputs. {before} nodes became {before + appended}: "
        f"{appended} new ones, as ordinary as the others.",
    )
    blocks: list[Any] = [Paragraph(lead), steps]
    if len(sweep.steps) > STEPS:
        blocks.append(Paragraph((f"… {len(sweep.steps) - STEPS:,} more steps …",)))
    return Section("Reverse mode by extending the graph", blocks)


def _step(trace: Trace, step: Step, entries: dict[int, list[Term]]) -> tuple[Inline, list[Inline]]:
    symbol = step.symbol
    heading: Inline = ("at ", step.entry.symbol)
    if step.adjoint is None:
        return heading, [(symbol, " = 0: no path leads from here to the output")]
    received = tuple(p.symbol for p in step.received)
    line: list[str | Term] = [symbol]
    if len(received) > 1:
        line += [" = ", Sum(received)]
    elif received:
        line += [" = ", received[0]]
    lines: list[Inline] = [(*line, " = ", Number(trace.value(step.adjoint)))]
    for partial in step.sent:
        entries.setdefault(partial.receiver.index, []).append(partial.symbol)
        value = Number(trace.value(partial.node))
        sent = (partial.symbol, " = ", partial.formula, " = ", value)
        lines.append(("send ", *sent, " to ", partial.receiver))
    if step.new:
        lines.append(("new nodes: ", *_new_nodes(trace, step)))
    lines.append(("node_to_grad: ", *_dictionary(entries)))
    return heading, lines


def _new_nodes(trace: Trace, step: Step) -> Inline:
    parts: list[str | Term] = []
    for entry in step.new:
        parts += ["; " * bool(parts), entry.symbol, " = ", entry.formula]
        roles = trace.roles(entry.node)
        if roles:
            parts += [" (", roles[0], ")"]
    return tuple(parts)


def _dictionary(entries: dict[int, list[Term]]) -> Inline:
    """The dictionary, in the order in which the nodes are visited."""
    parts: list[str | Term] = ["{"]
    shown = sorted(entries, reverse=True)
    if len(shown) > ENTRIES:
        parts.append(f"… {len(shown) - ENTRIES} more")
    for index in shown[-ENTRIES:]:
        parts += [", " * (len(parts) > 1), f"{index}:\u00a0["]
        for i, symbol in enumerate(entries[index]):
            parts += [",\u00a0" * bool(i), symbol]
        parts.append("]")
    return (*parts, "}")


def derivative_name(result: str, names: Sequence[str], path: Sequence[int]) -> str:
    """∂²y/∂x1∂x2"""
    if len(path) == 0:
        return result
    power = {1: "", 2: "²", 3: "³"}.get(len(path), f"^{len(path)}")
    return f"∂{power}{result}/" + "".join(f"∂{names[i]}" for i in path)


def again_section(trace: Trace, sweep: Sweep, names: Sequence[str], result: str) -> Section:
    """The reverse trace of a derivative."""
    of = derivative_name(result, names, sweep.path)
    summed = bool(trace.inputs[sweep.path[-1]].shape)
    lead: Inline = (
        f"The output is now {'the sum of ' * summed}{of}, which is the node ",
        sweep.of.symbol,
        "; a bar stands for the derivative of that node.",
    )
    return reverse_section(trace, sweep, f"Reverse trace of {of}", lead)


def appended_section(trace: Trace, sweep: Sweep, order: int) -> Section:
    """The nodes a sweep appended, evaluated as the ordinary nodes they are."""
    table = Table(("node", "formula", "value", "which is"), equations=False)
    for step in sweep.steps:
        for entry in step.new:
            roles: list[str | Term] = []
            for role in trace.roles(entry.node):
                roles += [", " * bool(roles), role]
            value = Number(trace.value(entry.node))
            table.add((entry.symbol,), (entry.formula,), (value,), tuple(roles))
    lead: Inline = (
        "The adjoints are nodes like any others. Evaluated after the forward trace they continue "
        "it, and can be differentiated themselves.",
    )
    title = f"{_ORDINALS.get(order, str(order))} derivatives: the extended graph"
    return Section(title, [Paragraph(lead), *shortened(table)])


SMOOTHED = (
    "The traces apply the rule of every node by itself. The library sees what some of them are "
    "together, as |x|² is x², and differentiates that: adjoint.gradient is right."
)


def check_section(comparisons: Sequence[Comparison], title: str) -> Section:
    """The derivatives found, beside those of other methods."""
    columns = [("extending the graph", "gradient"), ("backprop", "backprop")]
    columns.append(("finite differences", "differences"))
    smoothed = any(c.is_smoothed() for c in comparisons)
    if smoothed:
        columns.insert(1, ("adjoint.gradient", "library"))
    shown = [
        (label, key)
        for label, key in columns
        if any(getattr(c, key) is not None for c in comparisons)
    ]
    table = Table(("derivative", *(label for label, _ in shown), "agreement"))
    for comparison in comparisons:
        cells: list[Inline] = []
        for _, key in shown:
            value = getattr(comparison, key)
            cells.append(("not computed",) if value is None else (Number(value),))
        table.add((comparison.name,), *cells, (comparison.verdict(),))
    return Section(title, [table, *([Paragraph((SMOOTHED,))] if smoothed else [])])
