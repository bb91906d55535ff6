"""What a rule returns wrongly is refused, with the name of the function and the place."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, DTypeError, NotDifferentiableError, ShapeError

TWO = np.ones(2)


def softplus(x):
    return {"y": ad.sum(ad.log1p(ad.exp(x)))}


def by_jvp(rule):
    f = ad.custom_jvp(softplus)
    f.defjvp(rule)
    return lambda: ad.grad(lambda x: f(x)["y"])(TWO)


def by_vjp(bwd, fwd=lambda x: (softplus(x), x)):
    f = ad.custom_vjp(softplus)
    f.defvjp(fwd, bwd)
    return lambda: ad.grad(lambda x: f(x)["y"])(TWO)


def closing_over(y):
    f = ad.custom_jvp(lambda x: x * y)
    f.defjvp(lambda p, t: (f(*p), t[0] * y))
    return f(2.0)


def forward_of_clipping():
    f = ad.custom_vjp(lambda x: x)
    f.defvjp(lambda x: (x, None), lambda _, v: (ad.clip(v, -1.0, 1.0),))
    return ad.jvp(f, (1.0,), (1.0,))


WRONG = [
    (by_jvp(lambda p, t: softplus(*p)), ArgumentError, "softplus.*pair"),
    (by_jvp(lambda p, t: (softplus(*p), 1.0)), ArgumentError, "softplus.*tangent.*structure"),
    (by_jvp(lambda p, t: (softplus(*p), {"y": t[0]})), ShapeError, r"softplus.*tangent\['y'\]"),
    (
        by_jvp(lambda p, t: (softplus(*p), {"y": ad.sum(t[0]).astype("float32")})),
        DTypeError,
        r"softplus.*tangent\['y'\].*float32",
    ),
    (by_jvp(lambda p, t: ({"y": p[0]}, {"y": ad.sum(t[0])})), ShapeError, r"value\['y'\]"),
    (
        by_jvp(lambda p, t: (softplus(*p), {"y": ad.sum(t[0] * t[0])})),
        NotDifferentiableError,
        "softplus.*not linear",
    ),
    (
        by_jvp(lambda p, t: (softplus(*p), {"y": ad.sum(p[0])})),
        NotDifferentiableError,
        "softplus.*not linear",
    ),
    (by_vjp(lambda x, v: v["y"] * x), ArgumentError, "bwd of softplus.*tuple"),
    (by_vjp(lambda x, v: (v["y"] * x, x)), ArgumentError, "1 argument, got tuple of 2"),
    (by_vjp(lambda x, v: (v,)), ArgumentError, "argument 0.*structure"),
    (by_vjp(lambda x, v: (v["y"],)), ShapeError, r"argument 0.*shape \(\)"),
    (by_vjp(lambda x, v: (v["y"] * (1j * x),)), DTypeError, "complex128"),
    (by_vjp(lambda x, v: (x,), softplus), ArgumentError, "fwd of softplus.*pair"),
    (by_vjp(lambda x, v: (x,), lambda x: (x, x)), ArgumentError, "fwd of softplus.*structure"),
    (lambda: ad.grad(closing_over)(3.0), NotDifferentiableError, "outside"),
    (forward_of_clipping, NotDifferentiableError, "custom_jvp"),
    (lambda: ad.custom_jvp(softplus)(TWO), ArgumentError, "no rule was defined for softplus"),
    (lambda: ad.custom_vjp(3), ArgumentError, "function"),
    (lambda: ad.custom_vjp(softplus, nondiff_argnums=-1), ArgumentError, "nondiff_argnums"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_error(number):
    call, kind, words = WRONG[number]
    with pytest.raises(kind, match=words):
        call()


def test_keywords_without_a_position():
    f = ad.custom_jvp(lambda x, *, n: x * n)
    f.defjvp(lambda p, t: (p[0], t[0]))
    with pytest.raises(ArgumentError, match="n"):
        f(1.0, n=2)


def test_reading_what_is_not_differentiated_is_no_error():
    y = ad.asarray(3.0)
    f = ad.custom_jvp(lambda x: x * y)
    f.defjvp(lambda p, t: (f(*p), t[0] * y))
    assert float(ad.grad(f)(2.0)) == 3.0
