"""Write a page on which optimisers of first and second order descend side by side, with sliders
for their learning rates, and on which finite differences show their two regimes.

  adjoint optimizers descent.html
"""

from __future__ import annotations

import argparse
import sys

from adjoint.api.atomic_write import atomic_write
from adjoint.explanation.page.optimizers import optimizers_page


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "file", metavar="FILE", help="where to write the page, such as descent.html"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    atomic_write(args.file, optimizers_page())
    print(f"written: {args.file}", file=sys.stderr)
    return 0
