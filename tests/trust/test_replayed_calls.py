"""Calls that native code answers without the user's function give what calling it gives.

Programs that change something from call to call, in every way that one can think of, are run twelve
times with and without: results, errors, warnings and effects must be the same.
"""

from __future__ import annotations

import copy
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api import replay_proof
from adjoint.api.fast_tree import REFUSED
from adjoint.api.replay import MOST_PLANS, replay_of
from adjoint.backends import derivative_programs
from adjoint.backends.availability import missing
from adjoint.tracing.reading import reads_of
from adjoint.tracing.reads import Reads

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.skipif(
        sys.gettrace() is not None or sys.getprofile() is not None,
        reason="who watches calls sees all of them",
    ),
]
CALLS = 12


def programs(name: str) -> dict[str, str]:
    """The programs in a file, by their titles."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    sections = (part.partition("\n") for part in text.split("\n## ")[1:])
    return {title: body for title, _, body in sections}


CHANGING = programs("replayed_programs.txt")
KNOWN = programs("known_programs.txt")


def told(x: Any) -> Any:
    """A result in full: its types, and its numbers, which engines may round differently."""
    if isinstance(x, (tuple, list)):
        return type(x), [told(part) for part in x]
    if isinstance(x, dict):
        return list(x), [told(part) for part in x.values()]
    if isinstance(x, ad.Tensor):
        return x.dtype, x.shape, repr(np.round(np.asarray(x.numpy(), complex), 9))
    return x


def run(program: str, replay: bool) -> tuple[list[Any], list[Any], Any]:
    """What twelve calls of the gradient of `f` gave, what was logged, and the gradient function."""
    names: dict[str, Any] = {"__name__": "user", "np": np, "ad": ad, "math": math, "log": []}
    names["mod"] = ModuleType("mod")
    names["mod"].__dict__.update(c=1.0, h=np.sin)
    names |= {"args": (1.5,), "named": {}, "around": False, "settings": {}, "side": "least"}
    text, _, before = program.partition("----\n")
    define, prepare = (compile(x, "program.py", "exec", dont_inherit=True) for x in (text, before))
    exec(define, names)
    made: dict[Any, Any] = {}
    found = []
    for i in range(CALLS):
        names["i"] = i
        exec(prepare, names)
        f = names["f"]
        if f not in made:
            made[f] = ad.value_and_grad(f)
        with (
            warnings.catch_warnings(record=True) as noted,
            ad.options(**{"native": "always", "replay": replay} | names["settings"]),
        ):
            warnings.simplefilter("always")
            found.append((call(made[f], names), [str(w.message) for w in noted]))
    return found, names["log"], made[f]


def call(g: Any, names: dict[str, Any]) -> Any:
    """What one call gives, or the error that it raises."""
    try:
        if names["around"]:
            return told(ad.grad(lambda x: g(x)[1])(*names["args"]))
        if names["side"] != "least":
            g = ad.with_subgradients(g, names["side"])
        return told(g(*names["args"], **names["named"]))
    except Exception as error:
        return type(error), str(error)


@pytest.fixture
def unpatched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Mends what programs patch."""
    known = [(module, module.sinh) for module in (np, ad)]

    def mend() -> None:
        for module, sinh in known:
            module.sinh = sinh
        monkeypatch.setenv("ADJOINT_C", "1")

    mend()
    yield mend
    mend()


@pytest.mark.parametrize("name", CHANGING)
def test_what_changes_is_seen(name: str, unpatched: Callable[[], None]) -> None:
    plain, log, _ = run(CHANGING[name], replay=False)
    unpatched()
    replayed, replayed_log, _ = run(CHANGING[name], replay=True)
    assert replayed == plain
    assert replayed_log == log


@pytest.mark.parametrize("name", KNOWN)
def test_what_is_known_is_replayed(name: str) -> None:
    program = KNOWN[name] + "----\nargs = (1.5 + i,)\n"
    plain, _, _ = run(program, replay=False)
    replayed, _, g = run(program, replay=True)
    assert replayed == plain
    assert ad.why_traced(g) == ""
    assert plans_of(g)


def plans_of(g: Any) -> Any:
    """The signatures whose calls are answered without the function."""
    found = replay_of(g)
    assert found is not None
    return found.plans


def cubes(x: Any, scale: Any) -> Any:
    return ad.sum(scale * x * x * x)


def warm(g: Any, *args: Any, calls: int = 4) -> Any:
    """What the last of some calls gave, while native code answers at once."""
    with ad.options(native="always"):
        for _ in range(calls):
            result = g(*args)
    return result


@pytest.mark.parametrize("transform", [ad.grad, ad.jacobian, ad.jacfwd, ad.jacrev, ad.hessian])
def test_other_transforms_replay(transform: Any) -> None:
    x, scale = np.arange(1.0, 3.0), ad.asarray([2.0, 3.0])
    g = transform(cubes)
    found = warm(g, x, scale)
    assert plans_of(g)
    slope = 3 * np.asarray(scale) * x**2
    curvature = np.diag(6 * np.asarray(scale) * x)
    np.testing.assert_allclose(found, curvature if transform is ad.hessian else slope)


def test_trees_of_parameters_replay() -> None:
    def f(p: Any, x: Any) -> Any:
        return ad.sum((x @ p["w"]["a"] + p["b"][0]) ** 2), [p["b"][0] * 2]

    p = {"w": {"a": np.ones((2, 3))}, "b": (np.zeros(3, np.float32),)}
    x = ad.ones((4, 2), dtype="float32")
    g = ad.value_and_grad(f, has_aux=True)
    with ad.options(replay=False):
        plain = warm(g, p, x)
    assert not plans_of(g)
    assert told(warm(g, p, x)) == told(plain)
    assert plans_of(g)


def test_who_watches_calls_sees_them() -> None:
    g = ad.grad(cubes)
    args = np.arange(3.0), 2.0
    warm(g, *args)
    found = replay_of(g)
    assert found is not None
    with ad.options(native="always"):
        assert found.answer(args) is not REFUSED
        sys.setprofile(lambda *event: None)
        try:
            answer = found.answer(args)
        finally:
            sys.setprofile(None)
    assert answer is REFUSED


def test_a_function_is_traced_until_that_has_paid() -> None:
    g = ad.grad(cubes)
    for _ in range(40):
        g(np.arange(3.0), 2.0)
    assert not plans_of(g)


def test_threads_that_made_plans_at_once_end_the_making() -> None:
    """Each of two may have seen that one more is allowed."""
    g = ad.grad(cubes)
    warm(g, np.arange(3.0), 2.0)
    found = replay_of(g)
    assert found is not None and len(found.plans) == 1
    found.plans *= MOST_PLANS + 1
    warm(g, np.arange(5.0), 2.0)
    assert len(found.plans) == MOST_PLANS + 1


def test_data_that_changes_from_call_to_call_is_not_written_into_programs() -> None:
    data = np.ones(5000)
    g = ad.grad(lambda x: ad.sum(data * x * x))
    for i in range(8):
        data[0] = i
        assert float(warm(g, 1.0, calls=1)) == 2 * (4999 + i)
    assert not plans_of(g)
    changed = "what it reads changes from call to call: an array that it reads was written into"
    assert ad.why_traced(g) == changed


def test_of_data_that_stays_the_copy_in_the_program_is_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    constants: list[Any] = []
    share = Reads.share
    monkeypatch.setattr(
        Reads, "share", lambda self, arrays: (constants.extend(arrays), share(self, arrays))
    )
    data = np.random.default_rng(0).normal(size=(90, 70))
    g = ad.grad(lambda w: ad.sum((data @ w) ** 2))
    warm(g, np.ones(70))
    (plan,) = plans_of(g)
    ((held, (*_, copied)),) = plan.reads.holders
    assert held is data and copied is not data
    assert any(copied is x for x in constants)
    data[-1, -1] += 1.0
    assert np.allclose(warm(g, np.ones(70), calls=1), 2 * data.T @ data.sum(1))


def test_what_another_thread_writes_into_data_meanwhile_is_not_undone() -> None:
    few, data, log = np.ones(3), np.ones(5000), [1.0]
    reads = reads_of(lambda x: ad.sum(data * x) + few[0] + log[0])
    assert not reads.undo()
    few[0] = data[0] = log[0] = 2.0
    assert reads.undo()
    assert (few[0], log[0], data[0]) == (1.0, 1.0, 2.0)
    assert reads.undo()  # as it still is not what it was


def test_where_nothing_may_be_left_out_no_plan_waits() -> None:
    data = np.ones(5000)
    g = ad.grad(lambda x: ad.sum(data * x * x))
    found = replay_of(g)
    assert found is not None
    with ad.options(native="always"):
        while found.before is None:
            g(1.0)
    answers = derivative_programs.answers
    with ad.options(native="always", replay=False):
        for _ in range(3):
            assert float(g(1.0)) == 10000
    assert derivative_programs.answers == answers + 3
    assert found.before is None
    assert float(warm(g, 1.0)) == 10000
    assert plans_of(g)


def test_a_list_of_argnums_may_change() -> None:
    numbers = [0]
    g = ad.grad(lambda x, y: x * x * y * y * y, numbers)
    assert float(warm(g, 2.0, 3.0)[0]) == 108
    numbers[0] = 1
    assert float(warm(g, 2.0, 3.0)[0]) == 108
    assert float(warm(g, 1.0, 3.0)[0]) == 27


def test_a_copy_leaves_programs_behind() -> None:
    g = ad.grad(cubes)
    warm(g, np.arange(3.0), 2.0)
    found = copy.copy(replay_of(g))
    assert plans_of(g)
    assert found is not None
    assert found.traced is replay_of(g).traced
    assert not found.plans


def test_why_traced_wants_a_transform() -> None:
    with pytest.raises(ad.errors.ArgumentError, match="made by grad, value_and_grad"):
        ad.why_traced(cubes)


def test_why_traced_names_the_line_and_the_name() -> None:
    names: dict[str, Any] = {"__name__": "user"}
    exec(compile("def f(x):\n  return x * open(x)", "a/model.py", "exec"), names)
    assert ad.why_traced(ad.grad(names["f"])).startswith("model.py:2: open is ")


def test_a_nan_where_a_zero_was_assumed_is_thrown_away() -> None:
    """Whoever lost in a comparison sends nothing back, not even to what is infinite."""
    g = ad.grad(lambda w, x: ad.sum(ad.maximum(x @ w, 0.0)))
    w, x = np.ones((3, 2)), np.ones((4, 3))
    warm(g, w, ad.asarray(x))
    (plan,) = plans_of(g)
    x[3] = -np.inf
    args = w, ad.asarray(x)
    found, is_nan = plan.entry(*args)
    assert np.isnan(found).any() and bool(is_nan)
    with ad.options(native="always"):
        assert replay_of(g).answer(args) is REFUSED  # type: ignore[union-attr]
        np.testing.assert_array_equal(g(*args), np.full((3, 2), 3.0))


PARTS = {
    "argnames": (dict(argnames="x"), (ad.asarray(3.0),), {"x": 2.0}),
    "argnames by position": (dict(argnames=("x", "scale")), (2.0, 3.0), {}),
    "both": (dict(argnames=("scale", "x")), (2.0,), {"scale": 3.0}),
}


@pytest.mark.parametrize("transform", [ad.grad, ad.value_and_grad, ad.jacobian, ad.hessian])
@pytest.mark.parametrize("name", PARTS)
def test_derivatives_by_named_arguments_replay(transform: Any, name: str) -> None:
    chosen, args, named = PARTS[name]
    f = cubes if name != "argnames" else lambda scale, x: cubes(x, scale)
    g = transform(f, **chosen)
    wanted = told(g(*args, **named))
    with ad.options(native="always"):
        for i in range(6):
            moved = tuple(x + i for x in args), {k: x + i for k, x in named.items()}
            with ad.options(replay=False):
                plain = told(g(*moved[0], **moved[1]))
            assert told(g(*moved[0], **moved[1])) == plain
        assert told(g(*args, **named)) == wanted
    assert len(plans_of(g)) == 1
    assert ad.why_traced(g) == ""


@pytest.mark.parametrize("wrt", ["w", ("b.0", "w")])
@pytest.mark.parametrize("transform", [ad.grad, ad.value_and_grad, ad.jacobian, ad.hessian])
def test_derivatives_by_parts_of_arguments_replay(transform: Any, wrt: Any) -> None:
    def f(p: Any, x: Any) -> Any:
        return ad.sum(ad.sin(p["w"] * x) * p["b"][0])

    g = transform(f, wrt=wrt)
    for i in range(6):
        p = {"w": np.arange(3.0) + i, "b": [ad.asarray([1.0, 2.0, i])]}
        with ad.options(native="always", replay=False):
            plain = told(g(p, ad.ones(3) * i))
        assert told(warm(g, p, ad.ones(3) * i, calls=1 + 3 * (i == 0))) == plain
    assert len(plans_of(g)) == 1


def test_a_filter_is_asked_at_each_call() -> None:
    asked = []
    g = ad.grad(lambda p: p["a"] * p["b"], wrt=lambda path, leaf: not asked.append(path))
    for _ in range(5):
        warm(g, {"a": 2.0, "b": 3.0}, calls=1)
    assert len(asked) == 10
    assert replay_of(g) is None


def test_an_argument_is_counted_from_the_last_by_position() -> None:
    g = ad.grad(lambda x, y, scale: ad.sum(x * y * y * scale), argnums=-1)
    for i in range(5):
        with ad.options(native="always"):
            assert float(g(2.0, 3.0 + i, scale=ad.asarray(5.0))) == 20 * (3 + i)
    assert plans_of(g)


def test_rules_of_the_users_are_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(replay_proof, "is_pure", lambda order: seen.append(order))
    g = ad.grad(cubes)
    warm(g, np.arange(3.0), 2.0)
    assert not plans_of(g) and "a rule of yours" in ad.why_traced(g)
    assert [x.op.name for x in seen[0]].count("multiply") == 3
