"""How the tests of rolled loops run compiled functions, and see which loops were rolled up."""

from __future__ import annotations

import numpy as np

import adjoint as ad
from adjoint.api.tree import flatten
from adjoint.graph.recording import Rolled


def arrays(tree):
    return [np.asarray(x) for x in flatten(ad.evaluate(tree))[0]]


def run(f, args, **settings):
    """What a compiled function returns, and the loops that were rolled up in it."""
    compiled = ad.compile(f)
    with ad.options(**settings):
        result = arrays(compiled(*args))
    return result, compiled.report().rolled


def compare(f, *args, rolled, rtol=1e-12):
    """f, rolled up, is f to the bit where NumPy does the arithmetic, and nearly so natively; its
    derivatives are the same but for the order of their sums."""
    got, loops = run(f, args, native="never")
    want, none = run(f, args, native="never", roll_loops=False)
    assert loops == tuple(Rolled(*x) for x in rolled)
    assert none == ()
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(run(f, args)[0], want, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)

    def total(*args):
        return sum(ad.sum(ad.sin(y)) for y in flatten(f(*args))[0])

    slopes = ad.grad(total, tuple(range(len(args))))
    want = run(slopes, args, native="never", roll_loops=False)[0]
    for a, b in zip(run(slopes, args)[0], want, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)
