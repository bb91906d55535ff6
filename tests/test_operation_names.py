"""No pass, schedule or backend asks what an operation is called: facts stand on its record.

Who writes ``node.op.name == "…"`` knows something of one operation that its record does not say;
the next operation of its kind will be forgotten there. A rewrite that is about one operation by
nature compares the record, ``node.op is records.negative``, which is found by whoever renames it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Set
from functools import partial

import pytest

from tests.test_architecture import ROOT, listed, read_package
from tests.test_rules_of_architecture import build

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


def is_operation(node: ast.AST, known: Set[str] = frozenset()) -> bool:
    """Whether an expression is ``….op``, ``op``, or a variable among the `known`."""
    match node:
        case ast.Attribute(attr="op") | ast.Name(id="op"):
            return True
        case ast.Name(id=variable):
            return variable in known
        case ast.NamedExpr(value=value):
            return is_operation(value, known)
    return False


def is_operation_name(
    node: ast.AST, operations: Set[str] = frozenset(), names: Set[str] = frozenset()
) -> bool:
    """Whether an expression is the ``name`` of an operation, or a variable among the `names`."""
    match node:
        case ast.Attribute(attr="name", value=value):
            return is_operation(value, operations)
        case ast.Call(func=ast.Name(id="getattr"), args=[value, ast.Constant("name"), *_]):
            return is_operation(value, operations)
        case ast.Name(id=variable):
            return variable in names
        case ast.NamedExpr(value=value):
            return is_operation_name(value, operations, names)
    return False


def assigned(tree: ast.AST, is_meant: Callable[[ast.AST], bool]) -> set[str]:
    """The variables to which a meant expression is assigned."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=variable)], value=value)
                | ast.AnnAssign(target=ast.Name(id=variable), value=value)
                | ast.NamedExpr(target=ast.Name(id=variable), value=value)
            ) if value is not None and is_meant(value):
                found.add(variable)
    return found


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


def outer_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """The functions that stand in no other: the parts of a file in which a variable is one."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
        else:
            yield from outer_functions(child)


def name_tests(tree: ast.AST) -> Iterator[int]:
    """The lines at which something hangs on the name of an operation."""
    lines = set(deciding_lines(tree))
    for function in outer_functions(tree):
        operations = assigned(function, is_operation)
        names = assigned(function, partial(is_operation_name, operations=operations))
        lines |= deciding_lines(function, operations, names)
    yield from sorted(lines)


def deciding_lines(
    tree: ast.AST, operations: Set[str] = frozenset(), names: Set[str] = frozenset()
) -> set[int]:
    """The lines below `tree` at which something hangs on the name of an operation."""
    lines = set()
    for node in ast.walk(tree):
        for part in parts_that_decide(node):
            inner = part.elts if isinstance(part, ast.Tuple) else [part]
            if any(is_operation_name(x, operations, names) for x in inner):
                lines.add(part.lineno)  # type: ignore[attr-defined]  # an expression has lines
    return lines


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
    "statement",
    [
        'name = node.op.name\n    return name == "add"',
        'op = node.op\n    name = op.name\n    return name in ("add", "subtract")',
        'operation = node.op\n    return operation.name == "add"',
        'return (name := node.op.name) == "add"',
        'return getattr(node.op, "name") == "add"',
        "name: str = node.op.name\n    return RULES[name]",
    ],
)
def test_a_test_of_a_name_is_found_behind_a_variable(tmp_path, statement):
    source = f"def f(node):\n    {statement}"
    (module,) = (m for m in build(tmp_path, passes=source).values() if "passes" in m.name)
    assert list(name_tests(module.tree)) == [source.count("\n") + 1]


def test_a_variable_of_another_function_is_another(tmp_path):
    source = "def f(node):\n    name = node.op.name\n\ndef g(name):\n    return name == 'add'"
    (module,) = (m for m in build(tmp_path, passes=source).values() if "passes" in m.name)
    assert not list(name_tests(module.tree))


@pytest.mark.parametrize(
    "statement", ['f"{node.op.name}({x})"', "names = [node.op.name]", "node.op is records.add"]
)
def test_names_may_be_printed_and_records_compared(tmp_path, statement):
    (module,) = (m for m in build(tmp_path, passes=statement).values() if "passes" in m.name)
    assert not list(name_tests(module.tree))
