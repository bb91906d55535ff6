"""Counterparts of ``scipy.spatial.distance``.

Where two points coincide the derivative of a distance that has a kink there is 0.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.array import special
from adjoint.array.linalg import equations
from adjoint.array.linalg.norms import vector_norm
from adjoint.array.statistics import descriptive
from adjoint.errors import ArgumentError, RangeError, ShapeError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.elementwise.choice import abs, stop_gradient, where
from adjoint.ops.elementwise.comparison import equal
from adjoint.ops.elementwise.power import power, sqrt
from adjoint.ops.indexing.indexing import take
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.extremum import max
from adjoint.ops.reductions.norm import norm2
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import concat, stack
from adjoint.ops.shape.movement import matrix_transpose, reshape
from adjoint.scipy.common import (
    constant,
    floating,
    no_counterpart,
    real_dtype,
    refuse,
    round_results,
    unsupported,
)
from adjoint.scipy.spatial import counting

# fmt: off
__all__ = [
    "braycurtis", "canberra", "cdist", "chebyshev", "cityblock", "correlation", "cosine",
    "directed_hausdorff", "euclidean", "hamming", "jaccard", "jensenshannon", "mahalanobis",
    "minkowski", "pdist", "seuclidean", "sqeuclidean", "squareform",
]
# fmt: on


def _given(u: Any, v: Any, w: Any = None) -> tuple[Tensor, Tensor, Any]:
    """Two points and their weights, in one dtype."""
    dtype = real_dtype(u, v) if w is None else real_dtype(u, v, w)
    return as_tensor(u, dtype), as_tensor(v, dtype), None if w is None else as_tensor(w, dtype)


def _weighted(x: Tensor, w: Any) -> Tensor:
    return x if w is None else x * w


def _root(x: Tensor) -> Tensor:
    """The root of what is not negative, of derivative 0 at 0."""
    away = x > 0
    return where(away, sqrt(where(away, x, 1.0)), where(equal(x, x), 0.0, x))


def euclidean(u: Any, v: Any, w: Any = None) -> Tensor:
    """The root of the sum of squared differences.

    >>> from adjoint.scipy.spatial.distance import euclidean
    >>> euclidean([0.0, 0.0], [3.0, 4.0])
    Tensor(5.)
    """
    u, v, w = _given(u, v, w)
    return norm2(_weighted(u - v, None if w is None else sqrt(w)), -1)


def sqeuclidean(u: Any, v: Any, w: Any = None) -> Tensor:
    """The sum of squared differences.

    >>> from adjoint.scipy.spatial.distance import sqeuclidean
    >>> sqeuclidean([0.0, 0.0], [3.0, 4.0])
    Tensor(25.)
    """
    u, v, w = _given(u, v, w)
    return sum(_weighted((u - v) * (u - v), w), -1)


def cityblock(u: Any, v: Any, w: Any = None) -> Tensor:
    """The sum of absolute differences.

    >>> from adjoint.scipy.spatial.distance import cityblock
    >>> cityblock([0.0, 0.0], [3.0, 4.0])
    Tensor(7.)
    """
    u, v, w = _given(u, v, w)
    return sum(_weighted(abs(u - v), w), -1)


def chebyshev(u: Any, v: Any, w: Any = None) -> Tensor:
    """The largest absolute difference; of weights it only counts which are positive.

    >>> from adjoint.scipy.spatial.distance import chebyshev
    >>> chebyshev([0.0, 0.0], [3.0, 4.0])
    Tensor(4.)
    """
    u, v, w = _given(u, v, w)
    sizes = abs(u - v)
    return max(sizes if w is None else where(w > 0, sizes, 0.0), -1)


def minkowski(u: Any, v: Any, p: Any = 2, w: Any = None) -> Tensor:
    """The p-th root of the sum of p-th powers of absolute differences; also differentiable by p.

    >>> from adjoint.scipy.spatial.distance import minkowski
    >>> minkowski([0.0, 0.0], [3.0, 4.0], 1)
    Tensor(7.)
    """
    if isinstance(p, Tensor) and _may_vary(p):
        return _minkowski_of_any_order(*_given(u, v, w), p)
    order = float(constant("scipy.spatial.distance.minkowski", "p", p))
    if not order > 0:
        raise RangeError(f"scipy.spatial.distance.minkowski: p must be positive, got {p!r}")
    u, v, w = _given(u, v, w)
    if w is None or math.isinf(order):
        return chebyshev(u, v, w) if math.isinf(order) else vector_norm(u - v, axis=-1, ord=order)
    return vector_norm((u - v) * power(w, 1 / order), axis=-1, ord=order)


def _may_vary(x: Tensor) -> bool:
    """Whether a number is differentiated, or not known."""
    scope = x.node.scope
    return scope is not None and scope.is_open() and (scope.abstract or not scope.stopped)


def _minkowski_of_any_order(u: Tensor, v: Tensor, w: Any, p: Tensor) -> Tensor:
    """The distance where p is differentiated, or not known; nan if it is not positive. The largest
    difference is taken out, as its power could overflow."""
    sizes = abs(u - v)
    largest = stop_gradient(max(sizes, -1, keepdims=True))
    same = equal(largest, 0)
    parts = sizes / where(same, 1.0, largest)
    powers = where(parts > 0, power(where(parts > 0, parts, 1.0), p), 0.0)
    total = sum(_weighted(powers, w), -1)
    away = total > 0
    root = where(away, power(where(away, total, 1.0), 1 / p), 0.0)
    result: Tensor = where(p > 0, root * reshape(largest, root.shape), np.nan)
    return result


def cosine(u: Any, v: Any, w: Any = None) -> Tensor:
    """1 less the cosine of the angle between two vectors.

    >>> from adjoint.scipy.spatial.distance import cosine
    >>> cosine([1.0, 0.0], [0.0, 1.0])
    Tensor(1.)
    """
    return correlation(u, v, w, centered=False)


def correlation(u: Any, v: Any, w: Any = None, centered: bool = True) -> Tensor:
    """1 less the correlation of two vectors.

    >>> from adjoint.scipy.spatial.distance import correlation
    >>> correlation([1.0, 0.0, -1.0], [1.0, 2.0, 1.0])
    Tensor(1.)
    """
    u, v, w = _given(u, v, w)
    if w is not None:
        w = w / sum(w)
    if centered:
        u, v = (x - _mean(x, w) for x in (u, v))
    uv, uu, vv = (sum(_weighted(x * y, w), -1) for x, y in ((u, v), (u, u), (v, v)))
    result: Tensor = 1 - uv / (sqrt(uu) * sqrt(vv))
    return result


def _mean(x: Tensor, w: Any) -> Tensor:
    if w is None:
        return descriptive.mean(x, -1, keepdims=True)
    return sum(x * w, -1, keepdims=True)


def canberra(u: Any, v: Any, w: Any = None) -> Tensor:
    """Σ |u - v| / (|u| + |v|), in which 0/0 is 0.

    >>> from adjoint.scipy.spatial.distance import canberra
    >>> canberra([0.0, 1.0], [0.0, 3.0])
    Tensor(0.5)
    """
    u, v, w = _given(u, v, w)
    below = abs(u) + abs(v)
    none = equal(below, 0)
    return sum(_weighted(where(none, 0.0, abs(u - v) / where(none, 1.0, below)), w), -1)


def braycurtis(u: Any, v: Any, w: Any = None) -> Tensor:
    """Σ |u - v| / Σ |u + v|.

    >>> from adjoint.scipy.spatial.distance import braycurtis
    >>> braycurtis([0.0, 1.0], [0.0, 3.0])
    Tensor(0.5)
    """
    u, v, w = _given(u, v, w)
    result: Tensor = sum(_weighted(abs(u - v), w), -1) / sum(_weighted(abs(u + v), w), -1)
    return result


def seuclidean(u: Any, v: Any, V: Any) -> Tensor:
    """`euclidean` of differences divided by the roots of the variances V.

    >>> from adjoint.scipy.spatial.distance import seuclidean
    >>> seuclidean([0.0, 0.0], [3.0, 4.0], [1.0, 1.0])
    Tensor(5.)
    """
    u, v, V = _given(u, v, V)
    return norm2((u - v) / sqrt(V), -1)


def mahalanobis(u: Any, v: Any, VI: Any) -> Tensor:
    """The root of d VI d, with d the difference and VI an inverse covariance matrix.

    >>> from adjoint.scipy.spatial.distance import mahalanobis
    >>> mahalanobis([0.0, 0.0], [3.0, 4.0], [[1.0, 0.0], [0.0, 1.0]])
    Tensor(5.)
    """
    u, v, VI = _given(u, v, VI)
    difference = u - v
    rows = reshape(difference, (-1, difference.shape[-1]))
    squares = sum(matmul(rows, VI) * rows, -1)
    return reshape(_root(squares), difference.shape[:-1])


def jensenshannon(
    p: Any, q: Any, base: Any = None, *, axis: int = 0, keepdims: bool = False
) -> Tensor:
    """The root of the mean of the relative entropies of two distributions to their mean.

    >>> from adjoint.scipy.spatial.distance import jensenshannon
    >>> jensenshannon([1.0, 0.0], [0.0, 1.0], 2)
    Tensor(1.)
    """
    p, q, _ = _given(p, q)
    p, q = (x / sum(x, axis, keepdims=True) for x in (p, q))
    middle = (p + q) / 2
    total = sum(special.rel_entr(p, middle) + special.rel_entr(q, middle), axis, keepdims=keepdims)
    if base is not None:
        total = total / math.log(base)
    return _root(total / 2)


def hamming(u: Any, v: Any, w: Any = None) -> Tensor:
    """The share of the elements that differ; of derivative 0 by the points.

    >>> from adjoint.scipy.spatial.distance import hamming
    >>> hamming([1.0, 0.0, 0.0, 2.0], [1.0, 2.0, 0.0, 2.0])
    Tensor(0.25)
    """
    return counting.hamming(*_given(u, v, w))


def jaccard(u: Any, v: Any, w: Any = None) -> Tensor:
    """The share of the elements of which one is not 0 and the other is, among those that are not
    both 0; of derivative 0 by the points.

    >>> from adjoint.scipy.spatial.distance import jaccard
    >>> jaccard([1.0, 0.0, 0.0, 2.0], [1.0, 2.0, 0.0, 2.0])
    Tensor(0.33333333)
    """
    return counting.jaccard(*_given(u, v, w))


_METRICS: dict[str, Callable[..., Tensor]] = {
    **dict.fromkeys(("euclidean", "euclid", "eu", "e"), euclidean),
    **dict.fromkeys(("sqeuclidean", "sqe", "sqeuclid"), sqeuclidean),
    **dict.fromkeys(("cityblock", "cblock", "cb", "c", "manhattan"), cityblock),
    **dict.fromkeys(("chebyshev", "chebychev", "cheby", "cheb", "ch"), chebyshev),
    **dict.fromkeys(("minkowski", "mi", "m", "pnorm"), minkowski),
    **dict.fromkeys(("cosine", "cos"), cosine),
    **dict.fromkeys(("correlation", "co"), correlation),
    **dict.fromkeys(("seuclidean", "se", "s"), seuclidean),
    **dict.fromkeys(("mahalanobis", "mahal", "mah"), mahalanobis),
    **dict.fromkeys(("jensenshannon", "js"), lambda u, v: jensenshannon(u, v, axis=-1)),
    **dict.fromkeys(("hamming", "matching", "hamm", "ha", "h"), counting.hamming),
    **dict.fromkeys(("jaccard", "jacc", "ja", "j"), counting.jaccard),
    "canberra": canberra,
    "braycurtis": braycurtis,
    "rogerstanimoto": counting.rogerstanimoto,
    "russellrao": counting.russellrao,
    "sokalsneath": counting.sokalsneath,
    "yule": counting.yule,
}


def _points(name: str, x: Any, dtype: Any) -> Tensor:
    x = as_tensor(x, dtype)
    if x.ndim != 2:
        raise ShapeError(f"{name}: needs points as rows of a matrix, got shape {x.shape}")
    result: Tensor = x
    return result


def _metric(
    name: str, metric: Any, samples: list[Tensor], options: dict[str, Any]
) -> Callable[[Tensor, Tensor], Tensor]:
    """The distance of rows, with its parameters: by default those SciPy takes from the samples."""
    function = _METRICS.get(metric.lower()) if isinstance(metric, str) else None
    if function is None:
        known = ", ".join(sorted({f for f in _METRICS if len(f) > 3}))
        raise unsupported(name, "metric", metric, f"give one of {known}")
    allowed = {
        _METRICS["minkowski"]: ("p", "w"),
        _METRICS["seuclidean"]: ("V",),
        _METRICS["mahalanobis"]: ("VI",),
        _METRICS["js"]: (),
    }.get(function, ("w",))
    unknown = [key for key in options if key not in allowed]
    if unknown:
        raise ArgumentError(
            f"{name}: metric {metric!r} does not take {unknown[0]!r}; it takes {allowed}"
        )
    options = {key: value for key, value in options.items() if value is not None}
    if "w" in options and np.shape(options["w"]) != (_width(samples),):
        raise ShapeError(
            f"{name}: w must have one weight for each of the {_width(samples)} coordinates, got "
            f"shape {np.shape(options['w'])}"
        )
    if function is _METRICS["seuclidean"] and "V" not in options:
        options["V"] = descriptive.var(concat(samples, axis=0), 0, ddof=1)
    if function is _METRICS["mahalanobis"] and "VI" not in options:
        count = builtins.sum(x.shape[0] for x in samples)
        if count <= _width(samples):
            raise ShapeError(
                f"{name}: the covariance of {count} points of {_width(samples)} coordinates is "
                f"singular; give more points than coordinates, or VI"
            )
        covariance = descriptive.cov(concat(samples, axis=0), rowvar=False)
        options["VI"] = matrix_transpose(equations.inv(reshape(covariance, (_width(samples),) * 2)))
    return lambda u, v: function(u, v, **options)


def _width(samples: list[Tensor]) -> int:
    return samples[0].shape[1]


def cdist(XA: Any, XB: Any, metric: Any = "euclidean", *, out: Any = None, **kwargs: Any) -> Tensor:
    """The distances of every row of XA from every row of XB.

    metric: a name, or a function of two vectors. Parameters of metrics: p, w, V, VI.

    >>> from adjoint.scipy.spatial.distance import cdist
    >>> cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])
    Tensor([[5., 1.]])
    """
    name = "scipy.spatial.distance.cdist"
    refuse(name, out=(out, None))
    dtype = real_dtype(XA, XB)
    a, b = _points(name, XA, dtype), _points(name, XB, dtype)
    if a.shape[1] != b.shape[1]:
        raise ShapeError(f"{name}: rows have {a.shape[1]} and {b.shape[1]} elements")
    if callable(metric):
        rows = [[metric(u, v, **kwargs) for v in b] for u in a]
        return as_tensor(rows, dtype)
    distance = _metric(name, metric, [a, b], kwargs)
    return distance(
        reshape(a, (a.shape[0], 1, a.shape[1])), reshape(b, (1, b.shape[0], b.shape[1]))
    )


def pdist(X: Any, metric: Any = "euclidean", *, out: Any = None, **kwargs: Any) -> Tensor:
    """The distances of all pairs of rows, the first with each later one, and so on.

    >>> from adjoint.scipy.spatial.distance import pdist
    >>> pdist([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    Tensor([5.        , 1.        , 4.24264069])
    """
    name = "scipy.spatial.distance.pdist"
    refuse(name, out=(out, None))
    x = _points(name, X, real_dtype(X))
    first, second = np.triu_indices(x.shape[0], 1)
    if callable(metric):
        pairs = zip(first.tolist(), second.tolist(), strict=True)
        return stack([as_tensor(metric(x[i], x[j], **kwargs)) for i, j in pairs])
    distance = _metric(name, metric, [x], kwargs)
    return distance(take(x, first, axis=0), take(x, second, axis=0))


def squareform(X: Any, force: str = "no", checks: bool = True) -> Tensor:
    """The matrix of distances of which `pdist` gives the upper triangle, or that triangle of it.

    >>> from adjoint.scipy.spatial.distance import squareform
    >>> squareform([5.0])
    Tensor([[0., 5.],
            [5., 0.]])
    """
    name = "scipy.spatial.distance.squareform"
    x = floating(X)
    if x.ndim == 1 and force.lower() != "tovector":
        size = math.ceil(math.sqrt(x.size * 2))
        if size * (size - 1) != x.size * 2:
            raise ShapeError(f"{name}: a triangle of a matrix never has {x.size} elements")
        size = size or 1
        places = np.full((size, size), x.size)
        rows, columns = np.triu_indices(size, 1)
        places[rows, columns] = places[columns, rows] = np.arange(x.size)
        return take(concat([x, np.zeros(1, x.dtype)]), places, axis=0)
    if x.ndim != 2 or x.shape[0] != x.shape[1] or force.lower() == "tomatrix":
        raise ShapeError(f"{name}: needs a vector or a square matrix, got shape {x.shape}")
    result = x[np.triu_indices(x.shape[0], 1)]
    return result


directed_hausdorff = no_counterpart(
    "scipy.spatial.distance.directed_hausdorff", "take min and max of scipy.spatial.distance.cdist"
)

round_results(__name__)
