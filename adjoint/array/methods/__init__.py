"""The methods of NumPy's arrays and ufuncs on tensors."""
