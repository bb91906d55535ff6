"""Plans on disk: a program found there is the one that passes and a schedule would have made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api import specialization
from adjoint.api.tree import flatten
from adjoint.backends.llvm.program import graph_key, kept_plan
from adjoint.backends.llvm.program.kept_program import KeptProgram
from adjoint.backends.llvm.program.program import STEPWISE_CALLS

pytestmark = [pytest.mark.native, pytest.mark.usefixtures("fresh_caches")]


def compiled(f: Callable[..., Any], *args: Any, **how: Any) -> Any:
    """A compiled function, called until its native code lies on disk."""
    made = ad.compile(f, **how)
    for _ in range(STEPWISE_CALLS + 1):
        made(*args)
    return made


def program_of(made: Any, *args: Any) -> Any:
    return made.trace(*args).program


def key_of(f: Callable[..., Any], *args: Any, donated: tuple[int, ...] = ()) -> str | None:
    """The key of the plan of a function."""
    found = ad.compile(f).trace(*args)
    return kept_plan.plan_key(found.inputs, found.outputs, donated)


def forbid_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have passes raise from here on."""

    def refuse(*args: Any) -> Any:
        raise AssertionError("a pass runs, though the plan lies on disk")

    monkeypatch.setattr(specialization, "optimise", refuse)


x, w = np.linspace(-1.0, 2.0, 24).reshape(4, 6), np.linspace(0.1, 1.0, 30).reshape(6, 5)
FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "numbers": (ad.value_and_grad(lambda a, b: ad.log(a) + a * b - ad.sin(b), (0, 1)), (2.0, 5.0)),
    "products": (ad.value_and_grad(lambda a, b: ad.sum(ad.tanh(a @ b) * 0.3)), (x, w)),
    "single": (ad.grad(lambda a: ad.mean(ad.exp(a))), (x.astype(np.float32),)),
    "complex": (lambda a: ad.abs(a * (0.3 + 1.7j)) + ad.real(a), (x + 1j,)),
    "constants": (lambda a: ad.cumsum(a * np.linspace(0.3, 0.7, 6), 1) + np.pi, (x,)),
    "loop": (ad.grad(lambda a: ad.fori_loop(0, 9, lambda i, s: s * ad.sin(s) + i, a)), (0.7,)),
    "branch": (lambda a: ad.cond(a > 0, ad.exp, lambda v: v * 2.5, a), (0.4,)),
    "second order": (ad.hessian(lambda a: ad.sum(a**3) * ad.prod(a)), (np.array([1.5, 2.0, 3.0]),)),
    "batched": (ad.vmap(lambda a: a / (1 + ad.sum(a * a))), (x,)),
    "tree": (lambda d: {"s": d["a"] + 1, "t": [d["b"] * 2, d["a"]]}, ({"a": 1.5, "b": x},)),
    "nothing": (lambda a: a * 2.5, (np.zeros((0, 3)),)),
    "integers": (lambda a: (a * 3) ^ 5, (np.arange(12),)),
}


def test_a_program_from_disk_is_the_same_to_the_last_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values, derivatives, loops and branches: without a pass, with the bits of the first."""
    first = {}
    for name, (f, args) in FUNCTIONS.items():
        made = compiled(f, *args)
        first[name] = [np.asarray(y) for y in flatten(made(*args))[0]]
        assert type(program_of(made, *args)) is not KeptProgram, name
    forbid_passes(monkeypatch)
    for name, (f, args) in FUNCTIONS.items():
        made = ad.compile(f)
        for _ in range(3):  # the first call, and those by the entry
            found = [np.asarray(y) for y in flatten(made(*args))[0]]
            assert [y.tobytes() for y in found] == [y.tobytes() for y in first[name]], name
            assert [y.dtype for y in found] == [y.dtype for y in first[name]], name
        assert type(program_of(made, *args)) is KeptProgram, name


def test_the_numbers_are_those_of_numpy() -> None:
    def f(a: Any) -> Any:
        return ad.cumsum(a * np.linspace(0.3, 0.7, 6), 1) + np.pi

    compiled(f, x)
    made = ad.compile(f)
    for y in (x, 2 * x, np.asfortranarray(x), x[::-1]):
        np.testing.assert_allclose(
            made(y), np.cumsum(y * np.linspace(0.3, 0.7, 6), 1) + np.pi, rtol=1e-13
        )


def test_what_computes_something_else_has_another_key() -> None:
    tiny, third = float(np.nextafter(0.3, 1)), np.array([0.1, 0.2, 0.3])
    functions: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (lambda a: a * 0.3, (x,)),
        (lambda a: a * tiny, (x,)),
        (lambda a: a * 0.0, (x,)),
        (lambda a: a * -0.0, (x,)),
        (lambda a: 0.3 * a, (x[:3],)),
        (lambda a: a * 0.3, (x.astype(np.float32),)),
        (lambda a: a * 0.3, (1.5,)),
        (lambda a: a * 0.3, (np.float64(1.5),)),
        (lambda a: a * 0.3, (2,)),
        (lambda a: a + 0.3, (x,)),
        (lambda a: a - 0.3, (x,)),
        (lambda a: 0.3 - a, (x,)),
        (lambda a: ad.sum(a, 0), (x,)),
        (lambda a: ad.sum(a, 1), (x,)),
        (lambda a: a[1:], (x,)),
        (lambda a: a[:-1], (x,)),
        (lambda a: (a, a * 2), (x,)),
        (lambda a: (a * 2, a), (x,)),
        (lambda a, b: a - b, (x, x)),
        (lambda a, b: b - a, (x, x)),
        (lambda a: a[:, :3] * third, (x,)),
        (lambda a: a[:, :3] * np.nextafter(third, 1), (x,)),
        (lambda a: ad.fori_loop(0, 4, lambda i, s: s * 0.3, a), (x,)),
        (lambda a: ad.fori_loop(0, 5, lambda i, s: s * 0.3, a), (x,)),
        (lambda a: ad.fori_loop(0, 4, lambda i, s: s * tiny, a), (x,)),
    ]
    keys = [key_of(f, *args) for f, args in functions]
    assert None not in keys and len(set(keys)) == len(keys)
    assert keys == [key_of(f, *args) for f, args in functions]


def test_options_donation_and_versions_are_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def f(a: Any) -> Any:
        return a * 0.3

    keys = [key_of(f, x), key_of(f, x, donated=(0,))]
    with ad.options(threads=1):
        keys.append(key_of(f, x))
    with monkeypatch.context() as patch:
        patch.setattr(kept_plan.jit, "own_version", lambda: "other")
        keys.append(key_of(f, x))
    with monkeypatch.context() as patch:
        patch.setattr(kept_plan.np, "__version__", "0.0")
        keys.append(key_of(f, x))
    assert None not in keys and len(set(keys)) == len(keys)


def test_a_plan_with_constants_of_another_scipy_is_made_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def f(a: Any) -> Any:
        return a * ad.special.digamma(np.linspace(0.3, 0.9, 6))

    first = compiled(f, x)(x)
    assert type(program_of(ad.compile(f), x)) is KeptProgram
    with monkeypatch.context() as patch:
        patch.setattr(kept_plan, "scipy_installed", lambda: "another")
        made = compiled(f, x)
        assert type(program_of(made, x)) is not KeptProgram
        np.testing.assert_array_equal(made(x), first)
        assert type(program_of(ad.compile(f), x)) is KeptProgram
    assert "scipy" in kept_plan.scipy_installed()


def test_what_is_no_plain_data_has_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function of the user can mean anything under the same name; so can an operation that was
    registered by somebody else."""

    own = ad.op(lambda a: np.asarray(a) * 2, result=lambda a: a)
    large = np.ones(graph_key.MOST_BYTES // 8 + 1)
    for f, y in [(own, x), (lambda a: a + large, large)]:
        assert key_of(f, y) is None
        expected = np.asarray(f(y))
        np.testing.assert_array_equal(compiled(f, y)(y), expected)
    sine = ad.compile(ad.sin).trace(x).outputs[0].op
    monkeypatch.setattr(sine, "numpy", lambda a: a)
    graph_key._is_ours.cache_clear()
    try:
        assert key_of(ad.sin, x) is None
    finally:
        graph_key._is_ours.cache_clear()


def test_donated_memory_is_used_as_by_the_first_program() -> None:
    def f(a: Any) -> Any:
        return a * 0.3 + ad.exp(a)

    compiled(f, np.array(x), donate=0)
    made = ad.compile(f, donate=0)
    for _ in range(3):
        given = np.array(x)
        result = np.asarray(made(given))
        np.testing.assert_allclose(result, x * 0.3 + np.exp(x), rtol=1e-15)
        assert np.shares_memory(result, given)
    tensor = ad.asarray(x)
    made(tensor)
    with pytest.raises(ad.errors.DonatedError):
        np.asarray(tensor)
    assert type(program_of(made, x)) is KeptProgram


def test_a_failed_check_is_named_as_ever() -> None:
    def f(a: Any, i: Any) -> Any:
        return ad.take(a, i)

    y, good, bad = np.arange(5.0), np.array([0, 4]), np.array([0, 9])
    made = compiled(f, y, good)
    with pytest.raises(IndexError) as first:
        made(y, bad)
    again = ad.compile(f)
    np.testing.assert_array_equal(again(y, good), y[good])
    with pytest.raises(IndexError) as second:
        again(y, bad)
    assert str(first.value) == str(second.value)


def test_a_damaged_plan_is_no_plan(cache_folder: Path) -> None:
    def f(a: Any) -> Any:
        return ad.sin(a) * 0.3

    compiled(f, x)
    key = key_of(f, x)
    assert key is not None
    path = cache_folder / key
    good = path.read_bytes()
    for damaged in (b"", good[:-1], good[:40] + b"x" + good[41:], good[::-1]):
        path.write_bytes(damaged)
        made = ad.compile(f)
        np.testing.assert_allclose(made(x), np.sin(x) * 0.3, rtol=1e-15)
        assert type(program_of(made, x)) is not KeptProgram
        assert path.read_bytes() == good  # as its object code lies on disk


def test_a_program_from_disk_can_be_looked_at() -> None:
    def f(a: Any, b: Any) -> Any:
        return ad.tanh(a @ b) * 0.3

    first = compiled(f, x, w)
    made = ad.compile(f)
    made(x, w)
    assert type(program_of(made, x, w)) is KeptProgram
    for stage in ("graph", "passes", "llvm"):
        assert made.text(stage) == first.text(stage)
    assert made.report().cached and made.report().rows == first.report().rows
    assert made.cost(x, w) == first.cost(x, w)
    assert made.profile(x, w).parts
    assert program_of(made, x, w).instructions() == program_of(first, x, w).instructions() > 0


def test_code_that_needs_the_schedule_has_no_plan(cache_folder: Path) -> None:
    """What calls back Python, and what calls LAPACK, is made anew."""
    square = np.eye(3) + 0.1
    for f in (lambda a: ad.linalg.eigvals(a), lambda a: ad.linalg.solve(a, a * 2)):
        compiled(f, square)
        key = key_of(f, square)
        assert key is not None and not (cache_folder / key).exists()
        np.testing.assert_allclose(ad.compile(f)(square), f(square), rtol=1e-12)
