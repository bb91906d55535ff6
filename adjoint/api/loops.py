"""Loops as one operation: scan, map, while_loop and fori_loop. Names and meaning as in JAX."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from adjoint.api.arguments import check_step
from adjoint.api.stepping import LoopCall, Step, flag, open_leaves, whole_number
from adjoint.api.tree import flatten, path_text
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.node import are_nested
from adjoint.graph.storage import as_given, stored_among
from adjoint.graph.subgraph import Subgraph
from adjoint.graph.tensor import Tensor, as_tensor, from_array
from adjoint.graph.types import INT64, storage_dtype
from adjoint.ops.control.checkpointing import levels_for, scan_in_levels
from adjoint.ops.control.closing import captured, closed, reading_once
from adjoint.ops.control.hoisting import hoisted
from adjoint.ops.control.loop import Loop
from adjoint.ops.control.rounds import Rounds
from adjoint.ops.control.rounds import while_loop as while_loop_of
from adjoint.ops.indexing.slicing import along, pick
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import reshape


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
    memory: int | None = None,
) -> tuple[Any, Any]:
    """Run ``state, y = f(state, x)`` for each x along the leading axis of `xs`.

    `init` and `xs` are pytrees (`xs` may be None with a `length`), f returns a pair: the next
    state, with the structure, shapes and dtypes of `init`, and a pytree y. Returns the last state
    and the ys stacked along a new leading axis. With `reverse` the last x comes first; `unroll`
    steps are traced as one. However many steps there are, f is traced once or twice; all
    derivatives and `vmap` work. A reverse sweep keeps the state before each step; if those would
    take more than `memory` bytes it keeps fewer, and runs the steps between them again: each once
    more if 2 √n states of n may be kept, twice more if 3 ∛n, and so on. Raises `ArgumentError`,
    `ShapeError` or `DTypeError` naming what does not fit.

    >>> import adjoint as ad
    >>> def step(total, x):
    ...     return total + x, total * x
    >>> ad.scan(step, 0.0, ad.asarray([1.0, 2.0, 3.0]))
    (Tensor(6.), Tensor([0., 2., 9.]))
    >>> ad.grad(lambda a: ad.scan(lambda s, x: (a * s + x, None), 1.0, ad.ones(3))[0])(0.5)
    Tensor(2.75)
    """
    check_step("scan", "f", f, "f(state, x)", 2)
    slices = _slices("scan", xs, length)
    count = _positive("scan", "unroll", unroll)
    backwards = flag("scan", "reverse", reverse)
    most = None if memory is None else _positive("scan", "memory", memory)
    user = LoopCall("scan", "f", f, "init")
    if count > 1 and slices.length > count:
        Step(user, f, init, slices.structure, slices.examples())  # errors name f, not a block
        return _unrolled(f, init, slices, backwards, count, most)
    return _scan(user, f, init, slices, backwards, most)


def _scan(
    user: LoopCall,
    f: Any,
    init: Any,
    slices: _Slices,
    reverse: bool = False,
    memory: int | None = None,
) -> tuple[Any, Any]:
    """The last state and the stacked ys of a loop that is one operation."""
    nested = are_nested(*[x.node for x in slices.leaves])
    step = Step(user, f, init, slices.structure, slices.examples(), nested=nested)
    outputs, variables, rows = hoisted(
        [x.node for x in step.outputs],
        [x.node for x in step.state],
        [x.node for x in step.slices],
        slices.leaves,
    )
    state = [x.node for x in step.state]
    outputs = reading_once(outputs, [*state, *variables])
    outside = captured(outputs, [*state, *variables])
    body = closed(outputs, [*state, *variables], outside)
    loop = Loop(body, len(outside), len(state), slices.length, reverse)
    inputs = [*[Tensor(x) for x in outside], *step.init, *rows]
    size = sum(x.nbytes for x in step.init)
    levels = levels_for(loop.length, memory // size) if memory and size else 1
    return step.unflatten(scan_in_levels(loop, inputs, levels))


class _Slices:
    """The xs of a loop: leaves with one leading axis of `length`."""

    def __init__(
        self, leaves: list[Tensor], structure: Any, length: int, stored: Collection[int]
    ) -> None:
        self.leaves, self.structure, self.length = leaves, structure, length
        self.stored = stored

    def examples(self) -> list[Any]:
        """What has the shape and dtype of one slice of each leaf; of the `stored` ones bfloat16."""
        dtypes = [x.node.dtype for x in self.leaves]
        for n in self.stored:
            dtypes[n] = storage_dtype("bfloat16")
        return [(x.node.shape[1:], dtype) for x, dtype in zip(self.leaves, dtypes, strict=True)]


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
    return _Slices(leaves, structure, next(iter(sizes)), stored_among(flatten(xs)[0]))


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


def _unrolled(
    f: Any, init: Any, slices: _Slices, reverse: bool, count: int, memory: int | None
) -> tuple[Any, Any]:
    """As `scan`, over blocks of `count` steps that are written out; and those left over."""
    blocks, rest = divmod(slices.length, count)
    whole = blocks * count
    first = rest if reverse else 0

    def block(state: Any, xs: Any) -> tuple[Any, Any]:
        return _run_through(f, state, xs, count, reverse)

    rows = [
        reshape(along(x, 0, first, 1, whole), (blocks, count, *x.node.shape[1:]))
        for x in slices.leaves
    ]
    xs = slices.structure.unflatten(as_given(rows, slices.stored))
    state, ys = scan(block, init, xs, blocks, reverse, memory=memory)
    leaves, structure = flatten(ys)
    leaves = [reshape(y, (whole, *y.node.shape[2:])) for y in leaves]
    if rest:
        left = [along(x, 0, 0 if reverse else whole, 1, rest) for x in slices.leaves]
        xs = slices.structure.unflatten(as_given(left, slices.stored))
        state, more = scan(f, state, xs, rest, reverse)
        pairs = zip(leaves, flatten(more)[0], strict=True)
        leaves = [concat((b, a) if reverse else (a, b)) for a, b in pairs]
    return state, structure.unflatten(leaves)


def _run_through(f: Any, state: Any, xs: Any, length: int, reverse: bool) -> tuple[Any, Any]:
    """As `scan`, written out step by step."""
    leaves, structure = flatten(xs)
    found = [None] * length
    order = range(length)
    for t in reversed(order) if reverse else order:
        state, found[t] = f(state, structure.unflatten(pick(x, 0, t) for x in leaves))
    return state, stacked(found)


def stacked(trees: Sequence[Any]) -> Any:
    """Trees of one structure as one tree, their leaves stacked along a new leading axis."""
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
    check_step("map", "f", f, "f(x)", 1)
    slices = _slices("map", xs, None)
    user = LoopCall("map", "f", f, "xs")
    return _scan(user, lambda _, x: (None, f(x)), None, slices)[1]


STATES = 1 << 28
"""Bytes of states that a reverse sweep through `while_loop` keeps if nobody says otherwise."""


def while_loop(
    cond_fun: Callable[[Any], Any],
    body_fun: Callable[[Any], Any],
    init_val: Any,
    *,
    memory: int = STATES,
) -> Any:
    """``while cond_fun(val): val = body_fun(val)``, as one operation; returns the last val.

    `init_val` is a pytree whose structure, shapes and dtypes `body_fun` must keep; `cond_fun`
    returns a boolean scalar. All derivatives work, reverse mode too: the states are kept as they
    come, in at most about `memory` bytes, those between them being computed again. Under `vmap`
    rounds go on while any example needs one. Raises `ArgumentError`, `ShapeError` or `DTypeError`
    naming what does not fit.

    >>> import adjoint as ad
    >>> def root(a):  # Newton's iteration
    ...     return ad.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: (x + a / x) / 2, a)
    >>> ad.value_and_grad(root)(4.0)
    (Tensor(2.), Tensor(0.25))
    """
    check_step("while_loop", "cond_fun", cond_fun, "cond_fun(val)", 1)
    check_step("while_loop", "body_fun", body_fun, "body_fun(val)", 1)
    most = _positive("while_loop", "memory", memory)
    user = LoopCall("while_loop", "body_fun", body_fun, "init_val")
    step = Step(user, body_fun, init_val, None, (), condition=cond_fun)
    results = _while_loop(step.goes_on, step.state, step.after, step.init, most)
    return step.unflatten(results)[0]


def _while_loop(
    goes_on: Tensor,
    state: Sequence[Tensor],
    after: Sequence[Tensor],
    init: Sequence[Tensor],
    memory: int,
) -> list[Tensor]:
    """The last state of a loop whose step makes `after` of the variables of a `state`."""
    variables = [x.node for x in state]
    outputs = reading_once([goes_on.node, *[x.node for x in after]], variables)
    outside = captured(outputs, variables)
    whole = closed(outputs, variables, outside)
    condition = Subgraph(whole.inputs, whole.outputs[:1])
    body = Subgraph(whole.inputs, whole.outputs[1:])
    loop = Rounds(condition, body, len(outside), memory)
    return while_loop_of(loop, [*[Tensor(x) for x in outside], *init])


MOST_NUMBERS = 1 << 24
"""The most rounds of `fori_loop` whose numbers are held in memory; more of them are counted."""


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """``for i in range(lower, upper): val = body_fun(i, val)``; returns the last val.

    With Python integers as bounds it is a `scan`, unless they are very far apart, otherwise a
    `while_loop`.

    >>> import adjoint as ad
    >>> ad.fori_loop(0, 5, lambda i, total: total + i * i, 0)
    Tensor(30)
    """
    check_step("fori_loop", "body_fun", body_fun, "body_fun(i, val)", 2)
    user = LoopCall("fori_loop", "body_fun", body_fun, "init_val")

    def step_of(val: Any, i: Any) -> tuple[Any, None]:
        return body_fun(i, val), None

    if type(lower) is int and type(upper) is int and upper - lower <= MOST_NUMBERS:
        numbers = from_array(np.arange(lower, max(lower, upper)))
        return _scan(user, step_of, init_val, _slices("fori_loop", numbers, None))[0]
    first, last = (_integer_bound(name, x) for name, x in (("lower", lower), ("upper", upper)))
    structure = flatten(first)[1]
    step = Step(user, step_of, init_val, structure, [(first.node.shape, first.node.dtype)])
    (number,) = step.slices
    results = _while_loop(
        number < last,
        [number, *step.state],
        [number + 1, *step.after],
        [first, *step.init],
        STATES,
    )
    return step.unflatten(results[1:])[0]


def _integer_bound(name: str, x: Any) -> Tensor:
    """A bound of `fori_loop` as a tensor."""
    return as_tensor(whole_number("fori_loop", name, x), INT64)
