"""What the special functions share: SciPy computes their values, and is imported on first use.

Importing it takes longer than importing all of adjoint, so nobody pays who does not call it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.graph.forking import import_module
from adjoint.graph.op import register
from adjoint.graph.tensor import Tensor
from adjoint.ops.family.docstrings import DocstringParts, publish
from adjoint.ops.family.elementwise import (
    Binary,
    Elementwise,
    Partial,
    Unary,
    apply,
    binary,
    unary,
)

PREFIX = "ad.special."


def scipy_function(name: str) -> Callable[..., Any]:
    """`scipy.special.<name>`, looked up when first called; keeps the dtype of its arguments."""
    found: Callable[..., Any] | None = None

    def evaluate(*values: Any) -> Any:
        nonlocal found
        if found is None:
            found = getattr(import_module("scipy.special"), name)
        return keep_dtype(found(*values), values[-1])

    return evaluate


def keep_dtype(result: Any, like: Any) -> Any:
    """`result` in the dtype of `like`: SciPy computes float16 in float32, and much in float64."""
    wanted = np.asarray(like).dtype
    return result if result.dtype == wanted else np.asarray(result).astype(wanted)


def special_unary(name: str, partial: Partial, doc: str, shown: str, **options: Any) -> Unary:
    """Register a real function of one variable that SciPy knows; `shown` is its value at 0.5."""
    numpy = options.pop("numpy", None) or scipy_function(name)
    options = {"prefix": PREFIX, "accepts": "real"} | options
    return unary(name, numpy, partial, doc=doc, shown=shown, **options)


def special_binary(
    name: str, args: str, partials: tuple[Partial, Partial], doc: str, shown: str, **options: Any
) -> Binary:
    """Register a real function of two variables that SciPy knows."""
    numpy = options.pop("numpy", None) or scipy_function(name)
    return binary(
        name,
        numpy,
        *partials,
        args=args,
        doc=doc,
        shown=shown,
        accepts="real",
        **{"prefix": PREFIX} | options,
    )


def special_ternary(
    name: str, args: str, partials: tuple[Partial, ...], doc: str, shown: str, **options: Any
) -> Callable[[Any, Any, Any], Tensor]:
    """Register a real function of three variables that SciPy knows."""
    parts = DocstringParts(doc, args, options.pop("example"), shown, options.pop("prefix", PREFIX))
    numpy = options.pop("numpy", None) or scipy_function(name)
    op = register(Elementwise(name, numpy, partials, accepts="real", **options))

    def function(a: Any, b: Any, x: Any, /) -> Tensor:
        return apply(op, (a, b, x))

    publish(function, op, parts)
    return function
