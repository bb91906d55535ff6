"""Powers and roots."""

from __future__ import annotations

import numpy as np

from adjoint.ops.elementwise import unary

square = unary(
    "square", np.square, lambda x, y: 2 * x, accepts="number", doc="The square x * x."
)
sqrt = unary("sqrt", np.sqrt, lambda x, y: 0.5 / y, domain=(0.5, 2.0), doc="The square root.")
