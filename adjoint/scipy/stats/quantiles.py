"""Quantiles that have no formula: SciPy finds them, and the distribution function differentiates.

A quantile x = F⁻¹(q; a) has the derivatives 1/f(x; a) by q and -(∂F/∂a)(x; a)/f(x; a) by a, in
which f is the density. Both are stated in x itself, so every order follows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.derivatives import jvp
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor
from adjoint.ops.family.elementwise import Elementwise, apply
from adjoint.ops.special.scipy_function import keep_dtype

Function = Callable[..., Tensor]


def quantile(name: str, pdf: Function, cdf: Function, q: Tensor, *shapes: Tensor) -> Tensor:
    """The quantile of the distribution of SciPy's of this name, by its density and `cdf`."""
    return apply(_operation(name, pdf, cdf, len(shapes), False), (q, *shapes))


def upper_quantile(name: str, pdf: Function, sf: Function, q: Tensor, *shapes: Tensor) -> Tensor:
    """The same of the upper tail, by the density and `sf`."""
    return apply(_operation(name, pdf, sf, len(shapes), True), (q, *shapes))


@functools.cache
def _operation(name: str, pdf: Function, f: Function, count: int, upper: bool) -> Elementwise:
    method = "isf" if upper else "ppf"
    sign = -1.0 if upper else 1.0

    def value(q: Any, *shapes: Any) -> Any:
        distribution = getattr(import_module("scipy.stats"), name)
        return keep_dtype(np.asarray(getattr(distribution, method)(q, *shapes)), q)

    def by_probability(q: Tensor, *values: Tensor) -> Tensor:
        *shapes, x = values
        return sign / pdf(x, *shapes)

    def by_shape(place: int, q: Tensor, *values: Tensor) -> Tensor:
        *shapes, x = values

        def probability(shape: Tensor) -> Tensor:
            return f(x, *shapes[:place], shape, *shapes[place + 1 :])

        moved: Tensor = jvp(probability, (shapes[place],), (1 + 0.0 * shapes[place],))[1]
        return -sign * moved / pdf(x, *shapes)

    slopes = [functools.partial(by_shape, place) for place in range(count)]
    return Elementwise(f"{name}_{method}", value, (by_probability, *slopes), accepts="real")
