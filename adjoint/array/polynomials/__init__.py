"""Polynomials and series, with NumPy's names."""
