"""Reading and writing parts of a tensor: slices, index tensors, gather and scatter."""
