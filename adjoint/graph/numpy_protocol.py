"""NumPy's protocols: ``np.sin(t)`` and ``np.sum(t)`` trace instead of computing.

So code that says ``import numpy as np`` can be differentiated as it stands.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from adjoint.errors import AdjointError, ArgumentError, DTypeError, UnknownNameError
from adjoint.graph import calls, dlpack, engine
from adjoint.graph.arrays import matrix_error
from adjoint.graph.caller import (
    Asker,
    is_operator_of_sparse,
    package_of_caller,
    user_place,
)
from adjoint.graph.lost import handed_out, is_of_variable, losers, report
from adjoint.graph.numpy_arguments import arranged
from adjoint.graph.op import FUNCTIONS
from adjoint.graph.shown import shown
from adjoint.graph.views import assign, shared, write

if TYPE_CHECKING:
    from adjoint.graph.node import Node
    from adjoint.graph.tensor import Tensor

_modules = sys.modules
_UFUNC_NAMES = {
    "absolute": "abs",
    "conjugate": "conj",
    "true_divide": "divide",
    "invert": "bitwise_invert",
    "left_shift": "bitwise_left_shift",
    "right_shift": "bitwise_right_shift",
    "mod": "remainder",
    "vecdot": "vecdot",
}
_FUNCTION_NAMES = {
    "amax": "max",
    "amin": "min",
    "transpose": "permute_dims",
    "concatenate": "concat",
    "absolute": "abs",
    "round_": "round",
    "around": "round",
    "fix": "trunc",
}
_ARGUMENT_NAMES = {"a_min": "min", "a_max": "max"}
_ALONG: dict[str, dict[Any, str]] = {
    "reduce": {
        np.add: "sum",
        np.multiply: "prod",
        np.maximum: "max",
        np.minimum: "min",
        np.logical_and: "all",
        np.logical_or: "any",
        np.logaddexp: "logsumexp",
    },
    "accumulate": {
        np.add: "cumsum",
        np.multiply: "cumprod",
        np.maximum: "cummax",
        np.minimum: "cummin",
    },
}
"""The methods of a ufunc that go along an axis, and what they are called."""
_AFTER_ARRAY = ("axis", "dtype", "out", "keepdims", "initial", "where")
"""Their arguments behind the array, in order."""
_USUAL: dict[str, tuple[Any, ...]] = {
    "out": (None,),
    "dtype": (None,),
    "where": (True,),
    "casting": ("same_kind",),
    "order": ("C", "K"),
    "subok": (True, False),
}
"""Arguments of NumPy that say nothing if they have these values."""
_ON_VALUES = frozenset(("argwhere", "flatnonzero", "may_share_memory", "shares_memory"))
"""Functions of NumPy whose results have no derivatives: they are given the values."""
_SHOWING = frozenset(("array2string", "array_repr", "array_str"))
"""Functions of NumPy that make text of numbers: they are given the values, too."""
_SAVING = frozenset(("save", "savetxt", "savez", "savez_compressed"))
"""Functions of NumPy that write values into files, from which they can be read back."""
_WRITING = frozenset(("put_along_axis", "put", "place", "putmask", "copyto", "fill_diagonal"))
"""What writes into its first argument and returns nothing."""
_NEVER_WRITING = frozenset({"jax"})
"""Packages whose arrays do not change, and which do not ask for DLPack 1.0."""
special_function: Callable[[str], Callable[..., Any] | None] = lambda name: None
"""The counterpart of a ufunc of `scipy.special` by its name; a higher floor knows."""
_TO_ARRAYS = frozenset(("atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays"))
"""Functions by which others, such as SciPy's solvers, make arrays of what they are given: as long
as nobody differentiates, they are given values that may be written to."""
_ON_TENSORS: dict[str, Callable[..., Any]] = {
    "copy": lambda x: x.copy(),
    "iscomplexobj": lambda x: x.dtype.kind == "c",
    "isrealobj": lambda x: x.dtype.kind != "c",
    "triu_indices_from": lambda arr, k=0: np.triu_indices_from(_of_shape(arr), k),
    "tril_indices_from": lambda arr, k=0: np.tril_indices_from(_of_shape(arr), k),
    "diag_indices_from": lambda arr: np.diag_indices_from(_of_shape(arr)),
}
"""Functions of NumPy that ask for no value."""


def _of_shape(x: Any) -> np.ndarray[Any, Any]:
    """An array in the shape of a tensor, whose values do not matter."""
    return np.broadcast_to(np.False_, x.shape)


class NumpyProtocol:
    """The part of a tensor that NumPy talks to."""

    __slots__ = ()
    __array_priority__ = 1000.0

    node: Node

    def numpy(self) -> np.ndarray[Any, Any]:
        """The value as a NumPy array that must not be written to."""
        raise NotImplementedError

    @property
    def _data(self) -> Any:
        """Where a masked array looks for plain numbers, to compute with them on its own."""
        raise DTypeError(
            "numpy.ma: a masked array computes with plain numbers only, so nothing is traced "
            "through it; give its .filled(number) or .data in its place"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if "scipy.sparse" in _modules and is_operator_of_sparse(sys._getframe(1)):
            return not_an_array(self)
        value = self.node.value
        is_array = type(value) is np.ndarray and (dtype is None or dtype is value.dtype)
        if is_array and not copy and self.node.scope is None:
            array: np.ndarray[Any, Any] = value.view()  # as `numpy` does, most quickly
            # by keyword, as the stubs want it, it takes twice as long
            array.setflags(False)  # type: ignore[call-arg]
            return array
        if dtype is not None and np.dtype(dtype).kind in "biu":  # which carry no derivative
            array = np.asarray(engine.value_of(self.node))
        else:
            array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError("numpy: a change of dtype needs a copy, and copy=False was asked")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call_function(function, args, kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return calls.namespace()

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[Any, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        """The value for another library, which must not write to it.

        Who reads DLPack 1.0 is told so and gets the memory itself, and so does who never writes, as
        JAX; others a copy. With copy=False they get the memory, too, as from JAX.
        """
        array = self.numpy()
        read_only = max_version is not None and max_version[0] >= 1
        if copy is None and not read_only:
            copy = package_of_caller() not in _NEVER_WRITING
        if copy is False and not read_only:
            array = _not_marked(array)
        give = dlpack.given if array.dtype.kind == "V" else np.ndarray.__dlpack__
        return give(array, stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


def not_an_array(x: Any) -> np.ndarray[Any, Any]:
    """What NumPy makes of an object that is no array."""
    boxed = np.empty((), object)
    boxed[()] = x
    return boxed


def _not_marked(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same memory, not marked as read-only; marked still, if it is that for everybody."""
    alias = array.view()
    with suppress(ValueError):
        alias.setflags(write=True)
    return alias


def is_tensor(x: Any) -> TypeGuard[Tensor]:
    """Whether `x` is a tensor, the only class that NumPy talks to here."""
    return isinstance(x, NumpyProtocol)


def ufunc_function(ufunc: Any) -> Callable[..., Any] | None:
    """The function that one of NumPy's ufuncs is called here, if there is one."""
    return FUNCTIONS.get(_UFUNC_NAMES.get(ufunc.__name__, ufunc.__name__))


def call_ufunc(ufunc: Any, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
    """What a method of one of NumPy's ufuncs means for arguments among which are tensors."""
    if any(isinstance(x, np.matrix) for x in inputs):
        raise matrix_error()
    name = _UFUNC_NAMES.get(ufunc.__name__, ufunc.__name__)
    if ufunc.__name__.endswith("(vectorized)"):
        raise UnknownNameError(
            f"numpy.frompyfunc: the function {ufunc.__name__} was made outside of what is traced; "
            f"make it there, or use numpy.vectorize"
        )
    home = "numpy" if getattr(np, ufunc.__name__, None) is ufunc else "scipy.special"
    shown = f"{home}.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if method == "at":
        return _write_at_first(shown, f"{name}.at", getattr(ufunc, method), inputs, kwargs)
    if method in _ALONG:
        name = _ALONG[method].get(ufunc, f"{name}.{method}")
        kwargs = {"axis": 0} | dict(zip(_AFTER_ARRAY, inputs[1:], strict=False)) | kwargs
        inputs = inputs[:1]
    elif method == "outer" and len(inputs) == 2:
        inputs = _spread(*inputs)
    elif method != "__call__":
        name = f"{name}.{method}"
    return _call(shown, name, inputs, kwargs)


def call_function(
    function: Any, args: Any, kwargs: dict[str, Any], *, by_traced_code: bool = False
) -> Any:
    """What one of NumPy's functions means for arguments among which are tensors."""
    name = _FUNCTION_NAMES.get(function.__name__, function.__name__)
    inside = f"{function.__module__.removeprefix('numpy.')}.{name}"
    name = inside if inside in FUNCTIONS else name
    if name in _WRITING:
        return _write_at_first(f"numpy.{name}", name, function, args, kwargs)
    if name == "where" and len(args) == 1:
        name = "nonzero"
    if name in _SAVING:
        return function(*_handed_out(args), **_handed_out(kwargs))
    if name in _SHOWING:
        text = function(*_values(args), **_values(kwargs))
        return shown(text, args[0].node) if args and is_tensor(args[0]) else text
    makes_arrays = name in _TO_ARRAYS and not (by_traced_code or _is_traced((args, kwargs)))
    if name in _ON_VALUES or makes_arrays:
        return function(*_values(args), **_values(kwargs))
    as_given = args, kwargs
    args, kwargs = arranged(function, FUNCTIONS.get(name), args, kwargs)
    shown_name = f"{function.__module__}.{function.__name__}"
    result = _call(shown_name, name, args, kwargs)

    def again(x: Any, y: Any) -> Any:
        if is_tensor(y):
            return _call(shown_name, name, *_replaced(x, y, args, kwargs))
        others, named = _replaced(x, y, *as_given)
        return function(*others, **named)

    if name == "nan_to_num" and _is_false(kwargs.get("copy", args[1:2])):
        write(args[0], result, shown_name)
        return args[0]
    return shared(name, result, args, kwargs, again)


def _replaced(x: Any, y: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Arguments with `y` in place of `x`."""
    return [y if a is x else a for a in args], {k: y if v is x else v for k, v in kwargs.items()}


def _is_false(copy: Any) -> bool:
    """Whether copy= says that NumPy is to write into what it is given."""
    return copy is False or (type(copy) is tuple and copy == (False,))


def _call(shown: str, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """The function called `name` of what was given to the function of NumPy that is `shown`."""
    function = FUNCTIONS.get(name) or _ON_TENSORS.get(name) or special_function(name.lstrip("_"))
    if function is None:
        raise UnknownNameError(
            f"{shown} has no counterpart on tensors; write it with other operations, or take the "
            f"value, which counts as constant: numpy.asarray(adjoint.stop_gradient(x))"
        )
    meant = {_ARGUMENT_NAMES.get(k, k): v for k, v in kwargs.items() if not _says_nothing(k, v)}
    out = meant.pop("out", None)
    where = True
    if out is not None and "where" not in signature(function).parameters:
        where = meant.pop("where", True)
    try:
        result = function(*args, **meant)
        return result if out is None else _written(shown, result, out, where)
    except TypeError as error:
        unknown = [k for k in meant if k not in signature(function).parameters]
        if isinstance(error, AdjointError) or not unknown:
            raise
    cure = "leave it out, or use adjoint.where and astype"
    if unknown[0] == "where":
        cure = "give out= too, which says what stands where the condition does not hold"
    raise ArgumentError(f"{shown}: the argument {unknown[0]!r} is not supported on tensors; {cure}")


def _says_nothing(name: str, value: Any) -> bool:
    usual = _USUAL.get(name, ())
    return value is np._NoValue or any(value is u or (type(u) is str and value == u) for u in usual)


def _spread(a: Any, b: Any) -> tuple[Any, Any]:
    """`a` with as many axes of size one behind as `b` has, for all pairs of elements."""
    asarray = calls.namespace().asarray
    a = asarray(a)
    if type(b) not in (float, int, bool, complex):  # a number takes the dtype of `a`
        b = asarray(b)
        a = calls.reshape(a, a.shape + (1,) * b.ndim)
    return a, b


def _values(x: Any, take: Callable[[Node], Any] = engine.value_of) -> Any:
    """`x` with copies of the values of tensors in their place, also inside lists, tuples, dicts."""
    if is_tensor(x):
        return np.array(take(x.node))
    if isinstance(x, dict):
        return {k: _values(v, take) for k, v in x.items()}
    return type(x)([_values(v, take) for v in x]) if type(x) in (list, tuple) else x


def _handed_out(x: Any) -> Any:
    """The same, an error where a derivative would be lost."""
    return _values(x, handed_out)


def _is_traced(x: Any) -> bool:
    """Whether somebody differentiates by what a tensor in `x` depends on, or traces it."""
    if is_tensor(x):
        return x.node.scope is not None and x.node.scope.is_open()
    if isinstance(x, dict):
        x = tuple(x.values())
    return isinstance(x, (list, tuple)) and any(map(_is_traced, x))


def _written(shown: str, result: Any, out: Any, where: Any) -> Any:
    """The arrays or tensors `out`, into which the results are written."""
    if not isinstance(out, tuple):
        if is_tensor(out):
            write(out, result, shown, where)
        elif isinstance(out, np.ndarray):
            np.copyto(out, _leaving(shown, result), casting="same_kind", where=_plain(where))
        else:
            raise ArgumentError(
                f"{shown}: out= must be an array or a tensor, got {type(out).__name__}"
            )
        return out
    results = result if isinstance(result, tuple) else (result,)
    for place, value in zip(out, results, strict=True):
        if place is not None:
            _written(shown, value, place, where)
    found = tuple(v if place is None else place for place, v in zip(out, results, strict=True))
    return found if len(found) > 1 else found[0]


def _write_at_first(
    shown: str, name: str, function: Any, args: Any, kwargs: dict[str, Any]
) -> None:
    """Write into the first argument, be it a tensor or an array."""
    key = next((k for k in ("arr", "a", "dst") if k in kwargs), None)
    target = args[0] if key is None else kwargs[key]
    if not is_tensor(target):  # the others leave the graph
        function(*_all_leaving(shown, args), **_all_leaving(shown, kwargs))
        return
    rest = args[1:] if key is None else args
    others = {k: v for k, v in kwargs.items() if k != key}
    made = calls.written_by(name, target, rest, others)
    assign(target, made.node)


def _all_leaving(shown: str, x: Any) -> Any:
    """`x` with values in the place of tensors, also inside lists, tuples and dictionaries."""
    if is_tensor(x):
        return np.array(_leaving(shown, x))
    if isinstance(x, dict):
        return {k: _all_leaving(shown, v) for k, v in x.items()}
    return type(x)([_all_leaving(shown, v) for v in x]) if type(x) in (list, tuple) else x


def _leaving(shown: str, result: Any) -> Any:
    """The value of a result, to be written into an array of NumPy's."""
    scopes = losers(result.node)
    if scopes or is_of_variable(result.node):
        asked = f"{shown}, which is to write into an array (out=, or +=),"
        report(scopes, Asker("", asked, user_place(), stores=True))
    return engine.value_of(result.node)


def _plain(x: Any) -> Any:
    return engine.value_of(x.node) if is_tensor(x) else x
