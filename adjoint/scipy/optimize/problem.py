"""A function to be handed to one of SciPy's solvers: its graph, run on plain numbers.

The function is traced once. What it reads from outside, traced or not, become inputs of the graph,
so that the solver sees numbers, and the solution can be differentiated by them afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from adjoint.api.arguments import as_output, function_name
from adjoint.api.jacobians import jacobian
from adjoint.api.stepping import traced
from adjoint.api.tree import LEAF, flatten
from adjoint.errors import ArgumentError, ConcretizationError, ConvergenceWarning, DTypeError
from adjoint.graph import engine
from adjoint.graph.caller import warn
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import FLOAT64, size_of
from adjoint.ops.control.closing import captured, closed
from adjoint.ops.control.derived import instance
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import astype, reshape
from adjoint.scipy.common import differentiated
from adjoint.transforms.forward import forward
from adjoint.transforms.reverse import reverse

Array: TypeAlias = "np.ndarray[Any, Any]"


class Unknowns:
    """The guess x0, a tree of real numbers, as the vector of float64 that SciPy's solvers take.

    A list of numbers is an array, as it is for SciPy, and not a tree. A single number stands for a
    vector of one, as it does for SciPy, unless `is_number`.
    """

    def __init__(self, name: str, x0: Any, is_number: bool = False) -> None:
        if type(x0) in (list, tuple) and _are_numbers(x0):
            x0 = as_tensor(x0)
        leaves, self.structure = flatten(x0)
        if self.structure is LEAF and not is_number and np.ndim(leaves[0]) == 0:
            leaves = [reshape(as_tensor(leaves[0]), (1,))]
        tensors = [as_tensor(x) for x in leaves]
        for x in tensors:
            if x.dtype.kind not in "fiu":
                raise DTypeError(
                    f"{name}: x0 has dtype {x.dtype}; unknowns must be real numbers (of complex "
                    f"ones pass real and imaginary parts)"
                )
        self.shapes = [x.node.shape for x in tensors]
        self.dtypes = [x.dtype if x.dtype.kind == "f" else FLOAT64 for x in tensors]
        self.size = sum(map(size_of, self.shapes))
        plain = [np.ravel(known(name, stop_gradient(x).node)) for x in tensors]
        self.start: Array = np.concatenate([np.zeros(0), *plain]).astype(np.float64)

    def tree(self, flat: Tensor) -> Any:
        """The unknowns in a vector, in the structure of x0."""
        found, start = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            part = flat[start : start + size_of(shape)]
            found.append(astype(reshape(part, shape), dtype))
            start += size_of(shape)
        return self.structure.unflatten(found)

    def arrays(self, flat: Array) -> Any:
        """As `tree`, of plain numbers."""
        found, start = [], 0
        for shape, dtype in zip(self.shapes, self.dtypes, strict=True):
            found.append(flat[start : start + size_of(shape)].reshape(shape).astype(dtype))
            start += size_of(shape)
        return self.structure.unflatten(found)


def _are_numbers(items: Any) -> bool:
    """Whether in lists there is nothing but numbers."""
    return all(
        _are_numbers(x)
        if type(x) in (list, tuple)
        else isinstance(x, (int, float, np.generic, np.ndarray, Tensor)) and np.ndim(x) == 0
        for x in items
    )


class NoValues(ArgumentError, ConcretizationError):
    """A solver would have to know values that are not there while something is traced."""


class NeedsValues(ArgumentError):
    """A function looks at the values of its unknowns, and so cannot be traced."""

    def __init__(self, name: str, f: Any) -> None:
        super().__init__(
            f"{name}: {function_name(f)} looks at the value of x, as an if or a while does, or a "
            f"solver within it, and so cannot be traced; choose with adjoint.where or adjoint.cond"
        )


class Problem:
    """A function of the unknowns: one number, or with `is_vector` a vector of residuals."""

    def __init__(
        self, name: str, f: Callable[..., Any], x: Unknowns, args: Sequence[Any], is_vector: bool
    ) -> None:
        self.name, self.f, self.unknowns, self.args = name, f, x, args
        self.scope = Scope(abstract=True)
        self.variable = variable_node(None, (x.size,), FLOAT64, self.scope)
        try:
            result = traced(f, (x.tree(Tensor(self.variable)), *args))
            self.output = self.checked(result, is_vector)
        except ConcretizationError as error:
            raise NeedsValues(name, f) from error
        finally:
            self.scope.close()
        self.outside = captured([self.output.node], [self.variable])

    def checked(self, result: Any, is_vector: bool) -> Tensor:
        """What the function returned, as one number or one vector of float64."""
        what = f"{self.name}: {function_name(self.f)}"
        leaves = [as_output(self.name, self.f, y) for y in flatten(result)[0]]
        if any(y.dtype.kind not in "fiu" for y in leaves):
            raise DTypeError(f"{what} must return real numbers, got {leaves[0].dtype}")
        if is_vector:
            parts = [astype(reshape(y, (-1,)), FLOAT64) for y in leaves]
            return concat(parts) if len(parts) > 1 else parts[0]
        if len(leaves) != 1 or leaves[0].size != 1:
            shape = leaves[0].shape if len(leaves) == 1 else "a tree"
            raise ArgumentError(
                f"{what} must return one number, got {shape}; reduce it (adjoint.sum), or use "
                f"least_squares for residuals"
            )
        return astype(reshape(leaves[0], ()), FLOAT64)

    @cached_property
    def gradient(self) -> Tensor:
        """The gradient of the one number."""
        one = as_tensor(np.ones(()))
        found = reverse([(self.output.node, one)], [self.variable])
        if self.variable in found:
            return found[self.variable].sum()
        return as_tensor(np.zeros(self.unknowns.size))

    @cached_property
    def is_traced(self) -> bool:
        """Whether somebody differentiates by what is read from outside."""
        return any(differentiated(Tensor(x)) for x in self.outside)

    def runner(self, outputs: Sequence[Tensor], *variables: Node) -> Callable[..., list[Any]]:
        """A function of plain numbers that returns the values of outputs."""
        own = [self.variable, *variables]
        nodes = [y.node for y in outputs]
        outside = captured(nodes, own)
        graph = closed(nodes, own, outside)
        values = [known(self.name, x) for x in outside]

        def run(*arrays: Any) -> list[Any]:
            return graph.run([*values, *[np.asarray(x, np.float64) for x in arrays]])

        return run

    def value(self) -> Callable[[Any], Any]:
        """The function, on plain numbers."""
        run = self.runner([self.output])
        return lambda x: run(x)[0]

    def value_and_gradient(self) -> Callable[[Any], tuple[float, Array]]:
        """The function and its gradient, on plain numbers."""
        run = self.runner([self.output, self.gradient])

        def found(x: Any) -> tuple[float, Array]:
            value, slope = run(x)
            return float(value), np.asarray(slope)

        return found

    def hessian_product(self) -> Callable[[Any, Any], Array]:
        """The Hessian times a vector, on plain numbers."""
        v = variable_node(None, (self.unknowns.size,), FLOAT64, Scope(abstract=True))
        found = forward([self.gradient.node], {self.variable: Tensor(v)})
        product = found.get(self.gradient.node)
        if product is None:
            return lambda x, v: np.zeros(self.unknowns.size)
        run = self.runner([product], v)
        return lambda x, v: np.asarray(run(x, v)[0])

    def weighted_hessian(self) -> Callable[[Any, Any], Array]:
        """The Hessian of the residuals, added up with weights, on plain numbers."""
        v = variable_node(None, self.output.shape, FLOAT64, Scope(abstract=True))
        found = reverse([(self.output.node, Tensor(v))], [self.variable])
        size = self.unknowns.size
        if self.variable not in found:
            return lambda x, v: np.zeros((size, size))
        total = found[self.variable].sum()
        matrix = self.matrix(total, v)
        run = self.runner([matrix], v)
        return lambda x, v: np.asarray(run(x, v)[0])

    def derivative(self, output: Tensor) -> Callable[[Any], Array]:
        """The matrix of derivatives of an output, on plain numbers."""
        run = self.runner([self.matrix(output)])
        return lambda x: np.asarray(run(x)[0])

    def matrix(self, output: Tensor, *variables: Node) -> Tensor:
        """The matrix of derivatives of an output, which may depend on more variables."""
        own = [self.variable, *variables]
        outside = captured([output.node], own)
        graph = closed([output.node], own, outside)

        def of_x(x: Tensor) -> Tensor:
            return instance(graph, [*map(Tensor, outside), x, *map(Tensor, variables)])[0]

        found: Tensor = jacobian(of_x)(Tensor(self.variable))
        return found


def known(name: str, node: Node) -> Any:
    """The value of a node; an error if there is none yet."""
    try:
        return np.asarray(engine.value_of(node))
    except ConcretizationError as error:
        raise NoValues(
            f"{name}: SciPy's solvers choose their steps by values, which are not known within "
            f"compile, vmap or a loop; call it outside of these, or iterate with "
            f"adjoint.while_loop"
        ) from error


def of_user(f: Callable[..., Any], problem: Problem) -> Callable[..., Array]:
    """A user's derivative, of plain numbers in the structure of x0: what it reads counts as known,
    also where it is differentiated, as the solver only needs the numbers."""

    def found(x: Any, *more: Any) -> Array:
        x = problem.unknowns.arrays(np.asarray(x))
        result = f(x, *more, *problem.args)
        return np.asarray(stop_gradient(as_tensor(result)).numpy())

    return found


def warn_of(name: str, found: Any) -> None:
    """Warn that a solver says it failed."""
    warn(
        f"{name} did not converge: {found.message}; its derivatives hold for an exact solution "
        f"only",
        ConvergenceWarning,
    )
