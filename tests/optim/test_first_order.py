"""Optimisers of first order against the same arithmetic written by hand in NumPy."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor

pytestmark = pytest.mark.unit

RANDOM = np.random.default_rng(3)
START = {"w": RANDOM.normal(size=(3, 2)), "b": [RANDOM.normal(size=2)]}
GRADIENTS = [{"w": RANDOM.normal(size=(3, 2)), "b": [RANDOM.normal(size=2)]} for _ in range(6)]


def both(tree):
    return tree["w"], tree["b"][0]


def run(optimizer, start=START, gradients=GRADIENTS):
    """The parameters after all gradients were applied."""
    params, state = start, optimizer.init(start)
    for g in gradients:
        updates, state = optimizer.update(g, state, params)
        params, state = ad.evaluate((ad.optim.apply_updates(params, updates), state))
    return params


def by_hand(rule):
    """The same for a rule (parameter, gradient, memory, step) -> parameter on NumPy arrays."""
    result = []
    for place in range(2):
        p, memory = both(START)[place].copy(), {}
        for number, g in enumerate(GRADIENTS):
            p = rule(p, both(g)[place], memory, number + 1)
        result.append(p)
    return result


def agree(optimizer, rule):
    for found, expected in zip(both(run(optimizer)), by_hand(rule), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_sgd_steps_downhill():
    agree(ad.optim.sgd(0.1), lambda p, g, memory, t: p - 0.1 * g)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_momentum_remembers(nesterov, decay):
    def rule(p, g, memory, t):
        g = g + decay * p
        memory["m"] = 0.9 * memory.get("m", 0) + g
        return p - 0.1 * (0.9 * memory["m"] + g if nesterov else memory["m"])

    agree(ad.optim.sgd(0.1, momentum=0.9, nesterov=nesterov, weight_decay=decay), rule)
    if not decay:
        agree(ad.optim.momentum(0.1, nesterov=nesterov), rule)


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_adam_is_algorithm_1_of_its_paper(decay):
    def rule(p, g, memory, t):
        m = memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
        v = memory["v"] = 0.99 * memory.get("v", 0) + 0.01 * g * g
        m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.99**t)
        return p - 0.05 * (m_hat / (np.sqrt(v_hat) + 1e-6) + decay * p)

    agree(ad.optim.adam(0.05, b2=0.99, eps=1e-6, weight_decay=decay), rule)


def test_a_schedule_sets_the_rate_of_each_step():
    rate = ad.optim.exponential_decay(0.1, steps=2, factor=0.5)
    agree(ad.optim.sgd(rate), lambda p, g, memory, t: p - 0.1 * 0.5 ** ((t - 1) / 2) * g)


def test_schedules_warm_up_and_die_away():
    rate = ad.optim.warmup(4, ad.optim.cosine_decay(1.0, steps=8, end=0.5))
    found = [float(rate(ad.asarray(t))) for t in (0, 2, 8, 100)]
    assert found == pytest.approx([0, 0.5 * (0.5 + 0.25 * (1 + np.sqrt(0.5))), 0.5, 0.5])


def test_links_of_a_chain_work_one_after_another():
    clipped = ad.optim.chain(ad.optim.clip_by_global_norm(1.0), ad.optim.sgd(1.0))

    def norm(g):
        return np.sqrt(sum((x**2).sum() for x in both(g)))

    updates, _ = clipped.update(GRADIENTS[0], clipped.init(START), START)
    for found, g in zip(both(updates), both(GRADIENTS[0]), strict=True):
        np.testing.assert_allclose(found, -g / max(norm(GRADIENTS[0]), 1))


OPTIMIZERS = {
    "sgd": ad.optim.sgd(0.1),
    "everything": ad.optim.chain(
        ad.optim.clip_by_global_norm(1.0),
        ad.optim.sgd(
            ad.optim.warmup(5, ad.optim.cosine_decay(0.1, steps=9)),
            momentum=0.9,
            nesterov=True,
            weight_decay=0.1,
        ),
    ),
    "adam": ad.optim.adam(ad.optim.exponential_decay(0.1, steps=10, factor=0.5), weight_decay=0.1),
    "adahessian": ad.optim.adahessian(0.1, block=2, hessian_power=0.5, weight_decay=0.1),
    "newton": ad.optim.newton(0.5, damping=0.1),
}


def bowl(p):
    return ad.sum(p["w"] ** 2) + ad.sum(p["b"][0] ** 4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_parameters_stay_float32(name):
    optimizer = OPTIMIZERS[name]
    start = {"w": START["w"].astype("float32"), "b": [START["b"][0].astype("float32")]}
    params, state = start, optimizer.init(start)
    for _ in range(2):
        updates, state = optimizer.update(ad.grad(bowl)(params), state, params, loss=bowl)
        params = ad.optim.apply_updates(params, updates)
    assert {p.dtype.name for p in both(params)} == {"float32"}


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "adahessian"])
def test_a_step_is_a_graph_that_needs_no_value(name):
    """So a whole training step can be one program; only AdaHessian's signs look at a counter."""
    scope = Scope(abstract=True)

    def unknown(x):
        x = ad.asarray(x)
        return Tensor(variable_node(None, x.shape, x.dtype, scope))

    optimizer = OPTIMIZERS[name]
    params = {"w": unknown(START["w"]), "b": [unknown(START["b"][0])]}
    gradients = {"w": unknown(START["w"]), "b": [unknown(START["b"][0])]}
    updates, state = optimizer.update(gradients, optimizer.init(params), params, loss=bowl)
    updates, _ = optimizer.update(gradients, state, params, loss=bowl)
    assert all(u.node.value is None for u in both(updates))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_descends(name):
    optimizer = OPTIMIZERS[name]
    params, state = START, optimizer.init(START)
    before = float(bowl({k: v if k == "w" else [ad.asarray(v[0])] for k, v in START.items()}))
    for _ in range(8):
        updates, state = optimizer.update(ad.grad(bowl)(params), state, params, loss=bowl)
        params, state = ad.evaluate((ad.optim.apply_updates(params, updates), state))
    assert float(bowl(params)) < 0.9 * before


def live_nodes():
    gc.collect()
    return sum(type(thing) is Node for thing in gc.get_objects())


def nodes_after(optimizer, steps, *, keep=lambda updates: None):
    params, state = START, optimizer.init(START)
    for _ in range(steps):
        updates, state = optimizer.update(ad.grad(bowl)(params), state, params, loss=bowl)
        keep(updates)
        params, state = ad.evaluate((ad.optim.apply_updates(params, updates), state))
    return live_nodes()


@pytest.mark.parametrize("native", ["never", pytest.param("always", marks=pytest.mark.native)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimisation_keeps_no_history(name, native):
    """Programs hold nodes of their own, and are there after the first steps."""
    with ad.options(native=native):
        _, few, many = (nodes_after(OPTIMIZERS[name], n) for n in (8, 8, 20))
    assert many == few


def test_the_measurement_would_see_a_history():
    kept = []
    with ad.options(native="never"):
        few, many = (nodes_after(OPTIMIZERS["sgd"], n, keep=kept.append) for n in (3, 20))
    assert many >= few + 2 * 20


W = np.ones(2)


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda: ad.optim.sgd(-1), RangeError, "sgd: learning_rate must be at least 0, got -1"),
        (lambda: ad.optim.sgd("a"), ArgumentError, "sgd: learning_rate must be a number, got str"),
        (lambda: ad.optim.sgd(1, momentum=1.0), RangeError, "sgd: momentum .* below 1, got 1"),
        (lambda: ad.optim.sgd(1, momentum=np.nan), RangeError, "sgd: momentum .*, got nan"),
        (lambda: ad.optim.adam(1, b1=1.5), RangeError, "adam: b1 must be at least 0 and below 1"),
        (lambda: ad.optim.adam(1, eps=-1.0), RangeError, "adam: eps must be at least 0, got -1"),
        (lambda: ad.optim.warmup(0, 1.0), RangeError, "warmup: steps must be at least 1, got 0"),
        (lambda: ad.optim.chain(3), ArgumentError, "chain: argument 0 is int; .* an Optimizer"),
        (
            lambda: ad.optim.sgd(1).update({"a": W}, ad.optim.sgd(1).init(W), W),
            ArgumentError,
            "update: gradients must have the structure of the parameters, one tensor, got ",
        ),
        (
            lambda: ad.optim.sgd(1).update([np.ones(3)], ad.optim.sgd(1).init([W]), [W]),
            ShapeError,
            r"update: gradients\[0\] has shape \(3,\), the parameter there \(2,\)",
        ),
        (
            lambda: ad.optim.apply_updates([W], [np.ones((1, 2))]),
            ShapeError,
            r"apply_updates: updates\[0\] has shape \(1, 2\)",
        ),
    ],
)
def test_a_mistake_is_named(work, error, message):
    with pytest.raises(error, match=message):
        work()
