"""The page of an explanation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adjoint.explanation.document import Document
from adjoint.explanation.page.html import CONTROLS, POLICY, SCRIPTS, SERVED_POLICY, asset, page
from adjoint.explanation.page.language import language
from adjoint.explanation.page.model import is_scalar, model_of
from adjoint.explanation.page.program import program_of
from adjoint.explanation.places import Places
from adjoint.explanation.sections import SMOOTHED
from adjoint.explanation.tables import html_text
from adjoint.explanation.trace import Trace
from adjoint.graph.tensor import as_tensor


def page_of(document: Document, model: dict[str, Any], served: bool = False) -> str:
    """The interactive page. A `served` one may ask the server that it came from."""
    policy = SERVED_POLICY if served else POLICY
    readable = model["formula"] is not None
    scripts = tuple(name for name in SCRIPTS if readable or name != "engine.js")
    data = (
        model
        | ({"served": True} if served else {})
        | ({"language": language()} if readable else {})
    )
    return page(document.title, data, html_text(document), scripts, policy, asset(CONTROLS))


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
    program, reason = program_of(f, leaves, names, result)
    recorded = model_of(trace, names, result, places)
    if has_smooth_forms(trace):
        recorded["notes"].append(f"{SMOOTHED} The two differ only where a piece has a kink.")
    if reason:
        recorded["notes"].append(f"The optimised program is left out: {reason}")
    return {
        "title": document.title,
        **recorded,
        "formula": places.lines[0] if places.spans else None,
        "program": program,
        "remark": "The values are those recorded at this point"
        + (": another input may take another way through the function." if reason else "."),
        "live": program is not None and is_scalar(trace),
    }


def has_smooth_forms(trace: Trace) -> bool:
    """Whether the library differentiates some nodes together, where the page takes one by one."""

    return any(
        node.op.may_have_smooth_form
        and bool(node.inputs)
        and node.op.smooth_form(node, frozenset()) is not None
        for node in trace.numbering.entries
    )
