"""The user's lines that are remembered: of operations with kinks, where derivatives may be nested.

A second derivative can meet a kink long after the call that made the node; the warning then names
the line of that call. Finding it costs microseconds, so it is done where it may be needed only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from adjoint.graph.caller import user_place

if TYPE_CHECKING:
    from adjoint.graph.node import Node

_lines: WeakKeyDictionary[Node, str] = WeakKeyDictionary()


def note(node: Node) -> None:
    """Remember from which line of the user's `node` was made."""
    _lines[node] = user_place()


def keep(node: Node, copy: Node) -> None:
    """Remember for the copy of a node the line of the node itself, if any is."""
    if node in _lines:
        _lines[copy] = _lines[node]


def line_of(node: Node) -> str:
    """The line that was noted for `node`, as in ``model.py:12``; empty if there is none."""
    return _lines.get(node, "")
