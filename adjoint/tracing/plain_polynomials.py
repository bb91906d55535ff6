"""`numpy.poly1d` in traced code, whose coefficients may be tensors.

Its methods call NumPy's functions of coefficients, which take tensors. What those functions are
given as a polynomial themselves, they ask for as an array; here they get its coefficients.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.tracing.constants import holds_tensor

_POLYNOMIALS = frozenset({"polyadd", "polyder", "polydiv", "polyint", "polymul", "polysub"})
"""Functions that return polynomials where they are given some."""
FUNCTIONS_OF_POLY1D = _POLYNOMIALS | {"polyval", "roots"}
"""Functions of NumPy's that take a `numpy.poly1d` for its coefficients."""


def of_poly1d(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function `name` of NumPy, which takes `numpy.poly1d` of tensors, too."""

    @functools.wraps(function, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        given = [x for x in (*args, *kwargs.values()) if type(x) is np.poly1d]
        if not given or not holds_tensor([x.coeffs for x in given] + [*args]):
            return function(*args, **kwargs)
        if name == "polyval":
            return function(_coefficients(args[0]), *args[1:], **kwargs)
        named = {k: _coefficients(v) for k, v in kwargs.items()}
        found = function(*map(_coefficients, args), **named)
        if name not in _POLYNOMIALS:
            return found
        return tuple(map(np.poly1d, found)) if isinstance(found, tuple) else np.poly1d(found)

    return call


def _coefficients(x: Any) -> Any:
    return x.coeffs if type(x) is np.poly1d else x
