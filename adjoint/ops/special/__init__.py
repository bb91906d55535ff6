"""Special functions. SciPy computes their values."""
