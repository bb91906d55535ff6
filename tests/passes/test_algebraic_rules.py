"""Every rule of algebra holds for every number, and does apply."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.text import graph_text
from adjoint.graph.verify import verify
from adjoint.passes.simplify import simplify
from tests.passes.graphs import assert_identical, graph_of, values_of

pytestmark = pytest.mark.unit

V = (3,)


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.1, 3.0, 5e-324, -5e-324, 1e-310, 2.3e-308, 1e308, 1.7e308]
FLOATS = np.array([*SPECIAL, np.pi, -1e-300, 1e16, np.inf, -np.inf, np.nan])
A, B = (x.ravel() for x in np.meshgrid(FLOATS, FLOATS, indexing="ij"))

IDENTITIES = {
    "a + (-b)": lambda a, b: a + (-b),
    "(-a) + b": lambda a, b: (-a) + b,
    "(-a) + (-b)": lambda a, b: (-a) + (-b),
    "a - (-b)": lambda a, b: a - (-b),
    "a - 0": lambda a, b: a - 0,
    "0 - a": lambda a, b: 0 - a,
    "1 a": lambda a, b: 1 * a,
    "a 1": lambda a, b: a * 1,
    "-1 a": lambda a, b: -1 * a,
    "a (-1)": lambda a, b: a * -1,
    "(-a)(-b)": lambda a, b: (-a) * (-b),
    "-(-a)": lambda a, b: ad.negative(-a),
    "-(a - b)": lambda a, b: -(a - b),
    "where(c, a, a)": lambda a, b: ad.where(a < b, a, a),
    "where(not c, a, b)": lambda a, b: ad.where(ad.logical_not(a < b), a, b),
    "where(not a, a, b)": lambda a, b: ad.where(ad.logical_not(a), a, b),
}
REAL = {
    "a / 1": lambda a, b: a / 1.0,
    "a / -1": lambda a, b: a / -1.0,
    **{
        f"a / 2^{n}": lambda a, b, n=n: a / 2.0**n
        for n in (-149, -126, -101, -99, -3, -1, 1, 2, 30, 99, 101, 126, 127)
    },
    "a / 3": lambda a, b: a / 3.0,
    "a / 0": lambda a, b: a / 0.0,
    "a / inf": lambda a, b: a / np.inf,
    "a / nan": lambda a, b: a / np.nan,
}


def columns(dtype: str) -> list[Any]:
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        info = np.iinfo(kind)
        ends = np.array([0, 1, 2, 7, info.min, info.max, info.max - 1], kind)
        return [x.ravel() for x in np.meshgrid(ends, ends, indexing="ij")]
    with np.errstate(over="ignore", invalid="ignore"):
        if kind.kind == "c":
            z = (A + 1j * B).astype(kind)
            return [z, np.roll(z, 7)]
        return [A.astype(kind), B.astype(kind)]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int8", "uint8", "complex128"])
@pytest.mark.parametrize("name", [*IDENTITIES, *REAL])
def test_a_rule_holds_for_every_number(name: str, dtype: str) -> None:
    """Infinities, nan, both zeros, subnormals and the ends of integers, to the last bit."""
    f = {**IDENTITIES, **REAL}[name]
    if np.dtype(dtype).kind == "c" and "<" in name:
        pytest.skip("complex numbers have no order")
    a, b = columns(dtype)
    if np.dtype(dtype).kind == "c" and name == "where(c, a, a)":
        f = lambda a, b: ad.where(ad.isnan(b), a, a)
    if np.dtype(dtype).kind == "c" and name == "where(not c, a, b)":
        f = lambda a, b: ad.where(ad.logical_not(ad.isnan(b)), a, b)
    if dtype == "uint8" and "-1" in name and name in IDENTITIES:
        with pytest.raises(OverflowError):
            graph_of(f, (a.shape, dtype), (b.shape, dtype))
        return
    inputs, outputs = graph_of(f, (a.shape, dtype), (b.shape, dtype))
    given = dict(zip(inputs, (a, b), strict=True))
    found = simplify(outputs, inputs)
    verify(found)
    (result,), (expected,) = values_of(found, given), values_of(outputs, given)
    assert_identical(result, expected, name)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_products_of_vectors_hold_for_every_number(dtype: str) -> None:
    """The zeros of products of depth one are positive, as of sums that begin at zero."""
    with np.errstate(over="ignore"):
        numbers = FLOATS.astype(dtype)
    x, y = numbers[:, None], np.stack([numbers[None, ::-1], -numbers[None]])
    given = (x, y, np.ones((1, 3), dtype))
    inputs, outputs = graph_of(
        lambda x, y, z: (x @ y, (-x) @ y, y.mT @ x.mT, x @ -ad.ones((1, 3), dtype), (x @ z) @ z.mT),
        *((a.shape, dtype) for a in given),
    )
    found = simplify(outputs, inputs)
    verify(found)
    values = dict(zip(inputs, given, strict=True))
    for result, expected in zip(values_of(found, values), values_of(outputs, values), strict=True):
        assert_identical(result, expected)
    assert "matmul" not in graph_text(found[:4])
    assert graph_text(found[4:]).count("matmul") == 1


def test_products_of_vectors_need_not_be_stored() -> None:
    x, y = np.ones((40, 1), np.float32), np.ones((1, 50), np.float32)
    compiled = ad.compile(lambda x, y: ad.sum(ad.sin(x @ y)))
    compiled(x, y)
    assert [s.name for s in compiled.trace(x, y).schedule.steps if not s.is_view] == ["kernel"]
    whole = ad.compile(lambda x, y: x @ y)
    assert whole(x[:0], y).shape == (0, 50)
    assert [s.name for s in whole.trace(x.astype(int), y.astype(int)).schedule.steps] != ["gemm"]


def test_the_rules_do_apply() -> None:
    """Or the test above would prove nothing."""
    for name, f in IDENTITIES.items():
        inputs, outputs = graph_of(f, V, V)
        changed = graph_text(simplify(outputs, inputs)) != graph_text(outputs)
        assert changed == (name not in ("0 - a", "-(a - b)", "where(not a, a, b)")), name
