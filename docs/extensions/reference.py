"""The API reference, written from the package when its pages are read.

In a page, a block

    ```{api} adjoint.linalg
    ```

stands for all public names of a namespace, and

    ```{api} adjoint
    adjoint.ops.elementwise.power
    ```

for those that the named modules define; a line ``without adjoint.special`` leaves out what is of
that namespace, too. Under each function stand its derivative, read off the
registry, and what it can do, from docs/functions.md. `{derivative-table}` stands for a table of all
derivatives. `tests/test_api_pages.py` checks that no public name is missing.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from derivative_formulas import ARGUMENTS, IN_PIECES, UNKNOWN, Row, adjoint_rows, elementwise_rows
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```\{api\} (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLE = re.compile(r"^```\{derivative-table\} (\w+)\n```$", re.MULTILINE)


def blocks_of(page: str) -> list[tuple[str, list[str]]]:
    """The namespaces that a page documents, with the modules it names."""
    return [(namespace, lines.splitlines()) for namespace, lines in BLOCK.findall(page)]


def names_of(namespace: str, lines: list[str]) -> list[str]:
    """The public names that a block with these lines documents, in order.

    Constants and dtypes, which have no module, are left to the page.
    """
    module = thing_named(namespace)
    without = [line.removeprefix("without ") for line in lines if line.startswith("without ")]
    homes = [line for line in lines if not line.startswith("without ")]
    elsewhere = {id(x) for space in without for x in vars(thing_named(space)).values()}
    listed = getattr(module, "__all__", None)
    if listed is None:
        listed = [n for n, x in vars(module).items() if _is_own(module, n, x)]
    documented = [n for n in listed if _has_entry(getattr(module, n))]
    documented = [n for n in documented if id(getattr(module, n)) not in elsewhere]
    return sorted(n for n in documented if not homes or _is_in(getattr(module, n), homes))


def thing_named(path: str) -> Any:
    """What a dotted name stands for."""
    known, *names = path.split(".")
    found: Any = import_module(known)
    for name in names:
        known = f"{known}.{name}"
        found = getattr(found, name, None) or import_module(known)
    return found


def _is_own(module: ModuleType, name: str, thing: Any) -> bool:
    home = str(getattr(thing, "__module__", ""))
    return name[0] != "_" and home.startswith(module.__name__)


def _has_entry(thing: Any) -> bool:
    return inspect.isroutine(thing) or isinstance(thing, type)


def _is_in(thing: Any, homes: list[str]) -> bool:
    module = str(getattr(thing, "__module__", ""))
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def entries(namespace: str, lines: list[str]) -> Iterator[str]:
    """The lines of reStructuredText that document the names; aliases only say so."""
    module = thing_named(namespace)
    canonical: dict[int, str] = {}
    names = names_of(namespace, lines)
    for name in sorted(names, key=lambda n: getattr(module, n).__name__ != n):
        canonical.setdefault(id(getattr(module, name)), name)
    for name in names:
        thing = getattr(module, name)
        first = canonical[id(thing)]
        if first != name and not isinstance(thing, type):
            yield f".. py:function:: {namespace}.{name}{_arguments(thing)}"
            yield ""
            yield f"   Another name of :func:`~{namespace}.{first}`."
        elif isinstance(thing, type):
            options = ["members:", "show-inheritance:"]
            yield f".. autoclass:: {namespace}.{name}"
            yield from (f"   :{option}" for option in options)
        else:
            yield f".. autofunction:: {namespace}.{name}"
        yield ""


def _arguments(function: Any) -> str:
    """The arguments of a function, without their types."""
    signature = inspect.signature(function)
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(inspect.Signature(plain))


def expand(app: Sphinx, docname: str, content: list[str]) -> None:
    """Put entries and tables into the source of a page."""

    def api(match: re.Match[str]) -> str:
        lines = entries(match[1], match[2].splitlines())
        return "\n".join(["```{eval-rst}", *lines, "```"])

    content[0] = BLOCK.sub(api, content[0])
    content[0] = TABLE.sub(lambda match: derivative_table(match[1]), content[0])


# Derivatives and abilities of one function.


def describe(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Add to the docstring of a function its derivatives, and what it can do."""
    if what != "function":
        return
    fields = []
    row = elementwise_rows().get(_key(name))
    if row is not None and set(row.partials) != {"0"}:
        fields.append(f":Derivative: {'; '.join(_partials(row))}")
    abilities = ability_rows().get(_key(name))
    if abilities is not None:
        fields.append(f":Modes: {_ability_text(abilities)}")
    if fields:
        lines += ["", *fields, ""]


def _key(name: str) -> str:
    """The name of a function as the tables write it: without `adjoint`."""
    return name.partition(".")[2]


def _partials(row: Row) -> Iterator[str]:
    single = len(row.partials) == 1
    for argument, partial in zip(ARGUMENTS, row.partials, strict=False):
        yield f"``{partial}``" if single else f"by {argument} ``{partial}``"


@cache
def ability_rows() -> dict[str, dict[str, str]]:
    """What docs/functions.md says of each function, by column."""
    found: dict[str, dict[str, str]] = {}
    space, columns = "", []
    for line in (ROOT / "docs" / "functions.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("## ") and not line.startswith("## adjoint"):
            break
        if line.startswith("## "):
            space = line.removeprefix("## adjoint").lstrip(".")
        elif line.startswith("| function"):
            columns = cells[1:]
        elif line.startswith("| `"):
            name = cells[0].strip("`")
            found[f"{space}.{name}" if space else name] = dict(zip(columns, cells[1:], strict=True))
    return found


def _ability_text(row: dict[str, str]) -> str:
    orders = ("forward", "reverse", "second order")
    if all(row[order] == "–" for order in orders):
        parts = ["no derivative"]
    else:
        parts = [f"{o}{'' if row[o] == '✓' else f' ({row[o]})'}" for o in orders if row[o] != "no"]
    parts.append("vmap" if row["vmap"] == "✓" else f"vmap ({row['vmap']})")
    parts.append("native" if row["native"] == "✓" else f"native ({row['native']})")
    return ", ".join(parts)


# The tables of all derivatives.


def derivative_table(kind: str) -> str:
    """A table in Markdown: of the `elementwise` functions, or of the `others`."""
    rows = elementwise_rows() if kind == "elementwise" else adjoint_rows()
    named = "derivative" if kind == "elementwise" else "adjoint"
    lines = [f"| function | {named} by x | by y | by z, … |", "| --- | --- | --- | --- |"]
    for row in sorted(rows.values(), key=lambda row: row.name):
        if set(row.partials) != {"0"}:
            first, second, *others = [*map(_cell, row.partials), ""]
            kink = " (kink)" if row.kink else ""
            lines.append(
                f"| `{row.name}`{kink} | {first} | {second} | {', '.join(filter(None, others))} |"
            )
    return "\n".join(lines)


def _cell(formula: str) -> str:
    escaped = formula.replace("|", r"\|")
    return formula if formula in (IN_PIECES, UNKNOWN) else f"`{escaped}`"


def setup(app: Sphinx) -> dict[str, bool]:
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    app.connect("source-read", expand)
    app.connect("autodoc-process-docstring", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
