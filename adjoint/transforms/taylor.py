"""Taylor mode by extending the graph: the coefficients of a curve are ordinary nodes.

Along x(t) = x₀ + x₁ t + x₂ t² + … every node is a power series, whose coefficients follow from
those of its inputs. A linear operation maps them one by one, a product convolves them (Cauchy), and
a quotient solves the convolution. Of any other operation the tangent rule says all:
y' = g(x, y, x') is a graph again, so that k yₖ is coefficient k - 1 of g. Series are found again by
what they are made of: the slope of cos is made of a sine, that of the sine of the same cosine, so
the chain closes, and K orders cost O(K²). (Griewank and Walther, Evaluating Derivatives, chapter
13, with their table of rules derived instead of written.)

Many directions may go together (`coefficients.Rules`). The weight of a series is the order in t of
its coefficient 0: that of a slope is one more than of what it is the slope of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import product as pairs_of

from adjoint.graph import calls
from adjoint.graph.leaf import constant_node, is_constant, variable_node
from adjoint.graph.node import ALWAYS, Node, Scope, node_by_node
from adjoint.graph.op import Coefficients
from adjoint.graph.order import topological_order
from adjoint.graph.subgradients import choosing, chosen
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import is_inexact
from adjoint.transforms.coefficients import Rules, zeros
from adjoint.transforms.paths import between, within

_SMALL = 16
"""Constants up to this size are recognised by their value."""


class Series:
    """The coefficients of one node: those `known`, by number, None for zero; and how others are
    found."""

    def __init__(self, node: Node, weight: int) -> None:
        self.node = node
        self.weight = weight
        self.known: dict[int, Tensor | None] = {}

    def needs(self, k: int) -> Iterator[tuple[Series, int]]:
        """The coefficients of which number `k` is made."""
        return iter(())

    def compute(self, k: int) -> Tensor | None:
        """Coefficient `k`, once those are known."""
        return None


class Slope(Series):
    """The derivative of another series by t."""

    def __init__(self, node: Node, of: Series) -> None:
        super().__init__(node, of.weight + 1)
        self.of = of

    def needs(self, k: int) -> Iterator[tuple[Series, int]]:
        yield self.of, k + 1

    def compute(self, k: int) -> Tensor | None:
        found = self.of.known[k + 1]
        return found if found is None or k == 0 else found * (k + 1)


class Solution(Series):
    """The solution y of y' = g, a series that is known later: `slope` returns it."""

    slope: Series

    def needs(self, k: int) -> Iterator[tuple[Series, int]]:
        yield self.slope, k - 1

    def compute(self, k: int) -> Tensor | None:
        found = self.slope.known[k - 1]
        return found if found is None or k == 1 else found / k


class Result(Series):
    """What an operation makes of its inputs."""

    def __init__(self, node: Node, weight: int, expansion: Expansion) -> None:
        super().__init__(node, weight)
        self.expansion = expansion
        if not weight:
            self.known[0] = Tensor(node)

    def input(self, number: int) -> Series:
        """The series of an input."""
        return self.expansion.of(self.node.inputs[number])


class Linear(Result):
    """Of an operation linear in the `inputs` with these numbers together."""

    inputs: Sequence[int]

    def needs(self, k: int) -> Iterator[tuple[Series, int]]:
        for number in self.inputs:
            yield self.input(number), k

    def compute(self, k: int) -> Tensor | None:
        given: list[Tensor | None] = [None] * len(self.node.inputs)
        for number in self.inputs:
            given[number] = self.input(number).known[k]
        return self.expansion.mapped(self.node, given, self.weight + k)


class Product(Result):
    """Of a bilinear operation: yₖ = Σ aⱼ bₖ₋ⱼ."""

    def needs(self, k: int) -> Iterator[tuple[Series, int]]:
        yield from pairs_of((self.input(0), self.input(1)), range(k + 1))

    def compute(self, k: int) -> Tensor | None:
        return self.expansion.convolved(self.node, self.input(0), self.input(1), k, range(k + 1))


class Quotient(Result):
    """Of a quotient: y b = a, so b₀ yₖ = aₖ - Σ bⱼ yₖ₋ⱼ for j ≥ 1."""

    def needs(self, k: int) -> Iterator[tuple[Series, int]]:
        yield self.input(0), k
        for j in range(k + 1):
            yield self.input(1), j
        for j in range(k):
            yield self, j

    def compute(self, k: int) -> Tensor | None:
        a, b = self.input(0), self.input(1)
        times = calls.multiply(*map(Tensor, self.node.inputs)).node
        rest = self.expansion.convolved(times, b, self, k, range(1, k + 1))
        top = a.known[k]
        if rest is not None:
            top = -rest if top is None else top - rest
        if top is None:
            return None
        return self.expansion.mapped(self.node, [top, None], self.weight + k)


class Own(Result):
    """Of an operation that has a rule of its own for all coefficients up to some number."""

    def needs(self, k: int) -> Iterator[tuple[Series, int]]:
        for number, j in pairs_of(range(len(self.node.inputs)), range(k + 1)):
            yield self.input(number), j

    def compute(self, k: int) -> Tensor | None:
        if not k:
            return self.expansion.remade(self)
        inputs = [self.input(number) for number in range(len(self.node.inputs))]
        given = [[x.known[j] for j in range(k + 1)] for x in inputs]
        rules, weight = self.expansion.rules, self.weight
        for j, x in enumerate(self.node.op.coefficients(self.node, given, rules, weight)):
            self.known.setdefault(j, x)
        return self.known[k]


class Derived(Result):
    """Of any operation: its tangent rule is the derivative y' = g, so k yₖ = gₖ₋₁."""

    rate: Series | None = None
    """The series g."""

    def needs(self, k: int) -> Iterator[tuple[Series, int]]:
        if k:
            if self.rate is None:
                self.rate = self.expansion.rate(self.node)
            yield self.rate, k - 1
        else:
            for number in range(len(self.node.inputs)):
                yield self.input(number), 0

    def compute(self, k: int) -> Tensor | None:
        if not k:
            return self.expansion.remade(self)
        assert self.rate is not None
        found = self.rate.known[k - 1]
        return found if found is None or k == 1 else found / k


class Expansion:
    """The series of the nodes that are entered. A walk stays within `scope`, if there is one."""

    def __init__(self, scope: Scope | None, order: int, rules: Rules) -> None:
        self.scope = scope
        self.rules = rules
        own = Scope(abstract=True) if scope is None else scope
        self.plain_scope = Scope(abstract=True, members=(own,))
        # From order 2 on slopes are differentiated again, so that kinks must be known.
        members = (own, ALWAYS) if order > 1 and own is not ALWAYS else (own,)
        self.slope_scope = Scope(abstract=True, members=members)
        self.series: dict[Node, Series] = {}
        self.constants: dict[Node, Series] = {}
        self.slopes: dict[tuple[Series, bool], Node] = {}
        self.recognised: dict[object, Series] = {}

    def given(self, node: Node, coefficients: Coefficients) -> None:
        """Enter a leaf: all of its coefficients."""
        series = Series(node, 0)
        series.known = dict(enumerate(coefficients))
        self.series[node] = series

    def solution(self, node: Node) -> Solution:
        """Enter the solution of a differential equation, of which coefficient 0 is the node."""
        series = Solution(node, 0)
        series.known[0] = Tensor(node)
        self.series[node] = series
        return series

    def enter(self, node: Node, taken: Node | None = None) -> Series:
        """Enter a node of which inputs are entered, or what is `taken` in its place."""
        taken = taken or node
        key = self.identity(taken)
        series = self.recognised.get(key)
        if series is None:
            series = self.recognised[key] = self.result(taken)
        self.series[node] = series
        return series

    def result(self, node: Node) -> Series:
        """A new series for a node, by the rule that its operation has."""
        op = node.op
        moving = [n for n, x in enumerate(node.inputs) if x in self.series]
        weights = [self.series[node.inputs[n]].weight for n in moving]
        linear = op.linear_inputs(node)
        if op.expands:
            return Own(node, max(weights), self)
        if set(moving) <= set(linear) or (op.bilinear and len(moving) == 1):
            found = Linear(node, max(weights), self)
            found.inputs = moving
            return found
        if op.bilinear:
            return Product(node, sum(weights), self)
        if op.divides and (1 not in moving or not self.series[node.inputs[1]].weight):
            return Quotient(node, max(weights), self)
        return Derived(node, max(weights), self)

    def of(self, node: Node) -> Series:
        """The series of a node, a constant one if it does not depend on t."""
        series = self.series.get(node) or self.constants.get(node)
        if series is None:
            series = self.constants[node] = Series(node, 0)
            series.known[0] = Tensor(node)
        return series

    def identity(self, node: Node) -> object:
        """Equal for nodes made in the same way of the same series and constants."""
        return node.op, node.params, tuple(map(self.identity_of_input, node.inputs))

    def identity_of_input(self, node: Node) -> object:
        series = self.series.get(node)
        if series is not None:
            return series
        if is_constant(node) and node.value.size <= _SMALL:
            return node.dtype, node.shape, node.value.tobytes()
        return node

    def coefficient(self, node: Node, k: int) -> Tensor | None:
        """Coefficient `k` of a node; None for zero."""
        series = self.series.get(node)
        if series is None:
            return None if k else Tensor(node)
        self.demand(series, k)
        return series.known[k]

    def demand(self, series: Series, k: int) -> None:
        """See to it that a coefficient is known, and before it all that it is made of."""
        stack = [(series, k)]
        while stack:
            top, j = stack[-1]
            if j not in top.known:
                waiting = [(x, i) for x, i in top.needs(j) if i not in x.known]
                if waiting:
                    stack += waiting
                    continue
                top.known[j] = top.compute(j)
            stack.pop()

    def rate(self, node: Node) -> Series:
        """The series of the derivative of a node by t, of those of its inputs."""
        tangents = [
            Tensor(self.slope(self.series[x], not node.op.tangent_once))
            if x in self.series and is_inexact(x.dtype)
            else None
            for x in node.inputs
        ]
        found = None
        if any(x is not None for x in tangents):
            with node_by_node() if node.op.tangent_once else nullcontext():
                found = node.op.push(node, tangents)
            if found is not None and node.op.tangent_once:
                found = found * (1 + node.op.zero_at_ties(node))
        if found is None:
            return Series(node, 0)  # zero
        self.walk(found.node)
        return self.of(found.node)

    def slope(self, series: Series, nested: bool = True) -> Node:
        """The node that stands for the derivative of a series; `nested`: kinks have to be known."""
        node = self.slopes.get((series, nested))
        if node is None:
            like, scope = series.node, self.slope_scope if nested else self.plain_scope
            node = variable_node(None, like.shape, like.dtype, scope)
            self.slopes[series, nested] = node
            self.series[node] = Slope(node, series)
        return node

    def walk(self, root: Node) -> None:
        """Enter the nodes below `root` that depend on t and are not entered."""

        inside = within(self.scope)

        def inputs(node: Node) -> tuple[Node, ...]:
            return () if node in self.series else inside(node)

        for node in topological_order((root,), inputs):
            if node not in self.series and not self.series.keys().isdisjoint(node.inputs):
                self.enter(node)

    # What coefficients are made by.

    def mapped(self, node: Node, given: Sequence[Tensor | None], weight: int) -> Tensor | None:
        """What the tangent rule of a node, linear in what is `given`, makes of it."""
        if all(x is None for x in given):
            return None
        if not self.rules.is_batched(weight):
            return node.op.push(node, given)
        variables = [
            None if g is None else Tensor(variable_node(None, x.shape, x.dtype, self.slope_scope))
            for g, x in zip(given, node.inputs, strict=True)
        ]
        plain = node.op.push(node, variables)
        examples = {
            v.node: x
            for v, x in zip(variables, given, strict=True)
            if v is not None and x is not None
        }
        return None if plain is None else self.rules.batched(plain, examples)

    def convolved(
        self, node: Node, a: Series, b: Series, k: int, places: Sequence[int]
    ) -> Tensor | None:
        """Σ aⱼ bₖ₋ⱼ over the `places` j, with the product that `node` is."""
        terms = [
            self.rules.product(node, x, y, a.weight + j, b.weight + k - j)
            for j in places
            if (x := a.known[j]) is not None and (y := b.known[k - j]) is not None
        ]
        total: Tensor | None = None
        for term in terms:
            total = term if total is None else total + term
        return total

    def remade(self, series: Result) -> Tensor:
        """Coefficient 0 of a node that depends on slopes: the operation of coefficients 0."""
        node = series.node
        found = [self.of(x).known[0] for x in node.inputs]
        given = [self.zeros(x) if g is None else g for g, x in zip(found, node.inputs, strict=True)]
        if not self.rules.is_batched(series.weight):
            return make(node.op, given, node.params)
        many = [self.rules.is_batched(self.of(x).weight) for x in node.inputs]
        variables = [
            Tensor(variable_node(None, x.shape, x.dtype, self.slope_scope)) if m else g
            for x, m, g in zip(node.inputs, many, given, strict=True)
        ]
        examples = {v.node: g for v, g, m in zip(variables, given, many, strict=True) if m}
        return self.rules.batched(make(node.op, variables, node.params), examples)

    def zeros(self, node: Node) -> Tensor:
        """Zeros in the shape of the coefficients 0 of a node."""
        shape = self.rules.shape(node, self.of(node).weight)
        return calls.broadcast_to(zeros(node), shape)


def coefficients(
    outputs: Sequence[Node],
    given: Mapping[Node, Coefficients],
    scope: Scope | None,
    order: int,
    rules: Rules | None = None,
) -> list[list[Tensor | None]]:
    """The coefficients 0 … `order` of `outputs`, None for zero, for those of leaves of `scope`."""
    if chosen() is not None:  # the rules take no notice
        with choosing(None):
            return coefficients(outputs, given, scope, order, rules)
    expansion = Expansion(scope, order, rules or Rules())
    for node, own in given.items():
        expansion.given(node, own)
    for node, taken in between(outputs, given, scope).items():
        if node not in expansion.series:
            expansion.enter(node, taken)
            expansion.coefficient(node, order)
    return [[expansion.coefficient(y, k) for k in range(order + 1)] for y in outputs]


def solution_coefficients(
    rates: Sequence[Node], states: Sequence[Node], time: Node, scope: Scope, order: int
) -> list[list[Tensor | None]]:
    """The coefficients 0 … `order` of the solution of y' = f(t, y), of which `states` are y and
    `rates` are f."""
    expansion = Expansion(scope, order, Rules())
    one = Tensor(constant_node(time.dtype.type(1), (), time.dtype))
    expansion.given(time, [Tensor(time), one, *[None] * order])
    solutions = [expansion.solution(x) for x in states]
    for node, taken in between(rates, [time, *states], scope).items():
        if node not in expansion.series:
            expansion.enter(node, taken)
    for own, rate in zip(solutions, rates, strict=True):
        own.slope = expansion.of(rate)
    return [[expansion.coefficient(x, k) for k in range(order + 1)] for x in states]
