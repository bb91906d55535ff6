"""Floor 10: data sets on this machine, read with care, and minibatches in a seeded order."""

from adjoint.data.dataset import Dataset, Split, held_out, permutation
from adjoint.data.digits import load_digits
from adjoint.data.idx import load_idx, read_idx

__all__ = ["Dataset", "Split", "held_out", "load_digits", "load_idx", "permutation", "read_idx"]
