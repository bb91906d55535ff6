"""Programs that use the thread pool, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

PRELUDE = """
import ctypes, multiprocessing, os, pathlib, re, signal, sys, threading, time, warnings
import numpy as np
from adjoint.backends.llvm.system import thread_pool as pool
from tests.native.system.thread_pool_programs import *
warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads is the point
"""


def script(body, code=0):
    """Run a program; it must end by itself with exit code `code`. Returns what it printed."""
    lines = body.splitlines()
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    text = PRELUDE + "\n".join(line[margin:] for line in lines)
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr
