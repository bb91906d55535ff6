"""The page that says what each function can do is what the tool makes of the registry now."""

from __future__ import annotations

import pytest

from adjoint.backends.availability import missing
from tools.function_examples import functions
from tools.function_table import PAGE, page

pytestmark = pytest.mark.unit


def test_every_public_function_of_arrays_has_a_line():
    lines = PAGE.read_text("utf-8").splitlines()
    shown = {line.split("`")[1] for line in lines if line.startswith("| `")}
    assert not [name for name in functions() if name.rpartition(".")[2] not in shown]


@pytest.mark.native
@pytest.mark.slow
@pytest.mark.skipif(bool(missing()), reason="what runs natively is not known without LLVM")
def test_the_page_is_current():
    assert page() == PAGE.read_text("utf-8"), "run: python tools/function_table.py"
