"""The API reference lists each public name, with its derivative, and its examples are what runs."""

from __future__ import annotations

import inspect
import re
import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import adjoint as ad
import adjoint.scipy
from adjoint.graph.op import OPS
from adjoint.ops.family.elementwise import Elementwise

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "extensions"))
pytest.importorskip("sphinx", reason="the extra `docs` is not installed")

from derivative_formulas import ARGUMENTS, elementwise_rows  # noqa: E402  the path comes first
from executed_examples import Session  # noqa: E402  the path comes first
from reference import (  # noqa: E402  the path comes first
    ability_rows,
    blocks_of,
    derivative_table,
    entries,
    names_of,
    thing_named,
)

pytestmark = pytest.mark.unit

PAGES = {page.stem: page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md")}
BLOCKS = [block for page in PAGES.values() for block in blocks_of(page)]
NAMESPACES = sorted({namespace for namespace, _ in BLOCKS})
CLASSES = [name for page in PAGES.values() for name in re.findall(r"autoclass:: ([\w.]+)", page)]
NAMED = {name for page in PAGES.values() for name in re.findall(r"`(\w+)`", page)}


def is_listed(name: str, thing: Any) -> bool:
    """Whether autodoc, or a page itself, lists the public name of a thing."""
    if isinstance(thing, type) or inspect.isroutine(thing) or isinstance(thing, property):
        return bool(inspect.getdoc(thing))
    return name in NAMED


Slot = type(ad.Tensor.node)


def class_named(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@cache
def documented() -> set[int]:
    """The identities of all things that have an entry."""
    return {
        id(getattr(thing_named(space), name))
        for space, lines in BLOCKS
        for name in names_of(space, lines)
    }


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_each_public_name_has_one_entry(namespace):
    module = thing_named(namespace)
    found = [n for space, lines in BLOCKS if space == namespace for n in names_of(space, lines)]
    assert len(found) == len(set(found)), sorted(n for n in set(found) if found.count(n) > 1)
    assert found
    for name in getattr(module, "__all__", found):
        thing = getattr(module, name)
        known = id(thing) in documented() or isinstance(thing, ModuleType) or name in NAMED
        assert known, f"{name}: name its module in a block of docs/reference"
        assert is_listed(name, thing) or isinstance(thing, ModuleType), name


def test_each_namespace_of_the_facade_is_in_the_reference():
    spaces = {f"adjoint.{n}" for n in ad.__all__ if isinstance(getattr(ad, n), ModuleType)}
    assert len(spaces) > 3
    assert not spaces - set(NAMESPACES)


def test_each_counterpart_of_a_module_of_scipy_is_in_the_reference():
    found = {m.name for m in iter_modules(adjoint.scipy.__path__) if find_spec(f"scipy.{m.name}")}
    known = {name for name in found if f"adjoint.scipy.{name}" in NAMESPACES}
    same = {"sparse", "stats"}  # of the facade
    assert found - known - same == {"spatial"}
    assert "adjoint.scipy.spatial.distance" in NAMESPACES


def test_each_page_is_in_the_index():
    index = (DOCS / "api.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^reference/(\S+)$", index, re.MULTILINE)) == sorted(PAGES)


def test_an_entry_is_for_users_and_an_alias_says_of_what():
    lines = list(entries("adjoint", ["adjoint.ops.elementwise.choice"]))
    assert ".. autofunction:: adjoint.abs" in lines
    assert "   Another name of :func:`~adjoint.abs`." in lines
    assert not [line for line in lines if "adjoint.ops" in line]


def test_the_reference_says_what_a_function_can_do():
    assert ability_rows()["sin"]["reverse"] == "✓"
    assert ability_rows()["linalg.solve"]["forward"] == "✓"
    assert ability_rows()["argmax"]["reverse"] == "–"


# The table of derivatives.


def test_the_derivatives_are_those_of_a_textbook():
    rows = elementwise_rows()
    assert rows["sin"].partials == ("cos x",)
    assert rows["log"].partials == ("1 / x",)
    assert rows["tanh"].partials == ("1 - f^2",)
    assert rows["multiply"].partials == ("y", "x")
    assert rows["arctan"].partials == ("1 / (1 + x^2)",)
    assert rows["log10"].partials == ("(1 / ln 10) / x",)
    assert rows["special.erf"].partials == ("(2 / √π) exp(-x^2)",)
    assert rows["abs"].kink
    assert not rows["sin"].kink


def python_of(formula: str) -> str:
    """A formula of the table as Python, if it is a plain one."""
    text = formula.replace("√(2π)", "s2pi").replace("√π", "spi").replace("2π", "(2*pi)")
    text = text.replace("^", "**").replace("π", "pi").replace("√", "sqrt").replace("ln ", "log ")
    text = re.sub(r"\b(sinh|cosh|sin|cos|log|sqrt|exp) ?(?=[a-z0-9])(\w+)", r"\1(\2)", text)
    text = re.sub(r"sqrt(?=[a-z0-9])(\w+)", r"sqrt(\1)", text)
    return re.sub(r"(?<=[\w)]) (?=[\w(])", "*", text)


PLAIN = (
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh"),
    *("arccosh", "arctanh", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt"),
    *("cbrt", "square", "reciprocal", "multiply", "divide", "add", "subtract", "power"),
    *("deg2rad", "rad2deg", "special.erf", "special.erfc", "special.erfi", "special.ndtr"),
)


@pytest.mark.parametrize("name", PLAIN)
def test_a_formula_says_the_number_that_is_computed(name):
    function = thing_named(f"adjoint.{name}")
    row = elementwise_rows()[name]
    point = (1.3 if name == "arccosh" else 0.4, 0.7)[: len(row.partials)]
    names = {n: getattr(np, n) for n in ("sin", "cos", "sinh", "cosh", "exp", "log", "sqrt")}
    names |= {"pi": np.pi, "spi": np.sqrt(np.pi), "s2pi": np.sqrt(2 * np.pi)}
    names |= {**dict(zip(ARGUMENTS, point, strict=False)), "f": float(function(*point))}
    for number, formula in enumerate(row.partials):
        value = float(ad.grad(function, number)(*point))
        assert eval(python_of(formula), names) == pytest.approx(value, rel=1e-5), formula


def test_every_differentiable_elementwise_function_is_in_the_table():
    table = derivative_table("elementwise")
    smooth = [op for op in OPS.values() if isinstance(op, Elementwise) and any(op.partials)]
    public = {name.rpartition(".")[2] for name in elementwise_rows()}
    assert len(public) > 100
    for op in smooth:
        row = next(
            (r for n, r in elementwise_rows().items() if n.rpartition(".")[2] == op.name), None
        )
        if row is not None and set(row.partials) != {"0"}:
            assert f"| `{row.name}`" in table
    assert "| `matmul` | `f̄ @ yᵀ` | `xᵀ @ f̄` |" in derivative_table("others")


# The examples of the pages, as the build runs them.


def test_a_wrong_output_is_found_and_an_ellipsis_is_filled_in():
    session = Session("page")
    shown, faults = session.run(">>> x = 1 / 3\n>>> x\n0.33...\n\n")
    assert not faults
    assert "0.3333333333333333" in shown
    _, (fault,) = session.run(">>> x + 1\n2.0\n")
    assert "Expected:" in fault
    _, (fault,) = session.run(">>> unknown\n")
    assert "NameError" in fault


def test_what_is_shortened_stays_short_and_an_error_keeps_its_ellipsis():
    session = Session("page")
    text = ">>> print('a\\nb\\nc')\na\n...\n>>> 1 / 0\nTraceback (most recent call last):\n"
    text += "...\nZeroDivisionError: ..."
    shown, faults = session.run(text)
    assert not faults
    assert shown == text


def test_figures_are_saved_with_their_titles(tmp_path):
    pytest.importorskip("matplotlib").use("svg")
    session = Session("guide/page")
    session.run(
        ">>> import matplotlib.pyplot as plt\n>>> _ = plt.plot([1, 2])\n>>> _ = plt.title('A line')"
    )
    ((path, title),) = session.take_figures(tmp_path)
    assert title == "A line"
    assert path.read_text("utf-8").rstrip().endswith("</svg>")
    session.run(">>> _ = plt.plot([1, 2])")
    with pytest.raises(ValueError, match="a figure has no title"):
        session.take_figures(tmp_path)
    assert session.take_figures(tmp_path) == []


@pytest.mark.parametrize("path", ["adjoint.Tensor", *CLASSES])
def test_each_public_method_is_in_the_reference(path):
    kind = class_named(path)
    assert inspect.getdoc(kind)
    methods = {n: x for n, x in vars(kind).items() if n[0] != "_" and not isinstance(x, Slot)}
    fields = getattr(kind, "__dataclass_fields__", ())  # which the page asks for
    assert not [n for n, x in methods.items() if n not in fields and not is_listed(n, x)]


def test_what_compile_returns_has_the_methods_that_the_guide_shows():
    guide = (DOCS / "guide" / "compiling.md").read_text(encoding="utf-8")
    compiled = class_named("adjoint.api.compiling.Compiled")
    assert not [n for n in vars(compiled) if n[0] != "_" and not re.search(rf"\b{n}\b", guide)]


def test_the_guide_lists_all_settings():
    guide = (DOCS / "guide" / "compiling.md").read_text(encoding="utf-8")
    names = list(ad.get_options())
    assert names
    assert not [n for n in names if f"| `{n}` |" not in guide]


def test_the_guide_lists_all_errors_with_what_they_also_are():
    guide = (DOCS / "guide" / "errors.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"\| `(\w+)` \| `([\w.]+)` \|", guide))
    errors = [x for x in vars(ad.errors).values() if isinstance(x, type)]
    given = {e.__name__: e.__bases__[1].__name__ for e in errors if len(e.__bases__) > 1}
    assert {name: base.rpartition(".")[2] for name, base in rows.items()} == given
