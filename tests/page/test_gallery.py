"""The pages of the gallery open, and every phase of each can be shown."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"


def test_every_page_of_the_gallery_opens_and_is_listed(browser, tmp_path):
    pages = runpy.run_path(str(GALLERY / "pages.py"))
    written = pages["write"](tmp_path)
    listed = (GALLERY / "index.md").read_text("utf-8")
    assert len(written) == 7
    for path in written:
        assert f'href="{path.name}' in listed
        browser.open(path.as_uri())
        if path.stem != "optimizers":
            browser.js("adjointPage.phases.forEach((p) => adjointPage.go(p.id, 99))")
            assert browser.js("adjointPage.root.textContent.includes('undefined')") is False
        assert browser.complaints == [], path.name
