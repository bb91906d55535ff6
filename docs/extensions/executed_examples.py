"""Runs the examples of every page while it is read, and shows the pictures they draw.

The blocks of a page that begin with ``>>>`` are one session, as doctest has it. An example that
does not give what the page shows is a warning, and so fails the build. Figures of matplotlib that a
block leaves open stand below it; the title of their first axes is their alternative text.

The pages stay doctests, which pytest runs as well, and no kernel is started for them: notebooks
would show whatever comes out, also when it is wrong.
"""

from __future__ import annotations

import doctest
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS  # as pyproject.toml has them
STYLE = {
    "figure.figsize": (6.4, 3.4),
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "adjoint",
    "savefig.transparent": True,
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), "#808080"
    ),
    "legend.frameon": False,
}
"""Of a gray that can be read on a white page and on a black one."""


class ExecutedExamples(SphinxTransform):
    """Runs what a page shows."""

    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        blocks = list(self._blocks())
        if not blocks:
            return
        session = Session(self.env.docname)
        folder = Path(self.env.doctreedir) / "figures"
        with usual_settings():
            results = [(session.run(x.astext()), session.take_figures(folder)) for x in blocks]
        for block, ((shown, faults), figures) in zip(blocks, results, strict=True):
            block["classes"].append("example")
            block.rawsource = shown
            block.children = [nodes.Text(shown)]
            for fault in faults:
                logger.warning("%s", fault, location=block)
            place = block.parent.index(block) + 1
            block.parent.children[place:place] = [self._picture(*figure) for figure in figures]

    def _blocks(self) -> Iterator[nodes.literal_block]:
        for block in self.document.findall(nodes.literal_block):
            is_python = block.get("language") in ("python", "pycon")
            if is_python and re.match(r"\s*>>> ", block.astext()):
                yield block

    def _picture(self, path: Path, title: str) -> nodes.Node:
        folder = Path(self.env.doc2path(self.env.docname)).parent
        uri = Path(os.path.relpath(path, folder)).as_posix()
        picture = nodes.image(uri=uri, alt=title, classes=["figure"])
        picture.parent = self.document
        return picture


class Runner(doctest.DocTestRunner):
    """Remembers what each example printed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.printed: dict[doctest.Example, str] = {}

    def report_success(self, out: Any, test: Any, example: doctest.Example, got: str) -> None:
        self.printed[example] = got


def with_output(text: str, examples: list[doctest.Example], printed: dict[Any, str]) -> str:
    """A block with what was printed in the place of an ellipsis that leaves out parts of lines."""
    lines = text.split("\n")
    for example in reversed(examples):
        start = example.lineno + example.source.count("\n")
        wanted = example.want.count("\n")
        got = printed.get(example, "").rstrip("\n").split("\n")
        if wanted == len(got) and example.exc_msg is None:
            lines[start : start + wanted] = got
    return "\n".join(lines).rstrip()


class Session:
    """The examples of one page, in one namespace."""

    def __init__(self, page: str) -> None:
        self.page = page
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.runner = Runner(optionflags=FLAGS)
        self.count = 0

    def run(self, text: str) -> tuple[str, list[str]]:
        """Run one block; returns it with what was printed, and what went wrong."""
        test = doctest.DocTestParser().get_doctest(text + "\n", self.names, self.page, None, 0)
        test.globs = self.names  # get_doctest copies them
        faults: list[str] = []
        self.runner.run(test, out=faults.append, clear_globs=False)
        wrong = ["\n" + fault for fault in faults if "Failed example" in fault]
        return with_output(text, test.examples, self.runner.printed), wrong

    def take_figures(self, folder: Path) -> list[tuple[Path, str]]:
        """Save and close the figures that are open; returns their files and titles."""
        if "matplotlib.pyplot" not in sys.modules:
            return []
        from matplotlib import pyplot

        figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
        pyplot.close("all")
        found = []
        for figure in figures:
            titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
            if not titles:
                raise ValueError(f"{self.page}: a figure has no title, which is its alternative")
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{self.page.replace('/', '-')}-{self.count}.svg"
            figure.savefig(path, metadata={"Date": None})
            self.count += 1
            found.append((path, titles[0]))
        return found


@contextmanager
def usual_settings() -> Iterator[None]:
    """Warnings are errors, settings are put back, and files go to a folder of their own."""
    import adjoint as ad

    settings, folder = ad.get_options(), Path.cwd()
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as temporary:
        warnings.simplefilter("error")
        os.chdir(temporary)
        try:
            yield
        finally:
            os.chdir(folder)
            ad.set_options(**settings)


def style_figures(app: Sphinx) -> None:
    """Draw without a window, in colours for light pages and dark ones."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update(STYLE)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", style_figures)
    app.add_transform(ExecutedExamples)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
