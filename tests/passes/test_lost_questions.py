"""What asks at a kink stays in native code, though the answer does not count there: whoever is at a
kink is told so as by the interpreter."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import KinkWarning
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Scope
from adjoint.graph.tensor import Tensor
from adjoint.passes.kink_questions import WORTH_A_BRANCH
from adjoint.passes.lost_questions import Questions

FALSE = np.asarray(False)


def curvature(x: Any) -> Any:
    """The second derivative of exp(-|x|), of which nothing is known at 0."""
    return ad.jvp(ad.grad(lambda y: ad.sum(ad.exp(-ad.abs(y)))), (x,), (ad.ones_like(x),))[1]


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "not chosen": lambda x: ad.where(FALSE, curvature(x), 1.0),
    "in a loop": lambda x: ad.where(
        FALSE, ad.fori_loop(0, 3, lambda i, s: s + curvature(x * s), x), 1.0
    ),
    "one number": lambda x: ad.where(ad.isnan(curvature(x)), 2.0, 2.0),
    "or true": lambda x: ad.logical_or(ad.isnan(curvature(x)), ~FALSE),
    "and false": lambda x: ad.logical_and(ad.isnan(curvature(x)), FALSE),
}


def watched(f: Callable[[], Any]) -> tuple[np.ndarray, bool]:
    """The value, and whether a kink was met."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = np.asarray(f())
    return value, any(w.category is KinkWarning for w in caught)


@pytest.mark.native
@pytest.mark.parametrize("name", FUNCTIONS)
def test_engines_warn_alike(name: str) -> None:
    f = FUNCTIONS[name]
    compiled = ad.compile(f)
    for point in (0.0, 0.5):
        with ad.options(native="never"):
            wanted, met = watched(lambda x=point: f(ad.asarray(x)))
        assert met == (point == 0)
        with ad.options(native="always"):
            assert watched(lambda x=point: f(ad.asarray(x))) == (wanted, met)
        assert watched(lambda x=point: compiled(x)) == (wanted, met)


@pytest.mark.native
def test_many_questions_have_a_branch() -> None:
    compiled = ad.compile(FUNCTIONS["not chosen"])
    x = np.ones(2 * WORTH_A_BRANCH)
    for place, met in ((None, False), (7, True)):
        x[place] = 1.0 if place is None else 0.0
        value, warned = watched(lambda: compiled(x))
        np.testing.assert_array_equal(value, np.ones(x.shape))
        assert warned == met


def test_inputs_of_a_program_are_its_ends() -> None:
    x = Tensor(variable_node(None, (), ad.float64, Scope(abstract=True)))
    asked = curvature(x)
    chosen = ad.where(FALSE, asked, x).node
    assert Questions([x.node]).are_lost(chosen, x.node)
    assert not Questions([x.node, asked.node]).are_lost(chosen, x.node)
    assert not Questions([x.node]).are_lost(chosen, ad.negative(asked).node)
