"""Which special functions and distributions have which derivatives, found out by asking.

``python -m tests.scipy.derivative_table`` writes the tables into docs/guide/special.md.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.special

import adjoint as ad
from adjoint.errors import ArgumentError, NotDifferentiableError
from adjoint.scipy import special, stats
from adjoint.scipy.stats.discrete import Discrete
from adjoint.scipy.stats.distribution import Continuous

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "guide" / "special.md"
SEVERAL = {"logsumexp", "softmax", "log_softmax"}
"""Functions of several elements, which have no row."""

VALUES: dict[str, Any] = {"n": 2, "k": 1, "N": 5.0, "d": 2, "v": 1.3}
"""Where an argument of this name is asked; others at 0.4."""
OTHERS: dict[str, dict[str, Any]] = {
    "zeta": {"x": 2.5, "q": 0.7},
    "zetac": {"x": 2.5},
    "lpmv": {"m": 1, "v": 2},
    "multigammaln": {"a": 2.6},
    "ndtri_exp": {"x": -0.4},
    "binom": {"n": 5.0, "k": 2.0},
    "factorial": {"n": 2.0},
    "smirnov": {"d": 0.3},
    "sph_harm_y": {"n": 2, "m": 1},
    "bdtr": {"n": 3}, "bdtrc": {"n": 3}, "bdtri": {"n": 3},
    "nbdtr": {"n": 3}, "nbdtrc": {"n": 3}, "nbdtri": {"n": 3},
    "hyperu": {"a": 0.6, "b": 1.4},
    "gdtria": {"p": 0.3},
    "ellipj": {"u": 0.6},
    "huber": {"r": 0.9},
    "kl_div": {"y": 0.7},
    "nrdtrisd": {"p": 0.7, "x": 0.9},
    "chdtr": {"v": 1.3}, "chdtrc": {"v": 1.3}, "chdtri": {"v": 1.3},
}  # fmt: skip
DEFAULTS = {"q": 0.3}
ARGUMENTS = {"sph_harm_y": ("n", "m", "theta", "phi"), "zeta": ("x", "q"), "softplus": ("x",)}


def arguments(name: str) -> tuple[str, ...]:
    """The names of the arguments that say where a function is taken."""
    if name in ARGUMENTS:
        return ARGUMENTS[name]
    function = getattr(special, name)
    told = re.search(r"Elementwise; ([\w, ]+) may be tensors", function.__doc__ or "")
    if told:
        return tuple(told[1].split(", "))
    parameters = inspect.signature(function).parameters.values()
    return tuple(p.name for p in parameters if p.default is p.empty)


def place(name: str) -> list[Any]:
    """Where a function is asked."""
    values = {**VALUES, **DEFAULTS, **OTHERS.get(name, {})}
    return [values.get(argument, 0.4) for argument in arguments(name)]


def number(result: Any) -> Any:
    """One real number of a result."""
    if isinstance(result, tuple):
        return sum(number(part) for part in result)
    return ad.sum(ad.real(result) + ad.imag(result)) if result.dtype.kind == "c" else ad.sum(result)


def alone(function: Callable[..., Any], at: list[Any], i: int) -> Callable[[Any], Any]:
    """The function as one of its i-th argument."""
    return lambda x: number(function(*at[:i], x, *at[i + 1 :]))


def known(f: Callable[[Any], Any], x: Any) -> bool:
    """Whether the derivative of f at x is known."""
    try:
        float(ad.grad(f)(float(x)))
    except (NotDifferentiableError, ArgumentError):
        return False
    return True


def derivable(f: Callable[[Any], Any], x: Any) -> bool:
    """The same, and f has no steps there."""
    return known(f, x) and float(ad.grad(f)(float(x))) != 0


def special_rows() -> list[str]:
    rows = []
    for name in sorted(set(special.__all__) - SEVERAL, key=str.lower):
        function, names, at = getattr(special, name), arguments(name), place(name)
        found = [derivable(alone(function, at, i), x) for i, x in enumerate(at)]
        yes = [a for a, k in zip(names, found, strict=True) if k]
        no = [a for a, k in zip(names, found, strict=True) if not k]
        rows.append(f"| `{name}` | {' '.join(yes)} | {' '.join(no)} | {complex_too(name, at)} |")
    return rows


def complex_too(name: str, at: list[Any]) -> str:
    """Whether the last argument may be complex, as in SciPy."""
    at = [*at[:-1], complex(at[-1], 0.1)]
    try:
        theirs = getattr(scipy.special, name)(*at)
        ours = getattr(special, name)(*at)
        ad.jvp(lambda z: number(getattr(special, name)(*at[:-1], z)), (at[-1],), (1 + 0j,))
    except (ad.errors.AdjointError, TypeError, ValueError):
        return ""
    return "yes" if np.allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-10) else ""


SHAPES: dict[str, tuple[Any, ...]] = {
    "beta": (1.6, 2.4), "f": (3.2, 5.1), "truncnorm": (-0.6, 1.9), "binom": (5, 0.4),
    "nbinom": (2.7, 0.4), "t": (3.5,), "crystalball": (0.4, 2.8), "loguniform": (0.3, 2.0),
}  # fmt: skip
METHODS = ("pdf", "logpdf", "pmf", "logpmf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf")


def shapes(distribution: Any) -> tuple[Any, ...]:
    return SHAPES.get(distribution.name, (0.4,) * distribution.numargs)


def distributions() -> list[Any]:
    found = [getattr(stats, name) for name in sorted(set(stats.__all__) - {"reciprocal"})]
    return [x for x in found if isinstance(x, (Continuous, Discrete))]


def variables(distribution: Any) -> list[tuple[str, int]]:
    """What a distribution may have derivatives by: the variable, shapes, loc and scale."""
    names = ["x" if isinstance(distribution, Continuous) else "k", *distribution.shapes]
    names += ["loc", "scale"] if isinstance(distribution, Continuous) else []
    return [(name, i) for i, name in enumerate(names)]


def point(distribution: Any) -> list[Any]:
    if isinstance(distribution, Discrete):
        return [1.0, *shapes(distribution)]
    x = {"pareto": 1.7, "levy_l": -0.6, "weibull_max": -0.6}.get(distribution.name, 0.6)
    return [x, *shapes(distribution), 0.1, 1.2]


def distribution_rows() -> list[str]:
    rows = []
    for distribution in distributions():
        at = point(distribution)
        by: dict[str, list[str]] = {}
        for method in METHODS:
            if hasattr(distribution, method):
                f = getattr(distribution, method)
                place = [0.3, *at[1:]] if method in ("ppf", "isf") else at
                names = [
                    name
                    for name, i in variables(distribution)
                    if known(alone(f, place, i), place[i])
                ]
                by.setdefault(" ".join(names), []).append(method)
        none = " ".join(by.pop("", []))
        for by_which, methods in by.items():
            rows.append(f"| `{distribution.name}` | {by_which} | {' '.join(methods)} | {none} |")
    return rows


def tables() -> dict[str, list[str]]:
    return {
        "special": [
            "| function | derivatives by | none by | complex |",
            "|---|---|---|---|",
            *special_rows(),
        ],
        "stats": [
            "| distribution | derivatives by | of | without |",
            "|---|---|---|---|",
            *distribution_rows(),
        ],
    }


def written(text: str, name: str) -> list[str]:
    """The lines of a table of the page."""
    begin, end = f"<!-- table {name} -->\n", f"<!-- end of {name} -->"
    return text.split(begin)[1].split(end)[0].strip().splitlines()


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in tables().items():
        old = "\n".join(written(text, name))
        begin, end = f"<!-- table {name} -->\n", f"<!-- end of {name} -->"
        new = "\n".join(lines)
        text = text.replace(f"{begin}\n{old}\n\n{end}", f"{begin}\n{new}\n\n{end}")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
