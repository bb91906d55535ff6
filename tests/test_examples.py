"""The examples run, and show what they promise."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def shown_by(name, *options):
    """What an example prints; its warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / name, "--smoke", *options],
        capture_output=True,
        encoding="utf-8",
        env={"PATH": "", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(EXAMPLES.parent)},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_training_loop_learns():
    last = shown_by("mnist.py").splitlines()[-1]
    assert float(last.split()[-1].rstrip("%")) < 10


def test_slide_adahessian_one_step_where_gradient_descent_takes_many(tmp_path):
    picture = tmp_path / "paths.png"
    shown = shown_by("adahessian_figure.py", "--out", str(picture))
    rows = [line.rsplit(maxsplit=4) for line in shown.splitlines()[1:5]]
    heights = {(name.strip(), int(steps)): float(f) for name, steps, _, _, f in rows}
    assert heights["AdaHessian", 1] < 1e-12 and heights["Newton", 1] < 1e-12
    assert heights["gradient descent", 1] > 10
    assert 1e-4 < heights["gradient descent", 40] < 1e-1
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_slide_forward_mode_needs_a_pass_for_each_input():
    shown = shown_by("imagenet_scale.py")
    rows = {line[:20].strip(): line[20:].split() for line in shown.splitlines()[4:7]}
    assert rows["reverse mode"][0] == "1"
    assert rows["forward mode"][0] == "150,528"
    assert rows["finite differences"][0] == "301,056"
    assert float(rows["forward mode"][-2].replace(",", "")) > 10_000
    lines = shown.splitlines()
    assert float(lines[-2].split()[-1]) < 1e-12
    assert float(lines[-1].split()[-1]) < 1e-5


def test_an_epidemic_model_fits_through_a_python_loop():
    lines = shown_by("sir_model.py").splitlines()
    assert lines[1] == "rolled up: 600 repetitions of 46 operations"
    rows = [line.rsplit(maxsplit=3)[1:] for line in lines[-3:]]
    assert len(rows) == 3
    for true, fitted, spread in rows:
        assert abs(float(fitted) - float(true)) <= 4 * float(spread) + 1e-4


UNCHANGED = sorted((EXAMPLES / "numpy_unchanged").glob("*.py"))
PROGRAMS = [p.stem for p in UNCHANGED if "\nSTART = " in p.read_text(encoding="utf-8")]


def test_programs_of_numpy_and_scipy_are_differentiated_unchanged():
    assert len(PROGRAMS) >= 6
    for name in PROGRAMS:
        text = (EXAMPLES / "numpy_unchanged" / f"{name}.py").read_text(encoding="utf-8")
        imports = re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)
        assert imports and set(imports) <= {"numpy", "scipy"}
    rows = [line.split() for line in shown_by("numpy_unchanged/run.py").splitlines()[1:]]
    assert [row[0] for row in rows] == PROGRAMS
    assert all(float(row[2]) < 1e-7 for row in rows)


def test_finite_elements_find_the_conductivity():
    shown = shown_by("numpy_unchanged/finite_elements.py").splitlines()
    assert float(shown[1].split()[-1]) < 1e-6  # the gradient, against differences
    before, after = shown[3].replace("misfit ", "").split(" after ")[0].split(" -> ")
    assert float(after) < 0.1 * float(before)
