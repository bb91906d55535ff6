"""The API reference lists each public name: autodoc passes over what has no docstring."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "api.md").read_text(encoding="utf-8")
MODULES = re.findall(r"automodule:: (\S+)", PAGE)
CLASSES = re.findall(r"autoclass:: ([\w.]+)", PAGE)
NAMED = set(re.findall(r"`(\w+)`", PAGE))


def is_listed(name: str, thing: Any) -> bool:
    """Whether autodoc, or the page itself, lists a public name."""
    if isinstance(thing, ModuleType):
        return thing.__name__ in MODULES
    if isinstance(thing, type) or inspect.isroutine(thing) or isinstance(thing, property):
        return bool(inspect.getdoc(thing))
    return name in NAMED


Slot = type(ad.Tensor.node)


def class_named(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("module", MODULES)
def test_each_public_name_is_in_the_reference(module):
    namespace = import_module(module)
    names = getattr(namespace, "__all__", None)
    if names is None:  # of modules that define all they hold, but for what they import
        names = [n for n, thing in vars(namespace).items() if isinstance(thing, type)]
    assert names
    assert not [n for n in names if not is_listed(n, getattr(namespace, n))]


def test_each_namespace_of_the_facade_is_in_the_reference():
    namespaces = [n for n in ad.__all__ if isinstance(getattr(ad, n), ModuleType)]
    assert len(namespaces) > 3
    assert not [n for n in namespaces if not is_listed(n, getattr(ad, n))]


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
