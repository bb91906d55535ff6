"""Moving elements of a state that lives in registers: each lane has the element it should."""

from itertools import product

import numpy as np
import pytest

import adjoint as ad

HEIGHTS = (1, 2, 3, 5)
WIDTHS = (1, 3, 5, 8, 9)
DTYPES = ("float64", "float32", "int64", "bool")

MOVES = {
    "row": lambda n, x: x + x[:1],
    "last row": lambda n, x: x - x[-1],
    "column": lambda n, x: x * x[:, :1],
    "last column": lambda n, x: x + x[:, -1:],
    "reversed": lambda n, x: x + x[::-1, ::-1],
    "flat": lambda n, x: n.reshape(n.flip(n.reshape(x, (-1,))), x.shape),
    "turned": lambda n, x: n.reshape(n.permute_dims(x, (1, 0)), x.shape),
    "shifted": lambda n, x: n.roll(x, 1) + n.roll(x, -1, axis=1),
    "repeated": lambda n, x: n.concat([x, x[:, :1], x], axis=1)[:, 1 : x.shape[1] + 1],
    "every second": lambda n, x: n.concat([x[:, ::2], x[:, 1::2]], axis=1),
    "stacked": lambda n, x: n.stack([x[:, 0], x[:, -1]], axis=1)[:, :1] + x,
    "halves": lambda n, x: n.concat([x, x])[x.shape[0] // 2 : x.shape[0] // 2 + x.shape[0]],
    "written": lambda n, x: n.where(np.arange(x.shape[1]) % 2 == 0, x, x[:, ::-1]),
    "sum of rows": lambda n, x: x + n.sum(x, axis=0),
    "largest": lambda n, x: x - n.max(x, axis=1, keepdims=True),
    "tiled": lambda n, x: n.tile(x[:, :1], (1, x.shape[1])) + x,
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(MOVES)))
def test_states_of_all_shapes(number, name):
    rng, dtype = np.random.default_rng(0), DTYPES[number % 4]
    shapes = [x for x in product(HEIGHTS, WIDTHS) if x[0] * x[1] <= 33]
    move = MOVES[name]

    def step(n, x):
        if dtype == "bool":
            return move(n, n.astype(x, "int32")) % 3 == 1
        return n.astype(n.remainder(move(n, x), 7), dtype)

    for some in np.array_split(np.array(shapes), 2):
        first = [(rng.normal(size=tuple(shape)) * 3).astype(dtype) for shape in some]

        def loop(first):
            return ad.scan(lambda s, _: ([step(ad, x) for x in s], None), first, length=3)[0]

        got = ad.compile(loop)(first)
        for x, mine in zip(first, got, strict=True):
            for _ in range(3):
                x = step(np, x)
            assert mine.dtype == x.dtype
            np.testing.assert_allclose(np.asarray(mine), x, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_slices_and_constants_of_fewer_axes(dtype):
    rng = np.random.default_rng(1)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for height in HEIGHTS:
        states, rows, columns, constants = (
            [rng.normal(size=shape).astype(dtype) for shape in shapes]
            for shapes in (
                [(height, width) for width in WIDTHS],
                [(4, width) for width in WIDTHS],
                [(4, height, 1) for _ in WIDTHS],
                [(width,) for width in WIDTHS],
            )
        )

        def step(n, s, x, c=constants):
            after = [n.sin(a * d + b) + e for a, b, d, e in zip(s, *x, c, strict=True)]
            return after, [b * d for b, d in zip(*x, strict=True)]

        def loop(s, x, c, step=step):
            return ad.scan(lambda s, x: step(ad, s, x, c), s, x)

        last, stacked = ad.compile(loop)(states, (rows, columns), constants)
        state, ys = states, []
        for t in range(4):
            state, y = step(np, state, ([x[t] for x in rows], [x[t] for x in columns]))
            ys.append(y)
        for mine, expected in zip(last, state, strict=True):
            np.testing.assert_allclose(np.asarray(mine), expected, rtol=tolerance, atol=tolerance)
        for mine, expected in zip(stacked, zip(*ys, strict=True), strict=True):
            np.testing.assert_allclose(np.asarray(mine), np.stack(expected), rtol=tolerance)
