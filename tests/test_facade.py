"""What `import adjoint` offers, and what it costs."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import tomllib
from inspect import isfunction
from pathlib import Path

import numpy as np
import pytest

import adjoint as ad

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parent.parent

NAMES = {
    "differentiation": """gradient adjoints backprop variable stop_gradient evaluate grad
        value_and_grad vjp jvp jacobian jacfwd jacrev hessian hvp finite_differences
        check_gradients step_study explain topological_order conventions vmap compile""",
    "arithmetic": "add subtract multiply divide floor_divide remainder negative positive",
    "powers": "pow power sqrt square cbrt reciprocal hypot",
    "exponentials and logarithms": "exp exp2 expm1 log log2 log10 log1p logaddexp",
    "trigonometric": """sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh
        arcsin arccos arctan arctan2 arcsinh arccosh arctanh""",
    "comparisons and logic": """equal not_equal less less_equal greater greater_equal isnan isinf
        isfinite logical_and logical_or logical_not logical_xor""",
    "bits": """bitwise_and bitwise_or bitwise_xor bitwise_invert bitwise_left_shift
        bitwise_right_shift""",
    "choice": "where maximum minimum clip abs sign copysign",
    "rounding": "floor ceil round trunc",
    "reductions": """sum mean prod max min logsumexp var std any all argmax argmin
        count_nonzero median""",
    "movement": """reshape permute_dims matrix_transpose broadcast_to broadcast_arrays expand_dims
        squeeze concat stack unstack take take_along_axis pad flip roll repeat tile moveaxis
        astype nonzero searchsorted tril triu meshgrid""",
    "products": "matmul dot tensordot einsum vecdot outer",
    "cumulative": "cumsum cumulative_sum cumulative_prod diff",
    "sorting": "sort argsort top_k",
    "creation": """asarray zeros ones full empty zeros_like ones_like full_like empty_like arange
        linspace eye from_dlpack""",
    "dtypes": """bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64
        complex128 finfo iinfo isdtype can_cast result_type""",
    "constants": "pi e inf nan newaxis",
    "namespaces": "nn optim data special linalg errors",
}

SPECIAL = """erf erfc erfinv erfcinv gamma gammaln digamma polygamma beta betaln gammainc betainc j0
    j1 jv i0 i1 xlogy entr logit expit ndtr ndtri logsumexp"""


@pytest.mark.parametrize("family", NAMES)
def test_the_names_of_a_family_are_public(family):
    for name in NAMES[family].split():
        assert name in ad.__all__
        assert hasattr(ad, name)


def test_special_functions_have_their_scipy_names():
    assert not set(SPECIAL.split()) - set(ad.special.__all__)


def test_every_public_name_exists_and_nothing_else_shows():
    assert ad.__all__ == sorted(set(ad.__all__))
    for name in ad.__all__:
        getattr(ad, name)
    standard = {"__array_api_version__", "__array_namespace_info__"}
    assert set(dir(ad)) == {*ad.__all__, "__version__", *standard}


def test_nothing_leaks():
    """A public name is a function or a class of adjoint, a namespace, a dtype or a number."""
    for name in ad.__all__:
        thing = getattr(ad, name)
        if not isinstance(thing, (np.dtype, float, type(None))):
            assert getattr(thing, "__module__", thing.__name__).startswith("adjoint"), name


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'adjoint' has no attribute 'sinn'"):
        ad.sinn


def test_the_version_is_that_of_the_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert ad.__version__ == settings["project"]["version"]


def test_a_tensor_knows_its_namespace():
    assert ad.asarray(1.0).__array_namespace__() is ad


def test_a_star_import_brings_what_is_asked_for():
    namespace: dict[str, object] = {}
    exec("from adjoint import *", namespace)
    assert set(ad.__all__) <= set(namespace)


def after(statement: str) -> set[str]:
    """The packages imported in a fresh process after `statement`."""
    program = f"{statement}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


HEAVY = {"scipy", "llvmlite", "optree", "matplotlib", "sklearn", "rich", "mpmath"}


def test_the_import_brings_nothing_heavy():
    assert not after("import adjoint") & HEAVY


def test_lazy_modules_are_imported_when_first_used():
    text = "import adjoint as ad; ad.explain; ad.compile; ad.nn; ad.optim; ad.data; ad.explain"
    assert not after(text) & {"scipy", "llvmlite", "matplotlib", "sklearn", "rich"}


def test_every_example_of_a_derivative_needs_numpy_alone():
    program = "import adjoint as ad; float(ad.grad(lambda x: ad.sin(x) * x)(1.0))"
    assert not after(program) & HEAVY


# dtypes and constants


def test_dtypes_are_those_of_tensors():
    assert ad.asarray(1.0).dtype is ad.float64
    assert ad.asarray([True]).dtype is ad.bool
    assert ad.zeros(2, dtype=ad.float32).dtype is ad.float32
    assert np.zeros(2, ad.int32).dtype == ad.int32


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((ad.float32, ad.float64), ad.float64),
        ((ad.int64, ad.float32), ad.float64),
        ((ad.float32, 1.0), ad.float32),
        ((ad.float32, 1j), ad.complex64),
        ((ad.int32, 1.0), ad.float64),
        ((1, True), ad.int64),
        (("float32", np.ones(1, "float16")), ad.float32),
        ((ad.ones(2, dtype="float32"), 2.0), ad.float32),
    ],
)
def test_result_type(given, expected):
    assert ad.result_type(*given) is expected


def test_questions_about_dtypes_name_their_argument():
    with pytest.raises(ad.errors.ArgumentError, match="result_type: give at least one"):
        ad.result_type()
    with pytest.raises(ad.errors.ArgumentError, match="isdtype: kind='real'"):
        ad.isdtype(ad.float32, "real")
    with pytest.raises(ad.errors.DTypeError, match=r"finfo: .*integers have iinfo"):
        ad.finfo(ad.int64)
    with pytest.raises(ad.errors.DTypeError, match=r"iinfo: .*have finfo"):
        ad.iinfo(ad.float64)
    with pytest.raises(ad.errors.ArgumentError, match="from_dlpack: str does not offer"):
        ad.from_dlpack("abc")


def test_dlpack_copies():
    source = np.ones(3)
    tensor = ad.from_dlpack(source)
    source[0] = 7
    assert tensor.tolist() == [1, 1, 1]


def test_adjoints_show_the_lectures_dictionary():
    x = ad.variable([1.0, 2.0], name="x")
    assert repr(ad.adjoints(ad.sum(x * x))) == (
        "v3 (sum): 1\n"
        "v2 (multiply): float64[2] from v3\n"
        "x (variable): float64[2] = float64[2] from v2 + float64[2] from v2"
    )


def test_public_functions_are_pickled_by_name_and_copied_as_themselves():
    functions = [
        function
        for namespace in (ad, ad.special, ad.linalg, ad.nn, ad.optim)
        for function in vars(namespace).values()
        if isfunction(function)
    ]
    assert {ad.sin, ad.add, ad.isnan, ad.special.erf, ad.special.zeta} <= set(functions)
    for function in functions:
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.deepcopy([function]) == [function]
