"""One table over the registry: every operation in value, forward, reverse, second order, batched.

The oracles are not ours: mathematics at 40 digits, or differences of NumPy's own functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import NotDifferentiableError
from adjoint.graph.op import OPS
from adjoint.graph.order import topological_order
from adjoint.graph.verify import verify
from tests.table.cases import CASES, LEAVES, ONCE, TWICE, Case
from tests.table.sample import has_slow_oracle, sampled

pytestmark = pytest.mark.unit

DERIVABLE = [case for case in CASES if case.differentiable]
HOLD_STILL = [case for case in CASES if case.active and not case.differentiable]
DOUBLE = [case for case in DERIVABLE if not case.single]
TWICE_DERIVABLE = [
    case
    for case in TWICE
    if case.differentiable and not case.single
    if "broadcast" not in case.name or not has_slow_oracle(case)
]
"""Where an oracle takes seconds at order two, one shape will do."""


def table(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def agree(ours: Any, theirs: Any, case: Case, rtol: float = 1e-9) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    size = float(np.max(np.abs(theirs[np.isfinite(theirs)]), initial=0.0))
    rtol = 2e-4 if case.single else rtol * case.digits
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * max(size, 1e-3))


def inner(w: Any, y: Any) -> Any:
    """Re⟨w, y⟩ as a tensor."""
    product = ad.asarray(np.conj(w)) * y
    return ad.sum(ad.real(product) if product.dtype.kind == "c" else product)


def test_no_operation_is_untested():
    missing = sorted(set(OPS) - LEAVES - {case.op for case in CASES})
    assert not missing, (
        f"no test calls {', '.join(missing)}: add one row each to tests/table/rows.py, or the "
        f"mathematics of an elementwise operation to tests/table/oracles.py"
    )


@table(CASES)
def test_value(case):
    """Shape and dtype are known before anything is computed, and the value is the oracle's."""
    result = case.output()
    node = result.node
    assert case.op in {n.op.name for n in topological_order([node])}
    assert node.value is None or not node.inputs
    verify([node])
    expected = case.oracle.value(*case.exact)
    assert result.shape == np.shape(expected)
    value = result.numpy()
    assert (value.shape, value.dtype) == (node.shape, node.dtype)
    verify([node])
    agree(value, expected, case, 1e-11)
    if case.public is not None:
        public = case.public(*map(ad.asarray, case.inputs))
        assert (public.shape, public.dtype) == (node.shape, node.dtype)
        agree(public, expected, case, 1e-11)


@table([case for case in CASES if case.public is not None and not case.single])
def test_arguments_may_be_numbers_lists_arrays_or_tensors(case):
    """Arrays and nested lists stand for tensors, all or some of them."""
    arrays, lists = list(case.inputs), [x.tolist() for x in case.inputs]
    mixed = [
        [ad.asarray(x) if i == number else x for i, x in enumerate(arrays)]
        for number in range(len(arrays))
    ]
    expected = case.public(*map(ad.asarray, arrays))
    for given in (arrays, lists, *mixed):
        found = case.public(*given)
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)


@sampled("forward", DERIVABLE)
def test_forward(case):
    xs = [case.inputs[i] for i in case.active]
    vs = [case.random(x, i) for i, x in enumerate(xs)]
    value, tangent = ad.jvp(case.of_active, xs, vs)
    assert (tangent.shape, tangent.dtype) == (value.shape, value.dtype)
    directions = [None] * len(case.inputs)
    for i, v in zip(case.active, vs, strict=True):
        directions[i] = v.astype(case.exact[i].dtype)
    agree(tangent, case.oracle.push(case.exact, directions), case)
    verify([tangent.node])


@sampled("reverse", DERIVABLE)
def test_reverse(case):
    xs = [case.inputs[i] for i in case.active]
    value, pullback = ad.vjp(case.of_active, *xs)
    w = case.random(value, 7)
    found = pullback(w)
    expected = case.oracle.pull(case.exact, case.active, w.astype(np.result_type(w, np.float64)))
    for x, g, e in zip(xs, found, expected, strict=True):
        assert (g.shape, g.dtype) == (x.shape, x.dtype)
        agree(g, e, case)
        verify([g.node])


@sampled("second order", TWICE_DERIVABLE)
def test_second_order(case):
    """The Hessian of Re⟨w, f⟩ times u, by both modes over reverse, and reverse over forward."""
    xs = tuple(case.inputs[i] for i in case.active)
    us = tuple(case.random(x, 20 + i) for i, x in enumerate(xs))
    w = case.random(case.output(), 7)
    numbers = tuple(range(len(xs)))

    def scalar(*args):
        return inner(w, case.of_active(*args))

    def back(*args):
        gradients = ad.grad(scalar, numbers)(*args)
        return sum(inner(u, g) for u, g in zip(us, gradients, strict=True))

    def ahead(*args):
        return ad.jvp(scalar, args, us)[1]

    found = (
        ad.jvp(ad.grad(scalar, numbers), xs, us)[1],
        ad.grad(back, numbers)(*xs),
        ad.grad(ahead, numbers)(*xs),
    )
    directions = [None] * len(case.inputs)
    for i, u in zip(case.active, us, strict=True):
        directions[i] = u
    expected = case.oracle.curve(case.exact, case.active, w, directions)
    for way in found:
        for g, e in zip(way, expected, strict=True):
            agree(g, e, case, 1e-8)


@sampled("all basis tangents", [case for case in DOUBLE if case.real])
def test_all_basis_tangents_at_once(case):
    """A Jacobian has the columns that single directions give, between other operations too."""
    xs = tuple(case.inputs[i] for i in case.active)

    def chained(*args):
        return case.of_active(*(x * np.ones(x.shape) for x in args)) * 2.0

    for number, x in enumerate(xs):
        for f in (case.of_active, chained):
            forward = np.asarray(ad.jacfwd(f, number)(*xs))
            reverse = np.asarray(ad.jacrev(f, number)(*xs))
            for place in np.ndindex(x.shape):
                unit = [np.zeros_like(other) for other in xs]
                unit[number][place] = 1.0
                column = ad.jvp(f, xs, tuple(unit))[1]
                agree(forward[(..., *place)], column, case, 1e-10)
                agree(reverse[(..., *place)], column, case, 1e-10)


@table(DOUBLE)
def test_dot(case):
    """⟨w, J v⟩ = ⟨Jᵀ w, v⟩: the modes agree to the last digits."""
    xs = [case.inputs[i] for i in case.active]
    vs = [case.random(x, i) for i, x in enumerate(xs)]
    value, tangent = ad.jvp(case.of_active, xs, vs)
    w = case.random(value, 3)
    gradients = ad.vjp(case.of_active, *xs)[1](w)
    forward = float(inner(w, tangent))
    terms = [np.conj(v) * g.numpy() for v, g in zip(vs, gradients, strict=True)]
    backward = sum(float(np.sum(t.real)) for t in terms)
    size = sum(float(np.sum(np.abs(t))) for t in terms)
    assert abs(forward - backward) <= 1e-12 * case.digits * (size + 1e-3)


@sampled("batched", DOUBLE)
def test_batched(case):
    """vmap over all inputs, and over each alone, is the loop over examples."""
    xs = [case.inputs[i] for i in case.active]
    count = 3
    nudges = [1 + 0.01 * np.arange(count).reshape(count, *(1,) * x.ndim) for x in xs]
    stacks = [(x * nudge).astype(x.dtype) for x, nudge in zip(xs, nudges, strict=True)]
    choices = [tuple(range(len(xs)))] + ([(i,) for i in range(len(xs))] if len(xs) > 1 else [])
    for mapped in choices:
        axes = [0 if i in mapped else None for i in range(len(xs))]
        given = [stacks[i] if i in mapped else x for i, x in enumerate(xs)]
        found = ad.vmap(case.of_active, in_axes=tuple(axes))(*given)
        rows = []
        for k in range(count):
            exact = list(case.exact)
            for i, place in enumerate(case.active):
                exact[place] = stacks[i][k] if i in mapped else xs[i]
            rows.append(case.oracle.value(*exact))
        agree(found, np.stack(rows), case, 1e-11)
        verify([found.node])


@sampled("batched derivatives", DOUBLE)
def test_derivatives_are_batched(case):
    """The pullback of a batch is the batch of the pullbacks."""
    xs = [case.inputs[i] for i in case.active]
    nudges = [1 + 0.01 * np.arange(2).reshape(2, *(1,) * x.ndim) for x in xs]
    stacks = [(x * nudge).astype(x.dtype) for x, nudge in zip(xs, nudges, strict=True)]
    w = case.random(case.output(), 7)

    def pull(*args):
        return ad.vjp(case.of_active, *args)[1](w)

    batched = ad.vmap(pull)(*stacks)
    for k in range(2):
        alone = pull(*(stack[k] for stack in stacks))
        for g, e in zip(batched, alone, strict=True):
            agree(g.numpy()[k], e, case, 1e-11)


@table(HOLD_STILL)
def test_a_result_without_derivative_gives_zero(case):
    """Booleans, indices and whole numbers hold still when the inputs move."""
    xs = [case.inputs[i] for i in case.active]
    gradients = ad.grad(
        lambda *args: ad.sum(ad.astype(case.of_active(*args), "float64")), range(len(xs))
    )(*xs)
    for g in gradients:
        assert not np.any(g.numpy())


@table([case for case in DOUBLE if case.missing])
def test_a_derivative_that_is_not_known_is_refused(case):
    for place in case.missing:
        with pytest.raises(NotDifferentiableError, match=r"not known; hold .* fixed"):
            ad.grad(lambda x, i=place: ad.sum(case.call(*_replaced(case, i, x))))(
                case.inputs[place]
            )


@table([case for case in DOUBLE if case.op in ONCE])
def test_a_second_derivative_that_is_not_known_is_refused(case):
    for place in ONCE[case.op]:

        def f(x, i=place):
            return ad.sum(case.call(*_replaced(case, i, x)))

        with pytest.raises(NotDifferentiableError, match=r"not known; hold .* fixed"):
            ad.grad(lambda x: ad.sum(ad.grad(f)(x)))(case.inputs[place])


def _replaced(case: Case, place: int, x: Any) -> list[Any]:
    return [x if i == place else ad.asarray(a) for i, a in enumerate(case.inputs)]
