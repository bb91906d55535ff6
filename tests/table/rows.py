"""The rows of the table: how to call each operation that is not elementwise.

Adding an operation? Elementwise ones enrol by their `domain` (give `oracles.py` the mathematics if
mpmath has no function of that name). For any other add ONE ROW here:

    Row("name", lambda n, x: n.name(x, axis=1), [(2, 3)])

The first entry is the name in the registry; then the call, in which `n` is adjoint or NumPy; then
for each input its shape (generic points are drawn) or its values (integers and booleans are held
fixed). Where NumPy's function has another name or other arguments, `numpy` says what is meant:

    Row("permute_dims", lambda n, x: n.permute_dims(x, (1, 0)), [(2, 3)], np.transpose)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.sparse.linalg
import scipy.special

from adjoint.api.custom_signature import Signature
from adjoint.api.traced_rule import called
from adjoint.graph.tensor import Tensor
from adjoint.ops.linalg.sparse_pattern import pattern_of
from adjoint.ops.linalg.sparse_solve import ConstantFactor

REAL = ("float64", "float32")
ALL = ("float64", "float32", "complex128")


@dataclass(frozen=True)
class Row:
    """How to call one operation: see above. `spread` stretches the points; `digits` loosens."""

    op: str
    call: Callable[..., Any]
    inputs: Sequence[Any]
    numpy: Callable[..., Any] | None = None
    label: str = ""
    dtypes: Sequence[str] = ALL
    spread: float = 1.0
    digits: float = 1.0


def recurrence(a: Any, b: Any) -> Any:
    """tᵢ₊₁ = aᵢ tᵢ + bᵢ with t₀ = 0, along the last axis."""
    t = np.zeros(np.broadcast_shapes(a.shape, b.shape), np.result_type(a, b))
    for i in range(t.shape[-1] - 1):
        t[..., i + 1] = a[..., i] * t[..., i] + b[..., i]
    return t


def place_of(pick: Callable[..., Any]) -> Callable[..., Any]:
    """The index of the first element that attains the extremum so far, along the last axis."""
    return lambda x: np.stack([pick(x[..., : i + 1], -1) for i in range(x.shape[-1])], -1)


def registered(name: str) -> Callable[..., Tensor]:
    """An operation that no public function calls just so, applied by its record."""
    from adjoint.graph.op import find
    from adjoint.graph.tensor import as_tensor, make

    return lambda xs, *params: make(find(name), [as_tensor(x) for x in xs], params)


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


def factored(a: Any) -> Any:
    """The inputs of `lu_parts`: a, its factors, and the order of its rows."""
    factors = registered("lu_factor")((a.mT,))
    return a, factors, registered("pivot_order")((factors[..., -1, :].real.astype(np.int32),))


def lu_in_one(a: Any) -> Any:
    return scipy.linalg.lu_factor(a)[0]


def dense(bands: Any, upper: int) -> Any:
    """The matrix with these bands, of which `upper` stand above the main diagonal."""
    return sum(
        np.diag(row[max(upper - i, 0) : len(row) + min(upper - i, 0)], upper - i)
        for i, row in enumerate(bands)
    )


def definite(n: Any, x: Any) -> Any:
    """A positive definite matrix."""
    return n.matmul(x, n.conj(n.matrix_transpose(x))) + np.eye(x.shape[-1])


def slope_of_det(n: Any, a: Any) -> Any:
    return registered("cofactors")((a, registered("lu_factor")((a,))))


def cofactors(a: Any) -> Any:
    """The determinants of what is left of a matrix without a row and a column, with their signs."""
    result = np.zeros_like(a)
    for i, j in np.ndindex(a.shape):
        result[i, j] = (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1))
    return result


def cofactors_along(a: Any, x: Any) -> Any:
    """The slope of the cofactors, by differences exact for polynomials of degree 2."""
    return (cofactors(a + x) - cofactors(a - x)) / 2


def solve_triangular(**options: Any) -> Callable[..., Any]:
    """The solution of a triangular system with these options."""
    return lambda n, a, b: n.solve_triangular(a, b, **options)


def lower_solve(a: Any, b: Any) -> Any:
    return np.linalg.solve(np.tril(a), b)


def symmetric(n: Any, x: Any) -> Any:
    """A Hermitian matrix made of any."""
    return x + n.conj(n.matrix_transpose(x))


def slope_of_values(n: Any, x: Any) -> Any:
    """The exponential of a symmetric matrix, as the adjoint of the sum of that of its values."""
    a = symmetric(n, x)
    if isinstance(x, Tensor):
        packed = registered("eigh")([a])
        d = n.exp(registered("spectral_values")([packed, a]))
        return registered("spectral_function")([d, packed, a])
    values, vectors = np.linalg.eigh(a)
    return (vectors * np.exp(values)[..., None, :]) @ np.conj(np.swapaxes(vectors, -2, -1))


def eigenvalues(x: Any) -> Any:
    return np.linalg.eigvalsh(symmetric(np, x))


def exponential(n: Any, x: Any) -> Any:
    """The exponential of a Hermitian matrix: the phase of its eigenvectors has no influence."""
    w, v = (np.linalg.eigh if n is np else n.eigh)(symmetric(n, x))
    return n.matmul(v * n.exp(0.5 * w), n.conj(n.matrix_transpose(v)))


def odd_power(n: Any, x: Any) -> Any:
    """U S³ Vᴴ, on which the phase of the singular vectors has no influence."""
    u, s, v = (np.linalg.svd if n is np else n.svd)(x, False)
    return n.matmul(u * s**3, v)


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


BANDS = np.array([[0, 0, 0.3, 0.2], [0, 0.5, 0.1, 0.4], [4, 5, 4.5, 6], [0.3, 0.2, 0.6, 0]])
MATRIX = np.array([[1.0, 0.4, -0.7], [2.0, -1.1, 0.3], [-0.5, 0.9, 1.3]])
DOMINANT = np.array([[4.0, 0.4, -0.7], [2.0, -5.0, 0.3], [-0.5, 0.9, 6.0]])
LARGE = np.array([[2.0, 1, 0, -1], [1, 3, 1, 0], [0, 1, -2, 1], [-1, 0.5, 1, 2]])
SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, -1.0, 0.5]])

ROWS_AND_COLUMNS = (np.array([0, 2, 0]), np.array([1, 1, 1]))  # one place twice

SHIFTED = np.diag([4.0, -2.0, 1.0]) + np.linspace(-0.6, 0.7, 9).reshape(3, 3)


def eigen_sum(n: Any, values: Any, vectors: Any) -> Any:
    """A number to which all eigenvalues and vectors contribute, without their order and signs."""
    sizes = np.arange(1.0, 4.0)[:, None] * n.abs(vectors) ** 2
    return n.sum(n.real(values**3 * n.sum(sizes, axis=0)))


def eigen_row(n: Any, a: Any) -> Any:
    parts = registered("eig")((a,))
    return eigen_sum(n, parts[0], parts[1:].mT)


PATTERN, _, _ = pattern_of(np.array([0, 0, 1, 2, 2]), np.array([0, 2, 1, 0, 2]), (3, 3))
WIDE, _, _ = pattern_of(np.array([0, 0, 1, 1]), np.array([0, 2, 1, 2]), (2, 3))
FACTOR = ConstantFactor(scipy.sparse.linalg.splu(scipy.sparse.csc_array(SHIFTED)))
CLOSELY = (("rtol", 1e-14),)


def with_diagonal(values: Any) -> Any:
    return values + np.array([3, 0, 3, 0, 3], values.dtype)


def filled(pattern: Any, values: Any) -> Any:
    """The dense matrices with these values at the entries of a pattern."""
    whole = np.zeros((*values.shape[:-1], *pattern.shape), values.dtype)
    whole[..., pattern.rows, pattern.columns] = values
    return whole


def control(n: Any, a: Any, b: Any, q: Any, r: Any, call: Callable[..., Any]) -> Any:
    """The solution of a Riccati equation whose weights are definite."""
    return call(a, b, definite(n, q), definite(n, r))


ROWS: list[Row] = [
    # movement
    Row("reshape", lambda n, x: n.reshape(x, (3, 2)), [(2, 3)]),
    Row("permute_dims", lambda n, x: n.permute_dims(x, (2, 0, 1)), [(2, 3, 1)]),
    Row("broadcast_to", lambda n, x: n.broadcast_to(x, (2, 3, 2)), [(3, 1)]),
    Row("astype", lambda n, x: n.astype(x, "complex128"), [(3,)], label="complex", dtypes=REAL),
    Row("astype", lambda n, x: n.astype(x, "float64"), [(3,)], lambda x: x, dtypes=["float32"]),
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
    # matrices
    Row("lu_factor", lambda n, a, b: n.solve(a, b), [MATRIX, (3,)], np.linalg.solve, digits=10.0),
    Row("lu_solve", lambda n, a, b: n.solve(a, b), [MATRIX, (2, 3, 2)], np.linalg.solve),
    Row(
        "lu_solve",
        lambda n, a, b: registered("lu_solve")((a, registered("lu_factor")((a,)), b), True),
        [MATRIX, (3, 2)],
        lambda a, b: np.linalg.solve(a.T, b),
        label="transposed",
    ),
    Row("lu_solve", lambda n, a: n.inv(a), [np.stack([MATRIX, -MATRIX.T])], np.linalg.inv, "inv"),
    Row("det", lambda n, a: n.det(a), [np.stack([MATRIX, -MATRIX.T])], np.linalg.det),
    Row("det", lambda n, a: n.det(a), [SINGULAR], np.linalg.det, "singular"),
    Row("det", lambda n, a: n.det(a), [np.zeros((2, 2))], np.linalg.det, "zero"),
    Row("det_sign", lambda n, a: n.slogdet(a)[0], [MATRIX], lambda a: np.linalg.slogdet(a)[0]),
    Row(
        "log_abs_det",
        lambda n, a: n.slogdet(a)[1],
        [np.stack([MATRIX, -MATRIX.T])],
        lambda a: np.linalg.slogdet(a)[1],
    ),
    Row(
        "log_det_slope",
        lambda n, a: registered("log_det_slope")([a, registered("lu_factor")([a])]),
        [np.stack([MATRIX, -MATRIX.T])],
        lambda a: np.swapaxes(np.linalg.inv(a), -2, -1),
    ),
    Row("cofactors", slope_of_det, [MATRIX], cofactors),
    Row("cofactors", slope_of_det, [SINGULAR], cofactors, "singular"),
    Row("cofactors", slope_of_det, [LARGE], cofactors, "large", digits=10.0),
    Row(
        "cofactors_along",
        lambda n, a, x: registered("cofactors_along")((a, x)),
        [MATRIX, (3, 3)],
        cofactors_along,
    ),
    Row("det", lambda n, a: n.det(a), [LARGE], np.linalg.det, "large"),
    Row("det", lambda n, a: n.det(a), [MATRIX[:2, :2]], np.linalg.det, "of 2 rows"),
    Row("triangular_solve", solve_triangular(lower=True), [MATRIX, (3,)], lower_solve),
    Row(
        "triangular_solve",
        solve_triangular(trans=1, unit_diagonal=True),
        [np.stack([MATRIX, MATRIX.T]), (3, 2)],
        lambda a, b: np.linalg.solve(np.swapaxes(np.triu(a, 1) + np.eye(3), -2, -1), b),
        label="transposed",
    ),
    Row(
        "triangular_solve",
        solve_triangular(trans="C", lower=True),
        [MATRIX, (3, 2)],
        lambda a, b: np.linalg.solve(np.tril(a).conj().T, b),
        label="conjugated",
    ),
    Row(
        "cholesky",
        lambda n, x: n.cholesky(n.matmul(x, n.conj(n.matrix_transpose(x))) + np.eye(3)),
        [(2, 3, 3)],
        lambda x: np.linalg.cholesky(x @ np.swapaxes(x.conj(), -2, -1) + np.eye(3)),
    ),
    Row(
        "spectral_values",
        lambda n, x: n.eigvalsh(symmetric(n, x)),
        [(2, 3, 3)],
        eigenvalues,
        digits=100.0,  # of the differences, where values are close
    ),
    Row("spectral_function", slope_of_values, [(3, 3)], lambda x: slope_of_values(np, x)),
    Row("eigh", exponential, [(3, 3)], lambda x: exponential(np, x), label="vectors", digits=10.0),
    Row("eig", eigen_row, [SHIFTED], lambda x: eigen_sum(np, *np.linalg.eig(x)), digits=10.0),
    Row("svd", lambda n, x: n.svdvals(x), [(2, 3, 2)], np.linalg.svdvals),
    Row("svd", odd_power, [(3, 2)], lambda x: odd_power(np, x), label="tall", digits=100.0),
    Row("svd", odd_power, [(2, 3)], lambda x: odd_power(np, x), label="wide", digits=100.0),
    Row(
        "svd",
        lambda n, x: n.svd(x, False)[0] * n.svd(x, False)[2],
        [(3, 3)],
        lambda x: np.linalg.svd(x)[0] * np.linalg.svd(x)[2],
        label="vectors",
        dtypes=REAL,
        digits=100.0,
    ),
    Row("qr", lambda n, x: n.qr(x)[0], [(2, 4, 3)], lambda x: np.linalg.qr(x)[0], digits=100.0),
    Row("qr", lambda n, x: n.qr(x, "r"), [(3, 3)], lambda x: np.linalg.qr(x, "r"), label="r"),
    Row("qr", lambda n, x: n.qr(x)[1], [(2, 4)], lambda x: np.linalg.qr(x)[1], label="wide"),
    Row("pinv", lambda n, x: n.pinv(x), [(3, 2)], np.linalg.pinv, label="tall"),
    Row("pinv", lambda n, x: n.pinv(x), [(2, 2, 3)], np.linalg.pinv, label="wide"),
    Row(
        "pinv",
        lambda n, a, b: n.pinv(n.matmul(a, b)),
        [(3, 1), (1, 2)],
        lambda a, b: np.linalg.pinv(a @ b),
        label="of rank 1",
    ),
    Row(
        "lu_parts",
        lambda n, a: registered("lu_parts")(factored(a)),
        [np.stack([DOMINANT, DOMINANT[::-1]])],
        lambda a: np.stack([lu_in_one(x) for x in a]),
    ),
    Row(
        "pivot_order",
        lambda n, x: registered("pivot_order")((x,)),
        [np.array([2, 2, 2])],
        lambda x: np.array([2, 0, 1]),
    ),
    Row(
        "solve_banded",
        lambda n, a, b: registered("solve_banded")((a, b), 1, 2),
        [BANDS, (4, 2)],
        lambda a, b: np.linalg.solve(dense(a, 2), b),
    ),
    Row(
        "sylvester",
        lambda n, a, b, q: registered("sylvester")((a + 4 * np.eye(3, dtype=a.dtype), b, q)),
        [(3, 3), (2, 2), (3, 2)],
        lambda a, b, q: scipy.linalg.solve_sylvester(a + 4 * np.eye(3, dtype=a.dtype), b, q),
        digits=10.0,
    ),
    *(
        Row(
            "riccati",
            lambda n, *x, which=which: control(
                n, *x, lambda *x: registered("riccati")(x, which == "discrete")
            ),
            [(2, 2), (2, 1), (2, 2), (1, 1)],
            lambda *x, which=which: control(np, *x, getattr(scipy.linalg, f"solve_{which}_are")),
            label=which,
            dtypes=("float64",),
            digits=100.0,
        )
        for which in ("continuous", "discrete")
    ),
    Row(
        "polar_unitary",
        lambda n, a: registered("polar_unitary")((a,)),
        [(4, 3)],
        lambda a: scipy.linalg.polar(a)[0],
        digits=10.0,
    ),
    Row(
        "sparse_matmul",
        lambda n, v, x: registered("sparse_matmul")((v, x), WIDE, False),
        [(4,), (3, 2)],
        lambda v, x: filled(WIDE, v) @ x,
    ),
    Row(
        "sparse_matmul",
        lambda n, v, x: registered("sparse_matmul")((v, x), WIDE, True),
        [(2, 4), (2, 2)],
        lambda v, x: filled(WIDE, v).mT @ x,
        label="transposed",
    ),
    *(
        Row(
            "sparse_solve",
            lambda n, v, b, turned=turned: registered("sparse_solve")(
                (with_diagonal(v), b), PATTERN, turned
            ),
            [(5,), (3, 2)],
            lambda v, b, turned=turned: np.linalg.solve(
                filled(PATTERN, with_diagonal(v)).T
                if turned
                else filled(PATTERN, with_diagonal(v)),
                b,
            ),
            label="transposed" if turned else "",
            digits=10.0,
        )
        for turned in (False, True)
    ),
    Row(
        "sparse_iteration",
        lambda n, v, b: registered("sparse_iteration")(
            (with_diagonal(v), b), PATTERN, False, "gmres", CLOSELY, None
        ),
        [(5,), (3, 2)],
        lambda v, b: np.linalg.solve(filled(PATTERN, with_diagonal(v)), b),
        dtypes=("float64", "complex128"),
        digits=1e4,
    ),
    Row(
        "sparse_factor_solve",
        lambda n, b: registered("sparse_factor_solve")((b,), FACTOR, True),
        [(3, 2)],
        lambda b: np.linalg.solve(SHIFTED.T, b),
        dtypes=("float64",),
    ),
    Row("expm", lambda n, a: registered("expm")((a,)), [(2, 3, 3)], scipy.linalg.expm),
    Row(
        "sqrtm",
        lambda n, x: registered("sqrtm")((definite(n, x),)),
        [(2, 2, 2)],
        lambda x: np.stack([scipy.linalg.sqrtm(a) for a in definite(np, x)]),
        digits=10.0,
    ),
    Row(
        "logm",
        lambda n, x: registered("logm")((definite(n, x),)),
        [(2, 2)],  # small, as SciPy takes milliseconds for each
        lambda x: scipy.linalg.logm(definite(np, x)),
        dtypes=REAL,
        digits=10.0,
    ),
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
