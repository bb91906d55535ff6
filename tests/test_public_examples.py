"""The examples in the docstrings of public functions run, also of functions made by functions.

pytest finds the examples that stand in a module's own source. A function built inside another,
such as the elementwise ones, belongs to the module of its builder in doctest's eyes and would be
passed over; here every public name is asked for its docstring instead.
"""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import adjoint

pytestmark = pytest.mark.unit

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def public(namespace: ModuleType) -> Iterator[tuple[str, Any]]:
    """The public names of a namespace and of the namespaces in it, with what they stand for."""
    names = getattr(namespace, "__all__", [n for n in vars(namespace) if not n.startswith("_")])
    for name in names:
        thing = getattr(namespace, name)
        if not isinstance(thing, ModuleType):
            yield f"{namespace.__name__}.{name}", thing
        elif thing.__name__.startswith("adjoint.") and hasattr(thing, "__all__"):
            yield from public(thing)


EXAMPLES = {
    name: thing
    for name, thing in public(adjoint)
    if callable(thing) and not isinstance(thing, type) and ">>>" in (thing.__doc__ or "")
}


@pytest.mark.parametrize("namespace", sorted({name.rpartition(".")[0] for name in EXAMPLES}))
def test_the_examples_show_what_happens(namespace):
    lines: list[str] = []
    for name, thing in EXAMPLES.items():
        if name.rpartition(".")[0] == namespace:
            known = {**getattr(thing, "__globals__", {}), name.rpartition(".")[2]: thing}
            test = doctest.DocTestParser().get_doctest(thing.__doc__, known, name, None, None)
            doctest.DocTestRunner(optionflags=FLAGS).run(test, out=lines.append)
    assert not lines, "".join(lines)
