"""What the documentation names exists: files, folders, modules and what is in them."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import adjoint as ad
from adjoint.graph.node import Node, Scope
from adjoint.graph.op import Op
from tests.test_architecture import FLOORS, ROOMS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = ("", "adjoint", "docs", "docs/design")
"""Where the path of a file may begin."""

FILE = re.compile(r"(?<![\w./:-])(?:[\w.-]+/)*[\w-]+\.(?:py|md|toml)\b")
FOLDER = re.compile(
    r"(?<![\w./:-])(?:adjoint|tests|benchmarks|docs|tools)(?:/[\w-]+)+/?(?![\w./*-])"
)
DOTTED = re.compile(r"(?<![\w./-])adjoint(?:\.[a-zA-Z_]\w*)+(?!\w)")
FACADE = re.compile(r"(?<![\w./-])ad((?:\.[a-zA-Z_]\w*)+)")
ATTRIBUTE = re.compile(r"`(Node|Op|Scope|Tensor)\.(\w+)")
CLASSES = {"Node": Node, "Op": Op, "Scope": Scope, "Tensor": ad.Tensor}
IN_FILE = re.compile(r"`(\w+)`\s+in\s+`([\w/]+\.py)`")
MADE_BY_THE_READER = {"docs/_build"}
"""Paths that are not there until somebody follows the page."""


@cache
def file_names() -> frozenset[str]:
    """The names of all Python files of the project."""
    folders = ("adjoint", "tests", "benchmarks", "tools", "docs")
    return frozenset(path.name for name in folders for path in (ROOT / name).rglob("*.py"))


def paths_of(path: str, page: Path) -> list[Path]:
    """The files that `path` may mean, from one of `FOLDERS` or from the page."""
    starts = [*(ROOT / folder for folder in FOLDERS), page.parent]
    return [start / path for start in starts if (start / path).is_file()]


def is_file(path: str, page: Path) -> bool:
    """Whether `path` names a file of the project, by a path or by its name alone."""
    return bool(paths_of(path, page)) or path in file_names()


def is_in(name: str, source: Path) -> bool:
    """Whether a file defines or uses a name."""
    return re.search(rf"\b{name}\b", source.read_text(encoding="utf-8")) is not None


def is_defined(dotted: str) -> bool:
    """Whether `adjoint.a.b.c` can be imported, or looked up in what can."""
    module, _, rest = dotted.partition(".")
    found = import_module(module)
    for name in rest.split("."):
        module = f"{module}.{name}"
        try:
            found = getattr(found, name)
        except AttributeError:
            try:
                found = import_module(module)
            except ImportError:
                return False
    return True


def is_public(dotted: str) -> bool:
    """Whether `ad.a.b.c` is there for who has imported adjoint and nothing else of it."""
    first = dotted.partition(".")[0]
    return (first in ad.__all__ or first.startswith("__")) and is_defined(f"adjoint.{dotted}")


def text_of(page: Path) -> str:
    """The page without addresses on the web."""
    return re.sub(r"https?://\S+", "", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_what_a_page_names_exists(page):
    text = text_of(page)
    folders = {x.rstrip("/") for x in FOLDER.findall(text)} - MADE_BY_THE_READER
    assert not [x for x in sorted(set(FILE.findall(text))) if not is_file(x, page)]
    assert not [x for x in sorted(folders) if not ((ROOT / x).exists() or is_file(x + ".py", page))]
    assert not [x for x in sorted(set(DOTTED.findall(text))) if not is_defined(x)]
    assert not [f"ad{x}" for x in sorted(set(FACADE.findall(text))) if not is_public(x[1:])]
    assert not [f"{a}.{b}" for a, b in ATTRIBUTE.findall(text) if not hasattr(CLASSES[a], b)]
    for name, path in IN_FILE.findall(text):
        sources = [source for source in paths_of(path, page) if is_in(name, source)]
        assert sources, f"{name} is not in {path}"


def test_each_page_of_the_guide_is_in_the_contents():
    contents = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"^guide/(\S+)$", contents, re.MULTILINE)
    assert sorted(listed) == sorted(page.stem for page in (ROOT / "docs" / "guide").glob("*.md"))


def test_examples_stand_in_blocks_of_python_which_run_while_a_page_is_built():
    kinds = []
    for page in (ROOT / "docs").rglob("*.md"):
        block = None
        for line in page.read_text(encoding="utf-8").splitlines():
            fence = re.match(r"\s*(?:`{3,}|:{3,})(\S*)", line)
            if fence:
                block = fence[1] if block is None else None
            elif line.lstrip().startswith(">>> "):
                kinds.append(block)
    assert len(kinds) > 200 and set(kinds) == {"python"}


def test_the_guide_counts_functions_and_distributions_right():
    special, stats = (import_module(f"adjoint.scipy.{name}") for name in ("special", "stats"))
    of_draws = {"pdf", "logpdf", "pmf", "logpmf"}
    distributions = [x for x in stats.__all__ if of_draws & set(dir(getattr(stats, x)))]
    text = text_of(ROOT / "docs" / "guide" / "scipy.md")
    assert f"| {len(special.__all__)} functions," in text
    assert f"): {len(distributions)} distributions with" in text


def floors_told(text):
    """The names in a table of floors, with the number of the floor."""
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.MULTILINE)
    return {name: int(floor) for floor, names in rows for name in re.findall(r"`(\w+)`", names)}


def test_the_notes_tell_the_floors_and_rooms_that_are_checked():
    first, rooms = (
        (ROOT / "docs" / "design" / name).read_text(encoding="utf-8")
        for name in ("0001-derivatives-are-graph.md", "0014-rooms.md")
    )
    floors = {name: n for n, names in enumerate(FLOORS) for name in names}
    assert floors_told(first) == {name: n for name, n in floors.items() if name != "__main__"}
    for folder, plan in ROOMS.items():
        told = rooms.split(f"### `{folder.replace('.', '/')}`")[1].split("\n### ")[0]
        checked = {room: n for n, row in enumerate(plan) for one in row for room in one.split()}
        assert floors_told(told) == checked


def test_a_name_that_is_wrong_is_found():
    page = ROOT / "docs" / "index.md"
    assert FILE.findall("see `schedule/fuse.py` and docs/no.md.") == [
        "schedule/fuse.py",
        "docs/no.md",
    ]
    assert is_file("schedule/fuse.py", page)
    assert is_file("design/0001-derivatives-are-graph.md", page)
    assert not is_file("schedule/fused.py", page)
    assert is_defined("adjoint.graph.order.topological_order")
    assert not is_defined("adjoint.graph.order.topological")
    assert is_public("linalg.norm") and not is_public("scipy.stats")
