"""Forms of a graph that do not overflow on the way to an ordinary number."""
