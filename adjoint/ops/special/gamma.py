"""The gamma function, its logarithmic derivatives, the beta and the zeta function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.errors import RangeError
from adjoint.graph.forking import import_module
from adjoint.graph.node import Node
from adjoint.graph.op import public, public_as, register
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.arithmetic import reciprocal
from adjoint.ops.elementwise.choice import where
from adjoint.ops.family.elementwise import Elementwise, Unary, apply
from adjoint.ops.special import zeta_derivatives
from adjoint.ops.special.scipy_function import (
    keep_dtype,
    scipy_function,
    special_binary,
    special_unary,
)

__all__ = [
    "gamma",
    "gammaln",
    "gammasgn",
    "loggamma",
    "digamma",
    "psi",
    "polygamma",
    "multigammaln",
    "beta",
    "betaln",
    "binom",
    "zeta",
    "zetac",
]

_POSITIVE = (0.5, 3.0)

gamma = special_unary(
    "gamma",
    lambda x, y: y * digamma(x),
    "The gamma function ∫₀^∞ tˣ⁻¹ e⁻ᵗ dt.",
    "1.77245385",
    domain=_POSITIVE,
)
_gammaln = scipy_function("gammaln")


def _log_gamma(x: Any) -> Any:
    """SciPy's, but for -∞, where |Γ| has no limit but C says ∞, and what is close to 0."""
    x = np.asarray(x)
    result = np.where(np.equal(x, -np.inf), np.inf, _gammaln(x))
    near = (np.abs(x) < np.finfo(x.dtype).tiny) & np.not_equal(x, 0)
    return np.where(near, -np.log(np.abs(x)), result).astype(x.dtype)


gammaln = special_unary(
    "gammaln",
    lambda x, y: digamma(x),
    "The logarithm of |Γ(x)|.",
    "0.57236494",
    domain=_POSITIVE,
    numpy=_log_gamma,
)
gammasgn = special_unary("gammasgn", None, "The sign of Γ(x).", "1.", domain=_POSITIVE)


def _digamma_slope(x: Tensor, y: Tensor) -> Tensor:
    return polygamma(1, x)


digamma: Unary = special_unary(
    "digamma",
    _digamma_slope,
    "The logarithmic derivative of Γ, of real or complex numbers.",
    "-1.96351003",
    domain=_POSITIVE,
    accepts="float",
)
psi = public_as("psi")(digamma)
loggamma = special_unary(
    "loggamma",
    lambda x, y: digamma(x),
    "The logarithm of Γ, nan left of 0 for real numbers; of complex ones its principal branch.",
    "0.57236494",
    domain=_POSITIVE,
    accepts="float",
)


def _polygamma_value(x: Any, n: int) -> Any:
    if np.iscomplexobj(x):
        return keep_dtype(zeta_derivatives.complex_polygamma(x, n), x)
    return keep_dtype(import_module("scipy.special").polygamma(n, x), x)


def _trigamma_rule(e: Any, x: Any, n: int) -> Any:
    return import_module("adjoint.ops.scalar.gamma").trigamma(e, x)


class Polygamma(Elementwise):
    """The derivatives of digamma, of which native code knows the first, which is digamma's own."""

    def lowers(self, node: Node) -> bool:
        real = node.inputs[0].dtype.kind == "f"
        return real and bool(node.params == (1,)) and super().lowers(node)


_polygamma = register(
    Polygamma(
        "polygamma",
        _polygamma_value,
        (lambda x, y, n: polygamma(n + 1, x),),
        accepts="float",
        domain=(_POSITIVE,),
        param_names=("n",),
        samples=((1,), (2,)),
        scalar=_trigamma_rule,
    )
)


@public
def polygamma(n: int, x: Any, /) -> Tensor:
    """The n-th derivative of `digamma`; n is a Python integer, 0 or more.

    >>> import adjoint as ad
    >>> ad.special.polygamma(1, 1.0)
    Tensor(1.64493407)
    """
    if type(n) is not int or n < 0:
        raise RangeError(f"polygamma: n must be a Python integer, 0 or more, got {n!r}")
    return apply(_polygamma, (x,), (n,)) if n else digamma(x)


@public
def multigammaln(a: Any, d: int, /) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension d.

    log Γ_d(a) = d (d-1) / 4 log π + Σ_j log Γ(a - j/2), j from 0 to d - 1; nan for a below
    (d-1) / 2, where Γ_d is not defined.

    >>> import adjoint as ad
    >>> ad.special.multigammaln(2.5, 2)
    Tensor(0.85704781)
    """
    if type(d) is not int or d < 1:
        raise RangeError(f"multigammaln: d must be a Python integer, 1 or more, got {d!r}")
    a = as_tensor(a)
    total = gammaln(a)
    for j in range(1, d):
        total = total + gammaln(a - j / 2)
    total = total + d * (d - 1) / 4 * math.log(math.pi)
    return where(a < (d - 1) / 2, math.nan, total)


beta = special_binary(
    "beta",
    "a, b",
    (
        lambda a, b, y: y * (digamma(a) - digamma(a + b)),
        lambda a, b, y: y * (digamma(b) - digamma(a + b)),
    ),
    "The beta function Γ(a) Γ(b) / Γ(a + b).",
    "0.08333333",
    domain=(_POSITIVE, _POSITIVE),
)
betaln = special_binary(
    "betaln",
    "a, b",
    (
        lambda a, b, y: digamma(a) - digamma(a + b),
        lambda a, b, y: digamma(b) - digamma(a + b),
    ),
    "The logarithm of |B(a, b)|.",
    "-2.48490665",
    domain=(_POSITIVE, _POSITIVE),
)


@public
def binom(n: Any, k: Any, /) -> Tensor:
    """The binomial coefficient of real n and k, 1 / ((n + 1) B(n - k + 1, k + 1)).

    >>> import adjoint as ad
    >>> ad.special.binom(4.0, 2.0)
    Tensor(6.)
    """
    n, k = as_tensor(n), as_tensor(k)
    return reciprocal((n + 1) * beta(n - k + 1, k + 1))


def _zeta_value(x: Any, q: Any, n: int) -> Any:
    if n:
        return keep_dtype(zeta_derivatives.by_x(x, q, n), x)
    return keep_dtype(import_module("scipy.special").zeta(x, q), x)


def _zeta_by_q(x: Tensor, q: Tensor, y: Tensor, n: int) -> Tensor:
    """-x ζ(x+1, q), of which n derivatives are taken by x."""
    slope = -x * _hurwitz(x + 1, q, n)
    return slope - n * _hurwitz(x + 1, q, n - 1) if n else slope


_hurwitz_op: Elementwise = register(
    Elementwise(
        "zeta",
        _zeta_value,
        (lambda x, q, y, n: _hurwitz(x, q, n + 1), _zeta_by_q),
        accepts="real",
        domain=((1.5, 4.0), _POSITIVE),
        param_names=("n",),
        samples=((0,),),
    )
)


def _hurwitz(x: Any, q: Any, n: int) -> Tensor:
    return apply(_hurwitz_op, (x, q), (n,))


def _riemann_value(x: Any, n: int) -> Any:
    if n:
        return keep_dtype(zeta_derivatives.riemann(x, n), x)
    return keep_dtype(import_module("scipy.special").zeta(x), x)


_riemann: Elementwise = register(
    Elementwise(
        "riemann_zeta",
        _riemann_value,
        (lambda x, y, n: apply(_riemann, (x,), (n + 1,)),),
        accepts="real",
        domain=((1.5, 4.0),),
        param_names=("n",),
        samples=((0,),),
    )
)


@public
def zeta(x: Any, q: Any = None, /) -> Tensor:
    """The zeta function of Hurwitz Σ_k (k + q)⁻ˣ for x > 1; without q that of Riemann, for all x.

    Elementwise. Differentiable by both arguments, to every order.

    >>> import adjoint as ad
    >>> ad.special.zeta(2.0)
    Tensor(1.64493407)
    >>> ad.grad(ad.special.zeta)(2.0)
    Tensor(-0.93754825)
    """
    return apply(_riemann, (x,), (0,)) if q is None else _hurwitz(x, q, 0)


@public
def zetac(x: Any, /) -> Tensor:
    """Riemann's zeta function minus 1, accurate for large x.

    >>> import adjoint as ad
    >>> ad.special.zetac(2.0)
    Tensor(0.64493407)
    """
    return apply(_zetac, (x,))


_zetac = register(
    Elementwise(
        "zetac",
        scipy_function("zetac"),
        (lambda x, y: apply(_riemann, (x,), (1,)),),
        accepts="real",
        domain=((1.5, 4.0),),
    )
)
