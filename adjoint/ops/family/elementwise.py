"""The elementwise family: state the partial derivatives, and the rest follows.

From the partial derivatives, written as expressions of tensors, come both modes, the undoing of
broadcasting, and batching. A partial derivative is a function of the inputs and the output, or a
plain number where it is constant, or None where it is zero almost everywhere. Its result is a
factor; or a boolean tensor, which stands for 1 and 0 and also masks (see `structural_zeros`); or a
`Masked` factor, zero outside its mask whatever the factor is there. An adjoint or a tangent that is
zero by construction stays zero beside any of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from adjoint.errors import DTypeError, NotDifferentiableError
from adjoint.graph import calls
from adjoint.graph.arrays import scalar_value
from adjoint.graph.leaf import constant, constant_node, is_sure, is_weak
from adjoint.graph.loop_form import Index, Loops, input_index
from adjoint.graph.node import Node, are_nested
from adjoint.graph.op import Op, register
from adjoint.graph.storage import has_stored, in_float32
from adjoint.graph.subgradients import chosen
from adjoint.graph.tensor import Tensor, as_tensor, make
from adjoint.graph.types import (
    BOOL,
    FLOAT64,
    DType,
    Shape,
    broadcast_shapes,
    promote,
    to_real,
    weak_dtype,
)
from adjoint.ops.family.broadcasting import align, fit
from adjoint.ops.family.docstrings import DocstringParts, publish
from adjoint.ops.family.scalar_rules import native_rule
from adjoint.ops.family.structural_zeros import both, either, keep_where, nonzero_mask, number, zero

__all__ = ["Elementwise", "Masked", "Missing", "keep_where", "zero"]

Factor: TypeAlias = "Tensor | Masked | Chosen | float | None"
Partial: TypeAlias = "Callable[..., Factor] | int | None"
FormRule: TypeAlias = "Callable[[Node, AbstractSet[Node]], Tensor | None]"
Interval: TypeAlias = tuple[float, float]
Unary: TypeAlias = Callable[[Any], Tensor]
Binary: TypeAlias = Callable[[Any, Any], Tensor]

_WEAK = (float, int, bool, complex)
_KINDS = {
    "float": "fc",
    "real": "f",
    "complex": "c",
    "number": "iufc",
    "ordered": "iufb",
    "real number": "iuf",
    "whole": "iu",
    "integer": "iub",
    "any": "biufc",
}
"""Which dtype kinds an operation computes in; integers become float64 where only "f" fits."""


class Masked(NamedTuple):
    """A partial derivative that is `factor` where `mask` holds and zero elsewhere."""

    mask: Tensor
    factor: Tensor


class Chosen(NamedTuple):
    """A partial derivative that is 0 where `lost` holds, else 1, or nan where `undefined` holds."""

    lost: Tensor
    undefined: Tensor


@dataclass(frozen=True)
class Missing:
    """The partial derivative by an input for which there is no formula; asking for it raises."""

    op: str
    input: str

    def __call__(self, *args: Any) -> Factor:
        raise NotDifferentiableError(
            f"{self.op}: the derivative with respect to its input {self.input!r} is not known; "
            f"hold {self.input!r} fixed (a plain number, or adjoint.stop_gradient)"
        )


class KinkSpec(NamedTuple):
    """The kink of an operation, where its derivative is chosen: its kind (see `kinks.slope.Kink`),
    and a function of the inputs and the output that says which elements are at it."""

    kind: str
    at_kink: Callable[..., Tensor]


@dataclass(eq=False, repr=False)
class Elementwise(Op):
    """An operation on corresponding elements of its inputs, which broadcast.

    `domain` gives for each input the interval from which tests draw samples; `scalar` is the
    native rule, written once against the emitter (see `scalar_rule`). `result` maps the common
    dtype of the inputs to that of the output. An operation with static parameters receives them
    last in `numpy` and in its partial derivatives; `samples` are parameters for tests to try.
    `zeros` says how it keeps structural zeros: where "all" of its inputs are zero by construction,
    where "any" is, if the others are known numbers, or where the "first" is, if the second is one.
    """

    name: str
    numpy: Callable[..., Any]
    partials: tuple[Partial, ...]
    accepts: str = "float"
    result: Callable[[DType], DType] | None = None
    domain: tuple[Interval, ...] = ()
    scalar: Callable[..., Any] | None = None
    holomorphic: bool = True
    param_names: tuple[str, ...] = ()
    samples: tuple[tuple[Any, ...], ...] = ((),)
    smooth_rule: FormRule | None = None
    kink: KinkSpec | None = None
    zeros: str | None = None
    keeps_finite: bool = False
    stable_rule: FormRule | None = None
    bilinear: bool = False
    divides: bool = False
    jumps: bool = False
    family: str = field(default="elementwise", init=False)
    pointwise: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        self.keeps_zeros = self.zeros is not None
        self.may_have_stable_form = self.stable_rule is not None
        self.may_have_smooth_form = self.smooth_rule is not None or self.may_have_stable_form
        self.kinks = self.kink is not None
        self.jumps = self.jumps or all(partial is None for partial in self.partials)

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        nodes: Sequence[Node] = args[: len(self.partials)]
        shape = broadcast_shapes(self.name, *(node.shape for node in nodes))
        dtype = promote(*(node.dtype for node in nodes))
        return shape, self.result(dtype) if self.result else dtype

    def evaluate(self, *values: Any) -> Any:
        return self.numpy(*values)

    def lowers(self, node: Node) -> bool:
        rule = native_rule(node)
        if rule is None:
            return False
        return not hasattr(rule, "of_floats") or all(x.dtype.kind in "fc" for x in node.inputs)

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        values = [loops.read(x, input_index(node, index, x)) for x in node.inputs]
        rule = native_rule(node)
        assert rule is not None
        return rule(loops.e, *values, *node.params)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        total = None
        for index, tangent in enumerate(tangents):
            if tangent is not None:
                term = scale(tangent, self.partial(node, index))
                if term is not None:
                    total = term if total is None else total + term
        if total is not None and total.node.shape != node.shape:
            total = calls.broadcast_to(total, node.shape)
        if total is not None and self.kink is not None and are_nested(node, total.node):
            at_kink = self.at_kink(node)
            kind = self.kink.kind
            total = calls.mark_tangent(total, node, at_kink, node.inputs, tangents, kind)
        return total

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        shares: list[Tensor | None] = []
        given: list[Any] = []  # what partial derivatives are functions of
        for index, child in enumerate(node.inputs):
            factor: Any = self.partials[index] if wanted[index] else None
            if factor is not None and not isinstance(factor, int):
                given = given or [*map(Tensor, node.inputs), Tensor(node), *node.params]
                factor = factor(*given)
            share = None if factor is None else scale(adjoint, factor, conjugate=True)
            if share is not None:
                if self.kink is not None and are_nested(node, adjoint.node):
                    place = (node, self.at_kink(node), node.inputs, index, self.kink.kind)
                    share = calls.mark_adjoint(share, adjoint, *place)
                made = share.node
                if made.shape != child.shape or made.dtype is not child.dtype:
                    share = fit(share, child)
            shares.append(share)
        return shares

    def push(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        return self.jvp(node, tangents)

    def pull(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        return self.vjp(node, adjoint, wanted)

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        if self.zeros == "all":
            return masks[0] if len(masks) == 1 else either(*masks)
        for place, mask in enumerate(masks[: 1 if self.zeros == "first" else None]):
            if mask is not None and is_number(node.inputs[1 - place]):
                return mask
        return None

    def linear_inputs(self, node: Node) -> Sequence[int]:
        numbers = [n for n, p in enumerate(self.partials) if isinstance(p, int)]
        return numbers if len(numbers) == len(self.partials) else ()

    def is_flat(self, node: Node, number: int) -> bool:
        return self.partials[number] is None

    def at_kink(self, node: Node) -> Tensor:
        """Where the operation is at its kink."""
        assert self.kink is not None
        return self.kink.at_kink(*map(Tensor, node.inputs), Tensor(node), *node.params)

    def partial(self, node: Node, index: int) -> Factor:
        """The derivative of the output of `node` by its input `index`."""
        rule = self.partials[index]
        if rule is None or isinstance(rule, int):
            return rule
        return rule(*[Tensor(child) for child in node.inputs], Tensor(node), *node.params)

    def smooth_form(self, node: Node, kept: AbstractSet[Node]) -> Tensor | None:
        found = None if self.smooth_rule is None else self.smooth_rule(node, kept)
        return self.stable_form(node, kept) if found is None else found

    def stable_form(self, node: Node, kept: AbstractSet[Node]) -> Tensor | None:
        return None if self.stable_rule is None else self.stable_rule(node, kept)

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor:
        rank = len(node.shape)
        aligned = [align(x, rank) if b else x for x, b in zip(inputs, batched, strict=True)]
        return make(self, aligned, node.params)


def scale(x: Tensor, factor: Factor, conjugate: bool = False) -> Tensor | None:
    """`x` times a partial derivative, without making nodes for the plain numbers 0, 1 and -1.

    Where `x` is zero by construction, so is the product.
    """
    if isinstance(factor, Tensor):
        dtype = factor.node.dtype
        if dtype is BOOL:
            return keep_where(factor, x)
        if conjugate and dtype.kind == "c":
            factor = calls.conj(factor)
        result: Tensor = calls.multiply(x, factor)
        mask = nonzero_mask(x) if x.node.sparse else None
        return result if mask is None else keep_where(mask, result)
    if isinstance(factor, Masked):
        result = x * conjugated(factor.factor, conjugate)
        return keep_where(both(factor.mask, nonzero_mask(x)), result)
    if isinstance(factor, Chosen):
        dtype, mask = x.node.dtype, nonzero_mask(x)
        kept = calls.where(factor.undefined, number(math.nan, dtype), x)
        share: Tensor = calls.where(factor.lost, zero(dtype), kept)
        return share if mask is None else keep_where(mask, share)
    if not factor:
        return None
    return x if factor == 1 else -x if factor == -1 else x * factor


def is_number(node: Node) -> bool:
    """Whether `node` holds known finite numbers other than 0."""
    while node.op.name in ("astype", "broadcast_to", "reshape") and node.inputs:
        node = node.inputs[0]
    value = node.value if is_sure(node) else None
    return value is not None and bool(np.all(np.isfinite(value) & (np.asarray(value) != 0)))


def conjugated(factor: Tensor, wanted: bool) -> Tensor:
    """The complex conjugate of `factor` if it is wanted and there is one."""
    if wanted and factor.node.dtype.kind == "c":
        return calls.conj(factor)
    return factor


def operands(op: Elementwise, args: Sequence[Any]) -> tuple[list[Node], DType]:
    """The arguments of a call as nodes of one dtype in which `op` computes.

    Python numbers, and variables that stand for one, take the dtype of the others.
    """
    weak = [_weak_kind(a) for a in args]
    tensors = [a if kind else as_tensor(a) for a, kind in zip(args, weak, strict=True)]
    strong = [t.node.dtype for t, kind in zip(tensors, weak, strict=True) if kind is None]
    dtype = BOOL if not strong else strong[0] if len(strong) == 1 else promote(*strong)
    for kind in weak:
        if kind is not None:
            dtype = weak_dtype(kind, dtype)
    if dtype.kind not in _KINDS[op.accepts]:
        dtype = _computing_dtype(op, dtype)
    nodes = []
    for t, kind in zip(tensors, weak, strict=True):
        if type(t) in _WEAK:
            nodes.append(constant_node(scalar_value(t, dtype), (), dtype))
        else:
            if kind is int and dtype.kind in "iu" and t.node.value is not None:
                scalar_value(int(t.node.value), dtype)  # which must fit
            nodes.append(as_tensor(t, dtype).node)
    return nodes, dtype


def uniform(op: Elementwise, args: Sequence[Any]) -> tuple[list[Node], DType] | None:
    """What `operands` says of tensors of one dtype in which `op` computes, the common case."""
    nodes = [a.node for a in args if type(a) is Tensor]
    if len(nodes) != len(args) or nodes[0].dtype.kind not in _KINDS[op.accepts]:
        return None
    dtype = nodes[0].dtype
    for node in nodes:
        if node.dtype is not dtype:
            return None
    return nodes, dtype


def _weak_kind(x: Any) -> type | None:
    """The kind of Python number that `x` is or stands for; None if its dtype is its own."""
    kind = type(x)
    if kind is Tensor:
        return _WEAK_KINDS[x.node.dtype.kind] if is_weak(x.node) else None
    return kind if kind in _WEAK else None


_WEAK_KINDS: dict[str, type] = {"b": bool, "i": int, "f": float, "c": complex}


def _weak(x: Any, kind: type, other: Tensor) -> Node | None:
    """A real Python number beside a floating tensor, the common case, as a constant."""
    if kind is not float and kind is not int:
        return None
    dtype = other.node.dtype
    if dtype.kind != "f":
        return None
    node = Node(constant, (), (), (), dtype)
    node.value = np.array(x, dtype) if kind is float else scalar_value(x, dtype)
    return node


def _computing_dtype(op: Elementwise, dtype: DType) -> DType:
    kinds = _KINDS[op.accepts]
    if dtype.kind in "biu" and "f" in kinds and "i" not in kinds:
        return FLOAT64
    if dtype.kind == "b" and "i" in kinds:
        return np.dtype(np.int64)
    names = {"f": "floating", "c": "complex", "i": "integer", "u": "unsigned", "b": "bool"}
    allowed = ", ".join(names[k] for k in kinds)
    raise DTypeError(f"{op.name}: dtype {dtype} is not allowed here; allowed: {allowed}")


def to_bool(dtype: DType) -> DType:
    """The result dtype of comparisons and predicates."""
    return BOOL


def apply(op: Elementwise, args: Sequence[Any], params: tuple[Any, ...] = ()) -> Tensor:
    """`op` of arguments of any kind: promoted, broadcast, checked."""
    found = uniform(op, args)
    if found is None and has_stored(*args):
        return in_float32(apply, (op, args, params), {})
    nodes, dtype = found or operands(op, args)
    shape = broadcast_shapes(op.name, *[node.shape for node in nodes])
    return Tensor(Node(op, tuple(nodes), params, shape, op.result(dtype) if op.result else dtype))


def unary(name: str, numpy: Callable[..., Any], partial: Partial, **options: Any) -> Unary:
    """Register an elementwise operation of one input; returns the function users call.

    `otherwise` may raise for arguments that are no tensors of one dtype, such as booleans, or give
    the result.
    `shown` is the printed result of `example`, to be given where computing it would import SciPy;
    `prefix` is how users reach the function, "" if they do not call it; the other options are those
    of the record.
    """
    parts = DocstringParts.take(options, (0.5,), "x")
    otherwise = options.pop("otherwise", None)
    domain = options.pop("domain", (-2.0, 2.0))
    op = register(Elementwise(name, numpy, (partial,), domain=(domain,), **options))
    kinds = _KINDS[op.accepts]
    result = op.result

    def function(x: Any, /) -> Tensor:
        if type(x) is Tensor and x.node.dtype.kind in kinds:
            node = x.node
            dtype = node.dtype
        else:
            if has_stored(x):
                return in_float32(function, (x,), {})
            if otherwise is not None:
                otherwise(x)
            (node,), dtype = operands(op, (x,))
        return Tensor(Node(op, (node,), (), node.shape, result(dtype) if result else dtype))

    publish(function, op, parts)
    return function


def binary(name: str, numpy: Callable[..., Any], *partials: Partial, **options: Any) -> Binary:
    """Register an elementwise operation of two inputs; options as in `unary`, and `one_sided`, what
    makes it where subgradients are chosen, or returns None."""
    parts = DocstringParts.take(options, (3.0, 2.0), "x1, x2")
    otherwise: Callable[[Any, Any], Tensor | None] | None = options.pop("otherwise", None)
    one_sided: Callable[..., Tensor | None] | None = options.pop("one_sided", None)
    domain = options.pop("domain", ((-2.0, 2.0), (-2.0, 2.0)))
    op = register(Elementwise(name, numpy, partials, domain=domain, **options))
    kinds = _KINDS[op.accepts]
    result = op.result

    def function(x1: Any, x2: Any, /) -> Tensor:
        choice = chosen() if one_sided is not None else None
        if choice is not None and (found := one_sided(choice, x1, x2)) is not None:  # type: ignore[misc]
            return found
        first, second = type(x1), type(x2)
        a = x1.node if first is Tensor else _weak(x1, first, x2) if second is Tensor else None
        b = x2.node if second is Tensor else _weak(x2, second, x1) if first is Tensor else None
        if a is None or b is None or a.dtype is not b.dtype or a.dtype.kind not in kinds:
            if otherwise is not None and (found := otherwise(x1, x2)) is not None:
                return found
            if has_stored(x1, x2):
                return in_float32(function, (x1, x2), {})
            (a, b), dtype = operands(op, (x1, x2))
        else:
            dtype = a.dtype
        shape = a.shape
        if shape != b.shape:  # most often one of them is a number
            other = b.shape
            shape = broadcast_shapes(name, shape, other) if shape and other else shape or other
        return Tensor(Node(op, (a, b), (), shape, result(dtype) if result else dtype))

    publish(function, op, parts)
    return function


def real_result(dtype: DType) -> DType:
    """The result dtype of operations that return the real size of complex numbers."""
    return to_real(dtype)
