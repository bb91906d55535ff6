"""Initial value problems of ``scipy.integrate`` by explicit Runge-Kutta methods.

SciPy chooses the steps, on plain numbers. The same method then goes over the same steps once more
with tensors, so the numbers are SciPy's, and the derivatives are exactly those of these numbers,
the steps being held fixed. Times, tolerances and everything else that chooses steps are constants.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, ConcretizationError, RangeError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import reshape
from adjoint.scipy.common import by_scipy, constant, refuse, unsupported

__all__ = ["OdeResult", "odeint", "solve_ivp"]

_MOST_STEPS = 10_000

Slope = Callable[[float, Any], Any]


class OdeResult(dict[str, Any]):
    """What `solve_ivp` returns: entries that are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(name) from error


def _start(name: str, y0: Any) -> Tensor:
    y = as_tensor(y0)
    y = as_tensor(y, FLOAT64 if y.dtype.kind != "c" else y.dtype)
    if y.ndim != 1:
        raise ShapeError(f"{name}: y0 needs one axis, got shape {y.shape}")
    return y


def _value(name: str, x: Any) -> Any:
    """The plain number of what may be traced."""
    try:
        return np.array(stop_gradient(as_tensor(x)).numpy())
    except ConcretizationError as error:
        raise ArgumentError(
            f"{name}: the steps are chosen by values, which are not known while tracing; write "
            f"the steps out (such as Runge-Kutta 4) over a fixed grid of times"
        ) from error


def _steps(
    name: str, method: str, slope: Slope, start: float, y: Tensor, stop: float, options: Any
) -> list[float]:
    """The times to which SciPy's solver steps, the first one included."""
    solver_class = getattr(import_module("scipy.integrate"), method)

    def plain(t: float, y: Any) -> Any:
        return _value(name, slope(t, y)).reshape(y.shape)

    solver = solver_class(plain, start, _value(name, y), stop, **options)
    times = [start]
    while solver.status == "running":
        message = solver.step()
        if solver.status == "failed" or len(times) > _MOST_STEPS:
            raise RangeError(
                f"{name}: {message or 'the steps become too many'} at t = {solver.t:g}; is the "
                f"problem stiff, or the tolerance too tight?"
            )
        times.append(solver.t)
    return times


def _combined(stages: Sequence[Tensor], weights: Any) -> Tensor:
    total: Any = 0.0
    for stage, weight in zip(stages, weights, strict=False):
        if weight:
            total = total + float(weight) * stage
    result: Tensor = total if isinstance(total, Tensor) else 0.0 * stages[0]
    return result


class _Walk:
    """The steps of one method, with tensors."""

    def __init__(self, method: str, slope: Slope, y: Tensor, t: float) -> None:
        self.method = getattr(import_module("scipy.integrate"), method)
        self._slope = slope
        self.t, self.y, self.last = t, y, self.slope(t, y)
        self.stages: list[Tensor] = []
        self.before = y

    def slope(self, t: float, y: Tensor) -> Tensor:
        """The right-hand side as a tensor in the shape of `y`."""
        return reshape(as_tensor(self._slope(t, y), y.dtype), y.shape)

    def step(self, to: float) -> None:
        """Go to the time `to`."""
        h = to - self.t
        stages = [self.last]
        rows = zip(self.method.A[1:], self.method.C[1:], strict=True)
        for count, (weights, place) in enumerate(rows, 1):
            inner = self.y + h * _combined(stages, weights[:count])
            stages.append(self.slope(self.t + float(place) * h, inner))
        new = self.y + h * _combined(stages, self.method.B)
        self.last = self.slope(to, new)
        self.stages = [*stages, self.last]
        self.before, self.y, self.start, self.t = self.y, new, self.t, to

    def between(self, t: float) -> Tensor:
        """The solution within the last step, by the method's interpolation."""
        part = (t - self.start) / (self.t - self.start)
        powers = part ** np.arange(1, self.method.P.shape[1] + 1)
        weights = self.method.P @ powers
        result: Tensor = self.before + (self.t - self.start) * _combined(self.stages, weights)
        return result


def solve_ivp(
    fun: Callable[..., Any],
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    **options: Any,
) -> OdeResult:
    """The solution of y' = fun(t, y) with y(t0) = y0, by "RK45" or "RK23".

    Differentiable by y0, `args` and whatever else `fun` depends on; not by times.

    >>> from adjoint.scipy.integrate import solve_ivp
    >>> solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], rtol=1e-10, atol=1e-12).y[0, -1]
    Tensor(0.36787944)
    """
    name = "scipy.integrate.solve_ivp"
    try:
        _known(name, method, dense_output, events, options)
    except ArgumentError as error:
        given = (fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args)
        found: OdeResult = by_scipy(name, error, given, options)
        return found
    slope: Slope = fun if args is None else lambda t, y: fun(t, y, *args)
    start, stop = (float(constant(name, "t_span", t)) for t in t_span)
    y = _start(name, y0)
    fixed = {key: constant(name, key, value)[()] for key, value in options.items()}
    times = _steps(name, method, slope, start, y, stop, fixed)
    walk = _Walk(method, slope, y, start)
    if t_eval is None:
        asked, values = times, [y]
        for to in times[1:]:
            walk.step(to)
            values.append(walk.y)
    else:
        asked = [float(t) for t in constant(name, "t_eval", t_eval)]
        values = _at(name, walk, times, asked)
    return OdeResult(
        t=np.array(asked),
        y=stack(values, axis=1),
        sol=None,
        t_events=None,
        y_events=None,
        nfev=6 * len(times),
        njev=0,
        nlu=0,
        status=0,
        message="The solver successfully reached the end of the integration interval.",
        success=True,
    )


def _known(name: str, method: Any, dense_output: Any, events: Any, options: Any) -> None:
    """Raise for what the counterpart does not know."""
    refuse(name, dense_output=(dense_output, False), events=(events, None))
    if method not in ("RK45", "RK23"):
        raise unsupported(name, "method", method, 'give "RK45" or "RK23"')
    for key in options:
        if key not in ("rtol", "atol", "max_step", "first_step"):
            raise unsupported(name, key, options[key], "leave it out")


def _at(name: str, walk: _Walk, times: list[float], asked: list[float]) -> list[Tensor]:
    """The solution at the times asked for, which lie in the order of the steps."""
    forward = times[-1] >= times[0]
    ordered = sorted(asked, reverse=not forward)
    low, high = sorted((times[0], times[-1]))
    if asked != ordered or any(not low <= t <= high for t in asked):
        raise RangeError(f"{name}: t_eval must lie within t_span, in its order")
    values, pending = [], list(asked)
    while pending and pending[0] == times[0]:
        values.append(walk.y)
        pending.pop(0)
    for to in times[1:]:
        if not pending:
            break
        walk.step(to)
        while pending and (pending[0] <= to if forward else pending[0] >= to):
            values.append(walk.between(pending.pop(0)))
    return values


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    args: tuple[Any, ...] = (),
    Dfun: Any = None,
    col_deriv: Any = 0,
    full_output: Any = 0,
    ml: Any = None,
    mu: Any = None,
    rtol: Any = None,
    atol: Any = None,
    tcrit: Any = None,
    h0: Any = 0.0,
    hmax: Any = 0.0,
    hmin: Any = 0.0,
    ixpr: Any = 0,
    mxstep: Any = 0,
    mxhnil: Any = 0,
    mxordn: Any = 12,
    mxords: Any = 5,
    printmessg: Any = 0,
    tfirst: bool = False,
) -> Tensor:
    """The solution of y' = func(y, t) with y(t[0]) = y0 at the times `t`, one a row.

    By an explicit method of order 8 with the tolerances asked for, not SciPy's LSODA: the numbers
    agree within these tolerances, and a stiff problem is refused. Not differentiable by times.

    >>> from adjoint.scipy.integrate import odeint
    >>> odeint(lambda y, t: -y, [1.0], [0.0, 1.0])[1]
    Tensor([0.36787944])
    """
    name = "scipy.integrate.odeint"
    refuse(name, full_output=(bool(full_output), False), tcrit=(tcrit, None))
    y = _start(name, y0)
    slope: Slope = (lambda t, y: func(t, y, *args)) if tfirst else (lambda t, y: func(y, t, *args))
    times = [float(x) for x in constant(name, "t", t)]
    tolerances = {"rtol": rtol, "atol": atol}
    fixed = {
        key: 1.49012e-8 if value is None else constant(name, key, value)[()]
        for key, value in tolerances.items()
    }
    rows = [y]
    walk = _Walk("DOP853", slope, y, times[0])
    for start, stop in itertools.pairwise(times):
        for to in _steps(name, "DOP853", slope, start, walk.y, stop, fixed)[1:]:
            walk.step(to)
        rows.append(walk.y)
    return stack(rows)
