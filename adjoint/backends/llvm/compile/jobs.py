"""Jobs that threads do side by side, while the thread that gives them prepares the next.

A thread that forks waits until no helper is in the middle of a job, as its child has no helpers: it
finds each job done, or not begun and still in the queue.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

from adjoint.graph.forking import new_lock

MOST_HELPERS = 3
"""More would wait for modules: a program is written as fast as about four threads compile it."""

_busy = [new_lock() for _ in range(MOST_HELPERS)]
"""What each helper holds while it does a job."""


class Jobs(AbstractContextManager["Jobs"]):
    """A queue of jobs, for `threads` threads with the one that waits for them in `finish`; how many
    may be asked for when the first long job comes.

    What a job raises `finish` raises when all are done; an interrupt of the thread that waits is
    raised at once. When the context is left no helper works any more.
    """

    def __init__(self, threads: int | Callable[[], int]) -> None:
        self._threads = threads
        self._waiting: deque[Callable[[], None]] = deque()
        self._helpers: dict[int, threading.Thread] = {}
        self._errors: list[Exception] = []

    def add(self, job: Callable[[], None], is_long: bool) -> None:
        """Put a job into the queue. One that `is_long` is worth a helper, which begins at once."""
        self._waiting.append(job)
        free = [i for i in range(self._most()) if not self._is_alive(i)] if is_long else ()
        for number in free[:1]:
            helper = threading.Thread(target=self._help, args=(number,), name="adjoint compiler")
            with suppress(RuntimeError):  # no thread can be had: `finish` does what is left
                helper.start()
                self._helpers[number] = helper

    def _most(self) -> int:
        """How many helpers there may be."""
        if callable(self._threads):
            self._threads = self._threads()
        return min(self._threads - 1, MOST_HELPERS)

    def finish(self) -> None:
        """Do what is left, and wait until all is done."""
        while self._do_next():
            pass
        self._join()
        if self._errors:
            raise self._errors[0]

    def __exit__(self, *error: object) -> None:
        self._waiting.clear()
        self._join()

    def _is_alive(self, number: int) -> bool:
        return number in self._helpers and self._helpers[number].is_alive()

    def _help(self, number: int) -> None:
        """What a helper does: jobs as long as there are any."""
        found = True
        while found:
            with _busy[number]:
                found = self._do_next()

    def _do_next(self) -> bool:
        """Do the job that waits longest; false if there is none."""
        try:
            job = self._waiting.popleft()
        except IndexError:
            return False
        try:
            job()
        except Exception as error:
            self._errors.append(error)
        return True

    def _join(self) -> None:
        for helper in self._helpers.values():
            helper.join()
