"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

import numpy as np

from adjoint.ops.elementwise import unary

sin = unary("sin", np.sin, lambda x, y: cos(x), doc="The sine.")
cos = unary("cos", np.cos, lambda x, y: -sin(x), doc="The cosine.")
tanh = unary("tanh", np.tanh, lambda x, y: 1 - y * y, doc="The hyperbolic tangent.")
