"""What SciPy returns as a ``numpy.matrix``: dense, but with a ``*`` that is the matrix product."""

from __future__ import annotations

from typing import Any, NoReturn

from adjoint.errors import NotDifferentiableError
from adjoint.graph.tensor import Tensor
from adjoint.ops.shape.movement import reshape

__all__ = ["DenseMatrix", "as_matrix"]


class DenseMatrix(Tensor):
    """A tensor of two axes that refuses what means another thing to a ``numpy.matrix``.

    ``numpy.asarray(m)`` of it is an ordinary tensor.
    """

    __slots__ = ()

    @property
    def A(self) -> Tensor:
        """The ordinary tensor."""
        return Tensor(self.node)

    @property
    def A1(self) -> Tensor:
        """The elements in one axis."""
        return reshape(Tensor(self.node), (-1,))

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotDifferentiableError(
            "numpy.matrix: this operation means another thing to a matrix of NumPy's, which SciPy "
            "returns here, than to an array; take numpy.asarray(m) or m.A first, or use the sparse "
            "arrays, such as csr_array, in place of the sparse matrices"
        )

    __mul__ = __rmul__ = __imul__ = __pow__ = __rpow__ = __getitem__ = __iter__ = _refuse
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _refuse
    ravel = flatten = squeeze = dot = prod = reshape = _refuse

    mean = max = min = _refuse

    def sum(self, axis: Any = None, *args: Any, **options: Any) -> Tensor:
        """The sum of all elements; along an axis NumPy returns a matrix, which is refused."""
        return self.A.sum(None, *args, **options) if axis is None else self._refuse()

    def __neg__(self) -> Any:
        return as_matrix(super().__neg__())

    def __add__(self, other: Any) -> Any:
        return as_matrix(super().__add__(other))

    def __radd__(self, other: Any) -> Any:
        return as_matrix(super().__radd__(other))

    def __sub__(self, other: Any) -> Any:
        return as_matrix(super().__sub__(other))

    def __rsub__(self, other: Any) -> Any:
        return as_matrix(super().__rsub__(other))

    def __truediv__(self, other: Any) -> Any:
        return as_matrix(super().__truediv__(other))

    def __rtruediv__(self, other: Any) -> Any:
        return as_matrix(super().__rtruediv__(other))


def as_matrix(x: Any) -> Any:
    """A tensor as what stands for a ``numpy.matrix``; anything else as it is."""
    return DenseMatrix(x.node) if isinstance(x, Tensor) else x
