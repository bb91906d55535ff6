"""The lecture's figure: f(x, y) = 10x² + y², descended by three optimisers.

    python examples/adahessian_figure.py --out paths.png

Gradient descent crosses the narrow valley again and again: the step that is right for y is too
long for x. Newton's method divides by the Hessian, AdaHessian by an estimate of its diagonal, which
is exact here, because the Hessian is diagonal: each arrives in one step. Drawing needs
`adjoint[plot]`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import adjoint as ad

START = (1.0, 10.0)
STEPS = 40

parser = argparse.ArgumentParser(description="Gradient descent beside AdaHessian and Newton.")
parser.add_argument("--out", metavar="PNG", default="adahessian.png", help="where to draw")
parser.add_argument("--smoke", action="store_true", help="a few seconds at most, for tests")


def f(w):
    """The lecture's function: ten times as curved along x as along y."""
    return 10 * w["x"] ** 2 + w["y"] ** 2


def descend(optimizer, steps):
    """The points that an optimiser visits from the start."""
    w = {"x": START[0], "y": START[1]}
    state = optimizer.init(w)
    path = [START]
    for _ in range(steps):
        updates, state = optimizer.update(ad.grad(f)(w), state, w, loss=f)
        w, state = ad.evaluate((ad.optim.apply_updates(w, updates), state))
        path.append((float(w["x"]), float(w["y"])))
    return path


def draw(paths, file):
    """The level lines of f with the paths on them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    x = ad.linspace(-1.4, 1.4, 141)
    y = ad.linspace(-3.0, 11.0, 141)
    heights = f({"x": ad.expand_dims(x, 0), "y": ad.expand_dims(y, 1)})
    panels = figure.subplots(1, len(paths), sharey=True)
    for axes, (name, path) in zip(panels, paths.items(), strict=True):
        axes.contour(
            x, y, heights, levels=[0.3, 1, 3, 6, 10, 20, 40, 70, 110], colors="grey", linewidths=0.6
        )
        axes.plot(
            [x for x, _ in path],
            [y for _, y in path],
            "o-",
            color="tab:red",
            markersize=3,
            linewidth=1,
        )
        axes.plot(0, 0, "x", color="black")
        count = len(path) - 1
        axes.set(title=f"{name}, {count} step{'s' * (count != 1)}", xlabel="x")
        axes.set(xlim=(-1.4, 1.4), ylim=(-3, 11))
    figure.axes[0].set_ylabel("y")
    figure.suptitle("f(x, y) = 10x² + y²")
    figure.savefig(file, dpi=120)


def main() -> None:
    args = parser.parse_args()
    paths = {
        "gradient descent": descend(ad.optim.sgd(0.095), STEPS),
        "AdaHessian": descend(ad.optim.adahessian(1.0), 1),
        "Newton": descend(ad.optim.newton(), 1),
    }
    print(f"{'':18}{'steps':>6}{'x':>14}{'y':>14}{'f(x, y)':>14}")
    for name, path in paths.items():
        for steps in sorted({1, len(path) - 1}):
            x, y = path[steps]
            print(f"{name:18}{steps:6}{x:14.2e}{y:14.2e}{10 * x * x + y * y:14.2e}")
    draw(paths, Path(args.out))
    print(f"\nDrawn: {args.out}")


if __name__ == "__main__":
    main()
