"""The command line: what it prints, and that a mistake is one message and exit status 2."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adjoint import cli
from adjoint.cli import main

pytestmark = pytest.mark.unit

SLIDES = ["explain", "log(x1) + x1*x2 - sin(x2)", "x1=2", "x2=5"]


def test_explain_prints_the_numbers_of_the_lecture(capsys):
    assert main(SLIDES) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for line in (
        "v3 = ln v1 = 0.693",
        "v4 = v1 v2 = 10",
        "v5 = sin v2 = -0.959",
        "v7 = v6 - v5 = 11.652",
        "ẏ = v̇7 = 5.5",
        "v̄7 = 1",
        "v̄6 = v̄7 ∂v7/∂v6 = v̄7 = 1",
        "v̄5 = v̄7 ∂v7/∂v5 = -v̄7 = -1",
        "v̄4 = v̄6 ∂v6/∂v4 = v̄6 = 1",
        "v̄3 = v̄6 ∂v6/∂v3 = v̄6 = 1",
        "v̄2 = v̄2→5 + v̄2→4 = -0.284 + 2 = 1.716",
        "v̄1 = v̄1→4 + v̄1→3 = 5 + 0.5 = 5.5",
    ):
        assert line in lines


def test_the_guide_shows_real_output(capsys):
    page = Path(__file__).parent.parent / "docs" / "guide" / "explain.md"
    blocks = re.findall(r"^```text\n(.*?)\n```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    for words in (
        SLIDES,
        [*SLIDES, "--order", "2"],
        ["explain", "(exp(v1) + 1) * exp(v1)", "v1=0.5"],
        ["explain", "abs(x)^2", "x=0", "--order", "2"],
    ):
        assert main([*words, "--width", "88"]) == 0
        out = capsys.readouterr().out
        shown = [block for block in blocks if block in out]
        assert shown, words
        blocks = [block for block in blocks if block not in shown]
    assert not blocks


def test_inputs_are_numbered_as_given(capsys):
    assert main(["explain", "b * a", "a=1", "b=2"]) == 0
    out = capsys.readouterr().out
    assert "v1 = a" in out and "v2 = b" in out and "v3 = v2 v1" in out


def test_a_formula_may_begin_with_a_minus(capsys):
    assert main(["explain", "-x", "x=2"]) == 0
    assert "y = -x at x = 2" in capsys.readouterr().out
    assert main(["explain", "-hypot(x, 1)^2", "x=-2", "--precision", "1"]) == 0


def test_options_may_stand_anywhere(capsys):
    assert main(["explain", "x*y", "--order", "2", "x=3", "--precision", "1", "y=2"]) == 0
    assert "f = x*y at x = 3, y = 2" in capsys.readouterr().out


def test_options(capsys, tmp_path):
    files = {form: tmp_path / f"out.{form}" for form in ("svg", "png", "latex", "markdown")}
    words = [word for form, path in files.items() for word in (f"--{form}", str(path))]
    assert main([*SLIDES, "--order", "3", "--precision", "6", "--width", "60", *words]) == 0
    said = capsys.readouterr()
    assert "0.693147" in said.out
    assert "∂³y/∂x1∂x1∂x1" in said.out
    assert max(map(len, said.out.splitlines())) <= 60 + 20  # dots and bars take no column
    assert all(path.stat().st_size > 1000 for path in files.values())
    assert said.err.count("written: ") == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explian"], "there is no command 'explian'; did you mean explain?"),
        (["dance"], "there are: explain, optimizers, train"),
        (["explain"], "the following arguments are required: formula"),
        (["explain", "x"], "the formula uses x, which has no value; add x=…"),
        (["explain", "x", "x=abc"], "'abc' is not a number"),
        (["explain", "x", "x=1", "y=2"], "y is given a value, but the formula does not use it"),
        (["explain", "x", "x=1", "x=2"], "x is given two values"),
        (["explain", "x", "x", "=", "2"], "write name=number without spaces"),
        (["explain", "x*", "x=1"], "the formula ends too early"),
        (["explain", "lgo(x)", "x=1"], "did you mean log?"),
        (["explain", "__import__('os')"], "is not mathematics"),
        (["explain", "1 + 2"], "the formula has no variables"),
        (["explain", "x", "x=1", "--order", "4"], "--order 4 is not possible"),
        (["explain", "x", "x=1", "--order", "two"], "invalid int value: 'two'"),
        (["explain", "x", "x=1", "--precision", "-1"], "--precision -1 is not possible"),
        (["explain", "x", "x=1", "--width", "3"], "--width 3 is not possible"),
        (["explain", "x", "x=1", "--colour"], "unrecognized arguments: --colour"),
        (["explain", "x", "x=1", "--svg", "/no/such/place/a.svg"], "make the directory"),
        (["explain", "x", "x=1", "--latex", "/"], "it is a directory"),
        (["explain", "x" + " + x" * 5000, "x=1"], "more than 10,000"),
    ],
)
def test_a_mistake_is_one_message_and_status_2(words, message, capsys):
    assert main(words) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.err.count("adjoint explain: ") + said.err.count("adjoint: ") == 1


def test_help_and_version(capsys):
    assert main(["--help"]) == 0
    assert "explain" in capsys.readouterr().out
    assert main(["explain", "--help"]) == 0
    assert "arctan2" in capsys.readouterr().out
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("adjoint ")
    assert main([]) == 2
    assert "explain" in capsys.readouterr().out


def test_an_interruption_is_no_traceback(monkeypatch, capsys):
    def stop(words):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_dispatch", stop)
    assert main(["explain"]) == 130
    assert capsys.readouterr().err == "adjoint explain: interrupted\n"


def run(*words, **options):
    command = [sys.executable, "-m", "adjoint", *words]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_python_dash_m():
    done = run(*SLIDES)
    assert (done.returncode, done.stderr) == (0, "")
    assert "11.652" in done.stdout
    done = run("explain", "x")
    assert done.returncode == 2 and not done.stdout


def test_an_old_terminal_gets_question_marks_not_a_traceback():
    done = run(*SLIDES, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "11.652" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="needs a shell with pipes")
def test_a_reader_that_has_seen_enough_is_no_error():
    command = f'"{sys.executable}" -m adjoint explain "x^2" x=2 --order 3 | head -n 1'
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == "y = x^2 at x = 2\n"


def test_help_imports_no_command():
    code = (
        "import sys; from adjoint.cli import main; main(['--help']);"
        "assert 'adjoint.cli.explain' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
