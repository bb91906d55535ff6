"""kinks: where a function is at a point at which its derivative is chosen, or near one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable, function_name
from adjoint.api.derivatives import push
from adjoint.api.traced_call import TracedCall
from adjoint.graph import engine
from adjoint.graph.lines import line_of
from adjoint.graph.node import ALWAYS, Node, Scope
from adjoint.graph.op import Op, find
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.family.elementwise import Elementwise
from adjoint.ops.kinks.kinks import KinkMarker

_IN_ORDER = ("sort", "top_k")
_STEP = 2.0**-20
"""How far from the point the slopes on either side are taken, beside the size of the number."""


@dataclass(frozen=True)
class KinkFound:
    """One operation at or near a kink.

    Its name, the line that called it, in how many of its `size` elements; and of the first of these
    the index, what it was given, its distance from the kink, and the derivatives by each input: the
    one `chosen`, and those on the `left` and `right`. They are empty where several elements are
    taken together, as by norms: there they depend on the direction.
    """

    name: str
    line: str
    count: int
    size: int
    index: tuple[int, ...]
    at: tuple[float, ...]
    distance: float
    chosen: tuple[float, ...]
    left: tuple[float, ...]
    right: tuple[float, ...]

    def __str__(self) -> str:
        many = (
            f" in {self.count} of {self.size} elements, first at {self.index}" if self.index else ""
        )
        place = f"{self.line}: " if self.line else ""
        inputs = ", ".join(f"{x:.6g}" for x in self.at)
        near = "at a kink" if self.distance == 0 else f"{self.distance:.1e} from a kink"
        sides = [
            f"derivative {c:.6g} (left {a:.6g}, right {b:.6g})"
            for c, a, b in zip(self.chosen, self.left, self.right, strict=True)
        ]
        return f"{place}{self.name}({inputs}) is {near}{many}" + "".join(f"; {s}" for s in sides)


@dataclass(frozen=True)
class KinkReport:
    """What `kinks` found: a sequence of `KinkFound`, those met first. Prints a line for each."""

    function: str
    found: tuple[KinkFound, ...]

    def __len__(self) -> int:
        return len(self.found)

    def __iter__(self) -> Iterator[KinkFound]:
        return iter(self.found)

    def __getitem__(self, number: int) -> KinkFound:
        return self.found[number]

    def __str__(self) -> str:
        if not self.found:
            return f"kinks: {self.function} meets none here"
        return "\n".join([f"kinks: {self.function}", *[f"  {row}" for row in self.found]])

    __repr__ = __str__


def kinks(f: Callable[..., Any], *args: Any, tol: float = 0.0) -> KinkReport:
    """The operations of `f` at `args` that are at a kink, or within `tol` of one.

    At a kink, such as abs at 0, a tie of maximum, the norm of zeros, the derivative is chosen among
    several (`adjoint.conventions`). The report says where, what was chosen, and what it is on
    either side. Ties of what is sorted or searched, and eigenvalues and singular values that
    coincide, are among them: there `at` holds the pair, `index` its place in their order, and
    functions that are symmetric in the two, such as sums, are smooth in spite of it. `tol` is a
    distance between the numbers that are compared. What is inside loops and branches is not looked
    at. Raises as `jvp` does.

    >>> import adjoint as ad
    >>> report = ad.kinks(lambda x: ad.sum(ad.abs(x)), ad.array([1.0, 0.0]))
    >>> report[0].name, report[0].index, report[0].chosen, report[0].left, report[0].right
    ('abs', (1,), (0.0,), (-1.0,), (1.0,))
    """
    check_callable("kinks", f)
    with TracedCall("kinks", f) as traced:
        own = traced.scope
        # As if by more than one transform: then operations with kinks note lines and leave marks.
        traced.scope = Scope(members=(own, ALWAYS), transform="kinks")
        arguments = traced.open(args)
        rng = np.random.default_rng(0)
        seeds = {
            x: as_tensor(rng.uniform(0.5, 1.5, x.shape).astype(x.dtype)) for x in arguments.nodes
        }
        outputs = traced.tensors(arguments.given, {})
        tangents = push(outputs, seeds, own)
        order = topological_order([x.node for x in tangents])
        found = [_looked_at(x, tol) for x in order if isinstance(x.op, KinkMarker)]
        found += [_ties(x, order, tol) for x in order if _is_compared(x)]
        rows = sorted((row for row in found if row is not None), key=lambda row: row.distance)
    return KinkReport(function_name(f), tuple(rows))


def _looked_at(mark: Node, tol: float) -> KinkFound | None:
    """What is to be said of a mark (see `ops.kinks`); None if no kink is near."""
    kink = mark.params[0]
    if kink.name in _IN_ORDER:  # what compares says it
        return None
    node = mark.inputs[2]
    distance = np.asarray(_distance(mark.inputs[3]))
    near = distance <= tol
    if not near.any():
        return None
    index = tuple(map(int, np.argwhere(near)[0])) if near.ndim else ()
    inputs = [_value(x) for x in node.inputs if x.dtype.kind in "fc"]
    at: list[Any] = []
    chosen: list[float] = []
    left: list[float] = []
    right: list[float] = []
    if isinstance(node.op, Elementwise) and not kink.axes:
        given = [_value(x) for x in node.inputs]
        at = [np.broadcast_to(x, node.shape)[index] for x in given]
        for number, x in enumerate(node.inputs):
            if x.varies() and at[number].dtype.kind == "f":
                slope = node.op.push(node, _one(node, number))
                assert slope is not None
                chosen.append(float(np.broadcast_to(_value(slope.node), node.shape)[index]))
                left.append(_side(node, at, number, -1.0, float(distance[index])))
                right.append(_side(node, at, number, 1.0, float(distance[index])))
    elif inputs and inputs[0].shape == near.shape:
        at = [inputs[0][index]]
    return KinkFound(
        kink.name,
        kink.line,
        int(near.sum()),
        near.size,
        index,
        tuple(float(np.real(x)) for x in at),
        float(distance[index]),
        tuple(chosen),
        tuple(left),
        tuple(right),
    )


def _is_compared(node: Node) -> bool:
    """Whether `node` orders numbers that are differentiated."""
    named = type(node.op).compared is not Op.compared
    return named and any(x.dtype.kind in "fc" and x.varies() for x in node.inputs)


def _ties(node: Node, order: Sequence[Node], tol: float) -> KinkFound | None:
    """What is to be said of an operation that compares numbers; None if none are equal."""
    pairs = node.op.compared(node, _value(node), *map(_value, node.inputs))
    assert pairs is not None
    first, second = np.broadcast_arrays(*pairs)
    with np.errstate(invalid="ignore"):
        distances = np.where(first == second, 0.0, np.abs(first - second))
    near = distances <= tol
    if node.op.permutes:
        near &= np.arange(near.shape[-1]) < _most_read(node, order)
    if not near.any():
        return None
    index = tuple(map(int, np.argwhere(near)[0]))
    at = (float(np.real(first[index])), float(np.real(second[index])))
    count, distance = int(near.sum()), float(distances[index])
    name = node.op.name
    return KinkFound(name, line_of(node), count, near.size, index, at, distance, (), (), ())


def _most_read(node: Node, order: Sequence[Node]) -> int:
    """How many places of an order are read, from the first on: few of them by `top_k`."""
    axis = node.params[0]
    most = 0
    for user in order:
        if node in user.inputs:
            begins = user.op is find("slice") and user.params[0][axis] == 0
            most = max(most, user.shape[axis] if begins else node.shape[axis])
    return most


def _one(node: Node, number: int) -> list[Tensor | None]:
    """Tangents of the inputs: ones for one of them."""
    found: list[Tensor | None] = [None] * len(node.inputs)
    x = node.inputs[number]
    found[number] = as_tensor(np.ones(x.shape, x.dtype))
    return found


def _side(node: Node, at: list[Any], number: int, sign: float, distance: float) -> float:
    """The slope of an operation by one of its inputs, on one side of a kink at that `distance`."""
    step = sign * (_STEP * max(1.0, abs(float(at[number]))) + 2 * distance)
    points = []
    for times in (1, 2):
        moved = list(at)
        moved[number] = np.asarray(at[number] + times * step, at[number].dtype)
        points.append(moved)
    with np.errstate(all="ignore"):
        near, far = (float(node.op.evaluate(*x, *node.params)) for x in points)
    return round((far - near) / float(points[1][number] - points[0][number]), 9) + 0.0


def _distance(node: Node) -> Any:
    """How far the numbers are from where a condition holds: 0 where it does."""
    if node.op is find("equal") and node.inputs:
        a, b = (_value(x) for x in node.inputs)
        with np.errstate(invalid="ignore"):
            return np.where(a == b, 0.0, np.abs(a - b))
    if node.op in (find("logical_or"), find("logical_and")) and node.inputs:
        a, b = map(_distance, node.inputs)
        return np.minimum(a, b) if node.op is find("logical_or") else np.maximum(a, b)
    return np.where(_value(node), 0.0, np.inf)


def _value(node: Node) -> Any:
    return np.asarray(engine.value_of(node))
