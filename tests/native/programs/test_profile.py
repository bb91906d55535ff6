"""Where the time of a compiled function goes."""

from __future__ import annotations

import json

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.profiling import Part
from adjoint.errors import ArgumentError, OutOfBoundsError

pytestmark = pytest.mark.native

X = np.linspace(0.0, 1.0, 300 * 300).reshape(300, 300)


def layer(w, x):
    return ad.sum(ad.tanh(x @ w))


def test_the_parts_are_the_steps_and_what_is_around_them():
    step = ad.compile(ad.value_and_grad(layer))
    profile = step.profile(X, X)
    assert [part.kind for part in profile.parts[:2]] == ["entry", "memory"]
    rows = step.report().rows
    assert [(p.kind, p.computes, p.flops) for p in profile.parts[2:]] == [
        (row.kind, row.computes, row.flops) for row in rows
    ]
    assert profile.seconds == pytest.approx(sum(part.seconds for part in profile.parts))
    assert profile.by_kind()["gemm"] > profile.by_kind()["memory"]
    assert sum(profile.by_kind().values()) == pytest.approx(profile.seconds)
    assert profile.calls >= 5 and profile.name == "layer"
    text = str(profile)
    assert text.count("\n") == len(profile.parts) + 1 and "[300, 300]· [300, 300]" in text


def test_more_work_takes_longer():
    both = ad.compile(lambda x: (x @ x, x[:20, :20] @ x[:20, :20]))
    products = [p.seconds for p in both.profile(X).parts if p.kind == "gemm"]
    assert len(products) == 2 and max(products) > 20 * min(products)


def test_the_trace_is_one_event_after_the_other(tmp_path):
    profile = ad.compile(layer).profile(X, X)
    path = tmp_path / "layer.json"
    profile.save(path)
    call, *parts = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    assert call["name"] == "layer" and call["dur"] == pytest.approx(1e6 * profile.seconds)
    end = 0.0
    for event, part in zip(parts, profile.parts, strict=True):
        assert event["ph"] == "X" and event["cat"] == part.kind
        assert event["ts"] == pytest.approx(end)
        end += event["dur"]
    assert end == pytest.approx(call["dur"])


def test_other_arguments_static_keywords_nested_and_donated():
    scaled = ad.compile(lambda p, n: {"y": p["x"] * n}, static="n")
    assert scaled.profile({"x": 2.0}, n=3).seconds > 0
    update = ad.compile(lambda p, g: p - 0.5 * g, donate=0)
    old = ad.asarray([1.0, 2.0])
    update.profile(old, np.ones(2))
    np.testing.assert_array_equal(old, [1.0, 2.0])
    empty = ad.compile(lambda x: x)
    assert [p.kind for p in empty.profile(X[:0]).parts] == ["entry", "memory"]


def test_loops_and_calls_of_numpy_are_steps():
    looped = ad.compile(lambda x: ad.fori_loop(0, 50, lambda i, x: ad.sin(x), x))
    assert any("50 times" in part.computes for part in looped.profile(X).parts)
    decomposed = ad.compile(lambda x: ad.linalg.svd(x)[1])
    assert len(decomposed.profile(X[:5, :5]).parts) > 2


def test_the_results_stay_what_they_are():
    step = ad.compile(ad.value_and_grad(layer))
    before = [np.array(x) for x in step(X, X)]
    step.profile(X, X)
    for one, other in zip(before, step(X, X), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_cannot_be_measured():
    step = ad.compile(layer)
    with ad.options(native="never"), pytest.raises(ArgumentError, match="no native code"):
        step.profile(X, X)
    with pytest.raises(ArgumentError, match="under way"):
        ad.grad(lambda w: step.profile(w, X) and ad.sum(w))(X)
    with pytest.raises(OutOfBoundsError):
        ad.compile(lambda x, i: x[i]).profile(X, np.array([300]))
    assert Part("entry", "", 1.0).flops == 0
