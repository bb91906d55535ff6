"""Floor 6: backends, which turn graphs into numbers."""
