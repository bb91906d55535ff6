"""Sphinx builds the documentation from this file: `make docs`."""

from __future__ import annotations

import re
import runpy
import sys
import tomllib
from pathlib import Path
from typing import Any

SETTINGS = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))

project = SETTINGS["project"]["name"]
author = SETTINGS["project"]["authors"][0]["name"]
copyright = f"2026 {author}"
release = version = SETTINGS["project"]["version"]

sys.path.insert(0, str(Path(__file__).parent / "extensions"))
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "executed_examples",
    "reference",
    "runnable",
]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["static"]
html_css_files = ["pages.css"]

# $x$ and $$x$$ are mathematics, ::: opens a directive, and each heading can be linked to.
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# A single backtick in a docstring means code.
default_role = "literal"
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"


def plain_bars(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Let |x| in a docstring be an absolute value; in reStructuredText it is a substitution."""
    example = False
    for number, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if not example:
            parts = re.split(r"(`[^`]*`)", line)
            parts[::2] = [re.sub(r"(?<!\\)\|", r"\\|", part) for part in parts[::2]]
            lines[number] = "".join(parts)


def write_gallery(app: Any, failure: Exception | None) -> None:
    """Write the interactive pages beside the page that lists them."""
    if failure is None and app.builder.format == "html":
        pages = runpy.run_path(str(Path(__file__).parent / "gallery" / "pages.py"))
        pages["write"](Path(app.outdir) / "gallery")


def setup(app: Any) -> None:
    app.connect("build-finished", write_gallery)
    app.connect("autodoc-process-docstring", plain_bars)
