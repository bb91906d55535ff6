"""Which of CPython's instructions are known: all that the versions have are listed here, and each
that is not known by name is refused, whatever a later version adds."""

from __future__ import annotations

import dis
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from adjoint.tracing.instructions import KNOWN, SAYS, SKIPPED
from adjoint.tracing.local_names import _ONLY_READ, imports_in, read_by, steps_of, written
from adjoint.tracing.reading import reads_of
from adjoint.tracing.reads import Unproved

VERSIONS = (3, 11), (3, 12), (3, 13), (3, 15)


def names_of(title: str) -> set[str]:
    """The names in a section of the list."""
    text = (Path(__file__).parent / "instruction_names.txt").read_text(encoding="utf-8")
    return set(text.partition(f"\n## {title}\n")[2].partition("\n##")[0].split())


ADDED = {version: names_of(".".join(map(str, version))) for version in VERSIONS}
"""What each version has that those before it had not."""
LISTED = {name for names in ADDED.values() for name in names}


def test_each_instruction_is_known_or_refused_on_purpose() -> None:
    refused = names_of("refused")  # as it writes outside, imports, catches errors, awaits …
    assert refused == LISTED - KNOWN
    assert KNOWN <= LISTED, "misspelt, or of no version"
    assert LISTED >= SKIPPED
    assert set(SAYS) <= refused


@pytest.mark.skipif(sys.version_info[:2] > max(ADDED), reason="is of no list yet")
def test_this_version_has_no_others() -> None:
    own = {x for x in dis.opmap if not x.startswith("INSTRUMENTED_")}
    version = sys.version_info[:2]
    listed = {x for added, names in ADDED.items() if added <= version for x in names}
    assert own <= (listed if version in ADDED else LISTED)


def test_what_only_reads_variables_writes_none() -> None:
    of_variables = {x for x in LISTED if "FAST" in x or "DEREF" in x}
    writing = {x for x in of_variables if "STORE" in x or "DELETE" in x or "CLEAR" in x}
    assert not writing & _ONLY_READ
    assert (of_variables & KNOWN) - writing <= _ONLY_READ


def test_an_instruction_of_a_later_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(x: Any) -> Any:
        return x * x

    reads_of(_as_users(f))
    for opname in ("MULTIPLY_AND_TELL", "STORE_OUTSIDE"):
        own = [step._replace(opname=opname) for step in dis.get_instructions(f)]
        monkeypatch.setattr(dis, "get_instructions", lambda code, own=own: iter(own))
        with pytest.raises(Unproved, match=f"it has the instruction {opname}"):
            reads_of(_as_users(f))


def _as_users(f: Any) -> Any:
    return FunctionType(f.__code__, {"__name__": "user"})


def imported(f: Any) -> dict[str, tuple[str, tuple[str, ...]]]:
    """What variables hold by import statements of known form."""
    found = imports_in(steps_of(f.__code__))
    return {x.variable: (x.module, x.names) for _, _, imports in found for x in imports}


def test_import_statements_are_recognized() -> None:
    def f() -> Any:
        import os.path
        import os.path as p
        from math import cos as c
        from math import sin, tan

        return (lambda: (os, tan)), p, sin, c

    assert imported(f) == {
        "os": ("os", ()),
        "p": ("os", ("path",)),
        "sin": ("math", ("sin",)),
        "tan": ("math", ("tan",)),
        "c": ("math", ("cos",)),
    }


def test_import_statements_of_other_forms_are_not() -> None:
    names: dict[str, Any] = {}
    exec("def f():\n  from . import a\n  from .b import c\n  return a, c", names)
    assert not imported(names["f"])
    exec("def f():\n  global m\n  import m\n  return m", names)
    assert not imported(names["f"])


def test_all_that_writes_a_variable_is_counted() -> None:
    def f(self: Any, x: Any, *args: Any, k: Any = 0, **named: Any) -> Any:
        x = args[0]

        def g(y: Any) -> None:
            nonlocal self
            self = y

        with_own = [self for self in args]
        del named
        return (lambda self: self), g, with_own, k, x

    count = written(f.__code__)
    assert count["self"] >= 2 and count["x"] == count["named"] == 2
    assert count["args"] == count["k"] == count["g"] == 1


def test_a_variable_that_is_shared_is_read_only_where_its_value_is() -> None:
    def f(self: Any) -> Any:
        return lambda: self

    assert not any(read_by(step, f.__code__) for step in steps_of(f.__code__))
    inner = next(x for x in f.__code__.co_consts if hasattr(x, "co_code"))
    assert [read_by(x, inner) for x in steps_of(inner) if read_by(x, inner)] == [["self"]]
