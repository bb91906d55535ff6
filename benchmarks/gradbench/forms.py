"""The flat arrays in which results are compared."""

from __future__ import annotations

from typing import Any

import numpy as np


def flat(result: Any) -> np.ndarray:
    """The numbers of an array, or of a tuple of arrays one after another, as float64."""
    parts = result if isinstance(result, tuple) else (result,)
    return np.concatenate([np.ravel(np.asarray(part, float)) for part in parts])
