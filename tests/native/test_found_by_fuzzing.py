"""Programs that once went wrong, each found by tools/fuzz_native.py and made small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from tests.native.comparing import compare
from tests.native.layouts import read_only
from tests.native.random_programs import program

pytestmark = pytest.mark.native


def check(f: Any, *inputs: Any) -> None:
    """The compiled function agrees with the interpreter."""
    found, expected = ad.compile(f)(*inputs), f(*map(ad.asarray, inputs))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12, strict=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_product_with_a_constant_of_one_element(dtype: str) -> None:
    one = np.full((1, 1), 3.0, dtype)
    check(lambda x: x @ one, np.ones((2, 1), dtype))
    check(lambda x: one @ x, np.ones((1, 2), dtype))


@pytest.mark.parametrize("shape", [(0,), (1, 0, 1), (3, 0)])
def test_the_gradient_of_what_is_broadcast_to_nothing_is_zero(shape: Any) -> None:
    x = np.ones((1,) * len(shape))
    gradient = ad.grad(lambda x: ad.sum(x * np.ones(shape)))
    np.testing.assert_array_equal(gradient(x).numpy(), np.zeros_like(x))
    check(gradient, x)


def test_a_function_of_one_value_twice_does_not_answer_for_two() -> None:
    """In large kernels of scalars elementary functions are called: x / x and x / y are not one."""

    def f(x: Any, y: Any) -> Any:
        total = x / x + x / y
        for _ in range(20):
            total = ad.sin(total) / ad.cos(x)
        return total

    check(f, 1.5, 4.0)


@pytest.mark.parametrize("reduce", [ad.sum, ad.min])
def test_a_result_of_a_nest_that_is_added_to_in_memory(reduce: Any) -> None:
    """A middle axis is reduced in memory, so its result is set to the start before the rows."""

    def f(x: Any) -> Any:
        return ad.sum(ad.sin(reduce(x, axis=1)) * 2.0, axis=-1)

    check(f, np.random.default_rng(0).normal(size=(3, 2, 1000, 8)))


def test_a_complex_constant_of_one_element() -> None:
    check(lambda x: x * (2.0 - 3.0j), np.array([1.0 + 1.0j, 2.0]))


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
@pytest.mark.parametrize("f", [ad.floor, ad.ceil, ad.trunc, ad.rint])
def test_whole_numbers_are_rounded_without_ending_the_process(f: Any, dtype: str) -> None:
    check(f, np.array([0, 3, 200]).astype(dtype))


def test_a_condition_may_be_a_number() -> None:
    check(lambda c, x: ad.where(c, x, -x), np.array([0, 2, -1]), np.array([1.0, 2.0, 3.0]))
    check(lambda c, x: ad.where(c, x, -x), np.array([0.0, np.nan]), np.array([1.0, 2.0]))


def test_powers_of_whole_numbers() -> None:
    """Those that wrap around too; a negative exponent is refused, as by NumPy."""
    x, y = np.array([2, -3, 10]), np.array([3, 5, 40])
    check(lambda x, y: x**y, x, y)
    check(lambda x: x**70, x)
    with pytest.raises(ValueError, match="negative integer powers"):
        ad.compile(lambda x, y: x**y)(x, -y)


@pytest.mark.parametrize("c", [1, -1, 2, 0.5, 0, 1j])
def test_complex_numbers_are_not_simplified_as_if_they_were_real(c: complex) -> None:
    """(1 + 0i) (∞ + i) is ∞ + i nan; a division by 2 and a subtraction of 0 compile."""
    z = np.array([1 + 2j, complex(np.inf, 1), complex(-0.0, 0.0)])
    check(lambda z: z * c, z)
    check(lambda z: z - c, z)
    check(lambda z: z / (c or 2), z)


@pytest.mark.parametrize(("a", "b"), [((1,), (1.0,)), (0.0, -0.0), (1, True), ((0.0,), (-0.0,))])
def test_static_arguments_that_python_calls_equal_are_told_apart(a: Any, b: Any) -> None:
    seen: list[Any] = []

    def f(x: Any, s: Any) -> Any:
        seen.append(s)
        return x

    g = ad.compile(f, static=1)
    for s in (a, b, a, b):
        g(1.0, s)
    assert list(map(repr, seen)) == [repr(a), repr(b)]


def test_tensors_from_outside_whose_value_was_looked_at() -> None:
    """They have forgotten their inputs, and are constants of the program."""
    table = ad.reshape(ad.asarray(np.arange(4.0)) * 2, (2, 2))
    column = ad.sin(ad.asarray(np.arange(4.0)))
    variable = ad.variable(2.0)
    root = ad.sqrt(variable)
    slope = ad.gradient(root, variable)
    for tensor in (table, column, root, slope):
        tensor.numpy()
    check(lambda x: x + table, np.ones((2, 2)))
    check(lambda x: x * column[0] + ad.reshape(column, (2, 2)), np.ones((2, 2)))
    check(lambda x: (x * variable, x - root, x / slope)[1], np.ones(3))
    check(lambda x: x * variable * slope, np.ones(3))


def test_a_long_chain_below_a_sum_does_not_recurse_deeply():
    def horner(x, t):
        y = 0.0 * t
        for j in range(300):
            y = y * t + x[j]
        return ad.sum(y)

    x, t = np.ones(300), np.linspace(0.1, 0.9, 5)
    value, gradient = ad.compile(ad.value_and_grad(horner))(x, t)
    np.testing.assert_allclose(value, sum(np.polyval(x, t)), rtol=1e-13)
    np.testing.assert_allclose(gradient, [np.sum(t**k) for k in reversed(range(300))], rtol=1e-11)


def test_a_product_under_two_other_shapes_one_of_them_a_result() -> None:
    """It is computed in the memory of the result, where the other shape is to find it."""
    x = np.arange(21.0).reshape(3, 7) / 10

    def f(x: Any) -> Any:
        y = ad.sin(x) @ ad.reshape(ad.tanh(x), (7, 3))
        return ad.exp(-ad.reshape(y, (1, 9))), ad.reshape(y, (1, 3, 3)), ad.sum(ad.reshape(y, (9,)))

    for found, expected in zip(ad.compile(f)(x), f(ad.asarray(x)), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), 1e-12, strict=True)


def test_an_element_set_in_rows_that_are_done_in_blocks() -> None:
    """The blocks before and after the place where the loop is cut have no rows of some parts."""

    def f(x: Any, m: Any) -> Any:
        y = ad.asarray(x) * 1.0
        y[221] = 0.5
        return y, ad.sum(ad.maximum(m, 0.5) + ad.cos(m), axis=1) * y, ad.sum(y)

    x, m = np.arange(1000.0), np.ones((1000, 200), np.float32)
    compiled = ad.compile(f)
    y, _, total = compiled(x, m)
    assert " at a time" in compiled.text("schedule")
    x[221] = 0.5
    np.testing.assert_array_equal(y, x)
    np.testing.assert_allclose(total, np.sum(x), 1e-13)


def test_rare_arguments_before_a_last_axis_of_no_elements() -> None:
    def f(x: Any) -> Any:
        y = ad.asarray(x) * 1.0
        y[:, 1:0] = ad.sin(x[0, 1:0])
        return ad.any(y > 0.0)

    assert not ad.compile(f)(np.zeros((8, 0), np.float32))


def test_another_shape_of_an_empty_input_that_a_call_reads() -> None:
    x = read_only(np.zeros(0))
    check(lambda x: ad.reshape(x, (1, 0)) @ ad.reshape(x, (0, 1)), x)


def test_a_loop_of_no_elements_inside_a_loop_over_vectors() -> None:
    """What it would read is not the same in all rounds of the outer loop."""
    check(lambda x: ad.sum(ad.tanh(x), axis=1) / 0.5, np.zeros((64, 0), np.float32))


COUNTED, OTHER, TWICE = [0, 1, 2, 3], [3, 1, 0, 2], [2, 2, 0, 0]


@pytest.mark.parametrize("orders", [(COUNTED, OTHER, TWICE), (OTHER, COUNTED, TWICE)])
def test_code_for_indices_that_count_serves_no_others(orders: Any) -> None:
    """Where an index tensor is 0, 1, 2 … its elements are not read."""
    x, columns = np.arange(12.0).reshape(4, 3), [1, 2, 0, 1]
    kept = []  # with their code
    for rows in map(np.array, orders):

        def chosen(x: Any, rows: Any = rows) -> Any:
            return ad.sin(x)[rows, columns]

        def added(x: Any, rows: Any = rows) -> Any:
            return ad.grad(lambda v: ad.sum(ad.cos(v[rows, columns]) * x[0, 1]))(x)

        for f in (chosen, added):
            kept.append(ad.compile(f))
            found, expected = kept[-1](x).numpy(), f(ad.asarray(x)).numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        kept.append(ad.compile(lambda x, rows: ad.sin(x)[rows, np.array(columns)]))
        found = kept[-1](x, rows).numpy()
        np.testing.assert_allclose(found, np.sin(x)[rows, columns], rtol=1e-12)
        with pytest.raises(IndexError):
            kept[-1](x, rows + 2)


@pytest.mark.parametrize("order", [np.arange(4097), np.arange(4097)[::-1]])
def test_a_sum_of_single_precision_errs_no_more_than_one_in_pairs_may(order: Any) -> None:
    """Program 771244736: terms of both signs, so that few digits are left of any sum of them."""
    x = np.cos(np.arange(4097)).astype(np.float32)[order]
    found = ad.compile(lambda x: ad.astype(ad.sum(x), "float64"))(x).numpy()
    right = np.sum(x.astype(np.float64))
    terms = np.sum(np.abs(x.astype(np.float64)))
    assert abs(found - right) <= np.log2(4097) * np.finfo(np.float32).eps / 2 * terms
    assert not compare([program(771_244_736)]).wrong


def test_the_rest_of_a_division_jumps_only_where_the_quotient_is_whole() -> None:
    """Program 771237921: the divisor is a mean, so its last digits hang on the order of a sum."""
    p = program(771_237_921)
    found = ad.compile(p)(*p.inputs)[0].numpy().ravel()
    wanted = p(*map(ad.asarray, p.inputs))[0].numpy().ravel()
    x = np.asarray(p.inputs[0], np.float64)
    low = np.minimum(x, np.float32(-0.048325))
    product = (low * low.sum()).ravel()
    by = abs(np.arctan(product).mean()) + 0.75
    error = 32 * np.finfo(np.float32).eps  # of a sum, a product, a mean
    apart = np.abs(found.astype(np.float64) - wanted) > error * np.abs(product)
    quotient = product[apart] / by
    assert np.all(np.abs(quotient - np.rint(quotient)) < error * np.abs(quotient))
    assert np.all(np.abs(found - wanted)[apart] > 0.9 * by)  # the whole divisor
    assert not compare([p]).wrong
