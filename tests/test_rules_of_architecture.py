"""The rules of tests/test_architecture.py themselves, on houses built to break them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_architecture import (
    PACKAGE,
    Module,
    circles,
    floor_faults,
    lazy_faults,
    look_up_faults,
    number_faults,
    read_package,
    room_faults,
    size_faults,
)

pytestmark = pytest.mark.unit


def build(folder: Path, **files: str) -> dict[str, Module]:
    """A package with these files, a double underscore in a name for a folder."""
    for name, source in ({"facade": "", "errors": ""} | files).items():
        path = folder / PACKAGE / f"{name.replace('__', '/')}.py"
        path = path.with_stem("__init__") if path.stem in ("facade", "init") else path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return read_package(folder / PACKAGE)


@pytest.mark.parametrize(
    "statement",
    [
        "import adjoint.api",
        "from adjoint import api",
        "from adjoint.api import grad",
        "from ..api import grad",
        "from .. import api",
        "def f():\n    from adjoint import api",
        "def f():\n    import importlib\n    importlib.import_module('adjoint.api')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from adjoint.api import grad",
    ],
)
def test_an_import_from_above_is_found_however_it_is_written(tmp_path, statement):
    modules = build(tmp_path, api="", graph__init="", graph__node=statement)
    (fault,) = floor_faults(modules)
    assert fault.startswith("adjoint.graph.node, line ")
    assert fault.endswith("floor 1 imports adjoint.api of floor 8")


@pytest.mark.parametrize(
    "statement", ["import adjoint", "import adjoint as ad", "from adjoint import grad"]
)
def test_an_import_of_the_facade_is_found(tmp_path, statement):
    (fault,) = floor_faults(build(tmp_path, api="", graph=statement))
    assert "imports the facade" in fault


def test_the_facade_and_the_floors_below_may_be_relied_on(tmp_path):
    modules = build(
        tmp_path,
        facade="from adjoint.api import grad",
        api="import numpy\nfrom adjoint.errors import E\nfrom adjoint import array",
        array="from . import errors",
    )
    assert floor_faults(modules) == []
    assert circles(modules) == []


def test_a_module_without_a_floor_is_found(tmp_path):
    (fault,) = floor_faults(build(tmp_path, utils=""))
    assert fault.startswith("adjoint.utils: on no floor")


def test_a_floor_with_a_wrong_number_is_found(tmp_path):
    modules = build(tmp_path, api="'Floor 7: what users call.'", graph="'Floor 1: the graph.'")
    assert number_faults(modules) == ["adjoint.api: says Floor 7, is on floor 8"]


def test_a_circle_is_found_though_one_import_hides_in_a_function(tmp_path):
    modules = build(
        tmp_path,
        ops__init="",
        ops__a="from adjoint.ops import b",
        ops__b="from adjoint.ops.c import f",
        ops__c="def f():\n    from .a import g",
    )
    assert circles(modules) == [["adjoint.ops.a", "adjoint.ops.b", "adjoint.ops.c"]]


def test_a_module_that_imports_from_its_own_folder_by_the_folders_name_is_a_circle(tmp_path):
    modules = build(
        tmp_path, ops__init="from adjoint.ops.a import f", ops__a="from adjoint.ops import f"
    )
    assert circles(modules) == [["adjoint.ops", "adjoint.ops.a"]]


def test_imports_for_the_type_checker_alone_may_close_a_circle(tmp_path):
    modules = build(
        tmp_path,
        ops__init="",
        ops__a="from adjoint.ops import b",
        ops__b="import typing\nif typing.TYPE_CHECKING:\n    from adjoint.ops import a",
    )
    assert circles(modules) == []


def test_a_long_file_and_a_long_function_are_found(tmp_path):
    body = "def f():\n    '''One.\n\n    Two.\n    '''\n" + "    x = 1\n" * 59
    assert size_faults(build(tmp_path, ops=body)) == []
    (fault,) = size_faults(build(tmp_path, ops=body + "    x = 1\n"))
    assert fault.startswith("adjoint.ops.f, line 1: 61 lines")
    (fault,) = size_faults(build(tmp_path, ops="x = 1\n" * 451))
    assert fault.startswith("adjoint.ops: 451 lines")


LLVM_ROOMS = {f"backends__llvm__{room}__a": "" for room in ("compile", "entry", "program", "calls")}


@pytest.mark.parametrize(
    ("file", "statement", "said"),
    [
        ("backends__llvm__compile__b", "from ..program import a", "must not know room program"),
        ("backends__llvm__calls__b", "from ..entry import a", "must not know room entry"),
        ("backends__llvm__other__b", "", "in no room"),
        ("api", "from adjoint.backends.llvm.entry import a", "past the doors"),
        ("ops__signal__b", "from adjoint.ops.linalg import a", "must not know room linalg"),
        ("ops__family__b", "from adjoint.ops.shape import a", "must not know room shape"),
    ],
)
def test_an_import_from_a_room_that_may_not_be_known_is_found(tmp_path, file, statement, said):
    files = LLVM_ROOMS | {"ops__linalg__a": "", "ops__shape__a": ""} | {file: statement}
    (fault,) = room_faults(build(tmp_path, **files))
    assert said in fault


def test_rooms_below_and_rooms_of_one_group_may_be_known(tmp_path):
    files = {
        "backends__llvm__program__b": "from ..entry import a\nfrom ..compile import a",
        "api": "from adjoint.backends.llvm.program import a",
        "ops__shape__b": "from adjoint.ops.indexing import b",
        "ops__indexing__b": "from adjoint.ops.shape import c",
        "ops__shape__c": "",
    }
    assert room_faults(build(tmp_path, **LLVM_ROOMS, **files)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "def f():\n    import json",
        "def f():\n    if x:\n        from adjoint.errors import E",
        "f = lambda: import_module('scipy_of_somebody')",
        "def f(name):\n    return importlib.import_module(name)",
        "def f():\n    if not TYPE_CHECKING:\n        import json",
        "def f():\n    if TYPE_CHECKING:\n        pass\n    else:\n        import json",
        "def f():\n    class C:\n        import json",
        "async def f():\n    import json",
    ],
)
def test_an_import_inside_a_function_is_found(tmp_path, statement):
    faults = lazy_faults(build(tmp_path, graph=statement))
    assert [x for x in faults if x.startswith("adjoint.graph, line ")]


def test_an_import_inside_a_function_may_be_listed(tmp_path):
    faults = lazy_faults(build(tmp_path, graph="def f():\n    from scipy.linalg import solve"))
    assert not [x for x in faults if x.startswith("adjoint.graph")]


@pytest.mark.parametrize(
    "statement",
    [
        'FUNCTIONS["add"](1, 2)',
        'FUNCTIONS["r_"] = 1',
        'op.FUNCTIONS["add"]',
        'FUNCTIONS.get("add")',
    ],
)
def test_a_look_up_by_a_known_name_is_found(tmp_path, statement):
    (fault,) = look_up_faults(build(tmp_path, ops=statement))
    assert fault.startswith("adjoint.ops, line 1: looks up ")


def test_a_look_up_by_a_name_that_numpy_gives_is_no_fault(tmp_path):
    source = "FUNCTIONS[ufunc.__name__](1, 2)\nFUNCTIONS.get(name)\nOTHER['add']"
    assert look_up_faults(build(tmp_path, ops=source)) == []
