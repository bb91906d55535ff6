"""Storage in bfloat16: what is done with tensors that are kept in half the memory of float32.

bfloat16, of the package ml_dtypes, is a dtype of nodes that hold numbers and move them: constants,
variables, conversions, reshape, permute_dims, broadcast_to and slices. Nothing is computed in it.

- A function of tensors in bfloat16 is the function of them in float32. Its results in float32 are
  rounded to bfloat16, to nearest even, once, if bfloat16 is the common dtype of the operands
  (`promote`): Python's numbers, bool and integers of 8 bits leave it as it is, float16 and float32
  make the result float32. Indices and other 64-bit integers have no say. A `dtype` that is asked
  for is obeyed.
- Tangents and adjoints are in float32. The conversion to bfloat16 has the derivative of the
  identity, in either direction, so partial adjoints are summed in float32; what a transform returns
  for an argument in bfloat16 is rounded once, at the end.

So no rule of an operation meets bfloat16. `as_tensor` makes float32 of it, and `in_float32` rounds
results; `op.public` calls that around every function of the namespace. Functions that are marked
`op.public_storage` do so themselves, or keep bfloat16 as it is (`as_stored`).
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from typing import Any, TypeVar, cast

import numpy as np

from adjoint.graph import calls
from adjoint.graph.leaf import is_weak
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT32, DType, is_bfloat16, promote, storage_dtype

Result = TypeVar("Result")

LARGEST = 255 * 2.0**120
"""The largest finite number in bfloat16."""


def is_stored(x: Any) -> bool:
    """Whether `x` is a tensor or an array in bfloat16."""
    if isinstance(x, Tensor):
        return x.node.dtype.kind == "V"
    return isinstance(x, (np.ndarray, np.generic)) and is_bfloat16(x.dtype)


@calls.bind
def has_stored(*given: Any) -> bool:
    """Whether there is a tensor or an array in bfloat16, or that dtype, among what was given to a
    function, also inside lists, tuples and dictionaries."""
    if "ml_dtypes" not in sys.modules:
        return False
    for x in given:
        kind = type(x)
        if kind is float or kind is int:  # long lists hold nothing else
            continue
        if kind is Tensor:
            if x.node.dtype.kind == "V":
                return True
        elif kind is tuple or kind is list:
            if has_stored(*x):
                return True
        elif kind is dict:
            if has_stored(*x.values()):
                return True
        elif is_stored(x) or _is_the_dtype(x):
            return True
    return False


def _is_the_dtype(x: Any) -> bool:
    """Whether `x` names bfloat16 as a dtype."""
    if isinstance(x, type):
        return (x.__module__, x.__name__) == ("ml_dtypes", "bfloat16")
    return is_bfloat16(x) if isinstance(x, np.dtype) else type(x) is str and x == "bfloat16"


@calls.bind
def in_float32(function: Callable[..., Result], args: Any, kwargs: dict[str, Any]) -> Result:
    """What `function` returns of arguments in bfloat16 as float32, rounded to bfloat16 if that is
    the dtype of the result."""
    wanted = kwargs.get("dtype")
    place = None if wanted is not None else _place_of_dtype(function)
    if place is not None and place < len(args):
        wanted = args[place]
    if wanted is None:
        dtypes = set(_dtypes((args, kwargs)))
        is_rounded = bool(dtypes) and promote(*sorted(dtypes, key=str)).kind == "V"
    elif is_rounded := _is_the_dtype(wanted):
        storage_dtype(wanted)  # from now on known
        if place is None:
            kwargs = kwargs | {"dtype": FLOAT32}
        else:
            args = (*args[:place], FLOAT32, *args[place + 1 :])
    result = function(*map(widened, args), **{k: widened(v) for k, v in kwargs.items()})
    return rounded(result) if is_rounded else result


@cache
def _place_of_dtype(function: Callable[..., Any]) -> int | None:
    """The position of the argument `dtype`, if it can be given by position."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    for place, parameter in enumerate(parameters):
        if parameter.name == "dtype" and parameter.kind is not parameter.KEYWORD_ONLY:
            return place
    return None


def _dtypes(given: Any) -> Iterator[DType]:
    """The dtypes that decide about the dtype of a result: those of operands that are tensors or
    arrays, but for integers that may be indices."""
    if isinstance(given, dict):
        given = tuple(given.values())
    if isinstance(given, (list, tuple)):
        for x in given:
            yield from _dtypes(x)
    elif isinstance(given, Tensor):
        if not is_weak(given.node) and given.node.dtype not in _INDICES:
            yield given.node.dtype
    elif isinstance(given, (np.ndarray, np.generic)) and (
        given.dtype.kind in "biufc" or is_bfloat16(given.dtype)
    ):
        dtype = storage_dtype(given.dtype)
        if dtype not in _INDICES:
            yield dtype


_INDICES = frozenset(map(np.dtype, ("int32", "int64", "uint32", "uint64")))


def widened(x: Any) -> Any:
    """`x`, what is in bfloat16 in it as float32, also inside lists, tuples and dictionaries."""
    if isinstance(x, dict):
        return {k: widened(v) for k, v in x.items()}
    if type(x) is list or type(x) is tuple:
        return type(x)(map(widened, x))
    return as_tensor(x, FLOAT32) if is_stored(x) else x


def as_given(xs: Iterable[Any], stored: Collection[int]) -> Iterable[Any]:
    """`xs`, those tensors in bfloat16 whose numbers are among the `stored` ones."""
    if not stored:
        return xs
    return [rounded(x) if n in stored else x for n, x in enumerate(xs)]


def stored_among(xs: Iterable[Any]) -> Collection[int]:
    """The numbers of what is in bfloat16."""
    if "ml_dtypes" not in sys.modules:
        return ()
    return {n for n, x in enumerate(xs) if is_stored(x)}


def rounded(x: Result) -> Result:
    """`x`, the tensors in float32 in it in bfloat16, also inside lists and tuples."""
    given: Any = x
    found: Any = x
    if isinstance(given, Tensor):
        if given.node.dtype is FLOAT32:
            found = calls.astype(given, storage_dtype("bfloat16"))
    elif isinstance(given, tuple):
        parts = tuple(map(rounded, given))
        found = type(given)(*parts) if hasattr(given, "_fields") else parts
    elif type(given) is list:
        found = list(map(rounded, given))
    return cast("Result", found)
