"""What is returned as the derivative where mathematics leaves a choice, or a formula breaks down.

The table is data, so that it can be printed, shown in the documentation and tested.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from adjoint.api.convention_rows import MORE
from adjoint.errors import UnknownNameError


class Convention(NamedTuple):
    """One line of the table; `example` computes the numbers in `derivative`."""

    function: str
    at: str
    derivative: str
    why: str
    example: str


RULES = """\
1. What is differentiable has its true derivative, even if it is made of parts that are not.
2. At a kink: of all subgradients the one of least norm. Variables that tie share equally.
3. At a vertical tangent: inf or -inf, not nan.
4. Where the value is nan because the function is not defined there: nan, never a number.
5. A branch that is not taken has no influence, whatever happens in it.
6. Forward and reverse mode agree, and so do the higher orders.
7. A slope that was chosen never enters a higher derivative: true, or nan and a KinkWarning."""
"""What the table follows from."""

LEAST = "the slope of least size among those on either side"
SHARED = "those that tie share equally"
STEP = "constant almost everywhere"
VERTICAL = "a vertical tangent"
ORIGIN = "a kink; of its subgradients 0 is the least"

TABLE = tuple(
    Convention(*row)
    for row in (
        # kinks
        ("abs(x)", "0", "0", LEAST, "ad.grad(ad.abs)(0.0)"),
        (
            "abs(x)**2, twice",
            "0",
            "2",
            "it is x**2, seen before it is differentiated",
            "ad.grad(ad.grad(lambda x: ad.abs(x) ** 2))(0.0)",
        ),
        (
            "sign, floor, ceil, round, trunc, heaviside",
            "any",
            "0",
            STEP,
            "ad.grad(ad.floor)(1.0)",
        ),
        ("maximum(a, b)", "a = b", "0.5, 0.5", SHARED, "G(lambda x: ad.maximum(*x))([1.0, 1.0])"),
        (
            "maximum(x, 0), with the constant 0",
            "0",
            "0",
            "the constant takes no share, so the least slope is left",
            "ad.grad(lambda x: ad.maximum(x, 0.0))(0.0)",
        ),
        ("nn.relu(x)", "0", "0", LEAST, "ad.grad(ad.nn.relu)(0.0)"),
        (
            "nn.relu(x)**2, twice",
            "0",
            "nan",
            "2 to the right and 0 to the left; with a KinkWarning",
            "ad.grad(ad.grad(lambda x: ad.nn.relu(x) ** 2))(0.0)",
        ),
        ("nn.leaky_relu(x)", "0", "0.01", LEAST, "ad.grad(ad.nn.leaky_relu)(0.0)"),
        (
            "clip(x, -1, 1)",
            "-1 and 1",
            "1, 1",
            "the interval is closed: a parameter on its bound can leave it",
            "G(lambda x: ad.clip(x, -1, 1))([-1.0, 1.0])",
        ),
        ("max(x)", "[1, 3, 3]", "0, 0.5, 0.5", SHARED, "G(ad.max)([1.0, 3.0, 3.0])"),
        ("max(x)", "[1, nan]", "nan, nan", "the value is nan", "G(ad.max)([1.0, np.nan])"),
        (
            "cummax(x)",
            "[1, 1, 0]",
            "2, 1, 0",
            "the largest so far share equally, at each place anew",
            "G(ad.cummax)([1.0, 1.0, 0.0])",
        ),
        (
            "sort(x), weights 1, 2, 3",
            "[2, 1, 1]",
            "3, 1, 2",
            "equal elements keep their order",
            "G(lambda x: ad.sort(x) * np.array([1, 2, 3]))([2.0, 1.0, 1.0])",
        ),
        (
            "top_k(x, 1)",
            "[1, 1]",
            "1, 0",
            "of equal elements the first",
            "G(lambda x: ad.top_k(x, 1)[0])([1.0, 1.0])",
        ),
        (
            "median(x)",
            "[1, 2, 3, 4]",
            "0, 0.5, 0.5, 0",
            "the mean of the two in the middle",
            "G(ad.median)([1.0, 2.0, 3.0, 4.0])",
        ),
        ("median(x)", "[1, 1]", "0.5, 0.5", SHARED, "G(ad.median)([1.0, 1.0])"),
        (
            "quantile(x, 0.25)",
            "[1, 2, 3, 4]",
            "0.25, 0.75, 0, 0",
            "it interpolates between its two neighbours",
            "G(lambda x: ad.quantile(x, 0.25))([1.0, 2.0, 3.0, 4.0])",
        ),
        (
            "interp(x, knots, values)",
            "left end, knot, outside",
            "1, 2, 0",
            "the slope to the right inside, the inner slope at the ends, 0 outside",
            "G(lambda x: ad.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 3.0]))([0.0, 1.0, 9.0])",
        ),
        # vertical tangents, and outside the domain
        ("sqrt(x), cbrt(x)", "0", "inf", VERTICAL, "ad.grad(ad.sqrt)(0.0)"),
        ("arcsin(x)", "-1, 1", "inf, inf", VERTICAL, "G(ad.arcsin)([-1.0, 1.0])"),
        ("arccos(x)", "-1, 1", "-inf, -inf", VERTICAL, "G(ad.arccos)([-1.0, 1.0])"),
        ("log(x)", "0", "inf", VERTICAL, "ad.grad(ad.log)(0.0)"),
        ("arctanh(x)", "1", "inf", VERTICAL, "ad.grad(ad.arctanh)(1.0)"),
        ("log(x), sqrt(x)", "-1", "nan", "there is no value", "ad.grad(ad.log)(-1.0)"),
        # sizes at the origin
        ("linalg.norm(x)", "[0, 0]", "0, 0", ORIGIN, "G(ad.linalg.norm)([0.0, 0.0])"),
        (
            "linalg.norm(x)**2, twice",
            "[0, 0]",
            "2, 2",
            "the Hessian of a sum of squares, diagonal shown",
            "ad.hessian(lambda x: ad.linalg.norm(x) ** 2)(np.zeros(2)).numpy().diagonal()",
        ),
        (
            "linalg.norm(x), twice",
            "[0, 0]",
            "nan, nan",
            "the curvature is infinite across and 0 along; with a KinkWarning",
            "ad.hessian(ad.linalg.norm)(np.zeros(2)).numpy().diagonal()",
        ),
        (
            "(1 + r) exp(-r), r = linalg.norm(x), twice",
            "[0, 0]",
            "-1, -1",
            "an even function of r is smooth, and its series is used",
            "ad.hessian(lambda x: (lambda r: (1 + r) * ad.exp(-r))(ad.linalg.norm(x)))"
            "(np.zeros(2)).numpy().diagonal()",
        ),
        (
            "sqrt(sum(x * x))",
            "[0, 0]",
            "0, 0",
            "it is the norm, however it is written",
            "G(lambda x: ad.sqrt(ad.sum(x * x)))([0.0, 0.0])",
        ),
        (
            "linalg.vector_norm(x, ord=1)",
            "[0, -2]",
            "0, -1",
            LEAST,
            "G(lambda x: ad.linalg.vector_norm(x, ord=1))([0.0, -2.0])",
        ),
        ("hypot(a, b)", "0, 0", "0, 0", ORIGIN, "G(lambda x: ad.hypot(*x))([0.0, 0.0])"),
        (
            "arctan2(a, b)",
            "0, 0",
            "0, 0",
            "no direction is better than another",
            "G(lambda x: ad.arctan2(*x))([0.0, 0.0])",
        ),
        ("std(x)", "[2, 2]", "0, 0", ORIGIN, "G(ad.std)([2.0, 2.0])"),
        # powers and products
        ("x**0", "0", "0", "it is 1 everywhere", "ad.grad(lambda x: x**0)(0.0)"),
        (
            "a**b",
            "0, 0",
            "0, 0",
            "0**0 is 1, and so is every x**0",
            "G(lambda x: x[0] ** x[1])([0.0, 0.0])",
        ),
        ("a**b", "0, 0.5", "inf, 0", VERTICAL, "G(lambda x: x[0] ** x[1])([0.0, 0.5])"),
        (
            "a**b",
            "-2, 2",
            "-4, nan",
            "beside b = 2 there is no value; a constant exponent is never asked",
            "G(lambda x: x[0] ** x[1])([-2.0, 2.0])",
        ),
        (
            "prod(x)",
            "[0, 2, 3]",
            "6, 0, 0",
            "products of the others, never a division",
            "G(ad.prod)([0.0, 2.0, 3.0])",
        ),
        (
            "cumprod(x)",
            "[0, 2, 3]",
            "9, 0, 0",
            "products of the others, never a division",
            "G(ad.cumprod)([0.0, 2.0, 3.0])",
        ),
        # branches
        (
            "where(x > 0, sqrt(x), 0)",
            "0",
            "0",
            "sqrt was not taken; nor do its inf and nan count",
            "ad.grad(lambda x: ad.where(x > 0, ad.sqrt(x), 0.0))(0.0)",
        ),
        (
            "where(x != 0, sin(x) / x, 1)",
            "0",
            "0",
            "the division was not taken",
            "ad.grad(lambda x: ad.where(x != 0, ad.sin(x) / x, 1.0))(0.0)",
        ),
        # zero times infinity, and limits
        ("x * log(x)", "0", "-inf", VERTICAL, "ad.grad(lambda x: x * ad.log(x))(0.0)"),
        (
            "special.xlogy(a, b)",
            "0, 0",
            "0, 0",
            "no weight, no contribution",
            "G(lambda x: ad.special.xlogy(*x))([0.0, 0.0])",
        ),
        ("special.entr(x)", "0", "inf", VERTICAL, "ad.grad(ad.special.entr)(0.0)"),
        (
            "logsumexp(x)",
            "[-inf, 0]",
            "0, 1",
            "what weighs nothing changes nothing",
            "G(ad.logsumexp)([-np.inf, 0.0])",
        ),
        (
            "logsumexp(x), logaddexp(a, b)",
            "[-inf, -inf]",
            "0, 0",
            "a row that is masked throughout",
            "G(ad.logsumexp)([-np.inf, -np.inf])",
        ),
        (
            "softmax(x), the values",
            "[-inf, -inf]",
            "0, 0",
            "a row that is masked throughout selects nothing",
            "ad.softmax([-np.inf, -np.inf])",
        ),
        (
            "log_softmax(x), the values",
            "[-inf, -inf]",
            "-inf, -inf",
            "the logarithm of softmax",
            "ad.log_softmax([-np.inf, -np.inf])",
        ),
        ("nn.softplus(x)", "1000, -1000", "1, 0", "the limits", "G(ad.nn.softplus)([1e3, -1e3])"),
        ("sinc(x)", "0", "0", "smooth, and its series is used", "ad.grad(ad.sinc)(0.0)"),
        # jumps, places, gaps
        (
            "remainder(a, b)",
            "5.5, 2",
            "1, -2",
            "of the continuous piece, also at its jumps",
            "G(lambda x: ad.remainder(*x))([5.5, 2.0])",
        ),
        (
            "x[[0, 0, 1]]",
            "any",
            "2, 1",
            "a place that is read twice counts twice",
            "G(lambda x: x[np.array([0, 0, 1])])([1.0, 2.0])",
        ),
        (
            "y[[0, 0]] = x",
            "any",
            "0, 1",
            "the last one written stays, and it alone counts",
            "G(lambda x: ad.setitem(np.zeros(1), np.array([0, 0]), x))([1.0, 2.0])",
        ),
        ("nansum(x)", "[1, nan]", "1, 0", "what is left out", "G(ad.nansum)([1.0, np.nan])"),
        ("unique(x)", "[1, 1]", "1, 0", "the one that stands first", "G(ad.unique)([1.0, 1.0])"),
        # matrices
        (
            "linalg.det(A)",
            "[[2, 0], [0, 0]]",
            "0, 0, 0, 2",
            "the cofactors, which need no inverse",
            "ad.grad(ad.linalg.det)(np.diag([2.0, 0.0])).numpy().ravel()",
        ),
        (
            "linalg.det(A), twice",
            "[[0, 0], [0, 0]]",
            "1, -1, -1, 1",
            "by a, b, c, d and then by d, c, b, a of [[a, b], [c, d]]",
            "np.fliplr(ad.hessian(ad.linalg.det)(np.zeros((2, 2))).numpy().reshape(4, 4))"
            ".diagonal()",
        ),
        (
            "linalg.slogdet(A)",
            "[[1, 2], [2, 4]]",
            "inf, -inf, -inf, inf",
            VERTICAL + ", of the sign of the cofactor",
            "ad.grad(lambda A: ad.linalg.slogdet(A)[1])(np.array([[1.0, 2.0], [2.0, 4.0]]))"
            ".numpy().ravel()",
        ),
        (
            "linalg.cholesky(A)",
            "[[1, 0], [0, 1]]",
            "0.5, 0.5, 0.5, 0.5",
            "A is taken for symmetric, and so is its gradient",
            "G(ad.linalg.cholesky)(np.eye(2)).numpy().ravel()",
        ),
        (
            "linalg.solve_triangular(A, 1)",
            "[[1, 0], [0, 1]]",
            "-1, -1, 0, -1",
            "only the triangle that is read counts",
            "G(lambda A: ad.linalg.solve_triangular(A, np.ones(2)))(np.eye(2)).numpy().ravel()",
        ),
        (
            "linalg.eigvalsh(A), linalg.svdvals(A)",
            "[[1, 0], [0, 1]]",
            "1, 0, 0, 1",
            "the sum of values that coincide is smooth",
            "G(ad.linalg.eigvalsh)(np.eye(2)).numpy().ravel()",
        ),
        (
            "linalg.eigh(A).eigenvectors[0, 1]",
            "[[1, 0], [0, 1]]",
            "nan, nan, nan, nan",
            "vectors of values that coincide have no derivative; with a KinkWarning",
            "ad.grad(lambda A: ad.linalg.eigh(A)[1][0, 1])(np.eye(2)).numpy().ravel()",
        ),
        (
            "linalg.eig(A).eigenvectors[0, 1]",
            "[[1, 0], [0, 1]]",
            "nan, nan, nan, nan",
            "vectors of values that coincide have no derivative; with a KinkWarning",
            "ad.grad(lambda A: ad.linalg.eig(A)[1][0, 1].real)(np.eye(2)).numpy().ravel()",
        ),
        (
            "linalg.pinv(A)",
            "[[1, 0], [0, 0]]",
            "-1, 1, 1, 0",
            "for a rank that stays the same",
            "G(ad.linalg.pinv)(np.diag([1.0, 0.0])).numpy().ravel()",
        ),
        # complex numbers
        (
            "abs(z)**2, and every real function of complex numbers",
            "1+2j",
            "2+4j",
            "the direction of steepest ascent: z - step * gradient descends",
            "ad.grad(lambda z: ad.abs(z) ** 2)(1 + 2j)",
        ),
        ("abs(z)", "0j", "0", ORIGIN, "ad.grad(ad.abs)(0j)"),
        *MORE,
    )
)
"""In the examples G(f)(x) is the gradient of the sum of f(x)."""

WIDTHS = (28, 16, 16, 32)
TITLES = ("function", "at", "derivative", "why")


def conventions(about: str = "") -> None:
    """Print what adjoint returns as derivatives at kinks, edges and other awkward points.

    `about` restricts the table to the lines that mention it, in any column. Raises
    `UnknownNameError` if there are none.

    >>> import adjoint as ad
    >>> ad.conventions("clip")
    function                     at               derivative       why
    -----------------------------------------------------------------------------------------------
    clip(x, -1, 1)               -1 and 1         1, 1             the interval is closed: a
                                                                   parameter on its bound can leave
                                                                   it
    """
    rows = [row for row in TABLE if about in " ".join(row[:4])]
    if not rows:
        raise UnknownNameError(
            f"conventions: no line mentions {about!r}; conventions() prints all of them"
        )
    if not about:
        print(RULES, end="\n\n")
    print(line(TITLES))
    print("-" * (sum(WIDTHS) + len(WIDTHS) - 1))
    for row in rows:
        for part in wrapped(row[:4]):
            print(part)


def wrapped(cells: tuple[str, ...]) -> Iterator[str]:
    """The printed lines of one row."""
    columns = [textwrap.wrap(c, w) for c, w in zip(cells, WIDTHS, strict=True)]
    for number in range(max(map(len, columns))):
        yield line(tuple(c[number] if number < len(c) else "" for c in columns))


def line(cells: tuple[str, ...]) -> str:
    """The cells side by side."""
    return " ".join(c.ljust(w) for c, w in zip(cells, WIDTHS, strict=True)).rstrip()


def markdown() -> str:
    """The table in Markdown, as the documentation shows it."""
    shown = [(f"`{r[0]}`", r[1], r[2], r[3].replace("*", "\\*")) for r in TABLE]
    rows = [TITLES, ("---",) * 4, *shown]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
