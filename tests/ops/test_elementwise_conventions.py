"""What the derivatives of elementwise functions are where mathematics leaves a choice.

Each row of the convention table that concerns them: in both modes, by variables and the graph, and
by backprop; and at order two in all combinations of those that have one.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

INF = math.inf
NAN = math.nan


def reverse(f, i=0):
    """The partial derivative by argument `i`, in reverse mode; every argument is a variable."""

    def derivative(*args):
        return ad.grad(f, tuple(range(len(args))))(*args)[i]

    return derivative


def forward(f, i=0):
    """The partial derivative by argument `i`, in forward mode; every argument is a variable."""

    def derivative(*args):
        others = [a if isinstance(a, ad.Tensor) else ad.variable(a) for a in args]

        def along(x):
            return f(*others[:i], x, *others[i + 1 :])

        return ad.jvp(along, (args[i],), (1.0,))[1]

    return derivative


def graph_first(f, i=0):
    """The partial derivative by argument `i`, by variables and `gradient`."""

    def derivative(*args):
        variables = [a if isinstance(a, ad.Tensor) else ad.variable(a) for a in args]
        return ad.gradient(f(*variables), variables[i])

    return derivative


def numbers(f, i=0):
    """The partial derivative by argument `i`, by numbers pushed back over the graph."""

    def derivative(*args):
        variables = [ad.variable(a) for a in args]
        return ad.backprop(f(*variables), variables[i])

    return derivative


MODES = {"reverse": reverse, "forward": forward, "graph-first": graph_first}
FIRST = MODES | {"backprop": numbers}
PAIRS = [(a, b) for a in MODES for b in MODES]


def check(found, expected):
    np.testing.assert_allclose(float(found), expected, rtol=1e-12, atol=1e-300)


def relu(x):
    return ad.maximum(x, 0.0)


def elu(x):
    return ad.where(x > 0, x, ad.expm1(x))


def xx(x):
    return x * ad.log(x)


def unary_rows():
    """name, function, point, first derivative, second derivative (None: not a convention)"""
    return [
        ("abs at 0", ad.abs, 0.0, 0.0, 0.0),
        ("sign at 0", ad.sign, 0.0, 0.0, 0.0),
        ("|x|² by square", lambda x: ad.square(ad.abs(x)), 0.0, 0.0, 2.0),
        ("|x|² by power", lambda x: abs(x) ** 2, 0.0, 0.0, 2.0),
        ("|x|² by product", lambda x: abs(x) * abs(x), 0.0, 0.0, 2.0),
        ("|x|² by float power", lambda x: abs(x) ** 2.0, 0.0, 0.0, 2.0),
        ("max(x, -x)²", lambda x: ad.maximum(x, -x) ** 2, 0.0, 0.0, 2.0),
        ("max(-x, x)²", lambda x: ad.maximum(-x, x) ** 2, 0.0, 0.0, 2.0),
        ("min(x, -x)²", lambda x: ad.minimum(x, -x) ** 2, 0.0, 0.0, 2.0),
        ("√(x²)", lambda x: ad.sqrt(x * x), 0.0, 0.0, 0.0),
        ("√(x²)²", lambda x: ad.sqrt(x**2) ** 2, 0.0, 0.0, 2.0),
        ("√x² at 0", lambda x: ad.sqrt(x) ** 2, 0.0, 1.0, 0.0),
        ("√x √x at 0", lambda x: ad.sqrt(x) * ad.sqrt(x), 0.0, 1.0, 0.0),
        ("√x² at -1", lambda x: ad.sqrt(x) ** 2, -1.0, NAN, None),
        ("√x⁴ at 0", lambda x: ad.sqrt(x) ** 4, 0.0, 0.0, 2.0),
        ("|x|⁴", lambda x: abs(x) ** 4, 0.0, 0.0, 0.0),
        ("(-|x|)²", lambda x: (-abs(x)) ** 2, 0.0, 0.0, 2.0),
        ("||x||²", lambda x: abs(abs(x)) ** 2, 0.0, 0.0, 2.0),
        ("min(-x, x)²", lambda x: ad.square(ad.minimum(-x, x)), 0.0, 0.0, 2.0),
        ("√(√x²)", lambda x: ad.sqrt(ad.square(ad.sqrt(x))), 0.0, INF, None),
        ("√(x² + 4x²)", lambda x: ad.sqrt(x * x + 4 * x**2), 0.0, 0.0, 0.0),
        ("√(x² + 4x²) at 1", lambda x: ad.sqrt(x * x + 4 * x**2), 1.0, math.sqrt(5), None),
        ("√(x² + x²/4 + 3x²)", lambda x: ad.sqrt(x**2 + x**2 / 4 + x**2 * 3), 0.0, 0.0, 0.0),
        ("hypot(x, 2x)²", lambda x: ad.square(ad.hypot(x, 2 * x)), 0.0, 0.0, 10.0),
        ("relu at 0", relu, 0.0, 0.0, 0.0),
        ("relu² at 0", lambda x: relu(x) ** 2, 0.0, 0.0, None),
        ("relu above", relu, 2.0, 1.0, 0.0),
        ("min(x, 3) at 3", lambda x: ad.minimum(x, 3.0), 3.0, 0.0, 0.0),
        ("relu6 at 6", lambda x: ad.minimum(relu(x), 6.0), 6.0, 0.0, 0.0),
        ("clip at its lower edge", lambda x: ad.clip(x, -1.0, 1.0), -1.0, 1.0, 0.0),
        ("clip at its upper edge", lambda x: ad.clip(x, -1.0, 1.0), 1.0, 1.0, 0.0),
        ("clip outside", lambda x: ad.clip(x, -1.0, 1.0), 1.5, 0.0, 0.0),
        ("clip from below only, edge", lambda x: ad.clip(x, 0.0, None), 0.0, 1.0, 0.0),
        ("floor", ad.floor, 1.0, 0.0, 0.0),
        ("ceil", ad.ceil, 1.0, 0.0, 0.0),
        ("trunc", ad.trunc, 1.0, 0.0, 0.0),
        ("round", lambda x: ad.round(x, 1), 0.5, 0.0, 0.0),
        ("rint", ad.rint, 0.5, 0.0, 0.0),
        ("heaviside", lambda x: ad.heaviside(x, 0.5), 0.0, 0.0, 0.0),
        ("√ at 0", ad.sqrt, 0.0, INF, None),
        ("√ at -1", ad.sqrt, -1.0, NAN, NAN),
        ("cbrt at 0", ad.cbrt, 0.0, INF, None),
        ("arccos at 1", ad.arccos, 1.0, -INF, None),
        ("arcsin at 1", ad.arcsin, 1.0, INF, None),
        ("arcsin at 2", ad.arcsin, 2.0, NAN, NAN),
        ("arccosh at 1", ad.arccosh, 1.0, INF, None),
        ("arccosh at -2", ad.arccosh, -2.0, NAN, NAN),
        ("log at 0", ad.log, 0.0, INF, -INF),
        ("log at -1", ad.log, -1.0, NAN, NAN),
        ("log2 at -1", ad.log2, -1.0, NAN, NAN),
        ("log10 at 0", ad.log10, 0.0, INF, -INF),
        ("log1p at -1", ad.log1p, -1.0, INF, -INF),
        ("log1p at -2", ad.log1p, -2.0, NAN, NAN),
        ("arctanh at 1", ad.arctanh, 1.0, INF, None),
        ("arctanh at 2", ad.arctanh, 2.0, NAN, NAN),
        ("logit at 0", ad.special.logit, 0.0, INF, None),
        ("logit at -1", ad.special.logit, -1.0, NAN, NAN),
        ("x⁰ at 0", lambda x: x**0, 0.0, 0.0, 0.0),
        ("x⁰ at 0, float exponent", lambda x: x**0.0, 0.0, 0.0, 0.0),
        ("x² at 0", lambda x: x**2.0, 0.0, 0.0, 2.0),
        ("x³ at -2", lambda x: x**3.0, -2.0, 12.0, -12.0),
        ("x² at -2, exponent an array", lambda x: x ** np.float64(2.0), -2.0, -4.0, 2.0),
        ("x^½ at 0", lambda x: x**0.5, 0.0, INF, None),
        ("x log x at 0", xx, 0.0, -INF, INF),
        ("-x log x at 0", lambda x: -x * ad.log(x), 0.0, INF, -INF),
        ("log x x at 0", lambda x: ad.log(x) * x, 0.0, -INF, INF),
        ("x log x at 2", xx, 2.0, math.log(2.0) + 1, 0.5),
        ("entr at 0", ad.special.entr, 0.0, INF, -INF),
        ("entr at -1", ad.special.entr, -1.0, NAN, NAN),
        ("where(x>0, √x, 0)", lambda x: ad.where(x > 0, ad.sqrt(x), 0.0), 0.0, 0.0, 0.0),
        ("where(x>0, log x, x)", lambda x: ad.where(x > 0, ad.log(x), x), 0.0, 1.0, 0.0),
        ("where, second branch", lambda x: ad.where(x <= 0, x, ad.log(x)), 0.0, 1.0, 0.0),
        ("where(x≠0, sin x/x, 1)", lambda x: ad.where(x != 0, ad.sin(x) / x, 1.0), 0.0, 0.0, 0.0),
        ("where, taken branch infinite", lambda x: ad.where(x >= 0, ad.log(x), x), 0.0, INF, -INF),
        ("elu far out", elu, 1e3, 1.0, 0.0),
        ("elu below", elu, -1.0, math.exp(-1), math.exp(-1)),
        ("softplus at 1000", ad.special.softplus, 1e3, 1.0, 0.0),
        ("softplus at -1000", ad.special.softplus, -1e3, 0.0, 0.0),
        ("log_expit at -1000", ad.special.log_expit, -1e3, 1.0, 0.0),
        ("tanh at 1000", ad.tanh, 1e3, 0.0, 0.0),
        ("sinc at 0", ad.sinc, 0.0, 0.0, -(math.pi**2) / 3),
        ("mod by its dividend", lambda x: ad.mod(x, 2.0), 5.5, 1.0, 0.0),
        ("fmod by its dividend", lambda x: ad.fmod(x, 2.0), -5.5, 1.0, 0.0),
        ("mod by its divisor", lambda x: ad.mod(5.5, x), 2.0, -2.0, 0.0),
        ("fmod by its divisor", lambda x: ad.fmod(-5.5, x), 2.0, 2.0, 0.0),
        ("copysign", lambda x: ad.copysign(x, -1.0), -2.0, 1.0, 0.0),
        ("copysign at 0", lambda x: ad.copysign(x, -1.0), 0.0, 0.0, 0.0),
        ("angle of a real number", ad.angle, 0.0, 0.0, 0.0),
        ("stop_gradient", lambda x: x * ad.stop_gradient(x), 3.0, 3.0, 0.0),
        ("nan_to_num", ad.nan_to_num, NAN, 0.0, 0.0),
    ]


UNARY = unary_rows()


@pytest.mark.parametrize("mode", FIRST)
@pytest.mark.parametrize(("name", "f", "x", "first", "second"), UNARY, ids=[r[0] for r in UNARY])
def test_first_derivative(name, f, x, first, second, mode):
    check(FIRST[mode](f)(x), first)


SECOND = [row for row in UNARY if row[4] is not None]


@pytest.mark.parametrize("modes", PAIRS, ids=["-over-".join(pair) for pair in PAIRS])
@pytest.mark.parametrize(("name", "f", "x", "first", "second"), SECOND, ids=[r[0] for r in SECOND])
def test_second_derivative(name, f, x, first, second, modes):
    outer, inner = modes
    check(MODES[outer](MODES[inner](f))(x), second)


BINARY = [
    ("maximum, a tie", ad.maximum, (1.0, 1.0), (0.5, 0.5)),
    ("minimum, a tie", ad.minimum, (1.0, 1.0), (0.5, 0.5)),
    ("maximum", ad.maximum, (1.0, 2.0), (0.0, 1.0)),
    ("fmax, a tie", ad.fmax, (1.0, 1.0), (0.5, 0.5)),
    ("fmax against nan", ad.fmax, (1.0, NAN), (1.0, 0.0)),
    ("fmin against nan", ad.fmin, (NAN, 1.0), (0.0, 1.0)),
    ("hypot at 0", ad.hypot, (0.0, 0.0), (0.0, 0.0)),
    ("hypot of tiny numbers", ad.hypot, (3e-200, 4e-200), (0.6, 0.8)),
    ("atan2 at 0", ad.atan2, (0.0, 0.0), (0.0, 0.0)),
    ("atan2 of tiny numbers", ad.atan2, (1e-200, 1e-200), (0.5e200, -0.5e200)),
    ("power at (0, 0)", ad.power, (0.0, 0.0), (0.0, 0.0)),
    ("power at (0, 1)", ad.power, (0.0, 1.0), (1.0, 0.0)),
    ("power at (0, 2)", ad.power, (0.0, 2.0), (0.0, 0.0)),
    ("power at (0, ½)", ad.power, (0.0, 0.5), (INF, 0.0)),
    ("power at (-2, 2)", ad.power, (-2.0, 2.0), (-4.0, NAN)),
    ("xlogy at 0", ad.special.xlogy, (0.0, 0.0), (0.0, 0.0)),
    ("xlogy at (0, 2)", ad.special.xlogy, (0.0, 2.0), (math.log(2.0), 0.0)),
    ("xlog1py at (0, -1)", ad.special.xlog1py, (0.0, -1.0), (0.0, 0.0)),
    ("rel_entr at 0", ad.special.rel_entr, (0.0, 0.0), (0.0, 0.0)),
    ("logaddexp of nothing", ad.logaddexp, (-INF, -INF), (0.0, 0.0)),
    ("logaddexp2 of nothing", ad.logaddexp2, (-INF, -INF), (0.0, 0.0)),
    ("logaddexp with -inf", ad.logaddexp, (-INF, 0.0), (0.0, 1.0)),
    ("logaddexp with inf", ad.logaddexp, (INF, 0.0), (1.0, 0.0)),
    ("logaddexp of large numbers", ad.logaddexp, (1e3, 1e3), (0.5, 0.5)),
    ("mod", ad.mod, (5.5, 2.0), (1.0, -2.0)),
    ("fmod", ad.fmod, (-5.5, 2.0), (1.0, 2.0)),
    ("copysign by the sign", ad.copysign, (2.0, -3.0), (-1.0, 0.0)),
    ("heaviside at 0", ad.heaviside, (0.0, 0.5), (0.0, 1.0)),
    ("floor_divide", ad.floor_divide, (5.5, 2.0), (0.0, 0.0)),
    ("clip by its bound", lambda x, lo: ad.clip(x, lo, 5.0), (0.0, 1.0), (0.0, 1.0)),
    ("clip at its bound", lambda x, lo: ad.clip(x, lo, 5.0), (1.0, 1.0), (1.0, 0.0)),
    ("clip, bounds crossed", lambda lo, hi: ad.clip(0.0, lo, hi), (2.0, 1.0), (0.0, 1.0)),
]


@pytest.mark.parametrize("mode", FIRST)
@pytest.mark.parametrize(("name", "f", "at", "expected"), BINARY, ids=[r[0] for r in BINARY])
def test_partial_derivatives(name, f, at, expected, mode):
    for i in (0, 1):
        check(FIRST[mode](f, i)(*at), expected[i])


@pytest.mark.parametrize("outer", [ad.jacrev, ad.jacfwd])
@pytest.mark.parametrize("inner", [ad.jacrev, ad.jacfwd])
def test_the_square_of_hypot_has_the_hessian_of_a_sum_of_squares(outer, inner):
    f = lambda v: ad.hypot(v[0], v[1]) ** 2
    np.testing.assert_array_equal(outer(inner(f))(np.zeros(2)).numpy(), 2 * np.eye(2))


@pytest.mark.parametrize(
    ("piece", "whole", "slope"),
    [
        (ad.abs, lambda x, z: z**2, 6.0),
        (ad.sqrt, lambda x, z: z * z, 2 * math.sqrt(3.0)),
        (ad.log, lambda x, z: x * z, 3.0),
        (ad.negative, lambda x, z: ad.maximum(x, z), 0.0),
        (ad.square, lambda x, z: ad.sqrt(z), 1 / 6),
    ],
)
def test_nodes_in_between_keep_their_derivatives(piece, whole, slope):
    """A smooth form that leaves out z would say that nothing depends on z."""
    x = ad.variable(3.0)
    z = piece(x)
    check(ad.gradient(whole(x, z), z), slope)


@pytest.mark.parametrize("modes", PAIRS, ids=["-over-".join(pair) for pair in PAIRS])
def test_logaddexp_has_its_curvature_at_a_tie(modes):
    outer, inner = (MODES[m] for m in modes)
    check(outer(inner(ad.logaddexp, 0), 0)(1.0, 1.0), 0.25)
    check(outer(inner(ad.logaddexp, 0), 1)(1.0, 1.0), -0.25)
    check(outer(inner(ad.logaddexp, 0), 0)(-INF, -INF), 0.0)


def test_against_a_constant_a_kink_has_the_least_slope():
    check(ad.grad(ad.maximum)(1.0, 1.0), 0.0)
    check(ad.grad(ad.minimum, 1)(1.0, 1.0), 0.0)


@pytest.mark.parametrize("mode", FIRST)
@pytest.mark.parametrize("choose", [ad.maximum, ad.minimum, ad.fmax, ad.fmin])
def test_a_stopped_gradient_is_a_constant_in_a_tie(choose, mode):
    stopped = lambda x: 2 * ad.stop_gradient(x) - 1.0
    check(FIRST[mode](lambda x: choose(x, stopped(x)))(1.0), 0.0)
    check(FIRST[mode](lambda x: choose(stopped(x), x))(1.0), 0.0)
    check(FIRST[mode](lambda x, y: choose(x, ad.stop_gradient(y)))(1.0, 1.0), 0.0)
    check(FIRST[mode](lambda x: choose(x, stopped(x) + 0 * x))(1.0), 0.5)


def test_a_stopped_gradient_is_a_constant_in_a_batch_and_outside():
    f = lambda x, y: ad.maximum(x, ad.stop_gradient(y))
    ones = np.ones(2)
    assert ad.vmap(ad.grad(f))(ones, ones).tolist() == [0.0, 0.0]
    together = lambda x, y: ad.sum(ad.vmap(f)(x, y))
    assert [g.tolist() for g in ad.grad(together, (0, 1))(ones, ones)] == [[0.0, 0.0]] * 2
    outer = lambda y: ad.grad(lambda x: f(x, y) * y)(y)
    check(outer(1.0), 0.0)
    with pytest.warns(ad.errors.KinkWarning, match="maximum"):
        check(ad.grad(outer)(1.0), NAN)


def test_derivatives_of_a_whole_power_at_zero_of_every_order():
    for n in range(5):
        f = lambda x, n=n: x ** float(n)
        for order in range(7):
            check(f(0.0), math.factorial(n) if order == n else 0.0)
            f = ad.grad(f)


@pytest.mark.parametrize("mode", MODES)
def test_derivatives_of_sinc_at_zero_of_every_order(mode):
    f = ad.sinc
    for order in range(7):
        half = order // 2
        expected = 0.0 if order % 2 else (-1) ** half * math.pi**order / (order + 1)
        np.testing.assert_allclose(float(f(0.0)), expected, rtol=1e-13, atol=1e-13)
        f = MODES[mode](f)


def nested(x):
    """The expression that is infinite stands in the middle of three choices."""
    root = ad.sqrt(x)
    inner = ad.where(x > 0, root * root * root, 0.0)
    return ad.where(x > -1, inner, ad.log(x))


def shared(x):
    """The expression that is infinite serves two branches, both not taken."""
    root = ad.sqrt(x)
    return ad.where(x > 0, root, 0.0) + ad.where(x > 1, root * x, x)


def double(x):
    """The usual remedy elsewhere, the double where, is right as well."""
    safe = ad.where(x > 0, x, 1.0)
    return ad.where(x > 0, ad.log(safe), x)


@pytest.mark.parametrize("modes", PAIRS, ids=["-over-".join(pair) for pair in PAIRS])
@pytest.mark.parametrize(("f", "slope"), [(nested, 0.0), (shared, 1.0), (double, 1.0)])
def test_branches_not_taken_do_not_poison(f, slope, modes):
    outer, inner = (MODES[m] for m in modes)
    check(inner(f)(0.0), slope)
    check(outer(inner(f))(0.0), 0.0)


@pytest.mark.parametrize("f", [nested, shared, double])
def test_branches_not_taken_do_not_poison_inside_arrays(f):
    x = np.array([-2.0, 0.0, 0.5, 2.0])
    found = ad.grad(lambda x: ad.sum(f(x)))(x).numpy()
    for i, point in enumerate(x):
        check(found[i], float(ad.grad(f)(point)))
    assert np.isfinite(found[1:]).all()


# The names that stand for one operation, and what stays whole.


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("asin", "arcsin"),
        ("acos", "arccos"),
        ("atan", "arctan"),
        ("atan2", "arctan2"),
        ("asinh", "arcsinh"),
        ("acosh", "arccosh"),
        ("atanh", "arctanh"),
        ("pow", "power"),
        ("mod", "remainder"),
        ("absolute", "abs"),
        ("conjugate", "conj"),
        ("radians", "deg2rad"),
        ("degrees", "rad2deg"),
        ("invert", "bitwise_invert"),
        ("left_shift", "bitwise_left_shift"),
        ("true_divide", "divide"),
    ],
)
def test_an_alias_is_the_same_function(name, canonical):
    assert getattr(ad, name) is getattr(ad, canonical)


def test_integers_stay_integers_where_they_can():
    n = ad.asarray([-3, 2])
    for y in (n**2, n**3, abs(n), ad.sign(n), n % 2, n // 2, ad.clip(n, 0), ad.round(n), -n):
        assert y.dtype == np.int64
    assert (n**3).tolist() == [-27, 8]
    assert ad.clip(n, 0, None).tolist() == [0, 2]
    assert (n**2.0).dtype == np.float64
    assert (n & 1).tolist() == [1, 0]
    with pytest.raises(ad.errors.RangeError, match="negative integer power"):
        n**-1


def test_numpy_names_reach_the_operations():
    x = ad.asarray([0.25, 0.5])
    for f in (np.arcsin, np.hypot, np.copysign, np.deg2rad, np.radians, np.cbrt, np.rint, np.fabs):
        args = (x, x) if f.nin == 2 else (x,)
        np.testing.assert_allclose(f(*args).numpy(), f(*(a.numpy() for a in args)), rtol=1e-15)
    assert np.clip(x, 0.3, 1.0).tolist() == [0.3, 0.5]
    assert np.round(x, 1).tolist() == [0.2, 0.5]
    assert np.sinc(x).tolist() == np.sinc(x.numpy()).tolist()


def test_numbers_without_a_sign_lie_on_a_side_of_zero():
    """Sweeps ask on which side constants lie, where -1 times them may be no number."""
    x = np.array([1.0, 5.0])
    for choose, dtype, bound in product((ad.maximum, ad.minimum), ("uint8", "int8"), (0, 3)):
        limit = np.array(bound, dtype)
        slope = ad.grad(lambda x, f=choose, n=limit: ad.sum(f(ad.astype(x, n.dtype), n) * x))
        assert slope(x).tolist() == getattr(np, choose.__name__)(x, bound).tolist()
