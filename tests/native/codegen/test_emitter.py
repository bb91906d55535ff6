"""The words of the emitter mean the same in LLVM as in NumPy, on every dtype."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adjoint.backends.llvm.codegen.emitter import LLVMEmitter
from adjoint.graph.emitter import Emitter
from tests.native.codegen.numpy_emitter import NumPyEmitter
from tests.native.codegen.scalar_loop import build
from tests.sampling import one_of_each_kind

pytestmark = pytest.mark.native

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float32", "float64")
NUMBERS = (*INTEGERS, *FLOATS)
ONE = ("negative", "abs")
TWO = ("add", "subtract", "multiply", "divide", "fmod", "minimum", "maximum")
COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
FLOAT_ONE = ("sqrt", "floor", "ceil", "trunc", "round")
LOGIC = ("bitwise_and", "bitwise_or", "bitwise_xor")


def column(dtype: str, seed: int) -> Any:
    """Ordinary numbers, the ends of the dtype, zeros; infinities and nan if it has them."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return rng.random(400) < 0.5
    if kind.kind in "iu":
        info = np.iinfo(kind)
        anything = rng.integers(info.min, info.max, 200, kind, endpoint=True)
        ends = np.array([info.min, info.max, 0, 1, max(info.min, -1)], kind)
        return np.concatenate([anything, rng.integers(0, 9, 100, kind), rng.choice(ends, 100)])
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 0.5, -0.5, 1.5, 2.5])
    anything = rng.normal(size=200) * 10.0 ** rng.uniform(-5, 5, 200)
    return np.concatenate([anything, rng.choice(ends, 200)]).astype(kind)


def with_dtypes(names: Sequence[str], dtypes: Sequence[str]) -> list[Any]:
    """Each with every dtype; one that is signed, one that is not, and one of floats always run."""
    kinds = {"i": "signed", "f": "floating"}
    return one_of_each_kind(
        dict.fromkeys(names, dtypes), lambda dtype: kinds.get(np.dtype(dtype).kind)
    )


def check(function: Any, *dtypes: str) -> None:
    """The function computes the same on both emitters, to the last bit."""
    columns = [column(d, seed) for seed, d in enumerate(dtypes)]
    with np.errstate(all="ignore"):
        expected = np.asarray(function(NumPyEmitter(), *columns))
    actual = build(function, *dtypes)(*columns)
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)
    if expected.dtype.kind == "f":
        known = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(actual)[known], np.signbit(expected)[known])


@pytest.mark.parametrize(("word", "dtype"), with_dtypes((*ONE, *TWO, *COMPARISONS), NUMBERS))
def test_arithmetic_and_comparison(word: str, dtype: str) -> None:
    """On integers they wrap, and division by zero or of the least by -1 does not trap."""
    check(lambda e, *xs: getattr(e, word)(*xs), *[dtype] * (1 if word in ONE else 2))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("word", (*FLOAT_ONE, "copysign", "fma"))
def test_floating_point(word: str, dtype: str) -> None:
    """Rounding, roots, signs, and the multiplication that rounds once with its sum."""
    arity = {"copysign": 2, "fma": 3}.get(word, 1)
    check(lambda e, *xs: getattr(e, word)(*xs), *[dtype] * arity)


@pytest.mark.parametrize("dtype", ("bool", *INTEGERS))
@pytest.mark.parametrize("word", (*LOGIC, "bitwise_invert"))
def test_bits(word: str, dtype: str) -> None:
    """Of a bool, logic."""
    check(lambda e, *xs: getattr(e, word)(*xs), *[dtype] * (1 if "invert" in word else 2))


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("word", ["bitwise_left_shift", "bitwise_right_shift"])
def test_shifts(word: str, dtype: str) -> None:
    """To the right the sign enters, if there is one."""
    check(lambda e, x: getattr(e, word)(x, 3), dtype)


@pytest.mark.parametrize(("source", "target"), with_dtypes(("bool", *NUMBERS), ("bool", *NUMBERS)))
def test_conversion(source: str, target: str) -> None:
    """Between all kinds; what does not fit an integer ends at its end, nan at 0."""
    check(lambda e, x: e.convert(x, target), source)


@pytest.mark.parametrize(("source", "target"), [("float32", "uint32"), ("int64", "float64")])
def test_bitcast(source: str, target: str) -> None:
    """The same bits, there and back."""
    check(lambda e, x: e.bitcast(e.bitcast(x, target), source), source)


@pytest.mark.parametrize("dtype", NUMBERS)
def test_choice(dtype: str) -> None:
    """select and slow_path agree; a number among the operands takes the other's dtype."""
    check(lambda e, a, b: e.select(e.less(a, b), a, 7), dtype, dtype)
    check(lambda e, a, b: e.slow_path(e.less(a, b), a, lambda: e.add(b, 1)), dtype, dtype)


def test_a_call_reaches_the_c_library() -> None:
    """By the name of the function."""
    check(lambda e, x: e.call("erf", e.minimum(x, 9.0), dtype="float64"), "float64")


def test_contraction_happens_only_where_it_is_allowed() -> None:
    """x² - the rounded x² is 0 unless an fma keeps what the rounding took."""

    def error_of_square(e: Any, x: Any) -> Any:
        return e.subtract(e.multiply(x, x), e.exact.multiply(x, x))

    x = np.linspace(1, 2, 1000)
    assert not build(error_of_square, "float64")(x).any()
    text = build(lambda e, x: e.add(e.multiply(x, x), x), "float64", contract=True).ir
    assert "fmul contract" in text
    assert "contract" not in build(lambda e, x: e.add(e.multiply(x, x), x), "float64").ir


def test_operands_of_two_dtypes_are_refused() -> None:
    """Nothing is promoted behind the back."""
    with pytest.raises(TypeError, match=r"operands of one dtype, got \['float32', 'float64'\]"):
        build(lambda e, a, b: e.add(a, b), "float32", "float64")


def test_a_dtype_without_registers_is_refused() -> None:
    """Loops are asked for numbers only."""
    with pytest.raises(TypeError, match="native code has no scalars of dtype object"):
        LLVMEmitter(None).constant(1.0, "object")


def test_both_emitters_know_all_words() -> None:
    """The protocol is the list of words."""
    words = {w for w in vars(Emitter) if not w.startswith("_")}
    for emitter in (LLVMEmitter, NumPyEmitter):
        assert not {w for w in words if not hasattr(emitter, w)}


def test_equal_instructions_are_written_once() -> None:
    """A product may be shared with code that must not contract, a sum may not."""

    def function(e: Any, x: Any, y: Any) -> Any:
        loose = replace(e, contract=True)
        assert loose.multiply(x, y).value is e.multiply(x, y).value
        assert loose.add(x, y).value is not e.add(x, y).value
        assert e.add(x, y).value is e.add(x, y).value
        # Were this subtraction an fma of the shared product, it would give the rounding error.
        return loose.add(loose.multiply(x, y), e.subtract(e.multiply(x, y), loose.multiply(x, y)))

    x = np.array([0.1, 1.0 + 2.0**-30])
    np.testing.assert_array_equal(build(function, "float64", "float64")(x, x), x * x)
