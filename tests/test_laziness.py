"""Laziness and memory: what is computed when, and what is kept for how long."""

from __future__ import annotations

import gc
import threading
import weakref
from contextlib import contextmanager

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends import interpreter
from adjoint.errors import ConcretizationError, HistoryError, ShapeError
from adjoint.graph import engine
from adjoint.graph.node import PENDING_BOUND, Node
from adjoint.graph.order import topological_order
from tests.counting import live_nodes

pytestmark = pytest.mark.unit


class Spy:
    """An engine that counts how often it is asked, and the nodes it computes."""

    def __init__(self):
        self.calls = 0
        self.computed = []

    def __call__(self, nodes):
        self.calls += 1
        before = [n for n in topological_order(nodes) if n.value is None]
        interpreter.evaluate(nodes)
        self.computed += [n.op.name for n in before if n.value is not None]


@contextmanager
def spying():
    spy = Spy()
    with engine.using(spy):
        yield spy


# What is known without computing anything.


def test_shapes_and_dtypes_are_known_without_computing():
    with spying() as spy:
        x = ad.asarray(np.ones((3, 4)))
        y = ad.matmul(ad.exp(x), ad.permute_dims(x)) > 2.0
        z = ad.sum(ad.where(y, 1.5, x[:, :3]), axis=0)
        assert (y.shape, y.dtype, y.ndim, y.size) == ((3, 3), np.bool_, 2, 9)
        assert (z.shape, z.dtype, len(z), z.nbytes) == ((3,), np.float64, 3, 24)
        gradient = ad.grad(lambda x: ad.sum(ad.sin(x) * x))(x)
        assert gradient.shape == (3, 4)
    assert spy.calls == 0


def test_an_error_in_a_shape_comes_at_its_line_and_computes_nothing():
    with spying() as spy:
        x = ad.exp(ad.ones((2, 3)))
        with pytest.raises(ShapeError, match="add"):
            x + ad.ones((4,))
    assert spy.calls == 0


@pytest.mark.parametrize(
    "look",
    [float, int, bool, complex, np.asarray, repr, str, lambda t: t.item(), ad.evaluate],
    ids=["float", "int", "bool", "complex", "asarray", "repr", "str", "item", "evaluate"],
)
def test_looking_computes_once(look):
    with spying() as spy:
        t = ad.exp(ad.asarray([0.5]))
        assert spy.calls == 0
        look(t)
        assert "exp" in spy.computed
        look(t)
        float(t[0])
    assert spy.computed.count("exp") == 1


def test_what_nobody_asks_for_is_never_computed():
    with spying() as spy:
        x = ad.asarray([1.0, 2.0])
        ad.exp(x)
        y = ad.sin(x)
        ad.evaluate(y)
    assert spy.computed == ["sin"]


def test_evaluate_computes_a_tree_in_one_go():
    with spying() as spy:
        x = ad.asarray(1.0)
        shared = ad.exp(x)
        ad.evaluate({"a": ad.sin(shared), "b": [ad.cos(shared), 3]})
    assert spy.calls == 1
    assert sorted(spy.computed) == ["cos", "exp", "sin"]


def test_common_nodes_of_two_tensors_are_computed_once():
    with spying() as spy:
        shared = ad.exp(ad.asarray(1.0))
        float(ad.sin(shared))
        float(ad.cos(shared))
    assert spy.computed.count("exp") == 1


# Python's own control flow on values, inside differentiated functions.


def test_if_and_while_and_for_choose_by_value_inside_grad():
    def f(x):
        y = x
        while y < 10.0:
            y = y * 2
        if y > 15.0:
            y = ad.sin(y)
        for row in ad.stack([y, x]):
            y = y + row
        for _ in range(int(ad.floor(x))):
            y = y * x
        return y

    def derivative(x, h=1e-6):
        return (float(f(ad.asarray(x + h))) - float(f(ad.asarray(x - h)))) / (2 * h)

    for x in (0.7, 2.4, 3.9, 4.5):
        assert float(ad.grad(f)(x)) == pytest.approx(derivative(x), rel=1e-5)
        assert float(ad.jvp(f, (x,), (1.0,))[1]) == pytest.approx(derivative(x), rel=1e-5)


def test_newton_s_iteration_is_differentiated_through_its_loop():
    def root(a):
        x = a
        while abs(x * x - a) > 1e-14:
            x = 0.5 * (x + a / x)
        return x

    assert float(ad.grad(root)(2.0)) == pytest.approx(0.5 / np.sqrt(2.0))
    assert float(ad.grad(ad.grad(root))(2.0)) == pytest.approx(-0.25 / 2**1.5)


def test_control_flow_on_values_works_at_every_level():
    def f(x):
        return x * x if x > 1.0 else -x

    assert float(ad.grad(ad.grad(f))(2.0)) == 2.0
    assert float(ad.grad(ad.grad(f))(0.5)) == 0.0
    assert float(ad.hvp(f, 2.0, 1.0)) == 2.0


def test_a_value_of_an_example_is_refused_with_the_way_out():
    with pytest.raises(ConcretizationError, match=r"adjoint\.where instead of if"):
        ad.vmap(lambda x: x if x > 0 else -x)(np.array([1.0, -1.0]))


# What is forgotten, and what is kept.


def test_an_evaluated_node_forgets_its_inputs():
    x = ad.asarray([1.0])
    y = ad.exp(x)
    z = ad.sin(y)
    inner = weakref.ref(y.node)
    del y
    assert z.node.inputs
    z.numpy()
    assert z.node.inputs == ()
    assert inner() is None, "nobody holds it, so it is freed at once, without the collector"


def test_a_referenced_tensor_is_not_computed_twice_without_history():
    with spying() as spy:
        y = ad.exp(ad.asarray([1.0]))
        float(ad.sin(y)[0])
        float(ad.cos(y)[0])
    assert spy.computed.count("exp") == 1


def test_inside_a_transform_the_history_stays_until_it_closes():
    seen = []

    def f(x):
        y = ad.exp(x)
        assert y > 0
        seen.append(y.node)
        assert y.node.inputs, "the tape is still needed"
        return ad.sin(y)

    value, gradient = ad.value_and_grad(f)(0.5)
    assert float(gradient) == pytest.approx(np.cos(np.exp(0.5)) * np.exp(0.5))
    float(value)
    assert value.node.inputs == ()
    ad.evaluate(ad.sin(ad.asarray(0.0)))
    engine.value_of(seen[0])
    assert seen[0].inputs == (), "the transform is closed, so a look lets go"


def test_a_variable_made_by_hand_keeps_its_history():
    x = ad.variable(0.5)
    y = ad.exp(x)
    float(y)
    assert y.node.inputs
    assert float(ad.gradient(y, x)) == pytest.approx(np.exp(0.5))


def test_differentiating_by_a_node_without_history_is_an_error():
    x = ad.asarray(2.0)
    y = ad.exp(ad.sin(x))
    float(y)
    with pytest.raises(HistoryError, match=r"adjoint\.variable"):
        ad.gradient(y, x)
    with pytest.raises(HistoryError):
        ad.backprop(y, [x])


def test_a_pullback_keeps_its_history_and_lets_go_when_it_dies():
    x = ad.asarray(0.5)
    y, pullback = ad.vjp(lambda x: ad.sin(ad.exp(x)), x)
    float(y)
    assert y.node.inputs
    expected = np.cos(np.exp(0.5)) * np.exp(0.5)
    assert float(pullback(1.0)[0]) == pytest.approx(expected)
    assert float(pullback(2.0)[0]) == pytest.approx(2 * expected)
    del pullback
    y.numpy()
    assert y.node.inputs == ()


def test_nested_pullbacks_may_die_in_any_order():
    _, outer = ad.vjp(lambda x: ad.vjp(lambda y: ad.sin(y) * x, x)[1](1.0)[0], 0.3)
    pullbacks = [ad.vjp(lambda x: x * x * x, 2.0)[1]]
    z, other = ad.vjp(lambda t: pullbacks[0](t)[0], 1.0)
    assert float(outer(1.0)[0]) == pytest.approx(np.cos(0.3) - 0.3 * np.sin(0.3))
    pullbacks.clear()
    del outer
    assert float(other(1.0)[0]) == 12.0
    assert float(z) == 12.0


def test_a_generator_may_pause_inside_a_transform():
    def steps(x):
        _, pullback = ad.vjp(lambda x: ad.sin(x) * x, x)
        while True:
            weight = yield
            yield float(pullback(weight)[0])

    running = [steps(0.5), steps(1.5)]
    for generator in running:
        next(generator)
    for generator, x in zip(reversed(running), (1.5, 0.5), strict=True):
        assert generator.send(2.0) == pytest.approx(2 * (np.cos(x) * x + np.sin(x)))
    del running, generator
    before = live_nodes()
    for _ in range(20):
        generator = steps(0.5)
        next(generator)
        generator.send(1.0)
        generator.close()
        del generator
    assert live_nodes() - before <= 2


def train(steps, keep=None):
    """Gradient descent by grad, with an evaluated loss; returns the nodes alive after it."""
    w = {"a": ad.ones(3), "b": ad.asarray(0.0)}
    x, y = np.arange(12.0).reshape(4, 3) / 10, np.array([1.0, 0.0, 1.0, 0.0])

    def loss(w):
        return ad.mean((ad.tanh(ad.matmul(x, w["a"]) + w["b"]) - y) ** 2)

    for _ in range(steps):
        value, g = ad.value_and_grad(loss)(w)
        w = {k: w[k] - 0.1 * g[k] for k in w}
        ad.evaluate(w)
        float(value)
        if keep is not None:
            keep.append(value)
    return live_nodes()


def test_a_training_loop_keeps_no_history():
    train(2)
    gc.collect()
    assert train(40) - train(5) <= 0


def test_history_that_is_kept_is_seen():
    """The counter-example to the tests around it: one variable for all steps keeps everything."""
    w = start = ad.variable(np.ones(3))
    before = live_nodes()
    for _ in range(20):
        w = w - 0.1 * ad.sin(w)
        ad.evaluate(w)
    assert live_nodes() - before >= 60
    assert start.shape == (3,)


def test_a_training_loop_that_never_collects_leaves_nothing_to_collect():
    """Reference counting alone frees the graph: there are no circles among nodes."""
    train(2)
    gc.collect()
    gc.disable()
    try:
        before = sum(type(t) is Node for t in gc.get_objects())
        w = ad.ones(3)
        for _ in range(30):
            w = w - 0.1 * ad.grad(lambda w: ad.sum(ad.sin(w) * w))(w)
            ad.evaluate(w)
        after = sum(type(t) is Node for t in gc.get_objects())
    finally:
        gc.enable()
    assert after - before <= 2


def test_losses_that_are_kept_keep_a_number_and_no_graph():
    kept = []
    alone = train(5)
    assert train(25, kept) - alone <= 25


def test_a_loop_that_only_looks_at_the_end_is_bounded_too():
    """Nobody evaluates the weights, but a pending graph beyond the bound is computed."""
    before = live_nodes()
    w = ad.asarray(1.0)
    for _ in range(3 * PENDING_BOUND):
        w = w * 0.9999
    assert live_nodes() - before < 2 * PENDING_BOUND
    assert float(w) == pytest.approx(0.9999 ** (3 * PENDING_BOUND))


def test_graph_first_training_from_new_variables_keeps_no_history():
    def step(w):
        loss = ad.sum(ad.sin(w) * w)
        return ad.variable(w - 0.1 * ad.gradient(loss, w))

    w = ad.variable(np.ones(3))
    for _ in range(3):
        w = step(w)
    before = live_nodes()
    for _ in range(30):
        w = step(w)
    assert live_nodes() == before


def test_finished_transforms_leave_nothing():
    f = ad.hessian(lambda x: ad.sum(ad.sin(x) * x[0]))
    f(np.ones(3)).numpy()
    before = live_nodes()
    for _ in range(5):
        f(np.ones(3)).numpy()
    assert live_nodes() == before


# State unwinds.


@pytest.mark.parametrize("transform", [ad.grad, ad.jacrev, ad.jacfwd, ad.hessian, ad.vmap])
def test_an_exception_inside_a_transform_leaves_no_trace(transform):
    kept = []

    def fails(x):
        y = ad.exp(x)
        kept.append(y.node)
        raise KeyError("the user's own")

    for _ in range(3):
        with pytest.raises(KeyError, match="own"):
            transform(fails)(np.ones(2))
    for node in kept:
        assert not node.scope.is_open()
    assert float(ad.grad(lambda x: x * x)(3.0)) == 6.0


def test_an_exception_in_vjp_and_jvp_leaves_no_trace():
    kept = []

    def fails(x):
        kept.append(ad.exp(x).node)
        raise KeyError("own")

    with pytest.raises(KeyError):
        ad.vjp(fails, 1.0)
    with pytest.raises(KeyError):
        ad.jvp(fails, (1.0,), (1.0,))
    with pytest.raises(KeyError):
        ad.hvp(fails, 1.0, 1.0)
    assert not any(node.scope.is_open() for node in kept)


def test_an_engine_chosen_for_a_block_is_gone_after_an_exception():
    with pytest.raises(KeyError), spying() as spy:
        raise KeyError
    float(ad.exp(ad.asarray(1.0)))
    assert spy.calls == 0


# Threads.


def test_threads_differentiate_at_once():
    failures = []

    def work(seed):
        try:
            for i in range(40):
                x = 0.1 * seed + 0.01 * i
                g = ad.grad(ad.grad(lambda t: ad.sin(t) * t))(x)
                assert float(g) == pytest.approx(2 * np.cos(x) - x * np.sin(x))
                batch = ad.vmap(ad.grad(ad.sin))(np.full(3, x))
                assert np.allclose(batch.numpy(), np.cos(x))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_threads_look_at_one_pending_graph_at_once():
    for _ in range(20):
        t = ad.asarray(np.ones(10))
        for _ in range(200):
            t = t * 1.01
        found = []

        def look(t=t, found=found):
            found.append(float(ad.sum(t)))

        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == pytest.approx([10 * 1.01**200] * 3)
