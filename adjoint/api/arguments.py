"""What transforms take and what functions return, checked, with messages that name the cure."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from adjoint.api.tree import path_text
from adjoint.errors import AdjointError, ArgumentError, DTypeError, ShapeError
from adjoint.graph.leaf import is_weak
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import FLOAT64, is_inexact, size_of


def function_name(f: Any) -> str:
    """How to name `f` in a message: never by its text, which may hold arrays."""
    while type(f) is partial:
        f = f.func
    return str(getattr(f, "__name__", None) or type(f).__name__)


_WITH_ARGNAMES = frozenset(
    {"grad", "value_and_grad", "vjp", "jacobian", "jacrev", "jacfwd", "hessian"}
)

_WITH_ARGUMENTS = {
    "vjp": "vjp(f, x)",
    "jvp": "jvp(f, (x,), (v,))",
    "hvp": "hvp(f, (x,), (v,))",
    "plan": "plan(f, x)",
    "explain": "explain(f, x)",
    "check_gradients": "check_gradients(f, x)",
    "finite_differences": "finite_differences(f, x)",
    "step_study": "step_study(f, x)",
    "taylor": "taylor(f, (x,), (v,), order)",
    "jet": "jet(f, (x,), ([v],))",
    "taylor_ode": "taylor_ode(f, t0, y0, order)",
    "linearize": "linearize(f, x)",
    "linear_transpose": "linear_transpose(f, x)",
    "scan": "scan(f, init, xs)",
    "map": "map(f, xs)",
    "while_loop": "while_loop(cond_fun, body_fun, init_val)",
    "fori_loop": "fori_loop(lower, upper, body_fun, init_val)",
    "associative_scan": "associative_scan(fn, elems)",
    "cond": "cond(pred, true_fun, false_fun, x)",
    "switch": "switch(index, [f, g], x)",
    "root": "root(f, x0)",
    "fixed_point": "fixed_point(f, x0)",
    "custom_root": "custom_root(f, initial_guess, solve, tangent_solve)",
    "custom_linear_solve": "custom_linear_solve(matvec, b, solve)",
    "defjvp": "f.defjvp(rule)",
    "defvjp": "f.defvjp(fwd, bwd)",
}
"""How to call what takes the arguments of the function beside it; others return a function."""


def check_callable(transform: str, f: Any, argument: str = "") -> None:
    """Raise `ArgumentError` unless `f`, given as an argument of that name, can be called."""
    if not callable(f):
        cure = f"then call the result: {transform}(f)(x)"
        if transform in _WITH_ARGUMENTS:
            cure = f"as in {_WITH_ARGUMENTS[transform]}"
        place = f" as {argument}" if argument else ""
        raise ArgumentError(
            f"{transform}: expected a function{place}, got {type(f).__name__}; pass the function "
            f"itself, {cure}"
        )


def check_arity(transform: str, argument: str, f: Any, form: str, count: int, cure: str) -> None:
    """Raise `ArgumentError` unless `f` takes `count` positional arguments, as in `form`."""
    try:
        signature = inspect.signature(f, follow_wrapped=False)
    except (TypeError, ValueError):  # a function written in C may not say what it takes
        return
    try:
        signature.bind(*[None] * count)
    except TypeError as error:
        raise ArgumentError(
            f"{transform}: {argument} is called as {form}, which "
            f"{function_name(f)}{signature} does not take ({error}); {cure}"
        ) from None


def check_step(transform: str, argument: str, f: Any, form: str, count: int) -> None:
    """Raise `ArgumentError` unless `f` can be called as a step of a loop is, as in `form`."""
    check_callable(transform, f, argument)
    check_arity(
        transform,
        argument,
        f,
        form,
        count,
        f"pass a function of {count} argument{'s' * (count != 1)} (each may be a tuple or another "
        f"tree; bind further ones by functools.partial or a lambda)",
    )


def normalize_argnums(transform: str, argnums: Any, count: int) -> tuple[int, ...]:
    """`argnums` as a tuple of positions among `count` positional arguments."""
    if type(argnums) is int and 0 <= argnums < count:
        return (argnums,)
    given = tuple(argnums) if isinstance(argnums, (tuple, list, range)) else (argnums,)
    for number in given:
        if not isinstance(number, int) or isinstance(number, bool):
            raise ArgumentError(
                f"{transform}: argnums={argnums!r} must be the position of an argument (an "
                f"integer), or a tuple of positions{_names_for(transform, '; names go to')}"
            )
        if not -count <= number < count:
            allowed = f" (0 to {count - 1})" if count else ""
            raise ArgumentError(
                f"{transform}: argnums={argnums!r} asks for argument {number}, but the function "
                f"was called with {count} positional argument{'s' * (count != 1)}{allowed}; "
                f"pass it by position, not by keyword{_names_for(transform, ', or name it in')}"
            )
    return tuple(number % count for number in given)


def _names_for(transform: str, text: str) -> str:
    """`text` and ``argnames=``, if that is an argument of the transform."""
    return f"{text} argnames=" if transform in _WITH_ARGNAMES else ""


def where_text(f: Any, number: int, path: tuple[Any, ...]) -> str:
    """How to name one leaf of one argument: ``argument 0 (x)['w']``."""
    bound = hasattr(f, "__self__")
    while hasattr(f, "__wrapped__"):  # of a function that a transform made, the user's own
        f = f.__wrapped__
        bound = bound or hasattr(f, "__self__")
    code = getattr(f, "__code__", None)
    names = () if code is None else code.co_varnames[: code.co_argcount]
    place = number + bound  # of a method, the object comes first
    name = f" ({names[place]})" if place < len(names) else ""
    return f"argument {number}{name}{path_text(path)}"


def as_differentiable(leaf: Any, describe: Callable[..., str], *which: Any) -> Tensor:
    """`leaf` as a floating or complex tensor; Python integers become float64.

    Errors name it by ``describe(*which)``.
    """
    if type(leaf) is Tensor and leaf.node.dtype.kind in "fc":
        return leaf
    if type(leaf) is float:
        return as_tensor(leaf)
    if type(leaf) is int:
        return as_tensor(leaf, FLOAT64)
    try:
        x = as_tensor(leaf)
    except AdjointError as error:
        raise ArgumentError(f"{describe(*which)}: {error}") from error
    if is_weak(x.node) and x.node.dtype.kind in "iu":
        return as_tensor(x, FLOAT64)
    if not is_inexact(x.node.dtype):
        raise DTypeError(
            f"{describe(*which)} has dtype {x.dtype}, and only floating and complex numbers have "
            f"derivatives; convert it with .astype('float64'), or do not differentiate by it"
        )
    return x


def split_aux(transform: str, f: Any, result: Any, has_aux: bool) -> tuple[Any, Any]:
    """The output of the function and what it returned beside it."""
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise ArgumentError(
            f"{transform}: with has_aux=True {function_name(f)} must return a pair "
            f"(output, aux), got {type(result).__name__}"
        )
    return result


def as_output(transform: str, f: Any, leaf: Any) -> Tensor:
    """A leaf of what the function returned, as a tensor."""
    return output_of(transform, function_name(f), leaf)


def output_of(
    transform: str, name: str, leaf: Any, convert: Callable[[Any], Tensor] = as_tensor
) -> Tensor:
    """A leaf of what the function that messages call `name` returned, as a tensor."""
    if leaf is None or isinstance(leaf, str):
        raise ArgumentError(
            f"{transform}: {name} returned {leaf!r}, which is not a number; "
            f"return a tensor (is a return statement missing?)"
        )
    try:
        return convert(leaf)
    except AdjointError as error:
        raise ArgumentError(f"{transform}: {name} returned no tensor: {error}") from error


def scalar_output(transform: str, f: Any, output: Any) -> Tensor:
    """The output of a function whose gradient is asked, checked to be one real number.

    It may have axes of size 1, as what NumPy code computes often has: there is one gradient still.
    """
    if isinstance(output, (tuple, list, dict)):
        raise ArgumentError(
            f"{transform}: {function_name(f)} returned a {type(output).__name__}; the gradient "
            f"needs one number (use has_aux=True for a pair, or vjp or jacobian)"
        )
    y = as_output(transform, f, output)
    if y.node.shape != () and size_of(y.node.shape) != 1:
        raise ShapeError(
            f"{transform}: {function_name(f)} returned shape {y.shape}, but the gradient needs a "
            f"scalar, shape (), or one element; reduce it (adjoint.sum, adjoint.mean), or use "
            f"jacobian or vjp"
        )
    if y.node.dtype.kind != "f":
        raise DTypeError(
            f"{transform}: {function_name(f)} returned dtype {y.dtype}, but the gradient needs a "
            f"real floating number; convert it with .astype('float64'), or take .real"
        )
    return y


def complex_output(transform: str, f: Any, output: Any) -> Tensor:
    """The output of a function whose complex derivative is asked, one complex number."""
    y = as_output(transform, f, output)
    if y.node.shape != () or y.node.dtype.kind != "c":
        raise DTypeError(
            f"{transform}: with holomorphic=True {function_name(f)} must return one complex "
            f"number, got {y.dtype} of shape {y.shape}; leave it out for a real function"
        )
    return y


def ones_like(x: Tensor) -> Tensor:
    """The seed of reverse mode."""
    ones = np.ones(x.node.shape, x.node.dtype)
    return from_array(ones) if ones.dtype.kind in "fc" else as_tensor(ones)


def zeros_like(x: Tensor) -> Tensor:
    """The derivative of what does not depend."""
    return as_tensor(np.zeros(x.node.shape, x.node.dtype))


def like(y: Tensor, x: Any, what: str, model: str) -> Tensor:
    """`x`, called `what`, as a tensor with the shape and dtype of `y`, called `model`."""
    try:
        t = as_tensor(x)
    except AdjointError as error:
        raise ArgumentError(f"{what}: {error}") from error
    if t.node.shape != y.node.shape:
        raise ShapeError(f"{what} has shape {t.shape}, {model} has {y.shape}; they must be equal")
    if t.node.dtype.kind == "c" and y.node.dtype.kind != "c":
        raise DTypeError(
            f"{what} is complex ({t.dtype}), but {model} is {y.dtype}; take its real part"
        )
    return Tensor(as_tensor(t, y.node.dtype).node)
