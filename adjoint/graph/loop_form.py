"""The loop form: a tensor is a scalar expression of its indices.

An operation's `lower` rule says what one element of its result is, as a function of the index, by
reading elements of its inputs. Moving data is then arithmetic on indices, and costs no copy.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from adjoint.graph.types import Shape

if TYPE_CHECKING:
    from adjoint.graph.node import Node


@dataclass(frozen=True)
class Affine:
    """An index: a constant plus loop counters and other integers, each with a factor.

    A term is a name that whoever runs the loops can turn into a number.
    """

    constant: int = 0
    terms: Mapping[Hashable, int] = field(default_factory=dict)

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.constant + other, self.terms)
        terms = dict(self.terms)
        for name, factor in other.terms.items():
            terms[name] = terms.get(name, 0) + factor
        kept = {name: factor for name, factor in terms.items() if factor}
        return Affine(self.constant + other.constant, kept)

    def __sub__(self, other: Affine | int) -> Affine:
        return self + other * -1

    def __mul__(self, factor: int) -> Affine:
        if not factor:
            return ZERO
        terms = {name: f * factor for name, f in self.terms.items()}
        return Affine(self.constant * factor, terms)

    @property
    def key(self) -> Hashable:
        """Equal for equal indices."""
        return self.constant, frozenset(self.terms.items())


ZERO = Affine()
Index: TypeAlias = tuple[Affine, ...]

MAX_NESTED_READS = 32
"""So many elements are pulled inside one another; before deeper ones, `unread_elements` are read.
Each takes several frames of Python's stack, of which there are a thousand, the user's included."""


class Loops(Protocol):
    """Where a `lower` rule stands: inside loops, with a scalar emitter and inputs to read."""

    e: Any
    """The emitter."""

    def read(self, x: Node, index: Index) -> Any:
        """The element of `x` at `index`."""

    def carried(self, scan: Node, index: Index) -> Any:
        """The element of a scan before the one that is computed, which stands at `index`: from
        memory, or what the loop carries."""

    def inside(self, i: Affine, low: int, high: int) -> Any:
        """Whether low ≤ i < high: a Python bool where that is known, else a bool scalar."""

    def edges(self, i: Affine, places: Sequence[int]) -> None:
        """Say that from each of these places of an index on the elements are other expressions."""

    def counter(self, scalar: Any) -> Affine:
        """An integer scalar of the emitter as an index."""

    def named(self, x: Node, at: Index, size: int, rule: Callable[[Loops], Any]) -> Affine:
        """The index, 0 ≤ i < size, that `rule` makes of the element of `x` at `at`."""

    def check(self, condition: Any) -> None:
        """Have the program fail unless the bool scalar `condition` holds."""

    def scalar(self, i: Affine) -> Any:
        """An index as an int64 scalar of the emitter."""

    def clamped(self, i: Affine, size: int) -> Affine:
        """The index, or where it would leave 0 ≤ i < size the nearest that does not."""

    def wrapped(self, i: Affine, size: int) -> Affine:
        """The index, of which -size ≤ i < size is known, and where it is negative i + size."""


def element_key(x: Node, index: Index) -> tuple[Node, Hashable]:
    """Equal for equal elements."""
    return x, tuple([i.key for i in index])


def broadcast_index(index: Index, shape: Shape) -> Index:
    """The index into an input of `shape` that broadcasts to where `index` points."""
    lead = len(index) - len(shape)
    return tuple([ZERO if size == 1 else index[lead + a] for a, size in enumerate(shape)])


def input_index(node: Node, index: Index, x: Node) -> Index:
    """The index at which a pointwise node reads its input `x` for its element at `index`."""
    return index if x.shape == node.shape else broadcast_index(index, x.shape)


def unread_elements(
    x: Node, index: Index, is_known: Callable[[Node, Index], bool]
) -> Iterator[tuple[Node, Index]]:
    """The elements to read before that of `x` at `index`, inputs first, as far as pointwise
    operations say at which index they read; none that `is_known` by then, nor what only that needs.

    Who reads each as it comes does not recurse, however long the chain of operations is.
    """
    stack = [] if is_known(x, index) else [(x, index)]
    while stack:
        node, at = stack[-1]
        inputs = node.inputs if node.op.pointwise else ()
        wanted = [(c, input_index(node, at, c)) for c in inputs]
        unread = [w for w in wanted if not is_known(*w)]
        if unread:
            stack.extend(unread)
        elif len(stack) > 1:
            yield stack.pop()
        else:
            return


def choose(loops: Loops, inside: Any, read: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """`read()` where `inside`, else `otherwise()`; only one is written where that is known."""
    if inside is True:
        return read()
    if inside is False:
        return otherwise()
    return loops.e.select(inside, read(), otherwise())


def both(loops: Loops, a: Any, b: Any) -> Any:
    """The conjunction of two answers of `inside`."""
    if a is False or b is False:
        return False
    if a is True:
        return b
    return a if b is True else loops.e.bitwise_and(a, b)


def scanned(
    node: Node,
    index: Index,
    loops: Loops,
    first: Callable[[], Any],
    step: Callable[[Any, Index], Any],
) -> Any:
    """One element of an operation that `scans`: ``step(neighbour, its index)``, or at the end where
    the scan begins ``first()``."""
    axis, reverse = node.params[:2]
    size = node.shape[axis]
    place = index[axis] + (1 if reverse else -1)
    before = (*index[:axis], loops.clamped(place, size), *index[axis + 1 :])
    inside = loops.inside(place, 0, size)
    return choose(loops, inside, lambda: step(loops.carried(node, before), before), first)
