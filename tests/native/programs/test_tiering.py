"""Native code for functions that nobody compiled: when it is made, with the same results."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.options import options
from adjoint.backends import graph_signature, interpreter, payback, tiering
from adjoint.errors import OutOfBoundsError
from adjoint.graph import engine

pytestmark = pytest.mark.native


@pytest.fixture(autouse=True)
def forgetful():
    """The engine under test, which has seen nothing yet."""
    tiering.clear()
    with engine.using(tiering.evaluate):
        yield
    tiering.clear()


@pytest.fixture
def eager(monkeypatch):
    """Whatever native code can do faster is compiled when it is seen for the third time."""
    monkeypatch.setattr(payback, "PAYBACK", 0.0)
    monkeypatch.setattr(tiering, "WORTH", np.inf)


def agree(found, wanted, ulps=16):
    found, wanted = np.asarray(found), np.asarray(wanted)
    scale = np.max(np.abs(wanted), initial=0.0)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=ulps * np.spacing(scale))


def interpreted(function):
    with options(native="never"):
        return function()


def work(x):
    return ad.sum(ad.exp(ad.sin(x)) * x + ad.sqrt(x * x + 1.0))


X = np.linspace(-2.0, 2.0, 1000)


def test_a_structure_is_answered_natively_from_the_third_time_on(eager):
    counts, values = [], []
    for _ in range(5):
        values.append(float(work(ad.asarray(X))))
        counts.append(tiering.answered())
    assert counts == [0, 0, 1, 2, 3]
    agree(values, interpreted(lambda: [float(work(ad.asarray(X)))] * 5))


def test_other_values_and_layouts_of_the_same_structure(eager):
    rng = np.random.default_rng(0)
    for n in range(8):
        x = rng.normal(size=(30, 40))
        given = (x, x.T.copy().T, x[::-1, ::-1], np.ascontiguousarray(x))[n % 4]
        t = ad.asarray(given)
        agree(work(t), interpreted(lambda t=t: work(ad.asarray(t)).numpy()))
    assert tiering.answered()


def test_shapes_and_dtypes_are_told_apart(eager):
    for _ in range(4):
        for x in (X, X[:999], X.astype(np.float32), X.reshape(20, 50)):
            found = work(ad.asarray(x)).numpy()
            assert found.dtype == x.dtype
            agree(found, interpreted(lambda x=x: work(ad.asarray(x)).numpy()), 64)
    assert tiering.answered() >= 8


def test_nothing_small_is_compiled_at_once():
    x = ad.asarray([1.0, 2.0])
    for _ in range(300):
        float(ad.sum(ad.sin(x) * x + 1.0))
    assert tiering.answered() == 0


def test_large_work_is_compiled_soon():
    x = ad.asarray(np.linspace(0.0, 1.0, 1_000_000))
    for _ in range(40):
        float(ad.sum(ad.sin(ad.exp(x)) * x + ad.cos(x)))
    assert tiering.answered()


def test_what_somebody_holds_gets_its_value(eager):
    for n in range(6):
        x = ad.asarray(X)
        kept = ad.exp(ad.sin(x))
        loss = ad.sum(kept * kept + x)
        float(loss)
        assert kept.node.value is not None
        assert kept.node.inputs == ()
        agree(kept, np.exp(np.sin(X)))
        assert loss.node.inputs == ()
        assert (tiering.answered() > 0) == (n >= 2)


def test_what_another_graph_needs_gets_its_value(eager):
    for _ in range(5):
        inner = ad.exp(ad.sin(ad.asarray(X)))
        first, second = ad.sum(inner * 2.0), ad.sum(inner * 3.0)
        node = inner.node
        del inner
        float(first)
        assert node.value is not None
        agree(float(second), 3.0 * np.exp(np.sin(X)).sum())
    assert tiering.answered()


def test_who_holds_what_may_change(eager):
    for n in range(12):
        x = ad.asarray(X)
        kept = ad.exp(ad.sin(x))
        loss = ad.sum(kept * kept + x)
        if n % 2:
            del kept
        float(loss)
        if n % 2 == 0:
            assert kept.node.value is not None


def test_an_open_tape_keeps_its_values(eager):
    seen = []

    def f(x):
        y = ad.exp(ad.sin(x))
        z = ad.sum(y * y)
        if z > 0:  # looks at the value while the tape is open
            seen.append(y.node.value is not None and y.node.inputs != ())
        return z

    slope = 2.0 * np.exp(2.0 * np.sin(X)) * np.cos(X)
    for _ in range(6):
        agree(ad.grad(f)(ad.asarray(X)), slope)
    assert all(seen)
    assert tiering.answered()


def test_variables_made_by_hand(eager):
    for _ in range(6):
        w = ad.variable(X)
        loss = ad.sum(ad.sin(w) * w)
        (g,) = ad.gradient(loss, [w])
        agree(g, np.cos(X) * X + np.sin(X))
        agree(ad.gradient(g.sum(), w), -np.sin(X) * X + 2 * np.cos(X))


def test_numbers_that_change_are_not_written_into_the_code(eager):
    for n in range(12):
        rate = 0.5 if n < 6 else 0.1 * n
        agree(ad.sum(ad.exp(ad.asarray(X)) * rate), np.exp(X).sum() * rate)
    assert tiering.answered() >= 4


def test_signs_of_zero_are_numbers_that_change(eager):
    for n in range(12):
        zero = -0.0 if n % 5 == 4 else 0.0
        found = ad.copysign(ad.exp(ad.asarray(X)), zero).numpy()
        assert np.all(np.signbit(found) == np.signbit(zero))


def test_a_training_loop_ends_where_the_interpreter_ends(eager):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(64, 10)), rng.normal(size=(64, 3))
    start = {"w": rng.normal(size=(10, 3)), "b": np.zeros(3)}

    def loss(p, x, y):
        return ad.mean((ad.tanh(x @ p["w"] + p["b"]) - y) ** 2)

    def train():
        p = {k: ad.asarray(v) for k, v in start.items()}
        values = []
        for _ in range(20):
            value, g = ad.value_and_grad(loss)(p, ad.asarray(x), ad.asarray(y))
            p = {k: p[k] - 0.1 * g[k] for k in p}
            ad.evaluate((p, value))
            values.append(float(value))
        return values, p

    found, wanted = train(), interpreted(train)
    assert tiering.answered() >= 15
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-13)
    np.testing.assert_allclose(found[1]["w"], wanted[1]["w"], rtol=1e-12, atol=1e-15)
    again = train()
    tiering.clear()
    fresh = train()
    assert fresh[0] == found[0]
    assert again[0][-1] == pytest.approx(found[0][-1], rel=1e-12)


def test_errors_are_those_of_the_interpreter(eager):
    x = ad.asarray(X)
    for n in range(8):
        indices = ad.asarray([1, 2, 5000 if n > 5 else 3])
        if n <= 5:
            float(ad.sum(ad.exp(x)[indices] * 2.0))
        else:
            with pytest.raises(OutOfBoundsError):
                float(ad.sum(ad.exp(x)[indices] * 2.0))


def test_the_options_pin_the_engine():
    with options(native="always"):
        float(work(ad.asarray(X)))
        assert tiering.answered() == 1
        agree(ad.sin(ad.asarray(X)), np.sin(X))
        assert tiering.answered() == 2
        with options(native="never"):
            float(work(ad.asarray(X)))
        with options(debug_nans=True):
            float(work(ad.asarray(X)))
    assert tiering.answered() == 2


def test_always_keeps_tapes_and_handles():
    with options(native="always"):
        x = ad.variable(X)
        y = ad.exp(x)
        z = ad.sum(y * y)
        float(z)
        assert y.node.value is not None
        agree(ad.gradient(z, x), 2 * np.exp(2 * X))


def test_many_nodes_held_or_not_agree_with_the_interpreter(eager):
    rng = np.random.default_rng(3)
    unary = (ad.sin, ad.exp, ad.tanh, ad.square, ad.negative)
    binary = (ad.add, ad.multiply, ad.maximum, ad.subtract)

    def build(seed):
        choose = np.random.default_rng(seed)
        made = [ad.asarray(v) for v in data]
        for _ in range(12):
            if choose.random() < 0.5:
                made.append(unary[choose.integers(5)](made[choose.integers(len(made))] * 0.5))
            else:
                i, j = choose.integers(len(made), size=2)
                made.append(binary[choose.integers(4)](made[i], made[j]))
        kept = [made[i] for i in choose.integers(len(made), size=3)]
        return [*kept, made[-1].sum()]

    for seed in range(12):
        for _ in range(5):
            data = rng.normal(size=(3, 20))
            found = build(seed)
            found[-1].numpy()
            wanted = interpreted(lambda seed=seed: [t.numpy() for t in build(seed)])
            for a, b in zip(found, wanted, strict=True):
                agree(a, b, 64)
    assert tiering.answered() > 12


def test_threads_may_look_at_the_same_graph(eager):
    errors = []

    def look(t):
        try:
            agree(t, wanted)
        except BaseException as error:
            errors.append(error)

    wanted = interpreted(lambda: work(ad.asarray(X)).numpy())
    for _ in range(12):
        t = work(ad.asarray(X))
        threads = [threading.Thread(target=look, args=(t,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors


def test_what_is_remembered_is_bounded(eager, monkeypatch):
    monkeypatch.setattr(tiering, "MOST_FAMILIES", 8)
    for n in range(2, 40):
        float(ad.sum(ad.sin(ad.asarray(X[:n])) * 2.0))
    assert len(tiering._families) <= 8
    same_glance = [ad.sin, ad.cos, ad.exp, ad.tanh, ad.square, ad.sqrt, ad.cosh, ad.sinh, ad.cbrt]
    for _ in range(4):
        for f in same_glance:
            float(ad.sum(ad.exp(f(ad.asarray(X)) * 2.0) * 3.0 + 1.0))
    assert all(
        len(family.variants) <= tiering.MOST_VARIANTS for family in tiering._families.values()
    )


def test_nothing_is_left_to_the_collector(eager):
    for _ in range(5):
        float(work(ad.asarray(X)))
    gc.collect()
    gc.disable()
    try:
        before = sum(type(t).__name__ == "Node" for t in gc.get_objects())
        for _ in range(10):
            float(work(ad.asarray(X)))
        after = sum(type(t).__name__ == "Node" for t in gc.get_objects())
    finally:
        gc.enable()
    assert after <= before


def test_reference_counts_tell_which_nodes_are_referenced():
    x = ad.asarray(X)
    inner = ad.sin(x)
    outer = ad.exp(inner) * inner
    order = interpreter.pending_order([outer.node])
    signature = graph_signature.GraphSignature(order)
    assert list(signature.referenced(signature.uses())) == [1, 0, 1]
    del inner
    assert list(signature.referenced(signature.uses())) == [0, 0, 1]


def test_import_does_not_load_the_native_engine():
    code = (
        "import sys, adjoint as ad; float(ad.sum(ad.exp(ad.ones(9)) * 2.0)); "
        "print('llvmlite' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
