"""Each class of errors is also the built-in that fits."""

from __future__ import annotations

import pytest

from adjoint import errors as E

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (E.ShapeError, ValueError),
        (E.DTypeError, TypeError),
        (E.ArgumentError, TypeError),
        (E.MissingExtraError, ImportError),
        (E.RangeError, ValueError),
        (E.TooLargeError, OverflowError),
        (E.OutOfBoundsError, IndexError),
        (E.UnknownNameError, LookupError),
        (E.GraphError, ValueError),
        (E.HistoryError, RuntimeError),
        (E.DonatedError, RuntimeError),
        (E.ConcretizationError, TypeError),
        (E.NotDifferentiableError, NotImplementedError),
        (E.GradientMismatchError, AssertionError),
        (E.ExpressionError, ValueError),
        (E.DataError, ValueError),
        (E.SaveError, OSError),
    ],
)
def test_every_class_is_also_the_built_in_that_fits(error, builtin):
    assert issubclass(error, E.AdjointError)
    assert issubclass(error, builtin)
