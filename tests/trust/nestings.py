"""Derivatives of orders 1 to 3 by nestings of both modes, compiled and not, compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint as ad


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
    ahead = lambda *xs: ad.jvp(f, xs, vs)[1]
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


def check(f: Any, xs: Any, expected: Any, vs: Any, ws: Any) -> None:
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
