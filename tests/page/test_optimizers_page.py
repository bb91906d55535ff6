"""The page of optimisers: its paths are those of the library, with the library's derivatives."""

from __future__ import annotations

import json

import numpy as np
import pytest

import adjoint as ad
from adjoint.cli import main
from adjoint.explanation.expression import parse
from adjoint.explanation.page.optimizers import SURFACES

pytestmark = pytest.mark.unit

OPTIMIZERS = {
    "gradient": ad.optim.sgd,
    "momentum": ad.optim.momentum,
    "newton": ad.optim.newton,
    "adahessian": ad.optim.adahessian,
}


def library_path(formula, name, rate, start, steps):
    """The points that an optimiser of the library visits."""
    f = parse(formula, ("x", "y"))

    def loss(w):
        return f(w["x"], w["y"])

    optimizer = OPTIMIZERS[name](rate)
    w = {"x": float(start[0]), "y": float(start[1])}
    state, path = optimizer.init(w), [list(start)]
    for _ in range(steps):
        updates, state = optimizer.update(ad.grad(loss)(w), state, w, loss=loss)
        w, state = ad.evaluate((ad.optim.apply_updates(w, updates), state))
        path.append([float(w["x"]), float(w["y"])])
    return np.array(path)


def test_paths_are_those_of_the_library(browser, tmp_path):
    path = tmp_path / "descent.html"
    assert main(["optimizers", str(path)]) == 0
    browser.open(path.as_uri())
    for number, surface in enumerate(SURFACES):
        browser.js(f"adjointPage.choose({number})")
        for name in OPTIMIZERS:
            rate = surface["rates"][name]
            shown = browser.js(
                f"adjointPage.descend(adjointPage.surface, {surface['start']}, '{name}', {rate}, 6,"
                " adjointPage.signs)"
            )
            expected = library_path(surface["formula"], name, rate, surface["start"], 6)
            count = len(shown)  # a method that has arrived stops
            np.testing.assert_allclose(shown, expected[:count], rtol=1e-7, atol=1e-9)
            np.testing.assert_allclose(
                expected[count:], np.tile(shown[-1], (7 - count, 1)), atol=1e-9
            )
    assert browser.complaints == []


def test_newton_arrives_at_once_and_sliders_change_the_paths(browser, tmp_path):
    path = tmp_path / "descent.html"
    assert main(["optimizers", str(path)]) == 0
    browser.open(path.as_uri())
    cells = "[...r.children].map(c => c.textContent)"
    rows = f"[...document.querySelectorAll('tbody tr')].map(r => {cells})"
    shown = {row[0]: row[1:] for row in browser.js(rows)}
    assert shown["Newton"] == ["1", "0", "0", "0"]
    before = "getComputedStyle(document.querySelector('tbody td'), '::before').content"
    assert browser.js(before) == "none"  # these are no equations
    assert "curvatures 20 and 2" in browser.js("adjointPage.here.textContent")
    browser.js(
        "(s => { s.value = s.max; s.dispatchEvent(new Event('input')); })"
        "(document.getElementById('rate-gradient'))"
    )
    assert browser.js(rows)[0][4] not in ("0", shown["Gradient descent"][3])  # it diverges now
    errors = browser.js("adjointPage.errors")
    best = [min(range(len(errors)), key=lambda k, c=c: errors[k][c]) for c in (1, 2)]
    steps = [errors[k][0] for k in best]
    assert -10 <= steps[0] <= -6 and -7 <= steps[1] <= -3  # the two ends of the V
    assert errors[0][1] > 1e-3 and errors[-1][1] > 1e-3
    for formula, message in [("x + z", "use the two names"), ("x +", "ends too early")]:
        browser.js(
            f"(f => {{ f.value = {json.dumps(formula)}; f.form.requestSubmit(); }})"
            "(document.getElementById('formula'))"
        )
        assert message in browser.js("adjointPage.problem.textContent")
    browser.js(
        "(f => { f.value = 'x^4 + y^2 + x*y'; f.form.requestSubmit(); })"
        "(document.getElementById('formula'))"
    )
    assert "Hessian (12, 1, 1, 2)" in browser.js("adjointPage.here.textContent")
    assert browser.complaints == []
