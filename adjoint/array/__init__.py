"""Floor 8: the namespace of functions on tensors, with array-API and NumPy names."""
