"""Smooth compositions of pieces that are not smooth, recognised when they are built.

|x|² is smooth at 0 though |x| is not. A derivative rule of |x| can only say what |x| does, so it
cannot give |x|² the right second derivative; the composition must be known as what it is. The
same holds for the square of a root, of a norm, of hypot, for √(x²), for max(x, -x), and for
x log x, whose slope at 0 is -∞ though the product rule says 0·∞.

Each rule is a pair: the names of the operations it looks out for among the inputs, and a function
of the input nodes that makes the smooth form, or None. A node that has its value and let go of its
inputs has nothing to differentiate, so there is nothing to recognise.

The smooth form leaves out the nodes between: z = |x| is not below z² = x². So nothing is rewritten
that depends on a variable made by hand, where a user may ask for the derivative by z itself; inside
grad, jvp and their kin only the arguments are ever asked for.
"""

from __future__ import annotations

from adjoint.graph.node import ALWAYS, Node
from adjoint.graph.op import FUNCTIONS
from adjoint.graph.tensor import Tensor

SQUARED = frozenset({"abs", "hypot", "norm2", "reshape", "sqrt"})


def _kept(x: Node) -> bool:
    """Whether nothing must, or need, be left out below `x`."""
    return not x.inputs or (x.scope is not None and ALWAYS in x.scope.members)


def square_of(x: Node) -> Tensor | None:
    """x² where it is smoother than x."""
    if _kept(x):
        return None
    u = Tensor(x.inputs[0])
    match x.op.name:
        case "abs":
            return _squared_size(u)
        case "sqrt":
            return u if u.node.dtype.kind == "c" else _call("nonnegative", u)
        case "hypot":
            return _call("square", u) + _call("square", Tensor(x.inputs[1]))
        case "norm2":
            return _call("sum", _squared_size(u), *x.params)
        case "reshape" if u.node.op.name in SQUARED:
            found = square_of(u.node)
            return None if found is None else _call("reshape", found, x.shape)
    return None


def _squared_size(u: Tensor) -> Tensor:
    """|u|²."""
    if u.node.dtype.kind == "c":
        return _call("square", _call("real", u)) + _call("square", _call("imag", u))
    return _call("square", u)


def product_of(a: Node, b: Node) -> Tensor | None:
    """a b where it is smoother than its factors."""
    if a.op is b.op and a.inputs == b.inputs and a.params == b.params:
        return square_of(a)
    for x, y in ((a, b), (b, a)):
        if y.op.name == "log" and not _kept(y) and y.inputs[0] is x:
            return _call("x_log_x", Tensor(x))
    return None


def root_of(x: Node) -> Tensor | None:
    """√x where x is a square or a sum of squares of real numbers."""
    if _kept(x):
        return None
    inner = x.inputs[0]
    match x.op.name:
        case "square" | "multiply":
            u = _squared(x)
            return None if u is None else _call("abs", u)
        case "sum":
            u = _squared(inner)
            return None if u is None else _call("norm2", u, *x.params)
        case "reshape" if inner.op.name == "sum":
            found = root_of(inner)
            return None if found is None else _call("reshape", found, x.shape)
    return None


def _squared(x: Node) -> Tensor | None:
    """u where x is the square of a real u."""
    if x.dtype.kind != "f" or not x.inputs:
        return None
    if x.op.name == "square" or (x.op.name == "multiply" and x.inputs[0] is x.inputs[1]):
        return Tensor(x.inputs[0])
    return None


def larger_of(a: Node, b: Node) -> Tensor | None:
    """max(x, -x) as |x|."""
    x = _opposite(a, b)
    return None if x is None else _call("abs", x)


def smaller_of(a: Node, b: Node) -> Tensor | None:
    """min(x, -x) as -|x|."""
    x = _opposite(a, b)
    return None if x is None else -_call("abs", x)


def _opposite(a: Node, b: Node) -> Tensor | None:
    for x, y in ((a, b), (b, a)):
        if y.op.name == "negative" and not _kept(y) and y.inputs[0] is x:
            return Tensor(x)
    return None


def _call(name: str, *args: object) -> Tensor:
    result: Tensor = FUNCTIONS[name](*args)
    return result


SQUARE = SQUARED, square_of
PRODUCT = SQUARED | {"log"}, product_of
ROOT = frozenset({"multiply", "reshape", "square", "sum"}), root_of
LARGER = frozenset({"negative"}), larger_of
SMALLER = frozenset({"negative"}), smaller_of
