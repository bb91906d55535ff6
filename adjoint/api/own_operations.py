"""`op`: a function that is not made of tensors, as an operation, with the derivative stated."""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from adjoint.api.arguments import check_step, function_name
from adjoint.api.c_functions import c_function
from adjoint.api.custom_rules import WithRule
from adjoint.api.custom_signature import CallOfRule, Derivative
from adjoint.api.rule_results import adjoints_like_arguments, results_like
from adjoint.api.stepping import open_leaves, traced
from adjoint.api.traced_call import WEAK
from adjoint.api.traced_rule import State, plainly
from adjoint.api.tree import flatten
from adjoint.errors import AdjointError, ArgumentError, DTypeError, RangeError, ShapeError
from adjoint.graph.leaf import is_weak
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import DType, Shape, as_dtype, broadcast_shapes, promote, weak_dtype
from adjoint.ops.control.external_call import (
    CFunction,
    External,
    ExternalCall,
    external_call,
    given_to_function,
    results_of,
)
from adjoint.ops.shape.movement import broadcast_to


class ShapeDType(NamedTuple):
    """Shape and dtype of an argument, for functions that say those of the result."""

    shape: Shape
    dtype: DType


def op(
    f: Callable[..., Any] | None = None,
    /,
    *,
    jvp: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    result: Any = None,
    vectorized: bool | str = False,
    nondiff_argnums: int | Sequence[int] = (),
    name: str | None = None,
) -> Any:
    """Make `f`, a function of NumPy arrays written with whatever you like, an operation.

    What `f` does inside is not traced: it is called with arrays when the value is needed, and may
    use SciPy, C, Numba, Fortran. It must be pure: the same arguments, the same result. The
    operation takes tensors, and can be differentiated, mapped, compiled, and used in loops and
    branches. In compiled programs it is a step that calls `f` in Python. Also a decorator, with
    or without settings.

    jvp: ``(arguments, value, tangents) -> tangent``: of tuples of the arguments and their tangents,
        and of the value, the tangent of the value, written with tensors or with other operations
        made by `op`. Linear in the tangents; then reverse mode follows by transposing it.
    vjp: ``(arguments, value, adjoint) -> adjoints``: of the adjoint of the value a tuple of one for
        each argument, None for zero. Forward mode follows by transposing it. State both where they
        call a function that cannot be transposed, as it is itself made by `op`; state none, and a
        derivative raises `NotDifferentiableError`. The methods `defjvp` and `defvjp` define them
        later.
    result: shape and dtype of the result: a pair of them; ``"like first"`` for those of the first
        argument; a function that is given for each argument a pair with ``.shape`` and ``.dtype``,
        and returns one. For several results, a tuple, a list of pairs. By default `f` is called
        once more for each new combination of shapes and dtypes, with the arguments if they are
        known, or else with ones (zeros for integers).
    vectorized: what `f` does with more axes in front, as `vmap` adds them. False: it is called for
        each example. True: it works elementwise and broadcasts its arguments, as a ufunc. Text, as
        ``"(n,n),(n)->(n)"``: so over all but these axes, as a generalised ufunc.
    nondiff_argnums: positions of arguments that are passed on as they are, such as texts; these
        must be hashable.

    `name` is how messages and programs call the operation, by default as `f`.

    A function in C (of ctypes, cffi, or Numba's ``cfunc``) is called by compiled programs without
    Python. It is ``double f(double, ...)``, which is called for each element and broadcasts, or
    ``void f(const double *, ..., double *result, size_t n)``, of float, int and long, too.

    Arguments are arrays, numbers, or pytrees of them. `f` is given arrays of its own, which it may
    keep or write to; NumPy scalars for arrays without axes, Python numbers where the caller gave
    such. What it returns is checked each time: another shape or dtype raises. `check_rule` compares
    the derivatives with differences.

    >>> import adjoint as ad
    >>> import scipy.special
    >>> @ad.op(jvp=lambda args, y, tangents: slope(args[0]) * tangents[0], vectorized=True)
    ... def bessel(x):
    ...     return scipy.special.j0(x)
    >>> slope = ad.op(lambda x: -scipy.special.j1(x), vectorized=True)
    >>> ad.grad(bessel)(1.0)
    Tensor(-0.44005059)
    >>> ad.compile(ad.vmap(ad.grad(bessel)))(ad.asarray([0.0, 1.0]))
    Tensor([-0.        , -0.44005059])
    """
    settings = {
        "jvp": jvp,
        "vjp": vjp,
        "result": result,
        "vectorized": vectorized,
        "nondiff_argnums": nondiff_argnums,
        "name": name,
    }
    if f is None:
        return lambda function: OwnOperation(function, settings)
    return OwnOperation(f, settings)


class OwnOperation(WithRule):
    """What `op` returns: an operation that calls a function of the user."""

    transform = "op"
    definition = "defjvp(rule)"

    def __init__(self, f: Callable[..., Any], settings: dict[str, Any]) -> None:
        super().__init__(f, settings["nondiff_argnums"])
        self.function, self.settings = f, settings
        self.name = settings["name"] or function_name(f)
        self.__name__ = self.name
        self.core_ranks = _core_ranks(self.name, settings["vectorized"])
        _check_result(self.name, settings["result"])
        self.c: CFunction | None = None
        self.called = f
        if (found := c_function(self.name, f)) is not None:
            self.c, self.called = found
            self.core_ranks = 0
            if settings["result"] is not None or self.nondiff_argnums:
                raise ArgumentError(
                    f"{self.name}: the result of a function in C is that of its type, and each of "
                    f"its arguments a number or an array; leave out result= and nondiff_argnums="
                )
        self.rules: dict[str, Callable[..., Any]] = {}
        self.externals: dict[Hashable, External] = {}
        self.calls: dict[Hashable, tuple[ExternalCall, Any]] = {}
        # What is traced in place of `f`: one node.
        self.f = functools.update_wrapper(lambda *args: self.applied(args), f)
        for mode, define in (("jvp", self.defjvp), ("vjp", self.defvjp)):
            if settings[mode] is not None:
                define(settings[mode])

    def __reduce__(self) -> Any:
        """By its name, as functions are pickled, where it is found under it; else made anew."""
        module = sys.modules.get(str(getattr(self, "__module__", None)))
        path = str(getattr(self, "__qualname__", ""))
        found: Any = module
        for part in path.split("."):
            found = getattr(found, part, None)
        if found is self:
            return path
        return OwnOperation, (self.function, {**self.settings, **self.rules})

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Define ``(arguments, value, tangents) -> tangent``; returns it."""
        return self.define("jvp", rule, "arguments, value, tangents")

    def defvjp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Define ``(arguments, value, adjoint) -> adjoints``; returns it."""
        return self.define("vjp", rule, "arguments, value, adjoint")

    def define(self, mode: str, rule: Callable[..., Any], form: str) -> Callable[..., Any]:
        """Keep a rule after a look at how it can be called."""
        check_step("op", mode, rule, self.form(mode, form), 3 + len(self.nondiff_argnums))
        self.rules[mode] = rule
        return rule

    def has_rule(self) -> bool:
        return bool(self.rules)

    def states(self) -> Sequence[State]:
        found = {"jvp": self.forward, "vjp": self.backward}
        return [state for mode, state in found.items() if mode in self.rules]

    def positional(self, caller: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The arguments that were given; what has a default in `f` may stay out."""
        if not kwargs:
            return tuple(args)
        try:
            bound = inspect.signature(self.function).bind(*args, **kwargs)
        except (ValueError, TypeError):
            bound = None
        if bound is None or bound.kwargs:
            raise ArgumentError(
                f"{self.name}: keyword arguments {list(kwargs)} have no position; an operation "
                f"takes its arguments by position. Bind what does not change with "
                f"functools.partial before adjoint.op"
            )
        return bound.args

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.has_rule():
            return super().__call__(*args, **kwargs)
        values, structure = plainly(self, self.positional("op", args, kwargs))
        return structure.unflatten(values)

    # the rules

    def forward(self, call: CallOfRule) -> Derivative:
        """The tangents of the results, made of variables for those of the arguments."""
        seeds = call.vectors(call.variables)
        tangents = call.signature.trees(_like_the_others(seeds, call.signature.weak()))
        found = self.applied_rule("jvp", call, tangents)
        what = f"op: jvp of {self.name} returned a tangent"
        targets = call.moving(call.results)
        return Derivative(
            "forward", call.moving(call.variables), seeds, targets, results_like(what, found, call)
        )

    def backward(self, call: CallOfRule) -> Derivative:
        """The adjoints of the arguments, made of variables for those of the results."""
        seeds = call.vectors(call.results)
        found = self.applied_rule("vjp", call, call.structure.unflatten(seeds))
        shares = adjoints_like_arguments(f"op: vjp of {self.name}", found, call)
        targets = [n for n, x in enumerate(shares) if x is not None]
        return Derivative("backward", call.moving(call.results), seeds, targets, shares)

    def applied_rule(self, mode: str, call: CallOfRule, vectors: Any) -> Any:
        """What a rule makes of tangents or adjoints. The value is given to it, not computed."""
        signature = call.signature
        arguments = signature.trees(_like_the_others(call.leaves(), signature.weak()))
        value = call.structure.unflatten(list(map(Tensor, call.values())))
        return traced(self.rules[mode], (*signature.fixed, arguments, value, vectors))

    # the function

    def applied(self, args: Sequence[Any]) -> Any:
        """The results for tensors, as nodes that call the function."""
        fixed = tuple((n, args[n]) for n in self.nondiff_argnums)
        own = tuple(x for n, x in enumerate(args) if n not in self.nondiff_argnums)
        leaves, structure = open_leaves(f"{self.name}: arguments ", own)
        if not leaves:
            raise ArgumentError(f"{self.name}: an operation needs an argument that is an array")
        given = flatten(own)[0]
        weak = tuple(
            type(leaf) in WEAK or is_weak(x.node) for leaf, x in zip(given, leaves, strict=True)
        )
        tensors = _like_the_others(leaves, weak)
        if self.c is not None:
            tensors, weak = _for_c(self.name, self.c, tensors, weak), (False,) * len(tensors)
        kinds = tuple(ShapeDType(x.shape, x.dtype) for x in tensors)
        # 1, 1.0 and True are equal, and yet other arguments.
        place = (fixed, tuple((type(x), repr(x)) for _, x in fixed), str(structure))
        try:
            known = self.calls.get((place, kinds, weak))
        except TypeError:
            raise ArgumentError(
                f"{self.name}: arguments in nondiff_argnums must be hashable, got {fixed}"
            ) from None
        if known is None:
            external = self.external(place, fixed, structure, len(args))
            known = self.call_of(external, tensors, kinds, weak)
            self.calls[place, kinds, weak] = known
        call, form = known
        return form.unflatten(external_call(call, tensors))

    def external(self, place: Hashable, fixed: Any, structure: Any, count: int) -> External:
        """The function of the leaves of the arguments alone."""
        if place in self.externals:
            return self.externals[place]
        numbers = [n for n in range(count) if n not in self.nondiff_argnums]

        def function(*leaves: Any) -> Any:
            args: list[Any] = [None] * count
            for n, x in fixed:
                args[n] = x
            for n, x in zip(numbers, structure.unflatten(leaves), strict=True):
                args[n] = x
            return self.called(*args)

        leaves = len(structure.paths())
        ranks = self.core_ranks
        if isinstance(ranks, tuple) and len(ranks) != leaves:
            raise ArgumentError(
                f"{self.name}: vectorized={self.settings['vectorized']!r} says "
                f"{len(ranks)} arguments, got {leaves}"
            )
        every = (0,) * leaves if isinstance(ranks, int) else ranks
        found = External(self.name, function, every, self.c)
        self.externals[place] = found
        return found

    def call_of(
        self, external: External, tensors: Sequence[Tensor], kinds: Any, weak: tuple[bool, ...]
    ) -> tuple[ExternalCall, Any]:
        """The call for arguments of these kinds, and the structure of what it returns."""
        result = self.settings["result"]
        if self.c is not None:
            result = (tensors[0].shape, self.c.result)
        if external.core_ranks is not None:
            _check_ranks(external, kinds)
        if result is None:
            return self.sampled(external, tensors, weak)
        if result == "like first":
            found: Any = kinds[0]
        else:
            found = result(*kinds) if callable(result) else result
        several = isinstance(found, list)
        pairs = tuple(_pair(self.name, x) for x in (found if several else [found]))
        form = flatten(tuple(0.0 for _ in pairs) if several else 0.0)[1]
        return ExternalCall(external, pairs, weak, several), form

    def sampled(
        self, external: External, tensors: Sequence[Tensor], weak: tuple[bool, ...]
    ) -> tuple[ExternalCall, Any]:
        """The call as the function answers once: with the arguments, if all are known."""
        nodes = [x.node for x in tensors]
        known = all(x.value is not None for x in nodes)
        values = [
            x.value if known else (np.zeros if x.dtype.kind in "biu" else np.ones)(x.shape, x.dtype)
            for x in nodes
        ]
        given = [given_to_function(x, w) for x, w in zip(values, weak, strict=True)]
        try:
            found = external.function(*given)
        except Exception as error:
            if known or isinstance(error, AdjointError):
                raise
            raise ArgumentError(
                f"{self.name} raised {type(error).__name__} when it was called with ones to see "
                f"what it returns ({error}); say by result= which shape and dtype that has"
            ) from error
        several = isinstance(found, tuple)
        results = results_of(self.name, found, several)
        pairs = tuple(_kind_of(self.name, x) for x in results)
        form = flatten(tuple(0.0 for _ in pairs) if several else 0.0)[1]
        return ExternalCall(external, pairs, weak, several), form


def _like_the_others(leaves: Sequence[Tensor], weak: Sequence[bool]) -> list[Tensor]:
    """The arguments, Python's floats in the dtype of the others."""
    strong = [x.dtype for x, w in zip(leaves, weak, strict=True) if not w]
    if not strong:
        return list(leaves)
    common = promote(*strong)
    kinds: dict[str, type] = {"f": float, "c": complex}
    return [
        as_tensor(x, weak_dtype(kinds[x.dtype.kind], common)) if w and x.dtype.kind in kinds else x
        for x, w in zip(leaves, weak, strict=True)
    ]


def _for_c(
    name: str, c: CFunction, tensors: Sequence[Tensor], weak: Sequence[bool]
) -> list[Tensor]:
    """The arguments of a function in C: of its dtypes, and broadcast to one shape."""
    if len(tensors) != len(c.inputs):
        raise ArgumentError(f"{name} takes {len(c.inputs)} arguments, got {len(tensors)}")
    found = []
    for number, (x, dtype, w) in enumerate(zip(tensors, c.inputs, weak, strict=True)):
        if not np.can_cast(x.dtype, dtype, "same_kind" if w else "safe"):
            raise DTypeError(
                f"{name}: argument {number} has dtype {x.dtype}, its type in C is {dtype}; convert "
                f"it with .astype({str(dtype)!r})"
            )
        found.append(as_tensor(x, dtype))
    shape = broadcast_shapes(name, *(x.shape for x in found))
    return [x if x.shape == shape else broadcast_to(x, shape) for x in found]


def _kind_of(name: str, value: Any) -> tuple[Shape, DType]:
    """Shape and dtype of a result that the function returned."""
    try:
        array = np.asarray(value)
        return array.shape, as_dtype(array.dtype)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"{name} returned {type(value).__name__}, expected an array of numbers: {error}"
        ) from error


def _pair(name: str, found: Any) -> tuple[Shape, DType]:
    """Shape and dtype as `result` says them."""
    if hasattr(found, "shape") and hasattr(found, "dtype"):
        found = (found.shape, found.dtype)
    if not isinstance(found, tuple) or len(found) != 2:
        raise ArgumentError(
            f"{name}: result= must say a pair (shape, dtype), or a list of pairs for a function "
            f"that returns a tuple, got {found!r}"
        )
    shape, dtype = found
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else shape
    try:
        return tuple(int(n) for n in sizes), as_dtype(dtype)
    except TypeError as error:
        raise ArgumentError(
            f"{name}: result= says {found!r}, which is no (shape, dtype)"
        ) from error


def _check_result(name: str, result: Any) -> None:
    if isinstance(result, str) and result != "like first":
        raise RangeError(f"{name}: result={result!r} is not known; the only text is 'like first'")
    if result is not None and not callable(result) and not isinstance(result, str):
        for x in result if isinstance(result, list) else [result]:
            _pair(name, x)


def _core_ranks(name: str, vectorized: Any) -> int | tuple[int, ...] | None:
    """How many axes of each argument the function takes as they are; 0 for all, None if it takes
    no more than it is given."""
    if isinstance(vectorized, (bool, np.bool_)):
        return 0 if vectorized else None
    one = r"\(\s*(?:\w+\s*(?:,\s*\w+\s*)*)?\)"
    form = rf"\s*{one}(?:\s*,\s*{one})*\s*"
    if not isinstance(vectorized, str) or not re.fullmatch(f"{form}->{form}", vectorized):
        raise ArgumentError(
            f"{name}: vectorized must be True, False, or a signature as '(n,n),(n)->(n)', got "
            f"{vectorized!r}"
        )
    before = vectorized.partition("->")[0]
    return tuple(len(re.findall(r"\w+", part)) for part in re.findall(one, before))


def _check_ranks(external: External, kinds: Sequence[ShapeDType]) -> None:
    """Raise if an argument has fewer axes than the signature says."""
    assert external.core_ranks is not None
    for number, (kind, rank) in enumerate(zip(kinds, external.core_ranks, strict=True)):
        if len(kind.shape) < rank:
            raise ShapeError(
                f"{external.name}: argument {number} has shape {kind.shape}, vectorized= says that "
                f"it has {rank} axes at least"
            )
