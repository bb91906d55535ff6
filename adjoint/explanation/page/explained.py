"""The page of an explanation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adjoint.explanation.document import Document
from adjoint.explanation.page.html import page
from adjoint.explanation.page.model import is_scalar, model_of
from adjoint.explanation.page.program import program_of
from adjoint.explanation.places import Places
from adjoint.explanation.tables import html_text
from adjoint.explanation.trace import Trace
from adjoint.graph.tensor import as_tensor


def page_of(
    document: Document,
    trace: Trace,
    names: Sequence[str],
    result: str,
    places: Places,
    f: Callable[..., Any],
) -> str:
    """The interactive page for a trace of `f`, a function of its inputs alone."""
    return page(
        document.title, page_model(document, trace, names, result, places, f), html_text(document)
    )


def page_model(
    document: Document,
    trace: Trace,
    names: Sequence[str],
    result: str,
    places: Places,
    f: Callable[..., Any],
) -> dict[str, Any]:
    """The data of the page. Its inputs can be moved if the graph is the same for all of them."""
    leaves = [as_tensor(trace.value(node)) for node in trace.inputs]
    program, reason = program_of(f, leaves, names)
    return {
        "title": document.title,
        **model_of(trace, names, result, places),
        "formula": places.lines[0] if places.spans else None,
        "program": program,
        "without_program": reason,
        "live": program is not None and is_scalar(trace),
    }
