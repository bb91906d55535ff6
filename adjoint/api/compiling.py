"""compile: trace a function once per signature, answer later calls from a native program."""

from __future__ import annotations

import functools
import pickle
import sys
import weakref
from collections.abc import Callable, Hashable, Sequence
from itertools import count, islice
from typing import Any

from adjoint.api.arguments import check_callable, function_name, output_of, where_text
from adjoint.api.donation import donate
from adjoint.api.fast_tree import REFUSED, Mismatch
from adjoint.api.graph_first import evaluate
from adjoint.api.labelling import Found, labelled, labels_among, labels_in, tracing_origins
from adjoint.api.profiling import Profile, profile_of
from adjoint.api.recent_calls import (
    PROMOTED_AFTER,
    RecentCall,
    answer_in_order,
    recent_call,
    with_newest,
)
from adjoint.api.report import Cost, Report, cost_of, report_of, text_of
from adjoint.api.rolled_call import call
from adjoint.api.signature import is_open, key_of, kind_of, leaf_of, opened, settled
from adjoint.api.size_plans import SizePlans
from adjoint.api.specialization import Specialization
from adjoint.api.tree import exactly, flatten, key_orders, path_text
from adjoint.backends.availability import missing
from adjoint.errors import AdjointError, ArgumentError
from adjoint.graph import options
from adjoint.graph.caller import warn
from adjoint.graph.labels import Labels, meeting
from adjoint.graph.subgradients import choosing
from adjoint.graph.tensor import Tensor, as_stored


class Compiled:
    """A function that answers from native code. Made by `compile`.

    A call finds its `Specialization`, made for the signature of its arguments, and that answers.
    Later calls come faster. If all arguments are plain numbers and arrays, calling the function is
    the native entry itself: for that each compiled function is the one instance of a class of its
    own. Other calls are compared with recent ones first (`RecentCall`).
    """

    __call__: Callable[..., Any]

    def __init__(
        self, f: Callable[..., Any], static: tuple[int | str, ...], donate: tuple[int, ...]
    ) -> None:
        self._function = f
        self._static = static
        self._donate = donate
        self._specializations: dict[Hashable, Specialization] = {}
        self._size_plans: dict[Hashable, SizePlans] = {}
        """By what signatures have in common that differ in sizes only."""
        self._recent: tuple[RecentCall, ...] = ()
        """The calls that were answered last, the newest first."""
        self._diverted = 0
        """How many calls were like recent ones, but not like those that are the native entry."""
        self._methods: dict[int, Compiled] = {}
        self._reference: Any = None  # of a method, to its object
        functools.update_wrapper(self, f, updated=())  # f may carry the fields of a compiled one
        _all.add(self)

    # calling it

    def _answer(self, *args: Any, **kwargs: Any) -> Any:
        """The result for any arguments, at once if they are like those of a recent call."""
        recent = self._recent  # read once: another thread may look at calls from now on
        for read, found in recent:
            if read is not None:
                leaves: list[Any] = []
                try:
                    read(args, kwargs, leaves)
                except Mismatch:
                    continue
                result = found.entry(*leaves)
                if result is not REFUSED:
                    return result
            elif not kwargs:
                result = found.entry(*args)
                if result is not REFUSED:
                    self._diverted += 1
                    if self._diverted % PROMOTED_AFTER == 0:
                        self._enter_directly(found)
                    return result
        if recent and not self._donate:
            result = answer_in_order(recent, args, kwargs)
            if result is not REFUSED:
                return result
        return self._find_and_answer(args, kwargs)

    def _find_and_answer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result for any arguments: find the program for their signature, or make it."""
        static, dynamic = self._split(args, kwargs)
        leaves, structure = flatten(dynamic)
        labels = labels_in(leaves)
        leaves = self._each(settled, leaves, structure)
        if any(type(x) is Tensor and is_open(x.node) for x in leaves):  # it is part of the graph
            return self._call_with(dict(static), structure.unflatten(leaves))
        chosen = options.current()
        if chosen.debug_nans:
            result = self._uncompiled(dict(static), opened(structure, leaves), labels)
            return self._consume_donated(args, leaves, result)
        known = structure, args, labels_among(labels)
        found = self._find(static, key_orders(dynamic), leaves, *known)
        if found.is_part:
            return self._call_with(dict(static), structure.unflatten(leaves))
        if labels:
            found.check_labels(labels)
            return found.labelled(self._run(found, static, args, kwargs, leaves), labels)
        return self._run(found, static, args, kwargs, leaves)

    def _run(
        self, found: Specialization, static: Any, args: Any, kwargs: Any, leaves: Sequence[Any]
    ) -> Any:
        """The result of the program that was found for settled leaves."""
        if options.current().native == "never" or missing():
            return self._consume_donated(args, leaves, found.run_without_native(leaves))
        if self._donate and found.donation is None:
            found.donate(self._donated(args), function_name(self))
        if not found.can_enter:
            return found.run(*leaves)
        self._remember(args, kwargs, found)
        return found.enter(leaves)

    def _donated(self, args: tuple[Any, ...]) -> tuple[int, ...]:
        """The numbers of the leaves in donated arguments."""
        if not self._donate:
            return ()
        found: list[int] = []
        start = 0
        for position, argument in enumerate(args):
            if position not in self._static:
                end = start + len(flatten(argument)[0])
                found += range(start, end) if position in self._donate else ()
                start = end
        return tuple(found)

    def _consume_donated(self, args: tuple[Any, ...], leaves: Sequence[Any], result: Any) -> Any:
        """`result`, the donated tensors made unusable, as after any call."""
        for i in self._donated(args) if self._donate else ():
            if type(leaves[i]) is Tensor:
                donate(leaves[i], function_name(self))
        return result

    def _uncompiled(self, static: dict[Any, Any], tree: Any, found: Found) -> Any:
        """The result by the function itself, where each operation and its line can be named."""
        inputs = [x.node for x in flatten(tree)[0]]
        with tracing_origins(inputs) as origins, meeting(labels_among(found)):
            outputs, structure = flatten(self._call_with(static, tree))
        result = structure.unflatten(
            evaluate(
                [output_of("compile", function_name(self._function), y, as_stored) for y in outputs]
            )
        )
        return labelled(origins.labels(outputs, found), result)

    def _remember(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], found: Specialization
    ) -> None:
        """Have calls like this one answered faster."""
        if _must_look() or type(self).__call__ is found.direct:
            return
        call = recent_call(args, kwargs, *self._split(args, kwargs), found)
        if call is not None:
            self._recent = with_newest(self._recent, call)
            if call.read is None:
                self._enter_directly(found)
        if _must_look():  # since another thread, meanwhile, chose other options
            self._look_at_calls()

    def _enter_directly(self, found: Specialization) -> None:
        """Have calls begin with the native entry of a specialization."""
        if found.direct is None:
            found.direct = found.bind(self._answer)
        type.__setattr__(type(self), "__call__", found.direct)
        if _must_look():
            self._look_at_calls()

    def _look_at_calls(self) -> None:
        """Have the signature of every call looked at."""
        self._recent = ()
        type.__setattr__(type(self), "__call__", Compiled._answer)

    def _split(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        """The static arguments, and the tree of the others."""
        static: list[tuple[int | str, Any]] = []
        static += [(i, a) for i, a in enumerate(args) if i in self._static]
        static += [(k, a) for k, a in sorted(kwargs.items()) if k in self._static]
        dynamic = [a for i, a in enumerate(args) if i not in self._static]
        named = {k: a for k, a in kwargs.items() if k not in self._static}
        return static, (dynamic, named)

    def _find(
        self,
        static: Any,
        orders: Any,
        leaves: Sequence[Any],
        structure: Any,
        args: tuple[Any, ...],
        labels: Sequence[Labels] = (),
    ) -> Specialization:
        """The specialization for settled leaves of the arguments, perhaps a new one."""
        try:
            signature = tuple(map(key_of, leaves))
            # What a method or an index would mean to labelled arrays, tracing sees.
            meanings = frozenset((x.package, x.kind, x.numbers) for x in labels)
            plain = tuple((k, exactly(a)) for k, a in static)
            key = (plain, structure, orders, signature, meanings)
            found = self._specializations.get(key)
        except TypeError as error:
            raise ArgumentError(
                f"compile: the static arguments of {function_name(self._function)} must be "
                f"hashable: {error}"
            ) from error
        if found is None:
            known = self._each(leaf_of, leaves, structure)
            call = functools.partial(self._call_with, dict(static))
            donated, kinds = self._donated(args), tuple(map(kind_of, leaves))
            alike = (plain, structure, orders, kinds, meanings, donated, options.current())
            plans = self._size_plans.setdefault(alike, SizePlans(donated))
            found = Specialization(self._function, structure, known, call, labels, plans)
            if not found.is_part:
                self._specializations[key] = found
        return found

    def _call_with(self, static: dict[Any, Any], tree: Any) -> Any:
        """The result of the function itself, for static arguments and the tree of the others."""
        dynamic, named = tree
        rest = iter(dynamic)
        count = len(dynamic) + sum(isinstance(k, int) for k in static)
        args = [static[i] if i in static else next(rest) for i in range(count)]
        named |= {k: v for k, v in static.items() if type(k) is str}
        with choosing(None):  # a program is made once, for whoever calls it
            return call(self._function, args, named, None)

    def _each(self, of: Callable[[Any], Any], leaves: Sequence[Any], structure: Any) -> list[Any]:
        """`of` each leaf; `ArgumentError` names one of which there is no tensor."""
        found: list[Any] = []
        try:
            found.extend(map(of, leaves))
        except AdjointError as error:
            name = self._leaf_name(*structure.paths()[len(found)])
            raise ArgumentError(f"compile: {name}: {error}") from error
        return found

    def _leaf_name(self, part: int, key: Any, *path: Any) -> str:
        """How to name a leaf of the tree that `_split` makes."""
        if part == 1:
            return f"argument {key}{path_text(path)}"
        positions = (i for i in count() if i not in self._static)
        return where_text(self._function, next(islice(positions, key, None)), path)

    # as a function like others

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method compiled for one object, which is static: its attributes are read once."""
        if instance is None:
            return self
        known = self._methods.get(id(instance))
        if known is None:
            known = self._methods[id(instance)] = self._method_of(instance)
        return known

    def _method_of(self, instance: Any) -> Compiled:
        function, methods, number = self._function, self._methods, id(instance)
        try:
            found = weakref.ref(instance, lambda _: methods.pop(number, None))
        except TypeError as error:
            raise ArgumentError(
                f"compile: {function_name(self._function)} is a method of a "
                f"{type(instance).__name__}, which takes no weak references; add '__weakref__' to "
                f"its __slots__"
            ) from error

        @functools.wraps(function)
        def method(*args: Any, **kwargs: Any) -> Any:
            return function(found(), *args, **kwargs)

        method.__name__ = method.__qualname__
        method.__dict__["__self__"] = found  # as methods have it: messages do not count the object
        static = tuple(i - 1 if isinstance(i, int) else i for i in self._static)
        bound = made(method, static, tuple(i - 1 for i in self._donate))
        bound._reference = found
        return bound

    def __repr__(self) -> str:
        number = len(self._specializations)
        count = f"{number} signature{'s' * (number > 1)}" if number else "no signature yet"
        return f"<compiled {function_name(self._function)}, {count}>"

    def __reduce__(self) -> Any:
        f = self._function
        name = str(getattr(f, "__qualname__", "<an object>"))
        if "<" in name or self._reference is not None:
            raise pickle.PicklingError(
                f"compile: a compiled function is pickled as the function it was made of, and "
                f"{name} cannot be found again by name; write it with def at the top of a module"
            )
        found: Any = sys.modules.get(f.__module__)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is self:
            return name  # made by the decorator
        return made, (f, self._static, self._donate)

    def clear_cache(self) -> None:
        """Forget all signatures and their programs, and the methods made for objects."""
        self._specializations.clear()
        self._size_plans.clear()
        self._methods.clear()
        self._look_at_calls()

    # looking at it

    def cost(self, *args: Any, **kwargs: Any) -> Cost:
        """What a call with these arguments costs: traced, but not compiled and not run."""
        return cost_of(self.trace(*args, **kwargs))

    def trace(self, *args: Any, **kwargs: Any) -> Specialization:
        """The specialization for the signature of these arguments, without running anything."""
        static, dynamic = self._split(args, kwargs)
        leaves, structure = flatten(dynamic)
        leaves = self._each(settled, leaves, structure)
        return self._find(static, key_orders(dynamic), leaves, structure, args)

    def _last(self) -> Specialization:
        """The specialization compiled last, or only traced last if none was compiled."""
        if not self._specializations:
            raise ArgumentError(
                "compile: the function was not called yet, so there is no program to show; call "
                "it first, or name a signature with .trace(*args)"
            )
        known = list(self._specializations.values())
        return ([x for x in known if x.is_called] or known)[-1]

    def report(self) -> Report:
        """Kernels, bytes moved, operations and compile time of the program compiled last."""
        return report_of(self._last())

    def profile(self, *args: Any, **kwargs: Any) -> Profile:
        """Where the time of a call with these arguments goes, which is made many times for that:
        the median of each kernel, product and other step, of memory, and of what is around them.

        Nothing is donated. `Profile.save` writes it for a viewer of traces. Raises what a call
        raises, and `ArgumentError` where there is no native code, or for arguments of another
        transform.
        """
        call = made(self._function, self._static, ()) if self._donate else self
        call(*args, **kwargs)
        found = call.trace(*args, **kwargs)
        dynamic = self._split(args, kwargs)[1]
        leaves = self._each(settled, *flatten(dynamic))
        name = function_name(self._function)
        return profile_of(name, found, leaves, lambda: call(*args, **kwargs))

    def text(self, stage: str = "schedule") -> str:
        """The program compiled last at a stage: graph, passes, schedule, llvm or assembly."""
        return text_of(self._last(), stage)


_all: weakref.WeakSet[Compiled] = weakref.WeakSet()
_reasons: dict[str, bool] = {}


def _must_look() -> bool:
    """Whether calls must be looked at, as the options in force somewhere are not the usual ones."""
    return any(_reasons.values())


def _watch(name: str, diverts: Callable[[Any], bool]) -> None:
    """Have compiled functions look at each call while a setting has a value that `diverts`."""

    def changed(values: Sequence[Any]) -> None:
        _reasons[name] = any(map(diverts, values))
        if _reasons[name]:
            for compiled in list(_all):
                compiled._look_at_calls()

    options.watch(name, changed)


_watch("native", lambda mode: bool(mode == "never"))
_watch("debug_nans", bool)


@functools.cache
def _warn_once(reason: str) -> None:
    warn(
        f"compile: {reason}, so compiled functions run on the interpreter, with the same results "
        f"but slower",
        UserWarning,
    )


def made(f: Any, static: tuple[int | str, ...], donate: tuple[int, ...]) -> Compiled:
    """The compiled function of `f`."""
    own_class: type[Compiled] = type("Compiled", (Compiled,), {"__call__": Compiled._answer})
    return own_class(f, static, donate)


def compile(
    f: Callable[..., Any] | None = None,
    *,
    static: int | str | Sequence[int | str] = (),
    donate: int | Sequence[int] = (),
) -> Any:
    """A function that computes what `f` does, from native code made for each signature.

    The first call with arguments of new structure, shapes or dtypes traces `f` and compiles it;
    later calls answer from the native program. `f` must be a function of its arguments only.

    - static: positions or names of arguments whose value is part of the signature (hashable).
    - donate: positions of arguments that are donated. A result of the shape and dtype of an
      array in one may be written into its memory. Donated tensors cannot be used afterwards, as
      `DonatedError` will say; NumPy arrays may be overwritten, and then are what the result
      holds, so leave them alone. Inside other transforms nothing is donated.

    Looking at a value inside `f` (``if x > 0``) raises `ConcretizationError`, which names ways out.

    >>> import adjoint as ad
    >>> f = ad.compile(ad.grad(lambda x: ad.sum(ad.sin(x))))
    >>> f(ad.asarray([0.0, 1.0]))
    Tensor([1.        , 0.54030231])
    """
    if f is None:
        return functools.partial(compile, static=static, donate=donate)
    check_callable("compile", f)
    if (reason := missing()) and options.current().native != "never":
        _warn_once(reason)
    statics = (static,) if isinstance(static, (int, str)) else tuple(static)
    donated = (donate,) if isinstance(donate, int) else tuple(donate)
    for position in donated:
        if not isinstance(position, int) or isinstance(position, bool) or position < 0:
            raise ArgumentError(
                f"compile: donate={donate!r} must be the position of an argument, or a tuple of "
                f"positions, counted from 0"
            )
        if position in statics:
            raise ArgumentError(
                f"compile: argument {position} is static, so it has no memory to donate"
            )
    return made(f, statics, donated)
