"""The schedule: what is fused, in which order steps run, and where intermediate results lie."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from typing import Any, get_args

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import GraphError
from adjoint.graph.node import Node
from adjoint.graph.order import topological_order
from adjoint.passes.vector_products import products_with_vectors
from adjoint.schedule.memory import ALIGNMENT, plan_memory
from adjoint.schedule.nests import even_blocks
from adjoint.schedule.ordering import in_order
from adjoint.schedule.plan import (
    SCALAR,
    Alias,
    Gemm,
    Kernel,
    Nest,
    NumpyCall,
    Schedule,
    Step,
    nbytes,
)
from tests.native.fuzzing.random_programs import program, together
from tests.schedule.programs import EXPECTED, PROGRAMS, report_text

pytestmark = pytest.mark.unit

GROUPS = [range(seed, seed + (1, 3, 15)[seed // 40 % 3]) for seed in range(60_000, 62_400, 40)]


@cache
def schedule_of(seeds: range) -> Schedule:
    """The schedule of random programs compiled together."""
    programs = [program(seed) for seed in seeds]
    traced = ad.compile(together(programs)).trace(*[p.inputs for p in programs])
    found: Schedule = traced.schedule
    return found


def traced(f: Any, *arguments: Any) -> Any:
    return ad.compile(f).trace(*arguments)


def names(f: Any, *arguments: Any) -> list[str]:
    """The kinds of the steps of a function, but for those without work."""
    return [s.name for s in traced(f, *arguments).schedule.steps if not s.is_view]


# what is fused


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_schedules_of_typical_programs(name: str) -> None:
    """If a change is meant: python -m tests.schedule.programs, and look at the difference."""
    assert report_text(name) == (EXPECTED / f"{name}.txt").read_text(encoding="utf-8")


X = np.ones((30, 20))


@pytest.mark.parametrize(("rows", "steps"), [(500, [False]), (700, [True])])
def test_threads_share_what_moves_much_memory(rows: int, steps: list[bool]) -> None:
    """One sum per element is little work, but not 1.1 MB that are read and written."""
    x = np.ones((rows, 200), np.float32)
    schedule = traced(lambda x: ad.maximum(x, 0.0), x).schedule
    assert [s.in_chunks for s in schedule.steps] == steps


def test_equal_steps_have_equal_kernels_back_and_forth() -> None:
    """What the kernels of a step share with those before is stored, not computed in each again:
    without that the adjoints of all later steps are computed in the kernel of each."""

    def diffusion(u: Any) -> Any:
        for _ in range(12):
            u = u + 0.1 * (ad.roll(u, 1) + ad.roll(u, -1) - 2 * u) * (1 + u * u)
        return ad.sum(u**2)

    found = traced(ad.grad(diffusion), np.ones(50)).schedule
    sizes = [len(s.inlined) + len(s.roots) for s in found.steps if isinstance(s, Kernel)]
    assert len(sizes) == 24
    assert len(set(sizes)) <= 5 and max(sizes) <= 40


def test_a_chain_of_steps_that_read_at_two_indices_is_scheduled_in_linear_time() -> None:
    """Computed in one kernel, the first would be written 2⁴⁰ times."""

    def f(x: Any) -> Any:
        for _ in range(40):
            x = x * (1 - x * x) + x[::-1] * 0.1
        return ad.sum(x)

    with ad.options(roll_loops=False):
        found = traced(ad.grad(f), np.ones(16)).schedule
    assert max(len(k.nodes) for step in found.steps for k in step.kernels) < 60


def test_what_each_row_would_compute_again_is_stored_if_it_is_a_division() -> None:
    """A division in each kernel is as cheap as reading its result, but not one for each row."""
    in_each_kernel = traced(lambda x, y: (ad.sum(x / y), ad.sum(x / y, axis=0)), X, X).schedule
    assert all(n.op.name == "sum" for step in in_each_kernel.steps for n in step.roots)
    for_each_row = traced(lambda x: x + 1.0 / ad.sum(x, axis=0), X).schedule
    assert [[n.op.name for n in step.roots] for step in for_each_row.steps] == [
        ["sum"],
        ["divide"],
        ["add"],
    ]


def test_elementwise_chains_are_one_kernel() -> None:
    assert names(lambda x: ad.sin(x) * ad.exp(-x) + x.T.T / 2.0, X) == ["kernel"]


def test_a_sum_fuses_with_its_summands() -> None:
    for axis in (None, 0, 1, (0, 1)):
        assert names(lambda x, axis=axis: ad.sum(ad.sin(x) * x, axis=axis), X) == ["kernel"]


def test_value_and_gradient_of_a_sum_are_one_kernel() -> None:
    assert names(ad.value_and_grad(lambda x: ad.sum(ad.sin(x) * x)), X) == ["kernel"]


def test_products_take_transposes_along() -> None:
    for f in (lambda x: x.T @ x, lambda x: x @ x.T, lambda x: ad.permute_dims(x, (1, 0)) @ x):
        assert [step.name for step in traced(f, X).schedule.steps] == ["gemm"]


BY_A_VECTOR: dict[str, Any] = {
    "matrix times vector": lambda a, u, v: a @ v,
    "vector times matrix": lambda a, u, v: u @ a,
    "transpose times vector": lambda a, u, v: a.T @ u,
    "vector times transpose": lambda a, u, v: v @ a.T,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BY_A_VECTOR)
def test_a_computed_matrix_is_not_stored_for_a_vector(name: str, dtype: str) -> None:
    """It is a sum in the loops that compute it; a stored one is left to a product."""
    product, rng = BY_A_VECTOR[name], np.random.default_rng(0)
    a, u, v = (rng.normal(size=shape).astype(dtype) for shape in ((90, 70), 90, 70))

    def computed(a: Any, u: Any, v: Any) -> Any:
        return product(ad.maximum(a, 0.5), u, v)

    found = traced(computed, a, u, v)
    assert {step.name for step in found.schedule.steps if not step.is_view} <= {"kernel", "nest"}
    assert max(nbytes(n) for step in found.schedule.steps for n in step.roots) <= 90 * a.itemsize
    result = ad.compile(computed)(a, u, v).numpy()
    assert result.dtype == dtype
    wanted = product(np.maximum(a.astype(float), 0.5), u.astype(float), v.astype(float))
    np.testing.assert_allclose(result, wanted, rtol=1e-13 if dtype == "float64" else 1e-4)
    for stored in (lambda a: a, lambda a: a[3:], lambda a: ad.reshape(a, (45, 140))[:, 10:]):
        parts = stored(ad.asarray(a)).shape
        x, y = np.ones(parts[0], dtype), np.ones(parts[1], dtype)
        steps = names(lambda a, x=x, y=y, s=stored: product(s(a), x, y), a)
        assert "gemm" in steps


def test_a_matrix_that_many_products_read_is_stored() -> None:
    def power(a: Any, v: Any) -> Any:
        b = ad.maximum(a, 0.5)
        for _ in range(3):
            v = b @ v / 90.0
        return v

    a, v = np.random.default_rng(0).normal(size=(90, 90)), np.ones(90)
    assert names(power, a, v).count("gemm") == 3
    b = np.maximum(a, 0.5) / 90.0
    np.testing.assert_allclose(ad.compile(power)(a, v).numpy(), b @ (b @ (b @ v)), rtol=1e-12)


def test_a_long_chain_of_moves_before_a_product() -> None:
    def rolled(a: Any, v: Any) -> Any:
        for _ in range(1500):
            a = ad.concat([a[1:], a[:1]], axis=0)
        return a @ v

    a, v = np.random.default_rng(0).normal(size=(20, 30)), np.ones(30)
    node = rolled(ad.asarray(a), ad.variable(v)).node
    found = {node.op.name for node in topological_order(products_with_vectors((node,), ()))}
    assert "matmul" in found and "sum" not in found


def test_a_product_with_a_vector_keeps_nan_and_infinity() -> None:
    a, v = np.zeros((20, 30)), np.zeros(30)
    a[3, 4], a[5, 6], v[6] = np.nan, np.inf, 2.0
    result = ad.compile(lambda a, v: ad.negative(a) @ v)(a, v).numpy()
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(result, np.sum(-a * v, 1))


@pytest.mark.parametrize(
    ("rows", "most", "block"),
    [(64, 31, 24), (64, 32, 32), (64, 100, 64), (7, 3, 3), (10, 9, 5), (1024, 31, 32), (1, 1, 1)],
)
def test_blocks_of_rows_are_even(rows: int, most: int, block: int) -> None:
    assert even_blocks(rows, most) == block


def test_a_reshape_is_no_work() -> None:
    assert names(lambda x: ad.reshape(x @ x.T, (90, 10)), X) == ["gemm"]


def test_what_has_no_native_code_is_a_call_to_numpy() -> None:
    assert names(lambda x: ad.sort(ad.sin(x), axis=1) * 2.0, X).count("numpy") == 1


def test_no_step_computes_what_nobody_uses() -> None:
    f = traced(lambda x: (ad.sin(x), ad.sort(ad.cos(x)))[0], X)
    assert [s.name for s in f.schedule.steps] == ["kernel"]
    assert [n.op.name for n in f.schedule.steps[0].roots] == ["sin"]


def test_outputs_that_are_inputs_or_constants_need_no_step() -> None:
    assert names(lambda x: (x, ad.ones(3), x), X) == []


def test_parts_of_a_concatenation_are_computed_in_place() -> None:
    """Each element once, so that storing the parts would bring nothing."""
    expensive = lambda x: ad.sin(x) * ad.exp(x)
    assert names(lambda x: ad.concat([expensive(x[:9]), ad.cos(x[3:])]), X) == ["kernel"]
    assert names(lambda x: x + ad.pad(expensive(x[1:]), ((1, 0), (0, 0))), X) == ["kernel"]
    assert names(lambda x: x + expensive(x[0]), X) == ["kernel"] * 2


def test_numbers_that_nothing_reads_are_one_kernel() -> None:
    """Wherever on the way they are known."""

    def f(x: Any) -> Any:
        first = ad.sum(x)
        second = ad.sum(ad.sin(x) / first)
        return first * 2, second * 3, ad.sum(ad.cos(x) / second) * 4

    compiled = traced(f, X)
    numbers = [s for s in compiled.schedule.steps if getattr(s, "domain", None) == ()]
    assert [len(step.roots) for step in numbers] == [3]


def test_fusion_moves_fewer_bytes() -> None:
    for name, (f, arguments) in PROGRAMS.items():
        compiled = ad.compile(f)
        compiled.trace(*arguments)
        report = compiled.report()
        assert report.bytes_moved < report.bytes_before, name
        assert report.kernels < report.operations, name


# what steps say of themselves


@pytest.mark.parametrize(
    ("a", "b", "multiplications"),
    [((3, 4), (4, 5), 60), ((2, 3, 4), (2, 4, 5), 120), ((2, 3, 4), (4, 5), 120)],
)
def test_the_flops_of_a_product_count_the_axis_that_is_summed(
    a: tuple[int, ...], b: tuple[int, ...], multiplications: int
) -> None:
    """A multiplication and an addition each, in stacks of matrices too, transposed or not."""
    x, y = np.ones(a), np.ones(b)
    for f, arguments in (
        (ad.matmul, (x, y)),
        (lambda x, y: ad.matmul(x.mT, y), (np.swapaxes(x, -1, -2), y)),
        (lambda x, y: ad.matmul(x, y.mT), (x, np.swapaxes(y, -1, -2))),
    ):
        compiled = ad.compile(f)
        compiled.trace(*arguments)
        assert compiled.report().flops == 2 * multiplications


def test_steps_say_what_they_are() -> None:
    """NumPy sorts numbers of elements; the kernel looks whether these lie in bounds."""
    steps = traced(lambda x: ad.sort(ad.reshape(x @ x.T, (90, 10)), axis=1) * 2.0, X).schedule.steps
    said = {s.name: (s.is_view, s.calls_python, s.can_fail, s.operations) for s in steps}
    assert said == {
        "gemm": (False, False, False, 1),
        "alias": (True, False, False, 1),
        "numpy": (False, True, True, 1),
        "kernel": (False, False, True, 2),
    }


def test_a_kernel_can_fail_only_where_it_looks_at_an_index() -> None:
    """At one that is constant it was looked before."""

    def fails(f: Any, *arguments: Any) -> list[bool]:
        return [step.can_fail for step in traced(f, *arguments).schedule.steps]

    rows = np.array([1, 2])
    assert not any(fails(lambda x: ad.take(x, rows, axis=0) * 2.0, X))
    assert any(fails(lambda x, i: ad.take(x, i, axis=0) * 2.0, X, rows))


# the order of steps


def parts_of(step: Step) -> Sequence[Any]:
    """The kernels of a step, or a call as it is."""
    return step.kernels or [step]


@pytest.mark.parametrize("seeds", GROUPS, ids=lambda s: f"{s.start}+{len(s)}")
def test_every_read_follows_a_write(seeds: range) -> None:
    """Each result is written once, by one step; outputs are written, or were there before."""
    schedule = schedule_of(seeds)
    there = {*schedule.inputs, *schedule.constants}
    for step in schedule.steps:
        for part in parts_of(step):
            own = set(part.roots)
            for node in part.reads:
                assert node in there or node in own, f"{node!r} is read by {part.name} too early"
            assert not own & there, f"{own & there} is written twice"
            there |= own
    assert set(schedule.outputs) <= there


@pytest.mark.parametrize("seeds", GROUPS[::4], ids=lambda s: f"{s.start}+{len(s)}")
def test_each_kernel_contains_what_it_computes(seeds: range) -> None:
    """What a kernel inlines is computed from what it reads, and not stored by it."""
    schedule = schedule_of(seeds)
    for step in schedule.steps:
        for kernel in step.kernels:
            known = {*kernel.reads}
            assert not set(kernel.roots) & set(kernel.inlined)
            inside = {*kernel.nodes}
            for node in inside:
                for child in node.inputs:
                    assert child in inside or child in known or child.op.name == "constant"


@pytest.mark.parametrize("seed", range(20))
def test_steps_in_any_order_are_sorted(seed: int) -> None:
    schedule = schedule_of(GROUPS[3 * (seed % 19) + 2])
    steps = [part for step in schedule.steps for part in parts_of(step)]
    random.Random(seed).shuffle(steps)
    found = in_order(steps)
    assert len(found) == len(steps) and set(found) == set(steps)
    writer = {root: place for place, step in enumerate(found) for root in step.roots}
    for place, step in enumerate(found):
        for node in step.reads:
            assert writer.get(node, -1) < place or node in step.roots


def test_steps_that_wait_for_each_other_are_refused() -> None:
    a, b = traced(lambda x: (ad.sin(x), ad.cos(x)), X).outputs
    first, second = Kernel((30, 20), [a], [], [b]), Kernel((30, 20), [b], [], [a])
    with pytest.raises(GraphError, match="wait for each other"):
        in_order([first, second])


# the memory plan


def lifetimes(schedule: Schedule, home: dict[Node, tuple[Node, int]]) -> dict[Node, Any]:
    """For each node that lies in the block: the first and the last step that touches it."""
    found: dict[Node, list[int]] = {}
    for time, step in enumerate(schedule.steps):
        for node in (*step.roots, *step.reads):
            place = home.get(node, (node, 0))[0]
            found.setdefault(place, [time, time])[1] = time
    return found


@pytest.mark.parametrize("seeds", GROUPS, ids=lambda s: f"{s.start}+{len(s)}")
def test_nothing_alive_at_the_same_time_overlaps(seeds: range) -> None:
    schedule = schedule_of(seeds)
    plan = plan_memory(schedule)
    alive = lifetimes(schedule, plan.storage)
    needs = {node: nbytes(node) for node in plan.offsets}
    for node, (leader, place) in plan.storage.items():
        if leader in needs:
            needs[leader] = max(needs[leader], place + (nbytes(node) or SCALAR))
    blocks = []
    for node, offset in plan.offsets.items():
        assert offset % ALIGNMENT == 0
        assert 0 <= offset and offset + needs[node] <= plan.size
        blocks.append((offset, offset + needs[node], *alive[node], node))
    for i, (start, stop, first, last, node) in enumerate(blocks):
        for start2, stop2, first2, last2, other in blocks[:i]:
            if first <= last2 and first2 <= last:
                assert stop <= start2 or stop2 <= start, f"{node!r} and {other!r} overlap"
    assert plan.size <= plan.unshared


@pytest.mark.parametrize("seeds", GROUPS, ids=lambda s: f"{s.start}+{len(s)}")
def test_every_stored_node_has_memory(seeds: range) -> None:
    """In the block, in another's memory, in a nest, or given from outside."""
    schedule = schedule_of(seeds)
    plan = plan_memory(schedule)
    outside = {*schedule.inputs, *schedule.outputs, *schedule.constants}
    local = {n for step in schedule.steps for n in step.local}
    for leader, _ in plan.storage.values():
        assert plan.storage.get(leader, (leader, 0)) == (leader, 0), "a place within a place"
    for step in schedule.steps:
        for node in (*step.roots, *step.reads):
            if node in local or node in outside:
                assert node not in plan.offsets
                continue
            home = plan.storage.get(node, (node, 0))[0]
            assert home in plan.offsets or home in outside or node.op.name == "constant"
            assert home not in local


def test_memory_is_shared_along_a_chain() -> None:
    """A chain of sorts needs two blocks, however long it is."""

    def f(x: Any) -> Any:
        for _ in range(50):
            x = ad.sort(ad.sin(x), axis=0)
        return x

    plan = plan_memory(traced(f, X).schedule)
    assert plan.unshared >= 90 * X.nbytes
    assert plan.size <= 3 * X.nbytes + 3 * ALIGNMENT


def test_packed_scalars_do_not_overlap() -> None:
    def f(x: Any) -> Any:
        for _ in range(800):
            x = ad.sin(x) * 1.5 + ad.cos(x)
        return x

    schedule = traced(f, 0.5).schedule
    places = list(schedule.packed.values())
    assert len(places) == len(set(places))
    assert all(place % SCALAR == 0 for _, place in places)


def test_the_kinds_of_steps_are_known() -> None:
    kinds = {type(step) for seeds in GROUPS for step in schedule_of(seeds).steps}
    assert {Kernel, Nest, Gemm, Alias, NumpyCall} <= kinds <= set(get_args(Step))
