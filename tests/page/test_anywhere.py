"""The page wherever it is opened: hostile names, dark, narrow, printed, in a notebook, served."""

from __future__ import annotations

import html
import http.client
import json
import re
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import adjoint as ad
from adjoint.cli import main
from adjoint.cli.explain_server import Server, answer, serve
from adjoint.errors import ExpressionError
from adjoint.explanation.expression import parse
from adjoint.explanation.page.html import SCRIPTS, data_text, script_of

pytestmark = pytest.mark.unit

HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    '"><svg onload="window.hacked = 1">',
    "$\\href{javascript:window.hacked=1}{x}$",
    "[x](javascript:window.hacked=1)`*_|",
    "x\u2028y\u202e\x00&amp;",
]


def lecture():
    """The lecture's first example."""
    f = parse("log(x1) + x1*x2 - sin(x2)")
    return ad.explain(f, 2.0, 5.0, names=f.names)


@pytest.fixture(scope="module")
def hostile():
    """A function whose arguments have names that attack every format."""

    def f(*xs):
        return sum((ad.sin(x) for x in xs[1:]), ad.exp(xs[0]))

    return ad.explain(f, *np.linspace(0.1, 1, len(HOSTILE)), names=HOSTILE)


def test_names_of_users_are_text_and_nothing_else(shown, hostile):
    browser = shown(hostile)
    for phase in browser.js("adjointPage.phases.map(p => p.id)"):
        browser.js(f"adjointPage.go('{phase}', 99)")
        browser.js("[...document.querySelectorAll('.choice button')].forEach(b => b.click())")
        assert browser.js("window.hacked === undefined"), phase
        assert (
            browser.js("document.querySelectorAll('img, iframe, [onload], [onerror]').length") == 0
        )
    assert browser.js("document.querySelectorAll('script').length") == 2
    assert HOSTILE[1] in browser.js("document.getElementById('page').textContent")


def test_no_format_lets_names_through(hostile):
    e = hostile
    page = e.page()
    assert page.count("</script") == 2
    outside = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    for text in (outside, e._repr_html_()):
        assert "<img" not in text and "<svg onload" not in text
    markdown = e.markdown()
    assert "<img" not in re.sub(r"\\<", "", markdown)
    assert not re.search(r"(?<!\\)\]\(javascript", markdown)
    assert r"\href" not in e.latex().replace(r"\textbackslash{}href", "")
    assert json.loads(data_text({"a": HOSTILE})) == {"a": HOSTILE}
    assert not set("<>&\u2028") & set(data_text(HOSTILE))


def test_nothing_is_fetched_and_the_script_is_small():
    page = lecture().page()
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)
    addresses = set(re.findall(r"https?://[^\"'\s<]+", page))
    assert addresses == {"http://www.w3.org/1998/Math/MathML", "http://www.w3.org/2000/svg"}
    assert len(script_of(SCRIPTS).encode()) < 60_000
    function = ad.explain(lambda x: x * x, 2.0).page()
    assert "class Graph" in page and "class Graph" not in function  # it reads no other formula
    assert len(page.encode()) < 150_000


CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")


WITHIN = "[...document.querySelectorAll('.card')].every(c => c.scrollWidth <= c.clientWidth + 1)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_dark_and_on_a_phone(shown, browser, scheme):
    try:
        for width in (1400, 320):
            shown(lecture(), "forward-1")
            browser.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
            browser.size(width, 800)
            for phase in browser.js("adjointPage.phases.map(p => p.id)"):
                browser.js(f"adjointPage.go('{phase}', 99)")
                assert browser.js("document.documentElement.scrollWidth") <= width, phase
                assert browser.js(WITHIN), phase
                ratio, where = browser.js(CONTRAST)
                assert ratio >= 4.5, (scheme, phase, where)
            behind = browser.js("getComputedStyle(document.documentElement).backgroundColor")
            assert (sum(map(int, re.findall(r"\d+", behind)[:3])) < 200) == (scheme == "dark")
    finally:
        browser.media()
        browser.size(1400)


def test_printed_it_shows_the_tables_and_with_reduced_motion_nothing_moves(shown):
    browser = shown(lecture())
    visible = "document.getElementById('{}').checkVisibility()"
    assert browser.js(visible.format("page")) and not browser.js(visible.format("written"))
    browser.media("print")
    assert browser.js(visible.format("written")) and not browser.js(visible.format("page"))
    browser.media(prefers_reduced_motion="reduce")
    durations = browser.js(
        "[...document.querySelectorAll('.card')].map(c => getComputedStyle(c).transitionDuration)"
    )
    assert set(durations) == {"0s"}
    browser.media()


def test_every_control_has_a_name_and_the_step_is_announced(shown):
    browser = shown(lecture(), "extend-5")
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    controls = [
        n
        for n in nodes
        if n["role"]["value"] in ("button", "slider", "textbox", "checkbox", "spinbutton")
    ]
    assert len(controls) > 15
    assert all(n["name"]["value"] for n in controls if not n.get("ignored"))
    assert browser.js("document.querySelector('.now').getAttribute('aria-live')") == "polite"
    assert browser.js("document.documentElement.lang") == "en"
    rows = browser.js("[...document.querySelectorAll('#page th')].every(t => t.scope)")
    assert rows


def test_without_scripts_the_tables_are_there(browser, tmp_path):
    path = tmp_path / "still.html"
    path.write_text(lecture().page(), "utf-8")
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.send("Page.navigate", url=path.as_uri())
        until = 200
        while "v̄2→5" not in browser.js("document.body ? document.body.innerText : ''") and until:
            until -= 1
        text = browser.js("document.getElementById('written').innerText")
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)
    assert "Reverse mode: adjoints" in text and "1.716" in text


HEAD = '<!DOCTYPE html><meta charset="utf-8">'


def test_in_a_notebook_the_page_runs_in_a_frame_of_its_own(browser, tmp_path):
    e = lecture()
    shown = e._repr_html_()
    assert html.escape(e.page()) in shown
    path = tmp_path / "notebook.html"
    path.write_text(f"{HEAD}<style>.card {{ display: none }}</style>{shown}", "utf-8")
    browser.open(path.as_uri())
    frame = browser.js("document.querySelector('iframe').getAttribute('sandbox')")
    assert frame == "allow-scripts"
    assert browser.js("document.querySelector('iframe').contentDocument") is None  # another origin
    assert browser.js("document.querySelector('details').textContent.includes('1.716')")
    step = "adjointPage.go('reverse', 7), adjointPage.spoken(adjointPage.say)"
    assert browser.in_frame(step).endswith("= 1.716")
    assert browser.complaints == []


def spent(browser):
    """Seconds that the page has computed."""
    metrics = browser.send("Performance.getMetrics")["metrics"]
    return next(m["value"] for m in metrics if m["name"] == "TaskDuration")


def test_a_large_graph_is_folded_and_steps_stay_fast(shown):
    def deep(x, w):
        for _ in range(100):
            x = ad.sin(x) * w + 0.1
        return x

    browser = shown(ad.explain(deep, 0.3, 1.1), "reverse-100")
    moved = "new MutationObserver((m) => { window.moved += m.length; })"
    browser.js(
        f"window.moved = 0, {moved}.observe(document.querySelector('.side tbody'),"
        " { childList: true }), adjointPage.to(adjointPage.step + 1)"
    )
    assert 0 < browser.js("window.moved") <= 3  # the rows that stay are not touched
    assert browser.js("adjointPage.model.count") == 302
    cards = browser.js("document.querySelectorAll('.card').length")
    assert cards < 40
    browser.js("document.querySelector('.card.group').click()")
    assert browser.js("document.querySelectorAll('.card').length") == cards + 11
    browser.send("Performance.enable", timeDomain="threadTicks")  # not of other programs
    before = spent(browser)
    browser.js(
        "for (let k = 0; k < 40; k++) { adjointPage.to(adjointPage.step + 1);"
        " adjointPage.root.getBoundingClientRect(); }"
    )
    assert (spent(browser) - before) / 40 < 0.05
    browser.send("Performance.disable")
    assert browser.js("document.querySelectorAll('.side tbody tr').length") < 60


def test_matrices_show_shapes_on_edges_and_in_products(shown):
    def loss(w1, w2, x, y):
        return ad.mean((ad.tanh(x @ w1) @ w2 - y) ** 2)

    rng = np.random.default_rng(0)
    shapes = [(3, 4), (4, 2), (5, 3), (5, 2)]
    e = ad.explain(loss, *[rng.normal(size=shape) for shape in shapes])
    browser = shown(e, "reverse-1")
    said = browser.js(
        "adjointPage.phase.steps.map((s, k) =>"
        " (adjointPage.to(k), adjointPage.spoken(adjointPage.say)))"
    )
    assert "v̄3 = v̄5 ∂v5/∂v3 = v̄5 v1^T = (5×4) (4×3) = 5×3" in said
    labels = browser.js(
        "[...document.querySelectorAll('.edge-label .shape')].map(s => s.textContent)"
    )
    assert {"3×4", "4×2", "5×3", "5×2", "5×4"} <= set(labels)
    browser.js(f"adjointPage.to({next(k for k, s in enumerate(said) if s.startswith('v̄1 ='))})")
    numbers = browser.js("[...document.querySelectorAll('.why mtd')].map(adjointPage.spoken)")
    gradient = np.asarray(e.gradient[0])
    assert np.allclose([float(x) for x in numbers], gradient.ravel(), atol=6e-4)
    assert browser.js("document.querySelector('.inputs').innerText.trim()").startswith(
        "The values are"
    )


def test_a_graph_that_depends_on_values_cannot_be_moved(shown):
    def f(x):
        return x * x if float(ad.stop_gradient(x)) > 0 else -x

    browser = shown(ad.explain(f, 2.0))
    assert browser.js("document.querySelectorAll('.slider').length") == 0
    assert "left out: ConcretizationError" in browser.js(
        "document.querySelector('.notes').textContent"
    )
    assert "another input may take another way" in browser.js(
        "document.querySelector('.inputs').textContent"
    )


@pytest.fixture
def server():
    """A running server of the lecture's page."""
    with Server(lecture(), 0) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def test_a_served_page_lets_the_library_explain(browser, server):
    assert server.server_address[0] == "127.0.0.1"
    browser.open(server.address)
    change = (
        "(f => {{ f.value = '{}'; f.form.requestSubmit(); }})(document.getElementById('formula'))"
    )
    wait = "new Promise(d => {{ const t = setInterval(() => {} && d(clearInterval(t)), 10); }})"
    browser.js(change.format("gamma(x1) * x2"))
    browser.js(wait.format("adjointPage.model.formula === 'gamma(x1) * x2'"))
    assert browser.js("adjointPage.model.program !== undefined")
    assert (
        browser.js("adjointPage.model.live") is False
    )  # the page has no gamma, and shows what it got
    browser.js(change.format("2 x1"))
    browser.js(wait.format("adjointPage.problem.textContent"))
    assert "'x1' follows '2' without an operation" in browser.js("adjointPage.problem.textContent")
    assert [c for c in browser.complaints if "400" not in c] == []


def test_the_server_answers_only_its_own_page(server):
    port = server.server_address[1]

    def ask(method="POST", path="/", body=b'{"formula": "x^2", "values": {"x": 3}}', **headers):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request(method, path, body, headers)
            found = connection.getresponse()
            return found.status, json.loads(found.read())

    status, model = ask()
    assert status == 200 and model["nodes"][-1]["v"] is not None and model["names"] == ["x"]
    assert ask(Host="evil.example")[0] == 403
    assert ask(Origin="http://evil.example")[0] == 403
    assert ask(Origin=f"http://localhost:{port}")[0] == 200
    assert ask("GET", "/etc/passwd", None)[0] == 404
    assert ask(body=b"x" * 30_000)[0] == 413
    for body in (
        b"not json",
        b"[]",
        b'{"formula": "import os"}',
        b'{"formula": "x", "values": {"x": "1"}}',
    ):
        assert ask(body=body)[0] == 400, body
    assert ask(body=b"[" * 10_000)[0] == 400


def test_serving_ends_with_an_interrupt_and_says_which_port_is_taken(server, monkeypatch, capsys):
    with pytest.raises(
        ExpressionError, match=r"cannot listen on 127\.0\.0\.1: .*give another port"
    ):
        serve(lecture(), server.server_address[1])

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "serve_forever", interrupted)
    words = ["explain", "x^2", "x=3", "--serve"]
    assert main(words) == 0
    assert re.match(r"The page is at http://127\.0\.0\.1:\d+/ ", capsys.readouterr().err)
    assert main([*words, "70000"]) == 2


def test_questions_without_an_answer_say_why():
    for question, message in [
        (None, "has no formula"),
        ({"formula": "3 + 4"}, "no variables"),
        ({"formula": "x", "values": {"x": True}}, "must be a number, got True"),
    ]:
        with pytest.raises(ExpressionError, match=message):
            answer(question)


def test_the_scripts_are_part_of_the_package():
    import adjoint.explanation.page as package

    assets = Path(package.__file__).parent / "assets"
    assert {p.name for p in assets.iterdir()} >= {*SCRIPTS, "page.css", "descent.js"}
