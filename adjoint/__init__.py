"""adjoint: exact derivatives of any order of ordinary NumPy code.

>>> import adjoint as ad
>>> f = lambda x1, x2: ad.log(x1) + x1 * x2 - ad.sin(x2)
>>> ad.value_and_grad(f)(2.0, 5.0)
(Tensor(11.65207146), Tensor(5.5))
"""

from importlib import import_module as _import_module
from typing import Any as _Any

from adjoint.api.check import check_gradients
from adjoint.api.derivatives import grad, jvp, value_and_grad, vjp
from adjoint.api.differences import finite_differences
from adjoint.api.graph_first import (
    adjoints,
    backprop,
    evaluate,
    gradient,
    is_topological_order,
    topological_order,
    variable,
)
from adjoint.api.compiling import compile
from adjoint.api.jacobians import hessian, hvp, jacfwd, jacobian, jacrev, vmap
from adjoint.api.step_study import step_study
from adjoint.array import linalg, special
from adjoint.array.contraction import *
from adjoint.array.creation import *
from adjoint.array.einsum import *
from adjoint.array.elementwise import *
from adjoint.array.manipulation import *
from adjoint.array.nan_statistics import *
from adjoint.array.numerical import *
from adjoint.array.statistics import *
from adjoint.backends import interpreter
from adjoint.graph import engine
from adjoint.graph.tensor import Tensor
from adjoint.ops.arithmetic import *
from adjoint.ops.bits import *
from adjoint.ops.choice import *
from adjoint.ops.comparison import *
from adjoint.ops.complex import *
from adjoint.ops.convolution import *
from adjoint.ops.cumulative import *
from adjoint.ops.exponential import *
from adjoint.ops.extremum import *
from adjoint.ops.hyperbolic import *
from adjoint.ops.indexing import *
from adjoint.ops.joining import *
from adjoint.ops.matmul import *
from adjoint.ops.movement import *
from adjoint.ops.power import *
from adjoint.ops.product import *
from adjoint.ops.rearrange import *
from adjoint.ops.reduction import *
from adjoint.ops.removable import *
from adjoint.ops.rounding import *
from adjoint.ops.softmax import *
from adjoint.ops.sorting import *
from adjoint.ops.trigonometric import *

engine.install(interpreter.evaluate)

_WHEN_ASKED_FOR = ("data", "nn", "optim")
_FUNCTIONS_WHEN_ASKED_FOR = {"explain": "adjoint.explanation.explain"}


def __getattr__(name: str) -> _Any:
    """The parts of the library that are imported when first asked for."""
    if name in _WHEN_ASKED_FOR:
        return _import_module(f"adjoint.{name}")
    if name in _FUNCTIONS_WHEN_ASKED_FOR:
        return getattr(_import_module(_FUNCTIONS_WHEN_ASKED_FOR[name]), name)
    raise AttributeError(f"module 'adjoint' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHEN_ASKED_FOR, *_FUNCTIONS_WHEN_ASKED_FOR])
