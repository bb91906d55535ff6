"""What is promised at the awkward points holds: in both modes, on both engines, at every stage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.conventions import RULES, TABLE, wrapped
from tests.sampling import every
from tests.trust.awkward import POINTS, Point

ROOT = Path(__file__).resolve().parents[2]
CALLS = 8
"""Enough for every stage: the first call, single kernels, the whole program, the native entry."""


def named(points: list[Point]) -> list[Any]:
    """The points as parameters with their names."""
    return every(1, points, lambda p: p.name)


def check(point: Point, found: list[Any], what: str) -> None:
    """Value, gradient in both modes, second derivative in three ways."""
    for i, (got, promised) in enumerate(zip(found, point.promised, strict=True)):
        if i == 0 and promised is None:
            continue
        np.testing.assert_allclose(
            np.asarray(got).reshape(np.shape(promised)),
            promised,
            rtol=1e-12,
            atol=1e-14,
            err_msg=f"{point.name}, {what}, result {i}",
        )


@pytest.mark.unit
@pytest.mark.parametrize("point", named(POINTS))
def test_on_the_interpreter(point):
    with warnings.catch_warnings(), ad.options(native="never"):
        warnings.simplefilter("ignore")  # of kinks, at order two
        check(point, point.results(point.x), "uncompiled")
        check(point, ad.compile(point.results)(point.x), "compiled, without native code")


@pytest.mark.native
@pytest.mark.parametrize("point", every(3, POINTS, lambda p: p.name))
def test_on_the_native_engine_of_uncompiled_code(point):
    with warnings.catch_warnings(), ad.options(native="always"):
        warnings.simplefilter("ignore")
        for look in range(2):
            check(point, point.results(point.x), f"look {look}")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty cache."""
    return tmp_path_factory.mktemp("cache")


def run(cache: Path, calls: int) -> dict[str, Any]:
    """All points in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.trust.awkward_program", str(calls)],
        cwd=ROOT,
        env={**os.environ, "ADJOINT_CACHE_DIR": str(cache)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def cold(cache: Path) -> dict[str, Any]:
    """What a process finds that has nothing in its cache."""
    return run(cache, CALLS)


@pytest.fixture(scope="module")
def warm(cache: Path, cold: dict[str, Any]) -> dict[str, Any]:
    """What another finds after it."""
    return run(cache, 2)


def read(results: list[list[str]], point: Point) -> list[Any]:
    """The results of one call, from their text."""
    arrays = [np.array([complex(v.replace("(", "").replace(")", "")) for v in r]) for r in results]
    return arrays if point.x.dtype.kind == "c" else [array.real for array in arrays]


@pytest.mark.native
@pytest.mark.parametrize("point", named(POINTS))
def test_at_every_stage_of_a_compiled_function(point, cold, warm):
    calls = [*cold[point.name], *warm[point.name]]
    assert len(calls) == CALLS + 2
    for number, results in enumerate(calls, 1):
        what = f"call {number}" if number <= CALLS else f"call {number - CALLS}, warm cache"
        check(point, read(results, point), what)


# The printed table.


@pytest.mark.unit
def test_every_line_of_the_table_is_printed(capsys):
    ad.conventions()
    text = capsys.readouterr().out
    assert text.startswith(RULES)
    for row in TABLE:
        assert "\n".join(wrapped(row[:4])) in text


@pytest.mark.unit
def test_the_points_have_names_of_their_own():
    names = [point.name for point in POINTS]
    assert len(set(names)) == len(names)
