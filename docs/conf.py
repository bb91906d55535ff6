"""Sphinx builds the documentation from this file: `make docs`."""

from __future__ import annotations

import re
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


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", plain_bars)
