"""Numerical differentiation: finite differences, the oracle and the way of last resort."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from adjoint.api.arguments import as_differentiable, as_output, check_callable, where_text
from adjoint.api.tree import flatten
from adjoint.errors import ArgumentError, RangeError
from adjoint.graph.tensor import Tensor, as_tensor, from_array

Array: TypeAlias = "np.ndarray[Any, Any]"
METHODS = {"forward": 1 / 2, "central": 1 / 3}
"""By method the power of the rounding unit at which truncation and rounding errors balance."""


def finite_differences(
    f: Callable[..., Any], x: Any, method: str = "central", step: float | None = None
) -> Any:
    """The derivative of `f` at `x` by finite differences, element by element.

    With the unit vector eᵢ and a step h, "forward" is (f(x + h eᵢ) - f(x)) / h with an error of
    order h, and "central" is (f(x + h eᵢ) - f(x - h eᵢ)) / 2h with an error of order h².

    x: a pytree, if `f` takes one argument, or a tuple with an entry for each argument. step: the
    same h for every element; by default √ε max(\\|x\\|, 1) or ε^⅓ max(\\|x\\|, 1), where ε is the
    rounding unit of the least precise dtype of `x` and the output. Either way the distance is
    divided by that the numbers really have. `f` is called once (forward) or twice (central) for
    each element, with tensors for tensors, arrays for arrays and numbers for numbers, so it may be
    any function of numbers.

    Returns what `adjoint.jacobian` returns: the gradient if `f` is scalar, else for an output of
    shape s and a leaf of `x` of shape t an array of shape s + t. For a real function of complex
    numbers that is the direction of steepest ascent; a complex function of complex numbers is
    taken to be holomorphic. Raises `ArgumentError`, `DTypeError`, and `RangeError` for a step that
    is not positive or too small to move an element.

    Source: the lecture, "numerical differentiation".

    >>> import adjoint as ad
    >>> f = lambda x: ad.log(x[0]) + x[0] * x[1] - ad.sin(x[1])
    >>> ad.finite_differences(f, ad.asarray([2.0, 5.0]))
    Tensor([5.5       , 1.71633781])
    """
    check_callable("finite_differences", f)
    if method not in METHODS:
        raise ArgumentError(
            f"finite_differences: method={method!r} is not known; give 'forward' or 'central' (and "
            f"several arguments of the function as one tuple)"
        )
    if step is not None and not (np.isfinite(step) and step > 0):
        raise RangeError(f"finite_differences: step={step!r} must be a positive number, or None")
    return Differences("finite_differences", f, x, method).derivative(step)


class Differences:
    """A function at a point whose elements can be moved one by one."""

    def __init__(self, name: str, f: Callable[..., Any], x: Any, method: str = "central") -> None:
        self.name = name
        self.f = f
        self.method = method
        self.several = isinstance(x, tuple)
        args = x if self.several else (x,)
        self.given: list[Any] = []
        self.structures: list[Any] = []
        self.places: list[str] = []
        for number, argument in enumerate(args):
            leaves, structure = flatten(argument)
            self.given += leaves
            self.structures.append(structure)
            self.places += [where_text(f, number, path) for path in structure.paths()]
        self.leaves: list[Array] = [
            as_differentiable(leaf, f"{name}: {{}}".format, place).numpy()
            for leaf, place in zip(self.given, self.places, strict=True)
        ]
        self.outputs, self.structure = self.call(self.leaves)
        self.unit = max(float(np.finfo(a.dtype).eps) for a in [*self.leaves, *self.outputs])

    def arguments(self, leaves: list[Array]) -> tuple[Any, ...]:
        """`leaves` as arguments of the function, of the kinds that were given."""
        pairs = zip(leaves, self.given, strict=True)
        alike = iter([_alike(leaf, given) for leaf, given in pairs])
        return tuple(
            structure.unflatten([next(alike) for _ in structure.paths()])
            for structure in self.structures
        )

    def call(self, leaves: list[Array]) -> tuple[list[Array], Any]:
        """The leaves of what the function returns, as floating arrays, and their structure."""
        leaves, structure = flatten(self.f(*self.arguments(leaves)))
        outputs = [as_output(self.name, self.f, leaf).numpy() for leaf in leaves]
        return [y if y.dtype.kind in "fc" else y.astype(float) for y in outputs], structure

    def moved(self, number: int, index: tuple[int, ...], by: complex) -> tuple[list[Array], Any]:
        """The outputs with one element moved, and where that element then is."""
        leaves = list(self.leaves)
        leaves[number] = leaves[number].copy()
        leaves[number][index] += by
        return self.call(leaves)[0], leaves[number][index]

    def derivative(self, step: float | None) -> Any:
        """The derivatives by all elements, in the structure of the Jacobian."""
        columns = [self._leaf_derivative(n, step) for n in range(len(self.leaves))]
        rows = []
        for i in range(len(self.outputs)):
            cells = iter([as_tensor(column[i]) for column in columns])
            trees = [s.unflatten([next(cells) for _ in s.paths()]) for s in self.structures]
            rows.append(tuple(trees) if self.several else trees[0])
        return self.structure.unflatten(rows)

    def _leaf_derivative(self, number: int, step: float | None) -> list[Array]:
        x = self.leaves[number]
        result = [
            np.zeros((*y.shape, *x.shape), np.result_type(x.dtype, y.dtype)) for y in self.outputs
        ]
        for index in np.ndindex(x.shape):
            h = self.step(x[index]) if step is None else float(step)
            columns = self.column(number, index, h)
            if step is not None and columns is None:
                raise RangeError(
                    f"{self.name}: step={step!r} is too small to move {self.element(number, index)}"
                    f" = {x[index]} (dtype {x.dtype}); give a larger one, or None"
                )
            for array, column in zip(result, columns or (), strict=True):
                array[(..., *index)] = column
        return result

    def step(self, x: Any) -> float:
        """A good step for an element `x`: a power of two, so that moving by it is exact."""
        size = self.unit ** METHODS[self.method] * max(abs(x), 1.0)
        return float(2.0 ** np.round(np.log2(size))) if np.isfinite(size) else 1.0

    def column(self, number: int, index: tuple[int, ...], h: float) -> list[Array] | None:
        """The derivatives of all outputs by one element; None if `h` does not move it."""
        along = self._quotient(number, index, h)
        real = [y.dtype.kind == "f" for y in self.outputs]
        if along is None or self.leaves[number].dtype.kind != "c" or not any(real):
            return along
        across = self._quotient(number, index, 1j * h)
        if across is None:
            return None
        # steepest ascent of a real function is d/dx + i d/dy, and `across` is -i d/dy
        return [a - b if r else a for a, b, r in zip(along, across, real, strict=True)]

    def _quotient(self, number: int, index: tuple[int, ...], h: complex) -> list[Array] | None:
        after, end = self.moved(number, index, h)
        before, start = self.outputs, self.leaves[number][index]
        if self.method == "central":
            before, start = self.moved(number, index, -h)
        distance = end - start
        if distance == 0:
            return None
        with np.errstate(all="ignore"):
            return [(b - a) / distance for a, b in zip(before, after, strict=True)]

    def element(self, number: int, index: tuple[int, ...]) -> str:
        """How to name one element: ``argument 0 (x)['w'][2, 1]``."""
        return self.places[number] + (str(list(index)) if index else "")

    def elements(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Every element: the number of its leaf, and its index there."""
        for number, leaf in enumerate(self.leaves):
            for index in np.ndindex(leaf.shape):
                yield number, index


def _alike(leaf: Array, given: Any) -> Any:
    """`leaf` as what was given: a tensor, an array or a number."""
    if isinstance(given, Tensor):
        return from_array(leaf)
    if isinstance(given, np.ndarray):
        return leaf
    return leaf.item() if type(given) in (int, float, complex) else leaf[()]
