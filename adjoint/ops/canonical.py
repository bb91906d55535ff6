"""Smooth compositions of pieces that are not smooth, recognised when they are differentiated.

|x|² is smooth at 0 though |x| is not. A derivative rule of |x| can only say what |x| does, so it
cannot give |x|² the right second derivative; the composition must be known as what it is. The
same holds for the square of a root, of a norm, of hypot, for roots of sums of squares, for
max(x, -x), and for x log x, whose slope at 0 is -∞ though the product rule says 0·∞.

Each function here is the `smooth` rule of an operation: from a node it makes the smooth form, or
None. A form leaves out the nodes between, |x| in |x|², so each rule asks of what it looks through
whether it may (`_opaque`). A node that let go of its inputs has nothing left to look through.

Rules look but few levels down. A form is an ordinary tensor: a sweep that follows it asks for the
forms of its nodes in turn.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from adjoint.graph.node import Node
from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor

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


def square(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """x² for |x|², and its like."""
    (x,) = node.inputs
    return _square_of(x, kept) if x.op.name in _SQUARED else None


def power(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """(x²)ⁿ for |x|²ⁿ, and its like."""
    (x,) = node.inputs
    n = node.params[0]
    found = _square_of(x, kept) if n % 2 == 0 and x.op.name in _SQUARED else None
    return None if found is None else _call("power", found, n // 2)


def product(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """x² for |x| |x|, and its like; x log x as one function."""
    a, b = node.inputs
    first, second = a.op.name, b.op.name
    if first in _SQUARED and _same(a, b, kept):
        return _square_of(a, kept)
    if second in _LOGS:
        return _x_log_x(a, b, kept)
    return _x_log_x(b, a, kept) if first in _LOGS else None


def root(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """|x| for √(x²), the norm for the root of a sum of squares."""
    return _root_of(node.inputs[0], kept)


def larger(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """|x| for max(x, -x)."""
    x = _size_of(node, kept)
    return None if x is None else _call("abs", x)


def smaller(node: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """-|x| for min(x, -x)."""
    x = _size_of(node, kept)
    return None if x is None else -_call("abs", x)


def _opaque(x: Node, kept: AbstractSet[Node]) -> bool:
    """Whether one must not, or cannot, look through `x`."""
    return not x.inputs or x in kept


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
        return None if base is x else _call("square", Tensor(base))
    u = Tensor(base.inputs[0])
    match base.op.name:
        case "abs":  # of a complex number
            return _squared_size(u)
        case "sqrt":
            return u if u.node.dtype.kind == "c" else _call("nonnegative", u)
        case "hypot":
            return _call("square", u) + _call("square", Tensor(base.inputs[1]))
        case "norm2":
            return _call("sum", _squared_size(u), *base.params)
        case "reshape" if u.node.op.name in _SQUARED:
            found = _square_of(u.node, kept, look - 1)
            return None if found is None else _call("reshape", found, x.shape)
    return None if base is x else _call("square", Tensor(base))


def _unsigned(x: Node, kept: AbstractSet[Node]) -> Node:
    """A node that is `x` or its opposite, element by element, and as smooth or smoother."""
    for _ in range(_SIGNS):
        if x.op.name not in _SIGNED or _opaque(x, kept):
            break
        if x.op.name in ("abs", "negative"):
            if x.inputs[0].dtype.kind == "c":
                break
            x = x.inputs[0]
        else:
            found = _size_of(x, kept)
            if found is None:
                break
            x = found.node
    return x


def _squared_size(u: Tensor) -> Tensor:
    """|u|²."""
    if u.node.dtype.kind == "c":
        return _call("square", _call("real", u)) + _call("square", _call("imag", u))
    return _call("square", u)


def _x_log_x(x: Node, log: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """x log x, or -x log x."""
    if _opaque(log, kept):
        return None
    u = log.inputs[0]
    if u is x:
        return _call("x_log_x", Tensor(x))
    if x.op.name == "negative" and not _opaque(x, kept) and x.inputs[0] is u:
        return -_call("x_log_x", Tensor(u))
    return None


def _root_of(x: Node, kept: AbstractSet[Node], look: int = _LOOK) -> Tensor | None:
    """√x where x is a square or a sum of squares of real numbers."""
    if _opaque(x, kept) or not look:
        return None
    first = x.inputs[0]
    match x.op.name:
        case "square" | "multiply" | "add" if bases := _squared_terms(x, kept):
            return _length(bases)
        case "sum":
            u = _squared(first, kept)
            return None if u is None else _call("norm2", u, *x.params)
        case "matmul" if x.shape == (1, 1):
            vector = _flat(first, kept)
            if vector is not None and vector is _flat(x.inputs[1], kept):
                return _call("reshape", _call("norm2", Tensor(vector)), x.shape)
        case "reshape":
            found = _root_of(first, kept, look - 1)
            return None if found is None else _call("reshape", found, x.shape)
        case "divide" if _positive(x.inputs[1]):  # the mean of squares
            found = _root_of(first, kept, look - 1)
            return None if found is None else found / _call("sqrt", Tensor(x.inputs[1]))
    return None


def _length(bases: list[Tensor]) -> Tensor:
    """The root of the sum of the squares of `bases`, element by element."""
    if len(bases) > 2:
        return _call("norm2", _call("stack", _call("broadcast_arrays", *bases)), 0)
    if len(bases) == 2:
        return _call("hypot", *bases)
    (u,) = bases
    return u if u.node.op.name in _SIZES else _call("abs", u)


def _squared_terms(x: Node, kept: AbstractSet[Node]) -> list[Tensor]:
    """u, v, … where x is u² + v² + …, of a few terms; else nothing."""
    bases: list[Tensor] = []
    left = [x]
    while left:
        term = left.pop()
        if term.op.name == "add" and not _opaque(term, kept) and len(bases) + len(left) < _TERMS:
            left += reversed(term.inputs)
            continue
        base = _squared(term, kept)
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


def _positive(x: Node) -> bool:
    """Whether x is a known positive number."""
    return x.op.name == "constant" and x.shape == () and bool(x.value > 0)


def _squared(x: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """u where x is the square of a real u; √c u where it is c u² or u²/c, c a known number."""
    u = _base(x, kept)
    if u is not None or x.op.name not in ("multiply", "divide") or _opaque(x, kept):
        return u
    inner, c = x.inputs
    if x.op.name == "multiply" and _positive(inner):
        inner, c = c, inner
    u = _base(inner, kept) if _positive(c) else None
    return None if u is None else _call(x.op.name, u, _call("sqrt", Tensor(c)))


def _base(x: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """u where x is the square of a real u."""
    if x.dtype.kind != "f" or _opaque(x, kept):
        return None
    u, v = x.inputs[0], x.inputs[-1]
    if x.op.name == "square" or (x.op.name == "multiply" and _same(u, v, kept)):
        return Tensor(_unsigned(u, kept))
    return None


def _size_of(x: Node, kept: AbstractSet[Node]) -> Tensor | None:
    """u where x is max(u, -u) or min(u, -u)."""
    a, b = x.inputs
    for u, v in ((a, b), (b, a)):
        if v.op.name == "negative" and not _opaque(v, kept) and v.inputs[0] is u:
            return Tensor(u)
    return None


def _call(name: str, *args: object) -> Tensor:
    result: Tensor = FUNCTIONS[name](*args)
    return result
