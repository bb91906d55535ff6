"""How the error of finite differences depends on the step: truncation against rounding."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.api.arguments import check_callable
from adjoint.api.atomic_write import atomic_write
from adjoint.api.derivatives import vjp
from adjoint.api.differences import METHODS, Array, Differences
from adjoint.api.tree import flatten
from adjoint.errors import ArgumentError, MissingExtraError, RangeError, ShapeError


@dataclass(frozen=True)
class StepStudy:
    """Steps, and at each the relative error of both differences against reverse mode.

    Prints as a table; `plot` draws the V-shaped curves. `unit` is the rounding unit.
    """

    steps: Array
    forward: Array
    central: Array
    unit: float

    def best(self, method: str = "central") -> tuple[float, float]:
        """The step with the least error, and that error."""
        if method not in METHODS:
            raise ArgumentError(f"best: method={method!r}; give 'forward' or 'central'")
        errors: Array = getattr(self, method)
        i = int(np.nanargmin(errors))
        return float(self.steps[i]), float(errors[i])

    def __str__(self) -> str:
        lines = [f"{'step':>8}  {'forward':>8}  {'central':>8}"]
        for h, forward, central in zip(self.steps, self.forward, self.central, strict=True):
            lines.append(f"{h:8.1e}  {forward:8.1e}  {central:8.1e}")
        for method in METHODS:
            h, error = self.best(method)
            lines.append(f"best {method}: error {error:.1e} at step {h:.1e}")
        return "\n".join(lines)

    __repr__ = __str__

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw the curves into a picture, whose format is told by the ending of `path`.

        Needs matplotlib; `MissingExtraError` says how to install it.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise MissingExtraError("plot: a picture", "matplotlib", "plot") from error

        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.add_subplot()
        floor = self.unit / 10
        for name, marker, colour in (("forward", "o", "#c44e52"), ("central", "s", "#4c72b0")):
            errors = np.maximum(getattr(self, name), floor)
            axes.loglog(self.steps, errors, marker=marker, ms=4, lw=1.2, color=colour, label=name)
            self._guide(axes, name, colour)
        rounding = self.unit / self.steps
        axes.loglog(self.steps, rounding, ":", color="0.4", lw=1, label="rounding, ε/h")
        axes.set_ylim(floor, 10)
        axes.set_xlabel("step h")
        axes.set_ylabel("relative error")
        axes.set_title("Finite differences against reverse mode")
        axes.grid(True, which="major", alpha=0.25)
        axes.legend(frameon=False)
        kind = os.path.splitext(os.fspath(path))[1].lstrip(".").lower() or "png"
        if kind not in figure.canvas.get_supported_filetypes():
            known = ", ".join(sorted(figure.canvas.get_supported_filetypes()))
            raise ArgumentError(f"plot: path={os.fspath(path)!r} must end in one of: {known}")
        picture = io.BytesIO()
        figure.savefig(picture, format=kind, dpi=150)
        atomic_write(path, picture.getvalue())

    def _guide(self, axes: Any, name: str, colour: str) -> None:
        """The law of truncation, through the error at the largest step but few."""
        power = {"forward": 1, "central": 2}[name]
        errors: Array = getattr(self, name)
        usable = np.flatnonzero((self.steps <= 0.03) & np.isfinite(errors) & (errors > 0))
        if usable.size:
            i = usable[np.argmax(self.steps[usable])]
            law = errors[i] * (self.steps / self.steps[i]) ** power
            label = "truncation, " + ("h" if power == 1 else "h²")
            axes.loglog(self.steps, law, "--", color=colour, lw=0.8, alpha=0.7, label=label)


def step_study(f: Callable[..., Any], x: Any, steps: Sequence[float] | None = None) -> StepStudy:
    """The error of forward and central differences at `x` for many steps, against reverse mode.

    Large steps suffer from truncation (the error falls like h, or h²), small ones from rounding
    (it grows like ε / h): a V-shaped curve whose lowest point is the best that differences can do.

    f: a real scalar function. x: a pytree, if `f` takes one argument, or a tuple with an entry for
    each argument. steps: by default 10⁰ to 10⁻¹⁶, two in a decade. The error is relative, in the
    Euclidean norm over all elements. Raises `ShapeError` unless `f` returns a real scalar.

    Source: the lecture, "numerical differentiation".

    >>> import adjoint as ad
    >>> study = ad.step_study(lambda x: ad.sin(x), 1.0, steps=[1e-1, 1e-2])
    >>> round(study.forward[0] / study.forward[1]), round(study.central[0] / study.central[1])
    (10, 100)
    """
    check_callable("step_study", f)
    steps_ = 10.0 ** -np.arange(0, 16.5, 0.5) if steps is None else np.asarray(steps, float)
    if steps_.ndim != 1 or not steps_.size or not np.all(np.isfinite(steps_) & (steps_ > 0)):
        raise RangeError(f"step_study: steps={steps!r} must be a sequence of positive numbers")
    numeric = Differences("step_study", f, x)
    outputs = numeric.outputs
    if len(outputs) != 1 or outputs[0].shape or outputs[0].dtype.kind != "f":
        shapes = ", ".join(f"{y.dtype}{list(y.shape)}" for y in outputs)
        raise ShapeError(f"step_study: the function must return one real number, got {shapes}")
    gradient = flatten(vjp(f, *numeric.arguments(numeric.leaves))[1](np.ones_like(outputs[0])))[0]
    exact = np.concatenate([np.ravel(g.numpy()) for g in gradient])
    size = float(np.linalg.norm(exact)) or 1.0
    errors: dict[str, list[float]] = {method: [] for method in METHODS}
    for h in steps_:
        for method, found in errors.items():
            numeric.method = method
            columns = [numeric.column(n, index, float(h)) for n, index in numeric.elements()]
            values = np.array([0.0 if c is None else c[0] for c in columns])
            found.append(float(np.linalg.norm(values - exact)) / size)
    forward, central = (np.array(errors[method]) for method in ("forward", "central"))
    return StepStudy(steps_, forward, central, numeric.unit)
