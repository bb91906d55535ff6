"""Functions of ``scipy.special`` that adjoint has too, under SciPy's calling convention, and some
of several elements. Composites."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.array import special as core
from adjoint.array.manipulation.joining import broadcast_arrays
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise import rounding
from adjoint.ops.elementwise.choice import abs, sign, stop_gradient, where
from adjoint.ops.elementwise.comparison import equal, isfinite, less_equal
from adjoint.ops.elementwise.exponential import exp, log, logaddexp
from adjoint.ops.elementwise.trigonometric import cos
from adjoint.ops.reductions import extremum
from adjoint.ops.reductions import softmax as softmaxes
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.common import constant, floating, integer, operand, refuse, unsupported
from adjoint.scipy.special.calling import DEFAULTS, ufunc
from adjoint.scipy.special.elementwise import poch

__all__ = [
    "beta",
    "betainc",
    "betaincinv",
    "betaln",
    "binom",
    "cbrt",
    "comb",
    "dawsn",
    "digamma",
    "diric",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp1",
    "exp2",
    "expi",
    "expit",
    "expm1",
    "exprel",
    "factorial",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "gammasgn",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "iv",
    "ive",
    "j0",
    "j1",
    "jn",
    "jv",
    "k0",
    "k0e",
    "k1",
    "k1e",
    "kv",
    "kve",
    "log1p",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "ndtri_exp",
    "perm",
    "polygamma",
    "psi",
    "rel_entr",
    "round",
    "sinc",
    "softmax",
    "softplus",
    "stdtr",
    "stdtrit",
    "xlog1py",
    "xlogy",
    "y0",
    "y1",
    "yv",
    "zeta",
]

erf = ufunc(core.erf, "erf")
erfc = ufunc(core.erfc, "erfc")
erfcx = ufunc(core.erfcx, "erfcx")
erfinv = ufunc(core.erfinv, "erfinv")
erfcinv = ufunc(core.erfcinv, "erfcinv")
dawsn = ufunc(core.dawsn, "dawsn")
ndtr = ufunc(core.ndtr, "ndtr")
ndtri = ufunc(core.ndtri, "ndtri")
log_ndtr = ufunc(core.log_ndtr, "log_ndtr")
ndtri_exp = ufunc(core.ndtri_exp, "ndtri_exp")
gamma = ufunc(core.gamma, "gamma")
gammaln = ufunc(core.gammaln, "gammaln")
gammasgn = ufunc(core.gammasgn, "gammasgn")
digamma = ufunc(core.digamma, "digamma")
psi = ufunc(core.psi, "psi")
beta = ufunc(core.beta, "beta")
betaln = ufunc(core.betaln, "betaln")
binom = ufunc(core.binom, "binom")
gammainc = ufunc(core.gammainc, "gammainc")
gammaincc = ufunc(core.gammaincc, "gammaincc")
gammaincinv = ufunc(core.gammaincinv, "gammaincinv")
gammainccinv = ufunc(core.gammainccinv, "gammainccinv")
betainc = ufunc(core.betainc, "betainc")
betaincinv = ufunc(core.betaincinv, "betaincinv")
stdtr = ufunc(core.stdtr, "stdtr")
stdtrit = ufunc(core.stdtrit, "stdtrit")
j0 = ufunc(core.j0, "j0")
j1 = ufunc(core.j1, "j1")
jv = ufunc(core.jv, "jv")
jn = ufunc(core.jn, "jn")
y0 = ufunc(core.y0, "y0")
y1 = ufunc(core.y1, "y1")
yv = ufunc(core.yv, "yv")
i0 = ufunc(core.i0, "i0")
i0e = ufunc(core.i0e, "i0e")
i1 = ufunc(core.i1, "i1")
i1e = ufunc(core.i1e, "i1e")
iv = ufunc(core.iv, "iv")
ive = ufunc(core.ive, "ive")
k0 = ufunc(core.k0, "k0")
k0e = ufunc(core.k0e, "k0e")
k1 = ufunc(core.k1, "k1")
k1e = ufunc(core.k1e, "k1e")
kv = ufunc(core.kv, "kv")
kve = ufunc(core.kve, "kve")
logit = ufunc(core.logit, "logit")
log_expit = ufunc(core.log_expit, "log_expit")
xlogy = ufunc(core.xlogy, "xlogy")
xlog1py = ufunc(core.xlog1py, "xlog1py")
entr = ufunc(core.entr, "entr")
rel_entr = ufunc(core.rel_entr, "rel_entr")
exp1 = ufunc(core.exp1, "exp1")
expi = ufunc(core.expi, "expi")
exprel = ufunc(core.exprel, "exprel")
exp2 = ufunc(core.exp2, "exp2")
expit = ufunc(core.expit, "expit")
expm1 = ufunc(core.expm1, "expm1")
log1p = ufunc(core.log1p, "log1p")
cbrt = ufunc(core.cbrt, "cbrt")


@ufunc
def round(x: Any, /) -> Tensor:
    """The nearest whole number, halves to even; its derivative is 0.

    >>> from adjoint.scipy.special import round
    >>> round(2.5)
    Tensor(2.)
    """
    return rounding.round(floating(x))


def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """log Σ b exp(a) over `axis`; with `return_sign` the log of its size, and its sign.

    Without `return_sign` a negative sum gives nan, as in SciPy.

    >>> from adjoint.scipy.special import logsumexp
    >>> logsumexp([1000.0, 1000.0], b=[1.0, 3.0])
    Tensor(1001.38629436)
    """
    if b is None:
        result = softmaxes.logsumexp(floating(a), axis, keepdims=keepdims)
        if not return_sign:
            return result
        return result, where(equal(result, -np.inf), 0.0, as_tensor(1.0, result.dtype))
    weights, powers = broadcast_arrays(floating(b), floating(a))
    gone = equal(weights, 0)
    top = extremum.max(where(gone, -np.inf, powers), axis, keepdims=True)
    top = stop_gradient(where(isfinite(top), top, 0.0))
    parts = exp(powers - top)  # which is ∞ at most where there is no weight
    total = sum(where(gone & ~isfinite(parts), 0.0, weights * parts), axis, keepdims=keepdims)
    if not keepdims:
        top = reshape(top, total.shape)
    if return_sign:
        return log(abs(total)) + top, sign(total)
    return log(total) + top


def softmax(x: Any, axis: Any = None) -> Tensor:
    """exp(x) / Σ exp(x), the sum over `axis` (None: all).

    >>> from adjoint.scipy.special import softmax
    >>> softmax([0.0, 0.0])
    Tensor([0.5, 0.5])
    """
    return softmaxes.softmax(floating(x), axis)


def log_softmax(x: Any, axis: Any = None) -> Tensor:
    """The logarithm of `softmax`.

    >>> from adjoint.scipy.special import log_softmax
    >>> log_softmax([0.0, 0.0])
    Tensor([-0.69314718, -0.69314718])
    """
    return softmaxes.log_softmax(floating(x), axis)


def softplus(x: Any, **kwargs: Any) -> Tensor:
    """log(1 + exp(x)).

    >>> from adjoint.scipy.special import softplus
    >>> softplus(1000.0)
    Tensor(1000.)
    """
    refuse("scipy.special.softplus", **{k: (v, DEFAULTS.get(k)) for k, v in kwargs.items()})
    return logaddexp(0.0, floating(x))


def polygamma(n: Any, x: Any) -> Tensor:
    """The n-th derivative of the digamma function; n is a whole number.

    >>> from adjoint.scipy.special import polygamma
    >>> polygamma(1, 1.0)
    Tensor(1.64493407)
    """
    order = constant("scipy.special.polygamma", "n", n)
    if order.ndim or order != int(order):
        raise unsupported("scipy.special.polygamma", "n", n, "give one integer, n >= 0")
    return core.polygamma(int(order), floating(x))


def multigammaln(a: Any, d: Any) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension d.

    >>> from adjoint.scipy.special import multigammaln
    >>> multigammaln(2.5, 2)
    Tensor(0.85704781)
    """
    return core.multigammaln(a, integer("scipy.special.multigammaln", "d", d))


def zeta(x: Any, q: Any = None, out: Any = None) -> Tensor:
    """The zeta function Σ_k (k + q)⁻ˣ of Hurwitz for x > 1; without q Riemann's, for all x.

    >>> from adjoint.scipy.special import zeta
    >>> zeta(2.0)
    Tensor(1.64493407)
    """
    refuse("scipy.special.zeta", out=(out, None))
    return core.zeta(x, q)


def sinc(x: Any) -> Tensor:
    """sin(πx) / (πx).

    >>> from adjoint.scipy.special import sinc
    >>> sinc(0.5)
    Tensor(0.63661977)
    """
    return core.sinc(x)


def diric(x: Any, n: Any) -> Tensor:
    """The periodic sinc function sin(x n / 2) / (n sin(x / 2)), for a whole number n.

    Written as the mean of n cosines, which is right at its removable points too.

    >>> from adjoint.scipy.special import diric
    >>> diric(0.0, 3)
    Tensor(1.)
    """
    count = integer("scipy.special.diric", "n", n)
    if count < 1:
        raise unsupported("scipy.special.diric", "n", n, "give one positive integer")
    x = floating(x)
    half = (np.arange(count) - (count - 1) / 2).astype(x.dtype)
    return sum(cos(reshape(x, (*x.shape, 1)) * half), -1) / count


def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Tensor:
    """Γ(n + 1), and 0 for negative n.

    >>> from adjoint.scipy.special import factorial
    >>> factorial(3.0)
    Tensor(6.)
    """
    refuse("scipy.special.factorial", exact=(exact, False), extend=(extend, "zero"))
    n = floating(n)
    known = n >= 0
    return where(known, core.gamma(where(known, n, 1.0) + 1), where(n < 0, 0.0, n))


def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Tensor:
    """The number of ways to choose k of N, by the gamma function, so for real numbers too.

    >>> from adjoint.scipy.special import comb
    >>> comb(5.0, 2)
    Tensor(10.)
    """
    refuse("scipy.special.comb", exact=(exact, False))
    N, k = operand(N), operand(k)
    if repetition:
        return comb(N + k - 1, k)
    allowed = as_tensor(less_equal(k, N)) & (as_tensor(N) >= 0) & (as_tensor(k) >= 0)
    value = core.binom(where(allowed, N, 1.0), where(allowed, k, 1.0))
    return where(allowed, value, 0.0)


def perm(N: Any, k: Any, exact: bool = False) -> Tensor:
    """The number of ways to choose k of N in order: Γ(N + 1) / Γ(N - k + 1).

    >>> from adjoint.scipy.special import perm
    >>> perm(5.0, 2)
    Tensor(20.)
    """
    refuse("scipy.special.perm", exact=(exact, False))
    N, k = operand(N), operand(k)
    allowed = as_tensor(less_equal(k, N)) & (as_tensor(N) >= 0) & (as_tensor(k) >= 0)
    value = poch(where(allowed, N - k, 1.0) + 1, where(allowed, k, 1.0))
    return where(allowed, value, 0.0)
