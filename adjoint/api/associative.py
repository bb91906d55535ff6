"""associative_scan: all prefixes of a sequence, in a logarithmic number of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint.api.arguments import check_step, function_name, output_of
from adjoint.api.stepping import flag, open_leaves
from adjoint.api.tree import flatten, path_text, same_structure
from adjoint.errors import ArgumentError, DTypeError, ShapeError
from adjoint.graph.storage import as_given, stored_among
from adjoint.graph.tensor import Tensor
from adjoint.graph.types import normalize_axis
from adjoint.ops.indexing.slicing import along
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import reshape
from adjoint.ops.shape.rearrange import flip, moveaxis

Leaves = list[Tensor]


def associative_scan(
    fn: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """The combinations a₀, a₀∘a₁, a₀∘a₁∘a₂, … along an axis, for an associative ``fn(a, b)``.

    `elems` is a pytree of arrays of one length along `axis`; `fn` combines whole slices of it, as
    `cumsum` would with addition. With `reverse` it goes from the end. It takes about 2 log₂ n calls
    of `fn` on arrays (Blelloch, 1990). Raises `ArgumentError`, `ShapeError` or `DTypeError`
    naming what does not fit.

    >>> import adjoint as ad
    >>> ad.associative_scan(ad.multiply, ad.asarray([1.0, 2.0, 3.0, 4.0]))
    Tensor([ 1.,  2.,  6., 24.])
    """
    check_step("associative_scan", "fn", fn, "fn(a, b)", 2)
    backwards = flag("associative_scan", "reverse", reverse)
    leaves, structure = open_leaves("associative_scan: elems", elems)
    stored = stored_among(flatten(elems)[0])
    moved = _axis_first(leaves, structure, axis)

    def combine(a: Leaves, b: Leaves) -> Leaves:
        pair = [structure.unflatten(as_given(x, stored)) for x in (a, b)]
        result, found = flatten(fn(*pair))
        if not same_structure(found, structure):
            raise ArgumentError(
                f"associative_scan: fn must return a tree like elems, {structure}, got {found}"
            )
        after = [output_of("associative_scan", f"fn={function_name(fn)}", x) for x in result]
        _check_combined(a, after, structure)
        return after

    if backwards:
        moved = [flip(x, 0) for x in moved]
    found = _prefixes(combine, moved)
    if backwards:
        found = [flip(x, 0) for x in found]
    results = [moveaxis(x, 0, normalize_axis("associative_scan", axis, x.ndim)) for x in found]
    return structure.unflatten(as_given(results, stored))


def _axis_first(leaves: Leaves, structure: Any, axis: int) -> Leaves:
    """The arrays with `axis`, along which all are equally long, in front."""
    sizes: dict[int, str] = {}
    moved = []
    for x, path in zip(leaves, structure.paths(), strict=True):
        if not x.node.shape:
            raise ShapeError(
                f"associative_scan: elems{path_text(path)} is 0-d and has no axis to scan "
                f"along; pass arrays with an axis of the elements to combine"
            )
        place = normalize_axis("associative_scan", axis, x.ndim)
        sizes.setdefault(x.node.shape[place], f"elems{path_text(path)}")
        moved.append(moveaxis(x, place, 0))
    if len(sizes) != 1:
        given = ", ".join(f"{size} ({place})" for size, place in sizes.items()) or "none"
        raise ShapeError(
            f"associative_scan: arrays in elems must have one length, got {given}; pass arrays "
            f"that are equally long along axis {axis}"
        )
    return moved


def _check_combined(before: Leaves, after: Leaves, structure: Any) -> None:
    """Raise unless what was combined has kept its shapes and dtypes."""
    for x, y, path in zip(before, after, structure.paths(), strict=True):
        if x.node.shape != y.node.shape:
            raise ShapeError(
                f"associative_scan: fn must combine arrays of elements along axis 0 and keep "
                f"their shape; for elems{path_text(path)} it was given {x.shape} and returned "
                f"{y.shape}"
            )
        if x.node.dtype != y.node.dtype:
            raise DTypeError(
                f"associative_scan: fn must keep the dtypes of what it combines; for "
                f"elems{path_text(path)} it was given {x.dtype} and returned {y.dtype}; "
                f"convert elems before, or the result, with .astype"
            )


def _prefixes(combine: Callable[[Leaves, Leaves], Leaves], elems: Leaves) -> Leaves:
    """All prefixes along the first axis: those of pairs give every second one."""
    size = elems[0].node.shape[0]
    if size < 2:
        return elems
    half = size // 2
    pairs = combine(
        [along(x, 0, 0, 2, half) for x in elems], [along(x, 0, 1, 2, half) for x in elems]
    )
    odd = _prefixes(combine, pairs)
    rest = (size - 1) // 2
    even = [along(x, 0, 0, 1, 1) for x in elems]
    if rest:
        later = combine(
            [along(x, 0, 0, 1, rest) for x in odd], [along(x, 0, 2, 2, rest) for x in elems]
        )
        even = [concat((a, b)) for a, b in zip(even, later, strict=True)]
    return [_alternating(a, b) for a, b in zip(even, odd, strict=True)]


def _alternating(even: Tensor, odd: Tensor) -> Tensor:
    """Elements of the one and the other in turn; the first may have one more."""
    half = odd.node.shape[0]
    both = stack([along(even, 0, 0, 1, half), odd], axis=1)
    found = reshape(both, (2 * half, *odd.node.shape[1:]))
    if even.node.shape[0] > half:
        found = concat((found, along(even, 0, half, 1, 1)))
    return found
