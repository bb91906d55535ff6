"""Kinks, jumps and narrow peaks of an integrand that the subintervals leave unresolved.

An interval of width h with a kink inside adds an error of order h² to the integral, which SciPy
makes as small as it is asked to; but an error of order h to the derivative by the place of the
kink. The estimated error over the width says how large that may be.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from adjoint.errors import ConvergenceWarning
from adjoint.graph.caller import warn
from adjoint.scipy.integrate.gauss_kronrod import Array, Range

_NARROW = 1 / 64
"""How wide an interval is at most, beside the range, that is looked at: wider ones are smooth."""
_CROWDED = 4
"""How many of its widths an interval lies away from what is held, if it is not about that."""
_LARGE = 1e-6
"""From which error on, beside the largest mean of the integrand over an interval, it is said."""


class Parts(NamedTuple):
    """Subintervals, each with its ends, the estimated error of the integral over it, and that."""

    intervals: Array
    errors: Array
    values: Array


def warn_of_unresolved(name: str, over: Range, parts: Parts, held: set[float]) -> None:
    """Warn (`ConvergenceWarning`) of the narrow interval where a derivative is least exact.

    What crowds at a place that is `held`, a bound or one of the points, is about a singularity
    there, and moves with it.
    """
    intervals, errors, values = parts
    widths = np.abs(intervals[:, 1] - intervals[:, 0])
    away = np.min(np.abs(intervals[:, :, None] - np.array(sorted(held))), axis=(1, 2))
    narrow = (widths < _NARROW * (over.high - over.low)) & (away > _CROWDED * widths)
    if not narrow.any():
        return
    sizes = np.max(np.abs(np.reshape(values, (len(widths), -1))), axis=1, initial=0.0)
    safe = np.where(widths > 0, widths, 1.0)
    off = np.where(narrow, errors / safe, 0.0)
    worst = int(np.argmax(off))
    scale = np.max(sizes / safe)
    if not off[worst] > _LARGE * scale:
        return
    middle = float(intervals[worst].mean())
    place = f"x = {middle:.4g}" if over.kind == "finite" else "an inner place"
    warn(
        f"{name}: the integrand has a kink, a jump or a narrow peak near {place}; if its place "
        f"depends on what is differentiated, derivatives are exact to about "
        f"{off[worst] / scale:.0e} of the integrand only, and those at a jump are wrong; name the "
        f"place in points=, or ask for a smaller epsabs and epsrel",
        ConvergenceWarning,
    )
