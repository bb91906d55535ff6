"""check_rule accepts right rules and finds wrong ones."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, GradientMismatchError

X = np.linspace(0.3, 1.0, 3)


def by_jvp(rule):
    f = ad.custom_jvp(lambda x: ad.sin(x) * x)
    f.defjvp(rule(f))
    return f


def by_vjp(fwd, bwd):
    f = ad.custom_vjp(lambda x: ad.sin(x) * x)
    f.defvjp(fwd, bwd)
    return f


def slope(x):
    return ad.cos(x) * x + ad.sin(x)


RIGHT = {
    "custom_jvp": by_jvp(lambda f: lambda p, t: (f(*p), slope(*p) * t[0])),
    "custom_vjp": by_vjp(lambda x: (ad.sin(x) * x, x), lambda x, v: (slope(x) * v,)),
}
WRONG = {
    "slope": (by_jvp(lambda f: lambda p, t: (f(*p), ad.cos(*p) * t[0])), "disagree"),
    "value": (by_jvp(lambda f: lambda p, t: (p[0], slope(*p) * t[0])), "value"),
    "offset": (
        by_jvp(lambda f: lambda p, t: (f(*p), slope(*p) * t[0] + 1e-9)),
        "not linear",
    ),
    "sign": (by_vjp(lambda x: (ad.sin(x) * x, x), lambda x, v: (-slope(x) * v,)), "disagree"),
    "value of fwd": (by_vjp(lambda x: (ad.sin(x), x), lambda x, v: (slope(x) * v,)), "fwd"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_rules(name):
    assert ad.check_rule(RIGHT[name], X).agrees
    assert ad.check_rule(RIGHT[name], X, order=2).agrees
    assert ad.check_rule(RIGHT[name], X.astype("float32")).agrees


@pytest.mark.parametrize("name", WRONG)
def test_wrong_rules(name):
    f, words = WRONG[name]
    with pytest.raises(GradientMismatchError, match=words):
        ad.check_rule(f, X)


def test_trees_integers_and_fixed_arguments():
    f = ad.custom_jvp(lambda k, p, n: {"y": p["w"] ** k * n}, nondiff_argnums=0)
    f.defjvp(
        lambda k, p, t: (
            f(k, *p),
            {"y": k * p[0]["w"] ** (k - 1) * t[0]["w"] * p[1]},
        )
    )
    assert ad.check_rule(f, 3, {"w": X}, np.arange(3)).agrees


def test_complex_rules():
    z = X + 0.5j
    f = ad.custom_jvp(lambda z: z * z)
    f.defjvp(lambda p, t: (f(*p), 2 * p[0] * t[0]))
    assert ad.check_rule(f, z).agrees


def test_refusals():
    with pytest.raises(ArgumentError, match="check_gradients"):
        ad.check_rule(ad.sin, X)
    with pytest.raises(ArgumentError, match="no argument"):
        ad.check_rule(by_jvp(lambda f: lambda p, t: (f(*p), t[0])), np.arange(3))
