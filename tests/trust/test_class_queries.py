"""Programs that ask for the class of what they are given go the way they go without adjoint."""

from __future__ import annotations

import functools
import math
import numbers
import types

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.optimize

import adjoint as ad
from adjoint.errors import ConcretizationError, LostDerivativeError

pytestmark = pytest.mark.unit

X = np.array([0.3, 0.7, 1.9])
A = np.array([[4.0, 1, 0], [1, 3, 1], [0, 1, 2]])


@functools.singledispatch
def dispatched(x):
    return x * 0.0


@dispatched.register(float)
def _(x):
    return math.exp(x)


@dispatched.register(np.ndarray)
def _(x):
    return np.array([x[0], x[1] ** 2]).sum()


@functools.cache
def weights(n):
    return np.arange(n) * 1.0


@functools.cache
def power(n, x):
    return math.exp(x) if n < 2 else power(n - 1, x) * power(n - 2, x)


def filled_copy(x):
    w = weights(3).copy()
    w[0] = x[0]
    return np.sum(w * x)


class Rod:
    def __init__(self, length):
        self.length = length

    @functools.cached_property
    def stiffness(self):
        return math.exp(-self.length) * np.array([self.length, 1.0]).sum()

    @functools.lru_cache  # noqa: B019  # as users write it
    def bent(self, x):
        return math.sin(x) * self.stiffness


def near(x):
    return x[0] * 2 if math.isclose(x[0], 0.3, abs_tol=0.1) and math.isfinite(x[1]) else x[1]


asks_for_class, greatest = isinstance, max

QUERIES = {
    "isinstance by another name": (
        lambda x: x[0] * 2 if asks_for_class(x, np.ndarray) else greatest(x[0], x[1]) * 3
    ),
    "float": lambda x: x[0] * 2 if isinstance(x[0], float) else x[0] * 3,
    "int or float": lambda x: x[0] * 2 if isinstance(x[0], (int, float)) else x[0] * 3,
    "a union": lambda x: x[0] * 2 if isinstance(x[0], int | float) else x[0] * 3,
    "complex": lambda x: x[0] * 2 if isinstance(x[0], complex) else x[0] * 3,
    "numbers.Real": lambda x: x[0] * 2 if isinstance(x[0], numbers.Real) else x[0] * 3,
    "np.floating": lambda x: x[0] * 2 if isinstance(x[0], np.floating) else x[0] * 3,
    "np.generic of an array": lambda x: x[0] * 2 if isinstance(x, np.generic) else x[0] * 3,
    "np.ndarray": lambda x: np.sum(x) * 2 if isinstance(x, np.ndarray) else x[0] * 3,
    "np.ndarray of a number": lambda x: x[0] * 2 if isinstance(x[0], np.ndarray) else x[0] * 3,
    "a new array": lambda x: x[0] * 2 if isinstance(np.zeros(3), np.ndarray) else x[0] * 3,
    "np.isscalar": lambda x: x[0] * 2 if np.isscalar(x[0]) and not np.isscalar(x) else x[0] * 3,
    "type": lambda x: x[0] * 2 if type(x) is np.ndarray else x[0] * 3,
    "type of a number": lambda x: x[0] * 2 if type(x[0]) is np.float64 else x[0] * 3,
    "issubclass": lambda x: x[0] * 2 if issubclass(type(x[0]), float) else x[0] * 3,
    "hasattr": lambda x: x[0] * 2 if hasattr(x[0], "__len__") else x[0] * 3,
    "classes are types": lambda x: x[0] * 2 if isinstance(Rod, type) else x[0] * 3,
    "singledispatch of a number": lambda x: dispatched(x[0]),
    "singledispatch of an array": lambda x: dispatched(x),
    "lru_cache given no tensor": filled_copy,
    "cache given tensors": lambda x: power(6, x[0]) * power(5, x[0]),
    "cached_property": lambda x: Rod(x[0]).stiffness * Rod(x[1]).stiffness,
    "a cached method": lambda x: Rod(x[0]).bent(x[1]),
    "math.isclose": near,
}  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
def test_the_way_taken_is_that_of_plain_numpy(query):
    f = QUERIES[query]
    expected = [(f(X + e) - f(X - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(ad.grad(f)(X), expected, rtol=1e-6, atol=1e-8)


def test_a_tensor_is_still_a_tensor():
    def f(x):
        assert isinstance(x, ad.Tensor)
        assert not isinstance(1.0, ad.Tensor)
        return x * 2 if isinstance(x, (str, ad.Tensor)) else x * 3

    assert float(ad.grad(f)(1.0)) == 2.0


def test_caches_hold_nothing_of_a_call_that_ended():
    ad.grad(lambda x: power(6, x))(0.1)
    before = power.cache_info()
    assert float(ad.grad(lambda x: power(6, x))(0.2)) == pytest.approx(13 * math.exp(2.6))
    assert power.cache_info() == before


# Arrays that objects hold.


class Frame:
    def __init__(self):
        self.mass = np.eye(3)
        self.parts = [Rod(1.0)]

    def matrix(self, x):
        mass = self.mass.copy()
        mass[0, 1] = x[0]
        stiffness = 2 * self.mass
        stiffness[1] += x
        return mass @ stiffness if type(self.mass) is np.ndarray else mass

    def __call__(self, x):
        return np.linalg.det(self.matrix(x))


def test_what_is_computed_from_arrays_of_objects_can_be_filled():
    frame = Frame()
    mass = frame.mass
    for transform in (ad.grad, lambda f: ad.compile(ad.grad(f))):
        expected = [(frame(X + e) - frame(X - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
        np.testing.assert_allclose(transform(frame)(X), expected, rtol=1e-6, atol=1e-8)
        assert frame.mass is mass and type(mass) is np.ndarray
        np.testing.assert_array_equal(mass, np.eye(3))


def test_an_array_is_one_object_under_all_its_names():
    frame = Frame()
    frame.other = frame.mass
    frame.known = A

    def f(x):
        return x * (2 if frame.other is frame.mass and frame.known is A and A is A else 3)

    assert float(ad.grad(f)(1.0)) == 2.0


def test_objects_have_their_arrays_again_where_a_call_failed():
    frame = Frame()
    mass = frame.mass

    def f(x):
        frame.stiffness = frame.mass * 1.0
        frame.matrix(x)
        raise KeyError("failed")

    with pytest.raises(KeyError, match="failed"):
        ad.grad(f)(X)
    assert frame.mass is mass


# Classes that know who is derived from them.


class Kind:
    known: list[type] = []  # noqa: RUF012  # as users write it

    def __init_subclass__(cls, *, tag: str) -> None:
        Kind.known.append(cls)


class Sine(Kind, tag="sine"):
    def value(self, x):
        return math.sin(x) * np.array([x, 1.0]).sum()


SINE = Sine()


def test_twins_of_classes_are_not_noticed():
    def f(x):
        return SINE.value(x) * len(Kind.known) * len(Kind.__subclasses__())

    def g(x):
        return sum(kind().value(x) for kind in Kind.__subclasses__())

    for _ in range(2):
        assert float(ad.grad(f)(0.3)) == pytest.approx(1.3 * math.cos(0.3) + math.sin(0.3))
        assert float(ad.grad(g)(0.3)) == pytest.approx(1.3 * math.cos(0.3) + math.sin(0.3))
    assert Kind.known == [Sine]


def test_a_class_made_while_tracing_is_its_own():
    def f(x):
        first, second = (type(name, (Rod,), {}) for name in ("First", "Second"))
        one = first(x)
        kept.append(one)
        return x * (2 if isinstance(one, first) and not isinstance(one, second) else 3)

    kept: list[Rod] = []
    assert float(ad.grad(f)(1.0)) == 2.0
    assert type(kept[0]).__name__ == "First"


# Text, and errors that C code raises in place of ours.


def formatted(x):
    return float(f"{x[0]:.17g}") + np.sum(x)


def test_a_number_read_back_from_text_is_an_error():
    with pytest.raises(LostDerivativeError, match="float asks for the plain value"):
        ad.grad(formatted)(X)
    kept = []
    ad.grad(lambda x: (kept.append(f"{x:.3f}"), x * 2)[1])(0.25)
    assert float(kept[0]) == 0.25 and type(str(kept[0])) is str


def test_errors_in_callbacks_of_c_are_ours():
    def solved(x):
        solver = scipy.integrate.ode(lambda t, u: -u * x[0]).set_integrator("dopri5")
        return solver.set_initial_value([1.0]).integrate(1.0)[0]

    with pytest.raises(LostDerivativeError, match=r"plain value of a tensor"):
        ad.grad(solved)(X)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: scipy.linalg.solve_sylvester(A, A, np.diag(x)).sum(),
        lambda x: scipy.linalg.solve_continuous_lyapunov(A, np.diag(x)).sum(),
        lambda x: scipy.linalg.lstsq(A, x)[0].sum(),
        lambda x: scipy.linalg.solve(A, x, assume_a="pos").sum(),
        lambda x: scipy.linalg.eigh_tridiagonal(x, [1.0, 2.0])[0][0],
    ],
)
def test_matrices_of_the_module_are_taken_beside_tensors(f):
    expected = [(f(X + e) - f(X - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(ad.grad(f)(X), expected, rtol=1e-6, atol=1e-8)


# Errors that a program catches.


def is_definite(matrix):
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def with_jitter(x):
    matrix = np.array([[1.0, 2.0], [2.0, 1.0]]) * x[0]
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        factor = np.linalg.cholesky(matrix + 5 * np.eye(2))
    return np.sum(factor)


def factored(x):
    try:
        found = scipy.linalg.cho_solve(scipy.linalg.cho_factor(-A * x[0]), x)
    except scipy.linalg.LinAlgError:
        found = x * x
    return np.sum(found)


def helped(x):
    def root(v):
        return math.sqrt(v)

    try:
        return root(x[0] - 1) * 3
    except ValueError:
        return x[0] * 2


def overflowing(x):
    try:
        return math.exp(1000 * x[2]) + x[0]
    except OverflowError:
        return x[0] * 2


def caught(x):
    for base in (1.0, x[1] - 1, x[2]):
        try:
            x = x * math.log(base)
        except ValueError:
            x = x * 3
    return np.sum(x)


CAUGHT = {
    "is a matrix definite": lambda x: x[0] if is_definite(-A * x[0]) else x[1] ** 2,
    "it is": lambda x: x[0] if is_definite(A * x[0]) else x[1] ** 2,
    "with jitter": with_jitter,
    "factored": factored,
    "in a helper": helped,
    "overflow": overflowing,
    "in a loop": caught,
}


@pytest.mark.parametrize("name", CAUGHT)
def test_errors_that_are_caught_come_in_time(name):
    f = CAUGHT[name]
    expected = [(f(X + e) - f(X - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(ad.grad(f)(X), expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ad.jacfwd(f)(X), expected, rtol=1e-6, atol=1e-8)


def test_what_only_an_error_can_tell_is_not_compiled():
    f = ad.compile(ad.grad(CAUGHT["is a matrix definite"]))
    with pytest.raises(ConcretizationError):
        f(X)
    g = ad.compile(ad.grad(with_jitter))
    with pytest.raises(np.linalg.LinAlgError):
        g(X)[0].numpy()


def test_without_try_nothing_is_computed_early():
    def f(x):
        root = math.sqrt(x[0])
        assert root.node.value is None
        return root

    ad.grad(f)(X)


def test_a_copy_of_a_library_of_the_standard_sees_the_tensor():
    """Projects have array_api_compat in their own packages; a tensor is none of NumPy's to it."""
    seen = {}
    for name in ("project.vendored.array_api_compat._helpers", "project.helpers"):
        module = types.ModuleType(name)
        exec(
            "def is_numpy(x):\n    return isinstance(x, np.ndarray)\nimport numpy as np",
            vars(module),
        )

        def f(x, module=module, name=name):
            seen[name] = module.is_numpy(x)
            return np.sum(x)

        ad.grad(f)(X)
    assert list(seen.values()) == [False, True]
