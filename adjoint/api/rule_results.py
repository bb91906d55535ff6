"""What the rules of users return, checked, with messages that name the function and the place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adjoint.api.custom_signature import CallOfRule
from adjoint.api.traced_call import WEAK
from adjoint.api.tree import flatten, path_text, same_structure
from adjoint.errors import AdjointError, ArgumentError, DTypeError, ShapeError
from adjoint.graph.leaf import is_weak
from adjoint.graph.node import Node
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import is_inexact


def pair_of(what: str, meaning: str, found: Any) -> Any:
    """The pair that a rule has to return."""
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        kind = type(found).__name__
        size = f" of {len(found)}" if isinstance(found, (tuple, list)) else ""
        raise ArgumentError(f"{what} must return a pair {meaning}, got {kind}{size}")
    return found


def results_like(what: str, tree: Any, call: CallOfRule) -> list[Tensor]:
    """The leaves of a tree which must be like the result of the function."""
    leaves, structure = flatten(tree)
    if not same_structure(structure, call.structure):
        raise ArgumentError(
            f"{what} of structure {structure}, the function returned {call.structure}; they must "
            f"be the same"
        )
    paths = call.structure.paths()
    return [
        like(f"{what}{path_text(path)}", "the result", leaf, x)
        for leaf, path, x in zip(leaves, paths, call.results, strict=True)
    ]


def adjoints_like_arguments(what: str, found: Any, call: CallOfRule) -> list[Tensor | None]:
    """The adjoints of all leaves of the arguments; None for integers, and for what is zero."""
    count = len(call.signature.numbers)
    if not isinstance(found, (tuple, list)) or len(found) != count:
        kind = type(found).__name__
        length = f" of {len(found)}" if isinstance(found, (tuple, list)) else ""
        raise ArgumentError(
            f"{what} must return a tuple with an adjoint for each of {count} "
            f"argument{'s' * (count != 1)}, got {kind}{length}"
        )
    result: list[Tensor | None] = []
    signature = call.signature
    for number, share, structure in zip(
        signature.numbers, found, signature.structures, strict=True
    ):
        size = len(structure.paths())
        nodes = call.variables[len(result) : len(result) + size]
        place = f"{what} returned for argument {number}"
        result += _adjoints(place, share, nodes, structure)
    return result


def _adjoints(
    place: str, share: Any, nodes: Sequence[Node], structure: Any
) -> Sequence[Tensor | None]:
    """The adjoints of the leaves of one argument."""
    if share is None or not nodes:
        return [None] * len(nodes)
    leaves, found = flatten(share)
    if not same_structure(found, structure):
        raise ArgumentError(
            f"{place} an adjoint of structure {found}, the argument has {structure}; they must be "
            f"the same (None stands for zero)"
        )
    return [
        like(f"{place} an adjoint{path_text(path)}", "the argument", leaf, node)
        if is_inexact(node.dtype)
        else None
        for leaf, path, node in zip(leaves, structure.paths(), nodes, strict=True)
    ]


def like(what: str, model: str, leaf: Any, node: Node) -> Tensor:
    """A leaf that a rule returned, which must have shape and dtype of `node`."""
    try:
        x = as_tensor(leaf)
    except AdjointError as error:
        raise ArgumentError(f"{what} that is no tensor: {error}") from error
    if x.node.shape != node.shape:
        raise ShapeError(f"{what} of shape {x.shape}, {model} has shape {node.shape}")
    if x.node.dtype == node.dtype:
        return x
    weak = type(leaf) in WEAK or is_weak(x.node) or is_weak(node)
    if not is_inexact(node.dtype) or (weak and not (x.dtype.kind == "c" != node.dtype.kind)):
        return as_tensor(x, node.dtype)
    raise DTypeError(
        f"{what} of dtype {x.dtype}, {model} has {node.dtype}; convert it with "
        f".astype({str(node.dtype)!r})"
    )
