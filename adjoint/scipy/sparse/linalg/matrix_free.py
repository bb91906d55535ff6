"""Systems of equations of which only products with the matrix are known: a function v ↦ A v.

The iterations run on tensors, as one `while_loop`, also within `compile`, `vmap` and loops; nothing
of them is differentiated (`custom_linear_solve`). Unknowns may be trees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.api.implicit import custom_linear_solve
from adjoint.api.loops import fori_loop, while_loop
from adjoint.api.tree import flatten
from adjoint.array.linalg import pinv
from adjoint.errors import ArgumentError
from adjoint.graph.tensor import Tensor, as_tensor
from adjoint.graph.types import is_inexact, size_of
from adjoint.ops.elementwise.choice import maximum, stop_gradient, where
from adjoint.ops.elementwise.complex import conj, real
from adjoint.ops.elementwise.power import sqrt
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.reduction import sum
from adjoint.ops.shape.joining import concat
from adjoint.ops.shape.movement import reshape

Product = Callable[[Tensor], Tensor]
_RESTART = 20


class Flat:
    """A tree of tensors as one vector, and back."""

    def __init__(self, name: str, tree: Any) -> None:
        leaves, self.structure = flatten(tree)
        tensors = [as_tensor(x) for x in leaves]
        dtype = np.result_type(*[x.dtype for x in tensors], np.float32)
        if not all(is_inexact(x.dtype) for x in tensors):
            dtype = np.result_type(dtype, np.float64)
        self.name, self.dtype = name, dtype
        self.shapes = [x.node.shape for x in tensors]

    def vector(self, tree: Any) -> Tensor:
        leaves, _ = flatten(tree)
        parts = [reshape(as_tensor(x, self.dtype), (-1,)) for x in leaves]
        shapes = [np.shape(x) for x in leaves]
        if [tuple(s) for s in shapes] != [tuple(s) for s in self.shapes]:
            raise ArgumentError(
                f"{self.name}: the function A returned shapes {shapes} for {self.shapes}; it must "
                f"return what is like its argument"
            )
        return concat(parts) if len(parts) > 1 else parts[0]

    def tree(self, vector: Tensor) -> Any:
        found, start = [], 0
        for shape in self.shapes:
            found.append(reshape(vector[start : start + size_of(shape)], shape))
            start += size_of(shape)
        return self.structure.unflatten(found)


def by_products(
    method: str,
    A: Callable[[Any], Any],
    b: Any,
    x0: Any,
    M: Any,
    rtol: Any,
    atol: Any,
    maxiter: Any,
    restart: Any = None,
) -> tuple[Any, Tensor]:
    """The solution of A(x) = b, a tree like b, and 0, or the number of steps without success."""
    name = f"scipy.sparse.linalg.{method}"
    if M is not None and not callable(M):
        raise ArgumentError(f"{name}: M must be a function like A, or None")
    flat = Flat(name, b)
    right = flat.vector(b)
    most = maxiter if maxiter is not None else 10 * max(right.size, 1)
    near: Product = (lambda r: r) if M is None else (lambda r: flat.vector(M(flat.tree(r))))
    start = None if x0 is None else stop_gradient(flat.vector(x0))
    limits = (float(rtol), float(atol or 0.0), int(most))

    def matvec(v: Tensor) -> Tensor:
        return flat.vector(A(flat.tree(v)))

    def solve(product: Product, right: Tensor) -> tuple[Tensor, Tensor]:
        if method == "cg":
            return _cg(product, right, near, limits)
        if method == "bicgstab":
            return _bicgstab(product, right, near, limits)
        return _gmres(product, right, near, limits, min(restart or _RESTART, right.size))

    if start is not None:
        right = right - matvec(start)
    symmetric = method == "cg"
    x, info = custom_linear_solve(
        matvec, right, solve, None if symmetric else solve, symmetric, has_aux=True
    )
    return flat.tree(x if start is None else x + start), info


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return sum(conj(a) * b)


def _size(a: Tensor) -> Tensor:
    return sqrt(real(_dot(a, a)))


def _target(right: Tensor, limits: tuple[float, float, int]) -> Tensor:
    return maximum(limits[0] * _size(right), limits[1])


def _outcome(r: Tensor, target: Tensor, k: Tensor) -> Tensor:
    """SciPy's info: 0, or the number of steps without success."""
    return where(_size(r) <= target, 0, k)


def _cg(
    product: Product, right: Tensor, near: Product, limits: tuple[float, float, int]
) -> tuple[Tensor, Tensor]:
    """Conjugate gradients (Hestenes and Stiefel, 1952)."""
    target = _target(right, limits)
    z = near(right)

    def more(state: Any) -> Tensor:
        _, r, _, _, k = state
        going: Tensor = (_size(r) > target) & (k < limits[2])
        return going

    def step(state: Any) -> Any:
        x, r, p, rho, k = state
        q = product(p)
        alpha = rho / _dot(p, q)
        x, r = x + alpha * p, r - alpha * q
        z = near(r)
        new = _dot(r, z)
        return x, r, z + new / rho * p, new, k + 1

    x, r, _, _, k = while_loop(more, step, (0.0 * right, right, z, _dot(right, z), 0))
    return x, _outcome(r, target, k)


def _bicgstab(
    product: Product, right: Tensor, near: Product, limits: tuple[float, float, int]
) -> tuple[Tensor, Tensor]:
    """Stabilised biconjugate gradients (van der Vorst, 1992)."""
    target = _target(right, limits)

    def more(state: Any) -> Tensor:
        _, r, *_, k = state
        going: Tensor = (_size(r) > target) & (k < limits[2])
        return going

    def step(state: Any) -> Any:
        x, r, p, v, rho, alpha, omega, k = state
        new = _dot(right, r)
        p = r + new / rho * (alpha / omega) * (p - omega * v)
        towards = near(p)
        v = product(towards)
        alpha = new / _dot(right, v)
        s = r - alpha * v
        across = near(s)
        t = product(across)
        norm = _dot(t, t)
        omega = where(norm == 0, 0.0, _dot(t, s) / where(norm == 0, 1.0, norm))
        x = x + alpha * towards + omega * across
        return x, s - omega * t, p, v, new, alpha, where(omega == 0, 1.0, omega), k + 1

    zero, one = 0.0 * right, as_tensor(1.0, right.dtype)
    start = (zero, right, zero, zero, one, one, one, 0)
    x, r, *_, k = while_loop(more, step, start)
    return x, _outcome(r, target, k)


def _gmres(
    product: Product,
    right: Tensor,
    near: Product,
    limits: tuple[float, float, int],
    m: int,
) -> tuple[Tensor, Tensor]:
    """Generalised minimal residuals with restarts after m steps (Saad and Schultz, 1986)."""
    target = _target(right, limits)
    rows = np.arange(m + 1)

    def arnoldi(j: Tensor, state: Any) -> Any:
        basis, table = state
        w = product(near(basis[j]))
        h = matmul(conj(basis), reshape(w, (-1, 1)))[:, 0]
        w = w - matmul(reshape(h, (1, -1)), basis)[0]
        again = matmul(conj(basis), reshape(w, (-1, 1)))[:, 0]
        w = w - matmul(reshape(again, (1, -1)), basis)[0]
        size = _size(w)
        column = h + again + where(rows == j + 1, size, 0.0)
        w = w / where(size == 0, 1.0, size)
        basis = where(reshape(as_tensor(rows) == j + 1, (-1, 1)), w, basis)
        table = where(reshape(as_tensor(rows[:m]) == j, (1, -1)), reshape(column, (-1, 1)), table)
        return basis, table

    def more(state: Any) -> Tensor:
        _, r, k = state
        going: Tensor = (_size(r) > target) & (k < limits[2])
        return going

    def cycle(state: Any) -> Any:
        x, r, k = state
        size = _size(r)
        first = where(reshape(as_tensor(rows) == 0, (-1, 1)), r / size, 0.0)
        table = as_tensor(np.zeros((m + 1, m), right.dtype))
        basis, table = fori_loop(0, m, arnoldi, (first, table))
        y = matmul(pinv(table), reshape(where(rows == 0, size, 0.0), (-1, 1)))
        x = x + near(matmul(reshape(y, (1, -1)), basis[:m])[0])
        return x, right - product(x), k + m

    x, r, k = while_loop(more, cycle, (0.0 * right, right, 0))
    return x, _outcome(r, target, k)
