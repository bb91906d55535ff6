"""The recorded trace as the data that the page's script reads.

Everything is told once: nodes with their formulas and values, the tangents of each input, and for
each reverse sweep what every step received, made and sent. The script makes the timeline of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import AdjointError
from adjoint.explanation.formulas import Word, symbols_of
from adjoint.explanation.page.terms import term_data, value_data
from adjoint.explanation.places import Places
from adjoint.explanation.trace import Entry, Step, Sweep, Tangent, Trace
from adjoint.graph.node import Node

TANGENTS = 6
"""At most so many inputs have their tangents told."""

MOST_TOGETHER = 11
"""A group of more nodes is divided where it repeats itself."""

LARGEST_AGAIN = 80
"""A function with more nodes is not differentiated again for the page."""


def model_of(trace: Trace, names: Sequence[str], result: str, places: Places) -> dict[str, Any]:
    """The trace as data, with the second derivatives of a small function."""
    tangents, notes = _tangents(trace, len(names))
    again, note = _again(trace, len(names))
    sweeps = [trace.sweeps[0], *again]
    generation = {entry.node: 0 for entry in trace.entries}
    generation |= {entry.node: 1 for step in sweeps[0].steps for entry in step.new}
    entries = trace.numbering.entries.values()
    groups = _groups(trace, places)
    return {
        "names": list(names),
        "result": result,
        "inputs": [trace.entry(node).symbol.index for node in trace.inputs],
        "output": trace.entry(trace.output).symbol.index,
        "count": len(trace.entries),
        "lines": places.lines,
        "nodes": [
            _node(trace, e, generation.get(e.node, 2), names) | _place(e.node, places, groups)
            for e in entries
        ],
        "tangents": tangents,
        "sweeps": [_sweep(trace, sweep) for sweep in sweeps],
        "notes": [*notes, *note],
    }


def _node(trace: Trace, entry: Entry, generation: int, names: Sequence[str]) -> dict[str, Any]:
    node = entry.node
    term = Word(names[trace.inputs.index(node)]) if node in trace.inputs else entry.formula
    return {
        "i": entry.symbol.index,
        "t": term_data(term),
        "v": value_data(trace.value(node)),
        "d": [symbol.index for symbol in symbols_of(entry.formula) if symbol != entry.symbol],
        "gen": generation,
    }


def _place(node: Node, places: Places, groups: dict[Node, tuple[str, int]]) -> dict[str, Any]:
    """Where in the source a node is made, and the group that it is folded into."""
    if node in places.spans:
        return {"at": [list(span) for span in places.spans[node]]}
    found: dict[str, Any] = {"line": places.line_of[node]} if node in places.line_of else {}
    if node in groups:
        found["group"] = list(groups[node])
    return found


def _groups(trace: Trace, places: Places) -> dict[Node, tuple[str, int]]:
    """For each node that a line of a function makes, the name and the number of its group: nodes
    in a row, divided where a long one begins to repeat itself."""
    found: dict[Node, tuple[str, int]] = {}
    name, number, seen, length = "", 0, set[str](), 0
    for entry in trace.entries:
        node = entry.node
        own = ""
        if node in places.line_of and node not in trace.inputs:
            function = places.function_of[node]
            own = f"{f'{function}(…) ' if function else ''}line {places.line_of[node]}"
        if own != name or not own or (length > MOST_TOGETHER and node.op.name in seen):
            name, number, seen, length = own, number + 1, set(), 0
        seen.add(node.op.name)
        length += 1
        if own:
            found[node] = (own, number)
    return found


def _tangents(trace: Trace, count: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The tangent traces of the first inputs, and why one is missing."""
    found: list[dict[str, Any]] = []
    notes: list[str] = []
    for number in range(min(count, TANGENTS)):
        try:
            rows = trace.tangent_trace(number)
        except AdjointError as error:
            notes.append(f"Forward mode: {error}")
            break
        found.append({"of": number, "rows": list(map(_tangent, rows))})
    return found, notes


def _tangent(tangent: Tangent) -> dict[str, Any]:
    formula = None if tangent.formula is None else term_data(tangent.formula)
    value = value_data(tangent.value)
    return {"i": tangent.entry.symbol.index, "t": formula, "v": value}


def _again(trace: Trace, count: int) -> tuple[list[Sweep], list[str]]:
    """A reverse sweep of each first derivative, and why there are none."""
    if len(trace.entries) > LARGEST_AGAIN or count > TANGENTS:
        return [], ["The second derivatives are left out: the graph is large."]
    made = {sweep.path: sweep for sweep in trace.sweeps}
    found: list[Sweep] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(count):
            try:
                sweep = made.get((number,)) or trace.differentiate_again(trace.sweeps[0], number)
            except AdjointError as error:
                return found, [f"The second derivatives: {error}"]
            if sweep is not None:
                found.append(sweep)
    return found, list(dict.fromkeys(str(warning.message) for warning in caught))


def _sweep(trace: Trace, sweep: Sweep) -> dict[str, Any]:
    return {
        "path": list(sweep.path),
        "of": sweep.of.symbol.index,
        "steps": [_step(trace, step) for step in sweep.steps],
    }


def _step(trace: Trace, step: Step) -> dict[str, Any]:
    """A step, its new nodes divided among the sum and the partial adjoints they were made for."""
    if step.adjoint is None:
        return {"i": step.entry.symbol.index, "a": None, "got": [], "new": [], "sent": []}
    adjoint = trace.entry(step.adjoint).symbol.index
    waiting = [entry.symbol.index for entry in step.new]
    sent = []
    made = [i for i in waiting if i <= adjoint]
    waiting = waiting[len(made) :]
    for partial in step.sent:
        node = trace.entry(partial.node).symbol.index
        mine = [i for i in waiting if i <= node]
        waiting = waiting[len(mine) :]
        term = term_data(partial.formula)
        sent.append({"to": partial.receiver.index, "node": node, "t": term, "new": mine})
    got = [
        [p.sender.index, trace.entry(p.node).symbol.index, term_data(p.formula)]
        for p in step.received
    ]
    return {
        "i": step.entry.symbol.index,
        "a": adjoint,
        "got": got,
        "new": made,
        "sent": sent,
    }


def is_scalar(trace: Trace) -> bool:
    """Whether all values are single real numbers of double precision, which the page computes."""
    entries = trace.numbering.entries
    return all(n.dtype in (np.float64, np.bool_) and not n.shape for n in entries)
