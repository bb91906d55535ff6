"""debug_nans names the operation inside a loop that made nan, its line, and the round."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import NanError

FOUR = np.arange(4.0)


def line():
    """The file and the line of the caller, as errors name them."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def caught(function):
    """What is said when the result is looked at."""
    with ad.options(debug_nans=True), pytest.raises(NanError) as error:
        np.asarray(function())
    return str(error.value)


def quiet(function):
    """The result, of which no nan is complained about."""
    with ad.options(debug_nans=True):
        return np.asarray(function())


def step(c, x):
    a, step.place = ad.log(2.5 - x), line()
    return c + a, ad.sqrt(x)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_step_of_a_scan(reverse, compiled):
    def run(a):
        found, run.place = ad.scan(step, a, FOUR, reverse=reverse), line()
        return found[0]

    said = caught(lambda: (ad.compile(run) if compiled else run)(0.0))
    assert said.startswith(f"{step.place}: log(float64[]) made nan, of -0.5")
    assert f"in step 3 of the loop at {run.place}" in said


def test_the_first_step_is_named_and_one_of_many_elements():
    said = caught(lambda: ad.scan(lambda c, x: (c + ad.sqrt(1.5 - x), None), np.zeros(2), FOUR)[0])
    assert "sqrt(float64[]) made nan, of -0.5" in said and "in step 2 of the loop" in said


def test_every_result_has_its_own_origin():
    def both(c, x):
        return (c[0] + ad.log(-1 - x), c[1] + ad.sqrt(1 - x)), ad.arccos(x)

    assert ": log(" in caught(lambda: ad.scan(both, (0.0, 0.0), FOUR)[0][0])
    assert ": sqrt(" in caught(lambda: ad.scan(both, (0.0, 0.0), FOUR)[0][1])
    assert ": arccos(" in caught(lambda: ad.scan(both, (0.0, 0.0), FOUR)[1])


def test_nan_that_nobody_sees_are_no_error():
    def masked(c, x):
        root = ad.sqrt(1.5 - x)
        return (c[0] + ad.where(x < 1.5, root, 0.0), c[1] + ad.log(-1 - x)), None

    found = quiet(lambda: ad.scan(masked, (0.0, 0.0), FOUR)[0][0])
    np.testing.assert_allclose(found, np.sqrt(1.5) + np.sqrt(0.5))
    assert np.isnan(quiet(lambda: ad.scan(step, np.nan, FOUR[:2])[0]))


def test_a_nan_that_a_later_step_leaves_out():
    def chosen(c, x):
        return ad.where(x < 3, ad.log(c - 5), x), None

    assert quiet(lambda: ad.scan(chosen, 1.0, FOUR)[0]) == 3.0


def test_the_round_of_a_while_loop():
    def body(c):
        return c + 1 + 0 * ad.sqrt(2.5 - c)

    said = caught(lambda: ad.while_loop(lambda c: c < 6, body, 0.0))
    assert "sqrt(float64[]) made nan, of -0.5" in said and "in round 3 of the loop at" in said


def test_the_round_of_fori_loop_and_map():
    def body(i, v):
        return v + ad.log(2.5 - i)

    for upper in (4, 4 * ad.ones((), dtype="int64")):
        said = caught(lambda upper=upper: ad.fori_loop(0, upper, body, 0.0))
        assert "log(float64[]) made nan, of -0.5" in said and " 3 of the loop at" in said
    assert "in step 2 of the loop" in caught(lambda: ad.map(ad.arccos, FOUR))


def test_the_branch():
    said = caught(lambda: ad.cond(True, lambda x: ad.log(x), lambda x: x, -1.0))
    assert "log(float64[]) made nan, of -1.0" in said and "in branch 1" in said
    assert quiet(lambda: ad.cond(False, lambda x: ad.log(x), lambda x: x, -1.0)) == -1.0
    assert "in the checkpointed function" in caught(lambda: ad.checkpoint(ad.log)(-1.0))


def test_a_function_with_a_rule():
    f = ad.custom_jvp(lambda x: 2 * ad.log(x))
    f.defjvp(lambda primals, tangents: (f(*primals), tangents[0]))
    assert ": log(float64[]) made nan" in caught(lambda: ad.jvp(f, (-1.0,), (1.0,))[0])


def test_loops_in_loops():
    def outer(c, x):
        found, outer.place = ad.fori_loop(0, 3, lambda i, v: v + ad.log(1.5 - i * x), c), line()
        return found, None

    said = caught(lambda: ad.scan(outer, 0.0, FOUR)[0])
    assert "log(float64[]) made nan, of -0.5" in said
    assert f"in step 2 of the loop at {outer.place}, in step 1 of the loop at" in said


def test_the_way_back():
    def by_scan(a):
        return ad.scan(lambda c, x: (c + ad.sqrt(a * x) * 0.0, None), 0.0, FOUR)[0]

    def by_while(a):
        def body(c):
            return c[0] + 1, c[1] + ad.sqrt(a * c[0]) * 0.0

        return ad.while_loop(lambda c: c[0] < 3, body, (0.0, 0.0))[1]

    said = caught(lambda: ad.grad(by_scan)(0.0))
    assert "multiply(float64[], float64[]) made nan, of 0.0 and inf" in said
    assert "of the loop at" in said
    said = caught(lambda: ad.grad(by_while)(0.0))
    assert "multiply(float64[], float64[]) made nan, of 0.0 and inf" in said
    assert "in the way back through round 2 of the loop" in said


def test_examples_under_vmap():
    said = caught(lambda: ad.vmap(lambda a: ad.scan(step, a, FOUR)[0])(FOUR))
    assert said.startswith(f"{step.place}: log(float64[]) made nan")
