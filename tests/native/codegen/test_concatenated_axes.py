"""Concatenations of many parts: each part is computed in its own segment of the loop only."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.native

X = np.random.default_rng(0).normal(size=(70, 4))


def parts(x, count):
    """Different numbers of the rows, which share what they are made of."""
    a, b = x[:, 0] * x[:, 1] + x[:, 2], x[:, 3] - x[:, 0] * x[:, 2]
    return [a * k + b * (k * k) if k % 3 else a - k for k in range(count)]


def expected(count):
    return [np.asarray(part) for part in parts(X, count)]


@pytest.mark.parametrize("count", [2, 7, 30, 64, 65])
@pytest.mark.parametrize("axis", [0, 1])
def test_stacks(count, axis):
    f = ad.compile(lambda x: ad.stack(parts(x, count), axis=axis))
    np.testing.assert_allclose(f(X), np.stack(expected(count), axis), rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_concats_of_different_sizes(axis):
    """Parts of one element, of few and of many, backwards too."""
    rng = np.random.default_rng(1)
    sizes = [1, 3, 1, 40, 1, 1, 2, 9, 1, 5]
    shapes = [(*(4, 5, 6)[:axis], n, *(4, 5, 6)[axis + 1 :]) for n in sizes]
    given = [rng.normal(size=shape) for shape in shapes]

    def f(*xs):
        whole = ad.concat([x * 2.0 + 1.0 for x in xs], axis=axis)
        return whole, ad.flip(whole, axis=axis) * 3.0, ad.sum(whole, axis=axis)

    whole = np.concatenate(given, axis) * 2.0 + 1.0
    wanted = whole, np.flip(whole, axis) * 3.0, whole.sum(axis)
    for ours, theirs in zip(ad.compile(f)(*given), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-13)


def test_small_matrices_from_their_elements():
    """A stack of rotations, made from sixteen numbers each, and their product."""

    def turns(angles):
        c, s = ad.cos(angles), ad.sin(angles)
        zero, one = ad.zeros(c.shape), ad.ones(c.shape)
        entries = [c, -s, zero, zero, s, c, zero, zero, zero, zero, one, zero, zero, zero, zero, c]
        return ad.reshape(ad.stack(entries, axis=1), (-1, 4, 4))

    angles = np.linspace(0.0, 3.0, 50)
    f = ad.compile(lambda a: turns(a) @ turns(2.0 * a))
    c, s = np.cos(3.0 * angles), np.sin(3.0 * angles)
    found = np.asarray(f(angles))
    np.testing.assert_allclose(found[:, 0, 0], c, atol=1e-14)
    np.testing.assert_allclose(found[:, 1, 0], s, atol=1e-14)
    np.testing.assert_allclose(found[:, 3, 3], np.cos(angles) * np.cos(2 * angles), atol=1e-14)
    assert not found[:, 2, [0, 1, 3]].any() and (found[:, 2, 2] == 1.0).all()


def test_scans_and_reductions_of_joined_columns():
    """A value that one segment reads is not taken for that of the next."""

    def f(x):
        table = ad.stack(parts(x, 12), axis=1)
        return ad.cumsum(table, axis=1), ad.max(table, axis=1), ad.sum(table, axis=0)

    table = np.stack(expected(12), 1)
    wanted = np.cumsum(table, 1), table.max(1), table.sum(0)
    for ours, theirs in zip(ad.compile(f)(X), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)


def test_no_part_is_selected_inside_the_loop():
    """Thirty columns from thirty expressions: the code holds each once, and no select."""
    f = ad.compile(lambda x: ad.stack(parts(x, 30), axis=1))
    f(X)
    code = f.text("llvm")
    loops = code[code.index("define void @adjoint_kernel") :]
    assert " select " not in loops[: loops.index("\n}")]
