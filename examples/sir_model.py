"""An epidemic model fitted to data through a solver that is a plain Python loop.

    python examples/sir_model.py

S' = -β S I, I' = β S I - γ I, R' = γ I, solved by Runge and Kutta's method of fourth order. The
data are made here, with known parameters and noise. Levenberg and Marquardt's method finds β, γ and
the share that was infected at first; for that it needs the derivatives of each day's prediction by
all three. `compile` rolls the loops up, so that a thousand steps compile like one.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import adjoint as ad

TRUE = {"β": 0.35, "γ": 0.1, "infected at first": 0.002}
NOISE = 0.03

parser = argparse.ArgumentParser(
    description="Fit an epidemic model through a differentiated solver."
)
parser.add_argument("--days", type=int, default=120, help="how many days there are data of")
parser.add_argument("--steps", type=int, default=10, help="steps of the solver each day")
parser.add_argument("--smoke", action="store_true", help="a few seconds at most, for tests")


def slopes(s, i, beta, gamma):
    """How fast the susceptible and the infected shares change."""
    new = beta * s * i
    return -new, new - gamma * i


def rk4(s, i, beta, gamma, h):
    """The shares a step of length h later."""
    a, b = slopes(s, i, beta, gamma)
    c, d = slopes(s + h / 2 * a, i + h / 2 * b, beta, gamma)
    e, f = slopes(s + h / 2 * c, i + h / 2 * d, beta, gamma)
    g, k = slopes(s + h * e, i + h * f, beta, gamma)
    return s + h / 6 * (a + 2 * c + 2 * e + g), i + h / 6 * (b + 2 * d + 2 * f + k)


def predicted(params, days, steps):
    """The infected share at the end of each day; the parameters are given by their logarithms."""
    beta, gamma, infected = ad.exp(params)
    s, i = 1 - infected, infected
    path = []
    for _ in range(days):
        for _ in range(steps):
            s, i = rk4(s, i, beta, gamma, 1 / steps)
        path.append(i)
    return ad.stack(path)


def fit(residuals, jacobian, params, rounds=50, tolerance=1e-8):
    """Levenberg and Marquardt's method: the parameters, and how many rounds it took."""
    damping, r = 1e-2, residuals(params)
    number = 0
    while number < rounds:
        number += 1
        j = jacobian(params)
        normal, slope = j.T @ j, j.T @ r
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -slope)
        moved = residuals(params + step)
        if moved @ moved < r @ r:
            params, r, damping = params + step, moved, damping / 3
            if np.abs(step).max() < tolerance:
                break
        else:
            damping *= 4
    return params, number


def main():
    options = parser.parse_args()
    days, steps = (60, 10) if options.smoke else (options.days, options.steps)

    def model(params):
        return predicted(params, days, steps)

    truth = np.log(np.array(list(TRUE.values())))
    rng = np.random.default_rng(0)
    noise = 1 + NOISE * rng.normal(size=days)
    value, slope = ad.compile(model), ad.compile(ad.jacfwd(model))

    started = time.perf_counter()
    data = np.asarray(value(truth)) * noise
    slope(truth)
    compiled = time.perf_counter() - started

    def residuals(params):
        return (np.asarray(value(params)) - data) / data

    def jacobian(params):
        return np.asarray(slope(params)) / data[:, None]

    started = time.perf_counter()
    found, rounds = fit(residuals, jacobian, np.log([0.6, 0.2, 0.01]))
    fitted = time.perf_counter() - started
    j, r = jacobian(found), residuals(found)
    spread = np.sqrt(np.diag(np.linalg.inv(j.T @ j)) * (r @ r) / (days - len(found)))

    print(f"{days * steps:,} steps of the solver in {days} days")
    print(str(slope.report()).splitlines()[-2])
    print(f"first calls {compiled:.2f} s, fitted in {rounds} rounds, {fitted * 1e3:.1f} ms\n")
    print(f"{'':20}{'true':>10}{'fitted':>10}{'± (one σ)':>12}")
    for (name, true), log, error in zip(TRUE.items(), found, spread, strict=True):
        print(f"{name:20}{true:>10.4f}{np.exp(log):>10.4f}{np.exp(log) * error:>12.4f}")


if __name__ == "__main__":
    main()
