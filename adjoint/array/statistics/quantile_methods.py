"""Between which sorted elements a quantile lies: the methods of R. J. Hyndman and Y. Fan (1996).

Of n elements the part q lies below the place (n - 1) q for "linear", or n q + α + q (1 - α - β) - 1
for its relatives, counted from 0; the discrete methods take one of the two elements beside it.
"""

from __future__ import annotations

from typing import Any

from adjoint.errors import RangeError
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.choice import clip, where
from adjoint.ops.elementwise.rounding import ceil, floor, rint

_RELATIVES = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
"""α and β."""
METHODS = (
    *("linear", "lower", "higher", "nearest", "midpoint", *_RELATIVES),
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation"),
)


def between(
    name: str, method: str, n: Any, q: Tensor, fixed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The places of the two elements of `n` beside the quantile `q`, and how far it is from the
    first towards the second, 0 to 1; all from 0 to n - 1."""
    if method not in METHODS:
        raise RangeError(f"{name}: method must be one of {', '.join(METHODS)}, got {method!r}")
    if method in ("inverted_cdf", "averaged_inverted_cdf", "closest_observation"):
        return _discrete(method, n, q)
    if method in _RELATIVES:
        alpha, beta = _RELATIVES[method]
        place = clip(n * q + (alpha + q * (1 - alpha - beta)) - 1, 0, n - 1)
    else:
        place = q * (n - 1)
    below = floor(place)
    if method == "midpoint":
        return below, ceil(place), place * 0 + 0.5
    rounded = {"lower": floor, "higher": ceil, "nearest": rint}.get(method)
    if rounded is not None:
        at = rounded(place)
        return at, at, place * 0
    # Where q may vary the slope to the right is wanted, also at a whole number.
    above = ceil(place) if fixed else clip(below + 1, 0, n - 1)
    return below, above, place - below


def _discrete(method: str, n: Any, q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # The product is rounded before something is subtracted, as in NumPy: where it is a whole number
    # native code, which need not round it (fma), would find another element. Twice it is exact.
    shift = 3 if method == "closest_observation" else 2
    place = (n * q * 2 - shift) / 2
    below = floor(place)
    whole = place == below
    low, high = (clip(at, 0, n - 1) for at in (below, below + 1))
    if method == "averaged_inverted_cdf":
        return low, high, where(whole, 0.5, 1.0)
    if method == "closest_observation":
        whole = whole & (below % 2 == 1)
    at = where(whole, low, high)
    return at, at, place * 0
