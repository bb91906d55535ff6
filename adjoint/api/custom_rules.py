"""Rules of users for the derivatives of their functions: custom_jvp and custom_vjp, as in JAX."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable, check_step, function_name
from adjoint.api.custom_signature import CallOfRule, Derivative, Signature
from adjoint.api.rule_results import adjoints_like_arguments, pair_of, results_like
from adjoint.api.stepping import traced
from adjoint.api.traced_rule import called, looked_at, plainly
from adjoint.api.tree import flatten
from adjoint.errors import ArgumentError
from adjoint.graph.tensor import as_tensor


class WithRule:
    """A function with a rule. Calling it is calling the function, but for its derivatives."""

    transform = ""
    definition = ""
    __name__: str

    def __init__(self, f: Callable[..., Any], nondiff_argnums: int | Sequence[int] = ()) -> None:
        check_callable(self.transform, f)
        functools.update_wrapper(self, f)
        self.f = f
        given = (nondiff_argnums,) if isinstance(nondiff_argnums, int) else tuple(nondiff_argnums)
        if any(not isinstance(n, int) or n < 0 for n in given):
            raise ArgumentError(
                f"{self.transform}: nondiff_argnums={nondiff_argnums!r} must be positions of "
                f"arguments, counted from 0"
            )
        self.nondiff_argnums = tuple(sorted(given))

    def has_rule(self) -> bool:
        """Whether the rule was defined."""
        raise NotImplementedError

    def form(self, rule: str, arguments: str) -> str:
        """How a rule is called: first with what has no derivatives."""
        fixed = "*nondiff_args, " if self.nondiff_argnums else ""
        return f"{rule}({fixed}{arguments})"

    def state(self, call: CallOfRule) -> Derivative:
        """What the rule returns on variables."""
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.has_rule():
            raise ArgumentError(
                f"{self.transform}: no rule was defined for {function_name(self.f)}; define it "
                f"with {function_name(self.f)}.{self.definition}"
            )
        given = positional(self.transform, self.f, args, kwargs)
        missing = [n for n in self.nondiff_argnums if n >= len(given)]
        if missing:
            raise ArgumentError(
                f"{self.transform}: nondiff_argnums names argument {missing[0]}, but "
                f"{function_name(self.f)} was called with {len(given)}"
            )
        signature = Signature(self, given)
        is_plain = id(self) in looked_at()
        if is_plain or not any(x.node.varies() for x in signature.leaves):
            values, structure = plainly(self, given)
            if is_plain or not any(x.node.varies() for x in values):
                return structure.unflatten(values)
        return called(signature)


class custom_jvp(WithRule):
    """`f` with a forward derivative of your own, which `defjvp` defines. As ``jax.custom_jvp``.

    The rule takes the arguments and their tangents, two tuples, and returns the value of ``f`` and
    its tangent. It must be linear in the tangents; reverse mode then follows by transposing it.
    Higher derivatives are those of the rule. `nondiff_argnums` are positions of arguments that are
    passed on as they are, before the tuples.

    >>> import adjoint as ad
    >>> @ad.custom_jvp
    ... def f(x):
    ...     return ad.exp(x)
    >>> @f.defjvp
    ... def rule(primals, tangents):
    ...     (x,), (t,) = primals, tangents
    ...     y = f(x)
    ...     return y, y * t
    >>> ad.grad(f)(0.0), ad.jvp(f, (0.0,), (2.0,))[1]
    (Tensor(1.), Tensor(2.))
    """

    transform = "custom_jvp"
    definition = "defjvp(rule)"
    rule: Callable[..., Any] | None = None

    def has_rule(self) -> bool:
        return self.rule is not None

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Define the rule ``(primals, tangents) -> (value, tangent)``; returns it."""
        form = self.form("rule", "primals, tangents")
        check_step("defjvp", "rule", rule, form, 2 + len(self.nondiff_argnums))
        self.rule = rule
        return rule

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Define a rule ``(tangent, value, *primals) -> tangent`` for each argument; None is 0."""

        def rule(primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
            value = self(*primals)
            terms = [
                own(t, value, *primals)
                for own, t in zip(rules, tangents, strict=True)
                if own is not None
            ]
            return value, functools.reduce(_tree_sum, terms, _tree_zeros(value))

        self.defjvp(rule)

    def state(self, call: CallOfRule) -> Derivative:
        """The tangents of the results, made of variables for those of the arguments."""
        assert self.rule is not None
        signature = call.signature
        seeds = call.vectors(call.variables)
        what = f"custom_jvp: the rule of {function_name(self.f)}"
        primals = signature.trees(call.leaves())
        found = traced(self.rule, (*signature.fixed, primals, signature.trees(seeds)))
        value, tangent = pair_of(what, "(value, tangent)", found)
        results_like(f"{what} returned a value", value, call)
        tangents = results_like(f"{what} returned a tangent", tangent, call)
        return Derivative(
            "forward", call.moving(call.variables), seeds, call.moving(call.results), tangents
        )


class custom_vjp(WithRule):
    """`f` with a reverse derivative of your own, which `defvjp` defines. As ``jax.custom_vjp``.

    ``fwd`` takes the arguments of ``f`` and returns its value and whatever ``bwd`` needs beside the
    adjoint of the value: ``bwd(residuals, adjoint)`` returns a tuple with an adjoint for each
    argument, or None for zero. Where ``bwd`` is linear in the adjoint, as a derivative is, forward
    mode follows by transposing it. `nondiff_argnums` are as in `custom_jvp`.

    >>> import adjoint as ad
    >>> @ad.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda _, v: (ad.clip(v, -1.0, 1.0),))
    >>> ad.grad(lambda x: 5.0 * clipped(x))(2.0)
    Tensor(1.)
    """

    transform = "custom_vjp"
    definition = "defvjp(fwd, bwd)"
    fwd: Callable[..., Any] | None = None
    bwd: Callable[..., Any]

    def has_rule(self) -> bool:
        return self.fwd is not None

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Define ``fwd(*args) -> (value, residuals)``, ``bwd(residuals, adjoint) -> adjoints``."""
        check_callable("defvjp", fwd)
        form = self.form("bwd", "residuals, adjoint")
        check_step("defvjp", "bwd", bwd, form, 2 + len(self.nondiff_argnums))
        self.fwd, self.bwd = fwd, bwd

    def state(self, call: CallOfRule) -> Derivative:
        """The adjoints of the arguments, made of variables for those of the results."""
        assert self.fwd is not None
        signature = call.signature
        name = function_name(self.f)
        arguments = signature.arguments(call.leaves())
        check_step("custom_vjp", "fwd", self.fwd, f"fwd(*args), as {name} is", len(arguments))
        found = traced(self.fwd, arguments)
        what = f"custom_vjp: fwd of {name}"
        value, residuals = pair_of(what, "(value, residuals)", found)
        results_like(f"{what} returned a value", value, call)
        seeds = call.vectors(call.results)
        adjoint = call.structure.unflatten(seeds)
        returned = traced(self.bwd, (*signature.fixed, residuals, adjoint))
        shares = adjoints_like_arguments(f"custom_vjp: bwd of {name}", returned, call)
        targets = [n for n, x in enumerate(shares) if x is not None]
        return Derivative("backward", call.moving(call.results), seeds, targets, shares)


def positional(
    transform: str, f: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[Any, ...]:
    """All arguments by position, defaults included."""
    try:
        bound = inspect.signature(f).bind(*args, **kwargs)
    except ValueError:  # it has no signature, as functions written in C
        bound = None
    if bound is not None:
        bound.apply_defaults()
    rest = kwargs if bound is None else bound.kwargs
    if rest:
        raise ArgumentError(
            f"{transform}: {function_name(f)} was called with keyword arguments {list(rest)} that "
            f"have no position; a function with a rule takes its arguments by position"
        )
    return tuple(args) if bound is None else bound.args


def _tree_sum(a: Any, b: Any) -> Any:
    left, structure = flatten(a)
    return structure.unflatten([x + y for x, y in zip(left, flatten(b)[0], strict=True)])


def _tree_zeros(tree: Any) -> Any:
    leaves, structure = flatten(tree)
    return structure.unflatten([as_tensor(np.zeros(x.shape, x.dtype)) for x in leaves])
