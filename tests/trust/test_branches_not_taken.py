"""What was not chosen has no say: in no operation, in no mode, at no order, compiled or not.

Every registered operation is evaluated where it is singular or has no value, and something else is
chosen there. The derivatives must be those of a program in which the bad places do not occur.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError
from tests.table.cases import TWICE, Case
from tests.table.rows import ROWS

NAN, INF = np.nan, np.inf
SPECIAL = np.array([0.0, 1.0, -1.0, INF, -INF, NAN, -3.5, 2.0])

pytestmark = [
    pytest.mark.native,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


def total(w: Any, y: Any) -> Any:
    return ad.sum(ad.asarray(w) * y)


def along(tree: Any, directions: Any) -> Any:
    """The sum of the products of two tuples of arrays."""
    terms = [total(v, g) for g, v in zip(tree, directions, strict=True)]
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def derivatives(f: Callable[..., Any], xs: Any, vs: Any, ws: Any) -> dict[str, Any]:
    """Derivatives of f along `vs`, then `ws`, by nestings of the modes: tuples, or numbers."""
    every = tuple(range(len(xs)))
    first = ad.grad(f, every)
    ahead = lambda *xs: ad.jvp(f, xs, vs)[1]  # noqa: E731
    second = ad.grad(lambda *xs: along(first(*xs), vs), every)
    mixed = ad.grad(ahead, every)
    third = ad.grad(lambda *xs: along(second(*xs), ws), every)
    return {
        "reverse": first(*xs),
        "forward": ahead(*xs),
        "compiled": ad.compile(first)(*xs),
        "reverse over reverse": second(*xs),
        "forward over reverse": ad.jvp(first, xs, vs)[1],
        "reverse over forward": mixed(*xs),
        "forward over forward": ad.jvp(ahead, xs, ws)[1],
        "compiled twice": ad.compile(second)(*xs),
        "reverse three times": third(*xs),
        "forward over reverse over forward": ad.jvp(mixed, xs, ws)[1],
    }


def along_ws(tree: Any, ws: Any) -> float:
    return float(sum(np.vdot(g, w) for g, w in zip(tree, ws, strict=True)))


def check(f: Any, xs: Any, expected: Any, vs: Any, ws: Any, orders: int = 3) -> None:
    """`expected` are the gradients of orders 1 to 3, along `vs` and then `ws`, as arrays."""
    one, two, three = expected
    known = {
        "reverse": one,
        "forward": along_ws(one, vs),
        "compiled": one,
        "reverse over reverse": two,
        "forward over reverse": two,
        "reverse over forward": two,
        "forward over forward": along_ws(two, ws),
        "compiled twice": two,
        "reverse three times": three,
        "forward over reverse over forward": three,
    }
    for way, found in derivatives(f, xs, vs, ws).items():
        given, wanted = (found, known[way]) if isinstance(found, tuple) else ([found], [known[way]])
        for mine, right in zip(given, wanted, strict=True):
            size = max(np.max(np.abs(right), initial=0.0), 1e-3)
            np.testing.assert_allclose(
                np.asarray(mine), right, rtol=1e-7, atol=1e-9 * size, err_msg=way
            )


def reference(f: Any, xs: Any, vs: Any, ws: Any) -> Any:
    every = tuple(range(len(xs)))
    first = ad.grad(f, every)
    second = ad.grad(lambda *xs: along(first(*xs), vs), every)
    third = ad.grad(lambda *xs: along(second(*xs), ws), every)
    return [tuple(g.numpy() for g in order(*xs)) for order in (first, second, third)]


def drawn(shapes: Any, seed: int) -> tuple[np.ndarray[Any, Any], ...]:
    rng = np.random.default_rng(seed)
    return tuple(rng.uniform(0.5, 1.5, shape) for shape in shapes)


# Every elementwise operation, with all special values in the places that are not chosen.


def is_elementwise(case: Case) -> bool:
    shapes = {x.shape for x in case.inputs}
    return case.public is not None and shapes == {(5,)} and not case.single and case.real


ELEMENTWISE = [c for c in TWICE if c.differentiable and is_elementwise(c)]


@pytest.mark.parametrize("case", ELEMENTWISE, ids=[c.name for c in ELEMENTWISE])
def test_no_elementwise_operation_speaks_where_it_is_not_taken(case: Case) -> None:
    active = case.active
    chosen = [case.inputs[i] for i in active]
    bad = [np.tile(SPECIAL, 3), *(np.concatenate([np.roll(SPECIAL, k) for k in (0, 1, 3)]),) * 2]
    xs = tuple(np.concatenate([good, b]) for good, b in zip(chosen, bad, strict=False))
    n, size = len(chosen[0]), len(xs[0])
    taken = np.arange(size) < n
    fixed = {
        i: np.concatenate([x, np.resize(x, size - n)])
        for i, x in enumerate(case.inputs)
        if i not in active
    }
    (w,) = drawn([size], 1)
    vs, ws = drawn([size] * len(xs), 2), drawn([size] * len(xs), 3)

    def call(part: slice, given: Any) -> Any:
        own = dict(zip(active, given, strict=True))
        return case.call(
            *(own[i] if i in own else ad.asarray(fixed[i][part]) for i in range(len(case.inputs)))
        )

    def masked(*given: Any) -> Any:
        chosen = ad.where(taken, call(slice(None), given), 2 * given[0])
        return total(w, chosen)

    def plain(*given: Any) -> Any:
        return total(w[:n], call(slice(n), given))

    expected = []
    short = [tuple(v[:n] for v in some) for some in (vs, ws)]
    for order, gradients in enumerate(reference(plain, chosen, *short)):
        elsewhere = [2 * w[n:] if not order and not i else 0 * w[n:] for i in range(len(xs))]
        both = zip(gradients, elsewhere, strict=True)
        expected.append(tuple(np.concatenate(pair) for pair in both))
    check(masked, xs, expected, vs, ws)


# Every other operation, for two examples side by side, of which one is bad and not chosen. Before
# it stands a logarithm, whose slope at 0 is infinite: the zero must arrive there as nothing.

BAD = [0.0, INF, NAN]
REAL_ROWS = [row for row in ROWS if "float64" in row.dtypes]


def row_case(row: Any) -> tuple[list[int], list[Any]]:
    given = [x if isinstance(x, tuple) else np.asarray(x) for x in row.inputs]
    active = [i for i, x in enumerate(given) if isinstance(x, tuple) or x.dtype.kind == "f"]
    rng = np.random.default_rng(7)
    values = [
        rng.permutation(np.linspace(0.6, 2.9, int(np.prod(x)))).reshape(x)
        if isinstance(x, tuple)
        else (np.abs(x) + 0.5 if x.dtype.kind == "f" else x)
        for x in given
    ]
    return active, values


class Functions:
    def __getattr__(self, name: str) -> Callable[..., Any]:
        from tests.table.cases import Functions as Found

        return getattr(Found(), name)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("row", REAL_ROWS, ids=[f"{r.op}-{r.label}" for r in REAL_ROWS])
def test_no_example_speaks_that_is_not_taken(row: Any, bad: float) -> None:
    active, values = row_case(row)
    good = [values[i] for i in active]

    def one(*given: Any) -> Any:
        own = dict(zip(active, given, strict=True))
        every = [ad.log(own[i]) if i in own else x for i, x in enumerate(values)]
        return row.call(Functions(), *every)

    try:
        probe = one(*map(ad.asarray, good))
        if probe.dtype != np.float64:
            pytest.skip("no real derivative")
        both = [np.stack([x, np.full_like(x, bad)]) for x in good]
        ad.evaluate(ad.vmap(one)(*map(ad.asarray, both)))
        vs, ws = (drawn([x.shape for x in both], seed) for seed in (2, 3))
        (w,) = drawn([probe.shape], 1)
        expected = reference(lambda *g: total(w, one(*g)), good, *(
            tuple(v[0] for v in some) for some in (vs, ws)
        ))
    except AdjointError as error:
        pytest.skip(f"an error there: {error}")
    if not all(np.isfinite(g).all() for order in expected for g in order):
        pytest.skip("not smooth at the good example")

    def masked(*given: Any) -> Any:
        y = ad.vmap(one)(*given)
        taken = np.array([True, False]).reshape(2, *(1,) * (y.ndim - 1))
        return ad.sum(ad.where(taken, ad.asarray(w) * y, 0.0))

    whole = [
        tuple(np.stack([g, np.zeros_like(g)]) for g in order) for order in expected
    ]
    check(masked, tuple(both), whole, vs, ws)
