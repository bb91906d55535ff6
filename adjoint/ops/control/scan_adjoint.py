"""How adjoints go back through a loop: a loop that runs the other way.

The loop forward is run so that it stacks what a step back needs: the state each step began with,
and what is expensive to compute again (products, decompositions); the rest is computed again. The
loop back carries the adjoints of the state. The adjoint of a constant is a sum over all steps;
where a step adds a product of matrices, as for a weight, the factors are stacked, and one product
after the loop makes the whole sum. Products too small for BLAS are added up step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adjoint.graph.native_rule import is_elementary
from adjoint.graph.node import Node, are_nested
from adjoint.graph.order import topological_order
from adjoint.graph.subgraph import Subgraph, fresh_variable
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import BOOL, is_inexact, size_of
from adjoint.ops.control.closing import closed, dependent
from adjoint.ops.control.derived import Linearised, or_zeros, still_inputs
from adjoint.ops.control.loop import Loop, scan
from adjoint.ops.elementwise.arithmetic import add
from adjoint.ops.elementwise.choice import where
from adjoint.ops.elementwise.comparison import logical_or
from adjoint.ops.family.structural_zeros import known_mask, nonzero_mask, whole
from adjoint.ops.indexing.slicing import zeros_of
from adjoint.ops.kinks.dependence import is_differentiated
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.shape.movement import matrix_transpose, reshape


def scan_adjoints(
    node: Node, loop: Loop, given: dict[int, Tensor], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """The partial adjoints that a loop sends to its inputs, for those `given` of some results."""
    if not given or not loop.length:
        return _of_no_steps(loop, given, wanted)
    nested = are_nested(node, *[x.node for x in given.values()])
    return _Backward(node, loop, given, wanted, nested).results()


def _of_no_steps(
    loop: Loop, given: dict[int, Tensor], wanted: Sequence[bool]
) -> list[Tensor | None]:
    """The last state is the first one."""
    result: list[Tensor | None] = [None] * len(wanted)
    for number, piece in given.items():
        if number < loop.state:
            result[loop.constants + number] = piece
    return result


FEW = 64
"""Elementary functions of at most so many numbers are stacked: 3×3 hyperbolic tangents take 40 ns,
to write and read them takes 5. Many are computed with full vectors, faster than memory is read."""


class _Backward:
    """The loop back for adjoints `given` of some results."""

    def __init__(
        self,
        node: Node,
        loop: Loop,
        given: dict[int, Tensor],
        wanted: Sequence[bool],
        nested: bool,
    ) -> None:
        self.node, self.loop, self.given, self.wanted = node, loop, given, wanted
        self.first = loop.constants + loop.state
        still = still_inputs(node.inputs, loop.body, range(loop.constants, self.first))
        self.linear = Linearised(loop.body, nested, still)
        self.linear.may_be_infinite |= any(x.may_be_infinite for x in node.inputs)
        self.seed()

    def seed(self) -> None:
        """Find which parts of the state have adjoints, and what a step makes of them."""
        loop, linear = self.loop, self.linear
        state = range(loop.constants, self.first)
        wanted = [
            n
            for n, (x, w) in enumerate(zip(linear.inputs, self.wanted, strict=True))
            if is_inexact(x.dtype) and (w or n in state)
        ]
        ys = [n for n in self.given if n >= loop.state]
        still = {n for n, x in self.given.items() if not is_differentiated(x.node)}
        self.stacks = [linear.variable(linear.outputs[n].node, n in still) for n in ys]
        self.masks: list[
            tuple[Tensor, Tensor]
        ] = []  # a variable, and the stacked mask it stands for
        seeds = {}
        for n, variable in zip(ys, self.stacks, strict=True):
            mask = nonzero_mask(self.given[n])
            seeds[n] = variable
            if mask is not None:
                stacked = whole(mask, self.given[n].shape)
                own = fresh_variable(stacked.node.shape[1:], BOOL, linear.nested)
                self.masks.append((own, stacked))
                seeds[n] = where(own, variable, 0.0)
        given = [n for n in self.given if n < loop.state]
        dense = [n for n in given if nonzero_mask(self.given[n]) is None]
        self.back = linear.going_back(given, state, wanted, seeds, dense, still)
        self.carried, self.adjoints = self.back.carried, self.back.found

    def results(self) -> list[Tensor | None]:
        """Build the loop, and read its results."""
        loop, linear = self.loop, self.linear
        totals, sums = self.running_sums()
        slices = [n for n in range(self.first, len(linear.inputs)) if self.adjoints[n] is not None]
        state = self.back.before()
        factors = [f for _, a, b in self.products for f in (a, b)]
        rows = [x for n in slices if (x := self.adjoints[n]) is not None]
        thin = {n: x for n, x in zip(slices, rows, strict=True) if nonzero_mask(x) is not None}
        self.thin_slices = list(thin)
        outputs = [*state, *sums, *rows, *factors, *map(_whole_mask, thin.values())]
        nodes = [x.node for x in outputs]
        residuals = self.residuals(nodes)
        following = self.following(residuals)
        residuals = [x for x in residuals if x not in following.values()]
        last, stacked = self.forward(residuals)
        start = len(state) + len(sums)
        nodes[start:start] = [linear.inputs[loop.constants + n].node for n in following]
        constants = [n for n in range(loop.constants) if linear.inputs[n].node in self.read]
        xs = [
            n for n in range(self.first, len(linear.inputs)) if linear.inputs[n].node in self.read
        ]
        ys = [x for n, x in self.given.items() if n >= loop.state]
        pairs = [  # what a step back reads, and what the loop is given for it
            *[(linear.inputs[n], Tensor(self.node.inputs[n])) for n in constants],
            *[(Tensor(x), self.permuted_before(x)) for x in self.permuted],
            *[(x, or_zeros(self.given.get(n), x)) for n, x in self.carried.items()],
            *[(x, self.first_mask(n)) for n, x in self.back.masks.items()],
            *[(x, zeros_of(x.node)) for x in totals],
            *[(Tensor(x), last[n]) for n, x in following.items()],
            *[(linear.inputs[n], Tensor(self.node.inputs[n])) for n in xs],
            *zip(map(Tensor, residuals), stacked, strict=True),
            *zip(self.stacks, ys, strict=True),
            *self.masks,
        ]
        body = closed(nodes, [x.node for x, _ in pairs], ())  # some are nodes of the step
        back = replace(
            loop,
            body=body,
            constants=len(constants) + len(self.permuted),
            state=start + len(following),
            backwards=not loop.backwards,
            extends=(),
        )
        found = scan(back, [x for _, x in pairs])
        return self.shares([*found[:start], *found[back.state :]], slices)

    def running_sums(self) -> tuple[list[Tensor], list[Tensor]]:
        """Variables for what the steps add up, and for masks of it; and the same after a step."""
        self.products: list[tuple[int, Tensor, Tensor]] = []
        self.sums: list[tuple[int, Tensor]] = []
        for n in range(self.loop.constants):
            share = self.adjoints[n]
            if share is not None and self.wanted[n]:
                self.split(n, share)
        totals = self.linear.variables([share for _, share in self.sums])
        sums = [add(total, share) for total, (_, share) in zip(totals, self.sums, strict=True)]
        thin = {n: share for n, share in self.sums if nonzero_mask(share) is not None}
        self.thin_sums = list(thin)
        masks = [fresh_variable(x.shape, BOOL, self.linear.nested) for x in thin.values()]
        masks_after = map(logical_or, masks, map(_whole_mask, thin.values()))
        return [*totals, *masks], [*sums, *masks_after]

    def shares(self, found: Sequence[Tensor], slices: Sequence[int]) -> list[Tensor | None]:
        """The partial adjoints of the inputs, in the results of the loop back."""
        results = iter(found)
        result: list[Tensor | None] = [None] * len(self.linear.inputs)
        for n in self.carried:
            result[self.loop.constants + n] = next(results)
        for n in self.back.masks:
            result[self.loop.constants + n] = _thinned(
                result[self.loop.constants + n], next(results)
            )
        for n, _ in self.sums:
            result[n] = next(results)
        for n in self.thin_sums:
            result[n] = _thinned(result[n], next(results))
        for n in slices:
            result[n] = next(results)
        for n, _, _ in self.products:
            total = _summed_product(next(results), next(results))
            known = result[n]
            result[n] = total if known is None else add(known, total)
        for n in self.thin_slices:
            result[n] = _thinned(result[n], next(results))
        return [x if w else None for x, w in zip(result, self.wanted, strict=True)]

    def first_mask(self, number: int) -> Tensor:
        """Where the adjoint of a part of the last state is not zero by construction."""
        adjoint = self.given.get(number)
        mask = known_mask(False) if adjoint is None else nonzero_mask(adjoint)
        return whole(mask, self.carried[number].shape)

    def split(self, number: int, share: Tensor) -> None:
        """Part the adjoint of a constant into products of matrices and what a step adds up."""
        rest: list[Tensor] = []
        stack = [share.node]
        while stack:
            node = stack.pop()
            if node.op.name == "add" and all(x.shape == node.shape for x in node.inputs):
                stack += reversed(node.inputs)
            elif node.op.name == "matmul" and len(node.shape) == 2 and not node.op.lowers(node):
                a, b = map(Tensor, node.inputs)
                self.products.append((number, _transposed(a), b))
            else:
                rest.append(Tensor(node))
        if rest:
            total = rest[0]
            for x in rest[1:]:
                total = add(total, x)
            self.sums.append((number, total))

    def residuals(self, outputs: Sequence[Node]) -> list[Node]:
        """What of the forward step the step back reads and does not compute again."""
        linear = self.linear
        inputs = [x.node for x in linear.inputs]
        ends = set(inputs)
        order = topological_order(
            [x.node for x in linear.outputs], lambda n: () if n in ends else n.inputs
        )
        changing = dependent(order, inputs[self.loop.constants :])
        constants = set(inputs[: self.loop.constants])
        state = set(inputs[self.loop.constants : self.first])
        self.read: set[Node] = set()
        self.permuted: dict[Node, None] = {}
        found: dict[Node, None] = {}

        def follow(node: Node) -> tuple[Node, ...]:
            if node in ends:
                self.read.add(node)
            elif node.op.name == "permute_dims" and node.inputs[0] in constants:
                self.permuted[node] = None
                return ()
            if node in state or (node in changing and node not in ends and is_expensive(node)):
                found[node] = None
                return ()
            return () if node in ends else node.inputs

        topological_order(outputs, follow)
        return list(found)

    def permuted_before(self, node: Node) -> Tensor:
        """A constant with its axes permuted, once before the loop.

        BLAS packs the transpose of a small matrix anew for each product: 14 µs instead of 7 for 32
        rows by 192 columns by 64.
        """
        number = [x.node for x in self.linear.inputs].index(node.inputs[0])
        return make(node.op, (Tensor(self.node.inputs[number]),), node.params)

    def following(self, residuals: Sequence[Node]) -> dict[int, Node]:
        """By number, the parts of the state after a step that need not be stacked.

        If those before a step are, the step back that comes before hands them on.
        """
        found: dict[int, Node] = {}
        for n in range(self.loop.state):
            node = self.linear.outputs[n].node
            before = self.linear.inputs[self.loop.constants + n].node
            is_new = node is not before and node not in found.values()
            if is_new and node in residuals and before in residuals:
                found[n] = node
        return found

    def forward(self, residuals: Sequence[Node]) -> tuple[list[Tensor], list[Tensor]]:
        """The results, and the residuals of all steps, stacked by a loop that computes both."""
        linear = self.linear
        if not residuals:
            return [], []
        outputs = [*[x.node for x in linear.outputs], *residuals]
        body = Subgraph([x.node for x in linear.inputs], outputs)
        extends = (*self.loop.extends, self.loop.body.key)
        loop = replace(self.loop, body=body, extends=extends)
        found = scan(loop, list(map(Tensor, self.node.inputs)))
        return found[: len(linear.outputs)], found[len(linear.outputs) :]


def _transposed(a: Tensor) -> Tensor:
    """The transpose of a matrix; of a transpose it is the matrix itself."""
    is_transpose = a.node.op.name == "permute_dims" and a.node.params == ((1, 0),)
    return Tensor(a.node.inputs[0]) if is_transpose else matrix_transpose(a)


def _whole_mask(x: Tensor) -> Tensor:
    """Where an adjoint is not zero by construction, in its shape."""
    return whole(nonzero_mask(x), x.shape)


def _thinned(x: Tensor | None, mask: Tensor) -> Tensor | None:
    """An adjoint that is zero by construction where the mask does not hold."""
    return None if x is None else where(mask, x, 0.0)


def is_expensive(node: Node) -> bool:
    """Whether a step back had better read the value of a node than compute it again."""
    if node.op.pointwise:
        return size_of(node.shape) <= FEW and is_elementary(node)
    is_identity = node.op.family == "kinks" and node.op.keeps_finite
    in_loops = node.op.native or node.op.combine is not None
    is_cheap = node.op.family == "leaf" or (node.op.family == "linear" and in_loops)
    return not (is_identity or is_cheap)


def _summed_product(a: Tensor, b: Tensor) -> Tensor:
    """The sum over the leading axis of aᵀ b."""
    steps, rows, m = a.node.shape
    n = b.node.shape[2]
    return matmul(matrix_transpose(reshape(a, (steps * rows, m))), reshape(b, (steps * rows, n)))
