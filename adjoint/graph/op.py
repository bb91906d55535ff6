"""The operation: one record that says everything about what a node does, and its registry.

Six rules live here and nowhere else: `infer`, `evaluate`, `jvp`, `vjp`, `batch`, `lower`. Families
(floor 3) derive most of them from what mathematics already determines. A rule receives the node's
static parameters as its last positional arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import wraps
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from adjoint.errors import NotDifferentiableError, UnknownNameError
from adjoint.graph import calls

if TYPE_CHECKING:
    from adjoint.graph.loop_form import Index, Loops
    from adjoint.graph.node import Node
    from adjoint.graph.subgraph import Subgraph
    from adjoint.graph.tensor import Tensor
    from adjoint.graph.types import DType, Shape

Coefficients: TypeAlias = "Sequence[Tensor | None]"
"""The coefficients of a power series, from number 0 on; None stands for zero."""

Function = TypeVar("Function", bound=Callable[..., Any])
Named = TypeVar("Named")
Operation = TypeVar("Operation", bound="Op")

OPS: dict[str, Op] = {}
"""Every operation by name."""

FUNCTIONS: dict[str, Any] = {}
"""What users call, under NumPy's names, for look-ups by names that come from outside: those of the
functions in NumPy's protocols, of modules in traced code, and of formulas given as text. Code that
knows which function it wants imports it, or calls it through `adjoint.graph.calls`."""


class Result(NamedTuple):
    """One of several results of an operation that runs a graph, or a function, of its own.

    `call`: equal for all results of one call. `sources`: the numbers of those of its results that
    it is made from inside the operation, which the graph outside does not show.
    """

    call: Any
    number: int
    sources: AbstractSet[int]


class Op:
    """What a node does. Subclass it, or use a family, and `register` the instance."""

    name: str
    called_by: str = ""
    """The public functions that make it, for messages, where these have other names."""
    family: str = "general"
    param_names: tuple[str, ...] = ()
    native: bool = False
    """Whether the `lower` rule is there; without it a native program runs `evaluate`."""
    pointwise: bool = False
    """Whether an element of the result reads its inputs at the same (broadcast) index only."""
    scans: bool = False
    """Whether an element is computed from its neighbour along `params[0]`, an element of the same
    result; with a true `params[1]` from the one after it, else from the one before."""
    scatters: bool = False
    """Whether elements of the first input are added to places that the other inputs name."""
    moves: bool = False
    """Whether each element of the result is one of an input under another index, or zero."""
    keeps_order: bool = False
    """Whether the result has the elements of its input in the same order in memory."""
    has_shape_params: bool = False
    """Whether its only parameter is the shape of the result."""
    lapack_inputs: slice | None = None
    """Which of its inputs LAPACK reads to compute it; None if LAPACK does not."""
    permutes: bool = False
    """Whether the result names each place along an axis once."""
    combine: str | None = None
    """The word of the emitter that folds elements together, for reductions over `axes`."""
    kinks: bool = False
    """Whether its derivative is chosen among several somewhere: then lines are noted (`lines`)."""
    tangent_once: bool = False
    """Whether its tangent, where derivatives may be nested, has none in forward mode: then sweeps
    that go on in forward mode ask for one that takes no notice of kinks, but for `zero_at_ties`."""
    may_have_smooth_form: bool = False
    """Whether `smooth_form` may know one; where not, a sweep need not ask."""
    keeps_finite: bool = False
    """Whether finite inputs have a finite result, but for overflow."""
    makes_zeros: bool = False
    """Whether elements of the result may be zero by construction, as those of `where`."""
    keeps_zeros: bool = False
    """Whether elements of the result may be zero by construction if such of the inputs are."""
    repeats: bool = False
    """Whether it is a loop of known length, of which what nobody reads is left out (`pruning`)."""
    shares_results: bool = False
    """Whether another node of it may compute its results, and then more (`merging`)."""
    bilinear: bool = False
    """Whether it is a product: linear in each of its two inputs, the other held fixed."""
    holomorphic: bool = True
    """Whether it is a holomorphic function of complex inputs."""
    jumps: bool = False
    """Whether its result jumps where an input changes a little, as that of `floor` and `less`."""
    divides: bool = False
    """Whether the elementwise product of its result and its second input is its first."""
    expands: bool = False
    """Whether it has a rule for the coefficients of power series (`coefficients`)."""
    masked_by_first: bool = False
    """Whether its result is zero throughout, whatever the other inputs, if the first, a mask, holds
    nowhere."""
    fills: bool = False
    """Whether `evaluate` takes an array for the result last, which may overlap the inputs; it
    returns another one where it cannot write there."""
    allocates: bool = False
    """Whether its native code takes memory as it needs it, and so fails if there is no more."""
    may_have_stable_form: bool = False
    """Whether `stable_form` may know one; where not, whoever evaluates need not ask."""
    stops_derivatives: bool = False
    """Whether its result counts as a constant for every derivative."""
    refuses_derivatives: bool = False
    """Whether to ask for a derivative by its input is an error, even if none arrives at it, as its
    users have integers for results: then `refuse` raises it."""

    def infer(self, *args: Any) -> tuple[Shape, DType]:
        """Shape and dtype of the result, from the input nodes; raises at the user's line."""
        raise NotImplementedError(f"{self.name} defines no infer rule")

    def evaluate(self, *args: Any) -> Any:
        """The value of the result, by NumPy, from the values of the inputs."""
        raise NotImplementedError(f"{self.name} defines no evaluate rule")

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        """The tangent of the result; None stands for a tangent that is zero."""
        raise NotDifferentiableError(f"{self.name} has no forward derivative rule")

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """For each input the partial adjoint that this node sends it.

        None stands for zero. Where `wanted` is false the rule need not make a tensor.
        """
        raise NotDifferentiableError(f"{self.name} has no reverse derivative rule")

    def linear_inputs(self, node: Node) -> Sequence[int]:
        """The inputs in which it is linear together, the others held fixed; none if that is not
        known."""
        return ()

    def coefficients(
        self, node: Node, given: Sequence[Coefficients], rules: Any, weight: int
    ) -> Sequence[Tensor | None]:
        """The coefficients of the result as a power series, as many as are `given` of each input;
        number 0 is not read.

        Asked of operations that have `expands`; of others they follow from `push`. `rules` say how
        coefficients are multiplied (`transforms.coefficients.Rules`), `weight` is the order in t of
        the first.
        """
        raise NotImplementedError(f"{self.name} defines no rule for power series")

    # Structural zeros: what is zero by construction, and so counts for nothing even beside ∞. The
    # sweeps call `push` and `pull`, which see to it, whatever the rules `jvp` and `vjp` make of it.

    def push(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        """`jvp`, zero in elements that only structural zeros of the tangents reach."""
        result = self.jvp(node, tangents)
        if result is None or not any(t is not None and t.node.sparse for t in tangents):
            return result
        return calls.confined_tangent(node, tangents, result)

    def pull(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        """`vjp`, zero in elements that reach only structural zeros of the adjoint."""
        shares = self.vjp(node, adjoint, wanted)
        if not adjoint.node.sparse:
            return shares
        return calls.confined(node, adjoint, shares)

    def nonzero_mask(self, node: Node, masks: Sequence[Tensor | None]) -> Tensor | None:
        """A boolean tensor that broadcasts to the result, outside which it is zero by construction.

        `masks` says the same of the inputs; None stands for nothing known. Asked of operations
        that have `makes_zeros` or `keeps_zeros`.
        """
        return None

    def outputs_reached(self, node: Node, number: int, mask: Tensor) -> Tensor:
        """The elements of the result on which elements of input `number` in `mask` have influence,
        or more; all of them, unless an operation or a family knows better."""
        return calls.any(mask)

    def inputs_reaching(self, node: Node, number: int, mask: Tensor) -> Tensor:
        """The elements of input `number` that have influence on elements of the result in `mask`,
        or more; the transpose of `outputs_reached`."""
        return calls.any(mask)

    def refuse(self, node: Node) -> None:
        """Raise the error for a derivative by the input of `node`."""
        raise NotDifferentiableError(f"{self.name} refuses derivatives")

    def zero_at_ties(self, node: Node) -> Tensor:
        """0, whose derivative is nan where the tangent of `node` was chosen (`tangent_once`)."""
        raise NotImplementedError(self.name)

    def takes_complex_step(self, node: Node) -> bool:
        """Whether a tiny imaginary part of its inputs comes through it to the last digit: neither
        what is conjugated, nor what decompositions mix with the rounding of the real part."""
        return self.holomorphic

    def is_flat(self, node: Node, number: int) -> bool:
        """Whether the derivative by an input is zero wherever there is one."""
        return False

    def dependence(self, node: Node, given: Sequence[Any], columns: int) -> Any:
        """The sparsity pattern of the result for those `given` of the inputs (see
        `transforms.sparsity`); `NotImplemented` if it follows from the other rules."""
        return NotImplemented

    def smooth_form(self, node: Node, kept: AbstractSet[Node]) -> Tensor | None:
        """The same tensor, made so that it has derivatives where its pieces have none.

        Derivatives follow it in place of the inputs of `node`. It may leave out what lies between
        (x x leaves out the abs(x) in abs(x) ** 2), but no node in `kept`. None: there is none.
        """
        return None

    def compared(self, node: Node, result: Any, *given: Any) -> tuple[Any, Any] | None:
        """Arrays of numbers, pair by pair, whose order its result tells: where two are equal, a
        derivative is chosen, or there is none. From the values; None of most operations."""
        return None

    def stable_form(self, node: Node, kept: AbstractSet[Node]) -> Tensor | None:
        """The same tensor, made so that it does not overflow on the way to an ordinary number.

        Its value is computed in place of that of `node`. It may leave out what lies between
        (logsumexp(x) leaves out the exp(x) in log(sum(exp(x)))), but no node in `kept`.
        """
        return None

    def batch(self, node: Node, inputs: Sequence[Tensor], batched: Sequence[bool]) -> Tensor | None:
        """The operation on inputs of which the `batched` ones have an extra leading axis.

        None says that the operation has no rule of its own: it is then applied to each example
        in turn and the results are stacked.
        """
        return None

    def decompose(self, node: Node) -> Tensor | None:
        """The same tensor by simpler operations, for native programs; None if there is no need."""
        return None

    def start(self, dtype: DType) -> Any:
        """For reductions that `combine`: the value over nothing."""
        raise NotImplementedError(f"{self.name} defines no start")

    def params_text(self, node: Node) -> str:
        """The static parameters for a reader, as in ``axes=(0,)``."""
        labels = self.param_names or tuple(f"p{i}" for i in range(len(node.params)))
        return ", ".join(f"{k}={v!r}" for k, v in zip(labels, node.params, strict=True))

    def c_function(self, node: Node) -> tuple[int, Any] | None:
        """A function in C that native programs call to compute its elements, with its number."""
        return None

    def graphs(self, node: Node) -> tuple[Subgraph, ...]:
        """The graphs that it holds and runs, for loops and branches."""
        return ()

    def nan_origins(self, node: Node) -> dict[int, str]:
        """By the number of a result, what made the nan in it; of an operation that holds graphs."""
        return {}

    def rounds(self, node: Node) -> int:
        """About how often the graphs that it holds are run."""
        return 1

    def lowers(self, node: Node) -> bool:
        """Whether native loops can compute this very node."""
        return self.native

    def is_row_generic(self, node: Node) -> bool:
        """Whether the native rule is the same for any number of rows, elements along axis 0."""
        return self.pointwise or self.combine is not None

    def flops(self, node: Node) -> int:
        """The floating-point operations for an element, an elementary function being one."""
        return int(self.pointwise or self.combine is not None)

    def elements_read(self, node: Node, child: Node, count: int) -> int:
        """How many elements of the input `child` are read to compute `count` of the result."""
        return count

    def part_offset(self, node: Node) -> int | None:
        """The element of the input at which the result begins, if it lies there in one piece."""
        return None

    def result_taken(self, node: Node) -> int | None:
        """Which of the results that are packed in its input it is; None of other operations."""
        return None

    def packed_results(self, node: Node) -> Sequence[Result]:
        """The results that are packed in a node, in order, for operations of several results."""
        return ()

    def call_derived(self, node: Node) -> Any:
        """The `call` of results of which the node computes derivatives; None if of none."""
        return None

    def indexed(self, node: Node) -> Sequence[tuple[Node, int, int]]:
        """The inputs that are indices: each with the axis into which it points, and its size."""
        return ()

    def cache_key(self, node: Node) -> tuple[Any, ...]:
        """What code for the node depends on beside its structure: what its constant inputs hold."""
        return ()

    def scattered_axes(self, node: Node) -> range:
        """For operations that `scatter`: the axes of the input along which indices say where its
        elements are added. Along others neighbours stay neighbours."""
        raise NotImplementedError(f"{self.name} defines no axes that it scatters")

    def target(self, node: Node, index: Index, loops: Loops) -> Index:
        """For operations that `scatter`: where the element at `index` of the input is added."""
        raise NotImplementedError(f"{self.name} defines no target")

    def lower(self, node: Node, index: Index, loops: Loops) -> Any:
        """One element of the result, at `index`, as a scalar of the emitter of `loops`."""
        raise NotImplementedError(f"{self.name} defines no lower rule")

    def __repr__(self) -> str:
        return f"<operation {self.name}>"


def register(op: Operation) -> Operation:
    """Enter `op` into the registry, and so into every test; returns it."""
    if op.name in OPS:
        raise ValueError(f"an operation named {op.name!r} is registered already")
    OPS[op.name] = op
    return op


def public(function: Function) -> Function:
    """Enter what users call into the table, and bind it where `adjoint.graph.calls` declares it.

    Arguments in bfloat16 reach it in float32, and its results are rounded (see `storage`).
    """
    return public_storage(through_float32(function))


def public_storage(function: Function) -> Function:
    """As `public`, of a function that sees itself to arguments in bfloat16."""
    name = function.__name__
    FUNCTIONS[name] = function
    return calls.bind(function) if name in calls.DECLARED else function


def public_as(name: str) -> Callable[[Named], Named]:
    """Enter into the table under another name, also of several parts: "fft.rfft", "add.reduce"."""

    def enter(named: Named) -> Named:
        is_known = FUNCTIONS.get(getattr(named, "__name__", "")) is named
        FUNCTIONS[name] = found = named if is_known else through_float32(named)
        return found

    return enter


def through_float32(function: Named) -> Named:
    """`function`, called through `calls.in_float32` for arguments in bfloat16; a class, or another
    thing that is called, as it is."""
    if not isinstance(function, FunctionType):
        return function
    modules, storage = sys.modules, calls

    def call(*args: Any, **kwargs: Any) -> Any:
        if "ml_dtypes" in modules and storage.has_stored(args, kwargs):
            return storage.in_float32(function, args, kwargs)
        return function(*args, **kwargs)

    # with the globals of its module, by which readers of docstrings tell where it is from
    name, home = function.__name__, function.__globals__
    found = FunctionType(call.__code__, home, name, None, call.__closure__)
    return wraps(function)(found)  # type: ignore[return-value]


def find(name: str) -> Op:
    """The operation called `name`."""
    try:
        return OPS[name]
    except KeyError:
        raise UnknownNameError(
            f"there is no operation {name!r}; see adjoint.graph.op.OPS"
        ) from None
