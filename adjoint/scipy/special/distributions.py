"""Distribution functions of ``scipy.special`` by the incomplete gamma and beta functions."""

from __future__ import annotations

import math
from typing import Any

from adjoint.array import special as core
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.rounding import floor
from adjoint.scipy.common import floating, operand
from adjoint.scipy.special.calling import ufunc


@ufunc
def betaincc(a: Any, b: Any, x: Any, /) -> Tensor:
    """1 - betainc(a, b, x).

    >>> from adjoint.scipy.special import betaincc
    >>> betaincc(2.0, 3.0, 0.5)
    Tensor(0.3125)
    """
    return core.betainc(b, a, 1 - operand(x))


@ufunc
def betainccinv(a: Any, b: Any, y: Any, /) -> Tensor:
    """The x with betaincc(a, b, x) = y.

    >>> from adjoint.scipy.special import betainccinv
    >>> betainccinv(2.0, 3.0, 0.3125)
    Tensor(0.5)
    """
    result: Tensor = 1 - core.betaincinv(b, a, y)
    return result


@ufunc
def chdtr(v: Any, x: Any, /) -> Tensor:
    """The distribution function of χ² with v degrees of freedom.

    >>> from adjoint.scipy.special import chdtr
    >>> chdtr(2.0, 0.0)
    Tensor(0.)
    """
    return core.gammainc(operand(v) * 0.5, operand(x) * 0.5)


@ufunc
def chdtrc(v: Any, x: Any, /) -> Tensor:
    """1 - chdtr(v, x).

    >>> from adjoint.scipy.special import chdtrc
    >>> chdtrc(2.0, 0.0)
    Tensor(1.)
    """
    return core.gammaincc(operand(v) * 0.5, operand(x) * 0.5)


@ufunc
def pdtr(k: Any, m: Any, /) -> Tensor:
    """The distribution function of Poisson's distribution with mean m.

    >>> from adjoint.scipy.special import pdtr
    >>> pdtr(0.0, 1.0)
    Tensor(0.36787944)
    """
    return core.gammaincc(_events(k), m)


@ufunc
def pdtrc(k: Any, m: Any, /) -> Tensor:
    """1 - pdtr(k, m).

    >>> from adjoint.scipy.special import pdtrc
    >>> pdtrc(0.0, 1.0)
    Tensor(0.63212056)
    """
    return core.gammainc(_events(k), m)


def _events(k: Any) -> Any:
    """⌊k⌋ + 1"""
    return math.floor(k) + 1.0 if type(k) in (int, float) else floor(floating(k)) + 1


@ufunc
def fdtr(dfn: Any, dfd: Any, x: Any, /) -> Tensor:
    """The distribution function of F with dfn and dfd degrees of freedom.

    >>> from adjoint.scipy.special import fdtr
    >>> fdtr(2.0, 2.0, 1.0)
    Tensor(0.5)
    """
    dfn, dfd, x = floating(dfn), operand(dfd), operand(x)
    return core.betainc(dfn * 0.5, dfd * 0.5, dfn * x / (dfd + dfn * x))


@ufunc
def fdtrc(dfn: Any, dfd: Any, x: Any, /) -> Tensor:
    """1 - fdtr(dfn, dfd, x).

    >>> from adjoint.scipy.special import fdtrc
    >>> fdtrc(2.0, 2.0, 1.0)
    Tensor(0.5)
    """
    dfn, dfd, x = floating(dfn), operand(dfd), operand(x)
    return core.betainc(dfd * 0.5, dfn * 0.5, dfd / (dfd + dfn * x))


@ufunc
def fdtri(dfn: Any, dfd: Any, p: Any, /) -> Tensor:
    """The x with fdtr(dfn, dfd, x) = p.

    >>> from adjoint.scipy.special import fdtri
    >>> fdtri(2.0, 2.0, 0.5)
    Tensor(1.)
    """
    dfn, dfd = floating(dfn), operand(dfd)
    z = core.betaincinv(dfn * 0.5, dfd * 0.5, p)
    return as_tensor(dfd * z / (dfn * (1 - z)))


@ufunc
def chdtri(v: Any, p: Any, /) -> Tensor:
    """The x with chdtrc(v, x) = p.

    >>> from adjoint.scipy.special import chdtri
    >>> chdtri(2.0, 1.0)
    Tensor(0.)
    """
    return 2 * core.gammainccinv(operand(v) * 0.5, p)


@ufunc
def pdtri(k: Any, y: Any, /) -> Tensor:
    """The mean m with pdtr(k, m) = y.

    >>> from adjoint.scipy.special import pdtri
    >>> pdtri(0.0, 0.5)
    Tensor(0.69314718)
    """
    return core.gammainccinv(_events(k), y)


@ufunc
def gdtr(a: Any, b: Any, x: Any, /) -> Tensor:
    """The distribution function of the gamma distribution of rate a and shape b.

    >>> from adjoint.scipy.special import gdtr
    >>> gdtr(1.0, 1.0, 0.0)
    Tensor(0.)
    """
    return core.gammainc(b, floating(a) * operand(x))


@ufunc
def gdtrc(a: Any, b: Any, x: Any, /) -> Tensor:
    """1 - gdtr(a, b, x).

    >>> from adjoint.scipy.special import gdtrc
    >>> gdtrc(1.0, 1.0, 0.0)
    Tensor(1.)
    """
    return core.gammaincc(b, floating(a) * operand(x))


@ufunc
def gdtria(p: Any, b: Any, x: Any, /) -> Tensor:
    """The rate a with gdtr(a, b, x) = p.

    >>> from adjoint.scipy.special import gdtria
    >>> gdtria(0.5, 1.0, 1.0)
    Tensor(0.69314718)
    """
    return as_tensor(core.gammaincinv(b, p) / operand(x))


@ufunc
def gdtrix(a: Any, b: Any, p: Any, /) -> Tensor:
    """The x with gdtr(a, b, x) = p.

    >>> from adjoint.scipy.special import gdtrix
    >>> gdtrix(1.0, 1.0, 0.5)
    Tensor(0.69314718)
    """
    return as_tensor(core.gammaincinv(b, p) / operand(a))


@ufunc
def nrdtrimn(p: Any, std: Any, x: Any, /) -> Tensor:
    """The mean of the normal distribution of which x is the quantile of p.

    >>> from adjoint.scipy.special import nrdtrimn
    >>> nrdtrimn(0.5, 1.0, 3.0)
    Tensor(3.)
    """
    return as_tensor(operand(x) - floating(std) * core.ndtri(p))


@ufunc
def nrdtrisd(mn: Any, p: Any, x: Any, /) -> Tensor:
    """The standard deviation of the normal distribution of which x is the quantile of p.

    >>> from adjoint.scipy.special import nrdtrisd
    >>> nrdtrisd(0.0, 0.5, 0.0)
    Tensor(nan)
    """
    return as_tensor((floating(x) - operand(mn)) / core.ndtri(p))


def _trials(k: Any, n: Any) -> tuple[Tensor, Tensor, Tensor]:
    """⌊k⌋ + 1 and n - ⌊k⌋, 1 where that is 0; and whether it is not."""
    events = as_tensor(_events(k))
    rest = as_tensor(operand(n) + 1 - events)
    some = rest > 0
    return events, where(some, rest, 1.0), some


@ufunc
def bdtr(k: Any, n: Any, p: Any, /) -> Tensor:
    """The probability of at most k successes in n trials, each of probability p.

    >>> from adjoint.scipy.special import bdtr
    >>> bdtr(0, 1, 0.25)
    Tensor(0.75)
    """
    events, rest, some = _trials(k, n)
    return where(some, core.betainc(rest, events, 1 - operand(p)), 1.0)


@ufunc
def bdtrc(k: Any, n: Any, p: Any, /) -> Tensor:
    """1 - bdtr(k, n, p).

    >>> from adjoint.scipy.special import bdtrc
    >>> bdtrc(0, 1, 0.25)
    Tensor(0.25)
    """
    events, rest, some = _trials(k, n)
    return where(some, core.betainc(events, rest, p), 0.0)


@ufunc
def bdtri(k: Any, n: Any, y: Any, /) -> Tensor:
    """The p with bdtr(k, n, p) = y.

    >>> from adjoint.scipy.special import bdtri
    >>> bdtri(0, 1, 0.75)
    Tensor(0.25)
    """
    events, rest, _ = _trials(k, n)
    return 1 - core.betaincinv(rest, events, y)


@ufunc
def nbdtr(k: Any, n: Any, p: Any, /) -> Tensor:
    """The probability of at most k failures before n successes, each of probability p.

    >>> from adjoint.scipy.special import nbdtr
    >>> nbdtr(0, 1, 0.25)
    Tensor(0.25)
    """
    return core.betainc(as_tensor(n), _events(k), p)


@ufunc
def nbdtrc(k: Any, n: Any, p: Any, /) -> Tensor:
    """1 - nbdtr(k, n, p).

    >>> from adjoint.scipy.special import nbdtrc
    >>> nbdtrc(0, 1, 0.25)
    Tensor(0.75)
    """
    return core.betainc(_events(k), as_tensor(n), 1 - operand(p))


@ufunc
def nbdtri(k: Any, n: Any, y: Any, /) -> Tensor:
    """The p with nbdtr(k, n, p) = y.

    >>> from adjoint.scipy.special import nbdtri
    >>> nbdtri(0, 1, 0.25)
    Tensor(0.25)
    """
    return core.betaincinv(as_tensor(n), _events(k), y)
