"""Initial value problems of ``scipy.integrate``.

SciPy chooses the steps, on plain numbers. The same method then goes over the same steps once more
with tensors, so the numbers are SciPy's, and the derivatives are those of these numbers, the steps
held fixed. Of BDF and LSODA, methods of many steps, the derivatives are those of Radau's method at
the same tolerances.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64
from adjoint.ops.shape.joining import stack
from adjoint.scipy.common import by_scipy, constant, refuse, unsupported
from adjoint.scipy.integrate.steps import value_of
from adjoint.scipy.integrate.trajectory import (
    EXPLICIT,
    Problem,
    Solution,
    Trajectory,
    moves,
    radau_run,
)

__all__ = ["OdeResult", "odeint", "solve_ivp"]

_IMPLICIT = ("Radau", "BDF", "LSODA")
_OPTIONS = (
    *("rtol", "atol", "max_step", "first_step", "min_step", "jac", "jac_sparsity"),
    *("lband", "uband"),
)
_NUMBERS = ("rtol", "atol", "max_step", "first_step", "min_step")
_MOST_CALLS = 200_000


class _TooManyCalls(Exception):
    """An explicit method takes too many steps."""


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
    """The solution of y' = fun(t, y) with y(t0) = y0, by any method of SciPy's.

    Differentiable by y0, `args` and whatever else `fun` and `events` depend on, and by the times
    `t_span` and `t_eval`. The times of events, in `t_events`, have their derivatives by the
    implicit function theorem; with a terminal event so has the end of the solution. What chooses
    steps (tolerances, `max_step`, ...) is constant. With an implicit method, `fun` must not look
    at the values of y (by ``if``), and is differentiated for `jac` where that is not given.

    >>> import adjoint as ad
    >>> from adjoint.scipy.integrate import solve_ivp
    >>> solve_ivp(lambda t, y: -y, (0.0, 1.0), [1.0], rtol=1e-10, atol=1e-12).y[0, -1]
    Tensor(0.36787944)
    >>> fall = lambda t, y, g: [y[1], -g]
    >>> ground = lambda t, y, g: y[0]
    >>> def landing(g):
    ...     found = solve_ivp(fall, (0, 9), [2.0, 0.0], events=ground, args=(g,))
    ...     return found.t_events[0][0]
    >>> ad.grad(landing)(4.0)
    Tensor(-0.125)
    """
    name = "scipy.integrate.solve_ivp"
    try:
        _known(name, method, options)
    except ArgumentError as error:
        given = (fun, t_span, y0, method, t_eval, dense_output, events, vectorized, args)
        found: OdeResult = by_scipy(name, error, given, options)
        return found
    f = _with_args(fun, args)
    if vectorized:
        f = lambda t, y: _with_args(fun, args)(t, y[:, None])
    problem = Problem(name, f, _start(name, y0))
    span = [as_tensor(t, FLOAT64) for t in t_span]
    wanted = None if t_eval is None else _times(name, t_eval, span)
    functions = _functions(events, args)
    fixed = _fixed(name, problem, method, options, args)
    run = _run(problem, method, span, wanted, functions, fixed)
    problem.traced = problem.traced or any(map(moves, [*span, *(wanted or [])]))
    if not problem.traced:
        later = Solution(lambda: _path(problem, method, run, span, fixed), run.sol)
        return OdeResult({**run, "y": as_tensor(run.y), "sol": later if dense_output else None})
    path = _path(problem, method, run, span, fixed)
    sol = Solution(lambda: path, run.sol) if dense_output else None
    return OdeResult({**run, "sol": sol, **_with_tensors(path, run, span, wanted, functions)})


def _with_args(f: Callable[..., Any], args: Any) -> Callable[..., Any]:
    return f if args is None else lambda t, y: f(t, y, *args)


def _functions(events: Any, args: Any) -> list[Any]:
    """The functions of events, with the attributes that SciPy looks at."""
    found = []
    for event in [] if events is None else [events] if callable(events) else events:
        g = _with_args(event, args)
        found.append((g, getattr(event, "terminal", None), getattr(event, "direction", 0)))
    return found


def _times(name: str, t_eval: Any, span: Sequence[Tensor]) -> list[Any]:
    """The times asked for, which lie within the span, in its order."""
    times = as_tensor(t_eval, FLOAT64)
    if times.ndim != 1:
        raise ShapeError(f"{name}: t_eval needs one axis, got shape {times.shape}")
    values = value_of(name, times)
    first, last = (float(value_of(name, t)) for t in span)
    low, high = min(first, last), max(first, last)
    steps = np.diff(values) * (1 if last >= first else -1)
    if np.any(steps <= 0) or np.any(values < low) or np.any(values > high):
        raise RangeError(f"{name}: t_eval must lie within t_span, in its order")
    return [times[i] if moves(times) else float(x) for i, x in enumerate(values)]


def _fixed(name: str, problem: Problem, method: str, options: Any, args: Any) -> dict[str, Any]:
    """The options, as plain numbers; with an exact Jacobian where the method takes one."""
    fixed = {
        key: constant(name, key, value)[()] if key in _NUMBERS else value
        for key, value in options.items()
    }
    jac = options.get("jac")
    if callable(jac):
        fixed["jac"] = problem.plain(_with_args(jac, args))
    elif jac is not None:
        fixed["jac"] = constant(name, "jac", jac)
    elif problem.start.dtype.kind == "c":
        return fixed
    elif method in _IMPLICIT and not {"jac_sparsity", "lband", "uband"} & set(options):
        fixed["jac"] = problem.matrix
    return fixed


def _run(
    problem: Problem, method: str, span: Any, wanted: Any, functions: Any, fixed: dict[str, Any]
) -> Any:
    """SciPy's solution on plain numbers."""
    calls = 0

    def slope(t: float, y: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > _MOST_CALLS:
            raise RangeError(
                f"{problem.name}: the steps become too many at t = {t:g}; is the problem stiff "
                f'(method "Radau"), or the tolerance too tight?'
            )
        return problem.plain_slope(t, y)

    events = []
    for g, terminal, direction in functions:
        event: Any = problem.plain(g)
        event.terminal, event.direction = terminal, direction
        events.append(event)
    found = import_module("scipy.integrate").solve_ivp(
        slope,
        tuple(float(value_of(problem.name, t)) for t in span),
        problem.start,
        method,
        None if wanted is None else [float(value_of(problem.name, t)) for t in wanted],
        True,
        events or None,
        **fixed,
    )
    if found.status < 0:
        at = found.sol.ts[-1] if found.sol is not None else float(value_of(problem.name, span[0]))
        raise RangeError(
            f"{problem.name}: {found.message} at t = {at:g}; is the problem stiff (method "
            f'"Radau"), or the tolerance too tight?'
        )
    return found


def _path(problem: Problem, method: str, run: Any, span: Any, fixed: dict[str, Any]) -> Trajectory:
    """The same solution with tensors."""
    steps = run.sol
    if method in ("BDF", "LSODA"):
        if problem.start.dtype.kind == "c":
            what = "give an explicit method, or the real and imaginary parts as the state"
            raise unsupported(problem.name, "method", method, f"y0 is complex; {what}")
        last = steps.interpolants[-1].t if steps.interpolants else steps.ts[-1]
        steps = radau_run(problem, steps.ts[0], last, fixed).sol
    return Trajectory(problem, method, steps, span[0], problem.y0)


def _with_tensors(
    path: Trajectory, run: Any, span: Any, wanted: Any, functions: Any
) -> dict[str, Any]:
    """The times, states and events of a run, differentiable."""
    t_events, y_events = None, None
    ends: dict[float, tuple[Tensor, Tensor]] = {}
    if run.t_events is not None:
        t_events, y_events = [], []
        for (g, _, _), times, states in zip(functions, run.t_events, run.y_events, strict=True):
            pairs = [path.event(g, float(t), y) for t, y in zip(times, states, strict=True)]
            ends.update(zip(map(float, times), pairs, strict=True))
            t_events.append(stack([t for t, _ in pairs]) if pairs else as_tensor(times))
            y_events.append(stack([y for _, y in pairs]) if pairs else as_tensor(states))
    times, states = _asked(path, run, span, wanted, ends)
    t = stack([as_tensor(x, FLOAT64) for x in times]) if any(map(moves, times)) else run.t
    y = stack(states, axis=1) if states else as_tensor(run.y)
    return {"t": t, "y": y, "t_events": t_events, "y_events": y_events}


def _asked(
    path: Trajectory, run: Any, span: Any, wanted: Any, ends: dict[float, tuple[Tensor, Tensor]]
) -> tuple[list[Any], list[Tensor]]:
    """The times of the result, and the states."""
    if wanted is not None:
        times = wanted[: len(run.t)]
        states = [path.when(t, run.y[:, i]) for i, t in enumerate(times)]
        return times, states
    times = run.t.tolist()
    states = [path.at(t, run.y[:, i]) for i, t in enumerate(times)]
    times[0], states[0] = span[0] if moves(span[0]) else times[0], path.y0
    last = run.t[-1]
    if run.status == 1:
        times[-1], states[-1] = ends[float(last)]
    elif moves(span[1]):
        times[-1], states[-1] = span[1], path.when(span[1], run.y[:, -1])
    return times, states


def _known(name: str, method: Any, options: Any) -> None:
    """Raise for what the counterpart does not know."""
    if method not in (*EXPLICIT, *_IMPLICIT):
        known = ", ".join((*EXPLICIT, *_IMPLICIT))
        raise unsupported(name, "method", method, f"give one of {known}")
    for key in options:
        if key not in _OPTIONS:
            raise unsupported(name, key, options[key], "leave it out")


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

    Differentiable by y0, `args`, whatever else `func` depends on, and the times. The numbers are
    SciPy's; the derivatives are those of an explicit method of order 8 with the same tolerances, or
    of Radau's where that takes much longer, as the problem is stiff.

    >>> from adjoint.scipy.integrate import odeint
    >>> odeint(lambda y, t: -y, [1.0], [0.0, 1.0])[1]
    Tensor([0.36787947])
    """
    name = "scipy.integrate.odeint"
    refuse(name, full_output=(bool(full_output), False), tcrit=(tcrit, None))
    y = _start(name, y0)
    slope = (lambda t, y: func(t, y, *args)) if tfirst else (lambda t, y: func(y, t, *args))
    problem = Problem(name, slope, y)
    given = as_tensor(t, FLOAT64)
    values = value_of(name, given)
    times = [given[i] if moves(given) else float(x) for i, x in enumerate(values)]
    if len(times) < 2:
        return stack([y] * len(times)) if times else as_tensor(np.zeros((0, *y.shape)))
    tolerances = {
        key: 1.49012e-8 if value is None else constant(name, key, value)[()]
        for key, value in {"rtol": rtol, "atol": atol}.items()
    }
    limits = {"h0": h0, "hmax": hmax, "hmin": hmin, "mxstep": mxstep, "mxhnil": mxhnil}
    orders = {"mxordn": mxordn, "mxords": mxords, "ml": ml, "mu": mu}
    found, info = _by_lsoda(problem, values, **tolerances, **limits, **orders)
    if not (problem.traced or any(map(moves, times))):
        return as_tensor(found)
    method, run = _either(problem, values, tolerances, 2000 + 10 * int(info["nfe"][-1]))
    path = Trajectory(problem, method, run.sol, times[0], y)
    return stack([y, *(path.when(at, x) for at, x in zip(times[1:], found[1:], strict=True))])


def _by_lsoda(problem: Problem, times: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
    """What ``scipy.integrate.odeint`` finds on plain numbers, and what it says of its steps."""
    found, info = import_module("scipy.integrate").odeint(
        problem.plain_slope, problem.start, times, full_output=True, tfirst=True, **options
    )
    if info["message"] != "Integration successful.":
        raise RangeError(f"{problem.name}: SciPy says: {info['message']}")
    return found, info


def _either(problem: Problem, times: Any, tolerances: Any, budget: int) -> tuple[str, Any]:
    """SciPy's solution by the explicit method, or by Radau's if that calls too often."""
    calls = 0

    def limited(t: float, y: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > budget:
            raise _TooManyCalls
        return problem.plain_slope(t, y)

    call = import_module("scipy.integrate").solve_ivp
    ends = float(times[0]), float(times[-1])
    try:
        found = call(limited, ends, problem.start, "DOP853", dense_output=True, **tolerances)
    except _TooManyCalls:
        found = None
    if found is not None and found.success:
        return "DOP853", found
    return "Radau", radau_run(problem, *ends, tolerances)
