"""Counterparts of scipy.special."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import adjoint as ad
from tests.scipy.checks import check_compiled, each, together
from tests.scipy.scipy_cases import Case

pytestmark = pytest.mark.unit

LINE = np.array([-1.3, 0.4, 2.1])
HALF = np.array([0.4, 1.3, 2.6])
UNIT = np.array([0.15, 0.4, 0.8])
OTHER = np.array([0.7, 2.2, 1.1])
TABLE = np.array([[0.3, -1.2, 2.0], [1.1, 0.4, -0.6]])


def one(name, at, **options):
    return Case(name, lambda s, x: getattr(s.special, name)(x), [at], **options)


def two(name, *at, **options):
    return Case(name, lambda s, *xs: getattr(s.special, name)(*xs), at, **options)


def fixed(name, first, at, **options):
    label = f"{name} {first}"
    return Case(label, lambda s, x: getattr(s.special, name)(first, x), [at], **options)


# fmt: off
ONE = [
    *(one(n, LINE) for n in (
        "erf", "erfc", "erfcx", "dawsn", "ndtr", "log_ndtr", "expit", "log_expit", "exp2", "exp10",
        "expm1", "exprel", "cosm1", "softplus", "j0", "j1", "i0", "i0e", "i1", "i1e", "cbrt",
        "sinc", "rgamma", "softmax", "log_softmax", "logsumexp",
    )),
    *(one(n, HALF) for n in (
        "gamma", "gammaln", "loggamma", "digamma", "psi", "y0", "y1", "k0", "k0e", "k1", "k1e",
        "entr", "exp1", "expi", "log1p", "factorial",
    )),
    *(one(n, UNIT) for n in ("erfinv", "erfcinv", "ndtri", "logit")),
    one("ndtri_exp", -HALF),
]
ONCE = {"gammainc", "gammaincc", "gammaincinv", "gammainccinv", "betainc", "betaincc",
        "betaincinv", "betainccinv", "stdtr", "stdtrit", "chdtr", "chdtrc", "fdtr", "fdtrc"}
TWO = [
    *(two(n, HALF, OTHER, second=n not in ONCE, single=False, rtol=1e-10) for n in (
        "xlogy", "xlog1py", "rel_entr", "kl_div", "beta", "betaln", "binom", "gammainc",
        "gammaincc", "stdtr", "chdtr", "chdtrc", "boxcox", "boxcox1p", "inv_boxcox",
        "inv_boxcox1p", "poch", "powm1", "huber", "pseudo_huber",
    )),
    *(two(n, HALF, UNIT, second=False, single=False, rtol=1e-10) for n in (
        "gammaincinv", "gammainccinv", "stdtrit",
    )),
    *(two(n, HALF, OTHER, UNIT, second=False, single=False, rtol=1e-10) for n in (
        "betainc", "betaincc", "betaincinv", "betainccinv", "fdtr", "fdtrc",
    )),
    two("comb", OTHER + 3, HALF, second=True), two("perm", OTHER + 3, HALF),
]
FIXED = [
    *(fixed(n, 2, HALF) for n in (
        "polygamma", "jn", "jv", "iv", "ive", "kv", "kve", "yv", "kn", "yn", "pdtr", "pdtrc",
        "eval_legendre", "eval_chebyt", "eval_chebyu", "eval_hermite", "eval_hermitenorm",
        "eval_laguerre",
    )),
    fixed("zeta", 2.5, HALF, single=False),
    Case("zeta alone", lambda s, q: s.special.zeta(3.0, q), [HALF], single=False),
    Case("multigammaln", lambda s, a: s.special.multigammaln(a, 3), [np.array(2.6)]),
    Case("diric", lambda s, x: s.special.diric(x, 4), [LINE]),
    Case("boxcox at 0", lambda s, x: s.special.boxcox(x, 0.0), [HALF]),
    Case("round", lambda s, x: s.special.round(x), [LINE]),
]
SUMS = [
    Case("logsumexp axis", lambda s, a: s.special.logsumexp(a, axis=0, keepdims=True), [TABLE]),
    Case("logsumexp b", lambda s, a, b: s.special.logsumexp(a, 1, b), [TABLE, np.exp(TABLE)]),
    Case(
        "logsumexp sign",
        lambda s, a, b: s.special.logsumexp(a, axis=1, b=b, return_sign=True),
        [TABLE, TABLE[:, ::-1]],
    ),
    Case("logsumexp one sign", lambda s, a: s.special.logsumexp(a, return_sign=True), [TABLE]),
    Case("softmax axis", lambda s, a: s.special.softmax(a, axis=1), [TABLE]),
    Case("log_softmax axis", lambda s, a: s.special.log_softmax(a, 0), [TABLE]),
]
PAIRS = [
    Case(name, lambda s, *xs, n=name: getattr(s.special, n)(*xs), at, **options)
    for name, at, options in (
        ("sici", [HALF], {}), ("shichi", [HALF], {}), ("fresnel", [LINE], {}),
        ("airy", [LINE], {}), ("airye", [HALF], {}),
        ("ellipj", [LINE, UNIT], {"single": False}),
    )
]
NEW = [
    one("erfi", LINE),
    *(one(n, HALF, rtol=1e-10) for n in ("spence", "kolmogorov", "ellipkm1")),
    *(one(n, UNIT) for n in ("ellipk", "ellipe", "kolmogi")),
    one("wrightomega", LINE), one("zeta", HALF + 1), one("zetac", HALF + 1),
    *(two(n, HALF, OTHER, single=False) for n in (
        "agm", "elliprc", "jve", "yve", "hyp0f1",
    )),
    two("zeta", HALF + 1, OTHER, single=False),
    two("chdtri", HALF, UNIT, single=False, rtol=1e-10),
    two("tklmbda", UNIT, UNIT, single=False),
    two("owens_t", LINE, OTHER), two("ellipkinc", LINE, UNIT), two("ellipeinc", LINE, UNIT),
    *(two(n, HALF, OTHER, UNIT, single=False) for n in ("elliprf", "elliprd", "elliprg")),
    two("elliprj", HALF, OTHER, UNIT, HALF, single=False, second=False),
    two("voigt_profile", LINE, OTHER, HALF, single=False),
    two("hyp1f1", HALF, OTHER, LINE, single=False),
    two("hyp2f1", HALF, OTHER, HALF, UNIT - 1.2, single=False, second=False),
    two("hyperu", HALF, OTHER, HALF, single=False, second=False, rtol=1e-9),
    two("fdtri", HALF, OTHER, UNIT, single=False, second=False, rtol=1e-10),
    two("gdtr", HALF, OTHER, UNIT, single=False), two("gdtrc", HALF, OTHER, UNIT, single=False),
    two("gdtria", UNIT, OTHER, HALF, single=False, rtol=1e-10),
    two("gdtrix", HALF, OTHER, UNIT, single=False, rtol=1e-10),
    two("nrdtrimn", UNIT, OTHER, HALF), two("nrdtrisd", HALF, UNIT, OTHER + 3),
    *(fixed(n, 2, HALF) for n in (
        "expn", "struve", "modstruve", "spherical_jn", "spherical_yn", "spherical_in",
        "spherical_kn", "eval_chebyc", "eval_chebys", "eval_sh_legendre",
        "eval_sh_chebyt", "eval_sh_chebyu", "jvp", "yvp", "ivp", "kvp",
    )),
    fixed("pdtri", 2, UNIT, single=False, rtol=1e-10),
    *(
        Case(f"{n} {k}", lambda s, p, n=n, k=k: getattr(s.special, n)(k, 5, p), [UNIT],
             single=False, rtol=1e-10)
        for n in ("bdtr", "bdtrc", "bdtri", "nbdtr", "nbdtrc", "nbdtri") for k in (0, 3)
    ),
    Case("bdtr of all", lambda s, p: s.special.bdtr(5, 5, p), [UNIT], single=False),
    *(
        Case(f"{n} {k}", lambda s, a, x, n=n, k=k: getattr(s.special, n)(k, a, x), [OTHER, LINE],
             single=False)
        for n in ("eval_genlaguerre", "eval_gegenbauer") for k in (0, 1, 4)
    ),
    *(
        Case(f"{n} {k}", lambda s, a, b, x, n=n, k=k: getattr(s.special, n)(k, a, b, x),
             [OTHER + 1, HALF, UNIT], single=False)
        for n in ("eval_jacobi", "eval_sh_jacobi") for k in (0, 1, 4)
    ),
    Case("degrees", lambda s, x: s.special.eval_legendre(np.arange(4)[:, None], x), [LINE]),
    *(Case(f"lpmv {m}", lambda s, x, m=m: s.special.lpmv(m, 3, x), [UNIT]) for m in (-2, 0, 1, 4)),
    *(
        Case(f"sph_harm_y {m} {part}", lambda s, t, p, m=m, part=part: getattr(
            s.special.sph_harm_y(3, m, t, p), part), [HALF, LINE], single=False)
        for m in (-2, 0, 1) for part in ("real", "imag")
    ),
    *(
        Case(f"{n} {part}", lambda s, x, n=n, part=part: getattr(
            getattr(s.special, n)(1.5, x), part), [HALF], single=False)
        for n in ("hankel1", "hankel2", "hankel1e", "hankel2e", "h1vp", "h2vp")
        for part in ("real", "imag")
    ),
    *(
        Case(f"{n} {part}", lambda s, x, n=n, part=part: getattr(getattr(s.special, n)(x), part),
             [HALF], single=False)
        for n in ("lambertw", "wofz") for part in ("real", "imag")
    ),
    Case("jv by order", lambda s, v, x: s.special.jv(v, x), [OTHER, HALF], single=False),
    Case("kve by order", lambda s, v, x: s.special.kve(v, x), [OTHER, HALF], single=False),
    Case("spherical slope", lambda s, x: s.special.spherical_jn(2, x, True), [HALF]),
]

# fmt: on

CASES = ONE + TWO + FIXED + SUMS + PAIRS + NEW


@each(CASES)
def test_special(checks, case):
    for check in checks:
        check(case)


@pytest.mark.native
@together(CASES)
def test_compiled(cases):
    check_compiled(*cases)


def test_functions_over_ufuncs_of_another_name_take_tensors_outside_of_transforms():
    found = scipy.special.lambertw(ad.asarray([1.0, 2.0]), -1)
    np.testing.assert_allclose(found, scipy.special.lambertw([1.0, 2.0], -1))
