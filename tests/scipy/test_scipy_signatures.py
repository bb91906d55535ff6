"""Counterparts take what SciPy's functions take, under the same names, in the same order."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import NotDifferentiableError
from adjoint.scipy.common import no_counterpart
from adjoint.scipy.stats.discrete import Discrete
from adjoint.scipy.stats.distribution import Continuous

pytestmark = pytest.mark.unit

MODULES = (
    "special", "linalg", "integrate", "interpolate", "signal", "ndimage", "stats",
    "spatial.distance",
)  # fmt: skip


def pairs(kind):
    for module in MODULES:
        ours = importlib.import_module(f"adjoint.scipy.{module}")
        scipy = importlib.import_module(f"scipy.{module}")
        for name in ours.__all__:
            yield from kind(f"{module}.{name}", getattr(ours, name), getattr(scipy, name, None))


def refusing(function) -> bool:
    return getattr(function, "__code__", None) is no_counterpart("a.b", "").__code__


def functions(path, ours, scipy):
    if scipy is None or isinstance(scipy, np.ufunc) or isinstance(ours, (Continuous, Discrete)):
        return
    if (inspect.isfunction(ours) or inspect.isclass(ours)) and not refusing(ours):
        yield pytest.param(ours, scipy, id=path)


def ufuncs(path, ours, scipy):
    if isinstance(scipy, np.ufunc):
        yield pytest.param(ours, scipy, id=path)


def distributions(path, ours, scipy):
    if isinstance(ours, (Continuous, Discrete)):
        yield pytest.param(ours, scipy, id=path)


def told(function):
    """Name, kind and default of each parameter; defaults without a value of their own as such."""
    return [
        (p.name, p.kind, "…" if type(p.default) is object else p.default)
        for p in inspect.signature(function).parameters.values()
    ]


@pytest.mark.parametrize(("ours", "scipy"), [*pairs(functions)])
def test_a_function_has_the_signature_of_scipys(ours, scipy):
    expected, found = told(scipy), told(ours)
    assert [f[:2] for f in found] == [e[:2] for e in expected]
    for (name, _, a), (_, _, b) in zip(found, expected, strict=True):
        same = a is b or a == b or (a != a and b != b) or (isinstance(b, list) and list(a) == b)
        assert same, f"{name}: {a!r} instead of {b!r}"


@pytest.mark.parametrize(("ours", "scipy"), [*pairs(ufuncs)])
def test_a_ufunc_takes_as_many_arguments_by_position(ours, scipy):
    parameters = inspect.signature(ours).parameters.values()
    assert len(parameters) == scipy.nin
    assert all(p.kind is p.POSITIONAL_ONLY for p in parameters)


@pytest.mark.parametrize(("ours", "scipy"), [*pairs(distributions)])
def test_a_distribution_has_the_parameters_and_methods_of_scipys(ours, scipy):
    assert ours.numargs == scipy.numargs
    assert ", ".join(ours.shapes) == (scipy.shapes or "")
    for name in dir(scipy):
        method = getattr(scipy, name)
        if not name.startswith("_") and callable(method) and hasattr(ours, name):
            first = list(inspect.signature(method).parameters.values())[:1]
            if first and first[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
                mine = next(iter(inspect.signature(getattr(ours, name)).parameters))
                assert mine in (first[0].name, "args"), name


@pytest.mark.parametrize("name", ["multivariate_normal", "multivariate_t", "dirichlet"])
def test_distributions_of_several_variables_have_the_signatures_of_scipys(name):
    import scipy.stats

    import adjoint.scipy.stats

    ours, theirs = getattr(adjoint.scipy.stats, name), getattr(scipy.stats, name)
    for method in ("logpdf", "pdf", "entropy"):
        if hasattr(ours, method):
            assert told(getattr(ours, method)) == told(getattr(theirs, method))


def test_functions_without_counterpart_exist_in_scipy_and_say_what_to_do():
    for module in MODULES:
        ours = importlib.import_module(f"adjoint.scipy.{module}")
        for name in ours.__all__:
            function = getattr(ours, name)
            if refusing(function):
                assert hasattr(importlib.import_module(f"scipy.{module}"), name), name
                with pytest.raises(NotDifferentiableError, match=rf"scipy\.{module}\.{name} has"):
                    ad.grad(lambda x, f=function: f([x], 2))(1.0)


def test_functions_without_counterpart_take_plain_numbers():
    from adjoint.scipy import linalg, stats

    found = linalg.eigvals(ad.asarray([[2.0, 1.0], [0.0, 3.0]]))
    np.testing.assert_allclose(sorted(found.real), [2, 3])
    assert stats.rankdata([3.0, 1.0]).tolist() == [2, 1]
    held = lambda x: x * linalg.eigvals(ad.stop_gradient(x) * np.eye(2))[0].real
    assert float(ad.grad(held)(3.0)) == 3.0
