"""A process forked while another thread compiles can compile too."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, threading
import numpy as np
import adjoint as ad

stop = False

def compiling():
    n = 0
    while not stop:
        n += 1
        ad.compile(lambda x: ad.sum(ad.tanh(x) * n) ** 2)(np.ones(n % 7 + 1))

ad.compile(ad.sinh)(1.0)  # imports are done: Python itself hangs if forked amid one
thread = threading.Thread(target=compiling)
thread.start()
for _ in range(4):
    child = os.fork()
    if child == 0:
        value = float(ad.compile(lambda x: ad.sum(ad.sinh(x) * 3.25))(np.zeros(3)))
        os._exit(0 if value == 0 else 1)
    assert os.waitpid(child, 0)[1] == 0
stop = True
thread.join()
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_children_forked_while_a_thread_compiles_compile_too(tmp_path):
    environment = {**os.environ, "ADJOINT_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "done", done.stderr
