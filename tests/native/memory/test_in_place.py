"""Results written over what is read for the last time: where that is right, and where it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.schedule.memory import plan_memory

pytestmark = pytest.mark.native

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 300))
MATRIX = X.nbytes


def softmax(z: Any) -> Any:
    return ad.softmax(z, axis=1)


def centred(z: Any) -> Any:
    return z - ad.mean(z, axis=1, keepdims=True)


IN_PLACE = {
    "elementwise": lambda x: ad.tanh(x @ x) @ x,
    "row by row": lambda x: softmax(x @ x) @ x,
    "rows, then elements": lambda x: (centred(x @ x) * x) @ x,
    "the sum of a column": lambda x: (lambda z: (z - ad.sum(z, axis=0)) @ x)(x @ x),
    "one after the other": lambda x: ad.exp(-ad.abs(ad.tanh(x @ x) @ x)) @ x,
}
APART = {
    "read by columns too": lambda x: (lambda z: (z + z.T) @ x)(x @ x),
    "neighbours": lambda x: (lambda z: (z + ad.roll(z, 1, axis=0)) @ x)(x @ x),
    "two results": lambda x: (lambda z: ad.tanh(z) @ x + ad.exp(-z * z) @ x)(x @ x),
    "summed beside": lambda x: (lambda z: ad.tanh(z) @ x + ad.sum(z * z, axis=0))(x @ x),
    "read again later": lambda x: (lambda z: (ad.tanh(z) @ x) * z @ x)(x @ x),
    "repeated in strips": lambda x: ad.sin(1e8 * (ad.rint(x) @ ad.rint(x))) @ x,
    "an output too": lambda x: (lambda z: (z, ad.tanh(z) @ x))(x @ x),
    "another size": lambda x: (lambda z: ad.tanh(z[:150] + z[150:]) @ x)(x @ x),
    "single precision": lambda x: ad.astype(ad.tanh(x @ x), np.float32) @ ad.astype(x, np.float32),
}


def results(f: Any) -> tuple[list[np.ndarray], Any]:
    compiled = ad.compile(f)
    outs = compiled(X)
    return [np.asarray(y) for y in (outs if isinstance(outs, tuple) else (outs,))], compiled


@pytest.mark.parametrize("name", [*IN_PLACE, *APART])
def test_results_are_right(name: str) -> None:
    """As node by node, again when called again, and for any number of threads."""
    f = {**IN_PLACE, **APART}[name]
    found, compiled = results(f)
    expected = f(ad.asarray(X))
    for y, e in zip(found, expected if isinstance(expected, tuple) else (expected,), strict=True):
        share = 1e-9 if y.itemsize == 8 else 1e-5
        np.testing.assert_allclose(y, np.asarray(e), atol=share * np.abs(np.asarray(e)).max())
    for threads in (1, 2, 3):
        with ad.options(threads=threads):
            again = compiled(X)
        again = again if isinstance(again, tuple) else (again,)
        for y, e in zip(again, found, strict=True):
            np.testing.assert_array_equal(np.asarray(y), e)


@pytest.mark.parametrize("name", IN_PLACE)
def test_one_matrix_is_memory_enough(name: str) -> None:
    _, compiled = results(IN_PLACE[name])
    plan = plan_memory(compiled._last().schedule)
    assert plan.size < (2.1 if name == "one after the other" else 1.1) * MATRIX


@pytest.mark.parametrize("name", ["sin", "cos", "tan", "gammaln", "digamma", "trigamma"])
def test_what_loops_may_read_again_is_not_written_over(name: str) -> None:
    """A strip that needs the slow path is computed twice, whatever the operation is called."""
    function = {
        "gammaln": ad.special.gammaln,
        "digamma": ad.special.digamma,
        "trigamma": lambda x: ad.special.polygamma(1, x),
    }.get(name) or getattr(ad, name)
    shift = 0.3 if "gamma" in name else 1e9
    f = lambda x: function(x @ x + shift) @ x
    found, compiled = results(f)
    np.testing.assert_allclose(found[0], f(ad.asarray(X)).numpy(), rtol=1e-6)
    assert plan_memory(compiled._last().schedule).size >= 2 * MATRIX


@pytest.mark.parametrize("name", ["read by columns too", "neighbours", "repeated in strips"])
def test_what_others_still_read_is_not_written_over(name: str) -> None:
    _, compiled = results(APART[name])
    assert plan_memory(compiled._last().schedule).size >= 2 * MATRIX
