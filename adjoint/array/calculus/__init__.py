"""Differences, integrals and interpolation of tabulated functions, with NumPy's names."""
