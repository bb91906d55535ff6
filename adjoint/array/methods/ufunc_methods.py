"""The methods of NumPy's ufuncs on tensors: reduce, accumulate, reduceat and at.

Those that have an operation of their own (add.reduce is sum) are called by it; here are the others,
which apply the function to one slice after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.array.manipulation.writing import WRITERS
from adjoint.array.values import known, known_integers
from adjoint.errors import ArgumentError, OutOfBoundsError, ShapeError, UnknownNameError
from adjoint.graph import calls
from adjoint.graph.op import FUNCTIONS, public_as
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import BOOL, normalize_axes, normalize_axis
from adjoint.ops.elementwise import choice
from adjoint.ops.indexing.gather import gather, scatter_add
from adjoint.ops.indexing.indexing import getitem, index_add, setitem
from adjoint.ops.indexing.slicing import along, pick
from adjoint.ops.reductions.reduction import kept, to_accumulate
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import astype, broadcast_to, permute_dims, reshape

Pair = Callable[[Any, Any], Tensor]

# fmt: off
BINARY = (
    "add", "subtract", "multiply", "divide", "floor_divide", "remainder", "fmod", "power",
    "float_power", "maximum", "minimum", "fmax", "fmin", "hypot", "arctan2", "copysign",
    "logaddexp", "logaddexp2", "heaviside", "nextafter", "equal", "not_equal", "less",
    "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor",
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift",
    "gcd", "lcm",
)
UNARY = (
    "abs", "negative", "positive", "square", "sqrt", "cbrt", "reciprocal", "exp", "exp2", "expm1",
    "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh",
    "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "sign", "floor", "ceil", "trunc", "round",
    "conj", "deg2rad", "rad2deg", "degrees", "radians", "bitwise_invert", "logical_not",
)
# fmt: on
NEUTRAL: dict[str, Any] = {
    **dict.fromkeys(("add", "logical_or", "logical_xor", "bitwise_or", "bitwise_xor", "hypot"), 0),
    **dict.fromkeys(("multiply", "logical_and"), 1),
    **dict.fromkeys(("logaddexp", "logaddexp2"), -np.inf),
    "bitwise_and": -1,
    "gcd": 0,
    "lcm": 1,
}
"""What the functions over nothing are, where there is such a number."""
_REORDERABLE = frozenset({"maximum", "minimum", "fmax", "fmin"})
"""Functions without one, of which the order of the elements does not matter either."""


def fold(
    name: str, call: Pair, x: Tensor, axis: int, initial: Any, where: Tensor | None = None
) -> Tensor:
    """``call(…call(call(x0, x1), x2)…)`` along `axis`, of the elements at which `where` is true; if
    that is given, there is an `initial` value."""
    slices = [pick(x, axis, i) for i in range(x.shape[axis])]
    if initial is not None:
        slices.insert(
            0, broadcast_to(as_tensor(initial, x.dtype), x.shape[:axis] + x.shape[axis + 1 :])
        )
    if not slices:
        raise ShapeError(f"{name}: axis {axis} of shape {x.shape} is empty; give initial")
    result = slices[0]
    for i, item in enumerate(slices[1:]):
        following = call(result, item)
        if where is not None:
            following = choice.where(pick(where, axis, i), following, result)
        result = following
    return result


def _converted(name: str, x: Any, dtype: Any) -> Tensor:
    """`x` in the dtype asked for; in booleans where the function is about these."""
    x = as_tensor(x)
    wanted = BOOL if name.startswith("logical_") and dtype is None else dtype
    return x if wanted is None else astype(x, wanted)


def _reduce(name: str) -> Callable[..., Tensor]:
    shown = f"{name}.reduce"

    def reduce(
        x: Any,
        axis: Any = 0,
        dtype: Any = None,
        keepdims: bool = False,
        initial: Any = None,
        where: Any = True,
    ) -> Tensor:
        x = _converted(name, x, dtype)
        axes = normalize_axes(shown, axis, x.ndim)
        if len(axes) > 1 and name not in NEUTRAL and name not in _REORDERABLE:
            raise ArgumentError(
                f"{shown}: over several axes the result depends on their order; give one axis"
            )
        counted = math.prod(x.shape[n] for n in axes)
        is_positive = counted == 1 and name in ("gcd", "hypot")  # as that of 0 and one number is
        if initial is None and (where is not True or x.size == 0 or is_positive):
            initial = NEUTRAL.get(name)
        if initial is None and where is not True:
            raise ArgumentError(
                f"{shown}: with where, initial is needed: a value to begin with, as in some places "
                f"there may be no elements"
            )
        result = _folded(shown, FUNCTIONS[name], x, axes, initial, where)
        return reshape(result, kept(x.shape, axes)) if keepdims else Tensor(result.node)

    return reduce


def _folded(
    name: str, call: Pair, x: Tensor, axes: Sequence[int], initial: Any, where: Any
) -> Tensor:
    """The elements along the axes at which `where` is true, one after the other."""
    if not axes and initial is None:
        return x
    others = [n for n in range(x.ndim) if n not in axes]
    shape = (*(x.shape[n] for n in others), math.prod(x.shape[n] for n in axes))

    def in_line(part: Tensor) -> Tensor:
        return reshape(permute_dims(part, (*others, *axes)), shape)

    chosen = None if where is True else in_line(broadcast_to(as_tensor(where), x.shape))
    return fold(name, call, in_line(x), len(others), initial, chosen)


def _accumulate(name: str) -> Callable[..., Tensor]:
    def accumulate(x: Any, axis: int = 0, dtype: Any = None) -> Tensor:
        x = _converted(name, x, dtype)
        place = normalize_axis(f"{name}.accumulate", axis, x.ndim)
        if not x.shape[place]:
            return Tensor(x.node)
        results = [pick(x, place, 0)]
        for i in range(1, x.shape[place]):
            results.append(FUNCTIONS[name](results[-1], pick(x, place, i)))
        return stack(results, place)

    return accumulate


def _segments(name: str, indices: Any, size: int) -> list[tuple[int, int]]:
    """From where to where each result goes; one element where an index is not below the next."""
    starts = known_integers(name, indices)
    if starts.ndim != 1:
        raise ShapeError(f"{name}: the indices must have one axis, got shape {starts.shape}")
    if starts.size and not (starts.min() >= 0 and starts.max() < size):
        raise OutOfBoundsError(f"{name}: the indices must be from 0 to {size - 1}, got {indices}")
    ends = [*starts[1:].tolist(), size]
    return [(i, j if j > i else i + 1) for i, j in zip(starts.tolist(), ends, strict=True)]


def _reduceat(name: str) -> Callable[..., Tensor]:
    shown = f"{name}.reduceat"

    def reduceat(x: Any, indices: Any, axis: int = 0, dtype: Any = None) -> Tensor:
        adds = name in ("add", "multiply")
        x = to_accumulate(x, dtype) if adds else _converted(name, x, dtype)
        place = normalize_axis(shown, axis, x.ndim)
        segments = _segments(shown, indices, x.shape[place])
        if not segments:
            return along(x, place, 0, 1, 0)
        if name == "add":
            sources = np.concatenate([np.arange(i, j) for i, j in segments])
            targets = np.repeat(np.arange(len(segments)), [j - i for i, j in segments])
            parts = gather(x, (from_array(sources),), (place,), place)
            shape = (*x.shape[:place], len(segments), *x.shape[place + 1 :])
            return scatter_add(parts, (from_array(targets),), (place,), place, shape)
        found = [
            fold(shown, FUNCTIONS[name], along(x, place, i, 1, j - i), place, None)
            for i, j in segments
        ]
        return stack(found, place)

    return reduceat


def _plain(index: Any) -> Any:
    """An index with the values of tensors in their place."""
    if isinstance(index, tuple):
        return tuple(map(_plain, index))
    return known(index) if isinstance(index, (Tensor, list)) else index


def _rounds(places: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
    """The positions of `places` in groups that name no place twice, in the order given."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    new = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    first = np.maximum.accumulate(np.where(new, np.arange(places.size), 0))
    number = np.empty(places.size, np.int64)
    number[order] = np.arange(places.size) - first
    return [np.flatnonzero(number == k) for k in range(int(number.max()) + 1)]


def applied_at(name: str, x: Tensor, index: Any, *operand: Any) -> Tensor:
    """`x` with the function applied at `index`, as often to an element as it is named."""
    call = FUNCTIONS[name]
    if name == "add":
        return index_add(x, index, astype(as_tensor(operand[0]), x.dtype))
    if name == "subtract":
        return index_add(x, index, -astype(as_tensor(operand[0]), x.dtype))
    places = np.arange(x.size).reshape(x.shape)[_plain(index)]
    if not places.size:
        return Tensor(x.node)
    flat = reshape(x, (-1,))
    second = [reshape(broadcast_to(as_tensor(b), places.shape), (-1,)) for b in operand]
    for chosen in _rounds(places.ravel()):
        at = from_array(places.ravel()[chosen])
        others = [getitem(b, chosen) for b in second]
        flat = setitem(flat, at, astype(call(getitem(flat, at), *others), x.dtype))
    return reshape(flat, x.shape)


@calls.bind
def written_by(name: str, x: Tensor, args: Any, kwargs: Any) -> Tensor:
    """What stands in `x` after NumPy's function `name`, or the method at of a ufunc, wrote into it.

    Raises `UnknownNameError`, `ArgumentError`.
    """
    writer = WRITERS.get(name)
    if writer is not None:
        return writer(Tensor(x.node), *args, **kwargs)
    own = name.removesuffix(".at")
    if own not in UNARY and own not in BINARY:
        raise UnknownNameError(
            f"numpy.{name} has no counterpart on tensors; write it with other operations"
        )
    if kwargs or len(args) != 1 + (own in BINARY):
        raise ArgumentError(
            f"numpy.{name}: expected an index{' and an operand' if own in BINARY else ''} after "
            f"the tensor, got {len(args) + len(kwargs)} arguments"
        )
    return applied_at(own, Tensor(x.node), *args)


def enter() -> None:
    """Have NumPy's protocol find the methods, under names such as "subtract.reduce"."""
    for name in BINARY:
        public_as(f"{name}.reduce")(_reduce(name))
        public_as(f"{name}.accumulate")(_accumulate(name))
        public_as(f"{name}.reduceat")(_reduceat(name))
