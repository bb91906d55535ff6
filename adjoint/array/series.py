"""Values of polynomials in the bases of ``numpy.polynomial``, that of the lowest degree first.

``numpy.polynomial`` is Python code that asks whether it is given arrays, so inside a transform
these stand for its functions, by their full names; coefficients and places may both be traced. Each
basis has a recurrence, p₀ = 1, p₁ = a₀ x + b₀, pₙ₊₁ = (aₙ x + bₙ) pₙ - cₙ pₙ₋₁, by which values are
summed up (Clenshaw).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint.array.polynomials import polyadd, polyder, polyint, polymul, polysub
from adjoint.errors import ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.op import FUNCTIONS, public_as
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import promote, to_inexact
from adjoint.ops.movement import astype, broadcast_to, reshape
from adjoint.ops.rearrange import flip

Step = Callable[[int], tuple[float, float, float]]
"""The numbers aₙ, bₙ and cₙ of the recurrence."""

BASES: dict[str, tuple[str, Step]] = {
    "polynomial": ("poly", lambda n: (1.0, 0.0, 0.0)),
    "chebyshev": ("cheb", lambda n: (1.0 if n == 0 else 2.0, 0.0, 1.0)),
    "legendre": ("leg", lambda n: ((2 * n + 1) / (n + 1), 0.0, n / (n + 1))),
    "hermite": ("herm", lambda n: (2.0, 0.0, 2.0 * n)),
    "hermite_e": ("herme", lambda n: (1.0, 0.0, float(n))),
    "laguerre": ("lag", lambda n: (-1 / (n + 1), (2 * n + 1) / (n + 1), n / (n + 1))),
}


def summed(c: list[Tensor], x: Tensor, step: Step) -> Tensor:
    """Σ cₙ pₙ(x), by Clenshaw's recurrence from the highest degree down."""
    later: Any = 0
    current: Any = c[-1] + x * 0
    for n in range(len(c) - 2, -1, -1):
        a, b, _ = step(n)
        c_next = step(n + 1)[2]
        factor = x * a if b == 0 else x * a + b
        current, later = c[n] + factor * current - (c_next * later if c_next else 0), current
    result: Tensor = current
    return result


def _of_basis(step: Step) -> Callable[..., Tensor]:
    def value(x: Any, c: Any, tensor: bool = True) -> Tensor:
        """The value at `x` of the series with coefficients `c` along the first axis.

        tensor: evaluate each column of `c` at all of `x`; else the columns broadcast with `x`.
        """
        x, c = as_tensor(x), as_tensor(c)
        c = reshape(c, (1,)) if not c.ndim else c
        dtype = to_inexact(promote(x.dtype, c.dtype))
        x, c = astype(x, dtype), astype(c, dtype)
        if not c.shape[0]:
            raise ShapeError(f"a series needs at least one coefficient, got shape {c.shape}")
        if tensor:
            c = reshape(c, c.shape + (1,) * x.ndim)
        return summed(list(c), x, step)

    return value


def _at_points(value: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def at(*places: Any) -> Tensor:
        """The value of a series in several variables at points with these coordinates."""
        *xs, c = places
        xs = list(FUNCTIONS["broadcast_arrays"](*xs))
        c = value(xs[0], c)
        for x in xs[1:]:
            c = value(x, c, tensor=False)
        return c

    return at


def _on_grid(value: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def on_grid(*places: Any) -> Tensor:
        """The value of a series in several variables at all combinations of coordinates."""
        *xs, c = places
        for x in xs:
            c = value(x, c)
        return as_tensor(c)

    return on_grid


def _columns(step: Step) -> Callable[..., Tensor]:
    def vander(x: Any, deg: int) -> Tensor:
        """p₀(x) … p of degree `deg` along a new last axis."""
        x = as_tensor(x)
        x = x if x.ndim else reshape(x, (1,))
        x = astype(x, to_inexact(x.dtype))
        found = [broadcast_to(as_tensor(1, x.dtype), x.shape)]
        for n in range(int(deg)):
            a, b, c = step(n)
            after = (x * a + b) * found[-1]
            found.append(after - c * found[-2] if n and c else after)
        result: Tensor = FUNCTIONS["stack"](found, axis=-1)
        return result

    return vander


def _reversed(function: Callable[..., Tensor], coefficients: int) -> Callable[..., Tensor]:
    def ours(*args: Any, **kwargs: Any) -> Tensor:
        """As the function of polynomials whose highest power comes first."""
        given = [flip(as_tensor(c)) for c in args[:coefficients]]
        return flip(function(*given, *args[coefficients:], **kwargs))

    return ours


def _class_of(real: Any, step: Step) -> Any:
    """The class of series of NumPy's, whose values at tensors are tensors."""

    def __call__(self: Any, arg: Any) -> Any:
        if not isinstance(arg, Tensor):
            return real.__call__(self, arg)
        offset, scale = self.mapparms()
        return _of_basis(step)(offset + scale * arg, self.coef)

    return type(real.__name__, (real,), {"__call__": __call__, "__doc__": real.__doc__})


def enter() -> None:
    """Have traced code find the functions under their full names in NumPy."""
    for module, (short, step) in BASES.items():
        value = _of_basis(step)
        classes = import_module(f"numpy.polynomial.{module}")
        name = module.title().replace("_", "")
        public_as(f"polynomial.{module}.{name}")(_class_of(getattr(classes, name), step))
        place = f"polynomial.{module}.{short}"
        public_as(f"{place}val")(value)
        for rank in ("2d", "3d"):
            public_as(f"{place}val{rank}")(_at_points(value))
            public_as(f"{place}grid{rank}")(_on_grid(value))
        public_as(f"{place}vander")(_columns(step))
    for name, function, count in (
        ("polyadd", polyadd, 2),
        ("polysub", polysub, 2),
        ("polymul", polymul, 2),
        ("polyder", polyder, 1),
        ("polyint", polyint, 1),
    ):
        public_as(f"polynomial.polynomial.{name}")(_reversed(function, count))
