"""A schedule as a program: written, loaded, run natively or step by step."""
