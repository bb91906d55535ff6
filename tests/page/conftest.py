"""One browser for all tests of pages; without a Chromium they are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.page.chromium import Chromium, find


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """The browser; what a page complains about fails the test that looked at it."""
    program = find()
    if program is None:
        pytest.skip("there is no Chromium: install one, or name it in ADJOINT_CHROMIUM")
    found = Chromium(program)
    found.size(1400)
    yield found
    found.close()


@pytest.fixture
def shown(
    browser: Chromium, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Chromium]]:
    """A function that opens the page of an explanation at a step; no page may complain."""

    def show(explanation: Any, step: str = "") -> Chromium:
        path = tmp_path_factory.mktemp("page") / "page.html"
        path.write_text(explanation.page(), "utf-8")
        browser.open(path.as_uri() + f"#{step}")
        return browser

    yield show
    assert browser.complaints == []
    fetched = {url.split(":")[0] for url in browser.requests}
    assert fetched <= {"file", "data", "about"}
