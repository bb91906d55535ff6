"""Sparse Jacobians and Hessians of many structures, beside CasADi and asdex where installed.

For each structure: how long the pattern takes to detect, its coloring, and an evaluation (NumPy in,
``scipy.sparse`` out); of CasADi, whose matrix is an expression, how long it takes to build and to
evaluate; of asdex, which is for JAX, how long it takes to detect and color and JAX to compile, and
to evaluate (its own sparse matrix out). All are checked to agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import adjoint as ad
from benchmarks.measure import Result, installed


class Names(NamedTuple):
    """What a problem is written with, of one library."""

    sin: Callable[[Any], Any]
    cos: Callable[[Any], Any]
    exp: Callable[[Any], Any]
    sum: Callable[[Any], Any]
    take: Callable[[Any, Any], Any]
    join: Callable[..., Any]


class Structure(NamedTuple):
    """A function of n numbers, and whether its Hessian is wanted; else its Jacobian."""

    f: Callable[[Any, Names, int], Any]
    sizes: tuple[int, int]
    count: Callable[[int], int]
    is_hessian: bool


def arrowhead(x: Any, of: Names, n: int) -> Any:
    """One number beside all others."""
    return of.sum(of.sin(x[1:]) * x[0] + x[1:] ** 4) + x[0] ** 2


def banded(x: Any, of: Names, n: int) -> Any:
    """Each number beside the four after it."""
    return sum(of.sum(of.sin(x[k:] * x[: n - k])) for k in range(1, 5))


def blocks(x: Any, of: Names, n: int) -> Any:
    """Blocks of eight numbers that know nothing of the others."""
    at = np.arange(n).reshape(-1, 8)
    total = sum(of.take(x, at[:, k]) * (k + 1) for k in range(8))
    return of.sum(of.exp(0.1 * of.sin(total)) * total)


def laplacian(x: Any, of: Names, n: int) -> Any:
    """A nonlinear spring between the neighbours on a square grid."""
    at = np.arange(n * n).reshape(n, n)
    right = of.take(x, at[:, 1:].ravel()) - of.take(x, at[:, :-1].ravel())
    down = of.take(x, at[1:].ravel()) - of.take(x, at[:-1].ravel())
    return of.sum(right**2 + right**4) + of.sum(down**2 + down**4)


def brusselator(x: Any, of: Names, n: int) -> Any:
    """Two substances that react and diffuse on a periodic grid."""
    at = np.arange(n * n).reshape(n, n)
    around = [np.roll(at, s, a).ravel() for s, a in ((1, 0), (-1, 0), (1, 1), (-1, 1))]
    u, v = x[: n * n], x[n * n :]
    spread = 0.1 * (n - 1) ** 2
    both = [spread * (sum(of.take(y, p) for p in around) - 4 * y) for y in (u, v)]
    return of.join(1 + u * u * v - 4.4 * u + both[0], 3.4 * u - u * u * v + both[1])


def bundle(x: Any, of: Names, n: int) -> Any:
    """Where `n` cameras, of six numbers each, see ten points for each of them."""
    points = 10 * n
    camera = np.repeat(np.arange(n), points // 2)
    point = (np.arange(len(camera)) * 7 + camera) % points
    a, b, c, p, q, r = (of.take(x, 6 * camera + k) for k in range(6))
    px, py, pz = (of.take(x, 6 * n + 3 * point + k) for k in range(3))
    turned = of.cos(a) * px - of.sin(a) * py, of.sin(a) * px + of.cos(a) * py
    height = of.cos(b) * pz - of.sin(b) * turned[1]
    depth = of.sin(b) * pz + of.cos(b) * turned[1] + 10.0 + r
    return of.join((turned[0] * of.cos(c) + p) / depth, (height + q) / depth)


def clnlbeam(x: Any, of: Names, n: int) -> Any:
    """The clamped nonlinear beam (Maurer and Mittelmann, 1990): its Lagrangian, multipliers 1."""
    t, y, u = x[: n + 1], x[n + 1 : 2 * n + 2], x[2 * n + 2 :]
    h = 1.0 / n
    cost = 0.5 * h * (u[1:] ** 2 + u[:-1] ** 2) + 175.0 * h * (of.cos(t[1:]) + of.cos(t[:-1]))
    bent = y[1:] - y[:-1] - 0.5 * h * (of.sin(t[1:]) + of.sin(t[:-1]))
    turned = t[1:] - t[:-1] - 0.5 * h * (u[1:] + u[:-1])
    return of.sum(cost + bent + turned)


STRUCTURES = {
    "arrowhead": Structure(arrowhead, (50, 5_000), lambda n: n, True),
    "banded": Structure(banded, (50, 5_000), lambda n: n, True),
    "blocks": Structure(blocks, (48, 4_800), lambda n: n, True),
    "grid Laplacian": Structure(laplacian, (6, 64), lambda n: n * n, True),
    "Brusselator": Structure(brusselator, (4, 32), lambda n: 2 * n * n, False),
    "bundle adjustment": Structure(bundle, (2, 20), lambda n: 36 * n, False),
    "clnlbeam": Structure(clnlbeam, (10, 1_000), lambda n: 3 * n + 3, True),
}

OURS = Names(ad.sin, ad.cos, ad.exp, ad.sum, lambda x, at: x[at], lambda *x: ad.concat(x))


def run(smoke: bool) -> list[Result]:
    """All figures, in ms; with `smoke` of small ones."""
    known = {"CasADi": ("casadi", by_casadi), "asdex": ("asdex", by_asdex)}
    peers = {peer: by for peer, (module, by) in known.items() if installed(module)}
    results = []
    for name, structure in STRUCTURES.items():
        n = structure.sizes[0 if smoke else 1]
        x = np.random.default_rng(0).uniform(0.5, 1.5, structure.count(n))
        repeats = 3 if smoke else 100
        matrix, figures = by_adjoint(structure, n, x, repeats)
        results += [Result(f"{name}: {k}", 1e3 * t, "ms") for k, t in figures.items()]
        for peer, by_peer in peers.items():
            other, theirs = by_peer(structure, n, x, repeats)
            difference = abs(matrix - other).max() / abs(other).max()
            if not difference < 1e-12:
                raise AssertionError(f"{name}: adjoint and {peer} differ by {difference:.1e}")
            results += [Result(f"{name}: {peer} {k}", 1e3 * t, "ms") for k, t in theirs.items()]
            ratio = theirs["evaluate"] / figures["evaluate"]
            results.append(Result(f"{name}: {peer}'s evaluation / ours", ratio, "×"))
    return results


def least_time(action: Callable[[], Any], repeats: int) -> float:
    """The least seconds of a call: what other programs on the machine take away is not counted."""
    action()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def by_adjoint(
    structure: Structure, n: int, x: np.ndarray, repeats: int
) -> tuple[Any, dict[str, float]]:
    """The matrix, and the seconds of each step."""
    derivative = (ad.hessian if structure.is_hessian else ad.jacobian)(
        lambda x: structure.f(x, OURS, n), sparse=True
    )
    started = time.perf_counter()
    seconds = dict(derivative.plan(x).seconds)
    matrix = derivative(x)
    whole = time.perf_counter() - started
    seconds["trace and compile"] = whole - sum(seconds.values())
    seconds["evaluate"] = least_time(lambda: derivative(x), repeats)
    return matrix, seconds


def by_casadi(
    structure: Structure, n: int, x: np.ndarray, repeats: int
) -> tuple[Any, dict[str, float]]:
    """The same with CasADi, whose building of the expression holds detection and coloring."""
    import casadi

    names = Names(
        casadi.sin,
        casadi.cos,
        casadi.exp,
        casadi.sum1,
        lambda x, at: x[at.tolist()],
        casadi.vertcat,
    )
    started = time.perf_counter()
    variable = casadi.SX.sym("x", len(x))
    result = structure.f(variable, names, n)
    matrix = (
        casadi.hessian(result, variable)[0]
        if structure.is_hessian
        else casadi.jacobian(result, variable)
    )
    function = casadi.Function("f", [variable], [matrix])
    built = time.perf_counter() - started
    found = function(x).sparse()
    return found, {
        "build": built,
        "evaluate": least_time(lambda: function(x).sparse(), repeats),
    }


def by_asdex(
    structure: Structure, n: int, x: np.ndarray, repeats: int
) -> tuple[Any, dict[str, float]]:
    """The same with asdex, compiled by JAX."""
    import asdex
    import jax
    import jax.numpy as jnp
    from scipy.sparse import csr_array

    jax.config.update("jax_enable_x64", True)
    names = Names(
        jnp.sin, jnp.cos, jnp.exp, jnp.sum, lambda x, at: x[at], lambda *x: jnp.concatenate(x)
    )
    derivative = asdex.hessian if structure.is_hessian else asdex.jacobian
    started = time.perf_counter()
    evaluate = derivative(lambda x: structure.f(x, names, n), x)
    detected = time.perf_counter()
    evaluate = jax.jit(evaluate)
    found = jax.block_until_ready(evaluate(x))
    compiled = time.perf_counter()
    data, places = np.asarray(found.data), np.asarray(found.indices)
    return csr_array((data, (places[:, 0], places[:, 1])), shape=found.shape), {
        "detect and color": detected - started,
        "compile": compiled - detected,
        "evaluate": least_time(lambda: jax.block_until_ready(evaluate(x)), repeats),
    }
