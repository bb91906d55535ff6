"""What an explanation says, as data, before anybody decides how it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from adjoint.explanation.formulas import Term

Inline: TypeAlias = "tuple[str | Term, ...]"
"""Words and formulas in one line."""


@dataclass(frozen=True)
class Paragraph:
    """A sentence or two."""

    content: Inline


@dataclass
class Table:
    """Rows of cells; in a table of equations the cells of a row are equal to each other."""

    header: tuple[str, ...]
    equations: bool = False
    rows: list[tuple[Inline, ...]] = field(default_factory=list)

    def add(self, *cells: Inline) -> None:
        """One more row; missing cells are empty."""
        self.rows.append((*cells, *((),) * (len(self.header) - len(cells))))


@dataclass
class Steps:
    """Numbered steps, each a heading and some lines."""

    steps: list[tuple[Inline, list[Inline]]] = field(default_factory=list)


Block: TypeAlias = "Paragraph | Table | Steps"


@dataclass
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Document:
    """The whole explanation."""

    title: str
    sections: list[Section] = field(default_factory=list)
