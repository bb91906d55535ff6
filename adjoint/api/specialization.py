"""A compiled function for one signature: its graph, its schedule, and the ways to run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from adjoint.api.arguments import function_name, output_of
from adjoint.api.donation import Array, Donation
from adjoint.api.fast_tree import REFUSED, builder_for, refuse
from adjoint.api.graph_first import evaluate
from adjoint.api.labelling import Found, labelled, labels_among, tracing_origins
from adjoint.api.signature import Leaf, contiguous, is_open, tree_of
from adjoint.api.size_plans import FilledPlan, SizePlans, form_of
from adjoint.api.tree import flatten
from adjoint.backends import interpreter
from adjoint.backends.interpreter import Evaluator
from adjoint.backends.open_graph import GraphForm
from adjoint.errors import ConcretizationError
from adjoint.graph import engine
from adjoint.graph.arrays import scalar_value
from adjoint.graph.forking import building
from adjoint.graph.labels import Labels, meeting
from adjoint.graph.leaf import has_escaped, is_weak, variable, variable_node
from adjoint.graph.node import Node, Scope
from adjoint.graph.order import topological_order
from adjoint.graph.recording import Recording
from adjoint.graph.tensor import Tensor, as_stored, from_array
from adjoint.graph.types import DType
from adjoint.ops import records
from adjoint.passes.kink_questions import asked_in_a_branch
from adjoint.passes.pipeline import optimise
from adjoint.passes.rewriting import owned
from adjoint.schedule.fuse import schedule
from adjoint.schedule.plan import Schedule
from adjoint.tracing.generators import constant_draws_warned_of
from adjoint.transforms.substitute import substitute


def _narrowed(inputs: Sequence[Node], order: Iterable[Node]) -> list[tuple[int, DType]]:
    """The numbers of the inputs that stand for Python integers and take the dtype of narrower
    ones, or of unsigned ones, which they meet; with that dtype."""
    weak = {x: i for i, x in enumerate(inputs) if x.dtype.kind == "i" and is_weak(x)}
    found: set[tuple[int, DType]] = set()
    for node in order if weak else ():
        if node.op is records.astype and node.dtype.kind in "iu" and node.inputs[0] in weak:
            found.add((weak[node.inputs[0]], node.dtype))
    return list(found)


def _check_values(inputs: Sequence[Node], order: Iterable[Node]) -> None:
    """Raise `ConcretizationError` if a variable of another function, which is done, is read."""
    own = set(inputs)
    for node in order:
        if node.op is variable and node not in own and has_escaped(node):
            raise ConcretizationError(interpreter.no_value(node))


class Specialization:
    """A compiled function for one signature: its graph between `inputs` and `outputs`, that graph
    optimised, its schedule, and its program."""

    def __init__(
        self,
        f: Any,
        structure: Any,
        leaves: Sequence[Leaf],
        call: Any,
        labels: Sequence[Labels],
        plans: SizePlans | None = None,
    ) -> None:
        scope = Scope(abstract=True)
        self.leaves = leaves
        self.inputs = [variable_node(None, x.shape, x.dtype, scope, weak=x.weak) for x in leaves]
        try:
            watch = constant_draws_warned_of("compile", f)
            with (
                engine.using(interpreter.evaluate),
                Recording() as recorder,
                watch,
                tracing_origins(self.inputs) as origins,
                meeting(labels) as met,
            ):
                result = call(structure.unflatten(map(Tensor, self.inputs)))
        finally:
            scope.close()
        self.rolled = recorder.rolled
        outputs, self.structure = flatten(result)
        self.constants = [x for x in met if x not in labels]
        """The labels of the labelled arrays that it holds."""
        self.origins = origins.of(outputs)
        """By the numbers of results that are like an argument the number of its leaf."""
        self.tree = tree_of(result)
        self.unflatten = builder_for(result, self.structure)
        self.outputs = [output_of("compile", function_name(f), y, as_stored).node for y in outputs]
        order = topological_order([*self.inputs, *self.outputs])
        _check_values(self.inputs, order)
        self.narrowed = _narrowed(self.inputs, order)
        self.is_part = any(map(is_open, self.outputs))
        """Whether it closes over what somebody differentiates, of whose graph it is a part."""
        self.plans = None if self.is_part else plans
        """Those for other sizes, too, if sizes may be left open."""
        self.form: GraphForm | None = None
        """The graph as it was traced, to be compared with those of other sizes."""
        self.filled = None if self.plans is None else self.find_plan(self.plans, order)
        """What answers the first calls, if there is a plan for this size."""
        self.built: Any = None
        """The program, if it was needed yet."""
        self.donated: Sequence[int] = ()
        """The numbers of the leaves that calls donate."""
        self.donation: Donation | None = None
        """What calls donate."""
        self._optimised: list[Node] | None = None
        self._schedule: Schedule | None = None
        self._entry: Any = None
        self._was_entered = False
        self._evaluator: Evaluator | None = None
        self.direct: Any = None
        """The native entry that is the compiled function itself."""

    def find_plan(self, plans: SizePlans, order: Sequence[Node]) -> FilledPlan | None:
        """What answers the first calls, if there is a plan for this size."""
        if plans.may_have_one():
            self.form = form_of(self.inputs, self.outputs, order)
        return None if self.form is None else plans.find(self.form)

    # Not functools.cached_property: until Python 3.12 it holds a lock, also in a forked child.

    @property
    def optimised(self) -> list[Node]:
        """The outputs of the optimised graph, made when first needed."""
        if self._optimised is None:
            with building:
                if self._optimised is None:
                    if self.plans is not None and self.form is None:
                        self.form = form_of(self.inputs, self.outputs)  # before nodes have values
                    branched = asked_in_a_branch(self.outputs, self.inputs)
                    self._optimised = owned(optimise(branched, self.inputs), self.inputs)
        return self._optimised

    @property
    def schedule(self) -> Schedule:
        """The schedule, made when first needed: not by a program that was found on disk."""
        if self._schedule is None:
            with building:
                if self._schedule is None:
                    self._schedule = schedule(self.inputs, self.optimised)
        return self._schedule

    @property
    def program(self) -> Any:
        """The program, made when first needed."""
        if self.built is None:
            is_made = False
            with building:
                if self.built is None:
                    from adjoint.backends.llvm.program.kept_program import Traced, program_of

                    weak = [x.weak for x in self.leaves]
                    ends = self.inputs, self.outputs
                    traced = Traced(*ends, weak, self.tree, self.donated, lambda: self.schedule)
                    self.built = program_of(traced)
                    is_made = True
                    if self.filled is not None:
                        self.built.stepwise_calls_left = self.filled.calls_left
            if is_made and self.plans is not None and self.form is not None:
                self.plans.add(self.form, self.built, is_new=self.filled is None)
                self.form = None
        return self.built

    def donate(self, donated: Sequence[int], to: str) -> None:
        """Have calls donate these leaves, by number, to function `to`. Before it has a program."""
        self.donated = donated
        program = self.filled if self.is_filled else self.program
        assert program is not None
        self.donation = Donation(self.inputs, donated, to, program.reuse)

    def bind(self, slow: Callable[..., Any]) -> Any:
        """The native entry, which hands what does not fit to `slow`; that itself if there is no
        such entry."""
        donations = None if self.donation is None else self.donation.donations
        return self.program.bind("compiled", slow, self.unflatten, donations)

    @property
    def entry(self) -> Any:
        """The native entry, which answers `REFUSED` to what does not fit."""
        if self._entry is None:
            self._entry = self.bind(refuse)
        return self._entry

    @property
    def can_enter(self) -> bool:
        """Whether calls may go through the native entry."""
        if self.narrowed:  # somebody must look at the numbers
            return False
        if self.is_filled:
            return False
        return not self.program.is_stepwise and (self.donation is None or self.donation.is_sure)

    @property
    def is_called(self) -> bool:
        """Whether there is a program, or what stands for one."""
        return self.built is not None or self.filled is not None

    @property
    def is_filled(self) -> bool:
        """Whether the plan that was filled in answers the next call."""
        if self.filled is None or self.built is not None:
            return False
        return self.filled.calls_left > 0

    def enter(self, leaves: Sequence[Any]) -> Any:
        """The result for settled leaves, by the native entry if they fit; but to bind one takes
        longer than the first call itself, and calls that follow may not come here."""
        if self._entry is None and not self._was_entered:
            self._was_entered = True
            return self.run(*leaves)
        result = self.entry(*leaves)
        if result is not REFUSED:
            return result
        if self.donation is not None:
            return self.run(*leaves)
        arrays = self.arrays(leaves)
        known = zip(self.leaves, leaves, arrays, strict=True)
        result = self.entry(*[x if leaf.weak else array for leaf, x, array in known])
        return self.run_into({}, arrays) if result is REFUSED else result

    def run(self, *leaves: Any) -> Any:
        """The result for leaves of this signature, whatever their layout.

        It lies in the memory of donated leaves where that can be; they are donated.
        """
        if self.donation is None:
            return self.run_into({}, self.arrays(leaves))
        return self.run_into(*self.donation.take(leaves, self.arrays))

    def run_into(self, into: Mapping[int, Array], arrays: Sequence[Array]) -> Any:
        """The result for arrays in row-major order, some outputs written `into` given arrays."""
        program = self.filled if self.is_filled else self.program
        assert program is not None
        try:
            results = [from_array(array) for array in program.run(arrays, into)]
        except program.failed:
            results = self.interpret(arrays)
        return self.unflatten(results)

    def check_labels(self, found: Found) -> None:
        """Raise `LabelsError` if labelled arguments do not fit to labelled arrays it holds, or to
        one another."""
        with meeting([*self.constants, *labels_among(found)]):
            pass

    def labelled(self, result: Any, found: Found) -> Any:
        """A result, its leaves that are like labelled arguments under the labels of these."""
        origins = self.origins.items()
        return labelled({n: found[leaf] for n, leaf in origins if leaf in found}, result)

    def arrays(self, leaves: Sequence[Any]) -> list[Array]:
        """The values of leaves, in row-major order; `TooLargeError` at a Python integer that does
        not fit into the dtype it takes."""
        for number, dtype in self.narrowed:
            scalar_value(leaves[number], dtype)
        engine.compute_pending(x.node for x in leaves if type(x) is Tensor)
        return [contiguous(x, leaf) for x, leaf in zip(leaves, self.leaves, strict=True)]

    def interpret(self, arrays: Sequence[Array]) -> list[Tensor]:
        """The outputs by the interpreter, which raises what native code can only notice."""
        given = dict(zip(self.inputs, map(from_array, arrays), strict=True))
        with engine.using(interpreter.evaluate):
            return evaluate(substitute(self.outputs, given))  # type: ignore[no-any-return]

    @property
    def evaluator(self) -> Evaluator:
        """The optimised graph, evaluated by NumPy."""
        if self._evaluator is None:
            self._evaluator = Evaluator(self.inputs, self.optimised)
        return self._evaluator

    def run_without_native(self, leaves: Sequence[Any]) -> Any:
        """The result by NumPy alone."""
        return self.unflatten([from_array(array) for array in self.evaluator(self.arrays(leaves))])
