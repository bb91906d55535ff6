"""Exponentials and logarithms."""

from __future__ import annotations

import math

import numpy as np

from adjoint.ops.elementwise import unary

_POSITIVE = (0.5, 2.0)

exp = unary("exp", np.exp, lambda x, y: y, doc="The exponential e**x.")
exp2 = unary("exp2", np.exp2, lambda x, y: y * math.log(2.0), doc="The power 2**x.")
expm1 = unary("expm1", np.expm1, lambda x, y: y + 1, doc="exp(x) - 1, accurate near 0.")
log = unary("log", np.log, lambda x, y: 1 / x, domain=_POSITIVE, doc="The natural logarithm.")
