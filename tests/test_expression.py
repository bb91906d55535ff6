"""The formulas of the command line: mathematics is read, everything else is refused kindly."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import adjoint as ad
from adjoint.errors import AdjointError, ExpressionError
from adjoint.explanation import expression
from adjoint.explanation.expression import check_names, functions, parse, parse_assignments
from tests.counting import calls

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("1 + 2*3", 7),
        ("2*3 + 1", 7),
        ("8/4/2", 1),
        ("8 - 4 - 2", 2),
        ("2^3^2", 512),
        ("2**3**2", 512),
        ("-2^2", -4),
        ("(-2)^2", 4),
        ("2^-1", 0.5),
        ("--3", 3),
        ("+-+3", -3),
        ("2 * -3", -6),
        ("1.5e3 + .5 + 2.", 1502.5),
        ("pi", math.pi),
        ("π", math.pi),
        ("e", math.e),
        ("ln(e)", 1),
        ("max(1, 5, 3) - min(4, 2)", 3),
        ("abs(-3) + sqrt(16)", 7),
        ("pow(2, 5)", 32),
        ("4 × 3 − 6 ÷ 2 · 1", 9),
        ("((((1))))", 1),
        ("2e3", 2000),
    ],
)
def test_arithmetic_is_read_as_in_mathematics(formula, expected):
    assert float(parse(formula)()) == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(functions()))
def test_every_function_offered_can_be_differentiated(name):
    arguments = ", ".join(["x", "y"][: functions()[name]])
    f = parse(f"{name}({arguments})")
    value = f(*[ad.variable(v) for v in (0.4, 0.3)][: len(f.names)])
    assert math.isfinite(float(value)) or name in ("acosh", "arccosh")


@pytest.mark.parametrize("part", ["min(x, y)", "max(x, y, 3)", "sin(x)", "hypot(x, y)"])
def test_a_call_stands_where_it_is_written_up_to_its_parenthesis(part):
    f = parse(f"x + 2*{part}")
    assert [f.source[a:b] for a, b in f.places][-3:] == [part, f"2*{part}", f.source]


USUAL = "sin cos tan exp log ln sqrt tanh erf abs max min pow sinh asin arcsin atan2 log1p"


@pytest.mark.parametrize("name", USUAL.split())
def test_the_usual_functions_are_there(name):
    assert name in functions()


def test_names_come_in_order_of_appearance_or_as_given():
    assert parse("b*a + b*c").names == ("b", "a", "c")
    assert parse("b*a", ("a", "b")).names == ("a", "b")
    assert parse("α_1 * θ").names == ("α_1", "θ")


def test_equal_parts_are_one_node():
    y = parse("(exp(v1) + 1) * exp(v1)")(ad.variable(2.0))
    assert sum(t.node.op.name == "exp" for t in ad.topological_order(y)) == 1


def test_a_long_formula_needs_no_recursion():
    f = parse("+".join(["x"] * 4000))
    assert float(f(ad.variable(0.5))) == 2000


MALICIOUS = [
    "__import__('os').system('true')",
    "__import__(x)",
    "x.__class__",
    "x.real",
    "().__class__.__bases__[0]",
    "lambda: 0",
    "lambda x: x",
    "[x for x in (1, 2)]",
    "{x}",
    "f'{x}'",
    "'text'",
    '"text"',
    "(x := 3)",
    "x = 3",
    "x; y",
    "x\n.y",
    "print(x)",
    "eval(x)",
    "exec(x)",
    "open(x)",
    "getattr(x, y)",
    "x if y else z",
    "x and y",
    "not x",
    "x == y",
    "x < y",
    "x @ y",
    "x % y",
    "x // y",
    "x << 9",
    "~x",
    "x!",
    "0x10",
    "1_000",
    "1j",
    "...",
    "`x`",
    "$x",
    "x\0y",
    "x\\y",
    "ｅｖａｌ(x)",
    "x\u202ey",
    "𝐱 + 1",
    "ⅷ",
    "1٣",
    "import os",
    "yield x",
    "await x",
    "*x",
    "**x",
    "sin(*x)",
    "sin(x=1)",
    "sin",
    "sin()",
    "sin(,)",
    "sin(x,)",
    "sin(x, y)",
    "max(x)",
    "2x",
    "2 x",
    "x y",
    "x(2)",
    "2(x)",
    "(x)(y)",
    "x +",
    "* x",
    "(",
    ")",
    "()",
    "(x",
    "x)",
    "1,5*x",
    "1.2.3",
    "1e",
    "x²",
    "|x|",
    "",
    "   ",
]


@pytest.mark.parametrize("formula", MALICIOUS)
def test_anything_but_mathematics_is_refused(formula):
    with pytest.raises(ExpressionError):
        parse(formula)


@pytest.mark.parametrize("formula", MALICIOUS)
def test_a_refusal_says_where_and_what_to_do(formula):
    with pytest.raises(ExpressionError) as caught:
        parse(formula)
    what, _, caret, *cure = str(caught.value).split("\n")
    assert what.startswith("cannot read the formula: ")
    assert caret.strip() == "^"
    assert cure and all(cure)
    assert str(caught.value).isprintable() or "\n" in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "at", "cure"),
    [
        ("lgo(x) + 1", 0, "did you mean log?"),
        ("1 + 2 x", 6, "2*x"),
        ("sin x", 0, "write sin("),
        ("x^2 + y²", 7, "x^2"),
        ("1,5*x", 1, "1.5"),
        ("2 * (x + 1", 4, "add )"),
        ("x = 2", 2, "x1=2"),
    ],
)
def test_the_caret_points_at_the_mistake(formula, at, cure):
    with pytest.raises(ExpressionError) as caught:
        parse(formula)
    lines = str(caught.value).split("\n")
    assert lines[1] == f"  {formula}"
    assert lines[2] == "  " + " " * at + "^"
    assert cure in lines[3]


@pytest.mark.parametrize(
    "formula",
    [
        "(" * 100_000,
        "(" * 100_000 + "x" + ")" * 100_000,
        "(" * 4_000 + "x" + ")" * 4_000,
        "-" * 9_000 + "(" * 900,
        "x^" * 4_000 + "x",
        "sin(" * 2_000 + "x" + ")" * 2_000,
        "x+" * 100_000 + "x",
        "9" * 20_000,
    ],
)
def test_too_deep_or_too_long_is_refused_at_once(formula):
    def refuse():
        with pytest.raises(ExpressionError, match=r"levels of parentheses|characters"):
            parse(formula)

    assert calls(refuse) < 200_000


@pytest.mark.parametrize(
    "formula", ["9**9**9", "9^9^9^9^9", "9" * 5_000, "1e99999", "exp(exp(99))"]
)
def test_huge_numbers_neither_hang_nor_fail(formula):
    def evaluate():
        assert float(parse(formula)()) == math.inf

    assert calls(evaluate) < 100_000


def test_many_signs_are_one_sign():
    assert float(parse("-" * 8_001 + "3")()) == -3


def test_a_formula_must_be_text():
    with pytest.raises(ExpressionError, match="a formula is text, got int"):
        parse(3)


def test_names_not_allowed_are_refused_with_near_matches():
    with pytest.raises(ExpressionError, match=r"unknown name 'widht'(.|\n)*did you mean width\?"):
        parse("widht * 2", ("width",))


def test_assignments():
    assert parse_assignments(["x1=2", "x2 = -3e-1", "r=pi/2", "k=2^3"]) == {
        "x1": 2.0,
        "x2": -0.3,
        "r": math.pi / 2,
        "k": 8.0,
    }


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("2", "expected a value such as x1=2, got '2'"),
        ("x", "expected a value"),
        ("=2", "'' is not a name"),
        ("2=x", "'2' is not a name"),
        ("x y=2", "'x y' is not a name"),
        ("x=", "'' is not a number"),
        ("x=abc", "'abc' is not a number"),
        ("x=1=2", "is not a number"),
        ("x=inf", "'inf' is not a number"),
        ("x=nan", "'nan' is not a number"),
        ("x=1e999", "the value is inf; give a finite number"),
        ("x=log(-1)", "the value is nan"),
        ("x=__import__('os')", "is not a number"),
        ("sin=1", "sin is a function; choose another name"),
        ("pi=3", "pi is a constant"),
    ],
)
def test_a_wrong_assignment_is_named(pair, message):
    with pytest.raises(ExpressionError) as caught:
        parse_assignments([pair])
    assert message in str(caught.value)


def test_a_name_is_given_one_value():
    with pytest.raises(ExpressionError, match="x is given two values"):
        parse_assignments(["x=1", "x=2"])


def test_missing_and_superfluous_values_are_named():
    f = parse("x1 * x2")
    check_names(f, {"x1": 1.0, "x2": 2.0})
    with pytest.raises(ExpressionError, match=r"uses x2, which has no value; add x2=…$"):
        check_names(f, {"x1": 1.0})
    with pytest.raises(ExpressionError, match=r"uses x2.*is y2=5 meant for it\?"):
        check_names(f, {"x1": 1.0, "y2": 5.0})
    with pytest.raises(ExpressionError, match=r"z is given a value.*its names: x1, x2"):
        check_names(f, {"x1": 1.0, "x2": 2.0, "z": 3.0})


def test_the_reader_never_evaluates_python():
    source = Path(expression.__file__).read_text(encoding="utf-8")
    for word in ("eval(", "exec(", "compile(", "literal_eval", "import ast", "getattr("):
        assert word not in source.replace("re.compile(", "")


def test_no_random_text_escapes_with_another_error():
    import random

    rng = random.Random(0)
    letters = "xy12.+-*/^(),= sincoexplgπe²_'[]{}:;\n\t\0é"
    for _ in range(3_000):
        text = "".join(rng.choice(letters) for _ in range(rng.randrange(12)))
        try:
            f = parse(text)
        except ExpressionError:
            continue
        try:
            f(*[ad.variable(0.5) for _ in f.names])
        except AdjointError as error:
            pytest.fail(f"{text!r}: {error}")
