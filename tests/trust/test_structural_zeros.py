"""Programs that choose: whatever happens where nothing was taken, the derivatives are right.

In each program x[0] = 0 stands where a logarithm, a root or a quotient breaks down, and is not
chosen. The expected derivatives are differences of values by the other elements.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.api.graph_first import backprop
from adjoint.graph import node as nodes
from adjoint.graph.tensor import make
from adjoint.ops.family.linear import Linear
from adjoint.ops.reductions.product import recurrence
from tests.sampling import every
from tests.trust.nestings import check, drawn, reference

pytestmark = [pytest.mark.native, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

NAN, INF = np.nan, np.inf
X = np.array([0.0, 1.2, 2.1, 3.7])
M = X > 0
PAIR = np.ones((1, 2))


def row_of(x: Any) -> Any:
    """Two rows, of which column 0 has no value and no derivative."""
    return ad.stack([ad.log(x), 1 / x])


def block(x: Any, *parts: Any) -> Any:
    return ad.reshape(ad.stack(list(parts), 1), (4, 2, 2))


PROGRAMS: dict[str, tuple[float, Any]] = {
    # the derivative by x[0], and the program
    "x**x": (1, lambda x: ad.where(x > 0, x**x, x)),
    "hypot": (1, lambda x: ad.where(x > 0, ad.hypot(1 / x, 2.0), x)),
    "logaddexp": (1, lambda x: ad.where(x > 0, ad.logaddexp(ad.log(x), 1 / x), x)),
    "logsumexp": (1, lambda x: ad.where(x > 0, ad.logsumexp(row_of(x), 0), x)),
    "xlogy": (1, lambda x: ad.where(x > 0, ad.special.xlogy(x - 5, x), x)),
    "arctan2": (1, lambda x: ad.where(x > 0, ad.arctan2(1 / x, ad.log(x)), x)),
    "maximum": (1, lambda x: ad.where(x > 0, ad.maximum(ad.log(x), x / 2), x)),
    "maximum of a number": (0, lambda x: ad.maximum(ad.log(x), 0.5)),
    "clip": (0, lambda x: ad.clip(ad.log(x), -1.0, 1.0)),
    "both bounds": (0, lambda x: ad.minimum(ad.maximum(ad.sqrt(x) * 2, 1.0), 3.0)),
    "flip": (0, lambda x: ad.where(x[::-1] > 0, ad.sqrt(x)[::-1], 0)),
    "slice": (0, lambda x: ad.sqrt(x)[1:]),
    "slices that overlap": (0, lambda x: ad.log(x)[1:-1] * ad.log(x)[2:]),
    "boolean index": (0, lambda x: ad.sqrt(x)[M]),
    "boolean index first": (0, lambda x: np.log(x[M])),
    "gather": (0, lambda x: ad.sqrt(x)[np.array([1, 1, 3])]),
    "take_along_axis": (0, lambda x: ad.take_along_axis(ad.log(x), np.array([1, 2]), 0)),
    "an index that is computed": (0, lambda x: ad.log(x)[ad.argmax(x)]),
    "concat": (0, lambda x: ad.where(M, ad.concat([ad.sqrt(x)[:2], ad.log(x)[2:]]), 0)),
    "concat of the rest": (0, lambda x: ad.concat([x[:1] * 0, ad.log(x[1:])])),
    "stack": (0, lambda x: ad.where(M, ad.stack([ad.sqrt(x), ad.log(x)]), 0)),
    "repeat": (0, lambda x: ad.repeat(ad.sqrt(x), 2)[2:]),
    "roll": (0, lambda x: ad.where(np.roll(M, 1), ad.roll(ad.log(x), 1), 0)),
    "written over": (0, lambda x: ad.setitem(ad.log(x), 0, 0.0)),
    "written over where": (0, lambda x: ad.setitem(ad.log(x), ~M, 0.0)),
    "cumsum": (0, lambda x: ad.where(M, ad.cumsum(ad.sqrt(x)[::-1])[::-1], 0)),
    "cumprod": (0, lambda x: ad.cumprod(1 / x[::-1])[:3]),
    "recurrence": (0, lambda x: recurrence(1 / x[::-1], ad.log(x)[::-1], 0, False)),
    "triu": (0, lambda x: ad.triu(ad.log(x)[:, None] * x, 1)[1:]),
    "diff": (0, lambda x: ad.diff(ad.log(x))[1:]),
    "convolve": (0, lambda x: ad.convolve(ad.log(x), np.ones(2), mode="valid")[1:]),
    "convolve both": (0, lambda x: ad.convolve(ad.log(x), 1 + x, mode="full")[-3:]),
    "matmul": (0, lambda x: ad.where(M[:, None], ad.log(x)[:, None] @ PAIR, 0)),
    "matmul by itself": (0, lambda x: ad.where(M[:, None] & M, ad.log(x)[:, None] @ x[None], 0)),
    "matmul and maximum": (0, lambda x: ad.maximum(ad.log(x)[:, None] @ PAIR, 0.3)),
    "einsum": (0, lambda x: ad.where(M, ad.einsum("i,i->i", ad.sqrt(x), x), 0)),
    "norm": (0, lambda x: ad.where(M, ad.linalg.vector_norm(row_of(x), axis=0), 0)),
    "prod": (0, lambda x: ad.where(M, ad.prod(row_of(x), axis=0), 0)),
    "std": (0, lambda x: ad.where(M, ad.std(row_of(x), axis=0), 0)),
    "max": (0, lambda x: ad.max(ad.log(x))),
    "sort": (0, lambda x: ad.sort(ad.sqrt(x))[1:]),
    "top_k": (0, lambda x: ad.top_k(ad.log(x), 2)[0]),
    "median": (0, lambda x: ad.median(ad.sqrt(x))),
    "softmax of a mask": (0, lambda x: ad.softmax(ad.where(M, ad.log(x), -INF)) * X),
    "log_softmax of a mask": (
        0,
        lambda x: ad.where(M, ad.log_softmax(ad.where(M, ad.log(x), -INF)), 0),
    ),
    "the logarithm of a mask": (0, lambda x: ad.logsumexp(ad.log(ad.where(M, x, 0)))),
    "log odds": (0, lambda x: ad.where(M, ad.log((x / 4) / (1 - x / 4)), 0)),
    "nanmean": (0, lambda x: ad.nanmean(ad.where(M, ad.log(x), NAN))),
    "nested": (
        1,
        lambda x: ad.where(x > 2, ad.sqrt(x - 2), ad.where(x > 0, ad.log(x), x)),
    ),
    "double": (1, lambda x: ad.where(x > 0, ad.log(ad.where(x > 0, x, 1.0)), x)),
    "det": (0, lambda x: ad.where(M, ad.linalg.det(block(x, ad.log(x), x, 1 / x, x)), 0)),
    "inv": (
        0,
        lambda x: ad.where(
            M[:, None, None], ad.linalg.inv(block(x, ad.sqrt(x) + 1, x, x, 3 + x)), 0
        ),
    ),
    "a sum of many": (0, lambda x: sum([ad.sqrt(x)[i % 3 + 1] for i in range(300)], ad.asarray(0))),
    "a chain of many": (0, lambda x: chain(ad.where(M, chain(ad.sqrt(x)), 0))),
}


PROGRAMS["known weights"] = (
    0,
    lambda x: ad.where(M, ad.flip(ad.log(x)[::-1] * np.array([1.0, 2.0, 3.0, 4.0])), 0),
)


def chain(x: Any) -> Any:
    """Linear operations one after the other, more than any search should be bounded by."""
    for _ in range(40):
        x = ad.reshape(-ad.reshape(x, (2, 2)).T, (4,))[::-1] + 0.0
    return x


def as_number(program: Any) -> Any:
    """A weighted sum of the results."""

    def f(x: Any) -> Any:
        y = program(ad.asarray(x))
        return ad.sum(y * ad.asarray(drawn([y.shape], 5)[0]))

    return f


def differences(f: Any) -> np.ndarray[Any, Any]:
    """The derivatives by x[1:] to about nine digits."""
    found = []
    for i in range(1, len(X)):
        e = np.eye(len(X))[i] * 1e-3
        one, two, three = ((float(f(X + k * e)) - float(f(X - k * e))) / k for k in (1, 2, 3))
        found.append((1.5 * one - 0.6 * two + 0.1 * three) / 2e-3)
    return np.array(found)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_not_chosen_has_no_say(name: str) -> None:
    left_out, program = PROGRAMS[name]
    f = as_number(program)
    (weight,) = {1: drawn([(4,)], 5)[0][:1], 0: np.zeros(1)}[int(left_out)]
    first = ad.grad(f)(X).numpy()
    assert first[0] == weight
    np.testing.assert_allclose(first[1:], differences(f), rtol=1e-6, atol=1e-8)
    vs, ws = drawn([(4,)], 2), drawn([(4,)], 3)
    expected = reference(f, (X,), vs, ws)
    assert all(
        np.isfinite(order[0]).all() and (i == 0 or order[0][0] == 0)
        for i, order in enumerate(expected)
    )
    check(f, (X,), expected, vs, ws)


@pytest.mark.parametrize("name", every(3, PROGRAMS))
def test_backprop_batches_and_jacobians_agree(name: str) -> None:
    f = as_number(PROGRAMS[name][1])
    expected = ad.grad(f)(X).numpy()
    x = ad.variable(X)
    np.testing.assert_allclose(backprop(f(x), [x])[0], expected, rtol=1e-9, atol=1e-12)
    many = ad.vmap(ad.grad(f))(np.stack([X, X])).numpy()
    np.testing.assert_allclose(many, [expected] * 2, rtol=1e-9, atol=1e-12)
    for hessian in (ad.hessian(f), ad.compile(ad.hessian(f))):
        found = np.asarray(hessian(X))
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, found.T, rtol=1e-8, atol=1e-9)
    jacobian = ad.jacobian(PROGRAMS[name][1])(ad.asarray(X)).numpy()
    weights = drawn([jacobian.shape[:-1]], 5)[0]
    np.testing.assert_allclose(
        np.tensordot(weights, jacobian, jacobian.ndim - 1), expected, rtol=1e-8, atol=1e-9
    )


class Alternating(Linear):
    """Its elements cancel: x₀ - x₁ in every place."""

    name = "alternating"

    def infer(self, x: Any) -> Any:
        return x.shape, x.dtype

    def evaluate(self, x: Any) -> Any:
        return np.full_like(x, x[::2].sum() - x[1::2].sum())

    def transpose(self, node: Any, adjoint: Any) -> Any:
        signs = np.resize([1.0, -1.0], node.shape)
        return ad.sum(adjoint) * signs


def test_what_cancels_is_not_zero_by_construction() -> None:
    """A linear operation says that it adds only, or every element counts."""
    op, x = Alternating(), np.array([1.0, 4.0])
    tangent = ad.where(np.array([True, True]), ad.asarray([1.0, 1.0]), 0.0)
    assert ad.jvp(lambda x: make(op, (x,)), (x,), (tangent,))[1].tolist() == [0.0, 0.0]
    half = ad.where(np.array([True, False]), ad.asarray([1.0, 1.0]), 0.0)
    f = lambda x: ad.exp(make(op, (ad.sqrt(x),)))
    expected = np.exp(-1.0) * 0.5
    np.testing.assert_allclose(ad.jvp(f, (x,), (half,))[1].numpy(), [expected] * 2)


def test_rows_of_missing_data_do_not_reach_the_weights_of_a_network() -> None:
    rng = np.random.default_rng(0)
    data, a, b = rng.normal(size=(6, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
    data[2], data[4, 1] = NAN, INF
    known = np.isfinite(data).all(1)

    def loss(a: Any, b: Any, data: Any, known: Any) -> Any:
        y = ad.nn.relu(ad.tanh(ad.asarray(data) @ a) @ b)
        return ad.sum(ad.where(known[:, None], ad.logsumexp(y, 1, keepdims=True), 0.0))

    few = ad.grad(loss, (0, 1))(a, b, data[known], np.ones(known.sum(), bool))
    for gradient in (ad.grad(loss, (0, 1)), ad.compile(ad.grad(loss, (0, 1)))):
        for found, wanted in zip(gradient(a, b, data, known), few, strict=True):
            np.testing.assert_allclose(np.asarray(found), np.asarray(wanted), rtol=1e-12)


def test_an_infinite_loser_of_a_comparison_does_not_matter() -> None:
    """Finite data need no masks below a relu; data that are known and not finite do."""
    data = np.array([[1.0, 2.0], [-INF, -INF]])
    found = ad.grad(lambda w: ad.sum(ad.maximum(ad.asarray(data) @ w, 0)))(np.ones((2, 3)))
    np.testing.assert_array_equal(found.numpy(), [[1.0] * 3, [2.0] * 3])


def test_a_direction_that_was_chosen_is_a_direction_by_which_one_differentiates() -> None:
    """The pullback of v is linear in v, and its slope does not depend on how v was made."""
    x, t = np.array([1.0, 4.0]), np.array([0.5, 0.5])

    def along(v: Any) -> Any:
        _, pullback = ad.vjp(ad.sqrt, x)
        return ad.sum(pullback(v)[0])

    direction = ad.where(np.array([True, False]), ad.asarray(t), 0.0)
    np.testing.assert_allclose(ad.grad(along)(direction).numpy(), 0.5 / np.sqrt(x))
    forward = lambda v: ad.sum(ad.jvp(ad.sqrt, (x,), (v,))[1])
    np.testing.assert_allclose(ad.grad(forward)(direction).numpy(), 0.5 / np.sqrt(x))


# What nobody chose costs nothing.


def masks_made(f: Any, *xs: Any) -> int:
    """How many boolean tensors a gradient is made of, beside those of the function."""
    count = 0

    def made(node: Any) -> None:
        nonlocal count
        count += node.dtype == np.bool_

    counts = []
    for g in (f, ad.grad(f)):
        nodes.made = made
        try:
            g(*map(ad.asarray, xs))
        finally:
            nodes.made = None
        counts.append(count)
        count = 0
    return counts[1] - counts[0]


def ops_made(f: Any, *xs: Any) -> set[str]:
    """The operations of which the gradient is made."""
    found: set[str] = set()
    nodes.made = lambda node: found.add(node.op.name)
    try:
        ad.grad(f)(*xs)
    finally:
        nodes.made = None
    return found


def rosenbrock(x: Any) -> Any:
    return ad.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def stencil(u: Any) -> Any:
    """Neighbours read together, so that every element is read by one slice or another."""
    return ad.sum(u[1:] * u[:-1])


def layers(activation: Any) -> Any:
    data = np.linspace(-1, 1, 12).reshape(4, 3)

    def f(w: Any) -> Any:
        hidden = activation(ad.asarray(data) @ w)
        return ad.sum(ad.logsumexp(activation(hidden @ w + 1.0), 1))

    return f


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ad.sum(ad.log(x) + x * x - ad.sin(x)),
        rosenbrock,
        lambda x: stencil(ad.sin(x)),
        lambda x: ad.sum(ad.exp(ad.sort(ad.sin(x)))),
    ],
    ids=["plain", "rosenbrock", "stencil", "sort"],
)
def test_where_nothing_was_chosen_there_are_no_wheres(f: Any) -> None:
    assert not ops_made(f, np.array([0.3, 0.7, 0.5, 0.2])) & {"where", "logical_or", "logical_not"}


def test_a_layer_of_a_network_has_the_masks_of_its_activation_only() -> None:
    w = np.eye(3) + 0.1
    assert masks_made(layers(ad.tanh), w) == 0
    assert masks_made(layers(ad.nn.relu), w) == 2  # where x <= 0 is not, for either layer


# Where the value is nan, so is the derivative.


@pytest.mark.parametrize("mode", ["reverse", "forward", "compiled"])
@pytest.mark.parametrize("choose", [ad.maximum, ad.minimum])
def test_an_extremum_with_nan_has_nan_for_its_derivatives(choose: Any, mode: str) -> None:
    slope = {
        "reverse": lambda f: ad.grad(f),
        "forward": lambda f: lambda x: ad.jvp(f, (x,), (1.0,))[1],
        "compiled": lambda f: ad.compile(ad.grad(f)),
    }[mode]
    for f in (
        lambda x: choose(x, NAN),
        lambda x: choose(NAN, x),
        lambda x: choose(x, NAN * x),
        lambda x: choose(x * NAN, 0.0),
    ):
        assert np.isnan(float(slope(f)(1.0)))
    assert np.isnan(float(slope(lambda x: ad.clip(x * NAN, 0.0, 1.0))(1.0)))
    assert np.isnan(float(slope(lambda x: ad.fmax(x * NAN, NAN))(1.0)))
    assert float(slope(lambda x: ad.fmax(x, NAN))(1.0)) == 1.0
    assert float(slope(lambda x: ad.where(x > 0, x, choose(x, NAN)))(2.0)) == 1.0


# A float32 variable in a graph of float64.


def test_a_narrow_variable_keeps_a_derivative_that_nearly_cancels() -> None:
    x, w, big = np.array([1, 2, 3], np.float32), np.array([0.1, 0.2, 0.3]), np.float64(1e8)
    f = lambda x: ad.sum(x * (big + w) - x * big)
    for gradient in (ad.grad(f), ad.compile(ad.grad(f))):
        found = np.asarray(gradient(x))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, w, rtol=1e-6)
    np.testing.assert_allclose(float(ad.jvp(f, (x,), (np.ones_like(x),))[1]), w.sum(), rtol=1e-6)
