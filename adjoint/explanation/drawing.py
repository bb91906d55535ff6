"""The picture: the graph from left to right, and below it its adjoints, going back.

Each adjoint stands below the node it belongs to, in a second colour; partial adjoints have boxes of
their own where several pathways meet. Dashed lines show which values of the forward evaluation the
adjoints use. Drawn by matplotlib, the extra `plot`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from adjoint.errors import MissingExtraError, RangeError
from adjoint.explanation.formulas import Symbol, Term, Word, symbols_of
from adjoint.explanation.layout import Box, Edge, place
from adjoint.explanation.notation import POWER, PRODUCT, Latex, Written, number_text
from adjoint.explanation.trace import Partial, Step, Trace

LARGEST = 120
"""A graph with more nodes makes no readable picture."""

SIZE, SMALL = 13.0, 10.5  # of letters, in points; lengths below are points too
PADDING, GAP, COLUMN_GAP, BAND_GAP, MARGIN = 9.0, 16.0, 46.0, 52.0, 18.0
WIDEST = 230.0

INK, MUTED, LINE = "#1b2733", "#5b6b7b", "#8fa0b0"
FILL = {"forward": "#e6effb", "adjoint": "#fdebd6"}
EDGE = {"forward": "#2f6db5", "adjoint": "#d2691e"}


class Label(Latex):
    """LaTeX as matplotlib writes it, fractions in one line."""

    space = r" \, "

    def word(self, word: Word) -> str:
        return super().word(Word(drawable(word.text), word.mark))

    def quotient(self, above: Term, below: Term) -> Written:
        return f"{self.within(above, PRODUCT)} \\, / \\, {self.within(below, POWER)}", PRODUCT


def drawable(name: str) -> str:
    """A name of a user's without what matplotlib takes for commands or cannot draw."""
    return re.sub(r"[^\w .,:()\[\]+*/=-]", "?", name)


@dataclass(eq=False)
class Card(Box):
    """A box with a formula, and a value below it."""

    kind: str = "forward"
    formula: str = ""
    value: str = ""
    strong: bool = False


@dataclass
class Picture:
    """The two halves of the picture, and the values the second uses of the first."""

    forward: list[Card] = field(default_factory=list)
    adjoint: list[Card] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    uses: list[tuple[Card, Card]] = field(default_factory=list)


def svg(trace: Trace, names: Sequence[str], result: str) -> str:
    """The picture as SVG; the same picture gives the same text."""
    return _render(trace, names, result, "svg").decode("utf-8")


def png(trace: Trace, names: Sequence[str], result: str) -> bytes:
    """The picture as PNG."""
    return _render(trace, names, result, "png")


def _render(trace: Trace, names: Sequence[str], result: str, suffix: str) -> bytes:
    try:
        import matplotlib
    except ImportError as error:
        otherwise = "text, Markdown and LaTeX need nothing"
        raise MissingExtraError("a picture", "matplotlib", "plot", otherwise) from error
    if len(trace.entries) > LARGEST:
        raise RangeError(
            f"a picture of {len(trace.entries):,} nodes cannot be read (at most {LARGEST}); "
            f"explain a smaller function, or write text, Markdown or LaTeX"
        )
    stream = io.BytesIO()
    settings: Any = {"mathtext.fontset": "cm", "svg.hashsalt": "adjoint", "svg.fonttype": "path"}
    with matplotlib.rc_context(settings):
        figure = _draw(_picture(trace, names, result))
        metadata = {"Date": None} if suffix == "svg" else {"Software": None}
        figure.savefig(stream, format=suffix, dpi=200, metadata=metadata)
    return stream.getvalue()


# What is in the picture.


def _picture(trace: Trace, names: Sequence[str], result: str) -> Picture:
    label = Label(3)
    picture = Picture()
    levels = _levels(trace)
    cards: dict[Symbol, Card] = {}
    for entry in trace.entries:
        number = [i for i, node in enumerate(trace.inputs) if node is entry.node]
        formula: Term = Word(names[number[0]]) if number else entry.formula
        card = Card(2 * levels[entry.symbol], kind="forward", strong=bool(number))
        card.strong |= entry.node is trace.output
        text = label(entry.symbol)
        if label(formula) != text:
            text += f" = {label(formula)}"
        card.formula, card.value = _fitting(text, label(entry.symbol)), _value(trace, entry.node)
        if entry.node is trace.output:
            card.value = f"{result} = {card.value}"
        cards[entry.symbol] = card
        picture.forward.append(card)
        for child in dict.fromkeys(entry.node.inputs):
            if child in trace.numbering.entries:
                picture.edges.append(Edge(cards[trace.entry(child).symbol], card))
    for step in trace.sweeps[0].steps:
        if step.adjoint is not None:
            _add_adjoint(picture, trace, step, cards, levels, label)
    for node, name in zip(trace.inputs, names, strict=True):
        found = cards.get(Symbol(trace.entry(node).symbol.index, "bar"))
        if found is not None:
            found.value = f"∂{result}/∂{drawable(name)} = {found.value}"
    picture.adjoint.reverse()  # in the order of the nodes, so that each stands below its own
    _close_ranks((*picture.forward, *picture.adjoint))
    return picture


def _close_ranks(cards: Sequence[Card]) -> None:
    """Number the columns anew, without empty ones."""
    used = {column: i for i, column in enumerate(sorted({card.column for card in cards}))}
    for card in cards:
        card.column = used[card.column]


def _levels(trace: Trace) -> dict[Symbol, int]:
    levels: dict[Symbol, int] = {}
    for entry in trace.entries:
        known = [trace.numbering.entries.get(child) for child in entry.node.inputs]
        below = [levels[child.symbol] for child in known if child is not None]
        levels[entry.symbol] = 1 + max(below) if below else 0
    return levels


def _add_adjoint(
    picture: Picture,
    trace: Trace,
    step: Step,
    cards: dict[Symbol, Card],
    levels: dict[Symbol, int],
    label: Label,
) -> None:
    """A box for the adjoint of one node, and boxes for its partial adjoints if several."""
    symbol, name = step.symbol, label(step.symbol)
    column = 2 * levels[step.entry.symbol]
    several = len(step.received) > 1
    card = Card(column, kind="adjoint", value=_value(trace, step.adjoint))
    card.strong = step.entry.node in trace.inputs or not step.received
    if several:
        sums = " + ".join(label(p.symbol) for p in step.received)
        card.formula = _fitting(f"{name} = {sums}", name)
    elif step.received:
        card.formula = _fitting(f"{name} = {label(step.received[0].formula)}", name)
        _connect(picture, step.received[0], card, cards)
    else:
        card.formula = f"${name} = 1$"
        card.value = "seed"
    cards[symbol] = card
    for partial in step.received if several else ():
        own = label(partial.symbol)
        value = _value(trace, partial.node)
        part = Card(column + 1, kind="adjoint", value=value)
        part.formula = _fitting(f"{own} = {label(partial.formula)}", own)
        picture.adjoint.append(part)
        picture.edges.append(Edge(part, card))
        _connect(picture, partial, part, cards)
    picture.adjoint.append(card)


def _connect(picture: Picture, partial: Partial, card: Card, cards: dict[Symbol, Card]) -> None:
    picture.edges.append(Edge(cards[Symbol(partial.sender.index, "bar")], card))
    for symbol in symbols_of(partial.formula):
        if not symbol.mark:
            picture.uses.append((cards[symbol], card))


def _value(trace: Trace, node: Any) -> str:
    return number_text(trace.value(node), 3)


def _fitting(text: str, short: str) -> str:
    """The formula if it is not too wide, else the name alone."""
    return f"${text}$" if _measure(f"${text}$", SIZE) <= WIDEST else f"${short}$"


def _measure(text: str, size: float) -> float:
    """The width of a line in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, "$" in text)
    return float(width)


# Where it goes.


def _arrange(picture: Picture) -> tuple[float, float]:
    """Place both halves, one below the other; returns the width and height of the whole."""
    for card in (*picture.forward, *picture.adjoint):
        width = max(_measure(card.formula, SIZE), _measure(card.value, SMALL))
        card.width, card.height = width + 2 * PADDING, SIZE + SMALL + 6 + 1.4 * PADDING
    bottom = MARGIN
    bends: list[Box] = []
    for half in (picture.adjoint, picture.forward):
        inside = set(map(id, half))
        edges = [edge for edge in picture.edges if id(edge.source) in inside]
        bends += place(half, edges, GAP)
        moved: list[Box] = [*half, *(bend for edge in edges for bend in edge.bends)]
        lowest = min(box.y - box.height / 2 for box in moved)
        for box in moved:
            box.y += bottom - lowest
        bottom = max(box.y + box.height / 2 for box in moved) + BAND_GAP
    width = _columns([*picture.forward, *picture.adjoint], bends)
    return width, bottom - BAND_GAP + MARGIN


def _columns(cards: Sequence[Card], bends: Sequence[Box]) -> float:
    """Place the columns side by side; returns the width of the whole."""
    left = MARGIN
    right = MARGIN
    for column in range(max(card.column for card in cards) + 1):
        inside = [card for card in cards if card.column == column]
        width = max((card.width for card in inside), default=0.0)
        for box in (*inside, *(bend for bend in bends if bend.column == column)):
            box.x = left + width / 2
        if inside:
            right = left + width
            left = right + COLUMN_GAP
    return right + MARGIN


# How it is drawn.


def _draw(picture: Picture) -> Any:
    from matplotlib.figure import Figure

    width, height = _arrange(picture)
    legend = 30.0
    width = max(width, 470.0)
    figure = Figure(figsize=(width / 72, (height + legend) / 72), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(-legend, height)
    axes.set_axis_off()
    for user in picture.uses:
        _dashed(axes, *user)
    kinds = {id(card): card.kind for card in (*picture.forward, *picture.adjoint)}
    for edge in picture.edges:
        _line(axes, edge, EDGE[kinds[id(edge.source)]])
    for card in (*picture.forward, *picture.adjoint):
        _card(axes, card)
    _legend(axes)
    return figure


def _card(axes: Any, card: Card) -> None:
    from matplotlib.patches import FancyBboxPatch

    axes.add_patch(
        FancyBboxPatch(
            (card.x - card.width / 2, card.y - card.height / 2),
            card.width,
            card.height,
            boxstyle="round,pad=0,rounding_size=7",
            facecolor=FILL[card.kind],
            edgecolor=EDGE[card.kind],
            linewidth=2.2 if card.strong else 1.1,
            zorder=3,
        )
    )
    middle = {"ha": "center", "va": "center", "zorder": 4}
    axes.text(card.x, card.y + SMALL * 0.72, card.formula, size=SIZE, color=INK, **middle)
    axes.text(card.x, card.y - SIZE * 0.78, card.value, size=SMALL, color=MUTED, **middle)


def _line(axes: Any, edge: Edge, colour: str) -> None:
    """A curve from box to box through the bends, level where it meets them."""
    forward = 1 if edge.target.x >= edge.source.x else -1
    points = [(edge.source.x + forward * edge.source.width / 2, edge.source.y)]
    points += [(bend.x, bend.y) for bend in edge.bends]
    points.append((edge.target.x - forward * (edge.target.width / 2 + 1), edge.target.y))
    vertices, end = [points[0]], points[-1]
    for (x0, y0), (x1, y1) in pairwise(points):
        half = (x1 - x0) / 2
        vertices += [(x0 + half, y0), (x1 - half, y1), (x1, y1)]
    _curve(axes, vertices, colour, 1.3, "-")
    _arrow(axes, end, (forward, 0), colour, 6.0)


def _dashed(axes: Any, source: Card, target: Card) -> None:
    """From the side of a value, along the gap between two columns, to the side of its user."""
    end = (target.x - target.width / 2 - 1, target.y + target.height / 4)
    side = 1 if end[0] > source.x + source.width / 2 else -1
    start = (source.x + side * source.width / 2, source.y - source.height / 4)
    reach = COLUMN_GAP * 0.8
    bend = [(start[0] + side * reach, start[1]), (end[0] - reach, end[1])]
    _curve(axes, [start, *bend, end], LINE, 1.0, (0, (3, 2.5)))
    _arrow(axes, end, (1, 0), LINE, 5.0)


def _curve(
    axes: Any, vertices: list[tuple[float, float]], colour: str, width: float, style: Any
) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    codes = [Path.MOVETO, *[Path.CURVE4] * (len(vertices) - 1)]
    axes.add_patch(
        PathPatch(
            Path(vertices, codes),
            fill=False,
            edgecolor=colour,
            linewidth=width,
            linestyle=style,
            zorder=1,
        )
    )


def _arrow(
    axes: Any, tip: tuple[float, float], direction: tuple[int, int], colour: str, size: float
) -> None:
    from matplotlib.patches import Polygon

    (x, y), (dx, dy) = tip, direction
    back = (x - size * dx, y - size * dy)
    side = (0.5 * size * dy, 0.5 * size * dx)
    corners = [
        tip,
        (back[0] + side[0], back[1] + side[1]),
        (back[0] - side[0], back[1] - side[1]),
    ]
    axes.add_patch(Polygon(corners, closed=True, facecolor=colour, edgecolor="none", zorder=2))


def _legend(axes: Any) -> None:
    from matplotlib.patches import FancyBboxPatch

    entries = [
        ("forward", "forward evaluation"),
        ("adjoint", "adjoints, appended by reverse mode"),
        ("", "a value used"),
    ]
    x, y = MARGIN, -12.0
    for kind, text in entries:
        if kind:
            swatch = FancyBboxPatch(
                (x, y - 5),
                16,
                10,
                boxstyle="round,pad=0,rounding_size=3",
                facecolor=FILL[kind],
                edgecolor=EDGE[kind],
                linewidth=1.1,
            )
            axes.add_patch(swatch)
        else:
            axes.plot([x, x + 20], [y, y], color=LINE, linewidth=1.0, linestyle=(0, (3, 2.5)))
        axes.text(x + 24, y, text, size=9.5, color=MUTED, va="center")
        x += 24 + _measure(text, 9.5) + 28
