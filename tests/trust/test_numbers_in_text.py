"""What shows a number that is differentiated may be read by people, not back into the program."""

import ast
import io
import json
import logging
import math
import re
import sqlite3
import threading
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import LostDerivativeError, LostDerivativeWarning

pytestmark = pytest.mark.unit

X = np.array([0.3172569, 1.2834511, 2.1759823])


PERCENT = "%s"
DIGITS, FIXED, NAMED = "%d %6.4f", "at %.4f", "%(x).4e"
SEVEN, FOUR, POWER, IMAGINARY, LIST = "%.7f", "%.4f", "%.4e", "%.7fj", "[%.17g]"
ONE = np.float32(1.283)


def through_buffer(text):
    buffer = io.StringIO()
    print(text, file=buffer)
    return buffer.getvalue()


class Formats:
    fixed = "%.3f"


def written_in_place(text, x):
    text %= x
    return text


def logged(text, *values):
    buffer = io.StringIO()
    log = logging.Logger("adjoint.tests")
    log.addHandler(logging.StreamHandler(buffer))
    log.warning(text, *values)
    return buffer.getvalue()


READ_BACK = {
    "cut": lambda x: float(f"{x:.7f}"[:5]),
    "stripped": lambda x: float(f" {x:.7f} ".strip()),
    "split": lambda x: float(f"{x:.7f},1".split(",")[0]),
    "mapped": lambda x: sum(map(float, f"{x:.7f},1".split(","))),
    "joined": lambda x: float("".join(list(f"{x:.7f}"))),
    "percent": lambda x: float(PERCENT % f"{x:.7f}"),
    "percent of digits": lambda x: float((FIXED % x)[3:]),
    "percent by name": lambda x: float((DIGITS % (1, x)).split(" ")[1]),
    "percent in an f-string": lambda x: float(f"{'%.5g'}" % x),
    "percent of a tiny number": lambda x: float(NAMED % {"x": 1e-20 * x}),
    "percent, logged": lambda x: float(logged("%9.3f", x)),
    "template": lambda x: float("{}0".format(f"{x:.7f}")),
    "str": lambda x: float(str(x)[7:-1]),
    "repr in an f-string": lambda x: float(f"{x!r}"[7:-1]),
    "array": lambda x: float(str(np.stack([x, x])).strip("Tensor()[]").split(",")[0]),
    "bytes": lambda x: float(f"{x:.7f}".encode()),
    "complex": lambda x: complex(f"{x:.7f}0").real,
    "decimal": lambda x: float(Decimal(f"{x:.7f}")),
    "fraction": lambda x: float(Fraction(f"{x:.7f}")),
    "json": lambda x: json.loads(f'{{"a": [{x:.7f}]}}')["a"][0],
    "literal_eval": lambda x: ast.literal_eval(f"({x:.7f}, 1)")[0],
    "printed": lambda x: float(through_buffer(f"{x:.7f}")),
    "loadtxt": lambda x: np.loadtxt(io.StringIO(f"{x:.7f}")),
    "genfromtxt": lambda x: np.genfromtxt([f"{x:.7f}"]),
    "fromstring": lambda x: np.fromstring(np.array2string(np.stack([x, x]))[1:-1], sep=" ")[0],
    "array of text": lambda x: np.array([f"{x:.7f}"[:6]], dtype=float)[0],
    "astype": lambda x: np.array([f"{x:.7f}"]).astype(float)[0],
    "a class kept": lambda x: float(f"{x:.7f}"[:5]) if isinstance(1.0, float) else x,
}  # fmt: skip
SHOWN = {
    "text": lambda x: (f"{x:.3f} {x}", str(x), PERCENT % x, through_buffer(x)),
    "percent": lambda x: (FIXED % x, DIGITS % (2, x), f"{x} and %g %d %e" % (x, x, x)),
    "percent of an attribute": lambda x: Formats.fixed % x,
    "percent in place": lambda x: written_in_place(FIXED, x),
    "percent, logged": lambda x: logged("at %g, and %s", x, x),
    "percent, and other numbers": lambda x: (FIXED % x, float("1.5"), float("1")),
    "logged": lambda x: logging.getLogger("adjoint.tests").debug("x is %s, or %s", x, f"{x:.2f}"),
    "other numbers": lambda x: (f"{x:.3f}", float("7.5"), json.loads("[0.25, 1e-3]"), float("inf")),
    "numbers of NumPy's": lambda x: (f"{x:.3f}", float(np.float32(x.shape == ())), float(ONE)),
    "integers": lambda x: (f"{x:.7f}", int("12"), float(len(f"{x:.7f}")), json.loads("127")),
    "labels": lambda x: list(np.array([f"{x:.2f}", "b"]) == "b"),
    "of stop_gradient": lambda x: float(f"{ad.stop_gradient(x):.7f}"[:5]),
}  # fmt: skip


def through_database(text):
    with sqlite3.connect(":memory:") as base:
        return base.execute("select cast(? as real)", (text,)).fetchone()[0]


def in_another_thread(text):
    found = []
    thread = threading.Thread(target=lambda: found.append(float(text)))
    thread.start()
    thread.join()
    return found[0]


class Number(float):
    pass


READ_UNSEEN = {
    "eval": lambda x: eval(SEVEN % x),
    "numpy.float64": lambda x: np.float64(FOUR % x),
    "numpy.float32": lambda x: np.float32(POWER % x),
    "numpy.longdouble": lambda x: np.longdouble(f"{x:.7f}").astype(float),
    "numpy.complex128": lambda x: np.complex128(IMAGINARY % x).imag,
    "numpy.strings": lambda x: np.strings.strip(np.array(f" {x:.7f}")).astype(float),
    "fromiter": lambda x: np.fromiter((t for t in [SEVEN % x]), float)[0],
    "integers": lambda x: int(f"{x:.7f}".replace(".", "")) / 1e7,
    "decimal": lambda x: np.float64(Decimal(f"{x:.6f}") * 10) / 10,
    "fraction": lambda x: Fraction(SEVEN % x).limit_denominator(10**9).__float__(),
    "re": lambda x: np.float64(re.sub("a", SEVEN % x, "a")),
    "database": lambda x: through_database(f"{x:.7f}"),
    "json": lambda x: json.JSONDecoder().decode(LIST % x)[0],
    "thread": lambda x: in_another_thread(SEVEN % x),
    "a class": lambda x: Number(SEVEN % x),
}  # fmt: skip
STEP = 0.31726
UNRELATED = {
    "a literal": lambda x: (f"{x:.4f}", 0.3173 * x**2)[1],
    "a number of the module": lambda x: (f"{x:.5f}", STEP * x**2)[1],
    "few digits": lambda x: (f"{x:.2f}", x**2 * eval("0.32"))[1],
    "the argument": lambda x: (f"{x:.7f}", x**2 * X[0].item())[1],
    "other digits": lambda x: (f"{x:.7f}", x**2 * eval("0.31726"))[1],
    "of stop_gradient": lambda x: x**2 * eval(SEVEN % ad.stop_gradient(x)),
}  # fmt: skip


def test_a_constant_with_digits_that_were_shown_is_a_warning():
    for transform in (ad.grad, ad.value_and_grad, ad.jacfwd):
        for name, read in READ_UNSEEN.items():
            with pytest.warns(LostDerivativeWarning, match=r"1\.647\d* is a constant.*stop_gr"):
                transform(lambda x, read=read: np.sum(x) * read(x[1] ** 2))(X)
            with warnings.catch_warnings(), ad.options(lost_derivatives="allow"):
                warnings.simplefilter("error")
                assert transform(lambda x, read=read: np.sum(x) * read(x[1] ** 2))(X) is not None, (
                    name
                )


def test_constants_of_the_program_are_no_warning():
    for name, use in UNRELATED.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = ad.grad(use)(X[0])
        np.testing.assert_allclose(found, 2 * use(X[0]) / X[0], err_msg=name)


@pytest.mark.parametrize("transform", [ad.grad, ad.jacfwd])
def test_what_is_read_back_from_text_is_an_error(transform):
    for name, read in READ_BACK.items():
        with pytest.raises(LostDerivativeError, match="plain value") as caught:
            transform(lambda x, read=read: np.sum(x) * read(x[1]))(X)
        assert "read_" not in str(caught.value), name


def test_text_for_people_is_free():
    for name, show in SHOWN.items():

        def shown(x, show=show):
            show(x[1])
            return np.sum(x**2)

        np.testing.assert_allclose(ad.grad(shown)(X), 2 * X, err_msg=name)


def test_another_number_with_digits_that_were_shown_is_explained():
    with pytest.raises(LostDerivativeError, match=r"reads the digits 5 from text.*another number"):
        ad.grad(lambda x: (FIXED % x, x * json.loads('{"rate": 0.5}')["rate"])[1])(0.5)


def test_text_is_what_it_was_and_may_be_read_when_the_transform_is_over():
    texts = []

    def showing(x):
        texts.append((f"{x[1]:.7f}"[:6], f"{x[1]:.7f} 1".split()))
        return np.sum(x)

    ad.grad(showing)(X)
    assert texts == [("1.2834", ["1.2834511", "1"])]
    assert float(texts[0][0]) == 1.2834 and float(np.sum(np.loadtxt([texts[0][1][0]]))) > 1


def test_float_means_itself_where_it_is_asked_for():
    def asks(x):
        kinds = [
            type(x[0]) is np.float64,
            isinstance(1.5, float),
            np.zeros(2, dtype=float).dtype == float,
        ]
        return np.sum(x) * (2.0 if all(kinds) else math.nan) * float("2") * sum(map(float, "12"))

    np.testing.assert_allclose(ad.grad(asks)(X), np.full(3, 12.0))
