"""Show how the derivatives of a formula come about at a point: the forward evaluation trace,
forward mode for each input, reverse mode with its partial adjoints, and reverse mode by extending
the graph.

  adjoint explain "log(x1) + x1*x2 - sin(x2)" x1=2 x2=5

With --html it also writes a page on which all of this can be stepped through and changed: one file,
which opens in any browser and needs no network.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable

from adjoint.api.atomic_write import atomic_write
from adjoint.cli.explain_server import serve
from adjoint.errors import ExpressionError, RangeError
from adjoint.explanation.explain import explain
from adjoint.explanation.expression import check_names, functions, parse, parse_assignments

PICTURES = ("svg", "png")
TEXTS = ("latex", "markdown", "html")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    known = ", ".join(sorted(functions()))
    parser.epilog = f"functions: {known}; constants: pi, e"
    parser.add_argument("formula", help="such as 'x^2 + sin(x)'; quote it")
    parser.add_argument("values", nargs="*", metavar="name=number", help="such as x=2 or x=pi/2")
    parser.add_argument(
        "--order",
        type=int,
        default=1,
        metavar="N",
        help="1 (the default), 2 or 3: derivatives of the derivatives too",
    )
    for suffix in (*PICTURES, *TEXTS):
        what = "the graph as a picture" if suffix in PICTURES else "the explanation"
        what = "an interactive page" if suffix == "html" else what
        parser.add_argument(f"--{suffix}", metavar="FILE", help=f"write {what} to FILE as well")
    parser.add_argument(
        "--precision", type=int, default=3, metavar="N", help="decimals shown (default 3)"
    )
    parser.add_argument(
        "--serve",
        nargs="?",
        type=int,
        const=0,
        metavar="PORT",
        help="show the page to browsers on this machine only; the library explains what is changed",
    )
    parser.add_argument("--width", type=int, metavar="N", help="columns used (default: terminal)")


def run(args: argparse.Namespace) -> int:
    """Print the explanation, and write what was asked for."""
    _check("order", args.order, 1, 3)
    _check("precision", args.precision, 0, 17)
    width = args.width
    if width is None:
        width = max(60, min(shutil.get_terminal_size((100, 24)).columns, 120))
    _check("width", width, 40, 10_000)
    expression = parse(args.formula.strip())
    values = parse_assignments(args.values)
    check_names(expression, values)
    if not values:
        raise ExpressionError(
            "the formula has no variables, so there is nothing to differentiate; use one, as in "
            "x^2, and give its value: x=2"
        )
    ordered = parse(args.formula.strip(), tuple(values))
    explanation = explain(ordered, *values.values(), order=args.order, names=ordered.names)
    if args.serve is not None:
        _check("serve", args.serve, 0, 65535)
        return serve(explanation, args.serve)
    print(explanation.text(width, args.precision), end="")
    formats: dict[str, Callable[[], str | bytes]] = {
        "svg": explanation.svg,
        "png": explanation.png,
        "latex": lambda: explanation.latex(args.precision),
        "markdown": lambda: explanation.markdown(args.precision),
        "html": explanation.page,
    }
    for suffix, content in formats.items():
        path = getattr(args, suffix)
        if path is not None:
            atomic_write(path, content())
            print(f"written: {path}", file=sys.stderr)
    return 0


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise RangeError(f"--{name} {value} is not possible; give a number from {least} to {most}")
