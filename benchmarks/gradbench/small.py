"""Small inputs for every evaluation, and its derivative against differences of its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from benchmarks.gradbench import make
from benchmarks.gradbench.lstm import loss_by_a_loop
from benchmarks.gradbench.lstm import make as make_lstm
from benchmarks.measure import Result

STEP = 1e-5
TOLERANCE = 1e-6
"""Central differences are no better."""
CONTROL, SADDLE = 0.2071918746486116, 8.246324826140356e-06
"""What `particle` and each number of `saddle` are where the suite starts them."""

Given = dict[str, Any]


def run() -> list[Result]:
    """The relative difference of every evaluation."""
    rng = np.random.default_rng(0)
    results = []
    for name, check in CHECKS.items():
        gap = check(rng)
        assert gap <= TOLERANCE, f"{name}: differs by {gap:.1e}; at most {TOLERANCE:g} is allowed"
        results.append(Result(f"{name} differs by", gap, "", TOLERANCE))
    return results


def value(name: str, given: Given) -> np.ndarray:
    """The value, whole, as a flat array."""
    result = make(name, given)["primal"][0]()
    parts = result if isinstance(result, tuple) else (result,)
    return np.concatenate([np.ravel(np.asarray(part)) for part in parts])


def gap_of(name: str, given: Given, ways: Given, slope: np.ndarray) -> float:
    """The relative difference of a slope from the one that differences give along `ways`."""
    ends = [
        value(name, given | {k: given[k] + sign * STEP * way for k, way in ways.items()})
        for sign in (1.0, -1.0)
    ]
    wanted = (ends[0] - ends[1]) / (2.0 * STEP)
    return float(np.max(np.abs(slope - wanted)) / np.max(np.abs(wanted)))


def ways_of(rng: np.random.Generator, given: Given, names: tuple[str, ...]) -> Given:
    """A random direction for each of the inputs named."""
    return {name: rng.normal(size=np.shape(given[name])) for name in names}


def by_gradient(name: str, given: Given, moving: tuple[str, ...], rng: Any) -> float:
    """An evaluation whose derivative is the gradient by the inputs named, one after another."""
    ways = ways_of(rng, given, moving)
    call, canon = make(name, given)["derivative"]
    direction = np.concatenate([np.ravel(way) for way in ways.values()])
    return gap_of(name, given, ways, np.array([canon(call()) @ direction]))


def hello(rng: np.random.Generator) -> float:
    call, canon = make("hello", 3.0)["derivative"]
    return float(abs(canon(call())[0] - 6.0))


def gmm(rng: np.random.Generator) -> float:
    n, d, k = 20, 3, 4
    given = {"d": d, "k": k, "n": n, "m": 1, "gamma": 0.8, "x": rng.normal(size=(n, d))}
    given |= {"alpha": rng.normal(size=k), "mu": rng.normal(size=(k, d))}
    given |= {"q": rng.normal(size=(k, d)), "l": rng.normal(size=(k, d * (d - 1) // 2))}
    return by_gradient("gmm", given, ("alpha", "mu", "q", "l"), rng)


def lstm(rng: np.random.Generator) -> float:
    layers, width = 2, 5
    shapes = {"main_params": (2 * layers, 4 * width), "extra_params": (3, width)}
    shapes |= {"state": (2 * layers, width), "sequence": (4, width)}
    given = {name: rng.random(shape) for name, shape in shapes.items()}
    moving = ("main_params", "extra_params")
    loop = make_lstm(given, loss_by_a_loop)["derivative"][0]()
    scan = make_lstm(given)["derivative"][0]()
    apart = [np.max(np.abs(np.asarray(a) - np.asarray(b))) for a, b in zip(loop, scan, strict=True)]
    return max(by_gradient("lstm", given, moving, rng), *map(float, apart))


def llsq(rng: np.random.Generator) -> float:
    return by_gradient("llsq", {"x": rng.random(8), "n": 40}, ("x",), rng)


def lse(rng: np.random.Generator) -> float:
    return by_gradient("lse", {"x": rng.random(100)}, ("x",), rng)


def det(rng: np.random.Generator) -> float:
    return by_gradient("det", {"A": rng.random(16), "ell": 4}, ("A",), rng)


def ode(rng: np.random.Generator) -> float:
    """The derivative is that of the last number of the value."""
    given = {"x": rng.random(6), "s": 3}
    ways = ways_of(rng, given, ("x",))
    call, canon = make("ode", given)["derivative"]
    ends = [value("ode", given | {"x": given["x"] + h * ways["x"]})[-1] for h in (STEP, -STEP)]
    wanted = (ends[0] - ends[1]) / (2.0 * STEP)
    return float(abs(canon(call()) @ ways["x"] - wanted) / abs(wanted))


def particle(rng: np.random.Generator) -> float:
    """All variants find the w that the suite states."""
    found = make("particle", {"w": 0.0})
    return max(abs(canon(call())[0] - CONTROL) for call, canon in found.values())


def saddle(rng: np.random.Generator) -> float:
    """All variants find the points that the suite states, near zero."""
    found = make("saddle", {"start": [1.0, 1.0]})
    gaps = [np.max(np.abs(canon(call()) - SADDLE)) for call, canon in found.values()]
    return float(max(gaps)) / SADDLE


def kmeans(rng: np.random.Generator) -> float:
    """Newton's step leads to the means of the clusters."""
    points = rng.random((60, 2))
    centroids = points[-3:].copy()
    call, canon = make("kmeans", {"points": points, "centroids": centroids})["derivative"]
    nearest = np.argmin(((points[:, None] - centroids) ** 2).sum(2), axis=1)
    means = np.stack([points[nearest == c].mean(0) for c in range(3)])
    return float(np.max(np.abs(centroids.ravel() - canon(call()) - means.ravel())))


def ba(rng: np.random.Generator) -> float:
    """All cameras move alike, and so do all points and all weights."""
    n, m, p = 2, 5, 7
    camera = np.array([0.2, 0.1, -0.3, 0.1, 0.2, -4.0, 1.5, 0.2, 0.1, 0.05, 0.01])
    given = {"n": n, "m": m, "p": p, "cam": camera, "x": rng.random(3), "w": 0.7}
    given["feat"] = rng.random(2)
    ways = ways_of(rng, given, ("cam", "x", "w"))
    starts, columns, entries = (np.asarray(part) for part in make("ba", given)["derivative"][0]())
    jacobian = csr_array((entries, columns, starts), shape=(3 * p, 11 * n + 3 * m + p))
    parts = [np.tile(ways["cam"], n), np.tile(ways["x"], m), np.full(p, ways["w"])]
    return gap_of("ba", given, ways, jacobian @ np.concatenate(parts))


def ht(rng: np.random.Generator) -> float:
    """A made-up hand of 22 bones and 9 vertices; coordinates on triangles move as one."""
    bones, vertices, places = 22, 9, 6
    parents = [-1, 0, *(0 if i % 4 == 0 else i + 1 for i in range(bones - 2))]
    model = {
        "parents": np.array(parents),
        "base_relatives": rng.normal(size=(bones, 4, 4)) / 2.0,
        "inverse_base_absolutes": rng.normal(size=(bones, 4, 4)) / 2.0,
        "base_positions": np.append(rng.normal(size=(vertices, 3)), np.ones((vertices, 1)), 1),
        "weights": rng.random((vertices, bones)) / bones,
        "triangles": rng.integers(0, vertices, (4, 3)),
        "is_mirrored": False,
    }
    data = {"model": model, "points": rng.normal(size=(places, 3))}
    data["correspondences"] = rng.integers(0, 4, places)
    given = {"theta": rng.normal(size=26), "us": rng.random((places, 2)), "data": data}
    way = rng.normal(size=28)
    ways = {"us": np.broadcast_to(way[:2], (places, 2)), "theta": way[2:]}
    call, canon = make("ht", given)["derivative"]
    return gap_of("ht", given, ways, canon(call()).reshape(3 * places, 28) @ way)


EVALUATIONS = (hello, gmm, ba, ht, lstm, llsq, lse, kmeans, det, ode, particle, saddle)
CHECKS: dict[str, Callable[[np.random.Generator], float]] = {
    check.__name__: check for check in EVALUATIONS
}
