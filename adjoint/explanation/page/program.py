"""What becomes of a function and its gradient when they are compiled, as data for the page."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from adjoint.api.compiling import compile as compiled
from adjoint.api.derivatives import value_and_grad
from adjoint.api.report import Report, counted, report_of
from adjoint.api.specialization import Specialization
from adjoint.explanation.formulas import Number, Term, Word, formula_of
from adjoint.explanation.page.terms import term_data
from adjoint.graph import engine
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.schedule.plan import Control, Kernel, Nest, Step

MOST = 400
"""Of a larger program only the kernels are told."""

MOST_NAMED = 24
"""Of a larger kernel only the count of operations is told."""


def program_of(
    f: Callable[..., Any], leaves: Sequence[Any], names: Sequence[str], result: str
) -> tuple[dict[str, Any] | None, str]:
    """The optimised graph and the kernels of value and gradient, or why there are none.

    Tracing for compilation asks for no value, so what depends on values (an ``if``) is refused
    there: then the graph is one of several, and the page must not move its inputs.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what can be said of f was said when it was explained
            both = compiled(value_and_grad(f, tuple(range(len(leaves)))))
            specialization = both.trace(*leaves)
            report = report_of(specialization)
    except Exception as error:  # whatever the code of the user raises when it is traced
        return None, f"{type(error).__name__}: {error}"
    numbering = _numbered(specialization)
    listed = len(numbering) <= MOST
    results = [result, *(f"∂{result}/∂{name}" for name in names)]
    graph = _graph_rows(specialization, numbering, names, results) if listed else []
    kernels = _kernel_rows(report, specialization, numbering)
    data = {
        "says": _said(report, len(numbering) if listed else None),
        "program": graph,
        "kernels": kernels,
    }
    return data, ""


def _said(report: Report, left: int | None) -> list[str]:
    """What the three steps say: the graph as it was written, optimised, and cut into kernels."""
    passes = "The passes fold constants, simplify, and share what is equal"
    return [
        f"Forward and backward are one graph: {report.operations:,} operations, which one by one "
        f"would move {report.bytes_before:,} bytes.",
        f"{passes}; the graph is too large to be listed."
        if left is None
        else f"{passes}: {left:,} operations are left.",
        f"The schedule fuses them: {counted(report.kernels, 'step')} moving "
        f"{report.bytes_moved:,} bytes.",
    ]


def _kernel_rows(
    report: Report, specialization: Specialization, numbering: dict[Node, int]
) -> list[list[Any]]:
    rows = []
    for row, step in zip(report.rows, _working(specialization), strict=True):
        nodes = sorted({numbering[n] for n in _nodes_of(step) if n in numbering})
        few = 0 < len(nodes) <= MOST_NAMED
        computed = " ".join(f"u{i}" for i in nodes) if few else f"{row.operations:,}"
        what = row.computes.removeprefix("[] ")
        rows.append([row.kind, what, computed, f"{row.bytes_moved:,}"])
    return rows


def _working(specialization: Specialization) -> list[Step]:
    return [step for step in specialization.schedule.steps if not step.is_view]


def _numbered(specialization: Specialization) -> dict[Node, int]:
    """Numbers for what the optimised graph computes, its inputs and constants left out."""
    inputs = set(specialization.inputs)
    order = topological_order(specialization.optimised, lambda n: () if n in inputs else n.inputs)
    working = [n for n in order if n not in inputs and not is_constant(n)]
    return {node: i for i, node in enumerate(working, 1)}


def _graph_rows(
    specialization: Specialization,
    numbering: dict[Node, int],
    names: Sequence[str],
    results: Sequence[str],
) -> list[list[Any]]:
    """For each node its name, formula, shape, and which results it is."""
    known: dict[Node, Term] = {
        node: Word(name) for node, name in zip(specialization.inputs, names, strict=False)
    }
    inputs = set(specialization.inputs)
    for node in topological_order(specialization.optimised, lambda n: n.inputs):
        if is_constant(node) and node not in inputs:
            known[node] = Number(engine.value_of(node))
    places: dict[Node, list[str]] = {}
    for node, result in zip(specialization.optimised, results, strict=True):
        places.setdefault(node, []).append(result)
    rows = []
    for node, number in numbering.items():
        formula = term_data(formula_of(node, known))
        known[node] = Word(f"u{number}")
        shape, which = "×".join(map(str, node.shape)), ", ".join(places.get(node, ()))
        rows.append([term_data(known[node]), formula, shape or None, which or None])
    return rows


def _nodes_of(step: Step) -> list[Node]:
    """The nodes a step computes, also those that live only inside its loops."""
    match step:
        case Kernel():
            return [*step.inlined, *step.roots]
        case Nest():
            return [n for kernel in step.kernels for n in (*kernel.inlined, *kernel.roots)]
        case Control():
            return [step.root]
    return list(step.roots)
