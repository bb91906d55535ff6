"""Floor 5: the schedule, which cuts a graph into fused kernels and library calls."""
