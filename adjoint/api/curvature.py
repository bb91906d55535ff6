"""Curvature without the Hessian: Laplacians, Gauss-Newton and Fisher products, random estimates."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from adjoint.api.arguments import (
    as_differentiable,
    check_callable,
    function_name,
    normalize_argnums,
    zeros_like,
)
from adjoint.api.derivatives import gradient_for, jvp_for, pull, push, tangents_of
from adjoint.api.jacobians import hvp
from adjoint.api.traced_call import TracedCall
from adjoint.api.tree import flatten, map_tree
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.node import Node
from adjoint.graph.op import Coefficients
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import size_of
from adjoint.ops.elementwise.choice import stop_gradient
from adjoint.ops.elementwise.exponential import exp, expit
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.reductions.softmax import softmax
from adjoint.transforms.coefficients import Rules
from adjoint.transforms.taylor import coefficients


def laplacian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """A function that returns the Laplacian of `f`, Σ ∂²f/∂xᵢ², over the argument `argnums`.

    The argument is a pytree of real tensors, with n numbers in all; `f` returns a tensor or a
    pytree, and the result is like it. It costs about n + 2 evaluations of `f`, in one sweep:
    collapsed Taylor mode, where second derivatives are summed as soon as they arise. Raises as
    `grad` does.

    Dangel, Siebert, Zeinhofer and Walther, Collapsing Taylor Mode Automatic Differentiation, 2025.

    >>> import adjoint as ad
    >>> ad.laplacian(lambda x: ad.sum(x**3))(ad.array([1.0, 2.0]))
    Tensor(18.)
    """
    check_callable("laplacian", f)

    @functools.wraps(f)
    def laplacian_of(*args: Any, **kwargs: Any) -> Any:
        (number,) = normalize_argnums("laplacian", argnums, len(args))
        with TracedCall("laplacian", f, nested=True) as traced:
            arguments = traced.open(args, (number,))
            nodes = arguments.nodes
            outputs = traced.tensors(arguments.given, kwargs)
            result = _second(outputs, nodes, traced)
        return traced.unflatten(result)

    return laplacian_of


def block_traces(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """A function that returns the trace of each diagonal block of the Hessian of a scalar function.

    There is a block for each leaf of the argument `argnums`, and the result is a tree like it, of
    scalars; their sum is the Laplacian. It costs about an evaluation of `f` for each number in the
    argument. Raises as `grad` does.

    >>> import adjoint as ad
    >>> f = lambda p: ad.sum(p["w"] ** 3) * p["b"] ** 2
    >>> ad.block_traces(f)({"w": ad.array([1.0, 2.0]), "b": 2.0})
    {'w': Tensor(72.), 'b': Tensor(18.)}
    """
    check_callable("block_traces", f)

    @functools.wraps(f)
    def traces(*args: Any, **kwargs: Any) -> Any:
        (number,) = normalize_argnums("block_traces", argnums, len(args))
        with TracedCall("block_traces", f, nested=True) as traced:
            arguments = traced.open(args, (number,))
            value = traced.scalar(arguments.given, kwargs, False)
            found = [_second((value,), [x], traced)[0] for x in arguments.nodes]
        return arguments.traced[0].unflatten(found)

    return traces


def _second(outputs: Sequence[Tensor], along: Sequence[Node], traced: TracedCall) -> list[Tensor]:
    """The sum of the second derivatives along every number in the nodes `along`."""
    for node in along:
        if node.dtype.kind == "c":
            raise ArgumentError(
                f"{traced.transform}: {function_name(traced.f)} was given complex numbers, and the "
                f"Laplacian is of real ones; pass real and imaginary parts as two arguments"
            )
    count = int(np.sum([size_of(node.shape) for node in along]))
    if not count:
        return [zeros_like(y) for y in outputs]
    given: dict[Node, Coefficients] = {}
    start = 0
    for node in along:
        size = size_of(node.shape)
        basis = np.zeros((count, size), node.dtype)
        basis[start : start + size] = np.eye(size)
        given[node] = [Tensor(node), as_tensor(basis.reshape(count, *node.shape)), None]
        start += size
    rows = coefficients([y.node for y in outputs], given, traced.scope, 2, Rules(count))
    return [
        zeros_like(y) if row[2] is None else row[2] * 2
        for y, row in zip(outputs, rows, strict=True)
    ]


def gnvp(f: Callable[..., Any], loss: Callable[[Any], Any], primals: Any, tangents: Any) -> Any:
    """The generalised Gauss-Newton matrix of ``loss(f(primals))`` times the vector `tangents`.

    That is Jᵀ H J v, with the Jacobian J of the model `f` and the Hessian H of the scalar function
    `loss` by what the model returns. `primals` and `tangents` are one pytree, if `f` takes one
    argument, or tuples with an entry for each argument; the result is like `primals`. The matrix is
    positive semidefinite if `loss` is convex. Where vᵀ Jᵀ H J v turns out to be negative, it is
    not, and `ArgumentError` says so (but not within `compile`, where no numbers are known).

    Schraudolph, Fast Curvature Matrix-Vector Products, 2002.

    >>> import adjoint as ad
    >>> model = lambda w: ad.exp(w) * ad.array([1.0, 2.0])
    >>> ad.gnvp(model, lambda z: ad.sum(z**2), 0.0, 1.0)  # 2 (1 + 4)
    Tensor(10.)
    """
    check_callable("gnvp", loss)
    return _through_outputs("gnvp", f, primals, tangents, lambda z, u: _curved(loss, z, u))


def fisher_vp(f: Callable[..., Any], distribution: str, primals: Any, tangents: Any) -> Any:
    """The Fisher information of a model's prediction, by its parameters, times a vector.

    `f` returns the natural parameters of independent predictions, a tensor or a pytree of them:

    - "categorical": logits along the last axis;
    - "bernoulli": logits;
    - "poisson": logarithms of rates;
    - "normal": means, of variance 1.

    The result is Jᵀ F J v, summed over predictions, with F = E[∇log p ∇log pᵀ] in closed form (for
    these it is the Gauss-Newton matrix of the negative log-likelihood, whatever was observed).
    `primals` and `tangents` are as for `gnvp`.

    Martens, New Insights and Perspectives on the Natural Gradient Method, 2020.

    >>> import adjoint as ad
    >>> ad.fisher_vp(lambda w: w * ad.array([1.0, -1.0]), "bernoulli", 0.0, 1.0)  # 2 · ¼
    Tensor(0.5)
    """
    if distribution not in _INFORMATION:
        raise ArgumentError(
            f"fisher_vp: distribution must be one of {', '.join(map(repr, _INFORMATION))}, got "
            f"{distribution!r}; for another likelihood use gnvp with its negative logarithm"
        )
    information = _INFORMATION[distribution]

    def curved(z: Any, u: Any) -> Any:
        return map_tree(lambda a, b: information(as_tensor(a), b), z, u)

    return _through_outputs("fisher_vp", f, primals, tangents, curved)


def empirical_fisher_vp(losses: Callable[..., Any], primals: Any, tangents: Any) -> Any:
    """The empirical Fisher matrix (1/n) Σ gᵢ gᵢᵀ times a vector, with the gradient gᵢ of loss i.

    `losses` returns a tensor of the n losses, one for each example. `primals` and `tangents` are as
    for `gnvp`. No gradient of a single example is formed: it is Jᵀ J v / n.

    >>> import adjoint as ad
    >>> x = ad.array([1.0, 2.0])
    >>> ad.empirical_fisher_vp(lambda w: w * x, 3.0, 1.0)  # (1 + 4) / 2
    Tensor(2.5)
    """

    def curved(z: Any, u: Any) -> Any:
        if not isinstance(z, Tensor) or z.ndim != 1:
            raise ShapeError(
                f"empirical_fisher_vp: {function_name(losses)} must return a tensor of one axis, a "
                f"loss for each example, got {getattr(z, 'shape', type(z).__name__)}; do not sum"
            )
        return u / z.shape[0]

    return _through_outputs("empirical_fisher_vp", losses, primals, tangents, curved)


def hutchinson_trace(
    f: Callable[..., Any], primals: Any, probes: int = 16, seed: Any = 0
) -> Tensor:
    """An unbiased estimate of the trace of the Hessian of the scalar function `f`.

    The mean of vᵀ H v over `probes` vectors v of random signs, drawn by ``default_rng(seed)`` of
    NumPy; its variance is 2 Σ Hᵢⱼ² (i ≠ j) over the number of probes. `primals` is as for `hvp`.

    Hutchinson, A Stochastic Estimator of the Trace of the Influence Matrix, 1989.

    >>> import adjoint as ad
    >>> ad.hutchinson_trace(lambda x: ad.sum(x**3), ad.array([1.0, 2.0]))  # diagonal: exact
    Tensor(18.)
    """
    total: Any = 0.0
    for signs in _signs("hutchinson_trace", primals, probes, seed):
        products = hvp(f, primals, signs)
        for v, p in zip(flatten(signs)[0], flatten(products)[0], strict=True):
            total = total + sum(v * p)
    return as_tensor(total / probes)


def hutchinson_diagonal(
    f: Callable[..., Any], primals: Any, probes: int = 16, seed: Any = 0
) -> Any:
    """An unbiased estimate of the diagonal of the Hessian of the scalar function `f`.

    The mean of v ⊙ H v over vectors of random signs, as in `hutchinson_trace`; a tree like
    `primals`.

    Bekas, Kokiopoulou and Saad, An Estimator for the Diagonal of a Matrix, 2007.

    >>> import adjoint as ad
    >>> ad.hutchinson_diagonal(lambda x: ad.sum(x**3), ad.array([1.0, 2.0]))
    Tensor([ 6., 12.])
    """
    total = None
    for signs in _signs("hutchinson_diagonal", primals, probes, seed):
        term = map_tree(lambda v, p: v * p, signs, hvp(f, primals, signs))
        total = term if total is None else map_tree(lambda a, b: a + b, total, term)
    return map_tree(lambda a: a / probes, total)


def _through_outputs(
    name: str, f: Any, primals: Any, tangents: Any, curved: Callable[[Any, Any], Any]
) -> Any:
    """Jᵀ w with what `curved` makes of the value of `f` and J v: one evaluation, one sweep each."""
    check_callable(name, f)
    alone = not isinstance(primals, tuple)
    pair = ((primals,), (tangents,)) if alone else (primals, tangents)
    if not isinstance(pair[1], tuple) or len(pair[0]) != len(pair[1]):
        raise ArgumentError(
            f"{name}: tangents must be like primals, a tuple of {len(pair[0])} for as many "
            f"arguments, got {tangents!r}"
        )
    with TracedCall(name, f) as traced:
        arguments = traced.open(pair[0])
        seeds = tangents_of(name, arguments, pair[1])
        outputs = traced.tensors(arguments.given, {})
        moved = push(outputs, seeds, traced.scope)
        result = curved(traced.unflatten(outputs), traced.unflatten(moved))
        adjoints = pull(
            list(zip(outputs, flatten(result)[0], strict=True)), arguments.nodes, traced.scope
        )
        trees = arguments.trees(adjoints)
    trees = arguments.labelled(trees)
    return trees[0] if alone else tuple(trees)


def _curved(loss: Any, z: Any, u: Any) -> Any:
    """H u with the Hessian of `loss` at z, which is seen to curve upwards along u."""
    found = jvp_for("gnvp", gradient_for("gnvp", loss, 0), (z,), (u,))[1]
    pairs = zip(flatten(u)[0], flatten(found)[0], strict=True)
    terms = [stop_gradient(a * b) for a, b in pairs]
    if not any(x.node.scope is not None and x.node.scope.abstract for x in terms):
        along = float(np.sum([np.sum(np.asarray(x)) for x in terms]))
        size = float(np.sum([np.sum(np.abs(np.asarray(x))) for x in terms]))
        if along < -_NEGATIVE * size:
            raise ArgumentError(
                f"gnvp: {function_name(loss)} is not convex in what the model returns (its second "
                f"derivative along J v is {along:.3g}), so that the Gauss-Newton matrix is not "
                f"positive semidefinite; choose a convex loss, or use the Hessian itself (hvp)"
            )
    return found


_NEGATIVE = 1e-6
"""How far below zero, beside its terms, a curvature counts as negative and not as rounding."""


def _categorical(logits: Tensor, u: Tensor) -> Tensor:
    p = softmax(logits, -1)
    return p * (u - sum(p * u, -1, keepdims=True))


def _bernoulli(logits: Tensor, u: Tensor) -> Tensor:
    p = expit(logits)
    return p * (1 - p) * u


_INFORMATION: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "categorical": _categorical,
    "bernoulli": _bernoulli,
    "poisson": lambda z, u: exp(z) * u,
    "normal": lambda z, u: u,
}
"""What makes of natural parameters and J v the product F J v."""


def _signs(name: str, primals: Any, probes: Any, seed: Any) -> Iterator[Any]:
    """Trees like `primals` of random signs."""
    if not isinstance(probes, int) or isinstance(probes, bool) or probes < 1:
        raise ArgumentError(f"{name}: probes must be a whole number, 1 or more, got {probes!r}")
    rng = np.random.default_rng(seed)

    def signs(x: Any) -> Tensor:
        like = as_differentiable(x, lambda: f"{name}: primals")
        drawn = rng.integers(0, 2, like.shape) * 2.0 - 1.0
        return as_tensor(drawn, like.node.dtype)

    for _ in range(probes):
        yield map_tree(signs, primals)
