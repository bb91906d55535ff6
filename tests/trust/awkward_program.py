"""Run as a program: every awkward point by compiled functions, call by call; prints JSON.

For each point the results of all calls, as text that keeps nan and infinities apart.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

import adjoint as ad
from tests.trust.awkward import POINTS


def shown(results: list[Any]) -> list[list[str]]:
    """The numbers of each result, written out."""
    arrays = [np.asarray(x) for x in results]
    return [[repr(complex(v)) for v in np.ravel(array)] for array in arrays]


def main(calls: int) -> None:
    found = {}
    for point in POINTS:
        x = point.x
        compiled = ad.compile(point.results)
        found[point.name] = [shown(compiled(x)) for _ in range(calls)]
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
