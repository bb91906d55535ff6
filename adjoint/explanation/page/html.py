"""The page as one file: data, style and script in it, and nothing fetched from anywhere.

Whatever a user gave a name or a value travels as data, in which no character can end the element
that holds it; the script puts text into the page as text, never as HTML.
"""

from __future__ import annotations

import html
import json
from importlib.resources import files
from typing import Any

SCRIPTS = (
    "values.js",
    "terms.js",
    "engine.js",
    "layout.js",
    "phases.js",
    "stage.js",
    "view.js",
    "play.js",
)
STYLE = "page.css"
CONTROLS = "page.html"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
SERVED_POLICY = f"{POLICY}; connect-src 'self'"
"""The page that a server on this machine shows may ask that server."""


def asset(name: str) -> str:
    """A file of the package's `assets`."""
    return (files("adjoint.explanation.page") / "assets" / name).read_text("utf-8")


def data_text(data: Any) -> str:
    """`data` as JSON that can stand in any element of HTML, such as a script."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def script_of(names: tuple[str, ...]) -> str:
    """The scripts as one, whose names nobody else sees."""
    lines = [line.strip() for name in names for line in asset(name).splitlines()]
    code = "\n".join(line for line in lines if line and not line.startswith("//"))
    return f'(() => {{\n"use strict";\n{code}\n}})();'


def page(
    title: str,
    model: dict[str, Any],
    written: str,
    scripts: tuple[str, ...] = SCRIPTS,
    policy: str = POLICY,
    controls: str = "",
) -> str:
    """The whole file. `written` is the explanation as HTML, for those who print or have no script;
    `model` is the data that the scripts find in the page, `controls` the HTML that they fill."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{html.escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{asset(STYLE)}
</style>
</head>
<body>
<main id="page" hidden>
{controls}</main>
<div id="written">
{written}
</div>
<script type="application/json" id="model">{data_text(model)}</script>
<script>
{script_of(scripts)}
</script>
</body>
</html>
"""
