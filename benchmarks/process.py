"""A worker seen from outside: started, asked with a time limit, ended."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.row import Row

ROOT = Path(__file__).parent.parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Failed(Exception):
    """The system gave no result; says why."""


def environment(row: Row, caches: str) -> dict[str, str]:
    """The environment of a worker: its caches, the precision, the threads."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    changed = unpinned(kept) | {
        "ADJOINT_CACHE_DIR": os.path.join(caches, "adjoint"),
        "TORCHINDUCTOR_CACHE_DIR": os.path.join(caches, "inductor"),
        "JAX_ENABLE_X64": "1" if row.dtype == "float64" else "0",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    if row.pinned:
        changed.update(dict.fromkeys(THREADS, "1"))
    return changed


def unpinned(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment without what would hold the BLAS of NumPy and SciPy, and so ours, to the
    kernels of an older processor: every library chooses for itself."""
    return {name: text for name, text in variables.items() if not name.startswith("OPENBLAS_")}


class Process:
    """One system at the work of one row."""

    def __init__(self, name: str, row: Row, system: str, caches: str, smoke: bool) -> None:
        self.timeout = row.timeout
        command = [sys.executable, "-m", "benchmarks.worker", name, system]
        self.child = subprocess.Popen(
            command + ["--smoke"] * smoke,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment(row, caches),
            text=True,
        )
        if row.pinned and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.child.pid, {max(os.sched_getaffinity(0))})
        self.lines: queue.Queue[str] = queue.Queue()
        self.errors: deque[str] = deque(maxlen=50)
        self.listeners = [
            threading.Thread(target=target, daemon=True) for target in (self.listen, self.overhear)
        ]
        for listener in self.listeners:
            listener.start()
        self.version: str = self.receive(self.timeout)

    def listen(self) -> None:
        """Pass on what the worker says; an empty line when it has ended."""
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.lines.put(line)
        self.lines.put("")

    def overhear(self) -> None:
        """Keep the last lines that the worker writes to standard error."""
        assert self.child.stderr is not None
        self.errors.extend(self.child.stderr)

    def ask(self, request: str, patience: float | None = None) -> Any:
        """The answer to a request."""
        assert self.child.stdin is not None
        try:
            self.child.stdin.write(request + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise Failed(self.last_words()) from None
        return self.receive(patience or self.timeout)

    def receive(self, patience: float) -> Any:
        try:
            line = self.lines.get(timeout=patience)
        except queue.Empty:
            self.end()
            raise Failed(f"no result in {patience:g} s") from None
        if not line:
            raise Failed(self.last_words())
        return json.loads(line)

    def last_words(self) -> str:
        """The last line that the worker wrote to standard error."""
        self.child.wait()
        self.listeners[1].join(1.0)
        lines = [line.strip() for line in self.errors if line.strip()]
        return lines[-1][:200] if lines else f"ended with {self.child.returncode}"

    def end(self) -> None:
        """End the worker, if it has not ended."""
        self.child.kill()
        self.child.wait()
