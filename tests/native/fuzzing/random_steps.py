"""Steps of random programs: a rule draws numbers, picks values, and computes another from them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import adjoint as ad

SMALL = (0, 1, 1, 2, 2, 3, 3, 7, 8, 9)
ABOUT_VECTORS = (15, 16, 17, 31, 32, 33, 63, 65)
"""Sizes around one, two and more vector registers."""

Rule = Callable[[random.Random, Callable[..., Any]], Any]


def of_one(function: Callable[[Any], Any], kinds: str = "f") -> Rule:
    return lambda r, pick: function(pick(kinds))


def of_two(function: Callable[[Any, Any], Any], kinds: str = "f") -> Rule:
    def rule(r: random.Random, pick: Callable[..., Any]) -> Any:
        a = pick(kinds)
        return function(*r.sample([a, partner(r, pick, a, kinds)], 2))

    return rule


def picked(r: random.Random, pool: Sequence[Any], kinds: str) -> Any:
    """A value of the pool, rather a late one, of one of the kinds of dtypes."""
    kinds = kinds.replace("i", "iu")
    fit = [x for x in pool if x.dtype.kind in kinds] or pool
    found = fit[max(r.randrange(len(fit)), r.randrange(len(fit)))]
    if found.dtype.kind in kinds:
        return found
    if kinds[0] == "b":
        return found > 0
    return ad.astype(ad.sin(found), "float64") if kinds[0] == "f" else ad.astype(found > 0, "int64")


def partner(r: random.Random, pick: Callable[..., Any], a: Any, kinds: str) -> Any:
    """Something that broadcasts with `a`: a value, a part of `a`, a constant, a number."""
    way = r.randrange(6)
    if way < 3:
        for _ in range(4):
            b = pick(kinds)
            try:
                np.broadcast_shapes(a.shape, b.shape)
            except ValueError:
                continue
            return b
    if way < 4 and a.ndim:
        axis = r.randrange(a.ndim)
        return ad.sum(a, axis=axis, keepdims=True) if a.dtype.kind == "f" else a[:1]
    if way < 5:
        shape = tuple(1 if r.random() < 0.3 else s for s in a.shape[r.randint(0, a.ndim) :])
        return constant(r, shape, a.dtype)
    return r.choice((2, 0.5, -1, 1, 0, 3.25)) if a.dtype.kind == "f" else r.choice((1, 2, 0, 5))


def constant(r: random.Random, shape: Sequence[int], dtype: Any) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(r.randrange(2**31))
    return numbers(rng, tuple(shape), np.dtype(dtype))


def numbers(rng: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Moderate numbers, one in sixteen of them whole."""
    if dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    if dtype.kind in "iu":
        return np.asarray(rng.integers(-3 if dtype.kind == "i" else 0, 9, shape)).astype(dtype)
    values = rng.uniform(-2, 2, shape)
    return np.asarray(np.where(rng.random(shape) < 1 / 16, np.rint(values), values)).astype(dtype)


def axes(r: random.Random, x: Any) -> Any:
    """None, one axis of `x`, or several."""
    way = r.randrange(3)
    if way == 0 or not x.ndim:
        return None
    if way == 1:
        return r.randrange(-x.ndim, x.ndim)
    return tuple(r.sample(range(x.ndim), r.randint(0, x.ndim)))


def reduction(function: Callable[..., Any], kinds: str = "f") -> Rule:
    def rule(r: random.Random, pick: Callable[..., Any]) -> Any:
        x = pick(kinds)
        return function(x, axis=axes(r, x), keepdims=r.random() < 0.5)

    return rule


def along(function: Callable[..., Any], kinds: str = "f") -> Rule:
    def rule(r: random.Random, pick: Callable[..., Any]) -> Any:
        x = pick(kinds)
        return function(x, axis=r.randrange(-x.ndim, x.ndim)) if x.ndim else None

    return rule


def steps_of(r: random.Random, size: int) -> slice:
    """A slice of an axis, often with a step, backwards too."""
    ends = [None, 0, 1, size // 2, size, -1, -2]
    return slice(r.choice(ends), r.choice(ends), r.choice((None, 1, 2, 3, -1, -2)))


def basic_index(r: random.Random, x: Any) -> Any:
    index: list[Any] = []
    for size in x.shape:
        if r.random() < 0.15:
            index.append(None)
        way = r.random()
        if way < 0.2 and size:
            index.append(r.randrange(-size, size))
        else:
            index.append(slice(None) if way < 0.4 else steps_of(r, size))
    if r.random() < 0.2:
        index = [*index[: r.randint(0, len(index))], ...]
    return tuple(index)


def fancy_index(r: random.Random, x: Any) -> Any:
    """Arrays of indices in one or two axes, the others sliced."""
    shape = r.choice(((2,), (3,), (2, 2), (1,), (0,), ()))
    chosen = r.sample(range(x.ndim), r.randint(1, min(2, x.ndim)))
    index: list[Any] = []
    for axis, size in enumerate(x.shape):
        if axis in chosen and size:
            flat = [r.randrange(-size, size) for _ in range(int(np.prod(shape)))]
            index.append(np.array(flat, np.int64).reshape(shape))
        else:
            index.append(slice(None) if r.random() < 0.5 else steps_of(r, size))
    return tuple(index)


def computed_index(r: random.Random, pick: Callable[..., Any]) -> Any:
    """Gather at indices that the program computes."""
    x, i = pick("f"), pick("i")
    if not x.ndim or not x.shape[0]:
        return None
    return ad.take(x, i % x.shape[0], axis=0)


def sliced(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("fib")
    return x[basic_index(r, x)]


def gathered(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("fi")
    return x[fancy_index(r, x)] if x.ndim else None


def written(r: random.Random, pick: Callable[..., Any]) -> Any:
    """A copy with something set or added at an index."""
    x = pick("f")
    if not x.ndim:
        return None
    index = basic_index(r, x) if r.random() < 0.5 else fancy_index(r, x)
    part = x[index]
    value: Any = r.choice((1.5, -2.0))
    if r.random() < 0.7:
        other = pick("f")
        value = other if other.shape == part.shape else ad.sin(part) * 0.5
    if r.random() < 0.5:
        return ad.index_add(x, index, value)
    y = ad.asarray(x) * 1.0
    y[index] = value
    return y


def along_axis(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("f")
    if not x.ndim or not x.size:
        return None
    axis = r.randrange(x.ndim)
    order = ad.argsort(x, axis=axis, descending=r.random() < 0.3)
    return ad.take_along_axis(x, order, axis)


def reshaped(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("fib")
    size = int(x.size)
    options: list[tuple[int, ...]] = [(-1,), (1, -1), (-1, 1), (size,)]
    options += [(d, -1) for d in (2, 3, 7, 8) if size and size % d == 0]
    options += [(-1, 2, 2)] if size and size % 4 == 0 else []
    shape = r.choice(options)
    return ad.reshape(x, shape if size else (size,))


def permuted(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("fib")
    return ad.permute_dims(x, tuple(r.sample(range(x.ndim), x.ndim)))


def moved(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("fi")
    axis = r.randrange(x.ndim) if x.ndim else None
    way = r.randrange(8)
    if axis is None:
        return ad.broadcast_to(x, r.choice(((2,), (1,), (3, 2), (0,))))
    if way == 0:
        return ad.flip(x, axis)
    if way == 1:
        return ad.roll(x, r.randint(-3, 3), axis)
    if way == 2:
        return ad.expand_dims(x, r.randint(0, x.ndim))
    if way == 3:
        return ad.squeeze(x)
    if way == 4:
        return ad.repeat(x, r.randint(0, 3), axis)
    if way == 5:
        return ad.pad(x, [(r.randint(0, 2), r.randint(0, 2)) for _ in x.shape])
    if way == 6:
        return ad.swapaxes(x, axis, -1)
    return ad.broadcast_to(x, (r.choice((1, 2, 3)), *x.shape))


def product(r: random.Random, pick: Callable[..., Any]) -> Any:
    a = pick("f")
    if not a.ndim:
        return None
    for _ in range(4):
        b = pick("f")
        if b.ndim and b.shape[max(b.ndim - 2, 0)] == a.shape[-1]:
            return a @ b
    way = r.randrange(4)
    if way == 0 and a.ndim > 1:
        return a @ ad.swapaxes(ad.cos(a), -1, -2)
    if way == 1 and a.ndim > 1:
        return ad.swapaxes(a, -1, -2) @ a
    if way == 2 and a.ndim > 1:
        return ad.matrix_transpose(a) @ constant(r, (a.shape[-2], r.choice(SMALL)), a.dtype)
    return a @ constant(r, (a.shape[-1], r.choice(SMALL)), a.dtype)


def joined(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("fi")
    count = r.randint(1, 3)
    parts = [x]
    for _ in range(count):
        y = pick("fi")
        parts.append(y if y.shape == x.shape else x * r.choice((1, 2)))
    r.shuffle(parts)
    if r.random() < 0.5 or not x.ndim:
        return ad.stack(parts, axis=r.randint(-x.ndim - 1, x.ndim))
    axis = r.randrange(x.ndim)
    if r.random() < 0.5:
        parts.append(ad.flip(x, axis)[(slice(None),) * axis + (slice(0, 1),)])
    return ad.concat(parts, axis=axis)


def chosen(r: random.Random, pick: Callable[..., Any]) -> Any:
    a = pick("f")
    condition = r.choice((a > 0.3, a == a, partner(r, pick, a, "f") < a, pick("b")))
    return ad.where(condition, a, partner(r, pick, a, "f"))


def bounded(r: random.Random, pick: Callable[..., Any]) -> Any:
    return ad.clip(pick("f"), *r.choice(((-1, 1), (0, None), (None, 0.5), (-0.5, 10))))


def converted(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("fib")
    dtypes = ["float64", "float32", "int64", "int32", "bool", "uint8", "int16"]
    if x.dtype.kind != "b":
        x = ad.clip(x, 0, 100)
        x = ad.where(x == x, x, 7)  # nan has no whole number that processors agree upon
    return ad.astype(x, r.choice(dtypes))


def triangle(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("f")
    return r.choice((ad.tril, ad.triu))(x, r.randint(-1, 1)) if x.ndim > 1 else None


def detached(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("f")
    return x * ad.stop_gradient(ad.cos(x))


TAME: dict[str, Rule] = {
    "sin": of_one(ad.sin),
    "cos": of_one(ad.cos),
    "tanh": of_one(ad.tanh),
    "arctan": of_one(ad.arctan),
    "decay": of_one(lambda x: ad.exp(-ad.abs(x))),
    "gauss": of_one(lambda x: ad.exp(-x * x)),
    "log": of_one(lambda x: ad.log(ad.abs(x) + 0.5)),
    "root": of_one(lambda x: ad.sqrt(x * x + 0.25)),
    "abs": of_one(ad.abs),
    "negative": of_one(ad.negative),
    "ratio": of_two(lambda a, b: a / (b * b + 1.0)),
    "add": of_two(lambda a, b: a + b),
    "subtract": of_two(lambda a, b: a - b),
    "multiply": of_two(lambda a, b: a * b),
    "maximum": of_two(ad.maximum),
    "minimum": of_two(ad.minimum),
    "sum": reduction(ad.sum),
    "mean": reduction(ad.mean),
    "max": reduction(ad.max),
    "min": reduction(ad.min),
    "slice": sliced,
    "reshape": reshaped,
    "permute": permuted,
    "move": moved,
    "matmul": product,
    "join": joined,
    "where": chosen,
    "gather": gathered,
    "write": written,
    "softmax": along(ad.softmax),
    "cumsum": along(ad.cumsum),
}
"""What many programs are made of; two steps of three are these."""

OTHER: dict[str, Rule] = {
    "exp": of_one(lambda x: ad.exp(ad.clip(x, -20, 20))),
    "any exp": of_one(ad.exp),
    "any log": of_one(ad.log),
    "any sqrt": of_one(ad.sqrt),
    "expm1": of_one(ad.expm1),
    "log1p": of_one(lambda x: ad.log1p(ad.abs(x))),
    "log2": of_one(lambda x: ad.log2(x * x + 1.0)),
    "tan": of_one(ad.tan),
    "sinh": of_one(lambda x: ad.sinh(ad.tanh(x))),
    "cosh": of_one(lambda x: ad.cosh(ad.tanh(x))),
    "arcsin": of_one(lambda x: ad.arcsin(ad.tanh(x) * 0.9)),
    "arcsinh": of_one(ad.arcsinh),
    "cbrt": of_one(lambda x: ad.cbrt(x * x + 0.1)),
    "erf": of_one(ad.special.erf),
    "gammaln": of_one(lambda x: ad.special.gammaln(ad.abs(x) + 0.5)),
    "digamma": of_one(lambda x: ad.special.digamma(ad.abs(x) + 0.5)),
    "expit": of_one(ad.special.expit),
    "sinc": of_one(ad.sinc),
    "reciprocal": of_one(lambda x: ad.reciprocal(x + 3.0)),
    "square": of_one(ad.square),
    "cube": of_one(lambda x: ad.tanh(x) ** 3),
    "broken power": of_one(lambda x: (x * x + 0.5) ** 1.7),
    "sign": of_one(ad.sign),
    "floor": of_one(ad.floor),
    "round": of_one(lambda x: ad.round(x * 4) * 0.25),
    "trunc": of_one(ad.trunc),
    "isfinite": of_one(ad.isfinite),
    "divide": of_two(lambda a, b: a / b),
    "arctan2": of_two(ad.arctan2),
    "hypot": of_two(ad.hypot),
    "power": of_two(lambda a, b: (ad.abs(a) + 0.5) ** ad.tanh(b)),
    "remainder": of_two(lambda a, b: a % (ad.abs(b) + 0.75)),
    "fmod": of_two(lambda a, b: ad.fmod(a, ad.abs(b) + 0.75)),
    "copysign": of_two(lambda a, b: ad.copysign(a, ad.where(b == b, b, 1))),
    "logaddexp": of_two(ad.logaddexp),
    "fmax": of_two(ad.fmax),
    "fmin": of_two(ad.fmin),
    "less": of_two(lambda a, b: a < b),
    "equal": of_two(lambda a, b: ad.floor(a) == ad.floor(b)),
    "and": of_two(ad.logical_and, "bf"),
    "or": of_two(ad.logical_or, "bi"),
    "xor": of_two(ad.logical_xor, "b"),
    "not": of_one(ad.logical_not, "bi"),
    "any": reduction(ad.any, "b"),
    "all": reduction(ad.all, "bi"),
    "prod": reduction(lambda x, **k: ad.prod(ad.tanh(x), **k)),
    "var": reduction(ad.var),
    "logsumexp": reduction(ad.logsumexp),
    "count": reduction(ad.count_nonzero, "bi"),
    "whole sum": reduction(ad.sum, "ib"),
    "whole max": reduction(ad.max, "i"),
    "argmax": along(ad.argmax, "fi"),
    "argmin": along(ad.argmin),
    "log_softmax": along(ad.log_softmax),
    "cumprod": along(lambda x, axis: ad.cumprod(ad.tanh(x), axis=axis)),
    "cummax": along(ad.cummax),
    "cumsum of whole": along(ad.cumsum, "i"),
    "sort": along(ad.sort),
    "argsort": along(ad.argsort),
    "diff": along(ad.diff),
    "median": reduction(ad.median),
    "whole add": of_two(lambda a, b: a + b, "i"),
    "whole multiply": of_two(lambda a, b: a * b, "i"),
    "whole subtract": of_two(lambda a, b: a - b, "i"),
    "whole remainder": of_two(lambda a, b: a % (abs(b) % 5 + 1), "i"),
    "floor divide": of_two(lambda a, b: a // (abs(b) % 5 + 1), "i"),
    "bits": of_two(lambda a, b: (a & b) ^ b, "i"),
    "mixed": lambda r, pick: pick("f") * ad.sum(pick("ib")),
    "clip": bounded,
    "astype": converted,
    "triangle": triangle,
    "along": along_axis,
    "computed index": computed_index,
    "stop": detached,
}
