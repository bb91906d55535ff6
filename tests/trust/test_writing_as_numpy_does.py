"""Random programs that write into arrays and their views: values and derivatives are NumPy's."""

from __future__ import annotations

import random

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import ArgumentError

pytestmark = pytest.mark.unit

SHAPE = (3, 4)
X = np.random.default_rng(0).uniform(0.5, 2.0, SHAPE)


def moved(a, kind):
    """A view of an array with its elements in other places, in whatever order they are."""
    match kind % 15:
        case 0:
            return np.flip(a, 0)
        case 1:
            return np.swapaxes(a, 0, a.ndim - 1)
        case 2:
            return a.swapaxes(0, -1)
        case 3:
            return np.moveaxis(a, -1, 0)
        case 4:
            return np.array_split(a, 2)[0]
        case 5:
            return np.array_split(a, 2, axis=-1)[-1]
        case 6:
            return np.expand_dims(a, 1)
        case 7:
            return a[:, None].squeeze()
        case 8:
            return np.squeeze(a[None])
        case 9:
            return np.rot90(a, 3) if a.ndim > 1 else a[::-1]
        case 10:
            n = min(2, *a.shape)
            return np.einsum("ii->i", a[:n, :n]) if a.ndim == 2 else np.einsum("i...->...i", a)
        case 11:
            return np.atleast_2d(a)
        case 12:
            return np.unstack(a)[0] if a.ndim > 1 else a[1:]
        case 13:
            return a.real
        case _:
            return a.conj()


def part(r, a):
    """An index of integers and slices for `a`, one that leaves at least an axis."""
    index = []
    for size in a.shape:
        kind = r.randrange(4)
        if kind == 0 and len(index) + 1 < a.ndim:
            index.append(r.randrange(-size, size))
        elif kind == 1 and size > 1:
            index.append(slice(r.randrange(size - 1), None))
        elif kind == 2:
            index.append(slice(None, None, -1))
        else:
            index.append(slice(None))
    return tuple(index)


def steps(seed):
    """A program: a list of functions that act on a list of arrays and views of them."""
    r = random.Random(seed)
    found = []
    for _ in range(r.randint(4, 12)):
        k, j, c = r.random(), r.random(), r.choice((0.5, -1.5, 2.0))
        seed_of_index = r.randrange(10**9)
        kind = r.choice(
            ("view", "view", "transpose", "ravel", "reshape", "copy", "set", "set", "add", "scale",
             "fill", "mask", "swap", "alias", "out", "row", "sorted", "moved", "moved", "ordered")
        )  # fmt: skip
        found.append((kind, k, j, c, seed_of_index))
    return found


def run(program, x):
    arrays = [np.zeros(SHAPE), x.copy(), np.ones(SHAPE) * x[0, 0]]
    for kind, k, j, c, seed in program:
        a = arrays[int(k * len(arrays))]
        b = arrays[int(j * len(arrays))]
        index = part(random.Random(seed), a)
        match kind:
            case "view":
                arrays.append(a[index])
            case "transpose":
                arrays.append(a.T)
            case "ravel":
                arrays.append(a.ravel())
            case "reshape":
                arrays.append(a.reshape(-1, 1))
            case "moved":
                arrays.append(moved(a, seed))
            case "ordered":  # the name has a new array, and nobody has the old one
                arrays[int(k * len(arrays))] = a = np.ascontiguousarray(a)
            case "copy":
                arrays.append(a.copy())
            case "alias":
                arrays.append(a)
            case "set":
                a[index] = np.sum(b) * c
            case "row":
                a[0] = a[-1] * c
            case "add":
                a += np.mean(b) * c
            case "scale":
                a[index] *= c
            case "fill":
                a.fill(float(c))
            case "mask":
                a[a > 0.7771] = c
            case "swap":
                a[index], last = np.sin(a[index]), a[index] * c
                a += np.sum(last)
            case "out":
                np.multiply(a, c, out=a)
            case "sorted":
                a.sort(axis=-1)
    total = 0.0
    for weight, a in enumerate(arrays):
        flat = a.reshape(-1)
        total = total + np.sum(flat * np.cos(np.arange(flat.size) + weight))
    return total


def differences(program, x):
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        h = np.zeros_like(x)
        h[i] = 1e-6
        gradient[i] = (run(program, x + h) - run(program, x - h)) / 2e-6
    return gradient


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_programs_that_write_into_views(first):
    refused = 0
    for seed in range(first, first + 50):
        program = steps(seed)
        try:
            value, gradient = ad.value_and_grad(lambda x, p=program: run(p, x))(X)
        except ArgumentError as error:
            assert "share memory" in str(error)
            refused += 1
            continue
        expected = run(program, X.copy())
        assert float(value) == pytest.approx(expected, rel=1e-10, abs=1e-10), seed
        measured = differences(program, X)
        scale = 1 + np.abs(measured).max()
        np.testing.assert_allclose(gradient, measured, atol=2e-5 * scale, err_msg=f"seed {seed}")
    assert refused < 25, "writing is refused only where NumPy's answer depends on the layout"
