"""Work in several threads that take turns as often as they can."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable


def in_threads(work: Callable[[int], None], starts: Iterable[int]) -> None:
    """Call `work` with each number, each in a thread of its own, and wait for all."""
    threads = [threading.Thread(target=work, args=(start,)) for start in starts]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
