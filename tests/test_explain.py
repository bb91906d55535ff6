"""`adjoint.explain`: what it says of functions of numbers, arrays and trees, and what it writes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

import adjoint as ad
from adjoint.errors import (
    ArgumentError,
    DTypeError,
    RangeError,
    ShapeError,
)
from adjoint.explanation import sections
from adjoint.explanation.expression import parse
from adjoint.explanation.formulas import (
    Call,
    Negative,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    product,
    quotient,
)
from adjoint.explanation.notation import Latex, Text, number_text
from adjoint.explanation.tables import display_width, wrapped
from tests.sampling import every

pytestmark = pytest.mark.unit


def lecture(x1, x2):
    return ad.log(x1) + x1 * x2 - ad.sin(x2)


def lines_of(explanation, **options):
    return [" ".join(line.split()) for line in explanation.text(**options).splitlines()]


@pytest.fixture(scope="module")
def told():
    return ad.explain(lecture, 2.0, 5.0)


# What it says.


def test_the_value_and_the_gradient(told):
    assert told.value == pytest.approx(11.652, abs=5e-4)
    assert told.gradient == pytest.approx((5.5, 1.716), abs=5e-4)
    assert "y = lecture(x1, x2) at x1 = 2, x2 = 5" in str(told)


def test_the_gradient_has_the_structure_of_the_arguments():
    told = ad.explain(
        lambda p, x: p["w"] @ x[0] + p["b"], {"w": np.ones(3), "b": 2.0}, (np.ones(3),)
    )
    ours, theirs = told.gradient, ad.grad(told._call, (0, 1, 2))(2.0, np.ones(3), np.ones(3))
    assert ours[0]["b"] == theirs[0]
    assert np.array_equal(ours[0]["w"], theirs[1])
    assert np.array_equal(ours[1][0], theirs[2])
    assert told.names == ["p['b']", "p['w']", "x[0]"]


FUNCTIONS = {
    "a power": (lambda x: x**3, (2.0,)),
    "itself": (lambda x: x, (2.0,)),
    "a constant": (lambda x: ad.asarray(3.0), (2.0,)),
    "an unused input": (lambda x, y: ad.exp(x), (2.0, 3.0)),
    "one input twice": (lambda x: x * x * x, (2.0,)),
    "a product of many": (lambda x, y: x * y * x * y + x, (2.0, 3.0)),
    "a choice": (lambda x, y: ad.maximum(x, y) + ad.where(x > y, x, y * y), (2.0, 3.0)),
    "an if": (lambda x: x * 2 if x > 1 else x * 3, (2.0,)),
    "a loop": (lambda x: sum((x**i for i in range(4)), start=x), (2.0,)),
    "a constant part": (lambda x: ad.sin(ad.asarray(2.0)) * x, (2.0,)),
    "a rounded part": (lambda x: ad.floor(x) * x, (2.5,)),
    "abs and sqrt": (lambda x: ad.sqrt(ad.abs(x)) / x, (-2.0,)),
    "an array": (lambda x: ad.sum(x * x), (np.arange(3.0),)),
    "a matrix": (lambda a, b: ad.sum(a @ b * 2), (np.ones((2, 3)), np.ones((3, 2)))),
    "indices": (lambda x: x[0] * x[1], (np.arange(1.0, 3.0),)),
    "reshapes": (lambda x: ad.sum(x.reshape(2, 3).T[0] ** 2), (np.arange(6.0),)),
    "broadcasting": (lambda x, y: ad.mean(x + y), (np.ones((2, 3)), np.ones(3))),
    "single precision": (lambda x: x * x, (np.float32(1.5),)),
    "a softmax": (lambda x: -ad.log_softmax(x)[1], (np.arange(3.0),)),
}


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_trace_agrees_with_the_library_and_all_forms_can_be_written(name, order):
    f, args = FUNCTIONS[name]
    told = ad.explain(f, *args, order=order)
    for found, wanted in zip(told.gradient, ad.grad(f, range(len(args)))(*args), strict=True):
        np.testing.assert_allclose(found, np.asarray(wanted), rtol=1e-12)
    text = told.text()
    assert "differs by" not in text
    assert f"∂{told.result}/∂" in text
    assert told.markdown().startswith("# ")
    assert told.latex().endswith("\\end{document}\n")


@pytest.mark.parametrize("name", every(4, FUNCTIONS))
def test_the_picture_is_svg(name):
    f, args = FUNCTIONS[name]
    ElementTree.fromstring(ad.explain(f, *args).svg())


@pytest.mark.parametrize("number", [0, 1])
def test_forward_mode_agrees_with_jvp(number, told):
    tangents = told.trace.tangent_trace(number)
    seeds = tuple(float(i == number) for i in range(2))
    _, wanted = ad.jvp(lecture, (2.0, 5.0), seeds)
    assert float(tangents[-1].value) == pytest.approx(float(wanted), rel=1e-15)


def test_the_dictionary_is_the_librarys(told):
    """The walk told step by step finds the partial adjoints that `adjoints` finds."""
    v1, v2 = ad.variable(2.0), ad.variable(5.0)
    found = ad.adjoints(lecture(v1, v2))
    for x, step in zip((v1, v2), reversed(told.trace.sweeps[0].steps), strict=False):
        wanted = sorted(float(partial) for _, partial in found[x].partials)
        assert sorted(float(told.trace.value(p.node)) for p in step.received) == wanted


def test_the_numbers_of_the_nodes_are_a_topological_order(told):
    order = [ad.Tensor(entry.node) for entry in told.trace.entries]
    assert ad.is_topological_order(order)


def test_every_node_appended_comes_after_what_it_uses():
    told = ad.explain(lecture, 2.0, 5.0, order=3)
    seen = set()
    for node in told.trace.numbering.entries:
        inside = [n for n in node.inputs if n in told.trace.numbering.entries]
        assert seen.issuperset(inside)
        seen.add(node)


def test_second_derivatives_are_those_of_hessian():
    told = ad.explain(lecture, 2.0, 5.0, order=2)
    rows = [told.trace.gradient(sweep) for sweep in told.trace.sweeps[1:]]
    wanted = ad.hessian(lambda x: lecture(x[0], x[1]))(np.array([2.0, 5.0]))
    np.testing.assert_allclose(np.array(rows), np.asarray(wanted), rtol=1e-14, atol=1e-14)


def test_long_values_show_their_shapes():
    told = ad.explain(lambda w: ad.sum(ad.tanh(w)), np.zeros((7, 8)))
    assert "v2 = tanh v1 = float64[7,8]" in lines_of(told)
    assert "v̇1 = all ones = float64[7,8]" in lines_of(told)


def test_what_does_not_depend_on_an_input_is_a_number():
    told = ad.explain(lambda x: x * ad.sqrt(ad.asarray(4.0)) + 1, 3.0)
    assert "v2 = 2 v1 = 6" in lines_of(told)
    assert "v3 = v2 + 1 = 7" in lines_of(told)


def test_names():
    assert ad.explain(lambda a, b: a * b, 1.0, 2.0).names == ["a", "b"]
    assert ad.explain(lambda *xs: xs[0] * xs[1], 1.0, 2.0).names == ["x1", "x2"]
    assert ad.explain(lecture, 2.0, 5.0, names=["p", "q"]).names == ["p", "q"]
    assert ad.explain(lambda t: t[0] * t[1], (1.0, 2.0), names=["p"]).names == ["p[0]", "p[1]"]
    assert ad.explain(lambda t: t[0] * t[1], (1.0, 2.0), names=["p", "q"]).names == ["p", "q"]
    assert str(ad.explain(lambda y: y * y, 2.0)).startswith("f = g(y) at y = 2")


def test_precision_and_width(told):
    assert "v3 = ln v1 = 0.69314718" in lines_of(told, precision=8)
    for width in (40, 60, 80, 200):
        text = told.text(width=width)
        assert max(display_width(line) for line in text.splitlines()) <= max(width, 80)
    assert max(map(display_width, told.text(width=60).splitlines())) <= 60


def test_kinks_and_points_outside_the_domain_are_reported_not_raised():
    assert "cannot be compared" in str(ad.explain(lambda x: ad.log(x), -1.0))
    assert "differs by" in str(ad.explain(lambda x: ad.where(x > 0, 1.0, 0.0) + x, 0.0))


@pytest.mark.parametrize(
    "f, point, order, node_by_node, right",
    [
        (lambda x: ad.abs(x) ** 2, 0.0, 2, "0", "2"),
        (lambda x: ad.sqrt(x * x), 0.0, 1, "nan", "0"),
        (lambda x: x * ad.log(x), 0.0, 1, "nan", "-inf"),
    ],
)
def test_where_nodes_together_are_smooth_both_derivatives_are_shown(
    f, point, order, node_by_node, right
):
    told = ad.explain(f, point, order=order)
    (section,) = re.findall(rf"{('The gradient', 'The second')[order - 1]}.*", str(told), re.DOTALL)
    assert re.search(rf"  ∂.*∂x +{node_by_node} +{right} .*node by node", section)
    assert "adjoint.gradient" in section
    assert "adjoint.gradient is right" in " ".join(section.split())
    assert told.gradient[0] == ad.grad(f)(point)
    smooth = ad.explain(lambda x: ad.abs(x) ** 2, 1.0, order=2)
    assert "adjoint.gradient" not in str(smooth)


def test_many_inputs_and_nodes_are_cut_short_and_it_says_so():
    def f(*xs):
        total = xs[0]
        for _ in range(210):
            total = ad.sin(total) * xs[1]
        return total + sum(xs)

    told = ad.explain(f, *np.linspace(0.1, 1, 9))
    text = str(told)
    assert "and 3 more forward passes" in text
    assert re.search(r"… \d+ more rows …", text)
    assert "more steps …" in text
    assert text.count("\n") < 12 * sections.ROWS
    with pytest.raises(RangeError, match="a picture of 439 nodes cannot be read"):
        told.svg()
    assert "<svg" not in told._repr_html_()
    assert told._repr_svg_() is None


def test_an_enormous_graph_is_refused():
    def f(x):
        for _ in range(30_000):
            x = x + 1.0
        return x

    with pytest.raises(RangeError, match=r"30,001 nodes|60,001 nodes"):
        ad.explain(f, 1.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.explain(3.0), ArgumentError, "explain: expected a function"),
        (lambda: ad.explain(lecture), ArgumentError, "there is no input"),
        (lambda: ad.explain(lecture, 2.0, 5.0, order=4), RangeError, "order=4"),
        (lambda: ad.explain(lecture, 2.0, 5.0, order=1.5), RangeError, "order=1.5"),
        (lambda: ad.explain(lecture, np.ones(2), 5.0), ShapeError, "explain: lecture returned"),
        (lambda: ad.explain(lecture, np.arange(2), 5.0), DTypeError, r"argument 0 \(x1\)"),
        (lambda: ad.explain(lambda x: None, 2.0), ArgumentError, "return statement"),
        (lambda: ad.explain(lecture, 2.0, 5.0, names=["a"] * 3), ArgumentError, "must differ"),
        (lambda: ad.explain(lecture, 2.0, 5.0, names=["a", "b", "c"]), ArgumentError, "3 names"),
        (lambda: ad.explain(lecture, 2.0, 5.0, names=["a", 3]), ArgumentError, "strings"),
    ],
)
def test_mistakes_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Notation.


def test_formulas_are_written_as_a_mathematician_writes_them():
    a, b, c = (Symbol(i) for i in (1, 2, 3))
    bar = Symbol(5, "bar")
    two = Number(np.array(2.0))
    sin = Call("sin", (a,))
    cases = {
        "v1 - (v2 + v3)": Sum((a, Negative(Sum((b, c))))),
        "v1 + (-2)": Sum((a, Number(np.array(-2.0)))),
        "(v1 + v2) v3": product(Sum((a, b)), c),
        "-v1 v2": product(a, Negative(b)),
        "2 v1 v2": product(a, product(b, two)),
        "v̄5 v2 / v1": product(bar, quotient(b, a)),
        "v̄5 / v1": product(bar, quotient(Number(np.array(1.0)), a)),
        "v1 / (v2 v3)": quotient(quotient(a, b), c),
        "sin(v1) v2": product(sin, b),
        "v2 sin v1": product(b, sin),
        "v2 / sin(v1)": quotient(b, sin),
        "sin(v1)^2": Power(sin, two),
        "(v1 v2)^2": Power(Product((a, b)), two),
        "sin(v1 + v2)": Call("sin", (Sum((a, b)),)),
        "√(v1 v2)": Call("sqrt", (product(a, b),)),
        "2 × (-3)": Product((two, Number(np.array(-3.0)))),
        "-3 × 2": Product((Number(np.array(-3.0)), two)),
        "-(-v1)": Negative(Negative(a)),
        "max(v1, v2)": Call("maximum", (a, b)),
        "v1 < v2": Call("less", (a, b)),
    }
    assert [Text(3)(term) for term in cases.values()] == list(cases)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (10.0, "10"),
        (-0.9589, "-0.959"),
        (1 / 3, "0.333"),
        (1e-9, "1e-09"),
        (123456789.0, "1.235e+08"),
        (np.inf, "inf"),
        (np.nan, "nan"),
        (True, "True"),
        (1 - 2j, "(1-2i)"),
        (np.array([1.0, 2.5]), "[1, 2.5]"),
        (np.ones((2, 2)), "float64[2,2]"),
        (np.ones(9, np.float32), "float32[9]"),
    ],
)
def test_numbers(value, text):
    assert number_text(value, 3) == text


def test_wrapping_counts_columns_not_characters():
    assert display_width("v̄2→5") == 4
    assert wrapped("v̄2 v̄3 v̄4", 6) == ["v̄2 v̄3", "v̄4"]
    assert wrapped("aaaaaaaaaa", 4) == ["aaaa", "aaaa", "aa"]
    assert wrapped("", 10) == [""]


# Files.


@pytest.mark.parametrize(
    ("suffix", "start"),
    [
        ("txt", b"y = lecture"),
        ("md", b"# y = lecture"),
        ("tex", rb"\documentclass"),
        ("html", b"<!DOCTYPE html>"),
        ("svg", b"<?xml"),
        ("png", b"\x89PNG"),
    ],
)
def test_save_writes_by_suffix(told, tmp_path, suffix, start):
    path = tmp_path / f"out.{suffix}"
    assert told.save(path) == path
    assert path.read_bytes().startswith(start)
    assert os.listdir(tmp_path) == [path.name]


def test_save_refuses_other_suffixes(told, tmp_path):
    with pytest.raises(ArgumentError, match=r"out.pdf' ends in '.pdf'; expected one of .txt"):
        told.save(tmp_path / "out.pdf")
    assert not os.listdir(tmp_path)


def test_the_same_explanation_gives_the_same_files(told):
    again = ad.explain(lecture, 2.0, 5.0)
    assert told.svg() == again.svg()
    assert told.png() == again.png()
    assert told.html() == again.html()


def test_the_picture_has_two_colours_and_every_adjoint(told):
    from adjoint.explanation import drawing

    picture = drawing._picture(told.trace, told.names, told.result)
    assert len(picture.forward) == 7
    assert len(picture.adjoint) == 7 + 4  # four partial adjoints where pathways meet
    drawing._arrange(picture)
    cards = [*picture.forward, *picture.adjoint]
    for i, a in enumerate(cards):
        for b in cards[:i]:
            apart_x = abs(a.x - b.x) >= (a.width + b.width) / 2
            apart_y = abs(a.y - b.y) >= (a.height + b.height) / 2
            assert apart_x or apart_y, (a.formula, b.formula)
    svg = told.svg()
    assert all(colour in svg for colour in (*drawing.FILL.values(), *drawing.EDGE.values()))


def test_jupyter_shows_tables_and_the_picture(told):
    page = told._repr_html_()
    assert "<svg" in page and "<?xml" not in page
    assert "<td>v4</td><td>v1 v2</td><td>10</td>" in page
    escaped = ad.explain(lambda x: x * 1.0, 2.0, names=["<b>"])._repr_html_()
    assert "<b>" not in escaped and "&lt;b&gt;" in escaped


def test_markdown_tables_have_as_many_cells_as_headers():
    told = ad.explain(lambda x: ad.abs(x) * x, -2.0, order=2)
    for line in told.markdown().splitlines():
        if line.startswith("| "):
            cells = re.split(r"(?<!\\)\|", line)
            assert len(cells) in (5, 6, 7)
    assert r"\|v1\|" in told.markdown()


@pytest.mark.parametrize("name", every(4, FUNCTIONS))
def test_every_latex_formula_can_be_parsed(name):
    from matplotlib.mathtext import MathTextParser

    parser, (f, args) = MathTextParser("path"), FUNCTIONS[name]
    for formula in set(re.findall(r"\$.+?\$", ad.explain(f, *args, order=2).latex())):
        parser.parse(formula)


def test_latex_words_are_escaped():
    text = ad.explain(lambda x: x * 1.0, 2.0, names=["a_b%"]).latex(whole=False)
    assert r"\section*{y = f(a\_b\%) at a\_b\% = 2}" in text
    assert Latex(3)(Number(np.array(1.5e-9))) == r"1.5 \times 10^{-9}"


def test_without_matplotlib_pictures_say_what_to_install_and_the_rest_works(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import adjoint as ad\n"
        "e = ad.explain(lambda x: x * x, 2.0)\n"
        "assert '<svg' not in e._repr_html_() and e._repr_svg_() is None\n"
        "try: e.svg()\n"
        "except ad.explain.__globals__['AdjointError'] as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "adjoint[plot]"' in done.stdout


def test_explain_is_a_function_whatever_was_imported_before():
    code = (
        "import adjoint.explanation.tables, adjoint.cli.explain, adjoint as ad\n"
        "assert callable(ad.explain) and 'explain' in dir(ad)\n"
        "assert 'matplotlib' not in __import__('sys').modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_adjoint_does_not_import_the_explanation():
    code = "import sys, adjoint; assert not any('explanation' in m for m in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# Writing files.


def test_a_formula_can_be_explained_too():
    f = parse("x^2")
    assert "y = x^2 at x = 3" in str(ad.explain(f, 3.0, names=f.names))
