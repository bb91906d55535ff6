"""The interactive page in a real browser: every walk shows the lecture's numbers."""

from __future__ import annotations

import re

import pytest

import adjoint as ad
from adjoint.explanation.expression import parse

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def first():
    """The lecture's first example."""
    f = parse("log(x1) + x1*x2 - sin(x2)")
    return ad.explain(f, 2.0, 5.0, names=f.names)


@pytest.fixture(scope="module")
def second():
    """The example by which the lecture extends a graph."""
    f = parse("(exp(v1) + 1) * exp(v1)")
    return ad.explain(f, 0.5, names=f.names)


PLACE = "`${adjointPage.phase.id}-${adjointPage.step + 1}`"


def said(browser):
    """The line that tells the current step."""
    return browser.js("adjointPage.spoken(adjointPage.say)")


def all_said(browser, phase):
    """What every step of a phase says, walked through by the keyboard's way of stepping."""
    return browser.js(
        f"(() => {{ const p = adjointPage; p.go('{phase}', 0); return p.phase.steps.map((s, k) =>"
        " { p.to(k); return p.spoken(p.say); }); })()"
    )


def table(browser, number=0):
    """The rows of a table as text."""
    return browser.js(
        f"[...document.querySelectorAll('.side table')[{number}].querySelectorAll('tbody tr')]"
        ".map(r => [...r.children].map(adjointPage.spoken).join(' | '))"
    )


def test_the_walks_say_what_the_slides_say(shown, first):
    browser = shown(first)
    assert all_said(browser, "forward") == [
        "v1 = x1 = 2",
        "v2 = x2 = 5",
        "v3 = ln v1 = ln 2 = 0.693",
        "v4 = v1 v2 = 2 × 5 = 10",
        "v5 = sin v2 = sin 5 = -0.959",
        "v6 = v3 + v4 = 0.693 + 10 = 10.693",
        "v7 = v6 - v5 = 10.693 - (-0.959) = 11.652",
    ]
    assert all_said(browser, "tangent") == [
        "v̇1 = 1",
        "v̇2 = 0",
        "v̇3 = v̇1 / v1 = 1 / 2 = 0.5",
        "v̇4 = v̇1 v2 + v̇2 v1 = 1 × 5 + 0 × 2 = 5",
        "v̇5 = v̇2 cos v2 = 0 × cos 5 = 0",
        "v̇6 = v̇3 + v̇4 = 0.5 + 5 = 5.5",
        "v̇7 = v̇6 - v̇5 = 5.5 - 0 = 5.5",
    ]
    assert all_said(browser, "reverse") == [
        "v̄7 = 1",
        "v̄6 = v̄7 ∂v7/∂v6 = v̄7 = 1",
        "v̄5 = v̄7 ∂v7/∂v5 = -v̄7 = -1",
        "v̄4 = v̄6 ∂v6/∂v4 = v̄6 = 1",
        "v̄3 = v̄6 ∂v6/∂v3 = v̄6 = 1",
        "v̄2→5 = v̄5 ∂v5/∂v2 = v̄5 cos v2 = -1 × cos 5 = -0.284",
        "v̄2→4 = v̄4 ∂v4/∂v2 = v̄4 v1 = 1 × 2 = 2",
        "v̄2 = v̄2→5 + v̄2→4 = -0.284 + 2 = 1.716",
        "v̄1→4 = v̄4 ∂v4/∂v1 = v̄4 v2 = 1 × 5 = 5",
        "v̄1→3 = v̄3 ∂v3/∂v1 = v̄3 / v1 = 1 / 2 = 0.5",
        "v̄1 = v̄1→4 + v̄1→3 = 5 + 0.5 = 5.5",
    ]
    assert table(browser)[-2:] == ["∂y/∂x1 | v̄1 |  | 5.5", "∂y/∂x2 | v̄2 |  | 1.716"]
    signs = browser.js(
        "[...document.querySelector('.side tbody tr:last-child').children]"
        ".map(c => getComputedStyle(c, '::before').content)"
    )
    assert [sign.strip('"').strip() for sign in signs] == ["none", "=", "none", "="]


def test_forward_mode_stands_beside_reverse_mode_with_the_count_of_passes(shown, first):
    browser = shown(first, "tangent-7")
    captions = browser.js("[...document.querySelectorAll('caption')].map(c => c.textContent)")
    assert captions == ["Forward mode, pass 1 of 2", "Reverse mode, the only pass"]
    assert table(browser, 0)[-1] == "ẏ | v̇7 |  | 5.5"
    assert table(browser, 1)[-1] == "v̄1 | v̄1→4 + v̄1→3 | 5 + 0.5 | 5.5"
    browser.js("document.querySelectorAll('.choice button')[1].click()")
    browser.press("End")
    assert table(browser, 0)[-1] == "ẏ | v̇7 |  | 1.716"
    assert "pass 2 of 2" in browser.js("document.querySelector('caption').textContent")


def test_extending_the_graph_takes_the_nine_steps_of_the_lecture(shown, second):
    browser = shown(second, "extend-1")
    assert browser.js("adjointPage.phase.steps.length") == 9
    states, waiting = [], []
    for step in range(9):
        states.append(
            browser.js(
                "[...document.querySelectorAll('.dict > div')].map(d => adjointPage.spoken(d))"
            )
        )
        waiting.append(browser.js("document.querySelectorAll('.card.adjoint.waiting').length"))
        assert browser.js(PLACE) == f"extend-{step + 1}"
        browser.press("ArrowRight")
    assert states[3] == ["4v̄4", "3v̄3→4", "2v̄2→4"]
    assert states[5] == ["4v̄4", "3v̄3→4", "2v̄2→4v̄2→3"]
    assert states[8] == ["4v̄4", "3v̄3→4", "2v̄2→4v̄2→3", "1v̄1→2"]
    assert waiting == [5, 4, 3, 2, 2, 2, 1, 0, 0]  # each new node appears in its step
    assert table(browser) == [
        "v5 | 1 | v̄4 | 1",
        "v6 | v5 v2 | v̄3→4 | 1.649",
        "v7 | v5 v3 | v̄2→4 | 2.649",
        "v8 | v7 + v6 | v̄2 | 4.297",
        "v9 | v8 v2 | v̄1→2 | 7.085",
    ]


def test_the_result_is_differentiated_again(shown, first):
    browser = shown(first, "again-1")
    browser.press("End")
    assert [row.split(" | ")[3] for row in table(browser)[-2:]] == ["-0.25", "1"]
    browser.js("document.querySelectorAll('.choice button')[1].click()")
    browser.press("End")
    assert [row.split(" | ")[3] for row in table(browser)[-2:]] == ["1", "-0.959"]
    assert browser.js("document.querySelectorAll('.card.second').length") == 6


def test_the_optimised_graph_and_its_kernels_follow(shown, first):
    browser = shown(first, "program-3")
    assert said(browser) == "The schedule fuses them: 1 step moving 40 bytes."
    results = [row.rsplit(" | ", 1)[1] for row in table(browser)]
    assert [r for r in results if r] == ["y", "∂y/∂x1", "∂y/∂x2"]
    assert len(table(browser, 1)) == 1


def test_the_keyboard_alone_is_enough(shown, first):
    browser = shown(first, "forward-1")
    for key, expected in [
        ("ArrowRight", "forward-2"),
        ("End", "forward-7"),
        ("ArrowLeft", "forward-6"),
        ("3", "reverse-1"),
        ("Home", "reverse-1"),
        ("ArrowRight", "reverse-2"),
    ]:
        browser.press(key)
        assert browser.js(PLACE) == expected
    browser.js("new Promise(done => setTimeout(done, 500))")
    assert browser.js("location.hash") == "#reverse-2"  # for a link to this step
    browser.press(" ")
    assert browser.js("adjointPage.playing !== null")
    browser.press(" ")
    assert browser.js("adjointPage.playing === null")
    stops = set()
    for _ in range(40):
        browser.press("Tab")
        stops.add(
            browser.js(
                "(e => e.tagName + (e.id || e.getAttribute('aria-label') || ''))"
                "(document.activeElement)"
            )
        )
    for wanted in (
        "INPUTformula",
        "INPUTinput-1",
        "BUTTONStep forward",
        "INPUTStep",
        "INPUTpredict",
    ):
        assert wanted in stops
    assert any(re.match(r"DIVv3 = ln v1 = 0.693", stop) for stop in stops)  # the nodes of the graph


def test_a_node_its_row_its_formula_and_its_source_light_together(shown, first):
    browser = shown(first, "forward-7")
    point = browser.js(
        "(r => [r.x + 4, r.y + 4])(adjointPage.cards.get(4).element.getBoundingClientRect())"
    )
    browser.send("Input.dispatchMouseEvent", type="mouseMoved", x=point[0], y=point[1])
    lit = browser.js(
        "[...document.querySelectorAll('.lit')].map(e => e.tagName + ' ' + e.dataset.n)"
    )
    assert {"DIV 4", "TR 4", "SPAN 4", "msub 4"} <= set(lit)
    assert browser.js("document.querySelector('.code .lit').textContent") == "x1*x2"
    browser.js(
        "document.querySelector('.code [data-n=\"5\"]')"
        ".dispatchEvent(new Event('pointerover', {bubbles: true}))"
    )
    assert browser.js("adjointPage.cards.get(5).element.classList.contains('lit')")


def test_deep_links_open_a_step(shown, first):
    browser = shown(first, "reverse-4")
    assert said(browser) == "v̄4 = v̄6 ∂v6/∂v4 = v̄6 = 1"
    browser.js("location.hash = '#extend-16'; new Promise(done => setTimeout(done, 50))")
    assert said(browser) == "v̄1 = v̄1→4 + v̄1→3 = 5 + 0.5 = 5.5"
    for strange in ("#nothing-3", "#reverse-9999", "#reverse--1", "#%"):
        browser.js(f"location.hash = '{strange}'; new Promise(done => setTimeout(done, 20))")
    assert browser.js("adjointPage.phase.id") == "reverse"
