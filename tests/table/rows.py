"""The rows of the table: how to call each operation that is not elementwise.

Adding an operation? Elementwise ones enrol by their `domain` (give `oracles.py` the mathematics if
mpmath has no function of that name). For any other add ONE ROW here, or beside its like in
`matrix_rows.py`, `signal_rows.py` or `random_rows.py`:

    Row("name", lambda n, x: n.name(x, axis=1), [(2, 3)])

The first entry is the name in the registry; then the call, in which `n` is adjoint or NumPy; then
for each input its shape (generic points are drawn) or its values (integers and booleans are held
fixed). Where NumPy's function has another name or other arguments, `numpy` says what is meant:

    Row("permute_dims", lambda n, x: n.permute_dims(x, (1, 0)), [(2, 3)], np.transpose)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.sparse.linalg
import scipy.special

from adjoint.api.custom_signature import Signature
from adjoint.api.traced_rule import called
from tests.table.matrix_rows import MATRIX_ROWS
from tests.table.row import REAL, Row, registered


def recurrence(a: Any, b: Any) -> Any:
    """tᵢ₊₁ = aᵢ tᵢ + bᵢ with t₀ = 0, along the last axis."""
    t = np.zeros(np.broadcast_shapes(a.shape, b.shape), np.result_type(a, b))
    for i in range(t.shape[-1] - 1):
        t[..., i + 1] = a[..., i] * t[..., i] + b[..., i]
    return t


def place_of(pick: Callable[..., Any]) -> Callable[..., Any]:
    """The index of the first element that attains the extremum so far, along the last axis."""
    return lambda x: np.stack([pick(x[..., : i + 1], -1) for i in range(x.shape[-1])], -1)


def written(index: Any, add: bool = False) -> Callable[..., Any]:
    """A copy of x with v written, or added, at an index."""

    def oracle(x: Any, v: Any) -> Any:
        result = np.array(x, np.result_type(x, v))
        if add:
            np.add.at(result, index, v)
        else:
            result[index] = v
        return result

    return oracle


def put_into_zeros(x: Any) -> Any:
    """What the transpose of ``y[1:, ::-2]`` makes of `x`, in the shape (3, 5)."""
    result = np.zeros((3, 5), x.dtype)
    result[1:, ::-2] = x
    return result


def recurrent(n: Any, x: Any, a: Any, h: Any) -> Any:
    """The last state and all outputs of a small recurrent network."""

    def step(h: Any, row: Any) -> tuple[Any, Any]:
        h = n.sin(a * h) / 2 + row
        return h, h * row

    h, ys = n.scan(step, h, x)
    return n.concat((h, n.reshape(ys, (-1,))))


def recurrent_rows(x: Any, a: Any, h: Any) -> Any:
    """The same, written as a loop."""
    ys = []
    for row in x:
        h = np.sin(a * h) / 2 + row
        ys.append(h * row)
    return np.concatenate((h, *ys))


def chosen(n: Any, x: Any, number: int = 0) -> Any:
    """One of two functions of x."""
    return n.switch(number, (lambda x: n.sin(x) * x, n.square), x)


def repeated(n: Any, x: Any, a: Any) -> Any:
    """x ← a sin(x), three times."""

    def step(state: Any) -> Any:
        return state[0] + 1, a * n.sin(state[1])

    return n.while_loop(lambda state: state[0] < 3, step, (0, x))[1]


def repeated_rows(x: Any, a: Any) -> Any:
    """The same, written as a loop."""
    for _ in range(3):
        x = a * np.sin(x)
    return x


def repeated_slope(n: Any, x: Any) -> Any:
    """The gradient of x⁴, as x is squared twice."""

    def step(state: Any) -> Any:
        return state[0] + 1, state[1] * state[1]

    def value(x: Any) -> Any:
        return n.sum(n.while_loop(lambda state: state[0] < 2, step, (0, x))[1])

    return n.grad(value)(x)


def with_rule(n: Any, x: Any, a: Any) -> Any:
    """a sin(x), with a rule of its own."""
    f = n.custom_jvp(lambda x, a: n.sin(x) * a)

    @f.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (x, a), (dx, da) = primals, tangents
        return f(x, a), n.cos(x) * a * dx + n.sin(x) * da

    return called(Signature(f, (x, a)))


def own_function(n: Any, x: Any, a: Any) -> Any:
    """a sin(x), by NumPy, with both rules."""
    if n is np:
        return np.sin(x) * a

    def forward(args: Any, y: Any, tangents: Any) -> Any:
        return n.cos(args[0]) * args[1] * tangents[0] + n.sin(args[0]) * tangents[1]

    f = n.op(lambda x, a: np.sin(x) * a, jvp=forward, vectorized=True, result="like first")
    return f(x, a)


def solved(n: Any, a: Any, b: Any) -> Any:
    """arcsinh(a b), by solving for it."""
    return n.root(lambda x: n.sinh(x) - a * b, np.zeros(3))


def in_and_out(n: Any, x: Any, y: Any) -> Any:
    """Two pieces packed, and unpacked again by an operation that does not see that."""
    from adjoint.ops.control.packing import layout_of

    layout = layout_of([(x.shape, x.dtype), (y.shape, y.dtype)])
    packed = registered("pack")((x, y), layout, (0, 1)) * 1.0
    first, second = (registered("unpack")((packed,), layout, number) for number in range(2))
    return n.concat((n.reshape(first * 2, (-1,)), second))


ROWS_AND_COLUMNS = (np.array([0, 2, 0]), np.array([1, 1, 1]))  # one place twice

ROWS: list[Row] = [
    # movement
    Row("reshape", lambda n, x: n.reshape(x, (3, 2)), [(2, 3)]),
    Row("permute_dims", lambda n, x: n.permute_dims(x, (2, 0, 1)), [(2, 3, 1)]),
    Row("broadcast_to", lambda n, x: n.broadcast_to(x, (2, 3, 2)), [(3, 1)]),
    Row("astype", lambda n, x: n.astype(x, "complex128"), [(3,)], label="complex", dtypes=REAL),
    Row("astype", lambda n, x: n.astype(x, "float64"), [(3,)], lambda x: x, dtypes=["float32"]),
    Row(
        "complex",
        lambda n, a, b: registered("complex")((a, b)),
        [(2, 3), (3,)],
        lambda a, b: a + 1j * b,
        dtypes=REAL,
    ),
    # indexing
    Row("slice", lambda n, x: x[1:, ::-2], [(3, 5)]),
    Row("slice", lambda n, x: x[-1, None, 2], [(2, 3)], label="integers"),
    Row(
        "unslice",
        lambda n, x: registered("unslice")((x,), (1, 4), (1, -2), (2, 3), (3, 5)),
        [(2, 3)],
        put_into_zeros,
    ),
    Row(
        "set_slice",
        lambda n, x, v: n.setitem(x, (slice(1, None), 0), v),
        [(3, 2), (2,)],
        written((slice(1, None), 0)),
    ),
    Row("gather", lambda n, x: x[ROWS_AND_COLUMNS], [(3, 2)], label="twice"),
    Row("gather", lambda n, x: n.take(x, np.array([[1, 0], [1, -1]]), axis=1), [(2, 3)]),
    Row(
        "gather",
        lambda n, x, i: n.take_along_axis(x, i, 1),
        [(2, 3), np.array([[2, 0], [1, 1]])],
        label="along",
    ),
    Row(
        "scatter_add",
        lambda n, x, v: n.index_add(x, ROWS_AND_COLUMNS, v),
        [(3, 2), (3,)],
        written(ROWS_AND_COLUMNS, add=True),
    ),
    Row(
        "bounded_index",
        lambda n, i: registered("bounded_index")((i,), 0, 4),
        [np.array([[2, 0], [-1, -4]])],
        lambda i: np.where(i < 0, i + 4, i),
    ),
    Row(
        "scatter_set",
        lambda n, x, v: n.setitem(x, ROWS_AND_COLUMNS, v),
        [(3, 2), (3,)],
        written(ROWS_AND_COLUMNS),
    ),
    Row(
        "last_writer",
        lambda n, i: registered("last_writer")((i,), (3,)),
        [np.array([0, 2, 0])],
        lambda i: np.array([False, True, True]),
        dtypes=["float64"],
    ),
    # joining
    Row("concat", lambda n, a, b: n.concat([a, b], axis=1), [(2, 3), (2, 1)]),
    Row("roll", lambda n, x: n.roll(x, 2, axis=1), [(2, 5)]),
    Row("roll", lambda n, x: n.roll(x, (-1, 1), axis=(0, 1)), [(3, 4)], label="axes"),
    Row("stack", lambda n, a, b: n.stack([a, b], axis=1), [(2, 3), (2, 3)]),
    # reductions
    Row("sum", lambda n, x: n.sum(x, axis=(0, 2)), [(2, 3, 2)]),
    Row("any", lambda n, x: n.any(x, axis=1), [np.array([[True, False], [False, False]])]),
    Row("all", lambda n, x: n.all(x, axis=1), [np.array([[True, False], [True, True]])]),
    Row("max", lambda n, x: n.max(x, axis=1), [(2, 4)], dtypes=REAL, spread=1.5),
    Row("min", lambda n, x: n.min(x, axis=0), [(3, 2)], dtypes=REAL, spread=1.5),
    Row("argmax", lambda n, x: n.argmax(x, axis=1), [(3, 4)], dtypes=REAL),
    Row("argmin", lambda n, x: n.argmin(x, axis=0), [(3, 4)], dtypes=REAL),
    Row(
        "order_statistic",
        lambda n, x: registered("order_statistic")((x, np.array([0, 2]))),
        [(2, 4)],
        lambda x: np.sort(x, -1)[..., [0, 2]],
        dtypes=REAL,
        spread=1.5,
    ),
    Row("prod", lambda n, x: n.prod(x, axis=1), [(2, 3)]),
    Row("prod", lambda n, x: n.prod(x), [np.array([0.0, 2.0, 3.0])], label="zero"),
    Row("prod", lambda n, x: n.prod(x), [np.array([0.0, 0.0, 3.0])], label="zeros"),
    Row("norm2", lambda n, x: n.norm2(x, 1), [(2, 3)], lambda x: np.linalg.norm(x, axis=1)),
    # Fourier transforms
    Row("fft", lambda n, x: n.fft.fft(x, axis=0), [(3, 2)]),
    Row("fft", lambda n, x: n.fft.ifftn(x, norm="ortho"), [(2, 3)], label="inverse"),
    Row("rfft", lambda n, x: n.fft.rfft(x, axis=0), [(4, 2)], dtypes=REAL),
    Row("rfft", lambda n, x: n.fft.rfft(x, norm="forward"), [(2, 5)], label="odd", dtypes=REAL),
    Row("irfft", lambda n, x: n.fft.irfft(x, axis=0), [(3, 2)]),
    Row("irfft", lambda n, x: n.fft.irfft(x, 5, norm="ortho"), [(2, 3)], label="odd"),
    *(
        Row(
            "trigonometric_transform",
            lambda n, x, f=f, t=t: registered("trigonometric_transform")((x,), f, t, 0),
            [(4, 2)],
            lambda x, f=f, t=t: getattr(scipy.fft, f)(x, t, axis=0),
            label=f"{f}-{t}",
        )
        for f in ("dct", "dst")
        for t in (1, 2, 3, 4)
    ),
    # cumulative
    Row("cumsum", lambda n, x: n.cumsum(x, axis=1), [(2, 3)]),
    Row(
        "cummax",
        lambda n, x: n.cummax(x, 1),
        [(2, 5)],
        lambda x: np.maximum.accumulate(x, 1),
        dtypes=REAL,
    ),
    Row(
        "cummin",
        lambda n, x: n.cummin(x, 1),
        [(2, 5)],
        lambda x: np.minimum.accumulate(x, 1),
        dtypes=REAL,
    ),
    Row("cumprod", lambda n, x: n.cumprod(x, axis=1), [(2, 4)]),
    Row("cumprod", lambda n, x: n.cumprod(x), [np.array([2.0, 0.0, 3.0, 0.0])], label="zeros"),
    Row(
        "recurrence",
        lambda n, a, b: registered("recurrence")((a, b), 1, False),
        [(2, 4), (2, 4)],
        recurrence,
    ),
    Row(
        "cumargmax",
        lambda n, x: registered("cumargmax")((x,), 1),
        [(2, 5)],
        place_of(np.argmax),
        dtypes=REAL,
    ),
    Row(
        "cumargmin",
        lambda n, x: registered("cumargmin")((x,), 1),
        [(2, 5)],
        place_of(np.argmin),
        dtypes=REAL,
    ),
    # exponentials over an axis
    Row(
        "logsumexp",
        lambda n, x: n.logsumexp(x, axis=1),
        [(2, 3)],
        lambda x: scipy.special.logsumexp(x, axis=1),
        dtypes=REAL,
    ),
    Row(
        "softmax",
        lambda n, x: n.softmax(x, axis=1),
        [(2, 3)],
        lambda x: scipy.special.softmax(x, axis=1),
        dtypes=REAL,
    ),
    Row(
        "log_softmax",
        lambda n, x: n.log_softmax(x, axis=1),
        [(2, 3)],
        lambda x: scipy.special.log_softmax(x, axis=1),
        dtypes=REAL,
    ),
    # sorting and searching
    Row("argsort", lambda n, x: n.argsort(x, axis=1), [(2, 4)], dtypes=REAL),
    Row(
        "argsort",
        lambda n, x: n.argsort(x, axis=1, descending=True),
        [(2, 4)],
        lambda x: np.argsort(-x, axis=1, kind="stable"),
        label="descending",
        dtypes=REAL,
    ),
    Row(
        "order_part",
        lambda n, x: registered("order_part")((x,), 1, True, 2, False),
        [(2, 5)],
        lambda x: np.argsort(-x, axis=1, kind="stable")[:, :2],
        dtypes=REAL,
    ),
    Row(
        "searchsorted",
        lambda n, x: n.searchsorted(np.array([-1.0, 0.0, 1.0]), x, side="right"),
        [(2, 3)],
        dtypes=["float64"],
    ),
    # products
    Row("matmul", lambda n, a, b: n.matmul(a, b), [(2, 3), (3, 2)]),
    Row("matmul", lambda n, a, b: n.matmul(a, b), [(2, 1, 2, 3), (3, 3, 2)], label="stacks"),
    Row("matmul", lambda n, a, b: n.matmul(a, b), [(3,), (2, 3, 2)], label="vector"),
    Row("convolve", lambda n, a, b: n.convolve(a, b), [(4,), (3,)], label="full"),
    Row("convolve", lambda n, a, b: n.convolve(a, b, "valid"), [(5,), (2,)], label="valid"),
    Row("convolve", lambda n, a, b: n.convolve(a, b, "same"), [(3,), (4,)], label="same"),
    *MATRIX_ROWS,
    Row("scan", recurrent, [(3, 3), (3,), (3,)], recurrent_rows, spread=0.3),
    Row("branch", chosen, [(3,)], lambda x: np.sin(x) * x, label="first"),
    Row("branch", lambda n, x: chosen(n, x, 1), [(3,)], np.square, label="second"),
    Row("while_loop", repeated, [(3,), (3,)], repeated_rows, spread=0.5),
    Row("while_adjoint", repeated_slope, [(3,)], lambda x: 4 * x * x * x, dtypes=REAL),
    Row("custom_call", with_rule, [(3,), (3,)], lambda x, a: np.sin(x) * a),
    Row("external_call", own_function, [(2, 3), (3,)], lambda x, a: np.sin(x) * a),
    Row("root", solved, [(3,), (3,)], lambda a, b: np.arcsinh(a * b), dtypes=("float64",)),
    Row("pack", in_and_out, [(2, 3), (2,)], lambda x, y: np.concatenate((x.ravel() * 2, y))),
    Row("unpack", in_and_out, [(2, 3), (2,)], lambda x, y: np.concatenate((x.ravel() * 2, y))),
]
