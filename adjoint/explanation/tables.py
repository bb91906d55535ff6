"""An explanation as plain text, Markdown, HTML or LaTeX."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Sequence

from adjoint.explanation.document import Block, Document, Inline, Paragraph, Section, Steps, Table
from adjoint.explanation.notation import Latex, Text


def display_width(text: str) -> int:
    """How many columns `text` takes on a terminal: dots and bars stand above their letters."""
    return sum(0 if unicodedata.combining(c) else 1 for c in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))


def _plain(content: Inline, notation: Text) -> str:
    return "".join(part if isinstance(part, str) else notation(part) for part in content)


def wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, broken at spaces; longer words are cut."""
    width = max(width, 4)
    lines = [""]
    for word in text.split(" "):
        while display_width(word) > width:
            head, word = _cut(word, width)
            lines += [head, ""] if lines[-1] else [head]
            if lines[-1]:
                lines.append("")
        extended = f"{lines[-1]} {word}" if lines[-1] else word
        if display_width(extended) <= width:
            lines[-1] = extended
        else:
            lines.append(word)
    return [line.replace("\u00a0", " ") for line in lines if line] or [""]


def _cut(word: str, width: int) -> tuple[str, str]:
    """The first `width` columns of `word`, and the rest; a dot or bar stays with its letter."""
    columns = 0
    for i, c in enumerate(word):
        columns += not unicodedata.combining(c)
        if columns > width:
            return word[:i], word[i:]
    return word, ""


# Plain text.


def text(document: Document, width: int = 100, precision: int = 3) -> str:
    """The document for a terminal `width` columns wide."""
    notation = Text(precision)
    parts = ["\n".join(wrapped(document.title, width))]
    for section in document.sections:
        title = "\n".join(wrapped(section.title, width))
        rule = "─" * min(width, max(map(display_width, title.split("\n"))))
        parts.append(f"{title}\n{rule}")
        parts += [_text_block(block, notation, width) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _text_block(block: Block, notation: Text, width: int) -> str:
    if isinstance(block, Paragraph):
        return "\n".join(wrapped(_plain(block.content, notation), width))
    if isinstance(block, Steps):
        return "\n".join(_text_steps(block, notation, width))
    return "\n".join(_text_table(block, notation, width))


def _text_steps(block: Steps, notation: Text, width: int) -> list[str]:
    lines = []
    for number, (heading, content) in enumerate(block.steps, 1):
        lines.append(f"step {number}: {_plain(heading, notation)}")
        for item in content:
            first, *rest = wrapped(_plain(item, notation), width - 6)
            lines += [f"    {first}", *(f"      {line}" for line in rest)]
    return lines


def _text_table(table: Table, notation: Text, width: int) -> list[str]:
    """Aligned columns; an equation has = between its cells, another table a header above."""
    rows = [[_plain(cell, notation) for cell in row] for row in table.rows]
    if table.equations:
        rows = [[row[0], *(f"= {c}" if c else "" for c in row[1:])] for row in rows]
    else:
        rows.insert(0, list(table.header))
    used = [i for i in range(len(table.header)) if any(row[i] for row in rows)]
    widths = _widths([[row[i] for i in used] for row in rows], width - 2, 1 + (not table.equations))
    gap = " " * (1 + (not table.equations))
    lines = []
    for number, row in enumerate(rows):
        cells = [wrapped(row[i], w) for i, w in zip(used, widths, strict=True)]
        for k in range(max(map(len, cells))):
            parts = [
                _pad(cell[k] if k < len(cell) else "", w)
                for cell, w in zip(cells, widths, strict=True)
            ]
            lines.append(("  " + gap.join(parts)).rstrip())
        if number == 0 and not table.equations:
            lines.append("  " + gap.join("─" * w for w in widths))
    return lines


def _widths(rows: Sequence[Sequence[str]], width: int, gap: int) -> list[int]:
    """The widths of the columns: as wide as their widest cell, the widest narrowed if need be."""
    widths = [max(display_width(row[i]) for row in rows) for i in range(len(rows[0]))]
    room = max(width - gap * (len(widths) - 1), 6 * len(widths))
    while sum(widths) > room:
        widest = max(range(len(widths)), key=widths.__getitem__)
        widths[widest] -= 1
    return widths


# Markdown and HTML, with the same mathematics as plain text.


def markdown(document: Document, precision: int = 3) -> str:
    """The document in Markdown, with tables as GitHub has them."""
    notation = Text(precision)

    def write(content: Inline) -> str:
        return re.sub(r"([\\|*_`\[\]<>#])", r"\\\1", _plain(content, notation))

    parts = [f"# {write((document.title,))}"]
    for section in document.sections:
        parts.append(f"## {write((section.title,))}")
        parts += [_markdown_block(block, write) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _markdown_block(block: Block, write: Callable[[Inline], str]) -> str:
    match block:
        case Paragraph(content):
            return write(content)
        case Steps(steps):
            return "\n".join(
                f"{number}. {write(heading)}" + "".join(f"\n   - {write(c)}" for c in content)
                for number, (heading, content) in enumerate(steps, 1)
            )
        case Table(header, _, rows):
            lines = [header, ("---",) * len(header), *([write(c) for c in row] for row in rows)]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)


STYLE = """
.adjoint table {border-collapse: collapse; margin: .5em 0}
.adjoint td, .adjoint th {padding: .15em .9em; text-align: left; border: 0}
.adjoint th {border-bottom: 1px solid; font-weight: 600}
.adjoint h3 {margin: 1.2em 0 .3em} .adjoint h2 {margin: .3em 0}
.adjoint li {margin: .2em 0} .adjoint svg {max-width: 100%; height: auto; background: white}
"""


def html_text(document: Document, precision: int = 3, picture: str = "") -> str:
    """The document as a piece of HTML; `picture` is SVG to stand below the title."""
    notation = Text(precision)

    def write(content: Inline) -> str:
        return html.escape(_plain(content, notation))

    parts = [f'<div class="adjoint"><style>{STYLE}</style>', f"<h2>{write((document.title,))}</h2>"]
    parts.append(picture)
    for section in document.sections:
        parts.append(f"<h3>{write((section.title,))}</h3>")
        parts += [_html_block(block, write) for block in section.blocks]
    return "\n".join([*filter(None, parts), "</div>\n"])


def _html_block(block: Block, write: Callable[[Inline], str]) -> str:
    match block:
        case Paragraph(content):
            return f"<p>{write(content)}</p>"
        case Steps(steps):
            items = [
                f"<li>{write(heading)}<ul>"
                f"{''.join(f'<li>{write(line)}</li>' for line in lines)}</ul></li>"
                for heading, lines in steps
            ]
            return f"<ol>{''.join(items)}</ol>"
        case Table(header, _, rows):
            head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
            body = "".join(
                f"<tr>{''.join(f'<td>{write(cell)}</td>' for cell in row)}</tr>" for row in rows
            )
            return f"<table><tr>{head}</tr>{body}</table>"


# LaTeX.

_SPECIAL = {
    "\\": r"\textbackslash{}",
    **{c: rf"\{c}" for c in "#$%&_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{c: f"${m}$" for c, m in {"∂": r"\partial ", "²": "^2", "³": "^3", "×": r"\times "}.items()},
    "…": r"\dots{}",
    "−": "$-$",
}


def latex(document: Document, precision: int = 3, whole: bool = True) -> str:
    """The document in LaTeX; `whole` makes it a file to compile, else a piece to be included."""
    notation = Latex(precision)

    def words(content: str) -> str:
        return "".join(_SPECIAL.get(c, c) for c in content)

    def write(content: Inline) -> str:
        return "".join(words(p) if isinstance(p, str) else f"${notation(p)}$" for p in content)

    parts = [rf"\section*{{{words(document.title)}}}"]
    for section in document.sections:
        parts += _latex_section(section, words, write)
    if not whole:
        return "\n\n".join(parts) + "\n"
    start = [
        r"\documentclass{article}",
        r"\usepackage[utf8]{inputenc}",
        r"\usepackage{amsmath,longtable}",
        r"\renewcommand{\arraystretch}{1.4}",
        r"\begin{document}",
    ]
    return "\n".join(start) + "\n\n" + "\n\n".join(parts) + "\n\n\\end{document}\n"


def _latex_section(
    section: Section, words: Callable[[str], str], write: Callable[[Inline], str]
) -> list[str]:
    parts = [rf"\subsection*{{{words(section.title)}}}"]
    for block in section.blocks:
        match block:
            case Paragraph(content):
                parts.append(write(content))
            case Steps(steps):
                lines = [r"\begin{enumerate}"]
                for heading, inside in steps:
                    items = [rf"  \item {write(item)}" for item in inside]
                    inner = [r"\begin{itemize}", *items, r"\end{itemize}"]
                    lines += [rf"\item {write(heading)}", *inner]
                parts.append("\n".join([*lines, r"\end{enumerate}"]))
            case Table(header, _, rows):
                lines = [rf"\begin{{longtable}}{{{'l' * len(header)}}}"]
                lines.append(" & ".join(map(words, header)) + r" \\ \hline")
                lines += [" & ".join(write(cell) for cell in row) + r" \\" for row in rows]
                parts.append("\n".join([*lines, r"\end{longtable}"]))
    return parts
