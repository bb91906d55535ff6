"""What the counterparts share: how arguments are taken, and how the unsupported is refused."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, ConcretizationError, NotDifferentiableError
from adjoint.graph.forking import import_module
from adjoint.graph.leaf import is_weak
from adjoint.graph.op import through_float32
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64, DType, promote, to_inexact, weak_dtype

_NUMBERS = (float, int, bool, complex)
_COMPOSING = ("adjoint.scipy.", "adjoint.array.")
"""Where functions are made of others; operations see to bfloat16 themselves."""


def round_results(module: str) -> None:
    """Let the functions that a module offers take bfloat16, and round what they return to it, as
    those of the namespace do (see `graph.storage`)."""
    names = vars(sys.modules[module])
    for name in names["__all__"]:
        function = names[name]
        place = getattr(function, "__module__", "")
        is_composed = place.startswith(_COMPOSING) and place != __name__  # not `no_counterpart`
        if type(function) is FunctionType and is_composed:
            names[name] = through_float32(function)


def is_number(x: Any) -> bool:
    """Whether `x` is a Python number or stands for one, which takes the dtype of what it meets."""
    return type(x) in _NUMBERS or (type(x) is Tensor and is_weak(x.node))


def real_dtype(*given: Any) -> DType:
    """The floating dtype in which arguments meet; Python numbers take that of the others."""
    strong = [as_tensor(x).node.dtype for x in given if not is_number(x)]
    if not strong:
        return FLOAT64
    dtype = to_inexact(promote(*strong))
    if any(type(x) is complex for x in given):
        dtype = weak_dtype(complex, dtype)
    return dtype


def floating(x: Any) -> Tensor:
    """`x` as a tensor of floating (or complex) numbers."""
    x = as_tensor(x)
    return as_tensor(x, to_inexact(x.node.dtype))


def operand(x: Any) -> Any:
    """`x` as a tensor; a Python number as it is, so that it takes the dtype of what it meets."""
    return x if type(x) in _NUMBERS else as_tensor(x)


def unsupported(name: str, argument: str, value: Any, what: str) -> ArgumentError:
    """The error for a value of an argument that the counterpart does not know."""
    shown = f"a tensor of shape {value.shape}" if isinstance(value, Tensor) else repr(value)
    return ArgumentError(
        f"{name}: {argument}={shown} is not supported on values that are differentiated; {what}"
    )


def refuse(name: str, **given: tuple[Any, Any]) -> None:
    """Raise unless each argument, a pair of its value and SciPy's default, is the default."""
    for argument, (value, default) in given.items():
        if value is not default and not (type(value) is type(default) and value == default):
            raise unsupported(name, argument, value, f"leave it at {default!r}")


def constant(name: str, argument: str, value: Any) -> Any:
    """`value` as a NumPy array, for what a result depends on without being differentiable by it.

    Raises if a derivative by it is asked for, or if only its shape is known.
    """
    if not isinstance(value, Tensor):
        if isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value):
            return constant(name, argument, as_tensor(value))
        return np.asarray(value)
    if differentiated(value) and value.dtype.kind in "fc":
        raise NotDifferentiableError(
            f"{name}: there is no derivative by {argument}; hold it fixed by "
            f"adjoint.stop_gradient, or give a plain number or array"
        )
    try:
        return value.numpy()
    except ConcretizationError as error:
        raise ArgumentError(
            f"{name}: {argument} must be known while tracing, and it is an argument of what is "
            f"compiled; close over it, or name it in static_argnums"
        ) from error


def differentiated(x: Tensor) -> bool:
    """Whether an open transform may ask for the derivative by what `x` depends on."""
    scope = x.node.scope
    if scope is None or scope.stopped:
        return False
    return any(member.open and not member.abstract for member in scope.members)


def count(name: str, argument: str, value: Any) -> Tensor:
    """`value` as a tensor of whole numbers, by which nobody may differentiate."""
    x = as_tensor(value)
    if x.dtype.kind in "fc" and differentiated(x):
        raise NotDifferentiableError(
            f"{name}: there is no derivative by {argument}, an integer; hold it fixed by "
            f"adjoint.stop_gradient, or give a plain number or array"
        )
    return x


def integer(name: str, argument: str, value: Any) -> int:
    """`value` as a Python integer."""
    try:
        if isinstance(value, Tensor):
            value = constant(name, argument, value)
            value = value.item() if value.ndim == 0 else value
        return operator.index(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name}: {argument} must be an integer, got {value!r}") from None


class _Traced(Exception):
    """A tensor is differentiated, or has no value yet."""


def _plain(x: Any) -> Any:
    """`x` with arrays in place of the tensors in it, which nobody differentiates."""
    if isinstance(x, Tensor):
        scope = x.node.scope
        if scope is not None and scope.is_open() and not scope.stopped:
            raise _Traced
        return np.array(x.numpy())
    if type(x) in (list, tuple):
        return type(x)(map(_plain, x))
    return {key: _plain(value) for key, value in x.items()} if type(x) is dict else x


def by_scipy(path: str, error: Exception, args: Any, kwargs: Any) -> Any:
    """What SciPy's own function ``path`` returns; `error` if an argument is differentiated."""
    module, _, name = path.rpartition(".")
    try:
        args, kwargs = _plain(args), _plain(kwargs)
    except _Traced:
        raise error from None
    return getattr(import_module(module), name)(*args, **kwargs)


def no_counterpart(path: str, advice: str) -> Callable[..., Any]:
    """SciPy's own function ``path``, which raises where it is given what is differentiated.

    `advice` says what to do then.
    """

    def function(*args: Any, **kwargs: Any) -> Any:
        error = NotDifferentiableError(
            f"{path} has no differentiable counterpart; {advice}, or take it of "
            f"adjoint.stop_gradient(x) where no derivative is meant"
        )
        return by_scipy(path, error, args, kwargs)

    function.__name__ = function.__qualname__ = path.rpartition(".")[2]
    function.__doc__ = (
        f"Refuses what is differentiated: ``{path}`` has no derivative here; {advice}."
    )
    return function
