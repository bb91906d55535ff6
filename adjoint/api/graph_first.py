"""Working with the graph itself: variables, values, adjoints, and the order of the nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from adjoint.api.arguments import as_differentiable, like, ones_like, zeros_like
from adjoint.api.tree import flatten, map_tree
from adjoint.errors import ArgumentError, DTypeError, ShapeError
from adjoint.graph import engine
from adjoint.graph.leaf import variable_node
from adjoint.graph.node import ALWAYS, Node
from adjoint.graph.order import topological_order as order_of
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.text import node_names, type_text
from adjoint.graph.types import size_of
from adjoint.transforms.backprop import backprop as push_back
from adjoint.transforms.history import check_history
from adjoint.transforms.reverse import Adjoint, reverse


def variable(value: Any, name: str | None = None, *, dtype: Any = None) -> Tensor:
    """A named input of a graph, with respect to which one can differentiate.

    What depends on a variable keeps its history, so that `gradient` can be asked at any time.
    Start the next step of an iteration from a new variable: ``w = ad.variable(w - 0.1 * g)``.
    Python integers count as float64. Raises `DTypeError` for integer arrays.

    >>> import adjoint as ad
    >>> x = ad.variable(2.0, name="x")
    >>> ad.gradient(x * x * x, [x])
    [Tensor(12.)]
    """
    if name is not None and not isinstance(name, str):
        raise ArgumentError(f"variable: name must be a string, got {type(name).__name__}")
    given = as_tensor(value, None if dtype is None else np.dtype(dtype))
    x = as_differentiable(value if type(value) is int else given, lambda: "variable: the value")
    number = engine.value_of(x.node)
    return Tensor(variable_node(name, x.node.shape, x.node.dtype, ALWAYS, number))


def evaluate(tree: Any) -> Any:
    """Compute every tensor in a pytree, all at once, and return the tree.

    What none of the open variables reaches then forgets how it was computed. Leaves that are not
    tensors are left as they are.

    >>> import adjoint as ad
    >>> ad.evaluate({"a": ad.ones(2) + 1})
    {'a': Tensor([2., 2.])}
    """
    leaves, _ = flatten(tree)
    nodes = [leaf.node for leaf in leaves if isinstance(leaf, Tensor)]
    engine.compute_pending(nodes)
    for node in nodes:
        node.forget()
    return tree


def gradient(out: Tensor, inputs: Any, seed: Any = None) -> Any:
    """The adjoints of `inputs`, by extending the graph: they can be differentiated again.

    out: a tensor of one element, unless a `seed` v of its shape is given (then the result is vᵀJ).
    inputs: a tensor or a pytree of tensors of the graph, leaves or not. Returns tensors in the same
    structure, zeros for what `out` does not depend on. Raises `ShapeError` if `out` has more,
    and `HistoryError` if the graph does not show how `out` depends on an input: part of it is gone;
    a loop or a branch that handed out the input made `out` from it inside; the input was made in a
    function that was traced; or it is an element taken anew, as ``x[0]`` in
    ``gradient(x[0] * 2, x[0])``.

    Source: the lecture, "reverse mode AD by extending the computational graph".

    >>> import adjoint as ad
    >>> x = ad.variable(2.0, name="x")
    >>> (g,) = ad.gradient(ad.log(x) + 5 * x, [x])
    >>> g, ad.gradient(g, x)
    (Tensor(5.5), Tensor(-0.25))
    """
    start = _start("gradient", out, seed)
    nodes = _nodes_of("gradient", inputs)
    check_history(out.node, nodes)
    found = reverse([(out.node, start)], nodes)
    return map_tree(lambda x: found[x.node].sum() if x.node in found else zeros_like(x), inputs)


def backprop(out: Tensor, inputs: Any, seed: Any = None) -> Any:
    """The adjoints of `inputs` as numbers pushed back over the same graph.

    The first-generation way, beside `gradient` for comparison: the same numbers, but nothing that
    could be differentiated again. Arguments as in `gradient`; returns NumPy arrays.

    Source: the lecture, "reverse mode AD vs backprop".

    >>> import adjoint as ad
    >>> x = ad.variable(2.0, name="x")
    >>> ad.backprop(ad.log(x) + 5 * x, [x])
    [array(5.5)]
    """
    start = _start("backprop", out, seed)
    nodes = _nodes_of("backprop", inputs)
    found = push_back(out.node, start.numpy(), nodes)
    return map_tree(lambda x: np.asarray(found.get(x.node, np.zeros(x.shape, x.dtype))), inputs)


class Adjoints(Mapping[Any, Adjoint]):
    """The lecture's dictionary: for every node its partial adjoints and their sum.

    Keys are nodes, in reverse topological order; a tensor finds its node. An entry has `partials`,
    a list of (node it came from, tensor), and `sum()`.
    """

    def __init__(self, found: dict[Node, Adjoint]) -> None:
        self._found = found

    def __getitem__(self, key: Tensor | Node) -> Adjoint:
        return self._found[key.node if isinstance(key, Tensor) else key]

    def __iter__(self) -> Iterator[Node]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        names = node_names(list(reversed(self._found)))
        lines = []
        for node, entry in self._found.items():
            shares = [
                f"{_shown(share)} from {names[user]}" if user is not None else _shown(share)
                for user, share in entry.partials
            ]
            total = f"{_shown(entry.sum())} = " if len(shares) > 1 else ""
            lines.append(f"{names[node]} ({node.op.name}): {total}{' + '.join(shares)}")
        return "\n".join(lines)


def _shown(x: Tensor) -> str:
    """A number; of anything larger its dtype and shape."""
    known = x.shape == () and not (x.node.scope is not None and x.node.scope.abstract)
    return f"{x.item():.4g}" if known else type_text(x.node)


def adjoints(out: Tensor, seed: Any = None) -> Adjoints:
    """For every node below `out` the list of its partial adjoints and their sum.

    Every node counts, so each sends what its own rule says. `gradient` can do better where nodes
    together are smooth though one of them is not: of ``abs(x)**2`` it knows the second derivative
    at 0, of ``sqrt(x * x)`` the first.

    Source: the lecture, "node_to_grad: a dictionary that records a list of partial adjoints of
    each node".

    >>> import adjoint as ad
    >>> x = ad.variable(2.0, name="x")
    >>> found = ad.adjoints(ad.log(x) + 5 * x)
    >>> found
    v4 (add): 1
    v3 (multiply): 1 from v4
    v2 (log): 1 from v4
    x (variable): 5.5 = 5 from v3 + 0.5 from v2
    >>> entry = found[x]
    >>> [float(partial) for _, partial in entry.partials], float(entry.sum())
    ([5.0, 0.5], 5.5)
    """
    found = reverse([(out.node, _start("adjoints", out, seed))])
    return Adjoints({n: found[n] for n in reversed(order_of((out.node,))) if n in found})


def topological_order(out: Any) -> list[Tensor]:
    """The tensors of the graph below `out`, inputs before users (post-order depth-first search).

    out: a tensor or a pytree of tensors. Raises `GraphError` if a hand-made graph has a cycle.

    Source: the lecture, "topological sort".

    >>> import adjoint as ad
    >>> x = ad.variable(2.0, name="x")
    >>> [t.node.op.name for t in ad.topological_order(ad.sin(x) * x)]
    ['variable', 'sin', 'multiply']
    """
    return [Tensor(node) for node in order_of(_nodes_of("topological_order", out))]


def is_topological_order(order: Sequence[Tensor]) -> bool:
    """Whether every tensor in `order` comes after all its inputs; any valid order is accepted.

    >>> import adjoint as ad
    >>> x = ad.variable(2.0)
    >>> y = ad.sin(x)
    >>> ad.is_topological_order([x, y]), ad.is_topological_order([y, x])
    (True, False)
    """
    seen: set[Node] = set()
    for tensor in order:
        if not seen.issuperset(tensor.node.inputs):
            return False
        seen.add(tensor.node)
    return True


def _start(name: str, out: Any, seed: Any) -> Tensor:
    if not isinstance(out, Tensor):
        raise ArgumentError(
            f"{name}: the output must be a tensor, got {type(out).__name__}; to differentiate a "
            f"function use adjoint.grad"
        )
    if out.node.dtype.kind not in "fc":
        raise DTypeError(f"{name}: the output has dtype {out.dtype}, which has no derivatives")
    if seed is not None:
        return like(out, seed, f"{name}: the seed", "the output")
    if out.node.shape != () and size_of(out.node.shape) != 1:
        raise ShapeError(
            f"{name}: the output has shape {out.shape}; give a scalar (adjoint.sum it), or a seed "
            f"of that shape"
        )
    return ones_like(out)


def _nodes_of(name: str, tree: Any) -> list[Node]:
    leaves, _ = flatten(tree)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise ArgumentError(
                f"{name}: expected tensors of the graph, got {type(leaf).__name__} {leaf!r}; "
                f"make inputs with adjoint.variable and keep the handle"
            )
    return [leaf.node for leaf in leaves]
