"""What holds for all tests."""

from __future__ import annotations

import gc

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Tens of thousands of collected tests are not garbage: the collector need not look at them."""
    gc.collect()
    gc.freeze()
