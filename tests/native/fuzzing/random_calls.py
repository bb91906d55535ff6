"""More steps of random programs: products of many forms, transforms inside, statistics, systems."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import adjoint as ad
from tests.native.fuzzing.random_steps import Rule, along, axes, constant, of_one, of_two, reduction


def contracted(r: random.Random, pick: Callable[..., Any]) -> Any:
    """A sum of products over letters that the operands share."""
    a, b = pick("f"), pick("f")
    if a.ndim == 2 and b.ndim == 2 and a.shape[1] == b.shape[1]:
        return ad.einsum(r.choice(("ij,kj->ik", "ij,kj->ki", "ij,kj->i", "ij,kj->jki")), a, b)
    if a.ndim == 2 and b.ndim == 1 and a.shape[0] == b.shape[0]:
        return ad.einsum(r.choice(("ij,i->j", "ij,i->ij", "ij,i->")), a, b)
    if a.ndim == 3:
        return ad.einsum(r.choice(("abc,abc->ac", "abc,adc->bd", "abc->cb", "abc,abd->cd")), a, a)
    if a.ndim == 2:
        return ad.einsum(
            r.choice(("ij,ik->jk", "ij->j", "ij,ij->", "ij,ik,il->jkl")), *[a] * r.randint(1, 3)
        )
    return ad.einsum(r.choice(("i,i->", "i,j->ij", "i,i->i")), a, a) if a.ndim == 1 else None


def outer(r: random.Random, pick: Callable[..., Any]) -> Any:
    a, b = pick("f"), pick("f")
    return r.choice((ad.outer, ad.kron, ad.inner, ad.vdot, ad.vecdot))(
        a, b if r.random() < 0.5 else a
    )


def neighbours(r: random.Random, pick: Callable[..., Any]) -> Any:
    """What each element makes of those beside it."""
    x = pick("f")
    if not x.ndim:
        return None
    axis = r.randrange(x.ndim)

    def part(low: int, high: int | None) -> Any:
        return x[(slice(None),) * axis + (slice(low, high),)]

    way = r.randrange(4)
    if way == 0:
        return part(1, None) * part(0, -1)
    if way == 1:
        return part(2, None) - 2.0 * part(1, -1) + part(0, -2)
    if way == 2:
        return ad.where(part(1, None) > part(0, -1), part(1, None), ad.sin(part(0, -1)))
    return ad.roll(x, 1, axis) + ad.roll(x, -1, axis) - 2.0 * x


def slope(r: random.Random, pick: Callable[..., Any]) -> Any:
    """A derivative inside, so that the program's own is a second one."""
    x = pick("f")
    axis = r.randrange(x.ndim) if x.ndim else None

    def f(x: Any) -> Any:
        y = ad.sin(x) * x
        if axis is not None:
            y = y * ad.sum(x * x, axis=axis, keepdims=True) + ad.cumsum(y, axis=axis)
        return ad.sum(y)

    return ad.grad(f)(x)


def product_along(r: random.Random, pick: Callable[..., Any]) -> Any:
    """A Hessian times a vector."""
    x = pick("f")
    return ad.hvp(lambda x: ad.sum(ad.tanh(x) ** 2 * ad.sum(x)), x, x * 0.5)


def mapped(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("f")
    if not x.ndim:
        return None
    way = r.randrange(3)
    if way == 0:
        return ad.vmap(lambda row: row * ad.sum(ad.sin(row)))(x)
    if way == 1:
        return ad.vmap(lambda row: ad.cumsum(ad.reshape(row, (-1,)), axis=0))(x)
    return ad.vmap(ad.grad(lambda row: ad.sum(ad.cos(row) * row)))(x)


def jacobian(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("f")
    if x.ndim != 1 or x.size > 40:
        return None
    transform = r.choice((ad.jacfwd, ad.jacrev, ad.jacobian))
    f = r.choice((ad.sin, ad.softmax, lambda x: ad.cumsum(x * x, axis=0), lambda x: x[1:] * x[:-1]))
    return transform(f)(x)


def hessian(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("f")
    if x.ndim != 1 or x.size > 20:
        return None
    return ad.hessian(lambda x: ad.sum(ad.sin(x[1:]) * x[:-1] ** 2) + ad.sum(x) ** 2)(x)


def system(r: random.Random, pick: Callable[..., Any]) -> Any:
    """Decompositions of a symmetric matrix far from singular."""
    x = pick("f")
    if x.ndim < 2 or x.shape[-1] > 9 or x.dtype.name != "float64":
        return None
    x = ad.tanh(x)
    a = ad.swapaxes(x, -1, -2) @ x + 2.0 * constant_eye(x.shape[-1])
    way = r.randrange(5)
    if way == 0:
        return ad.linalg.solve(a, ad.swapaxes(x, -1, -2))
    if way == 1:
        return ad.linalg.cholesky(a)
    if way == 2:
        return ad.linalg.det(a)
    if way == 3:
        return ad.linalg.inv(a)
    return ad.linalg.slogdet(a)[1]


def constant_eye(size: int) -> Any:
    return ad.eye(size)


def chain_of_products(r: random.Random, pick: Callable[..., Any]) -> Any:
    """Layers: products with what stands between them."""
    x = pick("f")
    if x.ndim != 2 or not x.shape[-1]:
        return None
    for _ in range(r.randint(2, 3)):
        width = r.choice((1, 3, 8, 17, 33))
        x = x @ constant(r, (x.shape[-1], width), x.dtype) * 0.3 + constant(r, (width,), x.dtype)
        x = r.choice((ad.tanh, lambda x: ad.maximum(x, 0), ad.special.expit))(x)
    return x


def placed(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("f")
    if not x.ndim or not x.size:
        return None
    axis = r.randrange(x.ndim)
    index = ad.argmax(x, axis=axis)
    one = ad.expand_dims(index, axis)
    if r.random() < 0.5:
        return ad.put_along_axis(x, one, 0.25, axis)
    return ad.take_along_axis(ad.sin(x), one, axis)


def largest(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("f")
    return ad.top_k(x, min(2, x.shape[-1]))[r.randrange(2)] if x.ndim else None


def between(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("f")
    xp = ad.cumsum(ad.asarray([0.5, 0.25, 1.0, 0.5])) - 1.0
    return ad.interp(x, xp, ad.sin(xp * 2.0))


def weighted(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("f")
    axis = axes(r, x)
    return ad.sum(x * ad.cos(x), axis=axis) / (ad.sum(ad.abs(x), axis=axis) + 1.0)


def shifted_bits(r: random.Random, pick: Callable[..., Any]) -> Any:
    x = pick("i")
    return r.choice((ad.left_shift, ad.right_shift))(x, r.randint(0, 3))


MORE: dict[str, Rule] = {
    "einsum": contracted,
    "outer": outer,
    "neighbours": neighbours,
    "slope": slope,
    "hvp": product_along,
    "vmap": mapped,
    "jacobian": jacobian,
    "hessian": hessian,
    "system": system,
    "layers": chain_of_products,
    "placed": placed,
    "top_k": largest,
    "interp": between,
    "weighted": weighted,
    "bit shift": shifted_bits,
    "std": reduction(lambda x, **k: ad.std(x + ad.sin(x), **k)),
    "nansum": reduction(ad.nansum),
    "nanmax": reduction(ad.nanmax),
    "nanmean": reduction(ad.nanmean),
    "norm": reduction(lambda x, **k: ad.sqrt(ad.sum(x * x, **k) + 0.25)),
    "whole min": reduction(ad.min, "ib"),
    "whole prod": reduction(ad.prod, "i"),
    "whole mean": reduction(ad.mean, "i"),
    "whole sort": along(ad.sort, "i"),
    "whole argmin": along(ad.argmin, "i"),
    "nan_to_num": of_one(lambda x: ad.nan_to_num(x, 0.5, 9.0, -9.0)),
    "signbit": of_one(lambda x: ad.signbit(ad.where(x == x, x, 1))),
    "isnan": of_one(ad.isnan),
    "exp2": of_one(lambda x: ad.exp2(ad.tanh(x) * 5)),
    "log10": of_one(lambda x: ad.log10(ad.abs(x) + 0.01)),
    "arctanh": of_one(lambda x: ad.arctanh(ad.tanh(x) * 0.9)),
    "arccos": of_one(lambda x: ad.arccos(ad.tanh(x) * 0.9)),
    "erfc": of_one(ad.special.erfc),
    "ndtr": of_one(ad.special.ndtr),
    "log_ndtr": of_one(ad.special.log_ndtr),
    "softplus": of_one(ad.special.softplus),
    "gelu": of_one(lambda x: x * ad.special.ndtr(x)),
    "huge angle": of_one(lambda x: ad.sin(x * 1e7)),
    "heaviside": of_two(ad.heaviside),
    "nextafter": of_two(ad.nextafter),
    "floor_divide": of_two(lambda a, b: ad.floor_divide(a, ad.abs(b) + 0.75)),
    "xlogy": of_two(lambda a, b: ad.special.xlogy(a, ad.abs(b) + 0.5)),
    "whole max of two": of_two(ad.maximum, "i"),
    "whole less": of_two(lambda a, b: a < b, "i"),
    "whole divide": of_two(lambda a, b: a / (abs(b) % 5 + 1), "i"),
    "tile": of_one(lambda x: ad.tile(x, 2)),
    "diagonal": of_one(lambda x: ad.diagonal(x) if x.ndim > 1 else ad.diag(x)),
    "pair": of_two(lambda a, b: ad.stack(ad.broadcast_arrays(a, b), axis=-1)),
}
