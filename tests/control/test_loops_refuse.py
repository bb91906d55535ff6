"""What does not fit into a loop or a branch is refused at once, with the argument's name."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, ConcretizationError, DTypeError, ShapeError

TWO, THREE = np.ones(2), np.ones(3)

WRONG = [
    (lambda: ad.scan(lambda c, x: c, 0.0, THREE), ArgumentError, "pair"),
    (lambda: ad.scan(lambda c, x: ((c, c), x), 0.0, THREE), ArgumentError, "structure"),
    (lambda: ad.scan(lambda c, x: (ad.ones(3), x), TWO, THREE), ShapeError, "init"),
    (
        lambda: ad.scan(lambda c, x: ({"h": c["h"].astype("float32")}, x), {"h": TWO}, THREE),
        DTypeError,
        r"init\['h'\]",
    ),
    (lambda: ad.scan(lambda c, x: (c, x), TWO, [1.0, 2.0]), ShapeError, r"xs\[0\]"),
    (lambda: ad.scan(lambda c, x: (c, x), TWO, (TWO, THREE)), ShapeError, r"2 \(xs\[0\]\)"),
    (lambda: ad.scan(lambda c, x: (c, x), TWO, THREE, length=4), ShapeError, r"4 \(length\)"),
    (lambda: ad.scan(lambda c, x: (c, x), TWO), ShapeError, "length"),
    (lambda: ad.scan(lambda c, x: (c, x), TWO, THREE, unroll=0), ArgumentError, "unroll"),
    (lambda: ad.scan(3, TWO, THREE), ArgumentError, "function"),
    (lambda: ad.scan(lambda c, x: (c if c > 0 else x, x), 0.0, THREE), ConcretizationError, "cond"),
    (lambda: ad.while_loop(lambda c: c, lambda c: c, 1.0), ArgumentError, "cond_fun"),
    (lambda: ad.while_loop(lambda c: c < 1, lambda c: (c, c), 1.0), ArgumentError, "structure"),
    (lambda: ad.while_loop(lambda c: c[0] < 1, lambda c: c[:1], TWO), ShapeError, "init_val"),
    (lambda: ad.fori_loop(0, ad.asarray(2.5), lambda i, v: v, 1.0), DTypeError, "upper"),
    (lambda: ad.cond(1.0, abs, abs, 2.0), ArgumentError, "pred"),
    (lambda: ad.cond(TWO > 0, abs, abs, 2.0), ArgumentError, "pred"),
    (lambda: ad.cond(True, lambda x: x, lambda x: (x, x), 1.0), ArgumentError, "true_fun"),
    (lambda: ad.cond(True, lambda x: x, lambda x: x[:1], TWO), ShapeError, "false_fun"),
    (lambda: ad.cond(True, lambda x: x, lambda x: x > 1, TWO), DTypeError, "true_fun"),
    (lambda: ad.switch(0, [], 1.0), ArgumentError, "branches"),
    (lambda: ad.switch(0.5, [abs], 1.0), DTypeError, "index"),
    (lambda: ad.map(abs, 1.0), ShapeError, "0-d"),
    (lambda: ad.associative_scan(ad.add, (TWO, THREE)), ShapeError, "length"),
    (lambda: ad.associative_scan(lambda a, b: (a, b), THREE), ArgumentError, "fn"),
    (lambda: ad.checkpoint(1), ArgumentError, "function"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_error(number):
    call, kind, words = WRONG[number]
    with pytest.raises(kind, match=words):
        call()


def test_python_numbers_take_the_dtype_of_the_step():
    state, _ = ad.scan(lambda c, x: (c + x, None), 0, ad.ones(3, dtype="float32"))
    assert state.dtype == np.float32 and float(state) == 3.0
    assert ad.cond(True, lambda x: x, lambda x: 0.0, ad.ones(2, dtype="float32")[0]).dtype == "f4"
