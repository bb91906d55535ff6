"""Loops as one operation: scan, map, while_loop and fori_loop. Names and meaning as in JAX."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from adjoint.api.arguments import check_callable
from adjoint.api.stepping import Step, open_leaves
from adjoint.api.tree import flatten, path_text
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.tensor import Tensor
from adjoint.ops.control.closing import captured, closed
from adjoint.ops.control.hoisting import hoisted
from adjoint.ops.control.loop import Loop
from adjoint.ops.control.loop import scan as scan_of
from adjoint.ops.indexing.slicing import along, pick
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import reshape


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
) -> tuple[Any, Any]:
    """Run ``state, y = f(state, x)`` for each x along the leading axis of `xs`.

    `init` and `xs` are pytrees (`xs` may be None with a `length`), f returns a pair: the next
    state, with the structure, shapes and dtypes of `init`, and a pytree y. Returns the last state
    and the ys stacked along a new leading axis. With `reverse` the last x comes first; `unroll`
    steps are traced as one. However many steps there are, f is traced once; all derivatives and
    `vmap` work, and memory for a reverse sweep is that of the states. Raises `ArgumentError`,
    `ShapeError` or `DTypeError` naming what does not fit.

    >>> import adjoint as ad
    >>> def step(total, x):
    ...     return total + x, total * x
    >>> ad.scan(step, 0.0, ad.asarray([1.0, 2.0, 3.0]))
    (Tensor(6.), Tensor([0., 2., 9.]))
    >>> ad.grad(lambda a: ad.scan(lambda s, x: (a * s + x, None), 1.0, ad.ones(3))[0])(0.5)
    Tensor(2.75)
    """
    check_callable("scan", f)
    slices = _slices("scan", xs, length)
    count = _positive("scan", "unroll", unroll)
    if count > 1 and slices.length > count:
        return _unrolled(f, init, slices, reverse, count)
    step = Step("scan", f, init, slices.structure, slices.examples())
    outputs, variables, rows = hoisted(
        [x.node for x in step.outputs],
        [x.node for x in step.state],
        [x.node for x in step.slices],
        slices.leaves,
    )
    state = [x.node for x in step.state]
    outside = captured(outputs, [*state, *variables])
    body = closed(outputs, [*state, *variables], outside)
    loop = Loop(body, len(outside), len(state), slices.length, bool(reverse))
    results = scan_of(loop, [*[Tensor(x) for x in outside], *step.init, *rows])
    return step.unflatten(results)


class _Slices:
    """The xs of a loop: leaves with one leading axis of `length`."""

    def __init__(self, leaves: list[Tensor], structure: Any, length: int) -> None:
        self.leaves, self.structure, self.length = leaves, structure, length

    def examples(self) -> list[Any]:
        """What has the shape and dtype of one slice of each leaf."""
        return [(x.node.shape[1:], x.node.dtype) for x in self.leaves]


def _slices(name: str, xs: Any, length: Any) -> _Slices:
    """The xs of a loop, checked to be of one length."""
    leaves, structure = open_leaves(f"{name}: xs", xs)
    sizes: dict[int, str] = {}
    for x, path in zip(leaves, structure.paths(), strict=True):
        if not x.node.shape:
            raise ShapeError(
                f"{name}: xs{path_text(path)} is 0-d and has no axis to go along; pass arrays "
                f"with a leading axis (a list counts as a tree of its items: adjoint.asarray it)"
            )
        sizes.setdefault(x.node.shape[0], f"xs{path_text(path)}")
    if length is not None:
        sizes.setdefault(_positive(name, "length", length, least=0), "length")
    if len(sizes) != 1:
        given = ", ".join(f"{size} ({place})" for size, place in sizes.items())
        raise ShapeError(
            f"{name}: xs and length must agree on one number of steps, got {given or 'neither'}; "
            f"the leading axes of all arrays in xs must be equal"
        )
    return _Slices(leaves, structure, next(iter(sizes)))


def _positive(name: str, argument: str, value: Any, least: int = 1) -> int:
    """An integer argument that is at least so large."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ArgumentError(
            f"{name}: {argument} must be an integer of at least {least}, got {value!r}"
        )
    return number


def _unrolled(f: Any, init: Any, slices: _Slices, reverse: bool, count: int) -> tuple[Any, Any]:
    """As `scan`, `count` steps at a time; the steps that are left over come last."""
    blocks, rest = divmod(slices.length, count)
    whole = blocks * count
    first = rest if reverse else 0

    def part(x: Tensor, start: int, size: int) -> Tensor:
        return along(x, 0, start, 1, size)

    def several(state: Any, xs: Any) -> tuple[Any, Any]:
        leaves, _ = flatten(xs)
        found = [None] * count
        order = range(count)
        for t in reversed(order) if reverse else order:
            state, found[t] = f(state, slices.structure.unflatten(pick(x, 0, t) for x in leaves))
        return state, stacked(found)

    rows = [
        reshape(part(x, first, whole), (blocks, count, *x.node.shape[1:])) for x in slices.leaves
    ]
    state, ys = scan(several, init, slices.structure.unflatten(rows), blocks, reverse)
    leaves, structure = flatten(ys)
    leaves = [reshape(y, (whole, *y.node.shape[2:])) for y in leaves]
    if rest:
        left = [part(x, 0 if reverse else whole, rest) for x in slices.leaves]
        state, more = scan(f, state, slices.structure.unflatten(left), rest, reverse)
        pairs = zip(leaves, flatten(more)[0], strict=True)
        leaves = [concat((b, a) if reverse else (a, b)) for a, b in pairs]
    return state, structure.unflatten(leaves)


def stacked(trees: Sequence[Any]) -> Any:
    """Trees of one structure as one tree, their leaves stacked along a new leading axis."""
    from adjoint.ops.shape.joining import stack

    rows = [flatten(tree)[0] for tree in trees]
    structure = flatten(trees[0])[1]
    return structure.unflatten(stack(list(leaves)) for leaves in zip(*rows, strict=True))


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """``f(x)`` for each x along the leading axis of `xs`, one after the other, stacked.

    As `vmap` in what it returns; it needs the memory of one call at a time.

    >>> import adjoint as ad
    >>> ad.map(lambda x: x * x, ad.asarray([1.0, 2.0, 3.0]))
    Tensor([1., 4., 9.])
    """
    check_callable("map", f)
    return scan(lambda _, x: (None, f(x)), None, xs)[1]
