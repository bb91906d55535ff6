"""The 1,797 handwritten digits of 8 by 8 pixels that ship with scikit-learn."""

from __future__ import annotations

import numpy as np

from adjoint.data.dataset import Dataset, Split, held_out
from adjoint.errors import MissingExtraError

_HELD_OUT = 360


def load_digits() -> Split:
    """The digits for training (1,437) and for testing (360), pixels float32 from 0 to 1.

    Needs scikit-learn, from the extra `train`; `MissingExtraError` says how to install it.

    >>> import adjoint as ad
    >>> train, test = ad.data.load_digits()
    >>> train.x.shape, test.x.shape, train.classes
    ((1437, 64), (360, 64), 10)
    """
    try:
        from sklearn import datasets
    except ImportError:
        otherwise = "or train on MNIST-format files of your own"
        raise MissingExtraError("load_digits", "scikit-learn", "train", otherwise) from None
    found = datasets.load_digits()
    x = found.data.astype(np.float32) / np.float32(16)
    return held_out(Dataset(x, found.target.astype(np.int64), "digits"), _HELD_OUT)
