"""What a program was made of does not change when others look at the tensors it closes over.

A node that is computed forgets its inputs. A program that shares nodes with somebody would then be
finished, at one of its later calls, as other code than it was begun.
"""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.llvm.compile import kernel_cache
from adjoint.errors import GraphError, OutOfBoundsError

CALLS = 7
"""So many that a compiled function has gone through all its stages."""


@pytest.fixture(autouse=True)
def cold(monkeypatch, tmp_path):
    """Nothing is found on disk or in memory."""
    monkeypatch.setenv("ADJOINT_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel_cache, "_kernels", {})


@pytest.mark.native
@pytest.mark.parametrize("looked_at", range(5))
def test_a_tensor_from_outside_may_be_looked_at_between_calls(looked_at):
    w = ad.broadcast_to(ad.asarray(3.0), (5000,))  # not computed yet
    f = ad.compile(lambda x: ad.sin(x) * w + ad.cos(w[:1]))
    x = np.linspace(0, 1, 5000)
    for call in range(CALLS):
        if call == looked_at:
            w.numpy()
        np.testing.assert_allclose(f(x), np.sin(x) * 3 + np.cos(3.0), atol=1e-14)


@pytest.mark.native
@pytest.mark.parametrize("failing", range(5))
def test_a_call_that_failed_leaves_the_program_as_it_was(failing):
    """What native code can only notice the interpreter raises, and computes nodes on the way."""
    f = ad.compile(lambda x, i: ad.index_add(x, i, 1.0))
    x = np.arange(6.0).reshape(3, 2)
    for call in range(CALLS):
        if call <= failing:
            with pytest.raises(OutOfBoundsError):
                f(x, np.array([0, 3]))
        else:
            np.testing.assert_array_equal(f(x, np.array([0, 2])), [[1, 2], [2, 3], [5, 6]])


def test_the_nodes_of_a_program_are_held_by_nobody_else():
    w = ad.broadcast_to(ad.asarray(3.0), (5000,))
    traced = ad.compile(lambda x: x * w).trace(np.ones(5000))
    (product,) = traced.optimised
    assert w.node not in product.inputs
    w.numpy()
    assert product.inputs[1].inputs


@pytest.mark.native
def test_code_that_would_call_what_is_not_there_is_not_loaded():
    """A name that nothing stands behind is address 0 to the loader."""
    program = ad.compile(lambda x: ad.sin(x) * 2).trace(np.ones(5)).program
    program.kernel_names = ["another"]
    with pytest.raises(GraphError, match="changed after it was traced"):
        program.make_native(None)
