"""Further functions that adjoint has too, under SciPy's calling convention."""

from __future__ import annotations

from typing import Any

from adjoint.array import special as core
from adjoint.graph.tensor import Tensor
from adjoint.scipy.common import constant, integer, refuse, unsupported
from adjoint.scipy.special.calling import ufunc

agm = ufunc(core.agm)
airy = ufunc(core.airy)
airye = ufunc(core.airye)
ellipe = ufunc(core.ellipe)
ellipeinc = ufunc(core.ellipeinc)
ellipj = ufunc(core.ellipj)
ellipk = ufunc(core.ellipk)
ellipkinc = ufunc(core.ellipkinc)
ellipkm1 = ufunc(core.ellipkm1)
elliprc = ufunc(core.elliprc)
elliprd = ufunc(core.elliprd)
elliprf = ufunc(core.elliprf)
elliprg = ufunc(core.elliprg)
elliprj = ufunc(core.elliprj)
erfi = ufunc(core.erfi)
expn = ufunc(core.expn)
fresnel = ufunc(core.fresnel)
hyp0f1 = ufunc(core.hyp0f1)
hyp1f1 = ufunc(core.hyp1f1)
hyp2f1 = ufunc(core.hyp2f1)
hyperu = ufunc(core.hyperu)
bei = ufunc(core.bei)
beip = ufunc(core.beip)
ber = ufunc(core.ber)
berp = ufunc(core.berp)
kei = ufunc(core.kei)
keip = ufunc(core.keip)
kelvin = ufunc(core.kelvin)
ker = ufunc(core.ker)
kerp = ufunc(core.kerp)
kolmogi = ufunc(core.kolmogi)
kolmogorov = ufunc(core.kolmogorov)
modstruve = ufunc(core.modstruve)
owens_t = ufunc(core.owens_t)
shichi = ufunc(core.shichi)
sici = ufunc(core.sici)
spence = ufunc(core.spence)
struve = ufunc(core.struve)
tklmbda = ufunc(core.tklmbda)
voigt_profile = ufunc(core.voigt_profile)
wofz = ufunc(core.wofz)
wrightomega = ufunc(core.wrightomega)
zetac = ufunc(core.zetac)


def lambertw(z: Any, k: Any = 0, tol: Any = 1e-8) -> Tensor:
    """Lambert's W on its branch `k`, a tensor of complex numbers.

    >>> from adjoint.scipy.special import lambertw
    >>> lambertw(1.0).real
    Tensor(0.56714329)
    """
    refuse("scipy.special.lambertw", tol=(tol, 1e-8))
    return core.lambertw(z, integer("scipy.special.lambertw", "k", k))


def _order(name: str, n: Any) -> Any:
    """Whole orders n ≥ 0, as an array."""
    orders = constant(f"scipy.special.{name}", "n", n)
    if orders.size and (orders.min() < 0 or (orders != orders.astype(int)).any()):
        raise unsupported(f"scipy.special.{name}", "n", n, "give whole numbers, n >= 0")
    return orders


def spherical_jn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The spherical Bessel function of the first kind, or its derivative.

    >>> from adjoint.scipy.special import spherical_jn
    >>> spherical_jn(1, 2.0)
    Tensor(0.43539777)
    """
    return core.spherical_jn(_order("spherical_jn", n), z, derivative)


def spherical_yn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The spherical Bessel function of the second kind, or its derivative.

    >>> from adjoint.scipy.special import spherical_yn
    >>> spherical_yn(0, 2.0)
    Tensor(0.20807342)
    """
    return core.spherical_yn(_order("spherical_yn", n), z, derivative)


def spherical_in(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The modified spherical Bessel function of the first kind, or its derivative.

    >>> from adjoint.scipy.special import spherical_in
    >>> spherical_in(0, 2.0)
    Tensor(1.8134302)
    """
    return core.spherical_in(_order("spherical_in", n), z, derivative)


def spherical_kn(n: Any, z: Any, derivative: bool = False) -> Tensor:
    """The modified spherical Bessel function of the second kind, or its derivative.

    >>> from adjoint.scipy.special import spherical_kn
    >>> spherical_kn(0, 2.0)
    Tensor(0.10629208)
    """
    return core.spherical_kn(_order("spherical_kn", n), z, derivative)
