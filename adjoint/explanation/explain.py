"""`adjoint.explain`: a function's derivatives at a point, told as in the lecture."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable, function_name
from adjoint.api.atomic_write import atomic_write
from adjoint.api.graph_first import gradient
from adjoint.api.traced_call import TracedArgument
from adjoint.api.tree import path_text
from adjoint.errors import AdjointError, ArgumentError, NotDifferentiableError, RangeError
from adjoint.explanation import checks, drawing, sections, tables
from adjoint.explanation.document import Document, Paragraph, Section
from adjoint.explanation.homework import Verdict, check_adjoints, check_order
from adjoint.explanation.notation import number_text
from adjoint.explanation.page.explained import page_model, page_of
from adjoint.explanation.places import Places, located
from adjoint.explanation.trace import Sweep, Trace
from adjoint.graph.node import Scope
from adjoint.graph.tensor import Tensor
from adjoint.tracing.call import call

SWEEPS = 12
"""At most so many reverse traces of derivatives are shown."""

FORWARD = 6
"""At most so many forward-mode traces are shown: reverse mode is why nobody needs more."""


def explain(
    f: Callable[..., Any], *args: Any, order: int = 1, names: Sequence[str] | None = None
) -> Explanation:
    """How the derivatives of ``f(*args)`` come about, step by step.

    f: a function with a scalar result; args: its arguments, pytrees of numbers and arrays.
    order: 2 and 3 also explain the derivatives of the derivatives. names: of the arguments, or of
    all inputs in them; by default as in the signature of `f`.

    The result prints as tables: the forward evaluation trace, forward mode for each input, the
    reverse trace, reverse mode by extending the graph with the state of its dictionary, and a check
    against backprop and finite differences. In Jupyter it shows itself with a picture; `save`
    writes it. Raises `ShapeError` if the result is not a scalar, `RangeError` for another order or
    an enormous graph.

    Source: the lecture, from "computational graph" to "reverse mode AD by extending the graph".

    >>> import adjoint as ad
    >>> e = ad.explain(lambda x1, x2: ad.log(x1) + x1 * x2 - ad.sin(x2), 2.0, 5.0)
    >>> e.gradient
    (array(5.5), array(1.71633781))
    >>> print(e)
    y = f(x1, x2) at x1 = 2, x2 = 5
    <BLANKLINE>
    Forward evaluation trace
    ────────────────────────
    <BLANKLINE>
    In topological order, inputs before users: v1, v2, v3, v4, v5, v6, v7.
    <BLANKLINE>
      v1 = x1      = 2
      v2 = x2      = 5
      v3 = ln v1   = 0.693
      v4 = v1 v2   = 10
      v5 = sin v2  = -0.959
      v6 = v3 + v4 = 10.693
      v7 = v6 - v5 = 11.652
      y  = v7      = 11.652
    ...
    """
    check_callable("explain", f)
    if not isinstance(order, int) or not 1 <= order <= 3:
        raise RangeError(f"explain: order={order!r} is not possible; give 1, 2 or 3")
    return Explanation(f, args, order, names)


class Explanation:
    """What `adjoint.explain` returns: it prints, shows itself in Jupyter, and can be saved.

    `value` is the value of the function, `gradient` has an array (or a tree of arrays) for each
    argument.
    """

    def __init__(
        self, f: Callable[..., Any], args: Sequence[Any], order: int, names: Sequence[str] | None
    ) -> None:
        traced = [TracedArgument("explain", f, n, a, Scope()) for n, a in enumerate(args)]
        leaves = [leaf for o in traced for leaf in o.primals]
        if not leaves:
            raise ArgumentError(
                "explain: there is no input to differentiate with respect to; pass the arguments "
                "of the function: adjoint.explain(f, 2.0, 5.0)"
            )
        self.names = input_names(f, traced, names)
        self.result = next(n for n in ("y", "f", "out", "result") if n not in self.names)
        self.order = order
        self._call = _on_leaves(f, traced)
        variables = Trace.open(leaves, self.names)
        self.places = Places()
        with located(f, self.places) as noted:
            self.trace = Trace(noted, _arguments(traced, variables), variables)
        sweep = self.trace.reverse_trace()
        self.value = self.trace.value(self.trace.output)
        found = gradient(Tensor(self.trace.output), variables)
        self.gradient = _trees(traced, [np.asarray(g) for g in found])
        self.document = Document(_title(f, self.names, self.trace, self.result))
        self._first_order(sweep, variables)
        if order > 1:
            self._higher_orders(sweep, variables)

    def _first_order(self, sweep: Sweep, variables: list[Tensor]) -> None:
        trace, names = self.trace, self.names
        add = self.document.sections.append
        add(sections.forward_section(trace, names, self.result))
        for number, name in list(enumerate(names))[:FORWARD]:
            try:
                tangents = trace.tangent_trace(number)
            except NotDifferentiableError as error:
                add(Section(f"Forward mode: tangents for {name}", [Paragraph((str(error),))]))
                continue
            add(sections.tangent_section(trace, tangents, name, self.result, number))
        if len(names) > FORWARD:
            message = f"… and {len(names) - FORWARD} more forward passes, one for each input …"
            add(Section("Forward mode: the other inputs", [Paragraph((message,))]))
        lead = (
            "One pass from the output to the inputs. A node's adjoint is the sum of the partial "
            "adjoints from the nodes that use it.",
        )
        add(sections.reverse_section(trace, sweep, "Reverse mode: adjoints", lead))
        add(sections.extending_section(trace, sweep))
        labels = [sections.derivative_name(self.result, names, (i,)) for i in range(len(names))]
        output = Tensor(trace.output)
        found = trace.gradient(sweep)
        compared = checks.first_order(self._call, output, variables, found, labels)
        add(sections.check_section(compared, "The gradient, and a check"))

    def _higher_orders(self, first: Sweep, variables: list[Tensor]) -> None:
        add = self.document.sections.append
        add(sections.appended_section(self.trace, first, 2))
        generation = [first]
        for order in range(2, self.order + 1):
            generation, left_out = self._next_generation(generation)
            for sweep in generation:
                add(sections.again_section(self.trace, sweep, self.names, self.result))
            compared = [c for sweep in generation for c in self._compare(sweep, variables)]
            title = {2: "The second derivatives", 3: "The third derivatives"}[order]
            section = sections.check_section(compared, f"{title}, and a check")
            if not compared:
                section.blocks = [Paragraph(("They are all zero.",))]
            if left_out:
                message = f"… {left_out} more reverse traces are left out …"
                section.blocks.append(Paragraph((message,)))
            add(section)

    def _next_generation(self, sweeps: list[Sweep]) -> tuple[list[Sweep], int]:
        """A reverse trace for each derivative that `sweeps` found; ∂x∂y once, not as ∂y∂x too."""
        wanted = [
            (sweep, number)
            for sweep in sweeps
            for number in range(len(self.names))
            if not sweep.path or number >= sweep.path[-1]
        ]
        found = [self.trace.differentiate_again(*each) for each in wanted[:SWEEPS]]
        return [sweep for sweep in found if sweep is not None], max(0, len(wanted) - SWEEPS)

    def _compare(self, sweep: Sweep, variables: list[Tensor]) -> list[checks.Comparison]:
        paths = [(*sweep.path, i) for i in range(len(self.names))]
        labels = [sections.derivative_name(self.result, self.names, path) for path in paths]
        found = self.trace.gradient(sweep)
        return checks.higher_order(self._call, variables, sweep.path, found, labels)

    def check(self, answer: Any, tolerance: float = 1e-3) -> Verdict:
        """Whether a student's derivatives are right; if not, where they first go wrong, and why.

        answer: the gradient, one array for each input; or a dictionary of adjoints by node, whose
        keys are numbers (``5``), names of nodes (``"v5"``) or of inputs (``"x1"``). tolerance: how
        much may be lost to rounding, relative to the largest element (1 if that is less).

        Nodes are compared in the order in which reverse mode visits them. For the first that
        differs the verdict has its right partial adjoints, and the slip that gives just this answer
        if it is a usual one: a forgotten path, the sign, a missing factor, a transposed product.
        Raises `ArgumentError` for a node that is not there or another number of derivatives.

        >>> import adjoint as ad
        >>> e = ad.explain(lambda x1, x2: ad.log(x1) + x1 * x2 - ad.sin(x2), 2.0, 5.0)
        >>> bool(e.check([5.5, 1.716]))
        True
        >>> e.check({"v5": -1, "x2": 2.0})
        v̄2 = ∂y/∂x2 is 1.7163, not 2
          v̄2→5 = v̄5 cos v2 = -0.2837
          v̄2→4 = v̄4 v1 = 2
        A path is forgotten: v̄2→5 must be added.
        """
        labels = [
            sections.derivative_name(self.result, self.names, (i,)) for i in range(len(self.names))
        ]
        return check_adjoints(self.trace, self.names, answer, labels, tolerance)

    def check_order(self, order: Sequence[Any]) -> Verdict:
        """Whether a student's order of the nodes is topological; any such order is right.

        order: all nodes of the function, by number (``3``), name (``"v3"``) or name of an input.
        The verdict names the first node in the wrong place and the edge that points backwards.
        Raises `ArgumentError` for a node that is not there.

        >>> import adjoint as ad
        >>> e = ad.explain(lambda x1, x2: ad.log(x1) + x1 * x2, 2.0, 5.0)
        >>> e.check_order([2, 1, 4, 3, 5])
        right: every node stands after those it is computed from
        >>> e.check_order([1, 3, 5, 2, 4])
        v5 stands before v4, which it is computed from: the edge from v4 to v5 points backwards
        """
        return check_order(self.trace, self.names, order)

    def __str__(self) -> str:
        return self.text().rstrip("\n")

    def __repr__(self) -> str:
        return f"<explanation of {self.document.title}; print it, or save it>"

    def text(self, width: int = 100, precision: int = 3) -> str:
        """The explanation as plain text, at most `width` columns wide."""
        return tables.text(self.document, width, precision)

    def markdown(self, precision: int = 3) -> str:
        """The explanation in Markdown."""
        return tables.markdown(self.document, precision)

    def latex(self, precision: int = 3, whole: bool = True) -> str:
        """The explanation in LaTeX: a file to compile, or with ``whole=False`` a piece of one."""
        return tables.latex(self.document, precision, whole)

    def page(self, *, served: bool = False) -> str:
        """The explanation as an interactive page: one file of HTML that needs no network.

        Every walk can be stepped through; the inputs of a formula can be moved and the formula
        changed; there are exercises. With scripts switched off it shows the tables. A `served` page
        asks the server that it came from for the explanation of another formula.
        """
        return page_of(self.document, self.model(), served)

    def model(self) -> dict[str, Any]:
        """What the page shows, as data."""
        return page_model(
            self.document, self.trace, self.names, self.result, self.places, self._call
        )

    def html(self, precision: int = 3) -> str:
        """The tables as a piece of HTML, with the picture if matplotlib is installed."""
        picture = self._repr_svg_() or ""
        picture = picture[max(0, picture.find("<svg")) :]  # without the head of an XML file
        return tables.html_text(self.document, precision, picture)

    def svg(self, path: str | os.PathLike[str] | None = None) -> str:
        """A picture of the graph, adjoint nodes in a second colour; written to `path` if given."""
        picture = drawing.svg(self.trace, self.names, self.result)
        if path is not None:
            atomic_write(path, picture)
        return picture

    def png(self, path: str | os.PathLike[str] | None = None) -> bytes:
        """The picture as a bitmap; written to `path` if given."""
        picture = drawing.png(self.trace, self.names, self.result)
        if path is not None:
            atomic_write(path, picture)
        return picture

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the explanation in the format its suffix tells: .txt .md .tex .html .svg .png.

        .html is the interactive page (see `page`). All of the file is written or nothing. Raises
        `ArgumentError` for another suffix, `SaveError` if the file cannot be written.
        """
        formats: dict[str, Callable[[], str | bytes]] = {
            ".txt": self.text,
            ".md": self.markdown,
            ".tex": self.latex,
            ".html": self.page,
            ".svg": self.svg,
            ".png": self.png,
        }
        suffix = Path(path).suffix.lower()
        if suffix not in formats:
            raise ArgumentError(
                f"save: {os.fspath(path)!r} ends in {suffix or 'no suffix'!r}; expected one of "
                f"{', '.join(formats)}"
            )
        return atomic_write(path, formats[suffix]())

    def _repr_html_(self) -> str:
        """The page in a frame, which shares nothing with the notebook, and the tables below it for
        where frames or scripts are switched off."""
        title = html.escape(self.document.title)
        return (
            f'<iframe title="{title}" srcdoc="{html.escape(self.page())}" sandbox="allow-scripts" '
            f'style="width: 100%; height: 46em; border: 0"></iframe>'
            f"<details><summary>Tables and picture</summary>{self.html()}</details>"
        )

    def _repr_svg_(self) -> str | None:
        """The picture, or none where there cannot be one (no matplotlib, a huge graph)."""
        try:
            return self.svg()
        except AdjointError:
            return None


def input_names(f: Any, traced: Sequence[TracedArgument], names: Sequence[str] | None) -> list[str]:
    """A name for each input: those given, or the parameters' of `f` with the paths into them."""
    paths = [o.structure.paths() for o in traced]
    count = sum(map(len, paths))
    if names is not None:
        names = [names] if isinstance(names, str) else list(names)
        if not all(isinstance(name, str) and name for name in names):
            raise ArgumentError(f"explain: names must be strings that are not empty, got {names!r}")
        if len(set(names)) != len(names):
            raise ArgumentError(f"explain: names must differ from each other, got {names!r}")
        if len(names) == count:
            return names
        if len(names) != len(traced):
            raise ArgumentError(
                f"explain: {len(names)} names were given for {len(traced)} arguments with {count} "
                f"inputs in them; give one for each argument or one for each input"
            )
    else:
        names = _parameters(f, len(traced))
    return [
        name + path_text(path) for name, some in zip(names, paths, strict=True) for path in some
    ]


def _parameters(f: Any, count: int) -> list[str]:
    code = getattr(f, "__code__", None)
    known = list(code.co_varnames[: code.co_argcount]) if code is not None else []
    known = known[1:] if hasattr(f, "__self__") else known
    return [known[i] if i < len(known) else f"x{i + 1}" for i in range(count)]


def _title(f: Any, names: Sequence[str], trace: Trace, result: str) -> str:
    source = getattr(f, "source", None)
    if not isinstance(source, str):
        name = function_name(f)
        shown = [*names[:6], *(["…"] if len(names) > 6 else [])]
        name = name if name.isidentifier() else "f" if result != "f" else "g"
        source = f"{name}({', '.join(shown)})"
    pairs = zip(names, trace.inputs, strict=True)
    values = [f"{name} = {number_text(trace.value(node), 6)}" for name, node in pairs]
    extra = [f"and {len(values) - 8} more"] if len(values) > 8 else []
    return f"{result} = {source} at {', '.join([*values[:8], *extra])}"


def _arguments(traced: Sequence[TracedArgument], leaves: Sequence[Any]) -> list[Any]:
    """The leaves as the arguments they came from."""
    rest = iter(leaves)
    return [o.unflatten([next(rest) for _ in o.primals]) for o in traced]


def _on_leaves(f: Callable[..., Any], traced: Sequence[TracedArgument]) -> Callable[..., Any]:
    """`f` as a function of the leaves of its arguments."""

    def on_leaves(*leaves: Any) -> Any:
        return call(f, _arguments(traced, leaves), {}, None)

    return on_leaves


def _trees(
    traced: Sequence[TracedArgument], leaves: Sequence[np.ndarray[Any, Any]]
) -> tuple[Any, ...]:
    return tuple(_arguments(traced, leaves))
