"""What the page's own reader of formulas knows, as data: the language is the library's."""

from __future__ import annotations

from typing import Any

from adjoint.explanation.expression import ALIASES, CONSTANTS, functions

NOT_IN_THE_PAGE = ("gamma", "gammaln", "sinc")
"""Functions that only the library computes or differentiates."""


def language() -> dict[str, Any]:
    """The functions by name, each with its usual name and its count of arguments; the constants.

    >>> language()["functions"]["ln"]
    ('log', 1)
    """
    known = {
        name: (ALIASES.get(name, name), count)
        for name, count in functions().items()
        if ALIASES.get(name, name) not in NOT_IN_THE_PAGE
    }
    return {"functions": known, "constants": CONSTANTS}
