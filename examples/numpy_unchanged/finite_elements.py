"""The conductivity of a plate, found from temperatures: finite elements in NumPy and SciPy.

    python examples/numpy_unchanged/finite_elements.py

-∇·(κ ∇u) = f on the unit square, u = 0 on its boundary, linear triangles, κ constant on each. The
program below knows nothing of derivatives: it assembles a sparse matrix and calls `spsolve`. One
reverse sweep through it gives the gradient of the misfit by all κ, for about the cost of one more
solution, and L-BFGS finds the κ from which the measured temperatures come.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.sparse.linalg import spsolve

parser = argparse.ArgumentParser(description="Find a conductivity by finite elements.")
parser.add_argument("--size", type=int, default=40, help="intervals along a side of the plate")
parser.add_argument("--steps", type=int, default=60, help="steps of L-BFGS at most")
parser.add_argument("--smoke", action="store_true", help="a few seconds at most, for tests")


class Plate:
    """The triangles of a square plate, and what of them does not depend on the conductivity."""

    def __init__(self, size):
        x, y = np.meshgrid(np.linspace(0, 1, size + 1), np.linspace(0, 1, size + 1))
        self.nodes = np.column_stack([x.ravel(), y.ravel()])
        corner = np.arange((size + 1) * size).reshape(size, size + 1)[:, :-1].ravel()
        up = corner + size + 1
        below = np.column_stack([corner, corner + 1, up + 1])
        above = np.column_stack([corner, up + 1, up])
        self.triangles = np.vstack([below, above])
        inside = (self.nodes > 1e-9).all(axis=1) & (self.nodes < 1 - 1e-9).all(axis=1)
        self.free = np.flatnonzero(inside)

        a, b, c = (self.nodes[self.triangles[:, k]] for k in range(3))
        turned = np.stack([c - b, a - c, b - a], axis=1)[:, :, ::-1] * [-1.0, 1.0]
        edge, other = b - a, c - a
        self.areas = 0.5 * np.abs(edge[:, 0] * other[:, 1] - edge[:, 1] * other[:, 0])
        self.slopes = turned / (2 * self.areas[:, None, None])
        self.centres = (a + b + c) / 3

    def stiffness(self, conductivity):
        """The matrix of the equations, summed up over the triangles."""
        local = np.einsum("eik,ejk->eij", self.slopes, self.slopes)
        local = local * (conductivity * self.areas)[:, None, None]
        rows = np.repeat(self.triangles, 3, axis=1).ravel()
        columns = np.tile(self.triangles, 3).ravel()
        count = len(self.nodes)
        return sp.coo_matrix((local.ravel(), (rows, columns)), shape=(count, count)).tocsr()

    def load(self, source):
        """The right-hand side for a source that is given at the centres."""
        shares = np.repeat(source * self.areas / 3, 3)
        return np.bincount(self.triangles.ravel(), weights=shares, minlength=len(self.nodes))

    def temperature(self, conductivity, source):
        """The temperatures at the nodes."""
        K = self.stiffness(conductivity)
        u = np.zeros(len(self.nodes))
        u[self.free] = spsolve(K[self.free][:, self.free], self.load(source)[self.free])
        return u


def misfit(log_conductivity, plate, source, measured):
    """How far the temperatures are from the measured ones; rough conductivities cost, too."""
    u = plate.temperature(np.exp(log_conductivity), source)
    return 1e4 * np.sum((u - measured) ** 2) + 1e-3 * np.sum(log_conductivity**2)


# The program ends here; what follows asks for its gradient.


def main():
    import adjoint as ad

    arguments = parser.parse_args()
    size, steps = (8, 12) if arguments.smoke else (arguments.size, arguments.steps)
    plate = Plate(size)
    source = np.ones(len(plate.triangles))
    x, y = plate.centres.T
    true = 1 + 2.0 * np.exp(-((x - 0.3) ** 2 + (y - 0.6) ** 2) / 0.02)
    measured = plate.temperature(true, source)

    start = np.zeros(len(plate.triangles))
    value_and_grad = ad.compile(ad.value_and_grad(lambda p: misfit(p, plate, source, measured)))
    gradient = value_and_grad(start)[1].numpy()
    worst = 0.0
    for i in np.random.default_rng(0).choice(len(start), 5, replace=False):
        step = np.zeros(len(start))
        step[i] = 1e-4
        ends = [misfit(start + s * step, plate, source, measured) for s in (1, -1)]
        worst = max(worst, abs((ends[0] - ends[1]) / 2e-4 - gradient[i]) / np.abs(gradient).max())
    print(f"{len(start)} conductivities, {len(plate.free)} temperatures to solve for")
    print(f"gradient against differences: {worst:.1e}")

    def median_ms(f):
        times = []
        for k in range(7):
            begin = time.perf_counter()
            f(start + 1e-3 * k)  # another matrix each time: decompositions are kept
            times.append(time.perf_counter() - begin)
        return 1e3 * np.median(times)

    once = median_ms(lambda p: misfit(p, plate, source, measured))
    both = median_ms(value_and_grad)
    print(f"the program {once:.1f} ms, with its gradient {both:.1f} ms")

    def objective(p):
        value, slope = value_and_grad(p)
        return float(value), slope.numpy()

    first = objective(start)[0]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": steps})
    print(f"misfit {first:.3g} -> {found.fun:.3g} after {found.nit} steps")


if __name__ == "__main__":
    main()
