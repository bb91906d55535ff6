"""Which elements a kernel reads at each place of its domain, as numbers.

For checking memory plans: found by a way of its own, with none of what plans are made with. The
rules of the operations are run on symbols once; then a box of the domain gives arrays of indices,
and a mask where what is read is thrown away again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np

from adjoint.graph.leaf import is_constant
from adjoint.graph.loop_form import (
    MAX_NESTED_READS,
    Affine,
    Index,
    broadcast_index,
    element_key,
    unread_elements,
)
from adjoint.graph.node import Node
from adjoint.schedule.plan import Kernel

Array = np.ndarray[Any, Any]
Mask = Callable[["Box"], Any]
"""Where something counts: a bool, or an array of them that broadcasts over the box."""


class Value:
    """A scalar of a rule: what it was made of, each part perhaps in some places only."""

    def __init__(self, number: int, parts: Sequence[tuple[Value, Mask | None]] = ()) -> None:
        self.number = number
        self.parts = list(parts)
        self.read: tuple[Node, Index] | None = None
        self.mask: Mask | None = None
        """Where it may be true, if that is known; `other` where it may not be."""
        self.other: Mask | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self  # what is asked of a dtype


class Words:
    """An emitter that writes down what each scalar is made of."""

    def __init__(self) -> None:
        self.numbers = count()

    def made(self, *parts: Any) -> Value:
        """A scalar made of others in all places."""
        return Value(next(self.numbers), [(x, None) for x in parts if isinstance(x, Value)])

    def __getattr__(self, word: str) -> Callable[..., Value]:
        return lambda *args, **kwargs: self.made(*args, *kwargs.values())

    def slow_path(self, condition: Any, fast: Any, slow: Callable[[], Any]) -> Value:
        return self.made(condition, fast, slow())

    def select(self, condition: Any, a: Any, b: Any) -> Value:
        made = self.made(condition)
        known = condition if isinstance(condition, Value) else made
        mask, without = known.mask, known.other
        made.parts += [(x, m) for x, m in ((a, mask), (b, without)) if isinstance(x, Value)]
        return made

    def bitwise_and(self, a: Any, b: Any) -> Value:
        made = self.made(a, b)
        known = [x for x in (a, b) if isinstance(x, Value)]
        made.mask = combined(np.logical_and, [x.mask for x in known if x.mask is not None])
        others = [x.other for x in known if x.other is not None]
        made.other = combined(np.logical_or, others) if len(others) == 2 else None
        return made


def combined(word: np.ufunc, masks: Sequence[Mask]) -> Mask | None:
    """Masks as one; None if there are none."""
    if not masks:
        return None
    return lambda box: word.reduce(np.broadcast_arrays(*(mask(box) for mask in masks)))


class Walk:
    """The `Loops` of `adjoint.graph.loop_form` with symbols for the scalars of the roots."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.e = Words()
        self.known: dict[tuple[Node, Hashable], Value] = {}
        self.nested_reads = 0
        self.bent: dict[Hashable, tuple[Affine, Callable[[Any], Any]]] = {}
        """Indices that are functions of others."""
        self.found: dict[Hashable, Value] = {}
        self.own = set(kernel.roots)
        self.stored = {*kernel.reads, *kernel.roots}
        here: Index = tuple(Affine(0, {a: 1}) for a in range(len(kernel.domain)))
        self.roots = [self.root(root, here) for root in kernel.roots]

    def root(self, root: Node, here: Index) -> Value:
        """What the kernel computes for a root at a place."""
        if root.op.scatters:
            where = self.dependence(root.op.target(root, here, self))
            return self.e.made(self.read(root.inputs[0], here), *where)
        if root.op.combine is not None:
            return self.e.made(self.read(root.inputs[0], here))
        return self.e.made(self.read(root, own_place(root, here)))

    def read(self, x: Node, index: Index) -> Value:
        key = element_key(x, index)
        if key not in self.known:
            if self.nested_reads >= MAX_NESTED_READS:
                for node, at in unread_elements(x, index, self.is_known):
                    self.read(node, at)
            self.nested_reads += 1
            self.known[key] = self.value(x, index)
            self.nested_reads -= 1
        return self.known[key]

    def carried(self, scan: Node, index: Index) -> Value:
        return self.read(scan, index) if scan in self.stored else self.e.made()

    def is_known(self, x: Node, index: Index) -> bool:
        """Whether the element is known without computing it."""
        if is_constant(x) or self.is_loaded(x, index):
            return True
        return element_key(x, index) in self.known

    def is_loaded(self, x: Node, index: Index) -> bool:
        """Whether the element is one in memory, not one that the kernel computes here."""
        if x not in self.own:
            return x in self.stored
        here: Index = tuple(Affine(0, {a: 1}) for a in range(len(self.kernel.domain)))
        return [i.key for i in index] != [i.key for i in own_place(x, here)]

    def value(self, x: Node, index: Index) -> Value:
        if self.is_loaded(x, index):
            made = self.e.made(*self.dependence(index))
            made.read = x, index
            return made
        if x.op.pointwise:
            return self.e.made(*(self.read(c, broadcast_index(index, c.shape)) for c in x.inputs))
        if is_constant(x):
            return self.e.made()
        computed: Value = x.op.lower(x, index, self)
        return computed

    def dependence(self, index: Sequence[Affine]) -> list[Value]:
        """The scalars that an index was made of."""
        found = []
        for name in (name for i in index for name in i.terms):
            if name in self.found:
                found.append(self.found[name])
            elif name in self.bent:
                found += self.dependence([self.bent[name][0]])
        return found

    def inside(self, i: Affine, low: int, high: int) -> Any:
        if low >= high:
            return False
        made = self.e.made(*self.dependence([i]))

        def mask(box: Box) -> Any:
            where = box.number(i)
            return True if where is None else (where >= low) & (where < high)

        def other(box: Box) -> Any:
            where = box.number(i)
            return True if where is None else (where < low) | (where >= high)

        made.mask, made.other = mask, other
        return made

    def edges(self, i: Affine, places: Sequence[int]) -> None:
        pass

    def named(self, x: Node, at: Index, size: int, rule: Callable[[Any], Any]) -> Affine:
        return self.counter(rule(self))

    def check(self, condition: Any) -> None:
        pass

    def scalar(self, i: Affine) -> Any:
        return self.e.made(*self.dependence([i]))

    def clamped(self, i: Affine, size: int) -> Affine:
        return self.function_of(i, "clamped", size, lambda n: np.clip(n, 0, size - 1))

    def wrapped(self, i: Affine, size: int) -> Affine:
        return self.function_of(i, "wrapped", size, lambda n: n % size)

    def function_of(
        self, i: Affine, word: str, size: int, function: Callable[[Any], Any]
    ) -> Affine:
        """An index that is a function of another."""
        name = word, i.key, size
        self.bent[name] = i, function
        return Affine(0, {name: 1})

    def counter(self, scalar: Any) -> Affine:
        name = "found", len(self.found)
        self.found[name] = scalar
        return Affine(0, {name: 1})


def own_place(root: Node, here: Index) -> Index:
    """Where the element of a root lies that is computed at a place: a scan may go backwards."""
    if not root.op.scans or not root.params[1]:
        return here
    axis = root.params[0]
    return (*here[:axis], here[axis] * -1 + (root.shape[axis] - 1), *here[axis + 1 :])


class Box:
    """The places of a kernel in the rows from `low` on and before `high`."""

    def __init__(self, walk: Walk, low: int, high: int) -> None:
        self.walk = walk
        domain = walk.kernel.domain
        self.sides = (high - low, *domain[1:]) if domain else ()
        self.counters = [
            np.arange(side).reshape(-1, *[1] * (len(self.sides) - a - 1))
            for a, side in enumerate(self.sides)
        ]
        if self.counters:
            self.counters[0] = self.counters[0] + low
        first = low * math.prod(self.sides[1:])
        self.places = first + np.arange(math.prod(self.sides)).reshape(self.sides)

    def number(self, i: Affine) -> Any:
        """An index at each place; None if it hangs on values."""
        total: Any = np.asarray(i.constant)
        for name, factor in i.terms.items():
            if isinstance(name, int):
                term: Any = self.counters[name]
            elif name in self.walk.bent:
                inner, function = self.walk.bent[name]
                term = self.number(inner)
                term = None if term is None else function(term)
            else:
                term = None
            if term is None:
                return None
            total = total + term * factor
        return total

    def elements(self, x: Node, index: Index) -> tuple[Any, Any, int]:
        """The elements of `x`, counted in row-major order, and whether each is one.

        Where an index hangs on values, all along that axis: each adds an axis behind those of the
        box. How many comes last.
        """
        numbers = [self.number(i) for i in index]
        extra = sum(n is None for n in numbers)
        flat: Any = np.asarray(0)
        inside: Any = np.asarray(True)
        behind = extra
        for size, n in zip(x.shape, numbers, strict=True):
            if n is None:
                behind -= 1
                n = np.arange(size).reshape(-1, *[1] * behind)
            else:
                n = widened(n, extra)
            flat = flat * size + n
            inside = inside & (n >= 0) & (n < size)
        return flat, inside, extra

    def along(self, x: Node, index: Index) -> int:
        """How many elements may be meant at one place."""
        pairs = zip(x.shape, index, strict=True)
        return math.prod(size for size, i in pairs if self.number(i) is None)

    def reads(self, root: Value) -> Iterator[tuple[Value, Any]]:
        """The scalars that are read for a root, and where that counts: True, or an array."""
        need: dict[Value, Any] = {root: True}
        for value in reachable(root):
            where = need[value]
            if value.read is not None:
                yield value, where
            for part, mask in value.parts:
                wanted = where if mask is None else np.logical_and(where, mask(self))
                before = need.get(part, False)
                joined = before is True or wanted is True
                need[part] = True if joined else np.logical_or(before, wanted)


def widened(x: Any, extra: int) -> Any:
    """An array over the box with axes of size one behind."""
    return x if x is True else np.reshape(x, (*np.shape(x), *[1] * extra))


def reachable(root: Value) -> list[Value]:
    """A scalar and all it was made of, each before its parts."""
    seen = {root}
    stack = [root]
    while stack:
        for part, _ in stack.pop().parts:
            if part not in seen:
                seen.add(part)
                stack.append(part)
    return sorted(seen, key=lambda value: -value.number)
