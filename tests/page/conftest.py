"""One browser for all tests of pages; without it they are skipped.

It is Chromium, or what the variable ADJOINT_BROWSER says: firefox (Debian's firefox-esr) or webkit
(webkit2gtk-driver, under xvfb-run). What only Chromium can tell is then skipped.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.page import webdriver
from tests.page.chromium import Chromium, find

OTHERS = {
    "firefox": (webdriver.Firefox, ("firefox-esr", "firefox")),
    "webkit": (webdriver.WebKit, ("WebKitWebDriver",)),
}


def started() -> Any:
    """The browser that the environment asks for, or None."""
    wanted = os.environ.get("ADJOINT_BROWSER", "chromium")
    if wanted in OTHERS:
        kind, names = OTHERS[wanted]
        program = next(filter(None, map(shutil.which, names)), None)
        return program and kind(program)
    if wanted != "chromium":
        raise pytest.UsageError(f"ADJOINT_BROWSER={wanted}: give chromium, firefox or webkit")
    program = find()
    return program and Chromium(program)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The browser; what a page complains about fails the test that looked at it."""
    found = started()
    if found is None:
        pytest.skip("there is no such browser: install one, or name it in ADJOINT_CHROMIUM")
    try:
        found.size(1400)
        yield found
    finally:
        found.close()


@pytest.fixture
def shown(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """A function that opens the page of an explanation at a step; no page may complain."""

    def show(explanation: Any, step: str = "") -> Any:
        path = tmp_path_factory.mktemp("page") / "page.html"
        path.write_text(explanation.page(), "utf-8")
        browser.open(path.as_uri() + f"#{step}")
        return browser

    yield show
    assert browser.complaints == []
    fetched = {url.split(":")[0] for url in browser.requests}
    assert fetched <= {"file", "data", "about"}


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    """A test that asks what a browser cannot tell is skipped."""
    try:
        return (yield)
    except webdriver.Unknown as question:
        pytest.skip(f"this browser does not know {question}")
