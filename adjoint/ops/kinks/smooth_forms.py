"""Smooth compositions of pieces that are not smooth, recognised when they are differentiated.

|x|² is smooth at 0 though |x| is not. A derivative rule of |x| can only say what |x| does, so it
cannot give |x|² the right second derivative; the composition must be known as what it is. The
same holds for the square of a root, of a norm, of hypot, for roots of sums of squares, for
max(x, -x), max(x, x), and for x log x, whose slope at 0 is -∞ though the product rule says 0·∞.

Each function here finds the `smooth_form` of an operation: from a node it makes the smooth form, or
None. It leaves out the nodes between, |x| in |x|², so each rule asks of what it looks through
whether it may (`_opaque`). A node that let go of its inputs has nothing left to look through.

Rules look but few levels down. A smooth form is an ordinary tensor: a sweep that follows it asks
for those of its nodes in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import wraps
from typing import Any

import numpy as np

from adjoint.graph import calls
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import broadcast_shapes

_LOOK = 4
"""How many levels of nodes a rule looks through."""
_SIGNS = 64
"""How many changes of sign a rule looks through."""
_TERMS = 8
"""How many terms a sum of squares may have, if they are added one by one."""
_SIZES = frozenset({"abs", "hypot", "norm2", "sqrt"})
"""What is smooth when squared."""
_SIGNED = frozenset({"abs", "maximum", "minimum", "negative"})
_SQUARED = _SIZES | _SIGNED | {"reshape"}
_LOGS = frozenset({"log"})
_COMPOSED = _SQUARED | _LOGS | {"astype"}
_PRODUCTS = frozenset({"square", "multiply", "divide"})
_POSITIVE = frozenset({"exp", "exp2", "expit", "cosh", "square", "abs", "norm2", "hypot"})
"""What is never negative, whatever it is computed of."""


Rule = Callable[[Node, AbstractSet[Node]], Tensor | None]


def _of_its_dtype(rule: Rule) -> Rule:
    """`rule`, with a result in the dtype of the node."""

    @wraps(rule)
    def converted(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
        found = rule(node, kept)
        return found if found is None or found.dtype == node.dtype else found.astype(node.dtype)

    return converted


@_of_its_dtype
def square(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """x² for |x|², and its like."""
    x = _unrounded(node.inputs[0], kept)
    return _square_of(x, kept) if x.op.name in _SQUARED else None


@_of_its_dtype
def power(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """(x²)ⁿ for |x|²ⁿ, and its like."""
    x = _unrounded(node.inputs[0], kept)
    n = node.params[0]
    found = _square_of(x, kept) if n % 2 == 0 and x.op.name in _SQUARED else None
    return None if found is None else calls.power(found, n // 2)


def product(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """x² for |x| |x|, and its like; x log x as one function."""
    a, b = node.inputs
    if a.op.name in _COMPOSED or b.op.name in _COMPOSED:
        return _product(node, kept)
    return None


@_of_its_dtype
def _product(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    a, b = (_unrounded(x, kept) for x in node.inputs)
    first, second = a.op.name, b.op.name
    if first in _SQUARED and _same(a, b, kept):
        return _square_of(a, kept)
    if second in _LOGS:
        return _x_log_x(a, b, kept)
    return _x_log_x(b, a, kept) if first in _LOGS else None


@_of_its_dtype
def root(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """|x| for √(x²), the norm for the root of a sum of squares."""
    return _root_of(_unrounded(node.inputs[0], kept), kept)


@_of_its_dtype
def larger(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """|x| for max(x, -x), x for max(x, x)."""
    x = _size_of(node, kept)
    return twice(node, kept) if x is None else calls.abs(x)


@_of_its_dtype
def smaller(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """-|x| for min(x, -x), x for min(x, x)."""
    x = _size_of(node, kept)
    return twice(node, kept) if x is None else -calls.abs(x)


@_of_its_dtype
def twice(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """x where both inputs are x, which a maximum or minimum would take for a kink."""
    a, b = (_unrounded(x, kept) for x in node.inputs)
    return Tensor(a) if a.shape == node.shape and _same(a, b, kept) else None


def _opaque(x: Node, kept: AbstractSet[Node]) -> bool:
    """Whether one must not, or cannot, look through `x`."""
    return not x.inputs or x in kept


def _unrounded(x: Node, kept: AbstractSet[Node]) -> Node:
    """What was converted between floating dtypes to make `x`, or `x` itself: rounding has the
    derivative of the identity, and functions of what is stored in bfloat16 end with it."""
    found = x
    for _ in range(2 * _LOOK):
        if x.op.name != "astype" or _opaque(x, kept) or x.inputs[0].dtype.kind not in "fV":
            break
        x = x.inputs[0]
        if x.dtype.kind == "f":
            found = x
    return found


def _same(a: Node, b: Node, kept: AbstractSet[Node], look: int = _LOOK) -> bool:
    """Whether `b` is `a`, or made in the same way, so that `a` can stand for it."""
    if a is b:
        return True
    if a.op is not b.op or a.params != b.params or not look or _opaque(b, kept):
        return False
    pairs = zip(a.inputs, b.inputs, strict=False)
    return len(a.inputs) == len(b.inputs) and all(_same(p, q, kept, look - 1) for p, q in pairs)


def _square_of(x: Node, kept: AbstractSet[Node], look: int = _LOOK) -> Tensor | None:
    """x² where it is smoother than x."""
    base = _unsigned(x, kept)
    if base.op.name in _SIGNED and _unsigned(base, kept) is not base:
        return None  # deeper than a rule looks; a form here would have a form of its own, and so on
    if _opaque(base, kept) or not look:
        return None if base is x else calls.square(Tensor(base))
    u = Tensor(base.inputs[0])
    match base.op.name:
        case "abs":  # of a complex number
            return _squared_size(u)
        case "sqrt":
            return u if u.node.dtype.kind == "c" else calls.nonnegative(u)
        case "hypot":
            return calls.square(u) + calls.square(Tensor(base.inputs[1]))
        case "norm2":
            return calls.sum(_squared_size(u), *base.params)
        case "reshape" if u.node.op.name in _SQUARED:
            found = _square_of(u.node, kept, look - 1)
            return None if found is None else calls.reshape(found, x.shape)
    return None if base is x else calls.square(Tensor(base))


def _unsigned(x: Node, kept: AbstractSet[Node]) -> Node:
    """A node that is `x` or its opposite, element by element, and as smooth or smoother."""
    for _ in range(_SIGNS):
        if x.op.name not in _SIGNED or _opaque(x, kept):
            break
        if x.op.name in ("abs", "negative"):
            if x.inputs[0].dtype.kind == "c":
                break
            x = _unrounded(x.inputs[0], kept)
        else:
            found = _size_of(x, kept)
            if found is None:
                break
            x = found.node
    return x


def _squared_size(u: Tensor) -> Tensor:
    """|u|²."""
    if u.node.dtype.kind == "c":
        return calls.square(calls.real(u)) + calls.square(calls.imag(u))
    return calls.square(u)


def _x_log_x(x: Node, log: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """x log x, or -x log x."""
    if _opaque(log, kept):
        return None
    u = _unrounded(log.inputs[0], kept)
    if u is x:
        return calls.x_log_x(Tensor(x))
    if x.op.name == "negative" and not _opaque(x, kept) and _unrounded(x.inputs[0], kept) is u:
        return -calls.x_log_x(Tensor(u))
    return None


def _root_of(x: Node, kept: AbstractSet[Node], look: int = _LOOK) -> Tensor | None:
    """√x where x is a square or a sum of squares of real numbers, weighted perhaps."""
    if _opaque(x, kept) or not look:
        return None
    first, last = _unrounded(x.inputs[0], kept), _unrounded(x.inputs[-1], kept)
    match x.op.name:
        case "square" | "multiply" | "add" | "divide" if bases := _squared_terms(x, kept, look):
            return _length(bases)
        case "sum":
            u = _root_of_term(first, kept)
            return None if u is None else calls.norm2(u, *x.params)
        case "matmul" if x.shape == (1, 1):
            a, b = _flat(first, kept), _flat(last, kept)
            if a is not None and b is not None:
                terms = calls.multiply(Tensor(a), Tensor(b)).node
                u = _root_of_term(terms, kept)
                return None if u is None else calls.reshape(calls.norm2(u), x.shape)
        case "reshape":
            found = _root_of(first, kept, look - 1)
            return None if found is None else calls.reshape(found, x.shape)
        case "multiply" | "divide":  # twice the sum, or the mean, of squares
            for inner, c in ((first, last), (last, first))[: 1 + (x.op.name == "multiply")]:
                found = (
                    _root_of(inner, kept, look - 1) if is_weight(c, x.op.name == "divide") else None
                )
                if found is not None:
                    return _with(x.op.name, found, calls.sqrt(Tensor(c)))
    return None


def _length(bases: list[Tensor]) -> Tensor:
    """The root of the sum of the squares of `bases`, element by element."""
    if len(bases) > 1 and (whole := _in_line(bases)) is not None:
        bases = [whole]
    if len(bases) > 2:
        shape = broadcast_shapes("norm", *(u.shape for u in bases))
        return calls.norm2(calls.stack([calls.broadcast_to(u, shape) for u in bases]), 0)
    if len(bases) == 2:
        return calls.hypot(*bases)
    (u,) = bases
    return u if u.node.op.name in _SIZES else calls.abs(u)


def _in_line(bases: list[Tensor]) -> Tensor | None:
    """√(a² + b² + …) u for a u, b u, …, with known numbers a, b, …"""
    total = 0.0
    first, _ = _scaled(bases[0].node)
    for base in bases:
        u, number = _scaled(base.node)
        if u is not first:
            return None
        total += number * number
    return calls.multiply(Tensor(first), total**0.5)


def _scaled(x: Node) -> tuple[Node, float]:
    """u and c, where x is c u and c a known number."""
    if x.op.name not in ("multiply", "divide") or not x.inputs:
        return x, 1.0
    u, c = x.inputs
    number = _number(c)
    if number is None and x.op.name == "multiply":
        u, number = c, _number(u)
    if number is None:
        return x, 1.0
    inner, scale = _scaled(u)
    return inner, scale * number if x.op.name == "multiply" else scale / number


def _number(x: Node) -> float | None:
    """The number that x is, or the root of it, if it is known."""
    if x.op.name == "sqrt" and x.inputs:
        inner = _number(x.inputs[0])
        return None if inner is None else inner**0.5
    return float(x.value) if x.shape == () and is_constant(x) else None


def _squared_terms(x: Node, kept: AbstractSet[Node], look: int) -> list[Tensor]:
    """u, v, … where x is u² + v² + …, of a few terms; else nothing."""
    bases: list[Tensor] = []
    left = [x]
    while left:
        term = _unrounded(left.pop(), kept)
        if term.op.name == "add" and not _opaque(term, kept) and len(bases) + len(left) < _TERMS:
            left += reversed(term.inputs)
            continue
        base = _squared(term, kept)
        if base is None and term is not x:
            base = _root_of(term, kept, look - 1)
        if base is None:
            return []
        bases.append(base)
    return bases


def _flat(x: Node, kept: AbstractSet[Node]) -> Node | None:
    """The real vector of which x is a reshape."""
    if x.op.name != "reshape" or _opaque(x, kept):
        return None
    u = x.inputs[0]
    return u if len(u.shape) == 1 and u.dtype.kind == "f" else None


def is_weight(x: Node, divides: bool, look: int = _LOOK) -> bool:
    """Whether x is certainly not negative, nor 0 if it `divides`, by its value or its making."""
    if is_constant(x):
        value = np.asarray(x.value)
        if value.dtype.kind not in "fiu":
            return False
        return bool(np.all(value > 0 if divides else value >= 0))
    if not x.inputs or not look:
        return False
    if x.op.name in ("multiply", "divide", "add", "broadcast_to", "reshape", "sum"):
        return all(is_weight(child, divides, look - 1) for child in x.inputs)
    return x.op.name in _POSITIVE


def _squared(x: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """u where x is the square of a real u; √w u where it is w u², w not negative."""
    if x.dtype.kind != "f" or x.op.name not in _PRODUCTS or _opaque(x, kept):
        return None
    bases: list[tuple[str, Tensor]] = []
    alone: list[tuple[str, Node]] = []
    for sign, factor in _factors(x, kept):
        twin = next(
            (n for n, (s, y) in enumerate(alone) if s == sign and _same(factor, y, kept)), None
        )
        if twin is None:
            alone.append((sign, factor))
        else:
            bases.append((sign, Tensor(_unsigned(alone.pop(twin)[1], kept))))
    if not any(sign == "multiply" for sign, _ in bases):
        return None
    if not all(is_weight(factor, sign == "divide") for sign, factor in alone):
        return None
    bases.sort(key=lambda pair: pair[0] != "multiply")
    bases += [(sign, calls.sqrt(Tensor(factor))) for sign, factor in alone]
    (_, result), *others = bases
    for sign, base in others:
        result = _with(sign, result, base)
    return result


def _root_of_term(x: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """u where the sum of x, over all axes or some, is that of u²."""
    u = _squared(x, kept)
    return _vector_of(x, kept) if u is None else u


def _factors(x: Node, kept: AbstractSet[Node]) -> list[tuple[str, Node]]:
    """What x is a product and a quotient of: with what, and how it goes into it."""
    found: list[tuple[str, Node]] = []
    left = [("multiply", x)]
    while left:
        sign, node = left.pop()
        node = _unrounded(node, kept)
        other = "divide" if sign == "multiply" else "multiply"
        if node.op.name not in _PRODUCTS or _opaque(node, kept) or len(found) + len(left) > _TERMS:
            found.append((sign, node))
        elif node.op.name == "square":
            found += [(sign, _unrounded(node.inputs[0], kept))] * 2
        else:
            first, second = node.inputs
            left += [(sign, first), (other if node.op.name == "divide" else sign, second)]
    return found


def _vector_of(x: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """√A u where x is the vector u (A u), A known and positive semidefinite."""
    if x.op.name != "multiply" or _opaque(x, kept) or len(x.shape) != 1:
        return None
    for u, moved in (x.inputs, x.inputs[::-1]):
        product = moved.inputs[0] if moved.op.name == "reshape" and moved.inputs else None
        if product is None or product.op.name != "matmul" or _opaque(product, kept):
            continue
        for a, side in (product.inputs, product.inputs[::-1]):
            vector = _flat(side, kept)
            if vector is not None and _same(u, vector, kept) and is_constant(a):
                root = _root_of_matrix(np.asarray(a.value))
                return None if root is None else calls.matmul(root, Tensor(u))
    return None


def _root_of_matrix(a: Any) -> Any:
    """A matrix R with |R u|² = uᵀ A u; None if there is none."""
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not np.isfinite(a).all():
        return None
    values, vectors = np.linalg.eigh((a + a.T) / 2)
    if values.min(initial=0.0) < -8 * np.finfo(a.dtype).eps * values.max(initial=0.0) * len(a):
        return None
    return np.sqrt(np.maximum(values, 0))[:, None] * vectors.T


def _size_of(x: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """u where x is max(u, -u) or min(u, -u)."""
    a, b = (_unrounded(y, kept) for y in x.inputs)
    for u, v in ((a, b), (b, a)):
        is_opposite = v.op.name == "negative" and not _opaque(v, kept)
        if is_opposite and _unrounded(v.inputs[0], kept) is u:
            return Tensor(u)
    return None


def _with(name: str, a: Tensor, b: Tensor) -> Tensor:
    """a b for "multiply", a / b for "divide"."""
    return calls.multiply(a, b) if name == "multiply" else calls.divide(a, b)
