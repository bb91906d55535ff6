"""What a checkpointed function keeps for its way back, and what it computes again."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError
from adjoint.graph.op import find
from adjoint.ops.control.saving import POLICIES
from tests.sampling import in_turn

RNG = np.random.default_rng(7)
W, X = RNG.normal(size=(2, 8, 8)) / 3, RNG.normal(size=(4, 8))
SQUARE = 2 * 4 * 8 * 8
"""Operations of a product of X and a matrix."""


def network(w, x):
    """Two layers; the first product is read by nothing but a cosine on the way back."""
    return ad.sum(ad.tanh(ad.sin(x @ w[0]) @ w[1]) ** 2)


def same(a, b, rtol=1e-12):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol, atol=1e-12)


@pytest.fixture
def runs(monkeypatch):
    """How often operations are evaluated, by their names."""
    found = Counter()
    for name in ("matmul", "sin", "tanh"):
        op = find(name)

        def counting(*args, op=op, evaluate=op.evaluate):
            found[op.name] += 1
            return evaluate(*args)

        object.__setattr__(op, "evaluate", counting)
    with ad.options(native="never"):
        yield found
    for name in ("matmul", "sin", "tanh"):
        object.__delattr__(find(name), "evaluate")


@pytest.mark.parametrize(
    ("policy", "products", "sines", "tangents"),
    [
        ("nothing_saveable", 4, 2, 2),  # both products, once more
        ("dots_saveable", 2, 2, 2),
        ("everything_saveable", 2, 1, 1),
    ],
)
def test_what_is_computed_again(runs, policy, products, sines, tangents):
    f = ad.checkpoint(network, policy=policy)
    value, slope = ad.value_and_grad(f)(W, X)
    ad.evaluate((value, slope))
    back = 3  # of both weights, and of what the second is multiplied by
    # The first layer's input has no derivative, and the last product counts for tanh only.
    assert runs["matmul"] == products + back
    assert (runs["sin"], runs["tanh"]) == (sines, tangents)


def test_the_report_counts_products():
    found = {}
    for policy in POLICIES:
        f = ad.compile(ad.value_and_grad(ad.checkpoint(network, policy=policy)))
        f(W, X)
        found[policy] = f.report().flops
    assert found["nothing_saveable"] - found["dots_saveable"] == 2 * SQUARE


DERIVED = {
    "gradient": ad.grad,
    "hessian": ad.hessian,
    "forward of reverse": lambda f: ad.jacfwd(ad.grad(f)),
    "reverse of reverse": lambda f: ad.jacrev(ad.grad(f)),
    "forward of forward": lambda f: ad.jacfwd(ad.jacfwd(f)),
    "third": lambda f: ad.grad(lambda w, x: ad.sum(ad.sin(ad.hessian(f)(w, x)))),
}


@pytest.mark.parametrize(
    ("policy", "compiled", "name"), in_turn(POLICIES, [False, True], DERIVED, times=2)
)
def test_derivatives_agree(policy, compiled, name):
    w, x, derive = W[:, :3, :3].copy(), X[:2, :3].copy(), DERIVED[name]
    got = derive(ad.checkpoint(network, policy=policy))
    got = (ad.compile(got) if compiled else got)(w, x)
    same(got, derive(network)(w, x), 1e-9)


@pytest.mark.parametrize("wrap", [lambda f: f, ad.compile], ids=["uncompiled", "compiled"])
@pytest.mark.parametrize("policy", POLICIES)
def test_many_examples(policy, wrap):
    f = ad.checkpoint(network, policy=policy)
    many = np.stack([X, 2 * X, -X])
    got = wrap(ad.vmap(ad.value_and_grad(f, 1), (None, 0)))(W, many)
    want = ad.vmap(ad.value_and_grad(network, 1), (None, 0))(W, many)
    same(got[0], want[0])
    same(got[1], want[1])
    same(
        wrap(ad.grad(lambda w: ad.sum(ad.vmap(lambda x: f(w, x))(many))))(W),
        ad.grad(lambda w: sum(network(w, x) for x in many))(W),
    )


def test_many_examples_run_forwards_once(runs):
    f = ad.checkpoint(network, policy="everything_saveable")
    found = ad.vmap(ad.value_and_grad(f), (None, 0))(W, np.stack([X, 2 * X]))
    ad.evaluate(found)
    assert (runs["sin"], runs["tanh"]) == (1, 1)


@pytest.mark.parametrize("policy", POLICIES)
def test_results_of_several_dtypes_and_what_is_outside(policy):
    outside = ad.asarray(np.float32([1.0, 2.0, 3.0]))

    def f(x, n):
        y = ad.exp(x) * n
        return {"y": y, "z": ad.sin(y.astype("float32") * outside), "n": n + 1, "b": y > 1}

    def total(f, x):
        found = f(x, np.array([1, 2, 3]))
        chosen = ad.where(found["b"], found["y"], found["n"] * x)
        return ad.sum(chosen) + ad.sum(found["z"].astype("float64"))

    x = np.array([0.1, -0.3, 0.5])
    got = ad.value_and_grad(lambda x: total(ad.checkpoint(f, policy=policy), x))
    want = ad.value_and_grad(lambda x: total(f, x))(x)
    for one in (got, ad.compile(got)):
        same(one(x)[0], want[0], 1e-6)
        same(one(x)[1], want[1], 1e-6)


@pytest.mark.parametrize("inner", POLICIES)
@pytest.mark.parametrize("outer", POLICIES)
def test_one_in_another_and_in_a_loop(outer, inner):
    def layer(h, w):
        return ad.tanh(ad.checkpoint(lambda h: ad.sin(h @ w), policy=inner)(h))

    def f(w):
        step = ad.checkpoint(layer, policy=outer)
        return ad.sum(ad.scan(lambda h, w: (step(h, w), None), X, w)[0])

    want = ad.grad(lambda w: ad.sum(ad.tanh(ad.sin(ad.tanh(ad.sin(X @ w[0])) @ w[1]))))(W)
    same(ad.grad(f)(W), want)
    same(ad.compile(ad.grad(f))(W), want)


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_zero_by_construction_meets_no_infinity(policy):
    f = ad.checkpoint(lambda x: (ad.sqrt(x), x * x), policy=policy)
    same(ad.grad(lambda x: f(x)[0][1] + f(x)[1][0])(np.array([0.0, 4.0])), [0.0, 0.25])


@pytest.mark.parametrize("policy", ["dots", None, 3])
def test_an_unknown_policy_names_the_known_ones(policy):
    with pytest.raises(ArgumentError, match=r"policy must be one of .*'dots_saveable'"):
        ad.checkpoint(ad.sin, policy=policy)
