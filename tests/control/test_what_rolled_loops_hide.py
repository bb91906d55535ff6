"""What was made in a Python loop that became one operation: nobody differentiates by it unheard."""

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import HistoryError

ROUNDS = 400


def path(x, w=1.0):
    states = []
    for _ in range(ROUNDS):
        x = ad.sin(x) * 0.5 + x * 0.6 + 0.001 * w
        states.append(x)
    return x, states


def slope_by(transform, start=0.3):
    """The derivative of the result by the state ten rounds before the end."""
    states, y = transform(ad.variable(start))
    return ad.gradient(ad.sum(y), [states[-10]])[0]


def by_closure(x):
    states = []

    def f(w):
        result, found = path(x)
        states.extend(found)
        return result * w * w

    return states, ad.grad(f)(1.0)


def by_closure_of_both(x):
    states = []

    def f(w):
        result, found = path(x, w)
        states.extend(found)
        return result

    return states, ad.value_and_grad(f)(1.0)[0]


def by_vjp(x):
    (y, states), _ = ad.vjp(path, x)
    return states, y


def by_jvp(x):
    (y, states), _ = ad.jvp(path, (x,), (1.0,))
    return states, y


def by_vmap(x):
    y, states = ad.vmap(path)(x * np.ones(3))
    return states, y


def by_two_vmaps(x):
    y, states = ad.vmap(ad.vmap(path))(x * np.ones((3, 2)))
    return states, y


ALL = [by_closure, by_closure_of_both, by_vjp, by_jvp, by_vmap, by_two_vmaps]


@pytest.mark.parametrize("transform", ALL)
def test_a_state_of_a_rolled_loop(transform):
    with ad.options(roll_loops=False):
        assert np.all(np.asarray(slope_by(transform)) != 0)
    with pytest.raises(HistoryError, match="roll_loops=False"):
        slope_by(transform)


def test_in_a_compiled_function():
    def f(x):
        states, y = by_closure(x)
        return ad.gradient(y, [states[-10]])[0]

    with pytest.raises(HistoryError, match="roll_loops=False"):
        ad.compile(f)(0.3)


def test_by_what_was_made_anew_in_each_round():
    def f(x):
        held = []

        def g(w):
            h = w * 1.0
            for _ in range(ROUNDS):
                c = ad.exp(x)
                held.append(c)
                h = 0.5 * ad.sin(h) + c
            return h

        y = ad.value_and_grad(g)(0.3)[0]
        return [ad.gradient(y, [held[number]])[0] for number in (0, 5, ROUNDS - 1)]

    with ad.options(roll_loops=False):
        assert abs(float(f(ad.variable(0.1))[2]) - 1) < 1e-12
    with pytest.raises(HistoryError):
        f(ad.variable(0.1))


def test_what_does_not_go_through_the_loop_is_answered():
    x = ad.variable(0.3)
    states, y = by_closure(x)
    assert float(ad.gradient(ad.square(states[5]), [states[5]])[0]) == 2 * float(states[5])
    assert abs(float(ad.gradient(states[7], [states[6]])[0]) - 1) < 0.2
    assert np.isfinite(float(ad.gradient(y, [x])[0]))
    (y, states), _ = ad.vjp(path, x)
    assert float(ad.gradient(3 * y, [y])[0]) == 3
    assert float(ad.gradient(3 * states[-1], [states[-1]])[0]) == 3
