"""Messages: each names what is at fault, what was given, what was expected, and what to do.

One row for each mistake: what the user writes, the class of the error, the built-in it also is,
and fragments that its message must hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint import errors as E
from adjoint.graph.op import find

pytestmark = pytest.mark.unit


class Row(NamedTuple):
    """A mistake, and what must be said about it."""

    name: str
    code: Callable[[], Any]
    error: type[E.AdjointError]
    builtin: type[Exception]
    fragments: tuple[str, ...]


V = ad.asarray([1.0, 2.0])
(BUFFER,) = [np.ones(2)]
M = ad.ones((2, 3))


def weights(p):
    return ad.sum(p["w"] * 1.0)


def named(first, second):
    return ad.sum(first) * ad.sum(second) * 1.0


class Model:
    def loss(self, first, second):
        return named(first, second)

    compiled = ad.compile(loss)


SHAPES = [
    Row("add", lambda: V + ad.ones(3), E.ShapeError, ValueError,
        ("add", "(2,)", "(3,)", "axis -1", "equal or 1", "reshape")),
    Row("multiply by an array", lambda: np.ones((4, 2)) * M, E.ShapeError, ValueError,
        ("multiply", "(4, 2)", "(2, 3)")),
    Row("where", lambda: ad.where(V > 0, M, V), E.ShapeError, ValueError, ("where", "(2, 3)")),
    Row("matmul", lambda: M @ M, E.ShapeError, ValueError,
        ("matmul", "(2, 3)", "size 3", "2", ".mT")),
    Row("matmul by a vector", lambda: M @ V, E.ShapeError, ValueError,
        ("matmul", "(2, 3)", "(2,)", "only axis", "equal")),
    Row("matmul by a number", lambda: M @ 2.0, E.ShapeError, ValueError,
        ("matmul", "second operand", "0-d", "*")),
    Row("dot", lambda: ad.dot(M, M), E.ShapeError, ValueError, ("dot", "(2, 3)", "equal")),
    Row("tensordot", lambda: ad.tensordot(M, M, axes=1), E.ShapeError, ValueError,
        ("tensordot", "axis 1 of the first", "3")),
    Row("einsum", lambda: ad.einsum("ij,jk", M, M), E.ShapeError, ValueError,
        ("einsum", "'j'", "operand 1", "2", "3")),
    Row("reshape", lambda: ad.reshape(M, (4, 2)), E.ShapeError, ValueError,
        ("reshape", "(2, 3)", "6 elements", "(4, 2)", "8")),
    Row("reshape, two unknowns", lambda: M.reshape(-1, -1), E.ShapeError, ValueError,
        ("reshape", "(-1, -1)", "at most one")),
    Row("reshape, no divisor", lambda: M.reshape(4, -1), E.ShapeError, ValueError,
        ("reshape", "(4, -1)", "divide")),
    Row("broadcast_to", lambda: ad.broadcast_to(M, (3, 2)), E.ShapeError, ValueError,
        ("broadcast_to", "(2, 3)", "(3, 2)")),
    Row("squeeze", lambda: ad.squeeze(M, 0), E.ShapeError, ValueError,
        ("squeeze", "axis 0", "size 2", "not 1")),
    Row("concat", lambda: ad.concat([M, ad.ones((3, 2))]), E.ShapeError, ValueError,
        ("concat", "tensor 1", "(3, 2)", "tensor 0", "(2, 3)", "axis 0")),
    Row("stack", lambda: ad.stack([M, V]), E.ShapeError, ValueError,
        ("stack", "tensor 1", "(2,)", "concat")),
    Row("stack of nothing", lambda: ad.stack([]), E.ArgumentError, TypeError,
        ("stack", "no tensors", "at least one")),
    Row("setitem", lambda: M.copy().__setitem__(0, np.ones(2)), E.ShapeError, ValueError,
        ("setitem", "(2,)", "(3,)")),
    Row("split", lambda: ad.split(V, 3), E.ShapeError, ValueError,
        ("split", "axis 0", "size 2", "3 equal", "array_split")),
    Row("pad", lambda: ad.pad(V, (1, 2, 3)), E.ShapeError, ValueError,
        ("pad", "(1, 2, 3)", "pair", "(2,)")),
    Row("max of nothing", lambda: ad.max(ad.zeros((0, 2)), axis=0), E.ShapeError, ValueError,
        ("max", "axis 0", "(0, 2)", "empty")),
    Row("zeros of a negative size", lambda: ad.zeros((2, -1)), E.ShapeError, ValueError,
        ("zeros", "(2, -1)", "negative")),
    Row("ragged lists", lambda: ad.asarray([[1.0], [1.0, 2.0]]), E.ShapeError, ValueError,
        ("asarray", "[[1.0], [1.0, 2.0]]", "unequal lengths", "pad")),
    Row("truth of many", lambda: bool(V > 1), E.ShapeError, ValueError,
        ("bool", "(2,)", "adjoint.any", "adjoint.all")),
    Row("float of many", lambda: float(V), E.ShapeError, ValueError, ("float", "(2,)", "index")),
    Row("item of many", lambda: V.item(), E.ShapeError, ValueError, ("item", "(2,)", "index")),
]  # fmt: skip

AXES = [
    Row("too far", lambda: ad.sum(M, axis=2), E.ShapeError, ValueError,
        ("sum", "axis 2", "2 dimensions", "from -2 to 1")),
    Row("none at all", lambda: ad.sum(ad.asarray(1.0), axis=0), E.ShapeError, ValueError,
        ("sum", "axis 0", "0-d")),
    Row("not whole", lambda: ad.sum(M, axis=1.0), E.DTypeError, TypeError,
        ("sum", "axis", "integer", "float 1.0")),
    Row("a name", lambda: ad.sum(M, axis="rows"), E.DTypeError, TypeError,
        ("sum", "axis", "integer", "'rows'")),
    Row("twice", lambda: ad.mean(M, axis=(0, -2)), E.ShapeError, ValueError,
        ("(0, -2)", "twice")),
    Row("permutation", lambda: ad.permute_dims(M, (0, 0)), E.ShapeError, ValueError,
        ("permute_dims", "(0, 0)", "each of the 2 axes", "once")),
    Row("expand_dims", lambda: ad.expand_dims(M, 5), E.ShapeError, ValueError,
        ("expand_dims", "axis 5")),
    Row("softmax", lambda: ad.softmax(V, axis=3), E.ShapeError, ValueError,
        ("softmax", "axis 3")),
]  # fmt: skip

INDICES = [
    Row("out of bounds", lambda: M[5], E.OutOfBoundsError, IndexError,
        ("index 5", "axis 0", "size 2", "-2 to 1")),
    Row("too many", lambda: M[0, 0, 0], E.OutOfBoundsError, IndexError,
        ("3 indices", "(2, 3)", "2 axes")),
    Row("a fraction", lambda: M[1.5], E.DTypeError, TypeError, ("integers", "slices", "1.5")),
    Row("a name", lambda: M["a"], E.DTypeError, TypeError, ("integers", "'a'")),
    Row("a mask of another shape", lambda: M[np.array([True, False, True])], E.ShapeError,
        ValueError, ("mask", "(3,)", "(2,)", "(2, 3)")),
    Row("a tensor of fractions", lambda: V[ad.asarray(0.5)], E.DTypeError, TypeError,
        ("index tensor", "float64", ".astype('int64')")),
    Row("an array of indices", lambda: ad.take(V, [0, 5]).numpy(), E.OutOfBoundsError, IndexError,
        ("take", "index 5", "axis 0", "size 2")),
    Row("top_k", lambda: ad.top_k(V, 5), E.RangeError, ValueError,
        ("top_k", "5 elements", "(2,)", "0 to 2")),
    Row("iteration", lambda: iter(ad.asarray(1.0)), E.ArgumentError, TypeError, ("0-d", "axis")),
    Row("length", lambda: len(ad.asarray(1.0)), E.ArgumentError, TypeError, ("len", "0-d")),
    Row("a list's index", lambda: [1, 2][ad.asarray(1.0)], E.DTypeError, TypeError,
        ("integer", "float64")),
]  # fmt: skip

DTYPES = [
    Row("an object", lambda: ad.asarray(object()), E.DTypeError, TypeError,
        ("asarray", "object", "numbers")),
    Row("nothing", lambda: ad.sin(None), E.DTypeError, TypeError, ("None", "numbers")),
    Row("text", lambda: ad.sin("one"), E.DTypeError, TypeError, ("str 'one'", "numbers")),
    Row("text as a condition", lambda: ad.where("yes", V, V), E.DTypeError, TypeError,
        ("str 'yes'", "numbers")),
    Row("dates", lambda: ad.asarray(np.array(["2020-01-01"], "M8[D]")), E.DTypeError, TypeError,
        ("ndarray", "numbers")),
    Row("objects", lambda: ad.asarray(np.array([1, 2.5], object)), E.DTypeError, TypeError,
        ("ndarray of dtype object", "numpy.asarray(x, float)")),
    Row("objects that are no numbers", lambda: V * np.array([1, None]), E.DTypeError, TypeError,
        ("ndarray of dtype object", "expected numbers")),
    Row("not supported", lambda: ad.asarray([1.0], dtype=np.longdouble), E.DTypeError, TypeError,
        ("not supported", "float16/32/64")),
    Row("no dtype", lambda: ad.astype(V, "nonsense"), E.DTypeError, TypeError,
        ("'nonsense'", "not a dtype", "'float64'")),
    Row("bits of fractions", lambda: V & 1, E.DTypeError, TypeError,
        ("bitwise_and", "float64", "integer")),
    Row("floor of complex numbers", lambda: ad.floor(ad.asarray(1j)), E.DTypeError, TypeError,
        ("floor", "complex128", "floating")),
    Row("order of complex numbers", lambda: ad.max(ad.asarray([1j])), E.DTypeError, TypeError,
        ("max", "complex128", "no order", "adjoint.abs")),
    Row("a shape of text", lambda: ad.zeros("a"), E.DTypeError, TypeError,
        ("zeros", "shape", "'a'")),
    Row("full with many", lambda: ad.full(2, [1, 2]), E.ArgumentError, TypeError,
        ("full", "fill_value", "one number", "(2,)")),
    Row("a tensor by hand", lambda: ad.Tensor([1.0]), E.ArgumentError, TypeError,
        ("Tensor", "list", "adjoint.asarray")),
]  # fmt: skip

MASKED = np.ma.array([1.0, 2.0], mask=[False, True])
UNMASKED = np.ma.array([1.0, 2.0])
HALF = ("1 of the 2 elements", "masked", ".filled(number)", "adjoint.where")
PLAIN = ("numpy.ma", "plain numbers", ".filled(number)")


def called_before(f, argument):
    """Compiled, and called often enough that calls go the short way."""
    compiled = ad.compile(f)
    for _ in range(3):
        compiled(argument)
    return compiled


MASKS = [
    Row("asarray", lambda: ad.asarray(MASKED), E.DTypeError, TypeError, ("asarray", *HALF)),
    Row("in a list", lambda: ad.asarray([[1.0, 2.0], MASKED]), E.DTypeError, TypeError, HALF),
    Row("beside a tensor", lambda: ad.asarray([V, MASKED]), E.DTypeError, TypeError, HALF),
    Row("the masked element", lambda: V * np.ma.masked, E.DTypeError, TypeError, ("masked",)),
    Row("operand", lambda: V * MASKED, E.DTypeError, TypeError, HALF),
    Row("first operand", lambda: MASKED * V, E.DTypeError, TypeError, PLAIN),
    Row("first operand, nothing masked", lambda: UNMASKED * V, E.DTypeError, TypeError, PLAIN),
    Row("of a function of NumPy", lambda: np.add(MASKED, V), E.DTypeError, TypeError, HALF),
    Row("condition", lambda: ad.where(MASKED > 1, V, V), E.DTypeError, TypeError, HALF),
    Row("choice", lambda: ad.compress(MASKED > 1, V), E.DTypeError, TypeError, HALF),
    Row("index", lambda: V[MASKED > 1], E.DTypeError, TypeError, HALF),
    Row("index to be set", lambda: V.copy().__setitem__(MASKED > 1, 0.0), E.DTypeError, TypeError,
        HALF),
    Row("set", lambda: V.copy().__setitem__(slice(None), MASKED), E.DTypeError, TypeError, HALF),
    Row("repeats", lambda: ad.repeat(V, MASKED.astype(int)), E.DTypeError, TypeError, HALF),
    Row("differentiated", lambda: ad.grad(ad.sum)(MASKED), E.ArgumentError, TypeError,
        ("grad", "argument 0", *HALF)),
    Row("compiled", lambda: ad.compile(named)(1.0, MASKED), E.ArgumentError, TypeError,
        ("compile", "argument 1 (second)", *HALF)),
    Row("compiled before", lambda: called_before(ad.sin, np.ones(2))(MASKED), E.ArgumentError,
        TypeError, ("compile", "argument 0", *HALF)),
    Row("compiled before, in a tree",
        lambda: called_before(weights, {"w": np.ones(2)})({"w": MASKED}), E.ArgumentError,
        TypeError, ("compile", "argument 0 (p)['w']", *HALF)),
]  # fmt: skip

HUGE = 10**30
WORDS = (str(HUGE), "int64", str(2**63 - 1), "float")

NUMBERS = [
    Row("asarray", lambda: ad.asarray(HUGE), E.TooLargeError, OverflowError, WORDS),
    Row("just too large", lambda: ad.asarray(-(2**63) - 1), E.TooLargeError, OverflowError,
        (str(-(2**63) - 1), "int64")),
    Row("in a list", lambda: ad.asarray([1.0, HUGE]), E.TooLargeError, OverflowError,
        ("asarray", str(HUGE), "64 bits", "numpy.asarray(x, float)")),
    Row("for its dtype", lambda: ad.asarray(300, dtype="int8"), E.TooLargeError, OverflowError,
        ("300", "int8", "-128 to 127")),
    Row("for its dtype, in a list", lambda: ad.asarray([[1], [-129]], dtype="int8"),
        E.TooLargeError, OverflowError, ("-129", "int8", "-128 to 127")),
    Row("for a float", lambda: V * 10**400, E.TooLargeError, OverflowError,
        ("100000", "float64", "e+308")),
    Row("operand", lambda: ad.asarray([1, 2]) + HUGE, E.TooLargeError, OverflowError, WORDS),
    Row("compiled", lambda: ad.compile(lambda n: n * 2)(HUGE), E.TooLargeError, OverflowError,
        WORDS),
    Row("compiled before", lambda: called_before(lambda n: n * 2, 3)(HUGE), E.TooLargeError,
        OverflowError, WORDS),
    Row("compiled before, in a tree", lambda: called_before(weights, {"w": 3})({"w": HUGE}),
        E.TooLargeError, OverflowError, WORDS),
]  # fmt: skip

COMPILED = [
    Row("text", lambda: ad.compile(named)(1.0, "no"), E.ArgumentError, TypeError,
        ("compile", "argument 1 (second)", "'no'")),
    Row("text beside a static argument", lambda: ad.compile(named, static=0)("yes", "no"),
        E.ArgumentError, TypeError, ("argument 1 (second)", "'no'")),
    Row("text by name", lambda: ad.compile(named)(1.0, second=["no"]), E.ArgumentError, TypeError,
        ("argument second[0]", "'no'")),
    Row("text in a tree", lambda: ad.compile(weights)({"w": [1.0, "no"]}), E.ArgumentError,
        TypeError, ("argument 0 (p)['w'][1]", "'no'")),
    Row("an array of text", lambda: called_before(ad.sin, 1.0)(np.array(["no"])),
        E.ArgumentError, TypeError, ("compile", "argument 0", "<U2")),
    Row("text for a method", lambda: Model().compiled(1.0, "no"), E.ArgumentError, TypeError,
        ("compile", "argument 1 (second)", "'no'")),
]  # fmt: skip

TRANSFORMS = [
    Row("no function", lambda: ad.grad(3.0), E.ArgumentError, TypeError,
        ("grad", "function", "float", "grad(f)(x)")),
    Row("a value for a function", lambda: ad.jvp(3.0, (1.0,), (1.0,)), E.ArgumentError, TypeError,
        ("jvp", "function", "float", "jvp(f, (x,), (v,))")),
    Row("a formula for a function", lambda: ad.explain("x**2", 3.0), E.ArgumentError, TypeError,
        ("explain", "function", "str", "explain(f, x)")),
    Row("argnums too large", lambda: ad.grad(named, 2)(1.0, 2.0), E.ArgumentError, TypeError,
        ("grad", "argnums=2", "2 positional arguments", "0 to 1")),
    Row("argnums, one of several", lambda: ad.jacfwd(named, (0, 5))(1.0, 2.0), E.ArgumentError,
        TypeError, ("jacfwd", "argnums=(0, 5)", "argument 5")),
    Row("argnums, no argument at all", lambda: ad.grad(named)(first=1.0, second=2.0),
        E.ArgumentError, TypeError, ("argnums=0", "0 positional", "by position", "argnames=")),
    Row("argnums by name", lambda: ad.grad(named, "first")(1.0, 2.0), E.ArgumentError, TypeError,
        ("argnums='first'", "position", "integer", "argnames=")),
    Row("argnums a fraction", lambda: ad.grad(named, 0.5)(1.0, 2.0), E.ArgumentError, TypeError,
        ("argnums=0.5", "integer")),
    Row("integer argument", lambda: ad.grad(named, 1)(1.0, np.arange(3)), E.DTypeError, TypeError,
        ("grad", "argument 1 (second)", "int64", ".astype('float64')")),
    Row("boolean argument", lambda: ad.grad(named)(True, 1.0), E.DTypeError, TypeError,
        ("argument 0 (first)", "bool")),
    Row("integer leaf", lambda: ad.grad(weights)({"w": np.arange(2), "b": 1.0}), E.DTypeError,
        TypeError, ("argument 0 (p)['w']", "int64")),
    Row("text leaf", lambda: ad.jacobian(weights)({"w": "no"}), E.ArgumentError, TypeError,
        ("jacobian", "argument 0 (p)['w']", "'no'")),
    Row("integer argument of hessian", lambda: ad.hessian(named, 1)(1.0, np.arange(3)),
        E.DTypeError, TypeError, ("hessian", "argument 1 (second)", "int64")),
    Row("of a method", lambda: ad.grad(Model().loss, 1)(1.0, np.arange(3)), E.DTypeError,
        TypeError, ("argument 1 (second)", "int64")),
    Row("of a transformed function", lambda: ad.grad(ad.grad(named), 1)(1.0, np.arange(3)),
        E.DTypeError, TypeError, ("argument 1 (second)",)),
    Row("vector output", lambda: ad.grad(ad.sin)(V), E.ShapeError, ValueError,
        ("grad", "sin returned shape (2,)", "scalar", "adjoint.sum", "jacobian")),
    Row("no function for hessian", lambda: ad.hessian(3.0), E.ArgumentError, TypeError,
        ("hessian", "function", "float", "hessian(f)(x)")),
    Row("tangent of hvp", lambda: ad.hvp(weights, {"w": V}, {"w": 1.0}), E.ShapeError, ValueError,
        ("hvp", "tangent 0", "()", "(2,)")),
    Row("vector output of hvp", lambda: ad.hvp(ad.sin, V, V), E.ShapeError, ValueError,
        ("hvp", "sin returned shape (2,)")),
    Row("integer output", lambda: ad.grad(lambda x: 1)(1.0), E.DTypeError, TypeError,
        ("grad", "int64", ".astype('float64')")),
    Row("complex output", lambda: ad.grad(lambda x: x * 1j)(1.0), E.DTypeError, TypeError,
        ("grad", "complex128", ".real")),
    Row("no output", lambda: ad.grad(lambda x: None)(1.0), E.ArgumentError, TypeError,
        ("grad", "returned None", "return statement")),
    Row("no output of jacobian", lambda: ad.jacobian(lambda x: None)(V), E.ArgumentError,
        TypeError, ("jacobian", "returned None", "return statement")),
    Row("two outputs", lambda: ad.grad(lambda x: (x, x))(1.0), E.ArgumentError, TypeError,
        ("grad", "tuple", "has_aux")),
    Row("no aux", lambda: ad.value_and_grad(lambda x: x, has_aux=True)(1.0), E.ArgumentError,
        TypeError, ("value_and_grad", "has_aux", "pair", "Tensor")),
    Row("differences of two arguments",
        lambda: ad.finite_differences(lambda x, y: x * y, 1.0, 2.0), E.ArgumentError, TypeError,
        ("finite_differences", "method=2.0", "'central'", "one tuple")),
    Row("jvp without tuples", lambda: ad.jvp(ad.sin, 1.0, 1.0), E.ArgumentError, TypeError,
        ("jvp", "primals", "tuple", "jvp(f, (x,), (v,))")),
    Row("jvp of other numbers", lambda: ad.jvp(ad.sin, (1.0,), (1.0, 2.0)), E.ArgumentError,
        TypeError, ("jvp", "1 primals", "2 tangents")),
    Row("jvp, shape", lambda: ad.jvp(named, (V, V), (V, 1.0)), E.ShapeError, ValueError,
        ("jvp", "tangent 1", "()", "its primal", "(2,)")),
    Row("jvp, structure", lambda: ad.jvp(weights, ({"w": V},), ({"u": V},)), E.ArgumentError,
        TypeError, ("jvp", "tangent 0", "'u'", "'w'")),
    Row("jvp, complex", lambda: ad.jvp(ad.sin, (1.0,), (1j,)), E.DTypeError, TypeError,
        ("tangent 0", "complex128", "float64")),
    Row("vjp, shape", lambda: ad.vjp(ad.sin, V)[1](1.0), E.ShapeError, ValueError,
        ("vjp", "adjoint", "()", "output", "(2,)")),
    Row("vjp, structure", lambda: ad.vjp(lambda x: (x, x), V)[1](V), E.ArgumentError, TypeError,
        ("vjp", "adjoint", "PyTreeSpec(*)", "PyTreeSpec((*, *))")),
    Row("vmap of a number", lambda: ad.vmap(ad.sin)(1.0), E.ShapeError, ValueError,
        ("vmap", "argument 0", "0-d")),
    Row("vmap of a list", lambda: ad.vmap(ad.sin)([1.0, 2.0]), E.ShapeError, ValueError,
        ("vmap", "argument 0", "0-d", "a number in a list", "adjoint.asarray")),
    Row("vmap by name", lambda: ad.vmap(named)(first=V, second=V), E.ArgumentError, TypeError,
        ("vmap", "without positional arguments", "keyword", "by position")),
    Row("vmap of two sizes", lambda: ad.vmap(named)(V, ad.ones(3)), E.ShapeError, ValueError,
        ("vmap", "2 in argument 0", "3 in argument 1", "in_axes")),
    Row("vmap, axes for others", lambda: ad.vmap(ad.sin, in_axes=(0, 0))(V), E.ArgumentError,
        TypeError, ("vmap", "in_axes=(0, 0)", "2 entries", "1 positional argument")),
    Row("vmap over nothing", lambda: ad.vmap(ad.sin, in_axes=None)(V), E.ArgumentError, TypeError,
        ("vmap", "in_axes", "every argument")),
    Row("vmap, no such axis", lambda: ad.vmap(named, in_axes=(0, 3))(V, V), E.ShapeError,
        ValueError, ("vmap", "argument 1", "axis 3")),
    Row("vmap, no such axis in the result", lambda: ad.vmap(ad.sin, out_axes=4)(V), E.ShapeError,
        ValueError, ("vmap", "out_axes", "axis 4")),
    Row("a value of an example", lambda: ad.vmap(float)(V), E.LostDerivativeError, TypeError,
        ("vmap", "float", "mapped over", "stop_gradient")),
    Row("a choice by a value of an example", lambda: ad.vmap(bool)(V), E.ConcretizationError,
        TypeError, ("value was asked", "adjoint.where")),
    Row("no rule", lambda: ad.grad(lambda v: ad.special.struve(v, 1.0))(0.5),
        E.NotDifferentiableError, NotImplementedError, ("struve", "'v'", "fixed")),
    Row("gradients that disagree",
        lambda: ad.check_gradients(lambda x: x + ad.stop_gradient(x), 1.0),
        E.GradientMismatchError, AssertionError, ("argument 0 (x)", "1", "2", "disagrees")),
]  # fmt: skip

GRAPHS = [
    Row("integer variable", lambda: ad.variable(np.arange(3)), E.DTypeError, TypeError,
        ("variable", "int64", ".astype('float64')")),
    Row("name of a variable", lambda: ad.variable(1.0, name=3), E.ArgumentError, TypeError,
        ("variable", "name", "string", "int")),
    Row("gradient of a vector", lambda: ad.gradient(ad.variable(V) * 1, []), E.ShapeError,
        ValueError, ("gradient", "(2,)", "adjoint.sum", "seed")),
    Row("backprop of a vector", lambda: ad.backprop(ad.variable(V) * 1, []), E.ShapeError,
        ValueError, ("backprop", "(2,)")),
    Row("adjoints of a vector", lambda: ad.adjoints(ad.variable(V) * 1), E.ShapeError,
        ValueError, ("adjoints", "(2,)")),
    Row("gradient of a number", lambda: ad.gradient(1.0, []), E.ArgumentError, TypeError,
        ("gradient", "tensor", "float", "adjoint.grad")),
    Row("gradient by a number", lambda: ad.gradient(ad.variable(1.0) * 1, [2.0]),
        E.ArgumentError, TypeError, ("gradient", "float 2.0", "adjoint.variable")),
    Row("gradient of a truth", lambda: ad.gradient(ad.variable(1.0) > 0, []), E.DTypeError,
        TypeError, ("gradient", "bool")),
    Row("seed", lambda: ad.gradient(ad.variable(1.0) * 1, [], seed=V), E.ShapeError, ValueError,
        ("gradient", "seed", "(2,)", "()")),
    Row("order of a number", lambda: ad.topological_order(3.0), E.ArgumentError, TypeError,
        ("topological_order", "float 3.0")),
    Row("unknown operation", lambda: find("nope"), E.UnknownNameError, LookupError, ("'nope'",)),
    Row("unknown NumPy function", lambda: np.packbits(V), E.UnknownNameError, LookupError,
        ("numpy.packbits", "numpy.asarray")),
    Row("a buffer for what is differentiated",
        lambda: ad.grad(lambda x: ad.sum(np.sin(x, out=BUFFER)))(V), E.LostDerivativeError,
        TypeError, ("grad", "numpy.sin", "write into an array", "adjoint.zeros")),
    Row("a tensor of other shape as buffer", lambda: np.sin(V, out=ad.ones(3)), E.ShapeError,
        ValueError, ("numpy.sin", "(2,)", "(3,)", "broadcast")),
    Row("a tensor of integers as buffer", lambda: np.sin(V, out=ad.asarray([1, 2])), E.DTypeError,
        TypeError, ("numpy.sin", "float64", "int64", "astype")),
    Row("a list as buffer", lambda: np.sin(V, out=[1.0, 2.0]), TypeError, TypeError, ("",)),
]  # fmt: skip

ROWS = {
    f"{kind}: {row.name}": row
    for kind, rows in {
        "shape": SHAPES,
        "axis": AXES,
        "index": INDICES,
        "dtype": DTYPES,
        "mask": MASKS,
        "number": NUMBERS,
        "compiled": COMPILED,
        "transform": TRANSFORMS,
        "graph": GRAPHS,
    }.items()
    for row in rows
}


@pytest.mark.parametrize("name", ROWS)
def test_the_message_says_what_was_given_what_was_expected_and_what_to_do(name):
    row = ROWS[name]
    with pytest.raises(row.error) as caught:
        row.code()
    assert isinstance(caught.value, row.builtin)
    message = str(caught.value)
    for fragment in row.fragments:
        assert fragment in message
    for internal in ("object at 0x", "<class ", "Traceback"):
        assert internal not in message


def test_a_masked_array_of_which_nothing_is_masked_is_an_array():
    assert (V * UNMASKED).tolist() == [1.0, 4.0]
    double = called_before(lambda x: x * 2, np.ones(2))
    assert double(UNMASKED).tolist() == [2.0, 4.0]


def test_an_array_of_tensors_is_their_stack():
    def total(x):
        return ad.sum(ad.asarray(np.array([x, x * x], object)))

    assert float(ad.grad(total)(3.0)) == 7.0


def test_operands_of_unknown_classes_are_left_to_python():
    for other in ("a", None, object()):
        with pytest.raises(TypeError, match="unsupported operand"):
            V + other
        assert (V == other) is False
