"""Integrals over several variables of ``scipy.integrate``, one within another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adjoint.graph.caller import warn
from adjoint.graph.forking import import_module
from adjoint.scipy.integrate.adaptive import Probe, Settings, by_values, integral

__all__ = ["dblquad", "nquad", "tplquad"]

_NAME = "scipy.integrate.nquad"


def _constantly(x: Any) -> Callable[..., Any]:
    return x if callable(x) else lambda *args: x


class _Nested:
    """The integral over the last range of the integral over the others, and the largest error."""

    def __init__(self, func: Any, ranges: Sequence[Any], opts: Sequence[Any]) -> None:
        self.func, self.ranges, self.opts = func, ranges, opts
        self.error, self.evaluations = 0.0, 0

    def _inner(self, args: tuple[Any, ...], depth: int) -> tuple[Any, ...]:
        """Integrand, probe, ends and settings of the integral at a depth."""
        low, high = self.ranges[-1 - depth](*args)
        options = dict(self.opts[-1 - depth](*args))
        if "points" in options:
            options["points"] = [x for x in options["points"] if low <= x <= high]
        defaults = {"weight": None, "wvar": None, "wopts": None, "maxp1": 50, "limlst": 50}
        weighted = tuple(options.pop(key, value) for key, value in defaults.items())
        settings = Settings.of(_NAME, **options, weighted=weighted)
        if depth + 1 == len(self.ranges):
            f = lambda x: self.func(x, *args)
            return f, Probe(_NAME, f), low, high, settings
        f = lambda x: self.integral((x, *args), depth + 1)
        return f, _Inside(self, args, depth + 1), low, high, settings

    def value(self, args: tuple[Any, ...], depth: int) -> tuple[Any, bool]:
        """The integral over all ranges but the last `depth`; whether it can be differentiated."""
        _, probe, low, high, settings = self._inner(args, depth)
        found = self._counted(by_values(probe, low, high, settings), depth)
        return found, probe.traced

    def integral(self, args: tuple[Any, ...], depth: int = 0) -> Any:
        """The same integral, as a tensor where it can be differentiated."""
        f, probe, low, high, settings = self._inner(args, depth)
        return self._counted(integral(_NAME, f, low, high, settings, probe), depth)

    def _counted(self, found: tuple[Any, ...], depth: int) -> Any:
        value, error, info, *messages = found
        if depth + 1 == len(self.ranges):
            self.evaluations += info["neval"]
        self.error = max(self.error, error)
        for message in messages[:1]:
            kind = import_module("scipy.integrate").IntegrationWarning
            warn(message, kind)
        return value


class _Inside(Probe):
    """The values of an inner integral, for which no tensors are needed."""

    def __init__(self, nested: _Nested, args: tuple[Any, ...], depth: int) -> None:
        super().__init__(_NAME, nested.func)
        self.nested, self.args, self.depth = nested, args, depth

    def __call__(self, x: Any) -> Any:
        value, traced = self.nested.value((x, *self.args), self.depth)
        self.traced = self.traced or traced
        return value


def nquad(
    func: Any, ranges: Any, args: Any = None, opts: Any = None, full_output: Any = False
) -> Any:
    """The integral of ``func(x0, ..., xn, *args)`` over `ranges`, and an estimate of its error.

    Differentiable as `quad` is: by the ends of the ranges, `args`, and what they depend on.

    >>> import adjoint as ad
    >>> from adjoint.scipy.integrate import nquad
    >>> ad.grad(lambda k: nquad(lambda x, y: k * x * y, [(0.0, 1.0), (0.0, 2.0)])[0])(3.0)
    Tensor(1.)
    """
    count = len(ranges)
    if opts is None or isinstance(opts, dict):
        opts = [opts or {}] * count
    nested = _Nested(func, [*map(_constantly, ranges)], [*map(_constantly, opts)])
    value = nested.integral(() if args is None else tuple(args))
    if full_output:
        return value, nested.error, {"neval": nested.evaluations}
    return value, nested.error


def dblquad(
    func: Any,
    a: Any,
    b: Any,
    gfun: Any,
    hfun: Any,
    args: Any = (),
    epsabs: Any = 1.49e-8,
    epsrel: Any = 1.49e-8,
) -> Any:
    """The integral of ``func(y, x)``, x from `a` to `b`, y from ``gfun(x)`` to ``hfun(x)``.

    >>> import adjoint as ad
    >>> from adjoint.scipy.integrate import dblquad
    >>> ad.grad(lambda r: dblquad(lambda y, x: x * y, 0.0, r, 0.0, lambda x: r - x)[0])(1.0)
    Tensor(0.16666667)
    """
    inner = lambda *args: (_constantly(gfun)(args[0]), _constantly(hfun)(args[0]))
    opts = {"epsabs": epsabs, "epsrel": epsrel}
    return nquad(func, [inner, (a, b)], args=args, opts=opts)


def tplquad(
    func: Any,
    a: Any,
    b: Any,
    gfun: Any,
    hfun: Any,
    qfun: Any,
    rfun: Any,
    args: Any = (),
    epsabs: Any = 1.49e-8,
    epsrel: Any = 1.49e-8,
) -> Any:
    """The integral of ``func(z, y, x)`` over x, y and z.

    x goes from `a` to `b`, y from ``gfun(x)`` to ``hfun(x)``, z from ``qfun(x, y)`` to
    ``rfun(x, y)``.

    >>> import adjoint as ad
    >>> from adjoint.scipy.integrate import tplquad
    >>> volume = lambda r: tplquad(lambda z, y, x: r * z, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0)[0]
    >>> ad.grad(volume)(2.0)
    Tensor(0.5)
    """
    of_y = lambda *args: (_constantly(gfun)(args[0]), _constantly(hfun)(args[0]))

    def of_z(*args: Any) -> Any:
        return _constantly(qfun)(args[1], args[0]), _constantly(rfun)(args[1], args[0])

    opts = {"epsabs": epsabs, "epsrel": epsrel}
    return nquad(func, [of_z, of_y, (a, b)], args=args, opts=opts)
