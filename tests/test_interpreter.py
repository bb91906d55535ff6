"""The interpreter: a graph evaluated again and again keeps nothing and shares nothing."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.backends.interpreter import Evaluator
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Scope
from adjoint.graph.tensor import Tensor

pytestmark = pytest.mark.unit

X = np.arange(6.0).reshape(2, 3)


def evaluator(f: Callable[..., Any], *arrays: Any) -> Evaluator:
    scope = Scope(abstract=True)
    inputs = [variable_node(None, a.shape, a.dtype, scope) for a in arrays]
    result = f(*map(Tensor, inputs))
    scope.close()
    results = result if isinstance(result, tuple) else (result,)
    return Evaluator(inputs, [y.node for y in results])


def test_each_call_answers_for_its_own_arrays() -> None:
    run = evaluator(lambda x, y: (ad.sin(x) * y + x, x.sum()), X, X)
    for scale in (1.0, 2.0, -3.0):
        product, total = run([X * scale, X])
        np.testing.assert_array_equal(product, np.sin(X * scale) * X + X * scale)
        np.testing.assert_array_equal(total, (X * scale).sum())


def test_results_do_not_lie_in_the_memory_of_arguments() -> None:
    run = evaluator(lambda x: (x, x.T, x[0], ad.sin(x)), X)
    for result in run([X]):
        assert not np.shares_memory(result, X)


def test_constants_are_answered_each_time() -> None:
    run = evaluator(lambda x: (ad.asarray(X), x), X)
    for _ in range(2):
        np.testing.assert_array_equal(run([X])[0], X)


def test_a_value_dies_after_its_last_use(monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[weakref.ref[Any]] = []
    most = 0
    evaluate = type(ad.sin(ad.asarray(X)).node.op).evaluate

    def watched(self: Any, *args: Any) -> Any:
        nonlocal most
        result = evaluate(self, *args)
        alive.append(weakref.ref(result))
        most = max(most, sum(ref() is not None for ref in alive))
        return result

    def f(x: Any) -> Any:
        for _ in range(10):
            x = ad.sin(x)
        return x

    run = evaluator(f, X)
    monkeypatch.setattr(type(ad.sin(ad.asarray(X)).node.op), "evaluate", watched)
    results = run([X])
    assert len(alive) == 10 and most == 2  # what is read, and what is made of it
    del results
    gc.collect()
    assert not any(ref() is not None for ref in alive)


def test_nothing_of_a_call_is_kept() -> None:
    run = evaluator(lambda x, unused: (ad.sin(x) + 1.0, x), X, X)
    given = [X.copy(), X.copy()]
    kept = [weakref.ref(a) for a in (*given, *run(given))]
    del given
    gc.collect()
    assert not any(ref() is not None for ref in kept)


def test_a_call_that_raises_does_not_spoil_the_next() -> None:
    run = evaluator(lambda x, i: ad.sin(x)[i], X, np.array([0]))
    for _ in range(2):
        with pytest.raises(IndexError):
            run([X, np.array([7])])
        np.testing.assert_array_equal(run([X, np.array([1])])[0], np.sin(X)[[1]])


def test_calls_in_threads_are_apart() -> None:
    run = evaluator(lambda x: ad.exp(ad.sin(x) * 2.0) + x, X)
    wrong: list[int] = []

    def work(number: int) -> None:
        for k in range(50):
            given = X + number + k
            if not np.array_equal(run([given])[0], np.exp(np.sin(given) * 2.0) + given):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
