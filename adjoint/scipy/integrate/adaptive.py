"""Adaptive integrals of ``scipy.integrate``: `quad` and `quad_vec`.

SciPy chooses the subintervals, on plain numbers. The same rule then goes over the same subintervals
once more with tensors. So the number is SciPy's, and the derivatives are those of the rule: by
whatever the integrand depends on, and by the bounds, with which the subintervals move.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.api.batching import vmap
from adjoint.array.linalg.contraction import tensordot
from adjoint.errors import AdjointError, ArgumentError, ConcretizationError, ConvergenceWarning
from adjoint.graph.caller import warn
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.shape.joining import stack
from adjoint.scipy.common import by_scipy, constant, differentiated, unsupported
from adjoint.scipy.integrate.gauss_kronrod import (
    GK15,
    GK21,
    Array,
    Range,
    Rule,
    held_places,
    placed,
)
from adjoint.scipy.integrate.unresolved import Parts, warn_of_unresolved

__all__ = ["Probe", "Settings", "by_values", "integral", "quad", "quad_vec"]

_MOST_INTERVALS = 500


def plain(name: str, x: Any) -> Any:
    """The plain value of what may be differentiated."""
    if not isinstance(x, Tensor):
        return x
    try:
        return stop_gradient(x).numpy()[()]
    except ConcretizationError as error:
        raise ArgumentError(
            f"{name}: the subintervals are chosen by values, which are not known while tracing; "
            f"leave the function uncompiled, or use scipy.integrate.fixed_quad with enough nodes"
        ) from error


class Probe:
    """An integrand with plain results, which notices whether any could be differentiated."""

    def __init__(self, name: str, f: Callable[[Any], Any]) -> None:
        self.name, self.f, self.traced = name, f, False
        self.varies = False
        """Whether the integrand itself could be differentiated, not the bounds alone."""

    def __call__(self, x: Any) -> Any:
        y = self.f(x)
        if isinstance(y, (list, tuple)) and any(isinstance(part, Tensor) for part in y):
            y = as_tensor(y)
        if isinstance(y, Tensor):
            self.varies = self.varies or differentiated(y)
            self.traced = self.traced or self.varies
        return plain(self.name, y)


def _moves(*given: Any) -> bool:
    return any(isinstance(x, Tensor) and differentiated(x) for x in given)


def _values(f: Callable[[Any], Any], x: Any) -> Tensor:
    """The integrand at all places: at once if it can be traced, else one by one."""
    try:
        found = vmap(lambda x: as_tensor(f(x)))(as_tensor(x))
    except AdjointError:  # it looks at values, so each place is another program
        return stack([as_tensor(f(at)) for at in (x if isinstance(x, Tensor) else x.tolist())])
    return found if isinstance(found, Tensor) else as_tensor(found)


def _again(
    f: Callable[[Any], Any],
    over: Range,
    intervals: Array,
    rule: Rule,
    breaks: Sequence[tuple[float, Any]],
) -> Tensor:
    """The integral by the rule over the subintervals, with tensors."""
    x, weights = over.nodes(*placed(intervals, rule, breaks))
    values = _values(f, x)
    if values.dtype.kind not in "fc":
        values = as_tensor(values, FLOAT64)
    return tensordot(as_tensor(weights), values, 1)


def _breaks(over: Range, intervals: Array, points: Sequence[Any], ends: Any) -> list[Any]:
    """The places in t between which subintervals move in proportion, and tensors of them."""
    low, high = ends
    found = {over.low: low, over.high: high}
    held = held_places(intervals, over.low, over.high)
    fixed = isinstance(over.start, Tensor) or any(isinstance(x, Tensor) for x in ends)
    for t in held if fixed else ():
        found[t] = over.coordinate(over.place(t)) if over.kind == "half" else t
    edges = set(intervals.ravel().tolist())
    if over.kind == "whole":
        found[0.0] = 0.0
    for point in points:
        t = over.coordinate(point)
        value = float(stop_gradient(as_tensor(t)))
        if value in edges:
            found[value] = t
    return sorted(found.items(), key=lambda pair: pair[0])


def _refined(
    probe: Probe, over: Range, rule: Rule, intervals: Array, errors: Any, goal: Any, tol: float
) -> Parts | None:
    """More subintervals, until the sum over them is what SciPy extrapolated; None if it is never.

    A derivative needs a rule that is a sum; the extrapolation is none.
    """

    def part(left: float, right: float) -> float:
        half = (right - left) / 2
        x, weights = over.nodes((left + right) / 2 + half * rule.nodes, half * rule.weights)
        return float(sum(w * probe(float(at)) for at, w in zip(x, weights, strict=True)))

    heap = [
        (-float(error), float(left), float(right), part(left, right))
        for (left, right), error in zip(intervals, errors, strict=True)
    ]
    heapq.heapify(heap)
    while (off := abs(sum(entry[3] for entry in heap) - goal)) > tol:
        if len(heap) >= _MOST_INTERVALS or not np.isfinite(off):
            return None
        _, left, right, value = heapq.heappop(heap)
        middle = (left + right) / 2
        one, two = part(left, middle), part(middle, right)
        error = abs(value - one - two)
        heapq.heappush(heap, (-error, left, middle, one))
        heapq.heappush(heap, (-error, middle, right, two))
    heap.sort(key=lambda entry: entry[1])
    table = np.array(heap)
    return Parts(table[:, 1:3], -table[:, 0], table[:, 3])


def _range(low: Any, high: Any, a: float, b: float, whole: str) -> Range:
    """The range between two ordered bounds, given with their numbers."""
    if np.isinf(a) and np.isinf(b):
        return Range(whole, 0.0 if whole == "folded" else -1.0, 1.0)
    if np.isinf(b):
        return Range("half", 0.0, 1.0, low, 1.0)
    if np.isinf(a):
        return Range("half", 0.0, 1.0, high, -1.0)
    return Range("finite", a, b)


def _at_value(result: Tensor, value: Any) -> Tensor:
    """The result, with its value corrected to the one that SciPy found."""
    corrected: Tensor = result + (value - stop_gradient(result).numpy())
    return corrected


def _empty(f: Callable[[Any], Any], low: Any, high: Any, rule: Rule) -> Tensor:
    """The integral over a range without length, whose ends may move."""
    width = as_tensor(high, FLOAT64) - low
    values = _values(f, low + width * (1 + rule.nodes) / 2)
    return tensordot(width / 2 * rule.weights, values, 1)


def quad(
    func: Any,
    a: Any,
    b: Any,
    args: Any = (),
    full_output: Any = 0,
    epsabs: Any = 1.49e-8,
    epsrel: Any = 1.49e-8,
    limit: Any = 50,
    points: Any = None,
    weight: Any = None,
    wvar: Any = None,
    wopts: Any = None,
    maxp1: Any = 50,
    limlst: Any = 50,
    complex_func: Any = False,
) -> Any:
    """The integral of `func` from `a` to `b`, and an estimate of its absolute error.

    Differentiable by `a`, `b` and `points`, by `args`, and by whatever else `func` depends on. A
    jump whose place depends on what is differentiated must stand in `points`. The results are plain
    numbers where nothing is differentiated.

    >>> import adjoint as ad
    >>> from adjoint.scipy.integrate import quad
    >>> ad.value_and_grad(lambda b: quad(lambda x: x**2, 0.0, b)[0])(3.0)
    (Tensor(9.), Tensor(9.))
    """
    name = "scipy.integrate.quad"
    args = args if isinstance(args, tuple) else (args,)
    weighted = (weight, wvar, wopts, maxp1, limlst)
    if not callable(func):
        error = ArgumentError(f"{name}: func must be a Python function, got {func!r}")
        given = (func, a, b, args, full_output, epsabs, epsrel, limit, points, *weighted)
        return by_scipy(name, error, (*given, complex_func), {})
    settings = Settings.of(name, epsabs, epsrel, limit, points, weighted)
    f = (lambda x: func(x, *args)) if args else func
    if complex_func:
        one = integral(name, lambda x: np.real(f(x)), a, b, settings)
        two = integral(name, lambda x: np.imag(f(x)), a, b, settings)
        result = one[0] + 1j * two[0], one[1] + 1j * two[1]
        messages = (*one[3:4], *two[3:4])
        more: tuple[Any, ...] = ({"real": one[2:], "imag": two[2:]},)
    else:
        found = integral(name, f, a, b, settings)
        result, messages, more = found[:2], found[3:4], found[2:]
    if full_output:
        return (*result, *more)
    for message in messages:
        warn(message, import_module("scipy.integrate").IntegrationWarning)
    return result


@dataclass(frozen=True)
class Settings:
    """What `quad` is told beside the integrand and the bounds."""

    tolerances: tuple[float, float]
    limit: int
    points: tuple[Any, ...] | None
    weighted: tuple[Any, ...]

    @classmethod
    def of(
        cls,
        name: str,
        epsabs: Any = 1.49e-8,
        epsrel: Any = 1.49e-8,
        limit: Any = 50,
        points: Any = None,
        weighted: tuple[Any, ...] = (None, None, None, 50, 50),
    ) -> Settings:
        """The settings with plain numbers."""
        tolerances = constant(name, "epsabs", epsabs)[()], constant(name, "epsrel", epsrel)[()]
        limit = constant(name, "limit", limit)[()]
        return cls(tolerances, limit, None if points is None else tuple(points), weighted)


def by_values(probe: Probe, a: Any, b: Any, settings: Settings) -> tuple[Any, ...]:
    """What SciPy returns, with full output, for plain numbers."""
    name, points = probe.name, settings.points
    at = None if points is None else [float(plain(name, p)) for p in points]
    found: tuple[Any, ...] = import_module("scipy.integrate").quad(
        *(probe, float(plain(name, a)), float(plain(name, b)), (), 1),
        *(*settings.tolerances, settings.limit, at, *settings.weighted),
    )
    probe.traced = probe.traced or _moves(a, b, *(points or ()))
    return found


def integral(
    name: str,
    f: Callable[[Any], Any],
    a: Any,
    b: Any,
    settings: Settings,
    probe: Probe | None = None,
) -> tuple[Any, ...]:
    """What SciPy returns with full output, the integral as a tensor where it is differentiated.

    The probe gives the values of `f`; it may be a faster way to them.
    """
    probe = Probe(name, f) if probe is None else probe
    found = by_values(probe, a, b, settings)
    if not probe.traced:
        return found
    if settings.weighted[0] is not None:
        what = "multiply the integrand by the weight"
        raise unsupported(name, "weight", settings.weighted[0], what)
    first, last = float(plain(name, a)), float(plain(name, b))
    (low, high), sign = ((a, b), 1.0) if first <= last else ((b, a), -1.0)
    if not abs(last - first) > 0:  # nothing between them, or nan
        return _empty(f, a, b, GK21), *found[1:]
    over = _range(low, high, min(first, last), max(first, last), "folded")
    rule = GK21 if over.kind == "finite" else GK15
    epsabs, epsrel = settings.tolerances
    tol = max(epsabs, epsrel * abs(found[0]))
    parts = _as_a_sum(probe, over, rule, found[2], sign * found[0], tol)
    intervals = parts.intervals
    ends = (low, high) if over.kind == "finite" else (0.0, 1.0)
    breaks = _breaks(over, intervals, settings.points or (), ends)
    if probe.varies:
        warn_of_unresolved(name, over, parts, {over.low, over.high, *(at for at, _ in breaks)})
    result = sign * _again(f, over, intervals, rule, breaks)
    return _at_value(result, found[0]), *found[1:]


def _as_a_sum(probe: Probe, over: Range, rule: Rule, info: Any, goal: float, tol: float) -> Parts:
    """Subintervals over which the sum of the rule is SciPy's result; warns if none are found."""
    count = info["last"]
    intervals = np.stack([info["alist"][:count], info["blist"][:count]], 1)
    parts = Parts(intervals, info["elist"][:count], info["rlist"][:count])
    if abs(np.sum(parts.values) - goal) <= tol:
        return parts
    fixed = Range(over.kind, over.low, over.high, plain(probe.name, over.start), over.sign)
    found = _refined(probe, fixed, rule, intervals, parts.errors, goal, tol)
    if found is None:
        warn(
            f"{probe.name}: SciPy extrapolated the integral, and no sum over {_MOST_INTERVALS} "
            f"subintervals comes within the tolerance of it; its derivatives are less exact",
            ConvergenceWarning,
        )
        return parts
    return found


def quad_vec(
    f: Any,
    a: Any,
    b: Any,
    epsabs: Any = 1e-200,
    epsrel: Any = 1e-8,
    norm: Any = "2",
    cache_size: Any = 100e6,
    limit: Any = 10000,
    workers: Any = 1,
    points: Any = None,
    quadrature: Any = None,
    full_output: Any = False,
    *,
    args: Any = (),
) -> Any:
    """The integral of an array-valued `f` from `a` to `b`, and an estimate of its error.

    Differentiable as `quad` is.

    >>> import adjoint as ad
    >>> from adjoint.scipy.integrate import quad_vec
    >>> ad.jacobian(lambda b: quad_vec(lambda x: ad.stack([x, x**2]), 0.0, b)[0])(2.0)
    Tensor([2., 4.])
    """
    name = "scipy.integrate.quad_vec"
    args = args if isinstance(args, tuple) else (args,)
    g = (lambda x: f(x, *args)) if args else f
    probe = Probe(name, g)
    first, last = float(plain(name, a)), float(plain(name, b))
    given = [] if points is None else list(points)
    found = import_module("scipy.integrate").quad_vec(
        probe,
        first,
        last,
        constant(name, "epsabs", epsabs)[()],
        constant(name, "epsrel", epsrel)[()],
        norm,
        cache_size,
        limit,
        workers,
        None if points is None else [float(plain(name, p)) for p in given],
        quadrature,
        True,
    )
    value, *more = found if full_output else found[:2]
    if not (probe.traced or _moves(a, b, *given)):
        return (value, *more)
    if quadrature == "trapezoid":
        raise unsupported(name, "quadrature", quadrature, 'give "gk21" or "gk15"')
    return (_of_vectors(probe, g, (a, b), given, quadrature, value, found[2]), *more)


def _of_vectors(
    probe: Probe,
    f: Callable[[Any], Any],
    bounds: tuple[Any, Any],
    points: Sequence[Any],
    quadrature: str | None,
    value: Any,
    info: Any,
) -> Tensor:
    """SciPy's `value` as a tensor: the integral over its subintervals, by its rule."""
    first, last = (float(plain(probe.name, x)) for x in bounds)
    (low, high), sign = (bounds, 1.0) if first <= last else (bounds[::-1], -1.0)
    over = _range(low, high, min(first, last), max(first, last), "whole")
    rules = {None: GK21 if over.kind == "finite" else GK15, "gk21": GK21, "gk15": GK15}
    rule = rules[quadrature]
    if first == last:
        return _empty(f, *bounds, rule)
    intervals = np.sort(info.intervals, axis=1)
    ends = (low, high) if over.kind == "finite" else (over.low, over.high)
    breaks = _breaks(over, intervals, points, ends)
    if probe.varies:
        parts = Parts(intervals, info.errors, info.integrals)
        warn_of_unresolved(
            probe.name, over, parts, {over.low, over.high, *(at for at, _ in breaks)}
        )
    return _at_value(sign * _again(f, over, intervals, rule, breaks), value)
