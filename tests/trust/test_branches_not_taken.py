"""What was not chosen has no influence: in no operation, in no mode, at no order, compiled or not.

Every registered operation is evaluated where it is singular or has no value, and something else is
chosen there. The derivatives must be those of a program in which the bad places do not occur.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import AdjointError
from adjoint.graph.op import OPS
from tests.sampling import every, first_of_each, in_turn
from tests.table.cases import TWICE, Case, Functions
from tests.table.row import Row
from tests.table.rows import ROWS
from tests.trust.nestings import check, drawn, reference, total

NAN, INF = np.nan, np.inf
SPECIAL = np.array([0.0, 1.0, -1.0, INF, -INF, NAN, -3.5, 2.0])

pytestmark = [
    pytest.mark.native,
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::adjoint.errors.ConvergenceWarning"),
]


# Every elementwise operation, with all special values in the places that are not chosen.


def is_elementwise(case: Case) -> bool:
    shapes = {x.shape for x in case.inputs}
    return case.public is not None and shapes == {(5,)} and not case.single and case.real


ELEMENTWISE = [c for c in TWICE if c.differentiable and is_elementwise(c)]


@pytest.mark.parametrize("case", first_of_each(lambda c: c.op, ELEMENTWISE, lambda c: c.name))
def test_an_elementwise_operation_has_no_influence_where_it_is_not_taken(case: Case) -> None:
    active = case.active
    chosen = [case.inputs[i] for i in active]
    rolled = [np.concatenate([np.roll(SPECIAL, k + m) for k in (0, 1, 3)]) for m in (0, 0, 2)]
    bad = [np.tile(SPECIAL, 3), *rolled]
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


# Every other operation. Before it stands a logarithm, whose slope at 0 is infinite: the zero must
# arrive there as nothing.

BAD = [0.0, INF, NAN]
REFUSE = {"eigh", "svd", "pinv", "eig", "sqrtm", "logm", "lu_parts"}
"""Of numbers that are not finite these raise an error, or LAPACK looks for them without end."""
REAL_ROWS = [row for row in ROWS if "float64" in row.dtypes and row.op not in REFUSE]
FUNCTIONS = Functions()


class Program:
    """A row of the table as a function of its floating inputs, of which it takes the logarithm."""

    def __init__(self, row: Row) -> None:
        given = [x if isinstance(x, tuple) else np.asarray(x) for x in row.inputs]
        self.row = row
        self.active = [i for i, x in enumerate(given) if type(x) is tuple or x.dtype.kind == "f"]
        rng = np.random.default_rng(7)
        self.values = [
            rng.permutation(np.linspace(0.6, 2.9, int(np.prod(x)))).reshape(x)
            if isinstance(x, tuple)
            else np.abs(x) + 0.5
            if x.dtype.kind == "f"
            else x
            for x in given
        ]
        self.good = tuple(self.values[i] for i in self.active)
        self.output = self(*map(ad.asarray, self.good))
        if not self.good or self.output.dtype != np.float64:
            pytest.skip("there is no real derivative")

    def __call__(self, *given: Any) -> Any:
        own = dict(zip(self.active, given, strict=True))
        every = [ad.log(own[i]) if i in own else x for i, x in enumerate(self.values)]
        return self.row.call(FUNCTIONS, *every)


def expected_of(f: Any, xs: Any, vs: Any, ws: Any) -> Any:
    """The derivatives of a smooth function; the test is over where one is not."""
    try:
        expected = reference(f, xs, vs, ws)
    except AdjointError as error:
        pytest.skip(f"there is no derivative: {error}")
    if not all(np.isfinite(g).all() for order in expected for g in order):
        pytest.skip("there is no derivative that is finite")
    return expected


EACH_ELEMENT = [row for row in REAL_ROWS if OPS[row.op].family != "linalg"]


def name_of(value: Any) -> str | None:
    return f"{value.op}-{value.label}" if isinstance(value, Row) else None


def can_be_asked(one: Program, bad: float) -> bool:
    """Whether there is a value, not an error, where the inputs are bad."""
    try:
        ad.evaluate(one(*(ad.asarray(np.full_like(x, bad)) for x in one.good)))
    except (AdjointError, np.linalg.LinAlgError):
        return False
    return True


@pytest.mark.parametrize("row", first_of_each(lambda r: r.op, REAL_ROWS), ids=name_of)
def test_an_example_that_is_not_taken_has_no_influence(row: Row) -> None:
    """Examples side by side, of which all but the first are bad and not chosen."""
    one = Program(row)
    bad = [x for x in BAD if can_be_asked(one, x)]
    if not bad:
        pytest.skip("there is an error wherever it is bad")
    xs = tuple(np.stack([x, *(np.full_like(x, b) for b in bad)]) for x in one.good)
    vs, ws = (drawn([x.shape for x in xs], seed) for seed in (2, 3))
    (w,) = drawn([one.output.shape], 1)
    first = [tuple(v[0] for v in some) for some in (vs, ws)]
    expected = expected_of(lambda *given: total(w, one(*given)), one.good, *first)

    def masked(*given: Any) -> Any:
        y = ad.vmap(one)(*given)
        taken = (np.arange(len(xs[0])) == 0).reshape(-1, *(1,) * (y.ndim - 1))
        return ad.sum(ad.where(taken, ad.asarray(w) * y, 0.0))

    whole = [tuple(np.stack([g, *[0 * g] * len(bad)]) for g in order) for order in expected]
    check(masked, xs, whole, vs, ws)


wanted: dict[Any, Any] = {}
"""The derivatives without the bad element, by row, place, and what is chosen."""


@pytest.mark.parametrize(("row", "place", "bad"), in_turn(EACH_ELEMENT, [0, -1], BAD), ids=name_of)
def test_an_element_that_is_not_taken_has_no_influence(row: Row, place: int, bad: float) -> None:
    """One element of an input is bad, and what does not depend on it is chosen."""
    one = Program(row)
    spoilt, other = (
        tuple(x.copy() if i == 0 else x for i, x in enumerate(one.good)) for _ in range(2)
    )
    if not one.good[0].size:
        pytest.skip("there is no element")
    spoilt[0].flat[place] = bad
    other[0].flat[place] *= 1.01
    try:
        values = [one(*map(ad.asarray, xs)).numpy() for xs in (one.good, spoilt, other)]
    except (AdjointError, np.linalg.LinAlgError) as error:
        pytest.skip(f"there is an error: {error}")
    taken = (values[0] == values[1]) & (values[0] == values[2])
    if not taken.any():
        pytest.skip("every result depends on the element")
    vs, ws = (drawn([x.shape for x in one.good], seed) for seed in (2, 3))
    w = drawn([taken.shape], 1)[0]

    def masked(*given: Any) -> Any:
        return ad.sum(ad.where(taken, ad.asarray(w) * one(*given), 0.0))

    key = id(row), place, taken.tobytes()
    if key not in wanted:
        wanted[key] = expected_of(masked, one.good, vs, ws)
    for order in wanted[key]:
        assert order[0].flat[place] == 0
    check(masked, spoilt, wanted[key], vs, ws)


# Random choices between compositions of all operations.

MOVES = {
    "as it stands": lambda x: x,
    "flipped": lambda x: ad.flip(x),
    "rolled": lambda x: ad.roll(x, 2),
    "joined": lambda x: ad.concat([x[3:], x[:3]]),
    "gathered": lambda x: x[np.random.default_rng(x.shape[0]).permutation(x.shape[0])],
    "scattered": lambda x: ad.setitem(
        ad.zeros(x.shape), np.random.default_rng(x.shape[0]).permutation(x.shape[0]), x
    ),
    "a row of two": lambda x: ad.stack([x, 2 * x], 1)[:, 0],
    "a product": lambda x: (x[:, None] @ np.ones((1, 3)))[:, 1],
    "a lane": lambda x: ad.sum(ad.stack([x, x - 1.0]), 0),
    "a norm": lambda x: ad.linalg.vector_norm(ad.stack([x, x + 9.0]), axis=0),
    "a softmax": lambda x: ad.logsumexp(ad.stack([x, x / 2]), 0),
}
LINE = np.concatenate([SPECIAL, np.linspace(-2.7, 3.3, 9)])


def by_first(case: Case) -> Any:
    """The operation as a function of one tensor, other inputs as in the table."""
    place, rest = case.active[0], [float(x[1]) for x in case.inputs]
    like = [x.dtype for x in case.inputs]
    return lambda x: case.call(
        *(
            x if i == place else ad.broadcast_to(ad.asarray(np.asarray(v, t)), x.shape)
            for i, (v, t) in enumerate(zip(rest, like, strict=True))
        )
    )


def is_fine(g: Any) -> np.ndarray[Any, Any]:
    """Where on the line a function has three finite derivatives of moderate size."""
    each = lambda x: ad.sum(g(x))
    ones = (np.ones_like(LINE),)
    orders = [order[0] for order in reference(each, (LINE,), ones, ones)]
    return np.all([np.abs(order) < 1e6 for order in orders], 0) & np.isfinite(
        g(ad.asarray(LINE)).numpy()
    )


@pytest.mark.parametrize("seed", every(4, range(40)))
@pytest.mark.filterwarnings("ignore")
def test_of_two_random_programs_only_the_chosen_one_has_influence(seed: int) -> None:
    rng = np.random.default_rng(seed)
    functions = [by_first(ELEMENTWISE[i]) for i in rng.integers(len(ELEMENTWISE), size=4)]
    move = MOVES[list(MOVES)[seed % len(MOVES)]]
    g = lambda x: functions[0](functions[1](x))
    h = lambda x: functions[2](functions[3](x)) + x
    yes, no = is_fine(lambda x: g(x)), is_fine(lambda x: h(x))
    taken = np.where(yes & no, rng.random(LINE.size) < 0.5, yes)
    place = np.flatnonzero(yes | no)
    if place.size == 0:
        pytest.skip("neither is smooth anywhere")
    line, taken = LINE[place], taken[place]
    w, v, u = (drawn([line.shape], n)[0] for n in (1, 2, 3))
    where = move(ad.asarray(taken.astype(float))).numpy() if seed % len(MOVES) < 6 else taken

    def masked(x: Any) -> Any:
        chosen = ad.where(where != 0, move(g(x)), move(h(x)))
        return total(w, chosen)

    def plain(x: Any) -> Any:
        """The same of numbers that are good everywhere: each side is given what it is fine at."""
        good = [np.flatnonzero(yes)[:1], np.flatnonzero(no)[:1]]
        sides = []
        for side, mask, spare in ((g, taken, good[0]), (h, ~taken, good[1])):
            if not spare.size:
                sides.append(ad.zeros(line.shape))
                continue
            safe = ad.where(mask, x, LINE[spare[0]])
            sides.append(move(side(safe)))
        return total(w, ad.where(where != 0, *sides))

    expected = reference(plain, (line,), (v,), (u,))
    if not all(np.isfinite(order[0]).all() for order in expected):
        pytest.skip("together, the functions and the move meet a kink at what is chosen")
    check(masked, (line,), expected, (v,), (u,))
