"""What compiling costs, in counts: nodes, modules, instructions of LLVM. They do not flicker, as
seconds do. What the rows of the speed table cost so is in `benchmarks.instructions`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.specialization import Specialization
from adjoint.backends.llvm.compile import jit, kernel_cache
from adjoint.graph.order import topological_order
from adjoint.schedule import in_place
from adjoint.schedule.memory import plan_memory
from tests.counting import calls

pytestmark = pytest.mark.native


class Counts(NamedTuple):
    """What a program is made of."""

    nodes: int
    modules: int
    instructions: int


def instructions(text: str) -> int:
    """How many instructions there are in the functions of a module, but for the one that only
    lets other threads run meanwhile, as long programs do."""
    count = 0
    counts = False
    for line in text.splitlines():
        if line.startswith("define"):
            counts = "adjoint_call" not in line
        count += counts and line.startswith("  ")
    return count


def kernel_texts(found: Specialization) -> list[str]:
    """The modules with the kernels of a program."""
    files = kernel_cache.module_texts(found.program.writer.all_kernels())
    return [text for texts in files for text in texts.values()]


def counts_of(found: Specialization) -> Counts:
    """What the program of a signature is made of."""
    program = found.program
    texts = [*kernel_texts(found), program.llvm_text()]
    nodes = len(topological_order(found.optimised))
    return Counts(nodes, len(texts), sum(map(instructions, texts)))


def scanned(steps: int) -> Callable[[Any], Any]:
    """The gradient of a scan."""

    def loss(x: Any) -> Any:
        last, seen = ad.scan(lambda h, _: (ad.sin(h) * x + h, h), x, None, steps)
        return ad.sum(last) + ad.sum(seen)

    return ad.grad(loss)


def repeated(steps: int) -> Callable[[Any], Any]:
    """A loop of which only the last state is wanted, and its derivative in forward mode."""
    return lambda x: ad.jvp(
        lambda x: ad.fori_loop(0, steps, lambda _, h: ad.cos(h) + x, x), (x,), (x,)
    )


def as_long_as(steps: int) -> Callable[[Any], Any]:
    """The gradient of a loop whose number of rounds is known when it has run."""

    def loss(x: Any) -> Any:
        return ad.sum(
            ad.while_loop(lambda s: s[0] < steps, lambda s: (s[0] + 1, ad.sin(s[1]) * x), (0, x))[1]
        )

    return ad.grad(loss)


def in_batches(steps: int) -> Callable[[Any], Any]:
    """A loop over many examples at once, and the Hessian by what it reads from outside."""

    def last(x: Any, h: Any) -> Any:
        return ad.sum(ad.scan(lambda h, _: (ad.tanh(h * x), None), h, None, steps)[0])

    return lambda x: ad.vmap(ad.hessian(last), (None, 0))(x, ad.stack([x, x + 1.0]))


FOR_LONG_LOOPS = 140
"""Instructions that a loop of more than some thousand steps has beside those of a short one: it
looks for signals, and what it stacks is read by loops that know no sizes."""


@pytest.mark.parametrize("loop", [scanned, repeated, as_long_as, in_batches])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_million_steps_are_no_more_code_than_ten(loop: Any, shape: tuple[int, ...]) -> None:
    x = np.full(shape, 0.5)
    ten, million, more = (
        counts_of(ad.compile(loop(steps)).trace(x)) for steps in (10, 1_000_000, 10_000_000)
    )
    assert million == more
    assert million.modules == ten.modules
    assert million.nodes <= ten.nodes + 1  # a short array of one number is held as it is
    assert million.instructions <= ten.instructions + FOR_LONG_LOOPS


def chain(steps: int) -> Callable[[Any], Any]:
    """A chain of operations that does not repeat."""
    chosen = np.random.default_rng(0).integers(0, 4, steps)

    def loss(x: Any) -> Any:
        y = x
        for which in chosen:
            y = (ad.sin(y), y * 1.1, y + x, ad.tanh(y))[which]
        return ad.sum(y)

    return loss


@pytest.mark.parametrize("derivative", [ad.value_and_grad, ad.jacobian, ad.hessian])
@pytest.mark.parametrize("shape", [(), (3,), (9,)])
@pytest.mark.parametrize("length", [120, 240])
def test_an_operation_of_a_long_chain_is_a_few_instructions(
    derivative: Any, shape: tuple[int, ...], length: int
) -> None:
    """Elementary functions are called: each of them is some sixty instructions."""
    found = counts_of(ad.compile(derivative(chain(length))).trace(np.full(shape, 0.5)))
    assert found.instructions < 15 * found.nodes


@pytest.mark.parametrize("shape", [(3,), (9,), (500,)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_that_are_called_compute_what_inlined_ones_do(
    shape: tuple[int, ...], dtype: str
) -> None:
    """Also for arguments of which only some take the slow path."""
    x = np.linspace(0.1, 1.0, shape[0]).astype(dtype)
    x[::2] *= 1e5
    f = ad.value_and_grad(chain(100))
    for found, wanted in zip(ad.compile(f)(x), f(x), strict=True):
        tolerance = 2e-3 if dtype == "float32" else 1e-9
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


def test_what_may_be_written_over_is_found_in_linear_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every node of a kernel is asked once, not once for each pair of what it reads and writes."""
    asked: list[Any] = []
    reads_once = in_place.reads_once
    monkeypatch.setattr(in_place, "reads_once", lambda n: bool(asked.append(n)) or reads_once(n))

    def f(*xs: Any) -> Any:
        return [x * y for x, y in pairwise(xs)]

    found = ad.compile(f).trace(*[np.full(5, 0.1 * i) for i in range(12)])
    steps = found.schedule.steps
    kernels = [kernel for step in steps for kernel in step.kernels]
    list(kernel_cache.module_texts(found.program.writer.all_kernels()))
    assert len(asked) == sum(len(kernel.nodes) for kernel in kernels)


@pytest.mark.parametrize("length", [150, 600])
def test_work_of_a_memory_plan_grows_with_what_kernels_read(length: int) -> None:
    """Of many results read for the last time by one nest, none is compared with each root."""

    def f(x: Any) -> Any:
        v = [x]
        for k in range(length):
            y = ad.tanh(v[-1]) * v[max(0, k - k * 7 % 11)]
            v.append(y + v[max(0, k - k * 5 % 29)] if k % 3 else ad.sin(y))
        return ad.sum(sum(v[-20:])) ** 2

    schedule = ad.compile(ad.value_and_grad(f)).trace(np.ones(10)).schedule
    plan_memory(schedule)  # kernels remember what they read
    read = sum(len(kernel.reads) for step in schedule.steps for kernel in step.kernels)
    assert max(len(step.reads) for step in schedule.steps) > 1.5 * length
    assert calls(lambda: plan_memory(schedule)) < 60 * read


def test_metadata_of_many_buffers_grows_with_their_number() -> None:
    """A kernel tells the buffers that it writes apart, but not each from each."""

    def f(x: Any) -> Any:
        return [ad.sin(x[i % 3 :][:5] + i) for i in range(200)]

    found = ad.compile(f).trace(np.linspace(0.0, 1.0, 8))
    lines = [line for text in kernel_texts(found) for line in text.splitlines()]
    lines = [line for line in lines if line.startswith("!")]
    assert lines
    assert max(map(len, lines)) < 500


def test_long_loops_are_compiled_in_the_quickest_way() -> None:
    chosen = np.random.default_rng(1).integers(0, 3, 90)
    w = np.random.default_rng(0).normal(size=(3, 40, 40)) / 8

    def step(h: Any, _: Any) -> Any:
        for which in chosen:
            h = (ad.sin, ad.tanh, ad.cos)[which](h @ w[which])
        return h, None

    f = lambda h: ad.scan(step, h, None, 4)[0]
    compiled = ad.compile(f)
    h = np.random.default_rng(2).normal(size=(40, 40))
    np.testing.assert_allclose(compiled(h), f(h), rtol=1e-7, atol=1e-9)
    assert compiled._last().program.kind == "driver"
    assert jit.LEVELS["driver"] == 0
