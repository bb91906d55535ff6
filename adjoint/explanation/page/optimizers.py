"""The page of the lecture's last figure: optimisers descending, and finite differences failing."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.explanation.expression import Expression, parse
from adjoint.explanation.page.html import page
from adjoint.explanation.page.language import language
from adjoint.explanation.page.model import model_of
from adjoint.explanation.places import Places, located
from adjoint.explanation.trace import Trace
from adjoint.graph.tensor import as_tensor
from adjoint.optim.second_order import rademacher

SCRIPTS = ("values.js", "terms.js", "engine.js", "descent.js")

SURFACES: tuple[dict[str, Any], ...] = (
    {
        "formula": "10*x^2 + y^2",
        "start": [1.0, 10.0],
        "view": [[-1.6, 1.6], [-3.5, 11.5]],
        "rates": {
            "gradient": 0.095,
            "momentum": 0.03,
            "newton": 1.0,
            "adahessian": 1.0,
            "exact": 1.0,
        },
    },
    {
        "formula": "(1 - x)^2 + 100*(y - x^2)^2",
        "start": [-1.2, 1.0],
        "view": [[-1.8, 1.8], [-0.8, 2.4]],
        "rates": {
            "gradient": 0.0018,
            "momentum": 0.0006,
            "newton": 1.0,
            "adahessian": 0.15,
            "exact": 0.15,
        },
    },
)
"""The functions to choose from: the lecture's, and the valley of Rosenbrock."""

STUDY: dict[str, Any] = {"formula": "log(x) + x*y - sin(y)", "start": [2.0, 5.0]}
"""What finite differences are shown for: the lecture's first example."""

SIGNS = 300
"""So many random signs of AdaHessian are the library's own; then they begin again."""


def optimizers_page() -> str:
    """A page on which gradient descent, momentum, Newton's method and AdaHessian descend."""
    written = (
        "<p>This page needs its script: it computes the paths of the optimisers while you move "
        "their learning rates.</p>"
    )
    return page("Descending with first and second derivatives", page_data(), written, SCRIPTS)


def page_data() -> dict[str, Any]:
    """The graphs of the functions with their derivatives, and the signs AdaHessian draws."""
    surfaces = [{**surface, "model": _model(parse(surface["formula"]))} for surface in SURFACES]
    study = {**STUDY, "model": _model(parse(STUDY["formula"]))}
    return {"surfaces": surfaces, "study": study, "signs": _signs(), "language": language()}


def _model(f: Expression) -> dict[str, Any]:
    places = Places()
    variables = Trace.open([as_tensor(1.0), as_tensor(1.0)], f.names)
    with located(f, places) as noted:
        trace = Trace(noted, variables, variables)
    trace.reverse_trace()
    return {**model_of(trace, f.names, "f", places), "formula": f.source, "live": True}


def _signs() -> str:
    """For each step whether the two signs agree, which is all that an estimate z ⊙ H z tells."""
    drawn = [rademacher({"x": 0.0, "y": 0.0}, 0, step) for step in range(SIGNS)]
    products = [float(np.asarray(z["x"]) * np.asarray(z["y"])) for z in drawn]
    return "".join("+" if product > 0 else "-" for product in products)
