"""NumPy and math as people write them are traced; nothing outside of the call is changed."""

from __future__ import annotations

import functools
import math
import sys
import threading
import types
from math import sin as msin

import numpy as np
import pytest
from numpy import array, zeros

import adjoint as ad
from adjoint.errors import LostDerivativeError
from tests.numpy.differences import slopes

pytestmark = pytest.mark.unit

X = np.array([0.3, 0.7, 1.9])
START = np.linspace(1.0, 2.0, 3)
HELPERS = types.ModuleType("helpers_of_users")
exec(
    "import numpy as np\nSCALE = 2.0\ndef pair(a, b):\n    return np.array([a, b * SCALE])\n",
    HELPERS.__dict__,
)


def filled_by_element(x):
    y = np.zeros(3)
    for i in range(3):
        y[i] = x[i] ** 2
    return np.sum(y)


def filled_by_slice(x):
    y = np.empty((2, 3))
    y[0] = x
    y[1, :2] = x[1:] ** 2
    y[1, 2] = 1.0
    return np.sum(y * y)


def filled_by_adding(x):
    y = np.zeros_like(x)
    y += x * x
    y[1:] -= x[:-1]
    y[[0, 2]] *= 3.0
    return np.sum(y**2)


def filled_with_masks(x):
    y = np.full(3, 2.0)
    y[x > 0.5] = 7.0
    y[~(x > 0.5)] = x[0]
    return np.sum(y * x)


def filled_a_copy_of_what_stands_in_the_module(x):
    u = START.copy()
    u[1:-1] += x[0] * np.diff(START, 2)
    u[0] = x[1]
    return np.sum(u**2)


def filled_what_was_computed_from_constants(x):
    u = np.sin(START) + 0.5 * START
    u[1] = x[2]
    return np.sum(u**2)


def wrote_into_a_row(x):
    a = np.zeros((2, 3))
    row = a[1]
    row[:] = x
    row += 1.0
    a[0] = a[1] * x
    for r in a:
        r *= 2.0
    return np.sum(a**2) + np.sum(row)


def wrote_through_other_views(x):
    a = np.zeros((3, 3))
    a.T[0] = x
    flat = a.ravel()
    flat[4] = x[1] ** 2
    a.reshape(9)[8] = x[2] ** 3
    d = a[::-1]
    d[0, 1] = x[0]
    return np.sum(a * np.arange(9.0).reshape(3, 3))


def two_names_of_one_array(x):
    y = x.copy()
    z = y
    y += 1.0
    y[0] *= x[2]
    return np.sum(z**2)


def out_and_where(x):
    y = np.zeros(3)
    np.multiply(x, x, out=y)
    np.sqrt(x, out=y, where=x > 0.5)
    np.add(y, 1.0, y)
    return np.sum(y * x)


def lists_of_tensors(x):
    parts = [x[0] ** 2, x[1], 3.0]
    return np.sum(parts) + np.mean(parts) + np.dot(parts, [x[2], 1.0, 2.0]) + np.max(parts)


def stacks(x):
    rows = [[x[0], 1.0], [2.0, x[1] * x[2]]]
    a = np.array(rows) @ np.asarray([x[2], 2.0])
    b = np.stack([x[0], x[1]]) * np.hstack([x[1], x[2]])
    return np.sum(a) + np.sum(b) + np.linalg.det(np.asanyarray(rows))


def mathematics(x):
    a, b, c = x
    return (
        math.sin(a) * math.exp(b) + math.log(c, 3) + math.hypot(a, b, c) + math.atan2(a, b)
        + math.pow(a, 2.5) + math.fsum([a, b, 2.0]) + math.erf(a) + math.lgamma(b) + math.sqrt(2)
        + math.dist([a, b], [c, 1.0]) + msin(c)
    )  # fmt: skip


def imported_inside(x):
    import math as m

    import numpy
    from numpy import stack

    return m.tanh(x[0]) + numpy.sum(stack([x[1], x[2]]) ** 2)


def imported_by_name(x):
    y = zeros(2)
    y[0] = x[0] * x[1]
    return np.sum(y) + np.sum(array([x[2], x[2] ** 2]))


def helper(a, b, scale=START):
    return np.array([a, b]) * scale[:2]


def helped(x):
    return np.sum(helper(x[0], x[1] ** 2)) + np.sum(HELPERS.pair(x[2], x[0]))


def recursive(x, depth=3):
    return np.sum(x) if not depth else recursive(np.array([x[0] * x[1], x[2], x[0]]), depth - 1)


def with_comprehension(x):
    return np.sum(np.array([[math.cos(v * k) for v in x] for k in range(3)]))


def with_generator(x):
    def parts():
        for v in x:
            yield np.array([v, v * v])

    return sum(np.sum(p) for p in parts())


def with_lambda_and_partial(x):
    power = functools.partial(helper, scale=np.array([2.0, 3.0]))
    square = lambda v: np.array([v**2, v])
    return np.sum(power(x[0], x[1])) + np.sum(square(x[2]))


def time_stepped(x):
    states = np.zeros((5, 2))
    states[0] = x[0], x[1]
    for k in range(4):
        y = states[k]
        states[k + 1] = y + 0.1 * np.array([y[1], -x[2] * math.sin(y[0])])
    return np.sum(states[-1] ** 2)


IDIOMS = [
    filled_by_element, filled_by_slice, filled_by_adding, filled_with_masks,
    filled_a_copy_of_what_stands_in_the_module, filled_what_was_computed_from_constants,
    wrote_into_a_row, wrote_through_other_views, two_names_of_one_array, out_and_where,
    lists_of_tensors, stacks, mathematics, imported_inside, imported_by_name, helped, recursive,
    with_comprehension, with_generator, with_lambda_and_partial, time_stepped,
]  # fmt: skip
WAYS = {
    "grad": ad.grad,
    "forward": ad.jacfwd,
    "vjp": lambda f: lambda x: ad.vjp(f, x)[1](1.0)[0],
    "compiled": lambda f: ad.compile(ad.grad(f)),
    "compiled inside": lambda f: ad.grad(ad.compile(f)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("f", IDIOMS, ids=lambda f: f.__name__)
def test_an_idiom_has_the_right_gradient(f, way):
    before = START.copy()
    for _ in range(2):
        gradient = WAYS[way](f)(X.copy())
        np.testing.assert_allclose(gradient, slopes(f, X), rtol=1e-6, atol=1e-7)
    assert f(X.copy()) == pytest.approx(float(ad.value_and_grad(f)(X)[0]))
    assert type(START) is np.ndarray and np.array_equal(START, before)


def test_second_derivatives_go_through_what_was_filled():
    np.testing.assert_allclose(
        ad.hessian(filled_by_element)(X), np.diag([2.0, 2.0, 2.0]), atol=1e-12
    )


def test_each_example_of_a_batch_goes_through_what_was_filled():
    batch = np.stack([X, 2 * X])
    found = ad.vmap(ad.grad(filled_by_adding))(batch)
    for row, x in zip(found, batch, strict=True):
        np.testing.assert_allclose(row, slopes(filled_by_adding, x), rtol=1e-6)


# Nothing outside of the call is changed.


def test_the_names_of_the_module_are_what_they_were():
    names = dict(globals())
    ad.grad(helped)(X)
    assert all(globals()[name] is value for name, value in names.items())
    assert type(np.zeros(3)) is np.ndarray and type(math.sin(1.0)) is float
    assert sys.modules["numpy"] is np


def test_a_function_given_plain_numbers_outside_returns_plain_numbers():
    ad.grad(filled_by_element)(X)
    assert isinstance(filled_by_element(X), np.float64)


def test_other_threads_see_numpys_own_functions():
    kinds, inside, seen = [], threading.Event(), threading.Event()

    def other():
        inside.wait(60)
        kinds.append(type(np.zeros(2)))
        seen.set()

    def f(x):
        inside.set()
        assert seen.wait(60)
        return np.sum(np.array([x[0], x[1]]))

    thread = threading.Thread(target=other)
    thread.start()
    ad.grad(f)(X)
    thread.join()
    assert kinds == [np.ndarray]


COUNTS = {"calls": 0}


def counted(x):
    COUNTS["calls"] += 1
    counted.last = COUNTS["calls"]
    return np.sum(np.array([x[0], x[1]]))


def test_side_effects_on_outside_objects_remain():
    COUNTS["calls"] = 0
    ad.grad(counted)(X)
    ad.grad(counted)(X)
    assert COUNTS["calls"] == counted.last == 2


def test_a_variable_of_an_enclosing_function_is_seen_as_it_is_now():
    factor, calls = 1.0, 0

    def scaled(v):
        return np.array([v, v]) * factor

    def f(x):
        nonlocal calls
        calls += 1
        return np.sum(scaled(x[0]))

    gradient = ad.grad(f)
    assert gradient(X)[0] == 2.0
    factor = 3.0
    assert gradient(X)[0] == 6.0
    original = scaled
    scaled = lambda v: original(v) * 2.0
    assert gradient(X)[0] == 12.0
    assert calls == 3


SCALE = 1.0


def set_scale(value):
    global SCALE
    SCALE = value


def uses_scale(x):
    set_scale(5.0)
    return np.sum(np.array([x[0], x[1]])) * SCALE


def test_a_global_written_during_the_call_is_seen_at_once():
    set_scale(1.0)
    assert ad.grad(uses_scale)(X).tolist() == [5.0, 5.0, 0.0]
    assert SCALE == 5.0


def test_a_function_that_is_replaced_is_called_as_it_is_now(monkeypatch):
    def doubled(a, b, scale=None):
        return np.array([a, b]) * 2.0

    plain = ad.grad(lambda x: np.sum(helper(x[0], x[1])))
    first = plain(X)
    monkeypatch.setitem(globals(), "helper", doubled)
    assert plain(X).tolist() == [2.0, 2.0, 0.0] != first.tolist()


def test_exceptions_pass_and_leave_nothing_behind():
    def f(x):
        np.zeros(2)[0] = x[0]
        raise KeyError("mine")

    for _ in range(2):
        with pytest.raises(KeyError, match="mine"):
            ad.grad(f)(X)
    assert type(np.zeros(2)) is np.ndarray


# Where it is not known what NumPy would do, or nothing can be traced, there is an error.


def test_writing_where_memory_may_or_may_not_be_shared_is_an_error():
    def f(x):
        a = np.zeros((3, 3))
        part = a[:, 1:].ravel()
        a[0, 1] = x[0]
        return np.sum(part)

    with pytest.raises(ad.errors.ArgumentError, match=r"x\.ravel.*copy"):
        ad.grad(f)(X)


def test_writing_a_traced_value_into_an_outside_array_is_an_error():
    buffer = [np.zeros(3)]

    def f(x):
        buffer[0][1] = x[0]
        return np.sum(buffer[0])

    with pytest.raises(LostDerivativeError, match="writing into an array"):
        ad.grad(f)(X)
    assert not buffer[0].any()


def test_an_error_that_was_caught_is_raised_at_the_end():
    def f(x):
        try:
            scale = float(x[0])
        except TypeError:
            scale = 1.0
        return np.sum(x) * scale

    with pytest.raises(LostDerivativeError, match="float"):
        ad.grad(f)(X)
