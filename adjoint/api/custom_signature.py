"""A call of a function with a rule: what it is given, and variables in place of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from adjoint.api.stepping import open_leaves
from adjoint.api.traced_call import WEAK
from adjoint.api.tree import flatten
from adjoint.graph.leaf import is_weak, variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import DType, Shape, is_inexact


@dataclass(frozen=True)
class Derivative:
    """What a rule returned: vectors for some of its `targets`, of variables for the `sources`.

    Numbers are those of leaves of the arguments, or of the results.
    """

    mode: Literal["forward", "backward"]
    sources: Sequence[int]
    seeds: Sequence[Tensor]
    targets: Sequence[int]
    found: Sequence[Tensor | None]

    def variables(self) -> list[Node]:
        """The variables of the sources."""
        return [self.seeds[n].node for n in self.sources]

    def outputs(self) -> list[Node]:
        """The vectors of the targets."""
        return [x.node for n in self.targets if (x := self.found[n]) is not None]


class Signature:
    """What a function with a rule is called with, but for the values of `leaves`."""

    def __init__(self, function: Any, args: Sequence[Any]) -> None:
        self.function = function
        self.count = len(args)
        self.numbers = [n for n in range(len(args)) if n not in function.nondiff_argnums]
        self.fixed = [args[n] for n in function.nondiff_argnums]
        given = [flatten(args[n]) for n in self.numbers]
        self.structures = [structure for _, structure in given]
        self.leaves, self.whole = open_leaves(
            f"{function.transform}: arguments ", tuple(args[n] for n in self.numbers)
        )
        leaves = [x for own, _ in given for x in own]
        self.kinds: list[tuple[Shape, DType, bool]] = [
            (x.node.shape, x.node.dtype, type(leaf) in WEAK or is_weak(x.node))
            for leaf, x in zip(leaves, self.leaves, strict=True)
        ]

    def forget_leaves(self) -> None:
        """Let go of the values."""
        self.leaves = []

    def key(self) -> tuple[Any, ...]:
        """Equal for calls of which the rule is the same, if it reads nothing from outside."""
        fixed = tuple(id(x) for x in self.fixed)
        structures = str(self.whole)
        return self.function, self.count, fixed, structures, tuple(self.kinds)

    def weak(self) -> list[bool]:
        """Which of the leaves are Python numbers."""
        return [weak for *_, weak in self.kinds]

    def variables(self, scope: Scope) -> list[Node]:
        """Variables for the leaves."""
        return [
            variable_node(None, shape, dtype, scope, weak=weak) for shape, dtype, weak in self.kinds
        ]

    def trees(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """Leaves as a tuple of trees like the arguments that have derivatives."""
        return tuple(self.whole.unflatten(leaves))

    def arguments(self, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """Leaves as arguments of the function, the others as they were given."""
        found: list[Any] = [None] * self.count
        for n, x in zip(self.function.nondiff_argnums, self.fixed, strict=True):
            found[n] = x
        for n, x in zip(self.numbers, self.trees(leaves), strict=True):
            found[n] = x
        return tuple(found)


class CallOfRule:
    """A call on variables, of which the function returns `results` in a `structure`."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.scope = Scope(abstract=True)
        self.variables = signature.variables(self.scope)
        self.results: Sequence[Node] = ()
        self.structure: Any = None
        self._values: list[Node] | None = None

    def values(self) -> list[Node]:
        """Variables for the results, for rules that read them."""
        if self._values is None:
            self._values = [variable_node(None, x.shape, x.dtype, self.scope) for x in self.results]
        return self._values

    def leaves(self) -> list[Tensor]:
        """New handles on the variables, which the user may rebind."""
        return list(map(Tensor, self.variables))

    @staticmethod
    def moving(nodes: Sequence[Node]) -> list[int]:
        """The numbers of those that have derivatives."""
        return [n for n, x in enumerate(nodes) if is_inexact(x.dtype)]

    def vectors(self, nodes: Sequence[Node]) -> list[Tensor]:
        """Variables for tangents or adjoints of nodes; zeros for those of integers."""
        dtypes = [x.dtype for x in (*nodes, *self.variables) if is_inexact(x.dtype)]
        other = dtypes[0] if dtypes else np.dtype(np.float64)
        return [
            Tensor(variable_node(None, x.shape, x.dtype, self.scope))
            if is_inexact(x.dtype)
            else as_tensor(np.zeros(x.shape, other))
            for x in nodes
        ]
