"""Bayesian logistic regression with a hierarchical prior, in scipy.stats' words."""

import numpy as np
from scipy import special, stats

rng = np.random.default_rng(2)
N, P = 400, 8
X = rng.normal(size=(N, P))
TRUE = rng.normal(size=P) * (rng.random(P) < 0.5)
LABELS = (rng.random(N) < special.expit(X @ TRUE - 0.3)).astype(float)

START = np.concatenate([np.zeros(P) + 0.1, [-0.2, 0.0]])


def objective(params):
    """Minus the logarithm of the posterior density."""
    weights, intercept, log_scale = params[:P], params[P], params[P + 1]
    scale = np.exp(log_scale)
    logits = X @ weights + intercept
    loglik = -np.logaddexp(0.0, (1 - 2 * LABELS) * logits)
    logprior = stats.norm.logpdf(weights, loc=0.0, scale=scale).sum()
    logprior += stats.cauchy.logpdf(intercept, scale=2.5)
    logprior += stats.gamma.logpdf(scale, a=2.0, scale=0.5) + log_scale
    return -(loglik.sum() + logprior)
