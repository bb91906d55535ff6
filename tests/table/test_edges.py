"""At the awkward points both modes return what the conventions promise, at first and second order.

And the values of elementwise operations keep NumPy's special values: signed zeros, inf, nan.
"""

from __future__ import annotations

import numpy as np
import pytest

import adjoint as ad
from adjoint.graph.op import FUNCTIONS, OPS
from adjoint.ops.family.elementwise import _KINDS, Elementwise
from tests.table.cases import FLAT
from tests.table.edges import COMPLEX, EDGES, Edge, Functions, Missing
from tests.table.oracles import numerical

pytestmark = pytest.mark.unit

EVERY = pytest.mark.parametrize("edge", EDGES + COMPLEX, ids=[e.name for e in EDGES + COMPLEX])


def scalar(edge: Edge):
    def f(x):
        return ad.sum(edge.f(Functions(), x))

    try:
        f(ad.asarray(np.array(edge.at)))
    except Missing as missing:
        pytest.skip(f"there is no function {missing}")
    return f


def same(ours, expected):
    np.testing.assert_allclose(ours, np.array(expected, np.asarray(ours).dtype), rtol=1e-12)


@EVERY
def test_reverse(edge):
    same(ad.grad(scalar(edge))(np.array(edge.at)).numpy(), edge.gradient)


@EVERY
def test_forward(edge):
    """The gradient, one direction at a time; a direction of zeros may not spoil the others."""
    f, at = scalar(edge), np.array(edge.at)
    found = np.zeros_like(at)
    for i in range(at.size):
        for direction in (1, 1j) if at.dtype.kind == "c" else (1,):
            unit = np.zeros_like(at)
            unit[i] = direction
            found[i] += direction * float(ad.jvp(f, (at,), (unit,))[1])
    wanted = np.array(edge.gradient)
    if not np.all(np.isfinite(wanted)):  # 0 · ∞ in the directions that are not asked
        found, wanted = found[~np.isfinite(wanted)], wanted[~np.isfinite(wanted)]
    same(found, wanted)


@pytest.mark.parametrize("way", ["forward over reverse", "reverse over reverse"])
@pytest.mark.parametrize(
    "edge", [e for e in EDGES if e.second], ids=[e.name for e in EDGES if e.second]
)
def test_second_order(edge, way):
    f, at = scalar(edge), np.array(edge.at)
    if way == "forward over reverse":
        found = ad.jvp(ad.grad(f), (at,), (np.ones_like(at),))[1]
    else:
        found = ad.grad(lambda x: ad.sum(ad.grad(f)(x)))(at)
    same(found.numpy(), edge.second)


def test_third_derivative_of_a_square_at_zero():
    third = ad.grad(ad.grad(ad.grad(lambda x: x**2.0)))(0.0)
    assert float(third) == 0.0


SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, -1e308]
WHOLE = {"expn"}
"""SciPy warns of broken numbers where these functions take whole ones."""
PLAIN = [
    name
    for name, op in OPS.items()
    if isinstance(op, Elementwise)
    and name in FUNCTIONS
    and not op.param_names
    and "f" in _KINDS[op.accepts]
    and len(op.partials) <= 2
    and name not in FLAT | WHOLE
    and isinstance(numerical(name), np.ufunc)
]


OUR_OWN = {"erfinv": [0.0], "log_ndtr": [1e308, np.inf], "gammaln": [-1e308, -np.inf, 5e-324]}
"""Where SciPy loses the sign of zero, or an infinity; see design note 8."""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PLAIN)
def test_special_values_are_numpy_s(name, dtype):
    with np.errstate(all="ignore"):
        points = np.array(SPECIAL).astype(dtype)
        xs = [points]
        if len(OPS[name].partials) == 2:
            xs = [np.repeat(points, points.size), np.tile(points, points.size)]
        xs = [x[~np.isin(x, OUR_OWN.get(name, []))] if len(xs) == 1 else x for x in xs]
        expected = np.asarray(numerical(name)(*xs))
        if name == "floor_divide":  # the array API rounds the quotient of infinities down
            rounded = np.floor(np.divide(*xs))
            expected = np.where(np.isinf(xs[0]) | np.isinf(xs[1]), rounded, expected)
    ours = FUNCTIONS[name](*xs).numpy()
    np.testing.assert_allclose(ours, expected, rtol=1e-12 if dtype == "float64" else 1e-5)
    if expected.dtype.kind == "f":
        signed = ~np.isnan(expected)
        if name in ("maximum", "minimum", "fmax", "fmin"):  # NumPy takes either of two zeros
            signed &= expected != 0
        assert np.array_equal(np.signbit(ours)[signed], np.signbit(expected)[signed])


@pytest.mark.parametrize("name", PLAIN)
def test_modes_agree_at_special_points(name):
    """Reverse and forward give the same number, the same infinity, or both nan."""
    if len(OPS[name].partials) != 1 or OPS[name].partials[0] is None:
        return
    points = np.array(SPECIAL)
    f = FUNCTIONS[name]
    back = ad.grad(lambda x: ad.sum(f(x)))(points).numpy()
    _, along = ad.jvp(f, (points,), (np.ones_like(points),))
    np.testing.assert_array_equal(back, along.numpy())
