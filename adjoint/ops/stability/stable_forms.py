"""Stable forms: logarithms and quotients of exponentials that overflow though the result does not.

log(sum(exp(x))), exp(x) / sum(exp(x)), 1 / (1 + exp(-x)), log(cosh(x)) are ordinary numbers at
±1000, but their pieces are not. Each function here is the `stable_form` of an operation that
completes such a composition: from a node it makes the stable form, or None. A few compositions are
functions that exist (expit, softplus, logsumexp, tanh); all others are computed with exponents of
their own (`adjoint.ops.stability.exponents`), which changes nothing as long as nothing overflows.

Values and derivatives follow the form; the graph stays as it was written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from adjoint.graph import calls
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.ops.stability.exponents import ExponentExtractor, TooLarge, alike, fraction, is_lowered
from adjoint.ops.stability.scaled_numbers import (
    Scaled,
    difference,
    is_excess,
    is_one,
    number,
    power,
    product,
    quotient,
    softplus,
    total,
)

FormRule = Callable[[Node, AbstractSet[Node]], Tensor | None]

_GROWING = frozenset({"exp", "expm1", "cosh", "sinh", "add", "subtract", "sum", "matmul"})
_COMBINED = frozenset(
    {
        *("multiply", "divide", "reciprocal", "negative", "square", "sqrt", "power_const"),
        *("reshape", "broadcast_to", "permute_dims", "slice", "gather", "where"),
    }
)
_READ = _GROWING | _COMBINED
_INVERSES = frozenset({"divide", "reciprocal", "power_const"})
_POWERS = frozenset({"exp", "cosh", "sinh"})


def form_rule(rule: FormRule) -> FormRule:
    """`rule`, for real numbers, and with a result of the shape of the node."""

    def checked(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
        if node.dtype.kind != "f":
            return None
        try:
            found = rule(node, kept)
        except TooLarge:
            return None
        if found is not None and found.shape != node.shape:
            found = calls.broadcast_to(found, node.shape)
        return found

    checked.__doc__ = rule.__doc__
    return checked


@form_rule
def divided(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """a / b where b is made of exponentials."""
    a, b = node.inputs
    if b.op.name not in _READ:
        return None
    extractor = ExponentExtractor(kept)
    if not extractor.can_see_exponential(b):
        return None
    found = _known(extractor, a, b)
    if found is not None:
        return found
    below = extractor.extract(b)
    if below is None:
        return None
    return _value(quotient(extractor.extract(a) or _leaf(a), below), node)


@form_rule
def inverted(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """1 / b, and negative powers of b, where b is made of exponentials."""
    (b,) = node.inputs
    n = node.params[0] if node.params else -1
    if n >= 0 or b.op.name not in _READ:
        return None
    extractor = ExponentExtractor(kept)
    if not extractor.can_see_exponential(b):
        return None
    if n == -1:
        found = _known(extractor, None, b)
        if found is not None:
            return found
    below = extractor.extract(b)
    if below is None:
        return None
    m = None if below.exponent is None else below.exponent * n
    r = None if below.factor is None else calls.power(below.factor, n)
    return _value(Scaled(m, r), node)


@form_rule
def multiplied(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """exp(a) times 1 / b where b is made of exponentials."""
    a, b = node.inputs
    if a.op.name not in _POWERS:
        a, b = b, a
    if a.op.name not in _POWERS or b.op.name not in _INVERSES:
        return None
    extractor = ExponentExtractor(kept)
    if not extractor.can_see_exponential(b):
        return None
    first, second = extractor.extract(a), extractor.extract(b)
    if first is None or second is None or second.exponent is None:
        return None
    m = total(first.exponent, second.exponent)
    return _value(Scaled(m, product(first.factor, second.factor)), node)


def logarithm(scale: float, log: Callable[[Tensor], Tensor]) -> FormRule:
    """The rule of the logarithm `log`, which is `scale` times the natural one."""

    @form_rule
    def rule(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
        """log(r eᵐ) = m + log r"""
        (x,) = node.inputs
        if x.op.name not in _READ and x.op.name not in ("softmax", "expit"):
            return None
        extractor = ExponentExtractor(kept, deep=True)
        if not extractor.can_see_exponential(x):
            return None
        found = _log_of_known(extractor, x)
        if found is not None:
            return found if scale == 1 else found * scale
        parts = extractor.extract(x)
        if parts is None or parts.exponent is None:
            return None
        m, r = parts.exponent, parts.factor
        if r is None:
            return m if scale == 1 else m * scale
        taken = m if is_excess(m.node) else calls.excess(calls.stop_gradient(m))
        if taken is not m:
            r = r * calls.exp_within(m - taken)
        return (taken if scale == 1 else taken * scale) + log(r)

    return rule


@form_rule
def logarithm_of_one_more(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """log(1 + r eᵐ)"""
    (x,) = node.inputs
    if x.op.name not in _READ and x.op.name != "softmax":
        return None
    extractor = ExponentExtractor(kept, deep=True)
    if not extractor.can_see_exponential(x):
        return None
    if x.op.name == "exp":
        return softplus(Tensor(x.inputs[0]))
    if x.op.name == "expm1":
        return Tensor(x.inputs[0])
    if x.op.name == "negative":
        u = _logit(extractor, x.inputs[0])
        if u is not None:
            return -softplus(u)
    parts = ExponentExtractor(kept).extract(x)
    if parts is None or parts.exponent is None:
        return None
    m, r = parts
    taken = calls.excess(calls.maximum(calls.stop_gradient(m), 0.0))
    inner = product(r, power(difference(m, taken)))
    assert inner is not None
    return taken + calls.log1p(inner + calls.expm1(-taken))


def _leaf(x: Node) -> Scaled:
    return Scaled(None, None if is_one(x) else Tensor(x))


def _value(x: Scaled, node: Node) -> Tensor:
    """The number r eᵐ itself."""
    found = product(x.factor, power(x.exponent))
    return number(1.0, node) if found is None else found


# Compositions that are functions of their own.


def _pure(extractor: ExponentExtractor, x: Node | None) -> Tensor | float | None:
    """u where x is exp(u); 0 where it is 1."""
    if x is None or is_one(x):
        return 0.0
    if x.op.name == "exp" and not extractor.opaque(x):
        return Tensor(x.inputs[0])
    return None


def _difference(
    extractor: ExponentExtractor, a: Tensor | float, b: Tensor | float
) -> Tensor | None:
    """a - b, unless both are numbers."""
    if isinstance(a, Tensor):
        return a - b if isinstance(b, Tensor) else a
    return _opposite(extractor, b) if isinstance(b, Tensor) else None


def _opposite(extractor: ExponentExtractor, x: Tensor) -> Tensor:
    """-x"""
    if x.node.op.name == "negative" and not extractor.opaque(x.node):
        return Tensor(x.node.inputs[0])
    return -x


def _logistic(extractor: ExponentExtractor, a: Node | None, b: Node) -> Tensor | None:
    """u where a / b is 1 / (1 + exp(-u)): p / (p + q) of exponentials p and q."""
    if b.op.name != "add" or extractor.opaque(b):
        return None
    share = _pure(extractor, a)
    p, q = (_pure(extractor, x) for x in b.inputs)
    if share is None or p is None or q is None:
        return None
    for this, other in ((p, q), (q, p)):
        if _equal(extractor, share, this):
            return _difference(extractor, this, other)
    return None


def _equal(extractor: ExponentExtractor, a: Tensor | float, b: Tensor | float) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return alike(a.node, b.node, extractor.kept)
    return not isinstance(a, Tensor) and not isinstance(b, Tensor)


def _logit(extractor: ExponentExtractor, x: Node) -> Tensor | None:
    """u where x is the logistic function of u, or one less it."""
    if extractor.opaque(x):
        return None
    if x.op.name == "expit":
        return Tensor(x.inputs[0])
    if x.op.name == "subtract" and is_one(x.inputs[0]):
        u = _logit(extractor, x.inputs[1])
        return None if u is None else _opposite(extractor, u)
    parts = fraction(extractor, x)
    return None if parts is None else _logistic(extractor, *parts)


def _known(extractor: ExponentExtractor, a: Node | None, b: Node) -> Tensor | None:
    """a / b where it is a logistic function or a hyperbolic tangent."""
    u = _logistic(extractor, a, b)
    if u is not None:
        return calls.expit(u)
    if a is None or extractor.opaque(a):
        return None
    if (
        a.op.name == "sinh"
        and b.op.name == "cosh"
        and alike(a.inputs[0], b.inputs[0], extractor.kept)
    ):
        return calls.tanh(Tensor(b.inputs[0]))
    if a.op.name == "subtract" and b.op.name == "add":
        p, q = (_pure(extractor, x) for x in a.inputs)
        terms = [r for x in b.inputs if (r := _pure(extractor, x)) is not None]
        if p is None or q is None or len(terms) < 2:
            return None
        for r, s in (terms, terms[::-1]):
            if _equal(extractor, p, r) and _equal(extractor, q, s):
                u = _difference(extractor, p, q)
                return None if u is None else calls.tanh(0.5 * u)
    return None


def _log_of_known(extractor: ExponentExtractor, x: Node) -> Tensor | None:
    """log x where x is a logistic function or a sum of exponentials."""
    u = _logit(extractor, x)
    if u is not None:
        return -softplus(_opposite(extractor, u))
    if x.op.name == "add":
        p, q = (_pure(extractor, y) for y in x.inputs)
        if isinstance(p, Tensor) and isinstance(q, Tensor):
            return calls.logaddexp(p, q)
        if isinstance(p, Tensor) and q is not None:
            return softplus(p)
        if isinstance(q, Tensor) and p is not None:
            return softplus(q)
    if x.op.name == "reshape" and not extractor.opaque(x):
        inner = _log_of_known(extractor, x.inputs[0]) if x.inputs[0].op.name == "sum" else None
        return None if inner is None else calls.reshape(inner, x.shape)
    if x.op.name == "sum" and not extractor.opaque(x):
        (y,) = x.inputs
        if y.op.name == "exp" and not extractor.opaque(y) and not is_lowered(y.inputs[0]):
            return calls.logsumexp(Tensor(y.inputs[0]), x.params[0])
    return None


logarithm_e = logarithm(1.0, lambda x: calls.log(x))
logarithm_2 = logarithm(1 / math.log(2.0), lambda x: calls.log2(x))
logarithm_10 = logarithm(1 / math.log(10.0), lambda x: calls.log10(x))
