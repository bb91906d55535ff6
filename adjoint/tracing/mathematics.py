"""Python's `math`, as traced code calls it: tensors of one element are numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise import exponential, power
from adjoint.ops.elementwise.rounding import trunc
from adjoint.ops.reductions import reduction
from adjoint.ops.reductions.norm import norm2
from adjoint.ops.shape.movement import reshape

_NAMES = {
    **{n: n for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "expm1", "log1p")},
    **{n: n for n in ("exp2", "log2", "log10", "sqrt", "cbrt", "copysign", "fmod", "hypot")},
    **{f"a{n}": f"arc{n}" for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{"atan2": "arctan2", "fabs": "abs", "pow": "power", "lgamma": "gammaln", "gamma": "gamma"},
    **{"erf": "erf", "erfc": "erfc", "degrees": "degrees", "radians": "radians", "ldexp": "ldexp"},
}
"""What functions of `math` are called here."""


def _number(x: Any) -> Any:
    """A tensor of one element as a 0-d one; `math` takes no other."""
    return reshape(x, ()) if type(x) is Tensor and x.shape else x


def _named(name: str) -> Callable[..., Any]:
    def function(*args: Any) -> Any:
        return FUNCTIONS[name](*map(_number, args))

    return function


def log(x: Any, base: Any = math.e) -> Any:
    """`math.log`, to any base."""
    found = exponential.log(_number(x))
    return found if base is math.e else found / exponential.log(_number(base))


def fsum(seq: Any) -> Any:
    """`math.fsum`."""
    return reduction.sum(as_tensor(list(seq)))


def prod(iterable: Any, *, start: Any = 1) -> Any:
    """`math.prod`."""
    for x in iterable:
        start = start * x
    return start


def dist(p: Any, q: Any) -> Any:
    """`math.dist`: the Euclidean distance of two points."""
    return norm2(as_tensor(list(p)) - as_tensor(list(q)))


def hypot(*coordinates: Any) -> Any:
    """`math.hypot`: the length of a vector."""
    if len(coordinates) == 2:
        return power.hypot(*map(_number, coordinates))
    return norm2(as_tensor(list(map(_number, coordinates))))


def sumprod(p: Any, q: Any) -> Any:
    """`math.sumprod`."""
    return fsum([a * b for a, b in zip(p, q, strict=True)])


def fma(x: Any, y: Any, z: Any) -> Any:
    """`math.fma`."""
    return x * y + z


def isclose(a: Any, b: Any, *, rel_tol: float = 1e-09, abs_tol: float = 0.0) -> Any:
    """`math.isclose`."""
    return bool(a == b or abs(a - b) <= max(rel_tol * max(abs(a), abs(b)), abs_tol))


def _asked(name: str) -> Callable[[Any], bool]:
    return lambda x: bool(FUNCTIONS[name](_number(x)))


def modf(x: Any) -> Any:
    """`math.modf`."""
    whole = trunc(_number(x))
    return x - whole, whole


FUNCTIONS_OF_MATH: dict[str, Callable[..., Any]] = {
    **{name: _named(own) for name, own in _NAMES.items()},
    **{name: _asked(name) for name in ("isfinite", "isinf", "isnan")},
    **{f.__name__: f for f in (log, fsum, prod, dist, hypot, sumprod, fma, isclose, modf)},
}
"""What stands for functions of `math` that are given a tensor; others give integers or truth
values, for which they take the value."""
