"""How each public function is called: by the rows of the tests' tables, and by those below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

import adjoint as ad
from tests.numpy.differences import points
from tests.numpy.matrix_calls import CALLS
from tests.numpy.most_used import MOST_USED, Use
from tests.table.cases import CASES

NAMESPACES = ("", "linalg", "fft", "special")
_HOME_OF_TRANSFORMS = ("adjoint.api", "adjoint.explanation")


@dataclass(frozen=True)
class Example:
    """A call of a function of arrays: of the floating `inputs` derivatives are asked."""

    name: str
    call: Callable[..., Any]
    inputs: tuple[Any, ...]


X, Y, A = (np.asarray(points(shape, seed)) for seed, shape in enumerate(((3,), (3,), (3, 3))))
WHOLE = np.array([5, 3, 6])

_OTHERS: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = [
    ("bitwise_not", lambda x: ad.bitwise_not(x), (WHOLE,)),
    ("cumulative_prod", lambda x: ad.cumulative_prod(x), (X,)),
    ("cumulative_sum", lambda x: ad.cumulative_sum(x), (X,)),
    ("dsplit", lambda x: ad.dsplit(ad.reshape(x, (1, 1, 3)), 3)[0], (X,)),
    ("flatten", lambda x: ad.flatten(x), (A,)),
    ("from_dlpack", lambda x: ad.from_dlpack(x), (X,)),
    ("getitem", lambda x: ad.getitem(x, 1), (X,)),
    ("index_add", lambda x, y: ad.index_add(x, [0, 0, 2], y), (X, Y)),
    ("invert", lambda x: ad.invert(x), (WHOLE,)),
    ("iscomplex", lambda x: ad.iscomplex(x), (X,)),
    ("isneginf", lambda x: ad.isneginf(x), (X,)),
    ("isposinf", lambda x: ad.isposinf(x), (X,)),
    ("kaiser", lambda x: ad.kaiser(4, x[0]), (X,)),
    ("left_shift", lambda x: ad.left_shift(x, 1), (WHOLE,)),
    ("matrix_transpose", lambda x: ad.matrix_transpose(x), (A,)),
    ("pow", lambda x, y: ad.pow(x, y), (X, Y)),
    ("right_shift", lambda x: ad.right_shift(x, 1), (WHOLE,)),
    ("setitem", lambda x, y: ad.setitem(x, 0, y[1]), (X, Y)),
    ("sliding_window_view", lambda x: ad.sliding_window_view(x, 2), (X,)),
    ("top_k", lambda x: ad.top_k(x, 2)[0], (X,)),
    ("unstack", lambda x: ad.unstack(x)[1], (A,)),
    ("vecdot", lambda x, y: ad.vecdot(x, y), (X, Y)),
    ("put_along_axis", lambda x: ad.put_along_axis(x, [1], 2.0), (X,)),
    ("linalg.matrix_norm", lambda x: ad.linalg.matrix_norm(x), (A,)),
    ("linalg.matrix_transpose", lambda x: ad.linalg.matrix_transpose(x), (A,)),
    ("linalg.svdvals", lambda x: ad.linalg.svdvals(x), (A,)),
    ("linalg.solve_triangular", lambda x, y: ad.linalg.solve_triangular(x, y), (A, Y)),
    ("linalg.vecdot", lambda x, y: ad.linalg.vecdot(x, y), (X, Y)),
    ("linalg.vector_norm", lambda x: ad.linalg.vector_norm(x), (X,)),
    ("special.bei", lambda x: ad.special.bei(x), (X,)),
    ("special.beip", lambda x: ad.special.beip(x), (X,)),
    ("special.ber", lambda x: ad.special.ber(x), (X,)),
    ("special.berp", lambda x: ad.special.berp(x), (X,)),
    ("special.binom", lambda x, y: ad.special.binom(x, y), (X + 3, Y)),
    ("special.jn", lambda x: ad.special.jn(2, x), (X,)),
    ("special.kei", lambda x: ad.special.kei(x), (X,)),
    ("special.keip", lambda x: ad.special.keip(x), (X,)),
    ("special.ker", lambda x: ad.special.ker(x), (X,)),
    ("special.kerp", lambda x: ad.special.kerp(x), (X,)),
    ("special.kl_div", lambda x, y: ad.special.kl_div(x, y), (X, Y)),
    ("special.lambertw", lambda x: ad.special.lambertw(x), (X,)),
    ("special.wofz", lambda x: ad.special.wofz(x), (X,)),
    ("special.log_expit", lambda x: ad.special.log_expit(x), (X,)),
    ("special.multigammaln", lambda x: ad.special.multigammaln(x + 2, 2), (X,)),
]
_OTHERS += [
    ("argpartition", lambda x: ad.argpartition(x, 1), (X,)),
    ("allclose", lambda x, y: ad.asarray(ad.allclose(x, y)), (X, Y)),
    ("argwhere", lambda x: ad.argwhere(x), (X,)),
    ("around", lambda x: ad.around(x), (X,)),
    ("array_equal", lambda x, y: ad.asarray(ad.array_equal(x, y)), (X, Y)),
    ("count_nonzero", lambda x: ad.count_nonzero(x), (X,)),
    ("digitize", lambda x: ad.digitize(x, [0.3, 0.9]), (X,)),
    ("fix", lambda x: ad.fix(x), (X,)),
    ("flatnonzero", lambda x: ad.flatnonzero(x), (X,)),
    ("isclose", lambda x, y: ad.isclose(x, y), (X, Y)),
    ("isin", lambda x, y: ad.isin(x, y), (X, Y)),
    ("isreal", lambda x: ad.isreal(x), (X,)),
    ("lexsort", lambda x, y: ad.lexsort((x, y)), (X, Y)),
    ("nonzero", lambda x: ad.nonzero(x), (X,)),
    ("unravel_index", lambda x: ad.unravel_index(x, (4, 4)), (WHOLE,)),
]
_CONSTANT: dict[str, Callable[[], Any]] = {
    "arange": lambda: ad.arange(3),
    "bartlett": lambda: ad.bartlett(3),
    "blackman": lambda: ad.blackman(3),
    "diag_indices": lambda: ad.diag_indices(3),
    "diag_indices_from": lambda: ad.diag_indices_from(A),
    "empty": lambda: ad.empty(3),
    "empty_like": lambda: ad.empty_like(X),
    "eye": lambda: ad.eye(3),
    "fromfunction": lambda: ad.fromfunction(lambda i: 2 * i, (3,)),
    "fromiter": lambda: ad.fromiter(range(3), float),
    "hamming": lambda: ad.hamming(3),
    "hanning": lambda: ad.hanning(3),
    "identity": lambda: ad.identity(3),
    "indices": lambda: ad.indices((2, 3)),
    "ones": lambda: ad.ones(3),
    "ones_like": lambda: ad.ones_like(X),
    "tri": lambda: ad.tri(3),
    "tril_indices": lambda: ad.tril_indices(3),
    "tril_indices_from": lambda: ad.tril_indices_from(A),
    "triu_indices": lambda: ad.triu_indices(3),
    "triu_indices_from": lambda: ad.triu_indices_from(A),
    "zeros": lambda: ad.zeros(3),
    "zeros_like": lambda: ad.zeros_like(X),
}
"""Functions of shapes alone."""
_ASKING = frozenset(
    (
        *("can_cast", "common_type", "finfo", "iinfo", "isdtype", "result_type", "iterable"),
        *("broadcast_shapes", "iscomplexobj", "isrealobj", "isscalar", "ndim", "shape", "size"),
    )
)
"""What says something about tensors and dtypes, and returns none."""
_REFUSING = frozenset({"frompyfunc"})
"""What is there to say what to use in its place."""
_SAME = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan",
    "atan2": "arctan2", "atanh": "arctanh", "special.psi": "digamma",
}  # fmt: skip
"""Names by which the same functions are called."""


def functions() -> list[str]:
    """The names of all public functions of arrays, with those of their namespaces."""
    found = []
    for space in NAMESPACES:
        home = getattr(ad, space) if space else ad
        prefix = f"{space}." if space else ""
        found += [prefix + name for name in home.__all__ if _is_of_arrays(getattr(home, name))]
    return sorted(found, key=str.lower)


def _is_of_arrays(thing: Any) -> bool:
    if isinstance(thing, ModuleType) or not callable(thing):
        return False
    if isinstance(thing, type):
        return thing is ad.vectorize
    return thing.__name__ not in _ASKING | _REFUSING and not str(thing.__module__).startswith(
        _HOME_OF_TRANSFORMS
    )


def examples() -> dict[str, list[Example]]:
    """By the name of a function how it is called, in one way or several."""
    found: dict[str, list[Example]] = {}
    for example in _all():
        found.setdefault(example.name, []).append(example)
    for use in MOST_USED:  # an expression, so only for want of a call of the function itself
        own = use.name.rpartition(".")[2]
        if "numpy" not in use.flags and use.name not in found and own not in found:
            found[use.name] = [as_example(use, ad)]
    named = {}
    for name in functions():
        own = _SAME.get(name, name)
        for key in (own, own.rpartition(".")[2]):
            if key in found:
                named[name] = found[key]
                break
    return named


def _all() -> Iterator[Example]:
    """Calls of functions alone; of those written down here, no others."""
    here = [Example(name, constant, ()) for name, constant in _CONSTANT.items()]
    here += [Example(name, call, inputs) for name, call, inputs in _OTHERS]
    names = {example.name for example in here}
    yield from here
    yield from (example for example in _of_the_tests() if example.name not in names)


def _of_the_tests() -> Iterator[Example]:
    for case in CASES:
        if not case.single and not any(np.asarray(x).dtype.kind == "c" for x in case.inputs):
            yield Example(case.op, case.public or case.call, case.inputs)
    for row in CALLS:
        if "protocol" not in row.flags:
            inputs = tuple(np.asarray(points(x, i)) for i, x in enumerate(row.inputs))
            yield Example(row.name.rpartition("-")[0], _by(row.call, ad), inputs)


def _by(call: Callable[..., Any], library: Any) -> Callable[..., Any]:
    return lambda *xs: call(library, *xs)


def as_example(use: Use, library: Any) -> Example:
    """A row of the most used functions, in which `np` is NumPy or adjoint."""
    names: dict[str, Any] = {"np": library, "__name__": "users_module"}
    exec(f"def f(x, y=None):\n    return {use.expression}\n", names)
    inputs = tuple(np.asarray(points(shape, i)) for i, shape in enumerate(use.shapes))
    return Example(use.name, names["f"], inputs)
