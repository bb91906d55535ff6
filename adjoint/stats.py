"""Distributions and statistics under SciPy's names: those of `adjoint.scipy.stats`, and no others.

>>> import adjoint as ad
>>> ad.stats.norm.logsf(40.0)
Tensor(-804.60844201)
"""

from __future__ import annotations

from adjoint.scipy.stats import *  # noqa: F403  # one list of names, in one place
from adjoint.scipy.stats import __all__ as __all__
