"""What does not fit into a loop or a branch is refused at once, with the argument's name."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError, ConcretizationError, DTypeError, ShapeError

TWO, THREE = np.ones(2), np.ones(3)


def one(a):
    return a


def two(a, b):
    return a, b


WRONG = [
    (lambda: ad.scan(lambda c, x: c, 0.0, THREE), ArgumentError, "pair"),
    (lambda: ad.scan(lambda c, x: ((c, c), x), 0.0, THREE), ArgumentError, "structure"),
    (lambda: ad.scan(lambda c, x: (ad.ones(3), x), TWO, THREE), ShapeError, "init"),
    (
        lambda: ad.scan(lambda c, x: ({"h": c["h"].astype("float32")}, x), {"h": TWO}, THREE),
        DTypeError,
        r"init\['h'\]",
    ),
    (lambda: ad.scan(lambda c, x: (c, x), TWO, [1.0, 2.0]), ShapeError, r"xs\[0\]"),
    (lambda: ad.scan(lambda c, x: (c, x), TWO, (TWO, THREE)), ShapeError, r"2 \(xs\[0\]\)"),
    (lambda: ad.scan(lambda c, x: (c, x), TWO, THREE, length=4), ShapeError, r"4 \(length\)"),
    (lambda: ad.scan(lambda c, x: (c, x), TWO), ShapeError, "length"),
    (lambda: ad.scan(lambda c, x: (c, x), TWO, THREE, unroll=0), ArgumentError, "unroll"),
    (lambda: ad.scan(3, TWO, THREE), ArgumentError, r"as in scan\(f, init, xs\)"),
    (lambda: ad.scan(lambda c, x: (c if c > 0 else x, x), 0.0, THREE), ConcretizationError, "cond"),
    (lambda: ad.while_loop(lambda c: c, lambda c: c, 1.0), ArgumentError, "cond_fun"),
    (lambda: ad.while_loop(lambda c: c < 1, lambda c: (c, c), 1.0), ArgumentError, "structure"),
    (lambda: ad.while_loop(lambda c: c[0] < 1, lambda c: c[:1], TWO), ShapeError, "init_val"),
    (lambda: ad.fori_loop(0, ad.asarray(2.5), lambda i, v: v, 1.0), DTypeError, "upper"),
    (lambda: ad.cond(1.0, abs, abs, 2.0), ArgumentError, "pred"),
    (lambda: ad.cond(TWO > 0, abs, abs, 2.0), ArgumentError, "pred"),
    (lambda: ad.cond(True, lambda x: x, lambda x: (x, x), 1.0), ArgumentError, "true_fun"),
    (lambda: ad.cond(True, lambda x: x, lambda x: x[:1], TWO), ShapeError, "false_fun"),
    (lambda: ad.cond(True, lambda x: x, lambda x: x > 1, TWO), DTypeError, "true_fun"),
    (lambda: ad.switch(0, [], 1.0), ArgumentError, "branches"),
    (lambda: ad.switch(0.5, [abs], 1.0), DTypeError, "index"),
    (lambda: ad.cond("a", abs, abs, 2.0), ArgumentError, "cond: pred must be a boolean scalar"),
    (lambda: ad.map(abs, 1.0), ShapeError, "^map: xs is 0-d"),
    (lambda: ad.map(abs, None), ShapeError, "^map: xs"),
    (lambda: ad.associative_scan(ad.add, (TWO, THREE)), ShapeError, "length"),
    (lambda: ad.associative_scan(lambda a, b: (a, b), THREE), ArgumentError, "fn"),
    (lambda: ad.associative_scan(lambda a, b: ad.sum(a + b), THREE), ShapeError, "fn"),
    (lambda: ad.scan(lambda c, x: (c, x), TWO, THREE, memory=-1), ArgumentError, "memory"),
    (lambda: ad.scan(lambda c, x: (c, x), TWO, THREE, memory="a"), ArgumentError, "memory"),
    (lambda: ad.checkpoint(1), ArgumentError, "function"),
    (lambda: ad.fori_loop(0, 3, lambda i, v: (v, v), 1.0), ArgumentError, "^fori_loop.*init_val"),
    (lambda: ad.fori_loop(0, 3, lambda i, v: v[:1], TWO), ShapeError, "^fori_loop: init_val has"),
    (lambda: ad.fori_loop(0, THREE_TIMES, lambda i, v: v[:1], TWO), ShapeError, "^fori_loop: init"),
    (lambda: ad.fori_loop(0, 3, lambda i, v: None, TWO), ArgumentError, "body_fun=<lambda> ret"),
    (lambda: ad.fori_loop(0, 3, lambda i, v: v, "a"), ArgumentError, "^fori_loop: init_val: "),
    (lambda: ad.map(lambda x: "a", TWO), ArgumentError, "^map: f=<lambda> returned 'a'"),
    (lambda: ad.cond(True, lambda: "a", lambda: 1.0), ArgumentError, "true_fun=<lambda> returned"),
    (lambda: ad.switch(0, [lambda: "a"]), ArgumentError, r"branches\[0\]=<lambda> returned"),
    (lambda: ad.scan("f", 0.0, THREE), ArgumentError, "^scan: expected a function as f, got str"),
    (lambda: ad.while_loop(None, one, 1.0), ArgumentError, "a function as cond_fun, got NoneType"),
    (lambda: ad.while_loop(one, None, 1.0), ArgumentError, "a function as body_fun, got NoneType"),
    (lambda: ad.cond(True, one, 2.0, 1.0), ArgumentError, "a function as false_fun, got float"),
    (lambda: ad.switch(0, [one, 2.0], 1.0), ArgumentError, r"a function as branches\[1\], got fl"),
    (lambda: ad.scan(two, 0.0, "xs"), ArgumentError, "^scan: xs: .*str 'xs'"),
    (lambda: ad.scan(two, 0.0, None, -1), ArgumentError, "^scan: length must be .*-1"),
    (lambda: ad.scan(two, 0.0, THREE, reverse="no"), ArgumentError, "^scan: reverse must .*'no'"),
    (lambda: ad.scan(two, 0.0, THREE, reverse=TWO), ArgumentError, "^scan: reverse must be"),
    (lambda: ad.scan(two, object(), THREE), ArgumentError, "^scan: init: .*object"),
    (lambda: ad.scan(lambda c, x: (c, "y"), 0.0, THREE), ArgumentError, "^scan: f=<lambda> ret"),
    (lambda: ad.while_loop(one, one, 1.0), ArgumentError, "^while_loop: cond_fun must return a bo"),
    (lambda: ad.while_loop(lambda c: c < 1, one, TWO), ArgumentError, r"cond_fun .* \(2,\)"),
    (lambda: ad.while_loop(lambda c: c < 1, str, 1.0), ArgumentError, "body_fun=str returned"),
    (lambda: ad.while_loop(bool, one, 1.0, memory="1GB"), ArgumentError, "^while_loop: memory"),
    (lambda: ad.fori_loop("a", 3, two, 1.0), DTypeError, "^fori_loop: lower must be an int"),
    (lambda: ad.fori_loop(0, None, two, 1.0), DTypeError, "^fori_loop: upper must be an int"),
    (lambda: ad.fori_loop(0, TWO, two, 1.0), DTypeError, r"^fori_loop: upper .*\(2,\); convert"),
    (
        lambda: ad.fori_loop(0, 3, lambda i, v: v * 1j, 1.5 * TWO),
        DTypeError,
        "^fori_loop: init_val",
    ),
    (lambda: ad.switch(None, [one], 1.0), DTypeError, "^switch: index must be an integer scalar: "),
    (lambda: ad.switch(TWO, [one], 1.0), DTypeError, r"^switch: index .*\(2,\); convert"),
    (lambda: ad.switch(0, one, 1.0), ArgumentError, "^switch: branches must be a non-empty"),
    (
        lambda: ad.switch(0, [one, lambda x: x > 0], 1.0),
        DTypeError,
        r"result of branches\[1\] bool",
    ),
    (lambda: ad.cond(True, one, one, object()), ArgumentError, r"^cond: operand \[0\]: "),
    (lambda: ad.map(None, THREE), ArgumentError, "^map: expected a function as f, got NoneType"),
    (lambda: ad.associative_scan(ad.add, 1.0), ShapeError, "^associative_scan: elems is 0-d"),
    (lambda: ad.associative_scan(ad.add, ()), ShapeError, "got none; pass arrays"),
    (lambda: ad.associative_scan(ad.greater, THREE), DTypeError, "fn must keep .*float64 .* bool"),
    (lambda: ad.associative_scan(lambda a, b: "s", THREE), ArgumentError, "fn=<lambda> returned"),
    (lambda: ad.associative_scan(ad.add, THREE, reverse="no"), ArgumentError, "reverse must be"),
    (lambda: ad.associative_scan(ad.add, THREE, axis=2), ad.errors.AxisError, "axis 2 is out of"),
    (lambda: ad.checkpoint(abs, policy="dots"), ArgumentError, "policy must be one of .*'dots'"),
    (lambda: ad.checkpoint(abs, policy=[]), ArgumentError, "policy must be one of"),
    (lambda: ad.checkpoint(two)(1.0, "b"), ArgumentError, r"^checkpoint: operand \[1\]: "),
    (lambda: ad.checkpoint(lambda x: "a")(1.0), ArgumentError, "^checkpoint: f=<lambda> returned"),
]

THREE_TIMES = ad.asarray(3)


WRONG_ARITIES = [
    (lambda: ad.scan(one, 0.0, THREE), r"scan: f is called as f\(state, x\)", "one(a)"),
    (lambda: ad.map(two, THREE), r"map: f is called as f\(x\)", "two(a, b)"),
    (lambda: ad.while_loop(two, one, 1.0), "while_loop: cond_fun is called", "two(a, b)"),
    (lambda: ad.while_loop(one, two, 1.0), "while_loop: body_fun is called", "two(a, b)"),
    (lambda: ad.fori_loop(0, 3, one, 1.0), "fori_loop: body_fun is called", "one(a)"),
    (lambda: ad.fori_loop(0, THREE_TIMES, one, 1.0), "fori_loop: body_fun is called", "one(a)"),
    (lambda: ad.cond(True, one, two, 1.0), "cond: false_fun is called", "two(a, b)"),
    (lambda: ad.cond(True, one, one), r"cond: true_fun is called as true_fun\(\)", "one(a)"),
    (lambda: ad.switch(0, [one, two], 1.0), r"switch: branches\[1\] is called", "two(a, b)"),
    (lambda: ad.associative_scan(one, THREE), "associative_scan: fn is called", "one(a)"),
    (lambda: ad.linearize(one), "linearize: f is called .* no primals", "one(a)"),
    (lambda: ad.linearize(one, 1.0, 2.0), "linearize: f is called .* 2 primals", "one(a)"),
    (lambda: ad.linear_transpose(one), "linear_transpose: f is called", "one(a)"),
    (lambda: ad.root(two, 1.0), r"root: f is called as f\(x\)", "two(a, b)"),
    (lambda: ad.fixed_point(one, 1.0, 2.0), "fixed_point: f is called .* 1 args", "one(a)"),
    (lambda: ad.custom_root(one, 1.0, one, two), "custom_root: solve is called", "one(a)"),
    (lambda: ad.custom_jvp(one).defjvp(one), "defjvp: rule is called", "one(a)"),
    (lambda: ad.custom_vjp(one).defvjp(one, one), "defvjp: bwd is called", "one(a)"),
]


@pytest.mark.parametrize("number", range(len(WRONG_ARITIES)))
def test_functions_of_another_number_of_arguments(number):
    call, words, given = WRONG_ARITIES[number]
    with pytest.raises(ArgumentError, match=words) as error:
        call()
    assert f"{given} does not take" in str(error.value)
    assert "; pass " in str(error.value)


def test_a_type_error_inside_a_step_is_the_users_own():
    with pytest.raises(TypeError, match="has no len") as error:
        ad.scan(lambda c, x: (c + len(3), None), 0.0, THREE)
    assert not isinstance(error.value, ArgumentError)


def test_functions_whose_wrappers_take_more_than_they_do():
    @functools.wraps(one)
    def step(c, x):
        return one(c) + x, None

    assert float(ad.scan(step, 0.0, THREE)[0]) == 3.0
    assert float(ad.scan(functools.partial(step), 0.0, THREE)[0]) == 3.0


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_error(number):
    call, kind, words = WRONG[number]
    with pytest.raises(kind, match=words):
        call()


def test_python_numbers_take_the_dtype_of_the_step():
    state, _ = ad.scan(lambda c, x: (c + x, None), 0, ad.ones(3, dtype="float32"))
    assert state.dtype == np.float32 and float(state) == 3.0
    assert ad.cond(True, lambda x: x, lambda x: 0.0, ad.ones(2, dtype="float32")[0]).dtype == "f4"


WRONG_STEPS = [
    (lambda c, x: c, ArgumentError, "<lambda>.*pair"),
    (lambda c, x: ((c, c), x), ArgumentError, "<lambda> returned"),
    (lambda c, x: (ad.stack([c, c]), x), ShapeError, r"<lambda> returned shape \(2,\)"),
]


@pytest.mark.parametrize("how", [{"unroll": 2}, {"memory": 8}])
@pytest.mark.parametrize("number", range(len(WRONG_STEPS)))
def test_steps_that_are_taken_in_blocks_are_named(number, how):
    step, kind, words = WRONG_STEPS[number]
    with pytest.raises(kind, match=words):
        ad.scan(step, 1.0, np.ones(6), **how)


KEPT = []


def keeping(c, x):
    KEPT.append(c * x)
    return c, x


USES = [
    lambda y: float(y),
    lambda y: float(ad.grad(lambda x: x * y)(1.0)),
    lambda y: ad.compile(lambda x: x * y)(1.0),
    lambda y: ad.evaluate(ad.scan(lambda c, x: (c * y, None), 1.0, THREE)[0]),
    lambda y: ad.compile(lambda a: ad.scan(lambda c, x: (c * y, None), a, THREE))(1.0),
]
TRACES = [
    lambda: ad.scan(keeping, 1.0, THREE),
    lambda: ad.map(lambda x: keeping(x, x), THREE),
    lambda: ad.cond(ad.asarray(True), keeping, keeping, 1.0, 2.0),
    lambda: ad.while_loop(lambda c: c < 3, lambda c: keeping(c, 1.0)[0] + 1, 1.0),
    lambda: ad.while_loop(lambda c: keeping(c, 1.0)[0] < 3, lambda c: c + 1, 1.0),
    lambda: ad.grad(lambda a: ad.grad(lambda a: ad.scan(keeping, a, THREE)[0])(a))(1.0),
    lambda: ad.vmap(lambda x: keeping(x, x))(THREE),
    lambda: ad.compile(lambda x: keeping(x, x))(1.0),
]


@pytest.mark.parametrize("use", range(len(USES)))
@pytest.mark.parametrize("trace", range(len(TRACES)))
def test_a_tensor_kept_from_inside_a_step_is_refused_where_it_is_used(trace, use):
    TRACES[trace]()
    with pytest.raises(ConcretizationError, match=r"has returned.*return it instead"):
        USES[use](KEPT[-1])


def test_a_tensor_outside_that_a_step_wrote_to_is_refused():
    total = ad.zeros(2)

    def step(c, x):
        total[0] = x
        return c + total[0], None

    assert float(ad.scan(step, 0.0, np.arange(4.0))[0]) == 6.0
    with pytest.raises(ConcretizationError, match="written to a tensor outside"):
        np.asarray(total)


def test_values_asked_for_in_a_condition_are_not_said_to_have_escaped():
    with pytest.raises(ConcretizationError, match=r"adjoint\.cond"):
        ad.while_loop(lambda c: c < 3 and c > 0, lambda c: c + 1, 1.0)


def test_indices_and_bounds_that_are_very_large():
    functions = [lambda: 1, lambda: 2]
    for index in (np.uint64(2**63 + 5), np.uint8(200), 10**10):
        assert int(ad.switch(index, functions)) == 2
    assert ad.fori_loop(10**12, 0, lambda i, v: v + i, 0) == 0
    with pytest.raises(OverflowError, match="int64"):
        ad.fori_loop(0, 2**70, lambda i, v: v + i, 0)


def test_writing_into_an_array_outside():
    filled = np.zeros(3)

    def step(c, x):
        filled[0] = x
        return c + filled[0], None

    for call in (lambda: ad.scan(step, 0.0, THREE), lambda: ad.compile(step)(0.0, 1.0)):
        with pytest.raises(ConcretizationError, match="writing it into an array"):
            call()
