"""certify: what speaks for the derivatives of a function at a point, checked in four ways."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable, function_name, ones_like
from adjoint.api.complex_derivatives import complex_step
from adjoint.api.derivatives import jvp, push, vjp
from adjoint.api.traced_call import TracedCall
from adjoint.api.tree import flatten, map_tree
from adjoint.errors import ArgumentError
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import epsilon, is_inexact, size_of
from adjoint.ops.elementwise.complex import conj, real
from adjoint.ops.reductions.reduction import sum
from adjoint.transforms.reverse import reverse

_STEPS = 14
"""So many steps are tried, each half of the one before."""
_ABRUPT = 256
"""A remainder that vanishes as h³ is at most 32 times the noise before it is lost in it."""


@dataclass(frozen=True)
class Check:
    """One check: its `name`, whether it `passed` (None: it could not be made), what was `found`."""

    name: str
    passed: bool | None
    found: str


@dataclass(frozen=True)
class Certificate:
    """What `certify` found. Prints as a table; true if no check failed.

    `slopes` are the orders with which the remainders of the Taylor series of order 0, 1 and 2
    vanish, nan where they are too small to tell. `digits` are the decimal digits of the value that
    rounding leaves, at least, and `derivative_digits` those of the derivative along a random
    direction.
    """

    function: str
    checks: tuple[Check, ...]
    slopes: tuple[float, float, float]
    digits: float
    derivative_digits: float

    def __bool__(self) -> bool:
        return all(check.passed is not False for check in self.checks)

    def __str__(self) -> str:
        words = {True: "passed", False: "FAILED", None: "not made"}
        width = max(len(check.name) for check in self.checks)
        lines = [f"certify: {self.function}"]
        lines += [f"  {c.name:<{width}}  {words[c.passed]:<8}  {c.found}" for c in self.checks]
        return "\n".join(lines)

    __repr__ = __str__


def certify(f: Callable[..., Any], *args: Any, seed: int = 0) -> Certificate:
    """Check the derivatives of `f` at `args` along random directions, in four ways.

    1. *Dot test*: forward and reverse mode agree, ⟨w, J v⟩ = ⟨Jᵀ w, v⟩.
    2. *Taylor remainders*: f(x + h v) - f(x), also without the term of first, and of second order,
       vanishes as h, h², h³.
    3. *Complex step*, if the function is analytic and takes complex numbers: Im f(x + ih v) / h.
    4. *Rounding*: the sum of |v̄ᵢ vᵢ| ε over all intermediate results vᵢ with their adjoints v̄ᵢ
       bounds what rounding each of them once does to the result, to first order; sums count
       once for each term. It says how many digits are left.

    Returns a `Certificate`. At a kink, or where a rule of your own is wrong, the remainders tell.
    Raises as `vjp` does.

    Griewank and Walther, Evaluating Derivatives, chapter 3; Farrell et al., Automated Derivation of
    the Adjoint of High-Level Transient Finite Element Programs, 2013 (for the remainder test).

    >>> import adjoint as ad
    >>> bool(ad.certify(lambda x: ad.exp(ad.sin(x)), 0.7))
    True
    """
    check_callable("certify", f)
    rng = np.random.default_rng(seed)
    vs = tuple(map_tree(lambda x: _random(rng, x), a) for a in args)
    _, moved = jvp(f, args, vs)
    value, pullback = vjp(f, *args)
    w = map_tree(lambda y: _random(rng, y), value)
    forward, back = _inner(w, moved), _inner(pullback(w), vs)

    def phi(*x: Any) -> Tensor:
        return _dot(w, f(*x))

    digits, derivative_digits = _digits(phi, args, vs)
    left = min(digits, derivative_digits)
    eps = max(map(_precision, (value, vs)))
    checks = [_dot_test(forward, back, eps)]
    slopes, remainders = _remainders(phi, args, vs, forward, eps, -math.log10(eps) - digits)
    checks += [remainders, _complex_check(f, w, args, vs, forward, eps)]
    found = f"{digits:.1f} digits of the value left, {derivative_digits:.1f} of the derivative"
    checks.append(Check("rounding", None if math.isnan(left) else left >= 1, found))
    return Certificate(function_name(f), tuple(checks), slopes, digits, derivative_digits)


def _random(rng: np.random.Generator, x: Any) -> np.ndarray[Any, Any]:
    """Random numbers like `x`, of size about 1."""
    like = np.asarray(x)
    if like.dtype.kind in "biu" and isinstance(x, (int, np.integer)):
        like = like.astype(np.float64)
    if not is_inexact(like.dtype):
        raise ArgumentError(
            f"certify: an argument has dtype {like.dtype}, by which nothing can be differentiated; "
            f"close over it: certify(lambda x: f(x, n), x)"
        )
    drawn = rng.uniform(0.5, 1.5, like.shape) * rng.choice([-1.0, 1.0], like.shape)
    if like.dtype.kind == "c":
        drawn = drawn * np.exp(1j * rng.uniform(0, 6, like.shape))
    return np.asarray(drawn).astype(like.dtype)


def _dot(w: Any, y: Any) -> Tensor:
    """Re⟨w, y⟩ over all leaves."""
    pairs = zip(flatten(w)[0], flatten(y)[0], strict=True)
    terms = [sum(real(conj(as_tensor(a)) * b)) for a, b in pairs]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _inner(w: Any, y: Any) -> float:
    return float(_dot(w, y))


def _precision(value: Any) -> float:
    """The coarsest precision among the leaves."""
    return max(epsilon(np.asarray(y).dtype) for y in flatten(value)[0])


def _dot_test(forward: float, back: float, eps: float) -> Check:
    gap = abs(forward - back) / max(abs(forward), abs(back), np.finfo(float).tiny)
    return Check("dot test", bool(gap <= 1e4 * eps), f"forward and reverse differ by {gap:.1e}")


def _remainders(
    phi: Callable[..., Any],
    args: Sequence[Any],
    vs: Sequence[Any],
    first: float,
    eps: float,
    lost: float,
) -> tuple[tuple[float, float, float], Check]:
    """The orders of the remainders of order 0, 1 and 2, and what they say.

    `lost` digits of the value are spoilt by rounding, beyond the last of `eps`.
    """
    second = float(jvp(lambda *x: jvp(phi, x, vs)[1], args, vs)[1])
    start = float(phi(*args))
    largest = max(float(np.max(np.abs(np.asarray(x)), initial=0.0)) for x in flatten(args)[0])
    steps = 2.0 ** -np.arange(2, 2 + _STEPS) * max(largest, 1e-3)

    def at(h: float) -> float:
        def step(x: Any, v: Any) -> Any:
            return np.asarray(x) + np.asarray(h * v, v.dtype)

        return float(phi(*[map_tree(step, a, v) for a, v in zip(args, vs, strict=True)]))

    values = np.array([at(h) for h in steps])
    noise = 8 * eps * np.abs(values).max() * 10 ** max(0.0, lost)
    rests = [values - start, values - start - steps * first]
    rests.append(rests[1] - steps**2 / 2 * second)
    slopes = tuple(_slope(steps, np.abs(rest), noise) for rest in rests)
    wanted = (1, 2, 3)
    told = [(s, k) for s, k in zip(slopes, wanted, strict=True) if not math.isnan(s)]
    # A remainder may vanish faster, where a derivative is 0; never more slowly.
    passed = all(s > k - 0.35 for s, k in told) if told else None
    shown = ", ".join("too small to tell" if math.isnan(s) else f"h^{s:.2f}" for s in slopes)
    return slopes, Check("Taylor remainders", passed, f"vanish as {shown} (wanted h, h², h³)")  # type: ignore[return-value]


def _slope(steps: Any, rest: Any, noise: float) -> float:
    """The order with which a remainder vanishes, over the smallest steps at which it stands out
    from rounding; nan if there are fewer than three, or if it ends abruptly, as where larger steps
    cross a kink or a jump and smaller ones stay on a straight piece."""
    there = np.flatnonzero(rest > 4 * noise)
    if len(there) < 3 or there[-1] - there[0] + 1 != len(there):
        there = there[: np.argmax(np.diff(there) > 1) + 1] if len(there) > 1 else there
    if len(there) < 3 or (there[-1] + 1 < len(rest) and rest[there[-1]] > _ABRUPT * noise):
        return math.nan
    last = there[-4:]
    return float(np.polyfit(np.log(steps[last]), np.log(rest[last]), 1)[0])


def _complex_check(
    f: Callable[..., Any],
    w: Any,
    args: Sequence[Any],
    vs: Sequence[Any],
    forward: float,
    eps: float,
) -> Check:
    name = "complex step"
    if any(np.asarray(x).dtype.kind == "c" for x in flatten(args)[0]):
        return Check(name, None, "the arguments are complex already")
    guilty = _not_analytic(f, args)
    if guilty:
        return Check(name, None, f"{guilty} is not analytic")
    try:
        found = complex_step(f, args, vs)
    except Exception as error:
        return Check(name, None, f"the function does not take complex numbers: {error}"[:120])
    along = _inner(w, found)
    gap = abs(along - forward) / max(abs(along), abs(forward), np.finfo(float).tiny)
    return Check(name, bool(gap <= 1e4 * eps), f"differs by {gap:.1e}")


def _not_analytic(f: Callable[..., Any], args: Sequence[Any]) -> str:
    """The name of an operation that is not analytic; empty if there is none."""
    with TracedCall("certify", f) as traced:
        arguments = traced.open(args)
        outputs = traced.tensors(arguments.given, {})
        reached: set[Node] = set(arguments.nodes)
        for node in topological_order([y.node for y in outputs]):
            if node not in reached and reached.isdisjoint(node.inputs):
                continue
            reached.add(node)
            op = node.op
            if op.kinks or op.family == "comparison" or not op.takes_complex_step(node):
                return op.name
            if not is_inexact(node.dtype):
                return op.name
    return ""


def _digits(phi: Callable[..., Any], args: Sequence[Any], vs: Sequence[Any]) -> tuple[float, float]:
    """The decimal digits that rounding leaves of the value, and of its derivative along `vs`."""
    with TracedCall("certify", phi) as traced:
        arguments = traced.open(args)
        (value,) = traced.tensors(arguments.given, {})
        pairs = zip(arguments.nodes, flatten(vs)[0], strict=True)
        seeds = {x: as_tensor(v, x.dtype) for x, v in pairs}
        (tangent,) = push([value], seeds, traced.scope)
        return _digits_left(value), _digits_left(tangent)


def _digits_left(y: Tensor) -> float:
    """-log₁₀ of the relative error that rounding makes, at most, to first order."""
    adjoints = reverse([(y.node, ones_like(y))])
    # Looked at before anything is evaluated, as then nodes may forget their inputs.
    terms = {node: _terms(node) for node in adjoints if node.inputs and not node.op.moves}
    total = 0.0
    for node, count in terms.items():
        size = np.abs(np.asarray(adjoints[node].sum())) * np.abs(np.asarray(Tensor(node)))
        total += float(np.sum(size)) * count * epsilon(node.dtype) / 2
    value = abs(float(y))
    if not math.isfinite(total):
        return math.nan
    if not total:
        return -math.log10(epsilon(y.dtype))
    return max(0.0, -math.log10(total / value)) if value else 0.0


def _terms(node: Node) -> int:
    """How many numbers are added up for one of the result."""
    if node.op.combine is not None:
        return size_of(node.inputs[0].shape) // max(size_of(node.shape), 1)
    return max(node.op.elements_read(node, x, 1) for x in node.inputs)
