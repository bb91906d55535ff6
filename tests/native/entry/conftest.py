"""Both entries of a program, natively and through Python, which must mean the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.native.entry.entry_programs import Program


@pytest.fixture(params=["native", "python"])
def enter(request: pytest.FixtureRequest) -> Callable[[Program], Callable[..., Any]]:
    """Picks one of the two entries of a program."""
    return lambda made: getattr(made, request.param)  # type: ignore[no-any-return]
