"""The pages of the gallery: `write` makes them, and the build of the documentation calls it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import adjoint as ad
from adjoint.explanation.expression import parse
from adjoint.explanation.page.optimizers import optimizers_page


def of_formula(source: str, **values: float) -> ad.Explanation:
    """The explanation of a formula at a point."""
    f = parse(source, tuple(values))
    return ad.explain(f, *values.values(), names=f.names)


def layer(w, x):
    """A layer of a network."""
    return ad.tanh(x @ w)


def loss(w1, w2, x, y):
    """The mean squared error of a network with two layers."""
    hidden = layer(w1, x)
    predicted = hidden @ w2
    return ad.mean((predicted - y) ** 2)


def network() -> ad.Explanation:
    """The derivatives by both weights, by the data, and by what was to be predicted."""
    random = np.random.default_rng(0)
    shapes = (3, 4), (4, 2), (5, 3), (5, 2)
    return ad.explain(loss, *[random.normal(size=shape).round(2) for shape in shapes])


def growth(rate, start):
    """Ten steps of logistic growth, as one loop that the graph holds as a node."""

    def step(x, _):
        return x + rate * x * (1 - x), None

    last, _ = ad.scan(step, start, length=10)
    return last


PAGES = {
    "lecture": lambda: of_formula("log(x1) + x1*x2 - sin(x2)", x1=2.0, x2=5.0),
    "extension": lambda: of_formula("(exp(v1) + 1) * exp(v1)", v1=0.5),
    "network": network,
    "second": lambda: of_formula("x^3 * exp(-y^2)", x=1.5, y=0.5),
    "scan": lambda: ad.explain(growth, 0.3, 0.1),
    "kink": lambda: of_formula("max(x, 0) + abs(x - y)", x=0.0, y=1.0),
}


def write(folder: Path) -> list[Path]:
    """Write all pages into a folder; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    found = [make().save(folder / f"{name}.html") for name, make in PAGES.items()]
    descent = folder / "optimizers.html"
    descent.write_text(optimizers_page(), "utf-8")
    return [*found, descent]
