"""What only the least or the largest element of each row gets, where no row has two of these.

The derivative of a minimum along rows is a matrix with one number in each row. A sum over all rows
of such a matrix, and a product with one, go through all of it for n numbers. Where it is known that
there are no ties, each row's number is added where it belongs: as many sums as there are rows.

It is known in a program that has a branch for the kinks that it meets (`kink_questions`): ties are
kinks. So the branch is taken also where a row has two extreme elements, though its adjoint be 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from adjoint.graph.leaf import is_constant
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.tensor import Tensor, from_array, make
from adjoint.graph.types import FLOAT32, FLOAT64, DType
from adjoint.ops import records
from adjoint.ops.elementwise.choice import minimum, where
from adjoint.ops.elementwise.comparison import isfinite, logical_not, logical_or
from adjoint.ops.indexing.gather import scatter_add
from adjoint.ops.reductions.extremum import Extremum, count_of
from adjoint.ops.reductions.reduction import any, sum
from adjoint.ops.shape.movement import astype, broadcast_to, permute_dims, reshape
from adjoint.passes.rewriting import is_known, is_transpose

LEAST_COLUMNS = 32
"""Rows of so many elements are worth it: a scatter adds a number in one to five cycles, where a sum
over the rows adds a vector a cycle. 10,000 rows of 100, and eight columns beside their sum, took
0.8 ms instead of 1.25, of which 0.5 are the minima themselves."""


@dataclass(frozen=True)
class Choice:
    """A matrix that is 0 but for the extreme elements of its rows: `won` says which these are, and
    `row`, that broadcasts to a column, what they are."""

    won: Node
    row: Tensor


@dataclass
class SingleExtremes:
    """Finds such matrices, and writes anew what is added up over their rows."""

    choices: dict[Node, Choice] = field(default_factory=dict)
    rows: dict[Node, Tensor] = field(default_factory=dict)
    """What is the same for all of a row, as a column."""
    found: dict[Node, Tensor] = field(default_factory=dict)
    """What replaces nodes."""
    used: list[Node] = field(default_factory=list)
    """The masks of which it has to be true that there is one in each row."""
    adds: bool = False
    """Whether anything is added up so that was not."""
    finite: list[Tensor] = field(default_factory=list)
    """What has to be finite, as 0 times it is left out."""

    def visit(self, node: Node) -> None:
        """Look at a node, inputs before users."""
        if is_known(node):
            return
        if is_extreme(node):
            self.choices[node] = Choice(node, Tensor(TRUE))
            return
        rule, consumer = CHOICES.get(node.op), CONSUMERS.get(node.op)
        choice = None if rule is None else rule(self, node)
        if choice is not None:
            self.choices[node] = choice
        found = None if consumer is None else consumer(self, node)
        if found is not None:
            self.found[node] = found
        elif not self.found.keys().isdisjoint(node.inputs):
            self.found[node] = make(node.op, list(map(self.new, node.inputs)), node.params)

    def new(self, node: Node) -> Tensor:
        """The node, or what replaces it."""
        return self.found.get(node, Tensor(node))

    # what is a choice

    def as_row(self, x: Node, won: Node | None) -> Tensor | None:
        """What the extreme elements of rows read of `x`, if it is the same for all of a row."""
        x = narrowest(x)
        if x in self.choices:
            return self.choices[x].row if self.choices[x].won is won else None
        if x in self.rows:
            return self.rows[x]
        return self.new(x) if not x.shape or x.shape[-1] == 1 else None

    def won_by(self, nodes: Sequence[Node]) -> Node | None:
        """The mask of those of the nodes that are choices; None if there is none, or several."""
        masks = {self.choices[x].won for x in nodes if x in self.choices}
        return masks.pop() if len(masks) == 1 else None

    def is_nothing(self, x: Node) -> bool:
        """Whether `x` is zero, or a choice, which is zero elsewhere."""
        x = narrowest(x)
        return x in self.choices or is_zero(self.rows[x].node if x in self.rows else x)

    def pointwise(self, node: Node) -> Choice | None:
        """What is computed of choices and of what is the same for all of a row, from the rows."""
        won = self.won_by(node.inputs)
        rows = [self.as_row(x, won) for x in node.inputs]
        given = [x for x in rows if x is not None]
        if len(given) < len(rows) or (won is not None and node.shape != won.shape):
            return None
        row = computed(node, given)
        if won is None:
            self.rows[node] = row
            return None
        return Choice(won, row)

    def of_choices(self, node: Node) -> Choice | None:
        return self.pointwise(node) if all(map(self.is_nothing, node.inputs)) else None

    def scaled(self, node: Node) -> Choice | None:
        """A product with a finite number, whose products with zero are zero."""
        others = [x for x in node.inputs if x not in self.choices]
        return self.pointwise(node) if all(map(is_finite_number, others)) else None

    def marked(self, node: Node) -> Choice | None:
        return self.choices.get(node.inputs[0])

    def chosen(self, node: Node) -> Choice | None:
        condition, _, other = node.inputs
        inner = (other,) if condition in self.choices else node.inputs[1:]
        return self.pointwise(node) if all(map(self.is_nothing, inner)) else None

    # what is made of one

    def reduced(self, node: Node) -> Tensor | None:
        """A sum, or whether any element is true: along rows that of one element."""
        x = node.inputs[0]
        choice = self.choices.get(x)
        kinds = "b" if node.op is records.any else "f"
        if choice is None or node.params[0] not in ((0,), (1,)) or x.dtype.kind not in kinds:
            return None
        if node.params[0] == (1,):
            self.use(choice)
            row = broadcast_to(choice.row, (x.shape[0], 1))
            return reshape(row, (x.shape[0],))
        if node.op is records.any:
            counts = astype(choice.row, FLOAT64)
            return self.scattered(choice, counts, x.shape[1]) > 0
        return self.scattered(choice, choice.row, x.shape[1])

    def product(self, node: Node) -> Tensor | None:
        """The product of a matrix with a choice."""
        a, b = node.inputs
        if len(a.shape) != 2 or len(b.shape) != 2 or a.dtype != b.dtype or a.dtype.kind != "f":
            return None
        if b in self.choices:
            return permute_dims(self.rows_added(self.choices[b], permute_dims(self.new(a))))
        turned = is_transpose(a) and a.inputs[0] in self.choices
        return self.rows_added(self.choices[a.inputs[0]], self.new(b)) if turned else None

    def rows_added(self, choice: Choice, rows: Tensor) -> Tensor:
        self.finite.append(rows)
        return self.scattered(choice, rows * choice.row, choice.won.shape[1])

    def scattered(self, choice: Choice, values: Tensor, count: int) -> Tensor:
        """The sums of rows of values, by which element of its row is the extreme one."""
        self.use(choice)
        size = choice.won.shape[0]
        width = values.shape[-1] if values.ndim else 1
        if is_zero(choice.row.node):
            return broadcast_to(choice.row, (count, width) if width > 1 else (count,))
        self.adds = True
        values = broadcast_to(values, (size, width))
        values = reshape(values, (size,)) if width == 1 else values
        numbers = from_array(np.arange(count))
        index = sum(where(Tensor(choice.won), numbers, 0), 1)
        index = minimum(index, count - 1)  # ties are found out; until then it has to be a place
        return scatter_add(values, (index,), (0,), 0, (count, *values.shape[1:]))

    def use(self, choice: Choice) -> None:
        if choice.won not in self.used:
            self.used.append(choice.won)

    def is_otherwise(self) -> Tensor:
        """Whether what was supposed is not so."""
        several = [any(count_of(Tensor(x), of_elements(x), (1,)) > 1) for x in self.used]
        wild = [any(logical_not(isfinite(x))) for x in self.finite]
        return reduce(logical_or, [*several, *wild])


TRUE, FALSE = (from_array(np.array(x)).node for x in (True, False))

CHOICES: dict[object, Callable[[SingleExtremes, Node], Choice | None]] = {
    records.negative: SingleExtremes.of_choices,
    records.astype: SingleExtremes.of_choices,
    records.add: SingleExtremes.of_choices,
    records.logical_or: SingleExtremes.of_choices,
    records.logical_and: SingleExtremes.pointwise,
    records.multiply: SingleExtremes.scaled,
    records.where: SingleExtremes.chosen,
    records.marked_adjoint: SingleExtremes.marked,
}

CONSUMERS: dict[object, Callable[[SingleExtremes, Node], Tensor | None]] = {
    records.sum: SingleExtremes.reduced,
    records.any: SingleExtremes.reduced,
    records.matmul: SingleExtremes.product,
}


def with_single_extremes(outputs: Sequence[Node]) -> tuple[list[Node], Node | None]:
    """The outputs as they are if no row has two extreme elements, and whether that, or what else
    is supposed, is not so; None if nothing is gained."""
    extremes = SingleExtremes()
    for node in topological_order(outputs, lambda n: () if is_known(n) else n.inputs):
        extremes.visit(node)
    if not extremes.adds:
        return list(outputs), None
    return [extremes.new(x).node for x in outputs], extremes.is_otherwise().node


def is_extreme(node: Node) -> bool:
    """Whether a node says which elements of a matrix are the extreme ones of their rows."""
    if node.op is not records.logical_not or len(node.shape) != 2:
        return False
    if node.shape[1] < LEAST_COLUMNS or len(node.inputs[0].inputs) != 2:
        return False
    beyond = node.inputs[0]
    x, reshaped = beyond.inputs
    is_reshaped = reshaped.op is records.reshape and not is_known(reshaped)
    y = reshaped.inputs[0] if is_reshaped else reshaped
    if not isinstance(y.op, Extremum) or y.inputs[:1] != (x,) or y.params[0] != (1,):
        return False
    expected = records.less if y.op.worst < 0 else records.greater
    return beyond.op is expected and reshaped.shape == (node.shape[0], 1)


def of_elements(won: Node) -> DType:
    """The dtype of the elements of which a mask says which are extreme."""
    return won.inputs[0].inputs[0].dtype


def computed(node: Node, rows: Sequence[Tensor]) -> Tensor:
    """The operation of a node applied to other inputs; a constant where that is known."""
    if node.op is records.where and is_zero(rows[1].node) and is_zero(rows[2].node):
        return rows[1]
    if node.op is records.logical_and and (is_zero(rows[0].node) or is_zero(rows[1].node)):
        return Tensor(FALSE)
    if all([is_constant(x.node) for x in rows]):
        return from_array(node.op.evaluate(*[x.node.value for x in rows], *node.params))
    return make(node.op, rows, node.params)


def is_zero(x: Node) -> bool:
    """Whether a node is known to be zero, or false."""
    return is_constant(x) and not np.any(np.asarray(x.value))


def is_finite_number(x: Node) -> bool:
    """Whether a node is one number, known and finite."""
    if not is_constant(x) or x.shape or x.dtype not in (FLOAT32, FLOAT64):
        return False
    return bool(np.isfinite(np.asarray(x.value)))


def narrowest(x: Node) -> Node:
    """What is broadcast to `x`, or `x`."""
    while x.op is records.broadcast_to and not is_known(x):
        x = x.inputs[0]
    return x
