"""Floor 11: the command line, ``adjoint`` or ``python -m adjoint``.

Each command is a module with `add_arguments(parser)` and ``run(args) -> int``, imported when it is
asked for. What a user got wrong is one message on stderr and exit status 2, never a traceback.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from adjoint.errors import AdjointError

__all__ = ["main"]

COMMANDS = {
    "explain": "show how the derivatives of a formula come about, step by step",
    "optimizers": "write a page on which optimisers descend side by side",
    "train": "train a small network on handwritten digits",
}
MISTAKE = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    >>> main(["--version"])
    adjoint ...
    0
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # rather ? than a failure on an old terminal
    try:
        return _dispatch(words)
    except SystemExit as stop:  # argparse has said what was wrong, or has shown its help
        return stop.code if isinstance(stop.code, int) else MISTAKE
    except AdjointError as error:
        print(f"adjoint {words[0]}: {error}", file=sys.stderr)
        return MISTAKE
    except BrokenPipeError:  # the reader of the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(f"adjoint {words[0]}: interrupted", file=sys.stderr)
        return INTERRUPTED


def _dispatch(words: list[str]) -> int:
    if not words or words[0] not in COMMANDS:
        return _no_command(words)
    command = importlib.import_module(f"adjoint.cli.{words[0]}")
    parser = argparse.ArgumentParser(
        prog=f"adjoint {words[0]}",
        description=command.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    status: int = command.run(parser.parse_intermixed_args(_guarded(words[1:])))
    sys.stdout.flush()
    return status


def _guarded(words: list[str]) -> list[str]:
    """The words with a space before a formula such as -x, which is not meant as an option."""
    return [f" {w}" if w[:1] == "-" and w[1:2] not in ("", "-") and w != "-h" else w for w in words]


def _no_command(words: list[str]) -> int:
    listed = "\n".join(f"  {name:10} {what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="adjoint",
        usage="adjoint COMMAND …",
        description=f"Differentiation of programs: a derivative is more graph.\n\n{listed}",
        epilog="adjoint COMMAND --help tells more of a command",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"adjoint {_version()}")
    if not words:
        parser.print_help()
        return MISTAKE
    if not words[0].startswith("-"):
        near = difflib.get_close_matches(words[0], COMMANDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(COMMANDS)}"
        parser.error(f"there is no command {words[0]!r}; {hint}")
    parser.parse_args(words)
    return MISTAKE


def _version() -> str:
    try:
        return version("adjoint")
    except PackageNotFoundError:
        return "(not installed)"
