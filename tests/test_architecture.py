"""The house rules, read off the syntax trees of the package, which is never imported here.

A module imports only from lower floors, or inside its own floor without a circle; nobody imports
the facade; files and functions stay short enough to hold in mind. Imports inside functions count
like any other, and there are none but those listed in `LAZY`. Imports under `if TYPE_CHECKING`
never run, so they may close a circle, but they may not import from above either. Folders of many
files are divided into rooms, which have floors of their own.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.unit

PACKAGE = "adjoint"
ROOT = Path(__file__).resolve().parent.parent / PACKAGE

FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("graph",),
    ("transforms",),
    ("ops",),
    ("passes",),
    ("schedule",),
    ("backends",),
    ("tracing",),
    ("array", "api"),
    ("random", "scipy"),
    ("nn", "optim", "data", "stats", "optimize"),
    ("cli", "explanation"),
    ("__main__",),
)
"""The floors from the ground up; pyproject.toml tells them to import-linter, from the roof down."""

ROOMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "adjoint.backends.llvm": (
        ("compile",),
        ("codegen", "system"),
        ("calls", "entry"),
        ("program",),
    ),
    "adjoint.ops": (
        ("family", "scalar", "stability"),
        ("elementwise indexing kinks reductions shape",),
        ("linalg", "signal", "special"),
        ("control", "random"),
        ("records",),
    ),
    "adjoint.array": (
        ("values",),
        (
            *("dtypes", "elementwise", "fft", "functional", "inspection", "iteration"),
            *("partitioning", "special"),
        ),
        ("creation linalg manipulation statistics",),
        ("calculus", "methods", "polynomials", "trigonometric_transforms"),
    ),
}
"""The rooms of folders that have many files (a room may be one file), by floors from the ground up.
Rooms of one floor do not know each other, but for those that stand in one string."""

DOORS = {"adjoint.backends.llvm": ("program", "system")}
"""The rooms that may be entered from outside their folder."""

WHEN_COMPILING = "llvmlite and the compiler are loaded when something is compiled"
WHEN_ASKED = "the package is optional: an extra installs it, and an error names the extra"
FOR_ANOTHER_BLAS = "it imports 30 modules, and is needed where another BLAS was chosen"
LAZY: dict[tuple[str, str], str] = {
    ("adjoint", "scipy"): "SciPy takes longer to import than adjoint, which needs parts of it",
    ("adjoint", "optree"): "only nested arguments need it",
    ("adjoint", "numpy.polynomial"): "only a removable singularity needs it",
    ("adjoint.array", "opt_einsum"): WHEN_ASKED,
    ("adjoint.cli", "rich"): WHEN_ASKED,
    ("adjoint.scipy.optimize", "rich"): WHEN_ASKED,
    ("adjoint.cli", "safetensors"): WHEN_ASKED,
    ("adjoint.cli", "threadpoolctl"): WHEN_ASKED,
    ("adjoint.data", "sklearn"): WHEN_ASKED,
    ("adjoint", "matplotlib"): WHEN_ASKED,
    ("adjoint.api", "adjoint.api.python_tree"): "only where optree is not installed",
    ("adjoint.api", "adjoint.api.jacobian_blocks"): "it takes loops, which few who import need",
    ("adjoint.api", "adjoint.api.replay_proof"): WHEN_COMPILING,
    ("adjoint.api", "adjoint.api.sparse_derivatives"): WHEN_COMPILING,
    ("adjoint.api", "adjoint.backends.llvm.program"): WHEN_COMPILING,
    ("adjoint.api", "adjoint.backends.llvm.system.coloring"): WHEN_COMPILING,
    ("adjoint.api", "adjoint.passes.rolling"): "loops are looked for when something is compiled",
    ("adjoint.backends", "adjoint.backends"): WHEN_COMPILING,
    ("adjoint.backends", "adjoint.passes"): WHEN_COMPILING,
    ("adjoint.backends", "adjoint.schedule"): WHEN_COMPILING,
    ("adjoint.backends", "ctypes.util"): FOR_ANOTHER_BLAS,
    ("adjoint.backends", "importlib.metadata"): FOR_ANOTHER_BLAS,
    ("adjoint.ops", "adjoint.ops.scalar"): "native rules are loaded when something is compiled",
}
"""What may be imported inside a function, by whom, and why it is not at the head of the file."""

COMPUTED: dict[str, str] = {
    "adjoint": "the facade imports nn, optim, compile … when they are first asked for",
    "adjoint.backends.llvm.calls.cython_api": "one extension module of SciPy's, by its name",
    "adjoint.cli": "the subcommand that was asked for",
    "adjoint.graph.forking": "the function that makes late imports safe where threads fork",
    "adjoint.ops.family.scalar_rules": "native rules have the names of their operations",
    "adjoint.scipy.common": "the function of SciPy's that has the name of ours",
    "adjoint.tracing.namespaces": "the module of adjoint.scipy that has the name of SciPy's",
}
"""Who may import a module whose name is computed, and why."""

LONGEST_FILE = 450
LONGEST_FUNCTION = 60  # from `def` to the last line, its docstring not counted


@dataclass(frozen=True)
class Import:
    """One module of the package named by an import statement of another."""

    importer: str
    imported: str
    line: int
    type_only: bool


@dataclass(frozen=True)
class Module:
    """A source file: its dotted name, its path and its syntax tree."""

    name: str
    path: Path
    source: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package that a single leading dot means here."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @cached_property
    def imports(self) -> list[tuple[ast.AST, bool]]:
        """Each import in it, with whether it is for the type checker alone."""
        return list(import_statements(self.tree))


def read_package(root: Path) -> dict[str, Module]:
    """All modules under `root`, by dotted name."""
    modules = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        source = path.read_text(encoding="utf-8")
        modules[name] = Module(name, path, source, ast.parse(source, str(path)))
    return modules


def is_type_checking(node: ast.AST) -> bool:
    """Whether `node` is `if TYPE_CHECKING:`, not the like of `if not TYPE_CHECKING:`."""
    match node:
        case ast.If(test=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name.strip("_") == "TYPE_CHECKING"
    return False


def import_statements(node: ast.AST, type_only: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Each import anywhere below `node`, with whether it is for the type checker alone."""
    if is_type_checking(node):
        for child in node.body:
            yield from import_statements(child, True)
        for child in node.orelse:
            yield from import_statements(child, type_only)
        return
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
        yield node, type_only
    for child in ast.iter_child_nodes(node):
        yield from import_statements(child, type_only)


def names_in(statement: ast.AST, module: Module) -> list[str]:
    """The dotted names that an import statement, or a call of import_module, asks for."""
    match statement:
        case ast.Import(names=aliases):
            return [alias.name for alias in aliases]
        case ast.ImportFrom(module=base, names=aliases, level=level):
            if level:
                above = module.package.split(".")[: len(module.package.split(".")) - level + 1]
                base = ".".join([*above, *([base] if base else [])])
            return [f"{base}.{alias.name}" for alias in aliases]
        case ast.Call(
            func=ast.Name(id="__import__" | "import_module")
            | ast.Attribute(attr="import_module" | "__import__"),
            args=[ast.Constant(value=str(name)), *_],
        ):
            if not name.startswith("."):
                return [name]
            return [module.package + "." + name.lstrip(".")]
    return []


def imports_of(module: Module, modules: dict[str, Module]) -> Iterator[Import]:
    """The modules of the package that `module` imports: for `from a import b`, a.b or else a."""
    for statement, type_only in module.imports:
        for name in names_in(statement, module):
            if name.split(".")[0] != PACKAGE:
                continue
            while name not in modules and "." in name:
                name = name.rpartition(".")[0]
            yield Import(module.name, name, statement.lineno, type_only)


def floor_of(name: str) -> int | None:
    """The floor of a module by the first name below the package; none for one not listed."""
    first = name.split(".")[1]
    return next((i for i, names in enumerate(FLOORS) if first in names), None)


def floor_faults(modules: dict[str, Module]) -> list[str]:
    """Modules without a floor, imports of the facade and imports from above."""
    faults = []
    for module in modules.values():
        if module.name == PACKAGE:
            continue  # the facade stands above all floors
        here = floor_of(module.name)
        if here is None:
            faults.append(f"{module.name}: on no floor; give it one in FLOORS and pyproject.toml")
            continue
        for found in imports_of(module, modules):
            where = f"{found.importer}, line {found.line}"
            if found.imported == PACKAGE:
                faults.append(f"{where}: imports the facade; import from the module that defines")
            elif (there := floor_of(found.imported)) is not None and there > here:
                faults.append(f"{where}: floor {here} imports {found.imported} of floor {there}")
    return faults


def number_faults(modules: dict[str, Module]) -> list[str]:
    """Docstrings of modules that give another number to their floor."""
    return [
        f"{module.name}: says Floor {said}, is on floor {floor_of(module.name)}"
        for module in modules.values()
        if module.name != PACKAGE
        for said in re.findall(r"\bFloor (\d+)", ast.get_docstring(module.tree) or "")
        if int(said) != floor_of(module.name)
    ]


def is_within(name: str, folder: str) -> bool:
    """Whether `name` is the module or package `folder`, or in it."""
    return name == folder or name.startswith(folder + ".")


def room_of(name: str, folder: str) -> str | None:
    """The room of a module of `folder`; none for the folder itself and for modules outside."""
    return name.split(".")[folder.count(".") + 1] if name.startswith(folder + ".") else None


def room_faults(modules: dict[str, Module]) -> list[str]:
    """Imports between rooms that their floors forbid, and past the doors of a folder."""
    faults = []
    for folder, floors in ROOMS.items():
        place = {
            room: (floor, group)
            for floor, groups in enumerate(floors)
            for group in groups
            for room in group.split()
        }
        doors = DOORS.get(folder, tuple(place))
        for module in modules.values():
            here = room_of(module.name, folder)
            if here is not None and here not in place:
                faults.append(f"{module.name}: in no room of {folder}; give it one in ROOMS")
                continue
            for found in imports_of(module, modules):
                there = room_of(found.imported, folder)
                where = f"{found.importer}, line {found.line}"
                if there not in place or there == here:
                    continue
                if not is_within(module.name, folder):
                    if there not in doors:
                        faults.append(f"{where}: imports {found.imported} past the doors {doors}")
                elif here is not None and not (
                    place[there][0] < place[here][0] or place[there] == place[here]
                ):
                    faults.append(f"{where}: room {here} must not know room {there}")
    return faults


def local_imports(node: ast.AST, module: Module, inside: bool = False) -> Iterator[tuple[int, str]]:
    """The imports inside functions below `node`: the line, and what is imported or "" if that is
    computed."""
    children = node.orelse if is_type_checking(node) else ast.iter_child_nodes(node)
    for child in children:
        if inside and isinstance(child, ast.Import | ast.ImportFrom):
            yield from ((child.lineno, name) for name in names_in(child, module))
        if isinstance(child, ast.Call):
            called = getattr(child.func, "attr", getattr(child.func, "id", ""))
            if called in ("import_module", "_import_module", "__import__"):
                yield child.lineno, next(iter(names_in(child, module)), "")
        within = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from local_imports(child, module, inside or within)


def lazy_faults(modules: dict[str, Module]) -> list[str]:
    """Imports inside functions that are not listed, and lines of the lists that nobody needs."""
    faults = []
    used: set[Any] = set()
    for module in modules.values():
        for line, name in local_imports(module.tree, module):
            if module.name in COMPUTED:
                used.add(module.name)
                continue
            allowed = {
                rule
                for rule in LAZY
                if is_within(module.name, rule[0]) and name and is_within(name, rule[1])
            }
            used |= allowed
            if not allowed:
                what = f"imports {name}" if name else "computes the name of an import"
                faults.append(f"{module.name}, line {line}: {what} inside a function; see LAZY")
    faults += [f"LAZY, COMPUTED: nobody needs {x}" for x in {*LAZY, *COMPUTED} - used]
    return faults


def circles(modules: dict[str, Module]) -> list[list[str]]:
    """The groups of modules that import each other, the type checker's imports aside."""
    users: dict[str, set[str]] = {name: set() for name in modules}
    uses: dict[str, set[str]] = {name: set() for name in modules}
    for module in modules.values():
        for found in imports_of(module, modules):
            if not found.type_only and found.imported in modules:
                uses[module.name].add(found.imported)
                users[found.imported].add(module.name)

    def reach(start: str, edges: dict[str, set[str]]) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            fresh = edges[todo.pop()] - seen
            seen |= fresh
            todo.extend(fresh)
        return seen

    groups = {frozenset(reach(name, uses) & reach(name, users)) for name in modules}
    return sorted(sorted(group) for group in groups if group)


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from `def` to its end, less its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def size_faults(modules: dict[str, Module]) -> list[str]:
    """Files and functions too long to hold in mind."""
    faults = []
    for module in modules.values():
        lines = len(module.source.splitlines())
        if lines > LONGEST_FILE:
            faults.append(f"{module.name}: {lines} lines, at most {LONGEST_FILE}; split it")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = length(node)
                if lines > LONGEST_FUNCTION:
                    where = f"{module.name}.{node.name}, line {node.lineno}"
                    faults.append(f"{where}: {lines} lines, at most {LONGEST_FUNCTION}; split it")
    return faults


def look_up_faults(modules: dict[str, Module]) -> list[str]:
    """Where the table for NumPy's names is asked for a function, or given one, by a known name."""
    faults = []
    for module in modules.values():
        for node in ast.walk(module.tree):
            match node:
                case ast.Subscript(value=table, slice=ast.Constant(value=str(name))):
                    pass
                case ast.Call(
                    func=ast.Attribute(value=table, attr="get" | "pop" | "setdefault"),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    pass
                case _:
                    continue
            if ast.unparse(table).split(".")[-1].strip("_") == "FUNCTIONS":
                faults.append(
                    f"{module.name}, line {node.lineno}: looks up {name!r}; import the function, "
                    f"or declare it in adjoint.graph.calls where that would close a circle"
                )
    return faults


def listed(faults: list[str]) -> str:
    return "\n" + "\n".join(faults)


@pytest.fixture(scope="module")
def house() -> dict[str, Module]:
    modules = read_package(ROOT)
    assert f"{PACKAGE}.errors" in modules, f"no package found at {ROOT}"
    return modules


def test_a_module_imports_only_from_lower_floors(house):
    faults = floor_faults(house)
    assert not faults, listed(faults)


def test_a_module_gives_its_floor_the_right_number(house):
    faults = number_faults(house)
    assert not faults, listed(faults)


def test_no_modules_import_each_other_in_a_circle(house):
    faults = [" <-> ".join(group) for group in circles(house)]
    assert not faults, listed(faults)


def test_files_and_functions_are_short(house):
    faults = size_faults(house)
    assert not faults, listed(faults)


def test_a_room_imports_only_from_rooms_below(house):
    faults = room_faults(house)
    assert not faults, listed(faults)


def test_nothing_is_imported_inside_a_function_unless_listed(house):
    faults = lazy_faults(house)
    assert not faults, listed(faults)


def test_a_function_whose_name_is_known_is_not_looked_up_by_it(house):
    faults = look_up_faults(house)
    assert not faults, listed(faults)


def test_import_linter_has_the_same_floors():
    settings = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    told = [tuple(re.findall(r"\w+", layer)) for layer in reversed(contract["layers"])]
    assert [set(names) for names in told] == [set(names) for names in FLOORS]
