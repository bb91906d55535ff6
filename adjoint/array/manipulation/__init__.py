"""Joining, splitting, padding and editing tensors, with NumPy's names."""
