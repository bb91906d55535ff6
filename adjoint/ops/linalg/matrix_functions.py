"""Analytic functions of square matrices: the exponential, the logarithm, the root.

Every one has the derivative in direction E as the block above the diagonal of f([[A, E], [0, A]])
(R. Mathias, *A chain rule for matrix functions and applications*, 1996), and the adjoint of that
linear map is the derivative at Aᴴ. That block is the same function again, so every order follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import LinAlgError
from adjoint.graph.forking import import_module
from adjoint.graph.node import Node
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor, make
from adjoint.graph.types import DType, Shape
from adjoint.ops.indexing.slicing import along, zeros_of
from adjoint.ops.linalg.matrices import Stacked, conjugate_transpose, for_each
from adjoint.ops.shape.joining import concat

__all__ = ["expm", "logm", "sqrtm"]


class MatrixFunction(Stacked):
    """A function that ``scipy.linalg`` has under the same name, of each matrix of a stack."""

    def __init__(self, name: str) -> None:
        self.name = name

    def infer(self, a: Node) -> tuple[Shape, DType]:
        return a.shape, a.dtype

    def evaluate(self, a: Any) -> Any:
        function = getattr(import_module("scipy.linalg"), self.name)

        def each(place: tuple[int, ...], a: Any) -> Any:
            result = np.asarray(function(np.array(a)))
            if result.dtype.kind == "c" and a.dtype.kind != "c":
                raise LinAlgError(
                    f"{self.name}: the result for a real matrix is complex, as it has an "
                    f"eigenvalue that is not positive; give the matrix as complex, by astype"
                )
            return result

        return for_each(each, a.shape, a.dtype, a)

    def takes_complex_step(self, node: Node) -> bool:
        return self.name == "expm"  # the others decompose

    def derivative(self, a: Tensor, direction: Tensor) -> Tensor:
        """How the result at `a` changes along `direction`."""
        size, last = a.shape[-1], a.ndim - 1
        above = concat([a, direction], axis=last)
        below = concat([zeros_of(a.node), a], axis=last)
        blocks = make(self, (concat([above, below], axis=last - 1),))
        return along(along(blocks, last - 1, 0, 1, size), last, size, 1, size)

    def jvp(self, node: Node, tangents: Sequence[Tensor | None]) -> Tensor | None:
        moved = tangents[0]
        return None if moved is None else self.derivative(Tensor(node.inputs[0]), moved)

    def vjp(self, node: Node, adjoint: Tensor, wanted: Sequence[bool]) -> Sequence[Tensor | None]:
        # tr(Y L(A, E)) = tr(L(A, Y) E). Not L(Aᴴ, Y): an eigenvalue on the branch cut is its own
        # conjugate, its root is not.
        turned = self.derivative(Tensor(node.inputs[0]), conjugate_transpose(adjoint))
        return (conjugate_transpose(turned),)


_expm, _logm, _sqrtm = (register(MatrixFunction(name)) for name in ("expm", "logm", "sqrtm"))


def expm(a: Tensor) -> Tensor:
    """The exponentials of square matrices."""
    return make(_expm, (a,))


def logm(a: Tensor) -> Tensor:
    """The principal logarithms of square matrices; `LinAlgError` where a real one has none."""
    return make(_logm, (a,))


def sqrtm(a: Tensor) -> Tensor:
    """The principal roots of square matrices; `LinAlgError` where a real one has none."""
    return make(_sqrtm, (a,))
