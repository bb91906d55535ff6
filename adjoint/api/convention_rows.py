"""More lines of the table of conventions: relatives of those in `adjoint.api.conventions`.

Each is (function, at, derivative, why, example), as there.
"""

from __future__ import annotations

from typing import TypeAlias

Row: TypeAlias = tuple[str, str, str, str, str]

LEAST = "the slope of least size among those on either side"
SHARED = "those that tie share equally"
OTHERS = "products of the others, never a division"
NO_VALUE = "there is no value"
NOT_TAKEN = "what was not taken has no influence"
FINE = "its pieces overflow, it does not; it is seen before it is computed"

KINKS: tuple[Row, ...] = (
    ("sign(x)", "0", "0", "constant almost everywhere", "ad.grad(ad.sign)(0.0)"),
    ("minimum(a, b)", "a = b", "0.5, 0.5", SHARED, "G(lambda x: ad.minimum(*x))([1.0, 1.0])"),
    (
        "minimum(x, 0), with the constant 0",
        "0",
        "0",
        "the constant takes no share, so the least slope is left",
        "ad.grad(lambda x: ad.minimum(x, 0.0))(0.0)",
    ),
    (
        "maximum(a, b), minimum(a, b)",
        "1, nan",
        "nan, nan",
        "the value is nan",
        "G(lambda x: ad.maximum(*x))([1.0, np.nan])",
    ),
    (
        "max(x, -x)**2, twice",
        "0",
        "2",
        "it is x**2, however it is written",
        "ad.grad(ad.grad(lambda x: ad.maximum(x, -x) ** 2))(0.0)",
    ),
    ("nn.relu(x), twice", "0", "0", LEAST, "ad.grad(ad.grad(ad.nn.relu))(0.0)"),
    ("nn.relu6(x)", "0, 6", "0, 0", LEAST, "G(ad.nn.relu6)([0.0, 6.0])"),
    ("nn.hard_tanh(x)", "-1, 1", "0, 0", LEAST, "G(ad.nn.hard_tanh)([-1.0, 1.0])"),
    ("min(x)", "[1, 1, 3]", "0.5, 0.5, 0", SHARED, "G(ad.min)([1.0, 1.0, 3.0])"),
    (
        "argmax, argmin, argsort",
        "any",
        "0",
        "whole numbers have no derivatives",
        "ad.grad(lambda x: ad.argmax(ad.stack([x, -x])) + 0 * x)(1.0)",
    ),
    (
        "linalg.vector_norm(x, ord=inf)",
        "[1, -1]",
        "0.5, -0.5",
        SHARED,
        "G(lambda x: ad.linalg.vector_norm(x, ord=np.inf))([1.0, -1.0])",
    ),
    ("angle(z)", "0j", "0", "no direction is better than another", "ad.grad(ad.angle)(0j)"),
    (
        "distances of x[i] to all x[j]",
        "[[0, 0], [3, 4]]",
        "-1.2, -1.6, 1.2, 1.6",
        "that of a point to itself adds nothing",
        "G(lambda x: ad.linalg.vector_norm(x[:, None] - x, axis=-1))"
        "([[0.0, 0.0], [3.0, 4.0]]).numpy().ravel()",
    ),
    ("var(x)", "[2, 2]", "0, 0", "smooth", "G(ad.var)([2.0, 2.0])"),
    (
        "with_subgradients(abs, side)(x)",
        "0, for left, right",
        "-1, 1",
        "the slope of the side that was asked for",
        "[float(ad.grad(ad.with_subgradients(ad.abs, s))(0.0)) for s in ('left', 'right')]",
    ),
)
DOMAINS: tuple[Row, ...] = (
    ("log1p(x)", "-1", "inf", "a vertical tangent", "ad.grad(ad.log1p)(-1.0)"),
    ("arccosh(x)", "1", "inf", "a vertical tangent", "ad.grad(ad.arccosh)(1.0)"),
    ("arcsin(x), arctanh(x)", "2", "nan", NO_VALUE, "ad.grad(ad.arcsin)(2.0)"),
    ("log1p(x)", "-2", "nan", NO_VALUE, "ad.grad(ad.log1p)(-2.0)"),
    (
        "std(x, ddof=1), var(x, ddof=1)",
        "[2]",
        "nan",
        NO_VALUE,
        "G(lambda x: ad.std(x, ddof=1))([2.0])",
    ),
)
POWERS: tuple[Row, ...] = (
    ("a**b", "0, 2", "0, 0", "0**b is 0 beside b = 2", "G(lambda x: x[0] ** x[1])([0.0, 2.0])"),
    ("a**b", "0, 1", "1, 0", "0**b is 0 beside b = 1", "G(lambda x: x[0] ** x[1])([0.0, 1.0])"),
    (
        "x**3.0",
        "-2",
        "12",
        "a constant exponent needs no logarithm",
        "ad.grad(lambda x: x**3.0)(-2.0)",
    ),
    (
        "x**2.0, three times",
        "0",
        "0",
        "no power of 0 to -1 arises",
        "ad.grad(ad.grad(ad.grad(lambda x: x**2.0)))(0.0)",
    ),
    ("prod(x)", "[0, 0, 3]", "0, 0, 0", OTHERS, "G(ad.prod)([0.0, 0.0, 3.0])"),
    (
        "prod(x), twice",
        "[0, 2, 3]",
        "5, 3, 2",
        "the sums of the rows of the Hessian",
        "ad.hvp(lambda x: ad.prod(x), (np.array([0.0, 2.0, 3.0]),), (np.ones(3),))[0]",
    ),
    ("cumprod(x)", "[2, 0, 0]", "1, 2, 0", OTHERS, "G(ad.cumprod)([2.0, 0.0, 0.0])"),
    (
        "where(x > 0, log(x), x)",
        "0",
        "1",
        NOT_TAKEN,
        "ad.grad(lambda x: ad.where(x > 0, ad.log(x), x))(0.0)",
    ),
)
EXPONENTIALS: tuple[Row, ...] = (
    ("logsumexp(x)", "[1000, 1000]", "0.5, 0.5", "the weights", "G(ad.logsumexp)([1e3, 1e3])"),
    ("logsumexp(x)", "[inf, 0]", "1, 0", "the limit", "G(ad.logsumexp)([np.inf, 0.0])"),
    (
        "softmax(x)[0]",
        "[-inf, 0]",
        "0, 0",
        "what weighs nothing changes nothing",
        "G(lambda x: ad.softmax(x)[0])([-np.inf, 0.0])",
    ),
    (
        "log_softmax(x)[1]",
        "[1000, 0]",
        "-1, 1",
        "without overflow",
        "G(lambda x: ad.log_softmax(x)[1])([1e3, 0.0])",
    ),
    ("nn.log_sigmoid(x)", "-1000", "1", "the limit", "ad.grad(ad.nn.log_sigmoid)(-1e3)"),
    ("tanh(x), twice", "1000", "0", "the limit", "ad.grad(ad.grad(ad.tanh))(1e3)"),
    (
        "sinc(x), twice",
        "0",
        "-3.289868133696453",
        "-pi**2 / 3; smooth, and of every order",
        "ad.grad(ad.grad(ad.sinc))(0.0)",
    ),
    (
        "log(sum(exp(x)))",
        "[1000, 0]",
        "1, 0",
        FINE,
        "G(lambda x: ad.log(ad.sum(ad.exp(x))))([1e3, 0.0])",
    ),
    (
        "exp(x)[0] / sum(exp(x))",
        "[1000, 0]",
        "0, 0",
        FINE,
        "G(lambda x: ad.exp(x)[0] / ad.sum(ad.exp(x)))([1e3, 0.0])",
    ),
    (
        "log(exp(x) / sum(exp(x)))[1]",
        "[1000, 0]",
        "-1, 1",
        FINE,
        "G(lambda x: ad.log(ad.exp(x) / ad.sum(ad.exp(x)))[1])([1e3, 0.0])",
    ),
    (
        "1 / (1 + exp(-x))",
        "-1000, 1000",
        "0, 0",
        FINE,
        "G(lambda x: 1 / (1 + ad.exp(-x)))([-1e3, 1e3])",
    ),
    (
        "log(1 / (1 + exp(-x)))",
        "-1000, 1000",
        "1, 0",
        FINE,
        "G(lambda x: ad.log(1 / (1 + ad.exp(-x))))([-1e3, 1e3])",
    ),
    (
        "log(1 + exp(x)), log1p(exp(x))",
        "1000, -1000",
        "1, 0",
        FINE,
        "G(lambda x: ad.log(1 + ad.exp(x)))([1e3, -1e3])",
    ),
    ("log(cosh(x))", "1000, -1000", "1, -1", FINE, "G(lambda x: ad.log(ad.cosh(x)))([1e3, -1e3])"),
)
PLACES: tuple[Row, ...] = (
    (
        "fmod(a, b)",
        "-5.5, 2",
        "1, 2",
        "of the continuous piece, also at its jumps",
        "G(lambda x: ad.fmod(*x))([-5.5, 2.0])",
    ),
    (
        "index_add(y, [0, 0], x)",
        "any",
        "1, 1",
        "both are added",
        "G(lambda x: ad.index_add(np.zeros(2), [0, 0], x))([1.0, 2.0])",
    ),
    ("nanmean(x)", "[1, nan]", "1, 0", "what is left out", "G(ad.nanmean)([1.0, np.nan])"),
    (
        "linalg.lstsq(A, b)",
        "[[1, 1], [1, 1]], [1, 1]",
        "0.5, 0.5",
        "by b; for a rank that stays the same",
        "G(lambda b: ad.linalg.lstsq(np.ones((2, 2)), b)[0])([1.0, 1.0])",
    ),
    (
        "linalg.eigvalsh(A)[0]",
        "[[1, 0], [0, 1]]",
        "1, 0, 0, 0",
        "of one of the values that coincide: the basis that was computed decides",
        "ad.grad(lambda A: ad.linalg.eigvalsh(A)[0])(np.eye(2)).numpy().ravel()",
    ),
    (
        "linalg.matrix_power(A, 2)",
        "[[0, 0], [0, 0]]",
        "0, 0, 0, 0",
        "smooth",
        "G(lambda A: ad.linalg.matrix_power(A, 2))(np.zeros((2, 2))).numpy().ravel()",
    ),
)

MORE = KINKS + DOMAINS + POWERS + EXPONENTIALS + PLACES
