"""Derivatives by complex numbers: the Wirtinger pair, and the complex step."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.api.arguments import (
    as_output,
    check_callable,
    function_name,
    normalize_argnums,
    ones_like,
)
from adjoint.api.derivatives import pull
from adjoint.api.traced_call import TracedCall
from adjoint.api.tree import flatten
from adjoint.errors import ArgumentError, DTypeError, ShapeError
from adjoint.ops.elementwise.complex import imag, real


def wirtinger(f: Callable[..., Any], argnums: int = 0) -> Callable[..., tuple[Any, Any]]:
    """A function that returns the pair ∂f/∂z, ∂f/∂z̄ of the scalar function `f`.

    With z = a + ib they are (∂f/∂a - i ∂f/∂b) / 2 and (∂f/∂a + i ∂f/∂b) / 2, trees like the complex
    argument `argnums`. The second is 0 for holomorphic functions; for real ones they are
    conjugates, and twice the second is what `grad` returns. Raises `DTypeError` for real arguments.

    >>> import adjoint as ad
    >>> ad.wirtinger(lambda z: z * ad.conj(z) ** 2)(1 + 1j)
    (Tensor(0.-2.j), Tensor(4.+0.j))
    """
    check_callable("wirtinger", f)

    @functools.wraps(f)
    def pair(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        (number,) = normalize_argnums("wirtinger", argnums, len(args))
        with TracedCall("wirtinger", f) as traced:
            arguments = traced.open(args, (number,))
            nodes = arguments.nodes
            for node in nodes:
                if node.dtype.kind != "c":
                    raise DTypeError(
                        f"wirtinger: argument {number} must hold complex numbers, got "
                        f"{node.dtype}; convert it with .astype('complex128'), or use grad"
                    )
            outputs = traced.tensors(arguments.given, kwargs)
            if len(outputs) != 1 or outputs[0].node.shape != ():
                raise ShapeError(
                    f"wirtinger: {function_name(f)} must return one number, shape (); reduce it"
                )
            (y,) = outputs
            u, v = real(y), imag(y)
            by_u, by_v = (pull([(part, ones_like(part))], nodes, traced.scope) for part in (u, v))
            plain, conjugate = {}, {}
            for node in nodes:
                by_a = real(by_u[node]) + 1j * real(by_v[node])
                by_b = imag(by_u[node]) + 1j * imag(by_v[node])
                plain[node] = (by_a - 1j * by_b) / 2
                conjugate[node] = (by_a + 1j * by_b) / 2
            return arguments.trees(plain)[0], arguments.trees(conjugate)[0]

    return pair


def complex_step(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The derivative of `f` at `primals` along `tangents`, as Im f(x + ih v) / h for a tiny h.

    Exact to rounding, as nothing is subtracted, but only if `f` is written for complex numbers and
    analytic: abs, max, conj, comparisons and the like make it wrong. It differentiates code that
    cannot be traced, and checks derivatives. `primals` and `tangents` are as for `jvp`; the result
    is a tree like the value of `f`, of NumPy arrays.

    Squire and Trapp, Using Complex Variables to Estimate Derivatives of Real Functions, 1998.

    >>> import numpy as np
    >>> import adjoint as ad
    >>> ad.complex_step(np.exp, (1.0,), (2.0,)) / 2 - np.e
    np.float64(0.0)
    """
    check_callable("complex_step", f)
    if not isinstance(primals, (tuple, list)) or len(primals) != len(tangents):
        raise ArgumentError(
            "complex_step: primals and tangents must be tuples with an entry for each argument; "
            "write complex_step(f, (x,), (v,))"
        )
    tiny = [float(np.finfo(np.result_type(x, np.float32)).tiny) for x in flatten(tangents)[0]]
    h = math.sqrt(max(tiny, default=0.0))  # its square vanishes beside anything
    moved = []
    for x, v in zip(primals, tangents, strict=True):
        leaves, structure = flatten(x)
        pairs = zip(leaves, flatten(v)[0], strict=True)
        moved.append(
            structure.unflatten([np.asarray(a) + 1j * np.asarray(b) * h for a, b in pairs])
        )
    leaves, structure = flatten(f(*moved))
    found = [np.asarray(as_output("complex_step", f, y)).imag / h for y in leaves]
    return structure.unflatten([y[()] for y in found])
