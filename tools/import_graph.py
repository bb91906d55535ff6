"""Figures of the import graph: files, lines, imports, and arrows between rooms.

    python tools/import_graph.py [REVISION ...]

Run it from the root of the repository. Without a revision it reads the files as they are. An
*import* is a pair of modules, one of which imports the other; an *arrow* a pair of rooms (folders
inside a folder) with at least one import between them. Imports for the type checker alone do not
count. The rules that these figures follow from are in tests/test_architecture.py.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.test_architecture import (  # noqa: E402  the root must be on the path first
    Module,
    circles,
    imports_of,
    is_within,
    local_imports,
    look_up_faults,
    read_package,
    room_of,
)

FOLDERS = ("adjoint", "adjoint.backends.llvm", "adjoint.ops", "adjoint.array")

Graph = set[tuple[str, str]]


def imports(modules: dict[str, Module]) -> Graph:
    """The pairs of modules of which the first imports the second."""
    found = [x for module in modules.values() for x in imports_of(module, modules)]
    return {(x.importer, x.imported) for x in found if not x.type_only}


def arrows(graph: Graph, folder: str) -> Graph:
    """The pairs of rooms of a folder of which the first imports from the second."""
    pairs = {(room_of(a, folder), room_of(b, folder)) for a, b in graph}
    return {(a, b) for a, b in pairs if a is not None and b is not None and a != b}


def is_folder(modules: dict[str, Module], folder: str, room: str) -> bool:
    """Whether a room is a folder of its own, not a single file."""
    return any(name.startswith(f"{folder}.{room}.") for name in modules)


def row(modules: dict[str, Module], graph: Graph, folder: str) -> str:
    """The figures of one folder as a line of a table."""
    own = {name: module for name, module in modules.items() if is_within(name, folder)}
    lines = sum(len(module.source.splitlines()) for module in own.values())
    within = [(a, b) for a, b in graph if a in own and b in own]
    names = {room_of(name, folder) for name in own} - {None}
    rooms = sorted(str(name) for name in names if is_folder(own, folder, str(name)))
    between = {(a, b) for a, b in arrows(graph, folder) if a in rooms and b in rooms}
    numbers = (len(own), lines, len(within), len(rooms), len(between))
    return f"| `{folder}` | " + " | ".join(f"{n:,}" for n in numbers) + " |"


def report(root: Path) -> str:
    """The table of a tree, and what holds for all of it."""
    modules = read_package(root)
    graph = imports(modules)
    inside = sum(len(list(local_imports(m.tree, m))) for m in modules.values())
    present = [folder for folder in FOLDERS if folder in modules]
    return "\n".join(
        [
            "| folder | files | lines | imports | rooms | arrows |",
            "|---|---:|---:|---:|---:|---:|",
            *[row(modules, graph, folder) for folder in present],
            "",
            f"circles of modules: {len(circles(modules))}",
            f"imports inside functions: {inside}",
            f"functions looked up by a known name: {len(look_up_faults(modules))}",
        ]
    )


def tree_of(revision: str, folder: str) -> Path:
    """The package at a revision, unpacked into `folder`."""
    command = ["git", "-C", str(ROOT), "archive", revision, "adjoint"]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return Path(folder) / "adjoint"


def main(revisions: list[str]) -> None:
    if not revisions:
        print(report(ROOT / "adjoint"))
    for revision in revisions:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{revision}\n\n{report(tree_of(revision, folder))}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
