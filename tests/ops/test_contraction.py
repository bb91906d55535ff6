"""Contractions: values as in NumPy, derivatives of both orders and modes, batching, errors."""

from __future__ import annotations

import importlib

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint as ad
from adjoint.errors import ArgumentError, ShapeError
from adjoint.graph.order import topological_order
from adjoint.graph.verify import verify

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(5)


def normal(*shape):
    return RNG.normal(size=shape)


def operations(y):
    """The names of the operations below `y`."""
    return [node.op.name for node in topological_order([y.node])]


CASES = [
    *[
        (f"matmul {a} {b}", lambda n, x, y: n.matmul(x, y), (normal(*a), normal(*b)))
        for a, b in [
            ((3,), (3,)),
            ((2, 3), (3,)),
            ((3,), (3, 2)),
            ((2, 3), (3, 4)),
            ((5, 2, 3), (3, 4)),
            ((2, 2, 2, 3), (3, 4)),
            ((2, 2, 3), (3,)),
            ((3,), (5, 3, 2)),
            ((2, 3), (5, 3, 4)),
            ((5, 2, 3), (5, 3, 4)),
            ((5, 1, 2, 3), (4, 3, 2)),
            ((1, 2, 3), (4, 3, 2)),
            ((0, 3), (3, 2)),
            ((2, 0), (0, 2)),
        ]
    ],
    *[
        (f"dot {a} {b}", lambda n, x, y: n.dot(x, y), (normal(*a), normal(*b)))
        for a, b in [
            ((), ()),
            ((), (2, 3)),
            ((3,), (3,)),
            ((2, 3), (3, 4)),
            ((2, 3), (3,)),
            ((2, 4, 3), (3,)),
            ((2, 4, 3), (3, 2)),
            ((3,), (2, 3, 4)),
            ((2, 3), (4, 3, 2)),
            ((5, 2, 3), (4, 3, 2)),
        ]
    ],
    *[
        (f"inner {a} {b}", lambda n, x, y: n.inner(x, y), (normal(*a), normal(*b)))
        for a, b in [((3,), (3,)), ((2, 3), (3,)), ((2, 4, 3), (5, 3)), ((), (2, 3))]
    ],
    *[
        (f"outer {a} {b}", lambda n, x, y: n.outer(x, y), (normal(*a), normal(*b)))
        for a, b in [((3,), (2,)), ((2, 2), (3,))]
    ],
    *[
        (f"tensordot {a} {b} {axes}", lambda n, x, y, axes=axes: n.tensordot(x, y, axes), (a, b))
        for a, b, axes in [
            (normal(2, 3, 4), normal(3, 4, 5), 2),
            (normal(2, 3), normal(3, 2), 1),
            (normal(2, 3), normal(4), 0),
            (normal(2, 3, 4), normal(4, 5, 3), ((1, 2), (2, 0))),
            (normal(2, 3, 4), normal(4, 5, 3), ((-1, -2), (0, -1))),
            (normal(2, 3, 4), normal(3, 5), (1, 0)),
            (normal(2, 3), normal(2, 3), 2),
        ]
    ],
    *[
        (f"vecdot {a} {b}", lambda n, x, y: n.vecdot(x, y), (normal(*a), normal(*b)))
        for a, b in [((3,), (3,)), ((2, 3), (3,)), ((4, 1, 3), (2, 3))]
    ],
    ("vecdot axis", lambda n, x, y: n.vecdot(x, y, axis=0), (normal(3, 2), normal(3, 2))),
    ("vdot", lambda n, x, y: n.vdot(x, y), (normal(3, 2), normal(2, 3))),
    *[
        (f"kron {a} {b}", lambda n, x, y: n.kron(x, y), (normal(*a), normal(*b)))
        for a, b in [((3,), (2,)), ((2, 3), (3, 2)), ((2, 3), (2,)), ((2,), (2, 1, 3))]
    ],
    *[
        (f"cross {a} {b}", lambda n, x, y: n.cross(x, y), (normal(*a), normal(*b)))
        for a, b in [((3,), (3,)), ((4, 3), (3,)), ((4, 1, 3), (2, 3))]
    ],
    ("cross axis", lambda n, x, y: n.cross(x, y, axis=0), (normal(3, 2), normal(3, 2))),
    *[
        (f"convolve {n} {m} {mode}", lambda n, x, y, mode=mode: n.convolve(x, y, mode),
         (normal(n), normal(m)))
        for mode in ("full", "same", "valid")
        for n, m in [(1, 1), (5, 3), (3, 5), (4, 4), (6, 2), (2, 7), (5, 1)]
    ],
    *[
        (f"correlate {n} {m} {mode}", lambda n, x, y, mode=mode: n.correlate(x, y, mode),
         (normal(n), normal(m)))
        for mode in ("full", "same", "valid")
        for n, m in [(5, 3), (4, 4), (6, 2)]
    ],
    *[
        (f"matrix_power {k}", lambda n, x, k=k: n.linalg.matrix_power(x, k) if n is np else
         n.matrix_power(x, k), (normal(2, 3, 3) / 2,))
        for k in (0, 1, 2, 3, 7)
    ],
    ("multi_dot", lambda n, *xs: n.linalg.multi_dot(xs) if n is np else n.multi_dot(xs),
     (normal(4, 2), normal(2, 5), normal(5, 3), normal(3, 1))),
    ("multi_dot vectors", lambda n, *xs: n.linalg.multi_dot(xs) if n is np else n.multi_dot(xs),
     (normal(2), normal(2, 5), normal(5))),
    ("vander", lambda n, x: n.vander(x), (normal(4),)),
    ("vander increasing", lambda n, x: n.vander(x, 3, increasing=True), (normal(4),)),
]  # fmt: skip

EINSUMS = [
    ("i,i", (3,), (3,)),
    ("i,i->i", (3,), (3,)),
    ("i,j", (3,), (2,)),
    ("ij->ji", (2, 3)),
    ("ji", (2, 3)),
    ("ba", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iij->j", (3, 3, 2)),
    ("iji->j", (3, 2, 3)),
    ("iii->i", (3, 3, 3)),
    ("iijj->ij", (2, 2, 3, 3)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,jk->ki", (2, 3), (3, 4)),
    ("ij,kj->ik", (2, 3), (4, 3)),
    ("ij,jk->ijk", (2, 3), (3, 4)),
    ("ij,j->i", (2, 3), (3,)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("ij,ij->i", (2, 3), (2, 3)),
    ("ij,ij->", (2, 3), (2, 3)),
    ("ij,ji->", (2, 3), (3, 2)),
    ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)),
    ("bij,bjk->kbi", (5, 2, 3), (5, 3, 4)),
    ("bij,jk->bik", (5, 2, 3), (3, 4)),
    ("ijk,jil->kl", (2, 3, 4), (3, 2, 5)),
    ("ijk,kl->il", (2, 3, 4), (4, 5)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("ij,kl->", (2, 3), (4, 2)),
    ("...ij,...jk->...ik", (5, 2, 3), (3, 4)),
    ("...ij,...jk", (5, 1, 2, 3), (4, 3, 2)),
    ("i...->...", (3, 2, 4)),
    ("i...,i...->i...", (3, 2), (3, 2)),
    ("...i,i...->...", (2, 3), (3, 2)),
    ("...ii->...i", (2, 3, 3)),
    ("...,...", (2, 3), (3,)),
    ("ij...,jk...->ik...", (2, 3, 5), (3, 4, 5)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("i,j,k->ijk", (2,), (3,), (4,)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
    ("ij,jk,kl,lm->im", (2, 3), (3, 4), (4, 5), (5, 2)),
    ("i,ij,j->", (2,), (2, 3), (3,)),
    ("abc,abd,acd,bcd->", (2, 3, 4), (2, 3, 2), (2, 4, 2), (3, 4, 2)),
    ("ij,j,ij,i->ij", (2, 3), (3,), (2, 3), (2,)),
    ("ii,jj,ij->", (3, 3), (2, 2), (3, 2)),
    (" i j , j k -> i k ", (2, 3), (3, 4)),
    ("Ab,bA->A", (2, 3), (3, 2)),
    (",ij->ji", (), (2, 3)),
]
CASES += [
    (f"einsum {text} {number}", lambda n, *xs, text=text: n.einsum(text, *xs),
     tuple(normal(*shape) for shape in shapes))
    for number, (text, *shapes) in enumerate(EINSUMS)
]  # fmt: skip
every = pytest.mark.parametrize(
    "name, f, args", CASES, ids=[case[0].strip()[:40] for case in CASES]
)


@every
def test_values_are_those_of_numpy(name, f, args):
    y = f(ad, *map(ad.asarray, args))
    expected = f(np, *args)
    assert y.shape == np.shape(expected)
    assert_allclose(y, expected, atol=1e-12)
    verify([y.node])


@every
def test_numpy_itself_dispatches_to_the_same(name, f, args):
    assert_allclose(f(np, *map(ad.asarray, args)), f(np, *args), atol=1e-12)


@every
def test_both_modes_against_differences(name, f, args):
    rng = np.random.default_rng(0)
    directions = tuple(rng.normal(size=a.shape) for a in args)
    y, tangent = ad.jvp(lambda *xs: f(ad, *xs), args, directions)
    h = 1e-6
    ahead, behind = (
        f(np, *(a + s * h * d for a, d in zip(args, directions, strict=True))) for s in (1, -1)
    )
    assert_allclose(tangent, (ahead - behind) / (2 * h), atol=1e-7)
    w = rng.normal(size=y.shape)
    _, pullback = ad.vjp(lambda *xs: f(ad, *xs), *args)
    dots = sum(np.sum(s.numpy() * d) for s, d in zip(pullback(w), directions, strict=True))
    assert_allclose(np.sum(w * tangent.numpy()), dots, atol=1e-10)


@every
def test_the_second_order_against_differences_and_its_own_transpose(name, f, args):
    rng = np.random.default_rng(0)
    w = rng.normal(size=np.shape(f(np, *args)))
    numbers = tuple(range(len(args)))
    gradient = ad.grad(lambda *xs: ad.sum(ad.sin(f(ad, *xs)) * w), numbers)
    u, v = (tuple(rng.normal(size=a.shape) for a in args) for _ in range(2))
    _, products = ad.jvp(gradient, args, u)
    h = 1e-5
    ahead, behind = (
        gradient(*(a + s * h * d for a, d in zip(args, u, strict=True))) for s in (1, -1)
    )
    for got, p, q in zip(products, ahead, behind, strict=True):
        assert_allclose(got, (p.numpy() - q.numpy()) / (2 * h), atol=1e-6)
    _, pullback = ad.vjp(gradient, *args)
    one = sum(np.sum(a * p.numpy()) for a, p in zip(v, products, strict=True))
    other = sum(np.sum(s.numpy() * d) for s, d in zip(pullback(v), u, strict=True))
    assert_allclose(one, other, atol=1e-10)


@every
def test_a_batch_gives_what_each_example_gives(name, f, args):
    batches = [np.stack([a, 2 * a, -a]) for a in args]
    several = {(0,) * len(args), (0, *(None,) * (len(args) - 1)), (*(None,) * (len(args) - 1), 0)}
    for axes in several:
        given = [b if c == 0 else a for a, b, c in zip(args, batches, axes, strict=True)]
        examples = [
            [x[i] if c == 0 else x for x, c in zip(given, axes, strict=True)] for i in range(3)
        ]
        got = ad.vmap(lambda *xs: f(ad, *xs), axes)(*given)
        assert_allclose(got, np.stack([f(np, *e) for e in examples]), atol=1e-12)
        gradient = ad.grad(lambda *xs: ad.sum(f(ad, *xs) ** 2), tuple(range(len(args))))
        got = ad.vmap(gradient, axes)(*given)
        each = [gradient(*e) for e in examples]
        for n, part in enumerate(got):
            assert_allclose(part, np.stack([e[n].numpy() for e in each]), atol=1e-11)


@pytest.mark.parametrize("text", ["ij,jk->ik", "ij,ij->i", "ii,ij->j", "ij,jk,kl->"])
def test_complex_contractions(text):
    shape = (3, 3)
    args = [normal(*shape) + 1j * normal(*shape) for _ in text.split("->")[0].split(",")]
    assert_allclose(ad.einsum(text, *args), np.einsum(text, *args))
    w = np.einsum(text, *args) * (2 - 1j)
    _, pullback = ad.vjp(lambda *xs: ad.einsum(text, *xs), *args)
    directions = [normal(*shape) + 1j * normal(*shape) for _ in args]
    _, tangent = ad.jvp(lambda *xs: ad.einsum(text, *xs), tuple(args), tuple(directions))
    dots = sum(np.vdot(s.numpy(), d).real for s, d in zip(pullback(w), directions, strict=True))
    assert_allclose(np.vdot(w, tangent.numpy()).real, dots)


def test_complex_convolution_and_vecdot():
    a, v = normal(6) + 1j * normal(6), normal(3) + 1j * normal(3)
    for mode in ("full", "same", "valid"):
        assert_allclose(ad.convolve(a, v, mode), np.convolve(a, v, mode))
        assert_allclose(ad.correlate(a, v, mode), np.correlate(a, v, mode))
    assert_allclose(ad.vecdot(a, 2j * a), np.vecdot(a, 2j * a))
    assert_allclose(ad.vdot(a, 2j * a), np.vdot(a, 2j * a))
    f = lambda a, v: ad.convolve(a, v, "same")
    w = normal(6) + 1j * normal(6)
    _, pullback = ad.vjp(f, a, v)
    d, e = normal(6) + 1j * normal(6), normal(3) + 1j * normal(3)
    _, tangent = ad.jvp(f, (a, v), (d, e))
    to_a, to_v = pullback(w)
    assert_allclose(np.vdot(w, tangent.numpy()).real, (np.vdot(to_a, d) + np.vdot(to_v, e)).real)


@pytest.mark.parametrize(
    "a, b, common",
    [
        ("float32", "float32", "float32"),
        ("float32", "float64", "float64"),
        ("int64", "int64", "int64"),
    ],
)
def test_the_result_has_the_common_dtype(a, b, common):
    x, y = ad.ones((2, 2), dtype=a), ad.ones((2, 2), dtype=b)
    for f in (ad.matmul, ad.dot, ad.inner, ad.outer, ad.kron, ad.vecdot, ad.tensordot):
        assert f(x, y).dtype == common
    assert ad.einsum("ij,jk->ik", x, y).dtype == common
    assert ad.convolve(x[0], y[0]).dtype == common


# What is run: one matrix product, forward and backward.


def test_without_opt_einsum_numpy_chooses_the_path(monkeypatch):
    real = importlib.import_module

    def absent(name, package=None):
        if name == "opt_einsum":
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", absent)
    args = normal(2, 3), normal(3, 40), normal(40, 4), normal(4)
    text = "ij,jk,kl,l->i"
    for optimize in (True, False, "greedy", "optimal"):
        assert_allclose(ad.einsum(text, *args, optimize=optimize), np.einsum(text, *args))


def test_operands_with_lists_of_labels():
    a, b = normal(2, 3), normal(3, 4)
    assert_allclose(ad.einsum(a, [0, 1], b, [1, 2], [2, 0]), (a @ b).T)
    assert_allclose(ad.einsum(a, [0, 1], b, [1, 2]), a @ b)
    assert_allclose(ad.einsum(a, [..., 1], b, [1, 2], [..., 2]), a @ b)


def test_more_labels_than_letters():
    count = 60
    x = [normal(1) for _ in range(count)]
    args = [part for i in range(count) for part in (x[i], [i])]
    assert_allclose(ad.einsum(*args, []), np.prod(x))


def test_negative_powers_are_those_of_the_inverse():
    a = normal(3, 3) + 3 * np.eye(3)
    assert_allclose(ad.matrix_power(a, -2), np.linalg.matrix_power(a, -2))


@st.composite
def einsums(draw):
    sizes = {label: draw(st.integers(1, 3)) for label in "abcde"}
    terms = draw(
        st.lists(st.text("abcde", max_size=4), min_size=1, max_size=4).filter(
            lambda terms: any(terms)
        )
    )
    used = sorted(set("".join(terms)))
    output = "".join(draw(st.lists(st.sampled_from(used), unique=True)))
    text = ",".join(terms) + draw(st.sampled_from(["", "->" + output]))
    return text, [tuple(sizes[label] for label in term) for term in terms]


@hypothesis.given(einsums())
@hypothesis.settings(max_examples=200, deadline=None)
def test_any_einsum_is_that_of_numpy(case):
    text, shapes = case
    rng = np.random.default_rng(0)
    args = [rng.normal(size=shape) for shape in shapes]
    expected = np.einsum(text, *args)
    y, pullback = ad.vjp(lambda *xs: ad.einsum(text, *xs), *args)
    assert y.shape == expected.shape
    assert_allclose(y, expected, atol=1e-10)
    directions = [rng.normal(size=shape) for shape in shapes]
    tangent = sum(np.einsum(text, *args[:n], d, *args[n + 1 :]) for n, d in enumerate(directions))
    w = rng.normal(size=y.shape)
    dots = sum(np.sum(s.numpy() * d) for s, d in zip(pullback(w), directions, strict=True))
    assert_allclose(np.sum(w * tangent), dots, atol=1e-9)


def test_hessian_of_a_quadratic_form():
    a = normal(3, 3)
    for f in (
        lambda x: ad.einsum("i,ij,j->", x, a, x),
        lambda x: ad.dot(x, ad.dot(a, x)),
        lambda x: ad.vecdot(x, ad.tensordot(a, x, 1)),
        lambda x: ad.sum(ad.outer(x, x) * a),
    ):
        assert_allclose(ad.hessian(f)(normal(3)), a + a.T)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: ad.matmul(1.0, [1.0]), ShapeError, "the first operand is 0-d"),
        (
            lambda: ad.matmul(np.ones((2, 3)), np.ones((2, 3))),
            ShapeError,
            r"transpose one with \.mT",
        ),
        (lambda: ad.matmul(np.ones((2, 2, 3)), np.ones((2, 3))), ShapeError, "do not fit"),
        (lambda: ad.dot(np.ones(3), np.ones(2)), ShapeError, "dot: shapes"),
        (lambda: ad.dot(np.ones(3), np.ones((2, 2, 2))), ShapeError, "axis -2 of the second 2"),
        (lambda: ad.inner(np.ones(3), np.ones(2)), ShapeError, "inner: shapes"),
        (lambda: ad.vecdot(np.ones(3), np.ones(2)), ShapeError, "3 and 2 elements"),
        (lambda: ad.vecdot(1.0, 2.0), ShapeError, "0-d"),
        (lambda: ad.cross(np.ones(4), np.ones(3)), ShapeError, "need size 3 along their axis"),
        (lambda: ad.tensordot(np.ones(3), np.ones(2), 1), ShapeError, "tensordot: shapes"),
        (lambda: ad.tensordot(np.ones(3), np.ones(2), 2), ShapeError, "axes=2, but shapes"),
        (lambda: ad.tensordot(np.ones(3), np.ones(2), "a"), ArgumentError, "a pair of sequences"),
        (lambda: ad.tensordot(np.eye(2), np.eye(2), ((0, 1), (0,))), ShapeError, "as many axes"),
        (lambda: ad.convolve(np.eye(2), np.ones(2)), ShapeError, "two vectors"),
        (lambda: ad.convolve(np.ones(2), np.ones(0)), ShapeError, "not empty"),
        (lambda: ad.convolve(np.ones(2), np.ones(2), "half"), ArgumentError, "mode must be"),
        (lambda: ad.matrix_power(np.ones((2, 3)), 2), ShapeError, "square matrices"),
        (lambda: ad.matrix_power(np.eye(2), 0.5), ArgumentError, "must be an integer"),
        (lambda: ad.multi_dot([np.eye(2)]), ArgumentError, "at least two"),
        (lambda: ad.multi_dot([np.eye(2), np.eye(3)]), ShapeError, "tensor 0 has shape"),
        (
            lambda: ad.multi_dot([np.eye(2), np.ones(2), np.eye(2)]),
            ShapeError,
            "tensor 1 has shape",
        ),
        (lambda: ad.vander(np.eye(2)), ShapeError, "needs a vector"),
        (lambda: ad.einsum("ij,jk", np.eye(2)), ArgumentError, "about 2 operands, 1 were given"),
        (lambda: ad.einsum("ij"), ArgumentError, "no operands"),
        (
            lambda: ad.einsum("ijk", np.eye(2)),
            ShapeError,
            "has 2 axes, its subscripts 'ijk' name 3",
        ),
        (lambda: ad.einsum("i", np.eye(2)), ShapeError, "has 2 axes"),
        (lambda: ad.einsum("ij,jk", np.eye(2), np.eye(3)), ShapeError, "labelled 'j', has size 3"),
        (lambda: ad.einsum("ii", np.ones((2, 3))), ShapeError, "labelled 'i'"),
        (lambda: ad.einsum("ij->k", np.eye(2)), ArgumentError, "'k', which no operand has"),
        (lambda: ad.einsum("ij->ii", np.eye(2)), ArgumentError, "occurs twice in the result"),
        (lambda: ad.einsum("i.j", np.eye(2)), ArgumentError, "is not a label"),
        (lambda: ad.einsum("i...->i", np.eye(2)), ArgumentError, "the result must have them too"),
        (lambda: ad.einsum(np.eye(2), 0), ArgumentError, "list of labels"),
    ],
)
def test_errors_say_what_to_do(make, error, message):
    with pytest.raises(error, match=message):
        make()
