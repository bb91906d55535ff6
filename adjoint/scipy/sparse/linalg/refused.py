"""Functions of ``scipy.sparse.linalg`` without a counterpart, which say what to use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint.errors import NotDifferentiableError
from adjoint.graph.forking import import_module
from adjoint.graph.tensor import Tensor
from adjoint.scipy.common import differentiated
from adjoint.scipy.sparse.arrays import SparseArray
from adjoint.scipy.sparse.linalg.plain import plain

__all__ = [
    "eigs",
    "expm",
    "expm_multiply",
    "lgmres",
    "lobpcg",
    "lsmr",
    "lsqr",
    "qmr",
    "spilu",
    "tfqmr",
]


def _refusing(name: str, advice: str) -> Callable[..., Any]:
    """SciPy's own function, which raises where it is given what is differentiated."""
    path = f"scipy.sparse.linalg.{name}"

    def function(*args: Any, **kwargs: Any) -> Any:
        for x in (*args, *kwargs.values()):
            values = x.entries[1] if isinstance(x, SparseArray) else x
            if isinstance(values, Tensor) and differentiated(values):
                raise NotDifferentiableError(
                    f"{path} has no differentiable counterpart; {advice}, or take it of "
                    f"adjoint.stop_gradient(x) where no derivative is meant"
                )
        given = {k: plain(v) for k, v in kwargs.items()}
        return getattr(import_module("scipy.sparse.linalg"), name)(*map(plain, args), **given)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = (
        f"Refuses what is differentiated: ``{path}`` has no derivative here; {advice}."
    )
    return function


_SMALL = "for a small matrix use scipy.linalg.{} of A.toarray()"
_EIGS = (
    "where A is not symmetric ARPACK finds no left vectors, which derivatives need; with x an "
    "eigenvector of A and y one of A.T, of plain numbers, (y @ (A @ x)) / (y @ x) is the value "
    "and has its first derivatives; for a small matrix use scipy.linalg.eig of A.toarray()"
)
eigs = _refusing("eigs", _EIGS)
expm = _refusing("expm", _SMALL.format("expm"))
expm_multiply = _refusing("expm_multiply", _SMALL.format("expm"))
lgmres = _refusing("lgmres", "use gmres or spsolve")
lobpcg = _refusing("lobpcg", _SMALL.format("eigh"))
lsmr = _refusing("lsmr", "solve the normal equations by spsolve, or use scipy.linalg.lstsq")
lsqr = _refusing("lsqr", "solve the normal equations by spsolve, or use scipy.linalg.lstsq")
qmr = _refusing("qmr", "use gmres or spsolve")
spilu = _refusing("spilu", "use splu; as a preconditioner make it of values held fixed")
tfqmr = _refusing("tfqmr", "use gmres or spsolve")
