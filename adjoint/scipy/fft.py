"""Counterparts of ``scipy.fft``: Fourier, cosine and sine transforms, all linear.

The arguments `overwrite_x`, `workers` and `plan` are of no effect: nothing is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint.array import fft as own
from adjoint.array.fft import fftfreq, fftshift, ifftshift, norm_of, rfftfreq
from adjoint.array.trigonometric_transforms import dct, dctn, dst, dstn, idct, idctn, idst, idstn
from adjoint.errors import ArgumentError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.ops.reductions.reduction import conjugate
from adjoint.ops.signal.fourier import SWAPPED
from adjoint.scipy.common import round_results
from adjoint.scipy.hankel import fht, fhtoffset, ifht

# fmt: off
__all__ = [
    "dct", "dctn", "dst", "dstn", "fft", "fft2", "fftfreq", "fftn", "fftshift", "fht", "fhtoffset",
    "hfft", "hfft2", "hfftn", "idct", "idctn", "idst", "idstn", "ifft", "ifft2", "ifftn",
    "ifftshift", "ifht", "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "next_fast_len",
    "rfft", "rfft2", "rfftfreq", "rfftn",
]
# fmt: on


def _check(name: str, plan: Any) -> None:
    if plan is not None:
        raise ArgumentError(f"scipy.fft.{name}: plan must be None, got {plan!r}")


def _along(transform: Callable[..., Tensor]) -> Callable[..., Tensor]:
    name = transform.__name__

    def called(
        x: Any,
        n: int | None = None,
        axis: int = -1,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        plan: Any = None,
    ) -> Tensor:
        _check(name, plan)
        return transform(x, n, axis, norm)

    called.__name__ = called.__qualname__ = name
    called.__doc__ = transform.__doc__
    return called


def _along_several(transform: Callable[..., Tensor], given: Any = None) -> Callable[..., Tensor]:
    name = transform.__name__

    def called(
        x: Any,
        s: Any = None,
        axes: Any = given,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        plan: Any = None,
    ) -> Tensor:
        _check(name, plan)
        return transform(x, s, axes, norm)

    called.__name__ = called.__qualname__ = name
    called.__doc__ = transform.__doc__
    return called


def _hfftn(x: Any, s: Any, axes: Any, norm: Any) -> Tensor:
    """The real transform along `axes` of a signal whose second half is conjugate to the first."""
    return own.irfftn(conjugate(as_tensor(x)), s, axes, SWAPPED[norm_of("hfftn", norm)])


def _ihfftn(x: Any, s: Any, axes: Any, norm: Any) -> Tensor:
    """The inverse of `hfftn`, of real `x`."""
    return conjugate(own.rfftn(x, s, axes, SWAPPED[norm_of("ihfftn", norm)]))


def _named(name: str, transform: Callable[..., Tensor]) -> Callable[..., Tensor]:
    transform.__name__ = transform.__qualname__ = name
    return transform


fft, ifft, rfft, irfft, hfft, ihfft = map(
    _along, (own.fft, own.ifft, own.rfft, own.irfft, own.hfft, own.ihfft)
)
fftn, ifftn, rfftn, irfftn = map(_along_several, (own.fftn, own.ifftn, own.rfftn, own.irfftn))
fft2, ifft2, rfft2, irfft2 = (
    _along_several(f, (-2, -1)) for f in (own.fft2, own.ifft2, own.rfft2, own.irfft2)
)
hfftn, ihfftn = (_along_several(_named(f.__name__[1:], f)) for f in (_hfftn, _ihfftn))
hfft2, ihfft2 = (_along_several(f, (-2, -1)) for f in (_hfftn, _ihfftn))


def next_fast_len(target: int, real: bool = False) -> int:
    """The least number of points from `target` on whose transform is quick, as SciPy's."""
    found: int = import_module("scipy.fft").next_fast_len(target, real)
    return found


round_results(__name__)
