"""Pytrees without optree: the same leaves, structures and paths, and a library that works."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import optree
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import adjoint as ad
from adjoint.api import python_tree

pytestmark = pytest.mark.unit

Point = namedtuple("Point", "x y")


class Pair:
    """A class of a user's, registered in both libraries."""

    def __init__(self, first, second, name):
        self.first, self.second, self.name = first, second, name

    def __eq__(self, other):
        return isinstance(other, Pair) and vars(self) == vars(other)

    __hash__ = None


class Row(list):
    """A subclass of a container, which is a leaf."""


for library in (optree, python_tree):
    library.register_pytree_node(
        Pair,
        lambda p: ((p.first, p.second), p.name, ("first", "second")),
        lambda name, children: Pair(*children, name),
        namespace="adjoint",
    )

KEYS = st.sampled_from(["a", "b", "c", 1, 2, True, 1.5, None, ("a",), frozenset([1])])
LEAVES = st.sampled_from([0, 1.5, "text", Row([1, 2])])


def nodes(part):
    items = st.dictionaries(KEYS, part, max_size=3)
    return st.one_of(
        st.none(),
        st.lists(part, max_size=3),
        st.lists(part, max_size=3).map(tuple),
        items,
        items.map(lambda d: OrderedDict(reversed(d.items()))),
        items.map(lambda d: defaultdict(list, d)),
        st.lists(part, max_size=3).map(lambda x: deque(x, maxlen=5)),
        st.builds(Point, part, part),
        st.builds(Pair, part, part, st.sampled_from(["left", "right"])),
    )


TREES = st.recursive(LEAVES, nodes, max_leaves=8)


def flattened(tree, **options):
    return [lib.tree_flatten(tree, namespace="adjoint", **options) for lib in (optree, python_tree)]


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_leaves_paths_and_the_way_back_are_those_of_optree(tree):
    (leaves, theirs), (own_leaves, ours) = flattened(tree)
    assert len(leaves) == len(own_leaves)
    assert all(a is b for a, b in zip(leaves, own_leaves, strict=True))
    assert ours.paths() == theirs.paths()
    assert ours.is_leaf() == theirs.is_leaf()
    for own, other in zip(ours.accessors(), theirs.accessors(), strict=True):
        assert [e.entry for e in own] == [e.entry for e in other]
        assert [e.field for e in own] == [getattr(e, "field", e.entry) for e in other]
    numbers = range(len(leaves))
    made, wanted = ours.unflatten(numbers), theirs.unflatten(numbers)
    assert made == wanted
    assert (
        repr(made).split("object")[0] == repr(wanted).split("object")[0]
    )  # also the order of keys


@settings(max_examples=150, deadline=None)
@given(TREES, TREES)
def test_structures_are_equal_where_those_of_optree_are(a, b):
    (_, first), (_, own_first) = flattened(a)
    (_, second), (_, own_second) = flattened(b)
    assert (own_first == own_second) == (first == second)
    again = python_tree.tree_flatten(a, namespace="adjoint")[1]
    assert (own_first, hash(own_first)) == (again, hash(again))


@pytest.mark.parametrize(
    "tree", [time.localtime(0), {"b": 1, "a": {"d": 2, "c": 3}}, np.lib.NumpyVersion("2.0.0")]
)
def test_other_objects(tree):
    (leaves, theirs), (own_leaves, ours) = flattened(tree)
    assert leaves == own_leaves
    assert ours.paths() == theirs.paths()
    assert repr(ours.unflatten(leaves)) == repr(theirs.unflatten(leaves))


def test_a_function_may_say_what_a_leaf_is():
    tree = {"b": [1, 2], "a": (3,)}
    for leaves, _ in flattened(tree, is_leaf=lambda part: isinstance(part, list)):
        assert leaves == [3, [1, 2]]


@pytest.mark.parametrize("count", [1, 3])
def test_a_wrong_number_of_leaves_is_a_value_error(count):
    for _, structure in flattened({"a": 1, "b": 2}):
        with pytest.raises(ValueError, match=r"Too (few|many) leaves"):
            structure.unflatten([0] * count)


def test_registering_twice_is_a_value_error():
    for kind in (Pair, dict):
        with pytest.raises(ValueError, match="already registered"):
            python_tree.register_pytree_node(kind, list, list, namespace="adjoint")


# Classes registered by adjoint itself.


@ad.register_dataclass
@dataclass(frozen=True)
class Spring:
    stiffness: float
    length: float
    name: str = field(default="", metadata={"static": True})


def energy(spring, x):
    return 0.5 * spring.stiffness * (x - spring.length) ** 2


@pytest.mark.parametrize("transform", [lambda f: f, ad.compile])
def test_derivatives_by_a_dataclass(transform):
    f = transform(ad.grad(energy))
    for name in ("left", "right", "left"):
        assert f(Spring(2.0, 1.0, name), 4.0) == Spring(4.5, -6.0, name)
    many = ad.vmap(ad.grad(energy), (0, None))(Spring(np.ones(2), np.zeros(2)), 4.0)
    np.testing.assert_array_equal(many.stiffness, [8.0, 8.0])
    assert float(ad.grad(energy, wrt="length")(Spring(2.0, 1.0), 4.0)) == -6.0


def test_a_compiled_function_is_compiled_for_each_value_of_a_static_field():
    calls = []

    @ad.compile
    def f(spring):
        calls.append(spring.name)
        return spring.length * (2.0 if spring.name == "twice" else 1.0)

    assert [float(f(Spring(1.0, 3.0, name))) for name in ("once", "twice", "once")] == [3, 6, 3]
    assert calls == ["once", "twice"]


def test_equal_static_fields_of_different_types_are_told_apart():
    f = ad.compile(lambda s: s.length * (10.0 if s.name is True else 1.0))
    values = [float(f(Spring(1.0, 3.0, name))) for name in (1, True, 1.0, 1)]
    assert values == [3.0, 30.0, 3.0, 3.0]


def test_what_is_static_must_be_hashable():
    for transform in (lambda f: f, ad.compile):
        with pytest.raises(ad.errors.ArgumentError, match=r"Spring: .* must be hashable, got"):
            transform(ad.grad(energy))(Spring(1.0, 2.0, ["mutable"]), 3.0)


def test_arrays_and_numbers_are_no_nodes():
    for kind in (np.ndarray, float, ad.Tensor):
        with pytest.raises(ad.errors.ArgumentError, match="which has no parts"):
            ad.register_pytree_node(kind, list, list)


def test_a_flatten_function_that_returns_no_pair_is_named():
    class Odd:
        pass

    ad.register_pytree_node(Odd, lambda odd: 5, lambda rest, children: Odd())
    with pytest.raises(ad.errors.ArgumentError, match=r"flatten of .*Odd must return .* got 5"):
        ad.grad(lambda odd: 1.0)(Odd())


def test_named_fields():
    class Gauge:
        pass

    made = dataclass(type("Made", (), {"__annotations__": {"x": float, "unit": str}}))
    assert ad.register_dataclass(made, ["x"]) is made
    assert float(ad.grad(lambda m: m.x**2)(made(3.0, "m")).x) == 6.0
    with pytest.raises(ad.errors.ArgumentError, match="is known already"):
        ad.register_dataclass(made, ["x"])
    with pytest.raises(ad.errors.ArgumentError, match="must name each field"):
        ad.register_dataclass(made, ["x"], ["y"])
    with pytest.raises(ad.errors.ArgumentError, match="expected a dataclass"):
        ad.register_dataclass(Gauge)
    with pytest.raises(ad.errors.ArgumentError, match="expected a class, got 3"):
        ad.register_pytree_node(3, list, list)
    with pytest.raises(ad.errors.ArgumentError, match="unflatten must be a function, got None"):
        ad.register_pytree_node(Gauge, list, None)


# The whole library where neither is installed.

WITHOUT = """
import sys, warnings
sys.modules["llvmlite"] = sys.modules["optree"] = None
warnings.simplefilter("error")
warnings.filterwarnings("ignore", "compile: llvmlite is not installed")
import doctest
sys.argv = [""]
failed = attempted = 0
for page in PAGES:
    result = doctest.testfile(page, module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    failed, attempted = failed + result.failed, attempted + result.attempted
assert "adjoint.api.python_tree" in sys.modules
assert not any(sys.modules[m] for m in sys.modules if m.partition(".")[0] in ("llvmlite", "optree"))
print(failed, attempted)
"""
PAGES = ["getting-started", "derivatives", "graph-first", "optim", "curvature", "custom"]


def test_the_guide_holds_without_llvmlite_and_optree(request):
    pages = [str(request.config.rootpath / "docs" / "guide" / f"{name}.md") for name in PAGES]
    program = f"PAGES = {pages}\n{WITHOUT}"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    *faults, counts = run.stdout.splitlines()
    failed, attempted = map(int, counts.split())
    assert not failed, "\n".join(faults)
    assert attempted > 60


def test_asking_for_native_code_that_cannot_be_made_warns(monkeypatch):
    monkeypatch.setattr("adjoint.api.options.missing", lambda: "llvmlite is not installed")
    with pytest.warns(UserWarning, match="no effect, as llvmlite is not installed"):
        options = ad.options(native="always")
    with options:
        assert float(ad.grad(ad.sin)(0.0)) == 1.0
    with ad.options(native="never"):
        assert float(ad.grad(ad.sin)(0.0)) == 1.0


class Attrs:
    """A class as attrs makes it: private fields lose their underscore as arguments."""

    __attrs_attrs__ = tuple(
        SimpleNamespace(name=name, alias=name.lstrip("_"), init=init, metadata=metadata)
        for name, init, metadata in [
            ("w", True, {}),
            ("_b", True, {}),
            ("name", True, {"static": True}),
            ("made", False, {}),
        ]
    )

    def __init__(self, w, b, name):
        self.w, self._b, self.name, self.made = w, b, name, 3


def test_a_class_of_attrs_is_registered_as_a_dataclass():
    instance = Attrs(np.arange(3.0), 2.0, "a")
    f = lambda p: ad.sum(p.w**2) * p._b
    with pytest.raises(ad.errors.DTypeError, match="register Attrs to have its fields"):
        ad.sin(instance)
    assert ad.register_dataclass(Attrs) is Attrs
    for gradient in (ad.grad(f), ad.compile(ad.grad(f))):
        found = gradient(instance)
        assert type(found) is Attrs
        np.testing.assert_array_equal(found.w, [0.0, 4.0, 8.0])
        assert (float(found._b), found.name, found.made) == (5.0, "a", 3)
    assert float(ad.hessian(f, wrt="_b")(instance)) == 0.0
