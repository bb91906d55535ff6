"""Warnings name the line of the user, however deep in the library they are given."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import IntegrationWarning

import adjoint as ad
from adjoint.errors import ConvergenceWarning, KinkWarning
from adjoint.scipy import integrate, signal

pytestmark = pytest.mark.unit

FEW = {"maxiter": 1}


def stopped(a):
    return ad.optimize.minimize(lambda x: ad.sum((x - a) ** 4), np.zeros(2), options=FEW).fun


def jump(x, a):
    return ad.where(x > a, a, 0.0)


CASES = [
    (lambda: signal.stft(np.ones(5)), UserWarning, "scipy.signal.stft: nperseg = 256"),
    (lambda: signal.welch(np.ones(5)), UserWarning, "scipy.signal.welch: nperseg = 256"),
    (lambda: signal.coherence(np.ones(5), np.ones(5)), UserWarning, "scipy.signal.coherence: "),
    (lambda: float(ad.fixed_point(lambda x: 2 * x + 1, 1.0)), ConvergenceWarning, "fixed_point"),
    (lambda: float(ad.root(lambda x: x * x + 1, 1.0)), ConvergenceWarning, "root of"),
    (lambda: ad.grad(stopped)(1.0), ConvergenceWarning, "minimize did not converge"),
    (lambda: integrate.quad(lambda x: 1 / x, 0.0, 1.0), IntegrationWarning, "maximum number"),
    (lambda: integrate.dblquad(lambda y, x: 1 / x, 0, 1, 0, 1), IntegrationWarning, "maximum"),
    (lambda: ad.grad(lambda a: integrate.quad(lambda x: jump(x, a), 0.0, 1.0)[0])(0.3),
     ConvergenceWarning, "scipy.integrate.quad: the integrand"),
    (lambda: ad.grad(lambda a: integrate.quad_vec(lambda x: jump(x, a), 0.0, 1.0)[0])(0.3),
     ConvergenceWarning, "scipy.integrate.quad_vec: the integrand"),
    (lambda: float(ad.grad(ad.grad(lambda x: ad.nn.relu(x) ** 2))(0.0)), KinkWarning, "relu"),
]  # fmt: skip


def test_a_warning_names_the_line_of_the_user():
    for call, category, says in CASES:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        assert caught, says
        for warning in caught:
            assert warning.category is category and says in str(warning.message)
            assert warning.filename == __file__


def test_nobody_counts_the_calls_between():
    package = Path(ad.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "warnings.warn(" in path.read_text(encoding="utf-8")
    }
    assert found == {"graph/caller.py", "api/options.py"}  # a block that is forgotten has no line
