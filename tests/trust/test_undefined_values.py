"""What LLVM calls undefined or poison, and what C leaves to the machine, is defined here.

Every operation of an instruction or two, with operands at the ends of their ranges: NumPy, the
interpreter, and native code at every stage, on vectors and on numbers, the operands arguments or
constants, agree to the last bit. Where NumPy leaves the answer to the processor (which of two zeros
is the larger, a float too large for an integer) the engines agree on what the design note says.
"""

from __future__ import annotations

import operator

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import OutOfBoundsError
from adjoint.graph.op import FUNCTIONS, OPS
from adjoint.ops.family.elementwise import _KINDS, Elementwise
from adjoint.ops.family.scalar_rules import scalar_rule
from tests.sampling import every, in_turn, one_of_each_kind

SIGNED, UNSIGNED = ("int8", "int16", "int32", "int64"), ("uint8", "uint16", "uint32", "uint64")
FLOATS = ("float32", "float64")
DTYPES = ("bool", *SIGNED, *UNSIGNED, *FLOATS)
INTEGERS = (*SIGNED, *UNSIGNED)
NUMBERS = (*INTEGERS, *FLOATS)
SOME = ("bool", "int8", "uint64", "float32")
"""One of each kind, where the width makes no difference."""


def awkward(dtype):
    """Numbers at which an instruction might be undefined, and some at which none is."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        ends, bits = np.iinfo(dtype), 8 * dtype.itemsize
        numbers = [ends.min, ends.max, ends.min + 1, ends.max - 1, 0, 1, -1, 2, -2, 3, -3, 7, 100]
        numbers += [bits - 1, bits, bits + 1, -bits, 2 * bits, 31, 32, 63, 64, 65]
        fitting = [n for n in dict.fromkeys(numbers) if ends.min <= n <= ends.max]
        return np.array(fitting, dtype)
    ends = np.finfo(dtype)
    numbers = [0.0, 1.0, 0.5, 1.5, 2.5, 3.0, 1e10, 127.5, 255.0, 256.0, 2.0**31, 2.0**32, 2.0**63]
    numbers += [2.0**64, ends.max, ends.tiny, ends.smallest_subnormal, 1 - ends.epsneg, np.inf]
    finite = np.array([*numbers, *(-n for n in numbers), np.nan], np.float64).astype(dtype)
    signalling = (0x7F80_0001, np.uint32) if dtype == np.float32 else (0x7FF0 << 48 | 1, np.uint64)
    return np.append(finite, np.array(signalling[0], signalling[1]).view(dtype))


def pairs(x, y):
    return np.repeat(x, len(y)), np.tile(y, len(x))


def assert_same(found, wanted, where, ulps=0):
    """Equal to the last bit; any nan is as good as another. Or nearly, up to so many units."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape), where
    if wanted.dtype.kind != "f":
        right = found == wanted
    else:
        with np.errstate(all="ignore"):
            right = (found == wanted) & (np.signbit(found) == np.signbit(wanted))
            right |= np.isnan(found) & np.isnan(wanted)
            if ulps:
                ends = np.finfo(wanted.dtype)
                step = np.maximum(np.abs(wanted) * ends.eps, ends.smallest_subnormal)
                right |= (np.abs(found - wanted) <= ulps * step) & (found != 0) & (wanted != 0)
    wrong = np.flatnonzero(~right)
    shown = [f"at {i}: {found.flat[i]!r} for {wanted.flat[i]!r}" for i in wrong[:4]]
    assert not len(wrong), f"{where}: {len(wrong)} wrong, {shown}"


def quietly(function, *args):
    with np.errstate(all="ignore"):
        return function(*args)


def native_results(f, *arrays, calls=6):
    """What a compiled function answers first, and when it has reached its last stage."""
    compiled = ad.compile(f)
    answers = [compiled(*arrays) for _ in range(calls)]
    return answers[0], answers[-1]


UNARY = {
    "negative": NUMBERS, "abs": NUMBERS, "sign": NUMBERS, "square": NUMBERS,
    "bitwise_invert": ("bool", *INTEGERS), "logical_not": DTYPES,
    "floor": FLOATS, "ceil": FLOATS, "trunc": FLOATS, "rint": FLOATS, "sqrt": FLOATS,
    "reciprocal": FLOATS, "isnan": FLOATS, "isinf": FLOATS, "isfinite": FLOATS, "signbit": FLOATS,
}  # fmt: skip
BINARY = {
    "bitwise_left_shift": INTEGERS, "bitwise_right_shift": INTEGERS,
    "bitwise_and": ("bool", *INTEGERS), "bitwise_or": ("bool", *INTEGERS),
    "bitwise_xor": ("bool", *INTEGERS),
    "add": NUMBERS, "subtract": NUMBERS, "multiply": NUMBERS, "divide": NUMBERS,
    "floor_divide": NUMBERS, "remainder": NUMBERS, "fmod": NUMBERS,
    "maximum": DTYPES, "minimum": DTYPES, "fmax": DTYPES, "fmin": DTYPES,
    "copysign": FLOATS, "hypot": FLOATS,
    "equal": SOME, "not_equal": SOME, "less": SOME, "less_equal": SOME, "greater": SOME,
    "greater_equal": SOME, "logical_and": SOME, "logical_or": SOME, "logical_xor": SOME,
}  # fmt: skip
ROUNDED = {"divide": 0, "hypot": 2, "power": 4}
"""How many units in the last place NumPy, or the machine's library, and native code may differ."""


def cases(table):
    """Each with its dtypes; one that is signed, one that is not, and one of floats always run."""
    kinds = {"i": "signed", "f": "floating"}
    return one_of_each_kind(table, lambda dtype: kinds.get(np.dtype(dtype).kind))


def of_numpy(name, *args):
    """What NumPy says where it says something."""
    if name in ("fmax", "fmin", "hypot"):  # a signalling nan is a nan like others
        args = [
            x if x.dtype.kind != "f" else quietly(np.multiply, x, x.dtype.type(1)) for x in args
        ]
    result = quietly(getattr(np, name), *args)
    if name == "floor_divide" and result.dtype.kind == "f":  # the array API rounds quotients down
        infinite = np.isinf(args[0]) | np.isinf(args[1])
        result = np.where(infinite, np.floor(quietly(np.divide, *args)), result)
    zeros = {"maximum": 1, "fmax": 1, "minimum": -1, "fmin": -1}
    if name in zeros and result.dtype.kind == "f":  # one of two zeros: whichever comes first
        a, b = args
        positive = (np.signbit(a).astype(int) + np.signbit(b)) < (2 if zeros[name] > 0 else 1)
        signed = np.where(positive, 0.0, -0.0).astype(result.dtype)
        result = np.where((a == 0) & (b == 0), signed, result)
    return result


@pytest.mark.parametrize(("name", "dtype"), cases(UNARY))
def test_an_operation_of_one_number_is_the_same_everywhere(name, dtype):
    op, x = getattr(ad, name), awkward(dtype)
    wanted = of_numpy(name, x)
    with ad.options(native="never"):
        assert_same(op(ad.asarray(x)).numpy(), wanted, "interpreter")
    for stage, found in zip(("first", "last"), native_results(op, x), strict=True):
        assert_same(found.numpy(), wanted, f"{stage} call")
    single = ad.compile(lambda *xs: [op(x) for x in xs])
    for _ in range(6):
        found = single(*x)
    assert_same([y.numpy() for y in found], wanted, "numbers")
    constants = ad.compile(lambda t: [op(ad.asarray(c)) + t * 0 for c in x.reshape(-1, 1)])
    if wanted.dtype.kind in "iu":
        t = np.zeros(1, wanted.dtype)
        assert_same([y.numpy()[0] for y in constants(t)], wanted, "constants")


@pytest.mark.parametrize(("name", "dtype"), cases(BINARY))
def test_an_operation_of_two_numbers_is_the_same_everywhere(name, dtype):
    op, values = getattr(ad, name), awkward(dtype)
    x, y = pairs(values, values)
    if name == "copysign":
        x, y = x[~np.isnan(y)], y[~np.isnan(y)]
    wanted = of_numpy(name, x, y)
    ulps = ROUNDED.get(name, 0)
    with ad.options(native="never"):
        assert_same(op(ad.asarray(x), ad.asarray(y)).numpy(), wanted, "interpreter", ulps)
    for stage, found in zip(("first", "last"), native_results(op, x, y), strict=True):
        assert_same(found.numpy(), wanted, f"{stage} call", ulps)
    for length in (1, 3, 17):
        compiled = ad.compile(op)
        for start in range(0, min(len(x), 68) - length, length):
            part = slice(start, start + length)
            found = compiled(x[part], y[part]).numpy()
            assert_same(found, wanted[part], f"{length} from {start}", ulps)
    single = ad.compile(op)
    for i in range(0, len(x), 3):
        assert_same(single(x[i], y[i]).numpy(), wanted[i], f"{name}({x[i]}, {y[i]})", ulps)


@pytest.mark.parametrize(("name", "dtype"), cases(BINARY))
def test_a_constant_operand_is_as_good_as_an_argument(name, dtype):
    """LLVM folds what it knows, and answers poison with anything."""
    op, values = getattr(ad, name), awkward(dtype)
    if name == "copysign":
        values = values[~np.isnan(values)]

    def f(x):
        numbers = [ad.asarray(np.array(c)) for c in values]
        rows = [ad.asarray(np.full(len(values), c)) for c in values]
        return [
            [op(x, c) for c in numbers],
            [op(c, x) for c in numbers],
            [op(x, c) for c in rows],
            [op(c, x) for c in rows],
        ]

    ulps = ROUNDED.get(name, 0)
    for results in native_results(f, values, calls=5):
        for place, found in enumerate(results):
            for c, y in zip(values, found, strict=True):
                given = (values, np.full_like(values, c))
                wanted = of_numpy(name, *(given if place in (0, 2) else given[::-1]))
                assert_same(y.numpy(), wanted, f"{name} with constant {c}, place {place}", ulps)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_whole_powers_wrap_and_negative_ones_of_integers_are_an_error(dtype):
    values = awkward(dtype)
    x, y = pairs(values, values[(values >= 0) & (values < 70)])
    wanted = quietly(np.power, x, y)
    with ad.options(native="never"):
        assert_same(ad.power(ad.asarray(x), ad.asarray(y)).numpy(), wanted, "interpreter")
    for found in native_results(ad.power, x, y):
        assert_same(found.numpy(), wanted, "compiled")
    for n in (0, 1, 2, 3, 5, 33):
        for found in native_results(lambda x, n=n: x**n, values):
            assert_same(found.numpy(), values**n, f"power {n}")
    if np.dtype(dtype).kind == "i":
        for native in ("never", "auto"):
            with ad.options(native=native), pytest.raises(ValueError, match="negative integer"):
                ad.compile(ad.power)(x, -y).numpy()


def converted(x, dtype):
    """A float as an integer, by Python's whole numbers: the nearest there is, nan 0."""
    dtype, result = np.dtype(dtype), []
    ends = np.iinfo(dtype)
    for number in quietly(x.astype, np.float64):
        if np.isnan(number):
            result.append(0)
        elif np.isinf(number):
            result.append(ends.max if number > 0 else ends.min)
        else:
            result.append(min(max(int(number), ends.min), ends.max))
    return np.array(result, dtype)


@pytest.mark.parametrize(("source", "target"), cases(dict.fromkeys((*DTYPES, "float16"), DTYPES)))
def test_a_cast_is_the_same_everywhere(source, target):
    x = awkward("float32" if source == "float16" else source)
    x = quietly(x.astype, source)
    if x.dtype.kind == "f" and np.dtype(target).kind in "iu":
        wanted = converted(x, target)
    else:
        wanted = quietly(x.astype, target)
    with ad.options(native="never"):
        assert_same(ad.asarray(x).astype(target).numpy(), wanted, "interpreter")
    assert_same(quietly(ad.asarray, x, target).numpy(), wanted, "asarray")
    for n in (len(x), 5):
        for found in native_results(lambda x: x.astype(target), x[-n:]):
            assert_same(found.numpy(), wanted[-n:], f"compiled, {n}")
    single = ad.compile(lambda x: x.astype(target))
    for number, value in zip(x, wanted, strict=True):
        assert_same(single(number).numpy(), value, f"{number}")
    if x.dtype.kind != "f" and np.dtype(target).kind != "f":
        return
    constants = ad.compile(lambda t: [ad.where(t, ad.asarray(c).astype(target), 0) for c in x])
    found = constants(np.array(True))
    assert_same(np.array([y.numpy() for y in found]).astype(target), wanted, "constants")


FOLDS = dict.fromkeys(("max", "min", "any", "all", "argmax", "argmin"), DTYPES) | {
    "sum": ("bool", *INTEGERS),  # floats are summed in another order
    "prod": ("bool", *INTEGERS),
}


@pytest.mark.parametrize(("name", "dtype"), cases(FOLDS))
def test_a_fold_is_the_same_everywhere(name, dtype):
    values = awkward(dtype)
    op, folds = getattr(ad, name), getattr(np, name)
    for columns in (1, 2, 5, len(values)):
        x = np.stack([np.resize(np.roll(values, k), columns) for k in range(11)])
        wanted = np.asarray(quietly(folds, x, 1))
        if dtype in FLOATS and name in ("max", "min"):
            signs = np.signbit(x) & (x == 0) if name == "min" else ~np.signbit(x) & (x == 0)
            zero = np.where(signs.any(1) == (name == "max"), 0.0, -0.0).astype(dtype)
            wanted = np.where(wanted == 0, zero, wanted)
        with ad.options(native="never"):
            mine = op(ad.asarray(x), axis=1).numpy()
            assert_same(mine, wanted.astype(mine.dtype), "interpreter")
        for found in native_results(lambda x: op(x, axis=1), x):
            assert_same(found.numpy(), mine, f"compiled, {columns}")
        for found in native_results(lambda x: op(x, axis=0), np.ascontiguousarray(x.T)):
            assert_same(found.numpy(), mine, f"compiled, along the first axis, {columns}")


@pytest.mark.parametrize("dtype", every(3, NUMBERS))
def test_limits_are_the_same_everywhere(dtype):
    values = awkward(dtype)[::3] if dtype in INTEGERS else np.array(
        [0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0], dtype
    )  # fmt: skip
    x, low, high = (a.ravel() for a in np.meshgrid(values, values, values))
    with ad.options(native="never"):
        mine = ad.clip(ad.asarray(x), low, high).numpy()
    wanted = np.clip(x, low, high)
    assert np.array_equal(mine, wanted, equal_nan=dtype in FLOATS)
    for found in native_results(ad.clip, x, low, high):
        assert_same(found.numpy(), mine, "compiled")
    for a in values:
        for b in values:
            here = (low == a) & (high == b)
            here &= np.signbit(low) == np.signbit(a) if dtype in FLOATS else True
            here &= np.signbit(high) == np.signbit(b) if dtype in FLOATS else True
            if here.any():
                f = ad.compile(lambda x, a=a, b=b: ad.clip(x, ad.asarray(a), ad.asarray(b)))
                assert_same(f(x[here]).numpy(), mine[here], f"limits {a}, {b}")


FLOATING = [
    op.name
    for op in OPS.values()
    if isinstance(op, Elementwise)
    and "f" in _KINDS[op.accepts]
    and op.samples == ((),)
    and op.name in FUNCTIONS
    and len(op.partials) <= 2
    and scalar_rule(op) is not None
]
"""What has native code; anything else is NumPy's or SciPy's on every engine."""


@pytest.mark.parametrize(("name", "dtype"), in_turn(FLOATING, FLOATS))
def test_every_operation_of_floats_keeps_nan_infinities_and_zeros(name, dtype):
    op, values = FUNCTIONS[name], awkward(dtype)
    given = pairs(values, values) if len(OPS[name].partials) == 2 else (values,)
    with ad.options(native="never"):
        wanted = op(*map(ad.asarray, given)).numpy().copy()
    for found in native_results(op, *given):
        found = found.numpy()
        if wanted.dtype.kind != "f":
            assert_same(found, wanted, name)
            continue
        if name == "erfcinv":  # SciPy says inf of the least number
            wanted[given[0] == np.finfo(dtype).smallest_subnormal] = 1
            found = np.where(given[0] == np.finfo(dtype).smallest_subnormal, wanted, found)
        special = np.isnan(wanted) | np.isinf(wanted) | (wanted == 0)
        special |= np.isnan(found) | np.isinf(found) | (found == 0)
        assert_same(np.where(special, found, 0), np.where(special, wanted, 0), name)


RAW = np.array([0, 1, 2, 128, 255, 0, 3, 0, 1], np.uint8).view(bool)
"""Memory of other bytes than 0 and 1, seen as bools."""
OF_TRUTHS = {
    "the bools themselves": lambda x: x,
    "not": lambda x: ~x,
    "as integers": lambda x: x.astype("int64"),
    "sum": lambda x: ad.sum(x),
    "mean": lambda x: ad.mean(x),
    "where": lambda x: ad.where(x, 1.0, 2.0),
    "and": lambda x: x & True,
    "xor": lambda x: x ^ x[::-1],
    "comparison": lambda x: x == x[::-1],
    "order": lambda x: x < x[::-1],
    "all": lambda x: ad.all(x),
    "another shape": lambda x: x.reshape(3, 3),
    "backwards": lambda x: x[::-1],
    "a part": lambda x: x[2:5],
    "sorted": lambda x: ad.sort(x),
    "the place of the largest": lambda x: ad.argmax(x),
    "larger": lambda x: ad.maximum(x, x[::-1]),
    "stacked": lambda x: ad.stack([x, x]),
    "repeated": lambda x: ad.broadcast_to(x, (2, 9)),
}


@pytest.mark.parametrize("name", OF_TRUTHS)
@pytest.mark.parametrize("native", ["never", "auto", "always"])
def test_any_byte_but_zero_is_true(name, native):
    f = OF_TRUTHS[name]
    wanted = f(ad.asarray(RAW != 0)).numpy().tobytes()
    with ad.options(native=native):
        assert f(ad.asarray(RAW)).numpy().tobytes() == wanted
        compiled = ad.compile(f)
        for _ in range(6):
            assert compiled(RAW).numpy().tobytes() == wanted


@pytest.mark.parametrize("dtype", ["int64", "uint64", "int8", "uint8"])
def test_an_index_out_of_bounds_is_an_error_however_large(dtype):
    ends = np.iinfo(dtype)
    x = np.arange(6.0).reshape(3, 2)
    f = ad.compile(lambda x, i: x[i])
    add = ad.compile(lambda x, i: ad.index_add(x, i, 1.0))
    for number in {ends.min, min(ends.max, 2**63 - 1), 3, 100} - {0}:  # beyond, NumPy wraps
        for call in (f, add):
            for _ in range(5):
                with pytest.raises(OutOfBoundsError):
                    call(x, np.array([0, number], dtype))


@pytest.mark.parametrize("dtype", [d for d in DTYPES if np.dtype(d).itemsize > 1])
def test_misaligned_and_foreign_memory_is_read_as_it_is(dtype):
    """A load that LLVM takes for aligned may not be done at another place."""
    values = np.resize(awkward(dtype), 100)
    misaligned = np.empty(values.nbytes + 1, np.uint8)[1:].view(dtype)
    misaligned[...] = values
    assert not misaligned.flags.aligned
    swapped = values.astype(values.dtype.newbyteorder())
    f = ad.compile(lambda x, y: (ad.equal(x, y), x + y, ad.asarray(misaligned) + y))
    for given in (misaligned, swapped, values[::-1][::-1], misaligned[::2].repeat(2)[:100]):
        plain = np.array(given, dtype)
        for _ in range(6):
            equal, total, constant = f(given, given)
            assert_same(equal.numpy(), plain == plain, "comparison")
            assert_same(total.numpy(), quietly(operator.add, plain, plain), "sum")
            assert_same(constant.numpy(), quietly(operator.add, values, plain), "constant")


POINTING = {
    "index": lambda x, i: x[i],
    "index of two": lambda x, i: x[i, i],
    "take": lambda x, i: ad.take(x, i, axis=0),
    "take_along_axis": lambda x, i: ad.take_along_axis(x, ad.broadcast_to(i, (3, 2)), 1),
    "index_add": lambda x, i: ad.index_add(x, i, 1.0),
    "one in each row": lambda x, i: ad.index_add(x[:2], (ad.arange(2), i), 1.0),
    "setitem": lambda x, i: ad.setitem(x, i, 1.0),
    "gradient": ad.grad(lambda x, i: ad.sum(x[i] ** 2)),
}


@pytest.mark.parametrize("name", POINTING)
@pytest.mark.parametrize("start", [-1000, -4, 3, 1000])
def test_an_index_that_is_computed_while_tracing_is_checked(name, start):
    """Code does not ask where constants point; these are constants once they are folded."""
    f, x = POINTING[name], np.ones((3, 3))
    for native in ("never", "auto"):
        with ad.options(native=native):
            compiled = ad.compile(lambda x: f(x, ad.arange(2) * 2 + start))
            for _ in range(5):
                with pytest.raises(OutOfBoundsError):
                    compiled(x)


@pytest.mark.parametrize("name", ["index", "take", "index_add", "setitem", "gradient"])
def test_an_index_into_an_axis_without_elements_is_an_error(name):
    f = ad.compile(POINTING[name])
    for _ in range(5):
        with pytest.raises(OutOfBoundsError):
            f(np.zeros((0, 3)), np.array([0, 0]))
        f(np.zeros((0, 3)), np.zeros(0, int))
