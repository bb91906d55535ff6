"""Fit the noise of a local linear trend to a series, by the likelihood of a Kalman filter."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

rng = np.random.default_rng(1)
STEPS = 60
level = np.cumsum(0.3 + 0.5 * rng.normal(size=STEPS))
SERIES = np.column_stack([level, 2 * level]) + rng.normal(size=(STEPS, 2))

START = np.array([-1.0, -2.0, 0.3, 0.9])


def objective(params):
    """Minus the log-likelihood; the parameters are logarithms of variances, and the persistence."""
    level_var, slope_var, noise_var = np.exp(params[:3])
    F = np.array([[1.0, 1.0], [0.0, params[3]]])
    H = np.array([[1.0, 0.0], [2.0, 0.0]])
    Q = np.diag([level_var, slope_var])
    R = noise_var * np.eye(2)

    mean = np.zeros(2)
    cov = 10 * np.eye(2)
    loglik = np.zeros(STEPS)
    for t in range(STEPS):
        mean = F @ mean
        cov = F @ cov @ F.T + Q
        innovation = SERIES[t] - H @ mean
        S = H @ cov @ H.T + R
        factor = cho_factor(S, lower=True)
        whitened = cho_solve(factor, innovation)
        logdet = 2 * np.sum(np.log(np.diag(factor[0])))
        loglik[t] = -0.5 * (innovation @ whitened + logdet + 2 * np.log(2 * np.pi))
        gain = cho_solve(factor, H @ cov).T
        mean = mean + gain @ innovation
        cov -= gain @ H @ cov
    return -loglik.sum()
