"""How exponents are taken out of nodes, which become r eᵐ (see `scaled_numbers`).

There is a rule for each operation through which exponentials are seen. It looks at a few nodes
below, and makes the tensors r and m of them.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from adjoint.graph import calls
from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import size_of
from adjoint.ops.stability.scaled_numbers import (
    Scaled,
    exponent_to_compare,
    is_excess,
    is_one,
    largest_exponent,
    number,
    product,
    quotient,
    scaled_down,
    softplus,
    total,
)

MOST_LOOKED_AT = 200
"""How many nodes are looked at to take the exponent out of one."""
MOST_GLANCED_AT = 64
"""How many are looked at to see whether there is an exponential at all."""

MOST_FRACTIONS = 3
"""How many fractions within one another are looked through. In formulas there are one or two; in a
recurrence like x = a x / (1 + b x) there is one more in each step, and ways to a node multiply."""


class TooLarge(Exception):
    """More nodes than one is willing to look at."""


class ExponentExtractor:
    """Makes scaled numbers of nodes, without looking through those in `kept`.

    With `deep`, also what cannot overflow but can underflow to 0, which matters to a logarithm:
    exp(x - max(x)), softmax and the logistic function. Terms of a sum never need that.
    """

    def __init__(self, kept: AbstractSet[Node], deep: bool = False) -> None:
        self.kept = kept
        self.deep = deep
        self.looked = 0
        self.within = False
        """Whether `extract` is under way, which calls itself."""

    def opaque(self, x: Node) -> bool:
        """Whether one must not, or cannot, look through `x`."""
        return not x.inputs or x in self.kept or x.dtype.kind != "f"

    def extract(self, x: Node) -> Scaled | None:
        """`x` as r eᵐ; None if there is no exponential in it that one can see."""
        rule = _RULES.get(x.op.name)
        if rule is None or self.opaque(x):
            return None
        self.looked += 1
        if self.within:
            if self.looked > MOST_LOOKED_AT:
                raise TooLarge
            return rule(self, x)
        if not self.leads_to_exponential(x):
            return None
        self.within = True
        found = rule(self, x)
        self.within = False
        return found

    def leads_to_exponential(self, x: Node) -> bool:
        """Whether `extract` meets an exponential that counts.

        `TooLarge` if that could not end: it meets a node once for each way that leads to it, and in
        a recurrence ways multiply. Counting them takes far less time than making tensors in vain.
        """
        ways: dict[Node, int] = {}
        stack = [(x, 0)]
        found = False
        while stack:
            node, fractions = stack[-1]
            name, count, waiting = node.op.name, 1, False
            kind = _RULES[name]
            if kind in _EXPONENTIALS:
                found = found or self.deep or kind not in _IF_DEEP
            else:
                below = [y for y in node.inputs if y.op.name in _RULES and not self.opaque(y)]
                fractions += name in _FRACTIONS and node.inputs[-1] in below
                for y in below:
                    if y not in ways:
                        stack.append((y, fractions))
                        waiting = True
                    elif not waiting:
                        count += ways[y]
            if not waiting:
                stack.pop()
                ways[node] = count
            elif fractions > MOST_FRACTIONS:
                raise TooLarge
            if count > MOST_LOOKED_AT or len(stack) > MOST_LOOKED_AT:
                raise TooLarge
        return found

    def can_see_exponential(self, x: Node) -> bool:
        """Whether there can be an exponential in `x`: a quick look before `extract`."""
        below = [x]
        looked = 0
        while below:
            y = below.pop()
            kind = _RULES.get(y.op.name)
            if kind is None or not y.inputs or y in self.kept or y.dtype.kind != "f":
                continue
            if kind in _EXPONENTIALS:
                return True
            looked += 1
            if looked > MOST_GLANCED_AT:
                return False
            below += y.inputs
        return False

    def extract_or_keep(self, x: Node) -> Scaled:
        """`x` as r eᵐ, be it as x e⁰."""
        return self.extract(x) or Scaled(None, Tensor(x))

    def extract_term(self, x: Node) -> Scaled | None:
        """As `extract`, for a term of a sum."""
        deep, self.deep = self.deep, False
        found = self.extract(x)
        self.deep = deep
        return found


Rule: TypeAlias = "Callable[[ExponentExtractor, Node], Scaled | None]"


# The rules of operations.


def _exp(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    u = x.inputs[0]
    return Scaled(Tensor(u), None) if extractor.deep or not is_lowered(u) else None


def is_lowered(u: Node) -> bool:
    """Whether u is x - max(x), or -|x|, so that its exponential cannot overflow."""
    if u.op.name == "negative" and u.inputs:
        return u.inputs[0].op.name == "abs"
    if u.op.name != "subtract" or not u.inputs:
        return False
    top = u.inputs[1]
    while top.op.name in _VIEWS and top.inputs:
        top = top.inputs[0]
    return top.op.name in ("max", "maximum")


_VIEWS = frozenset({"reshape", "broadcast_to", "stop_gradient", "permute_dims"})


def _expm1(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    u = Tensor(x.inputs[0])
    if u.node.op.name in ("subtract", "negative") and any(map(is_excess, u.node.inputs)):
        return None  # a stable form made here
    taken = calls.excess(calls.maximum(calls.stop_gradient(u), 0.0))
    return Scaled(taken, calls.expm1(u - taken) - calls.expm1(-taken))


def _cosh(extractor: ExponentExtractor, x: Node) -> Scaled:
    """(eᵘ ± e⁻ᵘ) / 2 where u is large, else as it was written."""
    u = Tensor(x.inputs[0])
    taken = calls.excess(calls.abs(calls.stop_gradient(u)))
    rise, fall = calls.exp_within(u - taken), calls.exp_within(-u - taken)
    ends = rise + fall if x.op.name == "cosh" else rise - fall
    return Scaled(taken, calls.where(calls.equal(taken, 0.0), Tensor(x), 0.5 * ends))


def _sum_of_two(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    sign = -1 if x.op.name == "subtract" else 1
    if sign < 0:
        rest = complement(extractor, x)
        if rest is not None:
            return rest
    found = less_one(extractor, x)
    if found is not None:
        return found
    first, second = x.inputs
    a, b = extractor.extract_term(first), extractor.extract_term(second)
    if a is None and b is None:
        return None
    a = a or Scaled(None, Tensor(first))
    b = b or Scaled(None, Tensor(second))
    taken = calls.excess(calls.maximum(exponent_to_compare(a, x), exponent_to_compare(b, x)))
    most = largest_exponent(x)
    p, q = scaled_down(a, taken, most), scaled_down(b, taken, most)
    return Scaled(taken, p - q if sign < 0 else p + q)


def less_one(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    """eᵘ - 1 and 1 - eᵘ by expm1."""
    first, second = x.inputs
    if x.op.name == "add":
        return None
    for a, b in ((first, second), (second, first)):
        if is_one(b) and a.op.name == "exp" and not extractor.opaque(a) and a.shape == x.shape:
            found = _expm1(extractor, a)
            if found is not None and found.factor is not None and b is first:
                return Scaled(found.exponent, -found.factor)
            return found
    return None


def complement(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    """1 - a / (a + b) = b / (a + b), in which nothing cancels."""
    one, part = x.inputs
    if not is_one(one) or extractor.opaque(part) or part.shape != x.shape:
        return None
    if part.op.name == "expit":
        if not extractor.deep:
            return None
        return Scaled(-softplus(Tensor(part.inputs[0])), None)
    parts = fraction(extractor, part)
    if parts is None:
        return None
    share, whole = parts
    if whole.op.name != "add" or extractor.opaque(whole):
        return None
    for this, other in (whole.inputs, whole.inputs[::-1]):
        if share is this or (share is None and is_one(this)) or both_one(share, this):
            a, b = extractor.extract_or_keep(other), extractor.extract_term(whole)
            return None if b is None else quotient(a, b)
        if share is not None and same_power(extractor, share, this):
            a, b = extractor.extract_or_keep(other), extractor.extract_term(whole)
            return None if b is None else quotient(a, b)
    return None


def both_one(a: Node | None, b: Node) -> bool:
    """Whether both are the number 1."""
    return a is not None and is_one(a) and is_one(b)


def same_power(extractor: ExponentExtractor, a: Node, b: Node) -> bool:
    """Whether both are the exponential of the same, or of what was made in the same way."""
    if a.op.name != "exp" or b.op.name != "exp" or extractor.opaque(a) or extractor.opaque(b):
        return False
    return alike(a.inputs[0], b.inputs[0], extractor.kept)


def alike(a: Node, b: Node, kept: AbstractSet[Node], look: int = 4) -> bool:
    """Whether `b` is `a`, or made in the same way, so that either can stand for both."""
    if a is b:
        return True
    if a.shape == b.shape == () and is_constant(a) and is_constant(b):
        return a.dtype == b.dtype and bool(a.value == b.value)
    if a.op is not b.op or a.params != b.params or not look or not a.inputs or not b.inputs:
        return False
    if a in kept or b in kept or len(a.inputs) != len(b.inputs):
        return False
    pairs = zip(a.inputs, b.inputs, strict=True)
    return all(alike(p, q, kept, look - 1) for p, q in pairs)


def fraction(extractor: ExponentExtractor, x: Node) -> tuple[Node | None, Node] | None:
    """a and b where x is a / b; a is None for 1."""
    if extractor.opaque(x):
        return None
    if x.op.name == "divide":
        return x.inputs[0], x.inputs[1]
    if x.op.name == "reciprocal":
        return None, x.inputs[0]
    return None


def _product(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    a, b = map(extractor.extract, x.inputs)
    if a is None and b is None:
        return None
    a = a or Scaled(None, Tensor(x.inputs[0]))
    b = b or Scaled(None, Tensor(x.inputs[1]))
    return Scaled(total(a.exponent, b.exponent), product(a.factor, b.factor))


def _quotient(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    a, b = map(extractor.extract, x.inputs)
    if a is None and b is None:
        return None
    a = a or Scaled(None, None if is_one(x.inputs[0]) else Tensor(x.inputs[0]))
    return quotient(a, b or Scaled(None, Tensor(x.inputs[1])))


def _reciprocal(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    a = extractor.extract(x.inputs[0])
    return None if a is None else quotient(Scaled(None, None), a)


def _negative(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    a = extractor.extract(x.inputs[0])
    if a is None:
        return None
    return Scaled(a.exponent, number(-1.0, x) if a.factor is None else -a.factor)


def _raised(exponent: float) -> Rule:
    def rule(extractor: ExponentExtractor, x: Node) -> Scaled | None:
        n = x.params[0] if x.params else exponent
        a = extractor.extract(x.inputs[0])
        if a is None:
            return None
        m = None if a.exponent is None else a.exponent * n
        return Scaled(m, None if a.factor is None else calls.power(a.factor, n))

    return rule


def _moved(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    """What is moved is moved in both parts."""
    first, *others = x.inputs
    a = extractor.extract(first)
    if a is None:
        return None

    def moved(part: Tensor | None) -> Tensor | None:
        if part is None or part.shape == () == first.shape:
            return part if x.shape == () or part is None else remade(part)
        return remade(part)

    def remade(part: Tensor) -> Tensor:
        if part.shape != first.shape:
            part = calls.broadcast_to(part, first.shape)
        return make(x.op, (part, *map(Tensor, others)), x.params)

    return Scaled(moved(a.exponent), moved(a.factor))


def _chosen(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    condition = Tensor(x.inputs[0])
    if condition.node.op.name == "equal" and any(map(is_excess, condition.node.inputs)):
        return None  # a stable form made here
    a, b = extractor.extract_term(x.inputs[1]), extractor.extract_term(x.inputs[2])
    if a is None and b is None:
        return None
    a = a or Scaled(None, Tensor(x.inputs[1]))
    b = b or Scaled(None, Tensor(x.inputs[2]))

    def either(p: Tensor | None, q: Tensor | None, missing: float) -> Tensor | None:
        if p is None and q is None:
            return None
        none = number(missing, x)
        return calls.where(condition, none if p is None else p, none if q is None else q)

    return Scaled(either(a.exponent, b.exponent, 0.0), either(a.factor, b.factor, 1.0))


def _sum(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    (y,) = x.inputs
    axes = x.params[0]
    a = extractor.extract_term(y)
    if a is None or not size_of(y.shape):
        return None
    m = calls.broadcast_to(exponent_to_compare(a, y), y.shape)
    taken = calls.excess(calls.max(m, axes, keepdims=True))
    terms = calls.broadcast_to(scaled_down(a, taken, largest_exponent(x)), y.shape)
    return Scaled(calls.reshape(taken, x.shape), calls.sum(terms, axes))


def _matmul(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    first, second = x.inputs
    a, b = extractor.extract_term(first), extractor.extract_term(second)
    if (a is None and b is None) or not size_of(first.shape) or not size_of(second.shape):
        return None
    flat = len(first.shape) == 1, len(second.shape) == 1
    p, left = _along(a, first, -1, flat[1])
    q, right = _along(b, second, -1 if flat[1] else -2, flat[0])
    return Scaled(total(left, right), calls.matmul(p, q))


def _along(a: Scaled | None, x: Node, axis: int, squeezed: bool) -> tuple[Tensor, Tensor | None]:
    """A factor of a matrix product, and the exponents taken out along the axis that is summed."""
    if a is None:
        return Tensor(x), None
    m = calls.broadcast_to(exponent_to_compare(a, x), x.shape)
    taken = calls.excess(calls.max(m, (axis,), keepdims=True))
    factor = calls.broadcast_to(scaled_down(a, taken, largest_exponent(x)), x.shape)
    if squeezed or len(x.shape) == 1:
        return factor, calls.squeeze(taken, axis)
    return factor, taken


def _softmax(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    if not extractor.deep:
        return None
    return Scaled(calls.log_softmax(Tensor(x.inputs[0]), *x.params), None)


def _expit(extractor: ExponentExtractor, x: Node) -> Scaled | None:
    if not extractor.deep:
        return None
    return Scaled(-softplus(-Tensor(x.inputs[0])), None)


_RULES: dict[str, Rule] = {
    "exp": _exp,
    "expm1": _expm1,
    "cosh": _cosh,
    "sinh": _cosh,
    "add": _sum_of_two,
    "subtract": _sum_of_two,
    "multiply": _product,
    "divide": _quotient,
    "reciprocal": _reciprocal,
    "negative": _negative,
    "square": _raised(2),
    "sqrt": _raised(0.5),
    "power_const": _raised(1),
    "reshape": _moved,
    "broadcast_to": _moved,
    "permute_dims": _moved,
    "slice": _moved,
    "gather": _moved,
    "where": _chosen,
    "sum": _sum,
    "matmul": _matmul,
    "softmax": _softmax,
    "expit": _expit,
}
_FRACTIONS = frozenset({"divide", "reciprocal"})
_EXPONENTIALS = frozenset({_exp, _expm1, _cosh, _softmax, _expit})
_IF_DEEP = frozenset({_softmax, _expit})
