"""The potential of a small cluster of atoms, from how a simulation of it should end."""

import numpy as np
from scipy.spatial.distance import pdist, squareform

rng = np.random.default_rng(4)
GRID = np.stack(np.meshgrid(*[np.arange(2.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
POSITIONS = 1.12 * GRID + 0.03 * rng.normal(size=GRID.shape)
VELOCITIES = 0.1 * rng.normal(size=GRID.shape)
CHARGES = np.where(GRID.sum(axis=1) % 2 == 0, 1.0, -1.0)
STEPS, DT = 20, 0.004

START = np.array([1.0, 1.0, 0.2])


def energy(positions, epsilon, sigma, strength):
    """Lennard and Jones' potential, and charges that are screened."""
    r = pdist(positions)
    six = (sigma / r) ** 6
    pairs = CHARGES[:, None] * CHARGES[None, :]
    charge = pairs[np.triu_indices(len(positions), 1)]
    return np.sum(4 * epsilon * (six**2 - six) + strength * charge * np.exp(-r) / r)


def forces(positions, epsilon, sigma, strength):
    n = len(positions)
    delta = positions[:, None, :] - positions[None, :, :]
    r = squareform(pdist(positions)) + np.eye(n)
    six = (sigma / r) ** 6
    pull = 24 * epsilon * (2 * six**2 - six) / r**2
    pull += strength * np.outer(CHARGES, CHARGES) * np.exp(-r) * (1 / r**2 + 1 / r**3)
    np.fill_diagonal(pull, 0)
    return np.einsum("ij,ijk->ik", pull, delta)


def objective(params):
    """How far the cluster is from breathing as wanted after some steps of velocity Verlet."""
    epsilon, sigma, strength = params
    x, v = POSITIONS.copy(), VELOCITIES.copy()
    a = forces(x, epsilon, sigma, strength)
    for _ in range(STEPS):
        v += 0.5 * DT * a
        x += DT * v
        a = forces(x, epsilon, sigma, strength)
        v += 0.5 * DT * a
    kinetic = 0.5 * np.sum(v**2)
    spread = np.sqrt(np.mean(np.sum((x - x.mean(axis=0)) ** 2, axis=1)))
    return (spread - 1.0) ** 2 + 0.01 * (kinetic + energy(x, epsilon, sigma, strength))
