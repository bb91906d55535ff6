"""What holds for all tests."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """A run begins with nothing on disk, so that it does not go by what earlier ones have left; its
    workers share what they compile."""
    if not hasattr(config, "workerinput"):
        os.environ["ADJOINT_CACHE_DIR"] = tempfile.mkdtemp(prefix="adjoint-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the run has left on disk."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop("ADJOINT_CACHE_DIR"), ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Tens of thousands of collected tests are not garbage: the collector need not look at them.

    It also looks less often, which saves a fifteenth of the time: compiling makes many objects.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """What the tests of a file leave behind, programs above all, need not be looked at either.

    Without this a full collection, which some tests ask for, takes more than a second in the end.
    """
    result = yield
    if nextitem is not None and nextitem.path != item.path:
        gc.collect()
        gc.freeze()
    return result
