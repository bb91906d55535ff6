"""Counterparts of scipy.special."""

from __future__ import annotations

import numpy as np
import pytest

from tests.scipy.checks import CHECKS, applies
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
# fmt: on

CASES = ONE + TWO + FIXED + SUMS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__[6:])
def test_special(check, case):
    if applies(check, case):
        check(case)
