"""What asks for the class of a tensor: it passes for what NumPy would have in its place.

A program that distinguishes numbers from arrays takes the way that it takes without adjoint: a
tensor of no axes is a number of NumPy's, any other an array.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.graph.tensor import Tensor
from adjoint.tracing import extremes
from adjoint.tracing.constants import plain

_OF_ARRAYS = frozenset({"__len__", "__iter__", "__getitem__", "__contains__"})
"""What only arrays have, by which they are told from numbers."""


def stand_in(x: Any) -> Any:
    """Of a tensor an object of the class that it passes for; of others the object itself."""
    return _sample(x.dtype, not x.ndim) if type(x) is Tensor else plain(x)


@functools.cache
def _sample(dtype: np.dtype[Any], is_number: bool) -> Any:
    array = np.zeros(1, dtype)
    return array[0] if is_number else array


def _names_tensor(cls: Any) -> bool:
    if isinstance(cls, tuple):
        return any(map(_names_tensor, cls))
    return cls in Tensor.__mro__


def is_instance(x: Any, cls: Any, /) -> bool:
    """`isinstance`, where a tensor counts as what it passes for, and as a tensor."""
    return isinstance(stand_in(x), cls) or (type(x) is Tensor and _names_tensor(cls))


def has_attribute(x: Any, name: str, /) -> bool:
    """`hasattr`, where a tensor of no axes has no length."""
    return hasattr(stand_in(x) if name in _OF_ARRAYS else x, name)


def is_scalar(element: Any) -> bool:
    """`numpy.isscalar`, of tensors too."""
    return np.isscalar(stand_in(element))


class _KindOfType(type):
    """The class of what stands for `type`."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return type(stand_in(args[0])) if len(args) == 1 else type(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, type)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, type)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is type

    def __hash__(cls) -> int:
        return hash(type)


class TypeOf(type, metaclass=_KindOfType):
    """`type`: of a tensor it gives the class of what it passes for."""


BUILTINS: dict[str, Callable[..., Any]] = {
    "isinstance": is_instance,
    "hasattr": has_attribute,
    "type": TypeOf,
    "min": extremes.least,
    "max": extremes.greatest,
}
"""What stands for builtins of these names."""
OF_BUILTIN = {id(getattr(builtins, name)): f for name, f in BUILTINS.items()}
"""The same by the builtins, under whatever names."""


class _KindOfFloat(type):
    """The class of what stands for `float` in SciPy's code."""

    def __call__(cls, x: Any = 0.0, /) -> Any:
        return x if type(x) is Tensor and not x.ndim and x.dtype.kind == "f" else float(x)

    def __instancecheck__(cls, instance: Any) -> bool:
        return is_instance(instance, float)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, float)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is float

    def __hash__(cls) -> int:
        return hash(float)


class FloatOf(metaclass=_KindOfFloat):
    """`float`, which leaves a tensor that is a number as it is: SciPy's functions convert numbers
    that they are given before they compute with them."""

    dtype = np.dtype(np.float64)


@functools.lru_cache(maxsize=256)
def dispatching(f: Any, copy: Callable[[Any], Any]) -> Any:
    """A function made by `functools.singledispatch`: by what its first argument passes for."""

    @functools.wraps(f)
    def choose(*args: Any, **kwargs: Any) -> Any:
        if not args:
            return f(*args, **kwargs)
        given = args[0]
        kind = (given if Tensor in f.registry else stand_in(given)).__class__
        return copy(f.dispatch(kind))(*args, **kwargs)

    return choose


class _Argument:
    """A tensor as an argument of a function that remembers: known by which object it is."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Argument) and self.tensor is other.tensor

    def __hash__(self) -> int:
        return id(self.tensor)


def _as_key(x: Any) -> Any:
    """An argument, with tensors, also in tuples, as what may be looked up."""
    if isinstance(x, Tensor):
        return _Argument(x)
    return tuple(map(_as_key, x)) if type(x) is tuple else x


def _as_given(x: Any) -> Any:
    """The argument of which that was made."""
    if type(x) is _Argument:
        return x.tensor
    return tuple(map(_as_given, x)) if type(x) is tuple else x


_caches: list[Any] = []


@functools.lru_cache(maxsize=256)
def remembering(f: Any, copy: Callable[[Any], Any], holds_tensor: Callable[[Any], bool]) -> Any:
    """A function made by `functools.lru_cache`: given tensors it remembers until the call ends."""

    def traced(*args: Any, **kwargs: Any) -> Any:
        given = {k: _as_given(x) for k, x in kwargs.items()}
        return copy(f.__wrapped__)(*map(_as_given, args), **given)

    own = functools.lru_cache(**f.cache_parameters())(traced)

    @functools.wraps(f)
    def choose(*args: Any, **kwargs: Any) -> Any:
        if not holds_tensor((*args, *kwargs.values())):
            return copy(f(*args, **kwargs))
        _caches.append(own)
        return own(*map(_as_key, args), **{k: _as_key(x) for k, x in kwargs.items()})

    return choose


def forget() -> None:
    """Drop what functions were given and returned while tracing."""
    while _caches:
        _caches.pop().cache_clear()
