"""Examples that can be edited and run on the page, by Pyodide, from the site's own files.

    sphinx-build -D pyodide=FOLDER …

FOLDER holds a distribution of Pyodide, with the wheels of NumPy, and of SciPy and matplotlib if
their examples are to run. It is copied into the site with the sources of adjoint, and each example
gets a button. Nothing is fetched from elsewhere. Without the setting nothing is copied or shown.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ConfigError

STATIC = Path(__file__).parent / "static"
ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("numpy", "scipy", "matplotlib")
NEEDED = ("pyodide.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")


def packages_in(folder: Path) -> list[str]:
    """Which packages a folder of Pyodide has wheels of, with all that they need."""
    known = json.loads((folder / "pyodide-lock.json").read_text("utf-8"))["packages"]

    def is_there(name: str) -> bool:
        package = known.get(name)
        return (
            package is not None
            and (folder / package["file_name"]).is_file()
            and all(map(is_there, package["depends"]))
        )

    return [name for name in PACKAGES if is_there(name)]


def check(app: Sphinx) -> None:
    """Raise `ConfigError` for a folder that examples cannot be run with."""
    if not app.config.pyodide or app.builder.format != "html":
        return
    folder = Path(app.config.pyodide)
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if missing:
        raise ConfigError(f"pyodide={folder} is no folder of Pyodide: it has no {missing[0]}")
    if "numpy" not in packages_in(folder):
        raise ConfigError(f"pyodide={folder} has no wheel of NumPy, as pyodide-lock.json names it")
    app.add_css_file("runnable.css")
    app.config.html_static_path.append(str(STATIC))


def add_script(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Let pages with examples load the script, told where things are."""
    if app.config.pyodide and doctree is not None and "example" in _classes(doctree):
        root = context["pathto"]("_static", resource=True)
        packages = packages_in(Path(app.config.pyodide))
        settings = {"root": root, "packages": packages}
        app.add_js_file(None, body=f"const adjointExamples = {json.dumps(settings)};")
        app.add_js_file("runnable.js", loading_method="defer")


def _classes(doctree: Any) -> set[str]:
    return {name for node in doctree.findall(nodes.literal_block) for name in node["classes"]}


def copy_files(app: Sphinx, error: Exception | None) -> None:
    """Put Pyodide and the sources of adjoint beside the pages."""
    if error is not None or not app.config.pyodide or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    shutil.copytree(Path(app.config.pyodide), static / "pyodide", dirs_exist_ok=True)
    with zipfile.ZipFile(static / "library.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((ROOT / "adjoint").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(ROOT))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("pyodide", "", "html", [str])
    app.connect("builder-inited", check)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", copy_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
