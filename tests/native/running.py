"""How tests run compiled functions: compared with the interpreter, asked for their steps, in a
process of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import numpy as np

import adjoint as ad


def as_tuple(result: Any) -> tuple[Any, ...]:
    """The results of a function that returns one or several."""
    return result if isinstance(result, tuple) else (result,)


def assert_close(found: Any, expected: Any, rtol: float = 1e-13) -> None:
    """Equal shapes and dtypes, and numbers within a tolerance, absolute and relative."""
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol, rtol, strict=True)


def assert_agrees(f: Any, *inputs: Any, rtol: float = 1e-12, atol: float = 0.0) -> Any:
    """The compiled function, whose first results are those of the interpreter."""
    compiled = ad.compile(f)
    found, expected = compiled(*inputs), f(*map(ad.asarray, inputs))
    for a, b in zip(as_tuple(found), as_tuple(expected), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol, atol, strict=True)
    return compiled


def step_kinds(compiled: Any, *inputs: Any) -> list[str]:
    """The kinds of the steps of a compiled function for these inputs."""
    compiled(*inputs)
    return [row.kind for row in compiled.report().rows]


def python(code: str) -> str:
    """What a fresh Python prints for `code`."""
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    return run.stdout
