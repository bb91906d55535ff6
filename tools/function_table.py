"""Write docs/functions.md: what each function can do, found out by making it do it.

    python tools/function_table.py [--check]

Run it from the root of the repository. Each function is called as the tests' tables call it, and
its graph is differentiated, mapped over and scheduled, without computing anything: so the page says
what the records of the operations say. With --check nothing is written; the exit status says
whether the page is current.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import adjoint as ad  # noqa: E402  the root must be on the path first
from adjoint.errors import (  # noqa: E402
    ConcretizationError,
    ConstantDrawWarning,
    NotDifferentiableError,
)
from tests.numpy.most_used import MOST_USED  # noqa: E402
from tools.function_examples import Example, as_example, examples  # noqa: E402

PAGE = ROOT / "docs" / "functions.md"
YES, NONE, NO, PART = "✓", "–", "no", "partly"
BY_VALUE, BY_NUMPY, LOOPS = "by value", "NumPy", "✓"
COLUMNS = ("value", "forward", "reverse", "second order", "vmap", "native")
HEAD = """\
# What each function can do

This page is written by `tools/function_table.py` from the operations themselves: each function is
called as the tests call it, and its graph is differentiated, mapped over and scheduled. The tests
compare the values and derivatives of all of them with other libraries.

- **forward**, **reverse**: first derivatives by `jvp` and by `grad`.
- **second order**: derivatives of the gradient, forward over reverse.
- **vmap**: whether a batch is computed at once.
- **native**: what compiled functions make of it, with its gradient: ✓ loops and calls of libraries
  alone; `NumPy`, where a step is a function of NumPy's or SciPy's, which the program calls.
- `–`: there is nothing to differentiate: truth values, indices, whole numbers, constants.
- `by value`: the values decide what comes out, so they are asked for at once: not in compiled
  functions, and not under `vmap`.
- `partly`: by some arguments only, and an error says by which not.
- Several marks: one or the other, as options and dtypes have it.

"""


def cells(example: Example) -> tuple[str, ...]:
    """What one call can do, a word for each column."""
    xs = tuple(map(np.asarray, example.inputs))
    active = [i for i, x in enumerate(xs) if x.dtype.kind in "fc"]
    outputs = _parts(example.call(*map(ad.asarray, xs)))
    kinds = {y.dtype.kind if hasattr(y, "dtype") else "" for y in outputs}
    smooth = bool(active) and bool(kinds & {"f", "c"})
    f = _scalar(example, xs, active)
    given = [xs[i] for i in active]
    if not smooth:
        derived = [NONE] * 3
    else:
        derived = [_tried(rule, f, given) for rule in (_forward, _reverse, _second)]
    return (YES, *derived, _mapped(f, given, xs, example), _native(f, given, smooth, xs, example))


def _parts(result: Any) -> list[Any]:
    if isinstance(result, (tuple, list)):
        return [part for item in result for part in _parts(item)]
    return [result]


def _scalar(example: Example, xs: Sequence[Any], active: list[int]) -> Callable[..., Any]:
    """The sum of all outputs that have derivatives as a function of the floating inputs."""
    call = example.call

    def scalar(*given: Any) -> Any:
        whole: list[Any] = [ad.asarray(x) for x in xs]
        for i, x in zip(active, given, strict=True):
            whole[i] = x
        total: Any = 0.0
        for y in _parts(call(*whole)):
            if hasattr(y, "dtype") and y.dtype.kind in "fcbiu":
                y = ad.asarray(y)
                real = ad.real(y) if y.dtype.kind == "c" else y
                total = total + ad.sum(real * real if real.dtype.kind == "f" else real)
        return ad.astype(ad.asarray(total), "float64")

    return scalar


def _forward(f: Any, xs: Any) -> Any:
    return ad.jvp(f, xs, [np.ones_like(x) for x in xs])


def _reverse(f: Any, xs: Any) -> Any:
    return ad.grad(f, tuple(range(len(xs))))(*xs)


def _second(f: Any, xs: Any) -> Any:
    slope = ad.grad(f, tuple(range(len(xs))))
    return ad.jvp(slope, xs, [np.ones_like(x) for x in xs])


def _tried(rule: Any, f: Any, xs: list[Any]) -> str:
    """Whether there is such a derivative by all inputs, by some of them, or by none."""
    try:
        rule(f, xs)
        return YES
    except NotDifferentiableError:
        return PART if len(xs) > 1 and any(_alone(rule, f, xs, i) for i in range(len(xs))) else NO


def _alone(rule: Any, f: Any, xs: list[Any], i: int) -> bool:
    try:
        rule(lambda x: f(*xs[:i], x, *xs[i + 1 :]), [xs[i]])
    except NotDifferentiableError:
        return False
    return True


def _mapped(f: Any, given: list[Any], xs: Sequence[Any], example: Example) -> str:
    if not xs:
        return YES
    try:
        if given:
            ad.vmap(f)(*(np.stack([x, x]) for x in given))
        else:
            ad.vmap(example.call)(*(np.stack([x, x]) for x in xs))
    except ConcretizationError:
        return BY_VALUE
    return YES


def _native(f: Any, given: list[Any], smooth: bool, xs: Sequence[Any], example: Example) -> str:
    try:
        if smooth:
            try:
                both = ad.value_and_grad(f, tuple(range(len(given))))
                traced = ad.compile(both).trace(*given)
            except NotDifferentiableError:
                traced = ad.compile(f).trace(*given)
        else:
            traced = ad.compile(example.call).trace(*xs)
    except ConcretizationError:
        return BY_VALUE
    return BY_NUMPY if any(step.calls_python for step in traced.schedule.steps) else LOOPS


def combined(rows: list[tuple[str, ...]]) -> tuple[str, ...]:
    """One word for each column, of all ways to call a function."""
    return tuple(_one_of(Counter(column)) for column in zip(*rows, strict=True))


def _one_of(words: Counter[str]) -> str:
    if len(words) > 1:
        words.pop(NONE, None)
    if len(words) == 1:
        return next(iter(words))
    return PART if NO in words or PART in words else _weaker(words)


def _weaker(words: Counter[str]) -> str:
    return ", ".join(sorted(words, key=[YES, BY_NUMPY, BY_VALUE].index))


def line(*texts: str) -> str:
    return "| " + " | ".join(texts) + " |\n"


def table(title: str, rows: list[tuple[str, ...]], first: Sequence[str]) -> str:
    head = line(*first, *COLUMNS)
    return f"## {title}\n\n{head}{line(*['---'] * (len(first) + len(COLUMNS)))}" + "".join(
        line(*row) for row in rows
    )


def page() -> str:
    """The text of the page."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstantDrawWarning)  # some rows are about such draws
        return _page()


def _page() -> str:
    found = examples()
    text = HEAD
    titles = {"": "adjoint", "linalg": "adjoint.linalg", "fft": "adjoint.fft"}
    titles["special"] = "adjoint.special"
    for space, title in titles.items():
        rows = [
            (f"`{name.removeprefix(f'{space}.')}`", *combined([cells(e) for e in found[name]]))
            for name in found
            if (name.rpartition(".")[0] or "") == space
        ]
        text += table(title, rows, ["function"]) + "\n"
    text += MOST_USED_HEAD
    uses = [
        (f"`{use.name}`", f"`{use.expression}`".replace("|", "\\|"), *cells(as_example(use, np)))
        for use in MOST_USED
    ]
    return (
        text + table("What programs call most", uses, ["NumPy's", "called as"]).partition("\n\n")[2]
    )


MOST_USED_HEAD = f"""\
## What programs call most

The {len(MOST_USED)} functions of NumPy that programs call most, by NumPy's names in functions
that are differentiated. `x` and `y` are arrays of generic numbers.

"""


def main() -> int:
    text = page()
    if "--check" in sys.argv[1:]:
        return int(PAGE.read_text("utf-8") != text)
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
