"""`jvp` and `hvp`, which return no function, leave out calls of one that they are often given."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import sys
import weakref
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.replay import _HELD, Replay
from adjoint.backends.availability import missing

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(bool(missing()), reason=missing()),
    pytest.mark.skipif(
        sys.gettrace() is not None or sys.getprofile() is not None,
        reason="who watches calls sees all of them",
    ),
]


def cubes(x: Any, y: Any) -> Any:
    return ad.sum(x * x * x * y)


def held(f: Any) -> list[Replay]:
    """What a function holds of its calls."""
    return [x for x in vars(f).get(_HELD, {}).values() if isinstance(x, Replay)]


def fresh() -> Any:
    """A function of its own."""
    return lambda x, y: cubes(x, y)


@pytest.mark.parametrize("floats", [False, True])
def test_tangents_are_replayed(floats: bool) -> None:
    f = fresh()
    for i in range(9):
        x, y, u, v = (1.5 + i, 2.0, 0.5, -1.0)
        if not floats:
            x, y, u, v = (a * np.arange(1.0, 4.0) for a in (x, y, u, v))  # type: ignore[assignment]
        with ad.options(native="always"):
            value, tangent = ad.jvp(f, (x, y), (u, v))
        np.testing.assert_allclose(value, np.sum(x**3 * np.asarray(y)), rtol=1e-12)
        wanted = np.sum(3 * x**2 * np.asarray(u) * y + x**3 * np.asarray(v))
        np.testing.assert_allclose(tangent, wanted, rtol=1e-12)
    (known,) = held(f)
    assert known.plans and not known.told


@pytest.mark.parametrize("several", [False, True])
def test_products_with_hessians_are_replayed(several: bool) -> None:
    x, u = np.arange(1.0, 4.0), np.array([1.0, -1.0, 0.5])
    g = (lambda x, y: cubes(x, y)) if several else (lambda x: cubes(x, 2.0))
    for i in range(9):
        with ad.options(native="always"):
            if several:
                found, rest = ad.hvp(g, (x + i, x), (u, 0 * u))
                np.testing.assert_allclose(found, 6 * (x + i) * x * u, rtol=1e-12)
                np.testing.assert_allclose(rest, 3 * (x + i) ** 2 * u, rtol=1e-12)
            else:
                np.testing.assert_allclose(ad.hvp(g, x + i, u), 12 * (x + i) * u, rtol=1e-12)
    (known,) = held(g)
    assert known.plans and not known.told


def test_trees_and_what_is_beside_are_replayed() -> None:
    f = lambda p: (ad.sum(p["a"] * p["b"][0] ** 2), {"b": p["b"][0] * 2.0})
    p = {"a": np.arange(3.0), "b": [ad.ones(3)]}
    for i in range(8):
        with ad.options(native="always"):
            value, tangent, aux = ad.jvp(f, [p], [p], has_aux=True)
            product, _ = ad.hvp(f, p, p, has_aux=True)
        np.testing.assert_allclose((value, tangent), (3.0, 9.0))
        np.testing.assert_allclose(aux["b"], np.full(3, 2.0))
        np.testing.assert_allclose(product["a"], np.full(3, 2.0))
        np.testing.assert_allclose(product["b"][0], 4 * np.arange(3.0))
        assert i < 6 or all(x.plans for x in held(f))
    assert len(held(f)) == 2


def test_other_uses_of_a_function_are_told_apart() -> None:
    f = lambda *xs: sum(ad.sin(x) for x in xs)
    for i in range(7):
        with ad.options(native="always"):
            for count in (1, 2):
                xs = tuple(float(i + k) for k in range(count))
                value, tangent = ad.jvp(f, xs, (1.0,) * count)
                np.testing.assert_allclose(value, sum(map(np.sin, xs)))
                np.testing.assert_allclose(tangent, sum(map(np.cos, xs)))
                products = np.asarray(ad.hvp(f, xs, (1.0,) * count))
                np.testing.assert_allclose(products, [-np.sin(x) for x in xs], rtol=1e-12)
    assert len(held(f)) == 4


def test_wrong_tangents_are_refused_by_name_all_the_same() -> None:
    f = fresh()
    with ad.options(native="always"):
        for _ in range(6):
            ad.jvp(f, (np.ones(3), 1.0), (np.ones(3), 1.0))
        with pytest.raises(ad.errors.AdjointError, match="tangent 0"):
            ad.jvp(f, (np.ones(3), 1.0), (np.ones(2), 1.0))
        with pytest.raises(ad.errors.ArgumentError, match="2 primals but 1 tangents"):
            ad.jvp(f, (np.ones(3), 1.0), (np.ones(3),))
        with pytest.raises(ad.errors.ArgumentError, match="must be a tuple"):
            ad.jvp(f, np.ones(3), np.ones(3))


def test_what_a_function_reads_is_compared() -> None:
    scale = [1.0]
    f = lambda x: scale[0] * x * x
    for i in range(12):
        scale[0] = float(i // 4)
        with ad.options(native="always"):
            assert [float(a) for a in ad.jvp(f, (3.0,), (1.0,))] == [9 * scale[0], 6 * scale[0]]
            assert float(ad.hvp(f, 3.0, 1.0)) == 2 * scale[0]


def test_effects_of_a_function_happen() -> None:
    log: list[int] = []

    def f(x: Any) -> Any:
        log.append(1)
        return x * x

    with ad.options(native="always"):
        for _ in range(8):
            ad.jvp(f, (3.0,), (1.0,))
    assert len(log) == 8
    assert held(f)[0].told == "it writes into what it reads"


def test_functions_that_differentiate_inside_are_left_alone_while_traced() -> None:
    f = lambda x: ad.sin(x) * x
    g = lambda x: ad.jvp(f, (x,), (1.0,))[1] * x
    with ad.options(native="always"):
        for i in range(8):
            x = 0.5 + i
            ad.jvp(f, (x,), (1.0,))
            wanted = np.sin(x) + 3 * x * np.cos(x) - x * x * np.sin(x)
            np.testing.assert_allclose(ad.grad(g)(x), wanted, rtol=1e-12)
            np.testing.assert_allclose(ad.compile(g)(x), np.sin(x) * x + x * x * np.cos(x))


def test_a_function_that_is_thrown_away_is_freed_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        f = fresh()
        for _ in range(2):
            ad.jvp(f, (2.0, 1.0), (1.0, 1.0))
        gone = weakref.ref(f)
        del f
        assert gone() is None
    finally:
        gc.enable()


def test_wrappers_do_not_answer_for_one_another() -> None:
    f = lambda x: x * x
    with ad.options(native="always"):
        for _ in range(8):
            ad.jvp(f, (3.0,), (1.0,))

        @functools.wraps(f)
        def twice(x: Any) -> Any:
            return 2 * f(x)

        for _ in range(8):
            assert float(ad.jvp(twice, (3.0,), (1.0,))[1]) == 12
            assert float(ad.jvp(f, (3.0,), (1.0,))[1]) == 6


def test_copies_and_pickles_leave_programs_behind() -> None:
    with ad.options(native="always"):
        for _ in range(8):
            ad.jvp(cubes, (3.0, 1.0), (1.0, 0.0))
    assert held(cubes)
    assert pickle.loads(pickle.dumps(cubes)) is cubes
    assert copy.deepcopy(vars(cubes)[_HELD]) == {}
