"""Series of orthogonal polynomials and of powers, as `numpy.polynomial` has them.

Σ cₖ Bₖ(x) by the recurrence Bₖ₊₁ = (aₖ x + bₖ) Bₖ - dₖ Bₖ₋₁ of its basis. Both the places and the
coefficients may be tensors. NumPy's own functions make arrays of what they are given, so code that
is traced calls these in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from adjoint.errors import ShapeError
from adjoint.graph import calls
from adjoint.graph.op import public_as
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.shape.movement import reshape

__all__: list[str] = []

Recurrence: TypeAlias = Callable[[int], tuple[float, float, float]]

BASES: dict[str, tuple[str, str, Recurrence]] = {
    "Polynomial": ("polynomial", "polyval", lambda k: (1, 0, 0)),
    "Chebyshev": ("chebyshev", "chebval", lambda k: (2 if k else 1, 0, 1)),
    "Legendre": ("legendre", "legval", lambda k: ((2 * k + 1) / (k + 1), 0, k / (k + 1))),
    "Hermite": ("hermite", "hermval", lambda k: (2, 0, 2 * k)),
    "HermiteE": ("hermite_e", "hermeval", lambda k: (1, 0, k)),
    "Laguerre": (
        "laguerre",
        "lagval",
        lambda k: (-1 / (k + 1), (2 * k + 1) / (k + 1), k / (k + 1)),
    ),
}
"""By the class of NumPy's: its module, the function that evaluates, and (a, b, d) of the basis."""


def evaluated(name: str, step: Recurrence, x: Any, c: Any, tensor: bool = True) -> Tensor:
    """Σ c[k] Bₖ(x); with `tensor` for each further index of `c` at every place."""
    x, c = as_tensor(x), as_tensor(c)
    if not c.ndim:
        c = reshape(c, (1,))
    if not c.shape[0]:
        raise ShapeError(f"{name}: there are no coefficients; give at least one")
    if tensor:
        c = reshape(c, c.shape + (1,) * x.ndim)
    before, basis = None, None
    total: Any = c[0] + 0 * x
    for k in range(c.shape[0] - 1):
        a, b, d = step(k)
        factor = x if (a, b) == (1, 0) else a * x + b if b else a * x
        following = factor if basis is None else factor * basis
        if d and k:
            following = following - d * (1 if before is None else before)
        before, basis = basis, following
        total = total + c[k + 1] * basis
    return Tensor(total.node)


@calls.bind
def series_at(kind: str, real: Any, x: Any) -> Tensor:
    """The series `real`, an object of NumPy's of class `kind`, at `x`."""
    _, name, step = BASES[kind]
    (a, b), (p, q) = real.domain, real.window
    scale = (q - p) / (b - a)
    mapped = (b * p - a * q) / (b - a) + scale * as_tensor(x)
    return evaluated(name, step, mapped, as_tensor(real.coef))


for _module, _name, _step in BASES.values():
    public_as(f"polynomial.{_module}.{_name}")(partial(evaluated, _name, _step))
