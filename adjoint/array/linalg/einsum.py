"""Einstein summation, lowered pair by pair to transposes, matrix products and sums.

So derivatives of all orders follow. An axis of an operand carries a label; here labels are
integers or letters, and those that an Ellipsis stands for are negative integers.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.forking import import_module
from adjoint.graph.op import public, public_as
from adjoint.graph.tensor import Tensor
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.reduction import sum as sum_over
from adjoint.ops.shape.joining import joined
from adjoint.ops.shape.movement import permute_dims, reshape
from adjoint.ops.shape.rearrange import diagonal

__all__ = [
    "einsum",
]

Labels: TypeAlias = tuple[Hashable, ...]
_DOTS = "..."


class Term(NamedTuple):
    """An operand and the labels of its axes, each at most once."""

    x: Tensor
    labels: Labels


@public
def einsum(subscripts: Any, /, *operands: Any, optimize: Any = True) -> Tensor:
    """The sum of products that `subscripts` says, as in NumPy: ``einsum("ij,jk->ik", a, b)``.

    A label that is missing after the arrow is summed over; one that stands twice in an operand
    means its diagonal; an Ellipsis stands for axes that broadcast. Without an arrow the result has
    the labels that stand once, in alphabetical order. Instead of a string, each operand may be
    followed by a list of labels. Several operands are multiplied in an order of little work, which
    `optimize` chooses: True, False for left to right, or a name that ``numpy.einsum_path`` takes.
    Raises `ShapeError`, `ArgumentError`.

    >>> import adjoint as ad
    >>> a = ad.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> ad.einsum("ij,j->i", a, ad.asarray([1.0, 1.0])), ad.einsum("ii", a)
    (Tensor([3., 7.]), Tensor(5.))
    """
    if isinstance(subscripts, str):
        inputs, output = _read(subscripts)
    else:
        inputs, output, operands = _read_lists((subscripts, *operands))
    if not operands:
        raise ArgumentError(f"einsum: no operands were given for the subscripts {subscripts!r}")
    if len(inputs) != len(operands):
        raise ArgumentError(
            f"einsum: the subscripts {subscripts!r} are about {len(inputs)} operands, "
            f"{len(operands)} were given"
        )
    tensors = joined("einsum", operands)
    terms, labels = _expanded(inputs, output, tensors)
    sizes = _sizes(terms)
    _check_output(labels, sizes)
    found = [_without_repeats(term, sizes) for term in terms]
    for step in _path(found, labels, sizes, optimize):
        chosen = [found[i] for i in sorted(step)]
        found = [term for i, term in enumerate(found) if i not in step]
        while len(chosen) > 1:
            a, b, *rest = chosen
            needed = {label for term in (*found, *rest) for label in term.labels}.union(labels)
            chosen = [_product(a, b, needed), *rest]
        found.append(chosen[0])
    return _arranged(_summed(found[0], set(labels)), labels, sizes)


# Reading.


def _read(subscripts: str) -> tuple[list[list[Hashable]], list[Hashable] | None]:
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    inputs = [_letters(part, subscripts) for part in left.split(",")]
    return inputs, _letters(right, subscripts) if arrow else None


def _letters(text: str, subscripts: str) -> list[Hashable]:
    before, dots, after = text.partition(_DOTS)
    labels: list[Hashable] = [*before, *((_DOTS,) if dots else ()), *after]
    for label in labels:
        if label != _DOTS and not str(label).isalpha():
            raise ArgumentError(
                f"einsum: {label!r} in the subscripts {subscripts!r} is not a label; they are made "
                f"of letters, commas, one '...' for each operand, and one '->'"
            )
    return labels


def _read_lists(
    args: tuple[Any, ...],
) -> tuple[list[list[Hashable]], list[Hashable] | None, tuple[Any, ...]]:
    """The operands and labels of ``einsum(a, [0, 1], b, [1, 2], [0, 2])``."""
    given = list(args)
    result = given.pop() if len(given) % 2 else None
    lists = [*given[1::2], *(() if result is None else (result,))]
    if not all(isinstance(labels, (list, tuple)) for labels in lists):
        raise ArgumentError(
            "einsum: expected subscripts as a string, or a list of labels after each operand"
        )
    named = [[_DOTS if label is Ellipsis else label for label in labels] for labels in lists]
    output = None if result is None else named.pop()
    return named, output, tuple(given[::2])


def _expanded(
    inputs: list[list[Hashable]], output: list[Hashable] | None, tensors: list[Tensor]
) -> tuple[list[Term], Labels]:
    """The operands with a label for each axis, and the labels of the result."""
    terms = []
    longest = 0
    for number, (labels, x) in enumerate(zip(inputs, tensors, strict=True)):
        count = x.ndim - len(labels) + (_DOTS in labels)
        if count < 0 or (count and _DOTS not in labels):
            raise ShapeError(
                f"einsum: operand {number} of shape {x.shape} has {x.ndim} axes, its subscripts "
                f"{''.join(map(str, labels))!r} name {len(labels) - (_DOTS in labels)}"
            )
        longest = max(longest, count if _DOTS in labels else 0)
        terms.append(Term(x, _filled(labels, count)))
    if output is None:
        everything = [label for labels in inputs for label in labels if label != _DOTS]
        once = [label for label in set(everything) if everything.count(label) == 1]
        output = [_DOTS, *sorted(once, key=lambda label: (str(type(label)), label))]
    elif longest and _DOTS not in output:
        raise ArgumentError(
            "einsum: an operand has axes that '...' stands for, the result must have them too; "
            "write '...' after the arrow, or sum over those axes first"
        )
    return terms, _filled(output, longest)


def _filled(labels: list[Hashable], count: int) -> Labels:
    """Labels with `count` negative integers, aligned at the end, for the Ellipsis."""
    if _DOTS not in labels:
        return tuple(labels)
    at = labels.index(_DOTS)
    return (*labels[:at], *range(-count, 0), *labels[at + 1 :])


def _sizes(terms: Iterable[Term]) -> dict[Hashable, int]:
    """The size of each label; one stands back for any other, as in broadcasting."""
    sizes: dict[Hashable, int] = {}
    for number, (x, labels) in enumerate(terms):
        for axis, (label, size) in enumerate(zip(labels, x.shape, strict=True)):
            known = sizes.setdefault(label, size)
            if known == 1:
                sizes[label] = size
            elif size not in (1, known):
                raise ShapeError(
                    f"einsum: axis {axis} of operand {number}, labelled {label!r}, has size {size} "
                    f"(shape {x.shape}), but {label!r} has size {known} before; they must be equal"
                )
    return sizes


def _check_output(output: Labels, sizes: dict[Hashable, int]) -> None:
    for label in output:
        if label not in sizes:
            raise ArgumentError(f"einsum: the result has the label {label!r}, which no operand has")
        if output.count(label) > 1:
            raise ArgumentError(f"einsum: the label {label!r} occurs twice in the result")


# Computing.


def _without_repeats(term: Term, sizes: dict[Hashable, int]) -> Term:
    """The operand with diagonals taken, and without axes of size one that broadcast."""
    x, labels = term
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            if x.shape[i] != x.shape[j]:
                raise ShapeError(
                    f"einsum: the label {label!r} names axes of sizes {x.shape[i]} and "
                    f"{x.shape[j]} of one operand; a diagonal needs equal ones"
                )
            x = diagonal(x, 0, i, j)
            labels = (*(k for n, k in enumerate(labels) if n not in (i, j)), label)
    kept = [n for n, label in enumerate(labels) if x.shape[n] == sizes[label]]
    x = reshape(x, tuple(x.shape[n] for n in kept))
    return Term(x, tuple(labels[n] for n in kept))


def _summed(term: Term, needed: set[Hashable]) -> Term:
    """The term summed over the labels that nobody needs any more."""
    axes = tuple(n for n, label in enumerate(term.labels) if label not in needed)
    if not axes:
        return term
    kept = tuple(label for label in term.labels if label in needed)
    return Term(sum_over(term.x, axes, dtype=term.x.dtype), kept)


def _product(a: Term, b: Term, needed: set[Hashable]) -> Term:
    """The product of two terms, summed over the labels not needed: one matrix product if it can.

    Labels of both that are needed are the batch; of both and not needed, contracted.
    """
    a = _summed(a, needed.union(b.labels))
    b = _summed(b, needed.union(a.labels))
    shared = [label for label in a.labels if label in b.labels]
    batch = [label for label in shared if label in needed]
    contracted = [label for label in shared if label not in needed]
    rows = [label for label in a.labels if label not in shared]
    columns = [label for label in b.labels if label not in shared]
    if not contracted or (batch and not rows and not columns):
        order = (*batch, *rows, *columns, *contracted)
        product = Term(_spaced(a, order) * _spaced(b, order), order)
        return _summed(product, needed)
    first = _permuted(a, (*batch, *rows, *contracted))
    second = _permuted(b, (*batch, *contracted, *columns))
    size = dict(zip(a.labels, a.x.shape, strict=True)) | dict(zip(b.labels, b.x.shape, strict=True))
    lead = tuple(size[label] for label in batch)
    n, k, m = (math.prod(size[i] for i in group) for group in (rows, contracted, columns))
    result = matmul(reshape(first, (*lead, n, k)), reshape(second, (*lead, k, m)))
    order = (*batch, *rows, *columns)
    return Term(reshape(result, tuple(size[label] for label in order)), order)


def _permuted(term: Term, order: Labels) -> Tensor:
    return permute_dims(term.x, [term.labels.index(label) for label in order])


def _spaced(term: Term, order: Labels) -> Tensor:
    """The term with the axes in `order`, of size one where it has none."""
    x = _permuted(term, tuple(label for label in order if label in term.labels))
    sizes = iter(x.shape)
    return reshape(x, tuple(next(sizes) if label in term.labels else 1 for label in order))


def _arranged(term: Term, output: Labels, sizes: dict[Hashable, int]) -> Tensor:
    """The last term with the axes of the result, those back that were dropped as size one."""
    result = _spaced(term, output)
    assert result.shape == tuple(sizes[label] for label in output)
    return Tensor(result.node)


def _path(
    terms: Sequence[Term], output: Labels, sizes: dict[Hashable, int], optimize: Any
) -> list[tuple[int, ...]]:
    """Which terms to multiply at each step; the product is put last."""
    count = len(terms)
    if count < 3 or not optimize or len(sizes) > 52:
        return [tuple(range(count))]
    letter = {label: chr(65 + n + 6 * (n > 25)) for n, label in enumerate(sizes)}
    inputs = ",".join("".join(letter[label] for label in term.labels) for term in terms)
    text = f"{inputs}->{''.join(letter[label] for label in output)}"
    try:
        planner = import_module("opt_einsum")
    except ImportError:
        dummies = [np.broadcast_to(np.float64(0), term.x.shape) for term in terms]
        path: list[tuple[int, ...]] = np.einsum_path(text, *dummies, optimize=optimize)[0][1:]
        return path
    plan = "auto" if optimize is True else optimize
    shapes = [term.x.shape for term in terms]
    path = planner.contract_path(text, *shapes, shapes=True, optimize=plan)[0]
    return path


@public_as("einsum_path")
def _einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    """As NumPy's, which needs shapes alone."""
    given = [np.broadcast_to(0.0, x.shape) if isinstance(x, Tensor) else x for x in operands]
    return np.einsum_path(*given, optimize=optimize)
