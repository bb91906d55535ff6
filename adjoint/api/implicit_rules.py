"""The derivatives of solutions that a user's solver found, of equations that are graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from adjoint.api.arguments import as_output, function_name
from adjoint.api.outside import Outside, read_before
from adjoint.api.rule_results import like
from adjoint.api.stepping import traced
from adjoint.api.tree import flatten, path_text, same_structure
from adjoint.errors import ArgumentError, NotDifferentiableError
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.subgraph import Subgraph, fresh_variable, fresh_variables
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import DType, Shape, is_inexact
from adjoint.ops.control.closing import captured, closed
from adjoint.ops.control.custom_call import CustomCall, custom_call
from adjoint.ops.control.derived import instance, or_zeros
from adjoint.ops.control.linear_map import LinearMap, transposed
from adjoint.ops.elementwise.arithmetic import negative, subtract
from adjoint.transforms.forward import forward
from adjoint.transforms.reverse import reverse

Solver = Callable[..., Any]
Shapes = tuple[tuple[Shape, DType], ...]


def traced_system(
    name: str, f: Callable[..., Any], unknowns: Sequence[Tensor], structure: Any
) -> tuple[Subgraph, list[Tensor]]:
    """The graph of `f` from what it reads from outside and the unknowns; and what it reads."""
    scope = Scope(abstract=True)
    variables = [variable_node(None, x.node.shape, x.node.dtype, scope) for x in unknowns]
    try:
        result = traced(f, (structure.unflatten(map(Tensor, variables)),))
        found = leaves_like(f"{name}: {function_name(f)}", result, variables, structure)
    finally:
        scope.close()
    nodes = [x.node for x in found]
    outside = captured(nodes, variables)
    return closed(nodes, variables, outside), list(map(Tensor, outside))


def leaves_like(what: str, tree: Any, nodes: Sequence[Node], structure: Any) -> list[Tensor]:
    """The leaves of what a function returned, which must be like the unknowns."""
    leaves, found = flatten(tree)
    if not same_structure(found, structure):
        raise ArgumentError(
            f"{what} returned a tree of structure {found}, the unknowns have {structure}; they "
            f"must be the same"
        )
    outputs = [as_output(what, None, x) for x in leaves]
    return [
        like(f"{what} returned a result{path_text(path)}", "the unknown", x, node)
        for x, path, node in zip(outputs, structure.paths(), nodes, strict=True)
    ]


def _with_aux(what: str, result: Any, has_aux: bool) -> tuple[Any, list[Tensor], Any]:
    """The solution, the leaves of what a solver returned beside it, and the structure of that."""
    if not has_aux:
        return result, [], flatten(())[1]
    if not isinstance(result, tuple) or len(result) != 2:
        raise ArgumentError(
            f"{what} must return a pair (x, aux) with has_aux=True, got {type(result).__name__}"
        )
    leaves, structure = flatten(result[1])
    return result[0], [as_output(what, None, x) for x in leaves], structure


def _variables(like_nodes: Sequence[Node]) -> list[Tensor]:
    return fresh_variables(like_nodes)


def _nodes(tensors: Sequence[Tensor]) -> list[Node]:
    return [x.node for x in tensors]


Trace = Callable[[], tuple[list[Tensor], list[Tensor]]]
"""What a solver makes of variables, and the variables."""


def _read_before(trace: Trace) -> tuple[list[Tensor], list[Tensor], list[Node]]:
    """The results of a trace, its variables, and what it reads from outside."""
    outputs, variables = trace()
    outside = read_before(_nodes(outputs), _nodes(variables), lambda: _nodes(trace()[0]))
    return outputs, variables, outside


def _called(
    name: str,
    trace: Trace,
    later: Trace | None,
    rule_for: Callable[[Outside, Shapes], Any],
    inputs: Sequence[Tensor],
) -> list[Tensor]:
    """A call of what is traced, with a rule, for which there is `later` another trace.

    The two may read more than the variables; that becomes inputs of the call. The rule is made of
    that, and of the shapes and dtypes of the results.
    """
    outputs, variables, own = _read_before(trace)
    outside, fingerprint = own, ""
    if later is not None:
        found, given, more = _read_before(later)
        outside = list(dict.fromkeys([*own, *more]))
        fingerprint = closed(_nodes(found), _nodes(given), more).key
    body = closed(_nodes(outputs), _nodes(variables), outside)
    results = tuple((x.shape, x.dtype) for x in body.outputs)
    call = CustomCall(name, body, rule_for(Outside(outside, fingerprint), results))
    return custom_call(call, [*map(Tensor, outside), *inputs])


@dataclass(frozen=True)
class LinearSystem:
    """Linear equations matvec(θ, x) = b, and the functions that solve them, and their transpose."""

    name: str
    matvec: LinearMap
    structure: Any
    solve: Solver
    back: Solver | None
    has_aux: bool

    @classmethod
    def of(
        cls,
        name: str,
        graph: Subgraph,
        structure: Any,
        solve: Solver,
        back: Solver | None,
        has_aux: bool,
    ) -> LinearSystem:
        """The system of which the graph takes parameters, and then as many unknowns as results."""
        numbers = tuple(range(len(graph.outputs)))
        return cls(name, LinearMap(graph, numbers, numbers), structure, solve, back, has_aux)

    def solution(self, parameters: Sequence[Tensor], right: Sequence[Tensor]) -> list[Tensor]:
        """The unknowns, for the right side."""
        return self.with_aux(parameters, right)[0]

    def with_aux(
        self, parameters: Sequence[Tensor], right: Sequence[Tensor]
    ) -> tuple[list[Tensor], Any]:
        """The unknowns, and what the solver returned beside them."""
        models = [*_nodes(parameters), *_nodes(right)]
        shapes = tuple((x.shape, x.dtype) for x in models)
        count, structures = len(parameters), []

        def trace() -> tuple[list[Tensor], list[Tensor]]:
            outputs, variables, structure = self.traced(shapes, count)
            structures.append(structure)
            return outputs, variables

        results = _called(
            self.name,
            trace,
            None if self.back is None else lambda: self.transpose.traced(shapes, count)[:2],
            lambda outside, results: LinearRule(self, outside, count, shapes, results),
            [*parameters, *right],
        )
        return results[: len(right)], structures[0].unflatten(results[len(right) :])

    def traced(self, shapes: Shapes, count: int) -> tuple[list[Tensor], list[Tensor], Any]:
        """The solution and what is beside it, made of variables, of which `count` are parameters;
        the variables; and the structure of what is beside it."""
        variables = [fresh_variable(*kind) for kind in shapes]
        own, right = variables[:count], variables[count:]
        result = traced(self.solve, (self.function(own), self.structure.unflatten(right)))
        what = f"custom_linear_solve: {function_name(self.solve)}"
        x, aux, structure = _with_aux(what, result, self.has_aux)
        return [*leaves_like(what, x, _nodes(right), self.structure), *aux], variables, structure

    def product(self, parameters: Sequence[Tensor], x: Sequence[Tensor]) -> list[Tensor]:
        """matvec(θ, x)."""
        numbers = self.matvec.sources
        found = self.matvec.apply(parameters, dict(zip(numbers, x, strict=True)), numbers)
        return [or_zeros(found.get(n), y) for n, y in zip(numbers, x, strict=True)]

    def function(self, parameters: Sequence[Tensor]) -> Callable[[Any], Any]:
        """matvec as a function of a tree."""

        def matvec(tree: Any) -> Any:
            variables = self.matvec.graph.inputs[self.matvec.point :]
            x = leaves_like(
                "custom_linear_solve: matvec was given", tree, variables, self.structure
            )
            return self.structure.unflatten(self.product(parameters, x))

        return matvec

    @cached_property
    def transpose(self) -> LinearSystem:
        """The system with the transpose of the matrix."""
        if self.back is None:
            raise NotDifferentiableError(
                f"custom_linear_solve: reverse mode solves with the transpose of {self.name}; "
                f"give transpose_solve=, or symmetric=True if it is its own transpose"
            )
        back = transposed(
            self.matvec, f"custom_linear_solve: {self.name}", "matvec must be a linear function"
        )
        name = f"transpose of {self.name}"
        return LinearSystem(name, back, self.structure, self.back, self.solve, self.has_aux)


@dataclass(frozen=True)
class LinearRule:
    """The rule for x with A(θ) x = b: A ẋ = ḃ − Ȧ x; Aᵀ λ = x̄, b̄ = λ, θ̄ = −(∂(A x)/∂θ)ᵀ λ."""

    system: LinearSystem
    outside: Outside
    parameters: int
    shapes: Shapes
    results: Shapes

    @cached_property
    def along(self) -> LinearMap:
        """From the tangents of parameters and right side to those of the solution."""
        system = self.system
        own, right, results = self.point()
        x = results[: len(right)]
        moving = [n for n, y in enumerate(own) if is_inexact(y.dtype)]
        seeds = _variables([own[n].node for n in moving])
        turned = _variables(_nodes(right))
        product = system.product(own, x)
        found = forward(
            _nodes(product), {own[n].node: t for n, t in zip(moving, seeds, strict=True)}
        )
        rest = [
            subtract(t, found[y.node]) if y.node in found else t
            for t, y in zip(turned, product, strict=True)
        ]
        answer = system.solution(own, rest)
        variables = [*own, *right, *results, *seeds, *turned]
        graph = self.outside.graph(_nodes(answer), _nodes(variables), system.name)
        sources = (*moving, *range(len(own), len(own) + len(right)))
        return LinearMap(graph, self.moved(sources), tuple(range(len(x))))

    @cached_property
    def back(self) -> LinearMap:
        """From the adjoints of the solution to those of parameters and right side."""
        system = self.system
        own, right, results = self.point()
        x = results[: len(right)]
        seeds = _variables(_nodes(x))
        multipliers = system.transpose.solution(own, seeds)
        moving = [n for n, y in enumerate(own) if is_inexact(y.dtype)]
        pairs = [
            (y.node, negative(m)) for y, m in zip(system.product(own, x), multipliers, strict=True)
        ]
        found = reverse(pairs, [own[n].node for n in moving])
        shares = [(n, found[own[n].node].sum()) for n in moving if own[n].node in found]
        answer = [*[s for _, s in shares], *multipliers]
        variables = [*own, *right, *results, *seeds]
        graph = self.outside.graph(_nodes(answer), _nodes(variables), system.name)
        targets = (*[n for n, _ in shares], *range(len(own), len(own) + len(right)))
        return LinearMap(graph, tuple(range(len(x))), self.moved(targets))

    def point(self) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Variables for parameters, right side and results, of which the solution comes first."""
        own, right = self.shapes[: self.parameters], self.shapes[self.parameters :]
        found = [[fresh_variable(*kind) for kind in kinds] for kinds in (own, right, self.results)]
        return found[0], found[1], found[2]

    def moved(self, numbers: Sequence[int]) -> tuple[int, ...]:
        """Numbers among the inputs of the call, which begin with what is read from outside."""
        return tuple(n + self.outside.count for n in numbers)

    def tangents(self) -> LinearMap | None:
        return self.along

    def adjoints(self) -> LinearMap | None:
        return self.back


@dataclass(frozen=True)
class RootProblem:
    """Equations f(θ, x) = 0, and the functions that solve them, and that solve with ∂f/∂x."""

    name: str
    residual: Subgraph
    structure: Any
    solve: Solver
    tangent_solve: Solver
    has_aux: bool

    def with_aux(
        self, parameters: Sequence[Tensor], guess: Sequence[Tensor]
    ) -> tuple[list[Tensor], Any]:
        """The root that is found from a guess, and what the solver returned beside it."""
        structures = []

        def trace() -> tuple[list[Tensor], list[Tensor]]:
            own, start = _variables(_nodes(parameters)), _variables(_nodes(guess))
            result = traced(self.solve, (self.function(own), self.structure.unflatten(start)))
            what = f"custom_root: {function_name(self.solve)}"
            x, aux, structure = _with_aux(what, result, self.has_aux)
            structures.append(structure)
            return [*leaves_like(what, x, _nodes(start), self.structure), *aux], [*own, *start]

        results = _called(
            self.name,
            trace,
            lambda: self.tangent()[1:],
            lambda outside, results: RootRule(self, outside, results[len(guess) :]),
            [*parameters, *guess],
        )
        return results[: len(guess)], structures[0].unflatten(results[len(guess) :])

    def tangent(self) -> tuple[list[int], list[Tensor], list[Tensor]]:
        """The tangents of a root, made of variables; and these.

        They are parameters, guess, root, and tangents of the parameters that have derivatives, of
        which the numbers come first in the answer.
        """
        count = len(self.residual.inputs) - len(self.residual.outputs)
        own = _variables(self.residual.inputs[:count])
        guess = _variables(self.residual.inputs[count:])
        x = _variables(self.residual.inputs[count:])
        residuals = _nodes(instance(self.residual, [*own, *x]))
        moving = [n for n, y in enumerate(own) if is_inexact(y.dtype)]
        seeds = _variables([own[n].node for n in moving])

        def pushed(vectors: dict[Node, Tensor]) -> list[Tensor]:
            found = forward(residuals, vectors)
            return [or_zeros(found.get(r), y) for r, y in zip(residuals, x, strict=True)]

        def linearized(tree: Any) -> Any:
            vectors = leaves_like("custom_root: g was given", tree, _nodes(x), self.structure)
            along = dict(zip(_nodes(x), vectors, strict=True))
            return self.structure.unflatten(pushed(along))

        by_parameters = {own[n].node: t for n, t in zip(moving, seeds, strict=True)}
        right = self.structure.unflatten(map(negative, pushed(by_parameters)))
        result = traced(self.tangent_solve, (linearized, right))
        what = f"custom_root: {function_name(self.tangent_solve)}"
        found = leaves_like(what, result, _nodes(x), self.structure)
        return moving, found, [*own, *guess, *x, *seeds]

    def function(self, parameters: Sequence[Tensor]) -> Callable[[Any], Any]:
        """f as a function of a tree."""

        def f(tree: Any) -> Any:
            unknowns = self.residual.inputs[len(parameters) :]
            x = leaves_like("custom_root: f was given", tree, unknowns, self.structure)
            return self.structure.unflatten(instance(self.residual, [*parameters, *x]))

        return f


@dataclass(frozen=True)
class RootRule:
    """The rule for x with f(θ, x) = 0: (∂f/∂x) ẋ = −(∂f/∂θ) θ̇."""

    problem: RootProblem
    outside: Outside
    aux: Shapes

    @cached_property
    def along(self) -> LinearMap:
        """From the tangents of parameters to those of the root."""
        problem = self.problem
        moving, results, variables = problem.tangent()
        # The results at the point: the root, and what was beside it, which nothing depends on.
        place = len(variables) - len(moving)
        variables[place:place] = [fresh_variable(*kind) for kind in self.aux]
        graph = self.outside.graph(_nodes(results), _nodes(variables), problem.name)
        sources = tuple(n + self.outside.count for n in moving)
        return LinearMap(graph, sources, tuple(range(len(results))))

    def tangents(self) -> LinearMap | None:
        return self.along

    def adjoints(self) -> LinearMap | None:
        return None
