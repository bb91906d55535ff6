"""Fusion: which nodes are stored, and which are computed inside the loops of those that are.

Every node gets a *level*: how many stored results (of reductions, products, calls) lie on the
longest way to it. Stored nodes with the same level and the same domain of iteration become one
kernel; that can close no circle, because what a kernel reads has a lower level or is in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeAlias

from adjoint.graph.leaf import is_constant
from adjoint.graph.native_rule import ELEMENTARY, cost, has_native_dtypes
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.graph.types import Shape, size_of
from adjoint.ops.indexing.bounds import check_known
from adjoint.passes.pipeline import optimise
from adjoint.schedule.access_patterns import is_unit_reshape, turns_rows
from adjoint.schedule.carried_scans import CarriedScans
from adjoint.schedule.gemm_epilogue import GemmEpilogues
from adjoint.schedule.kernel_splitting import cut, heavy
from adjoint.schedule.library_calls import gemm, lapack, numpy_call
from adjoint.schedule.nests import nested
from adjoint.schedule.one_by_one import computed_before
from adjoint.schedule.ordering import in_order
from adjoint.schedule.plan import (
    SCALAR,
    Alias,
    CCall,
    Control,
    Kernel,
    Schedule,
    Step,
)
from adjoint.schedule.row_loops import in_rows

RECOMPUTE = 6
"""Up to this cost an element is computed again in each kernel that needs it: a sum or a product is
done before its operands have come from memory, and storing it would only add to what must come."""

REPEATED = 5
"""The same where one kernel would compute it several times, as for each row what is equal in all of
them. Less than a division: with one for each row the gradient of (x - mean) / std along the first
axis took 1.7 times as long (2000 by 300 in float64)."""

MOST_MOVES = 32
"""So many reads at another index stand inside one another in a kernel. Each takes a dozen frames of
Python's stack where the kernel is written, of which there are a thousand, the user's included."""

COPIES = 8
"""At so many indices a kernel may compute one node: each is code of its own. In a chain of steps
that each read the one before at two indices, as x + flip(x), their number doubles with each."""

ROUNDS = 4
"""How often it is asked what is to be stored: what is stored splits kernels, and what these have in
common is computed in each unless it is stored, too. Thirty steps of diffusion with roll compiled
in 7.7 s when this was asked once, in 0.2 s since."""

REREAD = 16
"""So often each element of a transposed tensor is read from where it was, once for each lane of a
vector apart; if more often, the transposed one is stored."""

INLINED = ELEMENTARY
OUTLINED = 3
"""Instructions of an elementary function: written into a loop, or passing the argument and the
result of a call for a scalar."""

LARGEST = 1000
"""The largest weight of one kernel: LLVM is superlinear in the length of a block. A kernel of 240
elementary functions compiled in 0.4 s cut so, in 1.9 s and more uncut."""


def is_native(node: Node) -> bool:
    """Whether the node can be computed inside a loop."""
    return has_native_dtypes(node) and (node.op.combine is not None or node.op.lowers(node))


def domain_of(node: Node) -> Shape:
    """The space over which the loops of a stored node run."""
    gathers = node.op.combine is not None or node.op.scatters
    return node.inputs[0].shape if gathers else node.shape


Home: TypeAlias = tuple[int, Shape]
"""A kernel that may come to be: its level and its domain."""


class Fusion:
    """One pass over the graph from its outputs to its inputs, deciding where each node goes."""

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        self.inputs = set(inputs)
        self.order = topological_order(outputs, lambda n: () if n in self.inputs else n.inputs)
        self.position = {node: i for i, node in enumerate(self.order)}
        self.leaves = {n for n in self.order if n in self.inputs or is_constant(n)}
        self.outputs = set(outputs)
        self.calls: dict[Node, Step] = {}
        self.carried: set[Node] = set()
        for node in self.order:
            call = None if self.is_leaf(node) else call_for(node)
            if call is not None:
                self.calls[node] = call
        used = set(topological_order(outputs, self.reads))  # calls look through some nodes
        self.order = [node for node in self.order if node in used]
        self.users = self.find_users()
        self.find_epilogues()
        self.carried, self.beside_scans = self.find_carried_scans()
        # From users to inputs: whether a view costs nothing depends on whether its user is a call.
        for node in reversed(self.order):
            if self.is_alias(node):
                self.calls[node] = Alias(node)
            elif (offset := self.part_at(node)) is not None:
                self.calls[node] = Alias(node, offset)
        self.stored = {n for n in self.order if not self.is_leaf(n) and self.must_store(n)}
        self.costs = {node: cost(node) for node in self.order}
        self.behind = computed_before(self.stored, domain_of, self.reads, self.unstored_costs)
        self.stored.update(*self.behind.values())
        self.levels: dict[Node, int] = {}
        self.most_cost: dict[Node, int] = {}
        """What is stored for its cost alone, and up to which cost it is not worth that."""
        self.packed: dict[Node, tuple[Node, int]] = {}

    def find_users(self) -> dict[Node, list[Node]]:
        """For each node those that read it."""
        users: dict[Node, list[Node]] = {n: [] for n in self.order}
        for node in self.order:
            for child in self.reads(node):
                users[child].append(node)
        return users

    def find_epilogues(self) -> None:
        """Have products take along what they are multiplied by and added to."""
        epilogues = GemmEpilogues(
            self.calls, self.users, self.outputs, self.is_leaf, self.must_store
        )
        gone = epilogues.find(self.order)
        if gone:
            self.order = [n for n in self.order if n not in gone]
            self.users = self.find_users()

    def is_leaf(self, node: Node) -> bool:
        """Whether the node is there before the program runs."""
        return node in self.leaves

    def is_alias(self, node: Node) -> bool:
        """Whether a reshape stands next to a call, so that a view of memory costs nothing.

        One that splits axes is computed in loops only if what it splits need not be stored.
        """
        if self.is_leaf(node) or not node.op.keeps_order or node in self.calls:
            return False
        x = node.inputs[0]
        if x in self.calls or any(user in self.calls for user in self.users[node]):
            return True
        stored = self.is_fusion_barrier(x) or x in self.outputs
        if is_unit_reshape(node):
            return stored and node in self.outputs
        return stored or self.is_leaf(x) or not self.is_light(x)

    def part_at(self, node: Node) -> int | None:
        """Where, in bytes, a slice that a call reads lies in what is there anyway; else None."""
        if self.is_leaf(node) or node in self.outputs or not node.op.moves:
            return None
        if not any(user in self.calls for user in self.users[node]):
            return None
        x = node.inputs[0]
        there = self.is_fusion_barrier(x) or self.is_leaf(x)
        offset = node.op.part_offset(node) if there and size_of(x.shape) > 1 else None
        return None if offset is None else offset * x.dtype.itemsize

    def is_light(self, node: Node) -> bool:
        """Whether the node costs an instruction, and reads what is there or has been stored."""
        return cost(node) <= 1 and all(
            self.is_leaf(c) or self.is_fusion_barrier(c) for c in node.inputs
        )

    def reads(self, node: Node) -> Sequence[Node]:
        """The nodes that computing `node` reads."""
        if self.is_leaf(node):
            return ()
        return self.calls[node].reads if node in self.calls else node.inputs

    def is_fusion_barrier(self, node: Node) -> bool:
        """Whether the node's users must wait until all of it is computed."""
        if node in self.calls:
            return True
        if self.is_leaf(node):
            return False
        is_scan = node.op.scans and node not in self.carried
        return node.op.combine is not None or node.op.scatters or is_scan

    def find_carried_scans(self) -> tuple[set[Node], set[Node]]:
        """The scans that are not stored, and all that is computed for each of their elements."""

        def is_there(node: Node) -> bool:
            return self.is_leaf(node) or self.is_fusion_barrier(node)

        def must_store(node: Node) -> bool:
            return node in self.outputs or any(user in self.calls for user in self.users[node])

        return CarriedScans(self.users, is_there, must_store).find(self.order)

    def must_store(self, node: Node) -> bool:
        return (
            node in self.outputs
            or self.is_fusion_barrier(node)
            or any(user in self.calls for user in self.users[node])
        )

    def run(self) -> list[Step]:
        """The steps, in an order in which they can run."""
        for _ in range(ROUNDS):
            self.count_levels()
            before = len(self.stored)
            self.store_what_is_expensive()
            if len(self.stored) == before:
                break
        else:
            self.count_levels()
        if self.release_what_became_cheap():
            self.count_levels()
        groups: dict[tuple[int, Shape], list[Node]] = {}
        steps: list[Step] = []
        for node in self.order:
            if node in self.calls:
                steps.append(self.calls[node])
            elif node in self.stored:
                groups.setdefault((self.levels[node], domain_of(node)), []).append(node)
        self.compute_last_numbers_together(groups)
        for (_, domain), roots in sorted(groups.items(), key=lambda group: group[0][0]):
            for own in self.apart(roots):
                steps.extend(self.kernels(domain, own))
        return in_order(steps)

    def apart(self, roots: list[Node]) -> list[list[Node]]:
        """Those that read scans which loops carry, as rows are the lanes of these, and others."""
        reading = [r for r in roots if not self.beside_scans.isdisjoint(r.inputs)]
        others = [r for r in roots if r not in reading] if reading else roots
        return [part for part in (reading, others) if part]

    def compute_last_numbers_together(self, groups: dict[tuple[int, Shape], list[Node]]) -> None:
        """Put groups of numbers that nothing reads into the last group of numbers."""
        numbers = sorted(level for level, domain in groups if domain == ())
        for level in numbers[:-1]:
            if not any(self.users[root] for root in groups[level, ()]):
                groups[numbers[-1], ()] += groups.pop((level, ()))

    def count_levels(self) -> None:
        """Give each node the level of the kernel that can compute it.

        `within` is the highest level of a stored node that is read at the very index at which
        `node` is computed: such a node may be computed in the same kernel. Read at another index,
        it must be complete, so the reader is one level up; as is one whose elements are computed
        one by one `behind` costly inputs.
        """
        # Why no circle can arise: a kernel is the stored nodes of one level, and whatever it reads
        # at another index, or from a barrier, has a lower level by what follows. What it reads at
        # the same index may have its own level, and then it is in the kernel and in a register.
        within: dict[Node, int] = {}
        for node in self.order:
            level, top = 0, -1
            for child in self.reads(node):
                if self.is_fusion_barrier(child) or node in self.calls:
                    level = max(level, self.levels[child] + 1)
                elif same_index(node, child) and node not in self.behind:
                    level, top = max(level, self.levels[child]), max(top, within[child])
                else:
                    level = max(level, self.levels[child], within[child] + 1)
            self.levels[node] = level
            within[node] = level if node in self.stored else top

    def store_what_is_expensive(self) -> None:
        """Mark the nodes that are better stored than computed again in each kernel using them.

        From users to inputs, so that of each node it is known in which kernels it would be
        computed if it is not stored, how many elements of it, and at which indices.
        """
        costs = self.written_out_costs()
        homes: dict[Node, set[Home]] = {n: set() for n in self.order}
        elements = dict.fromkeys(self.order, 0)
        indices: dict[Node, set[Hashable]] = {n: set() for n in self.order}
        moves = dict.fromkeys(self.order, 0)
        for node in reversed(self.order):
            if self.is_leaf(node):
                continue
            repeats = 1 < size_of(node.shape) < elements[node]
            copies = len(indices[node])
            is_deep = moves[node] > MOST_MOVES
            is_deep |= turns_rows(node) and elements[node] >= REREAD * size_of(node.shape)
            if node in self.beside_scans:
                pass
            elif is_deep:
                self.stored.add(node)
            elif self.is_expensive(node, costs[node], homes[node], repeats, copies):
                if node not in self.stored:
                    self.most_cost[node] = REPEATED if repeats else RECOMPUTE
                self.stored.add(node)
            if node in self.stored:
                moves[node] = 0
                home = self.levels[node], domain_of(node)
                homes[node], elements[node], indices[node] = {home}, size_of(home[1]), {home}
            for child in self.reads(node):
                homes[child] |= homes[node]
                read = node.op.elements_read(node, child, elements[node])
                elements[child] = max(elements[child], read)
                if same_index(node, child):
                    indices[child] |= indices[node]
                    moves[child] = max(moves[child], moves[node])
                else:  # another index for each of these
                    moves[child] = max(moves[child], moves[node] + 1)
                    own = self.position[node]
                    indices[child].update([hash((own, index)) for index in indices[node]])

    def release_what_became_cheap(self) -> bool:
        """Store no longer what costs little, now that what it is computed from is stored, too.

        Whether to store a node is asked before it is known of its inputs.
        """
        costs: dict[Node, int] = {}
        released: set[Node] = set()
        for node in self.order:
            inner = [costs[c] for c in self.reads(node) if c in costs]
            found = self.costs[node] + sum(inner)
            if found <= self.most_cost.get(node, -1):
                released.add(node)
            if not self.is_leaf(node) and (node not in self.stored or node in released):
                costs[node] = found
        self.stored -= released
        return bool(released)

    def unstored_costs(self) -> dict[Node, int]:
        """The costs of what is neither there nor stored, an element each with all it is made of."""
        costs = self.written_out_costs()
        return {n: c for n, c in costs.items() if not self.is_leaf(n) and n not in self.stored}

    def written_out_costs(self) -> dict[Node, int]:
        """For each node the cost of an element with all that is not stored, as often as it is
        read."""
        costs: dict[Node, int] = {}
        for node in self.order:
            inner = [c for c in self.reads(node) if not self.is_leaf(c) and c not in self.stored]
            costs[node] = self.costs[node] + sum([costs[c] for c in inner])
        return costs

    def is_expensive(
        self, node: Node, cost: int, homes: set[Home], repeats: bool, copies: int
    ) -> bool:
        """Whether storing the node beats computing it in each kernel that uses it.

        One of the kernels `repeats` it if it would compute an element several times; it is code in
        `copies`, one for each index at which it is read.
        """
        if cost <= (REPEATED if repeats else RECOMPUTE):
            return False
        if len(homes) > 1 or repeats or copies > COPIES:
            return True
        moved = any(not same_index(user, node) for user in self.users[node])
        return moved and len(self.users[node]) > 1

    def kernels(self, domain: Shape, roots: list[Node]) -> list[Step]:
        """The kernel that computes `roots`, or several where one would be too large.

        A large one is cut along the topological order; what a later part needs of an earlier one
        is stored.
        """
        nodes = self.computed_for(roots)
        starts = heavy(nodes, self.weight, LARGEST)
        part, stored = cut(nodes, roots, domain, starts, self.reads, same_index)
        number = max(part.values(), default=0)
        if number:
            self.stored |= stored
            roots = [node for node in nodes if node in stored]
        result: list[Step] = []
        for n in range(number + 1):
            own = [root for root in roots if part[root] == n]
            if own:
                result.append(self.kernel(domain, own))
            if number and domain == ():
                self.pack([root for root in own if root not in self.outputs])
        return result

    def weight(self, node: Node) -> int:
        """About how many instructions the node adds to a kernel."""
        if self.costs[node] < ELEMENTARY:
            return 1
        return OUTLINED if node.shape == () else INLINED

    def pack(self, scalars: list[Node]) -> None:
        """Have the results of one kernel of scalars lie together, to be passed as one buffer."""
        for number, node in enumerate(scalars):
            self.packed[node] = scalars[0], number * SCALAR

    def computed_for(self, roots: Sequence[Node]) -> list[Node]:
        """The roots and what is computed inside loops for them, inputs before users."""
        found = set(roots)
        stack = list(roots)
        while stack:
            for child in stack.pop().inputs:
                if child not in found and child not in self.stored and not self.is_leaf(child):
                    found.add(child)
                    stack.append(child)
        return sorted(found, key=self.position.__getitem__)

    def kernel(self, domain: Shape, roots: list[Node]) -> Kernel:
        computed = self.computed_for(roots)
        inside = set(computed)
        own = set(roots)
        reads = dict.fromkeys(c for n in computed for c in n.inputs if c not in inside)
        inlined = [n for n in computed if n not in own]
        return Kernel(domain, roots, inlined, list(reads), self.packed)


def call_for(node: Node) -> Step | None:
    """The call that computes a node which is not computed in loops."""
    if (call := gemm(node) or lapack(node)) is not None:
        return call
    if node.op.keeps_order and not node.op.lowers(node):
        return Alias(node)
    if not node.op.native and (offset := node.op.part_offset(node)) is not None:
        return Alias(node, offset * node.inputs[0].dtype.itemsize)
    if graphs := node.op.graphs(node):
        inner = [schedule(g.inputs, optimise(g.outputs, g.inputs)) for g in graphs]
        return in_rows(Control(node, inner)) if node.op.repeats else Control(node, inner)
    if (found := node.op.c_function(node)) is not None:
        return CCall(node, *found)
    return None if is_native(node) else numpy_call(node)


def same_index(node: Node, child: Node) -> bool:
    """Whether computing an element of `node` reads `child` at the same index only."""
    if node.op.combine is not None:
        return True
    if node.op.scatters:
        return child is node.inputs[0] and child not in node.inputs[1:]
    return node.op.pointwise and node.shape == child.shape


def schedule(inputs: Sequence[Node], outputs: Sequence[Node]) -> Schedule:
    """Cut the graph between `inputs` and `outputs` into steps."""
    fusion = Fusion(inputs, outputs)
    check_known(fusion.order)
    steps = nested(fusion.run(), outputs)
    constants = [n for n in fusion.order if is_constant(n) and n not in fusion.inputs]
    return Schedule(list(inputs), list(outputs), constants, steps, fusion.packed)
