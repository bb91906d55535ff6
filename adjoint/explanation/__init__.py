"""Floor 11: showing how derivatives come about, step by step, with the lecture's words and numbers.

The function users call is `adjoint.explain`, in the module `explain` of this package; the package
has another name so that the two can never stand for one another.
"""
