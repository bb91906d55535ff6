"""Derivatives of any order along a curve: taylor, jet, taylor_ode."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any

from adjoint.api.arguments import check_callable, function_name, like, zeros_like
from adjoint.api.derivatives import tangents_of
from adjoint.api.traced_call import TracedCall
from adjoint.api.tree import same_structure
from adjoint.errors import ArgumentError
from adjoint.graph.node import Node
from adjoint.graph.op import Coefficients
from adjoint.graph.tensor import Tensor
from adjoint.transforms import taylor as transform


def taylor(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], order: int
) -> list[Any]:
    """The Taylor coefficients c₀, c₁, …, c_order of t ↦ f(primals + t tangents) at t = 0.

    The derivative of order k along the direction `tangents` is k! cₖ. `primals` and `tangents` are
    tuples of pytrees with the same structures and shapes, as for `jvp`; each coefficient is a tree
    like the value of `f`, of its shapes and dtypes. All orders together cost O(order²) evaluations.
    Where a kink is met, coefficients from the second on are nan, with a `KinkWarning`. Raises
    `ArgumentError`, `ShapeError`, `DTypeError` naming the argument at fault.

    Griewank and Walther, Evaluating Derivatives, chapter 13.

    >>> import adjoint as ad
    >>> ad.taylor(lambda x: ad.exp(x), (0.0,), (1.0,), order=3)
    [Tensor(1.), Tensor(1.), Tensor(0.5), Tensor(0.16666667)]
    """
    check_order("taylor", order, 0)
    check_pair("taylor", f, primals, tangents, "tangents", "(v,)")
    with TracedCall("taylor", f, nested=order > 1) as traced:
        traced.scope.order = order
        arguments = traced.open(primals)
        seeds = tangents_of("taylor", arguments, tangents)
        given: dict[Node, Coefficients] = {
            node: [Tensor(node), seed, *[None] * (order - 1)][: order + 1]
            for node, seed in seeds.items()
        }
        outputs = traced.tensors(arguments.given, {})
        found = coefficients(outputs, given, traced, order)
    return [traced.unflatten(row) for row in found]


def jet(
    f: Callable[..., Any], primals: Sequence[Any], series: Sequence[Sequence[Any]]
) -> tuple[Any, list[Any]]:
    """The value of `f` and its derivatives along a curve, for those of the curve itself.

    ``series[i]`` lists the derivatives x', x'', … of argument i by t at t = 0, trees like
    ``primals[i]``; all lists are equally long. Returns the value and a list of the derivatives of
    t ↦ f(x(t)). As ``jax.experimental.jet.jet``. These are derivatives, k! times the coefficients
    of `taylor`.

    >>> import adjoint as ad
    >>> ad.jet(lambda x: ad.sin(x), (0.0,), ([1.0, 0.0, 0.0],))
    (Tensor(0.), [Tensor(1.), Tensor(0.), Tensor(-1.)])
    """
    check_pair("jet", f, primals, series, "series", "([v],)")
    lengths = {len(terms) if isinstance(terms, (list, tuple)) else -1 for terms in series}
    if len(lengths) != 1 or -1 in lengths:
        raise ArgumentError(
            "jet: series must hold a list of derivatives for each primal, all of one length; "
            "write jet(f, (x,), ([x1, x2],)), with zeros where there is none"
        )
    (order,) = lengths
    with TracedCall("jet", f, nested=order > 1) as traced:
        traced.scope.order = order
        arguments = traced.open(primals)
        rows = [tangents_of("jet", arguments, [s[k] for s in series]) for k in range(order)]
        given: dict[Node, Coefficients] = {
            node: [
                Tensor(node),
                *[row[node] / math.factorial(k) for k, row in enumerate(rows, start=1)],
            ]
            for node in arguments.nodes
        }
        outputs = traced.tensors(arguments.given, {})
        value, *rest = coefficients(outputs, given, traced, order)
    factors = [math.factorial(k) for k in range(1, order + 1)]
    scaled = [[x * n for x in row] for n, row in zip(factors, rest, strict=True)]
    return traced.unflatten(value), [traced.unflatten(row) for row in scaled]


def taylor_ode(f: Callable[[Any, Any], Any], t0: Any, y0: Any, order: int) -> list[Any]:
    """The Taylor coefficients at `t0` of the solution y of y' = f(t, y) with y(t0) = y0.

    `f` is as for SciPy's solve_ivp; `y0` is a pytree, and `f` returns one like it. The solution is
    y(t0 + h) ≈ Σ cₖ hᵏ. The right side is traced once, and each coefficient takes those before it,
    so that all of them cost O(order²). Raises `ArgumentError`, `ShapeError`, `DTypeError`.

    Corliss and Chang, Solving Ordinary Differential Equations Using Taylor Series, 1982.

    >>> import adjoint as ad
    >>> ad.taylor_ode(lambda t, y: -2 * t * y, 0.0, 1.0, order=4)  # exp(-t²)
    [Tensor(1.), Tensor(-0.), Tensor(-1.), Tensor(0.), Tensor(0.5)]
    """
    check_callable("taylor_ode", f)
    check_order("taylor_ode", order, 0)
    with TracedCall("taylor_ode", f, nested=order > 1) as traced:
        arguments = traced.open((t0, y0))
        (time,), states = (one.nodes for one in arguments.traced)
        outputs = traced.tensors(arguments.given, {})
        rates = _rates(f, outputs, states, traced.structure, arguments.traced[1].structure)
        rows = transform.solution_coefficients(rates, states, time, traced.scope, order)
        found = by_order(rows, [Tensor(y) for y in states])
    return [arguments.traced[1].unflatten(row) for row in found]


def _rates(
    f: Any, outputs: Sequence[Tensor], states: Sequence[Node], found: Any, wanted: Any
) -> list[Node]:
    """What a right side returned, checked against the state."""
    if not same_structure(found, wanted):
        raise ArgumentError(
            f"taylor_ode: {function_name(f)} returned structure {found}, the state y0 has "
            f"{wanted}; return the derivative of each part of the state"
        )
    rates = []
    for y, rate in zip(states, outputs, strict=True):
        rates.append(
            like(Tensor(y), rate, f"taylor_ode: what {function_name(f)} returned", "y0").node
        )
    return rates


def coefficients(
    outputs: Sequence[Tensor], given: Mapping[Node, Coefficients], traced: TracedCall, order: int
) -> list[list[Tensor]]:
    """For each order the coefficients of all outputs."""
    nodes = [y.node for y in outputs]
    return by_order(transform.coefficients(nodes, given, traced.scope, order), outputs)


def by_order(rows: Sequence[Coefficients], like: Sequence[Tensor]) -> list[list[Tensor]]:
    """For each order the coefficients in all rows, with zeros for what is zero."""
    return [
        [zeros_like(y) if x is None else x for y, x in zip(like, column, strict=True)]
        for column in zip(*rows, strict=True)
    ]


def check_order(name: str, order: Any, least: int) -> None:
    """Raise `ArgumentError` unless `order` is a whole number, `least` or more."""
    if not isinstance(order, Integral) or isinstance(order, bool) or order < least:
        raise ArgumentError(f"{name}: order must be a whole number, {least} or more, got {order!r}")


def check_pair(name: str, f: Any, primals: Any, others: Any, what: str, shown: str) -> None:
    """Raise `ArgumentError` unless `f` is a function, and `primals` and `others` are tuples with an
    entry for each argument."""
    check_callable(name, f)
    for label, given in (("primals", primals), (what, others)):
        if not isinstance(given, (tuple, list)):
            raise ArgumentError(
                f"{name}: {label} must be a tuple with one entry per argument, got "
                f"{type(given).__name__}; write {name}(f, (x,), {shown})"
            )
    if len(primals) != len(others):
        raise ArgumentError(
            f"{name}: {len(primals)} primals but {len(others)} {what} were given; give one for each"
        )
