"""Does a random loop agree with the same written out, in every mode and on every engine?"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import adjoint as ad
from adjoint.errors import KinkWarning
from tests.control.random_loops import Arrays, RandomLoop, weights

Calls = dict[str, Callable[[], Any]]


def disagreements(seed: int, compiled: int = 0) -> Iterator[str]:
    """What is wrong with the loop number `seed`, as text.

    compiled: how many of the modes are also compiled, and looked at natively.
    """
    yield from disagreements_of(RandomLoop(seed), compiled)


def disagreements_of(loop: Any, compiled: int = 0) -> Iterator[str]:
    """The same for what has a `seed`, `arguments`, and the functions `looped` and `written_out`."""
    seed = loop.seed
    tolerance = 3e-4 if any(x.dtype == np.float32 for x in loop.arguments) else 1e-9
    looped, plain = modes(loop, loop.looped), modes(loop, loop.written_out)
    looped |= batched(loop, loop.looped, at_once=True)
    plain |= batched(loop, loop.written_out, at_once=False)
    sure = False
    chosen = random.Random(seed).sample(sorted(looped), min(compiled, len(looped)))
    for name, (f, given) in looped.items():
        with ad.options(native="never"):
            want, warned = values(*plain[name])
            if name == "value" and not all(np.isfinite(x).all() for x in want):
                return  # derivatives of what is not finite depend on the order of operations
            got, warned_too = values(f, given)
            if name == "reverse-reverse":
                sure = not any(np.isnan(x).any() for x in want)
        if warned and "-" in name and sure:
            continue  # the loop written out says nan though another nesting knows better
        yield from differences(name, got, want, tolerance)
        if warned and not warned_too:
            yield f"{name}: no KinkWarning"
        if name in chosen:
            call = ad.compile(f)
            for number in range(2):
                yield from differences(
                    f"{name}, compiled {number}", values(call, given)[0], got, tolerance
                )
            with ad.options(native="always"):
                yield from differences(f"{name}, native", values(f, given)[0], got, tolerance)


def modes(loop: Any, f: Callable[..., Arrays]) -> dict[str, tuple[Any, Arrays]]:
    """Functions of arguments, by what they compute: the value and derivatives of a sum of it."""
    found: dict[str, tuple[Any, Arrays]] = {"value": (f, loop.arguments)}
    places = floating(loop)
    given = [loop.arguments[place] for place in places]
    if not given:
        return found
    all_of_them = tuple(range(len(given)))
    g = total(loop.arguments, places, f)
    directions = tuple(weights(x) + np.asarray(0.3, x.dtype) for x in given)
    others = tuple(np.flip(d) for d in directions)

    def along(slopes: Any) -> Any:
        return sum((dot(a, d) for a, d in zip(slopes, directions, strict=True)), ad.asarray(0.0))

    def forward(*x: Any) -> Any:
        return ad.jvp(g, x, directions)[1]

    slope = ad.grad(g, all_of_them)
    found |= {
        "gradient": (ad.value_and_grad(g, all_of_them), given),
        "tangent": (lambda *x: ad.jvp(g, x, directions), given),
        "reverse-reverse": (ad.grad(lambda *x: along(slope(*x)), all_of_them), given),
        "forward-reverse": (lambda *x: ad.jvp(slope, x, directions)[1], given),
        "reverse-forward": (ad.grad(forward, all_of_them), given),
        "forward-forward": (lambda *x: ad.jvp(forward, x, others)[1], given),
        "jacobian": (ad.jacobian(g, all_of_them), given),
    }
    return found


def batched(loop: Any, f: Any, at_once: bool) -> dict[str, tuple[Any, Arrays]]:
    """Values and gradients for three examples that differ in some arguments."""
    r = random.Random(loop.seed)
    axes = [r.choice((0, None)) for _ in loop.arguments]
    if 0 not in axes:
        return {}
    given = [three(x) if a == 0 else x for x, a in zip(loop.arguments, axes, strict=True)]
    places = floating(loop)

    def slopes(*arguments: Any) -> Any:
        x = [arguments[place] for place in places]
        return ad.grad(total(arguments, places, f), tuple(range(len(x))))(*x)

    def one_by_one(f: Any) -> Any:
        def g(*many: Any) -> Any:
            rows = [
                leaves(f(*[x[k] if a == 0 else x for x, a in zip(many, axes, strict=True)]))
                for k in range(3)
            ]
            return [np.stack(x) for x in zip(*rows, strict=True)]

        return g

    over = (lambda f: ad.vmap(f, tuple(axes))) if at_once else one_by_one
    found = {"batch": (over(f), given)}
    if places:
        found["gradients of a batch"] = (over(slopes), given)
    return found


def three(x: Any) -> Any:
    """Three examples of an argument."""
    if x.dtype.kind == "f":
        return np.stack([x, x * np.asarray(0.5, x.dtype), -x])
    if x.dtype.kind == "b":
        return np.stack([x, ~x, x])
    return np.stack([x, np.maximum(x - 1, 0), x + 1]).astype(x.dtype)


def floating(loop: Any) -> list[int]:
    """The arguments that have derivatives."""
    return [n for n, x in enumerate(loop.arguments) if x.dtype.kind == "f"]


def total(arguments: Any, places: list[int], f: Any) -> Callable[..., Any]:
    """The weighted sum of what is floating in the result, as a function of some arguments."""

    def g(*given: Any) -> Any:
        all_of_them = list(arguments)
        for place, x in zip(places, given, strict=True):
            all_of_them[place] = x
        parts = (dot(v, weights(v)) for v in f(*all_of_them) if v.dtype.kind == "f")
        return sum(parts, ad.asarray(0.0))

    return g


def dot(v: Any, w: Any) -> Any:
    return ad.sum(ad.astype(v, "float64") * w)


def leaves(x: Any) -> list[Any]:
    """The arrays of nested lists and tuples of tensors."""
    if isinstance(x, (list, tuple)):
        return [leaf for part in x for leaf in leaves(part)]
    return [np.asarray(x)]


def values(f: Any, given: Arrays) -> tuple[list[Any], bool]:
    """The values of a result, and whether there was a `KinkWarning`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = leaves(f(*given))
    return found, any(w.category is KinkWarning for w in caught)


def differences(name: str, got: list[Any], want: list[Any], tolerance: float) -> Iterator[str]:
    """Where results are not the same but for rounding.

    A second derivative may be nan where a kink is met: a step does not know what becomes of it.
    """
    for number, (x, y) in enumerate(zip(got, want, strict=True)):
        may_be_nan = "-" in name and not np.isnan(y).any() and np.isnan(x).any()
        if x.shape != y.shape or (x.dtype != y.dtype and x.any()):
            yield f"{name}, result {number}: {x.dtype}{x.shape} for {y.dtype}{y.shape}"
        elif not may_be_nan and not agrees(x, y, tolerance):
            yield f"{name}, result {number}: {x} for {y}"


def agrees(x: Any, y: Any, tolerance: float) -> bool:
    if y.dtype.kind != "f":
        return np.array_equal(x, y)
    size = float(np.abs(y[np.isfinite(y)]).max(initial=1e-3))
    return np.allclose(x, y, rtol=tolerance, atol=tolerance * size, equal_nan=True)
