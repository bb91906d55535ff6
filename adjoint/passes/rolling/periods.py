"""Where a sequence of numbers repeats itself, in time linear in its length but for a logarithm."""

from __future__ import annotations

import numpy as np

from adjoint.passes.rolling.sequence import Numbers

MOST_PERIODS = 64
"""The most periods that are tried: those that most of the sequence has."""


def periods(numbers: Numbers, least: int) -> list[int]:
    """Periods that stretches of at least so many repetitions may have, the shortest first.

    How far back the same numbers stand in the same order is asked for windows of 1, 2, 4 … numbers,
    each found as a pair of windows of half the width. Within a repetition that distance is its
    period as soon as a window cannot be mistaken for another.
    """
    found: dict[int, int] = {}
    windows, width = numbers, 1
    while width * least <= len(numbers) * 2 and len(windows) > width:
        ranks, distances = _ranked(windows)
        counts = np.bincount(distances) if len(distances) else np.zeros(0, np.int64)
        enough = counts + width >= (least - 1) * np.arange(len(counts))
        enough &= counts >= np.arange(len(counts))
        for period in map(int, np.flatnonzero(enough & (counts > 0))):
            found[period] = max(found.get(period, 0), int(counts[period]))
        windows = ranks[:-width] * (int(ranks.max()) + 1) + ranks[width:]
        width *= 2
    possible = [period for period in found if 0 < period * least <= len(numbers)]
    return sorted(sorted(possible, key=lambda period: -found[period])[:MOST_PERIODS])


def _ranked(windows: Numbers) -> tuple[Numbers, Numbers]:
    """How many smaller ones there are of each number, equal ones counted once; and for each that
    stood there before, how far back."""
    order: Numbers = np.argsort(windows, kind="stable")
    ordered = windows[order]
    is_new = ordered[1:] != ordered[:-1]
    ranks = np.zeros(len(windows), np.int64)
    ranks[order[1:]] = np.cumsum(is_new)
    distances: Numbers = (order[1:] - order[:-1])[~is_new]
    return ranks, distances


def stretches(numbers: Numbers, period: int, least: int) -> list[tuple[int, int]]:
    """The longest stretches of a period, from and to, that have at least so many repetitions."""
    alike = np.concatenate([[False], numbers[:-period] == numbers[period:], [False]])
    edges = np.flatnonzero(alike[1:] != alike[:-1])
    starts, stops = edges[::2], edges[1::2]
    long = stops - starts >= (least - 1) * period
    return [(int(a), int(b) + period) for a, b in zip(starts[long], stops[long], strict=True)]
