"""Random bits as a function of a key, and what draws of distributions are made of."""
