"""`docs/how-it-works.md` runs as it stands, in order, and prints what it shows."""

from __future__ import annotations
import __future__

import ast
import contextlib
import io
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.native

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-it-works.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MOST_LINES = 300


def blocks() -> list[tuple[int, str, str]]:
    """The line of each fenced block of the page, its language and what it holds."""
    page = PAGE.read_text(encoding="utf-8")
    return [(page.count("\n", 0, m.start(2)), m[1], m[2]) for m in FENCE.finditer(page)]


def code_lines(text: str) -> list[str]:
    """The lines that hold code: neither blank, nor only a comment, nor of a docstring."""
    holders = ast.Module | ast.ClassDef | ast.FunctionDef
    documented: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, holders) and ast.get_docstring(node):
            documented.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    numbered = enumerate(text.split("\n"), 1)
    return [x for n, x in numbered if n not in documented and x.strip() and x.strip()[0] != "#"]


def test_the_page_runs_and_prints_what_it_shows(monkeypatch):
    module = ModuleType("how_it_works")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    printed = ""
    for line, language, text in blocks():
        if language == "python":
            assert not printed, f"what is printed before line {line} is not shown"
            flags = __future__.annotations.compiler_flag
            code = compile("\n" * line + text, str(PAGE), "exec", flags=flags)
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(code, vars(module))
            printed = output.getvalue()
        elif language == "text":
            assert printed == text, f"line {line} shows something else than is printed"
            printed = ""
    assert not printed


def test_the_library_takes_at_most_three_hundred_lines():
    code = [x for _, language, text in blocks() if language == "python" for x in code_lines(text)]
    assert 100 < len(code) <= MOST_LINES
    assert max(map(len, code)) <= 100
