"""No pass, schedule or backend asks what an operation is called: facts stand on its record.

Who writes ``node.op.name == "…"`` knows something of one operation that its record does not say;
the next operation of its kind will be forgotten there. A rewrite that is about one operation by
nature compares the record, ``node.op is records.negative``, which is found by whoever renames it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.test_architecture import ROOT, build, listed, read_package

pytestmark = pytest.mark.unit

ALLOWED = {
    "adjoint.ops": "families and forms are about particular operations",
    "adjoint.graph.op": "the registry is by name",
    "adjoint.graph.verify": "looks whether the registry has the operation under its name",
    "adjoint.graph.text": "writes variables and constants another way",
    "adjoint.explanation": "has a notation for some operations",
}
"""Where a name may be asked for, and why."""

ASKING_METHODS = ("get", "startswith", "endswith", "pop", "setdefault", "index", "count")


def is_operation_name(node: ast.AST) -> bool:
    """Whether an expression is ``….op.name`` or ``op.name``."""
    match node:
        case ast.Attribute(attr="name", value=ast.Attribute(attr="op") | ast.Name(id="op")):
            return True
    return False


def parts_that_decide(node: ast.AST) -> list[ast.AST]:
    """The expressions on whose value it depends what happens next."""
    match node:
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case ast.Match(subject=subject):
            return [subject]
        case ast.Subscript(slice=key):
            return [key]
        case ast.Call(func=ast.Attribute(value=value, attr=attr), args=args) if (
            attr in ASKING_METHODS
        ):
            return [value, *args]
    return []


def name_tests(tree: ast.AST) -> Iterator[int]:
    """The lines at which something hangs on the name of an operation."""
    for node in ast.walk(tree):
        for part in parts_that_decide(node):
            inner = part.elts if isinstance(part, ast.Tuple) else [part]
            if any(map(is_operation_name, inner)):
                yield part.lineno  # type: ignore[attr-defined]  # an expression has lines


def is_allowed(module: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in ALLOWED)


def test_nothing_hangs_on_the_name_of_an_operation():
    faults = [
        f"{module.name}, line {line}: asks for the name of an operation; make what is meant a fact "
        f"of its record, or compare the record (adjoint.ops.records)"
        for module in read_package(ROOT).values()
        if not is_allowed(module.name)
        for line in name_tests(module.tree)
    ]
    assert not faults, listed(faults)


@pytest.mark.parametrize(
    "statement",
    [
        'node.op.name == "add"',
        '"add" != step.root.op.name',
        'x.op.name in ("add", "subtract")',
        "x.op.name in CHEAP",
        "RULES[node.op.name]",
        "RULES.get(node.op.name)",
        'op.name.startswith("greater")',
        'match node.op.name:\n    case "add": pass',
        'match node.op.name, node.inputs:\n    case "add", _: pass',
    ],
)
def test_a_test_of_a_name_is_found_however_it_is_written(tmp_path, statement):
    (module,) = (m for m in build(tmp_path, passes=statement).values() if "passes" in m.name)
    assert list(name_tests(module.tree)) == [1]


@pytest.mark.parametrize(
    "statement", ['f"{node.op.name}({x})"', "names = [node.op.name]", "node.op is records.add"]
)
def test_names_may_be_printed_and_records_compared(tmp_path, statement):
    (module,) = (m for m in build(tmp_path, passes=statement).values() if "passes" in m.name)
    assert not list(name_tests(module.tree))
