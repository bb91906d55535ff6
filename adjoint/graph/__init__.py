"""Floor 1: the computational graph. Knows no operation, no derivative and no backend.

A *node* is an operation applied to inputs, a *tensor* is what the user holds: a handle on a node.
"""
