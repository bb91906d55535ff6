"""Where in the user's source each node of a trace was made."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from adjoint.explanation.expression import Expression
from adjoint.graph import node as nodes
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor

Span = tuple[int, int]

_OURS = __name__.partition(".")[0]


@dataclass
class Places:
    """The source of a function, and where in it its nodes were made.

    Of a formula the places are pieces of its text, as pairs of positions; of a Python function
    they are numbers of lines, the first line of the source being 1, and the name of the function
    called in that line which made the node, if it was another one. `lines` is empty where the
    source is not known.
    """

    lines: list[str] = field(default_factory=list)
    spans: dict[Node, list[Span]] = field(default_factory=dict)
    line_of: dict[Node, int] = field(default_factory=dict)
    function_of: dict[Node, str] = field(default_factory=dict)


@contextmanager
def located(f: Callable[..., Any], places: Places) -> Iterator[Callable[..., Any]]:
    """A function equal to `f`; what it makes within the block is noted in `places`."""
    if isinstance(f, Expression):
        places.lines = [f.source]
        yield _formula(f, places)
        return
    file, first, places.lines = _source_of(f)
    if not places.lines:
        yield f
        return
    before = nodes.made

    def note(node: Node) -> None:
        _note(places, node, file, first)
        if before is not None:
            before(node)

    nodes.made = note
    try:
        yield f
    finally:
        if nodes.made is note:
            nodes.made = before


def _formula(f: Expression, places: Places) -> Callable[..., Any]:
    def on_spans(*values: Any) -> Any:
        parts = f.parts(*values)
        for part, span in zip(parts, f.places, strict=True):
            if isinstance(part, Tensor):
                places.spans.setdefault(part.node, []).append(span)
        return parts[-1]

    return on_spans


def _source_of(f: Any) -> tuple[str, int, list[str]]:
    """File, number of the first line, and the lines of a function; no lines if they are unknown."""
    try:
        target = inspect.unwrap(f)
        lines, first = inspect.getsourcelines(target)
        file = inspect.getsourcefile(target) or ""
    except (OSError, TypeError, ValueError):
        return "", 0, []
    indent = min((len(x) - len(x.lstrip()) for x in lines if x.strip()), default=0)
    return file, first, [x.rstrip("\n")[indent:] for x in lines]


def _note(places: Places, node: Node, file: str, first: int) -> None:
    """Note the line of the function that is executed, and the function of the user's it called."""
    frame: FrameType | None = sys._getframe(1)
    called = ""
    while frame is not None:
        line = frame.f_lineno - first
        if frame.f_code.co_filename == file and 0 <= line < len(places.lines):
            places.line_of[node] = line + 1
            places.function_of[node] = called
            return
        if str(frame.f_globals.get("__name__")).partition(".")[0] not in (_OURS, "numpy"):
            called = frame.f_code.co_name
        frame = frame.f_back
