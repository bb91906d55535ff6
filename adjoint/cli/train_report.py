"""What a training run shows: a progress bar, a row for each epoch, and the loss curve."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adjoint.api.atomic_write import atomic_write
from adjoint.errors import MissingExtraError

HEADER = f"{'epoch':>7}{'loss':>11}{'train error':>14}{'test error':>13}{'seconds':>10}"

_FLOOR = 1e-9
"""What is drawn for a loss that is smaller, on a logarithmic axis."""


def need(module: str, what: str) -> None:
    """Raise `MissingExtraError` unless an optional package is installed."""
    if importlib.util.find_spec(module) is None:
        raise MissingExtraError(what, module, "train")


def percent(fraction: float) -> str:
    """A fraction as a percentage."""
    return f"{100 * fraction:.2f} %"


def row(epoch: int, loss: float, train_error: float, test_error: float, seconds: float) -> str:
    """The line of the table for one epoch."""
    errors = f"{percent(train_error):>14}{percent(test_error):>13}"
    return f"{epoch:>7}{loss:>11.4f}{errors}{seconds:>10.2f}"


class Display:
    """Where a run writes to: nothing, lines, or lines above a bar."""

    def __init__(self, write: Callable[[str], Any], bar: Any = None, task: Any = None) -> None:
        self.write = write
        self.bar = bar
        self.task = task

    def step(self, epoch: int, loss: float, error: float) -> None:
        """One more minibatch is done, with the averages of this epoch so far."""
        if self.bar is not None:
            state = f"epoch {epoch}  loss {loss:.4f}  error {percent(error)}"
            self.bar.update(self.task, advance=1, description=state)


@contextmanager
def display(total: int, done: int, *, quiet: bool, bar: bool) -> Iterator[Display]:
    """The display of a run of `total` minibatches; a bar only on a terminal."""
    if quiet:
        yield Display(lambda line: None)
    elif not bar or not sys.stdout.isatty():
        yield Display(lambda line: print(line, flush=True))
    else:
        need("rich", "the progress bar (or run with --no-progress)")
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, transient=True) as shown:
            task = shown.add_task("", total=total, completed=done)
            yield Display(lambda line: shown.console.print(line, highlight=False), shown, task)


def draw(path: Path, title: str, history: list[tuple[float, float, float]]) -> None:
    """Write the loss curve and the errors of the epochs as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    losses, train, test = zip(*history, strict=True)
    epochs = range(1, len(history) + 1)
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    mark = {"marker": "o"} if len(history) == 1 else {}
    left.plot(epochs, [max(loss, _FLOOR) for loss in losses], color="tab:blue", **mark)
    left.set(xlabel="epoch", ylabel="training loss", yscale="log")
    right.plot(epochs, [100 * e for e in train], color="tab:blue", label="training", **mark)
    right.plot(epochs, [100 * e for e in test], color="tab:orange", label="test", **mark)
    right.set(xlabel="epoch", ylabel="error in %")
    right.set_ylim(bottom=0)
    right.legend(frameon=False)
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    atomic_write(path, buffer.getvalue())
