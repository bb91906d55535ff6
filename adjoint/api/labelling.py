"""Labels of arguments, and derivatives under them: series in, series out.

A function that is compiled is traced with tensors, which have no labels. There it is noted which
results are like which leaf of the arguments (`Origins`), so that each call can label its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from adjoint.api.tree import flatten
from adjoint.graph import engine
from adjoint.graph.labels import Labels, labels_of
from adjoint.graph.node import Node, Scope
from adjoint.graph.tensor import Tensor

Found: TypeAlias = "dict[int, Labels | int]"
"""By the numbers of leaves: their labels, or the number of the input that such a leaf is."""

_UNLABELLED = frozenset((float, int, complex, bool, list, tuple, np.ndarray, np.float64))


@dataclass
class Origins:
    """Of a function that is being compiled: the numbers of its `inputs`, and its results that are
    like one of them, by identity, with its number."""

    inputs: dict[Node, int]
    like: dict[int, tuple[Tensor, int]] = field(default_factory=dict)

    def of(self, results: Sequence[Any]) -> dict[int, int]:
        """For the numbers of those results that are like an input the number of that."""
        return {n: self.like[id(x)][1] for n, x in enumerate(results) if id(x) in self.like}

    def labels(self, results: Sequence[Any], found: Found) -> Found:
        """The labels of results, by their numbers, if those of the inputs were found."""
        return {n: found[leaf] for n, leaf in self.of(results).items() if leaf in found}


_origins: ContextVar[Origins | None] = ContextVar("adjoint_label_origins", default=None)


@contextmanager
def tracing_origins(inputs: Sequence[Node]) -> Iterator[Origins]:
    """Within the block, in which a function of `inputs` is compiled, what is like them is noted."""
    origins = Origins({x: n for n, x in enumerate(inputs)})
    token = _origins.set(origins)
    try:
        yield origins
    finally:
        _origins.reset(token)


def labels_in(leaves: Iterable[Any]) -> Found:
    """What is known of the labels of leaves that have some."""
    found: Found = {}
    origins = _origins.get()
    for n, leaf in enumerate(leaves):
        kind = type(leaf)
        if kind is Tensor:
            if origins is not None and leaf.node in origins.inputs:
                found[n] = origins.inputs[leaf.node]
        elif kind not in _UNLABELLED or (kind is np.ndarray and leaf.dtype.kind == "V"):
            labels = labels_of(leaf)
            if labels is not None:
                found[n] = labels
    return found


def labels_among(found: Found) -> list[Labels]:
    """The labels that are known."""
    return [labels for labels in found.values() if isinstance(labels, Labels)]


def labelled(found: Mapping[int, Labels | int], tree: Any, own: Scope | None = None) -> Any:
    """A tree with those of its leaves under labels for whose numbers some were found.

    `own` is the scope of the transform of which it is a result, if that is not closed yet.
    """
    if not found:
        return tree
    leaves, structure = flatten(tree)
    origins = _origins.get()
    for n, labels in found.items():
        if isinstance(labels, Labels):
            leaves[n] = _under(labels, leaves[n], own)
        elif origins is not None:
            origins.like[id(leaves[n])] = leaves[n], labels
    return structure.unflatten(leaves)


def _under(labels: Labels, x: Tensor, own: Scope | None) -> Any:
    """The value of a tensor under labels; the tensor itself if it has another shape, or if another
    transform than that of the scope `own` differentiates or traces it."""
    members = () if x.node.scope is None else x.node.scope.members
    if x.shape != labels.shape or any(m.open and m is not own for m in members):
        return x
    return labels.put_on(np.array(engine.value_of(x.node)))
