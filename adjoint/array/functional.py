"""Functions of functions, with NumPy's names: applied along axes, over elements, to vectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.leaf import is_constant
from adjoint.graph.op import public, public_as
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import Shape, as_dtype, broadcast_shapes, normalize_axis
from adjoint.ops.shape.joining import stack
from adjoint.ops.shape.movement import astype, broadcast_to, expand_dims, reshape
from adjoint.ops.shape.rearrange import moveaxis

__all__ = ["apply_along_axis", "apply_over_axes", "vectorize"]


@public
def apply_along_axis(func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Tensor:
    """What `func1d` makes of each vector along `axis`; its axes stand in place of that axis.

    The function is called once for each vector, with `args` and `kwargs` behind it; where one can
    be written, a function of the whole tensor is quicker. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.apply_along_axis(lambda v: v[0] * v, 1, ad.asarray([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[ 1.,  2.],
            [ 9., 12.]])
    """
    arr = as_tensor(arr)
    place = normalize_axis("apply_along_axis", axis, arr.ndim)
    lanes = moveaxis(arr, place, -1)
    lead = lanes.shape[:-1]
    rows = reshape(lanes, (-1, lanes.shape[-1])) if lanes.size else lanes
    if not lanes.size:
        raise ShapeError(f"apply_along_axis: there is no vector in a tensor of shape {arr.shape}")
    found = [as_tensor(func1d(row, *args, **kwargs)) for row in rows]
    result = stack(found)
    result = reshape(result, lead + result.shape[1:])
    inner = result.ndim - len(lead)
    source = range(len(lead), len(lead) + inner)
    return moveaxis(result, tuple(source), tuple(range(place, place + inner)))


@public
def apply_over_axes(func: Any, a: Any, axes: Any) -> Tensor:
    """What ``func(a, axis)`` makes of `a` for one of `axes` after the other, which stay with size
    one where the function drops them. Raises `ShapeError`.

    >>> import adjoint as ad
    >>> ad.apply_over_axes(ad.sum, ad.ones((2, 3)), (0, 1))
    Tensor([[6.]])
    """
    a = as_tensor(a)
    given = axes if isinstance(axes, Iterable) else (axes,)
    for axis in given:
        place = normalize_axis("apply_over_axes", axis, a.ndim)
        found = as_tensor(func(a, place))
        if found.ndim == a.ndim - 1:
            found = expand_dims(found, place)
        if found.ndim != a.ndim:
            raise ShapeError(
                f"apply_over_axes: the function made {found.ndim} axes of {a.ndim}; it must keep "
                f"them or drop one"
            )
        a = found
    return Tensor(a.node)


@public_as("ndenumerate")
def _enumerated(arr: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    """The indices of all elements, each with its element."""
    if not isinstance(arr, Tensor):
        return iter(np.ndenumerate(arr))
    return ((place, arr[place]) for place in np.ndindex(*arr.shape))


@public
class vectorize:
    """A function of numbers as one of tensors, as ``numpy.vectorize``: called once an element.

    otypes: the dtypes of the results, as a string of characters or a list. excluded: positions or
    names of arguments that are handed on as they are. signature: "(n),(n)->()" says which axes the
    function takes, and which it returns. cache is of no effect. The results have derivatives;
    where one can be written, a function of whole tensors is very much quicker.

    >>> import adjoint as ad
    >>> f = ad.vectorize(lambda x, y: x * y if x > y else x - y)
    >>> ad.grad(lambda x: ad.sum(f(x, 2.0)))(ad.asarray([1.0, 3.0]))
    Tensor([1., 2.])
    """

    def __init__(
        self,
        pyfunc: Any = None,
        otypes: Any = None,
        doc: str | None = None,
        excluded: Iterable[int | str] | None = None,
        cache: bool = False,
        signature: str | None = None,
    ) -> None:
        self.pyfunc: Callable[..., Any] | None = pyfunc
        self.otypes = None if otypes is None else [as_dtype(t) for t in otypes]
        self.excluded = frozenset(excluded or ())
        self.signature = signature
        self._core = None if signature is None else _read(signature)
        self.__doc__ = doc or getattr(pyfunc, "__doc__", None)
        self.__name__ = getattr(pyfunc, "__name__", "vectorize")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function of all elements."""
        if self.pyfunc is None:  # as a decorator with options
            self.pyfunc = args[0]
            self.__name__ = getattr(self.pyfunc, "__name__", "vectorize")
            return self
        keys: list[int | str] = [i for i in range(len(args)) if i not in self.excluded]
        keys += [name for name in kwargs if name not in self.excluded]
        given = [_as_elements(args[k] if isinstance(k, int) else kwargs[k]) for k in keys]
        if not given:
            return self.pyfunc(*args, **kwargs)
        inputs = self._core[0] if self._core else [()] * len(given)
        if len(inputs) != len(given):
            raise ArgumentError(
                f"vectorize: the signature {self.signature!r} has {len(inputs)} inputs, but "
                f"{len(given)} arguments were given"
            )
        for x, names in zip(given, inputs, strict=True):
            if x.ndim < len(names):
                raise ShapeError(f"vectorize: an argument of shape {x.shape} needs axes {names}")
        leads = [x.shape[: x.ndim - len(names)] for x, names in zip(given, inputs, strict=True)]
        lead = broadcast_shapes("vectorize", *leads)
        whole = [_spread(x, lead, len(n)) for x, n in zip(given, inputs, strict=True)]

        def at(place: tuple[int, ...]) -> Any:
            items = dict(zip(keys, (x[place] for x in whole), strict=True))
            positional = [items.get(i, a) for i, a in enumerate(args)]
            return self.pyfunc(*positional, **{n: items.get(n, v) for n, v in kwargs.items()})  # type: ignore[misc]

        return self._gathered([at(place) for place in np.ndindex(*lead)], lead)

    def _gathered(self, found: list[Any], lead: Shape) -> Any:
        """The results for all elements as one tensor, or as many as the function returns."""
        if not found:
            if self.otypes is None:
                raise ArgumentError(
                    "vectorize: there are no elements, so the results have no dtype; give otypes"
                )
            empty = tuple(from_array(np.zeros(lead, dtype)) for dtype in self.otypes)
            return empty if len(empty) > 1 else empty[0]
        several = isinstance(found[0], tuple)
        columns: Sequence[Sequence[Any]] = list(zip(*found, strict=True)) if several else [found]
        results = []
        for number, column in enumerate(columns):
            result = stack([x if _is_plain(x) else as_tensor(x) for x in column])
            result = reshape(result, lead + result.shape[1:])
            results.append(result if self.otypes is None else astype(result, self.otypes[number]))
        return tuple(results) if several else results[0]


def _is_plain(x: Any) -> bool:
    return type(x) in (int, float, complex, bool)


def _as_elements(x: Any) -> Any:
    """A tensor, or an array if nothing in `x` is one."""
    if isinstance(x, (list, tuple)):
        x = as_tensor(x)
        return np.asarray(x.node.value) if is_constant(x.node) else x
    return x if isinstance(x, Tensor) else np.asarray(x)


def _spread(x: Any, lead: Shape, core: int) -> Any:
    shape = lead + x.shape[x.ndim - core :]
    return broadcast_to(x, shape) if isinstance(x, Tensor) else np.broadcast_to(x, shape)


def _read(signature: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The names of the axes of inputs and outputs."""
    sides = signature.replace(" ", "").split("->")
    if len(sides) != 2 or not all(re.fullmatch(r"(\([\w,]*\),?)*", side) for side in sides):
        raise ArgumentError(
            f'vectorize: the signature {signature!r} is not one such as "(n),(n)->()"'
        )
    first, second = (
        [tuple(filter(None, group.split(","))) for group in re.findall(r"\(([\w,]*)\)", side)]
        for side in sides
    )
    return first, second


@public
def frompyfunc(func: Any, /, nin: int, nout: int, **kwargs: Any) -> Any:
    """Not there: its results are objects, which have no derivatives; raises `ArgumentError`."""
    raise ArgumentError(
        "frompyfunc: makes functions whose results are objects, not numbers, and so have no "
        "derivatives; use adjoint.vectorize"
    )
