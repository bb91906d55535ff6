"""Complete elliptic integrals, as functions of the parameter m = k².

K' = (E - (1-m) K) / (2m (1-m)) and E' = (E - K) / 2m (NIST Handbook of Mathematical Functions,
19.4). Near 0 both lose their digits there, and the series of the slope is taken.
"""

from __future__ import annotations

from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise import Unary
from adjoint.ops.special import special_unary

__all__ = ["ellipe", "ellipk"]

_TERMS = 24
_NEAR = 0.2


def _series(first: bool) -> list[float]:
    """The coefficients of the slope of K, or of E, by powers of m."""
    half_pi, share, result = 1.5707963267948966, 1.0, []
    for k in range(1, _TERMS):
        share *= ((2 * k - 1) / (2 * k)) ** 2
        result.append(half_pi * share * k / (1 if first else 1 - 2 * k))
    return result


def _near_zero(m: Tensor, first: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Whether m is near 0, the series there, and m where it is not."""
    where = FUNCTIONS["where"]
    near = FUNCTIONS["abs"](m) < _NEAR
    small = where(near, m, 0.0)
    total = 0.0 * small
    for coefficient in reversed(_series(first)):
        total = total * small + coefficient
    return near, total, where(near, 0.5, m)


def _ellipk_slope(m: Tensor, y: Tensor) -> Tensor:
    near, series, far = _near_zero(m, True)
    rest = 1 - far
    slope = (ellipe(far) - rest * ellipk(far)) / (2 * far * rest)
    result: Tensor = FUNCTIONS["where"](near, series, slope)
    return result


def _ellipe_slope(m: Tensor, y: Tensor) -> Tensor:
    near, series, far = _near_zero(m, False)
    result: Tensor = FUNCTIONS["where"](near, series, (ellipe(far) - ellipk(far)) / (2 * far))
    return result


ellipk: Unary = special_unary(
    "ellipk",
    _ellipk_slope,
    "The complete elliptic integral of the first kind, ∫₀^½π (1 - m sin²θ)^-½ dθ.",
    "1.85407468",
    domain=(-1.5, 0.9),
)
ellipe: Unary = special_unary(
    "ellipe",
    _ellipe_slope,
    "The complete elliptic integral of the second kind, ∫₀^½π (1 - m sin²θ)^½ dθ.",
    "1.35064388",
    domain=(-1.5, 0.9),
)
