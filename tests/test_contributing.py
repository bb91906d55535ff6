"""The operations that CONTRIBUTING.md adds as examples work as it says, in a fresh process."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"```python\n# (adjoint/\S+)\.py\n(.*?)```", re.DOTALL)

CHECK = """
import numpy as np
import adjoint as ad
from adjoint.ops.reductions.norm import sum_of_squares
from adjoint.ops.elementwise.trigonometric import versin

x = np.linspace(0.1, 1.0, 6).reshape(2, 3)
f = lambda x: sum_of_squares(versin(x), 1)
np.testing.assert_allclose(f(x), np.sum((1 - np.cos(x)) ** 2, 1), rtol=1e-12)
ad.check_gradients(f, x, order=2)
gradient = ad.grad(lambda x: ad.sum(f(x)))
np.testing.assert_allclose(ad.compile(gradient)(x), gradient(x), rtol=1e-14)
"""


def test_the_examples_work():
    blocks = BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert len(blocks) == 3
    program = ["from importlib import import_module as load"]
    for path, code in blocks:
        module = path.replace("/", ".")
        program.append(f"exec(compile({code!r}, {path!r}, 'exec'), vars(load({module!r})))")
    text = "\n".join(program) + CHECK
    run = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
