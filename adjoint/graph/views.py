"""Tensors that share memory, as NumPy's views do: writing into one is seen in the others.

A tensor is a handle on a node, and nodes never change: ``t[i] = v`` lets the handle stand for a
new node. Where NumPy would have made a view (``row = a[0]``, ``a.T``, ``a.ravel()``), the two
handles are linked: when one gets a new node, so do the others. Where it depends on the layout in
memory whether NumPy makes a view or a copy, writing into either is an error while both are in use.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from adjoint.errors import ArgumentError, DTypeError, ShapeError
from adjoint.graph import calls
from adjoint.graph.types import broadcast_shapes, can_cast

if TYPE_CHECKING:
    from adjoint.graph.node import Node
    from adjoint.graph.tensor import Tensor

Read: TypeAlias = "Callable[[Tensor, Any], Tensor]"
Write: TypeAlias = "Callable[[Tensor, Tensor, Any], Tensor]"


class Links:
    """Of which tensor a tensor is a view, and which are views of it.

    `read(parent, detail)` makes the view; `write(parent, view, detail)` makes the parent with the
    view written into it. Of which it is not known whether it shares memory, that has an `origin`.
    """

    __slots__ = ("detail", "made_by", "origin", "parent", "read", "views", "write")

    def __init__(
        self,
        parent: Tensor | None,
        made_by: str,
        detail: Any,
        read: Read | None,
        write: Write | None,
    ) -> None:
        self.parent = parent
        self.made_by = made_by
        self.detail = detail
        self.read = read
        self.write = write
        self.views: list[weakref.ref[Tensor]] | None = None
        self.origin: Origin | None = None


class Origin:
    """Tensors with whose memory another may share its own, as far as somebody still holds them.

    `ancestors`: what it was made of; `links`: of the first of these, to which all others belong.
    """

    __slots__ = ("ancestors", "links")

    ancestors: list[weakref.ref[Tensor]]
    links: Links

    def __init__(self, parent: Tensor) -> None:
        self.ancestors = [weakref.ref(parent)]
        links = _links_of(parent)
        above: Tensor | None = links.parent
        while above is not None:
            self.ancestors.append(weakref.ref(above))
            links = _links_of(above)
            above = links.parent
        if links.origin is not None:
            self.ancestors += links.origin.ancestors
            links = links.origin.links
        self.links = links

    def held(self, but: Links) -> tuple[int, ...] | None:
        """The shape of one that is still held, beside the one with the links `but`."""
        views = [v for ref in self.links.views or () if (v := ref()) is not None]
        others = [v for v in views if v.links is not but]
        kept = [x for ref in self.ancestors if (x := ref()) is not None]
        return next((x.shape for x in (*kept, *others)), None)


def _links_of(x: Tensor) -> Links:
    if not hasattr(x, "links"):
        x.links = Links(None, "", None, None, None)
    links: Links = x.links
    return links


def link(
    view: Tensor,
    parent: Tensor,
    made_by: str,
    detail: Any = None,
    read: Read | None = None,
    write: Write | None = None,
) -> Tensor:
    """Say that `view` shares memory with `parent`, or that it may (without `read`); returns it."""
    if view is parent:
        return view
    if read is None:
        view.links = Links(None, made_by, None, None, None)
        view.links.origin = origin = Origin(parent)
        return _noted(view, origin.links)
    view.links = Links(parent, made_by, detail, read, write)
    return _noted(view, _links_of(parent))


def _noted(view: Tensor, of_parent: Links) -> Tensor:
    """`view`, which the links of its parent have noted."""
    if of_parent.views is None:
        of_parent.views = [weakref.ref(view)]
        return view
    known = of_parent.views
    known.append(weakref.ref(view))
    if len(known) & (len(known) - 1) == 0:  # now and then: those that are gone
        known[:] = [ref for ref in known if ref() is not None]
    return view


# The kinds of views.


def part_of(x: Tensor, index: Any) -> Tensor:
    """``x[index]``, a view where NumPy makes one that can be written into."""
    part: Tensor = calls.getitem(x, index)
    if part.node.shape and (type(index) is slice or _is_basic(index)):
        return link(part, x, "x[]", index, _part, _with_part)
    return part


def _is_basic(index: Any) -> bool:
    for item in index if type(index) is tuple else (index,):
        if type(item) in (int, slice) or item is None or item is Ellipsis:
            continue
        if not isinstance(item, np.integer):
            return False
    return True


def _part(parent: Tensor, index: Any) -> Tensor:
    return calls.getitem(parent, index)


def _with_part(parent: Tensor, view: Tensor, index: Any) -> Tensor:
    return calls.setitem(parent, index, view)


def is_part(view: Any, parent: Tensor, index: Any) -> bool:
    """Whether `view` is known to be ``parent[index]``, so that writing it there changes nothing."""
    own = getattr(view, "links", None)
    return (
        type(own) is Links
        and own.parent is parent
        and own.read is _part
        and type(own.detail) is type(index)
        and bool(own.detail == index)
    )


def transposed(x: Tensor, axes: Any) -> Tensor:
    """`x` with its axes permuted; None reverses them."""
    made: Tensor = calls.permute_dims(x, axes)
    rank = len(made.node.shape)
    order = tuple(range(rank))[::-1] if axes is None else tuple(int(a) % rank for a in axes)
    return link(made, x, "x.transpose", order, _permuted, _permuted_back)


def _permuted(parent: Tensor, order: tuple[int, ...]) -> Tensor:
    return calls.permute_dims(parent, order)


def _permuted_back(parent: Tensor, view: Tensor, order: tuple[int, ...]) -> Tensor:
    back = tuple(order.index(a) for a in range(len(order)))
    return calls.permute_dims(view, back)


def reshaped(made: Tensor, x: Tensor, made_by: str) -> Tensor:
    """`made`, which is `x` in another shape: a view, if `x` is not one with gaps in memory."""
    own = getattr(x, "links", None)
    if own is not None and (own.origin or (own.parent is not None and own.read is not _reshaped)):
        return link(made, x, made_by)  # its layout in memory decides
    return link(made, x, made_by, made.node.shape, _reshaped, _reshaped_back)


def _reshaped(parent: Tensor, shape: Any) -> Tensor:
    return calls.reshape(parent, shape)


def _reshaped_back(parent: Tensor, view: Tensor, shape: Any) -> Tensor:
    return calls.reshape(view, parent.node.shape)


def rearranged(made: Any, x: Tensor, made_by: str, function: Callable[[Any], Any]) -> Any:
    """`made`, which is `x` with its elements in other places, or parts of it: ``function(x)``.

    `function` takes a tensor or an array, and makes a view of it whatever its layout in memory.
    """
    parts: list[tuple[Any, int | None]] = [(made, None)]
    if isinstance(made, (list, tuple)):
        parts = [(part, number) for number, part in enumerate(made)]
    for part, number in parts:
        link(part, x, made_by, (function, number), _rearranged, _rearranged_back)
    return made


def _rearranged(parent: Any, detail: tuple[Callable[[Any], Any], int | None]) -> Any:
    function, number = detail
    made = function(parent)
    return made if number is None else made[number]


def _rearranged_back(parent: Tensor, view: Tensor, detail: Any) -> Tensor:
    size = parent.size
    elements = np.arange(size).reshape(parent.node.shape)
    places = np.asarray(_rearranged(elements, detail)).reshape(-1)
    flat = calls.reshape(view, (-1,))
    if len(places) == size:
        order = np.empty_like(places)
        order[places] = np.arange(size)
        return calls.reshape(calls.getitem(flat, order), parent.node.shape)
    where: Any = places
    if len(places) and np.array_equal(places, np.arange(places[0], places[0] + len(places))):
        where = slice(int(places[0]), int(places[0]) + len(places))
    written = calls.setitem(calls.reshape(parent, (-1,)), where, flat)
    return calls.reshape(written, parent.node.shape)


def real_part(x: Tensor) -> Tensor:
    """The real part, which is the tensor itself where it is real."""
    if x.node.dtype.kind != "c":
        return x
    return link(calls.real(x), x, "x.real", "real", _part_of_complex, _with_part_of_complex)


def imaginary_part(x: Tensor) -> Tensor:
    """The imaginary part; zeros that nobody writes into where the tensor is real."""
    made = calls.imag(x)
    if x.node.dtype.kind != "c":
        return link(made, x, "x.imag")
    return link(made, x, "x.imag", "imag", _part_of_complex, _with_part_of_complex)


def _part_of_complex(parent: Tensor, name: str) -> Tensor:
    return calls.real(parent) if name == "real" else calls.imag(parent)


def _with_part_of_complex(parent: Tensor, view: Tensor, name: str) -> Tensor:
    if name == "real":
        return calls.from_parts(view, calls.imag(parent))
    return calls.from_parts(calls.real(parent), view)


_REARRANGING = frozenset(
    (
        *("swapaxes", "moveaxis", "rollaxis", "expand_dims", "flip", "fliplr", "flipud", "rot90"),
        *("split", "array_split", "hsplit", "vsplit", "dsplit", "matrix_transpose", "unstack"),
        *("atleast_1d", "atleast_2d", "atleast_3d", "squeeze"),
    )
)
"""Functions of NumPy's that make views of their first argument, whatever its layout."""
_SHARING = frozenset(
    (
        *("diagonal", "linalg.diagonal", "broadcast_to", "broadcast_arrays"),
        *("sliding_window_view", "reshape", "ravel", "trim_zeros", "real_if_close"),
        *("diff", "matrix_power", "linalg.matrix_power"),
    )
)
"""Functions of NumPy's whose results may share the memory of their first argument."""


def shared(
    name: str, result: Any, args: Any, kwargs: Any, again: Callable[[Any, Any], Any] | None = None
) -> Any:
    """The result of NumPy's function `name`, known as a view of its first argument if it is one.

    `again(x, y)` is its result with a tensor or an array `y` in place of its argument `x`.
    """
    if kwargs.get("copy") or kwargs.get("out") is not None:
        return result
    ordered = any(type(v) is str and v != "C" for v in (*args[1:], *kwargs.values()))
    if name in _REARRANGING or name == "einsum":
        given = [x for x in (*args, *kwargs.values()) if is_handle(x)]
        if again is not None and len(given) == 1 and (name != "einsum" or _is_view(again, args)):
            return rearranged(result, given[0], f"numpy.{name}", partial(again, given[0]))
        return result if name == "einsum" else _linked(result, given, f"numpy.{name}")
    if name == "meshgrid" and kwargs.get("copy") is False:
        return _linked(result, [x for x in args if is_handle(x)], "numpy.meshgrid")
    if name in ("real", "imag") and args and is_handle(args[0]):
        return real_part(args[0]) if name == "real" else imaginary_part(args[0])
    if name in ("reshape", "ravel") and not ordered:
        return reshaped(result, args[0], f"numpy.{name}") if args and is_handle(args[0]) else result
    if name in ("permute_dims", "transpose") and args and is_handle(args[0]):
        return transposed(
            args[0], *args[1:], *kwargs.values(), *(() if args[1:] or kwargs else (None,))
        )
    sharing = name in _SHARING and args and is_handle(args[0])
    if sharing and (name not in _RETURNING or result.node is args[0].node):
        return _linked(result, args[:1], f"numpy.{name}")
    return result


_RETURNING = frozenset({"diff", "matrix_power", "linalg.matrix_power"})
"""Of these, those that return the argument itself, or something new."""


def _linked(result: Any, given: Sequence[Tensor], made_by: str) -> Any:
    """`result`, of which it is not known what memory it shares with each of those `given`."""
    for part in result if isinstance(result, (list, tuple)) else (result,):
        for x in given:
            if is_handle(part) and part is not x:
                link(part, x, made_by)
    return result


def _is_view(again: Callable[[Any, Any], Any], args: Sequence[Any]) -> bool:
    """Whether einsum of one operand makes a view: NumPy is asked what it makes of a small one."""
    by_text = isinstance(args[0], str)
    if len(args) > (2 if by_text else 3):
        return False
    x = args[1] if by_text else args[0]
    small = np.zeros([min(size, 2) for size in x.node.shape])
    return np.shares_memory(again(x, small), small)


def is_handle(x: Any) -> bool:
    """Whether `x` is a tensor."""
    return hasattr(type(x), "links")


# Writing.


def assign(x: Tensor, node: Node) -> None:
    """Let `x` stand for `node`, and what shares its memory for what that makes of it."""
    try:
        links = x.links
    except AttributeError:  # most often: nothing shares it
        x.node = node
        return
    _check_known(x, links)
    x.node = node
    _refresh(links, None)
    while links.parent is not None:
        parent = links.parent
        assert links.write is not None
        parent.node = links.write(parent, x, links.detail).node
        _refresh(parent.links, x)
        x, links = parent, parent.links


def write(x: Tensor, result: Tensor, name: str, where: Any = True) -> None:
    """Write `result`, which broadcasts, into `x`; only `where` it holds, if that is given.

    `x` keeps its shape and dtype, as NumPy's arrays do: `ShapeError`, `DTypeError`.
    """
    shape, dtype = x.node.shape, x.node.dtype
    if result.node.dtype is not dtype:
        if not can_cast(result.node.dtype, dtype, "same_kind"):
            raise DTypeError(
                f"{name}: a result of dtype {result.dtype} cannot be written into a tensor of "
                f"dtype {dtype} without loss; write x = x.astype('{result.dtype}') first"
            )
        result = calls.astype(result, dtype)
    if result.node.shape != shape:
        if broadcast_shapes(name, result.node.shape, shape) != shape:
            raise ShapeError(
                f"{name}: a result of shape {result.shape} cannot be written into a tensor of "
                f"shape {shape}; the tensor keeps its shape, so give the result another name"
            )
        result = calls.broadcast_to(result, shape)
    if where is not True:
        result = calls.where(where, result, x)
    assign(x, result.node)


def _refresh(links: Links, but: Tensor | None) -> None:
    """Make the views anew of what their parent stands for now."""
    for ref in links.views or ():
        view = ref()
        if view is not None and view is not but:
            own = view.links
            assert own.read is not None and own.parent is not None
            view.node = own.read(own.parent, own.detail).node
            _refresh(own, None)


def _check_known(x: Tensor, links: Links) -> None:
    """Raise unless it is known of all relatives how they share memory."""
    todo, seen = [links], {id(links)}
    while todo:
        own = todo.pop()
        if own.origin is not None and (shape := own.origin.held(own)) is not None:
            raise _unknown(own, shape)
        relatives = [v.links for ref in own.views or () if (v := ref()) is not None]
        for other in relatives:
            if other.read is None:
                raise _unknown(other, x.shape)
        if own.parent is not None:
            relatives.append(own.parent.links)
        for other in relatives:
            if id(other) not in seen:
                seen.add(id(other))
                todo.append(other)


def _unknown(links: Links, shape: tuple[int, ...]) -> ArgumentError:
    return ArgumentError(
        f"writing into a tensor that {links.made_by} was applied to, or the result of that: in "
        f"NumPy the two may share memory, so that writing into one (of shape {shape}) changes the "
        f"other. Apply {links.made_by} to a copy, x.copy(), or write before it is applied"
    )
