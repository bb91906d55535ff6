"""adjoint: exact derivatives of any order of ordinary NumPy code.

>>> import adjoint as ad
>>> f = lambda x1, x2: ad.log(x1) + x1 * x2 - ad.sin(x2)
>>> ad.value_and_grad(f)(2.0, 5.0)
(Tensor(11.65207146), Tensor(5.5))
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

# fmt: off
from adjoint import errors
from adjoint.api.batching import vmap
from adjoint.api.derivatives import grad, jvp, value_and_grad, vjp
from adjoint.api.differences import finite_differences
from adjoint.api.graph_first import (
    adjoints, backprop, evaluate, gradient, is_topological_order, topological_order, variable,
)
from adjoint.api.jacobians import hessian, hvp, jacfwd, jacobian, jacrev
from adjoint.api.replay import why_traced
from adjoint.array import fft, linalg, special
from adjoint.array.calculus.differences import diff, ediff1d, unwrap
from adjoint.array.calculus.tabulated_functions import interp, trapezoid
from adjoint.array.creation.concatenators import c_, r_
from adjoint.array.creation.constructors import (
    array, asanyarray, asarray, ascontiguousarray, asfortranarray, copy, empty, empty_like, eye,
    from_dlpack, full, full_like, ones, ones_like, zeros, zeros_like,
)
from adjoint.array.creation.index_arrays import (
    diag_indices, diag_indices_from, fromfunction, fromiter, identity, indices, tril_indices,
    tril_indices_from, triu_indices, triu_indices_from,
)
from adjoint.array.creation.ranges import arange, geomspace, kaiser, linspace, logspace
from adjoint.array.creation.windows import bartlett, blackman, hamming, hanning
from adjoint.array.dtypes import (
    bool, bool_, can_cast, common_type, complex128, complex64, e, finfo, float16, float32,
    float64, iinfo, inf, int16, int32, int64, int8, isdtype, nan, newaxis, pi, result_type,
    uint16, uint32, uint64, uint8,
)
from adjoint.array.elementwise.composites import (
    allclose, array_equal, array_equiv, divmod, fabs, isclose, isneginf, isposinf, ldexp, modf,
    nan_to_num,
)
from adjoint.array.elementwise.integers import bitwise_count, gcd, lcm
from adjoint.array.elementwise.number_parts import frexp, real_if_close, spacing
from adjoint.array.functional import apply_along_axis, apply_over_axes, frompyfunc, vectorize
from adjoint.array.inspection import __array_namespace_info__ as __array_namespace_info__
from adjoint.array.inspection import (
    iscomplexobj, isrealobj, isscalar, iterable, ndim, shape, size,
)
from adjoint.array.linalg.contraction import (
    cross, dot, inner, kron, matrix_power, matvec, multi_dot, outer, tensordot, vander, vdot,
    vecdot, vecmat,
)
from adjoint.array.linalg.einsum import einsum
from adjoint.array.manipulation.editing import (
    choose, delete, diagflat, insert, ix_, piecewise, resize, rollaxis, select,
    sliding_window_view, tri, trim_zeros,
)
from adjoint.array.manipulation.finding import argwhere, flatnonzero, lexsort
from adjoint.array.manipulation.flat_indices import ravel_multi_index, unravel_index
from adjoint.array.manipulation.in_place import copyto, fill_diagonal, place, put, putmask
from adjoint.array.manipulation.joining import (
    append, array_split, atleast_1d, atleast_2d, atleast_3d, block, broadcast_arrays,
    broadcast_shapes, column_stack, compress, dsplit, dstack, extract, hsplit, hstack, meshgrid,
    split, unstack, vsplit, vstack,
)
from adjoint.array.manipulation.padding import pad
from adjoint.array.polynomials.coefficients import (
    poly, polyadd, polyder, polydiv, polyfit, polyint, polymul, polysub, polyval, roots,
)
from adjoint.array.partitioning import argpartition, partition, sort_complex
from adjoint.array.statistics.counting import (
    bincount, histogram, histogram2d, histogram_bin_edges, histogramdd, intersect1d, isin,
    setdiff1d, setxor1d, union1d, unique, unique_all, unique_counts, unique_inverse,
    unique_values,
)
from adjoint.array.statistics.descriptive import (
    average, corrcoef, cov, mean, median, percentile, ptp, quantile, std, var,
)
from adjoint.array.statistics.nan_order_statistics import (
    nanargmax, nanargmin, nancumprod, nancumsum, nanmedian, nanpercentile, nanquantile,
)
from adjoint.array.statistics.nan_reductions import (
    nanmax, nanmean, nanmin, nanprod, nanstd, nansum, nanvar,
)
from adjoint.graph.tensor import Tensor
from adjoint.ops.elementwise.arithmetic import (
    add, divide, floor_divide, fmod, mod, multiply, negative, positive, reciprocal, remainder,
    subtract, true_divide,
)
from adjoint.ops.elementwise.bits import (
    bitwise_and, bitwise_invert, bitwise_left_shift, bitwise_not, bitwise_or,
    bitwise_right_shift, bitwise_xor, invert, left_shift, right_shift,
)
from adjoint.ops.elementwise.choice import (
    abs, absolute, clip, copysign, fmax, fmin, heaviside, maximum, minimum, sign, stop_gradient,
    where,
)
from adjoint.ops.elementwise.comparison import (
    equal, greater, greater_equal, isfinite, isinf, isnan, less, less_equal, logical_and,
    logical_not, logical_or, logical_xor, not_equal, signbit,
)
from adjoint.ops.elementwise.complex import angle, conj, conjugate, imag, iscomplex, isreal, real
from adjoint.ops.elementwise.exponential import (
    exp, exp2, expm1, log, log10, log1p, log2, logaddexp, logaddexp2,
)
from adjoint.ops.elementwise.hyperbolic import (
    acosh, arccosh, arcsinh, arctanh, asinh, atanh, cosh, sinh, tanh,
)
from adjoint.ops.elementwise.power import cbrt, float_power, hypot, pow, power, sqrt, square
from adjoint.ops.elementwise.removable_singularities import sinc
from adjoint.ops.elementwise.rounding import (
    around, ceil, fix, floor, nextafter, rint, round, trunc,
)
from adjoint.ops.elementwise.trigonometric import (
    acos, arccos, arcsin, arctan, arctan2, asin, atan, atan2, cos, deg2rad, degrees, rad2deg,
    radians, sin, tan,
)
from adjoint.ops.indexing.indexing import (
    getitem, index_add, nonzero, put_along_axis, setitem, take, take_along_axis,
)
from adjoint.ops.linalg.matmul import matmul
from adjoint.ops.reductions.cumulative import (
    cummax, cummin, cumsum, cumulative_prod, cumulative_sum,
)
from adjoint.ops.reductions.extremum import amax, amin, argmax, argmin, max, min
from adjoint.ops.reductions.product import cumprod, prod
from adjoint.ops.reductions.reduction import all, any, count_nonzero, sum
from adjoint.ops.reductions.softmax import log_softmax, logsumexp, softmax
from adjoint.ops.reductions.sorting import argsort, digitize, searchsorted, sort, top_k
from adjoint.ops.shape.joining import concat, concatenate, stack
from adjoint.ops.shape.movement import (
    astype, broadcast_to, expand_dims, matrix_transpose, permute_dims, reshape, squeeze,
)
from adjoint.ops.shape.rearrange import (
    diag, diagonal, flatten, flip, fliplr, flipud, moveaxis, ravel, repeat, roll, rot90,
    swapaxes, tile, trace, transpose, tril, triu,
)
from adjoint.ops.special.bessel import i0
from adjoint.ops.signal.convolution import convolve, correlate
# fmt: on
from adjoint.array import iteration as _iteration
from adjoint.array.methods import array_methods as _methods
from adjoint.array.methods import ufunc_methods as _ufunc_methods
from adjoint.array.polynomials import series_functions as _series
from adjoint.backends import graph_runner as _graph_runner
from adjoint.backends import tiering as _tiering
from adjoint.graph import calls as _calls
from adjoint.graph import engine as _engine
from adjoint.graph.forking import import_module as _import_module

if _TYPE_CHECKING:
    from adjoint import data, nn, optim, optimize, random
    from adjoint.api.associative import associative_scan
    from adjoint.api.branches import checkpoint, cond, switch
    from adjoint.api.certify import certify
    from adjoint.api.check import check_gradients
    from adjoint.api.compiling import compile
    from adjoint.api.complex_derivatives import complex_step, wirtinger
    from adjoint.api.conventions import conventions
    from adjoint.api.curvature import (
        block_traces,
        empirical_fisher_vp,
        fisher_vp,
        gnvp,
        hutchinson_diagonal,
        hutchinson_trace,
        laplacian,
    )
    from adjoint.api.custom_rules import custom_jvp, custom_vjp
    from adjoint.api.implicit import custom_linear_solve, custom_root, fixed_point, root
    from adjoint.api.kink_report import kinks
    from adjoint.api.linear import linear_transpose, linearize
    from adjoint.api.loops import fori_loop, map, scan, while_loop
    from adjoint.api.nan_report import explain_nan
    from adjoint.api.ode import odeint
    from adjoint.api.options import get_options, options, set_options
    from adjoint.api.own_operations import op
    from adjoint.api.planning import plan
    from adjoint.api.registration import register_dataclass, register_pytree_node
    from adjoint.api.rule_check import check_rule
    from adjoint.api.step_study import step_study
    from adjoint.api.subgradients import with_subgradients
    from adjoint.api.taylor import jet, taylor, taylor_ode
    from adjoint.explanation.explain import explain
    from adjoint.scipy import sparse

__version__ = "0.1.0"
__array_api_version__ = "2025.12"

# fmt: off
__all__ = [
    "Tensor", "abs", "absolute", "acos", "acosh", "add", "adjoints", "all", "allclose", "amax",
    "amin", "angle", "any", "append", "apply_along_axis", "apply_over_axes", "arange", "arccos",
    "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin",
    "argpartition", "argsort", "argwhere", "around", "array", "array_equal", "array_equiv",
    "array_split", "asanyarray", "asarray", "ascontiguousarray", "asfortranarray", "asin", "asinh",
    "associative_scan", "astype", "atan", "atan2", "atanh", "atleast_1d", "atleast_2d",
    "atleast_3d", "average", "backprop", "bartlett", "bincount", "bitwise_and", "bitwise_count",
    "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "blackman", "block", "block_traces", "bool", "bool_", "broadcast_arrays",
    "broadcast_shapes", "broadcast_to", "c_", "can_cast", "cbrt", "ceil", "certify",
    "check_gradients", "check_rule", "checkpoint", "choose", "clip", "column_stack", "common_type",
    "compile", "complex128", "complex64", "complex_step", "compress", "concat", "concatenate",
    "cond", "conj", "conjugate", "conventions", "convolve", "copy", "copysign", "copyto",
    "corrcoef", "correlate", "cos", "cosh", "count_nonzero", "cov", "cross", "cummax", "cummin",
    "cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "custom_jvp", "custom_linear_solve",
    "custom_root", "custom_vjp", "data", "deg2rad", "degrees", "delete", "diag", "diag_indices",
    "diag_indices_from", "diagflat", "diagonal", "diff", "digitize", "divide", "divmod", "dot",
    "dsplit", "dstack", "e", "ediff1d", "einsum", "empirical_fisher_vp", "empty", "empty_like",
    "equal", "errors", "evaluate", "exp", "exp2", "expand_dims", "explain", "explain_nan", "expm1",
    "extract", "eye", "fabs", "fft", "fill_diagonal", "finfo", "finite_differences", "fisher_vp",
    "fix", "fixed_point", "flatnonzero", "flatten", "flip", "fliplr", "flipud", "float16",
    "float32", "float64", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod",
    "fori_loop", "frexp", "from_dlpack", "fromfunction", "fromiter", "frompyfunc", "full",
    "full_like", "gcd", "geomspace", "get_options", "getitem", "gnvp", "grad", "gradient",
    "greater", "greater_equal", "hamming", "hanning", "heaviside", "hessian", "histogram",
    "histogram2d", "histogram_bin_edges", "histogramdd", "hsplit", "hstack", "hutchinson_diagonal",
    "hutchinson_trace", "hvp", "hypot", "i0", "identity", "iinfo", "imag", "index_add", "indices",
    "inf", "inner", "insert", "int16", "int32", "int64", "int8", "interp", "intersect1d", "invert",
    "is_topological_order", "isclose", "iscomplex", "iscomplexobj", "isdtype", "isfinite", "isin",
    "isinf", "isnan", "isneginf", "isposinf", "isreal", "isrealobj", "isscalar", "iterable", "ix_",
    "jacfwd", "jacobian", "jacrev", "jet", "jvp", "kaiser", "kinks", "kron", "laplacian", "lcm",
    "ldexp", "left_shift", "less", "less_equal", "lexsort", "linalg", "linear_transpose",
    "linearize", "linspace", "log", "log10", "log1p", "log2", "log_softmax", "logaddexp",
    "logaddexp2", "logical_and", "logical_not", "logical_or", "logical_xor", "logspace",
    "logsumexp", "map", "matmul", "matrix_power", "matrix_transpose", "matvec", "max", "maximum",
    "mean", "median", "meshgrid", "min", "minimum", "mod", "modf", "moveaxis", "multi_dot",
    "multiply", "nan", "nan_to_num", "nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax",
    "nanmean", "nanmedian", "nanmin", "nanpercentile", "nanprod", "nanquantile", "nanstd", "nansum",
    "nanvar", "ndim", "negative", "newaxis", "nextafter", "nn", "nonzero", "not_equal", "odeint",
    "ones", "ones_like", "op", "optim", "optimize", "options", "outer", "pad", "partition",
    "percentile", "permute_dims", "pi", "piecewise", "place", "plan", "poly", "polyadd", "polyder",
    "polydiv", "polyfit", "polyint", "polymul", "polysub", "polyval", "positive", "pow", "power",
    "prod", "ptp", "put", "put_along_axis", "putmask", "quantile", "r_", "rad2deg", "radians",
    "random", "ravel", "ravel_multi_index", "real", "real_if_close", "reciprocal",
    "register_dataclass", "register_pytree_node", "remainder", "repeat", "reshape", "resize",
    "result_type", "right_shift", "rint", "roll", "rollaxis", "root", "roots", "rot90", "round",
    "scan", "searchsorted", "select", "set_options", "setdiff1d", "setitem", "setxor1d", "shape",
    "sign", "signbit", "sin", "sinc", "sinh", "size", "sliding_window_view", "softmax", "sort",
    "sort_complex", "spacing", "sparse", "special", "split", "sqrt", "square", "squeeze", "stack",
    "stats", "std", "step_study", "stop_gradient", "subtract", "sum", "swapaxes", "switch", "take",
    "take_along_axis", "tan", "tanh", "taylor", "taylor_ode", "tensordot", "tile", "top_k",
    "topological_order", "trace", "transpose", "trapezoid", "tri", "tril", "tril_indices",
    "tril_indices_from", "trim_zeros", "triu", "triu_indices", "triu_indices_from", "true_divide",
    "trunc", "uint16", "uint32", "uint64", "uint8", "union1d", "unique", "unique_all",
    "unique_counts", "unique_inverse", "unique_values", "unravel_index", "unstack", "unwrap",
    "value_and_grad", "vander", "var", "variable", "vdot", "vecdot", "vecmat", "vectorize", "vjp",
    "vmap", "vsplit", "vstack", "where", "while_loop", "why_traced", "wirtinger",
    "with_subgradients", "zeros", "zeros_like",
]
# fmt: on

_MODULES_WHEN_ASKED_FOR = {
    "data": "adjoint.data",
    "nn": "adjoint.nn",
    "optim": "adjoint.optim",
    "optimize": "adjoint.optimize",
    "random": "adjoint.random",
    "sparse": "adjoint.scipy.sparse",
    "stats": "adjoint.stats",
}
_FUNCTIONS_WHEN_ASKED_FOR = {
    "associative_scan": "adjoint.api.associative",
    "block_traces": "adjoint.api.curvature",
    "certify": "adjoint.api.certify",
    "check_gradients": "adjoint.api.check",
    "check_rule": "adjoint.api.rule_check",
    "checkpoint": "adjoint.api.branches",
    "compile": "adjoint.api.compiling",
    "complex_step": "adjoint.api.complex_derivatives",
    "cond": "adjoint.api.branches",
    "conventions": "adjoint.api.conventions",
    "custom_jvp": "adjoint.api.custom_rules",
    "custom_linear_solve": "adjoint.api.implicit",
    "custom_root": "adjoint.api.implicit",
    "custom_vjp": "adjoint.api.custom_rules",
    "empirical_fisher_vp": "adjoint.api.curvature",
    "explain": "adjoint.explanation.explain",
    "explain_nan": "adjoint.api.nan_report",
    "fisher_vp": "adjoint.api.curvature",
    "fixed_point": "adjoint.api.implicit",
    "fori_loop": "adjoint.api.loops",
    "get_options": "adjoint.api.options",
    "gnvp": "adjoint.api.curvature",
    "hutchinson_diagonal": "adjoint.api.curvature",
    "hutchinson_trace": "adjoint.api.curvature",
    "jet": "adjoint.api.taylor",
    "kinks": "adjoint.api.kink_report",
    "laplacian": "adjoint.api.curvature",
    "linear_transpose": "adjoint.api.linear",
    "linearize": "adjoint.api.linear",
    "map": "adjoint.api.loops",
    "odeint": "adjoint.api.ode",
    "op": "adjoint.api.own_operations",
    "options": "adjoint.api.options",
    "plan": "adjoint.api.planning",
    "register_dataclass": "adjoint.api.registration",
    "register_pytree_node": "adjoint.api.registration",
    "root": "adjoint.api.implicit",
    "scan": "adjoint.api.loops",
    "set_options": "adjoint.api.options",
    "step_study": "adjoint.api.step_study",
    "switch": "adjoint.api.branches",
    "taylor": "adjoint.api.taylor",
    "taylor_ode": "adjoint.api.taylor",
    "while_loop": "adjoint.api.loops",
    "wirtinger": "adjoint.api.complex_derivatives",
    "with_subgradients": "adjoint.api.subgradients",
}


def __getattr__(name: str) -> object:
    """The parts of the library that are imported when first asked for."""
    if name in _MODULES_WHEN_ASKED_FOR:
        return _import_module(_MODULES_WHEN_ASKED_FOR[name])
    if name in _FUNCTIONS_WHEN_ASKED_FOR:
        function: object = getattr(_import_module(_FUNCTIONS_WHEN_ASKED_FOR[name]), name)
        globals()[name] = function
        return function
    raise AttributeError(f"module 'adjoint' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__array_api_version__", "__array_namespace_info__", "__version__"]


_engine.install(_tiering.evaluate, _graph_runner.runner_for)
_ufunc_methods.enter()
_methods.attach()
_series.enter()
_iteration.enter()
_calls.namespace = lambda: _import_module("adjoint")
