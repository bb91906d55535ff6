"""A line for each step of a solver, for those who ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from adjoint.errors import MissingExtraError


@contextmanager
def shown(name: str, progress: bool, callback: Any, value: Callable[[Any], Any]) -> Iterator[Any]:
    """The callback to give to a solver: the user's, and with `progress` one that shows where it is.

    Drawn by the package rich, of the extra ``train``.
    """
    if not progress:
        yield callback
        return
    try:
        from rich.progress import Progress, SpinnerColumn, TimeElapsedColumn
    except ImportError as error:
        raise MissingExtraError(f"{name}: progress=True", "rich", "train") from error
    columns = (SpinnerColumn(), "{task.description}", TimeElapsedColumn())
    with Progress(*columns) as bar:
        task = bar.add_task(name, total=None)
        count = 0

        def step(x: Any, *more: Any) -> Any:
            nonlocal count
            count += 1
            bar.update(task, description=f"{name}: step {count}, value {float(value(x)):.6g}")
            return None if callback is None else callback(x, *more)

        yield step
