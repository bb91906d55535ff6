"""The functions that tensors, and the rules of operations, call although they stand above them.

An operator of a tensor makes a node of an operation, and a derivative is made of operations, which
need tensors. So what is needed down here is declared here, with its type, and bound when the module
that defines it is imported: `public` binds what users call, `bind` what only the library does.
Whoever may import the defining module, as everybody above the operations may, does that instead.

A name that nobody bound is an `AttributeError`; `tests/test_calls.py` finds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from types import ModuleType

    from adjoint.graph.node import Node
    from adjoint.graph.tensor import Tensor
    from adjoint.graph.types import DType

Named = TypeVar("Named", bound=Callable[..., Any])
Unary = Callable[[Any], "Tensor"]
Binary = Callable[[Any, Any], "Tensor"]
Function = Callable[..., "Tensor"]

# Operators.
negative: Unary
positive: Unary
abs: Unary
bitwise_invert: Unary
add: Binary
subtract: Binary
multiply: Binary
divide: Binary
floor_divide: Binary
remainder: Binary
power: Binary
matmul: Binary
bitwise_and: Binary
bitwise_or: Binary
bitwise_xor: Binary
bitwise_left_shift: Binary
bitwise_right_shift: Binary
less: Binary
less_equal: Binary
greater: Binary
greater_equal: Binary
equal: Binary
not_equal: Binary
round: Function

# Elementwise functions.
where: Callable[[Any, Any, Any], Tensor]
clip: Function
real: Unary
imag: Unary
conj: Unary
from_parts: Binary
reciprocal: Unary
square: Unary
sqrt: Unary
hypot: Binary
maximum: Binary
minimum: Binary
log: Unary
log2: Unary
log10: Unary
expm1: Unary
log1p: Unary
logaddexp: Binary
tanh: Unary
expit: Unary
x_log_x: Unary
exp_within: Unary
excess: Unary
nonnegative: Unary
stop_gradient: Unary

# Shapes and indices.
astype: Function
reshape: Function
broadcast_to: Binary
permute_dims: Function
matrix_transpose: Unary
swapaxes: Callable[[Any, int, int], Tensor]
squeeze: Function
stack: Function
repeat: Function
diagonal: Function
getitem: Binary
setitem: Callable[[Any, Any, Any], Tensor]
take: Function
nonzero: Callable[[Any], tuple[Tensor, ...]]

# Along axes.
sum: Function
prod: Function
mean: Function
var: Function
std: Function
max: Function
min: Function
any: Function
argmax: Function
argmin: Function
argsort: Function
sort: Function
norm2: Function
logsumexp: Function
log_softmax: Function
dot: Binary
vectorize: Callable[..., Callable[..., Any]]

# What only the library calls.
namespace: Callable[[], ModuleType]
"""The module `adjoint`, as the array API asks for it."""
result_type: Callable[..., DType]
has_stored: Callable[..., bool]
in_float32: Callable[[Callable[..., Tensor], Any, dict[str, Any]], Tensor]
nonzero_mask: Callable[[Tensor], Tensor | None]
confined: Callable[[Node, Tensor, Sequence[Tensor | None]], Sequence[Tensor | None]]
confined_tangent: Callable[[Node, Sequence[Tensor | None], Tensor], Tensor]
mark_tangent: Function
mark_adjoint: Function
spectral_form: Callable[[Node, AbstractSet[Node]], Tensor | None]
series_at: Callable[[str, Any, Any], Tensor]
series_part: Callable[[str, Any], Callable[..., Any]]
written_by: Callable[[str, Tensor, Any, Any], Tensor]

DECLARED = frozenset(__annotations__)


def bind(function: Named) -> Named:
    """Let the call declared under the name of `function` be it; returns it."""
    name = function.__name__
    if name not in DECLARED:
        raise NameError(f"adjoint.graph.calls declares no {name!r}")
    globals()[name] = function
    return function
