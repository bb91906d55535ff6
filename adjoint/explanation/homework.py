"""Is a student's answer right? If not: the first node that differs, and which slip explains it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.explanation.formulas import Call, Symbol, Term
from adjoint.explanation.notation import Text, number_text
from adjoint.explanation.trace import Partial, Step, Trace

Array: TypeAlias = "np.ndarray[Any, Any]"

TEXT = Text(3)


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right; true or false as a condition, and prints what is wrong.

    `node` is the number of the first node that differs, in the order in which reverse mode (or a
    topological order) visits them; `given` and `expected` are its adjoints; `partials` the right
    partial adjoints, as lines; `slip` what the student seems to have done, empty if unknown.
    """

    right: bool
    message: str
    node: int | None = None
    given: Any = None
    expected: Any = None
    partials: tuple[str, ...] = ()
    slip: str = ""

    def __bool__(self) -> bool:
        return self.right

    def __str__(self) -> str:
        lines = [self.message, *(f"  {line}" for line in self.partials)]
        return "\n".join([*lines, self.slip] if self.slip else lines)

    __repr__ = __str__


def check_adjoints(
    trace: Trace, names: Sequence[str], answer: Any, labels: Sequence[str], tolerance: float
) -> Verdict:
    """Compare adjoints (by node or input), or a gradient, with those of the trace."""
    given = _by_node(trace, names, answer)
    sweep = trace.sweeps[0]
    for step in sweep.steps:
        number = step.entry.symbol.index
        if number not in given:
            continue
        node = step.entry.node
        zero = np.zeros(node.shape, node.dtype)
        expected = zero if step.adjoint is None else trace.value(step.adjoint)
        answered = _array(given[number], number)
        if answered.shape == expected.shape and _agree(answered, expected, tolerance):
            continue
        label = TEXT(step.symbol)
        if node in trace.inputs:
            label = f"{label} = {labels[trace.inputs.index(node)]}"
        message = f"{label} is {_difference(expected, answered, tolerance)}"
        slip = _slip(trace, step, answered, expected, tolerance)
        lines = tuple(_told(trace, partial) for partial in step.received)
        return Verdict(False, message, number, given[number], expected, lines, slip)
    count = len(given)
    return Verdict(True, f"right: {count} adjoint{'s' * (count != 1)}")


def _by_node(trace: Trace, names: Sequence[str], answer: Any) -> dict[int, Any]:
    """The answers by the number of the node they are about."""
    inputs = [trace.entry(node).symbol.index for node in trace.inputs]
    if isinstance(answer, Mapping):
        if not answer:
            raise ArgumentError("check: the answer is empty; give adjoints, as in {5: -1.0}")
        return {_number("check", trace, names, key): value for key, value in answer.items()}
    answers = [answer] if len(inputs) == 1 and not isinstance(answer, (list, tuple)) else answer
    answers = list(answers) if isinstance(answers, Iterable) else [answers]
    if len(answers) != len(inputs):
        raise ArgumentError(
            f"check: {len(answers)} derivatives were given for {len(inputs)} inputs "
            f"({', '.join(names[:8])}); give one for each, or a dictionary such as "
            f"{{{names[0]!r}: 1.0}}"
        )
    return dict(zip(inputs, answers, strict=True))


def _number(who: str, trace: Trace, names: Sequence[str], key: Any) -> int:
    """The number of the node that a student calls 5, v5, or by the name of an input."""
    if isinstance(key, str) and key in names:
        return trace.entry(trace.inputs[names.index(key)]).symbol.index
    match = re.fullmatch(r"v_?([0-9]{1,6})", key) if isinstance(key, str) else None
    number = int(match[1]) if match else key
    count = len(trace.entries)
    whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
    if not whole or not 1 <= number <= count:
        raise ArgumentError(
            f"{who}: there is no node {key!r}; nodes are 1 to {count} (or v1 to v{count}), inputs "
            f"are {', '.join(map(repr, names[:8]))}"
        )
    return int(number)


def _array(value: Any, number: int) -> Array:
    try:
        return np.asarray(value, complex if np.iscomplexobj(value) else float)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"check: the adjoint of node {number} must be a number or an array, got {value!r}"
        ) from error


def _close(a: Array, b: Array, tolerance: float) -> Array:
    """Which elements agree, in units of the largest of `b`."""
    size = max(1.0, float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b))))
    return np.isclose(a, b, 0.0, tolerance * size, equal_nan=True)


def _agree(a: Array, b: Array, tolerance: float) -> bool:
    return a.shape == b.shape and bool(np.all(_close(a, b, tolerance)))


def _difference(right: Array, given: Array, tolerance: float) -> str:
    """What it is and what it is not; of larger arrays, the first element that differs."""
    if right.shape != given.shape or right.size <= 4:
        return f"{_shown(right)}, not {_shown(given)}"
    place = tuple(np.argwhere(~_close(given, right, tolerance))[0].tolist())
    one, other = number_text(right[place], 4), number_text(given[place], 4)
    return f"{_shown(right)}; its element {list(place)} is {one}, not {other}"


def _shown(value: Array) -> str:
    if value.size <= 4 or value.ndim == 0:
        return number_text(value, 4) if value.ndim < 2 else str(value.tolist())
    return f"an array of shape {value.shape}"


def _told(trace: Trace, partial: Partial) -> str:
    """v̄2→5 = v̄5 cos v2 = -0.284"""
    value = trace.value(partial.node)
    end = f" = {number_text(value, 4)}" if value.ndim == 0 or value.size <= 4 else ""
    return f"{TEXT(partial.symbol)} = {TEXT(partial.formula)}{end}"


def _slip(trace: Trace, step: Step, given: Array, right: Array, tolerance: float) -> str:
    """The first of the usual slips that gives just what the student has."""

    def is_it(value: Any) -> bool:
        array = np.asarray(value)
        return _agree(given, array, tolerance) and not _agree(array, right, tolerance)

    if given.shape != right.shape:
        return _shape_slip(given, right, tolerance)
    if is_it(-right):
        return "The sign is the other one."
    parts = [(partial, trace.value(partial.node)) for partial in step.received]
    found = _path_slip(parts, is_it)
    for place, (partial, value) in enumerate(parts):
        rest = sum((other for k, (_, other) in enumerate(parts) if k != place), np.zeros(()))
        found = found or _factor_slip(trace, partial, value, rest, is_it)
    if not found and is_it(trace.value(step.entry.node)):
        found = "That is the value of the node, not its adjoint."
    if not found and right.ndim == 2 and right.shape[0] == right.shape[1] and is_it(right.T):
        found = "It is transposed."
    if not found and step.entry.node in trace.inputs:
        found = _other_input(trace, step, is_it)
    return found or _ratio_slip(given, right, tolerance)


def _other_input(trace: Trace, step: Step, is_it: Callable[[Any], bool]) -> str:
    """The derivative by another input, as when two are swapped."""
    for other in trace.sweeps[0].steps:
        is_input = other.entry.node in trace.inputs and other is not step
        if is_input and other.adjoint is not None and is_it(trace.value(other.adjoint)):
            return f"That is {TEXT(other.symbol)}, the derivative by another input."
    return ""


def _shape_slip(given: Array, right: Array, tolerance: float) -> str:
    if given.ndim == 2 and _agree(given.T, right, tolerance):
        return "It is transposed: an adjoint has the shape of its node."
    return (
        f"An adjoint has the shape of its node, {right.shape}; this one has {given.shape}. Look "
        f"for a transposed product, or for a broadcast whose adjoint was not summed."
    )


def _path_slip(parts: list[tuple[Partial, Array]], is_it: Callable[[Any], bool]) -> str:
    """A pathway forgotten, counted twice, or with the wrong sign."""
    for count in range(1, len(parts)) if len(parts) <= 8 else ():
        for kept in combinations(range(len(parts)), count):
            if is_it(sum(parts[k][1] for k in kept)):
                lost = [TEXT(p.symbol) for k, (p, _) in enumerate(parts) if k not in kept]
                return f"A path is forgotten: {', '.join(lost)} must be added."
    total = sum((value for _, value in parts), np.zeros(()))
    for partial, value in parts:
        if is_it(total + value):
            return f"{TEXT(partial.symbol)} is counted twice."
        if len(parts) > 1 and is_it(total - 2 * value):
            return f"{TEXT(partial.symbol)} has the other sign."
    if len(parts) > 1 and is_it(np.prod([value for _, value in parts], axis=0)):
        return "Partial adjoints are added, not multiplied."
    return ""


def _factor_slip(
    trace: Trace, partial: Partial, value: Array, rest: Any, is_it: Callable[[Any], bool]
) -> str:
    """One of the two factors of a partial adjoint missing, or a product turned round."""
    sender = next(s for s in trace.sweeps[0].steps if s.entry.symbol == partial.sender)
    assert sender.adjoint is not None
    bar = trace.value(sender.adjoint)
    name, of = TEXT(sender.symbol), TEXT(partial.sender)
    slope = f"∂{of}/∂{TEXT(partial.receiver)}"
    if bar.shape == value.shape:
        if is_it(rest + bar):
            return f"A factor is missing: multiply {name} by {slope}."
        with np.errstate(all="ignore"):
            alone = value / bar
        if np.all(np.isfinite(alone)) and is_it(rest + alone):
            return f"A factor is missing: multiply {slope} by {name}, the adjoint of {of}."
    if any(is_it(rest + other) for other in _products(trace, partial.formula, bar, turned=True)):
        return f"A product is transposed: {TEXT(partial.symbol)} = {TEXT(partial.formula)}."
    for earlier in sender.received:
        source = next(s for s in trace.sweeps[0].steps if s.entry.symbol == earlier.sender)
        if source.adjoint is None or trace.value(source.adjoint).shape != bar.shape:
            continue
        skipped = _products(trace, partial.formula, trace.value(source.adjoint), turned=False)
        if any(is_it(rest + other) for other in skipped):
            slope = f"∂{TEXT(earlier.sender)}/∂{of}"
            return f"A factor is missing: {name} is {TEXT(source.symbol)} times {slope}."
    return ""


def _products(trace: Trace, formula: Term, bar: Array, *, turned: bool) -> list[Array]:
    """The matrix product of a formula; or those with factors transposed or in the other order."""
    if not isinstance(formula, Call) or formula.name != "matmul":
        return []
    values = {symbol: value for symbol, value in trace.values().items() if not symbol.mark}

    def factor(term: Term) -> Array | None:
        match term:
            case Symbol(_, "bar"):
                return bar
            case Symbol():
                found: Array | None = values.get(term)
                return found
            case Call("transpose", (inner,)):
                within = factor(inner)
                return None if within is None else within.T
        return None

    a, b = map(factor, formula.arguments)
    if a is None or b is None or a.ndim != 2 or b.ndim != 2:
        return []
    if not turned:
        return [a @ b]
    pairs = [(x, y) for x in (a, a.T) for y in (b, b.T)]
    pairs += [(y, x) for x, y in pairs]
    return [x @ y for x, y in pairs if x.shape[1] == y.shape[0]]


def _ratio_slip(given: Array, right: Array, tolerance: float) -> str:
    """A constant factor between the answer and the truth."""
    where = np.abs(right) > 1e-12
    if given.shape != right.shape or not np.any(where) or not np.all(np.isfinite(given)):
        return ""
    ratio = float(np.median((given[where] / right[where]).real))
    simple = [2.0, 0.5, 3.0, 1 / 3, -2.0, -0.5, 4.0, 0.25]
    if np.count_nonzero(where) > 1 and ratio:
        simple.append(ratio)  # of several elements, the same factor is no accident
    for factor in simple:
        if abs(ratio - factor) <= 1e-2 * abs(factor) and _agree(given, factor * right, tolerance):
            return f"It is {number_text(factor, 3)} times what it should be."
    return ""


def check_order(trace: Trace, names: Sequence[str], order: Sequence[Any]) -> Verdict:
    """Whether an order of the nodes is topological; any such order is right."""
    if isinstance(order, (str, Mapping)) or not isinstance(order, Iterable):
        raise ArgumentError(f"check_order: give a list of nodes, such as [1, 2, 3], got {order!r}")
    numbers = [_number("check_order", trace, names, key) for key in order]
    place = {number: k for k, number in enumerate(numbers)}
    if len(place) < len(numbers):
        twice = next(n for k, n in enumerate(numbers) if place[n] != k)
        return Verdict(False, f"v{twice} stands in the order twice", twice)
    missing = [e.symbol.index for e in trace.entries if e.symbol.index not in place]
    if missing:
        return Verdict(False, f"v{missing[0]} is missing", missing[0])
    for number in numbers:
        entry = trace.entries[number - 1]
        for child in entry.node.inputs:
            known = trace.numbering.entries.get(child)
            if known is not None and place[known.symbol.index] > place[number]:
                before = known.symbol.index
                message = (
                    f"v{number} stands before v{before}, which it is computed from: the edge from "
                    f"v{before} to v{number} points backwards"
                )
                return Verdict(False, message, number)
    return Verdict(True, "right: every node stands after those it is computed from")
