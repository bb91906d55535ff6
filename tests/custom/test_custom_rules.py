"""Functions with rules of their own have the derivatives of the rules, in every mode and engine."""

from __future__ import annotations

import functools
import gc
import weakref

import numpy as np
import pytest

import adjoint as ad
from tests.sampling import in_turn

X, Y = np.linspace(0.3, 1.0, 3), np.linspace(1.0, 2.0, 3)


def plain(x, y):
    return ad.sin(x) * y


def by_jvp():
    f = ad.custom_jvp(plain)

    @f.defjvp
    def rule(primals, tangents):
        (x, y), (dx, dy) = primals, tangents
        return f(x, y), ad.cos(x) * y * dx + ad.sin(x) * dy

    return f


def by_vjp():
    f = ad.custom_vjp(plain)
    f.defvjp(
        lambda x, y: (f(x, y), (x, y)),
        lambda kept, v: (ad.cos(kept[0]) * kept[1] * v, ad.sin(kept[0]) * v),
    )
    return f


def same(a, b, rtol=1e-12):
    for one, other in zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]:
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=rtol, atol=1e-13)


PROGRAMS = {
    "alone": lambda f, x, y: ad.sum(f(x, y)),
    "after and before others": lambda f, x, y: ad.sum(f(x * x, y) ** 2 * x),
    "twice": lambda f, x, y: ad.sum(f(f(x, y), x)),
    "in scan": lambda f, x, y: ad.sum(ad.scan(lambda c, _: (f(c, y), None), x, length=3)[0]),
    "in cond": lambda f, x, y: ad.sum(ad.cond(ad.sum(x) > 0, f, lambda x, y: x, x, y)),
    "in while_loop": lambda f, x, y: ad.sum(
        ad.while_loop(lambda s: s[0] < 3, lambda s: (s[0] + 1, f(s[1], y)), (0, x))[1]
    ),
    "in vmap": lambda f, x, y: ad.sum(ad.vmap(f, in_axes=(0, None))(ad.stack([x, y]), y)),
    "in checkpoint": lambda f, x, y: ad.sum(ad.checkpoint(f)(x, y)),
}
DERIVATIVES = {
    "grad": lambda f: ad.grad(f, (0, 1)),
    "jvp": lambda f: lambda x, y: ad.jvp(f, (x, y), (ad.cos(x), y))[1],
    "hessian": lambda f: ad.hessian(f),
    "reverse over reverse": lambda f: ad.jacrev(ad.grad(f, 1)),
    "reverse over forward": lambda f: ad.grad(
        lambda x, y: ad.jvp(f, (x, y), (ad.cos(x), y))[1], (0, 1)
    ),
    "forward over reverse": lambda f: ad.jacfwd(ad.grad(f, 1)),
    "third": lambda f: ad.grad(lambda x, y: ad.sum(ad.hessian(f)(x, y) ** 2)),
}


@pytest.mark.parametrize(
    ("program", "make", "compiled", "derive"),
    in_turn(PROGRAMS, [by_jvp, by_vjp], [False, True], DERIVATIVES, times=2),
)
def test_the_derivatives_are_those_of_the_function(program, make, compiled, derive):
    f = make()
    got = DERIVATIVES[derive](functools.partial(PROGRAMS[program], f))
    want = DERIVATIVES[derive](functools.partial(PROGRAMS[program], plain))
    same((ad.compile(got) if compiled else got)(X, Y), want(X, Y), 1e-10)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("transform", [ad.grad, ad.jacfwd], ids=["reverse", "forward"])
def test_the_rule_is_what_counts(transform, compiled):
    f = ad.custom_jvp(lambda x: x * x)
    f.defjvp(lambda p, t: (f(*p), 10.0 * p[0] ** 3 * t[0]))
    g = ad.custom_vjp(lambda x: x * x)
    g.defvjp(lambda x: (x * x, x), lambda x, v: (10.0 * x**3 * v,))
    for h in (f, g):
        first, second = transform(h), transform(transform(h))
        if compiled:
            first, second = ad.compile(first), ad.compile(second)
        assert float(first(2.0)) == 80.0
        assert float(second(2.0)) == 120.0
        assert float(ad.vmap(transform(h))(np.array([1.0, 2.0]))[1]) == 80.0


def test_a_rule_in_the_reverse_mode_need_not_be_linear():
    clipped = ad.custom_vjp(lambda x: x)
    clipped.defvjp(lambda x: (x, None), lambda _, v: (ad.clip(v, -1.0, 1.0),))
    assert float(ad.grad(lambda x: 5.0 * clipped(x))(2.0)) == 1.0
    assert float(ad.compile(ad.grad(lambda x: 5.0 * clipped(x)))(2.0)) == 1.0


def test_trees():
    f = ad.custom_vjp(lambda p, x: {"out": p["w"] * x, "norm": ad.sum(p["w"] ** 2)})

    def fwd(p, x):
        return f(p, x), (p, x)

    def bwd(kept, v):
        p, x = kept
        return {"w": v["out"] * x + 2 * p["w"] * v["norm"], "n": None}, v["out"] * p["w"]

    f.defvjp(fwd, lambda kept, v: ({**bwd(kept, v)[0], "n": kept[0]["n"]}, bwd(kept, v)[1]))

    def loss(w, x):
        r = f({"w": w, "n": 3}, x)
        return ad.sum(r["out"] ** 2) * r["norm"]

    def written_out(w, x):
        return ad.sum((w * x) ** 2) * ad.sum(w * w)

    same(ad.grad(loss, (0, 1))(X, Y), ad.grad(written_out, (0, 1))(X, Y))
    same(ad.hessian(loss)(X, Y), ad.hessian(written_out)(X, Y))
    same(
        ad.jvp(loss, (X, Y), (Y, X))[1],
        ad.jvp(written_out, (X, Y), (Y, X))[1],
    )


def test_arguments_without_derivative():
    @functools.partial(ad.custom_jvp, nondiff_argnums=(0, 2))
    def apply(f, x, power=2):
        return f(x) ** power

    @apply.defjvp
    def rule(f, power, primals, tangents):
        (x,), (t,) = primals, tangents
        return apply(f, x, power), 100.0 * t

    assert float(ad.grad(lambda x: apply(ad.sin, x))(1.0)) == 100.0
    assert float(ad.grad(lambda x: apply(ad.sin, x, power=3))(1.0)) == 100.0

    scaled = ad.custom_vjp(lambda n, x: n * x, nondiff_argnums=0)
    scaled.defvjp(lambda n, x: (n * x, x), lambda n, x, v: (10.0 * n * v,))
    assert float(ad.grad(lambda x: scaled(3, x))(1.0)) == 30.0


def test_a_rule_for_each_argument():
    f = ad.custom_jvp(plain)
    f.defjvps(lambda t, value, x, y: ad.cos(x) * y * t, None)
    dx, dy = ad.grad(lambda x, y: ad.sum(f(x, y)), (0, 1))(X, Y)
    same(dx, np.cos(X) * Y)
    same(dy, np.zeros(3))


@pytest.mark.parametrize("compiled", [False, True])
def test_what_a_rule_reads_from_outside(compiled):
    def loss(x, y):
        scale = ad.sum(y)
        f = ad.custom_jvp(lambda x: ad.sin(x))
        f.defjvp(lambda p, t: (f(*p), ad.cos(p[0]) * (scale * scale) * t[0]))
        return ad.sum(ad.scan(lambda c, _: (f(c), None), x, length=2)[0])

    def slope(x, y):
        inner = np.sin(x)
        return np.cos(inner) * np.cos(x) * np.sum(y) ** 4

    got = ad.grad(loss)
    same((ad.compile(got) if compiled else got)(X, Y), slope(X, Y))
    # The rule depends on y, though the value does not: that counts from the second order on.
    mixed = ad.jacfwd(lambda y: ad.sum(ad.grad(loss)(X, y)))
    same(mixed(Y), np.full(3, np.sum(np.cos(np.sin(X)) * np.cos(X)) * 4 * np.sum(Y) ** 3), 1e-10)


def test_rules_that_call_each_other():
    sine, cosine = ad.custom_jvp(ad.sin), ad.custom_jvp(ad.cos)
    sine.defjvp(lambda p, t: (sine(*p), cosine(*p) * t[0]))
    cosine.defjvp(lambda p, t: (cosine(*p), -sine(*p) * t[0]))
    f = sine
    for want in (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin):
        f = ad.grad(f)
        assert float(f(0.7)) == pytest.approx(want(0.7))
        assert float(ad.compile(f)(0.7)) == pytest.approx(want(0.7))


def test_plain_calls_run_the_function():
    f = ad.custom_jvp(lambda x: x if x > 0 else -x)  # decides by the value
    f.defjvp(lambda p, t: (f(*p), t[0]))
    assert float(f(-2.0)) == 2.0
    assert f.__wrapped__(-2.0) == 2.0


def test_numpy_in_rules():
    f = ad.custom_jvp(lambda x: np.sum(np.log1p(np.exp(x))))
    f.defjvp(lambda p, t: (f(*p), np.sum(t[0] / (1 + np.exp(-p[0])))))
    same(ad.grad(f)(X), 1 / (1 + np.exp(-X)))


def test_integers_and_floats_of_other_precision():
    f = ad.custom_jvp(lambda n, x: (x * n, n))
    f.defjvp(lambda p, t: (f(*p), (t[1] * p[0], t[0])))
    got = ad.grad(lambda x: ad.sum(f(np.arange(3), x)[0]))(X.astype("float32"))
    assert got.dtype == np.float32
    same(got, np.arange(3.0))


@pytest.mark.parametrize("repeat", ["plain", "scan"])
@pytest.mark.parametrize("make", ["jvp", "vjp", "exact"])
def test_a_rule_may_read_values_that_change(make, repeat):
    factor = 2.0
    if make == "vjp":
        f = ad.custom_vjp(lambda x: x * 1.0)
        f.defvjp(lambda x: (f(x), None), lambda _, v: (factor * v,))
    else:
        f = ad.custom_jvp(lambda x: x * 1.0)
        f.defjvp(lambda p, t: (f(*p) if make == "jvp" else p[0], factor * t[0]))

    def loss(x):
        return f(x) if repeat == "plain" else ad.scan(lambda c, _: (f(c), None), x, length=1)[0]

    for factor in (2.0, 3.0):
        assert float(ad.grad(loss)(1.0)) == factor
        assert float(ad.jvp(loss, (1.0,), (1.0,))[1]) == factor


def test_a_rule_may_read_what_is_batched():
    def slope(x, y):
        f = ad.custom_vjp(lambda x: x * x)
        f.defvjp(lambda x: (f(x), x), lambda x, v: (x * y * v,))
        return ad.grad(lambda x: ad.sum(f(x)))(x)

    same(ad.vmap(slope, in_axes=(None, 0))(2.0, Y), 2.0 * Y)
    same(ad.compile(ad.vmap(slope))(X, Y), X * Y)


def test_edges():
    zero = ad.custom_jvp(lambda x: ad.round(x))
    zero.defjvp(lambda p, t: (zero(*p), ad.zeros_like(p[0])))
    same(ad.grad(lambda x: ad.sum(zero(x) * x))(X), np.round(X))
    nothing = ad.custom_jvp(lambda x: ())
    nothing.defjvp(lambda p, t: ((), ()))
    assert float(ad.grad(lambda x: x + len(nothing(x)))(1.0)) == 1.0
    same_thing = ad.custom_vjp(lambda x, y: (x, x))
    same_thing.defvjp(lambda x, y: ((x, x), None), lambda _, v: (v[0] + 2 * v[1], None))
    assert float(ad.grad(lambda x: sum(same_thing(x, x)))(1.0)) == 3.0
    assert float(ad.compile(same_thing)(2.0, 1.0)[1]) == 2.0
    x = ad.variable(2.0)
    assert float(ad.gradient(sum(same_thing(x, 1.0)) * x, x)) == 4.0 + 6.0


def test_what_a_rule_reads_is_freed():
    freed = []

    def once():
        scale = ad.asarray(np.ones(3))
        f = ad.custom_vjp(lambda x: x * 1.0)
        f.defvjp(lambda x: (f(x), None), lambda _, v: (v * scale,))
        same(ad.grad(lambda x: ad.sum(f(x)))(X), np.ones(3))
        freed.append(weakref.ref(scale.node))

    with ad.options(native="never"):  # native code keeps a graph of each structure that it has
        once()
    gc.collect()
    assert freed[0]() is None
